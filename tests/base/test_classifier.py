"""The last step: labels in and out, rows without features, errors that name rows."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from xgboost import XGBClassifier

from ferfusion.base.adapters import OnFeatures
from ferfusion.base.calibration import CalibratedScores
from ferfusion.base.classifier import TableClassifier, check_labels
from ferfusion.base.errors import FeatureError, TableError, UnknownNameError
from ferfusion.base.grouped import GroupedFolds


def make_table(n=60, classes=("anger", "calm", "fear"), seed=0):
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % len(classes)
    X = pd.DataFrame(
        4 * np.eye(len(classes))[codes] + rng.normal(size=(n, len(classes))),
        columns=[f"audio_a__{c}" for c in classes],
        index=[f"u{i}" for i in range(n)],
    )
    X["speaker"] = [f"s{i % 5}" for i in range(n)]
    return X, pd.Series(np.array(classes)[codes], index=X.index)


@pytest.fixture
def data():
    return make_table()


ESTIMATORS = [LogisticRegression(), LinearSVC(), KNeighborsClassifier(), XGBClassifier(n_estimators=5, n_jobs=1)]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("kind", ["str", object, "category", list])
def test_string_labels(data, estimator, kind):
    X, y = data
    model = TableClassifier(estimator).fit(X, y.tolist() if kind is list else y.astype(kind))
    assert model.classes_.tolist() == ["anger", "calm", "fear"]
    assert model.classes_.dtype == object
    P = model.predict_proba(X)
    np.testing.assert_allclose(P.sum(axis=1), 1)
    assert model.predict(X).dtype == object
    assert (model.predict(X) == y).mean() > 0.9
    np.testing.assert_array_equal(model.predict(X), model.classes_[P.argmax(axis=1)])
    assert model.score(X, y) > 0.9


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_classes_absent_from_a_fold(data, estimator):
    X, y = data
    fold = (y != "calm").to_numpy()
    model = TableClassifier(estimator).fit(X[fold], y[fold])
    assert model.classes_.tolist() == ["anger", "fear"]
    assert model.predict_proba(X).shape == (60, 2)
    assert set(model.predict(X)) == {"anger", "fear"}


def test_class_absent_from_an_inner_fold(data):
    X, y = data
    rare = X.assign(speaker=np.where(y == "fear", "s9", X["speaker"]))  # one speaker says all of the fear
    model = TableClassifier(LinearSVC()).fit(rare, y)
    assert model.estimator_.calibrated_
    assert (model.predict(rare) == y).mean() > 0.9


def test_same_numbers_as_the_plain_classifier(data):
    X, y = data
    A = X.drop(columns="speaker").to_numpy()
    plain = LogisticRegression().fit(A, y)
    np.testing.assert_allclose(TableClassifier(LogisticRegression()).fit(X, y).predict_proba(X), plain.predict_proba(A))


def test_calibration_is_grouped_by_speaker(data):
    X, y = data
    model = TableClassifier(LinearSVC()).fit(X, y)
    assert isinstance(model.estimator_, CalibratedScores)
    assert isinstance(model.estimator_.cv, GroupedFolds)
    assert model.estimator_.cv.groups.tolist() == X["speaker"].tolist()


def test_search_inside_is_grouped_by_speaker(data):
    X, y = data
    X.iloc[3, :3] = np.nan
    model = TableClassifier(GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2)).fit(X, y)
    assert model.estimator_.cv.groups.tolist() == X["speaker"].drop("u3").tolist()
    assert set(model.estimator_.best_params_) == {"C"}


class TakesGroups(ClassifierMixin, BaseEstimator):
    def fit(self, A, y, groups=None):
        self.groups_, self.classes_ = groups, np.unique(y)
        return self

    def predict_proba(self, A):
        return np.full((len(A), len(self.classes_)), 2.0)  # not yet probabilities


def test_groups_are_handed_on_and_probabilities_sum_to_one(data):
    X, y = data
    model = TableClassifier(TakesGroups()).fit(X, y)
    assert model.estimator_.groups_.tolist() == X["speaker"].tolist()
    np.testing.assert_allclose(model.predict_proba(X), 1 / 3)


def test_one_class(data):
    X, y = data
    with pytest.raises(TableError, match="All 60 rows are of one class, 'calm'"):
        TableClassifier(LogisticRegression()).fit(X, ["calm"] * 60)
    X.loc[y != "calm", [c for c in X.columns if "__" in c]] = np.nan
    with pytest.raises(TableError, match="All 20 rows are of one class, 'calm'"):
        TableClassifier(LogisticRegression()).fit(X, y)


def test_missing_value_is_named_by_row_and_column(data):
    X, y = data
    X.loc["u7", "audio_a__calm"] = np.nan
    expected = r"Row 'u7' has no value for 'audio_a__calm', and LogisticRegression takes none .*SimpleImputer"
    with pytest.raises(FeatureError, match=expected):
        TableClassifier(LogisticRegression()).fit(X, y)
    model = TableClassifier(LogisticRegression()).fit(X.drop("u7"), y.drop("u7"))
    with pytest.raises(FeatureError, match="Row 'u7'"):
        model.predict(X)


def test_classifier_that_takes_missing_values(data):
    X, y = data
    X.loc["u7", "audio_a__calm"] = np.nan
    model = TableClassifier(XGBClassifier(n_estimators=3, n_jobs=1)).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA])
def test_missing_labels_name_their_rows(data, gap):
    X, y = data
    y = y.astype(object)
    y.iloc[[2, 5]] = gap
    with pytest.raises(TableError, match=r"These rows have no label: 'u2', 'u5'\."):
        TableClassifier(LogisticRegression()).fit(X, y)


def test_labels_must_fit_the_rows(data):
    X, y = data
    with pytest.raises(TableError, match=r"index of y is not that of the table"):
        check_labels(y.iloc[::-1], X)
    with pytest.raises(TableError, match=r"60 rows but y has the shape \(59,\)"):
        check_labels(y.tolist()[1:], X)
    with pytest.raises(TableError, match=r"shape \(60, 1\)"):
        check_labels(y.to_frame(), X)
    with pytest.raises(TableError, match="needs the labels y"):
        check_labels(None, X)
    assert check_labels(y, X).tolist() == y.tolist()


def test_rows_without_features_get_the_prior_and_a_warning(data):
    X, y = data
    features = [c for c in X.columns if "__" in c]
    y[:] = ["anger"] * 30 + ["calm"] * 20 + ["fear"] * 10
    X.loc[["u0", "u31"], features] = np.nan
    model = TableClassifier(LogisticRegression()).fit(X, y)
    expected = np.array([29, 19, 10]) / 58  # without the two rows that nothing was learnt from
    np.testing.assert_allclose(model.prior_, expected)
    with pytest.warns(UserWarning, match=r"class shares of training: 'u0', 'u31'\."):
        P = model.predict_proba(X)
    np.testing.assert_allclose(P[[0, 31]], [expected, expected])
    with pytest.warns(UserWarning, match="class shares"):
        assert model.predict(X)[0] == "anger"


def test_rows_without_features_travel_as_missing(data):
    X, y = data
    X.loc["u4", [c for c in X.columns if "__" in c]] = np.nan
    model = TableClassifier(LogisticRegression(), missing="nan").fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        P, names = model.predict_proba(X), model.predict(X)
    assert np.isnan(P[4]).all()
    assert np.isfinite(np.delete(P, 4, axis=0)).all()
    assert names[4] is None
    assert None not in np.delete(names, 4)


def test_view_missing_altogether_at_predict_time(data):
    X, y = data
    model = TableClassifier(LogisticRegression(), missing="nan").fit(X, y)
    assert np.isnan(model.predict_proba(X[["speaker"]])).all()
    assert model.predict(X[["speaker"]]).tolist() == [None] * 60


def test_feature_missing_at_predict_time(data):
    X, y = data
    model = TableClassifier(LogisticRegression()).fit(X, y)
    with pytest.raises(FeatureError, match=r"lacks 1 features this was fitted on: 'audio_a__fear'"):
        model.predict(X.drop(columns="audio_a__fear"))


def test_columns_are_found_by_name(data):
    X, y = data
    model = TableClassifier(LogisticRegression()).fit(X, y)
    turned = X[X.columns.tolist()[::-1]].assign(audio_z__more=1.0, gender="f")
    np.testing.assert_array_equal(model.predict_proba(turned), model.predict_proba(X))


def test_frames_are_no_numbers(data):
    X, y = data
    frames = np.empty(60, dtype=object)
    frames[:] = [np.ones((2, 3))] * 60
    both = X.assign(audio_mel__frames=frames)
    both.loc["u1", [c for c in X.columns if "__" in c]] = np.nan  # frames it has, but no number
    model = TableClassifier(LogisticRegression()).fit(both, y)
    assert model.columns_ == ["audio_a__anger", "audio_a__calm", "audio_a__fear"]
    assert model.prior_.tolist() == [20 / 59, 19 / 59, 20 / 59]
    with pytest.raises(FeatureError, match="No row of the training table holds a feature value"):
        TableClassifier(LogisticRegression()).fit(both[["speaker", "audio_mel__frames"]], y)


def test_no_features(data):
    X, y = data
    with pytest.raises(TableError, match="no feature columns"):
        TableClassifier(LogisticRegression()).fit(X[["speaker"]], y)
    X[[c for c in X.columns if "__" in c]] = np.nan
    with pytest.raises(FeatureError, match="No row of the training table"):
        TableClassifier(LogisticRegression()).fit(X, y)


def test_unknown_treatment_of_missing_rows(data):
    with pytest.raises(UnknownNameError, match=r"'priors'\. Did you mean 'prior'\?"):
        TableClassifier(LogisticRegression(), missing="priors").fit(*data)


def test_clone_and_parameters(data):
    model = TableClassifier(LogisticRegression(C=2.0), missing="nan").fit(*data)
    again = clone(model)
    assert again.get_params()["estimator__C"] == 2.0
    assert not hasattr(again, "classes_")
    assert not hasattr(model.estimator, "coef_")
    assert not any(isinstance(value, pd.DataFrame | pd.Series | pd.Index) for value in vars(model).values())


def test_scaled_by_an_adapter(data):
    X, y = data
    model = make_pipeline(OnFeatures(StandardScaler()), TableClassifier(LinearSVC())).fit(X, y)
    assert model.score(X, y) > 0.9
    assert model[-1].estimator_.cv.groups.tolist() == X["speaker"].tolist()
