"""Linear discriminant analysis from products of all columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from ferfusion.selection.fitness.linear import Factor, decided, evaluation_error
from ferfusion.selection.fitness.problem import EPS, Problem

__all__ = ["DiscriminantPath"]

_NOISE = 1e-7  # a spread within classes below this share of a column's size is next to rounding
_WIDE = 100.0  # how far an eigenvalue must lie from where scikit-learn cuts


@dataclass
class _Fold:
    """One fold: what does not depend on the subset."""

    within: np.ndarray  # training rows less their class mean
    spread: np.ndarray
    largest: np.ndarray
    centre: np.ndarray  # mean of all training rows
    means: np.ndarray  # of classes, less the centre
    test: np.ndarray  # less the centre
    raw_test: np.ndarray
    priors: np.ndarray
    codes: np.ndarray  # of training rows
    still: np.ndarray  # columns whose training values are all the same, and their mean without rounding
    classes: np.ndarray
    products: np.ndarray | None


class DiscriminantPath:
    """Predictions of ``LinearDiscriminantAnalysis``.

    Its singular value decompositions become a Cholesky factor of the covariance within classes, taken from that of
    all columns; where that is (nearly) singular, eigenvalues, cut as scikit-learn cuts. A fold in which the cut or
    a decision is closer than rounding can tell is left to scikit-learn.

    Parameters
    ----------
    problem : Problem
        Samples and folds.
    """

    kind = "discriminant"

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        n, d = problem.X.shape
        per_fold = 8 * (2 * n * d + d * d)
        self._with_products = per_fold * len(problem.splits) <= problem.memory // 2
        self._folds = [self._prepared(i) for i in range(len(problem.splits))]

    @staticmethod
    def covers(problem: Problem) -> bool:
        """Whether this path gives what the estimator gives."""
        model = problem.final
        if type(model) is not LinearDiscriminantAnalysis or not problem.is_classes:
            return False
        if model.priors is not None or model.n_components is not None or model.covariance_estimator is not None:
            return False
        if 2 * 8 * problem.X.size * len(problem.splits) > problem.memory:
            return False  # centred copies of all folds
        if model.solver == "svd":
            return model.shrinkage is None and isinstance(model.tol, int | float) and model.tol > 0
        if model.solver not in ("lsqr", "eigen"):
            return False
        return model.shrinkage is None or (isinstance(model.shrinkage, int | float) and 0 <= model.shrinkage <= 1)

    def predictions(self, columns: np.ndarray) -> list[np.ndarray | None]:
        """Codes of the predicted classes of each fold's test rows; None where scikit-learn must decide.

        Parameters
        ----------
        columns : ndarray of int
            The subset.
        """
        predict = self._by_svd if self.problem.final.solver == "svd" else self._by_covariance
        return [None if fold is None else predict(fold, columns) for fold in self._folds]

    def _prepared(self, i: int) -> _Fold | None:
        train, _ = self.problem.splits[i]
        A, B = self.problem.fold(i)
        classes, codes, counts = np.unique(self.problem.codes[train], return_inverse=True, return_counts=True)
        if len(classes) < 2 or len(A) == len(classes):
            return None  # an error, in scikit-learn's words, or nothing to tell apart
        largest = np.maximum(np.abs(A).max(axis=0), np.abs(B).max(axis=0))
        centre = A.mean(axis=0)
        centred = A - centre
        means = np.stack([centred[codes == c].mean(axis=0) for c in range(len(classes))])
        within = np.asfortranarray(centred - means[codes])
        products = within.T @ within / len(A) if self._with_products else None
        spread = np.sqrt(np.einsum("ij,ij->j", within, within) / len(A))
        test = np.asfortranarray(B - centre)
        # sums of equal numbers of single precision are exact, in whichever order: such columns vanish
        still = (A[0] == A).all(axis=0) & (np.abs(A[0]) < 1e30) & (A[0].astype(np.float32) == A[0])
        return _Fold(within, spread, largest, centre, means, test, B, counts / len(A), codes, still, classes, products)

    def _by_svd(self, fold: _Fold, columns: np.ndarray) -> np.ndarray | None:
        columns = columns[~fold.still[columns]]
        spread, largest = fold.spread[columns], fold.largest[columns]
        if not len(columns) or (spread <= _NOISE * largest).any():
            return None
        # in units of the spread within classes, as scikit-learn scales
        n, tol, k = len(fold.within), float(self.problem.final.tol), len(fold.classes)
        W, R = fold.within[:, columns] / spread, self._covariance(fold, columns) / np.outer(spread, spread)
        X, M = fold.test[:, columns] / spread, fold.means[:, columns] / spread
        solved = _full_rank(R, X, M, tol) if len(columns) <= n - k else _all_rows(W, fold.codes, X, M, tol)
        if solved is None:
            solved = _truncated(R, W, X, M, tol)
        if solved is None:
            return None
        V, reach = solved
        if not _all_directions(fold.priors, M, V, tol, n):
            return None
        error = reach * self._error(R, n, float((largest / spread).max()))
        return self._decided(fold, columns, X @ V, M, V, V / spread[:, None], error)

    def _by_covariance(self, fold: _Fold, columns: np.ndarray) -> np.ndarray | None:
        shrinkage = float(self.problem.final.shrinkage or 0.0)
        C = self._covariance(fold, columns)
        if shrinkage:
            C = (1 - shrinkage) * C
            C.flat[:: len(C) + 1] += shrinkage * float((fold.spread[columns] ** 2).sum()) / len(C)
        factor = Factor(C)
        size = float(np.trace(C))
        if not factor.ok or factor.inverse_norm * size > 1e-3 / EPS:
            return None
        X, M = fold.test[:, columns], fold.means[:, columns]
        V = factor.solve(np.ascontiguousarray(M.T))
        # these solvers do not centre, so that far from the origin their values are differences of large numbers
        weights = V + factor.solve(fold.centre[columns])[:, None]
        rows = factor.solve(np.ascontiguousarray(fold.raw_test[:, columns].T))
        worst = float(fold.largest[columns].max()) / np.sqrt(size / len(C))
        error = _reach(rows, weights) * self._error(C, len(fold.within), worst)
        return self._decided(fold, columns, X @ V, M, V, np.abs(V) + np.abs(weights), error)

    def _covariance(self, fold: _Fold, columns: np.ndarray) -> np.ndarray:
        if fold.products is not None:
            return fold.products[np.ix_(columns, columns)]
        A = fold.within[:, columns]
        return A.T @ A / len(A)

    @staticmethod
    def _error(R: np.ndarray, n: int, worst: float) -> float:
        """Bound of the error of the covariance; ``worst`` is the size of values in units of their spread."""
        return 4 * EPS * (n + len(R) + 2 * worst) * float(np.linalg.norm(R))

    @staticmethod
    def _decided(
        fold: _Fold,
        columns: np.ndarray,
        values: np.ndarray,
        M: np.ndarray,
        V: np.ndarray,
        weights: np.ndarray,
        error: np.ndarray,
    ) -> np.ndarray | None:
        constant = -0.5 * np.einsum("ij,ji->i", M, V) + np.log(fold.priors)
        error = error + evaluation_error(fold.raw_test[:, columns], weights, len(fold.within))
        found = decided(values + constant, error)
        return None if found is None else fold.classes[found]


# Each gives the solution V of R V = M' (least squares, shortest) and by how much an error of R moves X V.

Solved = tuple[np.ndarray, np.ndarray]


def _full_rank(R: np.ndarray, X: np.ndarray, M: np.ndarray, tol: float) -> Solved | None:
    factor = Factor(R)
    if not factor.ok or factor.inverse_norm * tol**2 * 2 > 1:
        return None
    V = factor.solve(np.ascontiguousarray(M.T))
    return V, _reach(factor.solve(np.ascontiguousarray(X.T)), V)


def _all_rows(W: np.ndarray, codes: np.ndarray, X: np.ndarray, M: np.ndarray, tol: float) -> Solved | None:
    """Where columns are many: the rank is that of the rows, which are dependent only in that classes sum to zero."""
    n = len(W)
    gram = W @ W.T / n
    # the directions in which rows do not vary get a variance, so that there is an inverse; nothing lies in them
    same = codes[:, None] == codes
    gram += np.trace(gram) / n * same / same.sum(axis=1)
    factor = Factor(gram)
    if not factor.ok or factor.inverse_norm * tol**2 * 2 > 1:
        return None
    root = np.sqrt(n)
    once, of_x = factor.solve(W @ M.T / root), factor.solve(W @ X.T / root)
    twice = factor.solve(once)
    return W.T @ twice / root, _reach(of_x, twice) + _reach(factor.solve(of_x), once)


def _truncated(R: np.ndarray, W: np.ndarray, X: np.ndarray, M: np.ndarray, tol: float) -> Solved | None:
    n, m = W.shape
    values, U = eigh(R if m <= n else W @ W.T / n, driver="evd")
    rounding = 10 * EPS * (n + m) * float(values[-1])
    kept = values > tol**2
    if (np.abs(values - tol**2) <= rounding).any() or rounding > tol**2 / 2 or not kept.any():
        return None
    cut = float(values[kept][0] - values[~kept][-1]) if not kept.all() else np.inf
    values, U = values[kept], U[:, kept]
    if m > n:
        U = W.T @ U / np.sqrt(n * values)
    V = U @ ((U.T @ M.T) / values[:, None])
    reach = _reach(U @ ((U.T @ X.T) / values[:, None]), V)
    # what an error mixes across the cut
    lengths = np.linalg.norm(X, axis=1) * _longest(V) + np.linalg.norm(M, axis=1).max() * _longest(V)
    return V, reach + lengths / cut


def _reach(solved: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Bound of x' R^-1 dR R^-1 m for each x and the worst m, the means themselves included, by the norm of dR."""
    return (np.linalg.norm(solved, axis=0) + _longest(V)) * _longest(V)


def _longest(V: np.ndarray) -> float:
    return float(np.linalg.norm(V, axis=0).max())


def _all_directions(priors: np.ndarray, M: np.ndarray, V: np.ndarray, tol: float, n: int) -> bool:
    """Whether class means span all directions they can, well above where scikit-learn drops one."""
    root = np.sqrt(n * priors / max(len(priors) - 1, 1))
    between = eigh((root[:, None] * (M @ V)) * root, eigvals_only=True)
    n_directions = min(len(priors) - 1, M.shape[1])
    return bool(between[-n_directions] > _WIDE * tol**2 * between[-1])
