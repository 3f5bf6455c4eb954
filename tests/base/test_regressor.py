import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVR

from ferfusion.base.errors import FeatureError, TableError, UnknownNameError
from ferfusion.base.regressor import TableRegressor
from ferfusion.base.table import columns_of, features_of


@pytest.fixture
def task(toy):
    X = toy().X
    A, rng = features_of(X), np.random.default_rng(0)
    Y = pd.DataFrame(A @ rng.normal(size=(A.shape[1], 2)), index=X.index, columns=["valence", "arousal"])
    return X, Y


def first_row(Y, value):
    Y = Y.astype(object)
    Y.iloc[0] = value
    return Y


def test_is_the_plain_regressor_on_the_features(task):
    X, Y = task
    model = TableRegressor(Ridge()).fit(X, Y)
    plain = Ridge().fit(features_of(X), Y.to_numpy())
    np.testing.assert_allclose(model.predict(X), plain.predict(features_of(X)))
    assert model.targets_ == ["valence", "arousal"]
    flat = TableRegressor(Ridge()).fit(X, Y["valence"])
    assert flat.predict(X).shape == (len(X),)
    np.testing.assert_allclose(flat.predict(X), model.predict(X)[:, 0])
    assert flat.score(X, Y["valence"]) > 0.9


def test_regressor_of_one_target_is_fitted_for_each(task):
    X, Y = task
    out = TableRegressor(SVR()).fit(X, Y).predict(X)
    for i, name in enumerate(Y):
        np.testing.assert_allclose(out[:, i], SVR().fit(features_of(X), Y[name]).predict(features_of(X)))


def test_rows_without_features(task):
    X, Y = task
    blank = X.copy()
    blank.loc[X.index[:2], columns_of(X)] = np.nan
    model = TableRegressor(LinearRegression()).fit(blank, Y)
    np.testing.assert_allclose(model.predict(blank)[0], Y.iloc[2:].mean())
    assert np.isnan(model.set_params(missing="nan").predict(blank)[:2]).all()
    with pytest.raises(UnknownNameError, match="rows without features"):
        clone(model).set_params(missing="zero").fit(X, Y)
    with pytest.raises(FeatureError, match="No row"):
        clone(model).fit(blank[:2], Y[:2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda Y: first_row(Y, "high"), "not all numbers"),
        (lambda Y: first_row(Y, np.inf), "no finite target"),
        (lambda Y: Y[::-1], "index of y"),
        (lambda Y: Y.to_numpy()[:-1], "has the shape"),
    ],
)
def test_bad_targets(task, change, message):
    X, Y = task
    with pytest.raises(TableError, match=message):
        TableRegressor(Ridge()).fit(X, change(Y))


def test_holes_are_told(task):
    X, Y = task
    X = X.copy()
    X.loc[X.index[3], columns_of(X)[0]] = np.nan
    with pytest.raises(FeatureError, match="SimpleImputer"):
        TableRegressor(Ridge()).fit(X, Y)


def test_is_searched(task):
    X, Y = task
    search = GridSearchCV(TableRegressor(Ridge()), {"estimator__alpha": [0.1, 1e4]}, cv=3).fit(X, Y["valence"])
    assert search.best_params_ == {"estimator__alpha": 0.1}
