"""Linear support vector machine for many more features than utterances."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from sklearn.svm import LinearSVC
from sklearn.utils.validation import validate_data

__all__ = ["WideLinearSVC"]

_RIDGE = 1e-10  # share of the mean squared length added to the Gram matrix, so that equal rows do no harm


class WideLinearSVC(LinearSVC):
    """``LinearSVC`` that first turns wide data into the space that its rows span.

    With more features than rows all weights lie in the span of the rows. Writing the rows in coordinates of that
    space (the Cholesky factor of their Gram matrix; nothing is learnt) leaves every inner product as it is, so
    the solution is that of ``LinearSVC`` in a fraction of the time: 6,461 acoustic features of 500 utterances
    become 500.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(20, 500)), np.repeat([0, 1], 10)
    >>> plain, wide = LinearSVC(C=0.01).fit(X, y), WideLinearSVC(C=0.01).fit(X, y)
    >>> bool(np.allclose(plain.decision_function(X), wide.decision_function(X), atol=1e-3))
    True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> WideLinearSVC:
        """Fit the machine.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Samples.
        y : array-like, shape (n_samples,)
            Labels.
        sample_weight : array-like, shape (n_samples,), optional
            Weights of the samples.
        """
        if not isinstance(X, np.ndarray) or X.ndim != 2 or not 1 < X.shape[0] < X.shape[1]:
            return super().fit(X, y, sample_weight)
        X = validate_data(self, X, dtype=np.float64)
        turned = self.turned(X)
        super().fit(turned, y, sample_weight)
        self.coef_: np.ndarray = solve_triangular(turned, np.transpose(self.coef_), lower=True, trans="T").T @ X
        self.n_features_in_ = X.shape[1]  # the user's, not the turned ones
        return self

    @staticmethod
    def turned(X: np.ndarray) -> np.ndarray:
        """Rows in at most as many coordinates as there are rows, with the same inner products.

        Parameters
        ----------
        X : ndarray, shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray, shape (n_samples, min(n_samples, n_features))
        """
        if X.shape[1] <= X.shape[0]:
            return X
        gram = X @ X.T
        gram[np.diag_indices_from(gram)] += _RIDGE * max(np.trace(gram) / len(gram), np.finfo(np.float64).tiny)
        return cholesky(gram, lower=True)
