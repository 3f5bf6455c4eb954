"""RML: toy folders in the layout that a public loader reads; one real clip, sound and pictures, made here."""

from __future__ import annotations

import os
from fractions import Fraction
from itertools import cycle

import numpy as np
import pandas as pd
import pytest
import soundfile

from ferfusion import load_corpus
from ferfusion.base.errors import CorpusError, ProtocolError, UnknownNameError
from ferfusion.corpora.rml import CARD, load
from ferfusion.features.audio.reading import read_audio
from ferfusion.features.sources import recordings_of

CLIPS = [
    "rml-1/s1/english/an1",
    "rml-1/s1/Mandarin/an1",
    "rml-1/s2/di1",
    "rml-1/s5/fe12",
    "rml-2/s6/an1",
    "rml-2/s7/ha3",
    "rml-2/s8/urdu/sa2",
    "rml-2/s8/urdu/su2",
]
IDS = ["s1_english_an1", "s1_mandarin_an1", "s2_di1", "s5_fe12", "s6_an1", "s7_ha3", "s8_urdu_sa2", "s8_urdu_su2"]
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 5500044\n"


def clip(path, content=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((content or f"a video, {path}").encode())


def sound(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(800), 22050, format="WAV")


def real_clip(path, seconds=0.4, rate=22050):
    """AVI with pictures (MPEG-4) and a tone (16-bit PCM, one channel)."""
    av = pytest.importorskip("av")
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    with av.open(str(path), "w") as file:
        pictures = file.add_stream("mpeg4", rate=30)
        pictures.width, pictures.height, pictures.pix_fmt = 32, 32, "yuv420p"
        voice = file.add_stream("pcm_s16le", rate=rate)
        voice.layout = "mono"
        for i in range(round(30 * seconds)):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 10 * i, dtype=np.uint8), format="rgb24")
            file.mux(pictures.encode(frame))
        frame = av.AudioFrame.from_ndarray((tone[None] * 32767).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
        file.mux(voice.encode(frame))
        for stream in (pictures, voice):
            file.mux(stream.encode(None))
    return tone


def place(root, clips=CLIPS):
    for name in clips:
        clip(root / f"{name}.avi", name)


@pytest.fixture
def folder(tmp_path):
    place(tmp_path / "RML")
    return tmp_path / "RML"


def test_paths_say_everything(folder):
    corpus = load(folder)
    assert corpus.X.index.tolist() == IDS
    assert corpus.y.tolist() == ["anger", "anger", "disgust", "fear", "anger", "happiness", "sadness", "surprise"]
    path = str(folder / "rml-1" / "s1" / "Mandarin" / "an1.avi")
    assert corpus.X.loc["s1_mandarin_an1"].to_dict() == {
        "audio": path,
        "video": path,
        "speaker": "s1",
        "language": "zh",
        "part": "rml-1",
        "corpus": "rml",
        "original_label": "an",
    }
    assert corpus.X["language"].fillna("").tolist() == ["en", "zh", "", "", "", "", "ur", "ur"]
    assert corpus.X["part"].tolist() == ["rml-1"] * 4 + ["rml-2"] * 4
    assert corpus.notes == ("layout: 4 clips in rml-1, 4 clips in rml-2",)
    assert "text" not in corpus.X


def test_letter_case_and_hidden_files(tmp_path):
    for name in ("RML-1/S1/English/AN1.AVI", "RML-1/S1/English/._AN1.AVI", "__MACOSX/rml-1/s2/an1.avi"):
        clip(tmp_path / name)
    corpus = load(tmp_path)
    assert corpus.X.index.tolist() == ["s1_english_an1"]
    assert corpus.X.loc["s1_english_an1", ["speaker", "language", "part", "original_label"]].tolist() == [
        "s1",
        "en",
        "rml-1",
        "an",
    ]


@pytest.mark.parametrize(("part", "speaker"), [("rml-2", ""), ("rml-2", "s8")])
def test_folder_of_a_part_or_a_speaker(folder, part, speaker):
    corpus = load(folder / part / speaker)
    assert corpus.X.index.tolist() == [id_ for id_ in IDS if id_.startswith(speaker or ("s6", "s7", "s8"))]
    assert set(corpus.X["part"].fillna("unknown")) == {"unknown" if speaker else "rml-2"}
    assert "8 speakers expected" in " ".join(corpus.validate(read=False)["fault"])


def test_unknown_language_folder_keeps_ids_apart(folder):
    clip(folder / "rml-1" / "s1" / "accent2" / "an1.avi")
    corpus = load(folder)
    assert pd.isna(corpus.X.loc["s1_accent2_an1", "language"])
    assert len(corpus) == len(CLIPS) + 1


@pytest.mark.parametrize(
    "name", ["rml-1/s9/an1.avi", "rml-1/s1/xx1.avi", "rml-1/s1/english/sample.avi", "an1.avi", "rml-1/talk/an1.avi"]
)
def test_unknown_names_are_left_out(folder, name):
    clip(folder / name)
    corpus = load(folder)
    assert corpus.X.index.tolist() == IDS
    assert f"left out 1 files that name no speaker or emotion of RML: '{name}'" in corpus.notes


def test_nested_copy_is_read_once(folder):
    place(folder / "copy")
    corpus = load(folder)
    assert corpus.X.index.tolist() == IDS
    assert not any(path.startswith(str(folder / "copy")) for path in corpus.X["audio"])
    assert "8 files stand there twice under the same name and were read once" in corpus.notes


def test_sound_files_beside_the_clips(folder):
    sound(folder / "rml-1" / "s2" / "di1.wav")
    sound(folder / "rml-1" / "s2" / "wav" / "di1.wav")
    corpus = load(folder)
    assert corpus.X.index.tolist() == IDS
    assert corpus.X.loc["s2_di1", "audio"] == str(folder / "rml-1" / "s2" / "di1.wav")
    assert corpus.X.loc["s2_di1", "video"] == str(folder / "rml-1" / "s2" / "di1.avi")
    assert corpus.X.loc["s6_an1", "audio"] == corpus.X.loc["s6_an1", "video"]
    assert "the sound of 1 clips is read from sound files of the same name" in corpus.notes
    assert "1 sound files belong to no clip and were left out: 's2_wav_di1'" in corpus.notes


def test_sound_alone(tmp_path):
    for i, name in enumerate(CLIPS):
        sound(tmp_path / f"{name}.wav", i)
    corpus = load(tmp_path)
    assert corpus.X.index.tolist() == IDS
    assert "video" not in corpus.X
    assert "there is no video, only sound" in corpus.notes


def test_sound_is_read_from_a_clip(tmp_path):
    tone = real_clip(tmp_path / "rml-1" / "s1" / "an1.avi")
    clip(tmp_path / "rml-2" / "s6" / "di1.avi")
    (tmp_path / "rml-2" / "s6" / "fe1.avi").write_text(POINTER.format("fe1"))
    corpus = load(tmp_path)
    assert corpus.X.index.tolist() == ["s1_an1", "s6_di1"]
    signal, rate = read_audio(recordings_of(corpus.X)[0])
    assert rate == 22050
    np.testing.assert_allclose(signal, tone, atol=1e-4)
    faults = corpus.validate()
    unread = faults.loc[faults["fault"].str.contains("cannot be read|pointer|damaged"), "id"]
    assert sorted(unread) == ["s6_di1", "s6_fe1"]
    assert any("left out 1 files that are pointers of Git LFS" in note for note in corpus.notes)


def test_wrong_and_empty_folders(tmp_path):
    with pytest.raises(CorpusError, match=r"expected folders rml-1/s1 .* found no recordings"):
        load(tmp_path)
    clip(tmp_path / "an1.avi")  # of whom?
    with pytest.raises(CorpusError, match=r"found 1 recordings such as 'an1\.avi'.*ryerson"):
        load(tmp_path)
    with pytest.raises(CorpusError, match=r"is not a folder.*agreement"):
        load(tmp_path / "none")


def test_second_part_as_test(folder):
    corpus = load(folder)
    assert set(corpus.protocols()) == {"speaker", "stratified", "rml2"}
    (fold,) = corpus.folds("rml2")
    assert fold.name == "rml-2"
    assert set(corpus.X["speaker"].iloc[fold.train]) == {"s1", "s2", "s5"}
    assert set(corpus.X["speaker"].iloc[fold.test]) == {"s6", "s7", "s8"}
    with pytest.raises(ProtocolError, match="both parts"):
        corpus.select(IDS[:3]).folds("rml2")


def test_no_second_part_without_its_folders(tmp_path):
    place(tmp_path, [name.split("/", 1)[1] for name in CLIPS])
    corpus = load(tmp_path)
    assert corpus.X.index.tolist() == IDS
    assert corpus.X["part"].isna().all()
    assert corpus.notes == ("8 clips lie in no folder rml-1 or rml-2: the protocol rml2 is not offered",)
    assert "rml2" not in corpus.protocols()
    with pytest.raises(UnknownNameError):
        corpus.folds("rml2")


# clips of each emotion in the two parts, as mcnDatasets counts them
COUNTS = {"an": (66, 54), "di": (67, 53), "fe": (67, 53), "ha": (73, 47), "sa": (66, 54), "su": (68, 52)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """720 clips, each a link to one file; which speaker has how many is made up."""
    root = tmp_path_factory.mktemp("rml")
    clip(root / "one.bin")
    places = {
        "rml-1": ["s1/english", "s1/mandarin", "s2", "s3", "s4/persian", "s4/english", "s5"],
        "rml-2": ["s6", "s7/urdu", "s7/punjabi", "s8"],
    }
    for index, (part, folders) in enumerate(places.items()):
        for name in folders:
            (root / part / name).mkdir(parents=True)
        for code, counts in COUNTS.items():
            for number, name in zip(range(counts[index]), cycle(folders), strict=False):
                os.link(root / "one.bin", root / part / name / f"{code}{number // len(folders) + 1}.avi")
    return load(root)


def test_whole_corpus_has_the_published_counts(whole):
    assert len(whole) == CARD.n_utterances == 720
    assert whole.y.value_counts().to_dict() == dict.fromkeys(
        ["anger", "disgust", "fear", "happiness", "sadness", "surprise"], 120
    )
    assert whole.X["part"].value_counts().to_dict() == {"rml-1": 407, "rml-2": 313}
    assert whole.X["speaker"].nunique() == 8
    assert whole.X["video"].nunique() == 720
    assert whole.faults == ()
    assert whole.validate(read=False).empty


def test_protocols(whole):
    assert set(CARD.protocols) == {"speaker", "rml2", "stratified"}
    assert [fold.name for fold in whole.folds("speaker")] == [f"s{i}" for i in range(1, 9)]
    assert len(whole.folds("stratified")) == 10
    (fold,) = whole.folds("rml2")
    assert (len(fold.train), len(fold.test)) == (407, 313)


def test_by_name(folder, monkeypatch):
    monkeypatch.setenv("FERFUSION_DATA", str(folder.parent))
    (folder.parent / "rml").symlink_to(folder)
    assert len(load_corpus("rml")) == len(CLIPS)
