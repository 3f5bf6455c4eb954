"""Splits that keep a speaker together, and a ``cv`` for estimators that were given none."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from ferfusion.base.errors import FeatureError, ProtocolError

__all__ = ["GroupedFolds", "give_grouped_cv", "grouped_splits"]

Split = tuple[np.ndarray, np.ndarray]


def grouped_splits(y: np.ndarray, groups: np.ndarray | None, n_splits: int = 5, seed: int = 0) -> list[Split]:
    """Stratified folds in which no group is torn apart.

    Parameters
    ----------
    y : ndarray, shape (n_samples,)
        Class labels.
    groups : ndarray of shape (n_samples,), or None
        Group of each sample. With None or one group only the folds are stratified, not grouped: there is
        nothing to keep apart.
    n_splits : int, default=5
        Number of folds wanted; fewer where there are fewer groups, or fewer samples of the largest class.
    seed : int, default=0
        Seed of the shuffling.

    Returns
    -------
    list of (train, test) pairs of index arrays

    Raises
    ------
    ProtocolError
        If not even two folds can be made.
    """
    largest = int(np.unique(y, return_counts=True)[1].max())
    n_groups = len(y) if groups is None else len(np.unique(groups))
    grouped = groups is not None and n_groups > 1
    n_splits = min(n_splits, largest, n_groups if grouped else len(y))
    if n_splits < 2:
        message = f"Inner folds need at least two samples of some class; there are {len(y)} samples in all."
        raise ProtocolError(message)
    kind = StratifiedGroupKFold if grouped else StratifiedKFold
    splitter = kind(n_splits=n_splits, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # a class rarer than the folds are many is absent from some of them, and whoever asked copes with that
        warnings.filterwarnings("ignore", message="The least populated class in y", category=UserWarning)
        splits = list(splitter.split(np.zeros(len(y)), y, groups if grouped else None))
    return [(train, test) for train, test in splits if len(train) and len(test)]


class GroupedFolds:
    """A ``cv`` object that knows the groups of one fit.

    scikit-learn's own tools cannot pass groups down to a nested ``cv`` unless metadata routing is switched
    on for the whole process; this object brings them along.

    Parameters
    ----------
    groups : ndarray of shape (n_samples,), or None
        Groups of the rows that will be split.
    n_splits : int, default=5
        Number of folds wanted.
    rows : ndarray of shape (n_samples, n_features), optional
        The rows themselves, by which a search inside a search finds the groups of the part it is given.
    """

    def __init__(self, groups: np.ndarray | None, n_splits: int = 5, rows: np.ndarray | None = None) -> None:
        self.groups = groups
        self.n_splits = n_splits
        self.by_row: dict[str, str] = {}
        if groups is not None and rows is not None:
            self.by_row = dict(zip(_row_keys(rows), map(str, groups), strict=True))

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Yield the folds of the rows whose groups are known, or of a part of them.

        Raises
        ------
        FeatureError
            If it is a part and its rows are not found again, since a step before has changed them.
        """
        n = len(y) if y is not None else len(X)
        labels = np.zeros(n, dtype=int) if y is None else np.asarray(y)
        yield from grouped_splits(labels, self._groups_of(X, n), self.n_splits)

    def _groups_of(self, X: Any, n: int) -> np.ndarray | None:
        if self.groups is None or n == len(self.groups):
            return self.groups
        found = [self.by_row.get(key) for key in _row_keys(np.asarray(X))] if self.by_row else [None]
        if None in found:
            message = (
                f"Grouped folds were made for {len(self.groups)} rows but are asked to split {n} others. "
                "Give the inner estimator a 'cv' of its own."
            )
            raise FeatureError(message)
        return np.array(found)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of folds wanted, or made where ``y`` is given."""
        return self.n_splits if y is None else len(list(self.split(X, y)))


def _row_keys(rows: Any) -> list[str]:
    table = np.ascontiguousarray(rows, dtype=np.float64)
    return [blake2b(row.tobytes(), digest_size=8).hexdigest() for row in table]


def give_grouped_cv(estimator: Any, groups: np.ndarray | None, rows: np.ndarray | None = None) -> Any:
    """Put this fit's grouped folds wherever an estimator has a ``cv`` that is a number or unset.

    Parameters
    ----------
    estimator : estimator
        Changed in place; hand in a clone.
    groups : ndarray of shape (n_samples,), or None
        Groups of the rows of the coming fit.
    rows : ndarray of shape (n_samples, n_features), optional
        These rows.

    Returns
    -------
    estimator
        The same object. A ``cv`` that is a splitter or a list was chosen by the user and stays.
    """
    for name, value in estimator.get_params(deep=True).items():
        if name.split("__")[-1] == "cv" and (value is None or isinstance(value, int)):
            # only a cv inside of something can be handed a part of the rows
            part = rows if "__" in name else None
            estimator.set_params(**{name: GroupedFolds(groups, value or 5, part)})
    return estimator
