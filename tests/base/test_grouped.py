"""Inner folds keep a speaker together, wherever a ``cv`` hides in an estimator."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.decomposition import PCA
from sklearn.ensemble import StackingClassifier
from sklearn.feature_selection import RFECV
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from ferfusion.base.errors import FeatureError, ProtocolError
from ferfusion.base.grouped import GroupedFolds, give_grouped_cv, grouped_splits

RNG = np.random.default_rng(0)
N = 40
Y = np.tile([0, 1], N // 2)
GROUPS = np.repeat([f"s{i}" for i in range(8)], 5)
A = RNG.normal(size=(N, 3)) + Y[:, None]


class SpeakerWitness(ClassifierMixin, BaseEstimator):
    """Notes the speakers it is fitted on and those it predicts; the first column is the speaker's number."""

    log: list = []

    def __init__(self, c=1.0):
        self.c = c

    def fit(self, A, y):
        self.classes_ = np.unique(y)
        self.seen_ = set(A[:, 0])
        return self

    def predict(self, A):
        type(self).log.append((self.seen_, set(A[:, 0])))
        return np.full(len(A), self.classes_[0])


def parts(splits, n=N):
    """Every sample is tested once, and no split tests what it trains on."""
    tested = np.concatenate([test for _, test in splits])
    assert sorted(tested) == list(range(n))
    for train, test in splits:
        assert not set(train) & set(test)
        assert len(train) + len(test) == n


@pytest.mark.parametrize("n_splits", [2, 3, 5, 8, 50])
def test_no_speaker_in_both_parts(n_splits):
    splits = grouped_splits(Y, GROUPS, n_splits)
    assert len(splits) == min(n_splits, 8)
    parts(splits)
    for train, test in splits:
        assert not set(GROUPS[train]) & set(GROUPS[test])


@pytest.mark.parametrize("groups", [None, np.array(["s1"] * N)])
def test_nothing_to_keep_apart_gives_stratified_folds(groups):
    splits = grouped_splits(Y, groups, 5)
    parts(splits)
    assert all(Y[test].mean() == 0.5 for _, test in splits)


def test_seed_decides():
    first, same = (grouped_splits(Y, None, 4, seed=3) for _ in range(2))
    for a, b in zip(first, same, strict=True):
        np.testing.assert_array_equal(a[1], b[1])
    other = grouped_splits(Y, None, 4, seed=4)
    assert any((a[1] != b[1]).any() for a, b in zip(first, other, strict=True))


def test_rare_class_is_absent_from_folds_without_a_word():
    y = np.array([0] * 10 + [1] * 9 + [2])
    splits = grouped_splits(y, None, 5)
    assert len(splits) == 5
    assert sum(2 not in y[train] for train, _ in splits) == 1
    groups = np.repeat(list("abcde"), 4)
    assert all(not set(groups[a]) & set(groups[b]) for a, b in grouped_splits(y, groups, 5))


@pytest.mark.parametrize("groups", [None, np.array(["a", "b"])])
def test_two_samples_of_two_classes_cannot_be_split(groups):
    with pytest.raises(ProtocolError, match="there are 2 samples in all"):
        grouped_splits(np.array([0, 1]), groups)


def test_folds_refuse_rows_they_do_not_know():
    folds = GroupedFolds(GROUPS, 3)
    with pytest.raises(FeatureError, match="made for 40 rows but are asked to split 10"):
        list(folds.split(A[:10], Y[:10]))


def test_folds_without_labels():
    splits = list(GroupedFolds(GROUPS, 4).split(A))
    parts(splits)
    assert all(not set(GROUPS[train]) & set(GROUPS[test]) for train, test in splits)


def test_number_of_folds():
    folds = GroupedFolds(np.repeat(list("ab"), 20), 5)
    assert folds.get_n_splits() == 5
    assert folds.get_n_splits(A, Y) == 2


def test_cv_is_given_everywhere_but_where_the_user_chose():
    mine = KFold(3)
    model = StackingClassifier(
        [("a", LogisticRegressionCV(cv=4, l1_ratios=(0,), use_legacy_attributes=False))], cv=mine
    )
    search = give_grouped_cv(GridSearchCV(make_pipeline(PCA(), model), {}), GROUPS)
    assert isinstance(search.cv, GroupedFolds)
    assert search.cv.n_splits == 5
    inner = search.estimator[-1]
    assert inner.cv is mine
    assert inner.estimators[0][1].cv.n_splits == 4
    assert inner.estimators[0][1].cv.groups is GROUPS
    assert give_grouped_cv(PCA(), GROUPS).get_params() == PCA().get_params()


@pytest.mark.parametrize("cv", [None, 3])
def test_search_never_scores_a_speaker_it_was_fitted_on(cv):
    SpeakerWitness.log = []
    numbers = np.unique(GROUPS, return_inverse=True)[1].astype(float)[:, None]
    search = give_grouped_cv(GridSearchCV(SpeakerWitness(), {"c": [1, 2]}, cv=cv), GROUPS)
    search.fit(numbers, Y)
    assert len(SpeakerWitness.log) == 2 * (cv or 5)
    assert not any(seen & tested for seen, tested in SpeakerWitness.log)
    # the same search without the groups does tear them apart: the witness can tell
    SpeakerWitness.log = []
    GridSearchCV(SpeakerWitness(), {"c": [1]}, cv=KFold(3, shuffle=True, random_state=0)).fit(numbers, Y)
    assert all(seen & tested for seen, tested in SpeakerWitness.log)


def test_given_estimator_can_be_cloned_and_fitted_again():
    model = give_grouped_cv(
        StackingClassifier([("nb", GaussianNB())], final_estimator=LogisticRegression(), cv=3), GROUPS
    )
    again = clone(model).fit(A, Y)
    np.testing.assert_array_equal(again.predict(A), model.fit(A, Y).predict(A))


def test_a_search_inside_a_search_keeps_speakers_together():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(len(Y), 4))
    selection = RFECV(LogisticRegression(), min_features_to_select=1)
    search = GridSearchCV(selection, {"estimator__C": [0.1, 1.0]}, error_score="raise")
    give_grouped_cv(search, GROUPS, rows).fit(rows, Y)
    folds = search.best_estimator_.cv
    for train, _ in search.cv.split(rows, Y):
        for inner_train, inner_test in folds.split(rows[train], Y[train]):
            assert not set(GROUPS[train][inner_train]) & set(GROUPS[train][inner_test])


def test_rows_that_a_step_has_changed_are_told():
    rows = np.random.default_rng(0).normal(size=(len(Y), 4))
    folds = GroupedFolds(GROUPS, 3, rows)
    with pytest.raises(FeatureError, match="Give the inner estimator a 'cv' of its own"):
        list(folds.split(rows[:-5] * 2, Y[:-5]))
