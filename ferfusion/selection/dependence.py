"""Dependence of a column on the class by kernels."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["hsic"]


def hsic(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Hilbert-Schmidt independence criterion of each column with the class, tr(KHLH) / (n - 1)².

    K is a Gaussian kernel of the column whose width is the median distance between two samples (the median of the
    distances that are not 0, should it be 0), L is 1 where two samples are of one class, H centres. Takes O(n² d)
    time and n² numbers of memory.

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_features)
        Samples.
    y : array-like, shape (n_samples,)
        Classes.

    Returns
    -------
    ndarray, shape (n_features,)

    References
    ----------
    L. Song, A. Smola, A. Gretton, J. Bedo and K. Borgwardt, "Feature selection via dependence maximization",
    Journal of Machine Learning Research 13, 2012, pages 1393-1434.
    """
    classes, codes = np.unique(y, return_inverse=True)
    members = np.eye(len(classes))[codes]
    members -= members.mean(axis=0)
    centred = members @ members.T  # H L H
    scores = np.zeros(X.shape[1])
    for j in np.flatnonzero(np.ptp(X, axis=0) > 0):
        column = np.ascontiguousarray(X[:, j], dtype=np.float64)
        scores[j] = _kernel_sum(column, centred, 1 / _median_gap(np.sort(column)))
    return scores / (len(X) - 1) ** 2


def _median_gap(ordered: np.ndarray) -> float:
    """Median distance between two of some sorted numbers; of the distances that are not 0, should it be 0."""
    n_pairs = len(ordered) * (len(ordered) - 1) // 2
    n_equal = 0
    if _kth_gap(ordered, (n_pairs + 1) // 2) + _kth_gap(ordered, n_pairs // 2 + 1) == 0:
        n_equal = _pairs_within(ordered, 0.0)
    middle = n_pairs - n_equal
    return (_kth_gap(ordered, n_equal + (middle + 1) // 2) + _kth_gap(ordered, n_equal + middle // 2 + 1)) / 2


@njit(cache=True, nogil=True, error_model="numpy")
def _pairs_within(ordered, reach):
    """Pairs of sorted numbers that are no further apart."""
    count, i = 0, 0
    for j in range(len(ordered)):
        while ordered[j] - ordered[i] > reach:
            i += 1
        count += j - i
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _kth_gap(ordered, k):
    """Distance of rank k (from 1) among the distances of all pairs, by halving until no number lies between."""
    if _pairs_within(ordered, 0.0) >= k:
        return 0.0
    low, high = 0.0, ordered[-1] - ordered[0]
    while True:
        middle = low + (high - low) / 2
        if middle <= low or middle >= high:
            return high
        if _pairs_within(ordered, middle) >= k:
            high = middle
        else:
            low = middle


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel_sum(column, weights, scale):
    """Sum of a Gaussian kernel of a column, weighted by a symmetric matrix."""
    total = 0.0
    for i in range(len(column)):
        total += weights[i, i]
        for j in range(i):
            gap = (column[i] - column[j]) * scale
            total += 2 * weights[i, j] * np.exp(-0.5 * gap * gap)
    return total
