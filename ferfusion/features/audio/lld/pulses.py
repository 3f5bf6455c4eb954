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
        return _relative_change(self.periods, 0, len(self.times), _LONGEST_RATIO)

    @property
    def shimmer(self) -> float:
        """The same of the amplitudes."""
        return _relative_change(self._inside, 0, len(self.times), _LOUDEST_RATIO)

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
    # no two pulses are closer than the shortest period, and each step keeps to 0.8 periods at least
    shortest = lags[lags > 0].min(initial=np.inf)
    room = 16 + int(3 * len(x) / shortest) if np.isfinite(shortest) else 0
    places, periods, amplitudes = np.zeros(room), np.zeros(room), np.zeros(room)
    n = _walk(x - x.mean(), lags, hop_of(sampling_rate, step), places, periods, amplitudes) if room else 0
    return Pulses(places[:n] / sampling_rate, periods[:n] / sampling_rate, amplitudes[:n])


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
    jitter, shimmer = np.full(len(times), np.nan), np.full(len(times), np.nan)
    _local_change(times, pulses.times, pulses.periods, pulses._inside, jitter, shimmer)
    return jitter, shimmer


@njit(cache=True, nogil=True, error_model="numpy")
def _relative_change(values: np.ndarray, first: int, last: int, largest: float) -> float:
    change, pairs, total, n = 0.0, 0, 0.0, 0
    for i in range(first, last):
        here = values[i]
        if np.isnan(here):
            continue
        total += here
        n += 1
        if i + 1 < last:
            after = values[i + 1]  # comparisons with a missing one are false
            if here > 0.0 and after > 0.0 and here <= largest * after and after <= largest * here:
                change += abs(after - here)
                pairs += 1
    return np.nan if pairs == 0 or total == 0.0 else (change / pairs) / (total / n)


@njit(cache=True, nogil=True, error_model="numpy")
def _local_change(
    times: np.ndarray,
    places: np.ndarray,
    periods: np.ndarray,
    amplitudes: np.ndarray,
    jitter: np.ndarray,
    shimmer: np.ndarray,
) -> None:
    n = len(places)
    middle = 0
    for t in range(len(times)):
        while middle < n and places[middle] < times[t]:
            middle += 1
        if middle == 0 or middle == n:
            continue
        period = places[middle] - places[middle - 1]
        if period > _LONGEST_PERIOD:  # between two stretches
            continue
        first, last = middle, middle
        while first > 0 and places[first - 1] >= times[t] - _REACH * period:
            first -= 1
        while last < n and places[last] < times[t] + _REACH * period:
            last += 1
        jitter[t] = _relative_change(periods, first, last, _LONGEST_RATIO)
        shimmer[t] = _relative_change(amplitudes, first, last, _LOUDEST_RATIO)


@njit(cache=True, nogil=True, error_model="numpy")
def _walk(
    x: np.ndarray, lags: np.ndarray, hop: float, places: np.ndarray, periods: np.ndarray, amplitudes: np.ndarray
) -> int:
    """Pulses of every run of voiced frames: begun at the strongest point of its middle, then to both sides."""
    n_frames = len(lags)
    # of one type, lest _steps be compiled anew for every constant it is given
    n, back, ahead = int(np.int64(0)), int(np.int64(-1)), int(np.int64(1))
    t = 0
    while t < n_frames:
        if lags[t] == 0.0:
            t += 1
            continue
        end = t
        while end + 1 < n_frames and lags[end + 1] > 0.0:
            end += 1
        left, right = max(0.0, (t - 0.5) * hop), min(len(x) - 1.0, (end + 0.5) * hop)
        middle = (t + end) // 2
        seed = _strongest(x, middle * hop, lags[middle])
        first = n
        n = _steps(x, seed, left, back, lags, hop, places, periods, n)
        # found from right to left: turned round, each with the period that leads on from it
        i, j = first, n - 1
        while i < j:
            places[i], places[j] = places[j], places[i]
            periods[i], periods[j] = periods[j], periods[i]
            i += 1
            j -= 1
        here = n
        places[here] = seed
        n = _steps(x, seed, right, ahead, lags, hop, places, periods, n + 1)
        # to the right a period leads to its pulse: moved one place down
        for k in range(here, n - 1):
            periods[k] = periods[k + 1]
        periods[n - 1] = np.nan
        t = end + 1
    for k in range(n):
        frame = min(n_frames - 1, max(0, int(places[k] / hop + 0.5)))
        # as wide as the contour has it, not the single period: jitter must not pass for shimmer
        amplitudes[k] = _loudness(x, places[k], 0.2 * max(lags[frame], 2.0))
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _strongest(x: np.ndarray, centre: float, lag: float) -> float:
    first, last = max(0, int(centre - lag / 2)), min(len(x), int(centre + lag / 2) + 1)
    place = min(first, len(x) - 1)
    for i in range(first, last):
        if abs(x[i]) > abs(x[place]):
            place = i
    return float(place)


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
    n: int,
) -> int:
    """Write the pulses from a seed to a limit behind the first n, and the period that led to each."""
    here = seed
    while n < len(places) - 1:
        frame = min(len(lags) - 1, max(0, int(here / hop + 0.5)))
        if lags[frame] == 0.0:
            break
        period, match = _best_match(x, here, lags[frame], way)
        if match < _LEAST_MATCH:
            break
        here += way * period
        if (way > 0 and here > limit) or (way < 0 and here < limit):
            break
        places[n], periods[n] = here, period
        n += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _best_match(x: np.ndarray, place: float, lag: float, way: int) -> tuple[float, float]:
    """Lag within 0.8 to 1.25 periods at which the stretch of one period around a place is found again."""
    width = int(lag)
    start = int(place - 0.5 * lag + 0.5)
    lowest, highest = int(0.8 * lag), int(1.25 * lag) + 1
    if start < 0 or start + width > len(x):
        return lag, -1.0
    energy = 0.0
    for i in range(start, start + width):
        energy += x[i] * x[i]
    best, height = lag, -1.0
    before, here = -2.0, -2.0  # the two lags before: a parabola goes through three
    for k in range(lowest - 1, highest + 2):
        other = start + way * k
        after = -2.0
        if other >= 0 and other + width <= len(x):
            product, there = 0.0, 0.0
            for i in range(width):
                product += x[start + i] * x[other + i]
                there += x[other + i] * x[other + i]
            scale = np.sqrt(energy * there)
            after = product / scale if scale > 0.0 else 0.0
        if here > height and k - 1 >= lowest:
            best, height = float(k - 1), here
            bend = before - 2.0 * here + after
            if before > -2.0 and after > -2.0 and bend < 0.0:
                best += min(0.5, max(-0.5, 0.5 * (before - after) / bend))
        before, here = here, after
    return best, height


@njit(cache=True, nogil=True, error_model="numpy")
def _loudness(x: np.ndarray, place: float, reach: float) -> float:
    """Root mean square around a place under a Hann window."""
    first, last = max(0, int(place - reach) + 1), min(len(x) - 1, int(place + reach))
    total, weights = 0.0, 0.0
    for i in range(first, last + 1):
        weight = 0.5 + 0.5 * np.cos(np.pi * (i - place) / reach)
        total += weight * x[i] * x[i]
        weights += weight
    return np.sqrt(total / weights) if weights > 0.0 else 0.0
