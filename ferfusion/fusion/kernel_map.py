"""Rows as points in the space of a kernel, so that linear methods become kernel methods. Functions on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ferfusion.base.errors import FeatureError
from ferfusion.fusion.kernels import as_kernel, centred_kernel

__all__ = ["apply_kernel_map", "fit_kernel_map"]

_RANK = 1e-10  # share of the greatest eigenvalue below which a direction is none


def fit_kernel_map(A: np.ndarray, kernel: Any = "rbf", gamma: float = 1.0) -> dict[str, np.ndarray]:
    """What it takes to place any row in the space that a kernel and the training rows span.

    There the inner product of two training rows is their centred kernel [1]_; so canonical correlation of such points
    is kernel canonical correlation. Rows are brought to a total variance of one first, so that one ``gamma`` serves
    views of any number of columns.

    Parameters
    ----------
    A : ndarray, shape (n_rows, n_features)
        Training rows without NaN.
    kernel : {"linear", "rbf"} or callable, default="rbf"
        See ``fusion.kernels.as_kernel``.
    gamma : float, default=1.0
        Width of ``rbf``.

    Returns
    -------
    dict of str to ndarray
        ``rows`` (scaled), ``scale``, ``means`` of the kernel's columns, and ``basis``, shape (n_rows, n_dimensions).

    Raises
    ------
    FeatureError
        If the rows do not vary.

    References
    ----------
    .. [1] Schölkopf, Smola, Müller: Nonlinear component analysis as a kernel eigenvalue problem. Neural Computation
       10, 1998, pages 1299-1319. https://doi.org/10.1162/089976698300017467

    Examples
    --------
    >>> A = np.array([[0.0], [1.0], [3.0]])
    >>> points = apply_kernel_map(A, fit_kernel_map(A, "linear"), "linear")
    >>> (points @ points.T * A.var()).round(6).tolist() == ((A - A.mean()) @ (A - A.mean()).T).round(6).tolist()
    True
    """
    scale = float(np.sqrt(A.var(axis=0).sum()))
    if not scale > 0:
        message = "A view does not vary, so it has no place in the space of a kernel."
        raise FeatureError(message)
    rows = A / scale
    K = as_kernel(kernel)(rows, rows, gamma)
    values, vectors = np.linalg.eigh(centred_kernel(K))
    kept = values > _RANK * values[-1]
    basis = (vectors[:, kept] / np.sqrt(values[kept]))[:, ::-1]
    return {"rows": rows, "scale": np.array(scale), "means": K.mean(axis=0), "basis": basis}


def apply_kernel_map(
    A: np.ndarray, fitted: dict[str, np.ndarray], kernel: Any = "rbf", gamma: float = 1.0
) -> np.ndarray:
    """Rows as points; ``fitted`` is what ``fit_kernel_map`` returned for the same kernel.

    Returns
    -------
    ndarray, shape (n_rows, n_dimensions)
        Training rows have a mean of zero.
    """
    K = as_kernel(kernel)(A / fitted["scale"], fitted["rows"], gamma)
    return centred_kernel(K, fitted["means"]) @ fitted["basis"]
