"""Retrieval beside a classifier: against scikit-learn's neighbours, by hand, and scikit-learn's own checks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from ferfusion.base.classifier import TableClassifier
from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.context import RetrievalClassifier
from ferfusion.context.retrieval import cosine_distances, euclidean_distances, neighbour_shares
from ferfusion.fusion import make_early


@pytest.fixture(scope="module")
def data():
    X, y = make_classification(160, 6, n_informative=4, n_classes=3, n_clusters_per_class=2, random_state=0)
    return X, y


@parametrize_with_checks([RetrievalClassifier(n_neighbors=3)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_distances():
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    np.testing.assert_allclose(cosine_distances(A, B), pairwise.cosine_distances(A, B))
    np.testing.assert_allclose(euclidean_distances(A, B), pairwise.euclidean_distances(A, B) ** 2)
    assert (cosine_distances(np.zeros((1, 3)), B) == 1).all()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbours_alone_are_those_of_scikit_learn(data, metric):
    X, y = data
    model = RetrievalClassifier(n_neighbors=7, weight=1.0, temperature=np.inf, metric=metric).fit(X[:120], y[:120])
    peer = KNeighborsClassifier(7, metric=metric, algorithm="brute").fit(X[:120], y[:120])
    np.testing.assert_allclose(model.predict_proba(X[120:]), peer.predict_proba(X[120:]))


def test_weights_by_hand():
    D = np.array([[0.2, 0.6, 9.0, 0.1], [np.inf, 0.4, np.inf, np.inf], [np.inf] * 4])
    shares = neighbour_shares(D, np.array([0, 1, 1, 2]), 3, 3, 0.5)
    w = np.exp(-np.array([0.2, 0.6, 0.1]) / (0.5 * 0.3))
    np.testing.assert_allclose(shares[0], w / w.sum())
    np.testing.assert_allclose(shares[1], [0, 1, 0])
    assert np.isnan(shares[2]).all()


def test_copies_of_one_row_share_evenly():
    shares = neighbour_shares(np.zeros((1, 4)), np.array([0, 1, 1, 1]), 2, 4, 0.2)
    np.testing.assert_allclose(shares, [[0.25, 0.75]])


def test_interpolation_by_hand(data):
    X, y = data
    parts = [RetrievalClassifier(weight=w, temperature=0.5).fit(X, y).predict_proba(X) for w in (0.0, 0.3, 1.0)]
    np.testing.assert_allclose(parts[1], 0.7 * parts[0] + 0.3 * parts[2])
    np.testing.assert_allclose(parts[0], LogisticRegression(max_iter=1000).fit(X, y).predict_proba(X))


def test_what_is_better_gets_the_weight():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = (X.prod(axis=1) > 0).astype(int)  # no line tells these apart
    assert RetrievalClassifier(metric="euclidean", n_neighbors=5).fit(X, y).weight_ >= 0.5
    linear = rng.normal(size=(300, 20))
    y = (linear.sum(axis=1) > 0).astype(int)
    assert RetrievalClassifier(n_neighbors=5).fit(linear, y).weight_ <= 0.2


def test_neighbours_of_one_speaker_do_not_count_when_weights_are_chosen():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), 8)
    voice = rng.normal(size=(40, 5))[groups] * 5
    labels = rng.integers(2, size=40)[groups]  # a speaker's own rows tell all, others' nothing
    X = voice + 0.1 * rng.normal(size=(320, 5))
    alone = RetrievalClassifier(DummyClassifier(strategy="prior"), n_neighbors=3, metric="euclidean").fit(X, labels)
    grouped = clone(alone).fit(X, labels, groups=groups)
    assert alone.weight_ == 1.0
    assert grouped.weight_ <= 0.3


def test_classifier_without_probabilities_and_other_labels():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versi", "virgi"])[y]
    model = RetrievalClassifier(LinearSVC(), metric="euclidean").fit(X, names)
    assert model.score(X, names) > 0.9
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_callable_distance(data):
    X, y = data
    named = RetrievalClassifier(weight=0.5, temperature=1.0).fit(X, y).predict_proba(X)
    given = RetrievalClassifier(weight=0.5, temperature=1.0, metric=cosine_distances).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(named, given)


def test_few_rows():
    X, y = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0, 1])
    model = RetrievalClassifier(n_neighbors=20).fit(X, y)  # no inner folds: the first of what is offered
    assert (model.weight_, model.temperature_) == (0.0, 0.05)
    assert model.predict(X).tolist() == [0, 1]


def test_class_that_is_in_one_group_only(data):
    X, y = data
    y = y.copy()
    y[:5] = 9
    model = RetrievalClassifier().fit(X, y, groups=np.arange(len(y)) // 10)
    assert model.predict_proba(X).shape == (160, 4)


def test_faults(data):
    X, y = data
    with pytest.raises(UnknownNameError, match="Did you mean 'cosine'"):
        RetrievalClassifier(metric="cosinus").fit(X, y)
    with pytest.raises(FeatureError, match="n_neighbors must be 1"):
        RetrievalClassifier(n_neighbors=0).fit(X, y)
    with pytest.raises(FeatureError, match=r"between 0 and 1, not 1\.5"):
        RetrievalClassifier(weight=1.5).fit(X, y)
    with pytest.raises(FeatureError, match="temperature must be above 0"):
        RetrievalClassifier(temperature=0.0).fit(X, y)


def test_on_tables_and_in_a_search(data):
    values, y = data
    X = pd.DataFrame(values, columns=[f"audio_a__{i}" for i in range(6)], index=[f"u{i}" for i in range(160)])
    X["speaker"] = [f"s{i % 8}" for i in range(160)]
    labels = np.array(["anger", "calm", "fear"])[y]
    early = make_early(classifier=RetrievalClassifier()).fit(X, labels)
    assert early.predict_proba(X).shape == (160, 3)
    table = TableClassifier(RetrievalClassifier())
    np.testing.assert_array_equal(
        clone(table).fit(X, labels).predict_proba(X), clone(table).fit(X, labels).predict_proba(X)
    )
    search = GridSearchCV(RetrievalClassifier(weight=0.3, temperature=1.0), {"n_neighbors": [1, 15]}, cv=3)
    assert search.fit(values, y).best_params_["n_neighbors"] in (1, 15)
