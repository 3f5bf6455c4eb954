"""Tests of differences: by hand, by the formulas of their papers, and against statistics packages."""

import numpy as np
import pytest
from scipy import stats

from ferfusion.base.errors import ProtocolError
from ferfusion.evaluation import METRICS
from ferfusion.evaluation.ranks import joined
from ferfusion.evaluation.statistics import (
    bootstrap_difference,
    corrected_resampled_t_test,
    friedman_nemenyi,
    mcnemar_test,
    wilcoxon_test,
)


def test_mcnemar_by_hand():
    a = np.array([True] * 8 + [False] * 2 + [True] * 5)
    b = np.array([False] * 8 + [True] * 2 + [True] * 5)
    # 8 against 2 of 10: twice the sum of the binomial's tail
    assert mcnemar_test(a, b) == pytest.approx(2 * sum(stats.binom.pmf(k, 10, 0.5) for k in (0, 1, 2)))
    assert mcnemar_test(a, b) == mcnemar_test(b, a)
    assert mcnemar_test(a, a) == 1


def test_corrected_t_by_its_formula():
    differences = np.array([0.1, 0.05, 0.2, -0.05, 0.1])
    t = differences.mean() / np.sqrt((1 / 5 + 0.25) * differences.var(ddof=1))
    assert corrected_resampled_t_test(differences, 0.25) == pytest.approx(2 * stats.t.sf(t, 4))
    # without the correction it is the plain test
    assert corrected_resampled_t_test(differences, 0.0) == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)
    assert corrected_resampled_t_test(np.zeros(4), 0.25) == 1
    assert corrected_resampled_t_test(np.full(4, 0.5), 0.25) == 0
    assert np.isnan(corrected_resampled_t_test(np.array([0.3]), 0.25))


def test_correction_keeps_its_level_where_folds_share_training_rows():
    """Differences that share most of their noise, as those of folds do: the plain test is fooled, this one is not."""
    rng = np.random.default_rng(0)
    shared, own = rng.normal(size=(2000, 1)), rng.normal(size=(2000, 10))
    differences = np.sqrt(0.1) * shared + np.sqrt(0.9) * own
    found = [corrected_resampled_t_test(row, 1 / 9) < 0.05 for row in differences]
    plain = [corrected_resampled_t_test(row, 0.0) < 0.05 for row in differences]
    assert 0.03 < np.mean(found) < 0.07 < np.mean(plain)


def test_wilcoxon_is_scipys():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=10), rng.normal(size=10)
    assert wilcoxon_test(a, b) == stats.wilcoxon(a, b).pvalue
    assert wilcoxon_test(a, a) == 1


def test_friedman_is_scipys_ties_and_all():
    rng = np.random.default_rng(2)
    for scores in (rng.normal(size=(12, 4)), rng.integers(0, 3, size=(12, 4)).astype(float)):
        assert friedman_nemenyi(scores).p_value == pytest.approx(stats.friedmanchisquare(*scores.T).pvalue)


def test_critical_difference_of_demsars_table():
    # q for 5 systems at 5 % is 2.728 in the paper's table
    found = friedman_nemenyi(np.random.default_rng(0).normal(size=(14, 5)))
    assert found.critical_difference == pytest.approx(2.728 * np.sqrt(5 * 6 / (6 * 14)), rel=1e-3)


def test_ranks_by_hand():
    found = friedman_nemenyi(np.array([[0.9, 0.5, 0.5], [0.8, 0.9, 0.1]]))
    np.testing.assert_allclose(found.ranks, [1.5, 1.75, 2.75])
    assert friedman_nemenyi(np.ones((3, 2))).p_value == 1
    with pytest.raises(ProtocolError, match="not 1 and 3"):
        friedman_nemenyi(np.ones((1, 3)))


def test_runs_that_cannot_be_told_apart():
    assert joined(np.array([1.0, 1.4, 2.2, 3.0]), 1.0) == [(0, 1), (1, 2), (2, 3)]
    assert joined(np.array([1.0, 2.5, 4.0]), 1.0) == []
    assert joined(np.array([1.0, 1.1, 1.2]), 1.0) == [(0, 2)]


class TestBootstrap:
    def counts(self, seed, skill):
        rng = np.random.default_rng(seed)
        C = rng.poisson(3, size=(12, 3, 3))
        C[:, range(3), range(3)] += skill
        return C

    def test_pairs_are_resampled_together(self):
        C = self.counts(0, 5)
        assert bootstrap_difference(C, C, METRICS["uar"]) == (0, 0, 0)

    def test_interval_is_narrower_than_that_of_strangers(self):
        A = self.counts(0, 5)
        A[::2, 0, 1] += 20  # speakers differ much
        B = A.copy()
        B[:, 1, 1] += 2
        value, low, high = bootstrap_difference(B, A, METRICS["wa"])
        assert value == pytest.approx(float(METRICS["wa"](B.sum(axis=0)) - METRICS["wa"](A.sum(axis=0))))
        assert 0 < low < value < high
        shuffled = bootstrap_difference(B, A[::-1], METRICS["wa"])
        assert shuffled[2] - shuffled[1] > high - low

    def test_one_speaker(self):
        value, low, high = bootstrap_difference(self.counts(0, 5)[:1], self.counts(1, 0)[:1], METRICS["uar"])
        assert value > 0
        assert np.isnan([low, high]).all()
