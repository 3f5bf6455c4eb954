"""Kernels of views, and how much each of them counts. Functions on arrays; they know no tables.

A view's kernel is centred in its feature space and has a mean diagonal of one, so that views of 6,373 columns and
of 35 begin as equals. All of it takes memory and time by the square of the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy.optimize import nnls
from scipy.spatial.distance import cdist
from sklearn.svm import SVC

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.fusion.simplex import minimise_on_simplex

__all__ = [
    "KERNELS",
    "KERNEL_WEIGHTS",
    "aligned_weights",
    "alignment",
    "as_kernel",
    "centred_kernel",
    "combined_kernel",
    "kernel_weights",
    "margin_objective",
    "target_kernel",
]

_TOLERANCE = 1e-6  # of the inner support vector machines: their objective must be told apart by line searches


def linear(A: np.ndarray, B: np.ndarray, gamma: float = 1.0) -> np.ndarray:
    """Inner products of rows, times ``gamma``; shape (n_rows of A, n_rows of B)."""
    return gamma * (A @ B.T)


def rbf(A: np.ndarray, B: np.ndarray, gamma: float = 1.0) -> np.ndarray:
    """Gaussian of the distance of rows, ``exp(-gamma d²)``; shape (n_rows of A, n_rows of B)."""
    return np.exp(-gamma * cdist(A, B, "sqeuclidean"))


KERNELS: dict[str, Callable[..., np.ndarray]] = {"linear": linear, "rbf": rbf}


def as_kernel(kernel: Any) -> Callable[..., np.ndarray]:
    """Kernel of a name, or the given callable ``(A, B, gamma)``.

    Raises
    ------
    UnknownNameError
        If there is no kernel of this name.
    """
    if callable(kernel):
        return kernel
    if kernel not in KERNELS:
        raise UnknownNameError("kernel", kernel, KERNELS)
    return KERNELS[kernel]


def centred_kernel(K: np.ndarray, means: np.ndarray | None = None) -> np.ndarray:
    """Kernel as if the features behind it had a mean of zero over the training rows.

    Parameters
    ----------
    K : ndarray, shape (n_rows, n_training_rows)
        Kernel between any rows and those of training.
    means : ndarray, shape (n_training_rows,), optional
        Means of the training kernel's columns; those of ``K`` itself if missing.

    Returns
    -------
    ndarray, shape (n_rows, n_training_rows)

    Examples
    --------
    >>> A = np.array([[1.0], [3.0]])
    >>> centred_kernel(A @ A.T).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    means = K.mean(axis=0) if means is None else means
    return K - K.mean(axis=1, keepdims=True) - means + means.mean()


def combined_kernel(
    kernels: Sequence[np.ndarray] | np.ndarray, weights: np.ndarray, rows: np.ndarray, columns: np.ndarray | None = None
) -> np.ndarray:
    """Weighted sum of kernels; where a row lacks a view the others take over its weight.

    A view counts for a pair of rows if both have it. Then rows are brought back to the length that they would have:
    the kernel of rows i and j is divided by the square root of ``s_i s_j``, where s is the sum of the weights of
    the views that a row has. So the result stays a kernel (it has no negative eigenvalue), and where nothing is
    missing it is the plain sum.

    Parameters
    ----------
    kernels : sequence of ndarray, shape (n_rows, n_columns)
        One a view.
    weights : ndarray, shape (n_views,)
        None negative; they sum to one.
    rows : ndarray of bool, shape (n_views, n_rows)
        Which rows have the view.
    columns : ndarray of bool, shape (n_views, n_columns), optional
        The same for the other side; ``rows`` if missing.

    Returns
    -------
    ndarray, shape (n_rows, n_columns)
        Zeros for a row without any view that counts.
    """
    columns = rows if columns is None else columns
    total = np.zeros(np.shape(kernels[0]))
    for K, weight, left, right in zip(kernels, weights, rows, columns, strict=True):
        if weight > 0:
            total += weight * np.where(np.outer(left, right), K, 0.0)
    sizes = [np.sqrt(weights @ there) for there in (rows, columns)]
    factors = [np.divide(1.0, size, out=np.zeros_like(size), where=size > 0) for size in sizes]
    return factors[0][:, None] * total * factors[1]


def target_kernel(codes: np.ndarray) -> np.ndarray:
    """Kernel of the classes: one where two rows are of the same class, else zero.

    Parameters
    ----------
    codes : ndarray, shape (n_rows,)
        Classes.

    Returns
    -------
    ndarray, shape (n_rows, n_rows)
    """
    return (codes[:, None] == codes[None, :]).astype(np.float64)


def alignment(K: np.ndarray, L: np.ndarray) -> float:
    """Centred alignment of two kernels, the cosine of the angle between them once they are centred [1]_.

    Parameters
    ----------
    K, L : ndarray, shape (n_rows, n_rows)
        Kernels of the same rows.

    Returns
    -------
    float
        From 0 to 1; 0 if one of them is constant.

    References
    ----------
    .. [1] Cortes, Mohri, Rostamizadeh: Algorithms for learning kernels based on centered alignment. Journal of
       Machine Learning Research 13, 2012, pages 795-828.

    Examples
    --------
    >>> A = np.array([[0.0], [1.0], [5.0]])
    >>> round(alignment(A @ A.T, 7 * A @ A.T), 6)
    1.0
    """
    K, L = centred_kernel(K), centred_kernel(L)
    size = np.linalg.norm(K) * np.linalg.norm(L)
    return float((K * L).sum() / size) if size > 0 else 0.0


