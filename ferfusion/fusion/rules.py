"""Rules that make one set of probabilities out of several. They learn nothing and know no scikit-learn.

Each takes probabilities of shape ``(n_branches, n_utterances, n_classes)``, NaN where a branch cannot judge an
utterance, and weights of shape ``(n_branches,)``, or ``(n_branches, n_utterances)`` where they differ from utterance
to utterance; a missing branch is left out and the rest counts in full. An utterance that no branch can judge, or
whose branches all weigh nothing, stays NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ferfusion.base.errors import UnknownNameError

__all__ = [
    "RULES",
    "as_rule",
    "borda",
    "dempster_shafer",
    "entropy",
    "maximum",
    "mean",
    "median",
    "minimum",
    "product",
    "vote",
]

_TINY = 1e-300
_FLOOR = 1e-6  # no branch may veto a class outright

Rule = Callable[[np.ndarray, np.ndarray], np.ndarray]


def mean(P: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean of the probabilities.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing.
    weights : ndarray, shape (n_branches,) or (n_branches, n_utterances)
        Not negative.

    Returns
    -------
    ndarray, shape (n_utterances, n_classes)

    Examples
    --------
    >>> mean(np.array([[[1.0, 0.0]], [[0.5, 0.5]]]), np.ones(2))
    array([[0.75, 0.25]])
    """
    W = _voices(P, weights)
    return _normalised((np.nan_to_num(P) * W[:, :, None]).sum(axis=0), W)


