"""Weights that are not negative and sum to one: a smooth function of them made as small as it can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

__all__ = ["SimplexMinimum", "minimise_on_simplex"]

_ZERO = 1e-12  # a weight below this share is none
_MOST_TRIALS = 12  # steps tried by a line search
_FLAT = 0.1  # share of the first slope at which a line search is content

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


class SimplexMinimum(NamedTuple):
    """Where a descent on the simplex came to rest.

    Attributes
    ----------
    weights : ndarray, shape (n_weights,)
        None negative; they sum to one.
    values : ndarray, shape (n_iterations + 1,)
        The function from the start to the end; never rising.
    gap : float
        Of a convex function: how far the last value is above the least one, at most.
    """

    weights: np.ndarray
    values: np.ndarray
    gap: float


def minimise_on_simplex(
    function: Function,
    start: np.ndarray,
    *,
    tol: float = 1e-4,
    max_iter: int = 100,
) -> SimplexMinimum:
    """Reduced gradient descent on the simplex [1]_.

    The largest weight takes up what the others give. A step goes until a weight reaches zero if that lowers the
    function, else to where its slope vanishes. A step that lowers nothing ends the descent.

    Parameters
    ----------
    function : callable
        From weights to the function's value and its gradient.
    start : ndarray, shape (n_weights,)
        Where to begin; none negative, sum one.
    tol : float, default=1e-4
        Stop when the gap is below this share of the value.
    max_iter : int, default=100
        Most directions that are tried.

    Returns
    -------
    SimplexMinimum

    References
    ----------
    .. [1] Rakotomamonjy, Bach, Canu, Grandvalet: SimpleMKL. Journal of Machine Learning Research 9, 2008, pages
       2491-2521.

    Examples
    --------
    >>> found = minimise_on_simplex(lambda w: (float(w @ w), 2 * w), np.array([0.9, 0.1]), tol=1e-9)
    >>> found.weights.round(3)
    array([0.5, 0.5])
    """
    here = _Point(np.asarray(start, dtype=np.float64), *function(start))
    values = [here.value]
    for _ in range(max_iter):
        if _gap(here) <= tol * max(abs(here.value), _ZERO):
            break
        found = _descend(function, here)
        if not found.value < here.value:
            break
        here = found
        values.append(here.value)
    return SimplexMinimum(here.weights, np.array(values), _gap(here))


class _Point(NamedTuple):
    weights: np.ndarray
    value: float
    gradient: np.ndarray


def _gap(here: _Point) -> float:
    # no point of the simplex lies lower on the tangent plane than its best corner
    return float(here.weights @ here.gradient - here.gradient.min())


def _descend(function: Function, here: _Point) -> _Point:
    direction = _direction(here)
    falling = direction < 0
    if not falling.any():
        return here
    longest = float(np.min(-here.weights[falling] / direction[falling]))
    end = _moved(function, here, longest * direction)
    return end if end.value < here.value else _search(function, here, direction, longest, end)


def _direction(here: _Point) -> np.ndarray:
    base = int(np.argmax(here.weights))
    reduced = here.gradient - here.gradient[base]
    direction = np.where((here.weights <= 0) & (reduced > 0), 0.0, -reduced)
    direction[base] = 0.0
    direction[base] = -direction.sum()
    return direction


def _search(function: Function, here: _Point, direction: np.ndarray, longest: float, end: _Point) -> _Point:
    """Step at which the slope along the direction is near zero; the lowest of the points seen."""
    best, first = here, float(here.gradient @ direction)
    low, high, slope_low, slope_high = 0.0, longest, first, float(end.gradient @ direction)
    for _ in range(_MOST_TRIALS):
        share = slope_low / (slope_low - slope_high) if slope_high > 0 > slope_low else 0.5
        step = low + (high - low) * float(np.clip(share, 0.1, 0.9))
        tried = _moved(function, here, step * direction)
        slope = float(tried.gradient @ direction)
        if tried.value < best.value:
            best = tried
            if abs(slope) <= _FLAT * abs(first):
                break
        if slope < 0 and tried.value < here.value:
            low, slope_low = step, slope
        else:
            high, slope_high = step, slope
    return best


def _moved(function: Function, here: _Point, step: np.ndarray) -> _Point:
    moved = here.weights + step
    moved = np.where(moved < _ZERO, 0.0, moved)
    moved /= moved.sum()
    return _Point(moved, *function(moved))
