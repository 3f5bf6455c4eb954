"""Clusterings of views that become one. Functions on arrays; they know no tables.

A view's *partition* is a matrix of orthonormal columns, one a cluster: the solution of kernel k-means when
memberships may be any numbers. A row of zeros stands for an utterance that lacks the view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.fusion.kernels import as_kernel, centred_kernel, combined_kernel
from ferfusion.fusion.min_max import min_max_partition

__all__ = [
    "PARTITIONERS",
    "Clustering",
    "base_partition",
    "cluster_views",
    "clustering_scores",
    "co_association",
    "cosine_kernel",
    "partition_labels",
]


def cosine_kernel(K: np.ndarray) -> np.ndarray:
    """Kernel whose rows have length one in its feature space; a row of length zero stays so.

    Examples
    --------
    >>> cosine_kernel(np.array([[4.0, 3.0], [3.0, 9.0]])).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    lengths = np.sqrt(np.clip(np.diag(K), 0.0, None))
    lengths = np.where(lengths > 1e-9 * lengths.max(initial=0.0), lengths, np.inf)
    return K / lengths[:, None] / lengths


def base_partition(K: np.ndarray, n_clusters: int) -> np.ndarray:
    """Partition of one kernel: its first eigenvectors, which solve the relaxed problem of kernel k-means.

    Parameters
    ----------
    K : ndarray, shape (n_rows, n_rows)
        Kernel.
    n_clusters : int
        How many eigenvectors.

    Returns
    -------
    ndarray, shape (n_rows, n_clusters)
        Orthonormal columns, the greatest eigenvalue first.
    """
    n = len(K)
    return eigh((K + K.T) / 2, subset_by_index=[n - n_clusters, n - 1])[1][:, ::-1]


def partition_labels(H: np.ndarray, random_state: Any = 0) -> np.ndarray:
    """Clusters of a partition, by k-means on its rows brought to length one.

    Parameters
    ----------
    H : ndarray, shape (n_rows, n_clusters)
        Partition.
    random_state : int or None, default=0
        Seed of k-means.

    Returns
    -------
    ndarray of int, shape (n_rows,)
        Numbered by first appearance; -1 for a row of zeros.
    """
    lengths = np.linalg.norm(H, axis=1)
    rows = lengths > 1e-12
    labels = np.full(len(H), -1)
    means = KMeans(H.shape[1], n_init=10, random_state=random_state)
    labels[rows] = _in_order(means.fit_predict(H[rows] / lengths[rows, None]))
    return labels


def _in_order(labels: np.ndarray) -> np.ndarray:
    first, inverse = np.unique(labels, return_index=True, return_inverse=True)[1:]
    return np.argsort(np.argsort(first))[inverse]


def co_association(labelings: Sequence[np.ndarray]) -> np.ndarray:
    """Share of clusterings that put two rows together, of those that have both [1]_.

    Parameters
    ----------
    labelings : sequence of ndarray of int, shape (n_rows,)
        Clusters; -1 where a clustering does not have the row.

    Returns
    -------
    ndarray, shape (n_rows, n_rows)
        0 where no clustering has both rows, 1 on the diagonal.

    References
    ----------
    .. [1] Fred, Jain: Combining multiple clusterings using evidence accumulation. IEEE Transactions on Pattern
       Analysis and Machine Intelligence 27, 2005.

    Examples
    --------
    >>> co_association([np.array([0, 0, 1]), np.array([0, 1, 1])]).tolist()
    [[1.0, 0.5, 0.0], [0.5, 1.0, 0.5], [0.0, 0.5, 1.0]]
    """
    n = len(labelings[0])
    together, both = np.zeros((n, n)), np.zeros((n, n))
    for labels in labelings:
        there = np.outer(labels >= 0, labels >= 0)
        together += there & (labels[:, None] == labels)
        both += there
    share = np.divide(together, both, out=np.zeros((n, n)), where=both > 0)
    np.fill_diagonal(share, 1.0)
    return share


class Clustering(NamedTuple):
    """Clusters that several views make together.

    Attributes
    ----------
    labels : ndarray of int, shape (n_rows,)
        Numbered by first appearance; -1 for a row that has no view.
    weights : ndarray, shape (n_views,)
        How much each view counted; 0 for one that does not vary.
    """

    labels: np.ndarray
    weights: np.ndarray


def _by_min_max(kernels: np.ndarray, there: np.ndarray, n_clusters: int, random_state: Any) -> Clustering:
    partitions = _partitions(kernels, there, n_clusters)
    found = min_max_partition(partitions)
    return Clustering(partition_labels(found.partition, random_state), found.weights)


def _by_averaged_kernel(kernels: np.ndarray, there: np.ndarray, n_clusters: int, random_state: Any) -> Clustering:
    weights = np.full(len(kernels), 1.0 / len(kernels))
    H = base_partition(combined_kernel(kernels, weights, there), n_clusters)
    H[~there.any(axis=0)] = 0.0
    return Clustering(partition_labels(H, random_state), weights)


def _by_consensus(kernels: np.ndarray, there: np.ndarray, n_clusters: int, random_state: Any) -> Clustering:
    labelings = [partition_labels(H, random_state) for H in _partitions(kernels, there, n_clusters)]
    rows = np.asarray(there.any(axis=0))
    apart = 1.0 - co_association(labelings)[np.ix_(rows, rows)]
    labels = np.full(rows.size, -1)
    joined = AgglomerativeClustering(n_clusters, metric="precomputed", linkage="average").fit_predict(apart)
    labels[rows] = _in_order(joined)
    return Clustering(labels, np.full(len(kernels), 1.0 / len(kernels)))


