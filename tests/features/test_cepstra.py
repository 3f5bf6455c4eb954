"""Cepstra by librosa, by Fourier transforms of the model's spectrum, and by formulas written another way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import fft
from scipy.linalg import solve_toeplitz

from ferfusion.features.audio.analysis import Analysis
from ferfusion.features.audio.lld import cepstra
from ferfusion.features.audio.lld.mel import gammatone_filters

RATE = 16000


@pytest.fixture(scope="module")
def sound(small_corpus):
    x = small_corpus.X["audio"].iloc[7].astype(np.float64)
    return Analysis(x + 1e-4 * np.random.default_rng(0).standard_normal(len(x)), RATE)


def test_mfcc_is_that_of_librosa(sound):
    librosa = pytest.importorskip("librosa")
    level = librosa.power_to_db(sound.mel.astype(np.float64).T, amin=1e-20, top_db=80.0)
    for n in (1, 13, 20):
        expected = librosa.feature.mfcc(S=level, n_mfcc=n)
        np.testing.assert_allclose(cepstra.mfcc(sound.mel, n), expected.T, rtol=1e-4, atol=1e-3)


def test_mfcc_of_a_signal_is_that_of_librosa(sound):
    librosa = pytest.importorskip("librosa")
    settings = {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 40, "pad_mode": "constant"}
    power = librosa.feature.melspectrogram(y=sound.signal, sr=RATE, **settings)
    expected = librosa.feature.mfcc(S=librosa.power_to_db(power, amin=1e-20), n_mfcc=13)
    np.testing.assert_allclose(cepstra.mfcc(sound.mel), expected.T, rtol=1e-3, atol=1e-2)


def test_gfcc_by_its_formula(sound):
    bands = sound.power.astype(np.float64) @ gammatone_filters(RATE, 512, 32).T
    roots = (bands / bands.mean()) ** (1 / 3)
    expected = fft.dct(roots, axis=1, norm="ortho")[:, :13]
    np.testing.assert_allclose(cepstra.gfcc(bands, 13), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(cepstra.gfcc(1e-6 * bands), cepstra.gfcc(bands), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(cepstra.gfcc(np.zeros((2, 32))), 0)


def test_autocorrelations_are_those_of_the_frames():
    frames = np.random.default_rng(0).standard_normal((3, 400))
    power = np.abs(np.fft.rfft(frames, 1024)) ** 2
    expected = [[frame[k:] @ frame[: 400 - k] for k in range(5)] for frame in frames]
    np.testing.assert_allclose(cepstra.autocorrelations(power, 5), expected, rtol=1e-9)


def model_cepstrum(r, n):
    """Cepstrum of the all-pole model by the Fourier transform of its log spectrum."""
    a = solve_toeplitz(np.append(r[0] * (1 + 1e-9), r[1:-1]), r[1:])
    spectrum = np.abs(np.fft.rfft(np.concatenate([[1.0], -a]), 2**16))
    return 2 * np.fft.irfft(-np.log(spectrum))[1 : n + 1]


@pytest.mark.parametrize("n", [5, 13, 24])  # more than the order of 16, too
def test_lpcc_is_the_cepstrum_of_the_model(sound, n):
    frames = np.arange(0, sound.n_frames, 9)
    found = cepstra.lpcc(sound.power[frames], n)
    expected = [model_cepstrum(r, n) for r in cepstra.autocorrelations(sound.power[frames], 17)]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_lpcc_of_known_poles():
    # one pair of poles r exp(+-iw): c_n = 2 r^n cos(nw) / n
    radius, angle = 0.9, 0.7
    w = np.linspace(0, np.pi, 257)
    power = 1 / np.abs(1 - 2 * radius * np.cos(angle) * np.exp(-1j * w) + radius**2 * np.exp(-2j * w)) ** 2
    n = np.arange(1, 14)
    expected = 2 * radius**n * np.cos(n * angle) / n
    np.testing.assert_allclose(cepstra.lpcc(power[None], 13)[0], expected, atol=1e-5)


@pytest.mark.parametrize("gain", [1.0, 1e-3])
def test_models_of_sounds_with_empty_bands_stay_small(gain):
    # recordings of 8 kHz, brought to 16 kHz, have nothing in the upper half
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.standard_normal(8000))
    spectrum[1500:] = 0
    t = np.arange(8000) / RATE
    for x in (
        np.fft.irfft(spectrum),
        np.sin(2 * np.pi * 440 * t),
        np.sin(2 * np.pi * 440 * t) + 1e-6 * rng.random(8000),
    ):
        power = Analysis(gain * x, RATE).power
        assert np.abs(cepstra.lpcc(power)).max() < 10
        assert np.abs(cepstra.plp(power, np.linspace(0, 8000, 257))).max() < 10


def plp_by_the_book(power, frequencies, order, n):
    """Hermansky's steps in his own units: angular frequency, filters one by one."""
    w = 2 * np.pi * frequencies
    bark = 6 * np.log(w / (1200 * np.pi) + np.sqrt((w / (1200 * np.pi)) ** 2 + 1))
    bands = []
    for centre in np.linspace(0, bark[-1], 21):
        total = 0.0
        for z, p in zip(bark - centre, power, strict=True):
            if z < -0.5:
                total += p * 10 ** (z + 0.5)  # what lies below masks further
            elif z <= 0.5:
                total += p
            else:
                total += p * 10 ** (-2.5 * (z - 0.5))
        wc = 1200 * np.pi * np.sinh(centre / 6)
        equal_loudness = (wc**2 + 56.8e6) * wc**4 / ((wc**2 + 6.3e6) ** 2 * (wc**2 + 0.38e9))
        bands.append((total * equal_loudness) ** (1 / 3))  # he wrote 0.33
    bands[0], bands[-1] = bands[1], bands[-2]
    r = np.real(np.fft.ifft(np.concatenate([bands, bands[-2:0:-1]])))[: order + 1]
    return model_cepstrum(r, n)


