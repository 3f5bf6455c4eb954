"""Teager energy: what it takes to make a sound, which grows with amplitude and frequency, and how regular it is.

References
----------
.. [1] Kaiser: On a simple algorithm to calculate the 'energy' of a signal. ICASSP 1990.
   https://doi.org/10.1109/ICASSP.1990.115702
.. [2] Zhou, Hansen, Kaiser: Nonlinear feature based classification of speech under stress. IEEE Transactions on
   Speech and Audio Processing 9 (3), 201, 2001.
.. [3] Zwicker: Subdivision of the audible frequency range into critical bands. Journal of the Acoustical Society of
   America 33 (2), 248, 1961. https://doi.org/10.1121/1.1908630
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numba import njit

from ferfusion.base.errors import FeatureError
from ferfusion.features.audio.lld.mel import GAMMATONE_WIDTH
from ferfusion.features.audio.lld.spectrogram import loud_frames

__all__ = ["CRITICAL_EDGES", "critical_bands", "envelope_area", "teager_energy", "teager_frames"]

# edges of critical bands in hertz; speech has next to nothing in the one below
CRITICAL_EDGES = (
    *(100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400),
    *(5300, 6400, 7700, 9500, 12000, 15500),
)
_PROFILE_RATE = 4000.0  # hertz: the profile of Teager energy is slow, and is averaged down to about this rate
_NARROW = 400.0  # hertz: profiles of narrower bands are slower still, and half of it is enough


def teager_energy(signal: np.ndarray) -> np.ndarray:
    """Teager energy operator ``x[n]^2 - x[n-1] x[n+1]`` [1]_; the ends repeat their neighbours.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Full scale is 1.

    Returns
    -------
    ndarray of float64, shape (n_samples,)
        ``(a sin w)^2`` for a tone of amplitude a and w radians per sample.
    """
    x = np.asarray(signal, dtype=np.float64)
    psi = x * x
    if len(x) > 2:
        psi[1:-1] -= x[:-2] * x[2:]
        psi[0], psi[-1] = psi[1], psi[-2]
    return psi


def critical_bands(sampling_rate: int) -> list[tuple[float, float]]:
    """Edges in hertz of the critical bands [3]_ from 100 Hz to half the sampling rate."""
    edges = [float(edge) for edge in CRITICAL_EDGES if edge <= sampling_rate / 2.0]
    if len(edges) < 2:
        message = f"A sampling rate of {sampling_rate} Hz leaves no critical band above 100 Hz."
        raise FeatureError(message)
    return list(pairwise(edges))


def envelope_area(profiles: np.ndarray) -> np.ndarray:
    """Area under the envelope of the normalised autocorrelation of each profile, over that of a constant one [2]_.

    The envelope is the largest value at a lag or beyond it, with straight lines between lag 0 and the peaks. A steady
    tone has a constant Teager energy, hence 1; so, nearly, have equal pulses at equal distances. The less regular
    the ups and downs, the smaller the area.

    Parameters
    ----------
    profiles : ndarray, shape (n_frames, n_samples)
        Teager energy.

    Returns
    -------
    ndarray of float64, shape (n_frames,)
        NaN for a profile of zeros.
    """
    return _areas(np.ascontiguousarray(profiles, dtype=np.float64))


def teager_frames(
    signal: np.ndarray,
    sampling_rate: int,
    *,
    window: float = 0.040,
    step: float = 0.020,
    range_db: float = 40.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Teager energy of the whole signal and of its critical bands, in its loud frames.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Full scale is 1.
    sampling_rate : int
        In hertz.
    window, step : float, default=0.04, 0.02
        Length of a frame, and time from one to the next, in seconds. Frames lie within the signal; one that is
        shorter has a single frame.
    range_db : float, default=40
        Frames whose Teager energy lies further below that of the strongest one are left out.

    Returns
    -------
    energy : ndarray, shape (n_loud_frames, 1 + n_bands)
        Mean Teager energy, the whole signal first.
    area : ndarray, shape (n_loud_frames, 1 + n_bands)
        ``envelope_area`` of its profile.

    Raises
    ------
    FeatureError
        If frames have no samples, or the sampling rate leaves no critical band.
    """
    x = np.ascontiguousarray(signal, dtype=np.float64)
    fine = max(1, int(sampling_rate / _PROFILE_RATE))
    coarse = 2 * fine
    width, hop = (round(seconds * sampling_rate / coarse) * coarse for seconds in (window, step))
    if min(width, hop) < 1:
        message = f"Frames of {window:g} s every {step:g} s have no samples at {sampling_rate} Hz."
        raise FeatureError(message)
    if len(x) < width:  # the only frame is what there is
        fine, coarse, width = 1, 1, len(x)
    energies, areas = [], []
    loud = None
    for low, high in ((0.0, np.inf), *critical_bands(sampling_rate)):
        band = _gammatone(x, *_resonance(low, high, sampling_rate)) if high < np.inf else x
        ratio = coarse if high - low < _NARROW else fine
        profile = _averaged(teager_energy(band), ratio)
        frames = np.lib.stride_tricks.sliding_window_view(profile, width // ratio)[:: hop // ratio]
        energy = frames.mean(axis=1)
        if loud is None:
            loud = loud_frames(np.maximum(energy, 0.0), range_db)
        energies.append(energy[loud])
        areas.append(envelope_area(frames[loud]))
    return np.column_stack(energies), np.column_stack(areas)


def _averaged(x: np.ndarray, ratio: int) -> np.ndarray:
    """Means of so many samples each."""
    n = len(x) // ratio * ratio
    out = x[:n:ratio].copy()
    for i in range(1, ratio):  # faster than a mean over a short axis
        out += x[i:n:ratio]
    return out / ratio


def _resonance(low: float, high: float, sampling_rate: int) -> tuple[float, float]:
    """Radius and angle of the pole of a gammatone filter whose equivalent rectangular bandwidth is that of a band."""
    decay = GAMMATONE_WIDTH * 2.0 * np.pi * (high - low) / sampling_rate
    return float(np.exp(-decay)), np.pi * (low + high) / sampling_rate


@njit(cache=True, nogil=True, error_model="numpy")
def _gammatone(x: np.ndarray, radius: float, turn: float) -> np.ndarray:
    """Filter of the fourth order: four times the same resonance, of gain 1."""
    pole = radius * complex(np.cos(turn), np.sin(turn))
    gain = 2.0 * (1.0 - radius) ** 4
    a, b, c, d = 0j, 0j, 0j, 0j
    out = np.empty(len(x))
    for i in range(len(x)):
        # from the last to the first, so that none waits for another: three samples of delay, and faster
        d = c + pole * d
        c = b + pole * c
        b = a + pole * b
        a = gain * x[i] + pole * a
        out[i] = d.real
        if i % 256 == 0 and abs(a) + abs(b) + abs(c) + abs(d) < 1e-100:  # silence: denormal numbers are slow
            a, b, c, d = 0j, 0j, 0j, 0j
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _areas(profiles: np.ndarray) -> np.ndarray:
    n_rows, n = profiles.shape
    out = np.empty(n_rows)
    r = np.empty(n)
    for t in range(n_rows):
        x = profiles[t]
        r[:] = 0.0
        for i in range(n):
            for k in range(n - i):
                r[k] += x[i] * x[i + k]
        area, record, since = 0.0, 0.0, 0.0  # since: what was added beyond the last peak found
        last = -1
        for k in range(n - 1, -1, -1):
            peak = k == 0 or (k < n - 1 and r[k] > r[k - 1] and r[k] >= r[k + 1])
            higher = r[k] > record
            record = max(record, r[k])
            if peak and higher:
                if last >= 0:  # a straight line in place of the stairs
                    area += 0.5 * (r[k] + r[last]) * (last - k - 1) - since
                last, since = k, 0.0
                area += record
            else:
                area += record
                since += record
        out[t] = area / r[0] / (0.5 * (n + 1)) if r[0] > 0.0 else np.nan
    return out
