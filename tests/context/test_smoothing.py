"""Smoothing over dialogues: by hand, against all sequences, and on dialogues whose emotions last."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from ferfusion import load_model, save_model
from ferfusion.base.classifier import TableClassifier
from ferfusion.base.errors import FeatureError, ProtocolError, TableError, UnknownNameError
from ferfusion.context import TransitionSmoother
from ferfusion.context.smoothing import fit_chain, transition_scores


class Says(ClassifierMixin, BaseEstimator):
    """Says what columns of the table hold."""

    def fit(self, X, y):
        self.classes_ = np.unique(np.asarray(y).astype(str)).astype(object)
        return self

    def predict_proba(self, X):
        return X[[f"audio_p__{name}" for name in self.classes_]].to_numpy()


def make_dialogues(n_dialogues=60, length=8, noise=1.5, seed=0):
    """Emotions that last: a step changes them one time in eight; the voice tells little."""
    rng = np.random.default_rng(seed)
    rows, labels = [], []
    for d in range(n_dialogues):
        state = rng.integers(3)
        for t in range(length):
            state = rng.integers(3) if rng.random() < 0.125 else state
            values = rng.normal(size=3) * noise + np.eye(3)[state]
            rows.append({"dialogue": f"d{d}", "turn": t, "speaker": f"s{d % 6}{'ab'[t % 2]}", "truth": state})
            rows[-1] |= {f"audio_v__{j}": value for j, value in enumerate(values)}
            labels.append(["anger", "calm", "fear"][state])
    index = [f"u{i}" for i in range(len(rows))]
    return pd.DataFrame(rows, index=index), pd.Series(labels, index=index)


@pytest.fixture(scope="module")
def data():
    return make_dialogues()


def base():
    return TableClassifier(LogisticRegression())


def brute(P, prior, start, A, weight=1.0):
    """Posteriors and best sequence of one dialogue by all its sequences."""
    n, k = P.shape
    posterior, best = np.zeros((n, k)), (-1.0, ())
    for states in product(range(k), repeat=n):
        mass = start[states[0]] * np.prod([A[a, b] for a, b in pairwise(states)])
        mass *= np.prod([(P[t, s] / prior[s]) ** weight for t, s in enumerate(states)])
        posterior[np.arange(n), states] += mass
        best = max(best, (mass, states))
    return posterior / posterior.sum(axis=1, keepdims=True), np.array(best[1])


@pytest.mark.parametrize("weight", [1.0, 0.4])
def test_hidden_markov_model_by_all_sequences(weight):
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"dialogue": ["d"] * 5 + ["e"] * 3 + [None], "turn": [2, 0, 9, 4, 5, 0, 1, 2, 0]})
    X.index = [f"u{i}" for i in range(9)]
    y = np.array(["a", "b", "b", "a", "b", "b", "b", "a", "a"])
    P = rng.dirichlet([1, 1], size=9)
    X["audio_p__a"], X["audio_p__b"] = P.T
    model = TransitionSmoother(Says(), smoothing=0.5, weight=weight).fit(X, y)
    orders = [[1, 0, 3, 4, 2], [5, 6, 7]]
    start, A = np.full(2, 0.5), np.full((2, 2), 0.5)
    codes = (y == "b").astype(int)
    for order in orders:
        start[codes[order[0]]] += 1
        for a, b in pairwise(order):
            A[codes[a], codes[b]] += 1
    start, A, prior = start / start.sum(), A / A.sum(axis=1, keepdims=True), np.array([4, 5]) / 9
    np.testing.assert_allclose(np.exp(model.transitions_), A)
    proba, path = model.predict_proba(X), clone(model).set_params(decode="viterbi").fit(X, y).predict(X)
    for order in orders:
        posterior, best = brute(P[order], prior, start, A, weight)
        np.testing.assert_allclose(proba[order], posterior)
        assert path[order].tolist() == np.array(["a", "b"])[best].tolist()
    np.testing.assert_array_equal(proba[8], P[8])  # no dialogue, no change
    assert path[8] == ["a", "b"][P[8].argmax()]


def test_only_what_was_said_before(data):
    X, y = data
    model = TransitionSmoother(base(), future=False).fit(X, y)
    whole = model.predict_proba(X)
    begun = X[X["turn"] < 3]
    np.testing.assert_allclose(model.predict_proba(begun), whole[(X["turn"] < 3).to_numpy()])
    assert not np.allclose(TransitionSmoother(base()).fit(X, y).predict_proba(X), whole)
    with pytest.raises(FeatureError, match="future=True only"):
        TransitionSmoother(base(), future=False, decode="viterbi").fit(X, y)


@pytest.mark.parametrize("method", ["hmm", "crf"])
@pytest.mark.parametrize("decode", ["posterior", "viterbi"])
def test_smoothing_helps_where_emotions_last(data, method, decode):
    X, y = data
    test, truth = make_dialogues(seed=5)
    alone = (base().fit(X, y).predict(test) == truth).mean()
    model = TransitionSmoother(base(), method=method, decode=decode).fit(X, y)
    assert (model.predict(test) == truth).mean() > alone + 0.08
    proba = model.predict_proba(test)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    turned = test.iloc[::-1]
    np.testing.assert_allclose(model.predict_proba(turned)[::-1], proba)


@pytest.mark.parametrize("method", ["hmm", "crf"])
def test_smoothing_does_no_harm_where_turns_are_independent(method):
    X, y = make_dialogues(n_dialogues=80, length=6, noise=0.7)
    rng = np.random.default_rng(0)
    test, truth = make_dialogues(n_dialogues=80, length=6, noise=0.7, seed=1)
    X, test = (
        table.assign(dialogue=rng.permutation(table["dialogue"]), turn=rng.permutation(len(table)))
        for table in (X, test)
    )
    alone = (base().fit(X, y).predict(test) == truth).mean()
    smoothed = (TransitionSmoother(base(), method=method).fit(X, y).predict(test) == truth).mean()
    assert abs(smoothed - alone) < 0.03


def test_same_speaker(data):
    X, y = data
    model = TransitionSmoother(base(), who="same").fit(X, y)
    chains = [group.index for _, group in X.groupby(["dialogue", "speaker"])]
    codes = np.searchsorted(model.classes_.astype(str), y)
    places = {id_: i for i, id_ in enumerate(X.index)}
    start, steps = transition_scores([np.array([places[i] for i in chain]) for chain in chains], codes, 3)
    np.testing.assert_allclose(model.transitions_, steps)
    np.testing.assert_allclose(model.start_, start)
    nobody = X.assign(speaker=None)
    np.testing.assert_array_equal(model.predict_proba(nobody), model.classifier_.predict_proba(nobody))


def test_chain_weights_are_the_most_likely_ones():
    rng = np.random.default_rng(0)
    evidence, codes = np.log(rng.dirichlet([1, 1], size=12)), rng.integers(2, size=12)
    chains = [np.arange(4), np.arange(4, 7), np.array([9, 8, 7]), np.array([11])]

    def loss(theta):
        weight, bias, start, T = theta[0], theta[1:3], theta[3:5], theta[5:].reshape(2, 2)
        total = 0.0
        for chain in chains:
            scores = {}
            for states in product(range(2), repeat=len(chain)):
                score = start[states[0]] + sum(
                    weight * evidence[r, s] + bias[s] for r, s in zip(chain, states, strict=True)
                )
                scores[states] = score + sum(T[a, b] for a, b in pairwise(states))
            total += np.logaddexp.reduce(list(scores.values())) - scores[tuple(codes[chain])]
        return total + 0.25 * (((theta - np.eye(1, 9)[0]) ** 2).sum())

    found = minimize(loss, np.eye(1, 9)[0], bounds=[(0, None)] + [(None, None)] * 8).x
    weight, bias, start, T = fit_chain(evidence, codes, chains, l2=0.5)
    np.testing.assert_allclose(np.concatenate([[weight], bias, start, T.ravel()]), found, atol=2e-3)


def test_no_dialogues_no_change(data):
    X, y = data
    bare = X.drop(columns=["dialogue", "turn"])
    for method in ("hmm", "crf"):
        model = TransitionSmoother(base(), method=method).fit(bare, y)
        np.testing.assert_array_equal(model.predict_proba(bare), model.classifier_.predict_proba(bare))


def test_turn_without_features_is_told_by_its_neighbours(data):
    X, y = data
    model = TransitionSmoother(TableClassifier(LogisticRegression(), missing="nan")).fit(X, y)
    gap = X[X["dialogue"] == "d0"].copy()
    gap.loc[gap.index[3], ["audio_v__0", "audio_v__1", "audio_v__2"]] = np.nan
    proba = model.predict_proba(gap)
    assert np.isfinite(proba).all()
    lone = gap.assign(dialogue=None)
    assert np.isnan(model.predict_proba(lone)[3]).all()
    assert model.predict(lone)[3] is None


def test_class_that_a_fold_lacks():
    X, y = make_dialogues(n_dialogues=12)
    y[:] = np.where(X["dialogue"] == "d0", "rare", np.where(X["truth"] == 0, "calm", "fear"))
    model = TransitionSmoother(base(), method="crf", n_folds=3, group_by="dialogue").fit(X, y)
    assert model.classes_.tolist() == ["calm", "fear", "rare"]
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_faults(data):
    X, y = data
    with pytest.raises(UnknownNameError, match=r"learn transitions 'hnm'\. Did you mean 'hmm'"):
        TransitionSmoother(base(), method="hnm").fit(X, y)
    with pytest.raises(UnknownNameError, match="way to decode"):
        TransitionSmoother(base(), decode="best").fit(X, y)
    with pytest.raises(UnknownNameError, match="whose turns"):
        TransitionSmoother(base(), who="other").fit(X, y)
    with pytest.raises(UnknownNameError, match="group inner folds"):
        TransitionSmoother(base(), group_by="gender").fit(X, y)
    with pytest.raises(FeatureError, match="smoothing must be above 0"):
        TransitionSmoother(base(), smoothing=0).fit(X, y)
    with pytest.raises(TableError, match="more than once"):
        TransitionSmoother(base()).fit(X.assign(turn=0), y)
    with pytest.raises(TableError, match="grouped by 'video_id'"):
        TransitionSmoother(base(), method="crf", group_by="video_id").fit(X, y)
    two = X.assign(speaker=np.where(y == "anger", "a", "b"))
    with pytest.raises(ProtocolError, match="too few groups or classes"):
        TransitionSmoother(base(), method="crf").fit(two[y != "fear"], y[y != "fear"])


def test_search_seed_and_disk(data, tmp_path):
    X, y = data
    search = GridSearchCV(TransitionSmoother(base()), {"weight": [0.3, 1.0], "classifier__estimator__C": [1.0]}, cv=2)
    assert search.fit(X, y).best_params_["classifier__estimator__C"] == 1.0
    model = TransitionSmoother(base(), method="crf").fit(X, y)
    again = clone(model).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))
    assert not any(isinstance(value, pd.DataFrame | pd.Series | pd.Index) for value in vars(model).values())
    path = save_model(model, tmp_path / "model.skops")
    np.testing.assert_array_equal(load_model(path).predict_proba(X), model.predict_proba(X))
