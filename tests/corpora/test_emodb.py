"""EMO-DB: a toy folder of generated sounds, and the real one."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from ferfusion import load_corpus
from ferfusion.base.errors import CorpusError
from ferfusion.corpora.emodb import CARD, SENTENCES, SPEAKERS, load

NAMES = ["03a01Fa", "03a01Nc", "08b10Wb", "16a05La", "16b02Ed", "13a07Ac", "10b09Ta"]


def sound(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    signal = 0.1 * np.random.default_rng(seed).standard_normal(800)
    soundfile.write(path, signal, 16000, format="WAV")


@pytest.fixture
def folder(tmp_path):
    for i, name in enumerate(NAMES):
        sound(tmp_path / "wav" / f"{name}.{'WAV' if i == 1 else 'wav'}", i)
    (tmp_path / "wav" / "._03a01Fa.wav").write_bytes(b"a Mac's notes")
    (tmp_path / "wav" / "silence.wav").write_bytes(b"no name of EMO-DB")
    (tmp_path / "erkennung.txt").write_text("no sound")
    return tmp_path


def test_names_say_everything(folder):
    corpus = load(folder)
    assert corpus.X.index.tolist() == sorted(NAMES)
    assert corpus.y.to_dict() == {
        "03a01Fa": "happiness",
        "03a01Nc": "neutral",
        "08b10Wb": "anger",
        "10b09Ta": "sadness",
        "13a07Ac": "fear",
        "16a05La": "boredom",
        "16b02Ed": "disgust",
    }
    row = corpus.X.loc["08b10Wb"]
    assert row.drop("audio").to_dict() == {
        "text": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
        "speaker": "08",
        "gender": "female",
        "age": 34,
        "sentence": "b10",
        "language": "de",
        "corpus": "emodb",
        "original_label": "W",
    }
    assert row["audio"] == str(folder / "wav" / "08b10Wb.wav")
    assert corpus.notes == ()
    assert corpus.card.uninformative_views == ("text",)


def test_folder_of_recordings_itself(folder):
    assert load(folder / "wav").X.index.tolist() == sorted(NAMES)


def test_copies_count_once(folder):
    sound(folder / "emodb" / "wav" / "03a01Fa.wav", NAMES.index("03a01Fa"))
    corpus = load(folder)
    assert len(corpus) == len(NAMES)
    assert corpus.X.loc["03a01Fa", "audio"] == str(folder / "wav" / "03a01Fa.wav")
    assert corpus.notes == ("1 files stand there twice under the same name and were read once",)


@pytest.mark.parametrize("name", ["99a01Fa", "03a03Fa"], ids=["speaker", "sentence"])
def test_codes_of_nobody_are_left_out(folder, name):
    sound(folder / "wav" / f"{name}.wav")
    corpus = load(folder)
    assert name not in corpus.X.index
    assert corpus.notes == (f"left out {name}.wav: no speaker or sentence of EMO-DB has this code",)


def test_only_codes_of_nobody(tmp_path):
    sound(tmp_path / "99a01Fa.wav")
    with pytest.raises(CorpusError, match="No recordings of Berlin"):
        load(tmp_path)


def test_empty_and_wrong_folders(tmp_path):
    with pytest.raises(
        CorpusError, match=r"No recordings of Berlin .*expected a folder wav/.*found no recordings.*Get it from http"
    ):
        load(tmp_path)
    sound(tmp_path / "03-01-05-01-02-01-12.wav")
    with pytest.raises(CorpusError, match="No recordings of Berlin"):
        load(tmp_path)
    with pytest.raises(CorpusError, match="is not a folder"):
        load(tmp_path / "none")


def test_folder_by_environment(folder, tmp_path, monkeypatch):
    with pytest.raises(CorpusError, match="set FERFUSION_DATA to the folder that holds emodb/"):
        load()
    (folder / "wav").rename(tmp_path / "emodb")
    monkeypatch.setenv("FERFUSION_DATA", str(tmp_path))
    assert len(load_corpus("emodb")) == len(NAMES)


def test_toy_does_not_pass_for_the_whole(folder):
    faults = load(folder).validate()["fault"].tolist()
    assert "anger: 127 utterances expected, 1 found" in faults
    assert "10 speakers expected, 5 found" in faults
    assert "the only row of 'anger'" in faults


def test_real(corpus_folder):
    corpus = load(corpus_folder("emodb"))
    assert len(corpus) == 535
    assert corpus.y.value_counts().to_dict() == {
        "anger": 127,
        "boredom": 81,
        "disgust": 46,
        "fear": 69,
        "happiness": 71,
        "sadness": 62,
        "neutral": 79,
    }
    assert corpus.y.value_counts().to_dict() == CARD.emotions
    people = corpus.X.groupby("speaker")[["gender", "age"]].agg(["nunique", "first"])
    assert people.index.tolist() == ["03", "08", "09", "10", "11", "12", "13", "14", "15", "16"]
    assert (people[[("gender", "nunique"), ("age", "nunique")]] == 1).all(axis=None)
    assert people["gender"]["first"].to_dict() == {code: gender for code, (gender, _) in SPEAKERS.items()}
    # Burkhardt et al. 2005: five women and five men
    women = [code for code, (gender, _) in SPEAKERS.items() if gender == "female"]
    assert women == ["08", "09", "13", "14", "16"]
    assert set(corpus.X["sentence"]) == set(SENTENCES)
    assert corpus.validate().empty
    assert [fold.name for fold in corpus.folds("speaker")] == people.index.tolist()
    assert corpus.notes == ()


def test_letters_of_another_case(tmp_path):
    sound(tmp_path / "03A01FA.WAV")
    assert load(tmp_path).X.index.tolist() == ["03a01Fa"]


def test_two_files_of_one_name_with_different_sound(folder):
    sound(folder / "again" / "wav" / "03a01Fa.wav", seed=99)
    corpus = load(folder)
    assert corpus.X.loc["03a01Fa", "audio"] == str(folder / "wav" / "03a01Fa.wav")
    assert any("different content" in note for note in corpus.notes)
    faults = corpus.validate(read=False)
    assert faults["fault"][faults["id"] == "03a01Fa"].str.contains("two files with this id").sum() == 1


def test_copy_cut_to_one_length(tmp_path):
    for i, name in enumerate([f"03{sentence}Fa" for sentence in SENTENCES]):
        signal = 0.1 * np.random.default_rng(i).standard_normal(44100)
        soundfile.write(tmp_path / f"{name}.wav", signal, 22050)
    faults = load(tmp_path).validate()["fault"]
    assert faults.str.contains("all 10 recordings last exactly 2.000 s").any()


def test_listeners(folder):
    lines = [
        "Nr.\tSatz\terkannt\tnatuerlich",
        "3\xa0\t03a01Fa.wav\t90,00\xa0\xa0\t75,00\xa0 ",
        "4\t99a01Fa.wav\t10,00\t20,00",  # rated but not released
    ]
    (folder / "erkennung.txt").write_bytes("\r\n".join(lines).encode("latin-1"))
    corpus = load(folder)
    assert corpus.X.loc["03a01Fa", ["recognised", "natural"]].tolist() == [0.9, 0.75]
    assert np.isnan(corpus.X.loc["08b10Wb", "recognised"])
    assert len(corpus) == len(NAMES)
    answers = corpus.soft.loc["03a01Fa"]
    assert answers["happiness"] == pytest.approx(0.9)
    np.testing.assert_allclose(answers.drop("happiness"), 0.1 / 6)
    assert corpus.soft.loc["08b10Wb"].isna().all()


def test_real_listeners(corpus_folder):
    corpus = load(corpus_folder("emodb"))
    assert corpus.X["recognised"].between(0.8, 1.0).all()
    assert corpus.X["recognised"].mean() == pytest.approx(0.935, abs=0.001)
    assert int((corpus.X["natural"] < 0.6).sum()) == 42
    np.testing.assert_allclose(corpus.soft.sum(axis=1), 1)
    assert (corpus.soft.idxmax(axis=1) == corpus.y).all()