def test_plp_by_the_book(sound):
    for frame in range(5, sound.n_frames, 40):
        power = sound.power[frame].astype(np.float64)
        found = cepstra.plp(power[None], sound.frequencies)[0]
        # constants in hertz are rounded
        np.testing.assert_allclose(found, plp_by_the_book(power, sound.frequencies, 12, 13), atol=5e-4)
    assert np.abs(cepstra.plp(sound.power, sound.frequencies)).max() < 3


def test_no_gain_in_model_cepstra(sound):
    for kind in (cepstra.lpcc, lambda power: cepstra.plp(power, sound.frequencies)):
        np.testing.assert_allclose(kind(1e-4 * sound.power), kind(sound.power), atol=1e-4)
        np.testing.assert_array_equal(kind(np.zeros((2, 257), dtype=np.float32)), 0)


def test_deltas_are_slopes():
    frames = np.random.default_rng(1).standard_normal((12, 3)).cumsum(axis=0)
    for reach in (1, 2, 4):
        found = cepstra.deltas(frames, reach)
        assert found.shape == frames.shape
        padded = np.concatenate([frames[:1]] * reach + [frames] + [frames[-1:]] * reach)
        for t in range(12):
            line = np.polyfit(np.arange(-reach, reach + 1), padded[t : t + 2 * reach + 1], 1)
            np.testing.assert_allclose(found[t], line[0], atol=1e-12)
    librosa = pytest.importorskip("librosa")
    expected = librosa.feature.delta(frames, width=5, axis=0, mode="nearest")
    np.testing.assert_allclose(cepstra.deltas(frames), expected, atol=1e-9)
    np.testing.assert_array_equal(cepstra.deltas(frames[:1]), 0)
    np.testing.assert_allclose(cepstra.deltas(np.arange(9.0)[:, None])[2:-2], 1.0)
