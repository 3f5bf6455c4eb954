import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from ferfusion.base import TableClassifier, grouped_splits
from ferfusion.base.errors import FeatureError, TableError, UnknownNameError
from ferfusion.base.table import columns_of, features_of
from ferfusion.fusion import LateFusionClassifier, StackedFusionClassifier, make_late
from ferfusion.fusion.late import drop_branches


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


BRANCH = TableClassifier(LogisticRegression())
VIEWS = ("audio_a", "text_b", "visual_c")


def on_columns(columns):
    """Array classifier on three of nine columns."""
    return make_pipeline(ColumnTransformer([("keep", "passthrough", columns)]), LogisticRegression())


def test_the_mean_is_scikit_learns_soft_voting(toy):
    X, y = toy
    members = [(view, on_columns([3 * k, 3 * k + 1, 3 * k + 2])) for k, view in enumerate(VIEWS)]
    voting = VotingClassifier(members, voting="soft", weights=[1, 2, 3]).fit(features_of(X), y)
    model = LateFusionClassifier(BRANCH, weights=[1, 2, 3]).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), voting.predict_proba(features_of(X)))
    assert (model.predict(X) == voting.predict(features_of(X))).all()


@pytest.mark.parametrize("passthrough", [False, True])
def test_stacking_is_scikit_learns_with_the_same_folds_and_evidence(toy, passthrough):
    X, y = toy
    members = [(view, on_columns([3 * k, 3 * k + 1, 3 * k + 2])) for k, view in enumerate(VIEWS)]
    logs = FunctionTransformer(lambda P: np.log(P.clip(1e-4)))
    learner = make_pipeline(
        ColumnTransformer([("evidence", logs, slice(0, 9)), ("numbers", "passthrough", slice(9, None))]),
        StandardScaler(),
        LogisticRegression(C=10.0, max_iter=1000, random_state=0),
    )
    splits = grouped_splits(y.to_numpy(dtype=str), X["speaker"].to_numpy(), 4, 0)
    peer = StackingClassifier(members, learner, cv=splits, stack_method="predict_proba", passthrough=passthrough)
    peer.fit(features_of(X), y)
    model = StackedFusionClassifier(BRANCH, n_folds=4, passthrough=passthrough).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), peer.predict_proba(features_of(X)), atol=1e-6)


def test_numbers_that_pass_through_are_those_of_the_branches(toy):
    X, y = toy
    branches = make_late([("text", "logistic"), ("audio", "logistic")])["fuse"].branches
    model = StackedFusionClassifier(branches, passthrough=True).fit(X, y)
    assert model.columns_ == [*columns_of(X, "audio_a"), *columns_of(X, "text_b")]
    holed = X.copy()
    holed.loc["u05", "text_b__f1"] = np.nan
    np.testing.assert_allclose(model.predict_proba(holed).sum(axis=1), 1)
    out = model.predict_proba(X.drop(columns=columns_of(X, "text_b")))
    np.testing.assert_allclose(out.sum(axis=1), 1)


def test_what_a_dropped_branch_has_seen_is_dropped_too(toy):
    X, y = toy
    branches = make_late([("text", "logistic"), ("audio", "logistic")])["fuse"].branches
    model = StackedFusionClassifier(branches, passthrough=True).fit(X, y)
    P = model.branch_probabilities(X)
    P[0, :4] = np.nan
    numbers = model._evidence(P, X)[:, 6:]
    assert np.isnan(numbers[:4, 3:]).all()
    assert np.isfinite(numbers[:4, :3]).all()
    assert np.isfinite(numbers[4:]).all()


def test_view_dropout_takes_one_of_several_branches():
    P = np.full((3, 1000, 2), 0.5)
    P[0, :300] = np.nan
    P[1, 200:300] = np.nan  # two are missing in these, all in none
    before = ~np.isnan(P).any(axis=2)
    out = drop_branches(P, 0.5, 0)
    there = ~np.isnan(out).any(axis=2)
    lost = before.sum(axis=0) - there.sum(axis=0)
    assert lost[200:300].sum() == 0
    assert lost.sum() == 450
    assert set(lost) == {0, 1}
    assert not (there & ~before).any()
    shares = (before & ~there)[:, 300:].sum(axis=1) / lost[300:].sum()
    np.testing.assert_allclose(shares, 1 / 3, atol=0.08)
    np.testing.assert_array_equal(out, drop_branches(P, 0.5, 0))
    assert not np.array_equal(np.isnan(out), np.isnan(drop_branches(P, 0.5, 1)))
    np.testing.assert_array_equal(drop_branches(P, 0.0), P)
    assert not np.isnan(P[2]).any()


