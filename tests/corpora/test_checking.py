"""``check_manifest``: all faults of a manifest at once, with the lines they stand in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import soundfile

from ferfusion.base.errors import UnknownNameError
from ferfusion.corpora import check_manifest, make_corpus, read_manifest, write_manifest
from ferfusion.corpora.checking import REMARK


@pytest.fixture
def folder(tmp_path):
    """Recordings of one second, ``a`` to ``d``, and some that are none."""
    times = np.linspace(0, 1, 8000)
    for i, name in enumerate("abcd"):
        soundfile.write(tmp_path / f"{name}.wav", 0.5 * np.sin(2000 * (i + 1) * times), 8000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(800), 8000)
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    (tmp_path / "twin.wav").write_bytes((tmp_path / "a.wav").read_bytes())
    return tmp_path


@pytest.fixture
def check(folder):
    """Faults of a CSV as ``(line, id, fault)``."""

    def of(text, name="m.csv", **options):
        path = folder / name
        path.write_text(text, encoding="utf-8")
        found = check_manifest(path, **options)
        assert list(found.columns) == ["line", "id", "fault"]
        return list(found.itertuples(index=False, name=None))

    return of


GOOD = "id,audio,speaker,emotion\na,a.wav,1,anger\nb,b.wav,2,anger\nc,c.wav,1,calm\nd,d.wav,2,calm\n"


def test_nothing_is_wrong(check):
    assert check(GOOD) == []


def test_a_written_corpus_has_no_faults(tmp_path):
    path = make_corpus(n_speakers=3, n_utterances=15).write(tmp_path)
    assert check_manifest(path).empty


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("e,none.wav,1,calm", "The recording 'e' ({folder}/none.wav) does not exist."),
        (
            "e,B.WAV,1,calm",
            "The recording 'e' ({folder}/B.WAV) does not exist. There is 'b.wav': capital letters matter.",
        ),
        (
            "e,sub\\b.wav,1,calm",
            "The recording 'e' ({folder}/sub\\b.wav) does not exist. Write paths with / instead of \\.",
        ),
        ("e,empty.wav,1,calm", "The recording 'e' ({folder}/empty.wav) is an empty file."),
        ("e,silent.wav,1,calm", "The recording 'e' ({folder}/silent.wav) is silent from start to end (800 samples)."),
        ("e,twin.wav,1,calm", "the same sound as 'a'"),
        ("a,a.wav,1,anger", "the same sound as 'a'"),
        ("a,a.wav,1,anger", "the id 'a' is that of line 2, too"),
        (",empty.wav,1,calm", "no id"),
        ("e,twin.wav,1,", "no label"),
        ("e,twin.wav,1,  ", "no label"),
        ("e,twin.wav,1,Calm", "the label 'Calm' differs from 'calm' by case or blanks only"),
        ("e,twin.wav,1,calm ", "the label 'calm ' differs from 'calm' by case or blanks only"),
        ("e,twin.wav,1,fear", "the only row of 'fear': one cannot learn it and be judged on it"),
        ("e,twin.wav,,calm", "no speaker: the protocol 'speaker' needs one"),
        ("e,twin.wav, ,calm", "no speaker: the protocol 'speaker' needs one"),
        ("e,,1,calm", "neither a recording nor text nor features: there is nothing to judge"),
    ],
)
def test_a_row(check, folder, row, fault):
    found = check(f"{GOOD}{row}\n")
    expected = (6, row.split(",")[0], fault.format(folder=folder))
    assert expected in found
    # reading is strict about some and silent about others; nothing is said of the good rows
    assert {line for line, _, _ in found} == {6}


def test_sound_that_cannot_be_read(check):
    ((line, id_, fault),) = check(GOOD.replace("a.wav", "broken.wav"))
    assert (line, id_) == (2, "a")
    assert "cannot be read as sound" in fault
    assert check(GOOD.replace("a.wav", "broken.wav"), read=False) == []


@pytest.mark.parametrize(
    ("start", "end", "faults"),
    [
        ("0.1", "0.9", []),
        ("", "", []),
        ("0.5", "1.04", []),
        ("0.5", "1.2", ["the segment ends at 1.2 s, but the recording lasts 1.000 s"]),
        ("0.5", "0.2", ["the segment ends at 0.2 s, not after its start at 0.5 s"]),
        ("", "-1", ["the segment ends at -1 s, not after its start at 0 s"]),
        ("-1", "0.5", ["the segment starts at -1 s, before the recording"]),
        ("soon", "0.5", ["start is no number of seconds: 'soon'"]),
        (
            "2",
            "3",
            ["The segment 2 to 3 s of 'a' ({folder}/a.wav) is empty or outside it: the recording lasts 1.000 s."],
        ),
    ],
)
def test_segments(check, folder, start, end, faults):
    head, first, rest = GOOD.split("\n", 2)
    rows = "\n".join(f"{row},," for row in rest.strip().split("\n"))
    found = check(f"{head},start,end\n{first},{start},{end}\n{rows}\n")
    assert found == [(2, "a", fault.format(folder=folder)) for fault in faults]


def test_segments_of_one_recording_are_no_twins(check):
    rows = "a,a.wav,1,anger,0,0.5\nb,a.wav,2,anger,0.5,1\nc,c.wav,1,calm,,\nd,c.wav,2,calm,,\n"
    assert check(f"id,audio,speaker,emotion,start,end\n{rows}") == [(5, "d", "the same sound as 'c'")]


@pytest.mark.parametrize(
    ("column", "meant"),
    [
        ("speakr", "speaker"),
        ("Speaker", "speaker"),
        (" speaker", "speaker"),
        ("speaker-id", "speaker"),
        ("spk", "speaker"),
    ],
)
def test_columns_that_look_like_slips(check, column, meant):
    found = check(GOOD.replace("speaker", column))
    assert found[0] == (0, "", f"the column {column!r} is not known: did you mean {meant!r}?")
    assert found[1][2].startswith(f"{REMARK}no column 'speaker': the protocol 'speaker' cannot be used")
    assert len(found) == 2


def test_columns_of_ones_own(check):
    rows = GOOD.strip().split("\n")
    own = [f"{row},{'speakers,mood,room' if i == 0 else 'x,y,z'}" for i, row in enumerate(rows)]
    assert check("\n".join(own)) == []


def test_labels_by_another_name(check, folder):
    text = GOOD.replace("emotion", "feeling")
    assert check(text) == [
        (0, "", f"{REMARK}no column of labels ('emotion'): such rows can be judged, but nothing is learnt from them")
    ]
    assert check(text, emotion="feeling") == []
    with pytest.raises(UnknownNameError, match="Did you mean 'feeling'"):
        read_manifest(folder / "m.csv", emotion="feling")
    assert check(GOOD.replace("emotion", "class"))[0][2] == "the column 'class' is not known: did you mean 'emotion'?"


def test_labels_as_a_whole(check):
    assert check(GOOD.replace("calm", "anger")) == [
        (0, "", "all rows are labelled 'anger': there is nothing to tell apart")
    ]
    ((line, id_, fault),) = check(GOOD.replace("calm", "wistful"))
    assert (line, id_) == (4, "c")
    assert fault.startswith(f"{REMARK}'wistful' (2 rows) is no name of the vocabulary; that is allowed")
    assert check(GOOD.replace("calm", "angry")) == [
        (0, "", f"{REMARK}'anger', 'angry' are several classes here, and all of them 'anger' elsewhere")
    ]
    assert check(GOOD.replace("anger", "positive").replace("calm", "negative")) == []


def test_one_speaker(check):
    ((line, _, fault),) = check(GOOD.replace(",2,", ",1,"))
    assert line == 0
    assert fault.startswith(f"{REMARK}one speaker only")


def test_splits(check):
    rows = zip(GOOD.strip().split("\n"), ["split", "train", "valid", "test", ""], strict=True)
    assert check("\n".join(f"{row},{split}" for row, split in rows)) == [
        (3, "b", "the split 'valid' is none of train, dev, test (1 rows): the protocol 'official' leaves them out"),
        (5, "d", "no split (1 rows): the protocol 'official' leaves them out"),
    ]


def test_texts(check):
    rows = zip(GOOD.strip().split("\n"), ["text", "hi", "", "  ", "x"], strict=True)
    assert check("\n".join(f"{row},{text}" for row, text in rows)) == [
        (3, "b", f"{REMARK}the text is empty"),
        (4, "c", f"{REMARK}the text is empty"),
    ]


def test_features(check):
    head = "id,speaker,emotion,audio_x__a,audio_x__b,soft:anger,soft:calm\n"
    text = "a,1,anger,1,loud,0.5,0.5\nb,2,anger,inf,2,1,1\nc,1,calm,,3,,\nd,2,calm,4,-inf,0,1\n"
    found = check(head + text)
    assert found == [
        (2, "a", "features that are no numbers: 'audio_x__b=loud'"),
        (3, "b", "features that are infinite: 'audio_x__a'"),
        (3, "b", "the shares of listeners sum to 2.000, not to 1"),
        (5, "d", "features that are infinite: 'audio_x__b'"),
    ]


def test_lines_are_those_of_the_file(check):
    text = '\nid,text,speaker,emotion\n\na,"two\nlines",1,anger\n\nb,x,,anger\nc,x,2,calm\nd,x,1,\n'
    assert [(line, id_) for line, id_, fault in check(text) if not fault.startswith(REMARK)] == [
        (7, "b"),
        (8, "c"),
        (9, "d"),
    ]
    lines = '{"id": "a", "text": "x", "speaker": "1"}\n\n{"id": "a", "text": "x", "speaker": "2"}\n'
    assert (3, "a", "the id 'a' is that of line 1, too") in check(lines, "m.jsonl")


def test_ids_that_are_names_of_files(check, folder):
    found = check(f"audio,speaker,emotion\na.wav,1,anger\nb.wav,2,anger\nc.wav,1,calm\n../{folder.name}/a.wav,2,calm\n")
    assert "the id 'a' is that of line 2, too; ids are the names of the files: add a column 'id'" in found[0][2]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "cannot be read"),
        ('id,text\na,"x\n', "cannot be read"),
        ("id,text\na,x,y,z\nb,x\nc,x,y,z,w\n", "cannot be read"),
        ("id,id\na,b\n", "columns named more than once: 'id'"),
    ],
)
def test_what_cannot_be_parsed_gives_one_row(check, text, fault):
    ((line, id_, said),) = check(text)
    assert (line, id_) == (0, "")
    assert fault in said


def test_files_that_are_none(folder):
    for path in (folder / "none.csv", folder, folder / "a.wav", folder / "none.yaml"):
        found = check_manifest(path)
        assert len(found) == 1
        assert found["line"].tolist() == [0]


def test_structure(check):
    assert [fault for _, _, fault in check("speaker,emotion\n")][:2] == [
        "there are no rows",
        "a column 'audio' or 'text', or features '<view>__<feature>', is needed.",
    ]
    assert "separated by semicolons" in check("id;audio;speaker;emotion\na;a.wav;1;anger\n")[0][2]


def test_parquet_and_audformat(folder):
    table = pd.DataFrame(
        {"id": ["a", "b"], "audio": ["a.wav", "none.wav"], "speaker": ["1", "2"], "emotion": ["anger", "calm"]}
    )
    for indexed in (table, table.set_index("id")):
        indexed.to_parquet(folder / "m.parquet")
        found = check_manifest(folder / "m.parquet")
        assert [(row.line, row.id) for row in found.itertuples()] == [(1, "a"), (2, "b"), (2, "b")]
    pytest.importorskip("audformat")
    header = write_manifest(read_manifest(folder / "m.parquet"), folder / "db.yaml")
    again = check_manifest(folder)
    assert again["fault"].tolist() == found["fault"].tolist()
    pd.testing.assert_frame_equal(check_manifest(header), again)


def test_samples_in_memory(tmp_path):
    signal = np.linspace(-0.5, 0.5, 800)
    table = pd.DataFrame(
        {"id": list("abcd"), "audio": [signal, signal, signal / 2, signal * 0], "sampling_rate": 8000.0}
    ).assign(speaker=["1", "2", "1", "2"], emotion=["anger", "calm"] * 2)
    table.to_parquet(tmp_path / "m.parquet")
    found = check_manifest(tmp_path / "m.parquet")
    assert found["fault"].tolist() == [
        "the same sound as 'a'",
        "The recording 'd' (samples in memory) is silent from start to end (800 samples).",
    ]
    corpus = read_manifest(tmp_path / "m.parquet")
    np.testing.assert_array_equal(corpus.X["audio"].iloc[2], signal / 2)
