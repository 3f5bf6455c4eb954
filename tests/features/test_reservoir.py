"""Reservoirs follow their equation, forget how they began and are the same everywhere; the extractor wraps others."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from ferfusion.base.errors import AudioError, FeatureError, UnknownNameError
from ferfusion.corpora import make_corpus
from ferfusion.features import AudioExtractor, OpenSmile, TextNgrams, Views
from ferfusion.features.audio.reading import Recording
from ferfusion.features.echo_state import reservoir_states, reservoir_weights
from ferfusion.features.reservoir import Reservoir, standardised

RATE = 16000


PINNED_ORIGINS = [[0, 2], [3, 4], [1, 4], [1, 2], [0, 1]]
PINNED_INPUTS = [-0.07740113980872719, -0.03369776034676517]
PINNED_STATE = [
    -0.1613664226668634,
    0.08469970865918951,
    -0.10065170729145491,
    0.043682712001138636,
    0.0814865340361627,
]


class Levels(AudioExtractor):
    """Peak and mean of every ``step`` samples, and a column that is NaN in the first half."""

    frames = True

    def __init__(self, step=400, sampling_rate=RATE, channel=0):
        self.step = step
        self.sampling_rate = sampling_rate
        self.channel = channel

    def feature_names(self):
        return ["peak", "mean", "late"]

    def process(self, signal, sampling_rate):
        parts = signal[: len(signal) // self.step * self.step].reshape(-1, self.step)
        late = np.where(np.arange(len(parts)) < len(parts) // 2, np.nan, np.arange(len(parts)))
        return np.column_stack([parts.max(axis=1, initial=0), parts.mean(axis=1), late])


@pytest.fixture(scope="module")
def speech():
    return make_corpus(n_speakers=1, n_utterances=1, views=("audio",)).X["audio"].iloc[0]


@pytest.fixture
def frames():
    return np.random.default_rng(0).standard_normal((60, 7))


def dense(weights):
    n = len(weights.bias)
    matrix = np.zeros((n, n))
    for i in range(n):
        matrix[i, weights.origins[i]] = weights.recurrent[i]
    return matrix


class TestStates:
    @pytest.mark.parametrize("leak", [1.0, 0.3])
    def test_equation(self, frames, leak):
        settings = {"n_units": 40, "spectral_radius": 0.8, "input_scaling": 0.5, "bias_scaling": 0.2, "seed": 3}
        weights = reservoir_weights(7, **settings)
        matrix, state, expected = dense(weights), np.zeros(40), []
        for u in frames:
            state = (1 - leak) * state + leak * np.tanh(matrix @ state + u @ weights.inputs + weights.bias)
            expected.append(state)
        states = reservoir_states(frames, leak_rate=leak, **settings)
        assert states.dtype == np.float64
        np.testing.assert_allclose(states, expected, atol=1e-13)

    def test_weights(self):
        weights = reservoir_weights(
            5, n_units=80, spectral_radius=0.7, input_scaling=0.3, bias_scaling=0.2, n_connections=8
        )
        matrix = dense(weights)
        assert np.abs(np.linalg.eigvals(matrix)).max() == pytest.approx(0.7, rel=1e-8)
        assert (np.count_nonzero(matrix, axis=1) == 8).all()
        assert np.count_nonzero(matrix, axis=0).std() > 0
        for part, limit in ((weights.inputs, 0.3), (weights.bias, 0.2)):
            assert 0.9 * limit < np.abs(part).max() <= limit
            assert abs(part.mean()) < 0.2 * limit

    def test_parts_do_not_depend_on_each_others_size(self):
        one, other = reservoir_weights(3, n_units=50), reservoir_weights(9, n_units=50, input_scaling=0.5)
        np.testing.assert_array_equal(one.recurrent, other.recurrent)
        np.testing.assert_array_equal(one.bias, other.bias)
        assert not np.array_equal(one.recurrent, reservoir_weights(3, n_units=50, seed=1).recurrent)
        doubled = reservoir_weights(3, n_units=50, spectral_radius=1.8).recurrent
        np.testing.assert_allclose(doubled, 2 * one.recurrent, rtol=1e-14)

    def test_small_networks_are_fully_connected(self, frames):
        assert reservoir_weights(7, n_units=4).origins.tolist() == [[0, 1, 2, 3]] * 4
        assert reservoir_states(frames, n_units=1).shape == (60, 1)

    def test_forgets_how_it_began(self, frames):
        long = np.concatenate([frames] * 5)
        settings = {"n_units": 100, "leak_rate": 0.5, "spectral_radius": 0.9}
        a, b = (reservoir_states(long, initial=np.full(100, x), **settings) for x in (-1.0, 1.0))
        apart = np.abs(a - b).max(axis=1)
        assert apart[0] > 0.5
        assert apart[-1] < 1e-5
        longer = {**settings, "spectral_radius": 0.5}
        a, b = (reservoir_states(long, initial=np.full(100, x), **longer) for x in (-1.0, 1.0))
        assert np.abs(a - b).max(axis=1)[100] < apart[100]

    def test_remembers_the_past_but_not_the_future(self, frames):
        changed = frames.copy()
        changed[30] += 1

        def difference(reverse):
            states = [reservoir_states(heard, n_units=50, reverse=reverse) for heard in (changed, frames)]
            return np.abs(states[0] - states[1]).max(axis=1)

        forward, backward = difference(reverse=False), difference(reverse=True)
        assert (forward[:30] == 0).all()
        assert (forward[30:50] > 0).all()
        assert (backward[31:] == 0).all()
        assert (backward[10:31] > 0).all()

    def test_reverse_is_the_reversed_sequence(self, frames):
        states = reservoir_states(frames, n_units=50, reverse=True)
        np.testing.assert_array_equal(states, reservoir_states(frames[::-1], n_units=50)[::-1])

    def test_stays_bounded(self, frames):
        states = reservoir_states(1e300 * frames, n_units=50, spectral_radius=5.0, leak_rate=1.0)
        assert np.isfinite(states).all()
        assert np.abs(states).max() <= 1
        assert reservoir_states(np.empty((0, 3)), n_units=5).shape == (0, 5)

    def test_input_is_left_alone(self, frames):
        before, initial = frames.copy(), np.full(50, 0.5)
        reservoir_states(frames, n_units=50, initial=initial)
        np.testing.assert_array_equal(frames, before)
        assert (initial == 0.5).all()
        with pytest.raises(ValueError, match="read-only"):
            reservoir_weights(7, n_units=5).inputs[0, 0] = 1

    def test_pinned_numbers(self):
        # the features of a saved model must be the same in another process, and with other versions of NumPy
        weights = reservoir_weights(2, n_units=5, n_connections=2)
        assert weights.origins.tolist() == PINNED_ORIGINS
        np.testing.assert_allclose(weights.inputs[:, 0], PINNED_INPUTS, rtol=1e-12)
        states = reservoir_states(np.ones((3, 2)), n_units=5, n_connections=2)
        np.testing.assert_allclose(states[-1], PINNED_STATE, rtol=1e-8)

    def test_another_process_with_other_threads(self, frames):
        code = (
            "import sys, numpy as np; from ferfusion.features.echo_state import reservoir_states;"
            "frames = np.random.default_rng(0).standard_normal((60, 7));"
            "sys.stdout.buffer.write(reservoir_states(frames, n_units=80).tobytes())"
        )
        root = str(Path(__file__).parents[2])
        env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "7", "PYTHONPATH": root}
        out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout
        assert out == reservoir_states(frames, n_units=80).tobytes()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"n_units": 0},
            {"n_connections": 0},
            {"spectral_radius": -1.0},
            {"input_scaling": -1.0},
            {"bias_scaling": -0.1},
            {"seed": -1},
            {"seed": 2**32},
        ],
    )
    def test_parameters_out_of_range(self, frames, wrong):
        with pytest.raises(FeatureError, match=f"not .*{next(iter(wrong))}={next(iter(wrong.values()))}"):
            reservoir_states(frames, **wrong)

    def test_refused(self, frames):
        for leak in (0.0, 1.1, -1.0):
            with pytest.raises(FeatureError, match="leak rate"):
                reservoir_states(frames, n_units=5, leak_rate=leak)
        with pytest.raises(FeatureError, match=r"shape \(60,\)"):
            reservoir_states(frames[:, 0])
        frames[3, 2] = np.nan
        with pytest.raises(FeatureError, match=r"shape \(60, 7\) with 1 values that are not finite"):
            reservoir_states(frames)
        with pytest.raises(FeatureError, match="initial state"):
            reservoir_states(np.ones((3, 2)), n_units=10, initial=np.zeros(9))


def test_standardised():
    rng = np.random.default_rng(1)
    frames = np.column_stack([5 + 3 * rng.standard_normal(50), np.full(50, 0.1), np.full(50, np.nan), np.zeros(50)])
    frames[:20, 0] = np.nan
    frames = np.column_stack([frames.astype(np.float32), 1e30 * rng.standard_normal(50)])
    out = standardised(frames)
    assert out[20:, 0].mean() == pytest.approx(0, abs=1e-12)
    assert out[20:, 0].std() == pytest.approx(1)
    assert (out[:20, 0] == 0).all()
    assert (out[:, 1:4] == 0).all()
    assert out[:, 4].std() == pytest.approx(1)
    assert standardised(np.empty((0, 3))).shape == (0, 3)
    level = np.tile([0.1, 0.3, 0.7], (50, 1))
    assert (level.sum(axis=0) / 50 != level[0]).any()
    assert (standardised(level) == 0).all()


class TestExtractor:
    def test_functionals_and_frames(self, speech):
        inner = Levels()
        heard = standardised(inner.process(speech, RATE))
        forward = reservoir_states(heard, n_units=30)
        backward = reservoir_states(heard, n_units=30, reverse=True)
        by_frame = Reservoir(inner, n_units=30, level="lld")
        assert by_frame.frames
        np.testing.assert_array_equal(by_frame.process(speech, RATE), np.float32(np.hstack([forward, backward])))
        assert by_frame.feature_names() == [f"{way}_{i:04d}" for way in ("forward", "backward") for i in range(30)]
        extractor = Reservoir(inner, n_units=30)
        values = dict(zip(extractor.feature_names(), extractor.process(speech, RATE), strict=True))
        assert not extractor.frames
        assert len(values) == 180
        assert values["forward_0007_mean"] == np.float32(forward[:, 7].mean())
        assert values["forward_0007_std"] == np.float32(forward[:, 7].std())
        assert values["forward_0007_last"] == np.float32(forward[-1, 7])
        assert values["backward_0029_last"] == np.float32(backward[0, 29])
        assert values["backward_0000_mean"] == np.float32(backward[:, 0].mean())

    def test_fewer(self, speech):
        extractor = Reservoir(Levels(), n_units=30, bidirectional=False, functionals=("last",))
        full = Reservoir(Levels(), n_units=30)
        everything = dict(zip(full.feature_names(), full.process(speech, RATE), strict=True))
        names = extractor.feature_names()
        assert names == [f"forward_{i:04d}_last" for i in range(30)]
        assert extractor.process(speech, RATE).tolist() == [everything[name] for name in names]

    def test_every_parameter_counts(self, speech):
        base = Reservoir(Levels(), n_units=20)
        changes = {
            "n_units": 21,
            "bidirectional": False,
            "level": "lld",
            "functionals": ("std",),
            "spectral_radius": 0.5,
            "leak_rate": 0.9,
            "input_scaling": 0.4,
            "bias_scaling": 0.0,
            "n_connections": 3,
            "seed": 5,
            "extractor__step": 300,
        }
        assert set(changes) == set(base.get_params(deep=False)) - {"extractor"} | {"extractor__step"}
        found, prints = base.process(speech, RATE), {base.fingerprint()}
        for name, value in changes.items():
            other = clone(base).set_params(**{name: value})
            out = other.process(speech, RATE)
            assert out.shape != found.shape or not np.allclose(out, found), name
            prints.add(other.fingerprint())
        assert len(prints) == len(changes) + 1

    def test_identity_holds_that_of_the_other(self):
        reservoir = Reservoir(OpenSmile("eGeMAPSv02", level="lld"), functionals=["mean"])
        parameters = reservoir.identity()["parameters"]
        assert parameters["extractor"] == OpenSmile("eGeMAPSv02", level="lld").identity()
        assert parameters["functionals"] == ["mean"]
        assert reservoir.fingerprint() == Reservoir(reservoir.extractor, functionals=("mean",)).fingerprint()

    def test_nested_parameters(self):
        reservoir = Reservoir(Levels(step=200))
        assert reservoir.get_params()["extractor__step"] == 200
        copy = clone(reservoir).set_params(extractor__step=100, extractor__sampling_rate=8000)
        assert reservoir.extractor.step == 200
        assert copy.sampling_rate == 8000
        assert copy.channel == 0
        again = pickle.loads(pickle.dumps(copy))
        assert again.fingerprint() == copy.fingerprint()
        assert repr(clone(copy)) == repr(copy)

    def test_reads_as_the_other_does(self, speech, write):
        path = write("s.wav", np.column_stack([speech, speech[::-1]]), RATE)
        for channel in (0, 1):
            inner = Levels(sampling_rate=8000, channel=channel)
            signal = inner.compute(Recording(path))
            expected = reservoir_states(standardised(signal), n_units=10)
            out = Reservoir(inner, n_units=10, level="lld", bidirectional=False).compute(Recording(path))
            np.testing.assert_array_equal(out, expected.astype(np.float32))

    def test_opensmile_and_table(self, speech, write, tmp_path):
        path = write("a.wav", speech)
        short = write("short.wav", speech[4000:4100])
        reservoir = Reservoir(OpenSmile("eGeMAPSv02", level="lld"), n_units=20)
        table = reservoir.fit_transform([path])
        assert table.columns.tolist() == reservoir.get_feature_names_out().tolist()
        X = pd.DataFrame({"audio": [path, short]}, index=["a", "b"])
        views = Views([("audio_reservoir", reservoir)], store=str(tmp_path / "store"), verbose=False)
        with pytest.warns(UserWarning, match="too short for openSMILE"):
            out = views.fit_transform(X)
        columns = [f"audio_reservoir__{name}" for name in table]
        np.testing.assert_array_equal(out.loc["a", columns].astype(np.float32), table.iloc[0])
        assert out.loc["b", columns].isna().all()

    def test_invariances(self, speech):
        # standardised frames: neither the gain of the signal nor an offset of a descriptor is heard
        extractor = Reservoir(Levels(), n_units=20)
        expected = extractor.process(speech, RATE)
        np.testing.assert_array_equal(extractor.process(0.5 * speech, RATE), expected)
        np.testing.assert_allclose(extractor.process(0.3 * speech.astype(float), RATE), expected, atol=1e-6)

    @pytest.mark.parametrize("signal", [np.zeros(400), np.full(8000, 0.5), np.ones(401) * 1e-42, np.ones(100_000)])
    def test_odd_signals(self, signal):
        assert np.isfinite(Reservoir(Levels(), n_units=20).process(signal.astype(np.float32), RATE)).all()

    def test_no_frames(self):
        with pytest.raises(AudioError, match="no frames: Levels gave none"):
            Reservoir(Levels()).process(np.zeros(10, np.float32), RATE)

    def test_threads(self, speech):
        extractor, results = Reservoir(Levels(), n_units=60), {}

        def work(i):
            results[i] = extractor.process(speech, RATE)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == 4
        for out in results.values():
            np.testing.assert_array_equal(out, extractor.process(speech, RATE))

    def test_refused(self, speech):
        for inner in (OpenSmile("eGeMAPSv02"), TextNgrams(), "audio_egemaps", None):
            with pytest.raises(FeatureError, match="hears the frames of an extractor of sound"):
                Reservoir(inner).process(speech, RATE)
            with pytest.raises(FeatureError, match="hears the frames of an extractor of sound"):
                Reservoir(inner).fingerprint()
        with pytest.raises(UnknownNameError, match="Did you mean 'mean'"):
            Reservoir(Levels(), functionals=("means",)).feature_names()
        with pytest.raises(UnknownNameError, match="Did you mean 'lld'"):
            Reservoir(Levels(), level="llds").feature_names()
        with pytest.raises(FeatureError, match="leak rate"):
            Reservoir(Levels(), leak_rate=2.0).process(speech, RATE)
