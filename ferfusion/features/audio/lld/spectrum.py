"""Shape of the spectrum, frame by frame. Functions take magnitudes or powers, a row a frame, and say which."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

__all__ = [
    "band_shares",
    "chroma",
    "chroma_filters",
    "contrast",
    "decibels",
    "entropy",
    "flatness",
    "flux",
    "moments",
    "rolloff",
    "slope_db",
    "tonnetz",
    "zero_crossings",
]

DB = 10.0 / math.log(10.0)  # of natural logarithms, which are the fastest
_TINY = 1e-20


def decibels(power: np.ndarray, depth: float = 100.0) -> np.ndarray:
    """Levels of powers in dB, at most ``depth`` below the greatest of their frame, shape as given."""
    floor = np.maximum(power.max(axis=1, keepdims=True) * 10.0 ** (-depth / 10.0), _TINY)
    return DB * np.log(np.maximum(power, floor))


def moments(magnitude: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Centroid and spread in hertz, skewness and kurtosis of the magnitudes, shape (n_frames, 4); 0 for silence."""
    middle, unit = 0.25 * frequencies[-1], 1000.0  # powers of small numbers keep their digits
    f = (frequencies - middle) / unit
    raw = magnitude.astype(np.float64) @ np.column_stack([np.ones_like(f), f, f**2, f**3, f**4])
    total = raw[:, 0]
    silent = total <= 0
    m1, m2, m3, m4 = (raw[:, 1:] / np.where(silent, 1.0, total)[:, None]).T
    variance = np.maximum(m2 - m1**2, 0.0)
    third = m3 - 3 * m1 * m2 + 2 * m1**3
    fourth = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
    narrow = variance <= 1e-6  # less than a hertz is no spread but rounding
    safe = np.where(narrow, 1.0, variance)
    columns = [m1 * unit + middle, np.sqrt(variance) * unit, third / safe**1.5, fourth / safe**2]
    undefined = [silent, narrow, narrow, narrow]
    return np.column_stack([np.where(no, 0.0, column) for no, column in zip(undefined, columns, strict=True)])


def slope_db(levels: np.ndarray, frequencies: np.ndarray, low: float, high: float) -> np.ndarray:
    """Slope of levels in dB over frequency between two frequencies, in dB per kilohertz, shape (n_frames,)."""
    inside = np.flatnonzero((frequencies >= low) & (frequencies <= high))
    if len(inside) < 2:
        return np.zeros(len(levels))
    f = frequencies[inside] / 1000.0
    f = f - f.mean()
    stretch = levels[:, inside[0] : inside[-1] + 1]
    # against the first, so that the slope of silence is 0 and not rounding
    return (stretch - stretch[:, :1]) @ (f / (f @ f)).astype(levels.dtype)


def flux(magnitude: np.ndarray) -> np.ndarray:
    """Change of the normalised spectrum from the frame before, shape (n_frames,); 0 for the first."""
    size = np.sqrt((magnitude**2).sum(axis=1, keepdims=True))
    unit = magnitude / np.where(size > 0, size, 1.0)
    change = np.zeros(len(magnitude))
    change[1:] = np.sqrt(((unit[1:] - unit[:-1]) ** 2).sum(axis=1))
    return change


def rolloff(magnitude: np.ndarray, frequencies: np.ndarray, shares: Sequence[float] = (0.85,)) -> np.ndarray:
    """Frequencies in hertz below which shares of the magnitudes lie, shape (n_frames, n_shares)."""
    cumulated = np.cumsum(magnitude, axis=1)
    return frequencies[np.column_stack([(cumulated >= share * cumulated[:, -1:]).argmax(axis=1) for share in shares])]


