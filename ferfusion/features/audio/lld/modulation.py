"""Modulation spectra: how fast, and how deep, the envelopes of bands go up and down.

References
----------
.. [1] Wu, Falk, Chan: Automatic speech emotion recognition using modulation spectral features. Speech Communication
   53, 768-785, 2011.
.. [2] Ding, Patel, Chen, Butler, Luo, Poeppel: Temporal modulations in speech and music. Neuroscience and
   Biobehavioral Reviews 81, 181-187, 2017. https://doi.org/10.1016/j.neubiorev.2017.02.011
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from ferfusion.features.audio.lld.frames import hann

__all__ = ["MODULATION_EDGES", "band_energies", "modulation_spectrum"]

MODULATION_EDGES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # hertz


def modulation_spectrum(
    envelopes: np.ndarray, frame_rate: float, *, segment: float = 2.0, resolution: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """Power spectra of envelopes over the squares of their means.

    Spectra of Hann-windowed segments, which overlap by half and have their means taken away, are averaged (the method
    of Welch). The integral over a frequency band is the mean square modulation depth in it: ``depth^2 / 2`` where the
    envelope is ``1 + depth sin``.

    Parameters
    ----------
    envelopes : ndarray, shape (n_frames, n_bands)
        Not negative.
    frame_rate : float
        Frames in a second.
    segment : float, default=2
        Length of a segment in seconds; a shorter signal is one segment.
    resolution : float, default=0.25
        Distance of points in hertz; zeros are appended to reach it.

    Returns
    -------
    frequencies : ndarray, shape (n_points,)
        In hertz, from 0 to half the frame rate.
    density : ndarray, shape (n_points, n_bands)
        Per hertz; NaN for an envelope of zeros.
    """
    n = len(envelopes)
    width = min(n, max(2, round(segment * frame_rate)))
    size = max(width, round(frame_rate / resolution))
    peak = envelopes.max(axis=0)
    sounding = peak > 0.0
    x = envelopes / np.where(sounding, peak, 1.0)
    segments = np.lib.stride_tricks.sliding_window_view(x, width, axis=0)[:: max(1, width // 2)]
    # a window of a short signal must not vanish at its only points
    taper = hann(width + 1)[1:] if width > 2 else np.ones(width)
    centred = segments - segments.mean(axis=-1, keepdims=True)
    spectrum = fft.rfft(centred * taper, size, axis=-1)
    power = (spectrum.real**2 + spectrum.imag**2).mean(axis=0).T
    density = 2.0 * power / (frame_rate * (taper**2).sum())
    density[0] /= 2.0  # 0 and half the rate have no mirror
    if size % 2 == 0:
        density[-1] /= 2.0
    mean = np.where(sounding, x.mean(axis=0), 1.0)
    return np.arange(len(density)) * (frame_rate / size), np.where(sounding, density / mean**2, np.nan)


def band_energies(
    frequencies: np.ndarray, density: np.ndarray, edges: tuple[float, ...] = MODULATION_EDGES
) -> np.ndarray:
    """Integrals of a density between edges.

    Parameters
    ----------
    frequencies : ndarray, shape (n_points,)
        Equally spaced, in hertz.
    density : ndarray, shape (n_points, n_bands)
        Per hertz.
    edges : tuple of float
        Rising, in hertz.

    Returns
    -------
    ndarray, shape (n_edges - 1, n_bands)
        Each point counts for the interval from half a step below to half a step above it.
    """
    spacing = frequencies[1] - frequencies[0] if len(frequencies) > 1 else 1.0
    low, high = frequencies - spacing / 2, frequencies + spacing / 2
    bounds = np.asarray(edges)[:, None]
    covered = np.clip(np.minimum(high, bounds[1:]) - np.maximum(low, bounds[:-1]), 0.0, None)
    return covered @ density
