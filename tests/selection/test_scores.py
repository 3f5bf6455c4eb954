"""Scores against scikit-learn, plain loops and explicit kernels."""

import numpy as np
import pytest
from sklearn import feature_selection
from sklearn.datasets import make_classification
from sklearn.metrics import mutual_info_score
from sklearn.preprocessing import MinMaxScaler

from ferfusion.base.errors import UnknownNameError
from ferfusion.selection import dependence, scores
from ferfusion.selection.scores import SCORES, emotion_scores, per_emotion


@pytest.fixture(scope="module")
def data():
    X, y = make_classification(90, 12, n_informative=4, n_classes=4, weights=[0.4, 0.3, 0.2], random_state=0)
    return X, np.array(["anger", "fear", "joy", "sadness"])[y]


@pytest.mark.parametrize("name", sorted(SCORES))
class TestAll:
    def test_shape_and_repeatable(self, name, data):
        X, y = data
        once = SCORES[name](X, y)
        assert once.shape == (12,)
        assert np.isfinite(once).all()
        np.testing.assert_array_equal(once, SCORES[name](X.copy(), y))

    def test_input_stays_as_it_is(self, name, data):
        X, y = data[0].copy(), data[1].copy()
        SCORES[name](X, y)
        np.testing.assert_array_equal(X, data[0])
        np.testing.assert_array_equal(y, data[1])

    def test_names_of_classes_are_nothing(self, name, data):
        X, y = data
        np.testing.assert_array_equal(SCORES[name](X, y), SCORES[name](X, np.unique(y, return_inverse=True)[1]))

    def test_one_column(self, name, data):
        assert SCORES[name](data[0][:, :1], data[1]).shape == (1,)

    def test_constant_columns_score_nothing(self, name, data):
        if name in ("random", "per_emotion_turns"):
            pytest.skip("a number by chance, and a place in a ranking")
        X = data[0].copy()
        # 0.1 has no exact mean: rounding must not make a spread of it
        X[:, 3], X[:, 7] = 0.1, 1e9 + 0.1
        found = SCORES[name](X, data[1])
        assert found[3] == found[7] == 0
        assert (SCORES[name](X[:, [3, 7]], data[1]) == 0).all()

    def test_a_class_with_one_member(self, name, data):
        X, y = data
        y = np.where(np.arange(90) == 5, "alone", y)
        assert np.isfinite(SCORES[name](X, y)).all()

    def test_as_many_classes_as_samples(self, name):
        X = np.random.default_rng(0).normal(size=(4, 3))
        assert not np.isnan(SCORES[name](X, np.arange(4))).any()


@pytest.mark.parametrize("name", sorted(set(SCORES) - {"random", "per_emotion_turns"}))
def test_a_column_that_tells_classes_beats_noise(name):
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1, 2], 40)
    X = rng.normal(size=(120, 10))
    X[:, 6] += 2 * y
    assert np.argmax(SCORES[name](X, y)) == 6


class TestAnova:
    def test_is_that_of_scikit_learn(self, data):
        np.testing.assert_allclose(scores.anova(*data), feature_selection.f_classif(*data)[0], rtol=1e-10)

    def test_far_from_zero(self, data):
        X, y = data
        np.testing.assert_allclose(scores.anova(X + 1e7, y), scores.anova(X, y), rtol=1e-6)

    def test_perfect_column_comes_first(self):
        y = np.repeat([0, 1], 5)
        X = np.column_stack([np.arange(10.0), y])
        assert scores.anova(X, y)[1] == np.inf

    def test_fisher_differs_by_a_factor(self, data):
        ratio = scores.anova(*data) / scores.fisher(*data)
        np.testing.assert_allclose(ratio, (90 - 4) / (4 - 1))

    def test_fisher_by_hand(self):
        # means 1 and 5 about 3, variances 1 and 4, two samples each
        X, y = np.array([[0.0], [2.0], [3.0], [7.0]]), [0, 0, 1, 1]
        assert scores.fisher(X, y).tolist() == [(2 * 4 + 2 * 4) / (2 * 1 + 2 * 4)]


class TestInformation:
    def test_mutual_information_is_that_of_scikit_learn(self, data):
        theirs = feature_selection.mutual_info_classif(*data, random_state=0)
        np.testing.assert_array_equal(scores.mutual_information(*data), theirs)

    def test_states_are_cut_at_half_a_deviation(self):
        column = np.array([[-2.0], [-0.1], [0.1], [2.0]])
        np.testing.assert_array_equal(scores.states_of(column)[:, :, 0].argmax(axis=0), [0, 1, 1, 2])

    def test_state_information_is_that_of_scikit_learn(self, data):
        X, y = data
        states = scores.states_of(X).argmax(axis=0)
        theirs = [mutual_info_score(states[:, j], y) for j in range(X.shape[1])]
        np.testing.assert_allclose(scores.state_information(X, y), theirs, atol=1e-12)


class TestChi2:
    def test_is_that_of_scikit_learn_on_the_unit_range(self, data):
        X, y = data
        theirs = feature_selection.chi2(MinMaxScaler().fit_transform(X), y)[0]
        np.testing.assert_allclose(scores.chi2(X, y), theirs)

    def test_unit_is_nothing(self, data):
        X, y = data
        np.testing.assert_allclose(scores.chi2(X * 1000 - 5, y), scores.chi2(X, y))


