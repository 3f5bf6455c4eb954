"""Visibility graphs of series: every value is a node, and two see each other if no value between stands in the way.

References
----------
.. [1] Lacasa, Luque, Ballesteros, Luque, Nuño: From time series to complex networks: the visibility graph. PNAS 105,
   2008. https://doi.org/10.1073/pnas.0709247105
.. [2] Luque, Lacasa, Ballesteros, Luque: Horizontal visibility graphs: exact results for random time series.
   Physical Review E 80, 2009. https://doi.org/10.1103/PhysRevE.80.046103
.. [3] Lan, Mo, Chen, Liu, Deng: Fast transformation from time series to visibility graphs. Chaos 25, 2015.
   https://doi.org/10.1063/1.4927835
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numba import njit

from ferfusion.base.errors import FeatureError, UnknownNameError

__all__ = ["KINDS", "visibility_edges"]

KINDS = ("natural", "horizontal")


def visibility_edges(series: Any, times: Any = None, kind: Literal["natural", "horizontal"] = "natural") -> np.ndarray:
    """Edges of the visibility graph of a series.

    Parameters
    ----------
    series : array-like, shape (n_nodes,)
        Finite values.
    times : array-like, shape (n_nodes,), optional
        When each was taken, rising; 0, 1, 2, ... if missing. The horizontal graph does not depend on them.
    kind : {"natural", "horizontal"}, default="natural"
        Whether two values see each other along the straight line between their tops (natural [1]_), or only at the
        height of the lower one (horizontal [2]_). A value that touches the line is in the way.

    Returns
    -------
    ndarray of int64, shape (n_edges, 2)
        Positions of two nodes, the earlier one first; rows in rising order.

    Raises
    ------
    FeatureError
        If a value is not finite, or the times do not rise.

    Notes
    -----
    Nobody sees over the highest value, so that it divides the series in two [3]_: ``n log(n)`` steps on average for
    the natural graph, ``n**2`` for a series that falls or rises from end to end; ``n`` steps for the horizontal one.
    Slopes are compared after rounding to double precision, which is exact for integers below ``2**24``.

    Examples
    --------
    >>> visibility_edges([3.0, 1.0, 2.0, 4.0]).tolist()
    [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    """
    x, t = _checked(series, times)
    if kind not in KINDS:
        raise UnknownNameError("kind of visibility graph", kind, KINDS)
    return _natural(x, t) if kind == "natural" else _horizontal(x)


def _checked(series: Any, times: Any) -> tuple[np.ndarray, np.ndarray]:
    x = np.ascontiguousarray(series, dtype=np.float64)
    t = np.arange(len(x), dtype=np.float64) if times is None else np.ascontiguousarray(times, dtype=np.float64)
    if x.ndim != 1 or t.shape != x.shape:
        message = f"A visibility graph needs a series and as many times, not shapes {x.shape} and {t.shape}."
        raise FeatureError(message)
    if not np.isfinite(x).all():
        message = f"{np.count_nonzero(~np.isfinite(x))} of {len(x)} values of the series are not finite."
        raise FeatureError(message)
    if times is not None and not (np.isfinite(t).all() and (np.diff(t) > 0).all()):
        message = "The times of a series must be finite and rise from value to value."
        raise FeatureError(message)
    return x, t


def _natural(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    right = np.empty(len(x), dtype=np.int64)
    found = np.empty((16 * len(x), 2), dtype=np.int64)
    count = _see(x, t, right, found)
    if count > len(found):
        found = np.empty((count, 2), dtype=np.int64)
        _see(x, t, right, found)
    return found[:count].copy()


def _horizontal(x: np.ndarray) -> np.ndarray:
    n = len(x)
    found, starts = np.empty((2 * n, 2), dtype=np.int64), np.zeros(n + 1, dtype=np.int64)  # at most 2 n - 3 edges
    count = _see_level(x, np.empty(n, dtype=np.int64), found, starts)
    return _in_order(found, count, starts)


def _in_order(found: np.ndarray, count: int, starts: np.ndarray) -> np.ndarray:
    edges = np.empty((count, 2), dtype=np.int64)
    _place(found, np.cumsum(starts), edges)
    return edges


@njit(cache=True, nogil=True, error_model="numpy")
def _see(x: np.ndarray, t: np.ndarray, right: np.ndarray, found: np.ndarray) -> int:
    """Number of edges; those there is room for are written by their first node, then by their second."""
    n, room, count = len(x), len(found), 0
    for k in range(1, n + 1):  # the nearest to the right that is higher
        i = n - k
        j = i + 1
        while j < n and x[j] <= x[i]:
            j = right[j]
        right[i] = j
    for i in range(n):
        bound, steepest, j = right[i], -np.inf, i + 1
        while j < n:
            slope = (x[j] - x[i]) / (t[j] - t[i])
            if slope > steepest or j == i + 1:
                steepest = slope
                if count < room:
                    found[count, 0] = i
                    found[count, 1] = j
                count += 1
            # up to the first that is higher any may be seen, beyond it only one that is higher than all before
            if j >= bound:
                j = right[j]
            elif steepest < 0.0:
                j += 1
            else:
                j = bound
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _see_level(x: np.ndarray, stack: np.ndarray, found: np.ndarray, starts: np.ndarray) -> int:
    # the stack holds those that can still be seen from the right, falling
    count = size = 0
    for i in range(len(x)):
        while size:
            top = stack[size - 1]
            found[count, 0], found[count, 1] = top, i
            starts[top + 1] += 1
            count += 1
            if x[top] > x[i]:
                break
            size -= 1  # i hides it
            if x[top] == x[i]:
                break
        stack[size] = i
        size += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _place(found: np.ndarray, starts: np.ndarray, edges: np.ndarray) -> None:
    """Edges by their first node.

    Those of one first node are found in the order of their second: by itself up to the next that is higher,
    from there on by the others, one after the other.
    """
    for e in range(len(edges)):
        first = found[e, 0]
        edges[starts[first], 0], edges[starts[first], 1] = first, found[e, 1]
        starts[first] += 1
