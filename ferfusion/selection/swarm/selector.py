"""Choosing columns by a swarm that searches subsets."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from tqdm.auto import tqdm

from ferfusion.base.errors import SelectionError
from ferfusion.selection.base import ColumnSelector, Split, inner_splits
from ferfusion.selection.filters import score_columns
from ferfusion.selection.fitness import SubsetScorer
from ferfusion.selection.leak import row_digests
from ferfusion.selection.ranking import order_of, seeded
from ferfusion.selection.swarm.binarise import at_most, binariser
from ferfusion.selection.swarm.checkpoint import Checkpoint, digest
from ferfusion.selection.swarm.engine import Fitness, Move, begin, iterate
from ferfusion.selection.swarm.moves import move_of
from ferfusion.selection.swarm.objective import Objective, fitness_of, is_bounded, nearest_neighbours, slow_score
from ferfusion.selection.swarm.starts import largest_start, opposite, start_of
from ferfusion.selection.swarm.state import Swarm, masks_of

__all__ = ["SwarmSelector"]

# what has no part in a search's result, or is looked at by itself
_NOT_IN_IDENTITY = ("checkpoint", "cv", "n_jobs", "random_state", "verbose")


class SwarmSelector(ColumnSelector):
    """Choose columns by a swarm: masks are judged by an estimator over inner folds and drawn to the best ones.

    The mask that is returned is the best that was ever evaluated, kept as it was evaluated, so judging it again on
    the same folds gives ``fitness_`` exactly (:meth:`rescore`). How good it is on other data is another matter: the
    more subsets are tried, the more the best of them fits the folds by chance. Judge a search by outer folds.

    Parameters
    ----------
    estimator : classifier, optional
        By which subsets are judged. If missing: five nearest neighbours on standardised columns.
    move : str or callable, default="grey_wolf"
        ``grey_wolf`` ``dimension_learning`` ``binary_grey_wolf`` ``particle_swarm`` ``whale`` ``harris_hawks``
        ``genetic`` ``sparrow``, or a function (swarm, rng) like them.
    move_options : dict, optional
        Keyword arguments of the move.
    n_agents : int, default=10
        Size of the swarm.
    n_iterations : int, default=20
        Moves. The start is evaluated besides, so a plain move costs ``n_agents * (n_iterations + 1)`` evaluations;
        ``dimension_learning`` takes two a move, ``harris_hawks`` up to two.
    alpha : float, default=0.99
        Weight of the error in [0, 1]; the rest is the weight of the share of columns that are kept.
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
        How places become masks: ``sigmoid`` ``v_shaped`` (transfer functions) ``threshold`` (above one half), or a
        function like them. The threshold is the commonest elsewhere, but leaves whales, hawks and particles, which
        contract to the leaders, behind random masks on small problems.
    n_features_max : int, optional
        Largest mask allowed; columns of the lowest positions are taken out of others.
    patience : int, optional
        Stop after so many moves without improvement.
    checkpoint : str or Path, optional
        File to which the search is saved after each move. Fitted again with the same data and parameters it goes on
        from there, to the same result as without a break; once finished, it just returns it. For a folder that is
        there the file is named after data and parameters, so the fits of many folds can share it; that takes a
        ``random_state``.
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
        One row for the start and for each move: best fitness so far, mean fitness of the swarm, size of the best
        mask, evaluations so far.
    n_evaluations_ : int
        Masks whose fitness was asked for; repeated ones were looked up.
    n_iterations_ : int
        Moves made.
    seed_ : int
        From which all chance follows.
    fitted_rows_ : ndarray of uint64, shape (n_samples,)
        Digests of the rows that were seen (see :mod:`ferfusion.selection.leak`).

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True)
    >>> selector = SwarmSelector(move="genetic", n_agents=4, n_iterations=3, random_state=0).fit(X, y)
    >>> selector.rescore(X, y) == selector.fitness_
    True
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        move: str | Move = "grey_wolf",
        move_options: dict[str, Any] | None = None,
        n_agents: int = 10,
        n_iterations: int = 20,
        alpha: float = 0.99,
        scoring: Any = "balanced_accuracy",
        cv: Any = None,
        start: str | Callable[..., np.ndarray] = "ranked",
        ranking: Any = "anova",
        opposition: bool = False,
        binarise: str | Callable[..., np.ndarray] = "sigmoid",
        n_features_max: int | None = None,
        patience: int | None = None,
        checkpoint: str | Path | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.estimator = estimator
        self.move = move
        self.move_options = move_options
        self.n_agents = n_agents
        self.n_iterations = n_iterations
        self.alpha = alpha
        self.scoring = scoring
        self.cv = cv
        self.start = start
        self.ranking = ranking
        self.opposition = opposition
        self.binarise = binarise
        self.n_features_max = n_features_max
        self.patience = patience
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: Any, y: Any, groups: Any = None) -> SwarmSelector:
        """Search.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Samples.
        y : array-like, shape (n_samples,)
            Classes.
        groups : array-like of shape (n_samples,), optional
            Such as speakers, which folds do not tear apart.

        Raises
        ------
        SelectionError
            If there is one class only, a parameter is out of range, ``groups`` has another length than ``X``, no
            subset could be scored, or the checkpoint belongs to another search.
        UnknownNameError
            If there is no move, start, binarisation or score of a name.
        KeyboardInterrupt
            If it was interrupted; the message says from where it will go on.
        """
        A, codes, classes = self._checked(X, y)
        self._check_parameters(A.shape[1])
        labels, seed = classes[codes], self._seed()
        splits = inner_splits(self.cv, A, labels, groups, seed)
        judge = self._judge(splits, seed)
        scorer = SubsetScorer(judge, A, labels, splits, self.scoring, n_jobs=self.n_jobs)
        objective = Objective(scorer, self.alpha, is_bounded(judge, self.scoring))
        saved = self._checkpoint(A, labels, splits, seed)
        swarm = self._search(objective, A, codes, np.random.default_rng(seed), saved)
        if not np.isfinite(swarm.best_fitness):
            message = "No subset that was tried could be scored in all folds, so none can be chosen."
            raise SelectionError(message)
        self.support_ = swarm.best.copy()
        self.fitness_ = swarm.best_fitness
        self.score_ = float(scorer(swarm.best[None])[0])
        self.history_ = swarm.history
        self.n_evaluations_ = swarm.n_evaluations
        self.n_iterations_ = swarm.iteration
        self.seed_ = seed
        self.fitted_rows_ = row_digests(A)
        return self

    def rescore(self, X: Any, y: Any, groups: Any = None) -> float:
        """Fitness of the chosen columns by scikit-learn's ``cross_val_score``, without any of the search's shortcuts.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            All columns. On the samples of the fit the result is ``fitness_``, provided that ``cv`` gives the same
            folds again.
        y : array-like, shape (n_samples,)
            Classes.
        groups : array-like of shape (n_samples,), optional
            As for ``fit``.

        Returns
        -------
        float
        """
        check_is_fitted(self, "support_")
        A, labels = validate_data(self, X, y, dtype=np.float64, order="C", reset=False)
        splits = inner_splits(self.cv, A, labels, groups, self.seed_)
        judge = self._judge(splits, self.seed_)
        score = slow_score(judge, A[:, self.support_], labels, splits, self.scoring)
        sizes = np.array([self.support_.sum()])
        bounded = is_bounded(judge, self.scoring)
        return float(fitness_of(np.array([score]), sizes, A.shape[1], self.alpha, bounded)[0])

    def _search(
        self, fitness: Fitness, A: np.ndarray, codes: np.ndarray, rng: np.random.Generator, saved: Checkpoint | None
    ) -> Swarm:
        """Go on from the checkpoint or begin, and iterate to the end."""
        settle = binariser(self._binarise(), self.n_features_max)
        move, n_agents = self._move(), self._n_agents()
        found = saved.load() if saved else None
        swarm = None
        try:
            if found:
                swarm, rng.bit_generator.state = found
            else:
                swarm = begin(self._starts(A, codes, rng), fitness, self.n_iterations, n_agents=n_agents)
                if saved:
                    saved.save(swarm, rng)
            with tqdm(
                total=self.n_iterations, initial=swarm.iteration, desc=type(self).__name__, unit="move", leave=False,
                disable=None if self.verbose else True,
            ) as bar:  # fmt: skip
                for moved in iterate(swarm, move, fitness, settle, rng, self.patience):
                    swarm = moved
                    if saved:
                        saved.save(swarm, rng)
                    bar.update()
                    bar.set_postfix(fitness=f"{swarm.best_fitness:.4f}", columns=int(swarm.best.sum()))
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_how_to_go_on(swarm, saved)) from None
        return swarm

    def _starts(self, A: np.ndarray, codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Positions to begin with; opposites come last."""
        n_columns = A.shape[1]
        most = n_columns if self.n_features_max is None else min(self.n_features_max, n_columns)
        ranking = order_of(self._ranking_scores(A, codes)) if self.start == "ranked" else np.arange(n_columns)
        largest = min(largest_start(n_columns), most)
        starts = start_of(self.start)(self._n_agents(), n_columns, rng, largest=largest, ranking=ranking)
        if self.opposition:
            starts = np.concatenate([starts, opposite(starts)])
        starts = at_most(starts, most, rng)
        empty = np.flatnonzero(~masks_of(starts).any(axis=1))
        starts[empty, starts[empty].argmax(axis=1)] = 1.0
        return starts

    def _ranking_scores(self, A: np.ndarray, codes: np.ndarray) -> np.ndarray:
        if isinstance(self.ranking, str) or callable(self.ranking):
            return score_columns(self.ranking, A, codes)
        scores = np.asarray(self.ranking, dtype=np.float64)
        if scores.shape != (A.shape[1],):
            message = f"'ranking' has the shape {scores.shape}, but there are {A.shape[1]} columns."
            raise SelectionError(message)
        return scores

    def _n_agents(self) -> int:
        return self.n_agents

    def _move(self) -> Move:
        return move_of(self.move, self.move_options)

    def _binarise(self) -> str | Callable[..., np.ndarray]:
        return self.binarise

    def _judge(self, splits: list[Split], seed: int) -> Any:
        return nearest_neighbours(splits) if self.estimator is None else seeded(clone(self.estimator), seed)

    def _seed(self) -> int:
        """Drawn from ``random_state``; without one the seed of the search that is gone on with."""
        if self.random_state is None and self.checkpoint is not None:
            if Path(self.checkpoint).is_dir():
                message = "A folder of checkpoints needs a 'random_state', or a search would not be found again."
                raise SelectionError(message)
            stored = Checkpoint.seed_in(Path(self.checkpoint))
            if stored is not None:
                return stored
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _checkpoint(self, A: np.ndarray, labels: np.ndarray, splits: list[Split], seed: int) -> Checkpoint | None:
        if self.checkpoint is None:
            return None
        told = {name: value for name, value in self.get_params(deep=False).items() if name not in _NOT_IN_IDENTITY}
        told |= {"data": A, "labels": labels, "folds": splits}
        identity = {name: digest(value) for name, value in told.items()}
        return Checkpoint(self.checkpoint, identity, seed)

    def _check_parameters(self, n_columns: int) -> None:
        """Raise SelectionError for a number that is out of range, UnknownNameError for a name that is not there."""
        least = {"n_agents": 1, "n_wolves": 1, "n_iterations": 0, "n_features_max": 1, "patience": 1}
        for name, value in self.get_params(deep=False).items():
            if name not in least or (value is None and name in ("n_features_max", "patience")):
                continue
            if not isinstance(value, Integral) or isinstance(value, bool) or value < least[name]:
                message = f"'{name}' is a whole number from {least[name]} on, not {value!r}."
                raise SelectionError(message)
        if not isinstance(self.alpha, Real) or not 0 <= self.alpha <= 1:
            message = f"'alpha' is a number in [0, 1], not {self.alpha!r}."
            raise SelectionError(message)
        start_of(self.start), self._move(), binariser(self._binarise())


def _how_to_go_on(swarm: Swarm | None, saved: Checkpoint | None) -> str:
    made = "at the start" if swarm is None else f"after {swarm.iteration} of {swarm.n_iterations} moves"
    if saved is None:
        return f"The search was interrupted {made}. With a 'checkpoint' it could go on from there."
    where = "begins anew" if swarm is None else f"goes on from {saved.path}"
    return f"The search was interrupted {made}. Fitted again with the same data and parameters it {where}."
