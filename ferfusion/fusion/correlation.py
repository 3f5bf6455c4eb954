"""Directions in which several views go together. Functions on arrays; they know no tables.

Views may have more columns than there are rows: everything happens in the space that the rows span.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ferfusion.base.errors import FeatureError, UnknownNameError

__all__ = ["KINDS", "Directions", "common_directions"]

KINDS = ("correlation", "covariance", "discriminant")
_RANK = 1e-10  # share of the greatest singular value below which a direction is none


class Directions(NamedTuple):
    """Directions of each view.

    Attributes
    ----------
    projections : list of ndarray, shape (n_features of the view, n_components)
        What a centred view is multiplied by.
    strengths : ndarray, shape (n_components,)
        How much the views have in common there, the greatest first: correlations, covariances.
    """

    projections: list[np.ndarray]
    strengths: np.ndarray


def common_directions(
    blocks: Sequence[np.ndarray],
    n_components: int = 10,
    *,
    kind: str = "correlation",
    shrinkage: float = 0.1,
    y: np.ndarray | None = None,
) -> Directions:
    """Directions of two or more views whose projections go together most.

    Parameters
    ----------
    blocks : sequence of ndarray, shape (n_samples, n_features of the view)
        Two views at least, the same samples in each. They are centred here.
    n_components : int, default=10
        How many directions; fewer where the smallest view has fewer.
    kind : {"correlation", "covariance", "discriminant"}, default="correlation"
        ``correlation``: canonical correlation analysis [1]_; of more than two views the sum of the correlations is made
        as great as it can be [2]_. ``covariance``: of two views cross-modal factor analysis [3]_, which is partial
        least squares by singular values. ``discriminant``: canonical correlation of samples of one class with those
        of the same class, whatever they are paired with [4]_; classes count by their samples, not by their pairs.
    shrinkage : float, default=0.1
        Share of a view's mean variance that is added to the variance of every direction, so that directions of little
        variance are not taken for telling ones. 0 is the plain method. Not used for ``covariance``.
    y : ndarray, shape (n_samples,)
        Classes, for ``discriminant``.

    Returns
    -------
    Directions
        For ``correlation`` and ``discriminant`` projections have a variance of one, for ``covariance`` directions
        have length one.

    Raises
    ------
    FeatureError
        If there are fewer than two views, they differ in samples, or one does not vary.
    UnknownNameError
        If there is no such kind.

    References
    ----------
    .. [1] Hotelling: Relations between two sets of variates. Biometrika 28, 1936, pages 321-377.
    .. [2] Kettenring: Canonical analysis of several sets of variables. Biometrika 58, 1971.
    .. [3] Li, Dimitrova, Li, Sethi: Multimedia content processing through cross-modal association. ACM Multimedia 2003.
       https://doi.org/10.1145/957013.957143
    .. [4] Sun, Chen, Yang, Shi: A novel method of combined feature extraction for recognition. ICDM 2008.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> common = rng.normal(size=(200, 1))
    >>> a, b = (np.column_stack([rng.normal(size=(200, 2)), common]) for _ in range(2))
    >>> common_directions([a, b], 1, shrinkage=0.0).strengths.round(2)
    array([1.])
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of common directions", kind, KINDS)
    _check(blocks, kind, y)
    bases = [_basis(block - block.mean(axis=0), 0.0 if kind == "covariance" else shrinkage, kind) for block in blocks]
    seen = [block - block.mean(axis=0) for block in blocks]
    scores = [block @ basis for block, basis in zip(seen, bases, strict=True)]
    n_components = min(n_components, *(basis.shape[1] for basis in bases))
    weights, strengths = _weights(scores, n_components, y if kind == "discriminant" else None)
    projections = []
    for basis, score, weight in zip(bases, scores, weights, strict=True):
        size = np.linalg.norm(weight, axis=0) if kind == "covariance" else (score @ weight).std(axis=0)
        projections.append(basis @ (weight / np.where(size > 0, size, 1.0)))
    return Directions(projections, strengths)


def _check(blocks: Sequence[np.ndarray], kind: str, y: np.ndarray | None) -> None:
    if len(blocks) < 2:
        message = f"Directions in common take two views at least, not {len(blocks)}."
        raise FeatureError(message)
    sizes = {len(block) for block in blocks}
    if len(sizes) > 1:
        message = f"The views differ in their numbers of samples: {sorted(sizes)}."
        raise FeatureError(message)
    if kind == "discriminant" and y is None:
        message = "Discriminant directions need the classes of the samples."
        raise FeatureError(message)


def _basis(centred: np.ndarray, shrinkage: float, kind: str) -> np.ndarray:
    """Directions that the samples span; whitened, but for covariances."""
    _, sizes, rows = np.linalg.svd(centred, full_matrices=False)
    kept = sizes > _RANK * sizes.max(initial=0.0)
    if not kept.any():
        message = "A view does not vary, so it has no direction in common with others."
        raise FeatureError(message)
    sizes, rows = sizes[kept], rows[kept]
    if kind == "covariance":
        return rows.T
    variance = sizes**2 / len(centred)
    return rows.T / np.sqrt(variance + shrinkage * variance.mean())


def _weights(scores: list[np.ndarray], n_components: int, y: np.ndarray | None) -> tuple[list[np.ndarray], np.ndarray]:
    n = len(scores[0])
    if len(scores) == 2:
        left, strengths, right = np.linalg.svd(_crossed(scores[0], scores[1], y) / n, full_matrices=False)
        return [left[:, :n_components], right[:n_components].T], strengths[:n_components]
    edges = np.cumsum([0, *(score.shape[1] for score in scores)])
    between = np.zeros((edges[-1], edges[-1]))
    for i, first in enumerate(scores):
        for j, second in enumerate(scores):
            if i != j:
                between[edges[i] : edges[i + 1], edges[j] : edges[j + 1]] = _crossed(first, second, y) / n
    values, vectors = np.linalg.eigh(between)
    order = np.argsort(-values)[:n_components]
    parts = np.split(vectors[:, order], edges[1:-1], axis=0)
    return parts, values[order] / (len(scores) - 1)


def _crossed(first: np.ndarray, second: np.ndarray, y: np.ndarray | None) -> np.ndarray:
    """Sum over pairs of samples that belong together: the same sample, or all of one class."""
    if y is None:
        return first.T @ second
    classes, codes = np.unique(y, return_inverse=True)
    members = np.eye(len(classes))[codes]
    return (first.T @ members / members.sum(axis=0)) @ (members.T @ second)
