"""Pulses, jitter and shimmer: exact on trains of known pulses, near the truth of synthetic voices, and near Praat's."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import soundfile

from ferfusion.features.audio.lld.frames import times_of
from ferfusion.features.audio.lld.pitch import Pitch, find_pitch
from ferfusion.features.audio.lld.pulses import Pulses, find_pulses, perturbation

RATE = 16000


def train(periods, amplitudes, rate=RATE, start=0.05):
    """Damped oscillations that have died away before the next; where they begin, and the sound."""
    places = start + np.concatenate([[0.0], np.cumsum(periods)])
    t = np.arange(round((places[-1] + start) * rate)) / rate
    x = np.zeros(len(t))
    for place, amplitude in zip(places, amplitudes, strict=True):
        since = np.maximum(t - place, 0.0)
        x += amplitude * np.exp(-np.pi * 400 * since) * np.sin(2 * np.pi * 700 * since)
    return places, x


def relative_change(values, largest):
    values = np.asarray(values)
    pairs = [(a, b) for a, b in pairwise(values) if a / b <= largest and b / a <= largest]
    return np.mean([abs(a - b) for a, b in pairs]) / np.nanmean(values)


def praat_pulses(parselmouth, x, rate):
    sound = parselmouth.Sound(np.asarray(x, dtype=np.float64), rate)
    pulses = parselmouth.praat.call([sound, sound.to_pitch_ac(time_step=0.01)], "To PointProcess (cc)")
    jitter = parselmouth.praat.call(pulses, "Get jitter (local)", 0, 0, 0.0001, 0.02, 1.3)
    shimmer = parselmouth.praat.call([sound, pulses], "Get shimmer (local)", 0, 0, 0.0001, 0.02, 1.3, 1.6)
    return parselmouth.praat.call(pulses, "Get number of points"), jitter, shimmer


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 48000])
def test_regular_pulses_are_found_where_they_are(rate):
    places, x = train([0.008] * 60, np.ones(61), rate)
    found = find_pulses(x, rate, find_pitch(x, rate))
    assert len(found.times) >= 59
    # each in the same place of its oscillation
    shift = found.times - places[np.searchsorted(places, found.times, side="right") - 1]
    assert np.ptp(shift) < 2e-5
    np.testing.assert_allclose(found.periods[:-1], 0.008, rtol=2e-3)
    assert np.isnan(found.periods[-1])
    assert found.jitter < 5e-4
    assert found.shimmer < 0.01


@pytest.mark.parametrize(("jitter", "shimmer"), [(0.005, 0.0), (0.02, 0.05), (0.05, 0.0), (0.05, 0.2)])
def test_alternating_pulses_have_the_jitter_and_the_shimmer_they_were_given(jitter, shimmer):
    turns = (-1.0) ** np.arange(81)
    _, x = train(0.008 * (1 + jitter / 2 * turns[:-1]), 0.4 * (1 + shimmer / 2 * turns), 48000)
    found = find_pulses(x, 48000, find_pitch(x, 48000))
    assert found.jitter == pytest.approx(jitter, rel=0.002)
    # a jitter of 5 % alone makes a shimmer of 0.3 %, not of 2 %
    assert found.shimmer == pytest.approx(shimmer, rel=0.04, abs=0.004)


def test_periods_lead_from_pulse_to_pulse():
    rng = np.random.default_rng(1)
    periods = 0.007 * (1 + 0.03 * rng.standard_normal(70))
    places, x = train(periods, np.ones(71), 48000)
    found = find_pulses(x, 48000, find_pitch(x, 48000))
    np.testing.assert_allclose(found.times[:-1] + found.periods[:-1], found.times[1:], rtol=1e-12)
    number = np.searchsorted(places, found.times[:-1], side="right") - 1
    assert (np.diff(number) == 1).all()  # both ways from the middle: none twice, none missing
    np.testing.assert_allclose(found.periods[1:-1], periods[number][1:], rtol=2e-3)


def test_two_stretches_have_no_period_between_them():
    _, x = train([0.008] * 30, np.ones(31))
    both = np.concatenate([x, np.zeros(RATE // 10), x])
    found = find_pulses(both, RATE, find_pitch(both, RATE))
    assert np.isnan(found.periods).sum() == 2
    assert (np.diff(found.times) > 0).all()
    assert np.diff(found.times).max() > 0.1
    assert found.jitter < 1e-3


def test_changes_by_hand():
    nan = np.nan
    # 8 to 9 and 9 to 8.5 count; 8.5 to 12 is more than 1.3 times; nothing counts across the gap
    pulses = Pulses(np.arange(6.0), np.array([8.0, 9.0, 8.5, 12.0, nan, nan]), np.array([1.0, 1.5, 1.2, 4.0, 9.0, 9.0]))
    assert pulses.jitter == pytest.approx(0.75 / 9.375)
    # 1 to 1.5 and 1.5 to 1.2; 4 is more than 1.6 times 1.2; the last of a stretch has no period and does not count
    assert pulses.shimmer == pytest.approx(0.4 / 1.925)
    for n in range(3):
        few = Pulses(np.arange(float(n)), np.full(n, nan), np.ones(n))
        assert np.isnan(few.jitter)
        assert np.isnan(few.shimmer)


def test_perturbation_of_frames(small_corpus):
    sound = small_corpus.X["audio"].iloc[0]
    times = times_of(len(sound), RATE)
    pulses = find_pulses(sound, RATE, find_pitch(sound, RATE))
    jitter, shimmer = perturbation(pulses, times)
    assert np.isfinite(jitter).sum() > 50
    amplitudes = np.where(np.isnan(pulses.periods), np.nan, pulses.amplitudes)
    for t in np.flatnonzero(np.isfinite(jitter) & np.isfinite(shimmer))[::7]:
        after = int(np.searchsorted(pulses.times, times[t]))
        period = pulses.times[after] - pulses.times[after - 1]
        near = (pulses.times >= times[t] - 3 * period) & (pulses.times < times[t] + 3 * period)
        assert jitter[t] == pytest.approx(relative_change(pulses.periods[near], 1.3), rel=1e-9)
        assert shimmer[t] == pytest.approx(relative_change(amplitudes[near], 1.6), rel=1e-9)
    # no voice, no value
    far = np.array([np.abs(pulses.times - time).min() for time in times]) > 0.03
    assert far.any()
    assert np.isnan(jitter[far]).all()
    assert np.isnan(shimmer[far]).all()


def test_synthetic_voices(small_corpus):
    jitter, shimmer, error, found_share = [], [], [], []
    for name, sound in small_corpus.X["audio"].items():
        truth = small_corpus.truth[name]
        found = find_pulses(sound, RATE, find_pitch(sound, RATE))
        jitter.append((found.jitter, truth.jitter_local))
        shimmer.append((found.shimmer, truth.shimmer_local))
        found_share.append(len(found.times) / sum(map(len, truth.pulses)))
        starts = np.concatenate([part[:-1] for part in truth.pulses])
        periods = np.concatenate([np.diff(part) for part in truth.pulses])
        # a pulse is found where its oscillation is strongest, somewhat later than it began
        number = np.searchsorted(starts, found.times - 2e-4, side="right") - 1
        error.append(np.abs(found.periods / periods[np.maximum(number, 0)] - 1)[~np.isnan(found.periods)])
    assert np.mean(found_share) == pytest.approx(0.99, abs=0.02)
    assert np.median(np.concatenate(error)) < 0.005
    for pairs in (jitter, shimmer):
        found, truth = np.array(pairs).T
        assert found.mean() == pytest.approx(truth.mean(), rel=0.1)
        assert np.median(found / truth) == pytest.approx(1.0, abs=0.1)


def test_synthetic_voices_one_by_one_are_measured_as_well_as_by_praat(small_corpus):
    parselmouth = pytest.importorskip("parselmouth")
    rows = []
    for name, sound in small_corpus.X["audio"].iloc[::2].items():
        truth = small_corpus.truth[name]
        found = find_pulses(sound, RATE, find_pitch(sound, RATE))
        _, jitter, shimmer = praat_pulses(parselmouth, sound, RATE)
        rows.append((truth.jitter_local, found.jitter, jitter, truth.shimmer_local, found.shimmer, shimmer))
    for truth, ours, theirs in np.array(rows).T.reshape(2, 3, -1):
        assert np.mean(np.abs(ours / theirs - 1) < 0.1) > 0.75
        assert np.median(np.abs(ours / truth - 1)) < np.median(np.abs(theirs / truth - 1)) + 0.02
        assert np.corrcoef(ours, truth)[0, 1] > np.corrcoef(theirs, truth)[0, 1] - 0.05


def test_praat_says_the_same(corpus_folder):
    parselmouth = pytest.importorskip("parselmouth")
    files = sorted((corpus_folder("emodb") / "wav").glob("*.wav"))[::13][:40]
    values = []
    for file in files:
        x, rate = soundfile.read(file)
        found = find_pulses(x, rate, find_pitch(x, rate))
        n, jitter, shimmer = praat_pulses(parselmouth, x, rate)
        values.append((found.jitter, jitter, found.shimmer, shimmer, len(found.times), n))
    ours_j, theirs_j, ours_s, theirs_s, ours_n, theirs_n = np.array(values).T
    assert len(files) == 40
    assert ours_n.sum() == pytest.approx(theirs_n.sum(), rel=0.04)
    assert np.corrcoef(ours_j, theirs_j)[0, 1] >= 0.9
    assert np.corrcoef(ours_s, theirs_s)[0, 1] >= 0.9
    assert ours_j.mean() == pytest.approx(theirs_j.mean(), rel=0.05)
    assert ours_s.mean() == pytest.approx(theirs_s.mean(), rel=0.05)


def test_pulses_do_not_drift_where_steps_are_no_whole_samples():
    # 220 samples a frame at 22.05 kHz: after 8 s a step of 220.5 would be 18 ms off
    rate = 22050
    _, hum = train([0.008] * 40, np.ones(41), rate)
    x = np.concatenate([np.zeros(8 * rate), hum])
    alone = find_pulses(hum, rate, find_pitch(hum, rate))
    later = find_pulses(x, rate, find_pitch(x, rate))
    assert len(later.times) >= len(alone.times) - 1
    assert later.times[0] - 8 == pytest.approx(alone.times[0], abs=0.009)


def test_gain_changes_nothing(small_corpus):
    sound = small_corpus.X["audio"].iloc[2].astype(np.float64)
    pitch = find_pitch(sound, RATE)
    found = find_pulses(sound, RATE, pitch)
    for gain in (0.01, 0.5):
        again = find_pulses(gain * sound, RATE, pitch)
        np.testing.assert_allclose(again.times, found.times, rtol=1e-9)
        np.testing.assert_allclose(again.amplitudes, gain * found.amplitudes, rtol=1e-9)
        assert again.jitter == pytest.approx(found.jitter, rel=1e-9)
        assert again.shimmer == pytest.approx(found.shimmer, rel=1e-9)


@pytest.mark.parametrize("n_samples", [0, 1, 2, 50, 700])
def test_hardly_any_sound(n_samples):
    # whatever the contour claims
    n_frames = len(times_of(n_samples, RATE))
    for f0 in (75.0, 600.0, np.nan):
        pitch = Pitch(np.full(n_frames, f0), np.zeros(n_frames))
        for x in (np.zeros(n_samples), np.ones(n_samples), np.sin(0.3 * np.arange(n_samples))):
            found = find_pulses(x, RATE, pitch)
            assert len(found.times) == len(found.periods) == len(found.amplitudes)
            assert np.isfinite(found.times).all()
            jitter, shimmer = perturbation(found, times_of(n_samples, RATE))
            assert jitter.shape == shimmer.shape == (n_frames,)
