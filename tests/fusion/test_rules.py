import numpy as np
import pytest

from ferfusion.base.errors import UnknownNameError
from ferfusion.fusion.rules import RULES, as_rule, mean, product, vote

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
