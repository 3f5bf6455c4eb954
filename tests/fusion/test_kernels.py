"""Kernels of views against scikit-learn, by hand, and by brute force."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.metrics.pairwise import linear_kernel, rbf_kernel
from sklearn.preprocessing import KernelCenterer
from sklearn.svm import SVC

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.fusion.kernels import (
    KERNEL_WEIGHTS,
    KERNELS,
    aligned_weights,
    alignment,
    as_kernel,
    centred_kernel,
    combined_kernel,
    kernel_weights,
    margin_objective,
    target_kernel,
)


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(3), 14)
    telling = np.eye(3)[codes] + 0.4 * rng.normal(size=(42, 3))
    half = codes[:, None] + rng.normal(size=(42, 2))
    noise = rng.normal(size=(42, 4))
    return [telling, half, noise], codes


@pytest.fixture
def kernels(arrays):
    made = [centred_kernel(A @ A.T) for A in arrays[0]]
    return np.stack([K / np.trace(K) * len(K) for K in made]), arrays[1]


def test_kernels_are_scikit_learns(arrays):
    A, B = arrays[0][0][:5], arrays[0][0][5:]
    np.testing.assert_allclose(KERNELS["linear"](A, B), linear_kernel(A, B))
    np.testing.assert_allclose(KERNELS["rbf"](A, B, 0.7), rbf_kernel(A, B, gamma=0.7))
    assert as_kernel(rbf_kernel) is rbf_kernel
    with pytest.raises(UnknownNameError, match="Did you mean 'linear'"):
        as_kernel("liner")


def test_centring_is_scikit_learns_of_old_and_new_rows(arrays):
    A = arrays[0][1]
    K, new = rbf_kernel(A[:30]), rbf_kernel(A[30:], A[:30])
    theirs = KernelCenterer().fit(K)
    np.testing.assert_allclose(centred_kernel(K), theirs.transform(K), atol=1e-12)
    np.testing.assert_allclose(centred_kernel(new, K.mean(axis=0)), theirs.transform(new), atol=1e-12)


def test_alignment_by_hand():
    # centred, the kernels of -1 1 and of the classes 0 1 are [[1 -1] [-1 1]] and half of it
    K, L = np.array([[1.0, -1.0], [-1.0, 1.0]]), target_kernel(np.array([0, 1]))
    assert alignment(K, L) == pytest.approx(1)
    # a = 4 rows, x = -1 -1 1 1 against classes 0 1 0 1: nothing in common
    x = np.array([-1.0, -1, 1, 1])
    assert alignment(np.outer(x, x), target_kernel(np.array([0, 1, 0, 1]))) == pytest.approx(0, abs=1e-12)
    # x = 0 0 0 4 against classes 0 0 1 1: <xx', yy'> = (x'y)² = 16, norms x'x = 12 and y'y = 4
    x = np.array([0.0, 0, 0, 4])
    assert alignment(np.outer(x, x), target_kernel(np.array([0, 0, 1, 1]))) == pytest.approx(16 / (12 * 4))
    assert alignment(np.ones((3, 3)), np.eye(3)) == 0


def test_aligned_weights_minimise_the_quadratic_form(kernels):
    stack, codes = kernels
    flat = stack.reshape(3, -1)
    M, a = flat @ flat.T, flat @ centred_kernel(target_kernel(codes)).ravel()
    theirs = minimize(lambda v: v @ M @ v - 2 * v @ a, np.ones(3), bounds=[(0, None)] * 3, tol=1e-14).x
    np.testing.assert_allclose(aligned_weights(M, a), theirs / theirs.sum(), atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_no_weights_on_a_grid_are_aligned_better(seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, 20)
    stack = np.stack([centred_kernel(A @ A.T) for A in (rng.normal(size=(20, 2)) + codes[:, None] for _ in range(2))])
    best = np.tensordot(kernel_weights(stack, codes, "alignment"), stack, 1)
    grid = [alignment(t * stack[0] + (1 - t) * stack[1], target_kernel(codes)) for t in np.linspace(0, 1, 101)]
    assert alignment(best, target_kernel(codes)) >= max(grid) - 1e-9


def test_objective_is_that_of_the_machine_and_its_gradient_the_difference(kernels):
    stack, codes = kernels
    stack, codes = stack[:, :28, :28], codes[:28]
    weights = np.array([0.5, 0.3, 0.2])
    value, gradient = margin_objective(stack, weights, codes, C=0.7)
    K = np.tensordot(weights, stack, 1)
    machine = SVC(C=0.7, kernel="precomputed", tol=1e-8).fit(K, codes)
    beta = machine.dual_coef_[0]
    scores = machine.decision_function(K)
    errors = np.clip(1 - scores * np.where(codes == 1, 1, -1), 0, None).sum()
    primal = beta @ K[np.ix_(machine.support_, machine.support_)] @ beta / 2 + 0.7 * errors
    assert value == pytest.approx(primal, rel=1e-5)
    for m in range(3):
        step = 1e-4 * np.eye(3)[m]
        ahead, behind = (margin_objective(stack, weights + s, codes, C=0.7)[0] for s in (step, -step))
        assert gradient[m] == pytest.approx((ahead - behind) / 2e-4, rel=1e-3)


@pytest.mark.parametrize("C", [0.1, 1.0, 10.0])
def test_simple_finds_the_telling_kernel_and_no_other_weights_are_better(kernels, C):
    stack, codes = kernels
    weights = kernel_weights(stack, codes, "simple", C)
    assert weights.argmax() == 0
    best = margin_objective(stack, weights, codes, C)[0]
    others = [np.full(3, 1 / 3), *np.eye(3), *np.random.default_rng(0).dirichlet(np.ones(3), 25)]
    assert best <= min(margin_objective(stack, w, codes, C)[0] for w in others) * (1 + 1e-3)


@pytest.mark.parametrize("method", KERNEL_WEIGHTS)
class TestEveryMethod:
    def test_weights_are_a_share_and_noise_gets_no_more_than_the_rest(self, kernels, method):
        weights = kernel_weights(*kernels, method)
        assert weights.sum() == pytest.approx(1)
        assert (weights >= 0).all()
        assert weights[2] <= weights[:2].sum()

    def test_order_of_kernels_is_nothing(self, kernels, method):
        stack, codes = kernels
        turned = kernel_weights(stack[::-1], codes, method)[::-1]
        np.testing.assert_allclose(turned, kernel_weights(stack, codes, method), atol=5e-3)

    def test_a_kernel_that_does_not_vary_takes_no_share(self, kernels, method):
        stack, codes = kernels
        more = np.concatenate([stack, np.zeros((1, 42, 42))])
        np.testing.assert_array_equal(kernel_weights(more, codes, method), [*kernel_weights(stack, codes, method), 0.0])

    def test_the_same_kernel_twice(self, kernels, method):
        stack, codes = kernels
        twice = np.concatenate([stack, stack[:1]])
        total = np.tensordot(kernel_weights(twice, codes, method), twice, 1)
        expected = np.tensordot(kernel_weights(stack, codes, method), stack, 1)
        if method == "average":
            np.testing.assert_allclose(total, (2 * stack[0] + stack[1] + stack[2]) / 4)
        else:
            np.testing.assert_allclose(total, expected, atol=0.02 * np.abs(expected).max())

    def test_nothing_varies(self, method):
        with pytest.raises(FeatureError, match="No view varies"):
            kernel_weights(np.zeros((2, 4, 4)), np.array([0, 0, 1, 1]), method)


def test_nothing_telling_means_equals():
    x = np.array([-1.0, -1, 1, 1])
    stack, codes = np.stack([np.outer(x, x)] * 2), np.array([0, 1, 0, 1])
    np.testing.assert_allclose(kernel_weights(stack, codes, "alignment"), [0.5, 0.5])


def test_a_callable_and_an_unknown_method(kernels):
    stack, codes = kernels
    np.testing.assert_allclose(kernel_weights(stack, codes, lambda K, y, C: np.array([1, 1, 2])), [0.25, 0.25, 0.5])
    with pytest.raises(UnknownNameError, match="way to weigh kernels 'simpel'"):
        kernel_weights(stack, codes, "simpel")


def test_a_row_without_a_view_by_hand():
    K, L = np.full((2, 2), 4.0), np.full((2, 2), 2.0)
    rows = np.array([[True, True], [True, False]])
    out = combined_kernel([K, L], np.array([0.75, 0.25]), rows)
    # both: 3 + 0.5; second row has only the first view, of which 3 is left, and is brought back by 0.75
    np.testing.assert_allclose(out, [[3.5, 3 / np.sqrt(0.75)], [3 / np.sqrt(0.75), 4.0]])


def test_with_rows_that_lack_views_it_is_still_a_kernel(kernels):
    stack, _ = kernels
    rows = np.random.default_rng(1).random((3, 42)) < 0.6
    out = combined_kernel(stack, np.array([0.2, 0.3, 0.5]), rows)
    assert np.linalg.eigvalsh(out).min() > -1e-9
    assert (out[~rows.any(axis=0)] == 0).all()
    whole = combined_kernel(stack, np.array([0.2, 0.3, 0.5]), np.ones((3, 42), dtype=bool))
    np.testing.assert_allclose(whole, np.tensordot([0.2, 0.3, 0.5], stack, 1))
