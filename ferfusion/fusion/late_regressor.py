"""Late fusion of numbers: every branch predicts valence, arousal and the like from its view, then they meet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.errors import FeatureError, FerfusionError, UnknownNameError
from ferfusion.base.regressor import check_targets
from ferfusion.base.table import check_table
from ferfusion.fusion.branches import Branched, fit_branch
from ferfusion.fusion.out_of_fold import inner_splits

__all__ = ["NUMBER_RULES", "LateFusionRegressor"]

Rule = Callable[[np.ndarray, np.ndarray], np.ndarray]
_FLOOR = 1e-12


def weighted_mean(P: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of the branches that predict, under weights.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_targets)
        Predictions; NaN where a branch has nothing to predict from.
    weights : ndarray, shape (n_branches, n_targets)
        Not negative.

    Returns
    -------
    ndarray, shape (n_utterances, n_targets)
        NaN where no branch predicts.

    Examples
    --------
    >>> weighted_mean(np.array([[[1.0], [1.0]], [[4.0], [np.nan]]]), np.array([[2.0], [1.0]])).tolist()
    [[2.0], [1.0]]
    """
    there = ~np.isnan(P)
    shares = weights[:, None, :] * there
    total = shares.sum(axis=0)
    summed = (np.where(there, P, 0.0) * shares).sum(axis=0)
    return np.divide(summed, total, out=np.full_like(summed, np.nan), where=total > 0)


def median(P: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Median of the branches that predict; weights are not used. Shapes as for ``weighted_mean``."""
    known = ~np.isnan(P).all(axis=(0, 2))
    out = np.full(P.shape[1:], np.nan)
    out[known] = np.nanmedian(P[:, known], axis=0)
    return out


NUMBER_RULES: dict[str, Rule] = {"mean": weighted_mean, "median": median, "inverse_error": weighted_mean}


class LateFusionRegressor(RegressorMixin, Branched):
    """Branches predict numbers on their own views; a rule brings the predictions together.

    Parameters
    ----------
    branches : table regressor, or list of (name, table regressor)
        One (cloned for every modality or view, see ``by``) or a list, such as ``TableRegressor`` behind a scaler.
    rule : {"mean", "median", "inverse_error"} or callable, default="mean"
        ``inverse_error`` weighs a branch, for each target, by one over its mean squared error on rows of speakers it
        has not been fitted on. A callable is given ``(P, weights)`` as ``weighted_mean`` is.
    by : {"modality", "view"}, default="modality"
        What makes a branch where one regressor is given for all.
    n_folds : int, default=5
        Inner folds of ``inverse_error``, grouped by speaker.
    n_jobs : int, optional
        Branches fitted at a time.
    random_state : int or None, default=0
        Seed of the inner folds.
    missing : {"mean", "nan"}, default="mean"
        What a row gets that no branch can judge: the means of training, or NaN.

    Attributes
    ----------
    branches_ : dict of str to fitted table regressor
        In use.
    weights_ : ndarray, shape (n_branches, n_targets)
        Ones but for ``inverse_error``, where a target's weights sum to one.
    mean_ : ndarray, shape (n_targets,)
        Means of training.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from ferfusion.base import TableRegressor
    >>> X = pd.DataFrame({"audio_a__x": [0.0, 1.0, 2.0], "text_b__x": [0.0, 1.0, 2.0]}, index=list("abc"))
    >>> model = LateFusionRegressor(TableRegressor(LinearRegression())).fit(X, [0.0, 2.0, 4.0])
    >>> model.predict(X.assign(text_b__x=np.nan)).round(6)
    array([0., 2., 4.])
    """

    def __init__(
        self,
        branches: Any,
        rule: Any = "mean",
        by: str = "modality",
        n_folds: int = 5,
        n_jobs: int | None = None,
        random_state: Any = 0,
        missing: Literal["mean", "nan"] = "mean",
    ) -> None:
        self.branches = branches
        self.rule = rule
        self.by = by
        self.n_folds = n_folds
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.missing = missing

    def fit(self, X: pd.DataFrame, y: Any) -> LateFusionRegressor:
        """Fit every branch, and learn the weights where the rule has some.

        Parameters
        ----------
        X : DataFrame
            The table.
        y : array-like of float, shape (n_utterances,) or (n_utterances, n_targets)
            Targets.

        Raises
        ------
        TableError
            If the targets are missing or no numbers.
        FeatureError
            If no branch has a view to work on, or one cannot be fitted (it is named).
        UnknownNameError
            If there is no such rule.
        """
        check_table(X)
        self._check_names()
        targets = check_targets(y, X)
        self.is_flat_ = targets.ndim == 1
        self.mean_ = np.atleast_1d(targets.mean(axis=0))
        named = self._named_branches(X)
        fitted = Parallel(n_jobs=self.n_jobs)(delayed(fit_branch)(name, branch, X, targets) for name, branch in named)
        self.branches_ = dict(zip([name for name, _ in named], fitted, strict=True))
        self.weights_ = np.ones((len(named), len(self.mean_)))
        if self.rule == "inverse_error":
            self.weights_ = self._learnt_weights(X, targets, named)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Targets of each row.

        Parameters
        ----------
        X : DataFrame
            The table.

        Returns
        -------
        ndarray, shape (n_utterances,) or (n_utterances, n_targets)
            As ``y`` was. The means of training (or NaN) where no branch can judge.
        """
        check_is_fitted(self, "weights_")
        check_table(X)
        P = np.stack([self._shaped(branch.predict(X), len(X)) for branch in self.branches_.values()])
        rule = self.rule if callable(self.rule) else NUMBER_RULES[self.rule]
        out = rule(P, self.weights_)
        if self.missing == "mean":
            out = np.where(np.isnan(out), self.mean_, out)
        return out[:, 0] if self.is_flat_ else out

    def _check_names(self) -> None:
        if not callable(self.rule) and self.rule not in NUMBER_RULES:
            raise UnknownNameError("rule for numbers", self.rule, NUMBER_RULES)
        if self.missing not in ("mean", "nan"):
            raise UnknownNameError("treatment of rows that no branch can judge", self.missing, ["mean", "nan"])

    def _shaped(self, predicted: Any, n: int) -> np.ndarray:
        return np.asarray(predicted, dtype=np.float64).reshape(n, len(self.mean_))

    def _learnt_weights(self, X: pd.DataFrame, targets: np.ndarray, named: list[tuple[str, Any]]) -> np.ndarray:
        errors = np.full((len(named), len(X), len(self.mean_)), np.nan)
        wanted = self._shaped(targets, len(X))
        # numbers are no classes, so folds are balanced by speakers alone
        splits = inner_splits(X, np.full(len(X), "all", dtype=object), self.n_folds, self.random_state)
        for train, test in splits:
            for i, (name, branch) in enumerate(named):
                try:
                    model = fit_branch(name, branch, X.iloc[train], targets[train])
                except FerfusionError:
                    continue  # a view that is missing in this fold says nothing there
                errors[i, test] = (self._shaped(model.predict(X.iloc[test]), len(test)) - wanted[test]) ** 2
        judged = ~np.isnan(errors).all(axis=1)
        if not judged.any():
            message = "No branch could be judged on inner folds, so none can be weighed by its error."
            raise FeatureError(message)
        mse = np.full(judged.shape, np.nan)
        mse[judged] = [np.nanmean(errors[i, :, k]) for i, k in np.argwhere(judged)]
        weights = 1.0 / np.maximum(np.where(judged, mse, np.nanmax(mse)), _FLOOR)
        return weights / weights.sum(axis=0)
