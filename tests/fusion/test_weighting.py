import pickle

import numpy as np
import pytest
import skops.io
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.metrics import recall_score
from sklearn.model_selection import GridSearchCV, GroupKFold

from ferfusion.base import grouped_splits
from ferfusion.base.errors import FeatureError, TableError, UnknownNameError
from ferfusion.base.table import columns_of, features_of, learnt_views
from ferfusion.fusion import ViewScaler, make_early
from ferfusion.fusion.classifiers import as_classifier
from ferfusion.fusion.kernels import alignment, centred_kernel, kernel_weights, target_kernel
from ferfusion.fusion.weighting import VIEW_WEIGHTS, ViewPCA, ViewWeights

VIEWS = ("audio_a", "text_b", "visual_c")


def unit_blocks(X):
    blocks = [features_of(X, view) - features_of(X, view).mean(axis=0) for view in VIEWS]
    return [A / np.sqrt(A.var(axis=0).sum()) for A in blocks]


@pytest.fixture
def uneven(toy):
    """The first view tells nothing."""
    X, y = toy
    X = X.copy()
    X[columns_of(X, "audio_a")] = np.random.default_rng(3).normal(size=(84, 3))
    return X, y


class TestViewWeights:
    def test_given_weights_by_view_and_modality(self, toy):
        X, _ = toy
        out = ViewWeights({"audio": 2.0, "audio_a": 3.0, "text_b": 0}).fit_transform(X)
        for view, factor in zip(VIEWS, (3.0, 0.0, 1.0), strict=True):
            np.testing.assert_array_equal(features_of(out, view), factor * features_of(X, view))
        assert set(learnt_views(out)) == set(VIEWS)
        assert out["speaker"].equals(X["speaker"])

    def test_none_changes_nothing(self, toy):
        X, _ = toy
        np.testing.assert_array_equal(features_of(ViewWeights().fit_transform(X)), features_of(X))

    def test_alignment_is_the_weighting_of_linear_kernels(self, uneven):
        X, y = uneven
        model = ViewWeights("alignment").fit(X, y)
        stack = np.stack([A @ A.T for A in unit_blocks(X)])
        codes = np.unique(y, return_inverse=True)[1]
        shares = kernel_weights(stack, codes, "alignment")
        np.testing.assert_allclose(list(model.weights_.values()), np.sqrt(3 * shares), atol=1e-8)
        assert model.weights_["audio_a"] < min(model.weights_["text_b"], model.weights_["visual_c"])
        # the features side by side are the better aligned for it
        weighed, plain = (
            np.hstack([w * A for w, A in zip(ws, unit_blocks(X), strict=True)])
            for ws in (model.weights_.values(), (1, 1, 1))
        )
        target = target_kernel(codes)
        assert alignment(weighed @ weighed.T, target) > alignment(plain @ plain.T, target)

    def test_wide_views_take_the_other_way_to_the_same_numbers(self):
        rng = np.random.default_rng(0)
        wide, narrow, codes = rng.normal(size=(12, 40)), rng.normal(size=(12, 2)), np.arange(12) % 2
        wide, narrow = wide - wide.mean(axis=0), narrow - narrow.mean(axis=0)
        stack = np.stack([centred_kernel(A @ A.T) for A in (wide, wide[:, :20], narrow)])
        found = VIEW_WEIGHTS["alignment"]([wide, wide[:, :20], narrow], codes)
        np.testing.assert_allclose(found, kernel_weights(stack, codes, "alignment"), atol=1e-9)

    def test_recall_is_what_a_view_tells_of_speakers_not_heard(self, uneven):
        X, y = uneven
        codes = np.unique(y, return_inverse=True)[1]
        gains = []
        for A in unit_blocks(X):
            said = np.zeros(84, dtype=int)
            for train, test in grouped_splits(codes, X["speaker"].to_numpy()):
                said[test] = as_classifier("svm").fit(A[train], codes[train]).predict(A[test])
            gains.append(max(recall_score(codes, said, average="macro") - 1 / 3, 0))
        expected = np.sqrt(3 * np.array(gains) / sum(gains))
        np.testing.assert_allclose(list(ViewWeights("recall").fit(X, y).weights_.values()), expected)
        assert expected[0] < expected[1:].min()

    @pytest.mark.parametrize("weights", VIEW_WEIGHTS)
    def test_scale_order_and_a_constant_view_are_nothing(self, uneven, weights):
        X, y = uneven
        expected = ViewWeights(weights).fit(X, y).weights_
        other = X[["speaker", *columns_of(X)[::-1]]].assign(text_d__flat=0.1)
        other[columns_of(X, "text_b")] *= 1000
        found = ViewWeights(weights).fit(other, y).weights_
        assert found.pop("text_d") == 1
        assert found == pytest.approx(expected, abs=1e-6)

    @pytest.mark.parametrize("weights", VIEW_WEIGHTS)
    def test_one_view_keeps_its_weight(self, toy, weights):
        X, y = toy
        assert ViewWeights(weights, views="text").fit(X, y).weights_ == pytest.approx({"text_b": 1.0})

    def test_nothing_telling_means_equals(self, toy):
        X, y = toy
        model = ViewWeights(lambda blocks, codes, groups: np.zeros(len(blocks))).fit(X, y)
        assert set(model.weights_.values()) == {1.0}

    def test_the_same_view_twice_does_not_count_twice_by_alignment(self, toy):
        X, y = toy
        twice = X.copy()
        twice[[f"audio_z__f{k}" for k in range(3)]] = features_of(X, "audio_a")
        once, both = (ViewWeights("alignment").fit(table, y).weights_ for table in (X, twice))
        ratio = (both["audio_a"] ** 2 + both["audio_z"] ** 2) / both["text_b"] ** 2
        assert ratio == pytest.approx(once["audio_a"] ** 2 / once["text_b"] ** 2)

    def test_missing_stays_missing(self, uneven):
        X, y = uneven
        X.loc[X.index[:9], columns_of(X, "text_b")] = np.nan
        X.loc["u50", "visual_c__f0"] = np.nan
        model = ViewWeights("alignment").fit(X, y)
        out = model.transform(X)
        np.testing.assert_array_equal(np.isnan(features_of(out)), np.isnan(features_of(X)))
        less = model.transform(X.drop(columns=columns_of(X, "text_b")))
        assert not columns_of(less, "text_b")
        np.testing.assert_array_equal(features_of(less, "audio_a"), features_of(out, "audio_a"))

    def test_errors(self, toy):
        X, y = toy
        with pytest.raises(FeatureError, match="not negative; that of 'text'"):
            ViewWeights({"text": -1.0}).fit(X)
        with pytest.raises(UnknownNameError, match="view 'audio_z'"):
            ViewWeights({"audio_z": 1.0}).fit(X)
        with pytest.raises(UnknownNameError, match="way to weigh views 'recal'"):
            ViewWeights("recal").fit(X, y)
        with pytest.raises(TableError, match="needs the labels"):
            ViewWeights("recall").fit(X)
        with pytest.raises(FeatureError, match="Shares of views must be 3"):
            ViewWeights(lambda blocks, codes, groups: np.ones(2)).fit(X, y)
        with pytest.raises(FeatureError, match="needs one view at least"):
            ViewWeights().fit(X[["speaker"]])


