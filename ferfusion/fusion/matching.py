"""Directions in which the views of one utterance are told from those of others, both ways. Functions on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from ferfusion.fusion.correlation import Directions, common_directions

__all__ = ["match_ranks", "matched_directions", "matching_loss"]

_SHORTEST = 1e-12  # rows are not divided by less
_SHORT = 0.05  # rows near the origin point nowhere in particular: without it the loss leaps as they pass by


def matched_directions(
    blocks: Sequence[np.ndarray],
    n_components: int = 10,
    *,
    shrinkage: float = 0.1,
    temperature: float = 0.1,
    penalty: float = 0.01,
    max_iter: int = 500,
) -> Directions:
    """Linear maps of two or more views into one space in which a row finds its other half; after He et al. [1]_.

    A linear form of what they do with two convolutional networks, from what their abstract says: both views are
    mapped into a common space, similarity is the cosine there, matched and unmatched pairs are used in both
    directions, and the likelihood of the matches is made as great as it can be. Chosen here: a match is one of n (the
    softmax over all rows, see ``matching_loss``), more than two views are taken in pairs, and the maps begin as
    canonical directions and are held to them by a penalty.

    Parameters
    ----------
    blocks : sequence of ndarray, shape (n_samples, n_features of the view)
        Two views at least, the same samples in each. They are centred here.
    n_components : int, default=10
        Dimensions of the common space; fewer where the smallest view has fewer.
    shrinkage : float, default=0.1
        Of the canonical directions, see ``fusion.correlation.common_directions``.
    temperature : float, default=0.1
        What cosines are divided by before the softmax.
    penalty : float, default=0.01
        Times the mean squared distance of the projections of the samples from where they began.
    max_iter : int, default=500
        Most steps of L-BFGS. Each takes time and memory by the square of the number of samples.

    Returns
    -------
    Directions
        Projections under which a view has a mean variance of one a component. Strengths are the mean correlations of
        pairs of views, the greatest first.

    Raises
    ------
    FeatureError
        If there are fewer than two views, they differ in samples, or one does not vary.

    References
    ----------
    .. [1] He, Xiang, Kang, Wang, Pan: Cross-modal retrieval via deep and bidirectional representation learning. IEEE
       Transactions on Multimedia 18, 2016, pages 1363-1377. https://doi.org/10.1109/TMM.2016.2558463

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> common = rng.normal(size=(60, 5))
    >>> a, b = (common @ rng.normal(size=(5, 8)) + 0.1 * rng.normal(size=(60, 8)) for _ in range(2))
    >>> found = matched_directions([a, b], 5)
    >>> ranks = match_ranks(*(block @ P for block, P in zip((a, b), found.projections)))
    >>> bool((ranks == 0).mean() > 0.5)
    True
    """
    start = common_directions(blocks, n_components, shrinkage=shrinkage)
    seen = [block - block.mean(axis=0) for block in blocks]
    # samples in coordinates of the space they span: never more than there are samples, and each of variance one
    turns = [_whitening(block) for block in seen]
    bases = [block @ turn for block, turn in zip(seen, turns, strict=True)]
    first = [np.linalg.lstsq(turn, P, rcond=None)[0] for turn, P in zip(turns, start.projections, strict=True)]
    edges = np.cumsum([weight.size for weight in first])[:-1]

    def unpacked(flat: np.ndarray) -> list[np.ndarray]:
        return [part.reshape(weight.shape) for part, weight in zip(np.split(flat, edges), first, strict=True)]

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = unpacked(flat)
        loss, slopes = matching_loss([B @ W for B, W in zip(bases, weights, strict=True)], temperature)
        away = [W - W0 for W, W0 in zip(weights, first, strict=True)]
        loss += penalty * sum(float((step**2).sum()) for step in away)
        parts = zip(bases, slopes, away, strict=True)
        return loss, np.concatenate([(B.T @ slope + 2 * penalty * step).ravel() for B, slope, step in parts])

    flat = np.concatenate([weight.ravel() for weight in first])
    options = {"maxiter": max_iter, "ftol": 1e-13, "gtol": 1e-9}  # flat near the best: else rounding shows in the maps
    found = minimize(objective, flat, jac=True, method="L-BFGS-B", options=options).x
    return _finished(seen, [turn @ weight for turn, weight in zip(turns, unpacked(found), strict=True)])


def matching_loss(scores: Sequence[np.ndarray], temperature: float = 0.1) -> tuple[float, list[np.ndarray]]:
    """How unlikely the matches are, and how that changes with the scores.

    Of two views: the mean over rows of ``-log softmax(cosines / temperature)`` at the row's own other half, among all
    rows of the other view; the mean of both directions, and of all pairs of views.

    Parameters
    ----------
    scores : sequence of ndarray, shape (n_samples, n_components)
        Views in the common space.
    temperature : float, default=0.1
        What cosines are divided by.

    Returns
    -------
    loss : float
        0 if every match is certain, the logarithm of ``n_samples`` if all cosines are the same.
    slopes : list of ndarray, shape (n_samples, n_components)
        Derivatives of the loss by the scores.

    Examples
    --------
    >>> round(matching_loss([np.eye(2), np.eye(2)], temperature=1.0)[0], 2)  # log(1 + exp(-1))
    0.31
    """
    lengths = [np.sqrt((V**2).sum(axis=1, keepdims=True) + _SHORT**2) for V in scores]
    units = [V / length for V, length in zip(scores, lengths, strict=True)]
    pairs = list(combinations(range(len(scores)), 2))
    n, loss = len(scores[0]), 0.0
    pulls = [np.zeros_like(V) for V in scores]
    for p, q in pairs:
        S = units[p] @ units[q].T / temperature
        for axis in (0, 1):
            loss -= float(np.trace(log_softmax(S, axis=axis))) / (2 * n * len(pairs))
        slope = (softmax(S, axis=0) + softmax(S, axis=1) - 2 * np.eye(n)) / (2 * n * len(pairs) * temperature)
        pulls[p] += slope @ units[q]
        pulls[q] += slope.T @ units[p]
    parts = zip(pulls, units, lengths, strict=True)
    return loss, [(pull - unit * (pull * unit).sum(axis=1, keepdims=True)) / length for pull, unit, length in parts]


def match_ranks(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How many rows of the second view are nearer, by cosine, to a row of the first than its own other half.

    Parameters
    ----------
    first, second : ndarray, shape (n_samples, n_components)
        Two views in their common space.

    Returns
    -------
    ndarray of int, shape (n_samples,)
        0 for a row that finds its other half at once.

    Examples
    --------
    >>> match_ranks(np.array([[1.0, 0.0], [1.0, 0.2]]), np.eye(2)).tolist()
    [0, 1]
    """
    units = [V / np.maximum(np.linalg.norm(V, axis=1, keepdims=True), _SHORTEST) for V in (first, second)]
    S = units[0] @ units[1].T
    return (np.diag(S)[:, None] < S).sum(axis=1)


def _whitening(centred: np.ndarray) -> np.ndarray:
    _, sizes, rows = np.linalg.svd(centred, full_matrices=False)
    kept = sizes > 1e-10 * sizes.max()
    return rows[kept].T * (np.sqrt(len(centred)) / sizes[kept])


def _finished(seen: Sequence[np.ndarray], projections: list[np.ndarray]) -> Directions:
    scores = [block @ P for block, P in zip(seen, projections, strict=True)]
    sizes = [np.sqrt(max((V**2).mean(), _SHORTEST)) for V in scores]
    pairs = list(combinations(scores, 2))
    lengths = [np.maximum(np.linalg.norm(V, axis=0), _SHORTEST) for V in scores]
    together = [
        (V * W).sum(axis=0) / (left * right)
        for (V, W), (left, right) in zip(pairs, combinations(lengths, 2), strict=True)
    ]
    strengths = np.mean(together, axis=0)
    order = np.argsort(-strengths, kind="stable")
    return Directions([P[:, order] / size for P, size in zip(projections, sizes, strict=True)], strengths[order])
