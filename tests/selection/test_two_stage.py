"""One chooser after the other: columns find back, groups and seeds get through, failures name the stage."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_selection import SelectFromModel, SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import ferfusion
from ferfusion.base import GroupedFolds, OnFeatures, TableClassifier
from ferfusion.base.errors import SelectionError
from ferfusion.selection.base import ColumnSelector, inner_splits
from ferfusion.selection.filters import FilterSelector
from ferfusion.selection.importance import ImportanceSelector
from ferfusion.selection.stability import StabilitySelector
from ferfusion.selection.two_stage import TwoStageSelector

X, y = make_classification(60, 20, n_informative=5, random_state=0)
speakers = np.repeat(["a", "b", "c", "d", "e", "f"], 10)


class Spy(ColumnSelector):
    """Keeps all but the last column, and what it was fitted with."""

    def __init__(self, cv=None, random_state=None, keep=-1):
        self.cv = cv
        self.random_state = random_state
        self.keep = keep

    def fit(self, X, y, groups=None):
        A, codes, _ = self._checked(X, y)
        self.groups_, self.shape_, self.labels_ = groups, A.shape, np.asarray(y)
        self.splits_ = inner_splits(self.cv, A, codes, groups, 0)
        self.support_ = np.arange(A.shape[1]) < (A.shape[1] + self.keep if self.keep < 0 else self.keep)
        return self


class WithoutGroups(Spy):
    """The same, with a ``fit`` that knows no groups."""

    def fit(self, X, y):
        return super().fit(X, y)


def tears(splits, groups):
    return any(set(groups[train]) & set(groups[test]) for train, test in splits)


class TestColumns:
    def test_find_back(self):
        fitted = TwoStageSelector(FilterSelector(n_features=8), FilterSelector("relieff", n_features=3)).fit(X, y)
        first = FilterSelector(n_features=8).fit(X, y).get_support(indices=True)
        second = FilterSelector("relieff", n_features=3).fit(X[:, first], y).get_support(indices=True)
        assert fitted.get_support(indices=True).tolist() == first[second].tolist()
        np.testing.assert_array_equal(fitted.transform(X), X[:, first[second]])

    def test_labels_reach_the_stages_as_they_are(self):
        names = np.where(y > 0, "joy", "anger")
        fitted = TwoStageSelector(Spy(), Spy()).fit(X, names)
        assert fitted.second_.labels_.tolist() == names.tolist()

    def test_choosers_of_scikit_learn(self):
        fitted = TwoStageSelector(SelectKBest(k=6), SelectFromModel(LogisticRegression())).fit(X, y)
        assert 0 < fitted.support_.sum() < 6

    def test_summary_of_three_stages(self):
        inner = TwoStageSelector(FilterSelector(n_features=9), Spy())
        fitted = TwoStageSelector(inner, FilterSelector(n_features=2)).fit(X, y)
        assert fitted.stages() == [
            {"stage": 1, "chooser": "FilterSelector", "n_in": 20, "n_out": 9},
            {"stage": 2, "chooser": "Spy", "n_in": 9, "n_out": 8},
            {"stage": 3, "chooser": "FilterSelector", "n_in": 8, "n_out": 2},
        ]
        assert fitted.support_.sum() == 2

    def test_parameters_stay_unfitted(self):
        first = FilterSelector(n_features=5)
        TwoStageSelector(first, Spy()).fit(X, y)
        assert not hasattr(first, "support_")


class TestGroups:
    @pytest.mark.parametrize("stage", [Spy, WithoutGroups])
    @pytest.mark.parametrize("cv", [None, 3])
    def test_folds_of_stages_keep_groups_together(self, stage, cv):
        fitted = TwoStageSelector(stage(cv), stage(cv)).fit(X, y, groups=speakers)
        for inner in (fitted.first_, fitted.second_):
            assert not tears(inner.splits_, speakers)
            assert len(inner.splits_) == (cv or 5)
            if stage is Spy:
                assert inner.groups_.tolist() == speakers.tolist()

    def test_without_groups_folds_are_the_stages_own(self):
        fitted = TwoStageSelector(Spy(3), Spy(3)).fit(X, y)
        assert fitted.second_.cv == 3
        assert tears(fitted.second_.splits_, speakers)

    def test_a_splitter_was_chosen_and_stays(self):
        fitted = TwoStageSelector(Spy(), Spy(LeaveOneGroupOut())).fit(X, y, groups=speakers)
        assert isinstance(fitted.second_.cv, LeaveOneGroupOut)

    def test_folds_that_were_made_for_all_columns_are_made_anew(self):
        folds = GroupedFolds(speakers, 3, X)
        fitted = TwoStageSelector(FilterSelector(n_features=5), StabilitySelector(Spy(folds), n_resamples=3))
        fitted.fit(X, y, groups=speakers)
        assert fitted.second_.masks_.shape == (3, 5)

    def test_a_pipeline_hands_them_down_in_folds(self, toy):
        corpus = toy(n_rows=96)
        chooser = TwoStageSelector(FilterSelector(n_features=4), StabilitySelector(Spy(2), n_resamples=3))
        model = TableClassifier(make_pipeline(StandardScaler(), chooser, KNeighborsClassifier(3)))
        fitted = model.fit(corpus.X, corpus.y).estimator_[1]
        assert fitted.support_.sum() == 3

    def test_through_a_table(self, toy):
        corpus = toy()
        step = OnFeatures(TwoStageSelector(FilterSelector(n_features=4), Spy(3)))
        fitted = step.fit(corpus.X, corpus.y).transformer_
        assert not tears(fitted.second_.splits_, corpus.X["speaker"].to_numpy())

    def test_evaluated(self, toy):
        chooser = TwoStageSelector(ImportanceSelector(ExtraTreesClassifier(20), 4), FilterSelector(n_features=2))
        model = TableClassifier(make_pipeline(StandardScaler(), KNeighborsClassifier(3)))
        result = ferfusion.evaluate(make_pipeline(OnFeatures(chooser), model), toy(), verbose=False)
        assert result.scores.loc["uar", "value"] > 0.5

    def test_of_wrong_length(self):
        with pytest.raises(SelectionError, match="3 groups for 60 samples"):
            TwoStageSelector(Spy(), Spy()).fit(X, y, groups=["a", "b", "c"])


class TestSeeds:
    def test_missing_ones_are_filled_and_differ(self):
        fitted = [TwoStageSelector(Spy(), Spy(), random_state=seed).fit(X, y) for seed in (0, 0, 1)]
        states = [(f.first_.random_state, f.second_.random_state) for f in fitted]
        assert states[0] == states[1] != states[2]
        assert states[0][0] != states[0][1]

    def test_stated_ones_stay(self):
        assert TwoStageSelector(Spy(random_state=7), Spy()).fit(X, y).first_.random_state == 7


class TestFailures:
    def test_a_stage_keeps_nothing(self):
        with pytest.raises(SelectionError, match=r"The second stage \(Spy\) keeps none of 19 columns"):
            TwoStageSelector(Spy(), Spy(keep=0)).fit(X, y)

    def test_a_stage_cannot_choose(self):
        with pytest.raises(
            SelectionError, match=r"The first stage \(FilterSelector\) cannot choose: No column reaches"
        ):
            TwoStageSelector(FilterSelector(threshold=1e9), Spy()).fit(X, y)

    def test_a_stage_that_is_no_chooser(self):
        with pytest.raises(SelectionError, match="The second stage is StandardScaler"):
            TwoStageSelector(Spy(), StandardScaler()).fit(X, y)

    def test_one_class(self):
        with pytest.raises(SelectionError, match="one class only"):
            TwoStageSelector(Spy(), Spy()).fit(X, np.zeros(60))
