"""Functionals: what a contour of any length comes to, in numbers of which each has a name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ferfusion.base.errors import UnknownNameError
from ferfusion.features.audio.lld.frames import STEP

if TYPE_CHECKING:
    from ferfusion.features.audio.family import Descriptor

__all__ = ["FUNCTIONALS", "FUNCTIONAL_NAMES", "functional_names", "functionals_of"]

# in the order in which _of_block puts them
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
_ROUNDING = 1e-7  # share of the greatest value below which a step is none
_BLOCK = 1 << 16  # values worked on at a time: they stay in the cache
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
    values = _of_contours(contours, voiced, step)
    asked = functionals if isinstance(functionals, str) else tuple(functionals)
    return values.ravel()[_places(asked, tuple(part.voiced for part in descriptors))]


@lru_cache(maxsize=64)
def _places(functionals: str | tuple[str, ...], voiced: tuple[bool, ...]) -> np.ndarray:
    """Where the values asked for stand among all values of all descriptors."""
    number = {name: i for i, name in enumerate(FUNCTIONAL_NAMES)}
    chosen = {kind: [number[name] for name in _of(functionals, kind)] for kind in (True, False)}
    return np.array([len(number) * j + i for j, kind in enumerate(voiced) for i in chosen[kind]], dtype=np.intp)


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


def _of_contours(contours: np.ndarray, voiced: np.ndarray, step: float) -> np.ndarray:
    """All functionals of each contour, in the order of FUNCTIONAL_NAMES."""
    n_contours, n_frames = contours.shape
    out = np.zeros((n_contours, len(FUNCTIONAL_NAMES)))
    size = max(1, _BLOCK // max(1, n_frames))
    for first in range(0, n_contours, size):
        block = contours[first : first + size]
        some = ~np.isnan(block).all(axis=1)
        if some.any():
            out[first : first + size][some] = _of_block(block[some], voiced, step)
    return out


def _of_block(x: np.ndarray, voiced: np.ndarray, step: float) -> np.ndarray:
    known = ~np.isnan(x)
    n = known.sum(axis=1)
    mean = np.where(known, x, 0.0).sum(axis=1) / n
    deviation = np.where(known, x - mean[:, None], 0.0)
    values = (
        *_distribution(np.sort(x, axis=1), n, mean, deviation),  # missing ones are sorted to the end
        *_trend(known, n, deviation, step),
        *_steps(x, n, mean, step),
        *_shares(x, n),
        *_regions(known, mean, deviation, voiced),
    )
    return np.column_stack(values)


def _distribution(ordered: np.ndarray, n: np.ndarray, mean: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, ...]:
    squares = d * d
    variance = squares.sum(axis=1) / n
    spread = np.sqrt(variance)
    third, fourth = _dot(squares, d) / n, _dot(squares, squares) / n
    varied = variance > 1e-24 * np.maximum(1.0, mean * mean)
    safe = np.where(varied, variance, 1.0)
    skewness = np.where(varied, third / (safe * np.sqrt(safe)), 0.0)
    kurtosis = np.where(varied, fourth / (safe * safe) - 3.0, 0.0)
    low, high = ordered[:, 0], ordered[np.arange(len(n)), n - 1]
    quantiles = [_quantile(ordered, n, share) for share in (0.05, 0.25, 0.5, 0.75, 0.95)]
    return mean, spread, skewness, kurtosis, low, high, high - low, *quantiles, quantiles[3] - quantiles[1]


def _quantile(ordered: np.ndarray, n: np.ndarray, share: float) -> np.ndarray:
    place = share * (n - 1)
    low = place.astype(int)
    rows = np.arange(len(n))
    below, above = ordered[rows, low], ordered[rows, np.minimum(low + 1, n - 1)]
    return below + (place - low) * (above - below)


def _trend(known: np.ndarray, n: np.ndarray, d: np.ndarray, step: float) -> tuple[np.ndarray, ...]:
    """Straight line and parabola by least squares, on orthogonal polynomials of the times."""
    times = (np.arange(d.shape[1]) - 0.5 * (d.shape[1] - 1)) * step
    centre = np.where(known, times, 0.0).sum(axis=1) / n
    t = np.where(known, times - centre[:, None], 0.0)
    squares = t * t
    s2 = squares.sum(axis=1)
    sloped = (n > 1) & (s2 > 0.0)
    safe = np.where(sloped, s2, 1.0)
    slope = np.where(sloped, _dot(t, d) / safe, 0.0)
    rest = d - slope[:, None] * t
    residual = np.where(sloped, np.sqrt(_dot(rest, rest) / n), 0.0)
    parabola = squares - (_dot(squares, t) / safe)[:, None] * t
    parabola -= (s2 / n)[:, None]
    parabola *= known
    norm = _dot(parabola, parabola)
    bent = sloped & (n > 2) & (norm > 1e-18)
    curvature = np.where(bent, _dot(parabola, rest) / np.where(bent, norm, 1.0), 0.0)
    return slope, curvature, residual


def _steps(x: np.ndarray, n: np.ndarray, mean: np.ndarray, step: float) -> tuple[np.ndarray, ...]:
    """Ascents, descents and peaks between frames that are neighbours in time."""
    change = np.diff(x, axis=1)
    # what rounding leaves of a constant is no peak
    change[np.abs(change) <= _ROUNDING * np.nanmax(np.abs(x), axis=1)[:, None]] = 0.0
    change /= step
    up, down = change > 0.0, change < 0.0
    pairs = (~np.isnan(change)).sum(axis=1)
    ascents, descents = np.where(up, change, 0.0), np.where(down, change, 0.0)
    ascent, descent = ascents.sum(axis=1), descents.sum(axis=1)
    squares = _dot(ascents, ascents) + _dot(descents, descents)
    each = np.maximum(pairs, 1)
    spread = np.sqrt(np.maximum(0.0, squares / each - ((ascent + descent) / each) ** 2))
    rise, fall = ascent / np.maximum(up.sum(axis=1), 1), descent / np.maximum(down.sum(axis=1), 1)
    return rise, fall, spread, _n_peaks(x, change, up, down & (x[:, :-1] > mean[:, None])) / (n * step)


def _n_peaks(x: np.ndarray, change: np.ndarray, up: np.ndarray, down: np.ndarray) -> np.ndarray:
    # a peak may be flat, but has an ascent before and a descent behind it: for each descent the last step that was none
    if change.shape[1] < 2:
        return np.zeros(len(x))
    last = np.where(change[:, :-1] == 0.0, -1, np.arange(change.shape[1] - 1))
    last = np.maximum.accumulate(last, axis=1)
    row, place = np.nonzero(down[:, 1:])
    before = last[row, place]
    climbing = up[row, before] & (before >= 0)
    return np.bincount(row[climbing], minlength=len(x))


def _shares(x: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, ...]:
    low, high = np.nanmin(x, axis=1), np.nanmax(x, axis=1)
    above = [(x > (low + share * (high - low))[:, None]).sum(axis=1) / n for share in (0.5, 0.75)]
    return above[0] * (high > low), above[1] * (high > low)


def _regions(known: np.ndarray, mean: np.ndarray, d: np.ndarray, voiced: np.ndarray) -> tuple[np.ndarray, ...]:
    values: list[np.ndarray] = []
    for region in (voiced, ~voiced):
        n = np.compress(region, known, axis=1).sum(axis=1)
        inside, each = np.compress(region, d, axis=1), np.maximum(n, 1)
        offset = inside.sum(axis=1) / each
        spread = np.sqrt(np.maximum(0.0, _dot(inside, inside) / each - offset**2))
        values += [np.where(n > 0, mean + offset, 0.0), np.where(n > 0, spread, 0.0)]
    return tuple(values)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of each pair of rows; not by BLAS, whose last bits depend on how many rows there are."""
    return np.einsum("ij,ij->i", a, b)
