"""Nested search: chosen by the training part alone, inner folds by speaker, told in each fold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import accuracy_score, recall_score
from sklearn.model_selection import StratifiedKFold

from ferfusion.base.errors import ProtocolError, UnknownNameError
from ferfusion.base.grouped import grouped_splits
from ferfusion.evaluation import Evaluation, TunedClassifier, evaluate, tune
from ferfusion.fusion import make_early

GRID = {"classify__estimator__C": [1e-6, 0.1, 1.0]}
QUIET = {"verbose": False}


def early():
    return make_early(classifier="logistic")


class Spy(ClassifierMixin, BaseEstimator):
    """Keeps what each fit was given."""

    seen: list = []

    def __init__(self, value=0):
        self.value = value

    def fit(self, X, y):
        Spy.seen.append((self.value, list(X.index), list(np.asarray(y))))
        self.classes_ = np.unique(np.asarray(y, dtype=str)).astype(object)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X):
        return np.full(len(X), self.classes_[0], dtype=object)


def test_equal_to_a_search_by_hand(toy):
    corpus = toy()
    model = TunedClassifier(early(), GRID, n_folds=3, random_state=4).fit(corpus.X, corpus.y)
    splits = grouped_splits(corpus.y.to_numpy(dtype=str), corpus.X["speaker"].to_numpy(), 3, 4)
    scores = []
    for C in GRID["classify__estimator__C"]:
        truth, found = [], []
        for train, test in splits:
            fitted = early().set_params(classify__estimator__C=C).fit(corpus.X.iloc[train], corpus.y.iloc[train])
            truth += list(corpus.y.iloc[test])
            found += list(fitted.predict(corpus.X.iloc[test]))
        scores.append(recall_score(truth, found, average="macro"))
    np.testing.assert_allclose(model.scores_, scores)
    assert model.best_params_ == model.candidates_[int(np.argmax(scores))]
    best = early().set_params(**model.best_params_).fit(corpus.X, corpus.y)
    np.testing.assert_array_equal(model.predict_proba(corpus.X), best.predict_proba(corpus.X))
    assert model.predict(corpus.X).tolist() == best.predict(corpus.X).tolist()


def test_other_scores(toy):
    corpus = toy()
    by_name = TunedClassifier(early(), GRID, "wa").fit(corpus.X, corpus.y)
    by_hand = TunedClassifier(early(), GRID, lambda C: np.trace(C) / C.sum()).fit(corpus.X, corpus.y)
    np.testing.assert_allclose(by_name.scores_, by_hand.scores_)
    assert accuracy_score(corpus.y, by_name.predict(corpus.X)) > 0.5
    with pytest.raises(UnknownNameError, match="'aur'"):
        TunedClassifier(early(), GRID, "aur").fit(corpus.X, corpus.y)


def test_inner_folds_keep_speakers_together_and_test_speakers_out(toy):
    corpus = toy()
    Spy.seen = []
    tune(Spy(), {"value": [1, 2]}, corpus, n_folds=3, **QUIET)
    speakers = corpus.X["speaker"]
    assert len(Spy.seen) == 4 * (2 * 3 + 1)
    for held_out, place in zip(["01", "02", "03", "04"], range(0, 28, 7), strict=True):
        for _, ids, _ in Spy.seen[place : place + 7]:
            assert held_out not in set(speakers[ids])
        inner = [set(speakers[ids]) for _, ids, _ in Spy.seen[place : place + 6]]
        assert all(len(names) == 2 for names in inner)
        assert set(speakers[Spy.seen[place + 6][1]]) == set(speakers) - {held_out}
        # of equal settings the first
        assert Spy.seen[place + 6][0] == 1


def test_what_was_chosen_is_told_kept_and_read_back(toy, tmp_path):
    corpus = toy()
    result = tune(early(), GRID, corpus, checkpoint=tmp_path / "folds", name="toy system", **QUIET)
    assert result.system == "toy system"
    assert result.tuned.index.tolist() == ["01", "02", "03", "04"]
    assert result.tuned.columns.tolist() == ["classify__estimator__C", "inner_score"]
    assert set(result.tuned["classify__estimator__C"]) <= set(GRID["classify__estimator__C"])
    for i, fold in enumerate(result.tuned.index):
        train = (corpus.X["speaker"] != fold).to_numpy()
        by_hand = TunedClassifier(early(), GRID).fit(corpus.X[train], corpus.y[train])
        assert result.tuned["inner_score"].iloc[i] == pytest.approx(by_hand.best_score_, abs=1e-6)
    assert any("3 settings by UAR on 3 inner folds that keep speakers together" in note for note in result.notes)
    assert any(note.startswith("classify__estimator__C: ") for note in result.notes)
    again = tune(early(), GRID, corpus, checkpoint=tmp_path / "folds", **QUIET)
    pd.testing.assert_frame_equal(again.tuned, result.tuned)
    pd.testing.assert_frame_equal(again.timing, result.timing)
    loaded = Evaluation.load(result.save(tmp_path / "out"))
    pd.testing.assert_frame_equal(loaded.tuned, result.tuned)
    page = loaded.to_html(tmp_path / "report.html").read_text()
    assert "What was tuned" in page
    assert "classify__estimator__C" in page
    assert "What was tuned" not in evaluate(early(), corpus, **QUIET).to_html(tmp_path / "plain.html").read_text()


def test_a_grid_of_one_changes_nothing(toy):
    corpus = toy()
    tuned = tune(early(), {"classify__estimator__C": [10.0]}, corpus, **QUIET)  # the default
    plain = evaluate(early(), corpus, **QUIET)
    pd.testing.assert_frame_equal(tuned.predictions, plain.predictions)


def test_a_system_by_name_with_speakers_scaled_and_columns_chosen(toy):
    grid = {"select__transformer__n_features": [2, 4]}
    system = make_early(classifier="logistic", selector="anova:3", speaker_scaling="self")
    result = tune(system, grid, toy(), **QUIET)
    assert (result.predictions["speaker_scaling"] == "self").all()
    assert len(result.tuned) == 4
    found = tune("baseline_early", {"classify__estimator__C": [1.0]}, toy(), **QUIET)
    assert found.system == "baseline_early"
    assert found.tuned["classify__estimator__C"].tolist() == [1.0] * 4


@pytest.mark.parametrize(
    ("grid", "error", "said"),
    [
        ({"classify__estimator__c": [1]}, UnknownNameError, "Did you mean 'classify__estimator__C'"),
        ({}, ProtocolError, "names no parameter"),
        ({"classify__estimator__C": 1.0}, ProtocolError, "A grid is a dict"),
        ({"classify__estimator__C": []}, ProtocolError, "A grid is a dict"),
        (7, ProtocolError, "A grid is a dict"),
    ],
)
def test_what_is_no_grid(toy, grid, error, said):
    with pytest.raises(error, match=said):
        tune(early(), grid, toy(), **QUIET)
    with pytest.raises(error, match=said):
        TunedClassifier(early(), grid).fit(toy().X, toy().y)


def test_settings_that_cannot_be_fitted_are_named(toy):
    with pytest.raises(ProtocolError, match=r"setting {'classify__estimator__C': -1} cannot be fitted"):
        TunedClassifier(early(), {"classify__estimator__C": [-1]}).fit(toy().X, toy().y)


def test_one_emotion_a_speaker_cannot_be_tuned(toy):
    corpus = toy(n_speakers=2)
    y = pd.Series(np.where(corpus.X["speaker"] == "01", "anger", "sadness"), index=corpus.X.index)
    with pytest.raises(ProtocolError, match="each speaker shows one only"):
        TunedClassifier(early(), GRID).fit(corpus.X, y)


def test_without_speakers_inner_folds_are_random(toy):
    corpus = toy()
    X = corpus.X.drop(columns="speaker")
    model = TunedClassifier(early(), GRID).fit(X, corpus.y)
    assert model.best_score_ > 0.5
    splitter = StratifiedKFold(2)
    result = tune(early(), GRID, corpus.replace(X=X), splitter, **QUIET)
    assert any("at random, since speakers are unknown" in note for note in result.notes)


def test_workers_change_nothing(toy):
    corpus = toy()
    one = TunedClassifier(early(), GRID).fit(corpus.X, corpus.y)
    with parallel_config("threading"):
        two = clone(one).set_params(n_jobs=2).fit(corpus.X, corpus.y)
    np.testing.assert_array_equal(one.scores_, two.scores_)
    assert one.best_params_ == two.best_params_
