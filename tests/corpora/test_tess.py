"""TESS: toy folders of generated sounds, and all 2,800 names."""

from __future__ import annotations

import os

import numpy as np
import pytest
import soundfile

from ferfusion import cite, load_corpus
from ferfusion.base.errors import CorpusError
from ferfusion.corpora.tess import CARD, load

NAMES = ["OAF_back_angry", "OAF_bar_ps", "YAF_back_sad", "YAF_youth_happy", "YAF_gin_neutral"]
FOLDERS = {
    "OAF": {"angry": "OAF_angry", "fear": "OAF_Fear", "ps": "OAF_Pleasant_surprise", "sad": "OAF_Sad"},
    "YAF": {"fear": "YAF_fear", "ps": "YAF_pleasant_surprised", "sad": "YAF_sad"},
}


def sound(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(800), 24414, format="WAV")
    return path


def home_of(name):
    speaker, _, emotion = name.split("_")
    return FOLDERS[speaker].get(emotion, f"{speaker}_{emotion}")


@pytest.fixture
def folder(tmp_path):
    for i, name in enumerate(NAMES):
        sound(tmp_path / "tess" / home_of(name) / f"{name}.wav", i)
    return tmp_path / "tess"


def test_names_say_everything(folder):
    corpus = load(folder)
    assert corpus.y.to_dict() == {
        "OAF_back_angry": "anger",
        "OAF_bar_ps": "surprise",
        "YAF_back_sad": "sadness",
        "YAF_gin_neutral": "neutral",
        "YAF_youth_happy": "happiness",
    }
    assert corpus.X.loc["OAF_bar_ps"].to_dict() == {
        "audio": str(folder / "OAF_Pleasant_surprise" / "OAF_bar_ps.wav"),
        "text": "Say the word bar",
        "speaker": "OAF",
        "gender": "female",
        "age": 64,
        "word": "bar",
        "language": "en",
        "corpus": "tess",
        "original_label": "ps",
    }
    assert corpus.X.loc["YAF_back_sad", "age"] == 26
    assert corpus.notes == ()
    assert corpus.faults == ()


def test_all_files_in_one_folder_in_capitals(tmp_path):
    for i, name in enumerate(NAMES):
        sound(tmp_path / f"{name.upper()}.WAV", i)
    (tmp_path / "._OAF_back_angry.wav").write_bytes(b"a Mac's notes")
    corpus = load(tmp_path)
    assert corpus.X.index.tolist() == sorted(NAMES)
    assert corpus.X.loc["YAF_gin_neutral", "text"] == "Say the word gin"


def test_copy_nested_in_itself_is_read_once(folder):
    for i, name in enumerate(NAMES):
        sound(folder / "TESS Toronto emotional speech set data" / home_of(name) / f"{name}.wav", i)
    corpus = load(folder)
    assert len(corpus) == len(NAMES)
    assert not corpus.X["audio"].str.contains("set data").any()
    assert corpus.notes == ("5 files stand there twice under the same name and were read once",)


def test_the_misspelt_file(folder):
    path = sound(folder / "OAF_neutral" / "OA_bite_neutral.wav", 9)
    corpus = load(folder)
    assert corpus.X.loc["OAF_bite_neutral", ["speaker", "age", "audio"]].tolist() == ["OAF", 64, str(path)]
    assert corpus.X["speaker"].nunique() == 2
    assert corpus.notes == ("OA_bite_neutral.wav was read as OAF_bite_neutral: its name lacks a letter",)


def test_unknown_codes_are_left_out(folder):
    sound(folder / "XAF_back_sad.wav")
    sound(folder / "OAF_back_bored.wav")
    corpus = load(folder)
    assert len(corpus) == len(NAMES)
    assert corpus.notes == (
        "left out 2 files whose speaker or emotion TESS does not have: 'OAF_back_bored.wav', 'XAF_back_sad.wav'",
    )


def test_damaged_file_does_not_lose_the_rest(folder):
    path = folder / "YAF_angry" / "YAF_germ_angry.wav"
    path.parent.mkdir()
    path.write_bytes(b"RIFF, and then nothing")
    corpus = load(folder)
    assert len(corpus) == 6
    faults = corpus.validate()
    assert faults.loc[faults["id"] == "YAF_germ_angry", "fault"].str.contains("cannot be read as sound").any()
    short = faults.loc[faults["id"] == "OAF_back_angry", "fault"]
    assert short.str.contains("the owner's recordings last 1.25 to 2.98 s").any()


def test_wrong_and_empty_folders(tmp_path):
    with pytest.raises(CorpusError, match=r"expected folders OAF_angry .*no recordings at all.*E8H2MF"):
        load(tmp_path)
    sound(tmp_path / "03a01Fa.wav")
    sound(tmp_path / "XAF_back_sad.wav")
    with pytest.raises(CorpusError, match=r"2 recordings such as '03a01Fa\.wav'"):
        load(tmp_path)


def test_folder_by_environment(folder, monkeypatch):
    monkeypatch.setenv("FERFUSION_DATA", str(folder.parent))
    assert len(load_corpus("tess")) == len(NAMES)
    assert "Dupuis" in cite("tess")


def test_all_names(tmp_path):
    one = sound(tmp_path / "one.wav")
    root = tmp_path / "tess"
    for speaker in ("OAF", "YAF"):
        for emotion in ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad"):
            home = root / home_of(f"{speaker}_x_{emotion}")
            home.mkdir(parents=True)
            for i in range(200):
                os.link(one, home / f"{speaker}_word{i}_{emotion}.wav")
    corpus = load(root)
    assert len(corpus) == 2800
    assert corpus.y.value_counts().to_dict() == CARD.emotions
    assert set(CARD.emotions.values()) == {400}
    assert corpus.X["speaker"].value_counts().to_dict() == {"OAF": 1400, "YAF": 1400}
    assert corpus.validate(read=False).empty
    assert [(fold.name, len(fold.train), len(fold.test)) for fold in corpus.folds("speaker")] == [
        ("OAF", 1400, 1400),
        ("YAF", 1400, 1400),
    ]


def test_half_a_corpus(folder):
    corpus = load(folder / "OAF_angry")
    assert corpus.X.index.tolist() == ["OAF_back_angry"]
    faults = corpus.validate(read=False)["fault"].tolist()
    assert "anger: 400 utterances expected, 1 found" in faults
    assert "2 speakers expected, 1 found" in faults
