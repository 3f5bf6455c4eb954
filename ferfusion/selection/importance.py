"""Keep the columns that a fitted model leans on: importances of trees, sizes of coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier

from ferfusion.base.errors import SelectionError
from ferfusion.selection.base import ColumnSelector
from ferfusion.selection.ranking import best_mask, count_wanted, order_of, positions_of, seeded

__all__ = ["ImportanceSelector", "importances_of"]


def importances_of(model: Any, n_features: int) -> np.ndarray:
    """How much a fitted model leans on each column.

    Parameters
    ----------
    model : fitted estimator
        With ``feature_importances_`` or ``coef_``.
    n_features : int
        Columns it was fitted on.

    Returns
    -------
    ndarray, shape (n_features,)
        Importances, or absolute coefficients summed over the classes, which compare columns only where these have
        one scale.

    Raises
    ------
    SelectionError
        If the model has neither, or of another shape.
    """
    found = getattr(model, "feature_importances_", None)
    if found is None and getattr(model, "coef_", None) is not None:
        found = np.abs(np.atleast_2d(np.asarray(model.coef_))).sum(axis=0)
    if found is None or np.shape(found) != (n_features,):
        message = (
            f"{type(model).__name__} has neither 'feature_importances_' nor 'coef_' of {n_features} columns. "
            "Take a forest or a linear model."
        )
        raise SelectionError(message)
    return np.asarray(found, dtype=np.float64)


class ImportanceSelector(ColumnSelector):
    """Keep the columns on which a model that is fitted once leans most.

    Parameters
    ----------
    estimator : estimator, optional
        Classifier with ``feature_importances_`` or ``coef_``; a random forest of 500 trees if missing.
    n_features : int, float or None, default=100
        Columns to keep, or their share; a number larger than there are columns keeps all of them.
        With None only ``threshold`` counts.
    threshold : float, optional
        Columns of less importance are dropped, whatever ``n_features`` says.
    random_state : int, RandomState or None, default=0
        Seed of every ``random_state`` of the estimator that is None.
    n_jobs : int, optional
        Trees of the default forest that grow at a time.

    Attributes
    ----------
    scores_ : ndarray, shape (n_features,)
        Importance of each column.
    ranking_ : ndarray of int, shape (n_features,)
        Place of each column, 1 for the best; of equal columns the first is better.
    support_ : ndarray of bool, shape (n_features,)
        Columns that are kept.
    fitted_rows_ : ndarray of uint64, shape (n_samples,)
        Digests of the rows that were seen.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> ImportanceSelector(n_features=2).fit(X, y).get_support(indices=True).tolist()
    [2, 3]
    """

    def __init__(
        self,
        estimator: Any = None,
        n_features: int | float | None = 100,
        threshold: float | None = None,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_features = n_features
        self.threshold = threshold
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, groups: Any = None) -> ImportanceSelector:
        """Fit the model and rank the columns.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Samples.
        y : array-like, shape (n_samples,)
            Classes.
        groups : ignored
            The model is fitted once, on all rows.

        Raises
        ------
        SelectionError
            If the model has no importances, there is one class only, or no column reaches the threshold.
        """
        A, codes, classes = self._checked(X, y)
        n_wanted = count_wanted(self.n_features, A.shape[1])
        forest = RandomForestClassifier(500, n_jobs=self.n_jobs)
        model = seeded(forest if self.estimator is None else clone(self.estimator), self.random_state)
        self.scores_ = importances_of(model.fit(A, classes[codes]), A.shape[1])
        self.ranking_ = positions_of(order_of(self.scores_))
        support = best_mask(self.scores_, n_wanted)
        if self.threshold is not None:
            support &= self.scores_ >= self.threshold
        if not support.any():
            message = f"No column reaches the importance {self.threshold:g}; the largest is {np.max(self.scores_):g}."
            raise SelectionError(message)
        self.support_ = support
        return self
