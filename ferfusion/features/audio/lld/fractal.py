"""Fractal dimensions of a waveform: 1 for a smooth line, near 2 for noise.

References
----------
.. [1] Higuchi: Approach to an irregular time series on the basis of the fractal theory. Physica D 31, 277-283, 1988.
   https://doi.org/10.1016/0167-2789(88)90081-4
.. [2] Katz: Fractals and the analysis of waveforms. Computers in Biology and Medicine 18, 145-156, 1988.
   https://doi.org/10.1016/0010-4825(88)90041-8
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ferfusion.base.errors import FeatureError

__all__ = ["fractal_frames", "higuchi", "katz"]

_BATCH = 4096  # frames at a time: a recording of an hour must not need an hour's memory


def higuchi(frames: np.ndarray, longest: int = 10) -> np.ndarray:
    """Higuchi's fractal dimension of each row [1]_.

    The length of the curve that takes every k-th sample falls as ``k ** -dimension``; the slope is fitted for k from
    1 to ``longest``.

    Parameters
    ----------
    frames : ndarray, shape (n_frames, n_samples)
        Waveforms.
    longest : int, default=10
        Longest step in samples; half the samples at most are used.

    Returns
    -------
    ndarray of float64, shape (n_frames,)
        NaN where there is no slope: rows of fewer than 4 samples, and rows that repeat within so many samples, as
        constant ones do.

    Raises
    ------
    FeatureError
        If there are fewer than two steps.
    """
    if longest < 2:
        message = f"Higuchi's dimension needs steps of 1 to 2 samples or more, not {longest}."
        raise FeatureError(message)
    steps = min(longest, frames.shape[1] // 2)
    if steps < 2:
        return np.full(len(frames), np.nan)
    lengths = _curve_lengths(np.ascontiguousarray(frames, dtype=np.float64), steps)
    # a curve that repeats every k samples has rounding for a length
    defined = (lengths > 1e-12 * lengths.max(axis=1, keepdims=True)).all(axis=1)
    logs = np.log(np.where(defined[:, None], lengths, 1.0))
    x = -np.log(np.arange(1.0, steps + 1))
    x -= x.mean()
    return np.where(defined, logs @ x / (x @ x), np.nan)


def katz(frames: np.ndarray) -> np.ndarray:
    """Katz's fractal dimension of each row, of amplitudes alone [2]_.

    ``log n / (log n + log(d / L))`` for n steps of total length L, where d is the distance of the farthest sample
    from the first.

    Parameters
    ----------
    frames : ndarray, shape (n_frames, n_samples)
        Waveforms.

    Returns
    -------
    ndarray of float64, shape (n_frames,)
        NaN where it is not defined: constant rows, rows of fewer than 3 samples, and those that never come farther
        than an average step.
    """
    frames = np.asarray(frames, dtype=np.float64)
    n = frames.shape[1] - 1
    if n < 2:
        return np.full(len(frames), np.nan)
    length = np.abs(np.diff(frames, axis=1)).sum(axis=1)
    reach = np.maximum(frames.max(axis=1) - frames[:, 0], frames[:, 0] - frames.min(axis=1))
    ratio = reach / np.where(length > 0, length, 1.0)
    defined = ratio * n > 1.0 + 1e-9
    return np.where(defined, np.log(n) / np.log(np.where(defined, ratio * n, np.e)), np.nan)


def fractal_frames(
    signal: np.ndarray, sampling_rate: int, *, window: float = 0.032, step: float = 0.010, longest: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """Both dimensions frame by frame.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Full scale is 1.
    sampling_rate : int
        In hertz.
    window, step : float, default=0.032, 0.01
        Length of a frame, and time from one to the next, in seconds. Frames lie within the signal; one that is
        shorter is a single frame.
    longest : int, default=10
        Of ``higuchi``.

    Returns
    -------
    dimensions : ndarray, shape (n_frames, 2)
        Higuchi's and Katz's; NaN where not defined.
    power : ndarray, shape (n_frames,)
        Variance of the frames.

    Raises
    ------
    FeatureError
        If frames have no samples.
    """
    x = np.asarray(signal, dtype=np.float64)
    width, hop = round(window * sampling_rate), round(step * sampling_rate)
    if min(width, hop) < 1:
        message = f"Frames of {window:g} s every {step:g} s have no samples at {sampling_rate} Hz."
        raise FeatureError(message)
    frames = np.lib.stride_tricks.sliding_window_view(x, min(width, len(x)))[::hop]
    batches = [frames[first : first + _BATCH] for first in range(0, len(frames), _BATCH)]
    dimensions = [np.column_stack([higuchi(batch, longest), katz(batch)]) for batch in batches]
    return np.concatenate(dimensions), np.concatenate([batch.var(axis=1) for batch in batches])


@njit(cache=True, nogil=True, error_model="numpy")
def _curve_lengths(frames: np.ndarray, steps: int) -> np.ndarray:
    n_frames, n = frames.shape
    out = np.zeros((n_frames, steps))
    for t in range(n_frames):
        x = frames[t]
        for k in range(1, steps + 1):
            for m in range(k):
                pieces = (n - 1 - m) // k
                total = 0.0
                for i in range(1, pieces + 1):
                    total += abs(x[m + i * k] - x[m + (i - 1) * k])
                out[t, k - 1] += total * (n - 1) / (pieces * k) / k / k
    return out
