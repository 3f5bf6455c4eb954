"""What searches of columns make as small as they can: error and number of columns, weighed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ferfusion.selection.base import Split

__all__ = ["Objective", "fitness_of", "is_bounded", "nearest_neighbours", "slow_score"]


def nearest_neighbours(splits: list[Split]) -> Any:
    """Five nearest neighbours on standardised columns, or as many as the smallest training part has."""
    smallest = min(len(train) for train, _ in splits)
    return make_pipeline(StandardScaler(), KNeighborsClassifier(n_neighbors=min(5, smallest)))


def is_bounded(estimator: Any, scoring: Any) -> bool:
    """Whether 1 is the best score, as for accuracy; else scores are negated losses with 0 for the best."""
    return getattr(check_scoring(estimator, scoring=scoring), "_sign", 1) > 0


def fitness_of(scores: np.ndarray, sizes: np.ndarray, n_columns: int, alpha: float, bounded: bool) -> np.ndarray:
    """Fitness ``alpha * error + (1 - alpha) * size / n_columns`` of subsets; smaller is better.

    Parameters
    ----------
    scores : ndarray, shape (n_subsets,)
        Mean scores over folds; nan where there is none.
    sizes : ndarray of int, shape (n_subsets,)
        Columns of each subset.
    n_columns : int
        Columns there are.
    alpha : float
        Weight of the error in [0, 1].
    bounded : bool
        The error is 1 - score if true, else -score.

    Returns
    -------
    ndarray, shape (n_subsets,)
        Infinite for an empty subset and where there is no score.
    """
    error = 1.0 - scores if bounded else -scores
    fitness = alpha * error + (1.0 - alpha) * sizes / n_columns
    return np.where((sizes == 0) | np.isnan(scores), np.inf, fitness)


class Objective:
    """Fitness of masks by their scores.

    Parameters
    ----------
    scorer : callable
        Takes masks of shape (n_masks, n_columns) and returns their scores, such as a ``SubsetScorer``.
    alpha : float
        Weight of the error.
    bounded : bool
        Whether 1 is the best score.
    """

    def __init__(self, scorer: Callable[[np.ndarray], np.ndarray], alpha: float, bounded: bool) -> None:
        self.scorer = scorer
        self.alpha = alpha
        self.bounded = bounded

    def __call__(self, masks: np.ndarray) -> np.ndarray:
        """Fitness of each mask, shape (n_masks,)."""
        return fitness_of(self.scorer(masks), masks.sum(axis=1), masks.shape[1], self.alpha, self.bounded)


def slow_score(estimator: Any, X: np.ndarray, y: np.ndarray, splits: list[Split], scoring: Any) -> float:
    """Mean score over folds by scikit-learn alone, the reference of the fast way."""
    with warnings.catch_warnings():
        # a class that is rarer than the folds are many is absent from some test parts
        warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true", category=UserWarning)
        return float(cross_val_score(estimator, X, y, cv=splits, scoring=scoring).mean())
