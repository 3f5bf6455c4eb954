"""Fractal dimensions of curves whose dimension is known, and by formulas written another way."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from ferfusion.base.errors import FeatureError
from ferfusion.corpora import make_corpus
from ferfusion.features.audio.fractal import FractalDimension
from ferfusion.features.audio.lld.fractal import fractal_frames, higuchi, katz
from ferfusion.features.audio.reading import Recording


@pytest.fixture(scope="module")
def speech():
    return make_corpus(n_speakers=1, n_utterances=1, views=("audio",)).X["audio"].iloc[0]


def higuchi_by_formula(x, longest):
    n, points = len(x), []
    for k in range(1, longest + 1):
        curve = []
        for m in range(k):
            samples = x[m::k]
            curve.append(np.abs(np.diff(samples)).sum() * (n - 1) / ((len(samples) - 1) * k) / k)
        points.append((np.log(1 / k), np.log(np.mean(curve))))
    return np.polyfit(*np.transpose(points), 1)[0]


def katz_by_formula(x):
    steps = np.abs(np.diff(x))
    n = steps.sum() / steps.mean()
    return np.log10(n) / (np.log10(n) + np.log10(np.abs(x - x[0]).max() / steps.sum()))


@pytest.mark.parametrize("slope", [1.0, -0.003, 1e-9])
def test_a_straight_line_has_dimension_1(slope):
    line = slope * np.arange(300.0)[None] + 0.2
    assert higuchi(line) == pytest.approx([1.0], abs=1e-6)
    assert katz(line) == pytest.approx([1.0], abs=1e-6)


def test_noise_and_its_sum():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(4, 8000))
    np.testing.assert_allclose(higuchi(noise), 2.0, atol=0.02)
    np.testing.assert_allclose(higuchi(noise.cumsum(axis=1)), 1.5, atol=0.03)


def test_higuchi_by_hand():
    # k = 1: steps 1, 2, 1, 4 make 8; k = 2: (|1| + |3|) 4/4/2 = 2 and |3| 4/2/2 = 3, in the mean 2.5
    x = np.array([[0.0, 1.0, -1.0, -2.0, 2.0]])
    assert higuchi(x, 2) == pytest.approx([np.log(8.0 / 2.5) / np.log(2.0)])


def test_katz_by_hand():
    # four steps of total length 8, at most 2 away from the start
    x = np.array([[0.0, 1.0, -1.0, -2.0, 2.0]])
    assert np.isnan(katz(x))  # never farther than an average step
    # steps 3, 1, 1, 3: total 8, farthest 6
    assert katz(np.array([[0.0, 3.0, 2.0, 3.0, 6.0]])) == pytest.approx([np.log(4) / np.log(4 * 6 / 8)])


@pytest.mark.parametrize("longest", [2, 5, 16])
def test_by_formula(speech, longest):
    frames = speech[: 512 * 40].reshape(40, 512).astype(np.float64)
    np.testing.assert_allclose(higuchi(frames, longest), [higuchi_by_formula(x, longest) for x in frames])
    np.testing.assert_allclose(katz(frames), [katz_by_formula(x) for x in frames])


def test_where_there_is_none():
    assert np.isnan(higuchi(np.full((2, 50), 0.3))).all()
    assert np.isnan(katz(np.full((2, 50), 0.3))).all()
    repeats = np.tile([0.1, 0.7, -0.4, 0.2], 20)[None]
    assert np.isnan(higuchi(repeats, 4)).all()
    assert np.isfinite(higuchi(repeats, 3)).all()
    assert np.isnan(katz(np.tile([0.0, 1.0, 0.0, -1.0], 9)[None])).all()
    for n in range(1, 4):
        assert np.isnan(higuchi(np.arange(float(n))[None])).all()
    assert np.isnan(katz(np.arange(2.0)[None])).all()
    with pytest.raises(FeatureError, match="not 1"):
        higuchi(np.arange(9.0)[None], 1)


def test_frames_lie_within_the_signal(speech):
    dimensions, power = fractal_frames(speech, 16000)
    assert dimensions.shape == (1 + (len(speech) - 512) // 160, 2)
    assert power[7] == pytest.approx(speech[1120:1632].var(), rel=1e-4)
    assert dimensions[7, 0] == pytest.approx(higuchi_by_formula(speech[1120:1632].astype(float), 10))
    assert fractal_frames(speech[:100], 16000)[0].shape == (1, 2)
    with pytest.raises(FeatureError, match="have no samples"):
        fractal_frames(speech, 16000, window=0.0)


def test_values_are_summaries_of_loud_frames(speech):
    extractor = FractalDimension()
    values = dict(zip(extractor.feature_names(), extractor.process(speech, 16000), strict=True))
    dimensions, power = fractal_frames(speech, 16000)
    loud = dimensions[power >= power.max() * 1e-4, 0]
    assert len(loud) < len(dimensions)
    assert values["higuchi_mean"] == pytest.approx(np.nanmean(loud), rel=1e-5)
    assert values["higuchi_std"] == pytest.approx(np.nanstd(loud), rel=1e-4)
    assert values["higuchi_median"] == pytest.approx(np.nanmedian(loud), rel=1e-5)
    assert values["higuchi_p90"] == pytest.approx(np.nanpercentile(loud, 90), rel=1e-5)
    assert values["higuchi_whole"] == pytest.approx(higuchi_by_formula(speech.astype(float), 10), rel=1e-5)


def test_gain_and_offset_change_nothing(speech):
    out = FractalDimension().process(speech, 16000)
    np.testing.assert_allclose(FractalDimension().process(np.float32(-(2.0**-9)) * speech, 16000), out, rtol=1e-5)
    np.testing.assert_allclose(FractalDimension().process(speech + np.float32(0.25), 16000), out, rtol=1e-3)


def test_silence_around_is_left_out(speech):
    quiet = np.zeros(1600, np.float32)
    signal = np.concatenate([quiet, speech, quiet])
    padded = np.concatenate([np.zeros(160 * 30, np.float32), signal, np.zeros(1000, np.float32)])
    once, again = FractalDimension().process(signal, 16000), FractalDimension().process(padded, 16000)
    np.testing.assert_allclose(again[:-1], once[:-1], rtol=1e-5)


@pytest.mark.parametrize("n_samples", [1, 2, 3, 4, 40, 511, 700])
@pytest.mark.parametrize("kind", ["zeros", "ones", "denormal", "clipped"])
def test_every_signal(kind, n_samples):
    noise = np.random.default_rng(0).normal(size=n_samples)
    signal = {
        "zeros": np.zeros(n_samples),
        "ones": np.ones(n_samples),
        "denormal": 1e-44 * noise,
        "clipped": np.clip(9 * noise, -1, 1),
    }[kind].astype(np.float32)
    out = FractalDimension().process(signal, 16000)
    assert out.dtype == np.float32
    assert out.shape == (11,)
    assert not np.isinf(out).any()
    assert np.isnan(out).all() or kind in ("denormal", "clipped")


def test_names_and_tables(speech):
    extractor = FractalDimension()
    assert extractor.feature_names()[-2:] == ["katz_p90", "higuchi_whole"]
    table = extractor.fit_transform([Recording(speech, 16000), Recording(speech[:9000], 16000)])
    assert table.columns.tolist() == extractor.feature_names()
    assert np.isfinite(table.to_numpy()).all()


def test_same_input_same_output(speech):
    before = speech.copy()
    np.testing.assert_array_equal(
        FractalDimension().process(speech, 16000), clone(FractalDimension()).process(speech, 16000)
    )
    np.testing.assert_array_equal(speech, before)