def test_view_dropout_teaches_the_learner_to_do_without():
    """The second view is a worse copy of the first: a learner that never missed the first has no use for it."""
    rng = np.random.default_rng(0)
    n = 600
    codes = rng.integers(2, size=n)
    X = pd.DataFrame({"speaker": [f"s{i}" for i in np.arange(n) // 60]}, index=[f"u{i:03d}" for i in range(n)])
    X["audio_a__x"] = 2.5 * codes + rng.normal(size=n)
    X["text_b__x"] = X["audio_a__x"] + 0.5 * rng.normal(size=n)
    y = pd.Series(np.array(["calm", "fear"])[codes], index=X.index)
    train = (X["speaker"] < "s5").to_numpy()
    without = X[~train].assign(audio_a__x=np.nan)
    right = y[~train].to_numpy()
    scores = {}
    for share in (0.0, 0.3):
        model = StackedFusionClassifier(BRANCH, view_dropout=share).fit(X[train], y[train])
        proba = model.predict_proba(without)
        own = proba[np.arange(len(right)), np.searchsorted(["calm", "fear"], right)]
        scores[share] = -np.log(own.clip(1e-6)).mean()
        assert (model.predict(X[~train]) == right).mean() > 0.85
    assert scores[0.3] < scores[0.0] - 0.02


def test_view_dropout_out_of_range(toy):
    with pytest.raises(FeatureError, match="share between 0 and 1"):
        StackedFusionClassifier(BRANCH, view_dropout=1.5).fit(*toy)


def test_random_inner_folds_trust_the_branch_that_knows_the_speakers():
    """Each speaker shows each emotion in a way of their own in the first view; the second is the same for all."""
    rng = np.random.default_rng(0)
    n_speakers, each = 24, 21
    n = n_speakers * each
    speaker, codes = np.repeat(np.arange(n_speakers), each), np.arange(n) % 3
    ways = rng.normal(size=(n_speakers, 3, 4))
    X = pd.DataFrame({"speaker": [f"s{i:02d}" for i in speaker]}, index=[f"u{i:03d}" for i in range(n)])
    for k in range(4):
        X[f"audio_voice__x{k}"] = ways[speaker, codes, k] + 0.05 * rng.normal(size=n)
    for k in range(3):
        X[f"text_words__x{k}"] = rng.normal(size=n) + 1.5 * (codes == k)
    y = pd.Series(np.array(["anger", "calm", "fear"])[codes], index=X.index)
    train = speaker < 12
    branches = [
        ("audio", make_late([("audio", KNeighborsClassifier(5))])["fuse"].branches[0][1]),
        ("text", make_late([("text", "logistic")])["fuse"].branches[0][1]),
    ]
    scores = {}
    for name, cv in {"grouped": None, "random": StratifiedKFold(5, shuffle=True, random_state=0)}.items():
        model = StackedFusionClassifier(branches, cv=cv).fit(X[train], y[train])
        scores[name] = (model.predict(X[~train]) == y[~train]).mean()
    assert scores["grouped"] > scores["random"] + 0.1


def test_nan_for_a_fusion_inside_of_another(toy):
    X, y = toy
    inner = make_late([("audio", "logistic"), ("text", "logistic")])["fuse"]
    outer = make_late([("speech", inner), ("visual", "logistic")]).fit(X, y)
    holed = X.copy()
    holed.loc["u05", [*columns_of(X, "audio_a"), *columns_of(X, "text_b")]] = np.nan
    P = outer["fuse"].branch_probabilities(outer[:-1].transform(holed))
    assert np.isnan(P[0, 5]).all()
    np.testing.assert_allclose(outer.predict_proba(holed)[5], P[1, 5])
    alone = clone(inner).set_params(missing="nan").fit(X, y)
    assert alone.predict(holed)[5] is None
    assert np.isnan(alone.predict_proba(holed)[5]).all()
    with pytest.raises(UnknownNameError, match="Did you mean 'prior'"):
        clone(inner).set_params(missing="prio").fit(X, y)


def test_names_of_branches_are_their_own(toy):
    with pytest.raises(FeatureError, match="more than once: 'audio'"):
        LateFusionClassifier([("audio", BRANCH), ("audio", BRANCH)]).fit(*toy)
