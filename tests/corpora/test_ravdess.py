"""RAVDESS: toy folders of generated sounds, the real corpus, the table of action units."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import soundfile

from ferfusion import load_corpus
from ferfusion.base.errors import CorpusError, ProtocolError
from ferfusion.corpora.ravdess import CARD, load
from ferfusion.features.audio.reading import read_audio
from ferfusion.features.sources import recordings_of

CLIPS = ["03-01-01-01-01-01-01", "03-01-05-02-02-02-01", "03-01-08-01-01-01-02", "03-01-02-01-02-02-02"]


def sound(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(800), 16000, format="WAV")


def place(root, clips=CLIPS, ending="wav"):
    for i, clip in enumerate(clips):
        sound(root / f"Actor_{clip[-2:]}" / f"{clip}.{ending}", i)


@pytest.fixture
def folder(tmp_path):
    place(tmp_path / "ravdess")
    return tmp_path / "ravdess"


def units(path, clips=CLIPS):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {"clip": clips, "visual_au__AU01_r": np.arange(len(clips)) / 2, "visual_au__AU02_r": 1.0}
    pd.DataFrame(values).to_csv(path, index=False)
    return path


def test_names_say_everything(folder):
    corpus = load(folder)
    assert corpus.y.to_dict() == dict(zip(CLIPS, ["neutral", "anger", "surprise", "calm"], strict=True))
    row = corpus.X.loc["03-01-05-02-02-02-01"]
    assert row.drop("audio").to_dict() == {
        "text": "Dogs are sitting by the door",
        "speaker": "01",
        "gender": "male",
        "intensity": "strong",
        "repetition": 2,
        "language": "en",
        "corpus": "ravdess",
        "original_label": "05",
    }
    assert corpus.X.loc[CLIPS[2], ["gender", "intensity", "text"]].tolist() == [
        "female",
        "normal",
        "Kids are talking by the door",
    ]
    assert corpus.views == []
    assert corpus.notes == ()


def test_upper_case_and_hidden_files(tmp_path):
    place(tmp_path, ending="WAV")
    (tmp_path / "Actor_01" / f"._{CLIPS[0]}.wav").write_bytes(b"a Mac's notes")
    assert len(load(tmp_path)) == 4


def test_actor_alone(folder):
    assert load(folder / "Actor_01").X.index.tolist() == sorted(CLIPS[:2])


def test_nested_copy_is_read_once(folder):
    place(folder / "audio_speech_actors_01-24")
    corpus = load(folder)
    assert len(corpus) == 4
    assert all("audio_speech" not in path for path in corpus.X["audio"])
    assert corpus.notes == ("4 files stand there twice under the same name and were read once",)


def test_song_and_video_are_left_out(folder):
    others = ["03-02-01-01-01-01-01", "01-01-01-01-01-01-01", "02-01-03-01-01-01-02", "03-01-09-01-01-01-02"]
    place(folder, others)
    corpus = load(folder)
    assert set(corpus.X.index) == set(CLIPS)
    assert corpus.notes == ("4 files are song, video or unknown codes and were left out",)
    for clip in CLIPS:
        (folder / f"Actor_{clip[-2:]}" / f"{clip}.wav").unlink()
    with pytest.raises(CorpusError, match="No recordings of Ryerson"):
        load(folder)


def test_empty_and_wrong_folders(tmp_path):
    sound(tmp_path / "03a01Fa.wav")
    with pytest.raises(CorpusError, match="expected folders Actor_01"):
        load(tmp_path)
    with pytest.raises(CorpusError, match="is not a folder"):
        load(tmp_path / "none")


def test_folder_by_environment(folder, monkeypatch):
    with pytest.raises(CorpusError, match="FERFUSION_DATA"):
        load_corpus("ravdess")
    monkeypatch.setenv("FERFUSION_DATA", str(folder.parent))
    assert len(load_corpus("ravdess")) == 4


@pytest.mark.parametrize("where", ["inside", "beside", "named"])
def test_action_units(folder, tmp_path, where):
    paths = {
        "inside": folder / "action_units.csv",
        "beside": tmp_path / "ravdess_visual" / "action_units.csv",
        "named": tmp_path / "mine.csv",
    }
    path = units(paths[where])
    corpus = load_corpus("ravdess", folder, action_units=path) if where == "named" else load(folder)
    assert corpus.views == ["visual_au"]
    assert corpus.X.loc[CLIPS, "visual_au__AU01_r"].tolist() == [0.0, 0.5, 1.0, 1.5]
    assert corpus.notes == (f"views 'visual_au' joined from {path.name} for 4 of 4 rows",)


def test_action_units_of_a_half(folder):
    units(folder / "action_units.csv", CLIPS[:2])
    corpus = load(folder)
    assert corpus.X.loc[CLIPS, "visual_au__AU01_r"].isna().tolist() == [False, False, True, True]
    assert corpus.notes == ("views 'visual_au' joined from action_units.csv for 2 of 4 rows",)


def test_action_units_of_another_corpus(folder):
    units(folder / "action_units.csv", ["a", "b"])
    with pytest.raises(CorpusError, match=r"No id of .* is one of the corpus"):
        load(folder)


def test_published_folds_of_a_part(folder):
    corpus = load(folder)
    folds = corpus.folds("luna2022")
    assert [(fold.name, set(corpus.X["speaker"].iloc[fold.test])) for fold in folds] == [
        ("fold 1", {"02"}),
        ("fold 5", {"01"}),
    ]
    with pytest.raises(ProtocolError, match="two sets of rows"):
        load(folder / "Actor_01").folds("luna2022")


@pytest.fixture(scope="module")
def real(corpus_folder):
    return load(corpus_folder("ravdess"))


def test_real_facts(real):
    assert len(real) == 1440
    assert real.y.value_counts().to_dict() == CARD.emotions
    assert CARD.emotions["neutral"] == 96
    assert real.X["speaker"].value_counts().to_dict() == {f"{i:02d}": 60 for i in range(1, 25)}
    assert real.X.groupby("gender")["speaker"].nunique().to_dict() == {"female": 12, "male": 12}
    assert real.X.loc[real.y == "neutral", "intensity"].eq("normal").all()


def test_real_action_units(real, corpus_folder):
    assert real.views == ["visual_au"]
    columns = [column for column in real.X.columns if column.startswith("visual_au__")]
    assert len(columns) == 35
    assert real.X[columns].notna().all(axis=None)
    given = pd.read_csv(corpus_folder("ravdess_visual") / "action_units.csv").set_index("clip")
    np.testing.assert_array_equal(real.X[columns], given.loc[real.X.index, columns])


def test_real_validates_but_for_the_known_duplicate(real):
    assert real.validate().to_numpy().tolist() == [["03-01-03-01-02-02-07", "the same sound as '03-01-03-01-02-01-07'"]]


def test_real_published_folds(real):
    folds = real.folds("luna2022")
    held_out = [{int(speaker) for speaker in set(real.X["speaker"].iloc[fold.test])} for fold in folds]
    assert held_out == [
        {2, 5, 14, 15, 16},
        {3, 6, 7, 13, 18},
        {10, 11, 12, 19, 20},
        {8, 17, 21, 23, 24},
        {1, 4, 9, 22},
    ]
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(1440))
    assert all(not set(fold.train) & set(fold.test) and len(fold.train) + len(fold.test) == 1440 for fold in folds)


def test_original_files(corpus_folder):
    corpus = load(corpus_folder("ravdess_original"))
    assert len(corpus) == 60
    channels = [soundfile.info(path).channels for path in corpus.X["audio"]]
    assert sorted(channels) == [1] * 58 + [2, 2]
    stereo = corpus.select(np.array(channels) == 2)
    for recording in recordings_of(stereo.X):
        signal, rate = read_audio(recording, 16000)
        assert rate == 16000
        assert abs(len(signal) / rate - soundfile.info(recording.source).duration) < 0.01
