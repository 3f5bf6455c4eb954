import pickle

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone
from sklearn.metrics.pairwise import laplacian_kernel
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from ferfusion.base import grouped_splits
from ferfusion.base.errors import FeatureError, TableError, UnknownNameError
from ferfusion.base.table import columns_of, features_of
from ferfusion.fusion import ViewScaler, make_late
from ferfusion.fusion.multiple_kernel import MultipleKernelClassifier, MultipleKernelSVC

METHODS = ["average", "alignment", "simple"]


@parametrize_with_checks([MultipleKernelSVC(), MultipleKernelSVC(kernel="rbf", method="alignment")])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def holed(X, view, rows):
    X = X.copy()
    X.loc[X.index[rows], columns_of(X, view)] = np.nan
    return X


def side_by_side(X):
    """Views centred and of a total variance of one, each of a third of the weight."""
    blocks = [features_of(X, view) for view in ("audio_a", "text_b", "visual_c")]
    blocks = [A - A.mean(axis=0) for A in blocks]
    return np.hstack([A / np.sqrt(3 * A.var(axis=0).sum()) for A in blocks])


@pytest.mark.parametrize("emotions", [["anger", "calm"], ["anger", "calm", "fear"]])
def test_the_average_of_linear_kernels_is_a_machine_on_the_views_side_by_side(toy, emotions):
    X, y = toy
    X, y = X[y.isin(emotions)], y[y.isin(emotions)]
    model = MultipleKernelClassifier(C=2.0).fit(X, y)
    A = side_by_side(X)
    expected = SVC(C=2.0, kernel="linear").fit(A, y).decision_function(A)
    np.testing.assert_allclose(model.estimator_.decision_function(features_of(X)), expected, atol=2e-2)
    assert model.weights_ == pytest.approx({"audio_a": 1 / 3, "text_b": 1 / 3, "visual_c": 1 / 3})


def test_new_rows_are_judged_as_by_the_machine_on_columns(toy):
    X, y = toy
    train = np.arange(len(X)) % 3 > 0
    blocks = [features_of(X, view) for view in ("audio_a", "text_b", "visual_c")]
    A = np.hstack([(B - B[train].mean(axis=0)) / np.sqrt(3 * B[train].var(axis=0).sum()) for B in blocks])
    model = MultipleKernelClassifier().fit(X[train], y[train])
    expected = SVC(kernel="linear").fit(A[train], y[train]).decision_function(A[~train])
    np.testing.assert_allclose(model.estimator_.decision_function(features_of(X[~train])), expected, atol=2e-2)


def test_one_view_with_a_gaussian_is_the_machine_of_scikit_learn(toy):
    X, y = toy
    A = features_of(X, "audio_a")
    A = A - A.mean(axis=0)
    binary = (y == "anger").to_numpy()
    machine = MultipleKernelSVC(kernel="rbf", calibrate=False).fit(A, binary)
    theirs = SVC(gamma=1 / A.var(axis=0).sum(), C=machine.scales_[0] ** -1).fit(A, binary)
    # centring moves the origin of the feature space, which the intercept takes up
    np.testing.assert_allclose(machine.decision_function(A), theirs.decision_function(A), atol=5e-3)


@pytest.mark.parametrize(
    ("kernel", "method"), [("linear", "average"), ("rbf", "average"), ("rbf", "alignment"), ("linear", "simple")]
)
class TestEveryWay:
    def test_probabilities_and_a_better_guess_than_chance(self, toy, kernel, method):
        X, y = toy
        train, test = X["speaker"] != "s3", X["speaker"] == "s3"
        model = MultipleKernelClassifier(kernel, method).fit(X[train], y[train])
        proba = model.predict_proba(X[test])
        np.testing.assert_allclose(proba.sum(axis=1), 1)
        assert (proba > 0).all()
        assert (model.predict(X[test]) == y[test]).mean() > 0.6
        assert sum(model.weights_.values()) == pytest.approx(1)

    def test_order_of_views_is_nothing(self, toy, kernel, method):
        X, y = toy
        turned = X[["speaker", *columns_of(X)[::-1]]]
        one, other = (MultipleKernelClassifier(kernel, method).fit(table, y) for table in (X, turned))
        assert list(other.weights_) == ["visual_c", "text_b", "audio_a"]
        np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(turned), atol=2e-2)

    def test_a_constant_view_changes_nothing(self, toy, kernel, method):
        X, y = toy
        more = X.assign(text_d__flat=0.1, text_d__other=7.0)
        one, other = (MultipleKernelClassifier(kernel, method).fit(table, y) for table in (X, more))
        np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(more), atol=1e-9)
        assert other.weights_["text_d"] == 0
        # nor does it when it varies later on
        np.testing.assert_allclose(
            other.predict_proba(more.assign(text_d__flat=np.arange(len(X)))), other.predict_proba(more)
        )

    def test_rows_may_lack_views_in_training_and_later(self, toy, kernel, method):
        X, y = toy
        gaps = holed(holed(X, "text_b", range(0, 84, 5)), "audio_a", range(0, 84, 7))
        model = MultipleKernelClassifier(kernel, method).fit(gaps, y)
        np.testing.assert_allclose(model.predict_proba(gaps).sum(axis=1), 1)
        assert (model.predict(gaps) == y).mean() > 0.6
        absent = model.predict_proba(X.drop(columns=columns_of(X, "visual_c")))
        np.testing.assert_allclose(absent, model.predict_proba(holed(X, "visual_c", range(84))))

    def test_saved_and_cloned(self, toy, kernel, method):
        X, y = toy
        model = MultipleKernelClassifier(kernel, method).fit(X, y)
        expected = model.predict_proba(X)
        data = skops.io.dumps(model)
        unknown = skops.io.get_untrusted_types(data=data)
        assert all(name.startswith("ferfusion.") for name in unknown)
        for again in (pickle.loads(pickle.dumps(model)), skops.io.loads(data, trusted=unknown), clone(model).fit(X, y)):
            np.testing.assert_array_equal(again.predict_proba(X), expected)


