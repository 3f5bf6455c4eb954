"""Formants: resonances of an all-pole model by Burg's method, frame by frame.

The settings are the customary ones of phonetics: the signal is brought to twice the highest formant of interest,
high frequencies are raised by 6 dB per octave above 50 Hz, and ten poles are fitted to 50 ms under a Gaussian window.
"""

from __future__ import annotations

import numpy as np
import soxr
from numba import njit

from ferfusion.features.audio.lld.frames import STEP, hop_of

__all__ = ["find_formants"]

_PREEMPHASIS = 50.0  # hertz above which the spectrum is raised
_WINDOW = 0.050  # seconds, of which the Gaussian lets through about half
_POLES = 10  # below the ceiling
_NARROWEST = 3000.0  # hertz: telephones let through more; a sound that ends lower is no narrow recording
_EDGE = 50.0  # hertz at both ends of the spectrum in which a pole is no formant
_MOST_ROUNDS = 60
_CLOSE = 1e-16  # squared step at which a root is found


def find_formants(
    signal: np.ndarray,
    sampling_rate: int,
    frames: np.ndarray,
    *,
    n_formants: int = 3,
    ceiling: float = 5500.0,
    bandwidth: float = np.inf,
    step: float = STEP,
) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and bandwidths of formants.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Full scale is 1.
    sampling_rate : int
        In hertz.
    frames : ndarray of bool, shape (n_frames,)
        Which frames of the common grid to analyse; formants mean something where there is voice.
    n_formants : int, default=3
        How many, from the lowest.
    ceiling : float, default=5500
        Frequency in hertz below which five formants are expected.
    bandwidth : float, default=inf
        Frequency in hertz above which the recording holds nothing. Poles would be drawn to the edge of an empty band:
        they are then fitted below it, fewer in proportion.
    step : float, default=0.01
        Seconds from one frame to the next.

    Returns
    -------
    frequencies, bandwidths : ndarray, shape (n_frames, n_formants)
        In hertz; NaN where a frame was not asked for or has fewer resonances.
    """
    n = len(frames)
    frequencies, bandwidths = np.full((n, n_formants), np.nan), np.full((n, n_formants), np.nan)
    wanted = np.flatnonzero(frames)
    top = min(ceiling, max(bandwidth, _NARROWEST))
    rate, order = round(2 * top), round(_POLES * top / ceiling)
    x = soxr.resample(np.asarray(signal, dtype=np.float64), sampling_rate, rate)
    if len(wanted) == 0 or len(x) == 0:
        return frequencies, bandwidths
    x[1:] -= np.exp(-2 * np.pi * _PREEMPHASIS / rate) * x[:-1]
    width = round(_WINDOW * rate)
    padded = np.zeros(len(x) + 2 * width)
    padded[width : width + len(x)] = x
    starts = (
        np.round(wanted * (hop_of(sampling_rate, step) / sampling_rate * rate)).astype(np.int64) - width // 2 + width
    )
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)[np.minimum(starts, len(padded) - width)]
    f, b = _resonances(windows * _gaussian(width), float(rate), order, n_formants)
    frequencies[wanted], bandwidths[wanted] = f, b
    return frequencies, bandwidths


def _gaussian(width: int) -> np.ndarray:
    place = (np.arange(width) + 0.5 - width / 2) / width
    edge = np.exp(-12.0)
    return (np.exp(-48.0 * place**2) - edge) / (1.0 - edge)


def _resonances(frames: np.ndarray, rate: float, order: int, n_formants: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and bandwidths of the lowest resonances; NaN where there are fewer."""
    coefficients = np.zeros((len(frames), order))
    _burg(frames, coefficients, np.zeros(order), np.zeros(frames.shape[1]), np.zeros(frames.shape[1]))
    start = 0.9 * np.exp(1j * (2.0 * np.pi * np.arange(order) / order + 0.4))  # not symmetric to the real axis
    # pairs of numbers: complex ones take long to compile
    real, imaginary = np.tile(start.real, (len(frames), 1)), np.tile(start.imag, (len(frames), 1))
    _refine(coefficients, real, imaginary)
    squared = real * real + imaginary * imaginary
    hertz = np.arctan2(imaginary, real) * rate / (2.0 * np.pi)
    none = (imaginary < 0.0) | (squared == 0.0) | (hertz < _EDGE) | (hertz > rate / 2.0 - _EDGE)
    none |= coefficients[:, :1] == 0.0  # silence
    order_of = np.argsort(np.where(none, np.inf, hertz), axis=1)[:, :n_formants]
    width = np.abs(0.5 * np.log(np.where(none, 1.0, squared))) * rate / np.pi
    lowest = (np.take_along_axis(np.where(none, np.nan, values), order_of, axis=1) for values in (hertz, width))
    frequencies, bandwidths = (np.full((len(frames), n_formants), np.nan) for _ in range(2))
    frequencies[:, : order_of.shape[1]], bandwidths[:, : order_of.shape[1]] = lowest
    return frequencies, bandwidths


