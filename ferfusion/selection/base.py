"""What all choosers of columns share: checked input, inner folds that keep speakers together, a mask."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ferfusion.base.errors import SelectionError
from ferfusion.base.grouped import grouped_splits
from ferfusion.selection.leak import row_digests

__all__ = ["ColumnSelector", "Split", "inner_splits"]

Split = tuple[np.ndarray, np.ndarray]


class ColumnSelector(SelectorMixin, BaseEstimator):
    """Base of choosers of columns: ``fit`` leaves a mask in ``support_``.

    Attributes
    ----------
    support_ : ndarray of bool, shape (n_features,)
        Columns that are kept.
    fitted_rows_ : ndarray of uint64, shape (n_samples,)
        Digests of the rows that were seen (see :mod:`ferfusion.selection.leak`).
    """

    support_: np.ndarray

    def _checked(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Columns, the number of each sample's class, and the classes.

        Raises
        ------
        ValueError
            If a value is missing or infinite, or labels are not classes, in the words of scikit-learn.
        SelectionError
            If there is one class only.
        """
        A, labels = validate_data(self, X, y, dtype=np.float64, order="C", ensure_min_samples=2)
        check_classification_targets(labels)
        classes, codes = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            message = f"Columns are chosen by how they tell classes apart, but there is one class only: {classes[0]!r}."
            raise SelectionError(message)
        self.fitted_rows_ = row_digests(A)
        return A, codes, classes

    def _get_support_mask(self) -> np.ndarray:
        check_is_fitted(self, "support_")
        return self.support_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def inner_splits(cv: Any, X: np.ndarray, y: np.ndarray, groups: Any = None, random_state: Any = 0) -> list[Split]:
    """Folds inside a fit, by which subsets of columns are judged.

    Parameters
    ----------
    cv : int, splitter, iterable of (train, test), or None
        A number (None: 5) gives stratified folds in which no group is torn apart; anything else is used as it is.
    X : ndarray, shape (n_samples, n_features)
        Rows to split.
    y : ndarray, shape (n_samples,)
        Class of each.
    groups : array-like of shape (n_samples,), optional
        Such as speakers.
    random_state : int, RandomState or None, default=0
        Seed of the shuffling where ``cv`` is a number.

    Returns
    -------
    list of (train, test) pairs of index arrays

    Raises
    ------
    ProtocolError
        If not even two folds can be made.
    SelectionError
        If the folds are none, or ``groups`` has another length than ``y``.
    """
    groups = None if groups is None else np.asarray(groups)
    if groups is not None and len(groups) != len(y):
        message = f"There are {len(groups)} groups for {len(y)} samples."
        raise SelectionError(message)
    if cv is None or isinstance(cv, int | np.integer):
        seed = random_state if isinstance(random_state, int) else check_random_state(random_state).randint(2**31 - 1)
        return grouped_splits(y, groups, 5 if cv is None else int(cv), seed)
    splits = cv.split(X, y, groups) if hasattr(cv, "split") else cv
    made = [(np.asarray(train), np.asarray(test)) for train, test in splits]
    if not made:
        message = "'cv' gives no folds."
        raise SelectionError(message)
    return made
