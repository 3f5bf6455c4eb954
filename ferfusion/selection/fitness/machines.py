"""Support vector machines with a linear kernel from shared inner products."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone
from sklearn.svm import SVC

from ferfusion.selection.fitness.kernels import inner_products
from ferfusion.selection.fitness.problem import Problem

__all__ = ["MachinePath"]


class MachinePath:
    """Predictions of ``SVC(kernel="linear")``.

    libsvm gets inner products that equal its own to the last bit, so its steps and its solution are the same; they
    are computed once for all folds and all pairs of classes.

    Parameters
    ----------
    problem : Problem
        Samples and folds.
    """

    kind = "linear_svm"

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @staticmethod
    def covers(problem: Problem) -> bool:
        """Whether this path gives what the estimator gives."""
        model = problem.final
        return (
            type(model) is SVC
            and isinstance(model.kernel, str)
            and model.kernel == "linear"
            and model.probability in (False, "deprecated")
            and not model.break_ties
            and problem.is_classes
            and 8 * len(problem.X) ** 2 * 3 * problem.workers <= problem.memory
        )

    def predictions(self, columns: np.ndarray) -> list[np.ndarray | None]:
        """Codes of the predicted classes of each fold's test rows; None where scikit-learn must decide.

        Parameters
        ----------
        columns : ndarray of int
            The subset.
        """
        problem, found = self.problem, []
        if not problem.scalers:
            rows = np.ascontiguousarray(problem.raw(columns))
            products = inner_products(rows, rows, True)
        for i, (train, test) in enumerate(problem.splits):
            if problem.scalers:
                A, B = map(np.ascontiguousarray, problem.fold(i, columns))
                found.append(self._predicted(train, inner_products(A, A, True), inner_products(B, A, False)))
            else:
                found.append(self._predicted(train, products[np.ix_(train, train)], products[np.ix_(test, train)]))
        return found

    def _predicted(self, train: np.ndarray, of_train: np.ndarray, of_test: np.ndarray) -> np.ndarray | None:
        try:
            model = clone(self.problem.final).set_params(kernel="precomputed").fit(of_train, self.problem.y[train])
        except ValueError:
            return None  # such as one class only: in the words of the machine that was asked for
        return np.searchsorted(self.problem.classes, model.predict(of_test))
