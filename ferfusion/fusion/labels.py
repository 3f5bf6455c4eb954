"""Several emotions at a time: one decision for each label, by any system."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.errors import TableError, shorten
from ferfusion.base.table import check_table
from ferfusion.context.speaker import SpeakerScaler
from ferfusion.features.views import Views

__all__ = ["MultiLabelClassifier"]

_YES = "yes"


class MultiLabelClassifier(ClassifierMixin, BaseEstimator):
    """Decide for each label whether it applies, with a system of its own for each (binary relevance) [1]_.

    Every assembler's system will do: early, late, stacked, hybrid. Extraction and scaling by speaker, which do not
    look at labels, are done once for all.

    Parameters
    ----------
    system : table classifier
        Cloned for each label.
    threshold : float, default=0.5
        A label applies from this probability on.

    Attributes
    ----------
    labels_ : list of str
        Labels, in the order of the columns of ``y``.
    shared_ : Pipeline or None
        Fitted steps that all labels share.
    classifiers_ : dict of str to classifier or float
        Fitted system of each label; the label's share in training where that is 0 or 1 and there is nothing to
        learn.

    References
    ----------
    .. [1] Tsoumakas, Katakis: Multi-label classification: an overview. International Journal of Data Warehousing
       and Mining 3(3), 2007.

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> from ferfusion.fusion import make_early
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual",))
    >>> Y = pd.get_dummies(corpus.y)
    >>> model = MultiLabelClassifier(make_early((), "logistic")).fit(corpus.X, Y)
    >>> model.predict_proba(corpus.X).shape == Y.shape
    True
    """

    def __init__(self, system: Any, threshold: float = 0.5) -> None:
        self.system = system
        self.threshold = threshold

    def fit(self, X: pd.DataFrame, y: Any) -> MultiLabelClassifier:
        """Fit a system for each label.

        Parameters
        ----------
        X : DataFrame
            The table.
        y : DataFrame of bool or 0/1, shape (n_utterances, n_labels)
            A column a label, with the table's index.

        Raises
        ------
        TableError
            If ``y`` is not such a table.
        """
        check_table(X)
        Y = _checked(y, X)
        self.labels_ = [str(name) for name in y.columns]
        shared, own = _parted(self.system)
        self.shared_ = None if shared is None else shared.fit(X)
        table = X if shared is None else shared.transform(X)
        self.classifiers_ = {
            name: float(column[0])
            if (column == column[0]).all()
            else clone(own).fit(table, np.where(column, _YES, "no"))
            for name, column in zip(self.labels_, Y.T, strict=True)
        }
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Probability that each label applies.

        Parameters
        ----------
        X : DataFrame
            The table.

        Returns
        -------
        ndarray, shape (n_utterances, n_labels)
            Columns as in ``labels_``; they need not sum to 1.
        """
        check_is_fitted(self)
        table = check_table(X) if self.shared_ is None else self.shared_.transform(X)
        return np.column_stack([_of_yes(model, table) for model in self.classifiers_.values()])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Which labels apply, 0 or 1, shape (n_utterances, n_labels)."""
        return (self.predict_proba(X) >= self.threshold).astype(int)


def _checked(y: Any, X: pd.DataFrame) -> np.ndarray:
    if not isinstance(y, pd.DataFrame) or not y.index.equals(X.index) or not y.shape[1]:
        message = "Several labels need a DataFrame y with the table's index and a column of 0 and 1 for each label."
        raise TableError(message)
    missing = y.isna().any(axis=1).to_numpy()
    if missing.any():
        message = f"These rows lack a label: {shorten(X.index[missing])}. Give them all or leave them out."
        raise TableError(message)
    values = y.to_numpy()
    if not np.isin(values, (0, 1)).all():
        message = f"Labels must be 0 or 1, not {shorten(sorted({str(v) for v in values[~np.isin(values, (0, 1))]}))}."
        raise TableError(message)
    return values.astype(bool)


def _parted(system: Any) -> tuple[Pipeline | None, Any]:
    """Leading steps that do not look at labels, and the rest."""
    if not isinstance(system, Pipeline):
        return None, system
    kinds = [isinstance(step, Views | SpeakerScaler) for _, step in system.steps]
    n = kinds.index(False) if False in kinds else len(kinds)
    if n == 0:
        return None, system
    return clone(Pipeline(system.steps[:n])), Pipeline(system.steps[n:])


def _of_yes(model: Any, table: pd.DataFrame) -> np.ndarray:
    if isinstance(model, float):
        return np.full(len(table), model)
    return model.predict_proba(table)[:, list(model.classes_).index(_YES)]
