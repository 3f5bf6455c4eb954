import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ferfusion.base import TableClassifier
from ferfusion.base.errors import FeatureError, TableError, UnknownNameError
from ferfusion.base.table import columns_of, features_of
from ferfusion.fusion import LateFusionClassifier, StackedFusionClassifier, make_late


class Spy(ClassifierMixin, BaseEstimator):
    """Table classifier that keeps which speakers it was fitted on, and predicts shares of classes."""

    fitted: list = []

    def fit(self, X, y):
        Spy.fitted.append((set(X.index), sorted(set(X["speaker"]))))
        self.classes_, counts = np.unique(np.asarray(y, dtype=object), return_counts=True)
        self.share_ = counts / counts.sum()
        return self

    def predict_proba(self, X):
        return np.tile(self.share_, (len(X), 1))


def of_view(X, y, view):
    model = LogisticRegression().fit(features_of(X, view), y)
    return model.predict_proba(features_of(X, view))


def test_fusion_of_branches_is_the_rule_on_their_probabilities(toy):
    X, y = toy
    model = LateFusionClassifier(TableClassifier(LogisticRegression()), rule="mean", by="view").fit(X, y)
    expected = np.mean([of_view(X, y, view) for view in ("audio_a", "text_b", "visual_c")], axis=0)
    np.testing.assert_allclose(model.predict_proba(X), expected)
    assert list(model.branches_) == ["audio_a", "text_b", "visual_c"]
    assert (model.predict(X) == model.classes_[expected.argmax(axis=1)]).all()


def test_weights_reach_the_rule(toy):
    X, y = toy
    model = LateFusionClassifier(TableClassifier(LogisticRegression()), weights=[0, 0, 1]).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), of_view(X, y, "visual_c"))


@pytest.mark.parametrize("weights", [[1, 1], [0, 0, 0], [1, -1, 1]])
def test_weights_that_make_no_sense(toy, weights):
    with pytest.raises(FeatureError, match="Weights must be 3 numbers"):
        LateFusionClassifier(TableClassifier(LogisticRegression()), weights=weights).fit(*toy)


def test_a_row_without_a_view_is_judged_by_the_others(toy):
    X, y = toy
    model = make_late("logistic", rule="mean").fit(X, y)
    holed = X.copy()
    holed.loc["u05", columns_of(X, "text_b")] = np.nan
    P = model["fuse"].branch_probabilities(model[:-1].transform(holed))
    assert np.isnan(P[1, 5]).all()
    np.testing.assert_allclose(model.predict_proba(holed)[5], P[[0, 2], 5].mean(axis=0))


def test_a_row_without_any_view_gets_class_shares_and_a_warning(toy):
    X, y = toy
    model = make_late("logistic").fit(X, y)
    holed = X.copy()
    holed.loc["u05", columns_of(X)] = np.nan
    with pytest.warns(UserWarning, match="'u05'"):
        np.testing.assert_allclose(model.predict_proba(holed)[5], [1 / 3] * 3)


def test_a_view_missing_altogether_at_prediction(toy):
    X, y = toy
    model = make_late("logistic").fit(X, y)
    out = model.predict_proba(X.drop(columns=columns_of(X, "text_b")))
    np.testing.assert_allclose(out.sum(axis=1), 1)
    assert not np.allclose(out, model.predict_proba(X))


def test_a_class_that_one_branch_never_saw_gets_zero_from_it(toy):
    X, y = toy
    X = X.copy()
    X.loc[y == "fear", columns_of(X, "text_b")] = np.nan
    model = make_late([("audio", "logistic"), ("text", "logistic")], rule="mean").fit(X, y)
    assert list(model["fuse"].branches_["text"].classes_) == ["anger", "calm"]
    P = model["fuse"].branch_probabilities(model[:-1].transform(X))
    assert (P[1, (y != "fear").to_numpy(), 2] == 0).all()


def test_stacking_learns_from_speakers_its_branches_have_not_heard(toy):
    X, y = toy
    Spy.fitted = []
    StackedFusionClassifier([("one", Spy())], final_estimator="logistic", n_folds=4).fit(X, y)
    whole, *inner = sorted(Spy.fitted, key=lambda item: -len(item[1]))
    assert whole[1] == ["s0", "s1", "s2", "s3"]
    assert sorted(speakers for _, speakers in inner) == [
        [s for s in ("s0", "s1", "s2", "s3") if s != held_out] for held_out in ("s3", "s2", "s1", "s0")
    ]