def aligned_weights(between: np.ndarray, with_target: np.ndarray) -> np.ndarray:
    """Weights of the sum of kernels that is aligned best with a target [1]_.

    The weights v minimise ``v' M v - 2 v' a`` under ``v >= 0``. They are found as a problem of non-negative least
    squares in a square root of M.

    Parameters
    ----------
    between : ndarray, shape (n_kernels, n_kernels)
        M: sums of the products of the entries of two centred kernels.
    with_target : ndarray, shape (n_kernels,)
        a: the same of a kernel and the target.

    Returns
    -------
    ndarray, shape (n_kernels,)
        None negative; they sum to one, or are all zero if no kernel goes with the target.

    References
    ----------
    .. [1] Cortes, Mohri, Rostamizadeh: Algorithms for learning kernels based on centered alignment. Journal of
       Machine Learning Research 13, 2012, pages 795-828.
    """
    values, vectors = np.linalg.eigh(between)
    roots = np.sqrt(np.clip(values, 0.0, None))
    kept = roots > 1e-7 * roots.max(initial=0.0)
    if not kept.any():
        return np.zeros(len(with_target))
    root = roots[kept, None] * vectors[:, kept].T
    found = nnls(root, (vectors[:, kept].T @ with_target) / roots[kept])[0]
    return found / found.sum() if found.sum() > 0 else found


def margin_objective(
    kernels: np.ndarray, weights: np.ndarray, codes: np.ndarray, C: float = 1.0
) -> tuple[float, np.ndarray]:
    """What a support vector machine on a weighted sum of kernels minimises, and how it changes with the weights.

    Parameters
    ----------
    kernels : ndarray, shape (n_kernels, n_rows, n_rows)
        Kernels of the training rows.
    weights : ndarray, shape (n_kernels,)
        Of the sum.
    codes : ndarray of int, shape (n_rows,)
        Classes. Of more than two the objectives of all pairs are added.
    C : float, default=1.0
        Price of an error.

    Returns
    -------
    value : float
        The least value that the machine can reach.
    gradient : ndarray, shape (n_kernels,)
        Its derivatives by the weights.
    """
    value, gradient = 0.0, np.zeros(len(kernels))
    for pair in combinations(np.unique(codes), 2):
        rows = np.flatnonzero(np.isin(codes, pair))
        parts = kernels[:, rows[:, None], rows]
        machine = SVC(C=C, kernel="precomputed", tol=_TOLERANCE).fit(np.tensordot(weights, parts, 1), codes[rows])
        signed = np.asarray(machine.dual_coef_)[0]
        kept = machine.support_
        lengths = np.einsum("i,kij,j->k", signed, parts[:, kept[:, None], kept], signed)
        value += float(np.abs(signed).sum() - weights @ lengths / 2)
        gradient -= lengths / 2
    return value, gradient


def _average(kernels: np.ndarray, codes: np.ndarray, C: float) -> np.ndarray:
    return np.ones(len(kernels))


def _aligned(kernels: np.ndarray, codes: np.ndarray, C: float) -> np.ndarray:
    flat = np.stack([centred_kernel(K).ravel() for K in kernels])
    return aligned_weights(flat @ flat.T, flat @ target_kernel(codes).ravel())


def _simple(kernels: np.ndarray, codes: np.ndarray, C: float) -> np.ndarray:
    start = np.full(len(kernels), 1.0 / len(kernels))
    return minimise_on_simplex(lambda weights: margin_objective(kernels, weights, codes, C), start, tol=1e-3).weights


KERNEL_WEIGHTS: dict[str, Callable[[np.ndarray, np.ndarray, float], np.ndarray]] = {
    "average": _average,
    "alignment": _aligned,
    "simple": _simple,
}


def kernel_weights(kernels: np.ndarray, codes: np.ndarray, method: Any = "average", C: float = 1.0) -> np.ndarray:
    """How much each kernel counts.

    Parameters
    ----------
    kernels : ndarray, shape (n_kernels, n_rows, n_rows)
        Centred kernels of the training rows; all zero for one that does not vary.
    codes : ndarray of int, shape (n_rows,)
        Classes.
    method : {"average", "alignment", "simple"} or callable, default="average"
        See ``MultipleKernelSVC``. A callable takes ``(kernels, codes, C)``.
    C : float, default=1.0
        Price of an error, for ``simple``.

    Returns
    -------
    ndarray, shape (n_kernels,)
        None negative; they sum to one. A kernel that does not vary gets 0 and takes no share; where a method finds
        nothing telling, all that vary are equals.

    Raises
    ------
    UnknownNameError
        If there is no such method.
    FeatureError
        If no kernel varies.
    """
    if not callable(method) and method not in KERNEL_WEIGHTS:
        raise UnknownNameError("way to weigh kernels", method, KERNEL_WEIGHTS)
    varying = np.flatnonzero(np.einsum("kii->k", kernels) > 0)
    if len(varying) == 0:
        message = "No view varies over the training rows, so there is nothing to tell them apart by."
        raise FeatureError(message)
    weigh = method if callable(method) else KERNEL_WEIGHTS[method]
    found = np.asarray(weigh(kernels[varying], codes, C), dtype=np.float64)
    weights = np.zeros(len(kernels))
    weights[varying] = found / found.sum() if found.sum() > 0 else 1.0 / len(varying)
    return weights
