"""``ferfusion predict``: ask a saved model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import soundfile
import soxr

from ferfusion import load_model, save_model
from ferfusion.base.errors import CorpusError, FerfusionError, UntrustedModelError
from ferfusion.corpora import read_manifest


@pytest.fixture(scope="module")
def sounds(manifest):
    """Recordings of one speaker, ten of them."""
    corpus = read_manifest(manifest)
    return corpus.X.loc[corpus.X["speaker"] == "s01", "audio"].tolist()


@pytest.fixture
def folder(sounds, tmp_path):
    inside = tmp_path / "calls" / "sub"
    inside.mkdir(parents=True)
    for i, path in enumerate(sounds):
        signal, rate = soundfile.read(path)
        soundfile.write(
            inside / f"{i:02d}.{'FLAC' if i == 1 else 'wav'}", signal, rate, format="FLAC" if i == 1 else "WAV"
        )
    (inside / "._00.wav").write_bytes(b"a Mac's notes")
    (inside / "notes.txt").write_text("no sound")
    return tmp_path / "calls"


def test_file(call, model, sounds):
    (row,) = call("predict", model, sounds[0], "--json").json
    expected = load_model(model).predict_proba(pd.DataFrame({"audio": [sounds[0]]}, index=["x"]))[0]
    chances = {name.removeprefix("p_"): value for name, value in row.items() if name.startswith("p_")}
    assert row["id"] == sounds[0]
    assert list(chances.values()) == pytest.approx(expected.tolist())
    assert row["emotion"] == max(chances, key=chances.get)
    assert (row["speaker_scaling"], row["fault"]) == ("train", "")
    text = call("predict", model, sounds[0]).text
    assert "train: scaled by the training statistics" in text
    assert row["emotion"] in text


def test_folder(call, model, folder, tmp_path):
    out = tmp_path / "new" / "predictions.csv"
    rows = call("predict", model, folder, "--json", "-o", out).json
    assert [row["id"].rsplit("/", 1)[1] for row in rows] == [
        f"{i:02d}.{'FLAC' if i == 1 else 'wav'}" for i in range(10)
    ]
    written = pd.read_csv(out)
    assert written["emotion"].tolist() == [row["emotion"] for row in rows]
    assert {row["speaker_scaling"] for row in rows} == {"train"}


def test_speaker_with_ten_recordings(call, model, folder):
    own = call("predict", model, folder, "--speaker", "anna", "--json").json
    assert {row["speaker_scaling"] for row in own} == {"self"}
    assert "self: scaled by the speaker's own recordings" in call("predict", model, folder, "--speaker", "anna").text
    (folder / "sub" / "09.wav").unlink()
    assert {row["speaker_scaling"] for row in call("predict", model, folder, "--speaker", "anna", "--json").json} == {
        "train"
    }


def test_manifest(call, model, manifest):
    rows = call("predict", model, manifest, "--json").json
    X = read_manifest(manifest).X
    assert [row["id"] for row in rows] == X.index.tolist()
    assert [row["emotion"] for row in rows] == load_model(model).predict(X).tolist()


def test_stereo_at_another_rate(call, model, sounds, tmp_path):
    signal, rate = soundfile.read(sounds[0])
    high = soxr.resample(signal, rate, 48000)
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([high, np.zeros_like(high)], axis=1), 48000)
    (stereo,), (mono,) = (call("predict", model, source, "--json").json for source in (path, sounds[0]))
    assert stereo["fault"] == ""
    for name in (name for name in mono if name.startswith("p_")):
        assert stereo[name] == pytest.approx(mono[name], abs=0.1)


def test_words_count(call, model, sounds):
    one, two = (
        call("predict", model, sounds[0], "--text", text, "--json").json[0] for text in ("so happy", "afraid of it")
    )
    assert one["p_fear"] != two["p_fear"]
    with pytest.raises(FerfusionError, match="transcript of one recording, but 2 were named"):
        call("predict", model, *sounds[:2], "--text", "hello")


def test_unreadable(call, model, sounds, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    rows = call("predict", model, bad, sounds[0], tmp_path / "none.wav", "--json", code=3).json
    assert [row["emotion"] is None for row in rows] == [True, False, True]
    assert rows[0]["p_anger"] is None
    assert "cannot be read as sound" in rows[0]["fault"]
    assert "does not exist" in rows[2]["fault"]
    text = call("predict", model, bad, sounds[0], code=3).text
    assert f"{bad}: " in text
    assert "(not judged)" in text
    with pytest.raises(FerfusionError, match="cannot be read as sound"):
        call("predict", model, bad, sounds[0], "--strict")


def test_judged_without_its_sound(call, model, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    text = call("predict", model, tmp_path / "bad.wav", "--text", "so happy", code=3).text
    assert "(judged without it)" in text


def test_nothing_there(call, model, tmp_path):
    with pytest.raises(FerfusionError, match="There are no sound files below"):
        call("predict", model, tmp_path)
    with pytest.raises(CorpusError, match="does not exist"):
        call("predict", model, tmp_path / "none.csv")


def test_same_file_twice_is_one(call, model, sounds):
    assert len(call("predict", model, sounds[0], sounds[0], "--json").json) == 1


def test_pickle_needs_trust(call, model, sounds, tmp_path):
    pickled = save_model(load_model(model), tmp_path / "model.joblib")
    with pytest.raises(UntrustedModelError, match="--trust on the command line"):
        call("predict", pickled, sounds[0])
    assert (
        call("predict", pickled, sounds[0], "--trust", "--json").json
        == call("predict", model, sounds[0], "--json").json
    )
