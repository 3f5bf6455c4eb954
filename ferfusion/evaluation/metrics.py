"""Metrics of pooled predictions, all from the confusion matrix, so that thousands of resamples cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

__all__ = ["METRICS", "confusion_counts", "score_table", "uar", "wa", "wf1"]

N_RESAMPLES = 2000


def uar(C: np.ndarray) -> np.ndarray:
    """Unweighted average recall: mean recall of the classes that occur.

    Parameters
    ----------
    C : ndarray, shape (..., n_classes, n_classes)
        Counts; true classes in rows.

    Returns
    -------
    ndarray, shape (...)

    Examples
    --------
    >>> float(uar(np.array([[8, 2], [1, 1]])))
    0.65
    """
    support = C.sum(axis=-1)
    recall = _ratio(np.diagonal(C, axis1=-2, axis2=-1), support)
    return recall.sum(axis=-1) / np.maximum((support > 0).sum(axis=-1), 1)


def wa(C: np.ndarray) -> np.ndarray:
    """Weighted accuracy, the share of utterances that are right.

    Examples
    --------
    >>> float(wa(np.array([[8, 2], [1, 1]])))
    0.75
    """
    return _ratio(np.trace(C, axis1=-2, axis2=-1), C.sum(axis=(-2, -1)))


def wf1(C: np.ndarray) -> np.ndarray:
    """F1 of the classes, weighted by how often they occur.

    Examples
    --------
    >>> round(float(wf1(np.array([[8, 2], [1, 1]]))), 3)
    0.768
    """
    support = C.sum(axis=-1)
    hits = np.diagonal(C, axis1=-2, axis2=-1)
    f1 = _ratio(2 * hits, support + C.sum(axis=-2))
    return _ratio((f1 * support).sum(axis=-1), support.sum(axis=-1))


METRICS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"uar": uar, "wa": wa, "wf1": wf1}


def confusion_counts(
    labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str], groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Confusion matrix of each group.

    Parameters
    ----------
    labels, predicted : ndarray of str, shape (n_utterances,)
        Emotion names out of ``classes``.
    classes : sequence of str
        All classes, sorted.
    groups : ndarray of str, shape (n_utterances,)
        Speakers.

    Returns
    -------
    counts : ndarray of int, shape (n_groups, n_classes, n_classes)
    names : ndarray of str, shape (n_groups,)
    """
    order = np.asarray(classes, dtype=str)
    rows, columns = np.searchsorted(order, labels.astype(str)), np.searchsorted(order, predicted.astype(str))
    names, member = np.unique(groups.astype(str), return_inverse=True)
    counts = np.zeros((len(names), len(order), len(order)), dtype=np.int64)
    np.add.at(counts, (member, rows, columns), 1)
    return counts, names


def score_table(counts: np.ndarray, seed: int = 0, n_resamples: int = N_RESAMPLES, level: float = 0.95) -> pd.DataFrame:
    """Pooled metrics with percentile intervals of a bootstrap over groups.

    Parameters
    ----------
    counts : ndarray, shape (n_groups, n_classes, n_classes)
        Confusion matrix of each speaker.
    seed : int, default=0
        Seed of the resampling.
    n_resamples : int, default=2000
        Draws of as many groups as there are, with replacement.
    level : float, default=0.95
        Of the intervals.

    Returns
    -------
    DataFrame
        Index ``uar wa wf1``, columns ``value low high``; the interval is NaN where there is one group only.
    """
    pooled = counts.sum(axis=0)
    n_groups = len(counts)
    draws = np.random.default_rng(seed).multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_resamples)
    resampled = np.tensordot(draws, counts, axes=1)
    tail = 50 * (1 - level)
    rows = {}
    for name, metric in METRICS.items():
        low, high = np.percentile(metric(resampled), [tail, 100 - tail]) if n_groups > 1 else (np.nan, np.nan)
        rows[name] = {"value": float(metric(pooled)), "low": float(low), "high": float(high)}
    return pd.DataFrame.from_dict(rows, orient="index")


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    top, bottom = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
