"""Filter of the voice: glottal pulses and noise through formants give sound."""

from __future__ import annotations

import numpy as np
from scipy import fft

from ferfusion.corpora._synthesis.source import CONSONANTS, VOWELS, Delivery, Syllables, glottal_pulses, plan
from ferfusion.corpora._synthesis.truth import Utterance, measure

__all__ = ["excite", "responses", "synthesise"]

HIGH_FORMANTS = (3500.0, 4500.0, 5600.0, 6700.0)
BANDWIDTHS = np.array([70.0, 90.0, 130.0, 180.0, 250.0, 350.0, 450.0])
LENGTH = 0.025
ATTACK = 2 * np.pi * 900
BLOCK = 16
CEILING = 0.95


def responses(
    formants: np.ndarray, bandwidths: np.ndarray, gains: np.ndarray, delays: np.ndarray, sampling_rate: int
) -> np.ndarray:
    r"""Answer of the vocal tract to one pulse each, in closed form, so that pulses may fall between two samples.

    Parameters
    ----------
    formants, bandwidths : ndarray, shape (n_pulses, n_formants)
        Hertz.
    gains : ndarray, shape (n_pulses, n_formants)
        Linear amplitudes; their sign is theirs to alternate.
    delays : ndarray, shape (n_pulses,)
        Seconds from the pulse to the first sample after it.
    sampling_rate : int
        Hertz.

    Returns
    -------
    ndarray of float32, shape (n_pulses, n_samples)
        25 ms of damped sinusoids, :math:`(1 - e^{-at})^2 \sum_k g_k e^{-\pi b_k t} \sin 2\pi f_k t`.
    """
    n_blocks = int(np.ceil(LENGTH * sampling_rate / BLOCK))
    # e^(s(i + 16 j)) = e^(si) e^(16sj): a few exponentials and one small matrix product a pulse
    fine = _rotating(formants, bandwidths, np.arange(BLOCK) / sampling_rate + delays[:, None, None])
    coarse = _rotating(formants, bandwidths, np.arange(n_blocks) * BLOCK / sampling_rate)
    weighted = np.concatenate(coarse, axis=1) * np.tile(gains, 2)[..., None].astype(np.float32)
    # the sine of a sum: cosine of one part times sine of the other, and the other way round
    rung = weighted.transpose(0, 2, 1) @ np.concatenate(fine[::-1], axis=1)
    rung = rung.reshape(len(delays), -1)
    times = np.arange(rung.shape[1]) / sampling_rate
    onset = np.exp(-ATTACK * delays, dtype=np.float64)[:, None] * np.exp(-ATTACK * times)
    fade = np.cos(np.pi / 2 * np.clip((times / LENGTH - 0.75) / 0.25, 0, 1)) ** 2
    return rung * ((1 - onset) ** 2 * fade).astype(np.float32)


