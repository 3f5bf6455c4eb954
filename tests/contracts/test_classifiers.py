"""Every classifier name in every kind of fusion: string labels, classes absent from a fold, clone, seed."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from ferfusion.fusion import CLASSIFIERS, make_early, make_late

SMALLER = {"n_estimators": 15, "forest__n_estimators": 15}
FUSIONS = {
    "early": lambda name: make_early(classifier=name),
    "late": lambda name: make_late(name, rule="product"),
    "stacked": lambda name: make_late(name, rule="stack"),
}


def quick(model):
    for parameter in list(model.get_params(deep=True)):
        if parameter.split("__")[-1] == "n_estimators":
            model.set_params(**{parameter: 15})
    return model


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    names = np.array(["anger", "happiness", "ärger?", "neutral"])
    codes = np.tile(np.arange(4), 20)
    X = pd.DataFrame({"speaker": np.repeat(["01", "02", "03", "04", "05"], 16)})
    for k in range(3):
        X[f"audio_x__f{k}"] = rng.normal(size=80) + 2 * (codes == k)
        X[f"visual_y__f{k}"] = rng.normal(size=80) + 2 * (codes == k + 1)
    X.index = [f"u{i}" for i in range(80)]
    return X, pd.Series(names[codes], index=X.index)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_in_every_fusion(name, fusion, data):
    X, y = data
    held_out = (X["speaker"] == "05").to_numpy()
    # the training part lacks one class, and another is with one speaker only
    rare = (y == "neutral") & (X["speaker"] != "01")
    train = ~held_out & ~rare.to_numpy() & (y != "ärger?").to_numpy()
    model = quick(FUSIONS[fusion](name)).fit(X[train], y[train])
    assert model.classes_.tolist() == ["anger", "happiness", "neutral"]
    proba = model.predict_proba(X[held_out])
    assert proba.shape == (16, 3)
    assert (proba >= 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
    assert set(model.predict(X[held_out])) <= {"anger", "happiness", "neutral"}
    known = held_out & y.isin(["anger", "happiness"]).to_numpy()
    assert (model.predict(X[known]) == y[known]).mean() > 0.6
    again = clone(model).fit(X[train], y[train]).predict_proba(X[held_out])
    np.testing.assert_array_equal(proba, again)
