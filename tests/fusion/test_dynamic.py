import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from ferfusion.base import TableClassifier
from ferfusion.base.errors import FeatureError, ProtocolError, UnknownNameError
from ferfusion.base.table import columns_of, features_of
from ferfusion.fusion import make_late
from ferfusion.fusion.dynamic import DynamicFusionClassifier, correctness, truth
from ferfusion.fusion.out_of_fold import inner_splits, out_of_fold

BRANCH = TableClassifier(LogisticRegression())
PAIR = [
    ("first", make_late([("audio", GaussianNB())])["fuse"]),
    ("second", make_late([("text", GaussianNB())])["fuse"]),
]


@pytest.fixture
def halves():
    """Two views, of which each knows the emotion in one half of the utterances; which half a third view tells."""
    rng = np.random.default_rng(0)
    n = 240
    codes = rng.integers(2, size=n)
    half = np.arange(n) % 2
    X = pd.DataFrame({"speaker": [f"s{i}" for i in np.arange(n) // 30]}, index=[f"u{i:03d}" for i in range(n)])
    X["audio_a__x"] = np.where(half == 0, 4.0 * codes - 2, 0) + rng.normal(size=n)
    X["text_b__x"] = np.where(half == 1, 4.0 * codes - 2, 0) + rng.normal(size=n)
    X["visual_c__x"] = half + 0.05 * rng.normal(size=n)
    return X, pd.Series(np.array(["calm", "fear"])[codes], index=X.index)


def by_hand(model, X, y, X_new, k):
    """Competences by scikit-learn's neighbours in the third view, and the mean that they weight."""
    labels = y.to_numpy(dtype=object)
    named = [(name, clone(branch)) for name, branch in PAIR]
    P, _ = out_of_fold(named, X, labels, model.classes_, inner_splits(X, labels, 5, 0))
    right = P.argmax(axis=2) == np.unique(y, return_inverse=True)[1]
    scaler = StandardScaler().fit(features_of(X, "visual_c"))
    near = NearestNeighbors(n_neighbors=k).fit(scaler.transform(features_of(X, "visual_c")))
    found = near.kneighbors(scaler.transform(features_of(X_new, "visual_c")), return_distance=False)
    return (right[:, found].sum(axis=2) + right.mean(axis=1, keepdims=True)) / (k + 1)


def test_weights_are_local_competence(halves):
    X, y = halves
    new = X.iloc[:40].assign(visual_c__x=np.linspace(-0.2, 1.2, 40))
    model = DynamicFusionClassifier(PAIR, space=["visual"], n_neighbors=9).fit(X, y)
    weights = by_hand(model, X, y, new, 9)
    P = model.branch_probabilities(new)
    expected = (P * weights[:, :, None]).sum(axis=0) / weights.sum(axis=0)[:, None]
    np.testing.assert_allclose(model.predict_proba(new), expected)


def test_selection_hears_the_most_competent_alone(halves):
    X, y = halves
    model = DynamicFusionClassifier(PAIR, mode="select", space="visual_c", n_neighbors=9).fit(X, y)
    weights = by_hand(model, X, y, X, 9)
    P = model.branch_probabilities(X)
    clear = np.abs(weights[0] - weights[1]) > 1e-6
    expected = np.where((weights[0] > weights[1])[:, None], P[0], P[1])
    np.testing.assert_allclose(model.predict_proba(X)[clear], expected[clear])
    np.testing.assert_allclose(model.predict_proba(X)[~clear], P.mean(axis=0)[~clear])
    assert clear.mean() > 0.9


def test_it_pays_where_competence_is_local(halves):
    X, y = halves
    train = (X["speaker"] < "s5").to_numpy()
    scores = {}
    for name, model in {
        "mean": make_late(PAIR)["fuse"],
        "weight": DynamicFusionClassifier(PAIR, space=["visual"]),
        "select": DynamicFusionClassifier(PAIR, mode="select", space=["visual"]),
    }.items():
        scores[name] = (model.fit(X[train], y[train]).predict(X[~train]) == y[~train]).mean()
    assert scores["select"] > scores["mean"] + 0.02
    assert scores["weight"] >= scores["mean"]


def test_neighbours_by_decisions_leave_out_what_one_of_two_rows_lacks(toy):
    X, y = toy
    X = X.copy()
    X.loc[X.index[::4], columns_of(X, "text_b")] = np.nan
    model = DynamicFusionClassifier(BRANCH, n_neighbors=5, competence="truth").fit(X, y)
    P = model.branch_probabilities(X)[np.argsort(["audio", "text", "visual"])]
    for i in (0, 1, 17):
        distances = []
        for j in range(len(X)):
            both = [b for b in range(3) if not np.isnan([P[b, i, 0], model.profiles_[b, j, 0]]).any()]
            distances.append(np.mean([((P[b, i] - model.profiles_[b, j]) ** 2).sum() for b in both]))
        near = np.argsort(distances, kind="stable")[:5]
        own = model.competence_[:, near]
        weights = (np.nansum(own, axis=1) + model.overall_) / ((~np.isnan(own)).sum(axis=1) + 1)
        weights = np.where(np.isnan(P[:, i, 0]), 0, weights)
        expected = np.nansum(P[:, i] * weights[:, None], axis=0) / weights.sum()
        np.testing.assert_allclose(model.predict_proba(X)[i], expected)


def test_competences_by_hand():
    P = np.array([[[0.7, 0.3], [0.2, 0.8]], [[0.4, 0.6], [np.nan, np.nan]]])
    y = np.array([0, 1])
    np.testing.assert_array_equal(correctness(P, y), [[1, 1], [0, np.nan]])
    np.testing.assert_array_equal(truth(P, y), [[0.7, 0.8], [0.4, np.nan]])


def test_without_a_place_in_the_space_the_overall_competence_counts(halves):
    X, y = halves
    model = DynamicFusionClassifier(PAIR, space=["visual"]).fit(X, y)
    P = model.branch_probabilities(X)
    expected = (P * model.overall_[:, None, None]).sum(axis=0) / model.overall_.sum()
    for table in (X.drop(columns="visual_c__x"), X.assign(visual_c__x=np.nan)):
        np.testing.assert_allclose(model.predict_proba(table), expected)


def test_chunks_are_nothing(halves, monkeypatch):
    X, y = halves
    model = DynamicFusionClassifier(PAIR).fit(X, y)
    whole = model.predict_proba(X)
    monkeypatch.setattr("ferfusion.fusion.dynamic._CHUNK", 7)
    np.testing.assert_allclose(model.predict_proba(X), whole, rtol=1e-12)


def test_more_neighbours_than_rows(toy):
    X, y = toy
    model = DynamicFusionClassifier(BRANCH, n_neighbors=10_000).fit(X, y)
    P = model.branch_probabilities(X)
    expected = (P * model.overall_[:, None, None]).sum(axis=0) / model.overall_.sum()
    np.testing.assert_allclose(model.predict_proba(X), expected)


def test_own_competence_and_rule(toy):
    X, y = toy
    even = DynamicFusionClassifier(BRANCH, competence=lambda P, y: np.ones(P.shape[:2]), rule="product").fit(X, y)
    np.testing.assert_allclose(
        even.predict_proba(X),
        make_late("logistic", "product")["fuse"].set_params(branches=BRANCH).fit(X, y).predict_proba(X),
    )


def test_by_name_in_the_assembler():
    assert isinstance(make_late("logistic", rule="dynamic")["fuse"], DynamicFusionClassifier)


def test_wrong_words(toy):
    X, y = toy
    for wrong, error, message in [
        ({"mode": "selekt"}, UnknownNameError, "Did you mean 'select'"),
        ({"competence": "corect"}, UnknownNameError, "Did you mean 'correct'"),
        ({"rule": "meen"}, UnknownNameError, "Did you mean 'mean'"),
        ({"n_neighbors": 0}, FeatureError, "one neighbour at least"),
        ({"space": ["smell"]}, UnknownNameError, "view 'smell'"),
    ]:
        with pytest.raises(error, match=message):
            DynamicFusionClassifier(BRANCH, **wrong).fit(X, y)
    X = X.assign(speaker=y.map({"anger": "s0", "calm": "s1", "fear": "s2"}))
    with pytest.raises(ProtocolError, match="No class occurs in more than one group"):
        DynamicFusionClassifier(BRANCH).fit(X, y)
