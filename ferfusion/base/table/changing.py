"""New tables out of old ones; the old ones stay as they were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.table.names import FRAMES_ENDING, LEARNT, SEPARATOR, columns_of, numbers_only, origin_column

__all__ = [
    "drop_views",
    "mark_learnt",
    "replace_columns",
    "replace_features",
    "with_view",
]


def with_view(
    X: pd.DataFrame,
    view: str,
    values: np.ndarray | Sequence[Any],
    names: Sequence[str],
    origin: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Table with a view added, or replaced where it was there.

    Parameters
    ----------
    X : DataFrame
        The table.
    view : str
        Name of the view; begins with its modality.
    values : ndarray of shape (n_utterances, n_features), or sequence of 2-D arrays or None
        One row an utterance. A sequence of arrays makes a frame view.
    names : sequence of str
        Names of the features, without the view; unused for frames.
    origin : sequence of str, optional
        How each row was made.

    Returns
    -------
    DataFrame
        A new table; the old one is left as it was.
    """
    kept = drop_views(X, [view])
    if isinstance(values, np.ndarray) and values.ndim == 2:
        block = pd.DataFrame(values, index=X.index, columns=[view + SEPARATOR + name for name in names])
    else:
        cells = np.empty(len(X), dtype=object)
        cells[:] = list(values)
        block = pd.DataFrame({view + FRAMES_ENDING: pd.Series(cells, index=X.index, dtype=object)})
    if origin is not None:
        kept = kept.assign(**{origin_column(view): list(origin)})
    return pd.concat([kept, block], axis=1)


def drop_views(X: pd.DataFrame, views: Iterable[str]) -> pd.DataFrame:
    """Table without the named views and their origins.

    Parameters
    ----------
    X : DataFrame
        The table.
    views : iterable of str
        Names of views; those that are not there are passed over.

    Returns
    -------
    DataFrame
    """
    named = set(views)
    gone = set(columns_of(X, named)) | {origin_column(view) for view in named}
    return X[[column for column in X.columns.tolist() if column not in gone]]


def replace_features(
    X: pd.DataFrame, values: np.ndarray, names: Sequence[str], *, views: Iterable[str]
) -> pd.DataFrame:
    """Table in which the number columns of the named views give way to others.

    Parameters
    ----------
    X : DataFrame
        The table.
    values : ndarray, shape (n_utterances, n_features)
        The new numbers.
    names : sequence of str
        Full names of the new columns, ``<view>__<feature>``.
    views : iterable of str
        The views that give way.

    Returns
    -------
    DataFrame
        Facts (origins included), other views and frames stay.
    """
    return replace_columns(X, numbers_only(columns_of(X, set(views))), values, names)


def replace_columns(X: pd.DataFrame, columns: Iterable[str], values: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Table in which the named columns give way to others, which stand at its end.

    Parameters
    ----------
    X : DataFrame
        The table.
    columns : iterable of str
        The columns that give way.
    values : ndarray, shape (n_utterances, n_features)
        The new numbers.
    names : sequence of str
        Full names of the new columns.

    Returns
    -------
    DataFrame
    """
    gone = set(columns)
    kept = X[[column for column in X.columns.tolist() if column not in gone]]
    return pd.concat([kept, pd.DataFrame(values, index=X.index, columns=list(names))], axis=1)


def mark_learnt(X: pd.DataFrame, views: Iterable[str]) -> pd.DataFrame:
    """Table whose named views are marked as made by a fitted estimator: it can no longer be split honestly."""
    return X.assign(**{origin_column(view): LEARNT for view in views})
