"""Agreement of sets of columns: values by hand, by the papers' formulas, and extreme cases."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import norm

from ferfusion.base.errors import SelectionError
from ferfusion.selection.measures import STABILITY_MEASURES, jaccard, kuncheva_index, nogueira_stability

rng = np.random.default_rng(0)


def masks_of_one_size(n_sets, n_columns, size):
    masks = np.zeros((n_sets, n_columns), dtype=bool)
    for mask in masks:
        mask[rng.choice(n_columns, size, replace=False)] = True
    return masks


class TestNogueira:
    def test_definition(self):
        Z = rng.random((7, 30)) < rng.random(30)
        size = Z.sum(axis=1).mean()
        expected = 1 - Z.var(axis=0, ddof=1).mean() / (size / 30 * (1 - size / 30))
        assert nogueira_stability(Z).value == pytest.approx(expected)

    def test_interval_by_the_formula_written_out(self):
        Z = (rng.random((6, 12)) < 0.4).astype(int)
        M, d = Z.shape
        phi = nogueira_stability(Z).value
        kbar = sum(Z[i].sum() for i in range(M)) / M
        parts = []
        for i in range(M):
            ki = Z[i].sum()
            agree = sum(Z[i, f] * Z[:, f].sum() / M for f in range(d)) / d
            spread = phi / 2 * (2 * ki * kbar / d**2 - ki / d - kbar / d + 1)
            parts.append((agree - ki * kbar / d**2 + spread) / (kbar / d * (1 - kbar / d)))
        variance = 4 / M**2 * sum((p - sum(parts) / M) ** 2 for p in parts)
        found = nogueira_stability(Z, confidence=0.9)
        assert found.high - found.value == pytest.approx(norm.ppf(0.95) * variance**0.5)
        assert found.value - found.low == pytest.approx(norm.ppf(0.95) * variance**0.5)

    def test_same_sets(self):
        found = nogueira_stability(np.tile(rng.random(20) < 0.3, (5, 1)))
        assert found == pytest.approx((1, 1, 1))

    def test_sets_by_chance(self):
        found = nogueira_stability(masks_of_one_size(60, 200, 20))
        assert abs(found.value) < 0.02
        assert found.low < found.value < found.high

    def test_interval_holds_what_it_should(self):
        # population stability of independent columns chosen with probability p_f each
        p = np.tile([0.9, 0.5, 0.1], 20)
        truth = 1 - (p * (1 - p)).mean() / (p.mean() * (1 - p.mean()))
        hits = 0
        for _ in range(200):
            found = nogueira_stability(rng.random((40, 60)) < p)
            hits += found.low <= truth <= found.high
        assert 175 <= hits <= 200

    def test_nothing_to_choose(self):
        assert np.isnan(nogueira_stability(np.zeros((3, 4)))).all()
        assert np.isnan(nogueira_stability(np.ones((3, 4)))).all()

    @pytest.mark.parametrize("level", [0, 1, 95])
    def test_confidence_is_a_share(self, level):
        with pytest.raises(SelectionError, match="between 0 and 1"):
            nogueira_stability(np.eye(3), level)


class TestKuncheva:
    def test_by_hand(self):
        # two of ten columns each, one in common: (1 * 10 - 4) / (2 * 8)
        masks = np.zeros((2, 10))
        masks[0, [0, 1]] = masks[1, [1, 2]] = 1
        assert kuncheva_index(masks) == pytest.approx(6 / 16)

    def test_is_nogueira_for_one_size(self):
        masks = masks_of_one_size(8, 40, 7)
        assert kuncheva_index(masks) == pytest.approx(nogueira_stability(masks).value)

    def test_sizes_must_be_one(self):
        with pytest.raises(SelectionError, match="1 to 2 columns"):
            kuncheva_index([[1, 0, 0], [1, 1, 0]])

    def test_nothing_to_choose(self):
        assert np.isnan(kuncheva_index(np.ones((2, 3))))


class TestJaccard:
    def test_by_sets(self):
        masks = rng.random((6, 15)) < 0.4
        sets = [set(np.flatnonzero(mask)) for mask in masks]
        expected = np.mean([len(a & b) / len(a | b) for a, b in combinations(sets, 2)])
        assert jaccard(masks) == pytest.approx(expected)

    def test_empty_sets_agree(self):
        assert jaccard(np.zeros((3, 4))) == 1
        assert jaccard([[0, 0], [0, 1]]) == 0


@pytest.mark.parametrize("name", sorted(STABILITY_MEASURES))
class TestAll:
    def test_order_of_sets_and_columns_is_nothing(self, name):
        masks = masks_of_one_size(5, 12, 4)
        turned = masks[::-1][:, rng.permutation(12)]
        assert STABILITY_MEASURES[name](masks) == pytest.approx(STABILITY_MEASURES[name](turned))

    @pytest.mark.parametrize("masks", [[[1, 0]], [1, 0], np.zeros((2, 0))])
    def test_fewer_than_two_sets(self, name, masks):
        with pytest.raises(SelectionError, match="two sets"):
            STABILITY_MEASURES[name](masks)

    def test_weights_are_no_sets(self, name):
        with pytest.raises(SelectionError, match="0 and 1"):
            STABILITY_MEASURES[name]([[0.5, 1], [1, 0]])