def relieff_by_loops(X, y, k):
    n, d = X.shape
    spans = [max(X[:, a]) - min(X[:, a]) for a in range(d)]
    share = {c: sum(y == c) / n for c in set(y)}

    def diff(a, i, j):
        return abs(X[i, a] - X[j, a]) / spans[a]

    W = [0.0] * d
    for i in range(n):
        for c in share:
            others = [j for j in range(n) if j != i and y[j] == c]
            others.sort(key=lambda j: sum(diff(a, i, j) for a in range(d)))
            nearest = others[:k]
            for a in range(d):
                for j in nearest:
                    part = diff(a, i, j) / (n * len(nearest))
                    W[a] += -part if c == y[i] else share[c] / (1 - share[y[i]]) * part
    return W


class TestRelieff:
    @pytest.mark.parametrize("k", [1, 3, 50])
    def test_is_that_of_plain_loops(self, data, k):
        X, y = data[0][:40, :6], data[1][:40]
        np.testing.assert_allclose(scores.relieff(X, y, k), relieff_by_loops(X, y, k), atol=1e-12)

    def test_sees_what_only_two_columns_together_tell(self):
        rng = np.random.default_rng(0)
        X = rng.uniform(-1, 1, size=(300, 6))
        y = (X[:, 1] * X[:, 4] > 0).astype(int)
        assert set(np.argsort(-scores.relieff(X, y))[:2]) == {1, 4}
        assert set(np.argsort(-scores.anova(X, y))[:2]) != {1, 4}


class TestHsic:
    def test_is_that_of_explicit_kernels(self, data):
        X, y = data[0][:50, :5], data[1][:50]
        n = len(X)
        H = np.eye(n) - np.ones((n, n)) / n
        L = (y[:, None] == y[None, :]).astype(float)
        for j, found in enumerate(scores.hsic(X, y)):
            gaps = np.abs(X[:, j][:, None] - X[:, j][None, :])
            width = np.median(gaps[np.triu_indices(n, 1)])
            K = np.exp(-(gaps**2) / (2 * width**2))
            assert found == pytest.approx(np.trace(K @ H @ L @ H) / (n - 1) ** 2, rel=1e-10)

    @pytest.mark.parametrize("n", [2, 3, 4, 9, 40])
    @pytest.mark.parametrize("kind", ["smooth", "rounded", "mostly one value", "tiny", "huge"])
    def test_width_is_the_median_distance(self, n, kind):
        rng = np.random.default_rng(n)
        column = rng.normal(size=n)
        if kind == "rounded":
            column = np.round(column)
        if kind == "mostly one value":
            column[1:-1] = column[0]
        column *= {"tiny": 1e-300, "huge": 1e300}.get(kind, 1.0)
        gaps = np.abs(column[:, None] - column[None, :])[np.triu_indices(n, 1)]
        if gaps.max() == 0:
            pytest.skip("nothing varies")
        expected = np.median(gaps) or np.median(gaps[gaps > 0])
        assert dependence._median_gap(np.sort(column)) == pytest.approx(expected, rel=1e-12)

    def test_column_that_is_mostly_one_value(self):
        y = np.repeat([0, 1], 20)
        X = np.zeros((40, 1))
        X[35:] = [[1.0], [1.5], [2.0], [2.5], [9.0]]
        assert 0 < scores.hsic(X, y)[0] < 1

    def test_sees_what_the_mean_does_not(self):
        rng = np.random.default_rng(0)
        y = np.repeat([0, 1], 100)
        X = rng.normal(size=(200, 5))
        X[y == 1, 2] = rng.choice([-2.0, 2.0], 100) + 0.1 * rng.normal(size=100)
        assert np.argmax(scores.hsic(X, y)) == 2


class TestPerEmotion:
    def test_one_against_the_rest(self, data):
        X, y = data
        table = emotion_scores(X, y)
        assert table.shape == (12, 4)
        for j, emotion in enumerate(np.unique(y)):
            F = feature_selection.f_classif(X, y == emotion)[0]
            np.testing.assert_allclose(table[:, j], F / (90 - 2))

    def test_joined(self, data):
        table = emotion_scores(*data)
        np.testing.assert_array_equal(per_emotion(*data), table.max(axis=1))
        np.testing.assert_array_equal(SCORES["per_emotion_mean"](*data), table.mean(axis=1))

    def test_emotions_choose_in_turn(self, data):
        table = emotion_scores(*data)
        taken = SCORES["per_emotion_turns"](*data)
        favourites = set(table.argmax(axis=0))
        assert {j for j in range(12) if taken[j] == 12} == favourites
        places = (-table).argsort(axis=0).argsort(axis=0).min(axis=1)
        np.testing.assert_array_equal(taken, 12 - places)

    def test_unknown_way(self, data):
        with pytest.raises(UnknownNameError, match="'mean'"):
            per_emotion(*data, how="meen")


def test_random_is_seeded(data):
    assert (scores.random(*data, random_state=1) != scores.random(*data, random_state=2)).any()
