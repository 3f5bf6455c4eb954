"""Scaling by speaker, with a declared policy for speakers of whom too little is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.adapters import number_views
from ferfusion.base.errors import FeatureError, UnknownNameError, shorten
from ferfusion.base.table import (
    check_table,
    columns_of,
    features_of,
    fitted_features,
    mark_learnt,
    present_rows,
    replace_columns,
    view_of,
)

__all__ = ["POLICY_ENROLLED", "POLICY_SELF", "POLICY_TRAIN", "SpeakerScaler"]

POLICY_ENROLLED = "enrolled"
POLICY_SELF = "self"
POLICY_TRAIN = "train"


class SpeakerScaler(TransformerMixin, BaseEstimator):
    """Standardise each speaker's features by that speaker's own rows, without labels.

    With ``mode="self"`` a speaker with enough rows in the table at hand is scaled by their mean and standard
    deviation: all rows of the speaker at once, in training and at test time alike. A speaker with fewer rows,
    and each row whose speaker is unknown, is scaled by the statistics of the training rows; recordings without
    a speaker are never pooled. With ``mode="train"`` all rows are.

    A speaker of whom unlabelled recordings were stored with ``enroll`` is scaled by these instead of by the training
    rows: with ``mode="self"`` where the table at hand has fewer than ``min_utterances`` rows of the speaker, with
    ``mode="train"`` always. What is stored is saved with the model; ``ferfusion.context.enroll`` takes recordings
    through a whole pipeline.

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
    enrolled_ : dict of str to dict of str to ndarray, shape (2, n_features_of_view)
        By enrolled speaker and view: means and scales.

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
        self.enrolled_: dict[str, dict[str, np.ndarray]] = {}
        return self

    def enroll(self, X: pd.DataFrame) -> SpeakerScaler:
        """Store the statistics of speakers, out of unlabelled recordings; whoever is enrolled again is replaced.

        Parameters
        ----------
        X : DataFrame
            The table as it comes to ``transform``, with the fact ``speaker`` and ``min_utterances`` rows of each
            speaker at least. Rows without a speaker are passed over.

        Returns
        -------
        SpeakerScaler
            This one, which ``fit`` makes forget all that were enrolled.

        Raises
        ------
        TableError
            If the table has no speakers.
        FeatureError
            If a speaker has too few rows in every view, or the table lacks features; nobody is enrolled then.
        """
        check_is_fitted(self)
        check_table(X, need=["speaker"])
        A = fitted_features(X, self.columns_)
        found: dict[str, dict[str, np.ndarray]] = {name: {} for name in X["speaker"].dropna().astype(str).unique()}
        for view, columns in self._places().items():
            usual = self.mean_[columns], self.scale_[columns]
            for name, rows in self._rows_of_speakers(X, view).items():
                if len(rows) >= self.min_utterances:
                    found[name][view] = np.stack(_statistics(A[np.ix_(rows, columns)], *usual))
        lacking = [name for name, views in found.items() if not views]
        if lacking or not found:
            message = (
                f"Enrolling a speaker takes {self.min_utterances} rows with values of {shorten(self.views_)}; "
                f"there are fewer of {shorten(lacking) or 'anybody known'}."
            )
            raise FeatureError(message)
        self.enrolled_ = {**getattr(self, "enrolled_", {}), **found}
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
            ``"self"`` (by the speaker's own rows in the table, in one view at least), else ``"enrolled"`` (by those
            that were enrolled, in one view at least) or ``"train"``.
        """
        check_is_fitted(self)
        own, stored = np.zeros(len(X), dtype=bool), np.zeros(len(X), dtype=bool)
        for view in self.views_:
            for rows, kept in self._speakers(X, view):
                (own if kept is None else stored)[rows] = True
        return np.where(own, POLICY_SELF, np.where(stored, POLICY_ENROLLED, POLICY_TRAIN))

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
        for view, columns in self._places().items():
            for rows, kept in self._speakers(X, view):
                block = A[np.ix_(rows, columns)]
                mean, scale = _statistics(block) if kept is None else kept
                out[np.ix_(rows, columns)] = (block - mean) / scale
        return mark_learnt(replace_columns(X, self.columns_, out, self.columns_), self.views_)

    def _places(self) -> dict[str, np.ndarray]:
        """Where the columns of each view are among those that are scaled."""
        places = {column: i for i, column in enumerate(self.columns_)}
        return {view: np.array([places[c] for c in self.columns_ if view_of(c) == view], int) for view in self.views_}

    def _rows_of_speakers(self, X: pd.DataFrame, view: str) -> dict[str, np.ndarray]:
        """Rows of each known speaker that have a value of a view."""
        if "speaker" not in X.columns:
            return {}
        known = present_rows(X, view) & X["speaker"].notna().to_numpy()
        positions = np.flatnonzero(known)
        speakers = X["speaker"].astype(str).to_numpy()[positions]
        return {str(name): positions[speakers == name] for name in np.unique(speakers)}

    def _speakers(self, X: pd.DataFrame, view: str) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Rows of each speaker who is not scaled as the training rows, and what was enrolled if it is that."""
        enrolled = getattr(self, "enrolled_", {})  # models saved by versions before it have none
        found: list[tuple[np.ndarray, np.ndarray | None]] = []
        for name, rows in self._rows_of_speakers(X, view).items():
            if self.mode == POLICY_SELF and len(rows) >= self.min_utterances:
                found.append((rows, None))
            elif view in enrolled.get(name, {}):
                found.append((rows, enrolled[name][view]))
        return found


def _statistics(A: np.ndarray, mean: Any = 0.0, scale: Any = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of what is there; those given for a feature that is never there or never varies."""
    there = ~np.isnan(A)
    count = there.sum(axis=0)
    filled = np.where(there, A, 0.0)
    own = filled.sum(axis=0) / np.maximum(count, 1)
    spread = np.sqrt((np.where(there, A - own, 0.0) ** 2).sum(axis=0) / np.maximum(count, 1))
    # rounding leaves a constant feature with a spread that is tiny beside its size
    varies = spread > 1e-9 * np.maximum(np.abs(own), 1.0)
    return np.where(count > 0, own, mean), np.where(varies, spread, scale)
