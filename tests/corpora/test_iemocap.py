"""IEMOCAP: folders in the layout of the release, made here; all of its published counts; every trap of its files."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import soundfile

from ferfusion import load_corpus
from ferfusion.base.errors import CorpusError, ProtocolError, UnknownNameError
from ferfusion.corpora.iemocap import CARD, load
from ferfusion.features.audio.reading import read_audio
from ferfusion.features.sources import recordings_of

HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
RATE = 16000


def sound(path, seed=0, seconds=0.05):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(int(RATE * seconds)), RATE, format="WAV")


def block(id_, start, end, code="neu", means="[2.5000, 2.5000, 2.5000]", ratings=("C-E2:\tNeutral;\t()",)):
    return "\n".join([f"[{start:.4f} - {end:.4f}]\t{id_}\t{code}\t{means}", *ratings]) + "\n\n"


def session_of(root, dialogue):
    return root / f"Session{dialogue[4]}"


def write(root, dialogue, blocks, transcript=None, wavs=()):
    """Evaluation, transcript and sentence recordings of a dialogue, where the release has them."""
    dialog = session_of(root, dialogue) / "dialog"
    for place, text in (("EmoEvaluation", HEADER + "".join(blocks)), ("transcriptions", transcript)):
        if text is not None:
            (dialog / place).mkdir(parents=True, exist_ok=True)
            content = text if isinstance(text, bytes) else text.encode()
            (dialog / place / f"{dialogue}.txt").write_bytes(content)
    for i, id_ in enumerate(wavs):
        sound(wav_of(root, id_), i)


def wav_of(root, id_):
    dialogue = id_.rsplit("_", 1)[0]
    return session_of(root, dialogue) / "sentences" / "wav" / dialogue / f"{id_}.wav"


# What the raters of the toy said of its first utterance
VOTES = (
    "C-E2:\tFrustration; Anger;\t()",
    "C-E3:\tAnger;\t(he shouts (a bit); angry)",
    "C-E4:\tOther;\t(disbelief)",
    "C-F1:\tSadness;\t()",
    "A-E3:\tval 2; act 4; dom  2;\t(tense)",
    "A-E4:\tval 1; act 4; dom  ;\t()",
    "A-F1:\tval 1; act 5; dom  5;\t()",
)


def line(id_, start, end, text):
    return f"{id_} [{start:08.4f}-{end:08.4f}]: {text}\n"


@pytest.fixture
def release(tmp_path):
    """Two sessions, three dialogues, seven utterances of which five belong to the four classes."""
    root = tmp_path / "iemocap" / "IEMOCAP_full_release"
    first = [f"Ses01F_impro01_{last}" for last in ("F000", "M000", "F001")]
    write(
        root,
        "Ses01F_impro01",
        [
            # the file is not in order of time
            block(first[1], 9.0, 10.5, "exc", ratings=("C-E2:\tExcited;\t()", "C-E3:\tHappiness; Excited;\t()")),
            block(first[0], 6.2901, 8.2357, "ang", "[1.5000, 4.0000, 2.0000]", VOTES),
            block(first[2], 11.0, 12.0, "xxx", ratings=("C-E2:\tSurprise;\t()", "C-E3:\tFear;\t()")),
        ],
        "".join(
            [
                line(first[0], 6.2901, 8.2358, "Excuse me."),
                "M: [LAUGHTER]\n",
                "Ses01F_impro01_MXX0 [008.2400-008.9000]: Hm.\n",
                line(first[1], 9.0, 10.5, "Do you have your forms?"),
                "\n",
                line(first[2], 11.0, 12.0, "Yeah."),
            ]
        ),
        first,
    )
    second = ["Ses01M_script01_1b_F000", "Ses01M_script01_1b_M000"]
    text = line(second[0], 1.0, 2.0, "It’s déjà vu – I know.") + line(second[1], 3.0, 4.0, "")
    write(
        root,
        "Ses01M_script01_1b",
        [block(second[0], 1, 2, "sad"), block(second[1], 3, 4, "fru")],
        text.encode("cp1252"),
        second,
    )
    third = ["Ses05F_impro03_M000", "Ses05F_impro03_F000"]
    write(
        root,
        "Ses05F_impro03",
        [block(third[0], 1, 2, "neu"), block(third[1], 3, 4, "hap")],
        line(third[0], 1, 2, "Okay.") + line(third[1], 3, 4, "Great!"),
        third,
    )
    return root


def faults_of(corpus):
    """What the loader found, without what is missing of the whole corpus."""
    return [tuple(row) for row in corpus.validate(read=False).to_numpy() if "expected" not in row[1]]


def test_facts(release):
    corpus = load(release)
    assert corpus.y.to_dict() == {
        "Ses01F_impro01_F000": "anger",
        "Ses01F_impro01_M000": "happiness",
        "Ses01M_script01_1b_F000": "sadness",
        "Ses05F_impro03_M000": "neutral",
        "Ses05F_impro03_F000": "happiness",
    }
    assert corpus.X.loc["Ses01F_impro01_F000"].to_dict() == {
        "audio": str(wav_of(release, "Ses01F_impro01_F000")),
        "text": "Excuse me.",
        "speaker": "Ses01F",
        "gender": "female",
        "language": "en",
        "session": "Ses01",
        "dialogue": "Ses01F_impro01",
        "turn": 0,
        "part": "improvised",
        "begin_s": 6.2901,
        "end_s": 8.2357,
        "valence": 1.5,
        "activation": 4.0,
        "dominance": 2.0,
        "original_label": "ang",
        "corpus": "iemocap",
    }
    assert corpus.X.loc["Ses01M_script01_1b_F000", ["part", "dialogue"]].tolist() == ["scripted", "Ses01M_script01_1b"]
    assert corpus.X["original_label"].tolist() == ["ang", "exc", "sad", "neu", "hap"]
    assert corpus.notes == ("left out 2 utterances: no agreement (1), frustration (1)",)
    assert faults_of(corpus) == [
        ("Ses01F_impro01_F000", "the only row of 'anger'"),
        ("Ses01M_script01_1b_F000", "the only row of 'sadness'"),
        ("Ses05F_impro03_M000", "the only row of 'neutral'"),
    ]


def test_last_letter_speaks(release):
    """The first letter is that of the markers: it differs from the speaker's in half of the corpus."""
    X = load(release).X
    assert X.loc["Ses01F_impro01_M000", ["speaker", "gender"]].tolist() == ["Ses01M", "male"]
    assert X.loc["Ses01M_script01_1b_F000", ["speaker", "gender"]].tolist() == ["Ses01F", "female"]