def product(P: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Product of the probabilities, each to the power of its weight [1]_; the same as the sum of their logarithms.

    Right where the branches err independently of each other given the emotion and classes are equally frequent.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing.
    weights : ndarray, shape (n_branches,) or (n_branches, n_utterances)
        Not negative.

    Returns
    -------
    ndarray, shape (n_utterances, n_classes)

    References
    ----------
    .. [1] Kittler, Hatef, Duin, Matas: On combining classifiers. IEEE TPAMI 20(3), 1998.
       https://doi.org/10.1109/34.667881

    Examples
    --------
    >>> product(np.array([[[0.8, 0.2]], [[0.5, 0.5]]]), np.ones(2))
    array([[0.8, 0.2]])
    """
    W = _voices(P, weights)
    logs = (np.log(np.clip(np.nan_to_num(P, nan=1.0), _FLOOR, None)) * W[:, :, None]).sum(axis=0)
    return _normalised(np.exp(logs - logs.max(axis=1, keepdims=True)), W)


def vote(P: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Majority: share of the (weighted) votes for each class; a tie goes to the class of the higher mean probability.

    A branch for which several classes come first shares its vote between them.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing.
    weights : ndarray, shape (n_branches,) or (n_branches, n_utterances)
        Not negative.

    Returns
    -------
    ndarray, shape (n_utterances, n_classes)

    Examples
    --------
    >>> vote(np.array([[[0.9, 0.1]], [[0.6, 0.4]], [[0.2, 0.8]]]), np.ones(3)).round(2)
    array([[0.67, 0.33]])
    """
    W = _voices(P, weights)
    values = np.nan_to_num(P)
    first = values == values.max(axis=2, keepdims=True)
    votes = (first / first.sum(axis=2, keepdims=True) * W[:, :, None]).sum(axis=0)
    # too small to turn a majority, enough to settle a tie
    return _normalised(votes + 1e-6 * np.nan_to_num(mean(P, weights)), W)


def maximum(P: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Highest probability that any branch gives to each class: the surest branch decides.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing.
    weights : ndarray, shape (n_branches,) or (n_branches, n_utterances)
        Not negative; a branch of weight 0 is left out, other weights do not matter.

    Returns
    -------
    ndarray, shape (n_utterances, n_classes)

    Examples
    --------
    >>> maximum(np.array([[[0.9, 0.1]], [[0.4, 0.6]]]), np.ones(2))
    array([[0.6, 0.4]])
    """
    W = _voices(P, weights)
    return _normalised(np.where(W[:, :, None] > 0, P, -np.inf).max(axis=0), W)


def minimum(P: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Lowest probability that any branch gives to each class: the class against which nobody speaks.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing.
    weights : ndarray, shape (n_branches,) or (n_branches, n_utterances)
        Not negative; a branch of weight 0 is left out, other weights do not matter.

    Returns
    -------
    ndarray, shape (n_utterances, n_classes)

    Examples
    --------
    >>> minimum(np.array([[[0.9, 0.1]], [[0.4, 0.6]]]), np.ones(2)).round(2)
    array([[0.8, 0.2]])
    """
    W = _voices(P, weights)
    # a class that some branch excludes each time would leave nothing to share out
    return _normalised(np.where(W[:, :, None] > 0, np.maximum(P, _FLOOR), np.inf).min(axis=0), W)


def median(P: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Median of the probabilities of each class, weighted; one branch that is far out changes little.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing.
    weights : ndarray, shape (n_branches,) or (n_branches, n_utterances)
        Not negative.

    Returns
    -------
    ndarray, shape (n_utterances, n_classes)

    Examples
    --------
    >>> median(np.array([[[0.9, 0.1]], [[0.6, 0.4]], [[0.0, 1.0]]]), np.ones(3))
    array([[0.6, 0.4]])
    """
    W = _voices(P, weights)
    filled = np.where(W[:, :, None] > 0, P, np.inf)  # sorted to the end, where they weigh nothing
    order = np.argsort(filled, axis=0, kind="stable")
    ordered = np.take_along_axis(filled, order, axis=0)
    reached = np.cumsum(np.take_along_axis(np.broadcast_to(W[:, :, None], P.shape), order, axis=0), axis=0)
    half = 0.5 * W.sum(axis=0)[None, :, None]
    places = [(reached >= half * (1 - 1e-12)).argmax(axis=0), (reached > half * (1 + 1e-12)).argmax(axis=0)]
    low, high = (np.take_along_axis(ordered, place[None], axis=0)[0] for place in places)
    judged = W.sum(axis=0) > 0
    return _normalised(np.where(judged[:, None], np.maximum(0.5 * (low + high), _FLOOR), 0.0), W)


def borda(P: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Borda count: each branch gives a class a point for every class that it ranks lower, half for its equals.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing.
    weights : ndarray, shape (n_branches,) or (n_branches, n_utterances)
        Not negative.

    Returns
    -------
    ndarray, shape (n_utterances, n_classes)

    Examples
    --------
    >>> borda(np.array([[[0.7, 0.2, 0.1]], [[0.3, 0.6, 0.1]]]), np.ones(2)).round(2)
    array([[0.5, 0.5, 0. ]])
    """
    W = _voices(P, weights)
    values = np.nan_to_num(P)
    below = (values[:, :, :, None] > values[:, :, None, :]).sum(axis=3)
    equal = (values[:, :, :, None] == values[:, :, None, :]).sum(axis=3) - 1
    points = ((below + 0.5 * equal) * W[:, :, None]).sum(axis=0)
    return _normalised(points + 1e-6 * np.nan_to_num(mean(P, weights)), W)


def entropy(P: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean in which each branch counts by how sure it is of the utterance: 1 less its entropy over the greatest one.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing.
    weights : ndarray, shape (n_branches,) or (n_branches, n_utterances)
        Not negative.

    Returns
    -------
    ndarray, shape (n_utterances, n_classes)

    Examples
    --------
    >>> entropy(np.array([[[1.0, 0.0]], [[0.5, 0.5]]]), np.ones(2)).round(2)
    array([[1., 0.]])
    """
    W = _voices(P, weights)
    sure = W * np.maximum(_sureness(P), _FLOOR)
    return _normalised((np.nan_to_num(P) * sure[:, :, None]).sum(axis=0), W)


def dempster_shafer(P: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Dempster's rule of combination [1]_: what a branch is not sure of it leaves to all classes together.

    A branch commits the share 1 - H / log(n_classes) of its belief, H being the entropy of its probabilities, times its
    weight over the greatest weight of those that judge the utterance; the rest is ignorance. What is left of ignorance
    in the end is shared out equally.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing.
    weights : ndarray, shape (n_branches,) or (n_branches, n_utterances)
        Not negative.

    Returns
    -------
    ndarray, shape (n_utterances, n_classes)

    References
    ----------
    .. [1] Shafer: A Mathematical Theory of Evidence. Princeton University Press, 1976.

    Examples
    --------
    >>> dempster_shafer(np.array([[[0.9, 0.1]], [[0.5, 0.5]]]), np.ones(2)).argmax()
    np.int64(0)
    """
    W = _voices(P, weights)
    commitment = np.minimum(_sureness(P), 1.0 - _FLOOR) * W / np.maximum(W.max(axis=0), _TINY)
    mass = np.nan_to_num(P) * commitment[:, :, None]
    ignorance = (1.0 - commitment)[:, :, None]
    # in logarithms: hundreds of branches would leave nothing above the smallest number
    both, neither = np.log(mass + ignorance).sum(axis=0), np.log(ignorance).sum(axis=0)
    highest = both.max(axis=1, keepdims=True)
    belief = np.exp(both - highest) - np.exp(neither - highest)
    return _normalised(np.maximum(belief, 0.0) + np.exp(neither - highest) / P.shape[2], W)


RULES: dict[str, Rule] = {
    "borda": borda,
    "dempster_shafer": dempster_shafer,
    "entropy": entropy,
    "maximum": maximum,
    "mean": mean,
    "median": median,
    "minimum": minimum,
    "product": product,
    "vote": vote,
}


def as_rule(rule: str | Rule) -> Rule:
    """Rule of a name, or the callable itself.

    Raises
    ------
    UnknownNameError
        If there is no rule of this name.
    """
    if callable(rule):
        return rule
    if rule not in RULES:
        raise UnknownNameError("fusion rule", rule, RULES)
    return RULES[rule]


def _voices(P: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What each branch counts for in each utterance, shape (n_branches, n_utterances); 0 where it is missing."""
    return ~np.isnan(P).any(axis=2) * (weights if weights.ndim == 2 else weights[:, None])


def _sureness(P: np.ndarray) -> np.ndarray:
    """1 for a branch that is certain, 0 for one that takes all classes for equal."""
    filled = np.clip(np.nan_to_num(P, nan=1.0), _TINY, None)
    return 1.0 + np.clip((filled * np.log(filled)).sum(axis=2) / np.log(max(P.shape[2], 2)), -1.0, 0.0)


def _normalised(scores: np.ndarray, W: np.ndarray) -> np.ndarray:
    out = np.full(scores.shape, np.nan)
    judged = W.sum(axis=0) > 0
    out[judged] = scores[judged] / scores[judged].sum(axis=1, keepdims=True)
    return out
