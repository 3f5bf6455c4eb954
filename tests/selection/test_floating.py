"""Floating search against plain loops and against all subsets."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from ferfusion.base.errors import SelectionError, UnknownNameError
from ferfusion.selection import floating
from ferfusion.selection.base import inner_splits
from ferfusion.selection.floating import FloatingSelector

X, y = make_classification(80, 8, n_informative=4, n_redundant=2, random_state=3)
KNN = KNeighborsClassifier(3)
SPLITS = list(StratifiedKFold(3).split(X, y))


class Judge:
    """Stands in for the scorer: any function of a set of columns, with a memory of what was asked."""

    def __init__(self, worth):
        self.worth = worth
        self.n_asked = 0

    def __call__(self, masks):
        self.n_asked += len(masks)
        return np.array([self.worth(frozenset(np.flatnonzero(mask))) for mask in masks])


def with_worth(monkeypatch, worth):
    judge = Judge(worth)
    monkeypatch.setattr(floating, "SubsetScorer", lambda *args, **kwargs: judge)
    return judge


def score_of(columns):
    """Share of right votes of the three nearest, by a full sort: what ``cross_val_score`` gives, in less time."""
    A, right = X[:, sorted(columns)], []
    for train, test in SPLITS:
        distances = ((A[test][:, None] - A[train][None]) ** 2).sum(axis=2)
        votes = y[train][np.argsort(distances, axis=1)[:, :3]].mean(axis=1) > 0.5
        right.append(np.mean(votes == y[test]))
    return np.mean(right)


def test_the_reference_is_cross_val_score():
    for columns in ({0}, {5}, {1, 4}, {0, 2, 3, 7}, set(range(8))):
        assert score_of(columns) == cross_val_score(KNN, X[:, sorted(columns)], y, cv=SPLITS).mean()


@pytest.fixture(scope="module")
def all_subsets():
    return {frozenset(columns): score_of(columns) for size in range(1, 9) for columns in combinations(range(8), size)}


@pytest.mark.parametrize("direction", ["forward", "backward"])
class TestAgainstAllSubsets:
    def test_reported_score_is_that_of_the_subset(self, direction, all_subsets):
        for size in range(1, 9):
            fitted = FloatingSelector(KNN, size, direction, cv=SPLITS).fit(X, y)
            columns = frozenset(fitted.get_support(indices=True))
            assert len(columns) == size
            assert fitted.score_ == all_subsets[columns]
            assert fitted.curve_[fitted.sizes_ == size] == [fitted.score_]

    def test_near_the_best(self, direction, all_subsets):
        for size in (1, 2, 3, 4):
            scores = np.array([score for columns, score in all_subsets.items() if len(columns) == size])
            found = FloatingSelector(KNN, size, direction, cv=SPLITS).fit(X, y).score_
            assert found in scores
            assert (scores > found).mean() <= 0.15
            if (direction, size) == ("forward", 1):
                assert found == scores.max()

    def test_without_a_number_the_best_size_is_kept(self, direction, all_subsets):
        fitted = FloatingSelector(KNN, None, direction, cv=SPLITS).fit(X, y)
        assert fitted.sizes_.tolist() == list(range(1, 9))
        assert fitted.score_ == fitted.curve_.max()
        assert fitted.support_.sum() == fitted.sizes_[np.argmax(fitted.curve_)]
        assert fitted.score_ >= max(all_subsets.values()) - 0.02

    def test_floating_is_no_worse_at_any_size(self, direction):
        plain = FloatingSelector(KNN, None, direction, floating=False, cv=SPLITS).fit(X, y)
        free = FloatingSelector(KNN, None, direction, cv=SPLITS).fit(X, y)
        assert (free.curve_ >= plain.curve_).all()

    def test_plain_search_is_the_greedy_loop(self, direction, all_subsets):
        taken = set() if direction == "forward" else set(range(8))
        while len(taken) != 4:
            free = [j for j in range(8) if (j in taken) != (direction == "forward")]
            taken = max((taken ^ {j} for j in free), key=lambda columns: all_subsets[frozenset(columns)])
        fitted = FloatingSelector(KNN, 4, direction, floating=False, cv=SPLITS).fit(X, y)
        assert set(fitted.get_support(indices=True)) == taken


class TestSteps:
    def test_takes_back_what_no_longer_pays(self, monkeypatch):
        # 0 is best alone, but 1 and 2 need no third; by single steps {1, 2} is out of reach
        worth = {(0,): 0.5, (1,): 0.4, (2,): 0.3, (0, 1): 0.6, (0, 2): 0.55, (1, 2): 0.9, (0, 1, 2): 0.8}
        judge = with_worth(monkeypatch, lambda columns: worth.get(tuple(sorted(columns)), 0.1 * len(columns) / 8))
        fitted = FloatingSelector(KNN, 3).fit(X, y)
        assert dict(zip(fitted.sizes_, fitted.curve_, strict=True)) == {1: 0.5, 2: 0.9, 3: 0.8}
        assert judge.n_asked == fitted.n_asked_
        best = FloatingSelector(KNN, None).fit(X, y)
        assert best.get_support(indices=True).tolist() == [1, 2]
        assert FloatingSelector(KNN, 2, floating=False).fit(X, y).get_support(indices=True).tolist() == [0, 1]

    def test_backward_puts_back_what_is_missed(self, monkeypatch):
        # dropping 0, then 1, shows that 0 was worth more: the set without 1 alone is the best of seven
        rest = frozenset(range(8))
        worth = {rest: 0.5, rest - {0}: 0.6, rest - {1}: 0.55, rest - {0, 1}: 0.4, rest - {0, 2}: 0.65}
        worth[rest - {2}] = 0.58
        worth[rest - {0, 2, 3}] = 0.7
        worth[rest - {2, 3}] = 0.68
        with_worth(monkeypatch, lambda columns: worth.get(columns, 0.01 * len(columns)))
        fitted = FloatingSelector(KNN, 5, "backward").fit(X, y)
        assert dict(zip(fitted.sizes_, fitted.curve_, strict=True)) == {5: 0.7, 6: 0.68, 7: 0.6, 8: 0.5}

    def test_ties_go_to_the_first_column_and_the_smaller_set(self, monkeypatch):
        with_worth(monkeypatch, lambda columns: 0.5)
        fitted = FloatingSelector(KNN, None).fit(X, y)
        assert fitted.get_support(indices=True).tolist() == [0]

    def test_patience(self, monkeypatch):
        with_worth(monkeypatch, lambda columns: [0, 0.5, 0.8, 0.7, 0.6, 0.9, 0.9, 0.9, 0.9][len(columns)])
        stopped = FloatingSelector(KNN, None, patience=2).fit(X, y)
        assert stopped.sizes_.tolist() == [1, 2, 3, 4]
        assert stopped.support_.sum() == 2
        assert FloatingSelector(KNN, None, patience=3).fit(X, y).support_.sum() == 5
        assert FloatingSelector(KNN, 8, patience=1).fit(X, y).support_.sum() == 2

    def test_subsets_that_fail_are_passed_over(self, monkeypatch):
        with_worth(monkeypatch, lambda columns: np.nan if 3 in columns else len(columns) + min(columns))
        assert not FloatingSelector(KNN, 4).fit(X, y).support_[3]
        with_worth(monkeypatch, lambda columns: np.nan)
        with pytest.raises(SelectionError, match="None of 8 subsets of 1 columns can be scored"):
            FloatingSelector(KNN, 4).fit(X, y)


class TestFloatingSelector:
    def test_groups_stay_together(self, monkeypatch):
        speakers = np.repeat(np.arange(8), 10)
        seen = {}

        def spy(estimator, A, labels, splits, scoring, **kwargs):
            seen["splits"] = splits
            return Judge(len)

        monkeypatch.setattr(floating, "SubsetScorer", spy)
        FloatingSelector(KNN, 2, cv=3).fit(X, y, groups=speakers)
        assert len(seen["splits"]) == 3
        assert not any(set(speakers[train]) & set(speakers[test]) for train, test in seen["splits"])
        with pytest.raises(SelectionError, match="2 groups for 80 samples"):
            FloatingSelector(KNN).fit(X, y, groups=[1, 2])

    @pytest.mark.parametrize("estimator", [RidgeClassifier(), GaussianNB()])
    def test_any_estimator_and_scoring(self, estimator):
        fitted = FloatingSelector(estimator, 3, scoring="balanced_accuracy", cv=3).fit(X, y)
        splits = inner_splits(3, X, y)
        expected = cross_val_score(estimator, X[:, fitted.support_], y, cv=splits, scoring="balanced_accuracy").mean()
        assert fitted.score_ == expected

    def test_same_whatever_n_jobs(self):
        runs = [FloatingSelector(KNN, 3, n_jobs=n_jobs).fit(X, y) for n_jobs in (None, 2)]
        np.testing.assert_array_equal(runs[0].support_, runs[1].support_)
        np.testing.assert_array_equal(runs[0].curve_, runs[1].curve_)

    def test_more_wanted_than_there_are(self):
        assert FloatingSelector(KNN, 99, cv=3).fit(X, y).support_.all()
        assert FloatingSelector(KNN, 99, "backward", cv=3).fit(X, y).support_.all()

    def test_one_column(self):
        assert FloatingSelector(KNN, None, cv=3).fit(X[:, :1], y).support_.tolist() == [True]

    @pytest.mark.parametrize("patience", [0, -1])
    def test_patience_out_of_range(self, patience):
        with pytest.raises(SelectionError, match="'patience'"):
            FloatingSelector(KNN, patience=patience).fit(X, y)

    def test_unknown_direction(self):
        with pytest.raises(UnknownNameError, match="'forward'"):
            FloatingSelector(KNN, direction="forwards").fit(X, y)
