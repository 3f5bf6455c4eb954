"""What the linear paths share: factors, their condition, and when a decision is beyond rounding."""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dpocon, dpotrf, dpotrs

from ferfusion.selection.fitness.problem import EPS

__all__ = ["Factor", "decided", "evaluation_error"]

_CAREFUL = 10.0  # the estimated norm of an inverse may be too small


class Factor:
    """Cholesky factor of a positive definite matrix.

    Parameters
    ----------
    A : ndarray, shape (n, n)
        The matrix.

    Attributes
    ----------
    ok : bool
        Whether there is a factor.
    inverse_norm : float
        Bound of the norm of the inverse, as LAPACK estimates it, with room.
    """

    def __init__(self, A: np.ndarray) -> None:
        norm = float(np.abs(A).sum(axis=0).max()) if np.isfinite(A).all() else np.inf
        self.ok, self.inverse_norm = False, np.inf
        if not np.isfinite(norm) or norm == 0:
            return
        self._lower, info = dpotrf(A, lower=1, clean=0)
        if info == 0:
            rcond, _ = dpocon(self._lower, norm, uplo="L")
            self.ok = rcond > 10 * EPS
            self.inverse_norm = _CAREFUL / (rcond * norm) if self.ok else np.inf

    def solve(self, b: np.ndarray) -> np.ndarray:
        """Solution for each column of the right-hand side."""
        return dpotrs(self._lower, b, lower=1)[0]


def evaluation_error(rows: np.ndarray, weights: np.ndarray, n: int) -> np.ndarray:
    """Bound of the rounding error of ``rows @ weights + intercept`` where the intercept holds ``mean @ weights``.

    Parameters
    ----------
    rows : ndarray, shape (n_rows, n_columns)
        Rows as they are given to the estimator, not centred.
    weights : ndarray, shape (n_columns, n_targets)
        Weights.
    n : int
        Training rows, whose mean is rounded as well.

    Returns
    -------
    ndarray, shape (n_rows,)
    """
    largest = np.abs(rows).max(axis=0) @ np.abs(weights)
    return np.full(len(rows), 4 * EPS * (n + rows.shape[1] + 4) * float(largest.max()))


def decided(values: np.ndarray, error: np.ndarray) -> np.ndarray | None:
    """Number of each row's largest value, or None if some row is too close to tell.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_classes) or (n_rows, 1)
        Decision values; one column is positive for the second class.
    error : ndarray, shape (n_rows,)
        Bound of their error.
    """
    if values.shape[1] == 1:
        gap, found = np.abs(values[:, 0]), (values[:, 0] > 0).astype(np.int64)
    else:
        two = np.partition(values, values.shape[1] - 2, axis=1)[:, -2:]
        gap, found = two[:, 1] - two[:, 0], values.argmax(axis=1)
    return found if bool((gap > 2 * error).all()) else None
