"""Scaling by speaker, with a declared policy for speakers of whom too little is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.adapters import number_views
from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.base.table import (
    check_table,
    columns_of,
    features_of,
    fitted_features,
    mark_learnt,
    present_rows,
    replace_columns,
)

__all__ = ["POLICY_SELF", "POLICY_TRAIN", "SpeakerScaler"]

POLICY_SELF = "self"
POLICY_TRAIN = "train"


class SpeakerScaler(TransformerMixin, BaseEstimator):
    """Standardise each speaker's features by that speaker's own rows, without labels.

    With ``mode="self"`` a speaker with enough rows in the table at hand is scaled by their mean and standard
    deviation: all rows of the speaker at once, in training and at test time alike. A speaker with fewer rows,
    and each row whose speaker is unknown, is scaled by the statistics of the training rows; recordings without
    a speaker are never pooled. With ``mode="train"`` all rows are.

    A score made with ``mode="self"`` has used the unlabelled recordings of the test speaker, and must say so.

    Parameters
    ----------
    mode : {"self", "train"}, default="self"
        By whose rows.
    min_utterances : int, default=10
        Rows with values that a speaker needs to be scaled by them.
    views : sequence of str, default=("audio", "visual")
        Views or modalities to scale.

    Attributes
    ----------
    columns_ : list of str
        Features that are scaled.
    mean_, scale_ : ndarray, shape (n_features,)
        Statistics of the training rows.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"speaker": ["a", "a", "b"], "audio_x__y": [1.0, 3.0, 9.0]}, index=list("uvw"))
    >>> scaler = SpeakerScaler(min_utterances=2).fit(X)
    >>> scaler.transform(X)["audio_x__y"].round(2).tolist(), scaler.policies(X).tolist()
    ([-1.0, 1.0, 1.37], ['self', 'self', 'train'])
    """

    def __init__(
        self,
        mode: Literal["self", "train"] = "self",
        min_utterances: int = 10,
        views: Sequence[str] = ("audio", "visual"),
    ) -> None:
        self.mode = mode
        self.min_utterances = min_utterances
        self.views = views

    def fit(self, X: pd.DataFrame, y: Any = None) -> SpeakerScaler:
        """Learn the statistics of the training rows.

        Parameters
        ----------
        X : DataFrame
            The table, with features.
        """
        check_table(X)
        if self.mode not in (POLICY_SELF, POLICY_TRAIN):
            raise UnknownNameError("speaker scaling mode", self.mode, [POLICY_SELF, POLICY_TRAIN])
        if self.min_utterances < 2:
            message = f"min_utterances must be 2 at least, not {self.min_utterances}: one row has no spread."
            raise FeatureError(message)
        self.views_ = number_views(X, self.views)
        self.columns_ = columns_of(X, self.views_)
        self.mean_, self.scale_ = _statistics(features_of(X[self.columns_]))
        return self

    def policies(self, X: pd.DataFrame) -> np.ndarray:
        """How each row of a table is scaled.

        Parameters
        ----------
        X : DataFrame
            The table as it is given to ``transform``.

        Returns
        -------
        ndarray of str, shape (n_utterances,)
            ``"self"`` (by the speaker's own rows, in one view at least) or ``"train"``.
        """
        check_is_fitted(self)
        own = np.zeros(len(X), dtype=bool)
        for view in self.views_:
            for rows in self._speakers(X, view):
                own[rows] = True
        return np.where(own, POLICY_SELF, POLICY_TRAIN)

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Scale the rows.

        Parameters
        ----------
        X : DataFrame
            The table. What it holds of a speaker decides how that speaker is scaled.

        Returns
        -------
        DataFrame
            Missing values stay missing.
        """
        check_is_fitted(self)
        check_table(X)
        if not self.columns_:
            return X
        A = fitted_features(X, self.columns_)
        out = (A - self.mean_) / self.scale_
        places = {column: i for i, column in enumerate(self.columns_)}
        for view in self.views_:
            columns = np.array([places[column] for column in columns_of(X, view) if column in places])
            for rows in self._speakers(X, view):
                block = A[np.ix_(rows, columns)]
                mean, scale = _statistics(block)
                out[np.ix_(rows, columns)] = (block - mean) / scale
        return mark_learnt(replace_columns(X, self.columns_, out, self.columns_), self.views_)

    def _speakers(self, X: pd.DataFrame, view: str) -> list[np.ndarray]:
        """Rows of each speaker with enough values of a view."""
        if self.mode == POLICY_TRAIN or "speaker" not in X.columns:
            return []
        known = present_rows(X, view) & X["speaker"].notna().to_numpy()
        positions = np.flatnonzero(known)
        speakers = X["speaker"].astype(str).to_numpy()[positions]
        rows = [positions[speakers == speaker] for speaker in np.unique(speakers)]
        return [r for r in rows if len(r) >= self.min_utterances]


def _statistics(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of what is there; 0 and 1 for a feature that is never there or never varies."""
    there = ~np.isnan(A)
    count = np.maximum(there.sum(axis=0), 1)
    filled = np.where(there, A, 0.0)
    mean = filled.sum(axis=0) / count
    spread = np.sqrt((np.where(there, A - mean, 0.0) ** 2).sum(axis=0) / count)
    # rounding leaves a constant feature with a spread that is tiny beside its size
    varies = spread > 1e-9 * np.maximum(np.abs(mean), 1.0)
    return mean, np.where(varies, spread, 1.0)