def test_times_do_not_cut_the_sentences(release):
    corpus = load(release)
    assert not {"start", "end"} & set(corpus.X.columns)
    signal, _ = read_audio(recordings_of(corpus.X)[0])
    assert len(signal) == 800


def test_turns_are_in_order_of_time_and_count_all(release):
    corpus = load(release, classes="all")
    assert corpus.X.groupby("dialogue", sort=False)["turn"].apply(list).to_dict() == {
        "Ses01F_impro01": [0, 1, 2],
        "Ses01M_script01_1b": [0, 1],
        "Ses05F_impro03": [0, 1],
    }
    assert corpus.X.index[:3].tolist() == ["Ses01F_impro01_F000", "Ses01F_impro01_M000", "Ses01F_impro01_F001"]
    path = session_of(release, "Ses01") / "dialog" / "EmoEvaluation" / "Ses01F_impro01.txt"
    path.write_text(path.read_text().replace("\tang\t", "\tfru\t"))
    assert load(release).X.loc["Ses01F_impro01_M000", "turn"] == 1


def test_classes(release):
    six = load(release, classes="six_class")
    assert six.y.tolist() == ["anger", "excitement", "sadness", "frustration", "neutral", "happiness"]
    every = load(release, classes="all")
    assert len(every) == 7
    assert every.y.isna().sum() == 1
    assert pd.isna(every.y["Ses01F_impro01_F001"])
    assert every.X.loc["Ses01F_impro01_F001", "original_label"] == "xxx"
    assert not any("left out" in note for note in every.notes)
    assert every.relabel("valence").y.value_counts().to_dict() == {"negative": 3, "positive": 2, "neutral": 1}
    with pytest.raises(UnknownNameError, match=r"Unknown set of classes 'fourclass'\. Did you mean 'four_class'"):
        load(release, classes="fourclass")


def test_parts(release):
    corpus = load(release, part="improvised")
    assert set(corpus.X["part"]) == {"improvised"}
    assert corpus.notes == ("left out 3 utterances: no agreement (1), the other part (2)",)
    assert load(release, part="scripted", classes="six_class").X["dialogue"].unique().tolist() == ["Ses01M_script01_1b"]
    with pytest.raises(UnknownNameError, match="Unknown part of IEMOCAP 'impro'"):
        load(release, part="impro")
    shutil.rmtree(release / "Session1")
    with pytest.raises(CorpusError, match=r"2 utterances of IEMOCAP .* none for .*part='scripted'"):
        load(release, part="scripted")