PARTITIONERS: dict[str, Callable[[np.ndarray, np.ndarray, int, Any], Clustering]] = {
    "min_max": _by_min_max,
    "averaged_kernel": _by_averaged_kernel,
    "consensus": _by_consensus,
}


def _partitions(kernels: np.ndarray, there: np.ndarray, n_clusters: int) -> list[np.ndarray]:
    made = []
    for K, rows in zip(kernels, there, strict=True):
        H = np.zeros((len(K), n_clusters))
        H[rows] = base_partition(K[np.ix_(rows, rows)], n_clusters)
        made.append(H)
    return made


def cluster_views(
    blocks: Sequence[np.ndarray],
    n_clusters: int,
    method: Any = "min_max",
    *,
    kernel: Any = "linear",
    gamma: float = 1.0,
    random_state: Any = 0,
) -> Clustering:
    """Clusters of the rows of several views.

    Parameters
    ----------
    blocks : sequence of ndarray, shape (n_rows, n_features of the view)
        The same rows in each. A missing number counts as the mean of its column; a row of nothing but NaN lacks the
        view.
    n_clusters : int
        How many clusters.
    method : {"min_max", "averaged_kernel", "consensus"} or callable, default="min_max"
        ``min_max``: partitions of the views are fused, see ``min_max_partition``. ``averaged_kernel``: relaxed
        kernel k-means on the mean kernel. ``consensus``: each view is clustered, and rows that most views put together
        are joined (average linkage on ``co_association``). A callable takes ``(kernels, there, n_clusters,
        random_state)`` and returns a ``Clustering``.
    kernel : {"linear", "rbf"} or callable, default="linear"
        On each view, brought to a total variance of one. Kernels are centred, and rows brought to length one.
    gamma : float, default=1.0
        Width of ``rbf``.
    random_state : int or None, default=0
        Seed of k-means.

    Returns
    -------
    Clustering

    Raises
    ------
    UnknownNameError
        If there is no such method or kernel.
    FeatureError
        If views differ in rows, none varies, or one has fewer rows than there are to be clusters.

    Examples
    --------
    >>> a, b = np.array([[0.0], [0.1], [5.0], [5.1]]), np.array([[1.0], [1.0], [-1.0], [-1.2]])
    >>> cluster_views([a, b], 2, "consensus").labels.tolist()
    [0, 0, 1, 1]
    """
    if not callable(method) and method not in PARTITIONERS:
        raise UnknownNameError("way to cluster views", method, PARTITIONERS)
    if len({len(block) for block in blocks}) != 1:
        message = f"Clustering needs views of the same rows; these have {[len(block) for block in blocks]}."
        raise FeatureError(message)
    made = [_view_kernel(np.asarray(block, dtype=np.float64), as_kernel(kernel), gamma) for block in blocks]
    varying = [i for i, (K, _) in enumerate(made) if np.trace(K) > 0]
    if not varying:
        message = "No view varies, so there is nothing to cluster by."
        raise FeatureError(message)
    there = np.stack([made[i][1] for i in varying])
    fewest = int(there.sum(axis=1).min())
    if not 1 <= n_clusters <= fewest:
        message = f"{n_clusters} clusters cannot be made of views of which one has {fewest} rows."
        raise FeatureError(message)
    cluster = method if callable(method) else PARTITIONERS[method]
    found = cluster(np.stack([made[i][0] for i in varying]), there, n_clusters, random_state)
    weights = np.zeros(len(blocks))
    weights[varying] = found.weights
    return Clustering(found.labels, weights)


def _view_kernel(A: np.ndarray, kernel: Callable[..., np.ndarray], gamma: float) -> tuple[np.ndarray, np.ndarray]:
    """Kernel of a view with zeros for rows that lack it, and which rows have it."""
    there = ~np.isnan(A).all(axis=1)
    B = A[there]
    holes = np.isnan(B)
    B = np.where(holes, 0.0, B - np.where(holes, 0.0, B).sum(axis=0) / np.maximum((~holes).sum(axis=0), 1))
    K = np.zeros((len(A), len(A)))
    if len(B) and (np.ptp(B, axis=0) > 0).any():
        size = np.sqrt(B.var(axis=0).sum())
        K[np.ix_(there, there)] = cosine_kernel(centred_kernel(kernel(B / size, B / size, gamma)))
    return K, there


def clustering_scores(y: Any, labels: Any) -> dict[str, float]:
    """How far clusters are the classes.

    Parameters
    ----------
    y : array-like, shape (n_rows,)
        Classes.
    labels : array-like of int, shape (n_rows,)
        Clusters; rows of -1 count as a cluster of their own.

    Returns
    -------
    dict of str to float
        ``ari`` adjusted Rand index, ``nmi`` normalised mutual information, ``purity`` share of rows that are of their
        cluster's largest class, ``accuracy`` share of rows under the best pairing of clusters with classes.

    Examples
    --------
    >>> clustering_scores(["joy", "joy", "fear", "fear"], [1, 1, 0, 2])["accuracy"]
    0.75
    """
    truth = np.unique(np.asarray(y).astype(str), return_inverse=True)[1]
    table = contingency_matrix(truth, np.asarray(labels))
    paired = table[linear_sum_assignment(-table)].sum()
    return {
        "ari": float(adjusted_rand_score(truth, labels)),
        "nmi": float(normalized_mutual_info_score(truth, labels)),
        "purity": float(table.max(axis=0).sum() / table.sum()),
        "accuracy": float(paired / table.sum()),
    }
