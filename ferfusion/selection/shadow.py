"""Keep the columns that a forest finds more useful than shuffled copies of the columns (as Boruta does)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.stats import binom
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.utils import check_random_state
from tqdm.auto import tqdm

from ferfusion.base.errors import SelectionError, UnknownNameError
from ferfusion.selection.base import ColumnSelector
from ferfusion.selection.importance import importances_of
from ferfusion.selection.ranking import order_of, seeded

__all__ = ["ShadowSelector"]

_LEAST = 5  # shadows there are at least, so that the best of them means something


class ShadowSelector(ColumnSelector):
    """All relevant columns: those that beat the best shuffled column more often than a coin would.

    In each round every column that is still in question gets a shadow, a copy with its values shuffled; a forest is
    fitted to both, and a column that is more important than the best shadow has a hit. By a binomial test on its
    hits, corrected for the number of columns (Bonferroni), a column is confirmed or rejected; rejected ones and their
    shadows leave. Unlike filters it keeps as many columns as are relevant, redundant ones among them, also none.

    Parameters
    ----------
    estimator : estimator, optional
        Classifier with ``feature_importances_``; a random forest of 200 trees if missing. Too few trees leave many
        columns unlooked-at in a round, which counts against them.
    max_rounds : int, default=100
        Rounds after which what is undecided stays so. Fewer than about log2(number of columns / ``alpha``) can
        decide nothing.
    alpha : float, default=0.01
        Level of the tests, before the correction.
    percentile : float, default=100
        Of the shadows' importances, to be beaten; 100 is the best shadow, less is milder.
    tentative : {"drop", "keep"}, default="drop"
        What happens to columns that are still undecided in the end.
    on_none : {"raise", "best"}, default="raise"
        What to do if no column is left: raise, or keep the one with most hits.
    n_jobs : int, optional
        Trees of the default forest that grow at a time; the result is the same.
    random_state : int, RandomState or None, default=0
        Seed of the shuffling and of every ``random_state`` of the estimator that is None.
    verbose : bool, default=False
        Progress bar, where there is a terminal.

    Attributes
    ----------
    hits_ : ndarray of int, shape (n_features,)
        Rounds in which each column beat the shadows.
    status_ : ndarray of str, shape (n_features,)
        ``confirmed``, ``rejected`` or ``tentative``.
    n_rounds_ : int
        Rounds that were run.
    support_ : ndarray of bool, shape (n_features,)
        Columns that are kept.
    fitted_rows_ : ndarray of uint64, shape (n_samples,)
        Digests of the rows that were seen.

    Notes
    -----
    The idea is that of Boruta [1]_, which measures importance by the loss of accuracy in permuted out-of-bag samples;
    here it is the forest's own ``feature_importances_``. A round fits one forest to twice the columns in question, so
    with a thousand columns and the default forest expect seconds a round.

    References
    ----------
    .. [1] M. B. Kursa and W. R. Rudnicki, "Feature selection with the Boruta package", Journal of Statistical
       Software 36(11), 2010, doi:10.18637/jss.v036.i11.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 50)
    >>> X = rng.normal(size=(100, 6))
    >>> X[:, [1, 4]] += 2 * y[:, None]
    >>> small = RandomForestClassifier(30)
    >>> ShadowSelector(small, max_rounds=30).fit(X, y).get_support(indices=True).tolist()
    [1, 4]
    """

    def __init__(
        self,
        estimator: Any = None,
        max_rounds: int = 100,
        alpha: float = 0.01,
        percentile: float = 100,
        tentative: Literal["drop", "keep"] = "drop",
        on_none: Literal["raise", "best"] = "raise",
        n_jobs: int | None = None,
        random_state: Any = 0,
        verbose: bool = False,
    ) -> None:
        self.estimator = estimator
        self.max_rounds = max_rounds
        self.alpha = alpha
        self.percentile = percentile
        self.tentative = tentative
        self.on_none = on_none
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, groups: Any = None) -> ShadowSelector:
        """Run the rounds.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Samples.
        y : array-like, shape (n_samples,)
            Classes.
        groups : ignored
            The forest is fitted on all rows.

        Raises
        ------
        SelectionError
            If no column is left and ``on_none="raise"``, the estimator has no importances, a parameter is out of
            range, or there is one class only.
        """
        A, codes, classes = self._checked(X, y)
        self._check_parameters()
        labels, rng = classes[codes], check_random_state(self.random_state)
        n_columns = A.shape[1]
        hits = np.zeros(n_columns, dtype=np.int64)
        confirmed, rejected = np.zeros(n_columns, dtype=bool), np.zeros(n_columns, dtype=bool)
        self.n_rounds_ = 0
        with tqdm(total=self.max_rounds, desc="shadows", leave=False, disable=None if self.verbose else True) as bar:
            while self.n_rounds_ < self.max_rounds and not (confirmed | rejected).all():
                active = np.flatnonzero(~rejected)
                hits[active] += self._round(A[:, active], labels, rng)
                self.n_rounds_ += 1
                open_ = ~(confirmed | rejected)
                # chance of so many hits or more, and of so many or fewer, if each were the toss of a coin
                more, fewer = binom.sf(hits - 1, self.n_rounds_, 0.5), binom.cdf(hits, self.n_rounds_, 0.5)
                confirmed |= open_ & (more * n_columns < self.alpha)
                rejected |= open_ & (fewer * n_columns < self.alpha)
                bar.update()
        self.hits_ = hits
        self.status_ = np.where(confirmed, "confirmed", np.where(rejected, "rejected", "tentative"))
        self.support_ = self._supported(~rejected if self.tentative == "keep" else confirmed)
        return self

    def _check_parameters(self) -> None:
        for name, allowed in (("tentative", ("drop", "keep")), ("on_none", ("raise", "best"))):
            if getattr(self, name) not in allowed:
                raise UnknownNameError(f"{name!r}", getattr(self, name), allowed)
        if self.max_rounds < 1 or not 0 < self.alpha < 1 or not 0 <= self.percentile <= 100:
            message = (
                "There must be one round at least, an alpha between 0 and 1 and a percentile from 0 to 100; given are "
                f"{self.max_rounds!r}, {self.alpha!r} and {self.percentile!r}."
            )
            raise SelectionError(message)

    def _round(self, A: np.ndarray, labels: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        """Which columns beat the shadows."""
        n_columns = A.shape[1]
        copies = np.tile(A, (1, -(-_LEAST // n_columns)))
        order = rng.uniform(size=copies.shape).argsort(axis=0)
        shadows = np.take_along_axis(copies, order, axis=0)
        model = RandomForestClassifier(200, n_jobs=self.n_jobs) if self.estimator is None else clone(self.estimator)
        model = seeded(model, int(rng.randint(2**31 - 1)))
        found = importances_of(model.fit(np.hstack([A, shadows]), labels), n_columns + shadows.shape[1])
        return found[:n_columns] > np.percentile(found[n_columns:], self.percentile)

    def _supported(self, support: np.ndarray) -> np.ndarray:
        if support.any():
            return support
        counts = {name: int((self.status_ == name).sum()) for name in ("rejected", "tentative")}
        if self.on_none == "raise":
            message = (
                f"No column is better than chance after {self.n_rounds_} rounds ({counts['rejected']} rejected, "
                f"{counts['tentative']} undecided). Allow more rounds, set tentative='keep', or on_none='best'."
            )
            raise SelectionError(message)
        support = support.copy()
        support[order_of(self.hits_)[0]] = True
        return support