@njit(cache=True, nogil=True, error_model="numpy")
def _burg(
    frames: np.ndarray, coefficients: np.ndarray, before: np.ndarray, forward: np.ndarray, backward: np.ndarray
) -> None:
    """Prediction coefficients that make the forward and backward errors least; zeros for silence."""
    n_samples, order = frames.shape[1], coefficients.shape[1]
    for t in range(frames.shape[0]):
        for i in range(n_samples - 1):
            forward[i] = frames[t, i + 1]
            backward[i] = frames[t, i]
        for m in range(order):
            product, energy = 0.0, 0.0
            for i in range(n_samples - 1 - m):
                product += forward[i] * backward[i]
                energy += forward[i] * forward[i] + backward[i] * backward[i]
            if energy <= 0.0:
                break
            k = 2.0 * product / energy
            for i in range(m):
                before[i] = coefficients[t, i]
            for i in range(m):
                coefficients[t, i] = before[i] - k * before[m - 1 - i]
            coefficients[t, m] = k
            for i in range(n_samples - 2 - m):
                ahead = forward[i + 1] - k * backward[i + 1]
                backward[i] = backward[i] - k * forward[i]
                forward[i] = ahead


@njit(cache=True, nogil=True, error_model="numpy")
def _refine(coefficients: np.ndarray, real: np.ndarray, imaginary: np.ndarray) -> None:
    """Roots of z**n - c[0] z**(n-1) - ... - c[n-1], all at once by the method of Ehrlich and Aberth."""
    n_frames, n = coefficients.shape
    for t in range(n_frames):
        for _ in range(_MOST_ROUNDS):
            largest = 0.0
            for i in range(n):
                x, y = real[t, i], imaginary[t, i]
                p, q = 1.0, 0.0  # the polynomial at the root
                u, v = 0.0, 0.0  # its slope
                for k in range(n):
                    u, v = u * x - v * y + p, u * y + v * x + q
                    p, q = p * x - q * y - coefficients[t, k], p * y + q * x
                size = u * u + v * v
                if size == 0.0:
                    u, size = 1e-12, 1e-24
                p, q = (p * u + q * v) / size, (q * u - p * v) / size  # Newton's step
                u, v = 0.0, 0.0  # repulsion by the other roots
                for j in range(n):
                    if j != i:
                        a, b = x - real[t, j], y - imaginary[t, j]
                        size = a * a + b * b
                        if size == 0.0:
                            a, b, size = 1e-9, 1e-9, 2e-18
                        u += a / size
                        v -= b / size
                a, b = 1.0 - (p * u - q * v), -(p * v + q * u)
                size = a * a + b * b
                a, b = (p * a + q * b) / size, (q * a - p * b) / size
                real[t, i] -= a
                imaginary[t, i] -= b
                if a * a + b * b > largest:
                    largest = a * a + b * b
            if largest < _CLOSE:
                break
