"""The last step of a table pipeline: it alone drops facts and encodes labels."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.adapters import fit_with_groups
from ferfusion.base.calibration import CalibratedScores
from ferfusion.base.errors import TableError, UnknownNameError, shorten
from ferfusion.base.grouped import give_grouped_cv
from ferfusion.base.rows import LastStep

__all__ = ["TableClassifier", "check_labels"]


def check_labels(y: Any, X: pd.DataFrame) -> np.ndarray:
    """Labels as an array of objects, checked against the table.

    Parameters
    ----------
    y : array-like, shape (n_utterances,)
        Emotion names; a Series must have the table's index.
    X : DataFrame
        The table.

    Returns
    -------
    ndarray of object, shape (n_utterances,)

    Raises
    ------
    TableError
        If labels are missing, do not fit the rows, or are all the same.
    """
    if y is None:
        message = "Fitting needs the labels y, one a row."
        raise TableError(message)
    if isinstance(y, pd.Series) and not y.index.equals(X.index):
        message = "The index of y is not that of the table; align them first, as in y = y.loc[X.index]."
        raise TableError(message)
    labels = np.asarray(y, dtype=object)
    if labels.shape != (len(X),):
        message = f"The table has {len(X)} rows but y has the shape {labels.shape}."
        raise TableError(message)
    missing = pd.isna(labels)
    if missing.any():
        message = f"These rows have no label: {shorten(X.index[missing])}. Give them one or leave them out."
        raise TableError(message)
    if len(set(labels)) < 2:
        message = f"All {len(labels)} rows are of one class, {labels[0]!r}; a classifier needs two."
        raise TableError(message)
    return labels


class TableClassifier(ClassifierMixin, LastStep):
    """Classify the rows of a table with a plain array classifier.

    Facts are dropped, labels encoded (any string, and classes that are absent from a fold, work for every
    classifier), and a classifier without ``predict_proba`` is calibrated on out-of-fold scores of the training
    rows, grouped by speaker. ``predict`` is the class of the highest probability.

    Parameters
    ----------
    estimator : classifier on arrays
        Cloned for the fit.
    missing : {"prior", "nan"}, default="prior"
        What a row without a single feature value gets: the share of each class in training (said in a
        warning), or NaN for a fusion step that knows what to do.

    Attributes
    ----------
    estimator_ : classifier
        Fitted on integer codes.
    classes_ : ndarray of object
        Emotion names, sorted.
    prior_ : ndarray, shape (n_classes,)
        Share of each class in training.
    columns_ : list of str
        Features it reads.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = pd.DataFrame({"speaker": list("aabb"), "audio_a__x": [0.0, 1.0, 0.1, 0.9]}, index=list("wxyz"))
    >>> model = TableClassifier(LogisticRegression()).fit(X, ["calm", "anger", "calm", "anger"])
    >>> model.predict(X).tolist()
    ['calm', 'anger', 'calm', 'anger']
    """

    def __init__(self, estimator: Any, missing: Literal["prior", "nan"] = "prior") -> None:
        self.estimator = estimator
        self.missing = missing

    def fit(self, X: pd.DataFrame, y: Any) -> TableClassifier:
        """Fit on the rows that have a feature value.

        Parameters
        ----------
        X : DataFrame
            The table, with features.
        y : array-like of str, shape (n_utterances,)
            Emotion names.

        Raises
        ------
        TableError
            If the table breaks its grammar or the labels are missing or all the same.
        FeatureError
            If values are missing in rows that have others and nothing filled them in.
        """
        rows = self._rows_to_learn(X)
        if self.missing not in ("prior", "nan"):
            raise UnknownNameError("treatment of rows without features", self.missing, ["prior", "nan"])
        labels = check_labels(y, X)
        labels = check_labels(labels[rows], X[rows])
        A = self._array(X[rows])
        self.classes_, codes = np.unique(labels.astype(str), return_inverse=True)
        self.classes_ = self.classes_.astype(object)
        self.prior_ = np.bincount(codes) / len(codes)
        groups = self._groups(X, rows)
        self.estimator_ = fit_with_groups(give_grouped_cv(self._calibrated(), groups, A), A, codes, groups)
        return self

    def _calibrated(self) -> Any:
        estimator = clone(self.estimator)
        return estimator if hasattr(estimator, "predict_proba") else CalibratedScores(estimator)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Probabilities of the emotions.

        Parameters
        ----------
        X : DataFrame
            The table.

        Returns
        -------
        ndarray, shape (n_utterances, n_classes)
            Columns as in ``classes_``.
        """
        check_is_fitted(self)
        rows = self._rows_to_judge(X)
        fill = self.prior_ if self.missing == "prior" else np.nan
        out = np.tile(np.full(len(self.classes_), fill, dtype=np.float64), (len(X), 1))
        if not rows.all() and self.missing == "prior":
            message = (
                f"These rows have no feature value and get the class shares of training: {shorten(X.index[~rows])}."
            )
            warnings.warn(message, UserWarning, stacklevel=2)
        if rows.any():
            proba = np.asarray(self.estimator_.predict_proba(self._array(X[rows])), dtype=np.float64)
            out[rows] = proba / proba.sum(axis=1, keepdims=True)
        return out

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Most probable emotion of each row.

        Parameters
        ----------
        X : DataFrame
            The table.

        Returns
        -------
        ndarray of object, shape (n_utterances,)
            None for a row without features if ``missing="nan"``.
        """
        proba = self.predict_proba(X)
        known = ~np.isnan(proba).any(axis=1)
        names = np.full(len(X), None, dtype=object)
        names[known] = self.classes_[proba[known].argmax(axis=1)]
        return names