class TestViewPCA:
    def test_each_view_has_scikit_learns_components(self, toy):
        X, _ = toy
        out = ViewPCA(2).fit_transform(X)
        assert columns_of(out) == [f"{view}__pca{k}" for view in VIEWS for k in range(2)]
        for view in VIEWS:
            np.testing.assert_allclose(features_of(out, view), PCA(2).fit_transform(features_of(X, view)), atol=1e-9)
        assert out["speaker"].equals(X["speaker"])
        assert set(learnt_views(out)) == set(VIEWS)

    @pytest.mark.parametrize("n_rows", [84, 5])
    def test_a_share_of_the_variance(self, toy, n_rows):
        X = toy[0].iloc[:n_rows]
        X = X.assign(**{f"audio_a__g{k}": X["audio_a__f0"] * k for k in range(20)})
        out = ViewPCA(0.9).fit_transform(X)
        for view in VIEWS:
            A, B = features_of(X, view), features_of(out, view)
            assert B.var(axis=0).sum() >= 0.9 * A.var(axis=0).sum()
            assert B[:, :-1].var(axis=0).sum() < 0.9 * A.var(axis=0).sum()

    def test_by_view_and_what_is_not_named_stays(self, toy):
        X, _ = toy
        out = ViewPCA({"audio": 1, "visual_c": 0.5}).fit_transform(X)
        assert len(columns_of(out, "audio_a")) == 1
        assert columns_of(out, "text_b") == columns_of(X, "text_b")
        assert len(columns_of(ViewPCA(99).fit_transform(X))) == len(columns_of(X))

    def test_rows_without_a_view_and_holes(self, toy):
        X, _ = toy
        gaps = X.copy()
        gaps.loc[X.index[:5], columns_of(X, "text_b")] = np.nan
        gaps.loc["u40", "audio_a__f1"] = np.nan
        model = ViewPCA(2).fit(gaps)
        out = model.transform(gaps)
        assert out["text_b__pca0"].isna().tolist() == [True] * 5 + [False] * 79
        expected = PCA(2).fit_transform(features_of(X, "text_b")[5:])
        np.testing.assert_allclose(features_of(out, "text_b")[5:], expected, atol=1e-9)
        filled = gaps.assign(audio_a__f1=gaps["audio_a__f1"].fillna(gaps["audio_a__f1"].mean()))
        np.testing.assert_allclose(model.transform(filled)["audio_a__pca0"], out["audio_a__pca0"])
        absent = model.transform(X.drop(columns=columns_of(X, "visual_c")))
        assert absent["visual_c__pca1"].isna().all()

    @pytest.mark.parametrize("n", [1, 3, 0.95])
    def test_a_view_that_does_not_vary(self, toy, n):
        X = toy[0].assign(text_d__flat=0.1, text_d__too=3.0)
        assert (ViewPCA(n).fit_transform(X)["text_d__pca0"].abs() < 1e-12).all()

    def test_errors(self, toy):
        X, _ = toy
        for n in (0, 1.5, -1, True, "many"):
            with pytest.raises(FeatureError, match="from 1 up, or a share"):
                ViewPCA(n).fit(X)
        with pytest.raises(UnknownNameError, match="view 'audio_z'"):
            ViewPCA({"audio_z": 1}).fit(X)
        with pytest.raises(FeatureError, match="No row holds a value of 'text_b'"):
            ViewPCA(2).fit(X.assign(**dict.fromkeys(columns_of(X, "text_b"), np.nan)))


