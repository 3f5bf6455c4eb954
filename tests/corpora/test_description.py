"""A corpus in numbers, counted by hand beside it, and as a picture."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile

from ferfusion.base.card import CorpusCard
from ferfusion.corpora import Corpus, load_corpus


@pytest.fixture
def corpus(tmp_path):
    lengths = {"a": (1.0, 16000, 1), "b": (2.0, 16000, 2), "c": (4.0, 8000, 1)}
    for name, (seconds, rate, channels) in lengths.items():
        soundfile.write(tmp_path / f"{name}.wav", np.zeros((int(seconds * rate), channels)), rate)
    (tmp_path / "d.wav").write_bytes(b"no sound")
    X = pd.DataFrame(
        {
            "audio": [str(tmp_path / f"{name}.wav") for name in "abcd"] + [None],
            "start": [None, 0.5, None, None, None],
            "end": [None, 1.0, 99.0, None, None],
            "text": ["yes", " ", None, "no", "well"],
            "speaker": ["s1", "s1", "s2", "s2", None],
            "visual_au__x": [1.0, np.nan, 2.0, 3.0, 4.0],
        },
        index=list("abcde"),
    )
    y = pd.Series(["anger", "anger", "neutral", None, "neutral"], index=X.index)
    return Corpus(X, y, CorpusCard(name="mine", title="My calls", sampling_rate=16000), notes=["one thing"])


def test_counts(corpus):
    found = corpus.describe()
    assert found.n_utterances == 5
    assert found.durations.tolist()[:3] == [1.0, 0.5, 4.0]
    assert found.hours == pytest.approx(5.5 / 3600)
    assert found.sampling_rates == {16000: 2, 8000: 1}
    assert found.channels == {1: 2, 2: 1}
    assert found.classes == {"(no label)": 1, "anger": 2, "neutral": 2}
    assert found.speakers == {"s1": 2, "s2": 2}
    assert found.missing == {"audio": 1, "text": 2, "visual_au": 1}
    assert found.unreadable == 1
    assert json.loads(json.dumps(found.to_dict()))["durations"]["median"] == 1.0


def test_text(corpus):
    text = str(corpus.describe())
    assert "My calls (mine)" in text
    assert "speakers    2, with 2 to 2 utterances each" in text
    assert "16000 Hz (2), 8000 Hz (1); the owner's recordings have 16000 Hz: this copy was converted" in text
    assert "unreadable  1 recordings" in text
    assert "missing     audio 1, text 2, visual_au 1" in text
    assert "note: one thing" in text


def test_features_alone(toy):
    corpus = toy()
    found = corpus.replace(y=None).describe()
    assert found.hours == 0
    assert "sound       none" in str(found)
    assert "missing     nothing" in str(found)
    assert found.plot().axes[0].texts[0].get_text() == "utterances by class: none"


def test_many_speakers_are_counted_not_listed(corpus):
    X = pd.DataFrame({"audio_x__a": 1.0, "speaker": [f"s{i}" for i in range(30)]}, index=[str(i) for i in range(30)])
    figure = Corpus(X, None, replace(corpus.card)).describe().plot()
    assert figure.axes[1].get_title("left") == "30 speakers: utterances each"


def test_picture(corpus, tmp_path):
    figure = corpus.describe().plot(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert [ax.get_title("left") for ax in figure.axes] == [
        "utterances by class",
        "utterances by speaker",
        "durations in seconds (0.00 h)",
        "rows that have it, of 5",
    ]
    widths = [bar.get_width() for bar in figure.axes[3].patches]
    assert widths == [4, 3, 4]


def test_real(corpus_folder):
    found = load_corpus("emodb", corpus_folder("emodb")).describe()
    assert found.hours == pytest.approx(1487 / 3600, rel=1e-3)
    assert found.sampling_rates == {16000: 535}
    assert found.speakers["14"] == 69
    assert found.durations.min() == pytest.approx(1.23, abs=0.01)
    converted = load_corpus("ravdess", corpus_folder("ravdess")).describe()
    assert "16000 Hz (1440); the owner's recordings have 48000 Hz: this copy was converted" in str(converted)
