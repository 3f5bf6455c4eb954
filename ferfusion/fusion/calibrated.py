"""Branches whose probabilities are made to mean what they say before they meet others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import logit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.calibration import fit_temperature
from ferfusion.base.classifier import check_labels
from ferfusion.base.errors import ProtocolError, UnknownNameError
from ferfusion.base.table import check_table
from ferfusion.fusion.branches import best_names, say_nan
from ferfusion.fusion.out_of_fold import inner_splits, lesson_rows, out_of_fold

__all__ = ["CALIBRATIONS", "CalibratedBranch", "Calibration", "as_calibration"]

_FLOOR = 1e-6  # certainty beyond this is not evidence
Learnt = dict[str, np.ndarray]


class Calibration(NamedTuple):
    """A map from probabilities to better ones: ``fit(P, y)`` gives a dict of arrays, ``apply(P, learnt)`` the latter.

    ``P`` has the shape (n_utterances, n_classes) and no missing rows; ``y`` are codes.
    """

    fit: Callable[[np.ndarray, np.ndarray], Learnt]
    apply: Callable[[np.ndarray, Learnt], np.ndarray]


def fit_temperatures(P: np.ndarray, y: np.ndarray) -> Learnt:
    """One power of all probabilities, by log loss; it never changes which class comes first."""
    return {"factor": np.asarray(fit_temperature(_logs(P), y))}


def apply_temperatures(P: np.ndarray, learnt: Learnt) -> np.ndarray:
    """Probabilities to the learnt power, made to sum to 1."""
    return softmax(_logs(P) * learnt["factor"], axis=1)


def fit_platt(P: np.ndarray, y: np.ndarray) -> Learnt:
    """A logistic curve a class, against all others, on the log odds; targets are kept off 0 and 1 as in [1]_.

    References
    ----------
    .. [1] Platt: Probabilistic outputs for support vector machines and comparisons to regularized likelihood methods.
       Advances in Large Margin Classifiers, 1999.
    """
    slopes, offsets = np.ones(P.shape[1]), np.zeros(P.shape[1])
    for k in range(P.shape[1]):
        own = y == k
        if own.any() and not own.all():
            target = np.where(own, (own.sum() + 1) / (own.sum() + 2), 1 / ((~own).sum() + 2))
            odds = np.tile(_log_odds(P[:, k]), 2)[:, None]
            labels = np.repeat([1, 0], len(y))
            curve = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000)
            curve.fit(odds, labels, sample_weight=np.concatenate([target, 1 - target]))
            slopes[k], offsets[k] = curve.coef_[0, 0], curve.intercept_[0]
    return {"slopes": slopes, "offsets": offsets}


def apply_platt(P: np.ndarray, learnt: Learnt) -> np.ndarray:
    """The curves of ``fit_platt``, made to sum to 1."""
    return _normalised(1 / (1 + np.exp(-(_log_odds(P) * learnt["slopes"] + learnt["offsets"]))))


def fit_isotonic(P: np.ndarray, y: np.ndarray) -> Learnt:
    """A rising staircase a class, against all others [1]_; it needs some hundred rows.

    Returns
    -------
    dict of ndarray
        ``x0``, ``y0``, ``x1``, ...: corners of each class.

    References
    ----------
    .. [1] Zadrozny, Elkan: Transforming classifier scores into accurate multiclass probability estimates. KDD 2002.
       https://doi.org/10.1145/775047.775151
    """
    learnt = {}
    for k in range(P.shape[1]):
        stairs = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(P[:, k], y == k)
        learnt[f"x{k}"], learnt[f"y{k}"] = np.array(stairs.X_thresholds_), np.array(stairs.y_thresholds_)
    return learnt


def apply_isotonic(P: np.ndarray, learnt: Learnt) -> np.ndarray:
    """The staircases of ``fit_isotonic``, made to sum to 1; all classes are equal where every one is 0."""
    stairs = [np.interp(P[:, k], learnt[f"x{k}"], learnt[f"y{k}"]) for k in range(P.shape[1])]
    return _normalised(np.column_stack(stairs))


CALIBRATIONS: dict[str, Calibration] = {
    "isotonic": Calibration(fit_isotonic, apply_isotonic),
    "platt": Calibration(fit_platt, apply_platt),
    "temperature": Calibration(fit_temperatures, apply_temperatures),
}


def as_calibration(method: str | Calibration) -> Calibration:
    """Calibration of a name, or the given one.

    Raises
    ------
    UnknownNameError
        If there is no calibration of this name.
    """
    if isinstance(method, Calibration):
        return method
    if method not in CALIBRATIONS:
        raise UnknownNameError("calibration", method, CALIBRATIONS)
    return CALIBRATIONS[method]


class CalibratedBranch(ClassifierMixin, BaseEstimator):
    """Calibrate a table classifier on what it says of speakers it has not heard.

    The branch is fitted on all training rows; the calibration is learnt from out-of-fold probabilities of these,
    a speaker (else a dialogue, else a video) never torn apart. A classifier that only has decision values gets
    probabilities first, from ``TableClassifier``. Rows that the branch cannot judge are NaN: this is a branch, and what
    it is fused with knows what to do.

    Parameters
    ----------
    branch : table classifier
        A pipeline that ends in ``TableClassifier``, say. Inside ``make_late`` a name or an array classifier will do.
    method : {"platt", "isotonic", "temperature"} or Calibration, default="platt"
        A logistic curve or a staircase a class, or one power for all.
    n_folds : int, default=5
        Inner folds.
    random_state : int or None, default=0
        Seed of the inner folds.
    cv : splitter, or list of (train, test), optional
        Inner folds instead of the grouped ones.
    n_jobs : int, optional
        Folds fitted at a time.

    Attributes
    ----------
    branch_ : classifier
        Fitted on all rows.
    learnt_ : dict of str to ndarray
        What the calibration has learnt.
    calibrated_ : bool
        Whether it could be: no inner fold may hold a class in more than one group. The branch's own probabilities
        are then given.
    classes_ : ndarray of object
        Emotion names, sorted.

    Examples
    --------
    >>> from ferfusion.fusion import make_late
    >>> model = make_late([("audio", CalibratedBranch("svm", "isotonic")), ("text", "logistic")], rule="product")
    >>> [name for name, _ in model["fuse"].branches]
    ['audio', 'text']
    """

    def __init__(
        self,
        branch: Any,
        method: Any = "platt",
        n_folds: int = 5,
        random_state: Any = 0,
        cv: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.branch = branch
        self.method = method
        self.n_folds = n_folds
        self.random_state = random_state
        self.cv = cv
        self.n_jobs = n_jobs

    def fit(self, X: pd.DataFrame, y: Any) -> CalibratedBranch:
        """Fit the branch and the calibration.

        Parameters
        ----------
        X : DataFrame
            The table.
        y : array-like of str, shape (n_utterances,)
            Emotion names.
        """
        check_table(X)
        labels = check_labels(y, X)
        method = as_calibration(self.method)
        branch = say_nan(clone(self.branch))
        self.branch_ = clone(branch).fit(X, labels)
        self.classes_ = self.branch_.classes_
        self.learnt_, self.calibrated_ = {}, False
        classes, own = np.unique(labels.astype(str)), self.classes_.astype(str)
        try:
            splits = inner_splits(X, labels, self.n_folds, self.random_state, self.cv)
            P, seen = out_of_fold([("calibrated", branch)], X, labels, classes, splits, self.n_jobs)
            rows = lesson_rows(P, seen) & np.isin(labels.astype(str), own)
        except ProtocolError:
            return self
        if len(set(labels[rows])) > 1:
            # a class whose rows all lack the branch's view is none of the branch's
            codes = np.searchsorted(own, labels[rows].astype(str))
            self.learnt_, self.calibrated_ = method.fit(P[0][rows][:, np.isin(classes, own)], codes), True
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Calibrated probabilities.

        Parameters
        ----------
        X : DataFrame
            The table.

        Returns
        -------
        ndarray, shape (n_utterances, n_classes)
            Columns as in ``classes_``; NaN where the branch has nothing to judge by.
        """
        check_is_fitted(self)
        out = np.array(self.branch_.predict_proba(X), dtype=np.float64)
        known = ~np.isnan(out).any(axis=1)
        if self.calibrated_ and known.any():
            out[known] = as_calibration(self.method).apply(out[known], self.learnt_)
        return out

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Most probable emotion of each row, shape (n_utterances,); None where there is nothing to judge by."""
        return best_names(self.predict_proba(X), self.classes_)


def _logs(P: np.ndarray) -> np.ndarray:
    return np.log(np.clip(P, _FLOOR, None))


def _log_odds(P: np.ndarray) -> np.ndarray:
    return logit(np.clip(P, _FLOOR, 1 - _FLOOR))


def _normalised(P: np.ndarray) -> np.ndarray:
    total = P.sum(axis=1, keepdims=True)
    return np.where(total > 0, P / np.where(total > 0, total, 1.0), 1.0 / P.shape[1])
