import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

from ferfusion.base import TableClassifier, grouped_splits
from ferfusion.base.errors import TableError, UnknownNameError
from ferfusion.base.table import columns_of, features_of
from ferfusion.fusion import make_late
from ferfusion.fusion.calibrated import CALIBRATIONS, CalibratedBranch, Calibration, as_calibration, fit_temperatures


@pytest.fixture
def sure():
    """A view of many copies of the same two numbers, which make naive Bayes far too sure; 8 speakers."""
    rng = np.random.default_rng(0)
    n = 320
    codes = rng.integers(3, size=n)
    X = pd.DataFrame({"speaker": [f"s{i}" for i in np.arange(n) // 40]}, index=[f"u{i:03d}" for i in range(n)])
    base = rng.normal(size=(n, 2)) + np.array([[0, 0], [1.5, 0], [0, 1.5]])[codes]
    for i in range(10):
        X[f"audio_a__x{i}"] = base[:, i % 2] + 0.1 * rng.normal(size=n)
    return X, pd.Series(np.array(["anger", "calm", "fear"])[codes], index=X.index)


def by_scikit_learn(estimator, method, X, y):
    splits = grouped_splits(y.to_numpy(dtype=str), X["speaker"].to_numpy(), 5, 0)
    model = CalibratedClassifierCV(estimator, method=method, cv=splits, ensemble=False).fit(features_of(X), y)
    return model.predict_proba(features_of(X))


def test_isotonic_is_that_of_scikit_learn(sure):
    X, y = sure
    ours = CalibratedBranch(TableClassifier(GaussianNB()), "isotonic").fit(X, y).predict_proba(X)
    np.testing.assert_allclose(ours, by_scikit_learn(GaussianNB(), "isotonic", X, y), atol=1e-9)


def test_platt_is_that_of_scikit_learn_where_both_see_log_odds(sure):
    X, y = sure
    two = (y != "fear").to_numpy()
    X, y = X[two], y[two]
    ours = CalibratedBranch(TableClassifier(LogisticRegression(C=0.1)), "platt").fit(X, y).predict_proba(X)
    np.testing.assert_allclose(ours, by_scikit_learn(LogisticRegression(C=0.1), "sigmoid", X, y), atol=1e-4)


def test_temperature_by_a_grid(sure):
    X, y = sure
    model = CalibratedBranch(TableClassifier(GaussianNB()), "temperature").fit(X, y)
    labels = y.to_numpy()
    P = np.zeros((len(X), 3))
    for train, test in grouped_splits(labels.astype(str), X["speaker"].to_numpy(), 5, 0):
        P[test] = GaussianNB().fit(features_of(X)[train], labels[train]).predict_proba(features_of(X)[test])

    def loss(factor):
        powers = P.clip(1e-6) ** factor
        return log_loss(labels, powers / powers.sum(axis=1, keepdims=True))

    assert loss(model.learnt_["factor"]) <= min(loss(factor) for factor in np.geomspace(0.01, 3, 60)) + 1e-9
    assert model.learnt_["factor"] < 0.5
    plain = TableClassifier(GaussianNB()).fit(X, y)
    assert (model.predict(X) == plain.predict(X)).all()


@pytest.mark.parametrize("method", CALIBRATIONS)
def test_what_was_too_sure_is_less_so_with_new_speakers(sure, method):
    X, y = sure
    train = (X["speaker"] < "s5").to_numpy()
    plain = TableClassifier(GaussianNB()).fit(X[train], y[train]).predict_proba(X[~train])
    model = CalibratedBranch(TableClassifier(GaussianNB()), method).fit(X[train], y[train])
    out = model.predict_proba(X[~train])
    np.testing.assert_allclose(out.sum(axis=1), 1)
    codes = np.searchsorted(model.classes_.astype(str), y[~train].to_numpy(dtype=str))
    calibrated, sure_of_itself = (-np.log(p[np.arange(len(p)), codes].clip(1e-3)).mean() for p in (out, plain))
    assert calibrated < sure_of_itself - 0.1


@pytest.mark.parametrize("method", CALIBRATIONS)
def test_a_classifier_without_probabilities_and_rows_without_the_view(toy, method):
    X, y = toy
    X = X.copy()
    X.loc[X.index[::5], columns_of(X, "text_b")] = np.nan
    model = make_late([("text", CalibratedBranch(TableClassifier(LinearSVC()), method))])["fuse"].branches[0][1]
    X = X[["speaker", *columns_of(X, "text_b")]]
    fitted = model.fit(X, y)
    out = fitted.predict_proba(X)
    assert np.isnan(out[::5]).all()
    np.testing.assert_allclose(np.delete(out, np.s_[::5], axis=0).sum(axis=1), 1)
    assert fitted.predict(X)[0] is None
    assert fitted.predict(X)[1] in fitted.classes_


def test_as_a_branch_of_late_fusion(toy):
    X, y = toy
    holed = X.copy()
    holed.loc["u05", columns_of(X, "text_b")] = np.nan
    model = make_late([("audio", CalibratedBranch("svm")), ("text", CalibratedBranch("logistic", "isotonic"))]).fit(
        X, y
    )
    P = model["fuse"].branch_probabilities(model[:-1].transform(holed))
    assert np.isnan(P[1, 5]).all()
    np.testing.assert_allclose(model.predict_proba(holed)[5], P[0, 5])
    every = make_late(CalibratedBranch("logistic", "temperature")).fit(X, y)
    assert list(every["fuse"].branches_) == ["audio", "text", "visual"]
    ready = CalibratedBranch(TableClassifier(LogisticRegression()))
    assert isinstance(make_late([("all", ready)])["fuse"].branches[0][1], CalibratedBranch)
    assert make_late([("all", ready)]).fit(X, y)["fuse"].branches_["all"].branch_.columns_ == columns_of(X)


def test_a_class_whose_rows_all_lack_the_view(toy):
    X, y = toy
    X = X.copy()
    X.loc[y == "anger", columns_of(X, "text_b")] = np.nan
    model = make_late([("audio", "logistic"), ("text", CalibratedBranch("logistic"))]).fit(X, y)
    assert list(model["fuse"].branches_["text"].classes_) == ["calm", "fear"]
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_where_no_inner_fold_can_be_made_the_branch_speaks_for_itself(toy):
    X, y = toy
    X = X.assign(speaker=y.map({"anger": "s0", "calm": "s1", "fear": "s2"}))
    model = CalibratedBranch(TableClassifier(LogisticRegression())).fit(X, y)
    assert not model.calibrated_
    plain = TableClassifier(LogisticRegression()).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(X))


def test_a_class_of_one_row_and_of_one_speaker(toy):
    X, y = toy
    y = y.copy()
    y.iloc[0] = "joy"
    y[(X["speaker"] == "s1") & (y == "fear")] = "boredom"
    for method in CALIBRATIONS:
        out = CalibratedBranch(TableClassifier(LogisticRegression()), method).fit(X, y).predict_proba(X)
        np.testing.assert_allclose(out.sum(axis=1), 1)


def test_certain_probabilities_stay_finite():
    P = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    for calibration in CALIBRATIONS.values():
        for y in (np.array([0, 1, 0, 1]), np.array([0, 1, 1, 1]), np.array([1, 0, 1, 0])):
            out = calibration.apply(P, calibration.fit(P, y))
            np.testing.assert_allclose(out.sum(axis=1), 1)


def test_names_and_own_method(toy):
    X, y = toy
    with pytest.raises(UnknownNameError, match="Did you mean 'platt'"):
        CalibratedBranch(TableClassifier(LogisticRegression()), "plat").fit(X, y)
    with pytest.raises(TableError, match="one class"):
        CalibratedBranch(TableClassifier(LogisticRegression())).fit(X[y == "calm"], y[y == "calm"])
    own = Calibration(fit_temperatures, lambda P, learnt: P[:, ::-1])
    assert as_calibration(own) is own
    turned = CalibratedBranch(TableClassifier(LogisticRegression()), own).fit(X, y)
    plain = TableClassifier(LogisticRegression()).fit(X, y)
    np.testing.assert_allclose(turned.predict_proba(X), plain.predict_proba(X)[:, ::-1])
