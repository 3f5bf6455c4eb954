"""Means of probabilities under weights that are learnt, a weight a branch and class.

Of a branch that judged no row of a class nothing is learnt there: it then counts as the others do on average.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

__all__ = [
    "apply_pool",
    "confusions",
    "decided_classes",
    "fit_classwise",
    "fit_recall",
    "fit_weights",
    "normalised",
    "present",
]

_FLOOR = 1e-6  # no branch is worth nothing: where it is alone, it is still heard
_TINY = 1e-12


def fit_recall(P: np.ndarray, y: np.ndarray, n_classes: int) -> dict[str, np.ndarray]:
    """Weights of branches by class: the share of the class that the branch finds.

    The idea of confidence by emotion is of [1]_; how it enters the sum is chosen here, since the equation could not be
    read: the fused score of a class is the mean of the branches' probabilities, weighted by their recalls of it.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Out-of-fold probabilities; NaN where missing.
    y : ndarray of int, shape (n_utterances,)
        True classes.
    n_classes : int
        Number of classes.

    Returns
    -------
    dict of ndarray
        ``weights``, shape (n_branches, n_classes).

    References
    ----------
    .. [1] Yao, Wang, Liu, Liu, Pan: Speech emotion recognition using fusion of three multi-task learning-based
       classifiers: HSF-DNN, MS-CNN and LLD-RNN. Speech Communication 120, 2020.
       https://doi.org/10.1016/j.specom.2020.03.005

    Examples
    --------
    >>> P = np.array([[[0.9, 0.1], [0.8, 0.2]], [[0.7, 0.3], [0.4, 0.6]]])
    >>> fit_recall(P, np.array([0, 1]), 2)["weights"].round(2).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    counts = confusions(P, y, n_classes)
    support = counts.sum(axis=2)
    hits = np.diagonal(counts, axis1=1, axis2=2)
    recall = np.where(support > 0, hits / np.maximum(support, 1), np.nan)
    return {"weights": _filled(recall)}


def fit_weights(P: np.ndarray, y: np.ndarray, n_classes: int) -> dict[str, np.ndarray]:
    """One weight a branch, none negative and all of them 1, under which the mean has the least log loss.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Out-of-fold probabilities; NaN where missing.
    y : ndarray of int, shape (n_utterances,)
        True classes.
    n_classes : int
        Number of classes.

    Returns
    -------
    dict of ndarray
        ``weights``, shape (n_branches, n_classes), the same for all classes.

    Examples
    --------
    >>> P = np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.5, 0.5], [0.5, 0.5]]])
    >>> fit_weights(P, np.array([0, 1]), 2)["weights"].round(2).tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """
    return {"weights": _least_loss(P, y, n_classes, by_class=False)}


def fit_classwise(P: np.ndarray, y: np.ndarray, n_classes: int) -> dict[str, np.ndarray]:
    """As ``fit_weights``, with a weight a branch and class; the weights of each class sum to 1.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Out-of-fold probabilities; NaN where missing.
    y : ndarray of int, shape (n_utterances,)
        True classes.
    n_classes : int
        Number of classes.

    Returns
    -------
    dict of ndarray
        ``weights``, shape (n_branches, n_classes).
    """
    return {"weights": _least_loss(P, y, n_classes, by_class=True)}


def apply_pool(P: np.ndarray, learnt: dict[str, np.ndarray]) -> np.ndarray:
    """Mean of the branches' probabilities, each class weighted on its own.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing.
    learnt : dict
        ``weights``, shape (n_branches, n_classes).

    Returns
    -------
    ndarray, shape (n_utterances, n_classes)
    """
    return normalised(_pool(P, learnt["weights"])[0], P)


def present(P: np.ndarray) -> np.ndarray:
    """Which branch judges which utterance, shape (n_branches, n_utterances)."""
    return ~np.isnan(P).any(axis=2)


def decided_classes(P: np.ndarray) -> np.ndarray:
    """What each branch decides for, shape (n_branches, n_utterances); 0 where it is missing."""
    return np.nan_to_num(P).argmax(axis=2)


