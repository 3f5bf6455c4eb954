"""Compiled inner loops of the fitness."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["inner_products", "vote"]


@njit(cache=True, nogil=True, error_model="numpy")
def _winner(low, high, strict):
    """The class that wins whatever the rounding, or -1."""
    best = 0
    for c in range(1, len(low)):
        if low[c] > low[best]:
            best = c
    for c in range(len(low)):
        # of classes with equally many votes the first wins; equal sums of weights depend on rounding
        if c != best and (high[c] > low[best] or (high[c] == low[best] and (c < best or strict))):
            return -1
    return best


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh(distance, error, by_distance):
    """Least and largest weight of a neighbour; (0, inf) if it may lie on the sample."""
    if not by_distance:
        return 1.0, 1.0
    if distance - error <= 0:
        return 0.0, np.inf
    return (1 - 1e-12) / np.sqrt(distance + error), (1 + 1e-12) / np.sqrt(distance - error)


@njit(cache=True, nogil=True, error_model="numpy")
def _insert(near, label, value, code):
    """Put a value into the sorted ones; the largest drops out."""
    at = len(near) - 1
    if not value < near[at]:
        return
    while at > 0 and near[at - 1] > value:
        near[at] = near[at - 1]
        label[at] = label[at - 1]
        at -= 1
    near[at] = value
    label[at] = code


@njit(cache=True, nogil=True, error_model="numpy")
def vote(products, rows, times, row_squares, row_slack, squares, slack, codes, k, by_distance, n_classes, out):
    """Class of each row by its k nearest columns, or -1 where rounding could decide.

    ``row_squares[i] + squares[j] - 2 products[i, j]`` is the squared distance, with an error of at most
    ``row_slack[i] + slack[j]`` of what is computed here and what another way of computing may give. Column j is a
    training sample ``times[j]`` times.
    """
    n = len(times)
    near = np.empty(k + 1)
    label = np.empty(k + 1, dtype=np.int64)
    low, high, unsure = np.empty(n_classes), np.empty(n_classes), np.empty(n_classes)
    widest = 0.0
    for j in range(n):
        if times[j]:
            widest = max(widest, slack[j])
    for r in range(len(rows)):
        i = rows[r]
        of_row = products[i]
        near[:] = np.inf
        label[:] = -1
        rim = np.inf
        for j in range(n):
            value = squares[j] - 2 * of_row[j]
            # few pass, so that going through all rows in order is faster than picking those of the training part
            if value < rim:
                for _ in range(times[j]):
                    _insert(near, label, value, codes[j])
                rim = near[k]
        out[r] = -1
        error = row_slack[i] + widest
        if label[k - 1] < 0 or not np.isfinite(error):
            continue
        low[:] = 0
        high[:] = 0
        last = near[k - 1]
        if near[k] - last > 2 * error:
            for t in range(k):
                least, most = _weigh(near[t] + row_squares[i], error, by_distance)
                low[label[t]] += least
                high[label[t]] += most
        else:
            # some of those at the rim are among the k, nobody knows which
            unsure[:] = 0
            places = k
            for j in range(n):
                value = squares[j] - 2 * of_row[j]
                if times[j] and value < last - 2 * error:
                    places -= times[j]
                    least, most = _weigh(value + row_squares[i], error, by_distance)
                    low[codes[j]] += least * times[j]
                    high[codes[j]] += most * times[j]
                elif value <= last + 2 * error:
                    unsure[codes[j]] += times[j]
            least, most = _weigh(last + row_squares[i], 3 * error, by_distance)
            n_unsure = unsure.sum()
            for c in range(n_classes):
                low[c] += least * max(0.0, places - (n_unsure - unsure[c]))
                if unsure[c] > 0:
                    high[c] += most * min(float(places), unsure[c])
        out[r] = _winner(low, high, by_distance)


@njit(cache=True, nogil=True, error_model="numpy")
def inner_products(A, B, symmetric):
    """Inner products of rows, one call of BLAS each: libsvm computes a linear kernel so, to the last bit."""
    out = np.empty((len(A), len(B)))
    for i in range(len(A)):
        for j in range(i + 1 if symmetric else len(B)):
            out[i, j] = np.dot(A[i], B[j])
            if symmetric:
                out[j, i] = out[i, j]
    return out
