"""Metrics against scikit-learn, and the bootstrap by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score, recall_score

from ferfusion.evaluation.metrics import METRICS, confusion_counts, score_table, uar, wa, wf1

CLASSES = ["anger", "fear", "neutral", "sadness"]


def draw(seed, n=200, true=CLASSES, predicted=CLASSES):
    rng = np.random.default_rng(seed)
    labels, guesses = rng.choice(true, n), rng.choice(predicted, n)
    return labels, np.where(rng.random(n) < 0.4, labels, guesses), rng.choice(["03", "10", "9"], n)


def pooled(labels, predicted, groups):
    return confusion_counts(labels, predicted, CLASSES, groups)[0].sum(axis=0)


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_scikit_learn(seed):
    labels, predicted, groups = draw(seed)
    C = pooled(labels, predicted, groups)
    np.testing.assert_array_equal(C, confusion_matrix(labels, predicted, labels=CLASSES))
    assert uar(C) == pytest.approx(balanced_accuracy_score(labels, predicted))
    assert uar(C) == pytest.approx(recall_score(labels, predicted, average="macro"))
    assert wa(C) == pytest.approx(accuracy_score(labels, predicted))
    assert wf1(C) == pytest.approx(f1_score(labels, predicted, average="weighted"))


def test_class_that_never_occurs_counts_for_nothing():
    labels, predicted, groups = draw(1, true=CLASSES[:3], predicted=CLASSES)
    C = pooled(labels, predicted, groups)
    recalls = recall_score(labels, predicted, labels=CLASSES[:3], average=None)
    assert uar(C) == pytest.approx(recalls.mean())
    assert wf1(C) == pytest.approx(f1_score(labels, predicted, average="weighted", zero_division=0))


def test_class_that_is_never_predicted_has_recall_zero():
    labels, predicted, groups = draw(2, predicted=CLASSES[:3])
    predicted[predicted == "sadness"] = "anger"
    C = pooled(labels, predicted, groups)
    assert uar(C) == pytest.approx(balanced_accuracy_score(labels, predicted))
    assert wf1(C) == pytest.approx(f1_score(labels, predicted, average="weighted", zero_division=0))


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_stacks_of_matrices(metric):
    stack = np.random.default_rng(0).integers(0, 9, (7, 3, 3))
    np.testing.assert_allclose(metric(stack), [metric(C) for C in stack])
    assert metric(np.zeros((3, 3), dtype=int)) == 0.0


def test_counts_by_group():
    labels = np.array(["anger", "anger", "fear", "fear"])
    predicted = np.array(["anger", "fear", "fear", "fear"])
    counts, names = confusion_counts(labels, predicted, ["anger", "fear"], np.array(["b", "a", "b", "a"]))
    assert names.tolist() == ["a", "b"]
    assert counts.tolist() == [[[0, 1], [0, 1]], [[1, 0], [0, 1]]]


def test_bootstrap_of_two_groups_by_hand():
    # one speaker all right, one all wrong: a draw of two holds 0, 1 or 2 right ones (1/4, 1/2, 1/4)
    right, wrong = [[5, 0], [0, 5]], [[0, 5], [5, 0]]
    table = score_table(np.array([right, wrong]))
    assert table.index.tolist() == ["uar", "wa", "wf1"]
    assert table.columns.tolist() == ["value", "low", "high"]
    assert table.loc["uar"].tolist() == [0.5, 0.0, 1.0]
    # the middle half of the distribution begins where the quarter of "none right" ends
    narrow = score_table(np.array([right, wrong]), n_resamples=20_000, level=0.4).loc["wa"]
    assert narrow.tolist() == [0.5, 0.5, 0.5]


def test_bootstrap_draws_whole_groups():
    counts = np.random.default_rng(3).integers(0, 6, (6, 3, 3))
    table = score_table(counts, seed=7, n_resamples=500)
    draws = np.random.default_rng(7).multinomial(6, np.full(6, 1 / 6), size=500)
    values = [wa(np.repeat(counts, draw, axis=0).sum(axis=0)) for draw in draws]
    assert table.loc["wa", ["low", "high"]].tolist() == pytest.approx(np.percentile(values, [2.5, 97.5]))


def test_groups_that_are_equal_leave_no_doubt():
    counts = np.array([[[4, 1], [2, 3]]] * 5)
    table = score_table(counts)
    assert (table["low"] == table["value"]).all()
    assert (table["high"] == table["value"]).all()


def test_one_group_has_no_interval():
    table = score_table(np.array([[[4, 1], [2, 3]]]))
    assert table.loc["wa", "value"] == pytest.approx(0.7)
    assert table[["low", "high"]].isna().all(axis=None)


def test_seed_of_the_bootstrap():
    counts = np.random.default_rng(0).integers(0, 9, (5, 3, 3))
    assert score_table(counts, seed=1).equals(score_table(counts, seed=1))
    assert not score_table(counts, seed=1).equals(score_table(counts, seed=2))
