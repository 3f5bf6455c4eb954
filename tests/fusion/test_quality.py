import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from ferfusion.base import TableClassifier
from ferfusion.base.errors import TableError, UnknownNameError
from ferfusion.fusion import LateFusionClassifier
from ferfusion.fusion.quality import (
    QUALITY_MAPS,
    QualityMap,
    as_quality_map,
    learn_quality,
    quality_of,
    quality_weights,
)

BRANCH = TableClassifier(LogisticRegression())


def test_the_logistic_curve_by_hand():
    learnt = learn_quality(np.array([0.0, 10, 20, 30, 40]), "logistic")
    values = np.array([10.0, 20, 30, 50, np.nan, np.inf, -np.inf])
    expected = [0.25, 0.5, 0.75, expit(3 * np.log(3)), 0.5, 1, 1e-3]
    np.testing.assert_allclose(quality_weights(values, learnt, "logistic"), expected)


def test_ranks_are_those_of_scipy():
    values = np.random.default_rng(0).normal(size=2001)
    weights = quality_weights(values, learn_quality(values, "rank"), "rank")
    np.testing.assert_allclose(weights, ((rankdata(values) - 1) / 2000).clip(1e-3), atol=0.02)


def test_ranks_of_equals():
    learnt = learn_quality(np.array([0.0] * 50 + [1.0] * 50), "rank")
    np.testing.assert_allclose(quality_weights(np.array([0.0, 1.0]), learnt, "rank"), [0.25, 0.75], atol=0.03)
    assert quality_weights(np.array([0.5]), learnt, "rank")[0] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("name", QUALITY_MAPS)
class TestEveryMap:
    def test_rises_with_quality_between_0_and_1(self, name):
        rng = np.random.default_rng(0)
        learnt = learn_quality(rng.exponential(size=200), name)
        weights = quality_weights(np.linspace(-1, 9, 300), learnt, name)
        assert (np.diff(weights) >= 0).all()
        assert weights[0] < 0.3
        assert weights[-1] > 0.9
        assert ((weights > 0) & (weights <= 1)).all()

    def test_what_is_not_known_is_the_median(self, name):
        rng = np.random.default_rng(0)
        known = rng.normal(size=201)
        learnt = learn_quality(np.append(known, [np.nan, np.inf]), name)
        out = quality_weights(np.array([np.nan, np.median(known)]), learnt, name)
        np.testing.assert_allclose(out, 0.5, atol=1e-9)

    def test_all_the_same_or_none_known(self, name):
        same = learn_quality(np.full(9, 3.0), name)
        np.testing.assert_allclose(quality_weights(np.array([3.0, np.nan]), same, name), 0.5)
        nothing = learn_quality(np.full(9, np.nan), name)
        np.testing.assert_allclose(quality_weights(np.array([3.0, np.nan]), nothing, name), 0.5)


