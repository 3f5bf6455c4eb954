"""EMOVO: toy folders of generated sounds in the owner's layout."""

from __future__ import annotations

import os
from itertools import product

import numpy as np
import pytest
import soundfile

from ferfusion import load_corpus
from ferfusion.base.errors import CorpusError
from ferfusion.corpora.emovo import CARD, EMOTIONS, SENTENCES, SPEAKERS, load
from ferfusion.features.audio.reading import read_audio
from ferfusion.features.sources import recordings_of

NAMES = ["neu-m1-b1", "gio-f2-l3", "rab-f1-b1", "tri-m3-n5", "dis-f3-d2", "pau-m2-d1", "sor-m1-n1"]
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 300044\n"


def sound(path, seed=0, channels=2):
    path.parent.mkdir(parents=True, exist_ok=True)
    signal = 0.1 * np.random.default_rng(seed).standard_normal((800, channels))
    soundfile.write(path, signal, 48000, format="WAV")


def place(root, names=NAMES):
    for i, name in enumerate(names):
        sound(root / name.split("-")[1] / f"{name}.wav", i, 1 if name == "rab-f1-b1" else 2)


@pytest.fixture
def folder(tmp_path):
    place(tmp_path / "EMOVO")
    return tmp_path / "EMOVO"


def test_names_say_everything(folder):
    corpus = load(folder)
    assert corpus.y.to_dict() == {
        "dis-f3-d2": "disgust",
        "gio-f2-l3": "happiness",
        "neu-m1-b1": "neutral",
        "pau-m2-d1": "fear",
        "rab-f1-b1": "anger",
        "sor-m1-n1": "surprise",
        "tri-m3-n5": "sadness",
    }
    row = corpus.X.loc["gio-f2-l3"]
    assert row.to_dict() == {
        "audio": str(folder / "f2" / "gio-f2-l3.wav"),
        "text": "Un attimo dopo s'è incamminato ... ed è inciampato.",
        "speaker": "f2",
        "gender": "female",
        "age": 23,
        "sentence": "l3",
        "sentence_kind": "long",
        "language": "it",
        "corpus": "emovo",
        "original_label": "gio",
    }
    assert corpus.X["sentence_kind"].to_dict() == {
        "dis-f3-d2": "question",
        "gio-f2-l3": "long",
        "neu-m1-b1": "short",
        "pau-m2-d1": "question",
        "rab-f1-b1": "short",
        "sor-m1-n1": "nonsense",
        "tri-m3-n5": "nonsense",
    }
    assert corpus.notes == ()
    assert corpus.faults == ()
    assert "text" in corpus.card.uninformative_views


def test_one_folder_and_capital_letters(tmp_path):
    for i, name in enumerate(["NEU-M1-B1.WAV", "gio-F2-l3.wav", "._gio-F2-l3.wav", "Readme-m1.wav"]):
        sound(tmp_path / name, i)
    corpus = load(tmp_path)
    assert corpus.X.index.tolist() == ["gio-f2-l3", "neu-m1-b1"]
    assert corpus.X["speaker"].tolist() == ["f2", "m1"]
    assert corpus.X["original_label"].tolist() == ["gio", "neu"]
    assert corpus.X.loc["neu-m1-b1", "audio"] == str(tmp_path / "NEU-M1-B1.WAV")


def test_folder_of_one_actor_and_what_lacks(folder):
    corpus = load(folder / "m1")
    assert corpus.X.index.tolist() == ["neu-m1-b1", "sor-m1-n1"]
    faults = corpus.validate(read=False)["fault"].tolist()
    assert "6 speakers expected, 1 found" in faults
    assert "anger: 84 utterances expected, 0 found" in faults


@pytest.mark.parametrize("name", ["amo-m1-b1", "neu-m4-b1", "neu-m1-b4"], ids=["emotion", "actor", "sentence"])
def test_unknown_codes_are_left_out(folder, name):
    sound(folder / "m1" / f"{name}.wav")
    corpus = load(folder)
    assert corpus.X.index.tolist() == sorted(NAMES)
    assert corpus.notes == (f"left out 1 files that name no emotion, actor or sentence of EMOVO: '{name}.wav'",)


def test_first_channel_is_read(folder):
    corpus = load(folder)
    channels = []
    for recording in recordings_of(corpus.X):
        signal, rate = read_audio(recording)
        stored, _ = soundfile.read(recording.source, dtype="float32", always_2d=True)
        channels.append(stored.shape[1])
        assert rate == 48000
        np.testing.assert_array_equal(signal, stored[:, 0])
    assert sorted(channels) == [1, 2, 2, 2, 2, 2, 2]


