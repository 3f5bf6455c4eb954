"""SAVEE: toy folders of generated sounds in the owner's layout and that of a well-known flat copy."""

from __future__ import annotations

import os

import numpy as np
import pytest
import soundfile

from ferfusion import load_corpus
from ferfusion.base.errors import CorpusError
from ferfusion.corpora.savee import CARD, load

NAMES = ["DC_a01", "DC_sa15", "JE_su02", "JK_n30", "KL_h07", "KL_f03", "JE_d11"]
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 300044\n"


def sound(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    signal = 0.1 * np.random.default_rng(seed).standard_normal(800)
    soundfile.write(path, signal, 44100, format="WAV")


def place(root, names=NAMES, *, flat=False):
    for i, name in enumerate(names):
        speaker, file = name.split("_")
        sound(root / f"{name}.wav" if flat else root / speaker / f"{file}.wav", i)


def clip(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(f"a video named {path.name}".encode())


@pytest.fixture
def folder(tmp_path):
    place(tmp_path / "SAVEE" / "AudioData")
    (tmp_path / "SAVEE" / "AudioData" / "Info.txt").write_text("Speakers and names")
    return tmp_path / "SAVEE"


def test_names_say_everything(folder):
    corpus = load(folder)
    assert corpus.y.to_dict() == {
        "DC_a01": "anger",
        "DC_sa15": "sadness",
        "JE_d11": "disgust",
        "JE_su02": "surprise",
        "JK_n30": "neutral",
        "KL_f03": "fear",
        "KL_h07": "happiness",
    }
    assert corpus.X.loc["DC_sa15"].to_dict() == {
        "audio": str(folder / "AudioData" / "DC" / "sa15.wav"),
        "speaker": "DC",
        "gender": "male",
        "sentence": "sa15",
        "language": "en",
        "corpus": "savee",
        "original_label": "sa",
    }
    assert "text" not in corpus.X
    assert corpus.notes == ("layout: 7 as folders DC/a01",)


@pytest.mark.parametrize("where", ["", "ALL"])
def test_flat_copy_has_the_same_ids(folder, tmp_path, where):
    place(tmp_path / "flat" / where, flat=True)
    corpus = load(tmp_path / "flat")
    assert corpus.X.drop(columns="audio").equals(load(folder).X.drop(columns="audio"))
    assert corpus.notes == ("layout: 7 as files DC_a01",)


def test_letter_case_and_hidden_files(tmp_path):
    place(tmp_path, ["dc_A01", "dc_SA15"])
    (tmp_path / "dc" / "A01.wav").rename(tmp_path / "dc" / "A01.WAV")
    sound(tmp_path / "dc" / "._A01.wav")
    sound(tmp_path / "__MACOSX" / "DC" / "d01.wav")
    sound(tmp_path / "JEsu02.wav")
    assert load(tmp_path).X.index.tolist() == ["DC_a01", "DC_sa15", "JE_su02"]


def test_folder_of_one_speaker(folder, monkeypatch):
    assert load(folder / "AudioData" / "DC").X.index.tolist() == ["DC_a01", "DC_sa15"]
    monkeypatch.chdir(folder / "AudioData" / "DC")
    assert load(".").X["speaker"].tolist() == ["DC", "DC"]


def test_both_layouts_in_one_folder_count_once(folder):
    place(folder / "ALL", flat=True)
    corpus = load(folder)
    assert corpus.X.index.tolist() == sorted(NAMES)
    assert corpus.faults == ()
    assert "7 files stand there twice under the same name and were read once" in corpus.notes
    sound(folder / "ALL" / "JK_n30.wav", seed=99)
    corpus = load(folder)
    assert len(corpus) == 7
    assert [id_ for id_, _ in corpus.faults] == ["JK_n30"]


def test_parts_of_two_layouts(tmp_path):
    place(tmp_path / "AudioData", NAMES[:3])
    place(tmp_path / "ALL", NAMES[3:], flat=True)
    corpus = load(tmp_path)
    assert corpus.X.index.tolist() == sorted(NAMES)
    assert corpus.notes == ("layout: 4 as files DC_a01, 3 as folders DC/a01",)


@pytest.mark.parametrize("file", ["DC/a16.wav", "DC/n31.wav", "DC/a00.wav", "DC/s01.wav", "XX_a01.wav", "new/a01.wav"])
def test_unknown_codes_are_left_out(folder, file):
    sound(folder / "AudioData" / file)
    corpus = load(folder)
    assert corpus.X.index.tolist() == sorted(NAMES)
    told = f"left out 1 files that name no speaker, emotion or sentence of SAVEE: 'AudioData/{file}'"
    assert told in corpus.notes


def test_video_clips_beside_the_sound(folder):
    # one public copy counts without a leading zero
    clip(folder / "AudioVisualClip" / "DC" / "a1.avi")
    clip(folder / "AudioVisualClip" / "DC" / "sa15.avi")
    corpus = load(folder)
    assert corpus.X.index.tolist() == sorted(NAMES)
    assert corpus.X.loc["DC_a01", "audio"] == str(folder / "AudioData" / "DC" / "a01.wav")
    assert corpus.X.loc["DC_a01", "video"] == str(folder / "AudioVisualClip" / "DC" / "a1.avi")
    assert corpus.X["video"].notna().sum() == 2
    assert corpus.notes == ("layout: 7 as folders DC/a01", "video clips: layout: 2 as folders DC/a01")


def test_video_clips_alone(tmp_path):
    clip(tmp_path / "AudioVisualClip" / "DC" / "a1.avi")
    clip(tmp_path / "AudioVisualClip" / "JE" / "su15.avi")
    corpus = load(tmp_path)
    assert corpus.y.to_dict() == {"DC_a01": "anger", "JE_su15": "surprise"}
    assert corpus.X["audio"].equals(corpus.X["video"].rename("audio"))
    assert corpus.X.loc["DC_a01", "audio"].endswith("a1.avi")
    told = "2 recordings are there as video clips only, and their sound is read from those"
    assert corpus.notes == ("video clips: layout: 2 as folders DC/a01", told)


def test_pointers_are_told_at_once_and_found_by_validate(folder):
    for name in ("DC/a01", "DC/sa15"):
        (folder / "AudioData" / f"{name}.wav").write_text(POINTER.format(name))
    corpus = load(folder)
    assert len(corpus) == 5
    assert corpus.notes[0].startswith("left out 2 files that are pointers of Git LFS, not recordings")
    table = corpus.validate()
    told = table.loc[table["fault"].str.contains("pointer of Git LFS"), "id"]
    assert told.tolist() == ["DC_a01", "DC_sa15"]


def test_nothing_but_pointers(tmp_path):
    (tmp_path / "DC").mkdir()
    for number in range(1, 16):
        (tmp_path / "DC" / f"a{number:02d}.wav").write_text(POINTER.format(number))
    with pytest.raises(CorpusError, match="found 15 pointers of Git LFS"):
        load(tmp_path)


def test_wrong_and_empty_folders(tmp_path):
    (tmp_path / "Info.txt").write_text("no sound")
    with pytest.raises(CorpusError, match=r"expected folders AudioData/DC.* found no recordings"):
        load(tmp_path)
    sound(tmp_path / "03-01-01-01-01-01-01.wav")
    with pytest.raises(CorpusError, match=r"1 recordings such as '03-01.*surrey"):
        load(tmp_path)
    sound(tmp_path / "a01.wav")  # of whom?
    with pytest.raises(CorpusError, match=r"DC_a01\.wav"):
        load(tmp_path)
    with pytest.raises(CorpusError, match=r"is not a folder.*Register at"):
        load(tmp_path / "none")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """All 480 names, each a link to one sound, and as many video clips."""
    root = tmp_path_factory.mktemp("savee")
    sound(root / "sound.wav")
    clip(root / "clip.avi")
    for speaker in ("DC", "JE", "JK", "KL"):
        for kind, ending in (("AudioData", "wav"), ("AudioVisualClip", "avi")):
            (root / kind / speaker).mkdir(parents=True)
            for code in ("a", "d", "f", "h", "n", "sa", "su"):
                for number in range(1, 31 if code == "n" else 16):
                    source = root / ("sound.wav" if ending == "wav" else "clip.avi")
                    os.link(source, root / kind / speaker / f"{code}{number:02d}.{ending}")
    return load(root)


def test_whole_corpus_has_the_published_counts(whole):
    assert len(whole) == CARD.n_utterances == 480
    assert whole.y.value_counts().to_dict() == {
        "neutral": 120,
        **dict.fromkeys(["anger", "disgust", "fear", "happiness", "sadness", "surprise"], 60),
    }
    assert whole.X["speaker"].value_counts().to_dict() == dict.fromkeys(["DC", "JE", "JK", "KL"], 120)
    assert whole.X["video"].notna().all()
    assert whole.X["sentence"].nunique() == 120
    assert whole.validate(read=False).empty


def test_protocols(whole):
    assert set(CARD.protocols) == {"speaker", "stratified"}
    assert [fold.name for fold in whole.folds("speaker")] == ["DC", "JE", "JK", "KL"]
    assert all(len(fold.test) == 120 for fold in whole.folds("speaker"))
    assert len(whole.folds("stratified")) == 10


def test_by_name(folder, monkeypatch):
    monkeypatch.setenv("FERFUSION_DATA", str(folder.parent))
    (folder.parent / "savee").symlink_to(folder)
    assert len(load_corpus("savee")) == 7
