"""Whether one system beats another, or luck does. Functions on arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from ferfusion.base.errors import ProtocolError
from ferfusion.evaluation.metrics import N_RESAMPLES

__all__ = [
    "Ranks",
    "bootstrap_difference",
    "corrected_resampled_t_test",
    "friedman_nemenyi",
    "mcnemar_test",
    "wilcoxon_test",
]


class Ranks(NamedTuple):
    """Mean ranks of systems, and how far apart two must be to differ.

    Attributes
    ----------
    ranks : ndarray, shape (n_systems,)
        1 is the best.
    critical_difference : float
        Of mean ranks, by Nemenyi's test.
    p_value : float
        Of Friedman's test that all are alike.
    """

    ranks: np.ndarray
    critical_difference: float
    p_value: float


def bootstrap_difference(
    counts_a: np.ndarray,
    counts_b: np.ndarray,
    metric: Callable[[np.ndarray], np.ndarray],
    *,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """Difference of a pooled metric, with an interval from resampling the same speakers for both.

    Parameters
    ----------
    counts_a, counts_b : ndarray, shape (n_groups, n_classes, n_classes)
        Confusion matrix of each speaker, speakers in the same order.
    metric : callable
        Of ``evaluation.METRICS``.
    seed : int, default=0
        Seed of the resampling.
    n_resamples : int, default=2000
        Draws.
    level : float, default=0.95
        Of the interval.

    Returns
    -------
    difference, low, high : float
        Of a less b; the ends are NaN where there is one speaker only.
    """
    n = len(counts_a)
    value = float(metric(counts_a.sum(axis=0)) - metric(counts_b.sum(axis=0)))
    if n < 2:
        return value, float("nan"), float("nan")
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_resamples)
    differences = metric(np.tensordot(draws, counts_a, axes=1)) - metric(np.tensordot(draws, counts_b, axes=1))
    low, high = np.percentile(differences, [50 * (1 - level), 50 * (1 + level)])
    return value, float(low), float(high)


def mcnemar_test(right_a: np.ndarray, right_b: np.ndarray) -> float:
    """Exact two-sided p-value that both are right equally often, from the utterances on which they differ [1]_.

    It takes utterances for independent, which those of one speaker are not.

    Parameters
    ----------
    right_a, right_b : ndarray of bool, shape (n_utterances,)
        Whether each was right.

    Returns
    -------
    float
        1 where they never differ.

    References
    ----------
    .. [1] McNemar: Note on the sampling error of the difference between correlated proportions or percentages.
       Psychometrika 12, 1947, pages 153-157.

    Examples
    --------
    >>> mcnemar_test(np.array([True, True, True, False]), np.array([False, False, False, False]))
    0.25
    """
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    return float(stats.binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def wilcoxon_test(a: np.ndarray, b: np.ndarray) -> float:
    """Two-sided p-value of the signed ranks of paired scores, such as those of each speaker.

    Parameters
    ----------
    a, b : ndarray, shape (n_speakers,)
        Scores.

    Returns
    -------
    float
        1 where they never differ.
    """
    return float(stats.wilcoxon(a, b).pvalue) if (np.asarray(a) != np.asarray(b)).any() else 1.0


def corrected_resampled_t_test(differences: np.ndarray, test_share: float) -> float:
    """Two-sided p-value of the mean difference over folds, corrected for training parts that overlap [1]_.

    Parameters
    ----------
    differences : ndarray, shape (n_folds,)
        Of the scores, fold by fold.
    test_share : float
        Utterances of a test part over those of its training part.

    Returns
    -------
    float
        1 where no fold differs, NaN where there is one fold only.

    References
    ----------
    .. [1] Nadeau, Bengio: Inference for the generalization error. Machine Learning 52, 2003, pages 239-281.
    """
    differences = np.asarray(differences, dtype=np.float64)
    n = len(differences)
    if n < 2:
        return float("nan")
    spread = differences.var(ddof=1)
    if spread == 0:
        return 1.0 if differences.mean() == 0 else 0.0
    t = differences.mean() / np.sqrt((1 / n + test_share) * spread)
    return float(2 * stats.t.sf(abs(t), n - 1))


def friedman_nemenyi(scores: np.ndarray, alpha: float = 0.05) -> Ranks:
    """Mean ranks of several systems over the same blocks, and the critical difference between two of them [1]_.

    Parameters
    ----------
    scores : ndarray, shape (n_blocks, n_systems)
        Higher is better; blocks are speakers, folds or corpora.
    alpha : float, default=0.05
        Level of Nemenyi's test.

    Returns
    -------
    Ranks

    Raises
    ------
    ProtocolError
        If there are fewer than two blocks or two systems.

    References
    ----------
    .. [1] Demsar: Statistical comparisons of classifiers over multiple data sets. Journal of Machine Learning Research
       7, 2006.
    """
    scores = np.asarray(scores, dtype=np.float64)
    n, k = scores.shape
    if n < 2 or k < 2:
        message = f"Ranks take two blocks and two systems at least, not {n} and {k}."
        raise ProtocolError(message)
    ranks = stats.rankdata(-scores, axis=1)
    means = ranks.mean(axis=0)
    # Friedman's statistic with its correction for ties
    ties = sum(float((counts**3 - counts).sum()) for counts in (np.unique(row, return_counts=True)[1] for row in ranks))
    spread = n * k * (k + 1) / 12 - ties / (12 * (k - 1))
    statistic = ((means * n - n * (k + 1) / 2) ** 2).sum() / spread if spread > 0 else 0.0
    span = stats.studentized_range.ppf(1 - alpha, k, np.inf) / np.sqrt(2)
    return Ranks(means, float(span * np.sqrt(k * (k + 1) / (6 * n))), float(stats.chi2.sf(statistic, k - 1)))
