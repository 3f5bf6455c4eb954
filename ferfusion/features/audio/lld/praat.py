"""Fundamental frequency by Praat itself, on the common grid of frames. Needs the extra ``praat`` (GPL)."""

from __future__ import annotations

import numpy as np

from ferfusion.base.optional import require
from ferfusion.features.audio.lld.frames import STEP, times_of
from ferfusion.features.audio.lld.pitch import CEILING, FLOOR, Pitch

__all__ = ["praat_pitch"]

_PERIODS = 3.0  # of the lowest pitch in a frame of Praat


def praat_pitch(
    signal: np.ndarray, sampling_rate: int, *, floor: float = FLOOR, ceiling: float = CEILING, step: float = STEP
) -> Pitch:
    """Praat's autocorrelation method with its own defaults.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Full scale is 1.
    sampling_rate : int
        In hertz.
    floor, ceiling : float, default=75, 600
        Lowest and highest frequency in hertz.
    step : float, default=0.01
        Seconds from one frame to the next.

    Returns
    -------
    Pitch
        Between two voiced frames of Praat's the value in between, else that of the nearer one. Frames near the ends,
        where Praat has none, and recordings shorter than a frame of Praat's are unvoiced.

    Raises
    ------
    MissingDependencyError
        If praat-parselmouth is not installed.
    """
    parselmouth = require("parselmouth", needed_by="F0 by Praat", install="ferfusion[praat]")
    times = times_of(len(signal), sampling_rate, step)
    f0, strength = np.full(len(times), np.nan), np.zeros(len(times))
    if len(signal) <= _PERIODS / floor * sampling_rate:
        return Pitch(f0, strength)
    sound = parselmouth.Sound(np.asarray(signal, dtype=np.float64), sampling_rate)
    theirs = sound.to_pitch_ac(time_step=step, pitch_floor=floor, pitch_ceiling=ceiling)
    frequency, found = theirs.selected_array["frequency"], theirs.selected_array["strength"]
    place = (times - theirs.xs()[0]) / theirs.time_step
    inside = (place > -0.5) & (place < len(frequency) - 0.5)
    place = np.clip(place[inside], 0, len(frequency) - 1)
    nearest, before = np.rint(place).astype(int), np.floor(place).astype(int)
    after = np.minimum(before + 1, len(frequency) - 1)
    both = (frequency[before] > 0) & (frequency[after] > 0)
    between = frequency[before] + (place - before) * (frequency[after] - frequency[before])
    hertz = np.where(both, between, frequency[nearest])
    f0[inside] = np.where(frequency[nearest] > 0, hertz, np.nan)
    strength[inside] = np.where(frequency[nearest] > 0, np.clip(found[nearest], 0.0, 1.0), 0.0)
    return Pitch(f0, strength)
