"""Choosing columns by grey wolves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ferfusion.base.errors import SelectionError, UnknownNameError
from ferfusion.selection.swarm.engine import Move
from ferfusion.selection.swarm.selector import SwarmSelector
from ferfusion.selection.swarm.wolves import DECAYS, binary_grey_wolf, dimension_learning, grey_wolf

__all__ = ["GreyWolfSelector"]

VARIANTS = {"plain": grey_wolf, "dimension_learning": dimension_learning}
CROSSOVER = "crossover"


class GreyWolfSelector(SwarmSelector):
    """Choose columns by the grey wolf optimiser, its binary forms and its improved variants.

    Wolves go to places around the three best masks so far, farther from them at first and nearer at last. The mask
    that is returned is the best that was ever evaluated, and judging it again on the same folds gives ``fitness_``
    exactly (:meth:`rescore`).

    A filter that ranks columns one by one costs next to nothing beside this. The default start contains the filter's
    own best columns in several sizes, so as far as the inner folds go the search can only improve on them. That need
    not hold on other data: the more masks are tried, the better the best of them fits the folds by chance, and a
    filter whose size was chosen on the same folds may do as well. Let outer folds decide.

    Parameters
    ----------
    estimator : classifier, optional
        By which subsets are judged. If missing: five nearest neighbours on standardised columns.
    n_wolves : int, default=10
        Size of the pack.
    n_iterations : int, default=20
        Moves; the start is evaluated besides.
    alpha : float, default=0.99
        Weight of the error in [0, 1] in ``alpha * error + (1 - alpha) * n_kept / n_features``.
    scoring : str, callable or None, default="balanced_accuracy"
        As in scikit-learn; None for the estimator's own. The error is 1 - score, or -score for negated losses.
    cv : int, splitter, iterable of (train, test), or None
        Inner folds; a number (None: 5) gives stratified ones in which no group is torn apart.
    start : str or callable, default="ranked"
        ``ranked`` (by a filter) ``sparse`` (few random columns) ``logistic`` ``tent`` (few columns from a chaotic
        map) ``uniform`` (half of the columns), or a function like them.
    ranking : str, callable or array of shape (n_features,), default="anova"
        For ``start="ranked"``: a name of ``ferfusion.selection.scores.SCORES``, a function (X, y), or the scores.
    opposition : bool, default=False
        Evaluate the opposites of the starts, too, and begin with the better half.
    binarise : str or callable, default="sigmoid"
        How places become masks: ``sigmoid`` ``v_shaped`` (transfer functions) ``threshold`` (above one half)
        ``crossover`` (the binary grey wolf: steps towards each leader become bits, which are crossed over), or a
        function like the first.
    variant : {"plain", "dimension_learning"}, default="plain"
        ``dimension_learning`` learns from neighbours besides, for twice the evaluations.
    decay : {"linear", "quadratic", "exponential"} or callable, default="linear"
        How the reach falls; quadratic explores longer, exponential shorter.
    n_features_max : int, optional
        Largest mask allowed; columns of the lowest positions are taken out of others.
    patience : int, optional
        Stop after so many moves without improvement.
    checkpoint : str or Path, optional
        File (or folder that is there) to which the search is saved after each move and from which it goes on; see
        ``SwarmSelector``.
    random_state : int, RandomState or None
        Seed of the folds, the search and every ``random_state`` in the estimator that is None.
    n_jobs : int, optional
        Subsets judged at once. It does not change the result.
    verbose : bool, default=False
        Show the progress.

    Attributes
    ----------
    support_ : ndarray of bool, shape (n_features,)
        Columns that are kept.
    fitness_, score_ : float
        Fitness of just these columns, and their mean score over the folds.
    history_ : ndarray, shape (n_iterations_ + 1, 4)
        One row for the start and for each move: best fitness so far, mean fitness of the pack, size of the best
        mask, evaluations so far.
    n_evaluations_ : int
        Masks whose fitness was asked for; repeated ones were looked up.
    n_iterations_ : int
        Moves made.
    seed_ : int
        From which all chance follows.
    fitted_rows_ : ndarray of uint64, shape (n_samples,)
        Digests of the rows that were seen.

    References
    ----------
    Mirjalili, Mirjalili and Lewis, "Grey Wolf Optimizer", 2014, https://doi.org/10.1016/j.advengsoft.2013.12.007.
    Emary, Zawbaa and Hassanien, "Binary grey wolf optimization approaches for feature selection", 2016,
    https://doi.org/10.1016/j.neucom.2015.06.083.
    Nadimi-Shahraki, Taghian and Mirjalili, "An improved grey wolf optimizer for solving engineering problems", 2021,
    https://doi.org/10.1016/j.eswa.2020.113917.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True)
    >>> selector = GreyWolfSelector(n_wolves=4, n_iterations=3, random_state=0).fit(X, y)
    >>> selector.transform(X).shape[1] == int(selector.support_.sum())
    True
    >>> selector.rescore(X, y) == selector.fitness_
    True
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        n_wolves: int = 10,
        n_iterations: int = 20,
        alpha: float = 0.99,
        scoring: Any = "balanced_accuracy",
        cv: Any = None,
        start: str | Callable[..., np.ndarray] = "ranked",
        ranking: Any = "anova",
        opposition: bool = False,
        binarise: str | Callable[..., np.ndarray] = "sigmoid",
        variant: str = "plain",
        decay: str | Callable[[float], float] = "linear",
        n_features_max: int | None = None,
        patience: int | None = None,
        checkpoint: str | Path | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        # the parent's parameters for other swarms are none of the wolves'
        self.estimator = estimator
        self.n_wolves = n_wolves
        self.n_iterations = n_iterations
        self.alpha = alpha
        self.scoring = scoring
        self.cv = cv
        self.start = start
        self.ranking = ranking
        self.opposition = opposition
        self.binarise = binarise
        self.variant = variant
        self.decay = decay
        self.n_features_max = n_features_max
        self.patience = patience
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _n_agents(self) -> int:
        return self.n_wolves

    def _move(self) -> Move:
        if self.variant not in VARIANTS:
            raise UnknownNameError("variant", self.variant, VARIANTS)
        if not callable(self.decay) and self.decay not in DECAYS:
            raise UnknownNameError("decay", self.decay, DECAYS)
        if self.binarise == CROSSOVER:
            if self.variant != "plain":
                message = f"binarise={CROSSOVER!r} is a move of its own and goes with variant='plain' only."
                raise SelectionError(message)
            return partial(binary_grey_wolf, decay=self.decay)
        return partial(VARIANTS[self.variant], decay=self.decay)

    def _binarise(self) -> str | Callable[..., np.ndarray]:
        # these wolves propose bits
        return "threshold" if self.binarise == CROSSOVER else self.binarise
