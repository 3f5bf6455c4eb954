"""Glottal pulses: from one period to the next by the best match of the waveform; jitter and shimmer from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ferfusion.features.audio.lld.frames import STEP, hop_of
from ferfusion.features.audio.lld.pitch import Pitch

__all__ = ["Pulses", "find_pulses", "perturbation"]

_LONGEST_RATIO = 1.3  # of consecutive periods; beyond it a period was missed, not perturbed
_LOUDEST_RATIO = 1.6  # of consecutive amplitudes, likewise
_LEAST_MATCH = 0.3  # normalised correlation below which two stretches are not the same period
_LONGEST_PERIOD = 0.03  # seconds
_PULSES = 4096  # at a time
_REACH = 3  # periods to each side that count for a frame's perturbation


@dataclass(frozen=True)
class Pulses:
    """Periods of the voice.

    Parameters
    ----------
    times : ndarray, shape (n_pulses,)
        In seconds, ascending.
    periods : ndarray, shape (n_pulses,)
        Seconds from each pulse to the next of its voiced stretch; NaN for the last of a stretch.
    amplitudes : ndarray, shape (n_pulses,)
        Root mean square around each pulse.
    """

    times: np.ndarray
    periods: np.ndarray
    amplitudes: np.ndarray

    @property
    def jitter(self) -> float:
        """Mean absolute difference of consecutive periods over the mean period; NaN below three pulses."""
        return _overall_change(self.periods, _LONGEST_RATIO)

    @property
    def shimmer(self) -> float:
        """The same of the amplitudes."""
        return _overall_change(self._inside, _LOUDEST_RATIO)

    @property
    def _inside(self) -> np.ndarray:
        return np.where(np.isnan(self.periods), np.nan, self.amplitudes)


def find_pulses(signal: np.ndarray, sampling_rate: int, pitch: Pitch, *, step: float = STEP) -> Pulses:
    """Pulses of the voiced stretches of a signal.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Full scale is 1.
    sampling_rate : int
        In hertz.
    pitch : Pitch
        Contour on the common grid of frames.
    step : float, default=0.01
        Seconds from one frame to the next.

    Returns
    -------
    Pulses
    """
    x = np.ascontiguousarray(signal, dtype=np.float64)
    if len(x) < 2:
        return Pulses(np.empty(0), np.empty(0), np.empty(0))
    lags = np.where(pitch.voiced, sampling_rate / np.where(pitch.voiced, pitch.f0, 1.0), 0.0)
    places, periods = _walk(x - x.mean(), lags, hop_of(sampling_rate, step))
    frames = np.clip(np.rint(places / hop_of(sampling_rate, step)).astype(int), 0, len(lags) - 1)
    # as wide as the contour has it, not the single period: jitter must not pass for shimmer
    amplitudes = _loudness(x - x.mean(), places, 0.2 * np.maximum(lags[frames], 2.0))
    return Pulses(places / sampling_rate, periods / sampling_rate, amplitudes)


def perturbation(pulses: Pulses, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Jitter and shimmer of the periods around each frame.

    Parameters
    ----------
    pulses : Pulses
        Of the signal.
    times : ndarray, shape (n_frames,)
        Centres of the frames in seconds.

    Returns
    -------
    jitter, shimmer : ndarray, shape (n_frames,)
        Over the pulses within three periods to each side; NaN where there are fewer than three.
    """
    n = len(pulses.times)
    if n == 0:
        return np.full(len(times), np.nan), np.full(len(times), np.nan)
    middle = np.searchsorted(pulses.times, times)
    between = (middle > 0) & (middle < n)
    middle = np.where(between, middle, 1) if n > 1 else np.zeros(len(times), dtype=int)
    period = pulses.times[middle] - pulses.times[middle - 1]
    within = between & (period <= _LONGEST_PERIOD)  # not between two stretches
    first = np.searchsorted(pulses.times, times - _REACH * period)
    last = np.searchsorted(pulses.times, times + _REACH * period)
    first, last = np.where(within, first, 0), np.where(within, last, 0)
    jitter = _relative_change(pulses.periods, first, last, _LONGEST_RATIO)
    return jitter, _relative_change(pulses._inside, first, last, _LOUDEST_RATIO)


def _overall_change(values: np.ndarray, largest: float) -> float:
    return float(_relative_change(values, np.zeros(1, dtype=int), np.full(1, len(values)), largest)[0])


def _relative_change(values: np.ndarray, first: np.ndarray, last: np.ndarray, largest: float) -> np.ndarray:
    """Mean absolute change from value to value over the mean, of each stretch from first to before last."""
    here, after = values[:-1], values[1:]  # comparisons with a missing one are false
    near = (here > 0.0) & (after > 0.0) & (here <= largest * after) & (after <= largest * here)
    known = ~np.isnan(values)
    change, pairs, total, n = (
        np.concatenate(([0.0], np.cumsum(part)))
        for part in (np.where(near, np.abs(after - here), 0.0), near, np.where(known, values, 0.0), known)
    )
    inner = np.maximum(first, last - 1)  # of a pair both are in the stretch
    n_pairs, sum_of_all = pairs[inner] - pairs[first], total[last] - total[first]
    some = (n_pairs > 0) & (sum_of_all > 0.0)
    mean_change = (change[inner] - change[first]) / np.where(some, n_pairs, 1.0)
    mean = sum_of_all / np.maximum(n[last] - n[first], 1.0)
    return np.where(some, mean_change / np.where(some, mean, 1.0), np.nan)


