"""What views are worth, whether probabilities can be believed, and whom a system serves."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score

from ferfusion.base.errors import FeatureError, ProtocolError, TableError, UnknownNameError
from ferfusion.evaluation import (
    Evaluation,
    ablate_views,
    evaluate,
    expected_calibration_error,
    permutation_importance_by_family,
    plot_reliability,
    reliability_table,
    score_spread,
    scores_by,
    shapley_values,
    tune,
)
from ferfusion.evaluation.reliability import reliability_bins
from ferfusion.features import TextNgrams, Views
from ferfusion.fusion import make_early, make_late

QUIET = {"verbose": False}


def every_subset(players):
    return [frozenset(s) for n in range(len(players) + 1) for s in combinations(players, n)]


def test_shapley_values_are_means_over_all_orders():
    players = "abcd"
    rng = np.random.default_rng(0)
    scores = {subset: rng.random() for subset in every_subset(players)}
    found = shapley_values(scores)
    orders = list(permutations(players))
    for name in players:
        gains = []
        for order in orders:
            before = frozenset(order[: order.index(name)])
            gains.append(scores[before | {name}] - scores[before])
        assert found[name] == pytest.approx(np.mean(gains))
    assert sum(found.values()) == pytest.approx(scores[frozenset(players)] - scores[frozenset()])


def test_shapley_values_by_hand():
    # b and c are twins, d adds nothing
    scores = {s: 0.1 + 0.4 * ("a" in s) + 0.2 * bool({"b", "c"} & s) for s in every_subset("abcd")}
    found = shapley_values(scores)
    assert found == pytest.approx({"a": 0.4, "b": 0.1, "c": 0.1, "d": 0.0})
    with pytest.raises(ProtocolError, match="1 are missing"):
        shapley_values({s: v for s, v in scores.items() if s != frozenset("ab")})


def test_ablation(toy):
    corpus = toy()
    system = make_late("logistic", "mean")
    found = ablate_views(system, corpus, **QUIET)
    whole = evaluate(system, corpus, **QUIET).scores.loc["uar", "value"]
    only = {
        name: evaluate(make_late("logistic", "mean").set_params(views__only=[name]), corpus, **QUIET).scores.loc[
            "uar", "value"
        ]
        for name in ("audio", "visual")
    }
    assert found.whole == pytest.approx(whole)
    assert found.empty == pytest.approx(1 / 3)
    table = found.table
    assert table["alone"].to_dict() == pytest.approx(only)
    assert table["without"].to_dict() == pytest.approx({"audio": only["visual"], "visual": only["audio"]})
    np.testing.assert_allclose(table["loss"], whole - table["without"])
    assert ((table["low"] <= table["loss"]) & (table["loss"] <= table["high"])).all()
    assert table["shapley"].sum() == pytest.approx(found.whole - found.empty)
    assert "Shapley" in str(found)


def test_ablation_without_shapley_judges_few(toy, tmp_path):
    X = toy().X.assign(text_z__a=0.5, audio_w__a=toy().X["audio_x__a"] * 2)
    corpus = toy().replace(X=X)
    found = ablate_views(make_early(classifier="logistic"), corpus, "view", shapley=False, checkpoint=tmp_path, **QUIET)
    assert len(found.scores) == 1 + 4 + 4 + 1
    assert found.table["shapley"].isna().all()
    assert len(list(tmp_path.iterdir())) == 10


def test_rows_without_any_view_of_a_subset_are_judged_all_the_same(toy):
    X = toy().X.copy()
    X.loc[X.index[:20], [c for c in X.columns if c.startswith("visual")]] = np.nan
    found = ablate_views(make_late("logistic", "mean"), toy().replace(X=X), **QUIET)
    assert found.table.loc["visual", "alone"] < found.table.loc["audio", "alone"]


def test_ablations_that_cannot_be(toy):
    with pytest.raises(UnknownNameError, match="column"):
        ablate_views("baseline_early", toy(), "column", **QUIET)
    with pytest.raises(UnknownNameError, match="metric"):
        ablate_views("baseline_early", toy(), metric="f1", **QUIET)
    many = toy().X.assign(**{f"audio_v{i}__a": 1.0 for i in range(5)})
    with pytest.raises(ProtocolError, match="6 views at most, not 7"):
        ablate_views("baseline_early", toy().replace(X=many), "view", **QUIET)


def test_importance_of_families(toy):
    corpus = toy()
    names = {"audio_x__a": "audio_x__mfcc_1", "audio_x__b": "audio_x__mfcc_2", "audio_x__c": "audio_x__pitch_1"}
    X = corpus.X.rename(columns=names).assign(audio_x__noise_1=0.0)
    model = make_early(classifier="logistic").fit(X, corpus.y)
    found = permutation_importance_by_family(model, X, corpus.y, n_repeats=20)
    expected = {"audio_x: mfcc": 2, "audio_x: pitch": 1, "audio_x: noise": 1}
    assert expected.items() <= found["columns"].to_dict().items()
    assert found.loc["audio_x: noise", ["loss", "deviation"]].tolist() == [0, 0]
    assert found.loc["audio_x: mfcc", "loss"] > found.loc["audio_x: pitch", "loss"] > 0
    assert found["loss"].is_monotonic_decreasing
    pd.testing.assert_frame_equal(found, permutation_importance_by_family(model, X, corpus.y, n_repeats=20))
    # one shuffle by hand
    one = permutation_importance_by_family(model, X, corpus.y, "modality", n_repeats=1, seed=3)
    shuffled = X.copy()
    columns = [c for c in X.columns if c.startswith("audio")]
    shuffled[columns] = X[columns].to_numpy()[np.random.default_rng([3, 0, 0]).permutation(len(X))]
    scores = [recall_score(corpus.y, model.predict(table), average="macro") for table in (X, shuffled)]
    assert one.loc["audio", "loss"] == pytest.approx(scores[0] - scores[1])


def test_importance_of_learnt_views_and_of_what_is_inside_a_tuned_system():
    words = ["good", "bad"] * 12
    X = pd.DataFrame({"speaker": list("abcd") * 6, "text": [f"so {w}" for w in words]})
    X.index = [f"u{i}" for i in range(24)]
    y = ["calm" if word == "good" else "fear" for word in words]
    system = make_early(Views([("text_tfidf", TextNgrams())], verbose=False), "logistic")
    found = permutation_importance_by_family(system.fit(X, y), X, y, "view")
    assert found.loc["text_tfidf", "loss"] > 0.2
    from ferfusion.evaluation import TunedClassifier

    tuned = TunedClassifier(system, {"classify__estimator__C": [1.0]}, n_folds=2).fit(X, y)
    assert permutation_importance_by_family(tuned, X, y, "view")["loss"].tolist() == found["loss"].tolist()
    assert permutation_importance_by_family(tuned, X, y, lambda column: "all").index.tolist() == ["all"]


def test_importance_that_cannot_be(toy):
    model = make_early(classifier="logistic").fit(toy().X, toy().y)
    for wrong, error in (
        ({"by": "columns"}, UnknownNameError),
        ({"metric": "f1"}, UnknownNameError),
        ({"n_repeats": 0}, FeatureError),
    ):
        with pytest.raises(error):
            permutation_importance_by_family(model, toy().X, toy().y, **wrong)


def judged(labels, predicted, sure, speakers):
    index = pd.Index([f"u{i}" for i in range(len(labels))], name="id")
    table = pd.DataFrame({"label": labels, "predicted": predicted, "fold": "1", "speaker": speakers}, index=index)
    table["speaker_scaling"] = "none"
    for name in ("calm", "fear"):
        table[f"p_{name}"] = [p if name == found else 1 - p for p, found in zip(sure, predicted, strict=True)]
    blank = pd.DataFrame()
    return Evaluation("system", "corpus", {"description": "by hand"}, table, blank, blank)


@pytest.fixture
def by_hand():
    labels = ["calm", "calm", "fear", "fear", "fear", "calm"]
    predicted = ["calm", "fear", "fear", "fear", "calm", "calm"]
    return judged(labels, predicted, [0.95, 0.95, 0.95, 0.65, 0.65, 0.55], ["a", "a", "a", "b", "b", "c"])


def test_calibration_by_hand(by_hand):
    table = reliability_table(by_hand)
    assert table["n"].tolist() == [0, 0, 0, 0, 0, 1, 2, 0, 0, 3]
    filled = table[table["n"] > 0]
    np.testing.assert_allclose(filled["confidence"], [0.55, 0.65, 0.95])
    np.testing.assert_allclose(filled["accuracy"], [1, 0.5, 2 / 3])
    error = (1 * 0.45 + 2 * 0.15 + 3 * (0.95 - 2 / 3)) / 6
    assert expected_calibration_error(by_hand) == pytest.approx(error)
    # one bin: distance of the means
    assert expected_calibration_error(by_hand, 1) == pytest.approx(abs(4.7 / 6 - 4 / 6))
    assert reliability_table(by_hand)["accuracy"].isna().sum() == 7


def test_bins_of_equal_mass():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 1000)
    right = rng.random(1000) < sure
    table = reliability_bins(sure, right, 5, "mass")
    assert table["n"].tolist() == [200] * 5
    np.testing.assert_allclose(table["accuracy"], table["confidence"], atol=0.08)
    # the same confidence for all: one bin
    assert reliability_bins(np.full(4, 0.7), np.array([1, 1, 0, 0]), 5, "mass")["n"].tolist() == [4]
    assert reliability_bins(np.array([0.0, 1.0]), np.array([0, 1]), 2)["n"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("sure", "right", "n_bins", "bins", "error"),
    [
        ([0.5], [True], 0, "width", ProtocolError),
        ([1.5], [True], 5, "width", ProtocolError),
        ([np.nan], [True], 5, "width", ProtocolError),
        ([], [], 5, "width", ProtocolError),
        ([0.5], [True, False], 5, "width", ProtocolError),
        ([0.5], [True], 5, "height", UnknownNameError),
    ],
)
def test_reliability_that_cannot_be(sure, right, n_bins, bins, error):
    with pytest.raises(error):
        reliability_bins(np.array(sure), np.array(right), n_bins, bins)


def test_picture_of_reliability(by_hand):
    ax = plot_reliability(by_hand)
    np.testing.assert_allclose(ax.lines[1].get_xydata(), [[0.55, 1], [0.65, 0.5], [0.95, 2 / 3]])
    assert "0.267" in ax.get_title(loc="left")


def test_scores_by_speaker_and_by_fact(by_hand):
    found = scores_by(by_hand)
    assert found.index.tolist() == ["b", "a", "c"]
    assert found["uar"].tolist() == [0.5, 0.75, 1.0]
    assert found["wa"].tolist() == pytest.approx([0.5, 2 / 3, 1.0])
    assert found["n"].tolist() == [2, 3, 1]
    assert np.isnan(found.loc["c", "low"])
    spread = score_spread(found)
    assert spread == pytest.approx(
        {"worst": 0.5, "best": 1.0, "gap": 0.5, "mean": 0.75, "deviation": np.std([0.5, 0.75, 1.0])}
    )
    X = pd.DataFrame({"gender": ["f", "f", "f", "m", "m", None]}, index=by_hand.predictions.index)
    by_gender = scores_by(by_hand, "gender", X)
    assert by_gender["uar"].to_dict() == {"m": 0.5, "f": 0.75}
    assert by_gender["speakers"].to_dict() == {"m": 1, "f": 1}


def test_groups_that_are_not_there(by_hand):
    with pytest.raises(UnknownNameError, match="gender"):
        scores_by(by_hand, "gender")
    X = pd.DataFrame({"gender": ["f"]}, index=["u0"])
    with pytest.raises(TableError, match="lacks 5 utterances"):
        scores_by(by_hand, "gender", X)
    with pytest.raises(TableError, match="missing for all"):
        scores_by(by_hand, "gender", pd.DataFrame({"gender": None}, index=by_hand.predictions.index))
    with pytest.raises(UnknownNameError):
        score_spread(scores_by(by_hand), "f1")


def test_intervals_of_groups_are_over_their_speakers(toy):
    corpus = toy(n_speakers=6, n_rows=72)
    X = corpus.X.assign(gender=np.where(corpus.X["speaker"] < "04", "f", "m"))
    result = tune(make_early(classifier="logistic"), {"classify__estimator__C": [1.0]}, corpus, **QUIET)
    found = scores_by(result, "gender", X)
    assert found["speakers"].tolist() == [3, 3]
    assert ((found["low"] <= found["uar"]) & (found["uar"] <= found["high"])).all()
