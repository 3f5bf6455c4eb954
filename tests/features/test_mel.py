"""Mel filters, decibels and cosine transforms are those of librosa and scipy; gammatones follow their formula."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
from scipy.integrate import quad

from ferfusion.base.errors import FeatureError
from ferfusion.features.audio.lld.mel import (
    dct_matrix,
    erb,
    erb_number,
    gammatone_centres,
    gammatone_filters,
    hertz_of_erb_number,
    hertz_to_mel,
    mel_filters,
    mel_to_hertz,
    power_to_db,
)

librosa = pytest.importorskip("librosa")


@pytest.mark.parametrize(
    ("rate", "n_fft", "n_mels", "fmin", "fmax"),
    [
        (16000, 512, 64, 0.0, None),
        (16000, 400, 26, 20.0, 7600.0),
        (8000, 256, 23, 64.0, 4000.0),
        (44100, 2048, 128, 0.0, None),
    ],
)
@pytest.mark.parametrize("htk", [False, True])
@pytest.mark.parametrize("norm", ["slaney", None])
def test_mel_filters_are_those_of_librosa(rate, n_fft, n_mels, fmin, fmax, htk, norm):
    kwargs = {"sr": rate, "n_fft": n_fft, "n_mels": n_mels, "fmin": fmin, "fmax": fmax, "htk": htk, "norm": norm}
    expected = librosa.filters.mel(**kwargs, dtype=np.float64)
    np.testing.assert_allclose(mel_filters(rate, n_fft, n_mels, fmin, fmax, htk, norm), expected, atol=1e-12)


@pytest.mark.parametrize("htk", [False, True])
def test_mel_scale(htk):
    hertz = np.array([0.0, 20.0, 999.0, 1000.0, 1001.0, 4000.0, 20000.0])
    np.testing.assert_allclose(hertz_to_mel(hertz, htk=htk), librosa.hz_to_mel(hertz, htk=htk), rtol=1e-12)
    np.testing.assert_allclose(mel_to_hertz(hertz_to_mel(hertz, htk=htk), htk=htk), hertz, rtol=1e-12, atol=1e-12)


def test_filters_are_made_once_and_cannot_be_changed():
    assert mel_filters(16000, 512, 40) is mel_filters(16000, 512, 40)
    for matrix in (mel_filters(16000, 512, 40), gammatone_filters(16000, 512, 40), dct_matrix(13, 40)):
        with pytest.raises(ValueError, match="read-only"):
            matrix[0, 0] = 1.0


def test_bandwidths_of_glasberg_and_moore():
    # 24.7 (4.37 f / 1000 + 1), by hand
    np.testing.assert_allclose(erb(np.array([0.0, 100.0, 1000.0, 4000.0])), [24.7, 35.4939, 132.639, 456.456])
    f = np.array([50.0, 100.0, 1000.0, 8000.0])
    np.testing.assert_allclose(hertz_of_erb_number(erb_number(f)), f)
    # one number further is one bandwidth further
    for hertz in f:
        assert erb_number(hertz) == pytest.approx(quad(lambda g: 1.0 / float(erb(g)), 0.0, hertz)[0])
    # the published scale: 21.4 log10(1 + 0.00437 f)
    np.testing.assert_allclose(erb_number(f), 21.4 * np.log10(1 + 0.00437 * f), rtol=0.005)


def test_centres_of_gammatones():
    centres = gammatone_centres(10, 50.0, 7000.0)
    assert centres[[0, -1]] == pytest.approx([50.0, 7000.0])
    steps = np.diff(np.log(centres + 1000.0 / 4.37))
    np.testing.assert_allclose(steps, steps[0])


def test_gammatone_weights_are_means_of_the_response():
    weights = gammatone_filters(16000, 512, 16, 80.0, 6000.0)
    centres, spacing = gammatone_centres(16, 80.0, 6000.0), 16000 / 512
    for band, place in ((0, 3), (5, 20), (15, 190)):
        b = 1.0185916357881302 * (24.7 + 0.107939 * centres[band])
        f = np.linspace((place - 0.5) * spacing, (place + 0.5) * spacing, 20001)
        expected = ((1 + ((f - centres[band]) / b) ** 2) ** -4).mean()
        assert weights[band, place] == pytest.approx(expected, rel=1e-3)


def test_gammatones_pass_as_much_noise_as_their_bandwidth():
    weights, centres = gammatone_filters(16000, 512, 32, 100.0, 5000.0), gammatone_centres(32, 100.0, 5000.0)
    np.testing.assert_allclose(weights.sum(axis=1) * 16000 / 512, erb(centres), rtol=1e-3)
    np.testing.assert_allclose(gammatone_filters(16000, 512, 32, 100.0, 5000.0, "area").sum(axis=1), 512 / 16000, 1e-3)
    # in bins that are fine enough the gain at the centre is 1
    fine = gammatone_filters(16000, 1 << 16, 8)
    np.testing.assert_allclose(fine.max(axis=1), 1.0, atol=1e-4)


def test_a_gammatone_filter_made_in_time_has_this_response():
    rate, centre, n = 16000, 1000.0, 1 << 14
    t = np.arange(n) / rate
    b = 1.0185916357881302 * float(erb(centre))
    impulse = t**3 * np.exp(-2 * np.pi * b * t) * np.exp(2j * np.pi * centre * t)
    response = np.abs(np.fft.fft(impulse)[: n // 2 + 1]) ** 2
    weights = gammatone_filters(rate, n, 2, centre, 5000.0)[0]
    np.testing.assert_allclose(response / response.max(), weights, atol=2e-3)


@pytest.mark.parametrize("make", [mel_filters, gammatone_filters])
def test_bands_that_do_not_fit(make):
    with pytest.raises(FeatureError, match="from 50 to 8000 Hz do not fit into 0 to 4000 Hz"):
        make(8000, 256, 20, 50.0, 8000.0)
    with pytest.raises(FeatureError, match="from 5000 to 3000 Hz do not fit"):
        make(16000, 256, 20, 5000.0, 3000.0)
    with pytest.raises(FeatureError, match="1 band at least"):
        make(16000, 256, 0)
    with pytest.raises(FeatureError, match="'slany'"):
        make(16000, 256, 20, norm="slany")


def test_decibels_are_those_of_librosa_at_ordinary_levels():
    rng = np.random.default_rng(0)
    power = rng.exponential(size=(50, 40)) ** 6
    np.testing.assert_allclose(power_to_db(power), librosa.power_to_db(power, ref=1.0, top_db=80.0), atol=1e-10)
    np.testing.assert_allclose(power_to_db(power, None), librosa.power_to_db(power, top_db=None, amin=1e-20), 1e-12)


@pytest.mark.parametrize("gain", [1e-4, 1e-2, 10.0])
def test_a_gain_adds_a_constant(gain):
    power = np.random.default_rng(1).exponential(size=(20, 8)) ** 8
    assert (power_to_db(power) == power_to_db(power).min()).sum() > 3  # some lie on the floor
    np.testing.assert_allclose(power_to_db(gain**2 * power), power_to_db(power) + 20 * np.log10(gain), atol=1e-9)


def test_silence_has_a_level():
    np.testing.assert_allclose(power_to_db(np.zeros((2, 3))), -200.0, rtol=1e-12)
    np.testing.assert_allclose(power_to_db(np.full(2, 1e-320)), -200.0, rtol=1e-12)
    assert power_to_db(np.empty((0, 3))).shape == (0, 3)


@pytest.mark.parametrize(("n_coefficients", "n_bands"), [(13, 40), (1, 1), (26, 26)])
def test_cosine_transform(n_coefficients, n_bands):
    bands = np.random.default_rng(2).normal(size=(5, n_bands))
    expected = scipy.fft.dct(bands, type=2, norm="ortho", axis=1)[:, :n_coefficients]
    np.testing.assert_allclose(bands @ dct_matrix(n_coefficients, n_bands).T, expected, atol=1e-12)


def test_more_coefficients_than_bands():
    with pytest.raises(FeatureError, match="40 bands have 1 to 40 cosine coefficients, not 41"):
        dct_matrix(41, 40)
