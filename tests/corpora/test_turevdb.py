"""TurEV-DB: toy folders of generated sounds, and as many names as the owner's repository holds."""

from __future__ import annotations

import os

import numpy as np
import pytest
import soundfile

from ferfusion import cite, load_corpus
from ferfusion.base.errors import CorpusError
from ferfusion.corpora.turevdb import CARD, SPEAKERS, load

NAMES = {"1157_kz_beste": "Angry", "1234_sk_kagit": "Calm", "1358_mt_yigilmak": "Happy", "7895_hl_zeytin": "Sad"}
CODES = {"Angry": ("kz", 487), "Calm": ("sk", 408), "Happy": ("mt", 357), "Sad": ("hl", 483)}


def sound(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(800), 44100, format="WAV")
    return path


@pytest.fixture
def folder(tmp_path):
    for i, (name, home) in enumerate(NAMES.items()):
        sound(tmp_path / "turevdb" / "Sound Source" / home / f"{name}.wav", i)
    return tmp_path / "turevdb"


def test_names_say_everything(folder):
    corpus = load(folder)
    assert corpus.y.to_dict() == {
        "1157_kz_beste": "anger",
        "1234_sk_kagit": "calm",
        "1358_mt_yigilmak": "happiness",
        "7895_hl_zeytin": "sadness",
    }
    assert corpus.X.loc["1234_sk_kagit"].to_dict() == {
        "audio": str(folder / "Sound Source" / "Calm" / "1234_sk_kagit.wav"),
        "text": "kagit",
        "speaker": "1234",
        "word": "kagit",
        "language": "tr",
        "corpus": "turevdb",
        "original_label": "sk",
    }
    assert corpus.notes == ()
    assert corpus.faults == ()


def test_as_many_as_the_repository_holds(tmp_path):
    one = sound(tmp_path / "one.wav")
    for home, (code, n) in CODES.items():
        place = tmp_path / "turevdb" / "Sound Source" / home
        place.mkdir(parents=True)
        people = SPEAKERS if home in ("Angry", "Sad") else SPEAKERS[1:]
        for i in range(n):
            word = f"s{chr(97 + i // len(people) // 26)}{chr(97 + i // len(people) % 26)}"
            os.link(one, place / f"{people[i % len(people)]}_{code}_{word}.wav")
    corpus = load(tmp_path / "turevdb")
    assert len(corpus) == 1735
    assert corpus.y.value_counts().to_dict() == {"anger": 487, "calm": 408, "happiness": 357, "sadness": 483}
    assert corpus.y.value_counts().to_dict() == CARD.emotions
    assert corpus.validate(read=False).empty
    assert [fold.name for fold in corpus.folds("speaker")] == list(SPEAKERS)


def test_filtered_copies_are_passed_over(folder):
    for kind in ("testEmotions500HighPass", "testEmotions5000LowPass"):
        sound(folder / "Model Output for Test Data" / kind / "sound" / "Angry" / "1157_kz_beste.wav", 8)
    corpus = load(folder)
    assert corpus.X.loc["1157_kz_beste", "audio"] == str(folder / "Sound Source" / "Angry" / "1157_kz_beste.wav")
    assert corpus.faults == ()
    assert corpus.notes == ("passed over 2 filtered copies of recordings, in Model Output for Test Data",)
    with pytest.raises(CorpusError, match="expected a folder 'Sound Source'"):
        load(make_alone(folder))


def make_alone(folder):
    """The folder as it is when only filtered copies were kept."""
    (folder / "Sound Source").rename(folder.parent / "elsewhere")
    return folder


@pytest.mark.parametrize("part", ["Sound Source", "Sound Source/Angry"])
def test_parts_of_the_repository(folder, part):
    corpus = load(folder / part)
    assert corpus.X.index.tolist() == (["1157_kz_beste"] if part.endswith("Angry") else sorted(NAMES))
    assert "calm: 408 utterances expected" in " ".join(corpus.validate(read=False)["fault"])


def test_flat_copy_in_capitals(tmp_path):
    for i, name in enumerate(NAMES):
        sound(tmp_path / f"{name.upper()}.WAV", i)
    (tmp_path / "._1157_kz_beste.wav").write_bytes(b"a Mac's notes")
    corpus = load(tmp_path)
    assert corpus.X.index.tolist() == sorted(NAMES)
    assert corpus.X["text"].tolist() == ["beste", "kagit", "yigilmak", "zeytin"]


def test_folder_and_name_that_disagree_are_a_fault(folder):
    sound(folder / "Sound Source" / "Sad" / "1984_mt_deve.wav", 7)
    corpus = load(folder)
    assert corpus.y["1984_mt_deve"] == "happiness"
    assert corpus.faults == (("1984_mt_deve", "lies in the folder Sad, but its name says happiness"),)


def test_unknown_codes_are_left_out(folder):
    sound(folder / "Sound Source" / "Sad" / "9999_hl_deve.wav", 7)
    sound(folder / "Sound Source" / "Sad" / "1984_xx_deve.wav", 8)
    corpus = load(folder)
    assert len(corpus) == 4
    assert corpus.notes == (
        "left out 2 files whose speaker or emotion TurEV-DB does not have: '1984_xx_deve.wav', '9999_hl_deve.wav'",
    )


def test_wrong_folder(tmp_path):
    sound(tmp_path / "OAF_back_sad.wav")
    with pytest.raises(CorpusError, match=r"1 recordings such as 'OAF_back_sad\.wav'.*Xeonen"):
        load(tmp_path)


def test_folder_by_environment(folder, monkeypatch):
    monkeypatch.setenv("FERFUSION_DATA", str(folder.parent))
    assert len(load_corpus("turevdb")) == 4
    assert "Canpolat" in cite("turevdb")
