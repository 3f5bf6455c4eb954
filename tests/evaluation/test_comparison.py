"""Evaluations of the same utterances side by side."""

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

from ferfusion import evaluate
from ferfusion.base.errors import ProtocolError, UnknownNameError
from ferfusion.evaluation import compare, uar
from ferfusion.evaluation.comparison import comparison_summary
from ferfusion.evaluation.metrics import confusion_counts
from ferfusion.fusion import make_early


@pytest.fixture(scope="module")
def corpus(toy):
    return toy(n_speakers=8, n_rows=160)


@pytest.fixture(scope="module")
def good(corpus):
    return evaluate(make_early(classifier="logistic"), corpus, name="good", verbose=False)


@pytest.fixture(scope="module")
def poor(corpus):
    return evaluate(make_early(classifier=DummyClassifier()), corpus, name="poor", verbose=False)


def test_a_good_system_beats_chance(good, poor):
    found = compare([good, poor])
    (pair,) = found.pairs.itertuples()
    assert (pair.a, pair.b) == ("good", "poor")
    assert pair.difference == pytest.approx(good.scores.loc["uar", "value"] - poor.scores.loc["uar", "value"])
    assert 0 < pair.low < pair.difference < pair.high
    assert max(pair.p_wilcoxon, pair.p_mcnemar, pair.p_folds) < 0.05
    assert found.scores.loc["good", "rank"] == 1
    assert (found.blocks, found.n_blocks) == ("speakers", 8)
    assert found.friedman_p < 0.05
    assert "good - poor" in str(found)
    assert ", differ" in str(found)
    assert "leave one speaker out" in str(found)


def test_a_system_and_itself_cannot_be_told_apart(good):
    found = compare([good, good])
    assert found.names == ["good (1)", "good (2)"]
    (pair,) = found.pairs.itertuples()
    assert (pair.difference, pair.low, pair.high) == (0, 0, 0)
    assert (pair.p_wilcoxon, pair.p_mcnemar, pair.p_folds) == (1, 1, 1)
    assert "cannot be told apart" in str(found)


def test_order_of_rows_is_nothing(good, poor):
    shuffled = evaluate_like(poor, poor.predictions.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(compare([good, shuffled]).pairs, compare([good, poor]).pairs)


def test_scores_of_speakers_by_hand(good, poor):
    ranks = []
    for speaker, rows in good.predictions.groupby("speaker"):
        scores = []
        for result in (good, poor):
            table = result.predictions.loc[rows.index]
            labels, predicted = table["label"].to_numpy(str), table["predicted"].to_numpy(str)
            scores.append(uar(confusion_counts(labels, predicted, good.classes, np.full(len(table), speaker))[0])[0])
        ranks.append([1, 2] if scores[0] > scores[1] else [2, 1] if scores[0] < scores[1] else [1.5, 1.5])
    np.testing.assert_allclose(compare([good, poor]).scores["rank"], np.mean(ranks, axis=0))


def test_folds_that_differ_have_no_paired_test(good, corpus):
    other = evaluate(make_early(classifier="logistic"), corpus, "stratified", name="random folds", verbose=False)
    found = compare([good, other])
    assert np.isnan(found.pairs["p_folds"].iloc[0])
    assert any("protocols differ" in note for note in found.notes)


def test_errors(good, poor):
    with pytest.raises(ProtocolError, match="two evaluations at least, not 1"):
        compare([good])
    fewer = evaluate_like(poor, poor.predictions.iloc[3:])
    with pytest.raises(ProtocolError, match="'good' and 'poor' judged different utterances, 3 in all"):
        compare([good, fewer])
    relabelled = poor.predictions.assign(label=poor.predictions["label"].to_numpy()[::-1])
    with pytest.raises(ProtocolError, match="other labels"):
        compare([good, evaluate_like(poor, relabelled)])
    with pytest.raises(UnknownNameError, match="metric"):
        compare([good, poor], "f0")
    with pytest.raises(ProtocolError, match="1 names were given for 2"):
        compare([good, poor], names=["one"])


def test_picture_and_numbers(good, poor):
    found = compare([good, poor, good], names=["a", "b", "c"])
    texts = [text.get_text() for text in found.plot().texts]
    assert any(text.startswith("b  3.00") for text in texts)
    assert any("critical difference" in text for text in texts)
    summary = comparison_summary(found)
    assert summary["ranks_over"] == "8 speakers"
    assert len(summary["pairs"]) == 3
    assert any("3 pairs" in note for note in found.notes)


def evaluate_like(result, predictions):
    return type(result)(
        result.system, result.corpus, result.protocol, predictions, result.timing, result.left_out, result.views
    )
