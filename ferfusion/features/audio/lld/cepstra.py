"""Cepstra: of mel, gammatone and all-pole spectra, and their changes over time."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ferfusion.features.audio.lld.mel import dct_matrix, power_to_db

__all__ = ["autocorrelations", "deltas", "gfcc", "lpcc", "mfcc", "plp"]

_BARK_BANDS = 21


def mfcc(mel: np.ndarray, n_coefficients: int = 13) -> np.ndarray:
    """Mel-frequency cepstral coefficients of mel powers, shape (n_frames, n_coefficients).

    The first is the level. Levels more than 80 dB below the highest of the recording count as 80 dB below it.
    """
    return power_to_db(mel) @ dct_matrix(n_coefficients, mel.shape[1]).T


def gfcc(gammatone: np.ndarray, n_coefficients: int = 13) -> np.ndarray:
    """Cepstra of gammatone powers after a cubic root, shape (n_frames, n_coefficients).

    The powers are taken relative to their mean over the recording, so that the recording's level does not matter.
    """
    mean = gammatone.mean()
    return np.cbrt(gammatone / (mean if mean > 0 else 1.0)) @ dct_matrix(n_coefficients, gammatone.shape[1]).T


def autocorrelations(power: np.ndarray, n_lags: int) -> np.ndarray:
    """Autocorrelation of frames by their power spectra, shape (n_frames, n_lags)."""
    # in double precision: where half of the band is empty, rounding would make impossible autocorrelations
    return power.astype(np.float64) @ _cosines(power.shape[1], n_lags)


@lru_cache(maxsize=16)
def _cosines(n_bins: int, n_lags: int) -> np.ndarray:
    # of the few lags that are wanted; a Fourier transform gives all
    size = max(1, 2 * (n_bins - 1))
    waves = np.cos(2.0 * np.pi * np.outer(np.arange(n_bins), np.arange(n_lags)) / size) / size
    waves[1 : size - n_bins + 1] *= 2.0  # all but the first and the last stand for two
    return waves


def lpcc(power: np.ndarray, n_coefficients: int = 13, order: int = 16) -> np.ndarray:
    """Cepstra of the all-pole model of each frame, shape (n_frames, n_coefficients), without that of the gain."""
    return _model_cepstra(autocorrelations(power, order + 1), n_coefficients)


def plp(power: np.ndarray, frequencies: np.ndarray, n_coefficients: int = 13, order: int = 12) -> np.ndarray:
    """Perceptual linear prediction cepstra: critical bands, equal loudness, cubic root, all-pole model.

    Parameters
    ----------
    power : ndarray, shape (n_frames, n_bins)
        Squared magnitudes.
    frequencies : ndarray, shape (n_bins,)
        In hertz.
    n_coefficients : int, default=13
        How many, without that of the gain.
    order : int, default=12
        Of the all-pole model.

    Returns
    -------
    ndarray, shape (n_frames, n_coefficients)

    References
    ----------
    Hermansky: Perceptual linear predictive (PLP) analysis of speech. JASA 87, 1990. https://doi.org/10.1121/1.399423
    """
    filters = _critical_bands(len(frequencies), float(frequencies[-1]))
    bands = np.cbrt(power @ filters.astype(power.dtype)).astype(np.float64)
    # the outermost bands are not whole
    bands[:, 0], bands[:, -1] = bands[:, 1], bands[:, -2]
    return _model_cepstra(autocorrelations(bands, order + 1), n_coefficients)


@lru_cache(maxsize=16)
def _critical_bands(n_bins: int, highest: float) -> np.ndarray:
    """Masking curves of critical bands under equal loudness, shape (n_bins, n_bands)."""
    bark = 6.0 * np.arcsinh(np.linspace(0.0, highest, n_bins) / 600.0)
    centres = np.linspace(0.0, bark[-1], _BARK_BANDS)
    distance = bark[None, :] - centres[:, None]
    masking = np.where(
        distance < 0, 10.0 ** np.minimum(distance + 0.5, 0.0), 10.0 ** np.minimum(-2.5 * (distance - 0.5), 0)
    )
    squared = (600.0 * np.sinh(centres / 6.0)) ** 2
    loudness = (squared / (squared + 1.6e5)) ** 2 * (squared + 1.44e6) / (squared + 9.61e6)
    return (loudness[:, None] * masking).T


def _model_cepstra(r: np.ndarray, n_coefficients: int) -> np.ndarray:
    """Levinson's recursion for the predictor, then the recursion from predictor to cepstrum; zeros for silence."""
    r = np.ascontiguousarray(r.T)  # frames side by side
    order = len(r) - 1
    a = np.zeros_like(r[1:])
    error = r[0] * (1.0 + 1e-9)
    for m in range(order):
        sounding = error > 0.0
        k = r[m + 1] - np.einsum("it,it->t", a[:m], r[m:0:-1])
        k = np.where(sounding, k / np.where(sounding, error, 1.0), 0.0)
        a[:m] -= k * a[:m][::-1]
        a[m] = k
        error = error * (1.0 - k * k)
    out = np.zeros((n_coefficients, r.shape[1]))
    for q in range(n_coefficients):  # each times its number
        first = max(0, q - order)
        out[q] = np.einsum("it,it->t", out[first:q], a[: q - first][::-1])
        if q < order:
            out[q] += (q + 1.0) * a[q]
    return np.ascontiguousarray(out.T) / np.arange(1.0, n_coefficients + 1.0)


def deltas(frames: np.ndarray, reach: int = 2) -> np.ndarray:
    """Slope of each column over neighbouring frames, by regression; the ends are repeated.

    Parameters
    ----------
    frames : ndarray, shape (n_frames, n_descriptors)
        Any descriptors.
    reach : int, default=2
        Frames to each side.

    Returns
    -------
    ndarray, shape (n_frames, n_descriptors)
        Per frame.
    """
    padded = np.pad(frames, ((reach, reach), (0, 0)), mode="edge")
    n = len(frames)
    total = sum(
        k * (padded[reach + k : reach + k + n] - padded[reach - k : reach - k + n]) for k in range(1, reach + 1)
    )
    return np.asarray(total) / (2.0 * sum(k * k for k in range(1, reach + 1)))
