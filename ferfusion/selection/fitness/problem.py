"""What a subset of columns is judged by: samples, folds, scalers, classes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.multiclass import type_of_target

__all__ = ["EPS", "Problem", "split_pipeline"]

EPS = float(np.finfo(np.float64).eps)
_SCALERS = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler)  # each column is scaled on its own

Split = tuple[np.ndarray, np.ndarray]


def split_pipeline(estimator: Any) -> tuple[list[Any], Any]:
    """Column-wise scalers in front of an estimator, and the estimator.

    Parameters
    ----------
    estimator : estimator
        A pipeline or not.

    Returns
    -------
    scalers : list of transformers
        Empty if there are none, or if some step is no scaler: then the estimator comes back whole.
    final : estimator
    """
    if type(estimator) is not Pipeline or estimator.memory is not None:
        return [], estimator
    scalers = [step for _, step in estimator.steps[:-1] if step is not None and step != "passthrough"]
    if all(type(scaler) in _SCALERS for scaler in scalers):
        return scalers, estimator.steps[-1][1]
    return [], estimator


class Problem:
    """Samples, targets and folds, with what can be made once for all subsets.

    Parameters
    ----------
    estimator : estimator
        What is judged, scalers in front of it included.
    X : ndarray of float64, shape (n_samples, n_features)
        Samples.
    y : ndarray, shape (n_samples,)
        Targets.
    splits : sequence of (train, test) pairs of index arrays
        Folds.
    memory : int
        Bytes that may be spent on what is kept.
    workers : int
        Subsets that are judged at once.

    Attributes
    ----------
    final : estimator
        The estimator without its scalers.
    scalers : list of transformers
        These scalers.
    """

    def __init__(
        self, estimator: Any, X: np.ndarray, y: np.ndarray, splits: Sequence[Split], memory: int, workers: int
    ) -> None:
        self.estimator = estimator
        self.X, self.y, self.splits = X, y, [(np.asarray(train), np.asarray(test)) for train, test in splits]
        self.memory, self.workers = memory, workers
        self.scalers, self.final = split_pipeline(estimator)
        self._keep_scaled = 8 * len(splits) * X.size <= memory // 2
        self._scaled: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    @cached_property
    def is_classes(self) -> bool:
        """Whether targets are classes."""
        return self.y.ndim == 1 and type_of_target(self.y) in ("binary", "multiclass")

    @cached_property
    def classes(self) -> np.ndarray:
        """Classes in sorted order."""
        return np.unique(self.y)

    @cached_property
    def codes(self) -> np.ndarray:
        """Number of each sample's class."""
        return np.searchsorted(self.classes, self.y).astype(np.int64)

    def raw(self, columns: np.ndarray) -> np.ndarray:
        """Columns the way ``X[:, mask]`` lays them out, so that sums over rows round alike."""
        return self.X[:, columns]

    def fold(self, i: int, columns: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Rows of a fold, scaled by its training rows.

        Parameters
        ----------
        i : int
            Number of the fold.
        columns : ndarray of int, optional
            Which columns; all if missing.

        Returns
        -------
        train, test : ndarray, shape (n_rows, n_columns)
        """
        train, test = self.splits[i]
        if not self.scalers:
            X = self.X if columns is None else self.raw(columns)
            return X[train], X[test]
        if columns is not None and not self._keep_scaled:
            return self._scale(i, columns)
        if i in self._scaled:
            made = self._scaled[i]
        else:
            made = self._scale(i, np.arange(self.X.shape[1]))
            if self._keep_scaled:
                self._scaled[i] = made
        return made if columns is None else (made[0][:, columns], made[1][:, columns])

    def _scale(self, i: int, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        train, test = self.splits[i]
        X = self.raw(columns)
        A, B = X[train], X[test]
        for scaler in self.scalers:
            fitted = clone(scaler)
            A = fitted.fit_transform(A)
            B = fitted.transform(B)
        return A, B
