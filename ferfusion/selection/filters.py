"""Filters: keep the columns that score best one by one."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np

from ferfusion.base.errors import SelectionError
from ferfusion.selection.base import ColumnSelector
from ferfusion.selection.ranking import best_mask, count_wanted, named, order_of, positions_of
from ferfusion.selection.scores import SCORES

__all__ = ["FilterSelector", "score_columns"]


def score_columns(criterion: str | Callable, X: np.ndarray, y: np.ndarray, random_state: Any = None) -> np.ndarray:
    """Score of each column by name or function.

    Parameters
    ----------
    criterion : str or callable
        A name of ``SCORES``, or a function (X, y) that gives one number a column, larger is better.
    X : ndarray, shape (n_samples, n_features)
        Samples.
    y : ndarray, shape (n_samples,)
        Classes.
    random_state : int, RandomState or None
        Seed, for scores that take ``random_state``; None leaves them at their own fixed seed.

    Returns
    -------
    ndarray, shape (n_features,)

    Raises
    ------
    UnknownNameError
        If there is no criterion of this name.
    SelectionError
        If a function gives another number of scores than there are columns.
    """
    function = named("criterion", criterion, SCORES)
    seeds = random_state is not None and "random_state" in signature(function).parameters
    scores = np.asarray(function(X, y, random_state=random_state) if seeds else function(X, y), dtype=np.float64)
    if scores.shape != (X.shape[1],):
        message = f"The criterion {criterion!r} gave the shape {scores.shape} for {X.shape[1]} columns."
        raise SelectionError(message)
    return scores


class FilterSelector(ColumnSelector):
    """Keep the columns that score best, each looked at by itself.

    The cheapest chooser, and the one that any search must beat.

    Parameters
    ----------
    criterion : str or callable, default="anova"
        ``anova`` ``chi2`` ``fisher`` ``hsic`` ``mutual_information`` ``per_emotion`` ``per_emotion_mean``
        ``per_emotion_turns`` ``random`` ``relieff`` ``state_information``, or a function (X, y) that gives one
        number a column, larger is better; classes reach it as 0, 1, ...
    n_features : int, float or None, default=100
        Columns to keep, or their share; a number larger than there are columns keeps all of them.
        With None only ``threshold`` counts.
    threshold : float, optional
        Columns that score less are dropped, whatever ``n_features`` says.
    random_state : int, RandomState or None, default=0
        Seed of ``mutual_information`` and ``random``.

    Attributes
    ----------
    scores_ : ndarray, shape (n_features,)
        Score of each column.
    ranking_ : ndarray of int, shape (n_features,)
        Place of each column, 1 for the best; of equal columns the first is better.
    support_ : ndarray of bool, shape (n_features,)
        Columns that are kept.
    fitted_rows_ : ndarray of uint64, shape (n_samples,)
        Digests of the rows that were seen (see :mod:`ferfusion.selection.leak`).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> FilterSelector("anova", n_features=2).fit(X, y).get_support(indices=True).tolist()
    [2, 3]
    """

    def __init__(
        self,
        criterion: str | Callable = "anova",
        n_features: int | float | None = 100,
        threshold: float | None = None,
        random_state: Any = 0,
    ) -> None:
        self.criterion = criterion
        self.n_features = n_features
        self.threshold = threshold
        self.random_state = random_state

    def fit(self, X: Any, y: Any, groups: Any = None) -> FilterSelector:
        """Score the columns.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Samples.
        y : array-like, shape (n_samples,)
            Classes.
        groups : ignored
            Columns are scored one by one, without folds.

        Raises
        ------
        SelectionError
            If there is one class only, or no column reaches the threshold.
        """
        A, codes, _ = self._checked(X, y)
        n_wanted = count_wanted(self.n_features, A.shape[1])
        self.scores_ = score_columns(self.criterion, A, codes, self.random_state)
        self.ranking_ = positions_of(order_of(self.scores_))
        support = best_mask(self.scores_, n_wanted)
        if self.threshold is not None:
            support &= self.scores_ >= self.threshold
        if not support.any():
            message = f"No column reaches the threshold {self.threshold:g}; the best scores {np.max(self.scores_):g}."
            raise SelectionError(message)
        self.support_ = support
        return self
