import numpy as np
import pytest
from sklearn.svm import LinearSVC

from ferfusion.fusion.linear import WideLinearSVC


@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_same_machine_as_scikit_learns(n_classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 700)) / np.sqrt(700)
    y = np.arange(60) % n_classes
    wide = WideLinearSVC(C=1.0, tol=1e-8, max_iter=100_000, random_state=0).fit(X, y)
    plain = LinearSVC(C=1.0, tol=1e-8, max_iter=100_000, random_state=0).fit(X, y)
    new = rng.normal(size=(40, 700))
    assert wide.coef_.shape == plain.coef_.shape
    np.testing.assert_allclose(wide.decision_function(new), plain.decision_function(new), atol=1e-4)
    assert (wide.predict(new) == plain.predict(new)).all()


def test_equal_rows_do_no_harm():
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(10, 100)), 3, axis=0)
    y = np.repeat(np.arange(10) % 2, 3)
    machine = WideLinearSVC(random_state=0).fit(X, y)
    assert np.isfinite(machine.coef_).all()
    assert (machine.predict(X) == y).all()


def test_zero_features_give_a_finite_machine():
    machine = WideLinearSVC(random_state=0).fit(np.zeros((6, 20)), [0, 1] * 3)
    assert np.isfinite(machine.decision_function(np.ones((1, 20)))).all()


def test_turned_rows_keep_their_inner_products():
    X = np.random.default_rng(2).normal(size=(20, 300))
    turned = WideLinearSVC.turned(X)
    assert turned.shape == (20, 20)
    np.testing.assert_allclose(turned @ turned.T, X @ X.T, rtol=1e-7, atol=1e-6)


def test_tall_data_go_the_usual_way():
    X = np.random.default_rng(3).normal(size=(50, 4))
    y = (X[:, 0] > 0).astype(int)
    assert WideLinearSVC.turned(X) is X
    np.testing.assert_array_equal(
        WideLinearSVC(random_state=0).fit(X, y).coef_, LinearSVC(random_state=0).fit(X, y).coef_
    )