@pytest.fixture
def noisy(toy):
    X, y = toy
    return X.assign(snr_db=np.linspace(-5, 30, len(X)), asr_confidence=np.tile([0.2, 0.9], len(X) // 2)), y


def test_weights_follow_the_utterance(noisy):
    X, y = noisy
    quality = {"audio": "snr_db", "text": "asr_confidence"}
    model = LateFusionClassifier(BRANCH, weights=[1, 2, 3], quality=quality).fit(X, y)
    new = X.assign(snr_db=X["snr_db"].where(X["snr_db"] > 0))
    snr = quality_weights(new["snr_db"].to_numpy(), learn_quality(X["snr_db"].to_numpy(), "logistic"), "logistic")
    asr = quality_weights(
        X["asr_confidence"].to_numpy(), learn_quality(X["asr_confidence"].to_numpy(), "logistic"), "logistic"
    )
    weights = np.array([1.0, 2, 3])[:, None] * np.stack([snr, asr, np.full(len(X), 0.5)])
    P = model.branch_probabilities(X)
    expected = (P * weights[:, :, None]).sum(axis=0) / weights.sum(axis=0)[:, None]
    np.testing.assert_allclose(model.predict_proba(new), expected)


def test_median_quality_everywhere_is_no_quality(noisy):
    X, y = noisy
    plain = LateFusionClassifier(BRANCH, rule="product").fit(X, y)
    model = LateFusionClassifier(BRANCH, rule="mean", quality={"audio": "snr_db"}).fit(X, y)
    even = X.assign(snr_db=np.nan)
    mean = clone(plain).set_params(rule="mean").fit(X, y)
    np.testing.assert_allclose(model.predict_proba(even), mean.predict_proba(X))
    # a table without the column is one whose numbers are missing
    np.testing.assert_allclose(model.predict_proba(X.drop(columns="snr_db")), mean.predict_proba(X))


def test_it_pays_where_noise_is_announced():
    rng = np.random.default_rng(0)
    n = 400
    codes = rng.integers(2, size=n)
    snr = {m: rng.uniform(0, 30, size=n) for m in ("audio", "visual")}
    X = pd.DataFrame({"speaker": [f"s{i}" for i in np.arange(n) // 50]}, index=[f"u{i:03d}" for i in range(n)])
    for m in snr:
        X[f"{m}_quality"] = snr[m]
        X[f"{m}_v__x"] = 2.0 * codes + 10 ** (1.0 - snr[m] / 20) * rng.normal(size=n)
    y = pd.Series(np.array(["calm", "fear"])[codes], index=X.index)
    train = (X["speaker"] < "s4").to_numpy()
    scores = {}
    for name, quality in {"plain": None, "known": {"audio": "audio_quality", "visual": "visual_quality"}}.items():
        model = LateFusionClassifier(BRANCH, "product", quality=quality).fit(X[train], y[train])
        scores[name] = (model.predict(X[~train]) == y[~train]).mean()
    assert scores["known"] > scores["plain"] + 0.02


def test_one_view_alone_is_heard_however_bad(noisy):
    X, y = noisy
    model = LateFusionClassifier(BRANCH, quality={"audio": "snr_db"}).fit(X, y)
    alone = X[["speaker", "snr_db", *[c for c in X if c.startswith("audio_a__")]]].assign(snr_db=-1e9)
    np.testing.assert_allclose(model.predict_proba(alone), model.branch_probabilities(alone)[0])


def test_rows_do_not_depend_on_their_company(noisy):
    X, y = noisy
    for rule in ("mean", "product", "dempster_shafer", "median", "vote", "borda", "entropy"):
        model = LateFusionClassifier(BRANCH, rule, quality={"audio": "snr_db"}).fit(X, y)
        np.testing.assert_allclose(model.predict_proba(X)[10:13], model.predict_proba(X.iloc[10:13]))


def test_what_is_wrong_is_said(noisy):
    X, y = noisy
    with pytest.raises(UnknownNameError, match=r"branch with a quality 'adio'. Did you mean 'audio'"):
        LateFusionClassifier(BRANCH, quality={"adio": "snr_db"}).fit(X, y)
    with pytest.raises(TableError, match="lacks the column 'snr'"):
        LateFusionClassifier(BRANCH, quality={"audio": "snr"}).fit(X, y)
    with pytest.raises(TableError, match="'snr_db' must hold numbers"):
        LateFusionClassifier(BRANCH, quality={"audio": "snr_db"}).fit(X.assign(snr_db="loud"), y)
    with pytest.raises(UnknownNameError, match="Did you mean 'logistic'"):
        LateFusionClassifier(BRANCH, quality={"audio": "snr_db"}, quality_map="logstic").fit(X, y)


def test_numbers_of_a_column(noisy):
    X, _ = noisy
    mixed = X.assign(snr_db=pd.array([None, *range(len(X) - 1)], dtype="Int64"))
    values = quality_of(mixed, "snr_db")
    assert np.isnan(values[0])
    assert values.dtype == np.float64
    flat = QualityMap(lambda values: {"one": np.ones(1)}, lambda values, learnt: np.ones(len(values)))
    assert as_quality_map(flat) is flat
