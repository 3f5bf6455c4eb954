"""Teager energy by hand, and the area under the envelope by its definition."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from ferfusion.base.errors import FeatureError
from ferfusion.corpora import make_corpus
from ferfusion.features.audio.lld.teager import critical_bands, envelope_area, teager_energy, teager_frames
from ferfusion.features.audio.reading import Recording
from ferfusion.features.audio.teager import TeagerEnergy


@pytest.fixture(scope="module")
def speech():
    return make_corpus(n_speakers=1, n_utterances=1, views=("audio",)).X["audio"].iloc[0]


def area_by_definition(profile):
    """Stairs from the right, straight lines between lag 0 and the peaks on top of them."""
    n = len(profile)
    r = np.correlate(profile, profile, "full")[n - 1 :]
    stairs = np.maximum.accumulate(np.append(r, 0.0)[::-1])[::-1][:-1]
    peaks = [
        k
        for k in range(1, n - 1)
        if r[k] > r[k - 1] and r[k] >= r[k + 1] and r[k] > max(r[k + 1 :].max(initial=0.0), 0.0)
    ]
    envelope = stairs.copy()
    if peaks:
        lags = np.arange(peaks[-1] + 1)
        envelope[: peaks[-1] + 1] = np.interp(lags, [0, *peaks], r[[0, *peaks]])
    return envelope.sum() / r[0] / ((n + 1) / 2)


def test_operator_by_hand():
    # 4 - 1 * 3, 9 - 2 * 5; the ends repeat their neighbours
    np.testing.assert_array_equal(teager_energy(np.array([1.0, 2.0, 3.0, 5.0])), [1.0, 1.0, -1.0, -1.0])
    np.testing.assert_array_equal(teager_energy(np.array([3.0, 4.0])), [9.0, 16.0])


@pytest.mark.parametrize(("amplitude", "hertz"), [(0.5, 100.0), (0.1, 3000.0)])
def test_operator_of_a_tone(amplitude, hertz):
    w = 2 * np.pi * hertz / 16000
    psi = teager_energy(amplitude * np.sin(w * np.arange(500) + 0.3))
    np.testing.assert_allclose(psi, (amplitude * np.sin(w)) ** 2, rtol=1e-9)


def test_area_of_steady_regular_and_irregular_profiles():
    rng = np.random.default_rng(0)
    pulses, click = np.zeros(160), np.zeros(160)
    pulses[::20], click[70] = 1.0, 1.0
    jittered = np.zeros(160)
    jittered[np.cumsum([3, 13, 27, 16, 24, 11, 29, 19])] = 1.0
    steady, regular, loose, noise, single = envelope_area(
        np.array([np.full(160, 0.3), pulses, jittered, rng.normal(size=160), click])
    )
    assert steady == pytest.approx(1.0)
    assert 0.9 < regular <= 1.0
    assert loose < 0.7 * regular
    assert noise < 0.4
    assert single == pytest.approx(1 / 80.5)


def test_area_by_definition(speech):
    rng = np.random.default_rng(1)
    profiles = rng.exponential(size=(40, 90)) * (1 + np.sin(np.arange(90) / rng.uniform(1, 9, size=(40, 1))))
    profiles[:10] -= 1.0
    np.testing.assert_allclose(envelope_area(profiles), [area_by_definition(profile) for profile in profiles])
    assert np.isnan(envelope_area(np.zeros((2, 5)))).all()
    assert envelope_area(np.ones((1, 1))) == pytest.approx([1.0])


def test_critical_bands():
    bands = critical_bands(16000)
    assert len(bands) == 20
    assert bands[0] == (100.0, 200.0)
    assert bands[-1] == (6400.0, 7700.0)
    assert critical_bands(8000)[-1] == (3150.0, 3700.0)
    assert len(critical_bands(48000)) == 23
    with pytest.raises(FeatureError, match="300 Hz leaves no critical band"):
        critical_bands(300)


@pytest.mark.parametrize("band", [0, 4, 11, 19])
def test_a_tone_lies_in_its_band(band):
    low, high = critical_bands(16000)[band]
    w = np.pi * (low + high) / 16000
    energy, area = teager_frames(0.2 * np.sin(w * np.arange(16000)), 16000)
    assert energy.shape == area.shape == (49, 21)
    inner = energy[5:]
    assert (inner[:, 1:].argmax(axis=1) == band).all()
    # a filter of gain 1 leaves the tone as it is; near half the sampling rate its mirror comes into play
    np.testing.assert_allclose(inner[:, 1 + band], (0.2 * np.sin(w)) ** 2, rtol=0.2 if band == 19 else 0.03)
    np.testing.assert_allclose(area[5:, 0], 1.0, atol=1e-3)
    np.testing.assert_allclose(area[5:, 1 + band], 1.0, atol=0.01)


def test_noise_is_less_steady_than_a_tone():
    n = np.arange(16000)
    rng = np.random.default_rng(2)
    _, tone = teager_frames(np.sin(0.3 * n), 16000)
    _, noise = teager_frames(rng.normal(size=16000), 16000)
    assert noise[:, 0].mean() < 0.75 * tone[:, 0].mean()


def test_values_are_summaries_of_frames(speech):
    extractor = TeagerEnergy()
    names = extractor.feature_names()
    assert names[:5] == ["full_energy_mean", "full_energy_std", "full_area_mean", "full_area_std", "band00_energy_mean"]
    assert len(set(names)) == len(names) == 84
    out = extractor.process(speech, 16000)
    assert out.dtype == np.float32
    values = dict(zip(names, out, strict=True))
    energy, area = teager_frames(speech, 16000)
    level = 10 * np.log10(np.maximum(energy[:, 0], energy[:, 0].max() * 1e-8))
    assert values["full_energy_mean"] == pytest.approx(level.mean(), rel=1e-5)
    assert values["full_energy_std"] == pytest.approx(level.std(), rel=1e-5)
    assert values["band06_area_mean"] == pytest.approx(np.nanmean(area[:, 7]), rel=1e-5)
    assert values["band06_area_std"] == pytest.approx(np.nanstd(area[:, 7]), rel=1e-5)
    assert level.max() - level.min() <= 40.0


def test_gain_adds_to_the_mean_energies(speech):
    loud, faint = (TeagerEnergy().process(np.float32(gain) * speech, 16000) for gain in (1.0, 2.0**-6))
    shift = np.tile([20 * np.log10(2.0**-6), 0, 0, 0], 21)
    np.testing.assert_allclose(faint, loud + shift, atol=2e-4)


def test_silence_around_is_left_out(speech):
    quiet = np.zeros(1600, np.float32)
    signal = np.concatenate([quiet, speech, quiet])
    padded = np.concatenate([np.zeros(320 * 20, np.float32), signal, np.zeros(320 * 9, np.float32)])
    np.testing.assert_allclose(TeagerEnergy().process(padded, 16000), TeagerEnergy().process(signal, 16000), rtol=1e-4)


@pytest.mark.parametrize("n_samples", [1, 2, 5, 639, 641])
@pytest.mark.parametrize("kind", ["zeros", "ones", "denormal", "clipped"])
def test_every_signal(kind, n_samples):
    noise = np.random.default_rng(0).normal(size=n_samples)
    signal = {
        "zeros": np.zeros(n_samples),
        "ones": np.ones(n_samples),
        "denormal": 1e-44 * noise,
        "clipped": np.clip(9 * noise, -1, 1),
    }[kind].astype(np.float32)
    out = TeagerEnergy().process(signal, 16000).reshape(21, 4)
    assert not np.isinf(out).any()
    assert np.isfinite(out[:, :2]).all()
    if kind == "zeros":
        np.testing.assert_array_equal(out[:, 0], np.full(21, -200.0))
        assert np.isnan(out[:, 2:]).all()


def test_same_input_same_output(speech):
    before = speech.copy()
    np.testing.assert_array_equal(TeagerEnergy().process(speech, 16000), clone(TeagerEnergy()).process(speech, 16000))
    np.testing.assert_array_equal(speech, before)


def test_tables_and_other_rates(speech):
    extractor = TeagerEnergy(sampling_rate=8000)
    table = extractor.fit_transform([Recording(speech, 16000), Recording(speech[:9000], 16000)])
    assert table.columns.tolist() == extractor.feature_names()
    assert table.shape == (2, 4 * 17)


def test_what_does_not_fit(speech):
    with pytest.raises(FeatureError, match="have no samples at 16000 Hz"):
        TeagerEnergy(window=1e-6).process(speech, 16000)
    with pytest.raises(FeatureError, match="needs a sampling_rate"):
        TeagerEnergy(sampling_rate=None).feature_names()
