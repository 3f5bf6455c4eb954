"""Modulation that was put in comes out: depth, rate, share."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from sklearn.base import clone

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.corpora import make_corpus
from ferfusion.features.audio.lld.modulation import MODULATION_EDGES, band_energies, modulation_spectrum
from ferfusion.features.audio.modulation import Modulation
from ferfusion.features.audio.reading import Recording

BETWEEN = ["1_2", "2_4", "4_8", "8_16", "16_32"]


@pytest.fixture(scope="module")
def speech():
    return make_corpus(n_speakers=1, n_utterances=1, views=("audio",)).X["audio"].iloc[0]


def values_of(signal, **parameters):
    extractor = Modulation(**parameters)
    out = extractor.process(np.asarray(signal, dtype=np.float32), 16000)
    return dict(zip(extractor.feature_names(), out, strict=True))


def modulated(rate, depth=1.0, seconds=6.0):
    t = np.arange(round(16000 * seconds)) / 16000
    return 0.3 * (1 + depth * np.sin(2 * np.pi * rate * t)) * np.sin(2 * np.pi * 1000.0 * t)


@pytest.mark.parametrize(("segment", "resolution", "size"), [(2.0, 0.25, 400), (1.0, 0.25, 400), (1.51, 1.0, 151)])
def test_spectrum_is_that_of_welch(segment, resolution, size):
    envelopes = np.random.default_rng(0).uniform(0.5, 2.0, size=(730, 3))
    frequencies, density = modulation_spectrum(envelopes, 100.0, segment=segment, resolution=resolution)
    width = round(100 * segment)
    taper = np.hanning(width + 2)[1:-1]
    theirs, expected = scipy.signal.welch(
        envelopes, 100.0, window=taper, noverlap=width - width // 2, nfft=size, detrend="constant", axis=0
    )
    np.testing.assert_allclose(frequencies, theirs)
    np.testing.assert_allclose(density, expected / envelopes.mean(axis=0) ** 2, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(("rate", "place"), [(1.4, 0), (3.0, 1), (5.5, 2), (12.0, 3), (24.0, 4)])
@pytest.mark.parametrize("depth", [1.0, 0.2])
def test_depth_of_an_envelope(rate, place, depth):
    envelope = 3.0 * (1 + depth * np.sin(2 * np.pi * rate * np.arange(800) / 100))[:, None]
    energies = band_energies(*modulation_spectrum(envelope, 100.0))[:, 0]
    assert energies[place] == pytest.approx(depth**2 / 2, rel=0.15)
    # the window blurs some of the slowest beyond 1 Hz
    assert energies.sum() == pytest.approx(depth**2 / 2, rel=0.12 if place == 0 else 0.02)


def test_energies_are_integrals():
    f = np.arange(0.0, 51.0, 0.25)
    np.testing.assert_allclose(band_energies(f, np.ones((len(f), 2)))[:, 1], np.diff(MODULATION_EDGES))
    np.testing.assert_allclose(band_energies(f, np.ones((len(f), 1)), (1.1, 1.3))[:, 0], [0.2])


@pytest.mark.parametrize(("rate", "place"), [(1.4, 0), (3.0, 1), (5.5, 2), (12.0, 3), (24.0, 4)])
@pytest.mark.parametrize("bank", ["gammatone", "mel"])
def test_modulation_of_a_sound(rate, place, bank):
    values = values_of(modulated(rate), bank=bank)
    shares = [values[f"share_{between}"] for between in BETWEEN]
    assert np.argmax(shares) == place
    assert sum(shares) == pytest.approx(1.0, abs=1e-5)
    assert shares[place] > 0.8
    assert values["centroid"] == pytest.approx(rate, rel=0.15)
    if 2 < rate < 8:
        assert values["syllabic_peak"] == pytest.approx(rate, abs=0.25)
        assert values["syllabic_rate"] == pytest.approx(rate, rel=0.05)


def test_level_of_the_band_that_holds_the_sound():
    # envelope 1 + sin: half of its squared mean; the frames blur 5.5 Hz but little
    values = values_of(modulated(5.5))
    assert values["band03_mod_4_8"] == pytest.approx(-3.0, abs=0.3)
    half = values_of(modulated(5.5, depth=0.5))
    assert half["band03_mod_4_8"] == pytest.approx(-9.0, abs=0.3)


def test_a_steady_tone_has_no_modulation():
    t = np.arange(32000) / 16000
    # no edges: they would be modulation
    signal = np.sin(2 * np.pi * 1000.0 * t)
    envelope = np.ones((100, 2))
    assert not band_energies(*modulation_spectrum(envelope, 100.0)).any()
    assert values_of(signal)["band03_mod_4_8"] < -20


def test_gain_changes_nothing(speech):
    loud, faint = (Modulation().process(np.float32(gain) * speech, 16000) for gain in (1.0, 2.0**-10))
    np.testing.assert_allclose(faint, loud, rtol=1e-5)


def test_rate_of_the_recording_matters_little(speech):
    low = Modulation(fmax=3000.0).compute(Recording(speech, 16000))
    high = Modulation(fmax=3000.0).compute(Recording(np.repeat(speech, 3), 48000))
    np.testing.assert_allclose(high, low, atol=0.3)


@pytest.mark.parametrize("n_samples", [1, 300, 700, 5000])
@pytest.mark.parametrize("kind", ["zeros", "ones", "denormal", "clipped"])
def test_every_signal(kind, n_samples):
    noise = np.random.default_rng(0).normal(size=n_samples)
    signal = {
        "zeros": np.zeros(n_samples),
        "ones": np.ones(n_samples),
        "denormal": 1e-44 * noise,
        "clipped": np.clip(9 * noise, -1, 1),
    }[kind].astype(np.float32)
    out = Modulation().process(signal, 16000)
    assert out.shape == (54,)
    assert not np.isinf(out).any()
    assert np.isnan(out).all() == (kind == "zeros" or n_samples < 480)


def test_names_and_tables(speech):
    extractor = Modulation(n_bands=3)
    names = extractor.feature_names()
    assert names[:2] == ["band00_mod_1_2", "band00_mod_2_4"]
    assert names[15:] == [
        *(f"mod_{between}" for between in BETWEEN),
        *(f"share_{between}" for between in BETWEEN),
        *("centroid", "spread", "syllabic_rate", "syllabic_peak"),
    ]
    table = extractor.fit_transform([Recording(speech, 16000), Recording(speech[:9000], 16000)])
    assert table.columns.tolist() == names
    assert np.isfinite(table.to_numpy()).all()


def test_same_input_same_output(speech):
    before = speech.copy()
    np.testing.assert_array_equal(Modulation().process(speech, 16000), clone(Modulation()).process(speech, 16000))
    np.testing.assert_array_equal(speech, before)


def test_what_does_not_fit(speech):
    with pytest.raises(UnknownNameError, match=r"'gammatones'\. Did you mean 'gammatone'\?"):
        Modulation("gammatones").process(speech, 16000)
    with pytest.raises(FeatureError, match=r"every 0\.02 s do not show modulation of 32 Hz"):
        Modulation(step=0.02).process(speech, 16000)
    with pytest.raises(FeatureError, match="do not fit into 0 to 4000 Hz"):
        Modulation(fmax=6000.0).process(speech, 8000)
