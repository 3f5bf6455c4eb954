"""Views brought into a common space, or one made out of the others. Estimators on the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import TransformerMixin
from sklearn.linear_model import Ridge
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.base.table import columns_of, mark_learnt, replace_columns
from ferfusion.fusion.correlation import KINDS, common_directions
from ferfusion.fusion.kernel_map import apply_kernel_map, fit_kernel_map
from ferfusion.fusion.matching import matched_directions
from ferfusion.fusion.viewwise import OnViews, aligned_features

__all__ = ["CoordinatedViews", "ViewTranslator"]


class CoordinatedViews(TransformerMixin, OnViews):
    """Replace each view by its projections on directions in which the views go together.

    Parameters
    ----------
    kind : {"correlation", "covariance", "discriminant", "matching"}, default="correlation"
        Canonical correlation of two or more views, cross-modal factors (partial least squares), or canonical
        correlation within classes, see ``fusion.correlation.common_directions``; or directions in which a row finds
        its other half among those of other rows, see ``fusion.matching.matched_directions``.
    n_components : int, default=10
        Directions a view; fewer where a view has fewer.
    shrinkage : float, default=0.1
        Share of a view's mean variance added to that of every direction.
    keep : bool, default=False
        Keep the views' own columns beside the projections.
    views : str or sequence of str, optional
        Views or modalities to work on; all that are no frames if missing.
    kernel : {"rbf", "linear"} or callable, optional
        Rows as points in the space of a kernel first, on views of a total variance of one: kernel canonical
        correlation. Holds the training rows, and memory grows with their square; ``shrinkage`` is what keeps it from
        finding agreement by chance.
    gamma : float, default=1.0
        Width of ``rbf``.

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
    maps_ : dict of str to dict of str to ndarray
        Of each view what ``fusion.kernel_map.fit_kernel_map`` found; empty without a kernel.

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

    least: ClassVar[int] = 2

    def __init__(
        self,
        kind: str = "correlation",
        n_components: int = 10,
        shrinkage: float = 0.1,
        keep: bool = False,
        views: str | Sequence[str] | None = None,
        kernel: Any = None,
        gamma: float = 1.0,
    ) -> None:
        self.kind = kind
        self.n_components = n_components
        self.shrinkage = shrinkage
        self.keep = keep
        self.views = views
        self.kernel = kernel
        self.gamma = gamma

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
        UnknownNameError
            If there is no such kind or kernel.
        """
        if self.kind not in (*KINDS, "matching"):
            raise UnknownNameError("kind of common directions", self.kind, (*KINDS, "matching"))
        self._learn_views(X)
        rows, blocks = self._complete(X)
        self.maps_: dict[str, dict[str, np.ndarray]] = {}
        if self.kernel is not None:
            named = zip(self.views_, blocks, strict=True)
            self.maps_ = {view: fit_kernel_map(A, self.kernel, self.gamma) for view, A in named}
            blocks = [self._placed(A, view) for view, A in zip(self.views_, blocks, strict=True)]
        if self.kind == "matching":
            found = matched_directions(blocks, self.n_components, shrinkage=self.shrinkage)
        else:
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
            blocks.append(np.where(there[:, None], self._placed(A, view) @ self.projections_[view], np.nan))
        given = [] if self.keep else [name for view in self.views_ for name in columns_of(X, view)]
        table = replace_columns(X, given, np.hstack(blocks), self.get_feature_names_out().tolist())
        return mark_learnt(table, self.views_)

    def _placed(self, A: np.ndarray, view: str) -> np.ndarray:
        return apply_kernel_map(A, self.maps_[view], self.kernel, self.gamma) if self.maps_ else A

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the projections."""
        check_is_fitted(self, "projections_")
        names = [f"{view}__common{k}" for view in self.views_ for k in range(len(self.strengths_))]
        return np.array(names, dtype=object)


class ViewTranslator(TransformerMixin, OnViews):
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

    least: ClassVar[int] = 2

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
            A = aligned_features(X, self.columns_[target])
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
