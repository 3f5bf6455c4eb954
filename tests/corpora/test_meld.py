"""MELD: toy tables and clips in the owners' layouts, and the owners' real tables."""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from types import ModuleType

import numpy as np
import pytest
import soundfile

from ferfusion import load_corpus
from ferfusion.base.errors import CorpusError, UnknownNameError
from ferfusion.corpora.meld import CARD, COUNTS, EMOTIONS, SPLITS, load
from ferfusion.features.audio.reading import read_audio
from ferfusion.features.sources import recordings_of

HEAD = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"
ROWS = {
    "train": [
        '1,"Hello, you!",Ann,joy,positive,0,0,8,21,"00:16:16,059","00:16:21,731"',
        '2,What?,Bob,surprise,negative,0,1,8,21,"0:16:21,940","0:16:23,442"',
        '3,None,Ann,neutral,neutral,1,0,2,3,"01:00:00,500","01:00:02,000"',
    ],
    "dev": [
        '1,Oh no.,Ann,sadness,negative,0,0,4,7,"00:20:57,256","00:21:00,049"',
        '2,Go!,Cid,anger,negative,0,2,4,7,"00:21:01,927","00:21:03,261"',
    ],
    "test": [
        '1,Eek,Dora,fear,negative,0,0,3,19,"00:14:38,127","00:14:40,378"',
        '4,Yuck,Ann,disgust,negative,0,1,3,19,"00:14:40,629","00:14:47,385"',
    ],
}
IDS = [
    "train_dia0_utt0",
    "train_dia0_utt1",
    "train_dia1_utt0",
    "dev_dia0_utt0",
    "dev_dia0_utt2",
    "test_dia0_utt0",
    "test_dia0_utt1",
]
RAW = {"train": "train/train_splits", "dev": "dev/dev_splits_complete", "test": "test/output_repeated_splits_test"}


def table(folder, split, rows=None, encoding="utf-8"):
    folder.mkdir(parents=True, exist_ok=True)
    text = "\r\n".join([HEAD, *(ROWS[split] if rows is None else rows), ""])
    (folder / f"{split}_sent_emo.csv").write_bytes(text.encode(encoding))


def row(dialogue, turn, text="Hi", emotion="joy", times='"00:00:01,000","00:00:02,000"', speaker="Ann"):
    return f'9,"{text}",{speaker},{emotion},positive,{dialogue},{turn},1,2,{times}'


