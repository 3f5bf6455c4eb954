"""What estimators share that work on each view by itself: columns, means, and rows that have a view."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from ferfusion.base.adapters import number_views
from ferfusion.base.errors import FeatureError
from ferfusion.base.table import check_table, columns_of, features_of, fitted_features, present_rows

__all__ = ["OnViews", "aligned_features", "column_means"]


class OnViews(BaseEstimator):
    """Base of estimators that know views, their columns and means, and which rows have them.

    Subclasses have the parameter ``views`` (None for all views that are no frames).
    """

    least: ClassVar[int] = 1

    views: Any
    views_: list[str]
    columns_: dict[str, list[str]]
    means_: dict[str, np.ndarray]

    def _learn_views(self, X: pd.DataFrame) -> None:
        check_table(X)
        self.views_ = number_views(X, self.views)
        if len(self.views_) < self.least:
            number = {1: "one view", 2: "two views"}[self.least]
            message = f"{type(self).__name__} needs {number} at least; the table has {self.views_}."
            raise FeatureError(message)
        self.columns_ = {view: columns_of(X, view) for view in self.views_}
        self.means_ = {view: column_means(features_of(X, view)) for view in self.views_}

    def _filled(self, X: pd.DataFrame, view: str) -> tuple[np.ndarray, np.ndarray]:
        """Centred columns of a view, holes filled by the training mean, and which rows have the view."""
        A = aligned_features(X, self.columns_[view])
        return np.where(np.isnan(A), 0.0, A - self.means_[view]), ~np.isnan(A).all(axis=1)

    def _complete(self, X: pd.DataFrame) -> tuple[np.ndarray, list[np.ndarray]]:
        """Rows that have all views, and the views of these."""
        rows = np.logical_and.reduce([present_rows(X, view) for view in self.views_])
        if rows.sum() < 2:
            message = f"Only {int(rows.sum())} rows have all of the views {self.views_}; two are needed at least."
            raise FeatureError(message)
        return rows, [self._filled(X, view)[0][rows] for view in self.views_]


def column_means(A: np.ndarray) -> np.ndarray:
    """Means of columns over what is there, 0 for a column without a value.

    Parameters
    ----------
    A : ndarray, shape (n_utterances, n_features)
        NaN where a value is missing.

    Returns
    -------
    ndarray, shape (n_features,)
    """
    there = ~np.isnan(A)
    return np.where(there, A, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)


def aligned_features(X: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Columns of a view as it was fitted on; missing where the table lacks the view altogether.

    Parameters
    ----------
    X : DataFrame
        The table.
    columns : list of str
        Full names of the view's columns.

    Returns
    -------
    ndarray, shape (n_utterances, n_features)

    Raises
    ------
    FeatureError
        If the table has some of the columns, but not all.
    """
    check_table(X)
    if not set(columns) & set(X.columns.tolist()):
        return np.full((len(X), len(columns)), np.nan)
    return fitted_features(X, columns)
