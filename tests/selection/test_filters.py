"""Filters, and what all rankings share."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.feature_selection import SelectKBest, f_classif

from ferfusion.base.errors import SelectionError, UnknownNameError
from ferfusion.selection.filters import FilterSelector
from ferfusion.selection.ranking import best_mask, count_wanted, order_of, positions_of
from ferfusion.selection.scores import SCORES

X, y = make_classification(80, 20, n_informative=5, random_state=0)


class TestCount:
    @pytest.mark.parametrize(
        ("given", "n"), [(None, 10), (3, 3), (np.int64(3), 3), (99, 10), (0.5, 5), (1.0, 10), (0.01, 1)]
    )
    def test_number_share_or_all(self, given, n):
        assert count_wanted(given, 10) == n

    @pytest.mark.parametrize("given", [0, -1, 0.0, 1.5, True, "three", float("nan")])
    def test_what_is_neither(self, given):
        with pytest.raises(SelectionError, match="whole number from 1 on or a share"):
            count_wanted(given, 10)


class TestOrder:
    def test_ties_go_to_the_first_and_missing_ones_last(self):
        scores = np.array([np.nan, 1.0, np.inf, 1.0, -np.inf, 2.0])
        order = order_of(scores)
        assert order.tolist() == [2, 5, 1, 3, 0, 4]
        assert positions_of(order).tolist() == [5, 3, 1, 4, 6, 2]
        assert best_mask(scores, 3).tolist() == [False, True, True, False, False, True]


class TestFilterSelector:
    def test_is_select_k_best(self):
        theirs = SelectKBest(f_classif, k=7).fit(X, y)
        ours = FilterSelector("anova", n_features=7).fit(X, y)
        np.testing.assert_array_equal(ours.get_support(), theirs.get_support())
        np.testing.assert_array_equal(ours.transform(X), theirs.transform(X))

    def test_ranking_fits_scores_and_support(self):
        fitted = FilterSelector(n_features=6).fit(X, y)
        assert sorted(fitted.ranking_) == list(range(1, 21))
        np.testing.assert_array_equal(fitted.ranking_ <= 6, fitted.support_)
        assert fitted.scores_[fitted.ranking_ == 1] == fitted.scores_.max()

    def test_equal_columns_go_by_their_order(self):
        twice = np.hstack([X[:, :5], X[:, :5]])
        fitted = FilterSelector(n_features=1).fit(twice, y)
        assert fitted.get_support(indices=True)[0] < 5

    def test_more_wanted_than_there_are(self):
        assert FilterSelector(n_features=100).fit(X, y).support_.all()

    def test_threshold_alone_and_with_a_number(self):
        scores = FilterSelector().fit(X, y).scores_
        edge = np.sort(scores)[-5]
        alone = FilterSelector(n_features=None, threshold=edge).fit(X, y)
        assert alone.support_.sum() == 5
        assert FilterSelector(n_features=3, threshold=edge).fit(X, y).support_.sum() == 3
        assert FilterSelector(n_features=10, threshold=edge).fit(X, y).support_.sum() == 5

    def test_nothing_reaches_the_threshold(self):
        with pytest.raises(SelectionError, match="No column reaches"):
            FilterSelector(threshold=1e9).fit(X, y)

    def test_callable(self):
        fitted = FilterSelector(lambda A, codes: np.arange(A.shape[1]), n_features=2).fit(X, y)
        assert fitted.get_support(indices=True).tolist() == [18, 19]

    def test_callable_of_wrong_shape(self):
        with pytest.raises(SelectionError, match="shape"):
            FilterSelector(lambda A, codes: np.zeros(3)).fit(X, y)

    def test_unknown_score(self):
        with pytest.raises(UnknownNameError, match=r"criterion .*'relieff'"):
            FilterSelector("relief").fit(X, y)

    def test_seed_reaches_random_scores(self):
        picks = [FilterSelector("random", 5, random_state=seed).fit(X, y).support_ for seed in (0, 0, 1)]
        np.testing.assert_array_equal(picks[0], picks[1])
        assert (picks[0] != picks[2]).any()

    @pytest.mark.parametrize("criterion", sorted(SCORES))
    def test_more_columns_than_samples_constants_and_twins(self, criterion):
        wide = np.random.default_rng(0).normal(size=(12, 40))
        wide[:, 3], wide[:, 5] = 2.0, wide[:, 4]
        assert FilterSelector(criterion, n_features=4).fit(wide, np.arange(12) % 3).support_.sum() == 4

    def test_one_class(self):
        with pytest.raises(SelectionError, match="one class only"):
            FilterSelector().fit(X, np.zeros(80))

    def test_missing_value(self):
        holed = X.copy()
        holed[3, 3] = np.nan
        with pytest.raises(ValueError, match="NaN"):
            FilterSelector().fit(holed, y)

    def test_names_and_pandas(self):
        names = np.array([f"f{i}" for i in range(20)], dtype=object)
        fitted = FilterSelector(n_features=2).fit(X, y).set_output(transform="pandas")
        out = fitted.transform(X)
        assert out.columns.tolist() == [f"x{i}" for i in fitted.get_support(indices=True)]
        assert fitted.get_feature_names_out(names).tolist() == names[fitted.support_].tolist()

    def test_pickle(self):
        fitted = FilterSelector(n_features=3).fit(X, y)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(X), fitted.transform(X))
