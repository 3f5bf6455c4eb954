"""Scores of subsets of columns: the path for the estimator, memory of what was asked, work in parallel."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import check_scoring
from threadpoolctl import threadpool_limits

from ferfusion.base.errors import SelectionError
from ferfusion.selection.base import inner_splits
from ferfusion.selection.fitness.discriminant import DiscriminantPath
from ferfusion.selection.fitness.machines import MachinePath
from ferfusion.selection.fitness.marks import Marks
from ferfusion.selection.fitness.neighbours import NeighbourPath
from ferfusion.selection.fitness.problem import Problem
from ferfusion.selection.fitness.ridge import KernelRidgePath, RidgePath

__all__ = ["SubsetScorer"]

_REMEMBERED = 100_000  # subsets
_PATHS = (NeighbourPath, RidgePath, KernelRidgePath, DiscriminantPath, MachinePath)


@dataclass(frozen=True)
class _Outcome:
    score: float
    error: str  # of the first fold that failed
    any_scored: bool
    n_refitted: int


class _Path(Protocol):
    kind: str

    def predictions(self, columns: np.ndarray) -> list[np.ndarray | None]: ...


class _Judge:
    """Score of one subset; small enough to be sent to other processes."""

    def __init__(self, problem: Problem, scorer: Any, marks: Marks, path: _Path | None) -> None:
        self._problem, self._scorer, self._marks, self._path = problem, scorer, marks, path

    def __call__(self, columns: np.ndarray) -> _Outcome:
        n_folds = len(self._problem.splits)
        found: list[Any] = [None] * n_folds if self._path is None else self._path.predictions(columns)
        scores, error = np.full(n_folds, np.nan), ""
        for i, predicted in enumerate(found):
            try:
                scores[i] = self._refitted(i, columns) if predicted is None else self._marks(i, predicted)
            except Exception as failure:
                error = error or f"{type(failure).__name__}: {failure}"
        n_refitted = sum(predicted is None for predicted in found)
        return _Outcome(float(scores.mean()), error, bool(np.isfinite(scores).any()), n_refitted)

    def _refitted(self, i: int, columns: np.ndarray) -> float:
        """Score of a fold by the estimator itself."""
        problem = self._problem
        train, test = problem.splits[i]
        X = problem.raw(columns)
        fitted = clone(problem.estimator).fit(X[train], problem.y[train])
        return float(self._scorer(fitted, X[test], problem.y[test]))


class SubsetScorer:
    """Mean score of an estimator over folds, for subsets of columns.

    The same number as ``cross_val_score(estimator, X[:, mask], y, cv=splits, scoring=scoring).mean()``, in a fraction
    of the time for

    - ``KNeighborsClassifier`` with Euclidean distances and uniform or distance weights (kind ``"neighbours"``),
    - ``RidgeClassifier`` and ``Ridge`` with the default or the Cholesky solver (``"ridge"``),
    - ``KernelRidge`` with a linear or a Gaussian kernel (``"kernel_ridge"``),
    - ``LinearDiscriminantAnalysis`` by SVD, or least squares or eigenvalues with a number or None for shrinkage
      (``"discriminant"``),
    - ``SVC(kernel="linear")`` (``"linear_svm"``),

    alone or after ``StandardScaler``, ``MinMaxScaler``, ``MaxAbsScaler`` or ``RobustScaler`` in a pipeline, with any
    scoring by predictions. All else (subclasses, other parameters, scoring by probabilities or decision values,
    missing values, blocks too large for ``memory``) is fitted and scored fold by fold (``"any"``).

    Classes that are predicted are the same as scikit-learn's, ties included: a fold in which rounding could decide
    is fitted by scikit-learn. Numbers that ``Ridge`` and ``KernelRidge`` predict agree to about nine digits.

    Parameters
    ----------
    estimator : estimator
        What is judged; cloned, never fitted itself.
    X : array-like, shape (n_samples, n_features)
        Samples; taken as float64, whatever they come as.
    y : array-like, shape (n_samples,)
        Targets.
    splits : sequence of (train, test) pairs, int, splitter or None
        Folds, or what ``inner_splits`` makes folds of.
    scoring : str, callable or None, default=None
        As in scikit-learn; None for the estimator's own.
    groups : array-like of shape (n_samples,), optional
        For the making of folds.
    n_jobs : int, optional
        Subsets judged at once: in threads where there is a fast path, else as joblib does.
    memory : int, default=1 GiB
        About how many bytes matrices may take that are kept or worked on, beside a few copies of ``X``. Each worker
        goes through its subsets one by one, so it needs about four matrices of n_samples x n_samples, however many
        subsets there are; up to 16 more are kept for nearest neighbours, where they fit. With more samples than
        that allows, nearest neighbours work in tiles of rows, and other paths give way to fitting (kind ``"any"``).

    Attributes
    ----------
    kind : str
        Which path is taken.
    n_asked, n_computed : int
        How many subsets were asked for, and how many of them had to be computed.
    n_refitted : int
        How many folds of those were fitted by the estimator itself.

    Raises
    ------
    SelectionError
        If ``X`` and ``y`` differ in length, there are no folds, or (when called) masks have another number of
        columns or no fold of any subset could be scored.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 20)
    >>> X = np.column_stack([y + 0.1 * rng.normal(size=40), rng.normal(size=40)])
    >>> scorer = SubsetScorer(KNeighborsClassifier(), X, y, splits=4)
    >>> scorer(np.array([[True, False], [False, False]])), scorer.kind
    (array([ 1., nan]), 'neighbours')
    """

    def __init__(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        splits: Any,
        scoring: Any = None,
        *,
        groups: Any = None,
        n_jobs: int | None = None,
        memory: int = 2**30,
    ) -> None:
        X, y = np.ascontiguousarray(X, dtype=np.float64), np.asarray(y)
        if X.ndim != 2 or len(X) != len(y):
            message = f"X must have rows and columns and y one target a row; their shapes are {X.shape} and {y.shape}."
            raise SelectionError(message)
        self.n_jobs = n_jobs
        self.n_asked = self.n_computed = self.n_refitted = 0
        folds = inner_splits(splits, X, y, groups)
        folds = [(_as_indices(train), _as_indices(test)) for train, test in folds]
        scorer = check_scoring(estimator, scoring=scoring)
        self._problem = Problem(estimator, X, y, folds, memory, effective_n_jobs(n_jobs))
        marks = Marks(self._problem, scorer)
        path = _chosen(self._problem) if marks.usable else None
        self.kind = "any" if path is None else path.kind
        self._judge = _Judge(self._problem, scorer, marks, path)
        self._remembered: OrderedDict[bytes, float] = OrderedDict()
        self._warned = self._any_scored = False

    def __call__(self, masks: Any) -> np.ndarray:
        """Mean scores over the folds.

        Parameters
        ----------
        masks : array-like of bool, shape (n_masks, n_features)
            Subsets.

        Returns
        -------
        ndarray of float64, shape (n_masks,)
            nan for an empty subset, and for one of which a fold could not be scored (with a warning, once).
        """
        masks = np.asarray(masks, dtype=bool)
        if masks.ndim != 2 or masks.shape[1] != self._problem.X.shape[1]:
            d = self._problem.X.shape[1]
            message = f"Masks must be of shape (n_masks, {d}); this is of shape {masks.shape}."
            raise SelectionError(message)
        self.n_asked += len(masks)
        keys = [key.tobytes() for key in np.packbits(masks, axis=1)]
        scores = {key: self._recalled(key) for key in keys}
        new = {key: np.flatnonzero(mask) for key, mask in zip(keys, masks, strict=True) if scores[key] is None}
        for key, columns in list(new.items()):
            if not len(columns):
                scores[key] = np.nan
                del new[key]
        for key, score in zip(new, self._computed(list(new.values())), strict=True):
            scores[key] = self._remembered[key] = score
        while len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return np.array([scores[key] for key in keys], dtype=np.float64)

    def _recalled(self, key: bytes) -> float | None:
        if key in self._remembered:
            self._remembered.move_to_end(key)
        return self._remembered.get(key)

    def _computed(self, subsets: list[np.ndarray]) -> list[float]:
        if not subsets:
            return []
        self.n_computed += len(subsets)
        n_jobs = min(effective_n_jobs(self.n_jobs), len(subsets))
        if n_jobs == 1:
            found = [self._judge(columns) for columns in subsets]
        else:
            threads = self.kind != "any"
            with threadpool_limits(1, user_api="blas") if threads else nullcontext():
                work = Parallel(n_jobs=n_jobs, prefer="threads" if threads else None)
                found = work(delayed(self._judge)(columns) for columns in subsets)
        self.n_refitted += sum(outcome.n_refitted for outcome in found)
        self._report(found)
        return [outcome.score for outcome in found]

    def _report(self, found: list[_Outcome]) -> None:
        errors = [outcome.error for outcome in found if outcome.error]
        self._any_scored |= any(outcome.any_scored for outcome in found)
        if errors and not self._any_scored:
            message = f"No fold of any subset could be scored; the first error is: {errors[0]}"
            raise SelectionError(message)
        if errors and not self._warned:
            self._warned = True
            message = f"A fold could not be scored, so its subset has no score (nan): {errors[0]}"
            warnings.warn(message, FitFailedWarning, stacklevel=4)


def _chosen(problem: Problem) -> _Path | None:
    """The fast path, if there is one."""
    # missing values, and magnitudes whose squares overflow, are nobody's business but scikit-learn's
    if not np.isfinite(problem.X).all() or np.abs(problem.X).max(initial=0.0) > 1e100:
        return None
    if not all(len(train) and len(test) for train, test in problem.splits):
        return None
    return next((path(problem) for path in _PATHS if path.covers(problem)), None)


def _as_indices(rows: np.ndarray) -> np.ndarray:
    return np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.intp)
