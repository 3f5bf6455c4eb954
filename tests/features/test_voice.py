"""Harmonicity, cepstral peak and levels of harmonics: of sounds of known noise and known harmonics, and by Praat."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from ferfusion.features.audio.analysis import Analysis
from ferfusion.features.audio.lld.frames import times_of
from ferfusion.features.audio.lld.harmonicity import find_hnr
from ferfusion.features.audio.lld.pitch import Pitch
from ferfusion.features.audio.lld.voice import alpha_ratio, cepstral_peak, hammarberg, harmonic_levels, long_spectrum

RATE = 16000


def hum(f0, seconds=1.0, rate=RATE, noise_db=None, seed=0):
    """Sum of harmonics, fainter the higher; with white noise so many decibels below it."""
    t = np.arange(round(seconds * rate)) / rate
    x = sum(np.cos(2 * np.pi * f0 * k * t + k * k) / k for k in range(1, int(0.49 * rate / f0)))
    x /= x.std()
    if noise_db is not None:
        x += 10 ** (-noise_db / 20) * np.random.default_rng(seed).standard_normal(len(x))
    return x


def everywhere(x, f0=np.nan, rate=RATE):
    n = len(times_of(len(x), rate))
    return Pitch(np.full(n, f0), np.full(n, 0.9))


@pytest.mark.parametrize("f0", [100.0, 210.0])
@pytest.mark.parametrize("snr", [0.0, 5.0, 10.0, 15.0, 20.0])
def test_hnr_is_the_ratio_of_what_was_added(f0, snr):
    x = hum(f0, noise_db=snr)
    hnr = find_hnr(x, RATE, everywhere(x, f0))
    assert np.mean(hnr[5:-5]) == pytest.approx(snr, abs=1.0)


def test_hnr_of_a_voice_without_noise_is_bounded():
    x = hum(100.0)
    hnr = find_hnr(x, RATE, everywhere(x, 100.0))
    assert (hnr[5:-5] > 50).all()
    assert (hnr <= 60 + 1e-9).all()


def test_hnr_by_hand():
    # 75 Hz: stretches of 213 samples; at 160 Hz the period is 100 samples
    rng = np.random.default_rng(3)
    x = hum(160.0, 0.5) + 0.3 * rng.standard_normal(8000)
    hnr = find_hnr(x, RATE, everywhere(x, 160.0))
    for frame in (10, 17, 30):
        mean = x[frame * 160 - (213 + 100) // 2 :][: 213 + 100].mean()
        x0 = x[frame * 160 - (213 + 100) // 2 :] - mean
        r = {}
        for lag in range(88, 114):  # a tenth of the period to both sides, and some more
            one, two = x0[:213], x0[lag : lag + 213]
            r[lag] = one @ two / np.sqrt((one @ one) * (two @ two))
        best = max(range(90, 112), key=r.get)
        bend = r[best - 1] - 2 * r[best] + r[best + 1]
        height = r[best] - (r[best - 1] - r[best + 1]) ** 2 / 8 / bend
        assert hnr[frame] == pytest.approx(10 * np.log10(height / (1 - height)), abs=1e-6)


def test_hnr_only_of_voiced_frames():
    x = hum(150.0, 0.3)
    pitch = everywhere(x, 150.0)
    pitch.f0[::2] = np.nan
    np.testing.assert_array_equal(np.isnan(find_hnr(x, RATE, pitch)), ~pitch.voiced)
    assert np.isnan(find_hnr(np.zeros(1600), RATE, everywhere(np.zeros(1600), 150.0))).all()


def test_hnr_does_not_drift_where_steps_are_no_whole_samples():
    # 220 samples a frame at 22.05 kHz: after 8 s a step of 220.5 would be 18 ms off
    rate = 22050
    x = np.concatenate([hum(150.0, 0.2, rate, noise) for noise in (0, 20, 0, 20)])
    pitch = everywhere(x, 150.0, rate)
    found = find_hnr(x, rate, pitch)
    later = np.concatenate([np.zeros(800 * 220), x])
    moved = Pitch(np.append(np.full(800, np.nan), pitch.f0), np.append(np.zeros(800), pitch.strength))
    assert np.ptp(found[3:-3]) > 15
    np.testing.assert_allclose(find_hnr(later, rate, moved)[803:-3], found[3:-3], rtol=1e-6)


def test_praat_says_the_same_of_harmonicity_and_loudness(corpus_folder):
    parselmouth = pytest.importorskip("parselmouth")
    files = sorted((corpus_folder("emodb") / "wav").glob("*.wav"))[::13][:40]
    hnr, level = [], []

    def nearest(analysis, times):
        # not get_value: that interpolates with the -200 dB of frames without voice
        values, theirs = analysis.values[0], analysis.xs()
        index = np.round((times - theirs[0]) / analysis.dx).astype(int)
        return np.where((index >= 0) & (index < len(values)), values[np.clip(index, 0, len(values) - 1)], np.nan)

    for file in files:
        x, rate = soundfile.read(file)
        analysis = Analysis(x, rate)
        sound = parselmouth.Sound(x, rate)
        voice = sound.to_pitch_ac(time_step=0.01)
        both = analysis.voiced & (np.array([voice.get_value_at_time(t) for t in analysis.times]) > 0)
        theirs = nearest(sound.to_harmonicity_cc(), analysis.times)
        ours = find_hnr(x, rate, analysis.pitch)
        usable = both & (theirs > -100) & np.isfinite(ours)
        hnr.append((ours[usable].mean(), theirs[usable].mean()))
        theirs = nearest(sound.to_intensity(time_step=0.01), analysis.times)
        usable = both & np.isfinite(theirs)
        level.append((analysis.level[usable].mean(), theirs[usable].mean()))
    assert len(files) == 40
    assert np.corrcoef(np.array(hnr).T)[0, 1] >= 0.95
    assert np.abs(np.diff(np.array(hnr), axis=1)).mean() < 1.0
    assert np.corrcoef(np.array(level).T)[0, 1] >= 0.98
    # theirs are re 20 micropascal: full scale, 1 pascal, is 94 dB
    assert np.diff(np.array(level), axis=1).mean() == pytest.approx(94.0, abs=0.5)


def test_level_of_known_sounds():
    t = np.arange(8000) / RATE
    tone = Analysis(0.5 * np.sin(2 * np.pi * 200 * t), RATE).level
    np.testing.assert_allclose(tone[4:-4], 20 * np.log10(0.5 / np.sqrt(2)), atol=0.1)
    np.testing.assert_array_equal(Analysis(np.ones(500), RATE).level, -100.0)  # an offset is no loudness
    np.testing.assert_array_equal(Analysis(np.zeros(500), RATE).level, -100.0)


def test_cepstral_peak_by_a_straight_line():
    x = hum(120.0, 0.4, noise_db=15)
    power, spacing = long_spectrum(x, RATE, np.ones(len(times_of(len(x), RATE)), dtype=bool))
    assert power.shape[1] == 513
    assert spacing == 15.625
    found = cepstral_peak(power, spacing)
    # 60 to 330 Hz are 49 to 266 samples; the line begins at 1 ms
    for frame in (5, 20, 31):
        level = 10 * np.log10(power[frame].astype(np.float64))
        cepstrum = 20 * np.log10(np.abs(np.fft.irfft(level)))
        line = np.polyval(np.polyfit(np.arange(16, 267), cepstrum[16:267], 1), np.arange(1024))
        peak = 49 + np.argmax(cepstrum[49:267])
        assert peak == pytest.approx(RATE / 120, abs=2)
        assert found[frame] == pytest.approx(cepstrum[peak] - line[peak], abs=0.02)


def test_cepstral_peak_is_higher_the_less_noise():
    def peak(x):
        frames = np.ones(len(times_of(len(x), RATE)), dtype=bool)
        return cepstral_peak(*long_spectrum(x, RATE, frames))[5:-5].mean()

    for f0 in (100.0, 210.0):
        values = [peak(hum(f0, noise_db=snr)) for snr in (0, 10, 20, 30)]
        assert (np.diff(values) > 2).all()
        assert values[0] > peak(np.random.default_rng(1).standard_normal(RATE))


@pytest.mark.parametrize("f0", [80.0, 120.0, 250.0])
@pytest.mark.parametrize("ratio", [-6.0, 0.0, 10.0])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_known_harmonics(f0, ratio, rate):
    t = np.arange(rate // 2) / rate
    x = np.cos(2 * np.pi * f0 * t) + 10 ** (-ratio / 20) * np.cos(2 * np.pi * 2 * f0 * t + 1)
    x += 10 ** (-20 / 20) * np.cos(2 * np.pi * 8 * f0 * t)
    n = len(times_of(len(x), rate))
    power, spacing = long_spectrum(x, rate, np.ones(n, dtype=bool))
    levels = harmonic_levels(power, spacing, np.full(n, f0), np.full(n, 8.5 * f0))[4:-4]
    np.testing.assert_allclose(levels[:, 0] - levels[:, 1], ratio, atol=0.35)
    np.testing.assert_allclose(levels[:, 0] - levels[:, 2], 20, atol=0.6)


def test_levels_that_do_not_exist():
    power = np.ones((3, 257), dtype=np.float32)
    # the last formant lies above half the sampling rate
    levels = harmonic_levels(power, 15.625, np.full(3, 100.0), np.array([2500.0, np.nan, 5400.0]))
    np.testing.assert_array_equal(levels[:, :2], 0)
    np.testing.assert_array_equal(levels[:, 2], [0, np.nan, np.nan])
    nothing, spacing = long_spectrum(np.zeros(100), RATE, np.zeros(1, dtype=bool))
    assert nothing.shape == (0, 513)
    assert cepstral_peak(nothing, spacing).shape == (0,)
    assert harmonic_levels(nothing, spacing, np.empty(0), np.empty(0)).shape == (0, 3)
    assert np.isfinite(cepstral_peak(np.zeros((2, 513), dtype=np.float32), 15.625)).all()


def test_balance_of_the_spectrum():
    frequencies = np.arange(257) * 31.25
    power = np.zeros((2, 257))
    power[:, frequencies == 500] = 10.0
    power[:, frequencies == 1500] = 4.0
    power[0, frequencies == 3000] = 1.0
    power[1, frequencies == 3000] = 20.0
    power[:, frequencies == 0] = 5.0  # below 50 Hz
    power[:, frequencies == 6000] = 1000.0  # above 5 kHz
    np.testing.assert_allclose(alpha_ratio(power, frequencies), 10 * np.log10([10 / 5, 10 / 24]))
    np.testing.assert_allclose(hammarberg(power, frequencies), 10 * np.log10([10 / 1, 10 / 20]))
    np.testing.assert_array_equal(alpha_ratio(np.zeros((1, 257)), frequencies), 0)
    np.testing.assert_array_equal(hammarberg(np.zeros((1, 257)), frequencies), 0)
