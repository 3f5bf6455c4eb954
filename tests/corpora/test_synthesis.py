"""The synthesiser: its truth is held against estimates made here from the sound alone, or by hand."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import find_peaks

from ferfusion.corpora._synthesis.dialogues import apportion, make_dialogues
from ferfusion.corpora._synthesis.emotions import EMOTIONS, make_speaker, voice_of
from ferfusion.corpora._synthesis.faces import NAMES, face_of
from ferfusion.corpora._synthesis.source import Delivery
from ferfusion.corpora._synthesis.truth import local_perturbation
from ferfusion.corpora._synthesis.voice import responses, synthesise
from ferfusion.corpora._synthesis.words import PLAIN_TAGS, SHARED_TAGS, count_syllables, transcript

RATES = (8000, 16000, 44100, 48000)
MAN, WOMAN = Delivery(f0=115.0), Delivery(f0=210.0, tract=1.16)
FIVE = ("anger", "fear", "happiness", "neutral", "sadness")


def rng(seed=0):
    return np.random.default_rng(seed)


def periodicity(signal, sampling_rate, instant, lowest=70, highest=450, width=0.05):
    """F0 in hertz and strength of the highest peak of the normalised autocorrelation around an instant."""
    middle, half = round(instant * sampling_rate), round(width / 2 * sampling_rate)
    frame = signal[middle - half : middle + half].astype(float)
    lags = np.arange(int(sampling_rate / highest), int(sampling_rate / lowest))
    strength = np.array([np.corrcoef(frame[:-lag], frame[lag:])[0, 1] for lag in lags])
    # the first peak nearly as high as the highest: multiples of the period are as good
    peaks, _ = find_peaks(strength, height=0.92 * strength.max())
    best = peaks[0] if len(peaks) else strength.argmax()
    return sampling_rate / lags[best], strength[best]


def voiced_instants(truth, margin=0.05):
    """Instants of the contour at which the voice is steady around them."""
    inside = [(truth.times > start + margin) & (truth.times < end - margin) for start, end in truth.voiced]
    return np.flatnonzero(np.any(inside, axis=0))


@pytest.mark.parametrize("delivery", [MAN, WOMAN], ids=["man", "woman"])
def test_f0_is_that_of_the_sound(delivery):
    spoken = synthesise(9, delivery, 16000, seed=5)
    chosen = voiced_instants(spoken.truth)[::4]
    found = [periodicity(spoken.signal, 16000, spoken.truth.times[i])[0] for i in chosen]
    # smooth the truth over the frame: jitter is in it
    smooth = [np.nanmean(spoken.truth.f0[max(i - 2, 0) : i + 3]) for i in chosen]
    ratio = np.abs(np.log2(np.array(found) / smooth))
    assert len(chosen) > 15
    assert np.median(ratio) < 0.02
    assert np.mean(ratio < 0.06) > 0.9


def test_f0_is_missing_outside_of_the_voiced_segments():
    truth = synthesise(9, MAN, seed=2).truth
    inside = np.any([(truth.times >= start) & (truth.times < end) for start, end in truth.voiced], axis=0)
    np.testing.assert_array_equal(inside, ~np.isnan(truth.f0))
    assert (np.diff(truth.voiced.ravel()) > 0).all()
    assert truth.voiced.max() <= truth.duration


def test_perturbations_by_hand():
    truth = synthesise(9, WOMAN, seed=4).truth
    for given, values in (
        (truth.jitter_local, [[b - a for a, b in itertools.pairwise(t)] for t in truth.pulses]),
        (truth.shimmer_local, [list(amplitudes) for amplitudes in truth.amplitudes]),
    ):
        steps = [abs(b - a) for run in values for a, b in itertools.pairwise(run)]
        everything = [value for run in values for value in run]
        expected = (sum(steps) / len(steps)) / (sum(everything) / len(everything))
        assert given == pytest.approx(expected, rel=1e-9)


def test_perturbation_never_crosses_segments():
    assert local_perturbation((np.array([1.0, 1.0]), np.array([3.0, 3.0]))) == 0
    assert np.isnan(local_perturbation((np.array([1.0]),)))


@pytest.mark.parametrize("asked", [0.004, 0.02])
def test_jitter_is_as_asked(asked):
    flat = replace(WOMAN, jitter=asked, f0_range=0.3, slope=0.0)
    measured = np.mean([synthesise(10, flat, seed=seed).truth.jitter_local for seed in range(5)])
    assert measured == pytest.approx(asked, rel=0.25)


def test_shimmer_rises_with_what_is_asked():
    low, high = (synthesise(10, replace(WOMAN, shimmer=asked), seed=1).truth.shimmer_local for asked in (0.02, 0.15))
    assert high > low + 0.06


@pytest.mark.parametrize("sampling_rate", RATES)
def test_response_is_the_stated_formula(sampling_rate):
    formants, widths, gains = np.array([[700.0, 1200.0]]), np.array([[80.0, 90.0]]), np.array([[1.0, -0.5]])
    delay = np.array([0.37 / sampling_rate])
    times = delay + np.arange(round(0.018 * sampling_rate)) / sampling_rate
    rung = sum(
        gain * np.exp(-np.pi * width * times) * np.sin(2 * np.pi * formant * times)
        for formant, width, gain in zip(formants[0], widths[0], gains[0], strict=True)
    )
    expected = (1 - np.exp(-2 * np.pi * 900 * times)) ** 2 * rung
    given = responses(formants, widths, gains, delay, sampling_rate)[0, : len(times)]
    np.testing.assert_allclose(given, expected, atol=2e-5)


def test_formants_are_where_they_were_asked():
    formants = np.array([[600.0, 1500.0, 2600.0]])
    kernel = responses(formants, np.full((1, 3), 80.0), np.array([[1.0, -0.7, 0.5]]), np.zeros(1), 16000)[0]
    spectrum = 20 * np.log10(np.abs(np.fft.rfft(kernel, 16000)))
    peaks, _ = find_peaks(spectrum, prominence=6)
    for formant in formants[0]:
        assert np.abs(peaks - formant).min() < 40


def test_fundamental_sets_the_harmonics():
    steady = Delivery(f0=200.0, f0_range=0.01, slope=0.0, jitter=0.0, shimmer=0.0, breathiness=-40.0)
    spoken = synthesise(8, steady, seed=6)
    start, end = max(spoken.truth.voiced, key=lambda segment: segment[1] - segment[0])
    part = spoken.signal[round((start + 0.05) * 16000) : round((end - 0.2) * 16000)]
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)), 16000)) ** 2
    on, between = (np.mean([power[f - 8 : f + 8].sum() for f in range(at, 1500, 200)]) for at in (200, 300))
    assert on > 30 * between


@pytest.mark.parametrize("sampling_rate", RATES)
def test_every_sampling_rate(sampling_rate):
    spoken, reference = synthesise(7, WOMAN, sampling_rate, seed=3), synthesise(7, WOMAN, 16000, seed=3)
    assert spoken.signal.dtype == np.float32
    assert np.isfinite(spoken.signal).all()
    assert np.abs(spoken.signal).max() < 0.99
    assert len(spoken.signal) == round(spoken.truth.duration * sampling_rate)
    for mine, its in zip(spoken.truth.pulses, reference.truth.pulses, strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize("level", [-40.0, -25.0, -6.0])
def test_level_and_no_clipping(level):
    signal = synthesise(7, replace(MAN, level=level), seed=1).signal.astype(float)
    assert np.abs(signal).max() < 0.99
    if level < -10:
        assert 10 * np.log10(np.mean(signal**2)) == pytest.approx(level, abs=0.2)


def test_breath_blurs_and_tilt_darkens():
    clear, breathy, dark = (
        synthesise(8, delivery, seed=2)
        for delivery in (WOMAN, replace(WOMAN, breathiness=-4.0), replace(WOMAN, tilt=14.0))
    )
    chosen = clear.truth.times[voiced_instants(clear.truth)[::6]]
    strengths = [np.mean([periodicity(s.signal, 16000, t)[1] for t in chosen]) for s in (clear, breathy)]
    assert strengths[1] < strengths[0] - 0.05
    power = [np.abs(np.fft.rfft(s.signal)) ** 2 for s in (clear, dark)]
    share = [p[round(len(p) * 0.15) :].sum() / p.sum() for p in power]
    assert share[1] < share[0]


def test_tempo_and_syllables_set_the_length():
    slow, quick = (synthesise(10, replace(MAN, tempo=tempo), seed=1).truth for tempo in (3.5, 6.0))
    assert slow.speech_rate < quick.speech_rate
    assert slow.duration > quick.duration
    assert synthesise(4, MAN, seed=1).truth.duration < synthesise(12, MAN, seed=1).truth.duration


def test_sound_stands_out_of_the_pauses():
    spoken = synthesise(12, MAN, seed=8)
    voiced = spoken.truth.voiced
    sound = np.concatenate([spoken.signal[round(a * 16000) : round(b * 16000)] for a, b in voiced])
    edge = spoken.signal[: round((voiced[0, 0] - 0.05) * 16000)] if voiced[0, 0] > 0.06 else spoken.signal[:500]
    assert np.mean(sound**2) > 1e3 * np.mean(edge**2)


@pytest.mark.parametrize("n_syllables", [1, 2])
def test_shortest_utterances(n_syllables):
    for seed in range(10):
        spoken = synthesise(n_syllables, MAN, seed=seed)
        assert np.isfinite(spoken.signal).all()
        assert len(spoken.truth.voiced) >= 1


def test_same_seed_same_sound():
    sequence = np.random.SeedSequence(3)
    first, second = synthesise(6, MAN, seed=sequence), synthesise(6, MAN, seed=sequence)
    np.testing.assert_array_equal(first.signal, second.signal)
    assert not np.array_equal(first.signal[:1000], synthesise(6, MAN, seed=4).signal[:1000])


def test_padding_shifts_the_truth():
    truth = synthesise(6, MAN, seed=1).truth
    padded = truth.padded(0.5)
    assert padded.duration == pytest.approx(truth.duration + 1)
    np.testing.assert_allclose(padded.voiced, truth.voiced + 0.5)
    assert padded.jitter_local == truth.jitter_local
    assert np.nanmedian(padded.f0) == pytest.approx(np.nanmedian(truth.f0), rel=0.02)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_without_effect_no_emotion_leaves_a_trace(emotion):
    speaker = make_speaker(0, rng(1))
    assert voice_of(speaker, emotion, 0.0, rng(2)) == voice_of(speaker, "neutral", 0.0, rng(2))
    np.testing.assert_array_equal(face_of(speaker, emotion, 0.0, rng(3)), face_of(speaker, "neutral", 0.0, rng(3)))
    for seed in range(50):
        assert transcript(emotion, 0.0, rng(seed), FIVE) == transcript("neutral", 0.0, rng(seed), FIVE)


def test_emotions_sound_as_the_literature_says():
    speaker = make_speaker(1, rng(1))
    mean = {
        emotion: {
            name: np.mean([getattr(voice_of(speaker, emotion, 1.0, rng(seed)), name) for seed in range(150)])
            for name in ("f0", "level", "tempo", "breathiness", "tilt")
        }
        for emotion in FIVE
    }
    assert mean["anger"]["level"] > mean["neutral"]["level"] > mean["sadness"]["level"]
    assert min(mean[e]["f0"] for e in ("anger", "fear", "happiness")) > mean["neutral"]["f0"] > mean["sadness"]["f0"]
    assert mean["sadness"]["tempo"] < mean["neutral"]["tempo"] < mean["fear"]["tempo"]
    assert mean["anger"]["tilt"] < mean["neutral"]["tilt"] < mean["sadness"]["tilt"]
    assert mean["sadness"]["breathiness"] > mean["anger"]["breathiness"]


def test_voices_of_women_and_men():
    speakers = [make_speaker(i, rng(i)) for i in range(6)]
    assert [speaker.name for speaker in speakers[:2]] == ["s01", "s02"]
    for woman, man in zip(speakers[::2], speakers[1::2], strict=True):
        assert (woman.gender, man.gender) == ("female", "male")
        assert woman.f0 > man.f0
        assert woman.tract > man.tract


def test_faces_stay_within_the_scale():
    speaker = make_speaker(0, rng(1))
    faces = np.stack([face_of(speaker, emotion, 5.0, rng(i)) for i, emotion in enumerate(FIVE * 20)])
    assert faces.shape == (100, len(NAMES)) == (100, 17)
    assert faces.dtype == np.float32
    assert 0 <= faces.min() <= faces.max() <= 5


def test_tags_are_of_one_length_and_one_emotion():
    tags = [tag for emotion in EMOTIONS.values() for tag in emotion.tags]
    shared = [tag for group in SHARED_TAGS.values() for tag in group]
    everything = [*tags, *shared, *PLAIN_TAGS]
    assert len(set(everything)) == len(everything)
    assert {tag: count_syllables(tag) for tag in everything} == dict.fromkeys(everything, 3)


def test_transcripts_fit_the_emotion_more_often_than_not():
    tags = [transcript("happiness", 1.0, rng(seed), FIVE).split(", ")[1] for seed in range(400)]
    fitting = np.isin(tags, [*EMOTIONS["happiness"].tags, *SHARED_TAGS["positive"]]).mean()
    wrong = np.isin(tags, EMOTIONS["sadness"].tags).mean()
    assert 0.5 < fitting < 0.8
    assert 0 < wrong < 0.1


def test_apportion_is_exact():
    assert sum(apportion(7, dict.fromkeys("abc", 1.0)).values()) == 7
    assert apportion(12, {"a": 0.2, "b": 1.0}) == {"a": 2, "b": 10}


@pytest.mark.parametrize(("n_speakers", "n_utterances"), [(1, 7), (2, 40), (3, 50), (8, 240), (5, 33)])
def test_dialogues_keep_their_books(n_speakers, n_utterances):
    turns = make_dialogues(n_speakers, n_utterances, dict.fromkeys(FIVE, 1.0), rng())
    assert len(turns) == n_utterances
    assert len({(turn.dialogue, turn.turn) for turn in turns}) == n_utterances
    by_speaker = np.bincount([turn.speaker for turn in turns], minlength=n_speakers)
    assert by_speaker.max() - by_speaker.min() <= 1
    for dialogue in {turn.dialogue for turn in turns}:
        own = [turn for turn in turns if turn.dialogue == dialogue]
        assert [turn.turn for turn in own] == list(range(len(own)))
        assert len({turn.speaker for turn in own}) <= 2


def test_emotions_last_and_spread():
    turns = make_dialogues(8, 2400, dict.fromkeys(FIVE, 1.0), rng(1))
    kept, caught = [], []
    for i, turn in enumerate(turns):
        earlier = [t for t in turns[max(i - 15, 0) : i] if t.dialogue == turn.dialogue]
        kept += [t.emotion == turn.emotion for t in earlier if t.speaker == turn.speaker][-1:]
        caught += [t.emotion == turn.emotion for t in earlier if t.speaker != turn.speaker][-1:]
    assert np.mean(kept) > 0.4
    assert np.mean(caught) > 0.25
