"""The common grid of frames: one every ``step`` seconds, the first centred on the first sample."""

from __future__ import annotations

import numpy as np

from ferfusion.base.errors import FeatureError

__all__ = ["STEP", "frame_count", "frame_starts", "frames_of_signal", "hann", "hop_of", "times_of"]

STEP = 0.010  # seconds from one frame to the next


def hop_of(sampling_rate: int, step: float = STEP) -> int:
    """Samples from one frame to the next: a whole number, so that 10 ms at 22.05 kHz are 220 of them, not 220.5.

    Raises
    ------
    FeatureError
        If a step has no sample.
    """
    hop = round(step * sampling_rate)
    if hop < 1:
        message = f"Frames every {step:g} s have no samples at {sampling_rate:g} Hz."
        raise FeatureError(message)
    return hop


def frame_count(n_samples: int, sampling_rate: int, step: float = STEP) -> int:
    """Number of frames of a signal: one at least, however short it is."""
    return 1 + int(n_samples // hop_of(sampling_rate, step))


def times_of(n_samples: int, sampling_rate: int, step: float = STEP) -> np.ndarray:
    """Centres of the frames in seconds, shape (n_frames,)."""
    return np.arange(frame_count(n_samples, sampling_rate, step)) * (hop_of(sampling_rate, step) / sampling_rate)


def frame_starts(n_samples: int, sampling_rate: int, width: int, step: float = STEP) -> np.ndarray:
    """First sample of each frame in a signal that has ``width`` samples of padding before it."""
    centres = np.arange(frame_count(n_samples, sampling_rate, step)) * hop_of(sampling_rate, step)
    return centres - width // 2 + width


def frames_of_signal(signal: np.ndarray, sampling_rate: int, width: int, step: float = STEP) -> np.ndarray:
    """Frames of a signal on the common grid, zeros beyond its ends.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Full scale is 1.
    sampling_rate : int
        In hertz.
    width : int
        Samples in a frame.
    step : float, default=0.01
        Seconds from one frame to the next.

    Returns
    -------
    ndarray, shape (n_frames, width)
        Row k is centred on ``k * step`` seconds. Rows share samples: not to be written to.
    """
    padded = np.zeros(len(signal) + 2 * width, dtype=signal.dtype)
    padded[width : width + len(signal)] = signal
    starts = frame_starts(len(signal), sampling_rate, width, step)
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)
    return windows[starts[0] : starts[-1] + 1 : hop_of(sampling_rate, step)]


def hann(width: int) -> np.ndarray:
    """Periodic Hann window, as Fourier transforms want it."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(width) / width)
