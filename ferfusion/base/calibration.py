"""From decision values to probabilities, learnt on out-of-fold scores of the training part."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ferfusion.base.errors import ProtocolError
from ferfusion.base.grouped import GroupedFolds

__all__ = ["CalibratedScores", "decision_scores", "fit_temperature", "out_of_fold_scores"]

_LOG_BOUNDS = (-7.0, 7.0)


def decision_scores(estimator: Any, A: np.ndarray, n_classes: int) -> np.ndarray:
    """Decision values of a fitted classifier, a column a class.

    Parameters
    ----------
    estimator : classifier
        Fitted on labels ``0 .. n_classes - 1``, of which some may have been absent.
    A : ndarray, shape (n_samples, n_features)
        Samples.
    n_classes : int
        Number of classes.

    Returns
    -------
    ndarray, shape (n_samples, n_classes)
        A class that the estimator has never seen gets minus infinity.
    """
    scores = np.asarray(estimator.decision_function(A), dtype=np.float64)
    if scores.ndim == 1:
        scores = np.column_stack([-scores / 2, scores / 2])
    out = np.full((len(scores), n_classes), -np.inf)
    out[:, np.asarray(estimator.classes_, dtype=int)] = scores
    return out


def out_of_fold_scores(estimator: Any, A: np.ndarray, codes: np.ndarray, splits: list) -> tuple[np.ndarray, np.ndarray]:
    """Scores of samples by models that have not seen them.

    Parameters
    ----------
    estimator : classifier with ``decision_function``
        Cloned for each fold.
    A : ndarray, shape (n_samples, n_features)
        Samples.
    codes : ndarray of int, shape (n_samples,)
        Labels ``0 .. n_classes - 1``.
    splits : list of (train, test)
        Folds; those with one class in training are passed over.

    Returns
    -------
    scores : ndarray, shape (n_scored, n_classes)
    codes : ndarray of int, shape (n_scored,)
        Only samples whose class was in their fold's training part.
    """
    n_classes = int(codes.max()) + 1
    scores, labels = [], []
    for train, test in splits:
        seen = np.unique(codes[train])
        if len(seen) < 2:
            continue
        test = test[np.isin(codes[test], seen)]
        if len(test) == 0:
            continue
        fitted = clone(estimator).fit(A[train], codes[train])
        scores.append(decision_scores(fitted, A[test], n_classes))
        labels.append(codes[test])
    if not scores:
        message = "No inner fold could be used to calibrate: each class must occur in more than one group."
        raise ProtocolError(message)
    return np.concatenate(scores), np.concatenate(labels)


def fit_temperature(scores: np.ndarray, codes: np.ndarray) -> float:
    """Factor on the scores under which their softmax has the least log loss.

    Parameters
    ----------
    scores : ndarray, shape (n_samples, n_classes)
        Decision values; minus infinity for a class out of the question.
    codes : ndarray of int, shape (n_samples,)
        True classes.

    Returns
    -------
    float
        Positive; the inverse of the temperature in [1]_.

    References
    ----------
    .. [1] Guo, Pleiss, Sun, Weinberger: On calibration of modern neural networks. ICML 2017.
    """
    rows = np.arange(len(codes))

    def log_loss(log_factor: float) -> float:
        scaled = scores * np.exp(log_factor)
        return float(np.mean(logsumexp(scaled, axis=1) - scaled[rows, codes]))

    return float(np.exp(minimize_scalar(log_loss, bounds=_LOG_BOUNDS, method="bounded").x))


class CalibratedScores(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Give a classifier that only has decision values valid probabilities.

    The scores of the training samples are taken out of fold (no model scores what it has seen); one factor on
    them is fitted by log loss; the model itself is refitted on all training samples. One factor for all
    classes never changes which class comes first.

    Parameters
    ----------
    estimator : classifier with ``decision_function``
        Such as ``LinearSVC()``.
    cv : int, splitter or None, default=5
        Inner folds. Within a table pipeline a number becomes folds grouped by speaker.

    Attributes
    ----------
    estimator_ : classifier
        Fitted on all samples.
    factor_ : float
        The fitted factor; 1 where no inner fold could be made (it is then said in ``calibrated_``).
    calibrated_ : bool
        Whether the factor was learnt.
    classes_ : ndarray
        Class labels.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import LinearSVC
    >>> X, y = load_iris(return_X_y=True)
    >>> CalibratedScores(LinearSVC()).fit(X, y).predict_proba(X).shape
    (150, 3)
    """

    def __init__(self, estimator: Any, cv: Any = 5) -> None:
        self.estimator = estimator
        self.cv = cv

    def fit(self, X: Any, y: Any) -> CalibratedScores:
        """Fit the classifier and its factor.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Samples.
        y : array-like, shape (n_samples,)
            Labels of at least two classes.
        """
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            message = (
                f"Classifier needs samples of at least two classes; all are of one class, {str(self.classes_[0])!r}."
            )
            raise ValueError(message)
        cv: Any = GroupedFolds(None, self.cv or 5) if self.cv is None or isinstance(self.cv, int) else self.cv
        try:
            splits = list(cv.split(X, codes)) if hasattr(cv, "split") else list(cv)
            # a machine that only sees inner products may offer shorter rows that have the same
            rows = self.estimator.turned(X) if hasattr(self.estimator, "turned") else X
            scores, labels = out_of_fold_scores(self.estimator, rows, codes, splits)
            self.factor_, self.calibrated_ = fit_temperature(scores, labels), True
        except ProtocolError:
            self.factor_, self.calibrated_ = 1.0, False
        self.estimator_ = clone(self.estimator).fit(X, codes)
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Scaled decision values, shape (n_samples, n_classes), or (n_samples,) for two classes."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        scores = decision_scores(self.estimator_, X, len(self.classes_)) * self.factor_
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, shape (n_samples, n_classes), rows summing to one."""
        scores = self.decision_function(X)
        if scores.ndim == 1:
            scores = np.column_stack([-scores / 2, scores / 2])
        return softmax(scores, axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Most probable class of each sample."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]
