import numpy as np
import pytest
from scipy.optimize import minimize

from ferfusion.fusion.simplex import minimise_on_simplex


def quadratic(seed, n):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n + 2, n))
    Q, b = A.T @ A, 3 * rng.normal(size=n)
    return lambda w: (float(w @ Q @ w / 2 + b @ w), Q @ w + b)


@pytest.mark.parametrize("seed", range(6))
def test_same_minimum_as_scipy(seed):
    function = quadratic(seed, 4)
    found = minimise_on_simplex(function, np.full(4, 0.25), tol=1e-8, max_iter=500)
    theirs = minimize(
        lambda w: function(w)[0],
        np.full(4, 0.25),
        method="SLSQP",
        bounds=[(0, 1)] * 4,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert found.values[-1] == pytest.approx(theirs.fun, abs=1e-5)
    assert found.weights.sum() == pytest.approx(1)
    assert (found.weights >= 0).all()
    assert (np.diff(found.values) < 0).all()
    assert found.gap >= -1e-12


def test_a_corner_is_reached_exactly():
    found = minimise_on_simplex(lambda w: (float(w @ [3.0, 1.0, 2.0]), np.array([3.0, 1.0, 2.0])), np.full(3, 1 / 3))
    np.testing.assert_array_equal(found.weights, [0, 1, 0])
    assert found.gap == 0


def test_one_weight_is_one():
    assert minimise_on_simplex(lambda w: (float(w[0]), np.ones(1)), np.ones(1)).weights.tolist() == [1.0]


def test_the_gap_bounds_what_is_left():
    function = quadratic(3, 5)
    best = minimise_on_simplex(function, np.full(5, 0.2), tol=1e-10, max_iter=1000).values[-1]
    early = minimise_on_simplex(function, np.full(5, 0.2), max_iter=2)
    assert early.values[-1] - early.gap <= best <= early.values[-1]
