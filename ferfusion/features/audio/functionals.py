"""Functionals: what a contour of any length comes to, in numbers of which each has a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from ferfusion.base.errors import UnknownNameError
from ferfusion.features.audio.lld.frames import STEP

if TYPE_CHECKING:
    from ferfusion.features.audio.family import Descriptor

__all__ = ["FUNCTIONALS", "FUNCTIONAL_NAMES", "functional_names", "functionals_of"]

# in the order in which _of_contour writes them
FUNCTIONAL_NAMES = (
    "mean",
    "std",
    "skewness",
    "kurtosis",
    "min",
    "max",
    "range",
    "p05",
    "p25",
    "p50",
    "p75",
    "p95",
    "iqr",
    "slope",  # per second, of the straight line through the contour
    "curvature",  # per squared second, of the parabola
    "residual",  # root mean square of what the straight line leaves
    "rise",  # mean of the ascending steps, per second
    "fall",  # mean of the descending ones
    "delta_std",  # standard deviation of the steps, per second
    "peaks",  # local maxima above the mean, per second
    "share_above_half",  # share of the frames above the middle of the range
    "share_above_three_quarters",
    "voiced_mean",
    "voiced_std",
    "unvoiced_mean",
    "unvoiced_std",
)
_REGIONS = FUNCTIONAL_NAMES[-4:]  # not for descriptors that are defined in voiced frames only
_STANDARD = tuple(
    name for name in FUNCTIONAL_NAMES if name not in ("min", "max", "range", "p25", "p75", "share_above_half")
)
FUNCTIONALS: dict[str, tuple[str, ...]] = {
    "basic": ("mean", "std"),
    "standard": _STANDARD,
    "all": FUNCTIONAL_NAMES,
}


def functional_names(descriptors: Sequence[Descriptor], functionals: str | Sequence[str] = "standard") -> list[str]:
    """Names of the features that ``functionals_of`` gives.

    Parameters
    ----------
    descriptors : sequence of Descriptor
        Columns of the frames.
    functionals : {"basic", "standard", "all"} or sequence of str, default="standard"
        A set by name, or names out of ``FUNCTIONAL_NAMES``.

    Returns
    -------
    list of str
        ``<descriptor>_<functional>``.

    Raises
    ------
    UnknownNameError
        If a functional is not known.
    """
    return [f"{part.name}_{name}" for part in descriptors for name in _of(functionals, part.voiced)]


def functionals_of(
    frames: np.ndarray,
    voiced: np.ndarray,
    descriptors: Sequence[Descriptor],
    functionals: str | Sequence[str],
    *,
    step: float = STEP,
) -> np.ndarray:
    """Functionals of each descriptor's contour.

    Parameters
    ----------
    frames : ndarray, shape (n_frames, n_descriptors)
        NaN where a descriptor is not defined; such frames are passed over, as if the others were neighbours in
        distributions but not in time.
    voiced : ndarray of bool, shape (n_frames,)
        Which frames are voiced.
    descriptors : sequence of Descriptor
        Columns of the frames.
    functionals : str or sequence of str
        As in ``functional_names``.
    step : float, default=0.01
        Seconds from one frame to the next.

    Returns
    -------
    ndarray, shape (n_features,)
        0 where nothing is defined, such as the mean F0 of a recording without voice: the share of voiced frames,
        which stands beside it, tells the two apart. (openSMILE does so, too.)
    """
    contours = np.ascontiguousarray(np.where(np.isfinite(frames), frames, np.nan).T)
    values = _of_contours(contours, np.sort(contours, axis=1), voiced, step)  # missing ones are sorted to the end
    places = {name: i for i, name in enumerate(FUNCTIONAL_NAMES)}
    of_voice, of_all = ([places[name] for name in _of(functionals, kind)] for kind in (True, False))
    chosen = [values[j, of_voice if part.voiced else of_all] for j, part in enumerate(descriptors)]
    return np.concatenate(chosen) if chosen else np.empty(0)


def _of(functionals: str | Sequence[str], voiced: bool) -> tuple[str, ...]:
    if isinstance(functionals, str):
        if functionals not in FUNCTIONALS:
            raise UnknownNameError("set of functionals", functionals, FUNCTIONALS)
        chosen = FUNCTIONALS[functionals]
    else:
        chosen = tuple(functionals)
        for name in chosen:
            if name not in FUNCTIONAL_NAMES:
                raise UnknownNameError("functional", name, FUNCTIONAL_NAMES)
    return tuple(name for name in chosen if name not in _REGIONS) if voiced else chosen


@njit(cache=True, nogil=True, error_model="numpy")
def _of_contours(contours: np.ndarray, ordered: np.ndarray, voiced: np.ndarray, step: float) -> np.ndarray:
    """All functionals of each contour, in the order of FUNCTIONAL_NAMES."""
    n_contours, n_frames = contours.shape
    out = np.zeros((n_contours, 26))
    for j in range(n_contours):
        x = contours[j]
        n = 0
        while n < n_frames and not np.isnan(ordered[j, n]):
            n += 1
        if n == 0:
            continue
        _distribution(ordered[j], n, out[j])
        _trend(x, n, step, out[j])
        _steps(x, n, step, out[j])
        _regions(x, voiced, out[j])
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _distribution(ordered: np.ndarray, n: int, out: np.ndarray) -> None:
    mean = 0.0
    for i in range(n):
        mean += ordered[i]
    mean /= n
    second, third, fourth = 0.0, 0.0, 0.0
    for i in range(n):
        d = ordered[i] - mean
        second += d * d
        third += d * d * d
        fourth += d * d * d * d
    variance = second / n
    out[0], out[1] = mean, np.sqrt(variance)
    if variance > 1e-24 * max(1.0, mean * mean):
        out[2] = third / n / (variance * out[1])
        out[3] = fourth / n / (variance * variance) - 3.0
    low, high = ordered[0], ordered[n - 1]
    out[4], out[5], out[6] = low, high, high - low
    out[7], out[8], out[9] = _quantile(ordered, n, 0.05), _quantile(ordered, n, 0.25), _quantile(ordered, n, 0.5)
    out[10], out[11] = _quantile(ordered, n, 0.75), _quantile(ordered, n, 0.95)
    out[12] = out[10] - out[8]
    if high > low:
        for i in range(n):
            if ordered[i] > low + 0.5 * (high - low):
                out[20] += 1.0 / n
            if ordered[i] > low + 0.75 * (high - low):
                out[21] += 1.0 / n


@njit(cache=True, nogil=True, error_model="numpy")
def _quantile(ordered: np.ndarray, n: int, share: float) -> float:
    place = share * (n - 1)
    low = int(place)
    high = min(low + 1, n - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


@njit(cache=True, nogil=True, error_model="numpy")
def _trend(x: np.ndarray, n: int, step: float, out: np.ndarray) -> None:
    """Straight line and parabola by least squares, on orthogonal polynomials of the times."""
    centre = 0.0
    for i in range(len(x)):
        if not np.isnan(x[i]):
            centre += i * step
    centre /= n
    s2, s3, product = 0.0, 0.0, 0.0
    for i in range(len(x)):
        if not np.isnan(x[i]):
            t = i * step - centre
            s2 += t * t
            s3 += t * t * t
            product += t * (x[i] - out[0])
    if n < 2 or s2 <= 0.0:
        return
    slope = product / s2
    left, bend, norm = 0.0, 0.0, 0.0
    for i in range(len(x)):
        if not np.isnan(x[i]):
            t = i * step - centre
            rest = x[i] - out[0] - slope * t
            q = t * t - s3 / s2 * t - s2 / n
            left += rest * rest
            bend += q * rest
            norm += q * q
    out[13], out[15] = slope, np.sqrt(left / n)
    if n > 2 and norm > 1e-18:
        out[14] = bend / norm


@njit(cache=True, nogil=True, error_model="numpy")
def _steps(x: np.ndarray, n: int, step: float, out: np.ndarray) -> None:
    """Ascents, descents and peaks between frames that are neighbours in time."""
    rise, n_rise, fall, n_fall, total, squares, pairs, peaks = 0.0, 0, 0.0, 0, 0.0, 0.0, 0, 0
    climbing = False  # a peak may be flat, but has an ascent before and a descent behind it
    for i in range(1, len(x)):
        d = (x[i] - x[i - 1]) / step
        if np.isnan(d):
            climbing = False
            continue
        total += d
        squares += d * d
        pairs += 1
        if d > 0.0:
            rise += d
            n_rise += 1
            climbing = True
        elif d < 0.0:
            fall += d
            n_fall += 1
            if climbing and x[i - 1] > out[0]:
                peaks += 1
            climbing = False
    out[16] = rise / n_rise if n_rise > 0 else 0.0
    out[17] = fall / n_fall if n_fall > 0 else 0.0
    if pairs > 0:
        out[18] = np.sqrt(max(0.0, squares / pairs - (total / pairs) ** 2))
    out[19] = peaks / (n * step)


@njit(cache=True, nogil=True, error_model="numpy")
def _regions(x: np.ndarray, voiced: np.ndarray, out: np.ndarray) -> None:
    for k in range(2):
        n, total, squares = 0, 0.0, 0.0
        for i in range(len(x)):
            if voiced[i] == (k == 0) and not np.isnan(x[i]):
                d = x[i] - out[0]
                n += 1
                total += d
                squares += d * d
        if n > 0:
            out[22 + 2 * k] = out[0] + total / n
            out[23 + 2 * k] = np.sqrt(max(0.0, squares / n - (total / n) ** 2))
