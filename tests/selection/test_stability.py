"""Choosers on halves of the data."""

import numpy as np
import pytest
from sklearn.feature_selection import SelectKBest

from ferfusion.base.errors import SelectionError, UnknownNameError
from ferfusion.selection.base import ColumnSelector
from ferfusion.selection.filters import FilterSelector
from ferfusion.selection.measures import nogueira_stability
from ferfusion.selection.stability import StabilitySelector

rng = np.random.default_rng(0)
y = np.arange(80) % 2
X = rng.normal(size=(80, 30))
X[:, [4, 9, 20]] += 1.5 * y[:, None]
speakers = np.repeat(list("abcdefgh"), 10)


class Spy(ColumnSelector):
    """Keeps the first column and writes down what it is fitted on."""

    seen: list = []

    def fit(self, X, y, groups=None):
        A, _, _ = self._checked(X, y)
        Spy.seen.append((A, groups))
        self.support_ = np.arange(A.shape[1]) == 0
        return self


@pytest.fixture
def seen():
    Spy.seen = []
    yield Spy.seen
    Spy.seen = []


class TestHalves:
    def test_of_rows(self, seen):
        StabilitySelector(Spy(), n_resamples=20).fit(X, y)
        rows = [{row.tobytes() for row in A} for A, _ in seen]
        assert [len(half) for half in rows] == [40] * 20
        assert len({frozenset(half) for half in rows}) == 20
        assert set.union(*rows) == {row.tobytes() for row in X}

    def test_of_groups(self, seen):
        StabilitySelector(Spy(), n_resamples=20).fit(X, y, groups=speakers)
        for A, groups in seen:
            assert sorted(set(groups)) == sorted(np.unique(groups))
            assert len(set(groups)) == 4
            expected = X[np.isin(speakers, groups)]
            np.testing.assert_array_equal(A, expected)

    def test_of_rows_where_there_is_one_group_only(self, seen):
        StabilitySelector(Spy(), n_resamples=2).fit(X, y, groups=np.zeros(80))
        assert [len(A) for A, _ in seen] == [40, 40]

    def test_never_of_one_class(self):
        rare = (np.arange(80) < 2).astype(int)
        fitted = StabilitySelector(FilterSelector(n_features=1), n_resamples=30, threshold=0.1).fit(X, rare)
        assert fitted.masks_.shape == (30, 30)

    def test_groups_of_one_class_each(self):
        with pytest.raises(SelectionError, match="holds two classes"):
            StabilitySelector(Spy(), n_resamples=3).fit(X, speakers == "a", groups=speakers == "a")


class TestStabilitySelector:
    def test_finds_what_was_planted(self):
        fitted = StabilitySelector(FilterSelector(n_features=5), threshold=0.8).fit(X, y)
        assert fitted.get_support(indices=True).tolist() == [4, 9, 20]

    def test_frequencies_are_those_of_the_masks(self):
        fitted = StabilitySelector(FilterSelector(n_features=5), n_resamples=10, threshold=0.7).fit(X, y)
        np.testing.assert_allclose(fitted.frequencies_, fitted.masks_.mean(axis=0))
        assert (fitted.masks_.sum(axis=1) == 5).all()
        np.testing.assert_array_equal(fitted.support_, fitted.masks_.sum(axis=0) >= 7)
        assert fitted.false_bound_ == pytest.approx(25 / (0.4 * 30))
        assert nogueira_stability(fitted.masks_).value > 0.3

    def test_no_bound_for_half_or_less(self):
        fitted = StabilitySelector(FilterSelector(n_features=5), n_resamples=4, threshold=0.5).fit(X, y)
        assert fitted.false_bound_ == np.inf

    def test_same_whatever_n_jobs(self):
        chooser = StabilitySelector(FilterSelector("random", n_features=3, random_state=None), 8, 0.01)
        one = chooser.fit(X, y, groups=speakers).masks_
        two = StabilitySelector(FilterSelector("random", n_features=3, random_state=None), 8, 0.01, n_jobs=2)
        np.testing.assert_array_equal(one, two.fit(X, y, groups=speakers).masks_)
        assert (one[0] != one[1]).any()

    def test_choosers_of_scikit_learn(self):
        assert StabilitySelector(SelectKBest(k=3), 10, 0.5).fit(X, y, groups=speakers).support_.sum() >= 1

    def test_no_column_is_steady(self):
        noise = rng.normal(size=(40, 300))
        chooser = StabilitySelector(FilterSelector(n_features=2), threshold=1.0)
        with pytest.raises(SelectionError, match="on_none='best'"):
            chooser.fit(noise, np.arange(40) % 2)
        chooser.set_params(on_none="best").fit(noise, np.arange(40) % 2)
        assert chooser.get_support(indices=True).tolist() == [int(np.argmax(chooser.frequencies_))]

    @pytest.mark.parametrize("wrong", [{"threshold": 0}, {"threshold": 60}, {"n_resamples": 0}])
    def test_parameters_out_of_range(self, wrong):
        with pytest.raises(SelectionError, match="one half at least"):
            StabilitySelector(FilterSelector(), **wrong).fit(X, y)

    def test_unknown_way_out(self):
        with pytest.raises(UnknownNameError, match="'raise'"):
            StabilitySelector(FilterSelector(), on_none="rise").fit(X, y)

    def test_failure_of_the_chooser_is_named(self):
        with pytest.raises(SelectionError, match=r"chooser of the halves \(FilterSelector\) cannot choose"):
            StabilitySelector(FilterSelector(threshold=1e9)).fit(X, y)
