"""URDU: toy folders of generated sounds, and the 400 names of the owner's repository."""

from __future__ import annotations

import os

import numpy as np
import pytest
import soundfile

from ferfusion import cite, load_corpus
from ferfusion.base.errors import CorpusError
from ferfusion.corpora.urdu import CARD, load

NAMES = {"SM1_F10_A010": "Angry", "SF1_F2_H02": "Happy", "SM5_F72_N0100": "Neutral", "SM6_F4_S0100": "Sad"}
# recordings of each speaker in the owner's repository, in the order of their numbers
SPEAKERS = {
    "Angry": {"SM1": 22, "SM2": 28, "SM3": 2, "SM4": 48},
    "Happy": {
        **{"SF1": 12, "SF2": 2, "SF3": 2, "SF4": 4, "SF5": 4, "SF6": 14, "SF7": 6, "SF8": 2},
        **{"SM17": 2, "SM18": 2, "SM19": 2, "SM3": 2, "SM5": 8, "SM6": 10, "SM7": 28},
    },
    "Neutral": {"SF9": 4, "SM20": 10, "SM21": 4, "SM22": 2, "SM3": 8, "SM5": 72},
    "Sad": {"SF10": 2, "SF11": 4, "SM23": 6, "SM24": 38, "SM25": 40, "SM26": 2, "SM27": 4, "SM6": 4},
}


def sound(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(800), 16000, format="WAV")
    return path


def all_names():
    for home, speakers in SPEAKERS.items():
        number = 0
        for speaker, n in speakers.items():
            for i in range(1, n + 1):
                number += 1
                yield home, f"{speaker}_F{i}_{home[0]}0{number}"


@pytest.fixture
def folder(tmp_path):
    for i, (name, home) in enumerate(NAMES.items()):
        sound(tmp_path / "urdu" / home / f"{name}.wav", i)
    return tmp_path / "urdu"


def test_names_say_everything(folder):
    corpus = load(folder)
    assert corpus.y.to_dict() == {
        "SF1_F2_H02": "happiness",
        "SM1_F10_A010": "anger",
        "SM5_F72_N0100": "neutral",
        "SM6_F4_S0100": "sadness",
    }
    assert corpus.X.loc["SF1_F2_H02"].to_dict() == {
        "audio": str(folder / "Happy" / "SF1_F2_H02.wav"),
        "speaker": "SF1",
        "gender": "female",
        "language": "ur",
        "corpus": "urdu",
        "original_label": "H",
    }
    assert corpus.X.loc["SM1_F10_A010", ["speaker", "gender"]].tolist() == ["SM1", "male"]
    assert corpus.notes == ()
    assert corpus.faults == ()


def test_all_names_of_the_repository(tmp_path):
    one = sound(tmp_path / "one.wav")
    for home, name in all_names():
        (tmp_path / "urdu" / home).mkdir(parents=True, exist_ok=True)
        os.link(one, tmp_path / "urdu" / home / f"{name}.wav")
    corpus = load(tmp_path / "urdu")
    assert len(corpus) == 400
    assert corpus.y.value_counts().to_dict() == CARD.emotions
    assert set(CARD.emotions.values()) == {100}
    people = corpus.X.groupby("gender")["speaker"].nunique().to_dict()
    assert people == {"female": 11, "male": 18}
    assert {"SM1_F22_A022", "SM4_F48_A0100", "SM7_F28_H0100", "SM5_F72_N0100"} <= set(corpus.X.index)
    assert corpus.validate(read=False).empty
    sizes = [len(fold.test) for fold in corpus.folds("speaker")]
    assert (len(sizes), min(sizes), max(sizes)) == (29, 2, 80)
    # what the card tells of speakers and emotions
    table = corpus.y.groupby([corpus.X["speaker"], corpus.y]).size().unstack(fill_value=0)
    assert table.index[(table > 0).sum(axis=1) > 1].tolist() == ["SM3", "SM5", "SM6"]
    assert table.index[table["anger"] > 0].tolist() == ["SM1", "SM2", "SM3", "SM4"]
    assert table.max(axis=1).sum() / 400 == 0.96


def test_folders_of_speakers_and_other_letters(tmp_path):
    for i, (name, home) in enumerate(NAMES.items()):
        sound(tmp_path / home / name[:3] / f"{name.lower()}.WAV", i)
    (tmp_path / "Sad" / "._SM6_F4_S0100.wav").write_bytes(b"a Mac's notes")
    corpus = load(tmp_path)
    assert corpus.X.index.tolist() == sorted(NAMES)
    assert corpus.X["speaker"].tolist() == ["SF1", "SM1", "SM5", "SM6"]


def test_copy_nested_in_itself_is_read_once(folder):
    for i, (name, home) in enumerate(NAMES.items()):
        sound(folder / "URDU-Dataset-master" / home / f"{name}.wav", i)
    corpus = load(folder)
    assert len(corpus) == 4
    assert corpus.notes == ("4 files stand there twice under the same name and were read once",)


def test_folder_and_name_that_disagree_are_a_fault(folder):
    sound(folder / "Sad" / "SM1_F1_A01.wav", 7)
    corpus = load(folder)
    assert corpus.y["SM1_F1_A01"] == "anger"
    faults = corpus.validate(read=False)
    assert faults.loc[faults["id"] == "SM1_F1_A01", "fault"].tolist() == [
        "lies in the folder Sad, but its name says anger"
    ]


def test_unknown_emotions_are_left_out(folder):
    sound(folder / "Bored" / "SM1_F1_B01.wav", 7)
    corpus = load(folder)
    assert len(corpus) == 4
    assert corpus.notes == ("left out 1 files whose emotion URDU does not have: 'SM1_F1_B01.wav'",)


def test_wrong_and_half_folders(folder, tmp_path):
    corpus = load(folder / "Happy")
    assert corpus.X.index.tolist() == ["SF1_F2_H02"]
    assert "sadness: 100 utterances expected, 0 found" in corpus.validate(read=False)["fault"].tolist()
    sound(tmp_path / "other" / "OAF_back_sad.wav")
    with pytest.raises(CorpusError, match=r"expected folders Angry.*1 recordings such as 'OAF_back_sad\.wav'.*github"):
        load(tmp_path / "other")


def test_folder_by_environment(folder, monkeypatch):
    monkeypatch.setenv("FERFUSION_DATA", str(folder.parent))
    assert len(load_corpus("urdu")) == 4
    assert "Latif" in cite("urdu")