def test_card_expects_what_was_asked_for(release):
    """Counts of other classes and parts, as far as they are known; lengths are those of the four classes."""
    assert load(release).card is CARD
    scripted = load(release, part="scripted").card
    assert scripted.emotions == {"anger": 814, "happiness": 689, "neutral": 609, "sadness": 476}
    assert (scripted.n_utterances, scripted.durations) == (2588, CARD.durations)
    unknown = load(release, part="scripted", classes="six_class").card
    assert (unknown.emotions, unknown.n_utterances, unknown.durations) == ({}, None, None)
    every = load(release, classes="all").card
    assert sum(every.emotions.values()) == 7532 == every.n_utterances - 2507


def test_ratings(release):
    ratings = load(release).ratings
    of_first = ratings[ratings["id"] == "Ses01F_impro01_F000"].set_index("rater")
    assert of_first["emotions"].to_dict() == {"E2": "frustration;anger", "E3": "anger", "E4": "other", "F1": "sadness"}
    assert of_first["self"].to_dict() == {"E2": False, "E3": False, "E4": False, "F1": True}
    assert of_first["comment"].dropna().to_dict() == {"E3": "he shouts (a bit); angry; tense", "E4": "disbelief"}
    scales = of_first[["valence", "activation", "dominance"]]
    np.testing.assert_array_equal(scales.loc[["E3", "E4", "F1"]], [[2, 4, 2], [1, 4, np.nan], [1, 5, 5]])
    assert scales.loc["E2"].isna().all()
    assert set(ratings["id"]) == set(load(release).X.index)


def test_soft_labels(release):
    """A vote is split over what the rater named; nobody judges himself."""
    soft = load(release, classes="all").soft
    assert soft.shape == (7, 10)
    assert soft.loc["Ses01F_impro01_F000"][lambda row: row > 0].to_dict() == pytest.approx(
        {"anger": 0.5, "frustration": 1 / 6, "other": 1 / 3}
    )
    assert soft.loc["Ses01F_impro01_M000"][lambda row: row > 0].to_dict() == {"excitement": 0.75, "happiness": 0.25}
    assert soft.sum(axis=1).to_numpy() == pytest.approx(1)
    four = load(release).soft
    assert four.columns.tolist() == ["anger", "happiness", "neutral", "sadness"]
    assert four.loc["Ses01F_impro01_F000"].tolist() == [1, 0, 0, 0]
    assert four.loc["Ses01F_impro01_M000"].tolist() == [0, 1, 0, 0]


def test_soft_labels_without_a_vote(release):
    write(
        release, "Ses02F_impro01", [block("Ses02F_impro01_F000", 1, 2, "sad", ratings=("C-E2:\t;\t()", "C-F1:\tFear;"))]
    )
    corpus = load(release, classes="all")
    assert corpus.soft.loc["Ses02F_impro01_F000"].isna().all()
    assert corpus.ratings.query("id == 'Ses02F_impro01_F000'")["emotions"].tolist()[1] == "fear"
    assert corpus.y["Ses02F_impro01_F000"] == "sadness"


def test_transcripts(release):
    corpus = load(release, classes="all")
    assert corpus.X.loc["Ses01M_script01_1b_F000", "text"] == "It’s déjà vu – I know."
    assert pd.isna(corpus.X.loc["Ses01M_script01_1b_M000", "text"])
    assert ("Ses01M_script01_1b_M000", "no transcript") in corpus.faults
    assert corpus.notes == ("1 utterances have no transcript: 'Ses01M_script01_1b_M000'",)
    assert "Ses01F_impro01_MXX0" not in corpus.X.index


