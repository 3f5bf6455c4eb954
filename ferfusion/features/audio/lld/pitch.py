"""Fundamental frequency by normalised autocorrelation and the cheapest path through its peaks.

The method is that of Boersma [1]_: each frame's autocorrelation is divided by that of its window, its peaks are
candidates beside "unvoiced", and dynamic programming finds the contour whose candidates are strong and whose jumps
are few.

References
----------
.. [1] Boersma: Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
   sampled sound. Proceedings of the Institute of Phonetic Sciences 17, Amsterdam 1993.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy import fft

from ferfusion.features.audio.lld.frames import STEP, frames_of_signal

__all__ = ["CEILING", "FLOOR", "Pitch", "find_pitch"]

FLOOR, CEILING = 75.0, 600.0  # hertz
_SILENCE = 0.03  # share of the loudest frame's peak below which a frame tends to be unvoiced
_VOICING = 0.45  # strength of the candidate "unvoiced"
_OCTAVE_COST = 0.01  # how much higher candidates are preferred, per octave
_JUMP_COST = 0.35  # of a jump of one octave from frame to frame
_SWITCH_COST = 0.14  # of a change between voiced and unvoiced
_CANDIDATES = 15
_BATCH = 4096  # frames at a time: a recording of an hour must not need an hour's memory


@dataclass(frozen=True)
class Pitch:
    """Contour of the fundamental frequency.

    Parameters
    ----------
    f0 : ndarray, shape (n_frames,)
        In hertz; NaN where unvoiced.
    strength : ndarray, shape (n_frames,)
        Normalised autocorrelation at the period, 0 to 1; 0 where unvoiced.
    """

    f0: np.ndarray
    strength: np.ndarray

    @property
    def voiced(self) -> np.ndarray:
        """Which frames are voiced."""
        return ~np.isnan(self.f0)


def find_pitch(
    signal: np.ndarray, sampling_rate: int, *, floor: float = FLOOR, ceiling: float = CEILING, step: float = STEP
) -> Pitch:
    """Fundamental frequency of a signal, frame by frame.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Full scale is 1.
    sampling_rate : int
        In hertz.
    floor, ceiling : float, default=75, 600
        Lowest and highest frequency in hertz. Frames last three periods of the lowest.
    step : float, default=0.01
        Seconds from one frame to the next.

    Returns
    -------
    Pitch
    """
    x = np.asarray(signal, dtype=np.float64)
    x = x - (x.mean() if len(x) else 0.0)
    peak = float(np.abs(x).max(initial=0.0))
    width = max(4, 2 * round(1.5 / floor * sampling_rate))
    window = np.hanning(width + 2)[1:-1]
    size = fft.next_fast_len(int(1.5 * width), real=True)
    n_lags = min(int(np.ceil(sampling_rate / floor)) + 2, width)
    of_window = fft.irfft(np.abs(fft.rfft(window, size)) ** 2, size)[:n_lags]
    # single precision is enough for correlations and halves the time
    frames = frames_of_signal((x / (peak or 1.0)).astype(np.float32), sampling_rate, width, step)
    window = window.astype(np.float32)
    parts = [
        _frame_candidates(frames[i : i + _BATCH], window, size, of_window, (sampling_rate, floor, ceiling))
        for i in range(0, len(frames), _BATCH)
    ]
    frequency, strength, correlation, count = (np.concatenate(column) for column in zip(*parts, strict=True))
    # the costs are meant for steps of 10 ms
    path = _cheapest_path(frequency, strength, count, _JUMP_COST * 0.01 / step, _SWITCH_COST * 0.01 / step)
    every = np.arange(len(path))
    f0 = frequency[every, path]
    return Pitch(np.where(f0 > 0, f0, np.nan), correlation[every, path])


def _frame_candidates(
    frames: np.ndarray, window: np.ndarray, size: int, of_window: np.ndarray, limits: tuple[float, ...]
) -> tuple[np.ndarray, ...]:
    rate, floor, ceiling = limits
    width = len(window)
    frames = frames - frames.mean(axis=1, keepdims=True)
    half = round(0.5 * rate / floor)  # loudness counts within one longest period
    centre = frames[:, max(0, width // 2 - half) : width // 2 + half]
    loudness = np.maximum(centre.max(axis=1), -centre.min(axis=1)).astype(np.float64)
    spectrum = fft.rfft(frames * window, size, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    r = fft.irfft(power, size, axis=1)[:, : len(of_window)]
    energy = np.where(r[:, :1] > 0, r[:, :1], 1.0)
    r = r / (energy * (of_window / of_window[0]).astype(np.float32))
    return _peaks(r, float(rate), float(floor), float(ceiling), loudness)


def _peaks(
    r: np.ndarray, rate: float, floor: float, ceiling: float, loudness: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Candidates of each frame, the first of which is "unvoiced": frequency, strength, correlation, how many."""
    n_frames, n_lags = r.shape
    frequency, strength, correlation = (np.zeros((n_frames, _CANDIDATES)) for _ in range(3))
    strength[:, 0] = _VOICING + np.maximum(0.0, 2.0 - loudness * (1.0 + _VOICING) / _SILENCE)
    first = max(2, int(np.floor(rate / ceiling)))
    last = min(int(np.ceil(rate / floor)), n_lags - 2)
    inside = r[:, first : last + 1]
    found = (inside > 0.5 * _VOICING) & (inside > r[:, first - 1 : last]) & (inside >= r[:, first + 1 : last + 2])
    t, lag = np.nonzero(found)
    lag += first
    before, here, after = (r[t, lag + k].astype(np.float64) for k in (-1, 0, 1))
    shift = 0.5 * (before - after) / (before - 2.0 * here + after)  # of the parabola through the three
    height = here - 0.25 * (before - after) * shift
    height = np.where(height > 1.0, 1.0 / height, height)
    hertz = rate / (lag + shift)
    within = (hertz >= floor) & (hertz <= ceiling)
    t, height, hertz = t[within], height[within], hertz[within]
    merit = height - _OCTAVE_COST * np.log2(floor / hertz)
    order = np.lexsort((-merit, t))  # the weakest give way
    t, height, hertz, merit = t[order], height[order], hertz[order], merit[order]
    place = 1 + np.arange(len(t)) - np.searchsorted(t, t)
    kept = place < _CANDIDATES
    t, place = t[kept], place[kept]
    frequency[t, place], strength[t, place], correlation[t, place] = hertz[kept], merit[kept], height[kept]
    return frequency, strength, correlation, 1 + np.bincount(t, minlength=n_frames)


