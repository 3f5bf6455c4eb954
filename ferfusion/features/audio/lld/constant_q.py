"""Constant-Q spectrogram: bands equally spaced in octaves, each as wide as its centre is high.

The kernels of [1]_ are applied the other way round: the signal is transformed once, in long blocks, each band takes
its part of the spectrum, and a short inverse transform gives the band at the rate of frames.

References
----------
.. [1] Brown, Puckette: An efficient algorithm for the calculation of a constant Q transform. Journal of the
   Acoustical Society of America 92, 2698-2701, 1992. https://doi.org/10.1121/1.404385
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil

import numpy as np
from scipy import fft

from ferfusion.base.errors import FeatureError
from ferfusion.features.audio.lld.frames import STEP, frame_count

__all__ = ["constant_q", "constant_q_frequencies", "quality"]

_REACH = 8  # zeros of a window's transform on each side of its peak that are kept: the rest is below -60 dB
_HANN_WIDTH = 1.5  # noise bandwidth of the Hann window, in units of one over its length
_SMALLEST, _LARGEST = 64, 1024  # frames in a block


def quality(bins_per_octave: int) -> float:
    """Centre of a band over its width, for bands that touch."""
    ratio = 2.0 ** (2.0 / bins_per_octave)
    return (ratio + 1.0) / (ratio - 1.0)


def constant_q_frequencies(fmin: float, n_bins: int, bins_per_octave: int) -> np.ndarray:
    """Centres in hertz, shape (n_bins,)."""
    return fmin * 2.0 ** (np.arange(n_bins) / bins_per_octave)


def constant_q(
    signal: np.ndarray,
    sampling_rate: int,
    *,
    fmin: float = 60.0,
    n_bins: int = 84,
    bins_per_octave: int = 12,
    step: float = STEP,
) -> np.ndarray:
    """Magnitudes of a constant-Q transform on the common grid of frames.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Full scale is 1; zeros are assumed beyond its ends.
    sampling_rate : int
        In hertz.
    fmin : float, default=60
        Lowest centre in hertz.
    n_bins : int, default=84
        Number of bands.
    bins_per_octave : int, default=12
        How many of them make an octave.
    step : float, default=0.01
        Seconds from one frame to the next.

    Returns
    -------
    ndarray of float64, shape (n_frames, n_bins)
        A steady tone at the centre of a band has its amplitude there.

    Raises
    ------
    FeatureError
        If the highest band does not fit below half the sampling rate.
    """
    if fmin <= 0 or n_bins < 1 or bins_per_octave < 1:
        message = f"{n_bins} bands from {fmin:g} Hz, {bins_per_octave} an octave, are no constant-Q transform."
        raise FeatureError(message)
    top = float(constant_q_frequencies(fmin, n_bins, bins_per_octave)[-1])
    if top * (1.0 + _HANN_WIDTH / 2.0 / quality(bins_per_octave)) > sampling_rate / 2.0:
        message = f"A band at {top:.0f} Hz does not fit below {sampling_rate / 2:g} Hz: ask for fewer than {n_bins}."
        raise FeatureError(message)
    x = np.asarray(signal, dtype=np.float64)
    hop, n_frames = round(step * sampling_rate), frame_count(len(x), sampling_rate, step)
    # frames whose windows reach beyond the block on either side
    margin = ceil(quality(bins_per_octave) * sampling_rate / fmin / 2 / hop) + 1
    block = _SMALLEST
    while block < n_frames + 2 * margin and block < max(_LARGEST, 4 * margin):
        block *= 2
    starts, kernels = _kernels(sampling_rate, fmin, n_bins, bins_per_octave, hop, block)
    out = np.empty((n_frames, n_bins))
    for first in range(0, n_frames, block - 2 * margin):
        last = min(first + block - 2 * margin, n_frames)
        values = _block(_segment(x, (first - margin) * hop, block * hop), block, starts, kernels)
        out[first:last] = values[:, margin : margin + last - first].T
    return out


def _segment(x: np.ndarray, start: int, length: int) -> np.ndarray:
    """Samples of a signal that has zeros beyond its ends."""
    segment = np.zeros(length)
    inside = x[max(start, 0) : max(start + length, 0)]
    segment[max(-start, 0) : max(-start, 0) + len(inside)] = inside
    return segment


def _block(segment: np.ndarray, block: int, starts: np.ndarray, kernels: tuple[np.ndarray, ...]) -> np.ndarray:
    spectrum = fft.rfft(segment)
    padded = np.zeros(max(start + kernel.size for start, kernel in zip(starts, kernels, strict=True)), dtype=complex)
    padded[: min(len(spectrum), len(padded))] = spectrum[: len(padded)]
    folded = np.empty((len(kernels), block), dtype=complex)
    for k, (start, kernel) in enumerate(zip(starts, kernels, strict=True)):
        # sampling in time at the rate of frames is folding in frequency
        np.einsum("ij,ij->j", padded[start : start + kernel.size].reshape(kernel.shape), kernel, out=folded[k])
    return np.abs(fft.ifft(folded, axis=1)) * (2.0 * block / len(segment))


@lru_cache(maxsize=8)
def _kernels(
    sampling_rate: int, fmin: float, n_bins: int, bins_per_octave: int, hop: int, block: int
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Where each band's part of the spectrum starts, and its weights in rows of ``block``."""
    spacing = sampling_rate / (block * hop)
    starts, kernels = [], []
    for centre in constant_q_frequencies(fmin, n_bins, bins_per_octave):
        length = quality(bins_per_octave) / centre  # of the window, in seconds
        low, high = max(0.0, centre - _REACH / length), min(centre + _REACH / length, sampling_rate / 2.0)
        start = int(low / spacing) // block * block
        rows = int(high / spacing) // block + 1 - start // block
        f = (start + np.arange(rows * block)) * spacing
        weights = np.where((f >= low) & (f <= high), _hann_transform((f - centre) * length), 0.0)
        starts.append(start)
        kernels.append(weights.reshape(rows, block))
    return np.array(starts), tuple(kernels)


def _hann_transform(x: np.ndarray) -> np.ndarray:
    """Fourier transform of a Hann window of length 1, over its value at 0."""
    at_one = np.abs(np.abs(x) - 1.0) < 1e-9
    bell = np.sinc(x) / np.where(at_one, 1.0, 1.0 - x * x)
    return np.where(at_one, 0.5, bell)
