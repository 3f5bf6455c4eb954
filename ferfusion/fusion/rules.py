"""Rules that make one set of probabilities out of several. They learn nothing and know no scikit-learn.

Each takes probabilities of shape ``(n_branches, n_utterances, n_classes)``, NaN where a branch cannot judge an
utterance, and weights of shape ``(n_branches,)``; a missing branch is left out and the rest counts in full.
An utterance that no branch can judge stays NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ferfusion.base.errors import UnknownNameError

__all__ = ["RULES", "as_rule", "mean", "product", "vote"]

_FLOOR = 1e-6  # no branch may veto a class outright

Rule = Callable[[np.ndarray, np.ndarray], np.ndarray]


def mean(P: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean of the probabilities.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing.
    weights : ndarray, shape (n_branches,)
        Not negative.

    Returns
    -------
    ndarray, shape (n_utterances, n_classes)

    Examples
    --------
    >>> mean(np.array([[[1.0, 0.0]], [[0.5, 0.5]]]), np.ones(2))
    array([[0.75, 0.25]])
    """
    W = _present(P) * weights[:, None]
    return _normalised((np.nan_to_num(P) * W[:, :, None]).sum(axis=0), W)


def product(P: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Product of the probabilities, each to the power of its weight [1]_.

    Right where the branches err independently of each other given the emotion and classes are equally frequent.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing.
    weights : ndarray, shape (n_branches,)
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
    W = _present(P) * weights[:, None]
    logs = (np.log(np.clip(np.nan_to_num(P, nan=1.0), _FLOOR, None)) * W[:, :, None]).sum(axis=0)
    return _normalised(np.exp(logs - logs.max(axis=1, keepdims=True)), W)


def vote(P: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of the (weighted) votes for each class; a tie goes to the class of the higher mean probability.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing.
    weights : ndarray, shape (n_branches,)
        Not negative.

    Returns
    -------
    ndarray, shape (n_utterances, n_classes)

    Examples
    --------
    >>> vote(np.array([[[0.9, 0.1]], [[0.6, 0.4]], [[0.2, 0.8]]]), np.ones(3)).round(2)
    array([[0.67, 0.33]])
    """
    there = _present(P)
    W = there * weights[:, None]
    votes = np.zeros(P.shape[1:])
    rows = np.arange(P.shape[1])
    for branch, weight in zip(np.nan_to_num(P), W, strict=True):
        votes[rows, branch.argmax(axis=1)] += weight
    # too small to turn a majority, enough to settle a tie
    return _normalised(votes + 1e-6 * np.nan_to_num(mean(P, weights)), W)


RULES: dict[str, Rule] = {"mean": mean, "product": product, "vote": vote}


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


def _present(P: np.ndarray) -> np.ndarray:
    return ~np.isnan(P).any(axis=2)


def _normalised(scores: np.ndarray, W: np.ndarray) -> np.ndarray:
    out = np.full(scores.shape, np.nan)
    judged = W.sum(axis=0) > 0
    out[judged] = scores[judged] / scores[judged].sum(axis=1, keepdims=True)
    return out
