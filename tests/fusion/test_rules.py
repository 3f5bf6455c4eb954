import numpy as np
import pytest

from ferfusion.base.errors import UnknownNameError
from ferfusion.fusion.rules import (
    RULES,
    as_rule,
    borda,
    dempster_shafer,
    entropy,
    maximum,
    mean,
    median,
    minimum,
    product,
    vote,
)

P = np.array(
    [
        [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]],
        [[0.4, 0.5, 0.1], [0.3, 0.3, 0.4]],
        [[0.2, 0.6, 0.2], [0.6, 0.2, 0.2]],
    ]
)
ONES = np.ones(3)


def test_mean_by_hand():
    np.testing.assert_allclose(mean(P, ONES)[0], [1.3 / 3, 1.3 / 3, 0.4 / 3])


def test_weights_by_hand():
    np.testing.assert_allclose(mean(P, np.array([2.0, 1.0, 1.0]))[1], [1.1 / 4, 2.1 / 4, 0.8 / 4])


def test_product_by_hand():
    raw = np.array([0.7 * 0.4 * 0.2, 0.2 * 0.5 * 0.6, 0.1 * 0.1 * 0.2])
    np.testing.assert_allclose(product(P, ONES)[0], raw / raw.sum())


def test_vote_counts_and_settles_ties_by_the_mean():
    out = vote(P, ONES)
    np.testing.assert_allclose(out[0], [1 / 3, 2 / 3, 0], atol=1e-5)
    # one vote each in the second row; the second class has the highest mean
    assert out[1].argmax() == mean(P, ONES)[1].argmax() == 1


def test_product_is_no_veto():
    certain = np.array([[[1.0, 0.0]], [[1e-3, 1.0 - 1e-3]], [[1e-3, 1.0 - 1e-3]]])
    assert product(certain, ONES)[0, 1] > 0


def test_extremes_and_median_by_hand():
    np.testing.assert_allclose(maximum(P, ONES)[0], np.array([0.7, 0.6, 0.2]) / 1.5)
    np.testing.assert_allclose(minimum(P, ONES)[0], np.array([0.2, 0.2, 0.1]) / 0.5)
    np.testing.assert_allclose(median(P, ONES)[0], np.array([0.4, 0.5, 0.1]) / 1.0)
    # of an even number the mean of the two in the middle
    np.testing.assert_allclose(median(P[:2], np.ones(2))[0], np.array([0.55, 0.35, 0.1]) / 1.0)


def test_weighted_median_is_that_of_repeated_branches():
    repeated = P[[0, 0, 0, 1, 2, 2]]
    np.testing.assert_allclose(median(P, np.array([3.0, 1.0, 2.0])), median(repeated, np.ones(6)))
    np.testing.assert_allclose(median(P, np.array([0.0, 1.0, 0.0])), P[1])


def test_borda_by_hand():
    # points 2 1 0, 1 2 0 and 0.5 2 0.5 for the first utterance
    np.testing.assert_allclose(borda(P, ONES)[0], np.array([3.5, 5, 0.5]) / 9, atol=1e-5)


def test_entropy_by_hand():
    sure = 1 + (P * np.log(P)).sum(axis=2) / np.log(3)
    expected = np.einsum("but,bu->ut", P, sure) / sure.sum(axis=0)[:, None]
    np.testing.assert_allclose(entropy(P, ONES), expected)


def test_dempster_by_pairs():
    """The rule written out for two sources with masses on single classes and on all of them, twice."""

    def combined(first, second):
        (a, u), (b, v) = first, second
        single = a * b + a * v + b * u
        conflict = 1 - single.sum() - u * v
        return single / (1 - conflict), u * v / (1 - conflict)

    for t in range(2):
        sure = 1 + (P[:, t] * np.log(P[:, t])).sum(axis=1) / np.log(3)
        sources = [(P[b, t] * sure[b], 1 - sure[b]) for b in range(3)]
        single, unknown = combined(combined(sources[0], sources[1]), sources[2])
        np.testing.assert_allclose(dempster_shafer(P, ONES)[t], single + unknown / 3, rtol=1e-9)


def test_dempster_without_belief_knows_nothing():
    np.testing.assert_allclose(dempster_shafer(np.full((4, 1, 3), 1 / 3), np.ones(4)), np.full((1, 3), 1 / 3))


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
class TestEveryRule:
    def test_gives_probabilities(self, rule):
        rng = np.random.default_rng(1)
        out = rule(rng.dirichlet(np.ones(4), size=(5, 50)), np.ones(5))
        assert out.shape == (50, 4)
        assert (out >= 0).all()
        np.testing.assert_allclose(out.sum(axis=1), 1)

    def test_order_of_branches_is_nothing(self, rule):
        np.testing.assert_allclose(rule(P[[2, 0, 1]], ONES), rule(P, ONES))

    def test_one_branch_keeps_its_decision(self, rule):
        assert (rule(P[:1], np.ones(1)).argmax(axis=1) == P[0].argmax(axis=1)).all()

    def test_a_missing_branch_leaves_the_others_as_they_are(self, rule):
        holed = P.copy()
        holed[1, 0] = np.nan
        np.testing.assert_allclose(rule(holed, ONES)[0], rule(P[[0, 2]], np.ones(2))[0], atol=1e-9)
        np.testing.assert_allclose(rule(holed, ONES)[1], rule(P, ONES)[1])

    def test_certain_branches_that_contradict_each_other(self, rule):
        out = rule(np.array([[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]]), np.ones(2))
        np.testing.assert_allclose(out.sum(axis=1), 1)
        assert out[0, 0] == pytest.approx(out[0, 1])
        assert out[0, 2] <= out[0, 0]

    def test_many_branches(self, rule):
        out = rule(np.tile(P, (200, 1, 1)), np.ones(600))
        assert np.isfinite(out).all()
        np.testing.assert_allclose(out.sum(axis=1), 1)

    def test_nothing_to_judge_by_stays_missing(self, rule):
        holed = P.copy()
        holed[:, 0] = np.nan
        out = rule(holed, ONES)
        assert np.isnan(out[0]).all()
        assert not np.isnan(out[1]).any()

    def test_no_weight_is_no_voice(self, rule):
        np.testing.assert_allclose(rule(P, np.array([1.0, 0.0, 1.0])), rule(P[[0, 2]], np.ones(2)), atol=1e-9)


def test_names_and_callables():
    assert as_rule("mean") is mean
    assert as_rule(len) is len
    with pytest.raises(UnknownNameError, match="Did you mean 'product'"):
        as_rule("prodct")
