"""Views brought into a common space, or one made out of the others. Estimators on the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import Ridge
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.adapters import number_views
from ferfusion.base.errors import FeatureError
from ferfusion.base.table import (
    check_table,
    columns_of,
    features_of,
    fitted_features,
    mark_learnt,
    present_rows,
    replace_columns,
)
from ferfusion.fusion.correlation import common_directions

__all__ = ["CoordinatedViews", "ViewTranslator"]


class _OnViews(TransformerMixin, BaseEstimator):
    """What both share: views, their columns and means, rows that have a view and rows that have them all."""

    views: Any
    views_: list[str]
    columns_: dict[str, list[str]]
    means_: dict[str, np.ndarray]

    def _learn_views(self, X: pd.DataFrame) -> None:
        check_table(X)
        self.views_ = number_views(X, self.views)
        if len(self.views_) < 2:
            message = f"{type(self).__name__} needs two views at least; the table has {self.views_}."
            raise FeatureError(message)
        self.columns_ = {view: columns_of(X, view) for view in self.views_}
        self.means_ = {view: _mean(features_of(X, view)) for view in self.views_}

    def _filled(self, X: pd.DataFrame, view: str) -> tuple[np.ndarray, np.ndarray]:
        """Centred columns of a view, holes filled by the training mean, and which rows have the view."""
        A = _aligned(X, self.columns_[view])
        return np.where(np.isnan(A), 0.0, A - self.means_[view]), ~np.isnan(A).all(axis=1)

    def _complete(self, X: pd.DataFrame) -> tuple[np.ndarray, list[np.ndarray]]:
        """Rows that have all views, and the views of these."""
        rows = np.logical_and.reduce([present_rows(X, view) for view in self.views_])
        if rows.sum() < 2:
            message = f"Only {int(rows.sum())} rows have all of the views {self.views_}; two are needed at least."
            raise FeatureError(message)
        return rows, [self._filled(X, view)[0][rows] for view in self.views_]


class CoordinatedViews(_OnViews):
    """Replace each view by its projections on directions in which the views go together.

    Parameters
    ----------
    kind : {"correlation", "covariance", "discriminant"}, default="correlation"
        Canonical correlation of two or more views, cross-modal factors (partial least squares), or canonical
        correlation within classes; see ``fusion.correlation.common_directions``.
    n_components : int, default=10
        Directions a view; fewer where a view has fewer.
    shrinkage : float, default=0.1
        Share of a view's mean variance added to that of every direction.
    keep : bool, default=False
        Keep the views' own columns beside the projections.
    views : str or sequence of str, optional
        Views or modalities to work on; all that are no frames if missing.

    Attributes
    ----------
    views_ : list of str
        Views that are coordinated.
    columns_ : dict of str to list of str
        Their columns.
    means_, projections_ : dict of str to ndarray
        What is taken off a view, and what the rest is multiplied by, shape (n_features, n_components).
    strengths_ : ndarray, shape (n_components,)
        How much the views have in common in each direction.

    Notes
    -----
    Directions are learnt from rows that have all views. A row that lacks a view lacks its projections, too.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> common = rng.normal(size=50)
    >>> X = pd.DataFrame({"audio_a__x": common, "audio_a__y": rng.normal(size=50), "text_b__z": -common})
    >>> CoordinatedViews(n_components=1).fit(X).get_feature_names_out().tolist()
    ['audio_a__common0', 'text_b__common0']
    """

    def __init__(
        self,
        kind: str = "correlation",
        n_components: int = 10,
        shrinkage: float = 0.1,
        keep: bool = False,
        views: str | Sequence[str] | None = None,
    ) -> None:
        self.kind = kind
        self.n_components = n_components
        self.shrinkage = shrinkage
        self.keep = keep
        self.views = views

    def fit(self, X: pd.DataFrame, y: Any = None) -> CoordinatedViews:
        """Learn the directions.

        Parameters
        ----------
        X : DataFrame
            The table, with two views at least.
        y : array-like of shape (n_utterances,), optional
            Classes; needed for ``kind="discriminant"``.

        Raises
        ------
        FeatureError
            If there are fewer than two views, or fewer than two rows that have them all.
        """
        self._learn_views(X)
        rows, blocks = self._complete(X)
        labels = None if y is None else np.asarray(y)[rows]
        found = common_directions(blocks, self.n_components, kind=self.kind, shrinkage=self.shrinkage, y=labels)
        self.projections_ = dict(zip(self.views_, found.projections, strict=True))
        self.strengths_ = found.strengths
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Project the views."""
        check_is_fitted(self, "projections_")
        blocks = []
        for view in self.views_:
            A, there = self._filled(X, view)
            blocks.append(np.where(there[:, None], A @ self.projections_[view], np.nan))
        given = [] if self.keep else [name for view in self.views_ for name in columns_of(X, view)]
        table = replace_columns(X, given, np.hstack(blocks), self.get_feature_names_out().tolist())
        return mark_learnt(table, self.views_)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the projections."""
        check_is_fitted(self, "projections_")
        names = [f"{view}__common{k}" for view in self.views_ for k in range(len(self.strengths_))]
        return np.array(names, dtype=object)


class ViewTranslator(_OnViews):
    """Make the columns of a view that a row lacks out of the views that it has, by ridge regression.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the ridge penalty, on columns of which each view has a total variance of one.
    views : str or sequence of str, optional
        Views or modalities to work on; all that are no frames if missing.

    Attributes
    ----------
    views_ : list of str
        Views that are translated into each other.
    columns_ : dict of str to list of str
        Their columns.
    means_, scales_ : dict of str to ndarray or float
        Means of the columns, and the square root of a view's total variance.
    coefficients_ : dict of str to dict of str to ndarray
        From a view to another, shape (n_features of the one, n_features of the other).

    Notes
    -----
    A view is learnt from each other one alone, on the rows that have both; of several translations the mean is taken,
    so that any set of missing views can be served. Where a row has no view at all, nothing is made.

    Examples
    --------
    >>> common = np.arange(6.0)
    >>> X = pd.DataFrame({"audio_a__x": common, "text_b__z": 2 * common})
    >>> lacking = X.assign(text_b__z=[0, 2, 4, 6, 8, np.nan])
    >>> float(ViewTranslator(alpha=1e-9).fit(X).transform(lacking)["text_b__z"].iloc[5].round(3))
    10.0
    """

    def __init__(self, alpha: float = 1.0, views: str | Sequence[str] | None = None) -> None:
        self.alpha = alpha
        self.views = views

    def fit(self, X: pd.DataFrame, y: Any = None) -> ViewTranslator:
        """Learn the translations.

        Parameters
        ----------
        X : DataFrame
            The table, with two views at least.

        Raises
        ------
        FeatureError
            If there are fewer than two views, or no two views ever occur in the same row.
        """
        self._learn_views(X)
        filled = {view: self._filled(X, view) for view in self.views_}
        self.scales_ = {view: float(np.sqrt(A[there].var(axis=0).sum())) or 1.0 for view, (A, there) in filled.items()}
        self.coefficients_: dict[str, dict[str, np.ndarray]] = {view: {} for view in self.views_}
        for source in self.views_:
            for target in self.views_:
                (A, has_source), (B, has_target) = filled[source], filled[target]
                rows = has_source & has_target
                if source != target and rows.sum() > 1:
                    ridge = Ridge(alpha=self.alpha, fit_intercept=False)
                    ridge.fit(A[rows] / self.scales_[source], B[rows])
                    weights = ridge.coef_.reshape(B.shape[1], A.shape[1]).T
                    self.coefficients_[source][target] = weights / self.scales_[source]
        if not any(self.coefficients_.values()):
            message = f"No row has two of the views {self.views_}, so none can be translated into another."
            raise FeatureError(message)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Fill in views that rows lack; what is there stays as it is."""
        check_is_fitted(self, "coefficients_")
        filled = {view: self._filled(X, view) for view in self.views_}
        values, names = [], []
        for target in self.views_:
            A = _aligned(X, self.columns_[target])
            lacking = ~filled[target][1]
            made, n = np.zeros_like(A), np.zeros(len(A))
            for source, (B, there) in filled.items():
                if target in self.coefficients_[source]:
                    made[there] += B[there] @ self.coefficients_[source][target]
                    n += there
            helped = lacking & (n > 0)
            A[helped] = made[helped] / n[helped, None] + self.means_[target]
            values.append(A)
            names += self.columns_[target]
        given = [name for view in self.views_ for name in columns_of(X, view)]
        return mark_learnt(replace_columns(X, given, np.hstack(values), names), self.views_)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns, as they came in."""
        check_is_fitted(self, "coefficients_")
        return np.array([name for view in self.views_ for name in self.columns_[view]], dtype=object)


def _mean(A: np.ndarray) -> np.ndarray:
    there = ~np.isnan(A)
    return np.where(there, A, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)


def _aligned(X: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """The columns; missing where the table lacks the view altogether, an error where it has others of it."""
    check_table(X)
    if not set(columns) & set(X.columns.tolist()):
        return np.full((len(X), len(columns)), np.nan)
    return fitted_features(X, columns)
