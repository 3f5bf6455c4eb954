"""The fundamental frequency: of tones exactly, of synthetic voices by their truth, of people by Praat."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from ferfusion.features.audio.lld import pitch as pitch_module
from ferfusion.features.audio.lld.frames import frame_count, frame_starts, frames_of_signal, hann, times_of
from ferfusion.features.audio.lld.pitch import find_pitch

RATE = 16000
INSIDE = slice(3, -3)  # frames whose window has no end of the sound in it


def seconds(n, rate=RATE):
    return np.arange(round(n * rate)) / rate


def through_the_window(truth, half=0.020):
    """F0 of the truth as a window of 40 ms sees it: the mean of the periods under it."""
    f0 = np.full(len(truth.times), np.nan)
    for train in truth.pulses:
        middles, periods = (train[1:] + train[:-1]) / 2, np.diff(train)
        weights = np.cos(np.pi / 2 * np.clip((middles - truth.times[:, None]) / half, -1, 1)) ** 2
        inside = (truth.times >= train[0]) & (truth.times < train[-1]) & (weights.sum(axis=1) > 0)
        f0[inside] = weights[inside].sum(axis=1) / (weights[inside] @ periods)
    return f0


def test_grid_of_frames():
    x = np.arange(1.0, 101.0)
    frames = frames_of_signal(x, 1000, 6, step=0.02)
    assert frames.shape == (frame_count(100, 1000, 0.02), 6) == (6, 6)
    np.testing.assert_array_equal(frames[0], [0, 0, 0, 1, 2, 3])  # centred on the first sample
    np.testing.assert_array_equal(frames[2], [38, 39, 40, 41, 42, 43])
    np.testing.assert_array_equal(frames[5], [98, 99, 100, 0, 0, 0])
    np.testing.assert_allclose(times_of(100, 1000, 0.02), [0, 0.02, 0.04, 0.06, 0.08, 0.1])
    np.testing.assert_array_equal(frame_starts(100, 1000, 6, 0.02) - 6, [-3, 17, 37, 57, 77, 97])
    # 22.05 kHz has no whole number of samples in 10 ms: the times are those of the frames
    np.testing.assert_allclose(times_of(22050, 22050)[:3], [0, 220 / 22050, 440 / 22050])
    np.testing.assert_allclose(hann(4), [0, 0.5, 1, 0.5], atol=1e-15)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_pure_tones(rate):
    for hertz in (76.0, 100.0, 150.0, 220.0, 330.0, 440.0, 590.0):
        found = find_pitch(np.sin(2 * np.pi * hertz * seconds(0.4, rate)), rate)
        np.testing.assert_allclose(found.f0[INSIDE], hertz, rtol=6e-4)
        assert (found.strength[INSIDE] > 0.99).all()
        assert len(found.f0) == frame_count(round(0.4 * rate), rate)


@pytest.mark.parametrize(("start", "end"), [(100.0, 300.0), (400.0, 120.0), (80.0, 160.0)])
def test_gliding_tones(start, end):
    t = seconds(1.0)
    found = find_pitch(np.sin(2 * np.pi * (start * t + (end - start) / 2 * t**2)), RATE)
    expected = start + (end - start) * times_of(RATE, RATE)
    np.testing.assert_allclose(found.f0[INSIDE], expected[INSIDE], rtol=6e-4)


@pytest.mark.parametrize("hertz", [90.0, 120.0, 200.0, 310.0])
def test_missing_fundamental(hertz):
    x = sum(np.cos(2 * np.pi * hertz * k * seconds(0.4) + k) for k in range(3, 9))
    np.testing.assert_allclose(find_pitch(x, RATE).f0[INSIDE], hertz, rtol=5e-4)


def test_known_share_of_noise_is_the_strength():
    # half of the energy is periodic: the autocorrelation at the period is about a half
    rng = np.random.default_rng(0)
    tone = sum(np.cos(2 * np.pi * 150 * k * seconds(5.0) + k * k) for k in range(1, 20))
    noise = rng.standard_normal(len(tone)) * tone.std()
    found = find_pitch(tone + noise, RATE)
    strength = found.strength[found.voiced]
    assert found.voiced.mean() > 0.5
    assert np.mean(strength) == pytest.approx(0.55, abs=0.07)


def test_noise_and_silence_have_none():
    for seed in range(3):
        found = find_pitch(np.random.default_rng(seed).standard_normal(RATE), RATE)
        assert found.voiced.mean() < 0.05
    for x in (np.zeros(1000), np.ones(1000), np.zeros(1), np.ones(1), np.array([1.0, -1.0]), np.full(900, 1e-310)):
        found = find_pitch(x, RATE)
        assert not found.voiced.any()
        assert len(found.f0) == frame_count(len(x), RATE)
        np.testing.assert_array_equal(found.strength, 0)


def test_limits():
    x = np.sin(2 * np.pi * 300 * seconds(0.3))
    low = find_pitch(x, RATE, ceiling=200.0)
    np.testing.assert_allclose(low.f0[INSIDE], 150, rtol=1e-3)  # two periods are one, too
    high = find_pitch(np.sin(2 * np.pi * 60 * seconds(0.3)), RATE, floor=50.0)
    np.testing.assert_allclose(high.f0[4:-4], 60, rtol=2e-3)
    fine = find_pitch(x, RATE, step=0.005)
    np.testing.assert_allclose(fine.f0[6:-6], 300, rtol=1e-3)
    assert len(fine.f0) == frame_count(len(x), RATE, 0.005)


def test_synthetic_voices(small_corpus):
    found, single, seen = [], [], []
    for name, sound in small_corpus.X["audio"].items():
        truth = small_corpus.truth[name]
        f0 = find_pitch(sound, RATE).f0
        n = min(len(f0), len(truth.f0))
        voiced = ~np.isnan(truth.f0[:n])
        found.append(f0[:n][voiced])
        single.append(truth.f0[:n][voiced])
        seen.append(through_the_window(truth)[:n][voiced])
    f0, single, seen = (np.concatenate(part) for part in (found, single, seen))
    assert len(f0) > 10000
    assert np.isnan(f0).mean() < 0.01
    # Of all truly voiced frames, those that were missed included. The truth is one over a single period, jitter and
    # all: even the mean of the true periods under the window is within 2 % in 98 % of the frames only, and the more
    # jitter there is the fewer (all 8 voices of the default corpus: 94 %; without their jitter, as below, 97 %).
    assert np.mean(np.abs(f0 / single - 1) < 0.02) >= 0.95
    # without the jitter, which a window of three periods cannot see
    assert np.mean(np.abs(f0 / seen - 1) < 0.02) >= 0.975
    both = ~np.isnan(f0)
    assert np.mean(np.abs(f0[both] / seen[both] - 1) > 0.2) < 0.002


def test_voicing_of_synthetic_voices(small_corpus):
    agreed, n = 0, 0
    for name, sound in small_corpus.X["audio"].items():
        truth = small_corpus.truth[name]
        voiced = find_pitch(sound, RATE).voiced
        m = min(len(voiced), len(truth.f0))
        agreed += (voiced[:m] == ~np.isnan(truth.f0[:m])).sum()
        n += m
    assert agreed / n > 0.93


def test_praat_says_the_same(corpus_folder):
    parselmouth = pytest.importorskip("parselmouth")
    files = sorted((corpus_folder("emodb") / "wav").glob("*.wav"))[::13][:40]
    deviations, agreed, n, means = [], 0, 0, []
    for file in files:
        x, rate = soundfile.read(file)
        f0 = find_pitch(x, rate).f0
        theirs = parselmouth.Sound(x, rate).to_pitch_ac(time_step=0.01)
        frequency = theirs.selected_array["frequency"]
        nearest = np.round((times_of(len(x), rate) - theirs.xs()[0]) / 0.01).astype(int)
        inside = (nearest >= 0) & (nearest < len(frequency))
        reference = np.where(inside, frequency[np.clip(nearest, 0, len(frequency) - 1)], 0.0)
        voiced = ~np.isnan(f0)
        both = voiced & (reference > 0)
        deviations.append(np.abs(f0[both] / reference[both] - 1))
        agreed += (voiced == (reference > 0)).sum()
        n += len(f0)
        means.append((np.log(f0[both]).mean(), np.log(reference[both]).mean()))
    deviation = np.concatenate(deviations)
    assert len(files) == 40
    assert np.median(deviation) <= 0.01
    assert np.mean(deviation > 0.2) <= 0.01
    assert agreed / n >= 0.96
    assert np.corrcoef(np.array(means).T)[0, 1] >= 0.999


def test_gain_and_offset_change_nothing(small_corpus):
    sound = small_corpus.X["audio"].iloc[0].astype(np.float64)
    found = find_pitch(sound, RATE)
    for other in (0.01 * sound, 2.0**-10 * sound, 3.0 * sound, sound + 0.25):
        again = find_pitch(other, RATE)
        np.testing.assert_allclose(again.f0, found.f0, rtol=1e-5)
        np.testing.assert_allclose(again.strength, found.strength, atol=1e-4)


def test_silence_before_moves_the_contour(small_corpus):
    sound = small_corpus.X["audio"].iloc[1].astype(np.float64)
    sound -= sound.mean()
    found = find_pitch(sound, RATE)
    later = find_pitch(np.concatenate([np.zeros(RATE // 2), sound]), RATE)
    assert not later.voiced[:48].any()
    np.testing.assert_allclose(later.f0[50:], found.f0, rtol=1e-6)


def test_rates_agree(small_corpus):
    soxr = pytest.importorskip("soxr")
    sound = small_corpus.X["audio"].iloc[2].astype(np.float64)
    found = find_pitch(sound, RATE)
    for rate in (8000, 32000, 48000):
        again = find_pitch(soxr.resample(sound, RATE, rate), rate)
        n = min(len(again.f0), len(found.f0))
        both = again.voiced[:n] & found.voiced[:n]
        assert (again.voiced[:n] == found.voiced[:n]).mean() > 0.97
        assert np.median(np.abs(again.f0[:n][both] / found.f0[:n][both] - 1)) < 1e-3


def test_long_sounds_are_worked_on_in_parts(small_corpus, monkeypatch):
    sound = small_corpus.X["audio"].iloc[3]
    whole = find_pitch(sound, RATE)
    monkeypatch.setattr(pitch_module, "_BATCH", 7)
    parts = find_pitch(sound, RATE)
    np.testing.assert_array_equal(parts.f0, whole.f0)
    np.testing.assert_array_equal(parts.strength, whole.strength)