def clip(path, content=b"no real clip"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def sound(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(800), 16000, format=path.suffix[1:].upper())
    return str(path)


@pytest.fixture
def folder(tmp_path):
    for split in SPLITS:
        table(tmp_path / "meld", split)
    return tmp_path / "meld"


def place_raw(folder, ids=IDS, ending="mp4"):
    """The archive as it is when all in it is unpacked."""
    for id_ in ids:
        split, name = id_.split("_", 1)
        clip(folder / RAW[split] / f"{name}.{ending}", id_.encode())


def test_tables_alone(folder):
    corpus = load(folder)
    assert corpus.X.index.tolist() == IDS
    assert corpus.y.to_dict() == dict(
        zip(IDS, ["happiness", "surprise", "neutral", "sadness", "anger", "fear", "disgust"], strict=True)
    )
    assert corpus.X.loc["train_dia0_utt0"].to_dict() == {
        "text": "Hello, you!",
        "speaker": "Ann",
        "dialogue": "train_0",
        "turn": 0,
        "split": "train",
        "season": 8,
        "episode": 21,
        "episode_begin": 976.059,
        "episode_end": 981.731,
        "sentiment": "positive",
        "language": "en",
        "corpus": "meld",
        "original_label": "joy",
    }
    assert corpus.X["text"].tolist()[1:3] == ["What?", "None"]
    assert corpus.X.loc["train_dia1_utt0", "episode_begin"] == 3600.5
    assert corpus.notes == ("tables only, without clips: there is text, but neither sound nor video",)
    assert corpus.faults == ()


def test_numbers_collide_across_splits_but_ids_and_dialogues_do_not(folder):
    corpus = load(folder)
    assert corpus.X["dialogue"].tolist() == ["train_0", "train_0", "train_1", "dev_0", "dev_0", "test_0", "test_0"]
    assert corpus.X["turn"].tolist() == [0, 1, 0, 0, 2, 0, 1]
    assert corpus.X.index.is_unique


@pytest.mark.parametrize("where", ["data/MELD", "MELD.Raw/MELD.Raw", "."])
def test_tables_anywhere(tmp_path, where):
    for split in SPLITS:
        table(tmp_path / where, split)
    (tmp_path / where / "._train_sent_emo.csv").write_bytes(b"a Mac's notes")
    table(tmp_path / "data" / "MELD_Dyadic", "train")
    os.rename(
        tmp_path / "data" / "MELD_Dyadic" / "train_sent_emo.csv",
        tmp_path / "data" / "MELD_Dyadic" / "train_sent_emo_dya.csv",
    )
    assert load(tmp_path).X.index.tolist() == IDS


def test_archive_of_clips(folder):
    place_raw(folder)
    # in the archive the table of train lies in its own folder
    (folder / "train_sent_emo.csv").rename(folder / "train" / "train_sent_emo.csv")
    corpus = load(folder)
    assert corpus.X.columns.tolist()[:2] == ["audio", "video"]
    for id_ in IDS:
        split, name = id_.split("_", 1)
        path = str(folder / RAW[split] / f"{name}.mp4")
        assert corpus.X.loc[id_, ["audio", "video"]].tolist() == [path, path]
    assert corpus.notes == ("tables and clips: 7 videos and 0 sound files for 7 rows",)
    assert corpus.faults == ()
    # times within the episode do not cut the clip
    assert {(rec.start, rec.end) for rec in recordings_of(corpus.X)} == {(None, None)}


@pytest.mark.parametrize(
    "folders",
    [
        {"train": "train", "dev": "dev", "test": "test"},
        {
            "train": "wav/train_splits_wav",
            "dev": "wav/dev_splits_complete_wav",
            "test": "wav/output_repeated_splits_test",
        },
        {"train": "16k/Train", "dev": "16k/Val", "test": "16k/Test"},
        {"train": "test_of_mine/train", "dev": "test_of_mine/validation", "test": "test_of_mine/test"},
        {"train": "train_dev/train", "dev": "dev/train_dev_test", "test": "test/all"},
    ],
)
@pytest.mark.parametrize("ending", ["wav", "flac", "WAV"])
def test_own_conversions(folder, folders, ending):
    for i, id_ in enumerate(IDS):
        split, name = id_.split("_", 1)
        sound(folder / folders[split] / f"{name}.{ending}", i)
    corpus = load(folder)
    assert "video" not in corpus.X.columns
    for i, recording in enumerate(recordings_of(corpus.X)):
        expected = 0.1 * np.random.default_rng(i).standard_normal(800)
        np.testing.assert_allclose(read_audio(recording)[0], expected, atol=2**-14)
    assert corpus.notes == ("tables and clips: 0 videos and 7 sound files for 7 rows",)


def test_names_that_tell_the_split_themselves(folder):
    paths = [sound(folder / "16k" / f"{id_}.wav", i) for i, id_ in enumerate(IDS)]
    assert load(folder).X["audio"].tolist() == paths


def test_sound_files_go_before_videos(folder):
    place_raw(folder)
    path = sound(folder / "wav" / "dev" / "dia0_utt0.wav")
    corpus = load(folder)
    assert corpus.X.loc["dev_dia0_utt0", "audio"] == path
    assert corpus.X.loc["dev_dia0_utt0", "video"].endswith("dia0_utt0.mp4")
    assert corpus.X.loc["dev_dia0_utt2", "audio"] == corpus.X.loc["dev_dia0_utt2", "video"]
    assert corpus.notes == ("tables and clips: 7 videos and 1 sound files for 7 rows",)


def test_clips_in_no_folder_of_a_split(folder):
    sound(folder / "clips" / "dia0_utt0.wav")
    corpus = load(folder)
    assert corpus.notes[0] == "left out 1 clips in folders whose names tell no split: 'dia0_utt0.wav'"
    assert "audio" not in corpus.X.columns


def test_one_table_and_its_clips_beside_it(tmp_path):
    table(tmp_path, "test")
    path = sound(tmp_path / "clips" / "dia0_utt1.wav")
    corpus = load(tmp_path, splits=["test"])
    assert corpus.X["audio"].tolist() == [None, path]
    assert corpus.faults == (("", "test: 1 of 2 rows have no clip: 'test_dia0_utt0'"),)


def test_clips_too_many(folder):
    place_raw(folder)
    test = folder / RAW["test"]
    for name in ("final_videos_testdia0_utt0", "final_videos_testdia7_utt0", "._dia0_utt0", "dia108_utt2"):
        clip(test / f"{name}.mp4")
    clip(folder / RAW["dev"] / "dia49_utt4.mp4")
    clip(folder / RAW["dev"] / "._dia0_utt0.mp4")
    corpus = load(folder)
    assert corpus.X.index.tolist() == IDS
    assert corpus.X.loc["test_dia0_utt0", "video"] == str(test / "dia0_utt0.mp4")
    assert corpus.notes[:2] == (
        "left out 2 clips that are in no table: 'dev_dia49_utt4', 'test_dia108_utt2'",
        "left out 2 clips named final_videos_test...: 'final_videos_testdia0_utt0', 'final_videos_testdia7_utt0'",
    )
    assert corpus.faults == ()


def test_the_owners_known_faults(tmp_path):
    long, short = '"00:03:21,000","00:08:25,940"', '"00:03:21,000","00:03:21,084"'
    rows = {
        "train": [
            row(125, 3),
            row(125, 4),
            row(309, 0, times='"00:00:01,000","00:00:42,040"'),
            row(71, 0, times=short),
        ],
        "dev": [row(110, 6), row(110, 7)],
        "test": [row(38, 4, times=long), row(220, 0, times='"0:01:00,000","0:04:55,068"'), row(1, 0)],
    }
    for split in SPLITS:
        table(tmp_path, split, rows[split])
    assert load(tmp_path).faults == ()  # of the clips nothing can be said
    ids = load(tmp_path).X.index
    place_raw(tmp_path, [id_ for id_ in ids if id_ != "dev_dia110_utt7"])
    corpus = load(tmp_path)
    assert dict(corpus.faults) == {
        "train_dia125_utt3": "the clip of the owners' archive cannot be opened; others offer one cut anew",
        "train_dia309_utt0": "the clip is wrongly cut: by the table it lasts 41.04 s",
        "train_dia71_utt0": "the clip is wrongly cut: by the table it lasts 0.084 s",
        "dev_dia110_utt7": "no clip: the owners' archive has none",
        "test_dia38_utt4": "the clip is wrongly cut: by the table it lasts 304.94 s",
        "test_dia220_utt0": "the clip is wrongly cut: by the table it lasts 235.068 s",
    }
    assert corpus.X.loc["dev_dia110_utt7", ["audio", "video"]].tolist() == [None, None]
    (tmp_path / RAW["train"] / "dia125_utt3.mp4").unlink()
    faults = dict(load(tmp_path).faults)
    assert faults["train_dia125_utt3"] == "no clip: that of the owners' archive cannot be opened"
    assert dict(load(tmp_path).validate(read=False).to_numpy())["test_dia38_utt4"].startswith("the clip is wrongly cut")


def test_half_of_the_clips(folder):
    place_raw(folder, IDS[:2])
    corpus = load(folder)
    assert corpus.faults == (
        ("", "train: 1 of 3 rows have no clip: 'train_dia1_utt0'"),
        ("", "dev: no clips"),
        ("", "test: no clips"),
    )
    assert corpus.X["audio"].notna().tolist() == [True, True, False, False, False, False, False]
    assert [recording is None for recording in recordings_of(corpus.X)] == [False, False, *[True] * 5]


def test_half_of_the_tables(folder):
    (folder / "dev_sent_emo.csv").unlink()
    corpus = load(folder)
    assert corpus.X["split"].unique().tolist() == ["train", "test"]
    assert corpus.notes[0] == f"no table of 'dev' in {folder}"
    assert "neutral: 6436 utterances expected, 1 found" in corpus.validate()["fault"].tolist()


def test_splits(folder):
    place_raw(folder)
    corpus = load_corpus("meld", folder, splits=("test", "dev"))
    assert corpus.X.index.tolist() == IDS[3:]
    assert len(corpus.notes) == 1
    assert corpus.card.emotions["neutral"] == 470 + 1256
    assert (corpus.card.n_utterances, corpus.card.n_speakers) == (1109 + 2610, None)
    only = load(folder, splits="test")
    assert only.X.index.tolist() == IDS[5:]
    assert (only.card.emotions, only.card.n_speakers) == (COUNTS["test"], 100)
    assert load(folder, splits=["test", "dev", "train"]).card is CARD
    with pytest.raises(UnknownNameError, match=r"Unknown split of 'meld' 'tests'\. Did you mean 'test'"):
        load(folder, splits=("train", "tests"))


def test_protocols(folder):
    corpus = load(folder)
    assert set(corpus.protocols()) == set(CARD.protocols)
    (fold,) = corpus.folds("official")
    assert corpus.X["split"].iloc[fold.train].unique().tolist() == ["train", "dev"]
    assert corpus.X["split"].iloc[fold.test].unique().tolist() == ["test"]
    assert [fold.name for fold in corpus.folds("dialogue")] == ["dev_0", "test_0", "train_0", "train_1"]
    assert [fold.name for fold in corpus.folds("speaker")] == ["Ann", "Bob", "Cid", "Dora"]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("company\x92s", "company’s"),
        ("companyâ€™s", "company’s"),
        ("companyâ\x80\x99s", "company’s"),
        ("companyÂ\x92s", "company’s"),
        ("\x93Oh\x85 well\x94 \x97 \x91kay \x96", "“Oh… well” — ‘kay –"),
        ("â€œOhâ€¦ wellâ€\x9d â€” â€˜kay", "“Oh… well” — ‘kay"),
        ("fiancÃ©, adiÃ³s", "fiancé, adiós"),
        ("a\xa0b", "a b"),
        ("It’s a fiancé… “whoa” — Ó, Â, â", "It’s a fiancé… “whoa” — Ó, Â, â"),
        ("y'know", "y'know"),
    ],
)
def test_characters_in_a_wrong_coding(tmp_path, wrong, right):
    table(tmp_path, "train", [row(0, 0, wrong, speaker=wrong.replace(",", "")), row(0, 1, "fine")])
    corpus = load(tmp_path, splits="train")
    assert corpus.X["text"].tolist() == [right, "fine"]
    assert corpus.X["speaker"].tolist() == [right.replace(",", ""), "Ann"]
    told = [note for note in corpus.notes if "wrong coding" in note]
    assert told == (
        []
        if wrong == right
        else ["1 texts of train_sent_emo.csv had characters in a wrong coding, which were repaired"]
    )


