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
    rate = round(2 * ceiling)
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
    f, b = _resonances(windows * _gaussian(width), float(rate), 10, n_formants)
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
    roots = np.zeros(order, np.complex128)
    hertz, width = np.zeros(order + 1), np.zeros(order + 1)
    coefficients, before = np.zeros(order), np.zeros(order)
    forward, backward = np.zeros(frames.shape[1]), np.zeros(frames.shape[1])
    for t in range(len(frames)):
        n = 0
        _burg(frames[t], coefficients, before, forward, backward)
        for i in range(order):  # begun on a circle, not symmetric to the real axis
            roots[i] = 0.9 * np.exp(1j * (2.0 * np.pi * i / order + 0.4))
        if coefficients[0] != 0.0:
            _refine(coefficients, roots)
            n = _in_order(roots, rate, hertz, width)
        for k in range(n_formants):
            frequencies[t, k] = hertz[k] if k < n else np.nan
            bandwidths[t, k] = width[k] if k < n else np.nan
    return frequencies, bandwidths


@njit(cache=True, nogil=True, error_model="numpy")
def _in_order(roots: np.ndarray, rate: float, hertz: np.ndarray, width: np.ndarray) -> int:
    """Frequencies and bandwidths of the upper roots, from the lowest; how many there are."""
    n = 0
    for i in range(len(roots)):
        real, imaginary = roots[i].real, roots[i].imag
        squared = real * real + imaginary * imaginary
        f = np.arctan2(imaginary, real) * rate / (2.0 * np.pi)
        if imaginary < 0.0 or squared == 0.0 or f < _EDGE or f > rate / 2.0 - _EDGE:
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
def _refine(coefficients: np.ndarray, roots: np.ndarray) -> None:
    """Roots of z**n - c[0] z**(n-1) - ... - c[n-1], all at once by the method of Ehrlich and Aberth."""
    n = len(roots)
    for _ in range(_MOST_ROUNDS):
        largest = 0.0
        for i in range(n):
            value, slope = 1.0 + 0.0j, 0.0 + 0.0j
            for k in range(n):
                slope = slope * roots[i] + value
                value = value * roots[i] - coefficients[k]
            if slope == 0.0:
                slope = 1e-12 + 0.0j
            newton = value / slope
            repulsion = 0.0 + 0.0j
            for j in range(n):
                if j != i:
                    gap = roots[i] - roots[j]
                    repulsion += 1.0 / (gap if gap != 0.0 else 1e-9 + 1e-9j)
            change = newton / (1.0 - newton * repulsion)
            roots[i] -= change
            largest = max(largest, change.real**2 + change.imag**2)
        if largest < _CLOSE:
            break
