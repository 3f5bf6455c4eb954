"""Keep the columns that a chooser keeps again and again on halves of the data."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from joblib import Parallel, delayed
from sklearn.utils import check_random_state
from tqdm.auto import tqdm

from ferfusion.base.errors import SelectionError, UnknownNameError
from ferfusion.selection.base import ColumnSelector
from ferfusion.selection.ranking import order_of
from ferfusion.selection.stages import fit_stage, groups_for

__all__ = ["StabilitySelector"]

_TRIES = 100  # draws of a half before giving up on one with two classes


class StabilitySelector(ColumnSelector):
    """Stability selection: fit a chooser on many random halves, keep what it keeps in most of them.

    Where groups are given, a half is half of the groups with all their rows: columns that speak for one speaker
    only come and go with that speaker.

    Parameters
    ----------
    selector : chooser of columns
        Cloned for each half; anything with ``get_support``.
    n_resamples : int, default=50
        Number of halves, drawn without replacement.
    threshold : float, default=0.6
        Share of the halves, in (0, 1], in which a column must be kept.
    on_none : {"raise", "best"}, default="raise"
        What to do if no column reaches the threshold: raise, or keep the one that is kept most often.
    n_jobs : int, optional
        Halves worked on at a time; the result is the same.
    random_state : int, RandomState or None, default=0
        Seed of the halves and of every ``random_state`` of the chooser that is None.
    verbose : bool, default=False
        Progress bar, where there is a terminal.

    Attributes
    ----------
    frequencies_ : ndarray, shape (n_features,)
        Share of the halves in which each column was kept.
    masks_ : ndarray of bool, shape (n_resamples, n_features)
        What was kept in each half, as :func:`ferfusion.selection.measures.nogueira_stability` takes it.
    false_bound_ : float
        Bound of the expected number of columns kept though they are no better than chance, q² / ((2 t - 1) d) for
        q columns a half on average and the threshold t [1]_; infinite for a threshold of 0.5 or less. It assumes
        independent rows, so it means little where rows come in groups.
    support_ : ndarray of bool, shape (n_features,)
        Columns that are kept.
    fitted_rows_ : ndarray of uint64, shape (n_samples,)
        Digests of the rows that were seen.

    References
    ----------
    .. [1] N. Meinshausen and P. Bühlmann, "Stability selection", Journal of the Royal Statistical Society B 72(4),
       2010, doi:10.1111/j.1467-9868.2010.00740.x.

    Examples
    --------
    >>> from ferfusion.selection.filters import FilterSelector
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 50)
    >>> X = rng.normal(size=(100, 30))
    >>> X[:, [4, 9]] += y[:, None]
    >>> StabilitySelector(FilterSelector(n_features=3), threshold=0.8).fit(X, y).get_support(indices=True).tolist()
    [4, 9]
    """

    def __init__(
        self,
        selector: Any,
        n_resamples: int = 50,
        threshold: float = 0.6,
        on_none: Literal["raise", "best"] = "raise",
        n_jobs: int | None = None,
        random_state: Any = 0,
        verbose: bool = False,
    ) -> None:
        self.selector = selector
        self.n_resamples = n_resamples
        self.threshold = threshold
        self.on_none = on_none
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, groups: Any = None) -> StabilitySelector:
        """Fit the chooser on each half.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Samples.
        y : array-like, shape (n_samples,)
            Classes.
        groups : array-like of shape (n_samples,), optional
            Such as speakers. With one group only the halves are of rows. The groups of a half also reach the
            chooser, see ``TwoStageSelector``.

        Raises
        ------
        SelectionError
            If no column reaches the threshold and ``on_none="raise"``, the chooser cannot choose or keeps nothing
            of a half, no half with two classes is found, there is one class only, or ``groups`` has another length
            than ``X``.
        """
        A, codes, classes = self._checked(X, y)
        groups = groups_for(self, groups, len(A))
        self._check_parameters()
        rng = check_random_state(self.random_state)
        halves = [_half(codes, groups, rng) for _ in range(self.n_resamples)]
        seeds = rng.randint(2**31 - 1, size=self.n_resamples)
        labels = classes[codes]

        work = (
            delayed(_choose)(self.selector, A[rows], labels[rows], None if groups is None else groups[rows], int(seed))
            for rows, seed in zip(halves, seeds, strict=True)
        )
        found = Parallel(n_jobs=self.n_jobs, return_as="generator")(work)
        bar = tqdm(found, total=self.n_resamples, desc="halves", leave=False, disable=None if self.verbose else True)
        self.masks_ = np.array(list(bar))
        self.frequencies_ = self.masks_.mean(axis=0)
        self.false_bound_ = self._bound()
        # a share such as 0.6 has no exact binary value, so 30 of 50 must not fall short of it by rounding
        self.support_ = self._supported(self.masks_.sum(axis=0) >= self.threshold * self.n_resamples - 1e-9)
        return self

    def _check_parameters(self) -> None:
        if self.on_none not in ("raise", "best"):
            raise UnknownNameError("'on_none'", self.on_none, ["raise", "best"])
        if self.n_resamples < 1 or not 0 < self.threshold <= 1:
            message = (
                f"There must be one half at least and a threshold in (0, 1]; given are {self.n_resamples!r} and "
                f"{self.threshold!r}."
            )
            raise SelectionError(message)

    def _supported(self, support: np.ndarray) -> np.ndarray:
        if support.any():
            return support
        best = order_of(self.frequencies_)[0]
        if self.on_none == "raise":
            message = (
                f"No column is kept in {self.threshold:.0%} of the halves; the steadiest is kept in "
                f"{self.frequencies_[best]:.0%}. Lower 'threshold', or set on_none='best' to keep that one."
            )
            raise SelectionError(message)
        support[best] = True
        return support

    def _bound(self) -> float:
        if self.threshold <= 0.5:
            return float("inf")
        chosen = self.masks_.sum(axis=1).mean()
        return float(chosen**2 / ((2 * self.threshold - 1) * self.masks_.shape[1]))


def _choose(selector: Any, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, seed: int) -> np.ndarray:
    return fit_stage(selector, X, y, groups, seed, "The chooser of the halves")[1]


def _half(codes: np.ndarray, groups: np.ndarray | None, rng: np.random.RandomState) -> np.ndarray:
    """Rows of a random half, in their order; of groups where there are two at least. It holds two classes."""
    units = np.arange(len(codes)) if groups is None else np.unique(groups, return_inverse=True)[1]
    if units.max() == 0:
        units = np.arange(len(codes))
    n_units = units.max() + 1
    for _ in range(_TRIES):
        chosen = rng.permutation(n_units)[: max(1, n_units // 2)]
        rows = np.flatnonzero(np.isin(units, chosen))
        if len(np.unique(codes[rows])) > 1:
            return rows
    message = f"None of {_TRIES} random halves of the data holds two classes; each group seems to have one class only."
    raise SelectionError(message)
