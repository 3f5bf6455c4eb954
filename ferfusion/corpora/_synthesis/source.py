"""Source of the voice: syllables in time, the F0 contour, and glottal pulses with jitter and shimmer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["CONSONANTS", "VOWELS", "Delivery", "Syllables", "glottal_pulses", "pitch", "plan"]

# first three formants of a vocal tract of about 17.5 cm, hertz
VOWELS: dict[str, tuple[float, float, float]] = {
    "i": (280, 2250, 2950),
    "e": (500, 1850, 2500),
    "ae": (660, 1700, 2420),
    "a": (740, 1150, 2450),
    "o": (560, 880, 2400),
    "u": (320, 950, 2250),
    "er": (480, 1350, 1750),
    "uh": (620, 1250, 2400),
}
CONSONANTS = ("voiced", "fricative", "stop")
CONSONANT_SHARES = (0.5, 0.3, 0.2)
MARGIN = 0.06
# a Gaussian perturbation of standard deviation 1 moves consecutive values apart by this much on average
PERTURBATION = 2 / np.sqrt(np.pi)


@dataclass(frozen=True)
class Delivery:
    """How one utterance is said.

    Parameters
    ----------
    f0 : float
        Level of the fundamental frequency in hertz.
    f0_range : float
        Height of the pitch accents in semitones.
    slope : float
        Change of F0 from beginning to end, in semitones.
    level : float
        Root mean square of the sound in dB of full scale.
    tempo : float
        Syllables a second, pauses not counted.
    breathiness : float
        Aspiration noise in dB relative to the voice.
    tilt : float
        Fall of the spectrum in dB an octave above 500 Hz.
    jitter, shimmer : float
        Local perturbation of periods and of amplitudes, as fractions.
    tract : float
        Factor of all formant frequencies: 1 for a vocal tract of 17.5 cm, more for a shorter one.
    """

    f0: float = 120.0
    f0_range: float = 3.0
    slope: float = -3.0
    level: float = -30.0
    tempo: float = 4.6
    breathiness: float = -20.0
    tilt: float = 8.0
    jitter: float = 0.008
    shimmer: float = 0.04
    tract: float = 1.0


@dataclass(frozen=True, eq=False)
class Syllables:
    """Syllables in time: arrays of one value a syllable, times in seconds."""

    onset: np.ndarray
    vowel: np.ndarray
    end: np.ndarray
    consonant: np.ndarray
    quality: np.ndarray
    stress: np.ndarray
    joined: np.ndarray
    duration: float

    @property
    def rate(self) -> float:
        """Syllables a second from the first onset to the last end."""
        return float(len(self.onset) / (self.end[-1] - self.onset[0]))

    def segments(self) -> list[tuple[float, float]]:
        """Start and end of each stretch of voice in seconds."""
        starts = np.where(self.consonant == 0, self.onset, self.vowel)
        first = np.flatnonzero(~self.joined)
        last = np.append(first[1:], len(self.onset)) - 1
        return list(zip(starts[first].tolist(), self.end[last].tolist(), strict=True))


def plan(n_syllables: int, tempo: float, rng: np.random.Generator) -> Syllables:
    """Lay out syllables, consonants and pauses in time.

    Parameters
    ----------
    n_syllables : int
        How many.
    tempo : float
        Syllables a second, pauses not counted.
    rng : numpy.random.Generator
        Source of the variation.

    Returns
    -------
    Syllables
    """
    stress = (rng.random(n_syllables) < 0.4).astype(float)
    lengths = np.exp(0.15 * rng.standard_normal(n_syllables)) * (0.85 + 0.4 * stress) / tempo
    consonant = rng.choice(len(CONSONANTS), size=n_syllables, p=CONSONANT_SHARES)
    quality = rng.integers(len(VOWELS), size=n_syllables)
    share = rng.uniform(0.28, 0.42, n_syllables)
    breaks = (rng.random(n_syllables) < 0.14) & (np.arange(n_syllables) < n_syllables - 1)
    pauses = breaks * rng.uniform(0.12, 0.3, n_syllables) * 4.6 / tempo
    lengths[breaks] *= 1.25
    lengths[-1] *= 1.35
    end = MARGIN + np.cumsum(lengths) + np.cumsum(pauses) - pauses
    onset = end - lengths
    after_break = np.append(True, breaks[:-1])
    return Syllables(
        onset=onset,
        vowel=onset + share * lengths,
        end=end,
        consonant=consonant,
        quality=quality,
        stress=stress * rng.uniform(0.6, 1.2, n_syllables),
        joined=(consonant == 0) & ~after_break,
        duration=float(end[-1] + MARGIN),
    )


def pitch(syllables: Syllables, delivery: Delivery, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """F0 contour: declination, an accent on each stressed syllable, a slow wander, a final fall.

    Parameters
    ----------
    syllables : Syllables
        Where the accents are.
    delivery : Delivery
        Level, range and slope.
    rng : numpy.random.Generator
        Source of the variation.

    Returns
    -------
    times, f0 : ndarray, shape (n_frames,)
        Seconds, every 2 ms, and hertz.
    """
    times = np.arange(0.0, syllables.duration + 0.002, 0.002)
    centre = (syllables.vowel + syllables.end) / 2
    heights = delivery.f0_range * (syllables.stress + 0.15 * rng.standard_normal(len(centre)))
    accents = np.exp(-0.5 * ((times[:, None] - centre) / 0.07) ** 2) @ heights
    knots = rng.standard_normal(6) * 0.15 * delivery.f0_range
    wander = np.interp(times, np.linspace(0, syllables.duration, 6), knots)
    ramp = delivery.slope * (times / syllables.duration - 0.5)
    fall = -1.5 * np.clip((times - centre[-1]) / 0.15, 0, 1)
    return times, delivery.f0 * 2 ** ((accents + wander + ramp + fall) / 12)


def loudness(syllables: Syllables, times: np.ndarray) -> np.ndarray:
    """Amplitude over time: up in the vowels and most in stressed ones, down in voiced consonants.

    Parameters
    ----------
    syllables : Syllables
        The syllables.
    times : ndarray
        Seconds.

    Returns
    -------
    ndarray
        About 0.2 to 1.2.
    """
    peak = 0.75 + 0.4 * syllables.stress
    length = syllables.end - syllables.vowel
    onset = np.where(syllables.consonant == 0, 0.3, 0.4)
    knots = np.stack(
        [
            syllables.onset + 0.01,
            syllables.vowel,
            syllables.vowel + 0.35 * length,
            syllables.vowel + 0.7 * length,
            syllables.end - 0.005,
        ]
    )
    values = np.stack([onset, 0.65 * peak, peak, 0.9 * peak, 0.45 * peak])
    declination = 1.1 - 0.25 * times / syllables.duration
    return np.interp(times, knots.T.ravel(), values.T.ravel()) * declination


def glottal_pulses(
    syllables: Syllables, delivery: Delivery, rng: np.random.Generator
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Place glottal pulses along the F0 contour, perturbed by jitter and shimmer.

    Parameters
    ----------
    syllables : Syllables
        Which stretches are voiced, and how loud.
    delivery : Delivery
        F0, jitter and shimmer.
    rng : numpy.random.Generator
        Source of the variation.

    Returns
    -------
    pulses, amplitudes : tuple of ndarray
        Times in seconds and relative amplitudes of each voiced segment.
    """
    times, f0 = pitch(syllables, delivery, rng)
    phase = np.concatenate([[0.0], np.cumsum((f0[1:] + f0[:-1]) / 2 * np.diff(times))])
    pulses, amplitudes = [], []
    for start, end in syllables.segments():
        first, last = np.interp([start, end], times, phase)
        regular = np.interp(np.arange(max(int(last - first), 3) + 1) + first, phase, times)
        periods = np.diff(regular) * _perturbed(len(regular) - 1, delivery.jitter, rng)
        train = start + np.concatenate([[0.0], np.cumsum(periods)])
        # the voice sets in and dies away over 25 ms
        edge = np.clip(np.minimum(train - start, train[-1] - train) / 0.025, 0.08, 1)
        pulses.append(train)
        amplitudes.append(loudness(syllables, train) * edge * _perturbed(len(train), delivery.shimmer, rng))
    return tuple(pulses), tuple(amplitudes)


def _perturbed(n: int, local: float, rng: np.random.Generator) -> np.ndarray:
    """Factors around 1 whose consecutive values differ by ``local`` on average."""
    return 1 + local / PERTURBATION * np.clip(rng.standard_normal(n), -2.5, 2.5)
