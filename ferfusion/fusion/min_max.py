"""Late fusion of partitions by min-max optimisation. Functions on arrays; they know no tables."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from ferfusion.fusion.simplex import minimise_on_simplex

__all__ = ["MinMax", "min_max_partition"]


class MinMax(NamedTuple):
    """Where late fusion by min-max optimisation came to rest.

    Attributes
    ----------
    partition : ndarray, shape (n_rows, n_clusters)
        What the views agree on; orthonormal columns.
    weights : ndarray, shape (n_views,)
        None negative; they sum to one. *Not* a view's quality: see ``min_max_partition``.
    rotations : ndarray, shape (n_views, n_clusters, n_clusters)
        What turns each view's partition towards the common one.
    values : ndarray
        The objective after each round.
    """

    partition: np.ndarray
    weights: np.ndarray
    rotations: np.ndarray
    values: np.ndarray


def min_max_partition(partitions: Sequence[np.ndarray], *, tol: float = 1e-5, max_iter: int = 100) -> MinMax:
    """One partition out of several, by late fusion with min-max optimisation [1]_.

    Sought are ``min`` over weights w of the simplex and ``max`` over a partition H and rotations R of
    ``tr(H' sum_p w_p² H_p R_p)``. For given weights H and R are found in turn, each by a singular value decomposition,
    so that the objective rises; for given rotations the weights descend by the reduced gradient.

    Parameters
    ----------
    partitions : sequence of ndarray, shape (n_rows, n_clusters)
        Partitions of the views; zeros in rows that lack the view.
    tol : float, default=1e-5
        Stop when no weight changes by more.
    max_iter : int, default=100
        Most rounds.

    Returns
    -------
    MinMax

    Notes
    -----
    With H and R given the best weights are proportional to ``1 / tr(H' H_p R_p)``: the *min* gives most to the view
    that agrees **least** with the others, a view of pure noise included. So the method guards the worst view and
    weights must not be read as quality; where a view is known to be poor, leave it out, or average.

    The authors' published code leaves the turning of the rotations out of the part that can be read; that they are
    found again after each descent is a choice made here, and so is the start, from rotations that agree under equal
    weights. Nothing depends on the order of the views or the signs of their eigenvectors.

    References
    ----------
    .. [1] Li, Liu, Zhang, Liang: Late fusion multiview clustering via min-max optimization. IEEE Transactions on
       Neural Networks and Learning Systems.
    """
    weights = np.full(len(partitions), 1.0 / len(partitions))
    H = np.linalg.svd(np.hstack(list(partitions)), full_matrices=False)[0][:, : partitions[0].shape[1]]
    rotations = np.stack([_polar(P.T @ H) for P in partitions])
    H, rotations, value = _agreement(partitions, rotations, weights)
    values = [value]
    for _ in range(max_iter):
        turned = np.stack([P @ R for P, R in zip(partitions, rotations, strict=True)])
        found = minimise_on_simplex(partial(_value_and_slope, turned), weights, tol=1e-9).weights
        change = float(np.abs(found - weights).max())
        weights = found
        H, rotations, value = _agreement(partitions, rotations, weights)
        values.append(value)
        if change < tol:
            break
    return MinMax(H, weights, rotations, np.array(values))


def _polar(M: np.ndarray) -> np.ndarray:
    """Matrix of orthonormal columns whose product with M has the greatest trace."""
    left, _, right = np.linalg.svd(M, full_matrices=False)
    return left @ right


def _summed(turned: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Objective for given rotations, its derivatives by the weights, and the best common partition."""
    H = _polar(np.tensordot(weights**2, turned, 1))
    traces = np.tensordot(turned, H, 2)
    return float(weights**2 @ traces), 2 * weights * traces, H


def _value_and_slope(turned: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
    value, slope, _ = _summed(turned, weights)
    return value, slope


def _agreement(
    partitions: Sequence[np.ndarray], rotations: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Common partition and rotations under given weights, in turn until the objective rises no more."""
    value = -np.inf
    for _ in range(1000):
        turned = np.stack([P @ R for P, R in zip(partitions, rotations, strict=True)])
        reached, _, H = _summed(turned, weights)
        if reached - value <= 1e-12 * abs(reached):
            break
        value = reached
        rotations = np.stack([_polar(P.T @ H) for P in partitions])
    return H, rotations, reached