def confusions(P: np.ndarray, y: np.ndarray, n_classes: int) -> np.ndarray:
    """Confusion counts of each branch, shape (n_branches, n_classes, n_classes): true class, decision."""
    counts = np.zeros((len(P), n_classes, n_classes))
    for count, decided, there in zip(counts, decided_classes(P), present(P), strict=True):
        np.add.at(count, (y[there], decided[there]), 1.0)
    return counts


def normalised(scores: np.ndarray, P: np.ndarray) -> np.ndarray:
    """Scores made to sum to 1 in each row, NaN where no branch judges."""
    out = np.full(scores.shape, np.nan)
    judged = present(P).any(axis=0)
    total = scores[judged].sum(axis=1, keepdims=True)
    # weights by class may leave a certain branch's only class with nothing; then all classes are equal
    out[judged] = np.where(total > 0, scores[judged] / np.maximum(total, _TINY), 1.0 / scores.shape[1])
    return out


def _filled(weights: np.ndarray) -> np.ndarray:
    """Weights, at least the floor; those not known (NaN) are the mean of the other branches'."""
    known = ~np.isnan(weights)
    others = np.nan_to_num(weights).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    typical = np.where(known.any(axis=0), others, 1.0)
    return np.maximum(np.where(known, weights, typical), _FLOOR)


def _pool(P: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean by class, and the sum of the weights that are there."""
    voices = present(P)[:, :, None] * weights[:, None, :]
    total = np.maximum(voices.sum(axis=0), _TINY)
    return (np.nan_to_num(P) * voices).sum(axis=0) / total, total


def _least_loss(P: np.ndarray, y: np.ndarray, n_classes: int, by_class: bool) -> np.ndarray:
    judging = present(P).any(axis=1)
    weights = np.full((len(P), n_classes), np.nan)
    weights[judging] = 1.0 / max(judging.sum(), 1)
    if judging.sum() > 1:
        chosen = np.flatnonzero(judging)
        # in an order that depends on what the branches say only, so that theirs is nothing to the optimiser
        own = np.clip(np.nan_to_num(P[chosen][:, np.arange(len(y)), y], nan=1.0), _FLOOR, None)
        chosen = chosen[np.lexsort([np.nan_to_num(P[chosen]).sum(axis=(1, 2)), -np.log(own).sum(axis=1)])]
        rows = present(P).any(axis=0)
        weights[chosen] = _simplex(P[chosen][:, rows], y[rows], n_classes if by_class else 1)
    return _filled(weights)


def _simplex(P: np.ndarray, y: np.ndarray, n_columns: int) -> np.ndarray:
    """Weights of least log loss, each column on the simplex, shape (n_branches, n_classes)."""
    n_branches, n_rows, n_classes = P.shape
    there = present(P)[:, :, None]
    values = np.nan_to_num(P)
    rows = np.arange(n_rows)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = np.broadcast_to(flat.reshape(n_branches, n_columns), (n_branches, n_classes))
        pooled, total = _pool(P, weights)
        own, all_of_them = np.maximum(pooled[rows, y], _FLOOR), np.maximum(pooled.sum(axis=1), _FLOOR)
        slope = np.tile(1.0 / all_of_them[:, None], (1, n_classes))
        slope[rows, y] -= np.where(pooled[rows, y] > _FLOOR, 1.0 / own, 0.0)
        gradient = ((values - pooled) * there * (slope / total)).sum(axis=1) / n_rows
        if n_columns == 1:
            gradient = gradient.sum(axis=1, keepdims=True)
        return float(np.mean(np.log(all_of_them) - np.log(own))), gradient.ravel()

    sums = np.tile(np.eye(n_columns), (1, n_branches))
    found = minimize(
        loss,
        np.full(n_branches * n_columns, 1.0 / n_branches),
        jac=True,
        method="SLSQP",
        bounds=[(_FLOOR, 1.0)] * (n_branches * n_columns),
        constraints={"type": "eq", "fun": lambda flat: sums @ flat - 1.0, "jac": lambda flat: sums},
        options={"maxiter": 500, "ftol": 1e-12},
    )
    return np.broadcast_to(np.clip(found.x, 0.0, 1.0).reshape(n_branches, n_columns), (n_branches, n_classes))
