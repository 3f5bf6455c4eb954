"""Scales of hearing: mel and gammatone filters for power spectra, decibels and the cosine transform of bands.

Matrices are made once per set of parameters and shared: they cannot be written to.

References
----------
.. [1] Slaney: Auditory Toolbox, version 2. Technical Report 1998-010, Interval Research Corporation 1998.
.. [2] Glasberg, Moore: Derivation of auditory filter shapes from notched-noise data. Hearing Research 47 (1-2),
   103-138, 1990. https://doi.org/10.1016/0378-5955(90)90170-T
"""

from __future__ import annotations

from functools import lru_cache
from math import factorial, log, pi
from typing import Literal

import numpy as np

from ferfusion.base.errors import FeatureError
from ferfusion.features.audio.lld.spectrum import DB

__all__ = [
    "GAMMATONE_WIDTH",
    "dct_matrix",
    "erb",
    "erb_number",
    "gammatone_centres",
    "gammatone_filters",
    "hertz_of_erb_number",
    "hertz_to_mel",
    "mel_filters",
    "mel_to_hertz",
    "power_to_db",
]

_LINEAR_STEP = 200.0 / 3.0  # hertz per mel on Slaney's scale, below 1 kHz
_LOG_STEP = log(6.4) / 27.0  # above 1 kHz: 27 steps for a ratio of 6.4
_ERB_AT_ZERO, _ERB_SLOPE = 24.7, 4.37e-3  # hertz, and its growth per hertz
_ORDER = 4
# width parameter of a gammatone over its equivalent rectangular bandwidth: 1.0186 for the fourth order
GAMMATONE_WIDTH = factorial(_ORDER - 1) ** 2 * 2 ** (2 * _ORDER - 2) / (pi * factorial(2 * _ORDER - 2))
_FAINTEST = 1e-20  # power that silence counts as: -200 dB


def hertz_to_mel(hertz: np.ndarray | float, *, htk: bool = False) -> np.ndarray:
    """Frequency on the mel scale of Slaney [1]_ or of HTK.

    Parameters
    ----------
    hertz : array_like
        In hertz.
    htk : bool, default=False
        ``2595 log10(1 + f / 700)`` in place of Slaney's scale, which is linear below 1 kHz.

    Returns
    -------
    ndarray
    """
    f = np.asarray(hertz, dtype=np.float64)
    if htk:
        return 2595.0 * np.log10(1.0 + f / 700.0)
    high = 15.0 + np.log(np.maximum(f, 1000.0) / 1000.0) / _LOG_STEP
    return np.where(f < 1000.0, f / _LINEAR_STEP, high)


def mel_to_hertz(mel: np.ndarray | float, *, htk: bool = False) -> np.ndarray:
    """Inverse of ``hertz_to_mel``, in hertz."""
    m = np.asarray(mel, dtype=np.float64)
    if htk:
        return 700.0 * (10.0 ** (m / 2595.0) - 1.0)
    high = 1000.0 * np.exp(_LOG_STEP * (np.maximum(m, 15.0) - 15.0))
    return np.where(m < 15.0, m * _LINEAR_STEP, high)


@lru_cache(maxsize=64)
def mel_filters(
    sampling_rate: float,
    n_fft: int,
    n_mels: int = 40,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: Literal["slaney"] | None = "slaney",
) -> np.ndarray:
    """Triangular filters, equally spaced on the mel scale, for a power spectrum.

    Parameters
    ----------
    sampling_rate : float
        In hertz.
    n_fft : int
        Length of the Fourier transform in samples.
    n_mels : int, default=40
        Number of filters.
    fmin, fmax : float, default=0, None
        Edges in hertz; None is half the sampling rate.
    htk : bool, default=False
        Scale of HTK in place of Slaney's.
    norm : {"slaney"} or None, default="slaney"
        Filters of the same area (in hertz), or of the same height of 1.

    Returns
    -------
    ndarray, shape (n_mels, n_fft // 2 + 1)
        Read-only. A filter narrower than the bins of the spectrum may be empty.

    Raises
    ------
    FeatureError
        If the edges or the number of filters make no sense.
    """
    top = _checked_top(sampling_rate, n_fft, n_mels, fmin, fmax)
    if norm not in ("slaney", None):
        message = f"Mel filters have the norm 'slaney' or None, not {norm!r}."
        raise FeatureError(message)
    bins = np.arange(n_fft // 2 + 1) * (sampling_rate / n_fft)
    ends = hertz_to_mel(np.array([fmin, top]), htk=htk)
    edges = mel_to_hertz(np.linspace(ends[0], ends[1], n_mels + 2), htk=htk)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - left) / (centre - left), (right - bins) / (right - centre)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    if norm == "slaney":
        weights *= 2.0 / (right - left)
    return _frozen(weights)


def erb(hertz: np.ndarray | float) -> np.ndarray:
    """Equivalent rectangular bandwidth of the ear's filter at a frequency, both in hertz [2]_."""
    return _ERB_AT_ZERO * (1.0 + _ERB_SLOPE * np.asarray(hertz, dtype=np.float64))


def erb_number(hertz: np.ndarray | float) -> np.ndarray:
    """Number of equivalent rectangular bandwidths below a frequency in hertz.

    The integral of ``1 / erb``: 21.33 log10(1 + 0.00437 f), which [2]_ gives with a factor of 21.4.
    """
    return np.log1p(_ERB_SLOPE * np.asarray(hertz, dtype=np.float64)) / (_ERB_AT_ZERO * _ERB_SLOPE)


