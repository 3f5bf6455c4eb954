"""Prosody: melody, loudness, rate and rhythm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ferfusion.base.errors import UnknownNameError
from ferfusion.features.audio.analysis import Analysis
from ferfusion.features.audio.family import Descriptor, Family
from ferfusion.features.audio.lld.cepstra import deltas
from ferfusion.features.audio.lld.praat import praat_pitch
from ferfusion.features.audio.lld.rhythm import pauses, runs, syllables

__all__ = ["Prosody"]

BACKENDS = ("own", "praat")

_REFERENCE = 27.5  # hertz of the lowest A: semitones above it
_FINAL = 0.5  # seconds of voice that are the end of the melody


class Prosody(Family):
    """Fundamental frequency, loudness, and what they say of rate and rhythm.

    Parameters
    ----------
    level : {"functionals", "lld"}, default="functionals"
        One vector a recording, or descriptors frame by frame (10 ms).
    functionals : {"basic", "standard", "all"} or sequence of str, default="standard"
        Functionals of the descriptors.
    sampling_rate : int or None, default=16000
        Rate in hertz to which recordings are resampled; None leaves them as they are.
    channel : int, default=0
        Channel that is read, counted from 0.
    backend : {"own", "praat"}, default="own"
        Who finds the fundamental frequency: an own method, or Praat (extra ``praat``; parselmouth is under the GPL).

    Notes
    -----
    Descriptors: ``f0_semitones`` above 27.5 Hz, its change, the strength of voicing, the level in dB and its change.
    Measures of the whole: shares, numbers per second and durations of voiced stretches and of pauses, syllable nuclei
    per second with and without pauses, and the fall of the melody at the end.

    F0 needs no Praat: it is an own autocorrelation method with a path search [1]_. A gain changes levels by its
    decibels and nothing else (below -100 dB all is silence). Silence before the speech changes nothing of the melody;
    it counts in the level and in whatever is a share or per second.

    References
    ----------
    .. [1] Boersma: Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
       sampled sound. Proceedings of the Institute of Phonetic Sciences 17, 1993.

    Examples
    --------
    >>> import numpy as np
    >>> hum = 0.1 * np.sin(2 * np.pi * 220 * np.arange(16000) / 16000)
    >>> prosody = Prosody(functionals="basic")
    >>> values = dict(zip(prosody.feature_names(), prosody.process(hum, 16000)))
    >>> round(float(values["f0_semitones_mean"]))
    36
    """

    def __init__(
        self,
        level: Literal["functionals", "lld"] = "functionals",
        functionals: str | Sequence[str] = "standard",
        sampling_rate: int | None = 16000,
        channel: int = 0,
        backend: Literal["own", "praat"] = "own",
    ) -> None:
        self.level = level
        self.functionals = functionals
        self.backend = backend
        self.sampling_rate = sampling_rate
        self.channel = channel

    def descriptors(self) -> list[Descriptor]:
        """F0 and its change, voicing, level and its change."""
        return [
            Descriptor("f0_semitones", "semitones re 27.5 Hz", voiced=True),
            Descriptor("f0_change", "semitones/s", voiced=True),
            Descriptor("voicing", ""),
            Descriptor("level", "dB re full scale"),
            Descriptor("level_change", "dB/s"),
        ]

    def features_from(self, sound: Analysis) -> np.ndarray:
        """Descriptors or functionals of a sound, by the F0 of the backend."""
        if self.backend not in BACKENDS:
            raise UnknownNameError("backend", self.backend, BACKENDS)
        if self.backend == "praat":
            sound = sound.with_pitch(praat_pitch(sound.signal, sound.sampling_rate))
        return super().features_from(sound)

    def frames_from(self, sound: Analysis) -> np.ndarray:
        """Descriptors, shape (n_frames, 5)."""
        semitones = 12.0 * np.log2(sound.pitch.f0 / _REFERENCE)
        change = np.full(sound.n_frames, np.nan)
        change[1:] = np.diff(semitones) / sound.step
        level_change = deltas(sound.level[:, None])[:, 0] / sound.step
        return np.column_stack([semitones, change, sound.pitch.strength, sound.level, level_change])

    def measures(self) -> list[Descriptor]:
        """Rate and rhythm of the whole recording."""
        return [
            Descriptor("voiced_share"),
            Descriptor("voiced_stretches", "1/s"),
            Descriptor("voiced_duration_mean", "s"),
            Descriptor("voiced_duration_std", "s"),
            Descriptor("unvoiced_duration_mean", "s"),
            Descriptor("unvoiced_duration_std", "s"),
            Descriptor("pause_share"),
            Descriptor("pauses", "1/s"),
            Descriptor("pause_duration_mean", "s"),
            Descriptor("syllable_rate", "1/s"),
            Descriptor("articulation_rate", "1/s"),
            Descriptor("syllable_interval_std", "s"),
            Descriptor("f0_final_slope", "semitones/s"),
            Descriptor("duration", "s"),
        ]

    def measures_from(self, sound: Analysis) -> np.ndarray:
        """Those measures, shape (14,); 0 where one is not defined."""
        step, seconds = sound.step, sound.duration
        voiced_starts, voiced_lengths = runs(sound.voiced)
        between = voiced_starts[1:] - (voiced_starts + voiced_lengths)[:-1]
        _, still = pauses(sound.level, step)
        nuclei = syllables(sound.level, sound.voiced)
        spoken = max(seconds - float(still.sum()) * step, step)
        return np.array(
            [
                sound.voiced.mean(),
                len(voiced_starts) / seconds,
                _mean(voiced_lengths) * step,
                _std(voiced_lengths) * step,
                _mean(between) * step,
                _std(between) * step,
                still.sum() * step / seconds,
                len(still) / seconds,
                _mean(still) * step,
                len(nuclei) / seconds,
                len(nuclei) / spoken,
                _std(np.diff(nuclei)) * step,
                _final_slope(sound),
                seconds,
            ]
        )


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0


def _std(values: np.ndarray) -> float:
    return float(values.std()) if len(values) else 0.0


def _final_slope(sound: Analysis) -> float:
    """Slope of the melody over the last half second of voice."""
    frames = np.flatnonzero(sound.voiced)
    # in whole frames: seconds are rounded, and with them which frames count
    frames = frames[frames >= frames[-1:] - round(_FINAL / sound.step)]
    if len(frames) < 3:
        return 0.0
    t, x = sound.times[frames] - sound.times[frames].mean(), 12.0 * np.log2(sound.pitch.f0[frames])
    return float(t @ x / (t @ t))