def flatness(power: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Geometric over arithmetic mean of the powers, 0 (a tone) to 1 (noise), shape (n_frames,); 0 for silence."""
    mean = power.mean(axis=1)
    geometric = 10.0 ** (levels.mean(axis=1) / 10.0)
    return np.where(mean > 0, np.minimum(geometric / np.where(mean > 0, mean, 1.0), 1.0), 0.0)


def entropy(power: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Entropy of the powers as shares, 0 (a tone) to 1 (all equal), shape (n_frames,); 0 for silence."""
    total = power.sum(axis=1)
    safe = np.where(total > 0, total, 1.0)
    weighted = (power * levels).sum(axis=1) * (np.log(10.0) / 10.0)
    return np.where(total > 0, np.clip((np.log(safe) - weighted / safe) / np.log(power.shape[1]), 0.0, 1.0), 0.0)


def band_shares(power: np.ndarray, frequencies: np.ndarray, edges: list[float]) -> np.ndarray:
    """Share of the power between consecutive edges in hertz, shape (n_frames, n_edges - 1)."""
    total = power.sum(axis=1)
    member = [(frequencies >= low) & (frequencies < high) for low, high in pairwise(edges)]
    sums = power @ np.array(member, dtype=power.dtype).T
    return sums / np.where(total > 0, total, 1.0)[:, None]


def zero_crossings(frames: np.ndarray) -> np.ndarray:
    """Share of the samples of each frame after which the sign changes, shape (n_frames,)."""
    sign = frames >= 0
    crossings = np.count_nonzero(sign[:, 1:] != sign[:, :-1], axis=1)
    return crossings / max(frames.shape[1] - 1, 1)


def contrast(
    magnitude: np.ndarray, frequencies: np.ndarray, n_bands: int = 5, lowest: float = 200.0, quantile: float = 0.02
) -> np.ndarray:
    """Peaks over valleys in octave bands, in dB.

    Parameters
    ----------
    magnitude : ndarray, shape (n_frames, n_bins)
        Magnitudes.
    frequencies : ndarray, shape (n_bins,)
        In hertz.
    n_bands : int, default=5
        Octaves above the lowest band, all below the highest frequency.
    lowest : float, default=200
        Upper end of the first band, in hertz.
    quantile : float, default=0.02
        Share of a band's bins that makes its peak and its valley; one bin at least.

    Returns
    -------
    ndarray, shape (n_frames, n_bands + 1)
        Levels more than 80 dB below the highest of the recording count as 80 dB below it.

    References
    ----------
    Jiang, Lu, Zhang, Tao, Cai: Music type classification by spectral contrast feature. ICME 2002.
    https://doi.org/10.1109/ICME.2002.1035731
    """
    edges = [0.0, *(lowest * 2.0**k for k in range(n_bands + 1))]
    peaks, valleys = np.empty((len(magnitude), n_bands + 1)), np.empty((len(magnitude), n_bands + 1))
    for k in range(n_bands + 1):
        inside = np.flatnonzero((frequencies >= edges[k]) & (frequencies <= edges[k + 1]))
        first = max(inside[0] - (k > 0), 0)
        last = len(frequencies) if k == n_bands else inside[-1] + 1
        count = max(int(np.rint(quantile * (last - first))), 1)
        band = magnitude[:, first : last - (k < n_bands)]
        if count == 1:
            peaks[:, k], valleys[:, k] = band.max(axis=1), band.min(axis=1)
        else:
            ordered = np.sort(band, axis=1)
            peaks[:, k], valleys[:, k] = ordered[:, -count:].mean(axis=1), ordered[:, :count].mean(axis=1)
    return _db(peaks) - _db(valleys)


def _db(values: np.ndarray) -> np.ndarray:
    level = 10.0 * np.log10(np.maximum(values, _TINY))
    return np.maximum(level, level.max(initial=-np.inf) - 80.0)


@lru_cache(maxsize=16)
def chroma_filters(sampling_rate: int, n_fft: int) -> np.ndarray:
    """Weights of the Fourier bins in the twelve pitch classes from C, shape (12, n_bins).

    A bin counts to a class by a Gaussian of its distance in semitones, as wide as the bins lie apart, and most around
    the fifth octave above 27.5 Hz (A tuned to 440 Hz).
    """
    semitones = 12.0 * np.log2(np.arange(1, n_fft) * sampling_rate / n_fft / 27.5)
    semitones = np.concatenate([[semitones[0] - 18.0], semitones])  # the bin of 0 Hz belongs to no class
    width = np.append(np.maximum(np.diff(semitones), 1.0), 1.0)
    distance = np.mod(semitones[None, :] - np.arange(12)[:, None] + 6.0, 12.0) - 6.0
    weights = np.exp(-2.0 * (distance / width) ** 2)
    weights /= np.sqrt((weights**2).sum(axis=0, keepdims=True))
    weights *= np.exp(-0.5 * ((semitones / 12.0 - 5.0) / 2.0) ** 2)
    filters = np.ascontiguousarray(np.roll(weights, -3, axis=0)[:, : n_fft // 2 + 1])
    filters.setflags(write=False)
    return filters


def chroma(power: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Power in the twelve pitch classes, the greatest of each frame being 1, shape (n_frames, 12)."""
    raw = power @ filters.T.astype(power.dtype)
    top = raw.max(axis=1, keepdims=True)
    return raw / np.where(top > _TINY, top, 1.0)


def tonnetz(chromas: np.ndarray) -> np.ndarray:
    """Place of the chroma vectors among fifths, minor and major thirds, shape (n_frames, 6).

    References
    ----------
    Harte, Sandler, Gasser: Detecting harmonic change in musical audio. AMCMM 2006.
    https://doi.org/10.1145/1178723.1178727
    """
    classes = np.arange(12)
    turns = np.array([7 / 6, 7 / 6, 3 / 2, 3 / 2, 2 / 3, 2 / 3])
    angles = np.pi * np.outer(turns, classes)
    angles[::2] -= np.pi / 2  # sines in turn with cosines
    radii = np.array([1, 1, 1, 1, 0.5, 0.5])
    total = chromas.sum(axis=1, keepdims=True)
    return (chromas / np.where(total > 0, total, 1.0)) @ (radii[:, None] * np.cos(angles)).T