def test_transcripts_at_fault(release):
    path = release / "Session5" / "dialog" / "transcriptions" / "Ses05F_impro03.txt"
    path.write_text(
        line("Ses05F_impro03_M000", 1.5, 2, "Okay.")
        + line("Ses05F_impro03_M000", 1, 2, "Twice.")
        + "Ses05F_impro03_F000 [1.2.3-4]: Great!\n"
        + line("Ses05F_impro03_F009", 5, 6, "Nobody judged this.")
        + line("Ses05F_somewhere_F000", 5, 6, "What is this?")
    )
    corpus = load(release)
    assert corpus.X.loc["Ses05F_impro03_M000", "text"] == "Okay."
    assert set(corpus.faults) == {
        (
            "Ses05F_impro03_M000",
            "line 2 of the transcript Ses05F_impro03.txt is a second one and was left out",
        ),
        (
            "Ses05F_impro03_F000",
            "line 3 of the transcript Ses05F_impro03.txt cannot be read: 'Ses05F_impro03_F000 [1.2.3-4]: Great!'",
        ),
        (
            "Ses05F_impro03",
            "line 5 of the transcript Ses05F_impro03.txt cannot be read: "
            "'Ses05F_somewhere_F000 [005.0000-006.0000]: What is this?'",
        ),
        ("Ses05F_impro03_M000", "1 to 2 s in the evaluation, 1.5 to 2 s in the transcript"),
        ("Ses05F_impro03_F000", "no transcript"),
        ("Ses05F_impro03_F009", "a transcript without evaluation"),
    }
    assert "3 lines cannot be used: 'Ses05F_impro03_M000', 'Ses05F_impro03_F000', 'Ses05F_impro03'" in corpus.notes
    assert "1 transcripts have no evaluation and were left out: 'Ses05F_impro03_F009'" in corpus.notes


def test_broken_evaluation(release):
    """Votes below a line that cannot be read must not go to the utterance before."""
    name = "Ses02F_impro01"
    blocks = [
        block(f"{name}_F000", 1, 2, "sad", ratings=("C-E2:\tSadness;\t()",)),
        f"[1.0 - \t{name}_M000\tang\t[1, 2, 3]\nC-E2:\tAnger;\t()\nC-E3:\tAnger;\t()\n",
        block(f"{name}_F001", 3, 4, "neu", "[2, x, 3]", ["C-E2:\tBliss;\t()", "C-E2:\tNeutral;\t()", "what?"]),
        block(f"{name}_F002", 6, 5, "ang"),
        block(f"{name}_F003", 6, 7, "zzz"),
        block(f"{name}_F000", 8, 9, "hap"),
        "[1.0 - 2.0]\tnobody\tang\t[1, 2, 3]\n",
    ]
    write(release, name, blocks, wavs=[f"{name}_F000"])
    corpus = load(release)
    mine = corpus.X["dialogue"] == name
    assert corpus.y[mine].to_dict() == {f"{name}_F000": "sadness", f"{name}_F001": "neutral", f"{name}_F002": "anger"}
    assert corpus.X.loc[f"{name}_F001", ["valence", "activation", "dominance"]].isna().all()
    assert corpus.soft.loc[f"{name}_F000"].to_dict() == {"anger": 0, "happiness": 0, "neutral": 0, "sadness": 1}
    assert corpus.ratings["id"].value_counts()[f"{name}_F000"] == 1
    of_lines = [(id_, fault.split(f"{name}.txt ")[-1]) for id_, fault in corpus.faults if id_.startswith(name)]
    assert of_lines[:8] == [
        (f"{name}_M000", f"cannot be read: '[1.0 - \\t{name}_M000\\tang\\t[1, 2, 3]'"),
        (
            f"{name}_F001",
            f"has no means of valence, activation and dominance: '[3.0000 - 4.0000]\\t{name}_F001\\tneu\\t[2, x, 3]'",
        ),
        (f"{name}_F001", "names an unknown emotion (Bliss) and does not count: 'C-E2:\\tBliss;\\t()'"),
        (f"{name}_F001", "is a second one of rater E2 and was left out: 'C-E2:\\tNeutral;\\t()'"),
        (f"{name}_F001", "cannot be read: 'what?'"),
        (
            f"{name}_F002",
            f"has an end before its start: '[6.0000 - 5.0000]\\t{name}_F002\\tang\\t[2.5000, 2.5000, 2'",
        ),
        (name, "names no utterance of IEMOCAP: '[1.0 - 2.0]\\tnobody\\tang\\t[1, 2, 3]'"),
        (f"{name}_F003", "an unknown label: 'zzz'"),
    ]
    assert (f"{name}_F000", "evaluated a second time; the first was taken") in corpus.faults


