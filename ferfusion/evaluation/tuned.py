"""A system whose parameters are chosen by inner folds of the rows it is fitted on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import ParameterGrid
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.classifier import check_labels
from ferfusion.base.errors import FerfusionError, ProtocolError, UnknownNameError
from ferfusion.base.grouped import grouped_splits
from ferfusion.base.table import check_table, groups_of
from ferfusion.evaluation.metrics import METRICS, confusion_counts
from ferfusion.evaluation.provenance import plain_value

__all__ = ["TUNED", "TunedClassifier", "fitted_system", "tuned_facts", "tuned_values", "tuning_notes"]

TUNED = "tuned"  # among the facts of a fold
INNER = "inner_score"


class TunedClassifier(ClassifierMixin, BaseEstimator):
    """Search a grid of parameters on inner folds that keep speakers together, then fit the best on all rows.

    Every setting is judged by one score of the pooled predictions of the inner test parts; of equal ones the first in
    the grid is taken.

    Parameters
    ----------
    estimator : table classifier
        A system on the raw table; cloned.
    grid : dict of str to list, or list of such dicts
        Values by parameter, named as scikit-learn names them: ``{"classify__estimator__C": [0.1, 1, 10]}``.
    metric : {"uar", "wa", "wf1"} or callable, default="uar"
        What is to be high; a callable takes a confusion matrix, true classes in rows.
    n_folds : int, default=3
        Inner folds wanted; fewer where there are fewer speakers. Without speakers, dialogues or videos they are random.
    n_jobs : int, optional
        Inner fits at a time; they do not change the result.
    random_state : int or None, default=0
        Seed of the inner folds.

    Attributes
    ----------
    best_estimator_ : fitted table classifier
        The best setting, fitted on all rows.
    best_params_ : dict
        The best setting.
    best_score_ : float
        Its score on the inner folds: optimistic, since it is the highest of many.
    candidates_ : list of dict
        All settings.
    scores_ : ndarray, shape (n_candidates,)
        Their scores.
    classes_ : ndarray of object
        Emotion names, sorted.

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> from ferfusion.fusion import make_early
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual",))
    >>> model = TunedClassifier(make_early(classifier="logistic"), {"classify__estimator__C": [0.1, 1.0]})
    >>> model = model.fit(corpus.X, corpus.y)
    >>> model.candidates_, bool(model.best_score_ == model.scores_.max())
    ([{'classify__estimator__C': 0.1}, {'classify__estimator__C': 1.0}], True)
    """

    def __init__(
        self,
        estimator: Any,
        grid: Any,
        metric: str | Callable[[np.ndarray], Any] = "uar",
        n_folds: int = 3,
        n_jobs: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.estimator = estimator
        self.grid = grid
        self.metric = metric
        self.n_folds = n_folds
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any) -> TunedClassifier:
        """Search, then fit the best setting on all rows.

        Parameters
        ----------
        X : DataFrame
            The table.
        y : array-like of str, shape (n_utterances,)
            Emotion names.

        Raises
        ------
        UnknownNameError
            If the grid names a parameter that the estimator does not have, or there is no such metric.
        ProtocolError
            If the grid is empty or no grid, inner folds cannot be made, or a setting cannot be fitted (it is named).
        """
        check_table(X)
        labels = check_labels(y, X)
        metric = _metric_of(self.metric)
        candidates = candidates_of(self.grid, self.estimator)
        splits = self._splits(X, labels)
        work = (
            delayed(_inner_predictions)(self.estimator, setting, X, labels, train, test)
            for setting in candidates
            for train, test in splits
        )
        predicted = list(Parallel(n_jobs=self.n_jobs)(work))
        names = sorted(set(labels.astype(str)))
        truth = np.concatenate([labels[test] for _, test in splits]).astype(str)
        scores = []
        for i in range(len(candidates)):
            found = np.concatenate(predicted[i * len(splits) : (i + 1) * len(splits)]).astype(str)
            scores.append(float(metric(confusion_counts(truth, found, names, np.zeros(len(truth)))[0][0])))
        self.candidates_, self.scores_ = candidates, np.array(scores)
        best = int(np.argmax(self.scores_))
        self.best_params_, self.best_score_ = candidates[best], scores[best]
        self.best_estimator_ = _set(self.estimator, self.best_params_).fit(X, labels)
        self.classes_ = self.best_estimator_.classes_
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Probabilities of the emotions by the best setting, shape (n_utterances, n_classes)."""
        check_is_fitted(self)
        return self.best_estimator_.predict_proba(X)

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Most probable emotion of each row by the best setting, shape (n_utterances,)."""
        check_is_fitted(self)
        return self.best_estimator_.predict(X)

    def _splits(self, X: pd.DataFrame, labels: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        seed = self.random_state if isinstance(self.random_state, int) else 0
        splits = grouped_splits(labels.astype(str), groups_of(X), self.n_folds, seed)
        splits = [(train, test) for train, test in splits if len(set(labels[train])) > 1]
        if not splits:
            message = "Tuning needs an inner fold with two emotions in training; each speaker shows one only."
            raise ProtocolError(message)
        return splits


def candidates_of(grid: Any, estimator: Any) -> list[dict[str, Any]]:
    """Settings of a grid, checked against an estimator.

    Raises
    ------
    UnknownNameError
        If the estimator lacks a parameter.
    ProtocolError
        If this is no grid, or an empty one.
    """
    try:
        candidates = list(ParameterGrid(dict(grid) if isinstance(grid, Mapping) else list(grid)))
    except (TypeError, ValueError) as error:
        message = f"A grid is a dict of parameters with a list of values each, or a list of such dicts: {error}"
        raise ProtocolError(message) from error
    if not any(candidates):
        message = "The grid names no parameter: there is nothing to tune."
        raise ProtocolError(message)
    known = estimator.get_params(deep=True)
    for name in {name: None for setting in candidates for name in setting}:
        if name not in known:
            raise UnknownNameError("parameter to tune", name, known)
    return candidates


def fitted_system(model: Any) -> Any:
    """The system inside of a tuned one, fitted or not; any other as it is."""
    while isinstance(model, TunedClassifier):
        model = getattr(model, "best_estimator_", model.estimator)
    return model


def tuned_facts(model: Any) -> dict[str, Any]:
    """What a fitted system has chosen, ready for JSON; empty for one that chooses nothing."""
    if not isinstance(model, TunedClassifier):
        return {}
    chosen = {name: plain_value(value) for name, value in model.best_params_.items()}
    return {TUNED: {**chosen, INNER: round(model.best_score_, 6)}}


def tuned_values(folds: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Which fold chose what: a row a fold, a column a parameter, then ``inner_score``; empty if nothing was tuned."""
    rows = {str(fold["fold"]): fold[TUNED] for fold in folds if TUNED in fold}
    if not rows:
        return pd.DataFrame()
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("fold")
    return table[[*(column for column in table.columns if column != INNER), INNER]]


