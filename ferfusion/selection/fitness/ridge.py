"""Ridge regression and classification, with or without a kernel, from shared matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.utils.class_weight import compute_sample_weight

from ferfusion.selection.fitness.linear import Factor, decided, evaluation_error
from ferfusion.selection.fitness.problem import EPS, Problem

__all__ = ["KernelRidgePath", "RidgePath"]

_CLOSE = 1e-9  # predicted numbers may differ by this share of their size, else scikit-learn computes them


@dataclass
class _Fold:
    """One fold, centred and weighted: what does not depend on the subset."""

    train: np.ndarray
    test: np.ndarray
    raw_test: np.ndarray
    largest: np.ndarray
    targets: np.ndarray
    offset: np.ndarray
    classes: np.ndarray | None
    products: np.ndarray | None = None
    with_targets: np.ndarray | None = None


class RidgePath:
    """Predictions of ``RidgeClassifier`` and ``Ridge`` by the normal equations or their dual, whichever is smaller.

    The products of all columns of a fold's training rows are made once, if memory allows; a subset takes its part.
    A fold in which a decision is closer than rounding can tell is left to scikit-learn. What ``Ridge`` predicts
    agrees to about nine digits, its scores as well.

    Parameters
    ----------
    problem : Problem
        Samples and folds.
    """

    kind = "ridge"

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
        if type(model) not in (Ridge, RidgeClassifier) or model.solver not in ("auto", "cholesky") or model.positive:
            return False
        if not isinstance(model.alpha, int | float) or not 0 < model.alpha < np.inf:
            return False
        if 2 * 8 * problem.X.size * len(problem.splits) > problem.memory:
            return False  # centred copies of all folds
        return problem.is_classes if type(model) is RidgeClassifier else _is_numbers(problem.y)

    def predictions(self, columns: np.ndarray) -> list[np.ndarray | None]:
        """What is predicted for each fold's test rows; None where scikit-learn must decide.

        Parameters
        ----------
        columns : ndarray of int
            The subset.
        """
        return [None if fold is None else self._predicted(fold, columns) for fold in self._folds]

    def _prepared(self, i: int) -> _Fold | None:
        model, (train, _) = self.problem.final, self.problem.splits[i]
        A, B = self.problem.fold(i)
        raw_test, largest = B, np.maximum(np.abs(A).max(axis=0), np.abs(B).max(axis=0))
        classes = weight = None
        if type(model) is RidgeClassifier:
            codes = self.problem.codes[train]
            classes = np.unique(codes)
            if len(classes) < 2:
                return None
            Y = np.where(codes[:, None] == classes, 1.0, -1.0)
            Y = Y[:, 1:] if len(classes) == 2 else Y
            if model.class_weight is not None:
                weight = compute_sample_weight(model.class_weight, self.problem.y[train])
        else:
            Y = np.asarray(self.problem.y[train], dtype=np.float64).reshape(-1, 1)
        offset = np.zeros(Y.shape[1])
        if model.fit_intercept:
            mean, offset = np.average(A, axis=0, weights=weight), np.average(Y, axis=0, weights=weight)
            A, B, Y = A - mean, B - mean, Y - offset
        if weight is not None:
            root = np.sqrt(weight)[:, None]
            A, Y = A * root, Y * root
            largest = largest * root.max()
        fold = _Fold(np.asfortranarray(A), np.asfortranarray(B), raw_test, largest, Y, offset, classes)
        if self._with_products:
            fold.products, fold.with_targets = A.T @ A, A.T @ Y
        return fold

    def _predicted(self, fold: _Fold, columns: np.ndarray) -> np.ndarray | None:
        alpha = float(self.problem.final.alpha)
        A, B = fold.train[:, columns], fold.test[:, columns]
        n, m = A.shape
        if m > n:
            W, per_row, size = _dual(A, B, fold.targets, alpha)
        elif fold.products is None or fold.with_targets is None:
            W, per_row, size = _primal(A.T @ A, A.T @ fold.targets, B, alpha)
        else:
            W, per_row, size = _primal(fold.products[np.ix_(columns, columns)], fold.with_targets[columns], B, alpha)
        if W is None:
            return None
        values = B @ W + fold.offset
        # of the products, and of the centred values that they are made from
        of_products = EPS * (n + m) * size + 2 * EPS * np.sqrt(size * n * (fold.largest[columns] ** 2).sum())
        error = 4 * per_row * of_products + evaluation_error(fold.raw_test[:, columns], W, n)
        if fold.classes is None:
            close = error.max() <= _CLOSE * max(float(np.abs(values - values.mean()).max()), 1e-300)
            return values.reshape(len(values), *np.shape(self.problem.y)[1:]) if close else None
        found = decided(values, error)
        return None if found is None else fold.classes[found]


class KernelRidgePath:
    """Predictions of ``KernelRidge`` with a linear or a Gaussian kernel; they agree to about nine digits.

    Parameters
    ----------
    problem : Problem
        Samples and folds.
    """

    kind = "kernel_ridge"

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @staticmethod
    def covers(problem: Problem) -> bool:
        """Whether this path gives what the estimator gives."""
        model = problem.final
        return (
            type(model) is KernelRidge
            and model.kernel in ("linear", "rbf")
            and model.kernel_params is None
            and isinstance(model.alpha, int | float)
            and 0 < model.alpha < np.inf
            and _is_numbers(problem.y)
            and 8 * len(problem.X) ** 2 * 4 * problem.workers <= problem.memory
        )

    def predictions(self, columns: np.ndarray) -> list[np.ndarray | None]:
        """What is predicted for each fold's test rows; None where scikit-learn must decide.

        Parameters
        ----------
        columns : ndarray of int
            The subset.
        """
        problem = self.problem
        if problem.scalers:
            return [self._solved(i, *self._kernels(*problem.fold(i, columns))) for i in range(len(problem.splits))]
        raw = problem.raw(columns)
        kernel, error = self._kernel(raw, raw)
        return [
            self._solved(i, kernel[np.ix_(train, train)], kernel[np.ix_(test, train)], error)
            for i, (train, test) in enumerate(problem.splits)
        ]

    def _kernels(self, A: np.ndarray, B: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        of_train, error = self._kernel(A, A)
        of_test, other = self._kernel(B, A)
        return of_train, of_test, max(error, other)

    def _kernel(self, A: np.ndarray, B: np.ndarray) -> tuple[np.ndarray, float]:
        """Kernel of two sets of rows, and a bound of the rounding error of an entry."""
        model, m = self.problem.final, A.shape[1]
        of_a, of_b = np.einsum("ij,ij->i", A, A), np.einsum("ij,ij->i", B, B)
        error = 4 * EPS * (m + 8) * float(max(of_a.max(), of_b.max()))
        if model.kernel == "linear":
            return A @ B.T, error
        gamma = 1.0 / m if model.gamma is None else model.gamma
        # far from the origin the difference of large numbers would be all noise; distances do not mind a shift
        centre = B.mean(axis=0)
        A, B = A - centre, B - centre
        squares = np.einsum("ij,ij->i", A, A)[:, None] + np.einsum("ij,ij->i", B, B) - 2 * (A @ B.T)
        return np.exp(-gamma * np.maximum(squares, 0)), error * gamma + 8 * EPS

    def _solved(self, i: int, of_train: np.ndarray, of_test: np.ndarray, error: float) -> np.ndarray | None:
        alpha = float(self.problem.final.alpha)
        y = np.asarray(self.problem.y[self.problem.splits[i][0]], dtype=np.float64)
        Y, n = y.reshape(len(y), -1), len(y)
        factor = Factor(of_train + alpha * np.eye(n))
        if not factor.ok:
            return None
        dual = factor.solve(Y)
        values = of_test @ dual
        inverse = min(1 / alpha, factor.inverse_norm)
        size = float(np.abs(of_train).sum(axis=0).max()) + alpha
        off = (EPS * n * size + error * n) * inverse * float(np.linalg.norm(dual, axis=0).max())
        worst = off * float(np.linalg.norm(of_test, axis=1).max()) + n * error * float(np.abs(dual).max())
        close = worst <= _CLOSE * max(float(np.abs(values).max()), 1e-300)
        return values.reshape(len(values), *y.shape[1:]) if close else None


def _primal(A: np.ndarray, b: np.ndarray, rows: np.ndarray, alpha: float) -> tuple[Any, np.ndarray, float]:
    """Weights, what an error of the products does to each row's values, and the size of the products."""
    A.flat[:: len(A) + 1] += alpha
    size = float(np.linalg.norm(A))
    factor = Factor(A)
    if not factor.ok:
        return None, np.zeros(0), size
    W = factor.solve(b)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    per_row = min(1 / alpha, factor.inverse_norm) * lengths * float(np.linalg.norm(W, axis=0).max())
    return W, per_row, size


def _dual(A: np.ndarray, rows: np.ndarray, Y: np.ndarray, alpha: float) -> tuple[Any, np.ndarray, float]:
    """As ``_primal``, by inner products of the training rows."""
    gram = A @ A.T
    gram.flat[:: len(gram) + 1] += alpha
    size = float(np.linalg.norm(gram))
    factor = Factor(gram)
    if not factor.ok:
        return None, np.zeros(0), size
    dual = factor.solve(Y)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    # the smoother's weights are at most |x| / (2 sqrt(alpha)) long
    per_row = lengths / (2 * np.sqrt(alpha)) * float(np.linalg.norm(dual, axis=0).max())
    return A.T @ dual, per_row, size


def _is_numbers(y: np.ndarray) -> bool:
    return y.dtype.kind in "fiub" and y.ndim <= 2
