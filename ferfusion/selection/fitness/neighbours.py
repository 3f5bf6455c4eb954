"""Nearest neighbours of all folds from one matrix of inner products."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from ferfusion.selection.fitness.grams import GramBank
from ferfusion.selection.fitness.kernels import vote
from ferfusion.selection.fitness.problem import EPS, Problem

__all__ = ["NeighbourPath"]


class NeighbourPath:
    """Predictions of ``KNeighborsClassifier`` with Euclidean distances.

    One matrix of inner products of all rows serves all folds (one a fold where scalers come first). Where
    rounding could decide who the nearest are, or how the vote ends, the fold is left to scikit-learn.

    Parameters
    ----------
    problem : Problem
        Samples and folds.
    """

    kind = "neighbours"

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        n = len(problem.X)
        each = 8 * n * n * 4  # a matrix, what it is made from, and two steps between
        kept = problem.memory // 2 - each * problem.workers
        self._bank = None if problem.scalers or kept < 0 else GramBank(problem.X, kept)
        self._times = [np.bincount(train, minlength=n) for train, _ in problem.splits]
        self._tile = max(1, problem.memory // (8 * n * 3 * problem.workers))

    @staticmethod
    def covers(problem: Problem) -> bool:
        """Whether this path gives what the estimator gives."""
        model = problem.final
        return bool(
            type(model) is KNeighborsClassifier
            and problem.is_classes
            and (model.metric == "euclidean" or (model.metric == "minkowski" and model.p == 2))
            and model.metric_params is None
            and model.weights in ("uniform", "distance", None)
            and isinstance(model.n_neighbors, int | np.integer)
            and model.n_neighbors > 0
        )

    def predictions(self, columns: np.ndarray) -> list[np.ndarray | None]:
        """Codes of the predicted classes of each fold's test rows; None where scikit-learn must decide.

        Parameters
        ----------
        columns : ndarray of int
            The subset.
        """
        if self._bank is None:
            return [self._of_fold(i, columns) for i in range(len(self.problem.splits))]
        gram = self._bank(columns)
        # of rows as scikit-learn has them, not centred: (a + b)² <= 2 a² + 2 b²
        lengths = 2 * (gram.squares + (self._bank.means[columns] ** 2).sum())
        slack = gram.slack() + EPS * (len(columns) + 8) * lengths
        rows = (gram.squares, slack)
        return [
            self._vote(gram.products, test, times, rows, rows, self.problem.codes)
            for times, (_, test) in zip(self._times, self.problem.splits, strict=True)
        ]

    def _of_fold(self, i: int, columns: np.ndarray) -> np.ndarray | None:
        A, B = self.problem.fold(i, columns)
        codes = self.problem.codes[self.problem.splits[i][0]]
        slacks = _slack(A), _slack(B)
        centre = A.mean(axis=0)
        A, B = A - centre, B - centre
        of_train = (np.einsum("ij,ij->i", A, A), slacks[0] + _slack(A))
        squares, slack = np.einsum("ij,ij->i", B, B), slacks[1] + _slack(B)
        found = []
        for start in range(0, len(B), self._tile):
            part = slice(start, start + self._tile)
            products = B[part] @ A.T
            of_test = (squares[part], slack[part])
            got = self._vote(
                products, np.arange(len(products)), np.ones(len(A), dtype=np.int64), of_test, of_train, codes
            )
            if got is None:
                return None
            found.append(got)
        return np.concatenate(found)

    def _vote(
        self,
        products: np.ndarray,
        rows: np.ndarray,
        times: np.ndarray,
        of_rows: tuple[np.ndarray, np.ndarray],
        of_columns: tuple[np.ndarray, np.ndarray],
        codes: np.ndarray,
    ) -> np.ndarray | None:
        model = self.problem.final
        if model.n_neighbors > times.sum():
            return None  # an error, in scikit-learn's words
        out = np.empty(len(rows), dtype=np.int64)
        by_distance = model.weights == "distance"
        n_classes = len(self.problem.classes)
        k = int(model.n_neighbors)
        vote(products, rows, times, *of_rows, *of_columns, codes, k, by_distance, n_classes, out)
        return None if (out < 0).any() else out


def _slack(rows: np.ndarray) -> np.ndarray:
    """Bound of the error of squared distances that are computed from lengths and inner products."""
    return EPS * (rows.shape[1] + 8) * np.einsum("ij,ij->i", rows, rows)
