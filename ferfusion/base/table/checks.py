"""Whether a table keeps the grammar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from ferfusion.base.errors import TableError, shorten
from ferfusion.base.table.names import columns_of, numbers_only

__all__ = ["check_table"]


def check_table(X: Any, *, need: Sequence[str] = (), features: bool = False) -> pd.DataFrame:
    """Check a table against the grammar.

    Parameters
    ----------
    X : DataFrame
        A row an utterance, indexed by its id.
    need : sequence of str
        Facts that must be there as columns.
    features : bool, default=False
        Whether at least one feature column must be there.

    Returns
    -------
    DataFrame
        The same table, not a copy.

    Raises
    ------
    TableError
        Naming the rows and columns at fault.
    """
    if not isinstance(X, pd.DataFrame):
        message = f"A table must be a pandas DataFrame with a row an utterance, not {type(X).__name__}."
        raise TableError(message)
    if len(X) == 0:
        message = "The table has no rows."
        raise TableError(message)
    _check_labels(X)
    lacking = [column for column in need if column not in X.columns]
    if lacking:
        message = f"The table lacks the column {shorten(lacking)}; it has {shorten(X.columns, 12)}."
        raise TableError(message)
    if features and not columns_of(X):
        message = "The table has no feature columns ('<view>__<feature>'). Extract some first, with features.Views."
        raise TableError(message)
    _check_features(X)
    return X


def _check_labels(X: pd.DataFrame) -> None:
    twice = X.index[X.index.duplicated()].unique()
    if len(twice):
        message = (
            f"Ids must be unique; these occur more than once: {shorten(twice)}. Make the index of the table unique."
        )
        raise TableError(message)
    odd = [column for column in X.columns.tolist() if not isinstance(column, str)]
    if odd:
        message = f"Column names must be strings; these are not: {shorten(odd)}."
        raise TableError(message)
    doubled = X.columns[X.columns.duplicated()].unique()
    if len(doubled):
        message = f"Column names must be unique; these occur more than once: {shorten(doubled)}."
        raise TableError(message)


def _check_features(X: pd.DataFrame) -> None:
    columns = numbers_only(columns_of(X))
    kinds = dict(zip(X.columns.tolist(), X.dtypes, strict=True))
    numeric = {kind: is_numeric_dtype(kind) for kind in set(kinds.values())}
    wrong = [column for column in columns if not numeric[kinds[column]]]
    if wrong:
        message = f"Feature columns must hold numbers; these do not: {shorten(wrong)}."
        raise TableError(message)
    if not columns:
        return
    values = X[columns].to_numpy(na_value=np.nan)
    infinite = np.isinf(values if values.dtype.kind == "f" else values.astype(np.float64))
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        message = (
            f"Features must be finite or missing (NaN); row {X.index[row]!r} holds an infinite value "
            f"in {columns[column]!r} ({int(infinite.sum())} such values in all)."
        )
        raise TableError(message)
