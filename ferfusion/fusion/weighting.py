"""Views before early fusion: how much each counts, and each reduced to its main components."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.metrics import recall_score
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.classifier import check_labels
from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.base.grouped import grouped_splits
from ferfusion.base.table import columns_of, groups_of, mark_learnt, match_views, replace_columns
from ferfusion.fusion.classifiers import as_classifier
from ferfusion.fusion.kernels import aligned_weights
from ferfusion.fusion.viewwise import OnViews, aligned_features

__all__ = ["VIEW_WEIGHTS", "ViewPCA", "ViewWeights", "by_alignment", "by_recall"]


def by_alignment(blocks: Sequence[np.ndarray], codes: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """Shares of views whose weighted sum of linear kernels is aligned best with the classes [1]_.

    Parameters
    ----------
    blocks : sequence of ndarray, shape (n_rows, n_features of the view)
        Centred views.
    codes : ndarray of int, shape (n_rows,)
        Classes.
    groups : ndarray, shape (n_rows,), optional
        Not used.

    Returns
    -------
    ndarray, shape (n_views,)
        None negative; see ``fusion.kernels.aligned_weights``.

    References
    ----------
    .. [1] Cortes, Mohri, Rostamizadeh: Algorithms for learning kernels based on centered alignment. Journal of
       Machine Learning Research 13, 2012, pages 795-828.
    """
    between = np.array([[_kernel_product(A, B) for B in blocks] for A in blocks])
    members = (codes[:, None] == np.unique(codes)).astype(np.float64)
    members -= members.mean(axis=0)
    return aligned_weights(between, np.array([_kernel_product(A, members) for A in blocks]))


def by_recall(blocks: Sequence[np.ndarray], codes: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """How far each view alone is above chance, on groups that its classifier has not seen.

    Parameters
    ----------
    blocks : sequence of ndarray, shape (n_rows, n_features of the view)
        Centred views.
    codes : ndarray of int, shape (n_rows,)
        Classes.
    groups : ndarray, shape (n_rows,), optional
        What is kept together by the folds.

    Returns
    -------
    ndarray, shape (n_views,)
        ``max(UAR - 1 / n_classes, 0)`` of a linear support vector machine over five folds, UAR from all of their
        predictions together.

    Raises
    ------
    ProtocolError
        If not even two folds can be made.
    """
    splits = [split for split in grouped_splits(codes, groups) if len(np.unique(codes[split[0]])) > 1]
    gains = []
    for A in blocks:
        said = np.full(len(codes), -1)
        for train, test in splits:
            said[test] = clone(as_classifier("svm")).fit(A[train], codes[train]).predict(A[test])
        recall = recall_score(codes, said, average="macro", labels=np.unique(codes), zero_division=0.0)
        gains.append(max(recall - 1.0 / len(np.unique(codes)), 0.0))
    return np.array(gains)


def _kernel_product(A: np.ndarray, B: np.ndarray) -> float:
    """Sum of the products of the entries of two linear kernels, by whichever matrix is smaller."""
    if min(A.shape[1], B.shape[1]) < len(A):
        return float(((A.T @ B) ** 2).sum())
    return float(((A @ A.T) * (B @ B.T)).sum())


VIEW_WEIGHTS: dict[str, Callable[..., np.ndarray]] = {"alignment": by_alignment, "recall": by_recall}


class ViewWeights(TransformerMixin, OnViews):
    """Let views count more or less: their columns are multiplied by a weight.

    Stands behind ``ViewScaler``, which makes equals of them.

    Parameters
    ----------
    weights : dict of str to float, {"alignment", "recall"}, callable or None, default=None
        Given weights by view or modality; what is not named keeps 1. A name learns them from the training rows:
        ``alignment`` so that the sum of linear kernels goes best with the classes, ``recall`` by how far each view
        alone is above chance over inner folds grouped by speaker. A callable takes ``(blocks, codes, groups)`` and
        returns one share a view. None leaves everything as it is.
    views : str or sequence of str, optional
        Views or modalities to work on; all that are no frames if missing.

    Attributes
    ----------
    weights_ : dict of str to float
        What each view is multiplied by.

    Notes
    -----
    Learnt shares ``s`` (which sum to one) of the m views that vary become the factors ``sqrt(m s)``, since an inner
    product counts by the square of a factor: shares that are all the same change nothing, and neither does a
    view that does not vary. Shares are learnt on views brought to a total variance of one; a row that lacks a view
    counts there as its mean. Where no view is telling, all weigh the same.

    Examples
    --------
    >>> X = pd.DataFrame({"audio_a__x": [1.0, 2.0], "text_b__y": [1.0, 2.0]})
    >>> ViewWeights({"audio": 3.0}).fit_transform(X)[["audio_a__x", "text_b__y"]].to_numpy().tolist()
    [[3.0, 1.0], [6.0, 2.0]]
    """

    def __init__(self, weights: Any = None, views: str | Sequence[str] | None = None) -> None:
        self.weights = weights
        self.views = views

    def fit(self, X: pd.DataFrame, y: Any = None) -> ViewWeights:
        """Learn the weights, or take those given.

        Parameters
        ----------
        X : DataFrame
            The table, with features.
        y : array-like of str, shape (n_utterances,), optional
            Emotion names; needed for weights that are learnt.

        Raises
        ------
        FeatureError
            If a weight is negative or not a number.
        UnknownNameError
            If there is no such view, or no such way to learn.
        """
        self._learn_views(X)
        if self.weights is None or isinstance(self.weights, Mapping):
            self.weights_ = _given(self.weights or {}, self.views_)
        else:
            self.weights_ = dict(zip(self.views_, self._learnt(X, y), strict=True))
        return self

    def _learnt(self, X: pd.DataFrame, y: Any) -> list[float]:
        if not callable(self.weights) and self.weights not in VIEW_WEIGHTS:
            raise UnknownNameError("way to weigh views", self.weights, VIEW_WEIGHTS)
        codes = np.unique(check_labels(y, X).astype(str), return_inverse=True)[1]
        blocks = [self._filled(X, view)[0] for view in self.views_]
        sizes = np.sqrt([(A**2).sum() / len(A) for A in blocks])
        varying = [i for i, A in enumerate(blocks) if (np.ptp(A, axis=0) > 1e-12 * sizes[i]).any()]
        factors = np.ones(len(blocks))
        if varying:
            learn = self.weights if callable(self.weights) else VIEW_WEIGHTS[self.weights]
            shares = np.asarray(learn([blocks[i] / sizes[i] for i in varying], codes, groups_of(X)), dtype=np.float64)
            if shares.shape != (len(varying),) or not np.isfinite(shares).all() or (shares < 0).any():
                message = f"Shares of views must be {len(varying)} numbers, none negative, not {shares!r}."
                raise FeatureError(message)
            if shares.sum() > 0:
                factors[varying] = np.sqrt(len(varying) * shares / shares.sum())
        return factors.tolist()

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Multiply the views; what is missing stays missing."""
        check_is_fitted(self, "weights_")
        there = [view for view in self.views_ if columns_of(X, view)]
        blocks = [aligned_features(X, self.columns_[view]) * self.weights_[view] for view in there]
        names = [name for view in there for name in self.columns_[view]]
        if not names:
            return X
        return mark_learnt(replace_columns(X, columns_of(X, there), np.hstack(blocks), names), there)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns, as they came in."""
        check_is_fitted(self, "weights_")
        return np.array([name for view in self.views_ for name in self.columns_[view]], dtype=object)


class ViewPCA(TransformerMixin, OnViews):
    """Replace each view by its principal components.

    Parameters
    ----------
    n_components : int, float or dict, default=0.95
        How many components a view keeps (all that it has, where it has fewer), or which share of its variance below
        one they hold. A dict says it by view or modality; what it does not name stays as it is.
    views : str or sequence of str, optional
        Views or modalities to work on; all that are no frames if missing.

    Attributes
    ----------
    projections_ : dict of str to ndarray
        What a centred view is multiplied by, shape (n_features, n_components).
    means_ : dict of str to ndarray
        What is taken off before.

    Notes
    -----
    Learnt from the rows that have the view; a missing number counts as the mean of its column, and a row that lacks
    the view lacks its components. A view that does not vary keeps one component, which is zero.

    Examples
    --------
    >>> X = pd.DataFrame({"audio_a__x": [0.0, 1.0, 2.0], "audio_a__y": [0.0, 2.0, 4.0]})
    >>> ViewPCA(1).fit_transform(X)["audio_a__pca0"].abs().round(3).tolist()
    [2.236, 0.0, 2.236]
    """

    def __init__(self, n_components: Any = 0.95, views: str | Sequence[str] | None = None) -> None:
        self.n_components = n_components
        self.views = views

    def fit(self, X: pd.DataFrame, y: Any = None) -> ViewPCA:
        """Find the components.

        Parameters
        ----------
        X : DataFrame
            The table, with features.

        Raises
        ------
        FeatureError
            If a number of components makes no sense, or a view has no value in any row.
        UnknownNameError
            If there is no such view.
        """
        self._learn_views(X)
        wanted = self._wanted()
        self.views_ = [view for view in self.views_ if view in wanted]
        self.projections_ = {}
        for view in self.views_:
            A, there = self._filled(X, view)
            if not there.any():
                message = f"No row holds a value of {view!r}; there is nothing to find components of."
                raise FeatureError(message)
            self.projections_[view] = _components(A[there], wanted[view])
        return self

    def _wanted(self) -> dict[str, Any]:
        if isinstance(self.n_components, Mapping):
            wanted = _by_view(self.n_components, self.views_)
        else:
            wanted = dict.fromkeys(self.views_, self.n_components)
        for n in wanted.values():
            whole = isinstance(n, int | np.integer) and not isinstance(n, bool) and n >= 1
            if not whole and not (isinstance(n, float) and 0 < n < 1):
                message = f"A view keeps a number of components from 1 up, or a share between 0 and 1, not {n!r}."
                raise FeatureError(message)
        return wanted

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Project the views."""
        check_is_fitted(self, "projections_")
        if not self.views_:
            return X
        blocks = []
        for view in self.views_:
            A, there = self._filled(X, view)
            blocks.append(np.where(there[:, None], A @ self.projections_[view], np.nan))
        names = self.get_feature_names_out().tolist()
        return mark_learnt(replace_columns(X, columns_of(X, self.views_), np.hstack(blocks), names), self.views_)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the components."""
        check_is_fitted(self, "projections_")
        numbers = {view: projection.shape[1] for view, projection in self.projections_.items()}
        return np.array([f"{view}__pca{k}" for view, n in numbers.items() for k in range(n)], dtype=object)


def _components(A: np.ndarray, n: Any) -> np.ndarray:
    if not (np.ptp(A, axis=0) > 0).any():
        return np.zeros((A.shape[1], 1))
    n = n if isinstance(n, float) else min(n, *A.shape)
    # whole solvers only: a random one would make a table depend on a seed
    solver = "full" if A.shape[0] < A.shape[1] else "covariance_eigh"
    return np.asarray(PCA(n, svd_solver=solver).fit(A).components_).T


def _by_view(values: Mapping[str, Any], views: list[str]) -> dict[str, Any]:
    """Values by view out of values by view or modality; a view's own name comes before its modality."""
    found: dict[str, Any] = {}
    for own in (False, True):
        for pattern, value in values.items():
            found |= {view: value for view in match_views(views, pattern) if (view == pattern) is own}
    return found


def _given(weights: Mapping[str, Any], views: list[str]) -> dict[str, float]:
    for name, weight in weights.items():
        if not np.isfinite(weight) or weight < 0:
            message = f"The weight of a view is a number that is not negative; that of {name!r} is {weight!r}."
            raise FeatureError(message)
    return dict.fromkeys(views, 1.0) | {view: float(w) for view, w in _by_view(weights, views).items()}
