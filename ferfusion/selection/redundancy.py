"""Choosers that mind what the chosen columns say twice: MRMR, and pruning of correlated columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from scipy.stats import rankdata

from ferfusion.base.errors import SelectionError, UnknownNameError
from ferfusion.selection.base import ColumnSelector
from ferfusion.selection.filters import score_columns
from ferfusion.selection.ranking import count_wanted, named, order_of
from ferfusion.selection.scores import information_between, states_of

__all__ = [
    "REDUNDANCIES",
    "CorrelationPruner",
    "MRMRSelector",
    "correlation_with",
    "rank_correlation_with",
    "state_information_with",
]

SharedWith = Callable[[int], np.ndarray]

_FLOOR = 1e-3  # least mean redundancy that a quotient divides by, so that chance does not make a score endless
_BLOCK = 512  # columns whose correlations are computed at a time


def correlation_with(X: np.ndarray) -> SharedWith:
    """Function that gives the absolute correlation of all columns with one.

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_features)
        Samples.

    Returns
    -------
    callable
        Takes the number of a column, gives an ndarray of shape (n_features,) with values from 0 to 1. A column that
        never varies correlates with none.
    """
    Z = _standardised(X)
    return lambda column: np.minimum(np.abs(Z[:, column] @ Z), 1.0)


def rank_correlation_with(X: np.ndarray) -> SharedWith:
    """As :func:`correlation_with`, of ranks (Spearman)."""
    return correlation_with(rankdata(X, axis=0))


def state_information_with(X: np.ndarray) -> SharedWith:
    """Function that gives the mutual information in nats of all columns with one, each cut into three states.

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_features)
        Samples.

    Returns
    -------
    callable
        Takes the number of a column, gives an ndarray of shape (n_features,).
    """
    states = states_of(X)
    return lambda column: information_between(states, states[:, :, column].T)


REDUNDANCIES: dict[str, Callable[[np.ndarray], SharedWith]] = {
    "correlation": correlation_with,
    "rank_correlation": rank_correlation_with,
    "state_information": state_information_with,
}


class MRMRSelector(ColumnSelector):
    """Minimum redundancy, maximum relevance: take columns one by one that say much of the class and little twice.

    The first column is the most relevant one. Each further one has the largest difference (or quotient) of its
    relevance and its mean redundancy with those taken so far; of equal ones the first is taken.

    Parameters
    ----------
    n_features : int or float, default=100
        Columns to keep, or their share; a number larger than there are columns keeps all of them.
    relevance : str or callable, default="anova"
        As the criterion of ``FilterSelector``.
    redundancy : {"correlation", "rank_correlation", "state_information"} or callable, default="correlation"
        What two columns share; a callable is given the samples and gives a function of a column's number.
    scheme : {"quotient", "difference"}, default="quotient"
        ``quotient`` divides by the redundancy (0.001 at least); ``difference`` takes it away, which means something
        only where both are of one kind, such as ``state_information`` and ``state_information`` [1]_.
    random_state : int, RandomState or None, default=0
        Seed of relevances that take one.

    Attributes
    ----------
    relevance_ : ndarray, shape (n_features,)
        Relevance of each column.
    order_ : ndarray of int, shape (n_selected,)
        Columns in the order in which they were taken.
    scores_ : ndarray, shape (n_selected,)
        Score of each when it was taken; for the first its relevance.
    support_ : ndarray of bool, shape (n_features,)
        Columns that are kept.
    fitted_rows_ : ndarray of uint64, shape (n_samples,)
        Digests of the rows that were seen.

    References
    ----------
    .. [1] C. Ding and H. Peng, "Minimum redundancy feature selection from microarray gene expression data",
       Journal of Bioinformatics and Computational Biology 3(2), 2005, doi:10.1142/S0219720005001004.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 50)
    >>> X = rng.normal(size=(100, 3))
    >>> X[:, 0] += 3 * y
    >>> X[:, 1] = X[:, 0] + 0.01 * X[:, 1]
    >>> X[:, 2] += y
    >>> by_states = MRMRSelector(2, "state_information", "state_information", scheme="difference")
    >>> by_states.fit(X, y).order_.tolist()
    [1, 2]
    """

    def __init__(
        self,
        n_features: int | float = 100,
        relevance: str | Callable = "anova",
        redundancy: str | Callable = "correlation",
        scheme: Literal["quotient", "difference"] = "quotient",
        random_state: Any = 0,
    ) -> None:
        self.n_features = n_features
        self.relevance = relevance
        self.redundancy = redundancy
        self.scheme = scheme
        self.random_state = random_state

    def fit(self, X: Any, y: Any, groups: Any = None) -> MRMRSelector:
        """Take columns one by one.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Samples.
        y : array-like, shape (n_samples,)
            Classes.
        groups : ignored
            There are no folds.

        Raises
        ------
        UnknownNameError
            If a relevance, redundancy or scheme is not known.
        SelectionError
            If there is one class only.
        """
        A, codes, _ = self._checked(X, y)
        if self.scheme not in ("quotient", "difference"):
            raise UnknownNameError("MRMR scheme", self.scheme, ["quotient", "difference"])
        shared_with = named("redundancy", self.redundancy, REDUNDANCIES)(A)
        n_wanted = count_wanted(self.n_features, A.shape[1])
        self.relevance_ = score_columns(self.relevance, A, codes, self.random_state)
        taken = [int(order_of(self.relevance_)[0])]
        scores = [float(self.relevance_[taken[0]])]
        total, free = np.zeros(A.shape[1]), np.ones(A.shape[1], dtype=bool)
        free[taken[0]] = False
        while len(taken) < n_wanted:
            total += shared_with(taken[-1])
            merits = np.where(free, self._merits(total / len(taken)), -np.inf)
            # a relevance of minus infinity or nan must not bring back a column that is taken
            candidates = np.flatnonzero(free)
            taken.append(int(candidates[order_of(merits[candidates])[0]]))
            scores.append(float(merits[taken[-1]]))
            free[taken[-1]] = False
        self.order_, self.scores_ = np.array(taken), np.array(scores)
        self.support_ = ~free
        return self

    def _merits(self, redundancy: np.ndarray) -> np.ndarray:
        if self.scheme == "quotient":
            return self.relevance_ / np.maximum(redundancy, _FLOOR)
        return self.relevance_ - redundancy


class CorrelationPruner(ColumnSelector):
    """Of columns that are nearly the same keep the one that says most of the class.

    Columns are gone through from the most to the least relevant; one is kept if it correlates with no column kept
    before by more than the threshold. So the most relevant column always stays, and a column is never dropped for
    the sake of one that was dropped itself. Columns that never vary are dropped.

    Parameters
    ----------
    threshold : float, default=0.95
        Absolute correlation from 0 to 1 above which two columns are nearly the same.
    relevance : str or callable, default="anova"
        As the criterion of ``FilterSelector``; of equally relevant columns the first is kept.
    random_state : int, RandomState or None, default=0
        Seed of relevances that take one.

    Attributes
    ----------
    relevance_ : ndarray, shape (n_features,)
        Relevance of each column.
    rivals_ : ndarray of int, shape (n_features,)
        For each dropped column the kept one that it resembles most; -1 for columns that are kept or never vary.
    support_ : ndarray of bool, shape (n_features,)
        Columns that are kept.
    fitted_rows_ : ndarray of uint64, shape (n_samples,)
        Digests of the rows that were seen.

    Notes
    -----
    Correlations are computed in blocks of 512 columns with those kept so far: O(n d²) time, O((n + 512) d) memory.
    """

    def __init__(self, threshold: float = 0.95, relevance: str | Callable = "anova", random_state: Any = 0) -> None:
        self.threshold = threshold
        self.relevance = relevance
        self.random_state = random_state

    def fit(self, X: Any, y: Any, groups: Any = None) -> CorrelationPruner:
        """Go through the columns.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Samples.
        y : array-like, shape (n_samples,)
            Classes.
        groups : ignored
            There are no folds.

        Raises
        ------
        SelectionError
            If the threshold is no correlation, there is one class only, or no column varies.
        """
        A, codes, _ = self._checked(X, y)
        if not 0 <= self.threshold <= 1:
            message = f"'threshold' is an absolute correlation from 0 to 1, not {self.threshold!r}."
            raise SelectionError(message)
        self.relevance_ = score_columns(self.relevance, A, codes, self.random_state)
        varies = np.ptp(A, axis=0) > 0
        if not varies.any():
            message = "No column varies, so there is nothing to keep."
            raise SelectionError(message)
        order = order_of(self.relevance_)
        self.rivals_ = np.full(A.shape[1], -1)
        self.support_ = self._keep(_standardised(A), order[varies[order]])
        return self

    def _keep(self, Z: np.ndarray, order: np.ndarray) -> np.ndarray:
        kept = np.zeros(0, dtype=np.int64)
        for start in range(0, len(order), _BLOCK):
            block = order[start : start + _BLOCK]
            before = np.abs(Z[:, kept].T @ Z[:, block])
            inside = np.abs(Z[:, block].T @ Z[:, block])
            chosen: list[int] = []
            for i, column in enumerate(block):
                alike = np.concatenate([before[:, i], inside[chosen, i]])
                if len(alike) and alike.max() > self.threshold:
                    rivals = np.concatenate([kept, block[chosen]])
                    self.rivals_[column] = rivals[np.argmax(alike)]
                else:
                    chosen.append(i)
            kept = np.concatenate([kept, block[chosen]])
        support = np.zeros(Z.shape[1], dtype=bool)
        support[kept] = True
        return support


def _standardised(X: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and length 1, so that products are correlations; those that never vary become 0."""
    centred = X - X.mean(axis=0)
    lengths = np.sqrt((centred**2).sum(axis=0))
    varies = np.ptp(X, axis=0) > 0
    return np.where(varies, centred / np.where(varies, lengths, 1.0), 0.0)