def tuning_notes(system: Any, tuned: pd.DataFrame, grouped: bool = True) -> list[str]:
    """What must be said beside a score for which parameters were tuned."""
    if not isinstance(system, TunedClassifier) or tuned.empty:
        return []
    name = system.metric if isinstance(system.metric, str) else getattr(system.metric, "__name__", "own score")
    kept = "that keep speakers together" if grouped else "at random, since speakers are unknown"
    n = len(candidates_of(system.grid, system.estimator))
    notes = [f"Tuned inside each training part: {n} settings by {name.upper()} on {system.n_folds} inner folds {kept}."]
    for parameter in tuned.columns.drop(INNER):
        counts = tuned[parameter].map(repr).value_counts()
        notes.append(
            f"{parameter}: {', '.join(f'{value} in {many}' for value, many in counts.items())} of {len(tuned)}"
        )
    return notes


def _metric_of(metric: Any) -> Callable[[np.ndarray], Any]:
    if callable(metric):
        return metric
    if metric not in METRICS:
        raise UnknownNameError("metric", metric, METRICS)
    return METRICS[metric]


def _set(estimator: Any, setting: dict[str, Any]) -> Any:
    return clone(estimator).set_params(**{name: clone(value, safe=False) for name, value in setting.items()})


def _inner_predictions(
    estimator: Any, setting: dict[str, Any], X: pd.DataFrame, labels: np.ndarray, train: np.ndarray, test: np.ndarray
) -> np.ndarray:
    try:
        return np.asarray(_set(estimator, setting).fit(X.iloc[train], labels[train]).predict(X.iloc[test]))
    except (FerfusionError, ValueError) as error:
        message = f"The setting {setting} cannot be fitted: {error}"
        raise ProtocolError(message) from error
