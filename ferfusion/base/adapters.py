"""From the table to plain array estimators and back, facts kept."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.errors import FeatureError, shorten
from ferfusion.base.grouped import give_grouped_cv
from ferfusion.base.table import (
    check_table,
    columns_of,
    drop_views,
    expect_features,
    features_of,
    groups_of,
    has_frames,
    is_feature,
    mark_learnt,
    match_views,
    present_rows,
    replace_features,
    view_of,
    views_of,
)

__all__ = ["OnFeatures", "SelectViews", "fit_with_groups", "number_views"]


def number_views(X: pd.DataFrame, views: Any = None) -> list[str]:
    """Views of numbers, not frames, that match the patterns (all if None)."""
    numbers = [view for view in views_of(X) if not has_frames(X, view)]
    return numbers if views is None else match_views(numbers, views, strict=False)


def fit_with_groups(estimator: Any, A: np.ndarray, y: np.ndarray | None, groups: np.ndarray | None) -> Any:
    """Fit an array estimator, handing it the groups if its ``fit`` takes them."""
    if "groups" in signature(estimator.fit).parameters:
        return estimator.fit(A, y, groups=groups)
    return estimator.fit(A, y)


class SelectViews(TransformerMixin, BaseEstimator):
    """Keep some views of the table, and all facts.

    Parameters
    ----------
    views : str or sequence of str
        Names of views, or modalities for all of their views.

    Attributes
    ----------
    views_ : list of str
        Views kept.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"audio_a__x": [1.0], "text_b__y": [2.0], "speaker": ["s1"]}, index=["u1"])
    >>> SelectViews("audio").fit_transform(X).columns.tolist()
    ['audio_a__x', 'speaker']
    """

    def __init__(self, views: Any) -> None:
        self.views = views

    def fit(self, X: pd.DataFrame, y: Any = None) -> SelectViews:
        """Find the views.

        Raises
        ------
        UnknownNameError
            If a name matches no view of the table.
        """
        self.views_ = match_views(views_of(check_table(X)), self.views)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Drop all other views."""
        check_is_fitted(self)
        return drop_views(X, [view for view in views_of(X) if view not in self.views_])


class OnFeatures(TransformerMixin, BaseEstimator):
    """Run a plain array transformer on the feature columns of a table; facts stay as they are.

    Groups are taken from ``speaker`` (else ``dialogue``, else ``video_id``): they reach a transformer whose
    ``fit`` takes ``groups``, and a number or None for any ``cv`` inside becomes grouped folds of this fit.
    Rows without a single value of the chosen views are neither learnt from nor filled in: they stay missing.

    Parameters
    ----------
    transformer : transformer on arrays
        Such as ``StandardScaler()`` or a selector.
    views : str or sequence of str, optional
        Views or modalities to work on; all views of numbers if missing.
    name : str, default="joint"
        View that new columns get where the transformer does not keep the names (PCA and the like).

    Attributes
    ----------
    transformer_ : transformer
        The fitted clone; None where the table has none of the views.
    columns_ : list of str
        Feature columns that went in.
    names_ : list of str
        Feature columns that come out.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.preprocessing import StandardScaler
    >>> X = pd.DataFrame({"speaker": ["s1", "s2"], "audio_a__x": [1.0, 3.0]}, index=["u1", "u2"])
    >>> OnFeatures(StandardScaler()).fit_transform(X)["audio_a__x"].tolist()
    [-1.0, 1.0]
    """

    def __init__(self, transformer: Any, views: Any = None, name: str = "joint") -> None:
        self.transformer = transformer
        self.views = views
        self.name = name

    def fit(self, X: pd.DataFrame, y: Any = None) -> OnFeatures:
        """Fit the transformer on the rows that have a value.

        Parameters
        ----------
        X : DataFrame
            The table.
        y : array-like of shape (n_utterances,), optional
            Targets.
        """
        check_table(X)
        self.views_ = number_views(X, self.views)
        self.columns_ = columns_of(X, self.views_)
        self.transformer_, self.names_ = None, []
        if not self.columns_:
            return self
        rows = present_rows(X, self.views_)
        if not rows.any():
            message = f"No row holds a value of {shorten(self.views_)}; there is nothing to fit on."
            raise FeatureError(message)
        groups = groups_of(X)
        groups = None if groups is None else groups[rows]
        targets = None if y is None else np.asarray(y)[rows]
        A = features_of(X, self.views_)[rows]
        transformer = give_grouped_cv(clone(self.transformer), groups, A)
        self.transformer_ = fit_with_groups(transformer, A, targets, groups)
        self.names_ = self._names_out()
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Replace the feature columns by what the transformer makes of them."""
        check_is_fitted(self, "columns_")
        if self.transformer_ is None:
            return X
        X = self._expect_columns(X)
        rows = present_rows(X, self.views_)
        out = np.full((len(X), len(self.names_)), np.nan)
        if rows.any():
            out[rows] = np.asarray(self.transformer_.transform(features_of(X, self.views_)[rows]))
        table = replace_features(X, out, self.names_, views=self.views_)
        # what a fitted transformer made can no longer be split into train and test
        return mark_learnt(table, dict.fromkeys(map(view_of, self.names_)))

    def _expect_columns(self, X: pd.DataFrame) -> pd.DataFrame:
        check_table(X)
        have = columns_of(X, self.views_)
        if have == self.columns_:
            return X
        if not have:
            # the view is missing altogether: its rows are
            blank = pd.DataFrame(np.nan, index=X.index, columns=self.columns_)
            return pd.concat([X, blank], axis=1)
        expect_features(X, self.columns_)
        others = [column for column in X.columns.tolist() if column not in set(have)]
        return X[others + self.columns_]

    def _names_out(self) -> list[str]:
        names: Any = self.transformer_
        names = names.get_feature_names_out(np.array(self.columns_, dtype=object))
        return [name if is_feature(name) else f"{self.name}__{name}" for name in map(str, names)]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the feature columns that come out."""
        check_is_fitted(self, "columns_")
        return np.array(self.names_, dtype=object)
