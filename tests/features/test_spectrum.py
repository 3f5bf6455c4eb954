"""Descriptors of the spectrum are those of librosa where it has them, and follow their formulas where not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ferfusion.features.audio.analysis import Analysis
from ferfusion.features.audio.lld import spectrum
from ferfusion.features.audio.lld.frames import frames_of_signal

librosa = pytest.importorskip("librosa")

RATES = (8000, 16000, 44100)


@pytest.fixture(scope="module", params=RATES)
def sound(request, small_corpus):
    """A voice with faint noise, so that no frame is silent, at several rates."""
    import soxr

    speech = small_corpus.X["audio"].iloc[5].astype(np.float64)
    x = soxr.resample(speech, 16000, request.param)
    return Analysis(x + 1e-3 * np.random.default_rng(0).standard_normal(len(x)), request.param)


def same(found, expected, scale=None):
    """Equal to one part in 10000 (of the whole descriptor's size where it passes through zero)."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * (scale or 0.0))


def test_spectrum_is_that_of_librosa(sound):
    n_fft, rate = sound.n_fft, sound.sampling_rate
    expected = librosa.stft(
        sound.signal, n_fft=n_fft, hop_length=rate // 100, win_length=round(0.025 * rate), pad_mode="constant"
    )
    assert n_fft == {8000: 256, 16000: 512, 44100: 2048}[rate]
    assert sound.magnitude.shape == (sound.n_frames, n_fft // 2 + 1)
    np.testing.assert_allclose(sound.magnitude, np.abs(expected).T, atol=2e-6 * np.abs(expected).max())
    same(sound.power, sound.magnitude**2)
    np.testing.assert_allclose(sound.frequencies, librosa.fft_frequencies(sr=rate, n_fft=n_fft))


def test_mel_bands_are_those_of_librosa(sound):
    filters = librosa.filters.mel(sr=sound.sampling_rate, n_fft=sound.n_fft, n_mels=40)
    same(sound.mel, sound.power.astype(np.float64) @ filters.T, scale=sound.mel.mean())


def test_moments(sound):
    magnitude, frequencies = sound.magnitude.astype(np.float64), sound.frequencies
    found = spectrum.moments(sound.magnitude, frequencies)
    settings = {"S": magnitude.T, "sr": sound.sampling_rate}
    same(found[:, 0], librosa.feature.spectral_centroid(**settings)[0])
    same(found[:, 1], librosa.feature.spectral_bandwidth(**settings)[0])
    weights = magnitude / magnitude.sum(axis=1, keepdims=True)
    away = (frequencies - found[:, :1]) / found[:, 1:2]
    same(found[:, 2], (weights * away**3).sum(axis=1), scale=1.0)
    same(found[:, 3], (weights * away**4).sum(axis=1))


def test_rolloff(sound):
    shares = (0.25, 0.5, 0.85, 0.9)
    found = spectrum.rolloff(sound.magnitude, sound.frequencies, shares)
    for k, share in enumerate(shares):
        expected = librosa.feature.spectral_rolloff(S=sound.magnitude.T, sr=sound.sampling_rate, roll_percent=share)
        same(found[:, k], expected[0])


def test_flatness(sound):
    found = spectrum.flatness(sound.power, sound.decibels)
    expected = librosa.feature.spectral_flatness(S=sound.magnitude.astype(np.float64).T, amin=1e-30)[0]
    # ours has a floor 100 dB below each frame's highest bin, theirs hardly any
    above = sound.power.min(axis=1) > 1e-10 * sound.power.max(axis=1)
    assert above.mean() > 0.95
    same(found[above], expected[above])
    assert (found >= 0.9999 * expected).all()


@pytest.mark.parametrize("n_bands", [3, 4])
def test_contrast(sound, n_bands):
    found = spectrum.contrast(sound.magnitude, sound.frequencies, n_bands)
    expected = librosa.feature.spectral_contrast(
        S=sound.magnitude.astype(np.float64).T, sr=sound.sampling_rate, fmin=200.0, n_bands=n_bands
    )
    same(found, expected.T, scale=10.0)


@pytest.mark.parametrize(("rate", "n_fft"), [(8000, 256), (16000, 512), (22050, 2048), (48000, 2048)])
def test_chroma_filters(rate, n_fft):
    expected = librosa.filters.chroma(sr=rate, n_fft=n_fft, tuning=0.0, dtype=np.float64)
    np.testing.assert_allclose(spectrum.chroma_filters(rate, n_fft), expected, atol=1e-9)
    assert not spectrum.chroma_filters(rate, n_fft).flags.writeable


def test_chroma_and_tonnetz(sound):
    found = spectrum.chroma(sound.power, spectrum.chroma_filters(sound.sampling_rate, sound.n_fft))
    expected = librosa.feature.chroma_stft(
        S=sound.power.astype(np.float64).T, sr=sound.sampling_rate, n_fft=sound.n_fft, tuning=0.0
    )
    same(found, expected.T)
    same(spectrum.tonnetz(found), librosa.feature.tonnetz(chroma=expected, sr=sound.sampling_rate).T, scale=1.0)


@pytest.mark.parametrize(("hertz", "place"), [(261.63, 0), (440.0, 9), (1244.5, 3)])
def test_chroma_of_a_tone(hertz, place):
    x = Analysis(np.sin(2 * np.pi * hertz * np.arange(8000) / 16000), 16000)
    found = spectrum.chroma(x.power, spectrum.chroma_filters(16000, x.n_fft))
    if hertz > 1000:  # lower down the bins are wider than semitones
        assert (found[4:-4].argmax(axis=1) == place).all()
    assert (found[4:-4, place] > 0.5).all()
    assert found.max() == 1.0


def test_zero_crossings(sound):
    frames = frames_of_signal(sound.signal, sound.sampling_rate, 200)
    expected = [librosa.zero_crossings(frame, threshold=0, pad=False)[1:].sum() / 199 for frame in frames]
    np.testing.assert_allclose(spectrum.zero_crossings(frames), expected)
    alternating = np.array([[1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0], [0.0, 0.0, 0.0, 0.0]])
    np.testing.assert_allclose(spectrum.zero_crossings(alternating), [1, 1 / 3, 0])
    np.testing.assert_array_equal(spectrum.zero_crossings(np.ones((2, 1))), 0)


def test_slope_by_a_straight_line(sound):
    inside = (sound.frequencies >= 500) & (sound.frequencies <= 1500)
    expected = np.polyfit(sound.frequencies[inside] / 1000, sound.decibels[:, inside].astype(np.float64).T, 1)[0]
    same(spectrum.slope_db(sound.decibels, sound.frequencies, 500, 1500), expected, scale=10.0)
    np.testing.assert_array_equal(spectrum.slope_db(np.ones((3, 5)), np.arange(5.0), 0.5, 1.5), 0)


def test_entropy_flux_and_shares_by_their_formulas(sound):
    power = sound.power.astype(np.float64)
    p = power / power.sum(axis=1, keepdims=True)
    same(spectrum.entropy(sound.power, sound.decibels), -(p * np.log(p)).sum(axis=1) / np.log(p.shape[1]))
    unit = np.sqrt(p)
    change = np.linalg.norm(np.diff(unit, axis=0), axis=1)
    same(spectrum.flux(sound.magnitude), np.concatenate([[0.0], change]), scale=1.0)
    edges = [0.0, 250.0, 1000.0, 3999.0]
    expected = [p[:, (sound.frequencies >= a) & (sound.frequencies < b)].sum(axis=1) for a, b in pairwise(edges)]
    same(spectrum.band_shares(sound.power, sound.frequencies, edges), np.column_stack(expected))


def test_by_hand():
    frequencies = np.array([0.0, 1000.0, 2000.0, 3000.0])
    two = np.array([[0.0, 1.0, 0.0, 1.0]])
    np.testing.assert_allclose(spectrum.moments(two, frequencies), [[2000, 1000, 0, 1]], atol=1e-9)
    np.testing.assert_allclose(spectrum.rolloff(two, frequencies, (0.25, 0.5, 0.75)), [[1000, 1000, 3000]])
    np.testing.assert_allclose(spectrum.flux(np.array([[1.0, 0], [0, 3], [0, 1]])), [0, np.sqrt(2), 0])
    np.testing.assert_allclose(spectrum.decibels(np.array([[1.0, 1e-3, 0.0]])), [[0, -30, -100]])
    even = np.ones((1, 4))
    assert spectrum.flatness(even, spectrum.decibels(even)) == pytest.approx([1.0])
    assert spectrum.entropy(even, spectrum.decibels(even)) == pytest.approx([1.0])
    np.testing.assert_allclose(spectrum.entropy(two**2, spectrum.decibels(two**2)), [0.5], atol=1e-6)
    np.testing.assert_allclose(spectrum.band_shares(two, frequencies, [0, 1000, 2000]), [[0, 0.5]])


@pytest.mark.parametrize("value", [0.0, 1e-30])
def test_silence(value):
    n_bins = 257
    magnitude = np.full((3, n_bins), value, dtype=np.float32)
    power, frequencies = magnitude**2, np.linspace(0, 8000, n_bins)
    levels = spectrum.decibels(power)
    for out in (
        spectrum.moments(magnitude, frequencies),
        spectrum.rolloff(magnitude, frequencies),
        spectrum.flux(magnitude),
        spectrum.flatness(power, levels),
        spectrum.entropy(power, levels),
        spectrum.band_shares(power, frequencies, [0.0, 4000.0]),
        spectrum.contrast(magnitude, frequencies, 4),
        spectrum.chroma(power, spectrum.chroma_filters(16000, 512)),
        spectrum.tonnetz(np.zeros((3, 12))),
        spectrum.slope_db(levels, frequencies, 0, 5000),
    ):
        assert np.isfinite(out).all()
        assert len(out) == 3