@pytest.mark.parametrize("step", [ViewWeights("alignment"), ViewWeights({"text": 2.0}), ViewPCA(2)], ids=repr)
def test_saved_and_cloned(toy, step):
    X, y = toy
    fitted = clone(step).fit(X, y)
    expected = features_of(fitted.transform(X))
    data = skops.io.dumps(fitted)
    unknown = skops.io.get_untrusted_types(data=data)
    assert all(name.startswith("ferfusion.") for name in unknown)
    for again in (pickle.loads(pickle.dumps(fitted)), skops.io.loads(data, trusted=unknown), clone(fitted).fit(X, y)):
        np.testing.assert_array_equal(features_of(again.transform(X)), expected)


class TestMakeEarly:
    def test_steps(self):
        steps = list(make_early(weights="recall", n_components=5, selector="anova:4").named_steps)
        assert steps == ["views", "impute", "scale", "reduce", "select", "rescale", "weigh", "classify"]
        assert list(make_early().named_steps) == ["views", "impute", "scale", "classify"]
        own = make_early(scaler=ViewScaler(()), n_components=5)
        assert "rescale" not in own.named_steps

    def test_main_components_keep_their_proportions_and_views_their_weight(self, toy):
        X, y = toy
        table = make_early(n_components=2, weights={"audio": 2.0}).fit(X, y)[:-1].transform(X)
        for view, total in zip(VIEWS, (4, 1, 1), strict=True):
            assert features_of(table, view).var(axis=0).sum() == pytest.approx(total)
            first, second = features_of(table, view).var(axis=0)
            assert first > 1.1 * second

    def test_a_view_of_no_weight_says_nothing(self, toy):
        X, y = toy
        model = make_early(classifier="logistic", weights={"text": 0.0}).fit(X, y)
        shuffled = X.copy()
        shuffled[columns_of(X, "text_b")] = features_of(X, "text_b")[::-1]
        np.testing.assert_allclose(model.predict_proba(shuffled), model.predict_proba(X))

    def test_in_a_search(self, toy):
        X, y = toy
        model = make_early(classifier="logistic", weights="alignment", n_components=2)
        grid = {"weigh__weights": [None, "alignment", "recall"], "reduce__n_components": [1, 0.9]}
        search = GridSearchCV(model, grid, cv=GroupKFold(2), error_score="raise").fit(X, y, groups=X["speaker"])
        assert search.best_score_ > 0.5
