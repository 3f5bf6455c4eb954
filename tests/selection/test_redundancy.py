"""MRMR against a loop over all candidates, and pruning of correlated columns."""

from functools import cache

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.datasets import make_classification
from sklearn.metrics import mutual_info_score

from ferfusion.base.errors import SelectionError, UnknownNameError
from ferfusion.selection import redundancy
from ferfusion.selection.redundancy import REDUNDANCIES, CorrelationPruner, MRMRSelector
from ferfusion.selection.scores import SCORES, states_of

X, y = make_classification(70, 25, n_informative=5, n_redundant=10, n_classes=3, random_state=0)


def shared_by_hand(name, a, b):
    if name == "correlation":
        return abs(np.corrcoef(a, b)[0, 1])
    if name == "rank_correlation":
        return abs(spearmanr(a, b).statistic)
    states = states_of(np.column_stack([a, b])).argmax(axis=0)
    return mutual_info_score(states[:, 0], states[:, 1])


@cache
def shared_by_number(name, i, j):
    return shared_by_hand(name, X[:, i], X[:, j])


def mrmr_by_loops(relevance, name, scheme, n):
    chosen = [int(np.argmax(relevance))]
    while len(chosen) < n:
        best, at = -np.inf, None
        for j in range(X.shape[1]):
            if j in chosen:
                continue
            mean = np.mean([shared_by_number(name, i, j) for i in chosen])
            merit = relevance[j] - mean if scheme == "difference" else relevance[j] / max(mean, 1e-3)
            if merit > best:
                best, at = merit, j
        chosen.append(at)
    return chosen


class TestRedundancies:
    @pytest.mark.parametrize("name", sorted(REDUNDANCIES))
    def test_by_hand(self, name):
        shared = REDUNDANCIES[name](X)(4)
        expected = [shared_by_hand(name, X[:, 4], X[:, j]) for j in range(X.shape[1])]
        np.testing.assert_allclose(shared, expected, atol=1e-10)

    @pytest.mark.parametrize("name", sorted(REDUNDANCIES))
    def test_a_constant_column_shares_nothing(self, name):
        A = X.copy()
        A[:, 2] = 0.1
        assert REDUNDANCIES[name](A)(2).max() == pytest.approx(0, abs=1e-12)
        assert REDUNDANCIES[name](A)(5)[2] == pytest.approx(0, abs=1e-12)


class TestMRMR:
    @pytest.mark.parametrize("scheme", ["quotient", "difference"])
    @pytest.mark.parametrize("name", sorted(REDUNDANCIES))
    @pytest.mark.parametrize("relevance", ["anova", "mutual_information", "state_information"])
    def test_is_the_loop_over_all_candidates(self, relevance, name, scheme):
        fitted = MRMRSelector(12, relevance, name, scheme).fit(X, y)
        assert fitted.order_.tolist() == mrmr_by_loops(SCORES[relevance](X, y), name, scheme, 12)
        assert sorted(fitted.order_) == fitted.get_support(indices=True).tolist()

    def test_a_twin_comes_late(self):
        twice = np.hstack([X, X[:, [int(np.argmax(SCORES["state_information"](X, y)))]]])
        # what a column shares with its twin is all it has, so nothing is left of its relevance
        states = MRMRSelector(5, "state_information", "state_information", "difference")
        assert 25 not in states.fit(twice, y).order_

    def test_all_columns_and_more(self):
        fitted = MRMRSelector(99).fit(X, y)
        assert sorted(fitted.order_) == list(range(25))

    def test_perfect_and_constant_columns(self):
        A = np.column_stack([np.full(70, 3.0), y, y * 2.0, X[:, 0]])
        fitted = MRMRSelector(4).fit(A, y)
        assert sorted(fitted.order_) == [0, 1, 2, 3]
        assert fitted.order_[0] in (1, 2)

    def test_one_column(self):
        assert MRMRSelector(3).fit(X[:, :1], y).support_.tolist() == [True]

    def test_own_redundancy(self):
        fitted = MRMRSelector(3, redundancy=lambda A: lambda j: np.zeros(A.shape[1]), scheme="difference").fit(X, y)
        np.testing.assert_array_equal(fitted.order_, np.argsort(-SCORES["anova"](X, y), kind="stable")[:3])

    @pytest.mark.parametrize("wrong", [{"scheme": "ratio"}, {"redundancy": "corelation"}, {"relevance": "anovas"}])
    def test_unknown_names(self, wrong):
        with pytest.raises(UnknownNameError):
            MRMRSelector(**wrong).fit(X, y)


class TestPruner:
    @staticmethod
    def by_loops(A, codes, threshold):
        kept = []
        for j in np.argsort(-SCORES["anova"](A, codes), kind="stable"):
            if all(abs(np.corrcoef(A[:, i], A[:, j])[0, 1]) <= threshold for i in kept):
                kept.append(j)
        return sorted(kept)

    @pytest.mark.parametrize("threshold", [0.2, 0.6, 0.95])
    @pytest.mark.parametrize("block", [4, 512])
    def test_is_the_loop_whatever_the_block(self, threshold, block, monkeypatch):
        monkeypatch.setattr(redundancy, "_BLOCK", block)
        fitted = CorrelationPruner(threshold).fit(X, y)
        assert fitted.get_support(indices=True).tolist() == self.by_loops(X, y, threshold)

    def test_no_pair_is_left_and_each_dropped_one_has_a_rival(self):
        fitted = CorrelationPruner(0.5).fit(X, y)
        C = np.abs(np.corrcoef(X.T))
        kept = fitted.get_support(indices=True)
        assert (C[np.ix_(kept, kept)] - np.eye(len(kept))).max() <= 0.5
        for j in np.flatnonzero(~fitted.support_):
            rival = fitted.rivals_[j]
            assert fitted.support_[rival]
            assert C[j, rival] > 0.5
            assert fitted.relevance_[rival] >= fitted.relevance_[j]
        assert (fitted.rivals_[kept] == -1).all()

    def test_twins_and_constants(self):
        A = np.column_stack([X[:, 0], X[:, 0], np.full(70, 5.0), -X[:, 0]])
        assert CorrelationPruner().fit(A, y).support_.tolist() == [True, False, False, False]

    def test_nothing_varies(self):
        with pytest.raises(SelectionError, match="No column varies"):
            CorrelationPruner().fit(np.ones((70, 3)), y)

    def test_threshold_is_a_correlation(self):
        with pytest.raises(SelectionError, match="from 0 to 1"):
            CorrelationPruner(95).fit(X, y)
