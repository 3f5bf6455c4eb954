"""Columns against shuffled copies of columns."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

from ferfusion.base.errors import SelectionError, UnknownNameError
from ferfusion.selection.shadow import ShadowSelector

rng = np.random.default_rng(0)
y = np.repeat(["anger", "joy", "neutral"], 40)
X = rng.normal(size=(120, 15))
X[:, 3] += 1.5 * (y == "joy")
X[:, 11] += 1.5 * (y == "anger")
X[:, 12] = X[:, 11] + 0.1 * rng.normal(size=120)
noise = rng.normal(size=(60, 10))

FOREST = ExtraTreesClassifier(25)


@pytest.fixture(scope="module")
def fitted():
    return ShadowSelector(FOREST, max_rounds=40).fit(X, y)


class TestShadowSelector:
    def test_finds_what_was_planted_with_its_twin_and_no_more(self, fitted):
        assert fitted.get_support(indices=True).tolist() == [3, 11, 12]

    def test_decisions_are_those_of_the_binomial_test(self, fitted):
        # confirmed columns play on, so their hits at the end only bound those at the decision; rejected ones stop
        n = fitted.n_rounds_
        for j in range(15):
            more = binomtest(int(fitted.hits_[j]), n, 0.5, "greater").pvalue * 15
            fewer = binomtest(int(fitted.hits_[j]), n, 0.5, "less").pvalue * 15
            if fitted.status_[j] == "tentative":
                assert more >= 0.01
                assert fewer >= 0.01
            else:
                assert (more < 0.01) == (fitted.status_[j] == "confirmed")

    def test_first_decision_comes_when_it_can(self):
        # 15 columns at 0.01: 2^-n * 15 < 0.01 needs n = 11 straight hits
        early = ShadowSelector(FOREST, max_rounds=10, tentative="keep").fit(X, y)
        assert (early.status_ == "tentative").all()
        assert early.support_.all()
        late = ShadowSelector(FOREST, max_rounds=11).fit(X, y)
        assert late.status_[11] == "confirmed"

    def test_stops_when_all_is_decided(self):
        done = ShadowSelector(RandomForestClassifier(30), max_rounds=500).fit(X[:, [0, 3, 11]], y)
        assert done.n_rounds_ < 500
        assert "tentative" not in done.status_

    def test_same_seed_same_result_whatever_n_jobs(self):
        runs = [ShadowSelector(max_rounds=2, tentative="keep", n_jobs=n_jobs).fit(X, y).hits_ for n_jobs in (None, 2)]
        np.testing.assert_array_equal(*runs)

    def test_one_column_and_constants(self):
        A = np.column_stack([np.ones(120), X[:, 3]])
        assert ShadowSelector(FOREST, max_rounds=30).fit(A, y).support_.tolist() == [False, True]
        assert ShadowSelector(FOREST, max_rounds=30).fit(X[:, [3]], y).support_.tolist() == [True]

    def test_noise(self):
        labels = np.arange(60) % 2
        with pytest.raises(SelectionError, match=r"No column is better than chance after (20|1.) rounds"):
            ShadowSelector(FOREST, max_rounds=20).fit(noise, labels)
        best = ShadowSelector(FOREST, max_rounds=20, on_none="best").fit(noise, labels)
        assert best.get_support(indices=True).tolist() == [int(np.argmax(best.hits_))]

    def test_a_milder_percentile_gives_more_hits(self):
        hits = [ShadowSelector(FOREST, 5, percentile=p, tentative="keep").fit(X, y).hits_.sum() for p in (100, 50)]
        assert hits[0] < hits[1]

    def test_a_model_without_importances(self):
        with pytest.raises(SelectionError, match="KNeighborsClassifier has neither"):
            ShadowSelector(KNeighborsClassifier()).fit(X, y)

    @pytest.mark.parametrize("wrong", [{"max_rounds": 0}, {"alpha": 1}, {"percentile": 101}])
    def test_parameters_out_of_range(self, wrong):
        with pytest.raises(SelectionError, match="one round at least"):
            ShadowSelector(**wrong).fit(X, y)

    @pytest.mark.parametrize("wrong", [{"tentative": "maybe"}, {"on_none": "none"}])
    def test_unknown_names(self, wrong):
        with pytest.raises(UnknownNameError):
            ShadowSelector(**wrong).fit(X, y)
