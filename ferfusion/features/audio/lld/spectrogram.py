"""Spectrograms as arrays: power frame by frame, filtered into bands, resized to an image of a fixed size."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from scipy import fft

from ferfusion.base.errors import FeatureError
from ferfusion.features.audio.lld.frames import STEP, frame_starts, hann

__all__ = ["WINDOW", "band_power", "loud_frames", "power_spectrogram", "resized", "transform_size"]

WINDOW = 0.025  # seconds
_BATCH = 2048  # frames at a time: a recording of an hour must not need an hour's memory


def transform_size(sampling_rate: int, window: float = WINDOW) -> int:
    """Samples in the Fourier transform of a window of so many seconds: the next power of two."""
    return 1 << max(1, round(window * sampling_rate) - 1).bit_length()


def power_spectrogram(
    signal: np.ndarray, sampling_rate: int, *, window: float = WINDOW, step: float = STEP
) -> np.ndarray:
    """Squared magnitudes of Hann-windowed frames on the common grid, zeros beyond the ends of the signal.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Full scale is 1.
    sampling_rate : int
        In hertz.
    window, step : float, default=0.025, 0.01
        Length of a frame, and time from one to the next, in seconds.

    Returns
    -------
    ndarray of float64, shape (n_frames, n_fft // 2 + 1)
        ``n_fft`` is ``transform_size(sampling_rate, window)``.
    """
    return np.concatenate(list(_batches(signal, sampling_rate, window, step)))


def band_power(
    signal: np.ndarray, sampling_rate: int, filters: np.ndarray, *, window: float = WINDOW, step: float = STEP
) -> np.ndarray:
    """The power spectrogram through a bank of filters.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Full scale is 1.
    sampling_rate : int
        In hertz.
    filters : ndarray, shape (n_bands, n_fft // 2 + 1)
        Not negative.
    window, step : float, default=0.025, 0.01
        Length of a frame, and time from one to the next, in seconds.

    Returns
    -------
    ndarray of float64, shape (n_frames, n_bands)
    """
    return np.concatenate([power @ filters.T for power in _batches(signal, sampling_rate, window, step)])


def loud_frames(power: np.ndarray, range_db: float = 40.0) -> np.ndarray:
    """Frames not more than ``range_db`` below the loudest one.

    Summaries over them do not hear the silence around speech. All of them where there is nothing but silence.

    Parameters
    ----------
    power : ndarray, shape (n_frames,)
        Not negative.
    range_db : float, default=40
        In decibels.

    Returns
    -------
    ndarray of bool, shape (n_frames,)
    """
    return power >= power.max(initial=0.0) * 10.0 ** (-range_db / 10.0)


def resized(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """An image of another size: each new pixel is a mean of those near it, weighted by a triangle.

    Parameters
    ----------
    image : ndarray, shape (n_rows, n_columns)
        One pixel at least.
    shape : tuple of int
        New numbers of rows and columns.

    Returns
    -------
    ndarray of float64
        Between the smallest and the largest value of the image.

    Raises
    ------
    FeatureError
        If there would be no pixel.
    """
    if len(shape) != 2 or min(shape) < 1:
        message = f"An image has two positive numbers of pixels, not {shape!r}."
        raise FeatureError(message)
    rows, columns = (_triangles(old, new) for old, new in zip(image.shape, shape, strict=True))
    small = rows @ image @ columns.T
    return np.clip(small, image.min(), image.max())  # rounding must not lead out of the range


def _batches(signal: np.ndarray, sampling_rate: int, window: float, step: float) -> Iterator[np.ndarray]:
    width, hop = round(window * sampling_rate), round(step * sampling_rate)
    if width < 2 or hop < 1:
        message = f"Frames of {window:g} s every {step:g} s have no samples at {sampling_rate} Hz."
        raise FeatureError(message)
    x = np.asarray(signal, dtype=np.float64)
    padded = np.zeros(len(x) + 2 * width)
    padded[width : width + len(x)] = x
    starts = frame_starts(len(x), sampling_rate, width, step)
    frames = np.lib.stride_tricks.sliding_window_view(padded, width)
    taper, size = hann(width), transform_size(sampling_rate, window)
    for first in range(0, len(starts), _BATCH):
        spectrum = fft.rfft(frames[starts[first : first + _BATCH]] * taper, size, axis=1)
        yield spectrum.real**2 + spectrum.imag**2


@lru_cache(maxsize=256)
def _triangles(old: int, new: int) -> np.ndarray:
    """Weights of ``old`` pixels in ``new`` ones, shape (new, old)."""
    scale = old / new
    centres = (np.arange(new)[:, None] + 0.5) * scale - 0.5
    # shrinking widens the triangles, so that no pixel is passed over
    weights = np.maximum(0.0, 1.0 - np.abs(np.arange(old) - centres) / max(1.0, scale))
    weights /= weights.sum(axis=1, keepdims=True)
    weights.flags.writeable = False
    return weights