def test_table_in_cp1252_or_with_a_mark(tmp_path):
    table(tmp_path, "train", [row(0, 0, "company’s… café")], "cp1252")
    table(tmp_path, "test", [row(0, 0, "company’s… café")], "utf-8-sig")
    corpus = load(tmp_path)
    assert corpus.X["text"].tolist() == ["company’s… café"] * 2
    assert "train_sent_emo.csv is not in UTF-8 and was read as cp1252" in corpus.notes


def test_rows_that_are_none(tmp_path):
    rows = [row(0, 0), row("x", 1), row(0, 2, emotion="bliss"), row(0, 0, "again"), row(0, "03", emotion=" Joy ")]
    table(tmp_path, "train", rows)
    corpus = load(tmp_path, splits="train")
    assert corpus.X["text"].to_dict() == {"train_dia0_utt0": "Hi", "train_dia0_utt3": "Hi"}
    assert corpus.X["original_label"].tolist() == ["joy", "joy"]
    assert corpus.notes[:2] == (
        "left out 2 rows of train_sent_emo.csv without a number or with no emotion of MELD",
        "left out 1 rows of train_sent_emo.csv whose numbers were there before: 'dia0_utt0'",
    )


def test_times_that_are_none(tmp_path):
    table(tmp_path, "train", [row(0, 0, times="soon,later"), row(0, 1)])
    clip(tmp_path / RAW["train"] / "dia0_utt0.mp4")
    corpus = load(tmp_path, splits="train")
    assert corpus.X["episode_begin"].isna().tolist() == [True, False]
    assert [id_ for id_, _ in corpus.faults] == [""]


