"""How periodic a voice is: harmonics-to-noise ratio by forward cross-correlation."""

from __future__ import annotations

import numpy as np
from numba import njit

from ferfusion.features.audio.lld.frames import STEP, hop_of
from ferfusion.features.audio.lld.pitch import FLOOR, Pitch

__all__ = ["find_hnr"]

_SEARCH = 0.1  # share of the period by which the best lag may differ from the contour's
_HIGHEST = 1.0 - 1e-6  # correlation of a voice without noise: 60 dB


def find_hnr(
    signal: np.ndarray, sampling_rate: int, pitch: Pitch, *, floor: float = FLOOR, step: float = STEP
) -> np.ndarray:
    """Harmonics-to-noise ratio of the voiced frames.

    A stretch of one longest period is compared with that one period later; the share of energy that is found again
    is harmonic, the rest is noise.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Full scale is 1.
    sampling_rate : int
        In hertz.
    pitch : Pitch
        Contour on the common grid of frames.
    floor : float, default=75
        Lowest fundamental frequency in hertz.
    step : float, default=0.01
        Seconds from one frame to the next.

    Returns
    -------
    ndarray, shape (n_frames,)
        In decibels; NaN in unvoiced frames.
    """
    x = np.asarray(signal, dtype=np.float64)
    lags = np.where(pitch.voiced, sampling_rate / np.where(pitch.voiced, pitch.f0, 1.0), 0.0)
    width = round(sampling_rate / floor)
    padding = 2 * width + 2
    padded = np.zeros(len(x) + 2 * padding)
    padded[padding : padding + len(x)] = x
    r = np.minimum(_correlations(padded, lags, hop_of(sampling_rate, step), width, padding), _HIGHEST)
    harmonic = np.where(r > 0, r, np.nan)
    return 10.0 * np.log10(harmonic / (1.0 - harmonic))


@njit(cache=True, nogil=True, error_model="numpy")
def _correlations(x: np.ndarray, lags: np.ndarray, hop: float, width: int, padding: int) -> np.ndarray:
    out = np.zeros(len(lags))
    for t in range(len(lags)):
        if lags[t] == 0.0:
            out[t] = np.nan
            continue
        lowest = int((1.0 - _SEARCH) * lags[t])
        highest = int((1.0 + _SEARCH) * lags[t]) + 2
        start = int(t * hop + 0.5) + padding - (width + int(lags[t])) // 2
        mean = 0.0
        for i in range(start, start + width + int(lags[t])):
            mean += x[i]
        mean /= width + int(lags[t])
        energy = 0.0
        for i in range(width):
            energy += (x[start + i] - mean) ** 2
        before, here, height = -2.0, -2.0, -2.0
        for lag in range(lowest, highest + 1):
            product, there = 0.0, 0.0
            for i in range(width):
                other = x[start + lag + i] - mean
                product += (x[start + i] - mean) * other
                there += other * other
            scale = np.sqrt(energy * there)
            after = product / scale if scale > 0.0 else 0.0
            if before > -2.0 and here >= before and here > after:
                # height of the parabola through the three
                height = max(height, here - 0.125 * (before - after) ** 2 / (before - 2.0 * here + after))
            before, here = here, after
        out[t] = height if height > -2.0 else np.nan
    return out