def _cheapest_path(
    frequency: np.ndarray, strength: np.ndarray, count: np.ndarray, jump_cost: float, switch_cost: float
) -> np.ndarray:
    """The candidate of each frame on the path whose strengths less the costs of its changes are greatest."""
    octaves = np.log2(np.where(frequency > 0, frequency, 1.0))
    total, back = strength.copy(), np.zeros(strength.shape, dtype=np.int64)
    _search(octaves, count, jump_cost, switch_cost, total, back)
    place, path = int(total[-1, : count[-1]].argmax()), np.empty(len(count), dtype=np.int64)
    for t in range(len(count) - 1, -1, -1):
        path[t] = place
        place = back[t, place]
    return path


@njit(cache=True, nogil=True, error_model="numpy")
def _search(
    octaves: np.ndarray,
    count: np.ndarray,
    jump_cost: float,
    switch_cost: float,
    total: np.ndarray,
    back: np.ndarray,
) -> None:
    for t in range(1, len(count)):
        for j in range(count[t]):
            best, origin = -1e30, 0
            for i in range(count[t - 1]):
                cost = 0.0
                if (i == 0) != (j == 0):
                    cost = switch_cost
                elif j > 0:
                    cost = jump_cost * abs(octaves[t, j] - octaves[t - 1, i])
                if total[t - 1, i] - cost > best:
                    best, origin = total[t - 1, i] - cost, i
            total[t, j] += best
            back[t, j] = origin
