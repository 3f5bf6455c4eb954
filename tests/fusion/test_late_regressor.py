"""Numbers as targets through the assemblers, and their scores."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr
from sklearn.base import clone
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.svm import SVR

from ferfusion import load_model, save_model
from ferfusion.base import TableRegressor
from ferfusion.base.errors import FeatureError, ProtocolError, TableError, UnknownNameError
from ferfusion.base.table import columns_of
from ferfusion.evaluation import ccc, score_dimensions
from ferfusion.fusion import LateFusionRegressor, make_early, make_hybrid, make_late


@pytest.fixture
def rated():
    """Two views of 8 speakers; valence stands in the text, arousal in the sound."""
    rng = np.random.default_rng(0)
    n = 160
    X = pd.DataFrame({"speaker": np.repeat(list("abcdefgh"), 20)}, index=[f"u{i}" for i in range(n)])
    y = pd.DataFrame(rng.normal(size=(n, 2)), columns=["valence", "arousal"], index=X.index)
    for view, near in (("audio_x", "arousal"), ("text_y", "valence")):
        for k in range(3):
            X[f"{view}__f{k}"] = y[near] + rng.normal(size=n)
    return X, y


def lacking(X, view, rows):
    X = X.copy()
    X.loc[X.index[rows], columns_of(X, view)] = np.nan
    return X


class TestLateFusionRegressor:
    def test_mean_is_that_of_scikit_learn(self, rated):
        X, y = rated
        one = TableRegressor(LinearRegression())
        model = LateFusionRegressor([("a", one), ("b", one)]).fit(X, y["valence"])
        A = X[columns_of(X)].to_numpy()
        reference = VotingRegressor([("a", LinearRegression()), ("b", LinearRegression())]).fit(A, y["valence"])
        np.testing.assert_allclose(model.predict(X), reference.predict(A))

    def test_branches_by_modality_and_the_mean_by_hand(self, rated):
        X, y = rated
        model = LateFusionRegressor(TableRegressor(Ridge())).fit(X, y)
        assert list(model.branches_) == ["audio", "text"]
        alone = [Ridge().fit(X[columns_of(X, v)], y).predict(X[columns_of(X, v)]) for v in ("audio_x", "text_y")]
        np.testing.assert_allclose(model.predict(X), np.mean(alone, axis=0))

    def test_error_tells_which_view_knows_which_target(self, rated):
        X, y = rated
        model = LateFusionRegressor(TableRegressor(Ridge()), "inverse_error").fit(X, y)
        np.testing.assert_allclose(model.weights_.sum(axis=0), 1.0)
        audio, text = model.weights_
        assert text[0] > 0.65
        assert audio[1] > 0.65
        plain = LateFusionRegressor(TableRegressor(Ridge()))
        folds = GroupKFold(4)
        found, base = (cross_val_predict(m, X, y, cv=folds, groups=X["speaker"]) for m in (model, plain))
        for k, target in enumerate(y):
            assert ccc(y[target], found[:, k]) > ccc(y[target], base[:, k]) + 0.02

    @pytest.mark.parametrize("rule", ["mean", "median", "inverse_error"])
    def test_a_missing_view_leaves_the_other(self, rated, rule):
        X, y = rated
        model = LateFusionRegressor(TableRegressor(Ridge()), rule).fit(X, y)
        gaps = lacking(X, "text_y", range(5))
        out = model.predict(gaps)
        np.testing.assert_allclose(out[:5], model.branches_["audio"].predict(X)[:5])
        np.testing.assert_allclose(out[5:], model.predict(X)[5:])

    def test_nothing_to_judge_by(self, rated):
        X, y = rated
        bare = lacking(lacking(X, "text_y", [0]), "audio_x", [0])
        model = LateFusionRegressor(TableRegressor(Ridge())).fit(X, y)
        np.testing.assert_allclose(model.predict(bare)[0], y.mean())
        nan = LateFusionRegressor(TableRegressor(Ridge()), missing="nan").fit(X, y["valence"])
        assert np.isnan(nan.predict(bare)).tolist() == [True] + [False] * 159

    def test_order_of_branches_is_nothing(self, rated):
        X, y = rated
        named = [("a", TableRegressor(Ridge())), ("b", TableRegressor(LinearRegression()))]
        for rule in ("mean", "median", "inverse_error"):
            one, other = (LateFusionRegressor(given, rule).fit(X, y).predict(X) for given in (named, named[::-1]))
            np.testing.assert_allclose(one, other)

    def test_errors(self, rated):
        X, y = rated
        with pytest.raises(UnknownNameError, match="product"):
            LateFusionRegressor(TableRegressor(Ridge()), "product").fit(X, y)
        with pytest.raises(UnknownNameError, match="prior"):
            LateFusionRegressor(TableRegressor(Ridge()), missing="prior").fit(X, y)
        with pytest.raises(TableError, match="finite"):
            LateFusionRegressor(TableRegressor(Ridge())).fit(X, y.assign(valence=np.nan))
        with pytest.raises(FeatureError, match="no view"):
            LateFusionRegressor(TableRegressor(Ridge())).fit(X[["speaker"]], y)

    @pytest.mark.parametrize("kind", ["skops", "joblib"])
    def test_saved_and_loaded(self, rated, kind, tmp_path):
        X, y = rated
        model = make_late(SVR(), "inverse_error").fit(X, y)
        path = save_model(model, tmp_path / f"model.{kind}")
        np.testing.assert_array_equal(load_model(path, trusted=kind == "joblib").predict(X), model.predict(X))


class TestAssemblers:
    @pytest.mark.parametrize(
        "system",
        [
            make_early((), Ridge()),
            make_early((), SVR(), n_components=2),
            make_late(Ridge(), "median"),
            make_late([("audio", Ridge()), ("text", SVR())]),
            make_hybrid({"a": "audio", "b": ["audio", "text"]}, Ridge()),
        ],
        ids=["early", "early, a target each", "late", "late, two kinds", "hybrid"],
    )
    def test_numbers_through_all_of_them(self, rated, system):
        X, y = rated
        found = cross_val_predict(clone(system), X, y, cv=GroupKFold(4), groups=X["speaker"])
        assert found.shape == y.shape
        assert all(ccc(y[target], found[:, k]) > 0.3 for k, target in enumerate(y))

    def test_weights_are_for_fixed_rules(self):
        with pytest.raises(ValueError, match="finds its own"):
            make_late("svm", "stack", weights=[1, 2])


class TestScores:
    def test_by_hand_and_by_scipy(self):
        rng = np.random.default_rng(0)
        t, p = rng.normal(size=(2, 50))
        p += t
        r = pearsonr(t, p).statistic
        by_hand = 2 * r * t.std() * p.std() / (t.var() + p.var() + (t.mean() - p.mean()) ** 2)
        table = score_dimensions(t, p)["value"]["0"]
        assert table["ccc"] == pytest.approx(by_hand)
        assert table["pearson"] == pytest.approx(r)
        assert table["rmse"] == pytest.approx(np.sqrt(np.mean((t - p) ** 2)))
        assert ccc(t, t) == pytest.approx(1.0)
        assert ccc(t, np.zeros(50)) == 0.0
        assert np.isnan(ccc([1.0, 1.0], [1.0, 1.0]))

    def test_speakers_are_drawn_whole(self):
        """One of three speakers is all wrong: an interval over rows would hide how much hangs on it."""
        rng = np.random.default_rng(1)
        t = rng.normal(size=300)
        p = np.where(np.arange(300) < 100, -t, t)
        by_speaker = score_dimensions(t, p, np.arange(300) // 100).loc[("0", "ccc")]
        by_row = score_dimensions(t, p).loc[("0", "ccc")]
        assert by_speaker["high"] - by_speaker["low"] > 3 * (by_row["high"] - by_row["low"])
        assert by_speaker["low"] <= by_speaker["value"] <= by_speaker["high"]

    def test_names_and_errors(self):
        y = pd.DataFrame({"valence": [1.0, 2.0], "arousal": [0.0, 1.0]})
        assert score_dimensions(y, y.to_numpy()).index.get_level_values(0).unique().tolist() == ["valence", "arousal"]
        with pytest.raises(ProtocolError, match="shape"):
            score_dimensions(y, y["valence"])
        with pytest.raises(ProtocolError, match="finite"):
            score_dimensions([1.0, np.nan], [1.0, 2.0])
