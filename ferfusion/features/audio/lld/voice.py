"""Voice quality out of long spectra: prominence of the cepstral peak, and harmonics beside each other."""

from __future__ import annotations

import numpy as np
from scipy import fft

from ferfusion.features.audio.lld.frames import STEP, frames_of_signal, hann
from ferfusion.features.audio.lld.spectrum import DB

__all__ = ["alpha_ratio", "cepstral_peak", "hammarberg", "harmonic_levels", "long_spectrum"]

_WINDOW = 0.050  # seconds: two periods at least, so that harmonics stand apart
_HIGHEST_PITCH, _LOWEST_PITCH = 330.0, 60.0  # hertz between which the cepstral peak is looked for
_TINY = 1e-20


def long_spectrum(
    signal: np.ndarray, sampling_rate: int, frames: np.ndarray, *, step: float = STEP
) -> tuple[np.ndarray, float]:
    """Power spectra of frames of 50 ms.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Full scale is 1.
    sampling_rate : int
        In hertz.
    frames : ndarray of bool, shape (n_frames,)
        Which frames of the common grid are wanted.
    step : float, default=0.01
        Seconds from one frame to the next.

    Returns
    -------
    power : ndarray of float32, shape (n_wanted, n_bins)
    spacing : float
        Hertz from one bin to the next.
    """
    width = round(_WINDOW * sampling_rate)
    size = 2 ** int(np.ceil(np.log2(width)))
    chosen = frames_of_signal(signal.astype(np.float32), sampling_rate, width, step)[frames]
    spectrum = fft.rfft(chosen * hann(width).astype(np.float32), size, axis=1)
    return spectrum.real**2 + spectrum.imag**2, sampling_rate / size


def cepstral_peak(power: np.ndarray, spacing: float) -> np.ndarray:
    """Cepstral peak prominence in dB, shape (n_frames,): the peak over the line through the cepstrum's levels.

    References
    ----------
    Hillenbrand, Cleveland, Erickson: Acoustic correlates of breathy vocal quality. JSHR 37, 1994.
    https://doi.org/10.1044/jshr.3704.769
    """
    if len(power) == 0:
        return np.empty(0)
    floor = np.maximum(power.max(axis=1, keepdims=True) * np.float32(1e-9), np.float32(_TINY))
    level = DB * np.log(np.maximum(power, floor))
    size = 2 * (power.shape[1] - 1)
    rate = spacing * size
    first, last = int(np.ceil(rate / _HIGHEST_PITCH)), min(int(rate / _LOWEST_PITCH), size // 2 - 1)
    start = max(1, round(0.001 * rate))  # below a millisecond the cepstrum is that of the vocal tract
    cepstrum = np.abs(fft.irfft(level, size, axis=1, overwrite_x=True)[:, start : last + 1])
    heights = 2.0 * DB * np.log(np.maximum(cepstrum, _TINY))
    quefrency = np.arange(start, last + 1, dtype=np.float64)
    centred = quefrency - quefrency.mean()
    slopes = np.einsum("ti,i->t", heights, centred) / (centred @ centred)
    peaks = first - start + np.argmax(heights[:, first - start :], axis=1)
    return heights[np.arange(len(heights)), peaks] - heights.mean(axis=1, dtype=np.float64) - slopes * centred[peaks]


def harmonic_levels(power: np.ndarray, spacing: float, f0: np.ndarray, formant: np.ndarray) -> np.ndarray:
    """Levels of the first two harmonics and of the strongest one near a formant, in dB, shape (n_frames, 3).

    Parameters
    ----------
    power : ndarray, shape (n_frames, n_bins)
        Squared magnitudes of long frames.
    spacing : float
        Hertz from one bin to the next.
    f0, formant : ndarray, shape (n_frames,)
        In hertz; where the formant is NaN or beyond the spectrum its level is NaN.

    Returns
    -------
    ndarray, shape (n_frames, 3)
    """
    return 10.0 * np.log10(np.maximum(_near(power, spacing, f0, formant), _TINY))


def _near(power: np.ndarray, spacing: float, f0: np.ndarray, formant: np.ndarray) -> np.ndarray:
    """Greatest powers within a tenth of F0 of each harmonic, and within 20 % of the formant."""
    out = np.full((len(power), 3), np.nan)
    n = power.shape[1]
    for k, (centre, reach) in enumerate(((f0, 0.1 * f0), (2.0 * f0, 0.1 * f0), (formant, 0.2 * formant))):
        there = np.flatnonzero(centre <= (n - 1) * spacing)  # not missing, nor above half the sampling rate
        first = np.maximum(0.0, (centre[there] - reach[there]) / spacing).astype(int)
        last = np.minimum(n - 1, ((centre[there] + reach[there]) / spacing).astype(int) + 1)
        bins = first[:, None] + np.arange((last - first).max(initial=0) + 1)
        out[there, k] = power[there[:, None], np.minimum(bins, last[:, None])].max(axis=1)
    return out


def alpha_ratio(power: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Level of 50 to 1000 Hz over that of 1 to 5 kHz, in dB, shape (n_frames,)."""
    low = power[:, (frequencies >= 50) & (frequencies < 1000)].sum(axis=1)
    high = power[:, (frequencies >= 1000) & (frequencies <= 5000)].sum(axis=1)
    return 10.0 * np.log10((low + _TINY) / (high + _TINY))


def hammarberg(power: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Strongest peak below 2 kHz over the strongest from 2 to 5 kHz, in dB, shape (n_frames,)."""
    low = power[:, frequencies < 2000].max(axis=1)
    high = power[:, (frequencies >= 2000) & (frequencies <= 5000)].max(axis=1)
    return 10.0 * np.log10((low + _TINY) / (high + _TINY))