def test_table_with_the_needed_columns_only(tmp_path):
    (tmp_path / "dev_sent_emo.csv").write_text(
        "Utterance_ID, Dialogue_ID,Emotion,Speaker,Utterance\n3,7,fear,Ann,Help\n", encoding="utf-8"
    )
    sound(tmp_path / "dev" / "dia7_utt3.wav")
    corpus = load(tmp_path, splits="dev")
    assert corpus.X.index.tolist() == ["dev_dia7_utt3"]
    assert corpus.X.columns.tolist() == [
        *("audio", "text", "speaker", "dialogue", "turn", "split", "language", "corpus", "original_label")
    ]


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"", b"version https://git-lfs.github.com/spec/v1\nsize 3\n"])
def test_one_bad_table_does_not_lose_the_others(folder, content):
    bad = folder / "train_sent_emo.csv"
    bad.write_bytes(content)
    corpus = load(folder)
    assert corpus.X.index.tolist() == IDS[3:]
    ((id_, fault),) = corpus.faults
    assert id_ == ""
    assert "git lfs pull" in fault if b"git-lfs" in content else str(bad) in fault
    with pytest.raises(
        CorpusError, match=r"No table of MELD \(train_sent_emo\.csv\) that can be read.*train_sent_emo\.csv"
    ):
        load(folder, splits="train")


