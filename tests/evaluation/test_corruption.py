"""Noise, word errors and missing views: as much as asked for, decided by seed and id alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from scipy.io import wavfile

from ferfusion.base.errors import FeatureError, ProtocolError, UnknownNameError
from ferfusion.base.table import with_view
from ferfusion.corpora import Corpus, make_corpus
from ferfusion.evaluation import evaluate
from ferfusion.evaluation.corruption import (
    NOISES,
    Corruption,
    asr_errors,
    babble_noise,
    lost_rows,
    remove_at_random,
    reverberation,
    white_noise,
    word_errors,
)
from ferfusion.evaluation.corruption.tables import with_noisy_sound, with_noisy_text
from ferfusion.features import Prosody, Views
from ferfusion.fusion import make_early, make_late

RATE = 8000


def rng(seed=0):
    return np.random.default_rng(seed)


def tone(seconds=1.0, hertz=200.0):
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def snr(signal, noisy):
    noise = noisy.astype(float) - signal
    return 10 * np.log10((signal.astype(float) ** 2).mean() / (noise**2).mean())


@pytest.mark.parametrize("level", [-5, 0, 10, 30])
def test_signal_to_noise_ratio_is_the_one_asked_for(level):
    signal, others = tone(), [tone(0.3, 333), tone(2.0, 577)]
    assert snr(signal, white_noise(signal, RATE, level, rng())) == pytest.approx(level, abs=0.01)
    assert snr(signal, babble_noise(signal, RATE, level, rng(), others)) == pytest.approx(level, abs=0.01)


def test_infinite_ratio_is_clean():
    np.testing.assert_array_equal(white_noise(tone(), RATE, np.inf, rng()), tone())


def test_white_noise_is_white():
    noise = white_noise(tone(20), RATE, 0, rng()) - tone(20)
    power = np.abs(np.fft.rfft(noise)) ** 2
    quarters = np.array([part.mean() for part in np.array_split(power, 4)])
    np.testing.assert_allclose(quarters / quarters.mean(), 1, atol=0.05)


def test_babble_holds_each_voice_equally_loud():
    loud, soft = 10 * tone(1.0, 400), 0.01 * tone(1.0, 600)
    noise = babble_noise(tone(), RATE, 0, rng(), [loud, soft]) - tone()
    power = np.abs(np.fft.rfft(noise)) ** 2
    assert power[400] == pytest.approx(power[600], rel=0.01)
    with pytest.raises(ProtocolError, match="there are none"):
        babble_noise(tone(), RATE, 0, rng(), [])


def test_reverberation_decays_by_60_db_in_its_time():
    click = np.zeros(RATE * 2, dtype=np.float32)
    click[0] = 1
    tails = np.array([reverberation(click, RATE, 1.0, rng(seed)).astype(float) for seed in range(40)])
    level = 10 * np.log10((tails[:, 1:] ** 2).mean(axis=0))
    slope = np.polyfit(np.arange(1, RATE - 100) / RATE, level[: RATE - 101], 1)[0]
    assert slope == pytest.approx(-60, abs=1)
    # the tail carries as much as the click, and the whole is as loud as before
    energy = tails[0] ** 2
    assert energy.sum() == pytest.approx(1, rel=1e-3)
    assert energy[0] == pytest.approx(0.5, rel=0.01)
    np.testing.assert_array_equal(reverberation(click, RATE, 0, rng()), click)
    with pytest.raises(ProtocolError, match="from 0 on"):
        reverberation(click, RATE, -1, rng())


@pytest.mark.parametrize("name", NOISES)
def test_same_chance_same_noise(name):
    level = 0.3 if name == "reverberation" else 5
    made = [NOISES[name](tone(), RATE, level, rng(3), [tone(2, 90)]) for _ in range(2)]
    np.testing.assert_array_equal(*made)
    assert made[0].dtype == np.float32
    assert made[0].shape == tone().shape


def word_error_rate(truth, heard):
    """Edit distance by the textbook, over the number of true words."""
    cost = np.arange(len(heard) + 1)
    for i, word in enumerate(truth, 1):
        before, cost = cost, np.r_[i, np.zeros(len(heard), dtype=int)]
        for j, other in enumerate(heard, 1):
            cost[j] = min(before[j] + 1, cost[j - 1] + 1, before[j - 1] + (word != other))
    return cost[-1] / len(truth)


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5])
def test_word_error_rate_is_near_the_one_asked_for(rate):
    vocabulary = [f"word{i}" for i in range(500)]
    truth = list(rng(1).choice(vocabulary, 800))
    heard = asr_errors(" ".join(truth), rate, vocabulary, rng()).split()
    assert word_error_rate(truth, heard) == pytest.approx(rate, abs=0.05)


def test_kinds_of_word_errors():
    truth = ["alpha"] * 4000
    heard = word_errors(truth, 1.0, ["beta", "alpine", "gamma"], rng())
    kept = [i for i, _ in heard if i is not None]
    invented = sum(i is None for i, _ in heard)
    assert (4000 - len(kept)) / 4000 == pytest.approx(0.25, abs=0.03)
    assert invented / 4000 == pytest.approx(0.15, abs=0.03)
    replaced = [word for i, word in heard if i is not None and word != "alpha"]
    assert len(replaced) / 4000 == pytest.approx(0.6, abs=0.03)
    assert replaced.count("alpine") / len(replaced) > 0.99  # the one spelt most alike of those drawn
    assert word_errors(truth, 0.0, [], rng()) == list(enumerate(truth))
    assert asr_errors("one", 0.99, ["one"], rng()) in ("one", "", "one one")


@pytest.mark.parametrize("rate", [-0.1, 1.1, np.nan])
def test_impossible_word_error_rates(rate):
    with pytest.raises(ProtocolError, match="between 0 and 1"):
        word_errors(["a"], rate, ["b"], rng())
    with pytest.raises(ProtocolError, match="holds none"):
        word_errors(["a"], 0.5, [], rng())


def test_rows_are_lost_by_their_own_number():
    ids = [f"u{i}" for i in range(4000)]
    some, more = (lost_rows(ids, "text", share, 7) for share in (0.3, 0.5))
    assert some.mean() == pytest.approx(0.3, abs=0.03)
    assert not (some & ~more).any()
    np.testing.assert_array_equal(some, lost_rows(ids[::-1], "text", 0.3, 7)[::-1])
    np.testing.assert_array_equal(some[:5], lost_rows(ids[:5], "text", 0.3, 7))
    assert (some != lost_rows(ids, "text", 0.3, 8)).any()
    assert (some != lost_rows(ids, "audio", 0.3, 7)).any()
    assert not lost_rows(ids, "text", 0.0).any()
    assert lost_rows(ids, "text", 1.0).all()
    with pytest.raises(ProtocolError, match="between 0 and 1"):
        lost_rows(ids, "text", 1.5)


def table():
    X = pd.DataFrame({"speaker": ["a", "a", "b"], "text": ["so good", None, "bad"], "audio": ["1.wav", "2.wav", None]})
    X.index = ["u1", "u2", "u3"]
    X["audio_x__a"] = [1, 2, 3]
    X["text_y__b"] = [1.0, np.nan, 3.0]
    X = with_view(X, "audio_mel", [np.ones((2, 2))] * 3, [])
    return X.assign(**{"audio_x@origin": ["f:1", "f:2", "f:3"]})


def test_a_modality_is_lost_with_its_material():
    X = table()
    before = X.copy()
    left = remove_at_random(X, {"audio": 1.0})
    pd.testing.assert_frame_equal(X, before)
    assert left["audio"].isna().all()
    assert left["audio_x__a"].isna().all()
    assert left["audio_mel__frames"].tolist() == [None] * 3
    assert left["audio_x@origin"].isna().all()
    pd.testing.assert_series_equal(left["text_y__b"], X["text_y__b"])
    pd.testing.assert_frame_equal(remove_at_random(X, {"audio": 0.0}), X)


def test_a_single_view_is_lost_alone():
    left = remove_at_random(table(), {"audio_x": 1.0})
    assert left["audio_x__a"].isna().all()
    # so that it is not computed anew
    assert left["audio_x@origin"].tolist() == ["f:1", "f:2", "f:3"]
    assert left["audio"].notna().sum() == 2
    assert isinstance(left["audio_mel__frames"].iloc[0], np.ndarray)
    with pytest.raises(UnknownNameError, match="visual"):
        remove_at_random(table(), {"visual": 0.5})


@pytest.mark.parametrize(
    ("missing", "noise", "said"),
    [
        ({"text": 0.3}, None, "text missing for 30%"),
        (None, {"audio": 10}, "audio with white noise at 10 dB SNR"),
        (None, {"audio": "10"}, "audio with white noise at 10 dB SNR"),
        (None, {"audio": "reverberation:0.6"}, "audio with reverberation of 0.6 s"),
        (None, {"text": 0.2}, "text with a word error rate of 20%"),
        ({"text": 1}, {"audio": ("babble", -5)}, "audio with babble at -5 dB SNR; text missing for 100%"),
        (None, {"audio": (white_noise, 3)}, "audio with white_noise at 3"),
    ],
)
def test_what_is_said(missing, noise, said):
    assert str(Corruption.of(missing, noise)) == said


@pytest.mark.parametrize(
    ("missing", "noise", "error"),
    [
        ({"text": 2}, None, ProtocolError),
        ({"text": "much"}, None, ProtocolError),
        (None, {"audio": "loud"}, ProtocolError),
        (None, {"audio": "brown:3"}, UnknownNameError),
        (None, {"visual": 3}, UnknownNameError),
        (None, {"text": 3}, ProtocolError),
        (None, {"audio": "reverberation:-1"}, ProtocolError),
        (None, {"audio": np.nan}, ProtocolError),
    ],
)
def test_what_cannot_be_done(missing, noise, error):
    with pytest.raises(error):
        Corruption.of(missing, noise)


@pytest.fixture(scope="module")
def spoken():
    """24 short recordings of 3 speakers with texts and faces."""
    return make_corpus(n_speakers=3, n_utterances=24, sampling_rate=RATE, emotions=("anger", "sadness"))


def samples(paths):
    return [wavfile.read(path)[1] for path in paths]


def test_noisy_files(spoken, tmp_path):
    X = spoken.X
    noisy = with_noisy_sound(X, X, white_noise, 10, seed=1, folder=tmp_path)
    for clean, heard in zip(X["audio"], samples(noisy["audio"]), strict=True):
        assert snr(np.asarray(clean, dtype=np.float32), heard) == pytest.approx(10, abs=0.1)
    (tmp_path / "again").mkdir()
    turned = with_noisy_sound(X.iloc[::-1], X.iloc[::-1], white_noise, 10, seed=1, folder=tmp_path / "again")
    for one, other in zip(noisy["audio"], turned["audio"].iloc[::-1], strict=True):
        assert Path(one).read_bytes() == Path(other).read_bytes()


def test_babble_is_made_of_other_speakers(spoken, tmp_path):
    X = spoken.X
    own = (X["speaker"] == "s01").to_numpy()
    heard = []

    def spy(signal, rate, level, rng, others):
        heard.append(others)
        return signal

    with_noisy_sound(X[own], X, spy, 0, seed=0, folder=tmp_path)
    theirs = {np.asarray(sound, dtype=np.float32).tobytes() for sound in X.loc[~own, "audio"]}
    assert all(len(others) == 5 and {voice.tobytes() for voice in others} <= theirs for others in heard)
    shuffled = X.sample(frac=1, random_state=0)
    before, heard[:] = list(heard), []
    with_noisy_sound(X[own], shuffled, spy, 0, seed=0, folder=tmp_path)
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(before, heard, strict=True))
    with pytest.raises(ProtocolError, match="there are none"):
        with_noisy_sound(X[own], X[own], babble_noise, 0, seed=0, folder=tmp_path)


def test_segments_are_cut_and_what_cannot_be_read_stays(spoken, tmp_path):
    X = spoken.X.iloc[:3].assign(start=[0.1, np.nan, 0.0], end=[0.3, np.nan, np.nan])
    sounds = [X["audio"].iloc[0], np.zeros(100, dtype=np.float32), None]
    X["audio"] = pd.Series(sounds, index=X.index, dtype=object)
    noisy = with_noisy_sound(X, X, white_noise, 10, seed=0, folder=tmp_path, n_channels=2)
    assert len(samples(noisy["audio"][:1])[0]) == round(0.2 * RATE)
    assert np.isnan(noisy["start"].iloc[0])
    assert noisy["audio"].iloc[1] is sounds[1]
    assert noisy["audio"].iloc[2] is None
    assert noisy["start"].iloc[2] == 0.0


def test_noisy_texts_and_timed_words(spoken):
    X = spoken.X[["text", "speaker"]].copy()
    X["words"] = [[{"word": w, "start": float(i)} for i, w in enumerate(text.split())] for text in X["text"]]
    noisy = with_noisy_text(X, X, word_errors, 0.4, seed=2)
    assert (noisy["text"] != X["text"]).mean() > 0.8
    for text, words in zip(noisy["text"], noisy["words"], strict=True):
        assert " ".join(item["word"] for item in words or []) == (text or "")
    pd.testing.assert_frame_equal(noisy, with_noisy_text(X.iloc[::-1], X, word_errors, 0.4, seed=2).iloc[::-1])
    gone = X.iloc[:2].assign(text=[None, " "], words=[None, None])
    assert with_noisy_text(gone, X, word_errors, 0.4, seed=2)["text"].tolist() == [None, None]


QUIET = {"verbose": False}


def late(*, by="view"):
    return make_late("logistic", "mean", by=by)


def test_missing_views_in_the_test_part_only(toy, tmp_path):
    corpus = toy()
    clean = evaluate(late(), corpus, **QUIET)
    result = evaluate(late(), corpus, missing={"visual": 0.4}, checkpoint=tmp_path, **QUIET)
    lost = lost_rows(corpus.X.index, "visual", 0.4, 0)
    chances = [column for column in clean.predictions.columns if column.startswith("p_")]
    # rows that lost nothing are judged by the very same models
    pd.testing.assert_frame_equal(result.predictions.loc[~lost, chances], clean.predictions.loc[~lost, chances])
    # rows that did, by the branch that is left
    left = evaluate(make_early(classifier="logistic").set_params(views__skip=["visual"]), corpus, **QUIET)
    pd.testing.assert_frame_equal(
        result.predictions.loc[lost, chances], left.predictions.loc[lost, chances], atol=1e-6, rtol=0
    )
    assert result.protocol["description"].endswith("; test part corrupted: visual missing for 40%")
    assert f"Of 48 test utterances {lost.sum()} lack visual." in result.notes
    assert clean.notes == []
    again = evaluate(late(), corpus, missing={"visual": 0.4}, checkpoint=tmp_path, **QUIET)
    pd.testing.assert_frame_equal(again.predictions, result.predictions)
    assert len(list(tmp_path.iterdir())) == 1
    evaluate(late(), corpus, missing={"visual": 0.5}, checkpoint=tmp_path, **QUIET)
    evaluate(late(), corpus, checkpoint=tmp_path, **QUIET)
    assert len(list(tmp_path.iterdir())) == 3


def test_order_and_workers_change_nothing(toy):
    corpus = toy()
    turned = Corpus(corpus.X.iloc[::-1], corpus.y.iloc[::-1], corpus.card)
    one = evaluate(late(), corpus, missing={"visual_y": 0.4}, **QUIET)
    with parallel_config("threading"):
        other = evaluate(late(), turned, missing={"visual_y": 0.4}, n_jobs=2, **QUIET)
    assert (one.predictions["predicted"] == other.predictions.loc[one.predictions.index, "predicted"]).all()


def test_nothing_left(toy):
    result = evaluate(late(), toy(), missing={"audio": 1.0, "visual": 0.5}, **QUIET)
    told = [note for note in result.notes if "have no view left and get the class shares" in note]
    assert len(told) == 1
    chances = result.predictions[[c for c in result.predictions.columns if c.startswith("p_")]].to_numpy()
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    np.testing.assert_allclose(chances[lost_rows(result.predictions.index, "visual", 0.5, 0)], 1 / 3, atol=0.05)


def test_views_that_cannot_be_lost(toy, spoken):
    with pytest.raises(UnknownNameError, match="text"):
        evaluate(late(), toy(), missing={"text": 0.5}, **QUIET)
    with pytest.raises(FeatureError, match="'text_tfidf' is learnt inside the folds"):
        evaluate("baseline_late", spoken.replace(X=spoken.X.drop(columns="audio")), missing={"text_tfidf": 1}, **QUIET)


def prosody(rule=None):
    views = Views([("audio_prosody", Prosody())], verbose=False)
    return make_early(views, "logistic") if rule is None else make_late("logistic", rule, views=views)


def test_noise_reaches_the_features(spoken, tmp_path):
    corpus = spoken.replace(X=spoken.X.drop(columns=["text", *(c for c in spoken.X.columns if "__" in c)]))
    clean = evaluate(prosody(), corpus, **QUIET)
    noisy = evaluate(prosody(), corpus, noise={"audio": 0}, **QUIET)
    assert "audio with white noise at 0 dB SNR" in noisy.protocol["description"]
    chances = [column for column in clean.predictions.columns if column.startswith("p_")]
    assert (clean.predictions[chances] - noisy.predictions[chances]).abs().to_numpy().max() > 0.01
    # by hand: clean training part, test part with noise
    corrupted = with_noisy_sound(corpus.X, corpus.X, white_noise, 0, seed=0, folder=tmp_path)
    for speaker in corpus.X["speaker"].unique():
        test = (corpus.X["speaker"] == speaker).to_numpy()
        model = prosody().fit(corpus.X[~test], corpus.y[~test])
        expected = model.predict_proba(corrupted[test])
        np.testing.assert_allclose(noisy.predictions.loc[corpus.X.index[test], chances], expected, atol=1e-6)


def test_noise_in_texts(spoken, tmp_path):
    corpus = spoken.replace(X=spoken.X[["speaker", "text"]])
    clean = evaluate("baseline_early", corpus, **QUIET)
    noisy = evaluate("baseline_early", corpus, noise={"text": 0.6}, checkpoint=tmp_path, **QUIET)
    assert (clean.predictions["p_anger"] - noisy.predictions["p_anger"]).abs().max() > 0.01
    assert evaluate("baseline_early", corpus, noise={"text": 0.0}, **QUIET).scores.equals(clean.scores)


def test_noise_that_cannot_reach_a_view(toy, spoken):
    with pytest.raises(FeatureError, match="no column 'audio'"):
        evaluate(late(), toy(), noise={"audio": 10}, **QUIET)
    brought = spoken.replace(X=spoken.X.assign(audio_own__x=1.0))
    with pytest.raises(FeatureError, match="cannot reach the views 'audio_own'"):
        evaluate(prosody(), brought, noise={"audio": 10}, **QUIET)
