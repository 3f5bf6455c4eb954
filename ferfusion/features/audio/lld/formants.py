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


@njit(cache=True, nogil=True, error_model="numpy")
def _resonances(frames: np.ndarray, rate: float, order: int, n_formants: int) -> tuple[np.ndarray, np.ndarray]:
    frequencies = np.zeros((len(frames), n_formants))
    bandwidths = np.zeros((len(frames), n_formants))
    real, imaginary = np.zeros(order), np.zeros(order)  # pairs of numbers: complex ones take long to compile
    hertz, width = np.zeros(order + 1), np.zeros(order + 1)
    coefficients, before = np.zeros(order), np.zeros(order)
    forward, backward = np.zeros(frames.shape[1]), np.zeros(frames.shape[1])
    for t in range(len(frames)):
        n = 0
        _burg(frames[t], coefficients, before, forward, backward)
        for i in range(order):  # begun on a circle, not symmetric to the real axis
            angle = 2.0 * np.pi * i / order + 0.4
            real[i], imaginary[i] = 0.9 * np.cos(angle), 0.9 * np.sin(angle)
        if coefficients[0] != 0.0:
            _refine(coefficients, real, imaginary)
            n = _in_order(real, imaginary, rate, hertz, width)
        for k in range(n_formants):
            frequencies[t, k] = hertz[k] if k < n else np.nan
            bandwidths[t, k] = width[k] if k < n else np.nan
    return frequencies, bandwidths


@njit(cache=True, nogil=True, error_model="numpy")
def _in_order(real: np.ndarray, imaginary: np.ndarray, rate: float, hertz: np.ndarray, width: np.ndarray) -> int:
    """Frequencies and bandwidths of the upper roots, from the lowest; how many there are."""
    n = 0
    for i in range(len(real)):
        squared = real[i] * real[i] + imaginary[i] * imaginary[i]
        f = np.arctan2(imaginary[i], real[i]) * rate / (2.0 * np.pi)
        if imaginary[i] < 0.0 or squared == 0.0 or f < _EDGE or f > rate / 2.0 - _EDGE:
            continue
        k = n
        while k > 0 and hertz[k - 1] > f:
            hertz[k], width[k] = hertz[k - 1], width[k - 1]
            k -= 1
        hertz[k], width[k] = f, abs(0.5 * np.log(squared)) * rate / np.pi
        n += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _burg(
    x: np.ndarray, coefficients: np.ndarray, before: np.ndarray, forward: np.ndarray, backward: np.ndarray
) -> None:
    """Prediction coefficients that make the forward and backward errors least; zeros for silence."""
    for i in range(len(x) - 1):
        forward[i], backward[i] = x[i + 1], x[i]
    order = len(coefficients)
    for m in range(order):
        coefficients[m] = 0.0
    for m in range(order):
        n = len(x) - 1 - m
        product, energy = 0.0, 0.0
        for i in range(n):
            product += forward[i] * backward[i]
            energy += forward[i] * forward[i] + backward[i] * backward[i]
        if energy <= 0.0:
            break
        k = 2.0 * product / energy
        for i in range(m):
            before[i] = coefficients[i]
        for i in range(m):
            coefficients[i] = before[i] - k * before[m - 1 - i]
        coefficients[m] = k
        for i in range(n - 1):
            ahead = forward[i + 1] - k * backward[i + 1]
            backward[i] = backward[i] - k * forward[i]
            forward[i] = ahead


@njit(cache=True, nogil=True, error_model="numpy")
def _refine(coefficients: np.ndarray, real: np.ndarray, imaginary: np.ndarray) -> None:
    """Roots of z**n - c[0] z**(n-1) - ... - c[n-1], all at once by the method of Ehrlich and Aberth."""
    n = len(real)
    for _ in range(_MOST_ROUNDS):
        largest = 0.0
        for i in range(n):
            x, y = real[i], imaginary[i]
            p, q = 1.0, 0.0  # the polynomial at the root
            u, v = 0.0, 0.0  # its slope
            for k in range(n):
                u, v = u * x - v * y + p, u * y + v * x + q
                p, q = p * x - q * y - coefficients[k], p * y + q * x
            size = u * u + v * v
            if size == 0.0:
                u, size = 1e-12, 1e-24
            p, q = (p * u + q * v) / size, (q * u - p * v) / size  # Newton's step
            u, v = 0.0, 0.0  # repulsion by the other roots
            for j in range(n):
                if j != i:
                    a, b = x - real[j], y - imaginary[j]
                    size = a * a + b * b
                    if size == 0.0:
                        a, b, size = 1e-9, 1e-9, 2e-18
                    u += a / size
                    v -= b / size
            a, b = 1.0 - (p * u - q * v), -(p * v + q * u)
            size = a * a + b * b
            a, b = (p * a + q * b) / size, (q * a - p * b) / size
            real[i] -= a
            imaginary[i] -= b
            largest = max(largest, a * a + b * b)
        if largest < _CLOSE:
            break