def test_two_tables_of_a_split(folder):
    table(folder / "old", "test", [row(0, 0)])
    corpus = load(folder)
    assert corpus.X.index.tolist() == IDS
    ((id_, fault),) = corpus.faults
    assert id_ == ""
    assert fault.startswith("table of test: two files")


def test_clip_that_is_there_twice(folder):
    place_raw(folder)
    clip(folder / "copy" / "train" / "dia0_utt0.mp4", b"other")
    ((id_, fault),) = load(folder).faults
    assert id_ == "train_dia0_utt0"
    assert "different content" in fault


def test_pointers_in_place_of_clips(folder):
    place_raw(folder, IDS[1:])
    clip(folder / RAW["train"] / "dia0_utt0.mp4", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n")
    corpus = load(folder)
    assert corpus.notes[0].startswith(
        "left out 1 files that are pointers of Git LFS, not recordings: 'train_dia0_utt0'"
    )
    assert corpus.faults == (
        ("train_dia0_utt0", "a pointer of Git LFS, not a recording: run 'git lfs pull'"),
        ("", "train: 1 of 3 rows have no clip: 'train_dia0_utt0'"),
    )
    assert corpus.X["audio"].isna().tolist() == [True, *[False] * 6]


def test_empty_and_wrong_folders(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        CorpusError, match=r"expected train_sent_emo\.csv.*found no recordings either.*Get it from https"
    ):
        load(tmp_path / "empty")
    clip(tmp_path / "train_splits" / "dia0_utt0.mp4")
    with pytest.raises(CorpusError, match=r"found 1 recordings such as 'train_splits.dia0_utt0\.mp4'"):
        load(tmp_path)
    with pytest.raises(CorpusError, match="is not a folder"):
        load(tmp_path / "none")


def test_table_that_is_a_link_to_nowhere(folder):
    (folder / "train_sent_emo.csv").unlink()
    (folder / "train_sent_emo.csv").symlink_to(folder / "gone.csv")
    corpus = load(folder)
    assert corpus.X.index.tolist() == IDS[3:]
    assert "train_sent_emo.csv cannot be read" in corpus.faults[0][1]


@pytest.mark.parametrize("name", ["MELD_features.pkl", "meld.PICKLE"])
def test_features_of_work_on_dialogues(tmp_path, monkeypatch, name):
    other = ModuleType("conversations")
    other.read_conversations = lambda path, card: (path, card.name)
    monkeypatch.setitem(sys.modules, "ferfusion.corpora.conversations", other)
    assert load(tmp_path / name) == (tmp_path / name, "meld")


def test_sound_of_a_video(tmp_path):
    av = pytest.importorskip("av")
    table(tmp_path, "train", [row(0, 0), row(0, 1)])
    path = tmp_path / RAW["train"] / "dia0_utt0.mp4"
    path.parent.mkdir(parents=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000, layout="5.1")
        samples = np.zeros((6, 48000), np.float32)
        samples[2] = 0.5 * np.sin(np.arange(48000) * 2 * np.pi * 300 / 48000)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="5.1")
        frame.sample_rate, frame.pts = 48000, 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    clip(path.with_name("dia0_utt1.mp4"), path.read_bytes()[:500])
    corpus = load(tmp_path, splits="train")
    signal, rate = read_audio(recordings_of(corpus.X)[0], 16000)
    assert (len(signal) / rate, rate) == (pytest.approx(1.0, abs=1024 / 48000), 16000)
    faults = corpus.validate()
    assert faults.loc[faults["id"] == "train_dia0_utt1", "fault"].item().startswith("The recording 'train_dia0_utt1'")
    assert "train_dia0_utt0" not in set(faults["id"])


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """As many rows, dialogues and names as the owners have, and all clips of dev but the one they lack."""
    folder = tmp_path_factory.mktemp("full")
    speakers = {"train": range(260), "dev": range(250, 297), "test": range(204, 304)}
    dialogues = {"train": 1038, "dev": 114, "test": 280}
    for split in SPLITS:
        emotions = [old for old, new in EMOTIONS.items() for _ in range(COUNTS[split][new])]
        names, n = speakers[split], dialogues[split]
        rows = [row(i % n, i // n, f"Line {i}", e, speaker=f"P{names[i % len(names)]}") for i, e in enumerate(emotions)]
        table(folder, split, rows)
    first = folder / RAW["dev"] / "dia0_utt0.mp4"
    clip(first)
    for id_ in load(folder, splits="dev").X.index[1:]:
        name = id_.removeprefix("dev_")
        if name != "dia110_utt7":
            os.link(first, first.with_name(f"{name}.mp4"))
    return folder


def test_all_of_it(full):
    corpus = load(full)
    assert corpus.y.value_counts().to_dict() == CARD.emotions
    assert corpus.X["split"].value_counts().to_dict() == {"train": 9989, "test": 2610, "dev": 1109}
    assert corpus.X.groupby("split")["video"].count().to_dict() == {"dev": 1108, "test": 0, "train": 0}
    assert corpus.faults == (
        ("", "train: no clips"),
        ("dev_dia110_utt7", "no clip: the owners' archive has none"),
        ("", "test: no clips"),
    )
    assert corpus.validate(read=False).to_numpy().tolist() == [list(fault) for fault in corpus.faults]
    only = load(full, splits="dev")
    assert only.validate(read=False)["id"].tolist() == ["dev_dia110_utt7"]


@pytest.fixture(scope="module")
def real(corpus_folder):
    return load(corpus_folder("meld"))


def test_real_tables_are_those_that_can_be_fetched(corpus_folder):
    assert [download.url.rsplit("/", 1)[1] for download in CARD.downloads] == [
        f"{split}_sent_emo.csv" for split in SPLITS
    ]
    for download in CARD.downloads:
        content = (corpus_folder("meld") / download.url.rsplit("/", 1)[1]).read_bytes()
        assert download.hash == f"sha256:{sha256(content).hexdigest()}"
        assert len(content) < download.largest


def test_real_counts(real):
    assert real.X["split"].value_counts().to_dict() == {"train": 9989, "test": 2610, "dev": 1109}
    for split, rows in real.X.groupby("split"):
        assert real.y[rows.index].value_counts().to_dict() == COUNTS[split]
    assert real.X.groupby("split")["dialogue"].nunique().to_dict() == {"dev": 114, "test": 280, "train": 1038}
    assert real.X.groupby("split")["speaker"].nunique().to_dict() == {"dev": 47, "test": 100, "train": 260}
    assert real.X["sentiment"].value_counts().to_dict() == {"neutral": 6436, "negative": 4184, "positive": 3088}
    assert real.validate().empty
    assert len(real.notes) == 1


@pytest.mark.parametrize("split", SPLITS)
def test_real_splits_one_by_one(corpus_folder, split):
    assert load(corpus_folder("meld"), splits=split).validate().empty


def test_real_texts_need_no_repair(real):
    text = "".join(real.X["text"])
    assert {char for char in text if not char.isascii()} == set("’‘“”—–…éó")
    assert real.X["text"].str.contains("’").sum() == 3621
    assert real.X["text"].str.len().min() > 0
    assert real.X.loc["train_dia0_utt0", "text"].startswith("also I was the point person on my company’s")


def test_real_times_and_turns(real):
    spans = real.X["episode_end"] - real.X["episode_begin"]
    assert spans.notna().all()
    assert spans.round(2)[spans > 30].to_dict() == {
        "train_dia309_utt0": 41.04,
        "test_dia38_utt4": 304.94,
        "test_dia220_utt0": 235.07,
    }
    assert (spans < 0.1).sum() == 11
    assert real.X.groupby("dialogue", sort=False)["turn"].is_monotonic_increasing.all()


def test_real_split_shares_speakers(real):
    (fold,) = real.folds("official")
    train, test = (set(real.X["speaker"].iloc[part]) for part in (fold.train, fold.test))
    assert (len(fold.train), len(fold.test)) == (11098, 2610)
    assert len(train & test) == 70
    assert real.X["speaker"].iloc[fold.test].isin(train).mean() == pytest.approx(0.96, abs=0.002)
    assert len(real.folds("dialogue")) == 1432


def test_real_clips_too_many_are_not_in_the_tables(real):
    extra = ["dev_dia49_utt4", "dev_dia49_utt5", "dev_dia66_utt9", "dev_dia66_utt10", "test_dia108_utt2"]
    assert not set(extra) & set(real.X.index)
    assert {"train_dia125_utt3", "dev_dia110_utt7"} <= set(real.X.index)