@pytest.mark.parametrize("method", ["alignment", "simple"])
def test_a_view_of_noise_gets_less_than_telling_ones(toy, method):
    X, y = toy
    X = X.copy()
    X[columns_of(X, "audio_a")] = np.random.default_rng(5).normal(size=(84, 3))
    weights = MultipleKernelClassifier(method=method).fit(X, y).weights_
    assert weights["audio_a"] < 0.5 * min(weights["text_b"], weights["visual_c"])


def test_a_missing_number_counts_as_the_mean(toy):
    X, y = toy
    model = MultipleKernelClassifier().fit(X, y)
    gap, mean = X.copy(), X.copy()
    gap.loc["u05", "audio_a__f2"] = np.nan
    mean.loc["u05", "audio_a__f2"] = X["audio_a__f2"].mean()
    np.testing.assert_allclose(model.predict_proba(gap), model.predict_proba(mean))


def test_calibration_hears_no_speaker_twice(toy):
    X, y = toy
    model = MultipleKernelClassifier().fit(X, y)
    assert model.estimator_.calibrated_
    splits = grouped_splits(np.searchsorted(["anger", "calm", "fear"], y), X["speaker"].to_numpy(), 5)
    blocks = [3, 3, 3]
    same = MultipleKernelSVC(blocks, cv=splits).fit(features_of(X), y)
    assert model.estimator_.factor_ == pytest.approx(same.factor_)
    other = MultipleKernelSVC(blocks, cv=splits[:1]).fit(features_of(X), y)
    assert other.factor_ != pytest.approx(same.factor_)


def test_too_few_rows_to_calibrate(toy):
    X, y = toy
    model = MultipleKernelClassifier().fit(X.iloc[:2], y.iloc[:2])
    assert (model.estimator_.factor_, model.estimator_.calibrated_) == (1.0, False)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_a_row_without_any_view(toy):
    X, y = toy
    blank = holed(holed(holed(X, "text_b", [3]), "audio_a", [3]), "visual_c", [3])
    with pytest.warns(UserWarning, match="'u03'"):
        np.testing.assert_allclose(MultipleKernelClassifier().fit(X, y).predict_proba(blank)[3], [1 / 3] * 3)
    silent = MultipleKernelClassifier(missing="nan").fit(X, y)
    assert np.isnan(silent.predict_proba(blank)[3]).all()
    assert silent.predict(blank)[3] is None


def test_behind_a_scaler_as_a_branch_and_in_a_search(toy):
    X, y = toy
    early = make_pipeline(ViewScaler(), MultipleKernelClassifier())
    search = GridSearchCV(
        early, {"multiplekernelclassifier__method": ["average", "alignment"]}, cv=GroupKFold(2), error_score="raise"
    )
    search.fit(X, y, groups=X["speaker"])
    assert search.best_score_ > 0.5
    late = make_late([("all", early), ("text", "logistic")], rule="mean").fit(X, y)
    blank = holed(holed(holed(X, "text_b", [3]), "audio_a", [3]), "visual_c", [3])
    with pytest.warns(UserWarning, match="No branch can judge"):
        assert np.isfinite(late.predict_proba(blank)).all()


def test_one_view_is_enough_and_a_callable_kernel(toy):
    X, y = toy
    only = X[["speaker", *columns_of(X, "audio_a")]]
    for method in METHODS:
        model = MultipleKernelClassifier(laplacian_kernel, method).fit(only, y)
        assert model.weights_ == {"audio_a": 1.0}


def test_errors(toy):
    X, y = toy
    with pytest.raises(UnknownNameError, match="kernel 'rbff'"):
        MultipleKernelClassifier("rbff").fit(X, y)
    with pytest.raises(UnknownNameError, match="way to weigh kernels"):
        MultipleKernelClassifier(method="best").fit(X, y)
    with pytest.raises(TableError, match="one class"):
        MultipleKernelClassifier().fit(X[y == "fear"], y[y == "fear"])
    with pytest.raises(FeatureError, match="No view varies"):
        MultipleKernelClassifier().fit(X[["speaker"]].assign(audio_a__x=1.0), y)
    with pytest.raises(FeatureError, match="do not make up the 9 columns"):
        MultipleKernelSVC([4, 4]).fit(features_of(X), y)
    with pytest.raises(FeatureError, match="lacks 1 features"):
        MultipleKernelClassifier().fit(X, y).predict(X.drop(columns="audio_a__f0"))
    assert isinstance(X, pd.DataFrame)