def hertz_of_erb_number(number: np.ndarray | float) -> np.ndarray:
    """Inverse of ``erb_number``, in hertz."""
    return np.expm1(np.asarray(number, dtype=np.float64) * (_ERB_AT_ZERO * _ERB_SLOPE)) / _ERB_SLOPE


def gammatone_centres(n_bands: int, fmin: float, fmax: float) -> np.ndarray:
    """Centre frequencies in hertz from ``fmin`` to ``fmax``, equally spaced in ``erb_number``, rising."""
    ends = erb_number(np.array([fmin, fmax]))
    return hertz_of_erb_number(np.linspace(ends[0], ends[1], n_bands))


@lru_cache(maxsize=64)
def gammatone_filters(
    sampling_rate: float,
    n_fft: int,
    n_bands: int = 64,
    fmin: float = 50.0,
    fmax: float | None = None,
    norm: Literal["area"] | None = None,
) -> np.ndarray:
    """Power responses of gammatone filters of the fourth order, for a power spectrum.

    Each weight is the mean of ``(1 + ((f - centre) / b)^2)^-4`` over its bin of the spectrum, where ``b`` makes the
    filter's equivalent rectangular bandwidth that of the ear [2]_. As means, narrow filters cannot fall between bins.

    Parameters
    ----------
    sampling_rate : float
        In hertz.
    n_fft : int
        Length of the Fourier transform in samples.
    n_bands : int, default=64
        Number of filters.
    fmin, fmax : float, default=50, None
        Lowest and highest centre frequency in hertz; None is half the sampling rate, less the width of its filter.
    norm : {"area"} or None, default=None
        Filters of the same area (in hertz), or of the same gain of 1 at their centres.

    Returns
    -------
    ndarray, shape (n_bands, n_fft // 2 + 1)
        Read-only.

    Raises
    ------
    FeatureError
        If the edges or the number of filters make no sense.
    """
    nyquist = sampling_rate / 2.0
    # the highest filter would otherwise be cut in half
    top = _checked_top(sampling_rate, n_fft, n_bands, fmin, nyquist - float(erb(nyquist)) if fmax is None else fmax)
    if norm not in ("area", None):
        message = f"Gammatone filters have the norm 'area' or None, not {norm!r}."
        raise FeatureError(message)
    centres = gammatone_centres(n_bands, fmin, top)[:, None]
    width = GAMMATONE_WIDTH * erb(centres)
    spacing = sampling_rate / n_fft
    edges = (np.arange(n_fft // 2 + 2) - 0.5) * spacing
    weights = np.diff(_area((edges - centres) / width), axis=1) * (width / spacing)
    return _frozen(weights / erb(centres) if norm == "area" else weights)


def power_to_db(power: np.ndarray, top_db: float | None = 80.0) -> np.ndarray:
    """Power in decibels, not more than ``top_db`` below the largest.

    The floor moves with the level, so that a gain of the recording adds a constant to every value, even where the
    recording is faint.

    Parameters
    ----------
    power : ndarray
        Not negative; 1 is 0 dB.
    top_db : float or None, default=80
        Range in decibels below the largest value of the whole array; None is no floor but that of -200 dB, which
        is also the value of silence.

    Returns
    -------
    ndarray of float64, same shape
    """
    power = np.asarray(power, dtype=np.float64)
    floor = _FAINTEST
    if top_db is not None and power.size:
        floor = max(floor, float(power.max()) * 10.0 ** (-top_db / 10.0))
    return DB * np.log(np.maximum(power, floor))


@lru_cache(maxsize=64)
def dct_matrix(n_coefficients: int, n_bands: int) -> np.ndarray:
    """Orthonormal cosine transform of type II: ``bands @ dct_matrix(c, b).T`` has shape (..., c).

    Parameters
    ----------
    n_coefficients : int
        The first so many; row 0 is constant.
    n_bands : int
        Length of what is transformed.

    Returns
    -------
    ndarray, shape (n_coefficients, n_bands)
        Read-only.
    """
    if not 1 <= n_coefficients <= n_bands:
        message = f"{n_bands} bands have 1 to {n_bands} cosine coefficients, not {n_coefficients}."
        raise FeatureError(message)
    k = np.arange(n_coefficients)[:, None]
    matrix = np.cos(pi * k * (np.arange(n_bands) + 0.5) / n_bands) * np.sqrt(2.0 / n_bands)
    matrix[0] /= np.sqrt(2.0)
    return _frozen(matrix)


def _area(x: np.ndarray) -> np.ndarray:
    """Integral of ``(1 + x^2)^-4`` from 0."""
    q = 1.0 / (1.0 + x * x)
    return x * q * (5.0 / 16.0 + q * (5.0 / 24.0 + q / 6.0)) + 5.0 / 16.0 * np.arctan(x)


def _checked_top(sampling_rate: float, n_fft: int, n_bands: int, fmin: float, fmax: float | None) -> float:
    top = sampling_rate / 2.0 if fmax is None else fmax
    if n_fft < 2 or n_bands < 1:
        message = f"Filters need a transform of 2 samples and 1 band at least, not {n_fft} and {n_bands}."
        raise FeatureError(message)
    # a rate of 8 kHz may meet edges that were meant for 16 kHz: say so rather than give empty bands
    if not 0.0 <= fmin < top <= sampling_rate / 2.0:
        message = f"Filters from {fmin:g} to {top:g} Hz do not fit into 0 to {sampling_rate / 2.0:g} Hz."
        raise FeatureError(message)
    return float(top)


def _frozen(matrix: np.ndarray) -> np.ndarray:
    matrix.flags.writeable = False
    return matrix