def _walk(x: np.ndarray, lags: np.ndarray, hop: float) -> tuple[np.ndarray, np.ndarray]:
    """Pulses of every run of voiced frames: begun at the strongest point of its middle, then to both sides."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], lags > 0.0, [False]))))
    places, periods = [np.empty(0)], [np.empty(0)]
    for start, end in edges.reshape(-1, 2).tolist():
        left, right = max(0.0, (start - 0.5) * hop), min(len(x) - 1.0, (end - 0.5) * hop)
        middle = (start + end - 1) // 2
        seed = _strongest(x, middle * hop, float(lags[middle]))
        # each step keeps to 0.8 of the shortest period at least
        room = 4 + int((right - left) / (0.5 * lags[start:end].min()))
        before, its_periods = _pulses_from(x, seed, left, -1, lags, hop, room)
        behind, their_periods = _pulses_from(x, seed, right, 1, lags, hop, room)
        # found from right to left: turned round, each with the period that leads on from it
        places += [before[::-1], np.array([seed]), behind]
        periods += [its_periods[::-1], their_periods, np.array([np.nan])]
    return np.concatenate(places), np.concatenate(periods)


def _strongest(x: np.ndarray, centre: float, lag: float) -> float:
    first, last = max(0, int(centre - lag / 2)), min(len(x), int(centre + lag / 2) + 1)
    first = min(first, len(x) - 1)
    return float(first + np.argmax(np.abs(x[first : max(last, first + 1)])))


def _pulses_from(
    x: np.ndarray, seed: float, limit: float, way: int, lags: np.ndarray, hop: float, room: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pulses from a seed to a limit, and the period that led to each."""
    places, periods = np.zeros(room), np.zeros(room)
    n = _steps(x, seed, limit, way, lags, hop, places, periods)
    return places[:n], periods[:n]


@njit(cache=True, nogil=True, error_model="numpy")
def _steps(
    x: np.ndarray,
    seed: float,
    limit: float,
    way: int,
    lags: np.ndarray,
    hop: float,
    places: np.ndarray,
    periods: np.ndarray,
) -> int:
    """Write pulses and periods down; how many there are.

    The next pulse lies where the stretch of one period around this one is found again, within 0.8 to 1.25 periods. One
    function, not two: each costs half a second to compile.
    """
    place, n = seed, 0
    while n < len(places):
        frame = int(place / hop + 0.5)
        if frame >= len(lags) or lags[frame] == 0.0:
            break
        lag = lags[frame]
        width, start = int(lag), int(place - 0.5 * lag + 0.5)
        if start < 0 or start + width > len(x):
            break
        energy = 0.0
        for i in range(start, start + width):
            energy += x[i] * x[i]
        lowest = int(0.8 * lag)
        period, height = lag, _LEAST_MATCH
        before, here = -2.0, -2.0  # the two lags before: a parabola goes through three
        for k in range(lowest - 1, int(1.25 * lag) + 3):
            other = start + way * k
            after = -2.0
            if other >= 0 and other + width <= len(x):
                product, there = 0.0, 0.0
                for i in range(width):
                    product += x[start + i] * x[other + i]
                    there += x[other + i] * x[other + i]
                after = product / np.sqrt(energy * there) if energy * there > 0.0 else 0.0
            if here >= height and k > lowest:
                period, height = k - 1.0, here
                bend = before - 2.0 * here + after
                if before > -2.0 and after > -2.0 and bend < 0.0:
                    shift = 0.5 * (before - after) / bend
                    period += shift if abs(shift) < 0.5 else 0.5 if shift > 0.0 else -0.5
            before, here = here, after
        place += way * period
        if height == _LEAST_MATCH or way * (place - limit) > 0.0:
            break
        places[n], periods[n] = place, period
        n += 1
    return n


def _loudness(x: np.ndarray, places: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Root mean square around each place under a Hann window."""
    out = np.zeros(len(places))
    for i in range(0, len(places), _PULSES):
        place, width = places[i : i + _PULSES, None], reach[i : i + _PULSES, None]
        first = np.maximum(0, (place - width).astype(int) + 1)
        last = np.minimum(len(x) - 1, (place + width).astype(int))
        samples = first + np.arange((last - first).max() + 1)
        weight = np.where(samples <= last, 0.5 + 0.5 * np.cos(np.pi * (samples - place) / width), 0.0)
        energy = np.einsum("ij,ij->i", weight, x[np.minimum(samples, len(x) - 1)] ** 2)
        total = weight.sum(axis=1)
        out[i : i + _PULSES] = np.sqrt(energy / np.where(total > 0.0, total, 1.0))
    return out
