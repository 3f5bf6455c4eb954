"""The synthetic corpus: what its options promise, and how hard it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline

from ferfusion.base.errors import CorpusError, UnknownNameError
from ferfusion.base.table import features_of
from ferfusion.corpora.synthetic import CARD, load, make_corpus

SMALL = {"n_speakers": 4, "n_utterances": 20}


@pytest.fixture(scope="module")
def default():
    return make_corpus()


@pytest.fixture(scope="module")
def small():
    return make_corpus(**SMALL)


def assert_same_sounds(one, other):
    for a, b in zip(one.X["audio"], other.X["audio"], strict=True):
        np.testing.assert_array_equal(a, b)


def test_table(default):
    X, y = default.X, default.y
    assert len(X) == len(y) == CARD.n_utterances == 240
    assert X.index.is_unique
    assert X.index.str.fullmatch(r"syn_d\d+_t\d+").all()
    assert list(X.columns[:9]) == [
        *("audio", "sampling_rate", "text", "speaker", "gender"),
        *("language", "dialogue", "turn", "corpus"),
    ]
    assert y.name == "emotion"
    assert y.index.equals(X.index)
    assert default.views == ["visual_au"]
    assert "visual_au__AU01_intensity" in X.columns
    assert (X.filter(like="visual_au__").dtypes == np.float32).all()
    assert default.validate().empty
    assert set(default.truth) == set(X.index)


def test_sounds(default):
    for sound in default.X["audio"]:
        assert sound.dtype == np.float32
        assert sound.ndim == 1
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() < 0.99
    lengths = np.array([len(sound) / 16000 for sound in default.X["audio"]])
    assert 1.0 < lengths.min() <= lengths.max() < 5
    np.testing.assert_allclose(lengths, [default.truth[i].duration for i in default.X.index])


def test_balance(default):
    assert default.y.value_counts().to_dict() == dict(CARD.emotions)
    table = pd.crosstab(default.X["speaker"], default.y)
    assert table.shape == (8, 5)
    assert table.to_numpy().min() >= 1
    assert table.sum(axis=1).min() >= 20
    assert default.X.groupby("speaker")["gender"].nunique().max() == 1
    assert default.X.groupby("dialogue")["speaker"].nunique().max() == 2


def test_same_seed_same_corpus(small):
    again, other = make_corpus(**SMALL), make_corpus(**SMALL, seed=1)
    assert_same_sounds(small, again)
    pd.testing.assert_frame_equal(small.X.drop(columns="audio"), again.X.drop(columns="audio"))
    pd.testing.assert_series_equal(small.y, again.y)
    assert small.X["text"].tolist() != other.X["text"].tolist()


def test_views_do_not_disturb_each_other(small):
    heard, read = (make_corpus(**SMALL, views=(view,)) for view in ("audio", "text"))
    assert_same_sounds(small, heard)
    assert "text" not in heard.X
    assert "audio" not in read.X
    assert read.truth == {}
    assert read.X["text"].tolist() == small.X["text"].tolist()


def test_noise_has_the_asked_ratio(small):
    noisy = make_corpus(**SMALL, noise_db=15.0)
    for clean, sound in zip(small.X["audio"], noisy.X["audio"], strict=True):
        noise = sound.astype(float) - clean
        ratio = 10 * np.log10(np.mean(clean.astype(float) ** 2) / np.mean(noise**2))
        assert ratio == pytest.approx(15, abs=0.3)
    assert make_corpus(**SMALL, noise_db=-20.0).X["audio"].map(lambda sound: np.abs(sound).max()).max() < 0.99


def test_silence_surrounds_the_same_voice(small):
    padded = make_corpus(**SMALL, silence=0.25)
    for name, clean, sound in zip(small.X.index, small.X["audio"], padded.X["audio"], strict=True):
        np.testing.assert_array_equal(sound[4000:-4000], clean)
        assert not sound[:4000].any()
        assert not sound[-4000:].any()
        assert padded.truth[name].duration == pytest.approx(len(sound) / 16000)


def test_missing_values(small):
    shares = {"audio": 0.2, "text": 0.3, "visual": 0.5}
    gaps = make_corpus(**SMALL, missing=shares)
    assert gaps.X["audio"].isna().sum() == 4
    assert gaps.X["text"].isna().sum() == 6
    visual = gaps.X.filter(like="visual_au__").isna()
    assert visual.all(axis=1).sum() == visual.any(axis=1).sum() == 10
    pd.testing.assert_series_equal(gaps.y, small.y)
    here = gaps.X["text"].notna()
    assert gaps.X.loc[here, "text"].tolist() == small.X.loc[here, "text"].tolist()
    more = make_corpus(**SMALL, views=("text",), missing={"text": 0.6})
    assert more.X.loc[~here, "text"].isna().all()


def test_imbalance():
    corpus = make_corpus(n_speakers=4, n_utterances=84, views=("text",), imbalance={"anger": 0.2})
    assert corpus.y.value_counts().to_dict() == {"anger": 4, "fear": 20, "happiness": 20, "neutral": 20, "sadness": 20}


def test_other_emotions_and_rates():
    corpus = make_corpus(3, 9, emotions=("boredom", "disgust", "surprise"), views=("audio",), sampling_rate=8000)
    assert set(corpus.y) == {"boredom", "disgust", "surprise"}
    assert set(corpus.X["sampling_rate"]) == {8000}


def test_files(tmp_path, small):
    corpus = load(tmp_path / "wavs", **SMALL, missing={"audio": 0.25})
    assert "sampling_rate" not in corpus.X
    assert corpus.X["audio"].isna().sum() == 5
    assert len(list((tmp_path / "wavs").iterdir())) == 15
    for name, path in corpus.X["audio"].dropna().items():
        info = soundfile.info(path)
        assert (info.samplerate, info.subtype, info.channels) == (16000, "PCM_16", 1)
        sound, _ = soundfile.read(path)
        np.testing.assert_allclose(sound, small.X.loc[name, "audio"], atol=2**-15)


def test_load_without_a_folder_stays_in_memory(small):
    assert_same_sounds(load(**SMALL), small)


def test_effect_is_named_view_by_view(small):
    only_text = make_corpus(**SMALL, informative=("text",))
    silent = make_corpus(**SMALL, effect=0.0)
    assert only_text.X["text"].tolist() == small.X["text"].tolist()
    np.testing.assert_array_equal(features_of(only_text.X), features_of(silent.X))
    assert_same_sounds(only_text, silent)
    pd.testing.assert_series_equal(only_text.y, small.y)


def test_length_of_sound_does_not_betray_the_words():
    told, untold = (make_corpus(**SMALL, informative=views) for views in (("text",), ()))
    assert told.X["text"].tolist() != untold.X["text"].tolist()
    assert_same_sounds(told, untold)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"emotions": ("anger", "hapiness")}, UnknownNameError, "Did you mean 'happiness'"),
        ({"views": ("audio", "video")}, UnknownNameError, "There are: audio, text, visual"),
        ({"informative": ("face",)}, UnknownNameError, "face"),
        ({"missing": {"words": 0.2}}, UnknownNameError, "words"),
        ({"imbalance": {"boredom": 0.2}}, UnknownNameError, "boredom"),
        ({"missing": {"text": 1.2}}, CorpusError, "shares from 0 to 1"),
        ({"imbalance": {"anger": 0.0}}, CorpusError, "above 0"),
        ({"n_speakers": 0}, CorpusError, "n_speakers=0"),
        ({"n_utterances": 3}, CorpusError, "n_utterances=3"),
        ({"sampling_rate": 4000}, CorpusError, "8000 to 48000"),
        ({"silence": -1}, CorpusError, "silence=-1"),
        ({"effect": -1}, CorpusError, "effect=-1"),
        ({"views": ()}, CorpusError, "at least one"),
        ({"emotions": ("anger", "anger")}, CorpusError, "none twice"),
    ],
)
def test_errors_name_what_was_given(options, error, words):
    with pytest.raises(error, match=words):
        make_corpus(**options)


def cheap_features(corpus):
    """Level, brightness, F0 level and spread, jitter and shimmer, rate: one row an utterance."""
    rows = []
    for name, sound in corpus.X["audio"].items():
        truth, power = corpus.truth[name], np.abs(np.fft.rfft(sound)) ** 2
        edges = (np.array([0, 500, 1000, 2000, 4000]) / 8000 * len(power)).astype(int)
        bands = np.log([part.sum() for part in np.split(power, edges[1:])])
        f0 = np.log(truth.f0[~np.isnan(truth.f0)])
        slope = np.polyfit(np.arange(len(f0)), f0, 1)[0] * len(f0)
        level = np.log(np.mean(sound**2))
        perturbed = np.log([truth.jitter_local, truth.shimmer_local])
        pitch = (f0.mean(), f0.std(), f0.max(), f0.min(), slope)
        rows.append([level, *np.diff(bands), *pitch, *perturbed, truth.speech_rate])
    return np.array(rows)


def by_speaker(features, speakers):
    frame = pd.DataFrame(features).groupby(speakers)
    return ((pd.DataFrame(features) - frame.transform("mean")) / frame.transform("std")).to_numpy()


def probabilities(corpus):
    """Class probabilities of each modality for speakers who were held out."""
    speakers = corpus.X["speaker"].to_numpy(str)
    branches = {
        "audio": (LogisticRegression(C=0.1, max_iter=1000), by_speaker(cheap_features(corpus), speakers)),
        "visual": (LogisticRegression(C=0.1, max_iter=1000), by_speaker(features_of(corpus.X), speakers)),
        "text": (
            make_pipeline(TfidfVectorizer(), LogisticRegression(C=3.0, max_iter=1000)),
            corpus.X["text"].to_numpy(object),
        ),
    }
    return {
        view: cross_val_predict(
            model, X, corpus.y.to_numpy(str), groups=speakers, cv=LeaveOneGroupOut(), method="predict_proba"
        )
        for view, (model, X) in branches.items()
    }


def uar(corpus, scores):
    truth = corpus.y.to_numpy(str)
    return balanced_accuracy_score(truth, np.unique(truth)[scores.argmax(axis=1)])


def test_no_view_is_enough_and_together_they_gain(default):
    scores = probabilities(default)
    singles = {view: uar(default, score) for view, score in scores.items()}
    fused = uar(default, np.prod(list(scores.values()), axis=0))
    for view, single in singles.items():
        assert 0.40 < single < 0.75, view
    assert fused - max(singles.values()) >= 0.05
    assert fused < 0.95


def test_uninformative_views_are_at_chance():
    corpus = make_corpus(informative=("visual",))
    scores = probabilities(corpus)
    assert uar(corpus, scores["visual"]) > 0.40
    for view in ("audio", "text"):
        assert abs(uar(corpus, scores[view]) - 0.20) < 0.08, view
    fused = uar(corpus, np.prod(list(scores.values()), axis=0))
    assert fused - uar(corpus, scores["visual"]) < 0.03
