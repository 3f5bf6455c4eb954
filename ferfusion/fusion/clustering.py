"""Clusters of utterances out of several views, without labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import ClusterMixin

from ferfusion.base.table import features_of
from ferfusion.fusion.partition import cluster_views
from ferfusion.fusion.viewwise import OnViews

__all__ = ["LateFusionClustering"]


class LateFusionClustering(ClusterMixin, OnViews):
    """Cluster utterances by each view, and make one clustering of these.

    Parameters
    ----------
    n_clusters : int, default=2
        How many clusters.
    method : {"min_max", "averaged_kernel", "consensus"} or callable, default="min_max"
        Late fusion of partitions by min-max optimisation [1]_, and two plain ones to compare it with: k-means on the
        mean of the kernels, and joining what most views put together [2]_. See ``fusion.partition.cluster_views``.
    kernel : {"linear", "rbf"} or callable, default="linear"
        Kernel of each view.
    gamma : float, default=1.0
        Width of ``rbf``, on views of a total variance of one.
    views : str or sequence of str, optional
        Views or modalities to cluster by; all that are no frames if missing.
    random_state : int or None, default=0
        Seed of k-means.

    Attributes
    ----------
    labels_ : ndarray of int, shape (n_utterances,)
        Cluster of each row of the table, numbered by first appearance; -1 for a row without any view.
    weights_ : dict of str to float
        How much each view counted. Of ``min_max`` the greatest weight goes to the view that agrees least with the
        others, noise included: it is no measure of a view's quality.
    views_ : list of str
        Views that are clustered by.

    Notes
    -----
    Rows given later cannot be put into clusters; there is no ``predict``. Labels are never looked at. Memory grows with
    the square of the number of rows. A view that does not vary changes nothing.

    References
    ----------
    .. [1] Li, Liu, Zhang, Liang: Late fusion multiview clustering via min-max optimization. IEEE Transactions on
       Neural Networks and Learning Systems.
    .. [2] Fred, Jain: Combining multiple clusterings using evidence accumulation. IEEE Transactions on Pattern
       Analysis and Machine Intelligence 27, 2005.

    Examples
    --------
    >>> X = pd.DataFrame({"audio_a__x": [0.0, 0.1, 5.0, 5.1], "text_b__y": [1.0, 1.0, -1.0, -1.2]})
    >>> LateFusionClustering(n_clusters=2).fit_predict(X).tolist()
    [0, 0, 1, 1]
    """

    def __init__(
        self,
        n_clusters: int = 2,
        method: Any = "min_max",
        kernel: Any = "linear",
        gamma: float = 1.0,
        views: str | Sequence[str] | None = None,
        random_state: Any = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.method = method
        self.kernel = kernel
        self.gamma = gamma
        self.views = views
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any = None) -> LateFusionClustering:
        """Cluster the rows of a table.

        Parameters
        ----------
        X : DataFrame
            The table, with features.
        y : object, optional
            Not used.

        Raises
        ------
        UnknownNameError
            If there is no such method or kernel.
        FeatureError
            If there is no view, none varies, or one has fewer rows than there are to be clusters.
        """
        self._learn_views(X)
        blocks = [features_of(X, view) for view in self.views_]
        options = {"kernel": self.kernel, "gamma": self.gamma, "random_state": self.random_state}
        found = cluster_views(blocks, self.n_clusters, self.method, **options)
        self.labels_: np.ndarray = found.labels
        self.weights_ = dict(zip(self.views_, found.weights.tolist(), strict=True))
        return self
