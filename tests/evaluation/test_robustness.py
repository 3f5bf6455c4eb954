"""Curves: each level as if judged alone, the oracle as fitted by hand; and a system without some views."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier

from ferfusion.base.errors import ProtocolError, UnknownNameError
from ferfusion.corpora import make_corpus
from ferfusion.evaluation import evaluate, learning_curve, plot_learning_curve, plot_robustness, robustness_curve
from ferfusion.evaluation.corruption import lost_rows
from ferfusion.evaluation.subsets import without_views
from ferfusion.fusion import LateFusionClassifier, make_early, make_late
from ferfusion.systems import baseline_early

QUIET = {"verbose": False}


def late():
    return make_late("logistic", "mean")


@pytest.fixture(scope="module")
def curve(toy):
    return robustness_curve(late(), toy(), view="visual", levels=(0, 0.4, 1), **QUIET)


def row(curve, level, metric="uar"):
    return curve[(curve["level"] == level) & (curve["metric"] == metric)].iloc[0]


@pytest.mark.parametrize("level", [0, 0.4, 1])
def test_each_level_is_that_of_an_evaluation(curve, toy, level):
    alone = evaluate(late(), toy(), missing={"visual": level}, **QUIET).scores
    for metric in ("uar", "wa", "wf1"):
        np.testing.assert_allclose(row(curve, level, metric)[["value", "low", "high"]].to_list(), alone.loc[metric])


def test_oracle(curve, toy):
    corpus = toy()
    lost = lost_rows(corpus.X.index, "visual", 0.4, 0)
    full = evaluate(late(), corpus, missing={"visual": 0.4}, **QUIET).predictions
    rest = evaluate(make_late("logistic", "mean").set_params(views__skip=["visual"]), corpus, **QUIET).predictions
    predicted = full["predicted"].where(~lost, rest["predicted"])
    recalls = [(predicted[corpus.y == name] == name).mean() for name in sorted(corpus.y.unique())]
    found = row(curve, 0.4)
    assert found["oracle"] == pytest.approx(np.mean(recalls))
    assert found["difference"] == pytest.approx(found["value"] - found["oracle"])
    assert found["difference_low"] <= found["difference"] <= found["difference_high"]
    # the mean of one branch is that branch: nothing is lost beside the oracle
    assert found["difference"] == pytest.approx(0)
    assert row(curve, 0)["oracle"] == row(curve, 0)["value"]


class Counted(ClassifierMixin, BaseEstimator):
    fits = 0

    def fit(self, X, y):
        Counted.fits += 1
        self.classes_, counts = np.unique(np.asarray(y, dtype=str), return_counts=True)
        self.shares_ = counts / counts.sum()
        return self

    def predict_proba(self, X):
        return np.tile(self.shares_, (len(X), 1))


def test_each_fold_is_fitted_once_and_kept(toy, tmp_path):
    Counted.fits = 0
    given = {"view": "visual", "levels": (0, 0.2, 0.5, 1), "oracle": False, "checkpoint": tmp_path, **QUIET}
    first = robustness_curve(Counted(), toy(), **given)
    assert Counted.fits == 4
    again = robustness_curve(Counted(), toy(), **given)
    assert Counted.fits == 4
    pd.testing.assert_frame_equal(first, again)
    assert "oracle" not in first
    robustness_curve(Counted(), toy(), **{**given, "levels": (0,)})
    assert Counted.fits == 8


def test_noise_in_texts():
    corpus = make_corpus(n_speakers=3, n_utterances=36, views=("text",), emotions=("anger", "sadness"))
    curve = robustness_curve("baseline_early", corpus, "noise", "text", levels=(0, 0.6), **QUIET)
    assert set(curve["corruption"]) == {"asr in text"}
    alone = evaluate("baseline_early", corpus, noise={"text": 0.6}, **QUIET).scores.loc["uar", "value"]
    assert row(curve, 0.6)["value"] == pytest.approx(alone)
    assert row(curve, 0)["value"] == pytest.approx(
        evaluate("baseline_early", corpus, **QUIET).scores.loc["uar", "value"]
    )


def test_what_cannot_be_drawn(toy):
    with pytest.raises(UnknownNameError, match="'brown'"):
        robustness_curve(late(), toy(), "brown", "audio", **QUIET)
    with pytest.raises(ProtocolError, match="one level at least"):
        robustness_curve(late(), toy(), view="visual", levels=(), **QUIET)
    with pytest.raises(ProtocolError, match="between 0 and 1"):
        robustness_curve(late(), toy(), view="visual", levels=(2,), **QUIET)
    with pytest.raises(UnknownNameError, match="text"):
        robustness_curve(late(), toy(), view="text", **QUIET)


def test_pictures(curve):
    lines = {line.get_label(): line.get_ydata() for line in plot_robustness(curve, "wa").lines}
    wa = curve[curve["metric"] == "wa"]
    np.testing.assert_array_equal(lines["system"], wa["value"])
    np.testing.assert_array_equal(lines["oracle"], wa["oracle"])
    both = plot_robustness({"a": curve, "b": curve})
    assert len(both.lines) == 4
    decibels = curve.drop(columns="oracle").assign(
        corruption="white in audio", level=curve["level"].map({0: np.inf, 0.4: 10, 1: 0})
    )
    ticks = [label.get_text() for label in plot_robustness(decibels).get_xticklabels()]
    assert ticks == ["clean", "10", "0"]
    with pytest.raises(ProtocolError, match="of one kind"):
        plot_robustness({"a": curve, "b": decibels})
    with pytest.raises(ProtocolError, match="no curve"):
        plot_robustness({})
    with pytest.raises(UnknownNameError):
        plot_robustness(curve, "f1")


def test_learning_curve(toy):
    corpus = toy(n_speakers=6, n_rows=72)
    curve = learning_curve(late(), corpus, **QUIET)
    uar = curve[curve["metric"] == "uar"]
    assert uar["speakers"].tolist() == [2, 4, 5]
    assert uar["utterances"].tolist() == [24, 48, 60]
    whole = evaluate(late(), corpus, **QUIET).scores.loc["uar"]
    np.testing.assert_allclose(uar.iloc[-1][["value", "low", "high"]].to_list(), whole)
    line = plot_learning_curve(curve).lines[0]
    np.testing.assert_array_equal(line.get_ydata(), uar["value"])
    assert learning_curve(late(), corpus, sizes=(5, 50), **QUIET)["speakers"].tolist() == [5] * 3


def test_sizes_that_make_no_sense(toy):
    with pytest.raises(ProtocolError, match="from 1 on"):
        learning_curve(late(), toy(), sizes=(0,), **QUIET)
    with pytest.raises(ProtocolError, match="needs a column 'speaker'"):
        learning_curve(late(), toy().replace(X=toy().X.drop(columns="speaker")), protocol="stratified", **QUIET)
    corpus = toy()
    y = corpus.y.where(corpus.X["speaker"].isin(["01", "02"]), "anger")
    with pytest.raises(ProtocolError, match="left with one emotion"):
        learning_curve(late(), corpus.replace(y=y), sizes=(1,), **QUIET)


class TestWithoutViews:
    USED = ("audio_x", "visual_y")

    def test_nothing_left_gives_class_shares(self):
        assert isinstance(without_views(late(), ["audio", "visual"], self.USED), DummyClassifier)

    def test_unknown_view(self):
        with pytest.raises(UnknownNameError, match="text"):
            without_views(late(), ["text"], self.USED)

    def test_the_step_that_extracts_skips(self):
        system = baseline_early.make(skip="text")
        assert without_views(system, ["audio"], self.USED)["views"].skip == ("text", "audio_x")
        assert system["views"].skip == "text"

    def test_branches_of_a_list_go_with_their_views_and_weights(self, toy):
        system = make_late([("audio", "logistic"), ("visual", "knn")], weights=[1.0, 2.0])
        left = without_views(system, ["audio"], self.USED).fit(toy().X, toy().y)
        assert list(left["fuse"].branches_) == ["visual"]
        assert left["fuse"].weights_.tolist() == [2.0]

    def test_without_a_step_that_extracts(self, toy):
        system = LateFusionClassifier(make_early(classifier="logistic")[1:])
        left = without_views(system, ["audio"], self.USED).fit(toy().X, toy().y)
        assert list(left["system"].branches_) == ["visual"]