def test_copies_count_once_and_altered_ones_are_told(folder):
    place(folder / "EMOVO", NAMES[:2])
    sound(folder / "resampled" / "sor-m1-n1.wav", seed=99)
    corpus = load(folder)
    assert len(corpus) == len(NAMES)
    assert [id_ for id_, _ in corpus.faults] == ["sor-m1-n1"]
    assert any("2 files stand there twice" in note for note in corpus.notes)


def test_pointers_and_damaged_files_do_not_lose_the_rest(folder):
    for name in NAMES[:2]:
        (folder / name[4:6] / f"{name}.wav").write_text(POINTER.format(name))
    (folder / "f1" / "rab-f1-b1.wav").write_bytes(b"RIFF, but no more")
    (folder / "f3" / "tri-f3-b1.wav").symlink_to(folder / "annex" / "not fetched")
    corpus = load(folder)
    assert len(corpus) == len(NAMES) - 1
    assert len(corpus.notes) == 1
    assert corpus.notes[0].startswith(
        "left out 2 files that are pointers of Git LFS, not recordings: 'gio-f2-l3', 'neu"
    )
    table = corpus.validate()
    table = table[table["fault"].str.contains("recording ") | table["fault"].str.contains("pointer")]
    unread = ("cannot be read", "pointer of Git LFS", "does not exist")
    assert {id_: [word for word in unread if word in fault] for id_, fault in table.to_numpy()} == {
        "gio-f2-l3": ["pointer of Git LFS"],
        "neu-m1-b1": ["pointer of Git LFS"],
        "rab-f1-b1": ["cannot be read"],
        "tri-f3-b1": ["does not exist"],
    }


def test_wrong_and_empty_folders(tmp_path):
    with pytest.raises(CorpusError, match=r"expected folders f1 f2 f3 .* found no recordings"):
        load(tmp_path)
    sound(tmp_path / "03a01Fa.wav")
    with pytest.raises(CorpusError, match=r"found 1 recordings such as '03a01Fa.wav'.*voice\.fub\.it"):
        load(tmp_path)
    sound(tmp_path / "amo-m1-b1.wav")  # the right form, but nothing known in it
    with pytest.raises(CorpusError, match="neu-m1-b1"):
        load(tmp_path)
    with pytest.raises(CorpusError, match=r"is not a folder.*Ask the Fondazione"):
        load(tmp_path / "none")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """All 588 names, each a link to one sound."""
    root = tmp_path_factory.mktemp("emovo")
    sound(root / "sound.wav")
    for actor in SPEAKERS:
        (root / actor).mkdir()
        for emotion, sentence in product(EMOTIONS, SENTENCES):
            os.link(root / "sound.wav", root / actor / f"{emotion}-{actor}-{sentence}.wav")
    return load(root)


def test_whole_corpus_has_the_published_counts(whole):
    assert len(whole) == 588
    assert CARD.n_utterances == 588
    assert whole.y.value_counts().to_dict() == dict.fromkeys(
        ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"], 84
    )
    assert whole.X["speaker"].value_counts().to_dict() == dict.fromkeys(["f1", "f2", "f3", "m1", "m2", "m3"], 98)
    assert set(whole.X["sentence"].value_counts()) == {42}
    assert whole.X["text"].nunique() == 14
    assert whole.X.groupby("sentence_kind")["sentence"].nunique().to_dict() == {
        "long": 4,
        "nonsense": 5,
        "question": 2,
        "short": 3,
    }
    assert whole.X.groupby("gender")["speaker"].nunique().to_dict() == {"female": 3, "male": 3}
    assert whole.validate(read=False).empty


def test_protocols(whole):
    assert set(CARD.protocols) == {"speaker", "stratified"}
    assert [fold.name for fold in whole.folds("speaker")] == ["f1", "f2", "f3", "m1", "m2", "m3"]
    assert all(len(fold.test) == 98 for fold in whole.folds("speaker"))
    assert len(whole.folds("stratified")) == 10


def test_by_name(folder, monkeypatch):
    assert len(load_corpus("emovo", folder)) == len(NAMES)
    monkeypatch.setenv("FERFUSION_DATA", str(folder.parent))
    (folder.parent / "emovo").symlink_to(folder)
    assert len(load_corpus("emovo")) == len(NAMES)
