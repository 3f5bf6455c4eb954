"""What the last steps of table pipelines share: which columns they read, and which rows have something to read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from ferfusion.base.adapters import number_views
from ferfusion.base.errors import FeatureError
from ferfusion.base.table import check_table, columns_of, fitted_features, groups_of, present_rows

__all__ = ["LastStep"]


class LastStep(BaseEstimator):
    """Base of estimators that turn a table into arrays for an estimator of scikit-learn.

    Subclasses have the parameter ``estimator``.
    """

    estimator: Any

    def _rows_to_learn(self, X: pd.DataFrame) -> np.ndarray:
        """Set ``columns_``; which rows hold a feature value, shape (n_utterances,)."""
        check_table(X, features=True)
        views = number_views(X)
        self.columns_ = columns_of(X, views)
        rows = present_rows(X, views)
        if not rows.any():
            message = "No row of the training table holds a feature value."
            raise FeatureError(message)
        return rows

    def _rows_to_judge(self, X: pd.DataFrame) -> np.ndarray:
        check_table(X)
        there = set(X.columns.tolist())
        known = [column for column in self.columns_ if column in there]
        return X[known].notna().to_numpy().any(axis=1) if known else np.zeros(len(X), dtype=bool)

    def _array(self, X: pd.DataFrame) -> np.ndarray:
        A = fitted_features(X, self.columns_)
        holes = np.isnan(A)
        if holes.any() and not _takes_nan(self.estimator):
            row, column = np.argwhere(holes)[0]
            message = (
                f"Row {X.index[row]!r} has no value for {self.columns_[column]!r}, and {type(self.estimator).__name__} "
                "takes none that is missing. Put OnFeatures(SimpleImputer()) before it."
            )
            raise FeatureError(message)
        return A

    @staticmethod
    def _groups(X: pd.DataFrame, rows: np.ndarray) -> np.ndarray | None:
        groups = groups_of(X)
        return None if groups is None else groups[rows]


def _takes_nan(estimator: Any) -> bool:
    tags = getattr(estimator, "__sklearn_tags__", None)
    return bool(tags and tags().input_tags.allow_nan)