def test_stacking_equals_the_same_done_by_hand(toy):
    X, y = toy
    model = StackedFusionClassifier(TableClassifier(LogisticRegression()), n_folds=4, random_state=0).fit(X, y)
    from ferfusion.base import grouped_splits

    logs = np.zeros((len(X), 9))
    for train, test in grouped_splits(y.to_numpy(dtype=str), X["speaker"].to_numpy(), 4, 0):
        for k, view in enumerate(("audio_a", "text_b", "visual_c")):
            branch = LogisticRegression().fit(features_of(X.iloc[train], view), y.iloc[train])
            logs[test, 3 * k : 3 * k + 3] = np.log(branch.predict_proba(features_of(X.iloc[test], view)).clip(1e-4))
    meta = make_pipeline(StandardScaler(), LogisticRegression(C=10.0, max_iter=1000, random_state=0)).fit(logs, y)
    now = np.log(np.hstack([of_view(X, y, view) for view in ("audio_a", "text_b", "visual_c")]).clip(1e-4))
    np.testing.assert_allclose(model.predict_proba(X), meta.predict_proba(now), rtol=1e-6)


def test_stacking_with_a_missing_view(toy):
    X, y = toy
    X = X.copy()
    X.loc[X.index[::3], columns_of(X, "text_b")] = np.nan
    proba = make_late("logistic", rule="stack").fit(X, y).predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_fusion_beats_each_view_where_each_knows_another_part(toy):
    X, y = toy
    train, test = X["speaker"] != "s3", X["speaker"] == "s3"
    singles = [
        (make_late([(m, "logistic")]).fit(X[train], y[train]).predict(X[test]) == y[test]).mean()
        for m in ("audio", "text", "visual")
    ]
    fused = (make_late("logistic", rule="product").fit(X[train], y[train]).predict(X[test]) == y[test]).mean()
    assert fused > max(singles)


def test_a_failing_branch_is_named(toy):
    X, y = toy
    with pytest.raises(FeatureError, match=r"branch 'audio_zzz' cannot be fitted.*Did you mean"):
        make_late([("audio_zzz", "logistic")]).fit(X, y)


def test_nothing_to_fuse(toy):
    X, y = toy
    with pytest.raises(FeatureError, match=r"no view|No view"):
        make_late("logistic").fit(X[["speaker"]], y)
    with pytest.raises(FeatureError, match="no branch"):
        LateFusionClassifier(TableClassifier(LogisticRegression())).fit(X[["speaker"]], y)


def test_wrong_words(toy):
    X, y = toy
    with pytest.raises(UnknownNameError, match="way to branch"):
        make_late("logistic", by="speaker").fit(X, y)
    with pytest.raises(UnknownNameError, match="classifier 'meen'"):
        make_late("logistic", rule="meen")
    with pytest.raises(TableError, match="one class"):
        make_late("logistic").fit(X[y == "fear"], y[y == "fear"])


@pytest.mark.parametrize("rule", ["product", "stack"])
def test_grid_search_and_clone(toy, rule):
    X, y = toy
    search = GridSearchCV(make_late("logistic", rule=rule), {"fuse__by": ["modality", "view"]}, cv=GroupKFold(2))
    search.fit(X, y, groups=X["speaker"])
    assert search.best_score_ > 1 / 3
    again = clone(search.best_estimator_).fit(X, y)
    np.testing.assert_allclose(again.predict_proba(X), search.best_estimator_.predict_proba(X))


def test_branches_in_parallel_are_the_same(toy):
    X, y = toy
    one = make_late("svm", rule="product").fit(X, y).predict_proba(X)
    two = make_late("svm", rule="product", n_jobs=2).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(one, two)


def test_a_callable_rule_and_a_learner(toy):
    X, y = toy

    def first(P, weights):
        return P[0]

    np.testing.assert_allclose(make_late("logistic", rule=first).fit(X, y).predict_proba(X).sum(axis=1), 1)
    stacked = make_late("logistic", rule=LogisticRegression(C=0.1)).fit(X, y)
    assert stacked["fuse"].final_estimator_[-1].C == 0.1


def test_labels_of_another_table_are_refused(toy):
    X, y = toy
    with pytest.raises(TableError, match="index of y"):
        make_late("logistic").fit(X, pd.Series(y.to_numpy(), index=X.index[::-1]))
