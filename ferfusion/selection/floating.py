"""Sequential floating search: add (or drop) the best column, take back what no longer pays."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from tqdm.auto import tqdm

from ferfusion.base.errors import SelectionError, UnknownNameError
from ferfusion.selection.base import ColumnSelector, inner_splits
from ferfusion.selection.fitness import SubsetScorer
from ferfusion.selection.ranking import count_wanted
from ferfusion.selection.stages import groups_checked

__all__ = ["FloatingSelector"]

Found = tuple[float, np.ndarray]


class FloatingSelector(ColumnSelector):
    """Sequential forward or backward search, by default floating (SFFS, SBFS).

    Forward, the column is added whose set scores best in inner folds. Then columns are dropped again as long as the
    smaller set beats the best set of its size so far. Where a new set is no better than one of its size that is
    known already, the search goes on from the known one. Backward, adding and dropping change places.

    Parameters
    ----------
    estimator : estimator
        Classifier by whose scores subsets are judged; k nearest neighbours, ridge, linear discriminant and linear
        support vector machines are fast.
    n_features : int, float or None, default=10
        Columns to keep, or their share; a number larger than there are columns keeps all of them. With None the
        best of all sizes that were reached is kept, the smaller of two that score alike.
    direction : {"forward", "backward"}, default="forward"
        Start from no column or from all.
    floating : bool, default=True
        Whether steps are taken back.
    scoring : str, callable or None
        As scikit-learn takes it; None is the estimator's own ``score``.
    cv : int, splitter, iterable or None
        Inner folds; a number (None: 5) gives stratified ones that tear no group apart.
    patience : int, optional
        Stop after so many sizes in a row without a new best score, and keep the best subset so far, whatever its
        size. Never if missing.
    n_jobs : int, optional
        Subsets judged at a time; the result is the same.
    random_state : int, RandomState or None, default=0
        Seed of the inner folds where ``cv`` is a number.
    verbose : bool, default=False
        Progress bar, where there is a terminal.

    Attributes
    ----------
    support_ : ndarray of bool, shape (n_features,)
        Columns that are kept.
    score_ : float
        Their mean score over the inner folds: the best of many, so too good as an estimate.
    sizes_ : ndarray of int, shape (n_sizes,)
        Sizes that were reached, in rising order.
    curve_ : ndarray, shape (n_sizes,)
        Best score of each.
    n_asked_ : int
        Subsets that were judged.
    fitted_rows_ : ndarray of uint64, shape (n_samples,)
        Digests of the rows that were seen.

    Notes
    -----
    To reach k of d columns takes about k d judgements forward, (d - k) d backward, and each step back as many more
    as there are columns inside.

    References
    ----------
    P. Pudil, J. Novovičová and J. Kittler, "Floating search methods in feature selection", Pattern Recognition
    Letters 15(11), 1994, doi:10.1016/0167-8655(94)90127-9.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> fitted = FloatingSelector(KNeighborsClassifier(), n_features=None).fit(X, y)
    >>> fitted.sizes_.tolist(), bool(fitted.score_ == fitted.curve_.max())
    ([1, 2, 3, 4], True)
    """

    def __init__(
        self,
        estimator: Any,
        n_features: int | float | None = 10,
        direction: Literal["forward", "backward"] = "forward",
        floating: bool = True,
        scoring: Any = None,
        cv: Any = None,
        patience: int | None = None,
        n_jobs: int | None = None,
        random_state: Any = 0,
        verbose: bool = False,
    ) -> None:
        self.estimator = estimator
        self.n_features = n_features
        self.direction = direction
        self.floating = floating
        self.scoring = scoring
        self.cv = cv
        self.patience = patience
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, groups: Any = None) -> FloatingSelector:
        """Search.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Samples.
        y : array-like, shape (n_samples,)
            Classes.
        groups : array-like of shape (n_samples,), optional
            Such as speakers, which the inner folds keep together.

        Raises
        ------
        SelectionError
            If no subset can be judged, a parameter is out of range, there is one class only, or ``groups`` has
            another length than ``X``.
        ProtocolError
            If not even two inner folds can be made.
        """
        A, codes, classes = self._checked(X, y)
        if self.direction not in ("forward", "backward"):
            raise UnknownNameError("direction of the search", self.direction, ["forward", "backward"])
        if self.patience is not None and self.patience < 1:
            message = f"'patience' is a whole number from 1 on or None, not {self.patience!r}."
            raise SelectionError(message)
        forward, n_columns = self.direction == "forward", A.shape[1]
        goal = count_wanted(self.n_features, n_columns)
        if self.n_features is None:
            goal = n_columns if forward else 1
        labels, groups = classes[codes], groups_checked(groups, len(A))
        splits = inner_splits(self.cv, A, labels, groups, self.random_state)
        judge = SubsetScorer(self.estimator, A, labels, splits, self.scoring, groups=groups, n_jobs=self.n_jobs)
        best = self._search(judge, n_columns, goal, forward)
        self.sizes_ = np.array(sorted(best))
        self.curve_ = np.array([best[size][0] for size in self.sizes_])
        whole = self.n_features is not None and goal in best
        chosen = goal if whole else int(self.sizes_[np.argmax(self.curve_)])
        self.score_, self.support_ = float(best[chosen][0]), best[chosen][1].copy()
        self.n_asked_ = int(judge.n_asked)
        return self

    def _search(self, judge: Any, n_columns: int, goal: int, forward: bool) -> dict[int, Found]:
        """Best subset of each size that is reached on the way to the goal."""
        step, mask = (1 if forward else -1), np.full(n_columns, not forward)
        best: dict[int, Found] = {}
        if not forward:
            best[n_columns] = _best_of(judge, mask[None])
        top, waited = best[n_columns][0] if best else -np.inf, 0
        total = abs(goal - int(mask.sum()))
        with tqdm(total=total, desc="floating", leave=False, disable=None if self.verbose else True) as bar:
            while (size := int(mask.sum())) != goal:
                found = _best_of(judge, _turned(mask, forward))
                new = size + step not in best
                if new or found[0] > best[size + step][0]:
                    best[size + step] = found
                mask = best[size + step][1]
                mask = self._step_back(judge, mask, best, forward) if self.floating else mask
                reached = max(score for score, _ in best.values())
                if new:
                    bar.update()
                    waited = 0 if reached > top else waited + 1
                    top = max(top, reached)
                    if self.patience is not None and waited >= self.patience:
                        break
        return best

    @staticmethod
    def _step_back(judge: Any, mask: np.ndarray, best: dict[int, Found], forward: bool) -> np.ndarray:
        """Undo single columns as long as that beats the best subset of the size that it leads to."""
        step = -1 if forward else 1
        while (size := int(mask.sum())) + step in best:
            found = _best_of(judge, _turned(mask, not forward))
            if found[0] <= best[size + step][0]:
                break
            best[size + step] = found
            mask = found[1]
        return mask


def _turned(mask: np.ndarray, on: bool) -> np.ndarray:
    """All subsets with one column more (``on``) or less."""
    columns = np.flatnonzero(mask != on)
    masks = np.tile(mask, (len(columns), 1))
    masks[np.arange(len(columns)), columns] = on
    return masks


def _best_of(judge: Any, masks: np.ndarray) -> Found:
    """Highest score and its subset; of equal ones the first."""
    scores = np.asarray(judge(masks), dtype=np.float64)
    if np.isnan(scores).all():
        message = f"None of {len(masks)} subsets of {int(masks[0].sum())} columns can be scored."
        raise SelectionError(message)
    at = int(np.nanargmax(scores))
    return float(scores[at]), masks[at]