def test_recordings_that_lack(release):
    wav_of(release, "Ses05F_impro03_M000").unlink()
    sound(wav_of(release, "Ses05F_impro03_F007"))
    for i in range(3):
        sound(wav_of(release, f"Ses04F_script02_1_F00{i}"))
    corpus = load(release)
    assert pd.isna(corpus.X.loc["Ses05F_impro03_M000", "audio"])
    assert corpus.faults == (
        ("Ses05F_impro03_M000", "no recording"),
        ("Ses05F_impro03_F007", "a recording without evaluation"),
        ("Ses04F_script02_1", "3 recordings, but no evaluation file"),
    )
    assert corpus.notes[:2] == (
        "1 utterances have no recording: 'Ses05F_impro03_M000'",
        "2 recordings have no evaluation and were left out: 'Ses05F_impro03_F007', 'Ses04F_script02_1'",
    )
    # what was not asked for is not missed
    assert load(release, part="scripted").faults == (("Ses04F_script02_1", "3 recordings, but no evaluation file"),)


def test_cut_from_the_dialogue(release):
    """Without sentence recordings the dialogue's is cut at the times of the evaluation."""
    shutil.rmtree(release / "Session5" / "sentences")
    whole = release / "Session5" / "dialog" / "wav" / "Ses05F_impro03.wav"
    whole.parent.mkdir()
    seconds = np.repeat([0.0, 0.1, 0.2, 0.3, 0.4], RATE) * np.tile([1, -1], 5 * RATE // 2)
    soundfile.write(whole, seconds, RATE)
    corpus = load(release)
    cut = corpus.X.loc["Ses05F_impro03_F000"]
    assert (cut["audio"], cut["start"], cut["end"]) == (str(whole), 3, 4)
    signal, _ = read_audio(recordings_of(corpus.X)[-1])
    assert len(signal) == RATE
    np.testing.assert_allclose(np.abs(signal), 0.3, atol=1e-4)
    assert corpus.X.loc["Ses01F_impro01_F000", ["start", "end"]].isna().all()
    assert len(read_audio(recordings_of(corpus.X)[0])[0]) == 800
    assert corpus.faults == ()
    assert corpus.notes[0].startswith("2 utterances have no recording of their own and are cut out of that of their")


def test_without_any_recording_or_transcript(release):
    for path in [*release.glob("*/sentences"), *release.glob("*/dialog/transcriptions")]:
        shutil.rmtree(path)
    corpus = load(release)
    assert len(corpus) == 5
    assert corpus.X[["audio", "text"]].isna().all(axis=None)
    assert corpus.faults == (("", "no recordings at all"), ("", "no transcripts at all"))
    assert corpus.notes[:2] == ("all utterances have no recording", "all utterances have no transcript")


def test_evaluations_only_count_in_their_own_folder(release):
    """The same names stand below for single raters, and beside for motion capture."""
    home = release / "Session1" / "dialog"
    other = HEADER + block("Ses01F_impro01_F000", 1, 2, "hap")
    for place in ("EmoEvaluation/Categorical", "EmoEvaluation/Self-evaluation", "MOCAP_head"):
        (home / place).mkdir()
        (home / place / "Ses01F_impro01.txt").write_text(other)
    assert load(release).y["Ses01F_impro01_F000"] == "anger"
    assert load(release).faults == ()


@pytest.mark.parametrize("where", ["release", "parent", "session", "evaluations"])
def test_roots(release, where, monkeypatch):
    roots = {
        "release": release,
        "parent": release.parent,
        "session": release / "Session5",
        "evaluations": release / "Session5" / "dialog" / "EmoEvaluation",
    }
    ids = load(roots[where]).X.index
    assert len(ids) == (5 if where in ("release", "parent") else 2)
    monkeypatch.chdir(roots[where])
    assert load(".").X.index.equals(ids)


def test_hidden_files_and_other_letters(release, tmp_path):
    for path in [*release.rglob("*.txt"), *release.rglob("*.wav")]:
        path.with_name(f"._{path.name}").write_bytes(b"a Mac's notes\xff")
        small = tmp_path / "small" / str(path.relative_to(release)).lower()
        small.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes()
        small.write_bytes(content.lower() if path.suffix == ".txt" and b"\x92" not in content else content)
    there, other = load(release), load(tmp_path / "small")
    assert other.y.equals(there.y)
    facts = ["speaker", "session", "dialogue", "turn", "part", "original_label"]
    pd.testing.assert_frame_equal(other.X[facts], there.X[facts])
    assert other.faults == there.faults == ()
    assert other.ratings["emotions"].equals(there.ratings["emotions"])


def test_nested_copy(release):
    shutil.copytree(release / "Session5", release / "copy" / "IEMOCAP" / "Session5")
    corpus = load(release)
    assert len(corpus) == 5
    assert not corpus.X["audio"].str.contains("IEMOCAP/Session5", regex=False).any()
    assert corpus.faults == ()
    sound(wav_of(release / "copy" / "IEMOCAP", "Ses05F_impro03_M000"), seed=99, seconds=0.1)
    ((id_, fault),) = load(release).faults
    assert id_ == "Ses05F_impro03_M000"
    assert "different content" in fault
    assert load(release, part="scripted").faults == ()


def test_sessions_that_do_not_exist(release):
    write(release, "Ses06F_impro01", [block("Ses06F_impro01_F000", 1, 2)])
    corpus = load(release)
    assert len(corpus) == 5
    assert corpus.notes[0] == "left out 1 files of sessions that IEMOCAP does not have: 'Ses06F_impro01'"


def test_wrong_folders(tmp_path, release):
    with pytest.raises(CorpusError, match="no recordings at all"):
        load(tmp_path / "iemocap" / "IEMOCAP_full_release" / "Session1" / "dialog" / "transcriptions")
    sound(tmp_path / "other" / "03a01Fa.wav")
    with pytest.raises(CorpusError, match=r"expected IEMOCAP_full_release .* found 1 recordings such as '03a01Fa.wav'"):
        load(tmp_path / "other")
    for session in ("Session1", "Session5"):
        shutil.rmtree(release / session / "dialog")
    with pytest.raises(CorpusError, match=r"7 recordings of IEMOCAP .* but no evaluation files"):
        load(release)
    with pytest.raises(CorpusError, match="is not a folder"):
        load(tmp_path / "none")


def test_nothing_can_be_read(tmp_path):
    write(tmp_path, "Ses01F_impro01", ["[broken\n"])
    with pytest.raises(CorpusError, match="0 utterances of IEMOCAP"):
        load(tmp_path)


def test_folder_by_environment(release, monkeypatch):
    with pytest.raises(CorpusError, match="FERFUSION_DATA"):
        load_corpus("iemocap")
    monkeypatch.setenv("FERFUSION_DATA", str(release.parent.parent))
    assert len(load_corpus("iemocap", classes="six_class")) == 6


def test_pickle(tmp_path, monkeypatch):
    """Whole dialogues in a pickle are the business of another reader."""
    path = tmp_path / "IEMOCAP_features.PKL"
    path.write_bytes(b"")
    reader = ModuleType("ferfusion.corpora.conversations")
    reader.read_conversations = lambda path, card: (path, card)
    monkeypatch.setitem(sys.modules, reader.__name__, reader)
    assert load(path) == (path, CARD)
    with pytest.raises(CorpusError, match="is read as it is"):
        load(path, classes="six_class")
    with pytest.raises(CorpusError, match="is a file, not a folder"):
        load(shutil.copy(path, tmp_path / "a.txt"))


def test_protocols(release):
    corpus = load(release)
    assert set(corpus.protocols()) == set(CARD.protocols) == {"speaker", "session", "dialogue", "erc", "stratified"}
    (fold,) = corpus.folds("erc")
    assert corpus.X["session"].iloc[fold.test].unique().tolist() == ["Ses05"]
    assert corpus.X["session"].iloc[fold.train].unique().tolist() == ["Ses01"]
    for session in ("Session1", "Session5"):
        with pytest.raises(ProtocolError, match="needs rows of session Ses05"):
            load(release / session).folds("erc")


# ---- all of it, by count ------------------------------------------------------------------------------------------

# Neutral, angry, sad, and happy or excited utterances of each session, as counted by others in the final labels
FOUR_BY_SESSION = {
    "Ses01": {"neutral": 384, "anger": 229, "sadness": 194, "happiness": 278},
    "Ses02": {"neutral": 362, "anger": 137, "sadness": 197, "happiness": 327},
    "Ses03": {"neutral": 320, "anger": 240, "sadness": 305, "happiness": 286},
    "Ses04": {"neutral": 258, "anger": 327, "sadness": 143, "happiness": 303},
    "Ses05": {"neutral": 384, "anger": 170, "sadness": 245, "happiness": 442},
}
FOUR_BY_SPEAKER = {
    "Ses01F": 528,
    "Ses01M": 557,
    "Ses02F": 481,
    "Ses02M": 542,
    "Ses03F": 522,
    "Ses03M": 629,
    "Ses04F": 528,
    "Ses04M": 503,
    "Ses05F": 590,
    "Ses05M": 651,
}
IMPROVISED = {"ang": 289, "exc": 663, "hap": 284, "neu": 1099, "sad": 608}
SCRIPTED = {"ang": 814, "exc": 378, "hap": 311, "neu": 609, "sad": 476}
MARKERS = {"F": {"F": 1322, "M": 1327}, "M": {"F": 1423, "M": 1459}}  # by who speaks: who wears the markers
ALL_BY_SESSION = {"Ses01": 1819, "Ses02": 1811, "Ses03": 2136, "Ses04": 2103, "Ses05": 2170}
OTHERS = {"fru": 1849, "xxx": 2507, "sur": 107, "fea": 40, "dis": 2, "oth": 3}
OTHERS_OF_LAST = {"fru": 381, "xxx": 520, "sur": 18, "fea": 10}
SCENES = {  # dialogues of each session: 28, 30, 32, 30, 31
    "impro": {key: [f"impro0{i}" for i in range(1, 8 if key[:5] == "Ses01" else 9)] for key in FOUR_BY_SPEAKER}
    | {"Ses03M": [f"impro0{i}" for i in ("1", "2", "3", "4", "5a", "5b", "6", "7", "8a", "8b")]},
    "script": {
        key: [f"script0{i}" for i in ("1_1", "1_2", "1_3", "2_1", "2_2", "3_1", "3_2")] for key in FOUR_BY_SPEAKER
    },
}
SCENES["script"]["Ses05M"] = ["script01_1b", *SCENES["script"]["Ses05M"]]
CODES = {"neutral": "neu", "anger": "ang", "sadness": "sad"}
WORDS = {"neu": "Neutral", "ang": "Anger", "sad": "Sadness", "hap": "Happiness", "exc": "Excited", "fru": "Frustration"}


def deal(counts):
    """Things in their numbers, well mixed."""
    things = np.repeat(list(counts), list(counts.values()))
    return iter(np.random.default_rng(0).permutation(things).tolist())


def utterances():
    """Rows (session, code, speaks, part, markers) with all the counts above; else they are dealt as they come."""
    happy = {session: 143 if session == "Ses05" else 113 for session in FOUR_BY_SESSION}  # 595 in all
    rows = []
    for session, counts in FOUR_BY_SESSION.items():
        codes = {CODES[name]: n for name, n in counts.items() if name in CODES}
        codes |= {"hap": happy[session], "exc": counts["happiness"] - happy[session]}
        voices = deal({voice: FOUR_BY_SPEAKER[session + voice] for voice in "FM"})
        rows += [[session, code, voice] for code, voice in zip(deal(codes), voices, strict=True)]
    others = Counter(OTHERS)
    others.subtract(OTHERS_OF_LAST)
    early, late = deal(others), deal(OTHERS_OF_LAST)
    for session, n in ALL_BY_SESSION.items():
        extra = n - sum(FOUR_BY_SESSION[session].values())
        rows += [[session, next(late if session == "Ses05" else early), "FM"[i % 2]] for i in range(extra)]
    assert not [*early, *late]
    parts = {code: deal({"impro": n, "script": SCRIPTED[code]}) for code, n in IMPROVISED.items()}
    markers = {voice: deal(counts) for voice, counts in MARKERS.items()}
    for i, (_, code, voice) in enumerate(rows):
        if code in IMPROVISED:
            yield *rows[i], next(parts[code]), next(markers[voice])
        else:
            yield *rows[i], ("impro", "script")[i % 2], "FM"[i // 2 % 2]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with an evaluation, a line of transcript and a recording for each of all utterances."""
    root = tmp_path_factory.mktemp("whole") / "IEMOCAP_full_release"
    one = root.parent / "one.wav"
    sound(one)
    dialogues, transcripts, number, taken = {}, {}, Counter(), Counter()
    for scenes in SCENES.values():
        for who, names in scenes.items():
            for name in names:
                dialogues[f"{who}_{name}"], transcripts[f"{who}_{name}"] = [], []
                (session_of(root, who) / "sentences" / "wav" / f"{who}_{name}").mkdir(parents=True)
    for session, code, voice, part, markers in utterances():
        names = SCENES[part][session + markers]
        taken[session, markers, part] += 1
        dialogue = f"{session}{markers}_{names[taken[session, markers, part] % len(names)]}"
        id_ = f"{dialogue}_{voice}{number[dialogue, voice]:03d}"
        number[dialogue, voice] += 1
        start = 2.0 * len(dialogues[dialogue])
        votes = [f"C-E{i}:\t{WORDS.get(code, 'Other')};\t()" for i in (1, 2, 4)]
        dialogues[dialogue].append(block(id_, start, start + 1.5, code, ratings=votes))
        transcripts[dialogue].append(line(id_, start, start + 1.5, "Yes."))
        os.link(one, wav_of(root, id_))
    for dialogue, blocks in dialogues.items():
        write(root, dialogue, blocks, "".join(transcripts[dialogue]))
    return root


@pytest.fixture(scope="module")
def four(whole):
    return load(whole)


def test_whole_by_class_session_and_speaker(four):
    assert len(four) == CARD.n_utterances == 5531
    assert four.y.value_counts().to_dict() == CARD.emotions
    assert CARD.emotions == {"anger": 1103, "happiness": 1636, "neutral": 1708, "sadness": 1084}
    by_session = four.y.groupby(four.X["session"]).value_counts().unstack()
    assert by_session.to_dict(orient="index") == FOUR_BY_SESSION
    assert four.X["session"].value_counts(sort=False).tolist() == [1085, 1023, 1151, 1031, 1241]
    assert four.X["speaker"].value_counts().to_dict() == FOUR_BY_SPEAKER


def test_whole_speakers_differ_from_markers(four):
    markers = four.X["dialogue"].str[5]
    assert (markers != four.X["speaker"].str[5]).sum() == 2750


def test_whole_has_no_faults(four):
    assert four.validate(read=False).empty
    assert four.notes == (
        "left out 4508 utterances: no agreement (2507), frustration (1849), surprise (107), fear (40), other (3), "
        "disgust (2)",
    )
    assert four.soft.notna().all(axis=None)
    assert len(four.ratings) == 3 * 5531


def test_whole_folds(four):
    assert [len(fold.test) for fold in four.folds("session")] == [1085, 1023, 1151, 1031, 1241]
    assert [len(fold.test) for fold in four.folds("speaker")] == list(FOUR_BY_SPEAKER.values())
    (fold,) = four.folds("erc")
    assert (len(fold.train), len(fold.test)) == (4290, 1241)


def test_whole_by_part(whole, four):
    corpus = load(whole, part="improvised")
    expected = {"anger": 289, "happiness": 663 + 284, "neutral": 1099, "sadness": 608}
    assert corpus.y.value_counts().to_dict() == corpus.card.emotions == expected
    assert len(corpus) == corpus.card.n_utterances == 2943
    assert corpus.validate(read=False).empty
    others = four.select((four.X["part"] == "scripted").to_numpy())
    assert others.X.index.intersection(corpus.X.index).empty
    assert others.y.value_counts().to_dict() == {"anger": 814, "happiness": 378 + 311, "neutral": 609, "sadness": 476}


def test_whole_six_classes(whole):
    """The release has 53 happy utterances fewer than the pickles: 7,380 and not 7,433."""
    corpus = load(whole, classes="six_class")
    assert len(corpus) == corpus.card.n_utterances == 7380
    assert corpus.validate(read=False).empty
    (fold,) = corpus.folds("erc")
    assert (len(fold.train), len(fold.test)) == (5758, 1622)
    assert corpus.y.iloc[fold.test].value_counts().to_dict() == {
        "neutral": 384,
        "frustration": 381,
        "excitement": 299,
        "sadness": 245,
        "anger": 170,
        "happiness": 143,
    }


def test_whole_with_those_without_agreement(whole):
    corpus = load(whole, classes="all")
    assert len(corpus) == corpus.card.n_utterances == 10039
    assert corpus.X["session"].value_counts().to_dict() == ALL_BY_SESSION
    assert corpus.y.isna().sum() == 2507
    assert corpus.notes == ()
    # the only thing to say is that these have no label
    (fault,) = corpus.validate(read=False)["fault"]
    assert fault.startswith("2507 rows have no label: 'Ses01F_impro01_M023'")
    dialogues = corpus.X.groupby("session")["dialogue"].nunique()
    assert dialogues.tolist() == [28, 30, 32, 30, 31]
    (fold,) = corpus.folds("erc")
    assert [corpus.X["dialogue"].iloc[side].nunique() for side in (fold.train, fold.test)] == [120, 31]
