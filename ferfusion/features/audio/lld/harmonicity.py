"""How periodic a voice is: harmonics-to-noise ratio by forward cross-correlation."""

from __future__ import annotations

import numpy as np

from ferfusion.features.audio.lld.frames import STEP, hop_of
from ferfusion.features.audio.lld.pitch import FLOOR, Pitch

__all__ = ["find_hnr"]

_SEARCH = 0.1  # share of the period by which the best lag may differ from the contour's
_FRAMES = 512  # at a time
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
    r = np.full(len(lags), np.nan)
    voiced = np.flatnonzero(lags)
    for frames in np.split(voiced, range(_FRAMES, len(voiced), _FRAMES)) if len(voiced) else []:
        whole = lags[frames].astype(int)
        starts = (frames * hop_of(sampling_rate, step) + 0.5).astype(int) + padding - (width + whole) // 2
        r[frames] = np.minimum(_highest_correlation(padded, starts, lags[frames], width), _HIGHEST)
    harmonic = np.where(r > 0, r, np.nan)
    return 10.0 * np.log10(harmonic / (1.0 - harmonic))


def _highest_correlation(x: np.ndarray, starts: np.ndarray, lags: np.ndarray, width: int) -> np.ndarray:
    """Highest peak of the normalised correlation of each stretch with those about one lag later; NaN without a peak."""
    lowest = ((1.0 - _SEARCH) * lags).astype(int)
    n_lags = ((1.0 + _SEARCH) * lags).astype(int) + 3 - lowest
    whole = width + lags.astype(int)  # the stretch and its repetition have one mean
    samples = starts[:, None] + np.arange(whole.max())
    inside = np.arange(whole.max()) < whole[:, None]
    mean = (np.where(inside, x[samples], 0.0).sum(axis=1) / whole)[:, None]
    here = x[starts[:, None] + np.arange(width)] - mean
    later = x[(starts + lowest)[:, None] + np.arange(width + n_lags.max() - 1)] - mean
    product = np.einsum("fi,fki->fk", here, np.lib.stride_tricks.sliding_window_view(later, width, axis=1))
    energies = np.cumsum(later * later, axis=1)
    energies = np.concatenate((np.zeros((len(later), 1)), energies), axis=1)
    scale = np.sqrt(np.einsum("fi,fi->f", here, here)[:, None] * (energies[:, width:] - energies[:, :-width]))
    r = np.where(scale > 0.0, product / np.where(scale > 0.0, scale, 1.0), 0.0)
    before, middle, after = r[:, :-2], r[:, 1:-1], r[:, 2:]
    peak = (middle >= before) & (middle > after) & (np.arange(2, r.shape[1]) < n_lags[:, None])
    # height of the parabola through the three
    bend = np.where(peak, before - 2.0 * middle + after, 1.0)
    height = np.where(peak, middle - 0.125 * (before - after) ** 2 / bend, -np.inf).max(axis=1, initial=-np.inf)
    return np.where(np.isfinite(height), height, np.nan)
