"""Rules that learn from out-of-fold probabilities how far each branch is to be believed. They know no scikit-learn.

Each is a pair: ``fit(P, y, n_classes)`` takes probabilities of shape ``(n_branches, n_utterances, n_classes)``, NaN
where a branch is missing, and codes ``y`` of shape ``(n_utterances,)``, and gives a dict of arrays;
``apply(P, learnt)`` gives the fused probabilities, shape ``(n_utterances, n_classes)``. A missing branch is left out
and the rest counts in full; an utterance that no branch can judge is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import softmax

from ferfusion.base.calibration import fit_temperature
from ferfusion.base.errors import UnknownNameError
from ferfusion.fusion.pooled import (
    apply_pool,
    confusions,
    decided_classes,
    fit_classwise,
    fit_recall,
    fit_weights,
    normalised,
    present,
)

__all__ = ["TRAINED_RULES", "TrainedRule", "as_trained_rule"]

Learnt = dict[str, np.ndarray]


class TrainedRule(NamedTuple):
    """A rule that learns: ``fit(P, y, n_classes)`` gives a dict of arrays, ``apply(P, learnt)`` fused probabilities."""

    fit: Callable[[np.ndarray, np.ndarray, int], Learnt]
    apply: Callable[[np.ndarray, Learnt], np.ndarray]


def fit_belief(P: np.ndarray, y: np.ndarray, n_classes: int) -> Learnt:
    """Class shares, and how often each branch decides for each class given the true one [1]_.

    Each row of a branch's confusion matrix is drawn towards the branch's decisions overall with the weight of one
    utterance, so that no decision is impossible and a branch that always decides the same says nothing.

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
        ``prior``, shape (n_classes,), and ``likelihood``, shape (n_branches, n_classes, n_classes): by true
        class and decision.

    References
    ----------
    .. [1] Xu, Krzyzak, Suen: Methods of combining multiple classifiers and their applications to handwriting
       recognition. IEEE Transactions on Systems, Man, and Cybernetics 22(3), 1992.
    """
    counts = confusions(P, y, n_classes)
    overall = counts.sum(axis=1)
    overall = (overall + 1 / n_classes) / (overall.sum(axis=1, keepdims=True) + 1)
    likelihood = (counts + overall[:, None, :]) / (counts.sum(axis=2, keepdims=True) + 1)
    shares = np.bincount(y, minlength=n_classes) + 1 / n_classes
    return {"prior": shares / shares.sum(), "likelihood": likelihood}


def apply_belief(P: np.ndarray, learnt: Learnt) -> np.ndarray:
    """Bayes' rule on the branches' decisions, taken for independent given the true class.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing. Only which class comes first counts.
    learnt : dict
        ``prior`` and ``likelihood``.

    Returns
    -------
    ndarray, shape (n_utterances, n_classes)
    """
    logs = np.log(learnt["likelihood"])
    belief = np.tile(np.log(learnt["prior"]), (P.shape[1], 1))
    for decided, there, log in zip(decided_classes(P), present(P), logs, strict=True):
        belief += np.where(there[:, None], log[:, decided].T, 0.0)
    return normalised(softmax(belief, axis=1), P)


def fit_templates(P: np.ndarray, y: np.ndarray, n_classes: int) -> Learnt:
    """Mean decision profile of each class [1]_, and how fast likeness to it falls with the distance.

    The paper takes the class of the most similar template. To have probabilities, one factor on the squared distances
    is fitted by log loss; it does not change which class comes first. A class that a branch has not judged gets the
    profile of a branch that is certain of it.

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
        ``templates``, shape (n_branches, n_classes, n_classes): class, probabilities; ``factor``, shape ().

    References
    ----------
    .. [1] Kuncheva, Bezdek, Duin: Decision templates for multiple classifier fusion: an experimental comparison.
       Pattern Recognition 34(2), 2001. https://doi.org/10.1016/S0031-3203(99)00223-X
    """
    there = present(P)
    templates = np.tile(np.eye(n_classes), (len(P), 1, 1))
    for b in range(len(P)):
        for k in range(n_classes):
            rows = there[b] & (y == k)
            if rows.any():
                templates[b, k] = P[b, rows].mean(axis=0)
    rows = there.any(axis=0)
    factor = fit_temperature(-_distances(P[:, rows], templates), y[rows]) if rows.any() else 1.0
    return {"templates": templates, "factor": np.asarray(factor)}


def apply_templates(P: np.ndarray, learnt: Learnt) -> np.ndarray:
    """Softmax of the squared distances from the templates, a mean over the branches that are there.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing.
    learnt : dict
        ``templates`` and ``factor``.

    Returns
    -------
    ndarray, shape (n_utterances, n_classes)
    """
    return normalised(softmax(-_distances(P, learnt["templates"]) * learnt["factor"], axis=1), P)


TRAINED_RULES: dict[str, TrainedRule] = {
    "belief": TrainedRule(fit_belief, apply_belief),
    "classwise": TrainedRule(fit_classwise, apply_pool),
    "recall": TrainedRule(fit_recall, apply_pool),
    "templates": TrainedRule(fit_templates, apply_templates),
    "weights": TrainedRule(fit_weights, apply_pool),
}


def as_trained_rule(rule: Any) -> TrainedRule:
    """Trained rule of a name, or a given ``TrainedRule``.

    Raises
    ------
    UnknownNameError
        If there is no trained rule of this name.
    """
    if isinstance(rule, TrainedRule):
        return rule
    if rule not in TRAINED_RULES:
        raise UnknownNameError("trained rule", rule, TRAINED_RULES)
    return TRAINED_RULES[rule]


def _distances(P: np.ndarray, templates: np.ndarray) -> np.ndarray:
    """Mean squared distance from each class's template over the branches that are there; 0 where none is."""
    there = present(P)
    total = np.zeros(P.shape[1:])
    for profile, judged, template in zip(np.nan_to_num(P), there, templates, strict=True):
        squared = ((profile[:, None, :] - template[None]) ** 2).mean(axis=2)
        total += np.where(judged[:, None], squared, 0.0)
    return total / np.maximum(there.sum(axis=0), 1)[:, None]
