"""Formants are the resonances of the sound: known ones of made vowels, and those that Praat finds in speech."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from scipy.signal import lfilter

from ferfusion.features.audio.lld.formants import _resonances, find_formants
from ferfusion.features.audio.lld.frames import times_of
from ferfusion.features.audio.lld.pitch import find_pitch

VOWELS = {
    "i": (280, 2250, 2950),
    "a": (740, 1150, 2450),
    "u": (320, 950, 2250),
    "e": (500, 1850, 2500),
    "ae": (660, 1700, 2420),
}


def vowel(formants, f0, rate, seconds=0.3):
    """Pulses through resonances, tilted by the 6 dB per octave that a voice has and the analysis takes away."""
    x = np.zeros(round(seconds * rate))
    places = np.arange(0.0, len(x) - 1, rate / f0)
    np.add.at(x, places.astype(int), 1 - places % 1)
    np.add.at(x, places.astype(int) + 1, places % 1)
    below_half = (f for f in (*formants, 3500, 4500) if f < rate / 2 - 200)
    for hertz, width in zip(below_half, (60, 80, 120, 150, 200), strict=False):
        radius = np.exp(-np.pi * width / rate)
        x = lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * hertz / rate), radius**2], x)
    return lfilter([1], [1, -np.exp(-2 * np.pi * 50 / rate)], x)


@pytest.mark.parametrize("rate", [8000, 11000, 16000])
@pytest.mark.parametrize("name", VOWELS)
def test_known_resonances(name, rate):
    x = vowel(VOWELS[name], 90.0, rate)
    frames = np.ones(len(times_of(len(x), rate)), dtype=bool)
    frequencies, bandwidths = find_formants(x, rate, frames)
    np.testing.assert_allclose(np.median(frequencies[4:-4], axis=0), VOWELS[name], rtol=0.03)
    np.testing.assert_allclose(np.median(bandwidths[4:-4], axis=0)[:2], [60, 80], rtol=0.55)
    assert (np.diff(frequencies[4:-4], axis=1) > 0).all()


def test_poles_are_those_of_burgs_method_by_librosa():
    librosa = pytest.importorskip("librosa")
    rng = np.random.default_rng(0)
    rate, order = 11000.0, 10
    frames = lfilter([1], [1, -1.6, 0.9], rng.standard_normal((8, 550)), axis=1) + 0.1 * rng.standard_normal((8, 550))
    frequencies, bandwidths = _resonances(frames, rate, order, 3)
    for frame, hertz, width in zip(frames, frequencies, bandwidths, strict=True):
        roots = np.roots(librosa.lpc(frame, order=order))
        upper = sorted((z for z in roots if z.imag >= 0), key=np.angle)
        kept = [z for z in upper if 50 <= np.angle(z) * rate / 2 / np.pi <= rate / 2 - 50][:3]
        np.testing.assert_allclose(hertz, np.angle(kept) * rate / 2 / np.pi, rtol=1e-7)
        np.testing.assert_allclose(width, -np.log(np.abs(kept)) * rate / np.pi, rtol=1e-6)


def test_praat_says_the_same(corpus_folder):
    parselmouth = pytest.importorskip("parselmouth")
    files = sorted((corpus_folder("emodb") / "wav").glob("*.wav"))[::13][:40]
    means, deviations = [], []
    for file in files:
        x, rate = soundfile.read(file)
        times = times_of(len(x), rate)
        sound = parselmouth.Sound(x, rate)
        pitch = sound.to_pitch_ac(time_step=0.01)
        theirs_voiced = np.array([pitch.get_value_at_time(t) for t in times]) > 0
        both = find_pitch(x, rate).voiced & theirs_voiced
        ours, _ = find_formants(x, rate, both)
        analysis = sound.to_formant_burg(time_step=0.01)
        theirs = np.array([[analysis.get_value_at_time(k, t) for k in (1, 2, 3)] for t in times[both]])
        means.append((np.nanmean(ours[both], axis=0), np.nanmean(theirs, axis=0)))
        deviations.append(np.abs(ours[both] / theirs - 1))
    assert len(files) == 40
    ours, theirs = np.array(means).transpose(1, 2, 0)
    for k, least in enumerate((0.9, 0.9, 0.8)):
        assert np.corrcoef(ours[k], theirs[k])[0, 1] >= least
    assert np.nanmedian(np.concatenate(deviations)) < 0.02


def test_only_the_frames_asked_for():
    x = vowel(VOWELS["a"], 100.0, 16000)
    frames = np.zeros(len(times_of(len(x), 16000)), dtype=bool)
    frames[[5, 9]] = True
    frequencies, bandwidths = find_formants(x, 16000, frames)
    assert frequencies.shape == bandwidths.shape == (len(frames), 3)
    np.testing.assert_array_equal(np.isfinite(frequencies).all(axis=1), frames)
    every, _ = find_formants(x, 16000, np.ones(len(frames), dtype=bool))
    np.testing.assert_array_equal(every[frames], frequencies[frames])
    none, _ = find_formants(x, 16000, np.zeros(len(frames), dtype=bool))
    assert np.isnan(none).all()


def test_ceiling_and_number():
    x = vowel(VOWELS["a"], 100.0, 16000)
    frames = np.ones(len(times_of(len(x), 16000)), dtype=bool)
    five, _ = find_formants(x, 16000, frames, n_formants=5)
    three, _ = find_formants(x, 16000, frames)
    np.testing.assert_array_equal(five[:, :3], three)
    np.testing.assert_allclose(np.median(five[4:-4], axis=0)[:4], [*VOWELS["a"], 3500], rtol=0.03)
    lower, _ = find_formants(x, 16000, frames, ceiling=5000.0)
    np.testing.assert_allclose(np.median(lower[4:-4], axis=0), VOWELS["a"], rtol=0.03)
    assert not np.array_equal(lower, three)


def test_gain_changes_nothing_and_silence_moves():
    x = vowel(VOWELS["e"], 110.0, 16000)
    frames = np.ones(len(times_of(len(x), 16000)), dtype=bool)
    found, widths = find_formants(x, 16000, frames)
    for gain in (0.001, 1024.0):
        again, again_widths = find_formants(gain * x, 16000, frames)
        np.testing.assert_allclose(again[3:-3], found[3:-3], rtol=1e-5)
        np.testing.assert_allclose(again_widths[3:-3], widths[3:-3], rtol=1e-3)
    later, _ = find_formants(np.concatenate([np.zeros(1600), x]), 16000, np.append(np.zeros(10, dtype=bool), frames))
    np.testing.assert_allclose(later[13:-3], found[3:-3], rtol=1e-3)


def test_frames_do_not_drift_where_steps_are_no_whole_samples():
    # 220 samples a frame at 22.05 kHz: after 8 s a step of 220.5 would be 18 ms off
    rate = 22050
    x = np.concatenate([vowel(VOWELS[name], 90.0, rate, 0.2) for name in ("a", "i", "a")])
    frames = np.ones(len(times_of(len(x), rate)), dtype=bool)
    found, _ = find_formants(x, rate, frames)
    later, _ = find_formants(np.concatenate([np.zeros(800 * 220), x]), rate, np.append(np.zeros(800, bool), frames))
    assert np.ptp(found[3:-3, 0]) > 300
    # but for the changes of vowel, where a hair's breadth can exchange two poles
    assert np.isclose(later[803:-3], found[3:-3], rtol=0.01).mean() > 0.97


@pytest.mark.parametrize("n_samples", [1, 2, 20, 300])
@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_hardly_any_sound(n_samples, rate):
    for x in (np.zeros(n_samples), np.ones(n_samples), np.full(n_samples, 1e-310), np.sin(np.arange(n_samples))):
        frames = np.ones(len(times_of(n_samples, rate)), dtype=bool)
        frequencies, bandwidths = find_formants(x, rate, frames)
        assert frequencies.shape == bandwidths.shape == (len(frames), 3)
        assert not np.isinf(frequencies).any()
        assert not np.isinf(bandwidths).any()
        if not x.any():
            assert np.isnan(frequencies).all()
