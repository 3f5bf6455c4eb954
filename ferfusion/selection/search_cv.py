"""Search of hyper-parameters by a swarm, with scikit-learn's search interface."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import check_random_state

from ferfusion.base.errors import SelectionError
from ferfusion.selection.swarm.binarise import threshold
from ferfusion.selection.swarm.engine import Move, begin, iterate
from ferfusion.selection.swarm.moves import move_of

__all__ = ["SwarmSearchCV"]

_ALL_FAILED = re.compile(r"All the \d+ fits failed")
_EDGE = 1e-9  # shares nearer to 0 or 1 are taken as this: distributions may have no end there


class SwarmSearchCV(BaseSearchCV):
    """Search hyper-parameters by a swarm that moves through their distributions.

    It has the methods and attributes of ``RandomizedSearchCV``. Each parameter is a side of a cube: a share u of a
    side stands for the value below which a share u of its distribution lies (``ppf``), or for that place in a list.
    Settings that were tried are not tried again.

    Parameters
    ----------
    estimator : estimator
        Whose parameters are searched.
    param_distributions : dict of str to distribution or sequence
        By parameter: an object with ``ppf`` such as ``scipy.stats.loguniform(1e-3, 1e3)``, or a list of values.
        Values next to each other in a list are next to each other for the swarm.
    n_agents : int, default=8
        Size of the swarm.
    n_iterations : int, default=8
        Moves; at most ``n_agents * (n_iterations + 1)`` settings are tried, twice as many by moves that take two.
    move : str or callable, default="sparrow"
        ``sparrow`` ``grey_wolf`` ``dimension_learning`` ``particle_swarm`` ``whale`` ``harris_hawks`` ``genetic``, or
        a function (swarm, rng) like them.
    move_options : dict, optional
        Keyword arguments of the move.
    patience : int, optional
        Stop after so many moves without improvement.
    scoring : str, callable, list, tuple or dict, optional
        As in scikit-learn. With several metrics the search follows the one that ``refit`` names.
    n_jobs : int, optional
        Fits at once. It does not change the result.
    refit : bool, str or callable, default=True
        As in scikit-learn.
    cv : int, splitter, iterable or None
        As in scikit-learn.
    verbose : int, default=0
        As in scikit-learn.
    pre_dispatch : int or str, default="2*n_jobs"
        As in scikit-learn.
    random_state : int, RandomState or None
        Seed of the search.
    error_score : "raise" or number, default=nan
        Score of a fit that fails; a setting without a score leads nobody. Settings of one move that all fail are
        left out of ``cv_results_``, with a warning; if all of the start fail the search fails.
    return_train_score : bool, default=False
        As in scikit-learn.

    Attributes
    ----------
    cv_results_ : dict of ndarrays
        One entry for each setting that was tried, in the order of the search.
    best_params_, best_score_, best_index_, best_estimator_
        As in scikit-learn.
    history_ : ndarray, shape (n_moves + 1, 4)
        One row for the start and for each move: smallest negated score so far, mean of the swarm, nan, positions
        evaluated so far.

    References
    ----------
    Xue and Shen, "A novel swarm intelligence optimization approach: sparrow search algorithm", 2020,
    https://doi.org/10.1080/21642583.2019.1708830.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.linear_model import RidgeClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> alphas = {"alpha": loguniform(1e-3, 1e3)}
    >>> search = SwarmSearchCV(RidgeClassifier(), alphas, n_agents=3, n_iterations=2, random_state=0).fit(X, y)
    >>> bool(search.best_score_ == search.cv_results_["mean_test_score"].max())
    True
    """

    def __init__(
        self,
        estimator: Any,
        param_distributions: Mapping[str, Any],
        *,
        n_agents: int = 8,
        n_iterations: int = 8,
        move: str | Move = "sparrow",
        move_options: dict[str, Any] | None = None,
        patience: int | None = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
    ) -> None:
        super().__init__(
            estimator=estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.n_agents = n_agents
        self.n_iterations = n_iterations
        self.move = move
        self.move_options = move_options
        self.patience = patience
        self.random_state = random_state

    def _run_search(self, evaluate_candidates: Callable[[list[dict[str, Any]]], dict[str, Any]]) -> None:
        """Called by ``fit``; evaluates the settings of a whole population at a time."""
        sides = _sides(self.param_distributions)
        for name, least in (("n_agents", 1), ("n_iterations", 0)):
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < least:
                message = f"{name!r} is a whole number from {least} on, not {value!r}."
                raise SelectionError(message)
        if self.move == "binary_grey_wolf":
            message = "'binary_grey_wolf' moves through bits, which says nothing about the places between them."
            raise SelectionError(message)
        move = move_of(self.move, self.move_options)
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31 - 1))
        tried = _Tried(sides, evaluate_candidates, self.refit)
        swarm = begin(rng.random((self.n_agents, len(sides))), tried, self.n_iterations, binary=False)
        for moved in iterate(swarm, move, tried, threshold, rng, self.patience):
            swarm = moved
        self.history_ = swarm.history


class _Tried:
    """Fitness of positions: negated mean test score of their settings, each evaluated once."""

    def __init__(self, sides: dict[str, Callable[[float], tuple[Any, Any]]], evaluate: Callable, refit: Any) -> None:
        self.sides = sides
        self.evaluate = evaluate
        self.refit = refit
        self.n_tried = 0
        self.scores: dict[tuple, float] = {}

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        """Fitness of each position, shape (n_positions,)."""
        keys, new = [], {}
        for position in positions:
            told = [side(u) for side, u in zip(self.sides.values(), position, strict=True)]
            keys.append(tuple(key for key, _ in told))
            if keys[-1] not in self.scores:
                new[keys[-1]] = dict(zip(self.sides, (value for _, value in told), strict=True))
        if new:
            self.scores |= dict(zip(new, self._evaluated(list(new.values())), strict=True))
        return np.array([-self.scores[key] for key in keys])

    def _evaluated(self, settings: list[dict[str, Any]]) -> np.ndarray:
        try:
            scores = _scores_of(self.evaluate(settings), self.refit)[self.n_tried :]
        except ValueError as fault:
            # scikit-learn gives up where all fits of one call fail; late in a search that may be a single setting
            if not self.n_tried or not _ALL_FAILED.search(str(fault)):
                raise
            message = f"{len(settings)} settings that could not be fitted are left out of the results: {fault}"
            warnings.warn(message, FitFailedWarning, stacklevel=2)
            return np.full(len(settings), np.nan)
        self.n_tried += len(settings)
        return scores


def _scores_of(results: dict[str, Any], refit: Any) -> np.ndarray:
    if "mean_test_score" in results:
        return np.asarray(results["mean_test_score"], dtype=np.float64)
    if not isinstance(refit, str):
        message = "With several metrics 'refit' must name the one that the search shall follow."
        raise SelectionError(message)
    return np.asarray(results[f"mean_test_{refit}"], dtype=np.float64)


def _sides(distributions: Any) -> dict[str, Callable[[float], tuple[Any, Any]]]:
    """By parameter: from a share in [0, 1] to something that tells values apart, and the value.

    Raises
    ------
    SelectionError
        If a parameter has neither a distribution with ``ppf`` nor a list with values.
    """
    if not isinstance(distributions, Mapping) or not distributions:
        message = f"'param_distributions' is a dict with a parameter at least, not {distributions!r}."
        raise SelectionError(message)
    sides = {}
    for name, given in distributions.items():
        if hasattr(given, "ppf"):
            sides[name] = _from_distribution(given)
        elif hasattr(given, "__len__") and not isinstance(given, str | Mapping) and len(given):
            sides[name] = _from_list(list(given))
        else:
            message = f"The parameter {name!r} needs a distribution with 'ppf' or a list of values, not {given!r}."
            raise SelectionError(message)
    return sides


def _from_distribution(distribution: Any) -> Callable[[float], tuple[Any, Any]]:
    def side(u: float) -> tuple[Any, Any]:
        value = np.asarray(distribution.ppf(min(max(float(u), _EDGE), 1.0 - _EDGE))).item()
        # a whole number for distributions of whole numbers, which give floats here
        discrete = hasattr(getattr(distribution, "dist", distribution), "pmf")
        value = int(value) if discrete else value
        return value, value

    return side


def _from_list(values: list[Any]) -> Callable[[float], tuple[Any, Any]]:
    def side(u: float) -> tuple[Any, Any]:
        place = min(int(float(u) * len(values)), len(values) - 1)
        return place, values[place]

    return side
