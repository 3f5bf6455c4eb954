"""Rate and rhythm: syllables, pauses and voiced stretches of a recording."""

from __future__ import annotations

import numpy as np
from scipy.signal import find_peaks

__all__ = ["pauses", "runs", "syllables"]

_DIP = 2.0  # dB by which the level must fall between two syllables
_BELOW_PEAK = 25.0  # dB below the loud parts under which there is no syllable
_SHORTEST_PAUSE = 0.15  # seconds; less is the closure of a plosive
_SMOOTHING = 5  # frames


def runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First frames of the stretches in which a mask is true, and their lengths in frames."""
    edges = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    starts = np.flatnonzero(edges == 1)
    return starts, np.flatnonzero(edges == -1) - starts


def syllables(level: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """Frames of syllable nuclei: voiced peaks of the level with dips between them.

    Parameters
    ----------
    level : ndarray, shape (n_frames,)
        In dB.
    voiced : ndarray of bool, shape (n_frames,)
        Which frames are voiced.

    Returns
    -------
    ndarray of int
        Positions of frames, ascending.

    References
    ----------
    de Jong, Wempe: Praat script to detect syllable nuclei and measure speech rate automatically. Behavior Research
    Methods 41, 2009. https://doi.org/10.3758/BRM.41.2.385
    """
    if len(level) < 3:
        return np.empty(0, dtype=np.int64)
    kernel = np.ones(min(_SMOOTHING, len(level)))
    smooth = np.convolve(level, kernel, mode="same") / np.convolve(np.ones(len(level)), kernel, mode="same")
    threshold = np.quantile(smooth, 0.99) - _BELOW_PEAK
    places, _ = find_peaks(smooth, height=threshold, prominence=_DIP)
    return places[voiced[places]]


def pauses(level: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Pauses inside a recording: first frame and length in frames of each; silence at its ends is none."""
    quiet = level < np.quantile(level, 0.95) - _BELOW_PEAK
    starts, lengths = runs(quiet)
    inside = (starts > 0) & (starts + lengths < len(level)) & (lengths * step >= _SHORTEST_PAUSE)
    return starts[inside], lengths[inside]
