"""The last step of a table pipeline whose targets are numbers, such as valence, arousal and dominance."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import RegressorMixin, clone
from sklearn.multioutput import MultiOutputRegressor
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.adapters import fit_with_groups
from ferfusion.base.errors import TableError, UnknownNameError, shorten
from ferfusion.base.grouped import give_grouped_cv
from ferfusion.base.rows import LastStep

__all__ = ["TableRegressor", "check_targets"]


def check_targets(y: Any, X: pd.DataFrame) -> np.ndarray:
    """Targets as an array of numbers, checked against the table.

    Parameters
    ----------
    y : array-like, shape (n_utterances,) or (n_utterances, n_targets)
        A Series or DataFrame must have the table's index.
    X : DataFrame
        The table.

    Returns
    -------
    ndarray of float64, shape (n_utterances,) or (n_utterances, n_targets)

    Raises
    ------
    TableError
        If targets are missing, no numbers, or do not fit the rows.
    """
    if isinstance(y, pd.Series | pd.DataFrame) and not y.index.equals(X.index):
        message = "The index of y is not that of the table; align them first, as in y = y.loc[X.index]."
        raise TableError(message)
    try:
        targets = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        message = f"The targets are not all numbers ({error}); a regressor needs numbers, a classifier takes names."
        raise TableError(message) from error
    if targets.ndim not in (1, 2) or len(targets) != len(X) or targets.size == 0:
        message = f"The table has {len(X)} rows but y has the shape {targets.shape}."
        raise TableError(message)
    finite = np.isfinite(targets).reshape(len(X), -1).all(axis=1)
    if not finite.all():
        message = f"These rows have no finite target: {shorten(X.index[~finite])}. Give them one or leave them out."
        raise TableError(message)
    return targets


class TableRegressor(RegressorMixin, LastStep):
    """Predict numbers for the rows of a table with a plain array regressor.

    Facts are dropped. A regressor that takes one target only is fitted once for each.

    Parameters
    ----------
    estimator : regressor on arrays
        Cloned for the fit.
    missing : {"mean", "nan"}, default="mean"
        What a row without a single feature value gets: the mean of training, or NaN for a fusion step that knows
        what to do.

    Attributes
    ----------
    estimator_ : regressor
        Fitted.
    targets_ : list of str
        Names of the targets where ``y`` was a DataFrame, else numbers as names.
    mean_ : ndarray, shape (n_targets,)
        Means of training.
    columns_ : list of str
        Features it reads.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LinearRegression
    >>> X = pd.DataFrame({"audio_a__x": [0.0, 1.0, 2.0]}, index=list("abc"))
    >>> y = pd.DataFrame({"valence": [0.0, 2.0, 4.0], "arousal": [1.0, 0.0, -1.0]}, index=list("abc"))
    >>> TableRegressor(LinearRegression()).fit(X, y).predict(X).round(2)[2]
    array([ 4., -1.])
    """

    def __init__(self, estimator: Any, missing: Literal["mean", "nan"] = "mean") -> None:
        self.estimator = estimator
        self.missing = missing

    def fit(self, X: pd.DataFrame, y: Any) -> TableRegressor:
        """Fit on the rows that have a feature value.

        Parameters
        ----------
        X : DataFrame
            The table, with features.
        y : array-like of float, shape (n_utterances,) or (n_utterances, n_targets)
            Targets.

        Raises
        ------
        TableError
            If the table breaks its grammar or the targets are missing or no numbers.
        FeatureError
            If values are missing in rows that have others and nothing filled them in.
        """
        rows = self._rows_to_learn(X)
        if self.missing not in ("mean", "nan"):
            raise UnknownNameError("treatment of rows without features", self.missing, ["mean", "nan"])
        targets = check_targets(y, X)
        self.is_flat_ = targets.ndim == 1
        named = y.columns if isinstance(y, pd.DataFrame) else range(1 if self.is_flat_ else targets.shape[1])
        self.targets_ = [str(name) for name in named]
        A, targets, groups = self._array(X[rows]), targets[rows], self._groups(X, rows)
        self.mean_ = np.atleast_1d(targets.mean(axis=0))
        estimator = give_grouped_cv(self._for(targets), groups, A)
        self.estimator_ = fit_with_groups(estimator, A, targets, groups)
        return self

    def _for(self, targets: np.ndarray) -> Any:
        estimator = clone(self.estimator)
        if targets.ndim == 1 or estimator.__sklearn_tags__().target_tags.multi_output:
            return estimator
        return MultiOutputRegressor(estimator)

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Targets of each row.

        Parameters
        ----------
        X : DataFrame
            The table.

        Returns
        -------
        ndarray, shape (n_utterances,) or (n_utterances, n_targets)
            As ``y`` was. The mean of training (or NaN) for a row without features.
        """
        check_is_fitted(self)
        rows = self._rows_to_judge(X)
        out = np.tile(self.mean_ if self.missing == "mean" else np.full_like(self.mean_, np.nan), (len(X), 1))
        if rows.any():
            out[rows] = np.asarray(self.estimator_.predict(self._array(X[rows]))).reshape(int(rows.sum()), -1)
        return out[:, 0] if self.is_flat_ else out
