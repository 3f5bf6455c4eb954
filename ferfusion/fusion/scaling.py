"""Views of 6,373 columns and of 35 made to weigh the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.adapters import number_views
from ferfusion.base.table import (
    check_table,
    columns_of,
    features_of,
    fitted_features,
    mark_learnt,
    modality_of,
    replace_columns,
)

__all__ = ["ViewScaler"]


class ViewScaler(TransformerMixin, BaseEstimator):
    """Bring each view to a total variance of one, so that none drowns another by its number of columns.

    Columns are centred; those of the named modalities are also brought to equal variance first. Texts are not
    by default: the rare words of TF-IDF would outgrow the telling ones.

    Parameters
    ----------
    equal_columns : sequence of str, default=("audio", "visual")
        Modalities whose columns are standardised one by one.

    Attributes
    ----------
    columns_ : list of str
        Features that are scaled.
    mean_, factor_ : ndarray, shape (n_features,)
        What is taken off, and what the rest is multiplied by.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"audio_a__x": [0.0, 2.0], "audio_a__y": [0.0, 8.0], "text_b__z": [1.0, 3.0]})
    >>> X.index = ["u", "v"]
    >>> ViewScaler().fit_transform(X).round(2).loc["v", ["audio_a__x", "audio_a__y", "text_b__z"]].tolist()
    [0.71, 0.71, 1.0]
    """

    def __init__(self, equal_columns: Sequence[str] = ("audio", "visual")) -> None:
        self.equal_columns = equal_columns

    def fit(self, X: pd.DataFrame, y: Any = None) -> ViewScaler:
        """Learn means and factors; missing values are passed over.

        Parameters
        ----------
        X : DataFrame
            The table, with features.
        """
        check_table(X)
        self.views_ = number_views(X)
        self.columns_ = [column for view in self.views_ for column in columns_of(X, view)]
        blocks = [self._block(features_of(X, view), modality_of(view)) for view in self.views_]
        self.mean_ = np.concatenate([mean for mean, _ in blocks]) if blocks else np.empty(0)
        self.factor_ = np.concatenate([factor for _, factor in blocks]) if blocks else np.empty(0)
        return self

    def _block(self, A: np.ndarray, modality: str) -> tuple[np.ndarray, np.ndarray]:
        there = ~np.isnan(A)
        count = np.maximum(there.sum(axis=0), 1)
        mean = np.where(there, A, 0.0).sum(axis=0) / count
        variance = (np.where(there, A - mean, 0.0) ** 2).sum(axis=0) / count
        varies = variance > (1e-9 * np.maximum(np.abs(mean), 1.0)) ** 2
        if modality in self.equal_columns:
            factor = np.divide(1.0, np.sqrt(variance), out=np.zeros_like(variance), where=varies)
            return mean, factor / np.sqrt(max(int(varies.sum()), 1))
        total = variance[varies].sum()
        return mean, np.where(varies, 1.0 / np.sqrt(total) if total > 0 else 0.0, 0.0)

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Scale the columns."""
        check_is_fitted(self)
        scaled = (fitted_features(X, self.columns_) - self.mean_) * self.factor_
        return mark_learnt(replace_columns(X, self.columns_, scaled, self.columns_), self.views_)