def _rotating(formants: np.ndarray, bandwidths: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Damped cosine and sine of each formant at some times, in single precision once the turns are counted."""
    turns = formants[..., None] * times
    angle = (2 * np.pi * (turns - np.round(turns))).astype(np.float32)
    damping = np.exp((-np.pi * bandwidths[..., None] * times).astype(np.float32))
    return damping * np.cos(angle), damping * np.sin(angle)


def excite(kernels: np.ndarray, starts: np.ndarray, n_samples: int) -> np.ndarray:
    """Overlap and add one response a pulse.

    Parameters
    ----------
    kernels : ndarray, shape (n_pulses, n_taps)
        The responses.
    starts : ndarray of int, shape (n_pulses,)
        Sample at which each begins.
    n_samples : int
        Length of the sound; what goes beyond is cut.

    Returns
    -------
    ndarray, shape (n_samples,)
    """
    where = starts[:, None] + np.arange(kernels.shape[1])
    return np.bincount(where.ravel(), kernels.ravel(), minlength=n_samples)[:n_samples]


def synthesise(
    n_syllables: int, delivery: Delivery, sampling_rate: int = 16000, seed: int | np.random.SeedSequence = 0
) -> Utterance:
    """One utterance of nonsense syllables.

    The plan (syllables, F0, pulses) and so the truth are the same at every sampling rate.

    Parameters
    ----------
    n_syllables : int
        How many syllables, at least one.
    delivery : Delivery
        How they are said.
    sampling_rate : int, default=16000
        Hertz, 8000 to 48000.
    seed : int or numpy.random.SeedSequence, default=0
        Source of all randomness.

    Returns
    -------
    Utterance

    Examples
    --------
    >>> spoken = synthesise(6, Delivery(f0=200.0), seed=1)
    >>> spoken.signal.dtype, spoken.sampling_rate
    (dtype('float32'), 16000)
    """
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    entropy, key = sequence.entropy, sequence.spawn_key
    # not .spawn(): that changes the caller's sequence, and a second call would sound otherwise
    planned, noisy = (np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(*key, i))) for i in (0, 1))
    syllables = plan(n_syllables, delivery.tempo, planned)
    pulses, amplitudes = glottal_pulses(syllables, delivery, planned)
    n_samples = round(syllables.duration * sampling_rate)
    sound = _voice(syllables, delivery, pulses, amplitudes, sampling_rate, n_samples, noisy)
    loud = np.sqrt(np.mean(sound**2))
    sound /= loud
    _add_consonants(sound, syllables, sampling_rate, noisy)
    signal = _at_level(sound, delivery.level, noisy)
    truth = measure(pulses, amplitudes, n_samples / sampling_rate, syllables.rate)
    return Utterance(signal, sampling_rate, truth)


def _voice(
    syllables: Syllables,
    delivery: Delivery,
    pulses: tuple[np.ndarray, ...],
    amplitudes: tuple[np.ndarray, ...],
    sampling_rate: int,
    n_samples: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Voiced part: pulses and aspiration through the formants."""
    times = np.concatenate(pulses)
    periods = np.concatenate([np.append(np.diff(train), train[-1] - train[-2]) for train in pulses])
    formants, bandwidths, gains = _filter(syllables, delivery, times, periods, sampling_rate)
    starts = np.ceil(times * sampling_rate).astype(np.int64)
    kernels = responses(formants, bandwidths, gains, starts / sampling_rate - times, sampling_rate)
    kernels *= np.concatenate(amplitudes).astype(np.float32)[:, None]
    breath = _aspirated(kernels, periods * sampling_rate, delivery.breathiness, rng)
    # one overlap-add for both
    breath[:, : kernels.shape[1]] += kernels
    return excite(breath, starts, n_samples)


def _filter(
    syllables: Syllables, delivery: Delivery, times: np.ndarray, periods: np.ndarray, sampling_rate: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Formants, bandwidths and gains at each pulse; the first column is the glottal resonance near F0."""
    targets = np.array(list(VOWELS.values()))[syllables.quality]
    length = syllables.end - syllables.vowel
    knots = np.stack([syllables.vowel + 0.2 * length, syllables.end - 0.25 * length], axis=1).ravel()
    moving = [np.interp(times, knots, np.repeat(track, 2)) for track in targets.T]
    fixed = [np.full(len(times), value) for value in HIGH_FORMANTS]
    tract = delivery.tract * np.stack(moving + fixed, axis=1)
    # soft voices open the glottis: wider first formants and a stronger fundamental
    softness = 10 ** ((delivery.breathiness + 20) / 40)
    widths = np.tile(BANDWIDTHS, (len(times), 1))
    widths[:, :2] *= softness
    fall = delivery.tilt * np.log2(np.maximum(tract, 250.0) / 500)
    gains = 10 ** (-fall / 20) * (-1.0) ** np.arange(tract.shape[1])
    # nothing may lie above the Nyquist frequency; fade out below it
    gains *= np.clip((0.49 * sampling_rate - tract) / (0.04 * sampling_rate), 0, 1)
    glottis = 1.1 / periods[:, None]
    strength = np.full_like(glottis, -0.35 * softness)
    return (
        np.hstack([glottis, tract]),
        np.hstack([60 + 0.3 * glottis, widths]),
        np.hstack([strength, gains]),
    )


def _aspirated(kernels: np.ndarray, periods: np.ndarray, level: float, rng: np.random.Generator) -> np.ndarray:
    """Responses to a puff of noise in each period, ``level`` dB relative to those of the pulses."""
    n_puff = int(np.ceil(min(periods.max(), kernels.shape[1])))
    puff = rng.standard_normal((len(kernels), n_puff), dtype=np.float32)
    # loudest in the open phase, and brighter than the voice
    puff *= np.sin(np.pi * np.clip(np.arange(n_puff) / periods[:, None], 0, 1)).astype(np.float32)
    puff[:, 1:] -= 0.8 * puff[:, :-1]
    n_fft = fft.next_fast_len(kernels.shape[1] + n_puff, real=True)
    noise = fft.irfft(fft.rfft(kernels, n_fft) * fft.rfft(puff, n_fft), n_fft)
    ratio = np.sqrt(np.sum(kernels**2) / np.sum(noise**2))
    return noise * np.float32(ratio * 10 ** (level / 20))


def _add_consonants(sound: np.ndarray, syllables: Syllables, sampling_rate: int, rng: np.random.Generator) -> None:
    """Add fricatives and bursts of stops before the vowels, in place."""
    for onset, vowel, kind in zip(syllables.onset, syllables.vowel, syllables.consonant, strict=True):
        # drawn for every syllable, so that one consonant never changes the next
        centre, gain = rng.uniform(2000, 6000), rng.uniform(0.15, 0.4)
        if CONSONANTS[kind] == "voiced":
            continue
        stop = CONSONANTS[kind] == "stop"
        first = round((max(vowel - 0.025, onset) if stop else onset + 0.005) * sampling_rate)
        n_samples = max(round(vowel * sampling_rate) - first, 8)
        rise = 0.1 if stop else 0.35
        place = np.linspace(0, 1, n_samples)
        envelope = np.clip(np.minimum(place / rise, (1 - place) / (1 - rise)), 0, 1)
        hiss = _hiss(n_samples, min(centre, 0.4 * sampling_rate), sampling_rate, rng)
        sound[first : first + n_samples] += gain * envelope * hiss


def _hiss(n_samples: int, centre: float, sampling_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of unit power around a frequency in hertz."""
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    spectrum *= np.exp(-0.5 * ((np.fft.rfftfreq(n_samples, 1 / sampling_rate) - centre) / (0.3 * centre)) ** 2)
    noise = np.fft.irfft(spectrum, n_samples)
    return noise / np.sqrt(np.mean(noise**2))


def _at_level(sound: np.ndarray, level: float, rng: np.random.Generator) -> np.ndarray:
    """Sound at ``level`` dB of full scale over the faint hiss of a recorder, never clipped."""
    sound = sound * 10 ** (level / 20) / np.sqrt(np.mean(sound**2))
    sound += 10 ** (-75 / 20) * rng.standard_normal(len(sound))
    # a sound too loud for the scale is turned down as a whole, as a careful recordist would
    return (sound * min(1.0, CEILING / np.abs(sound).max())).astype(np.float32)
