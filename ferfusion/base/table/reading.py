"""Arrays, frames, texts and groups out of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from ferfusion.base.errors import FeatureError, shorten
from ferfusion.base.table.names import FRAMES_ENDING, LEARNT, columns_of, numbers_only, origin_column, views_of

__all__ = [
    "GROUP_COLUMNS",
    "expect_features",
    "features_of",
    "fitted_features",
    "frames_of",
    "groups_of",
    "has_frames",
    "learnt_views",
    "present_rows",
    "texts_of",
]

GROUP_COLUMNS = ("speaker", "dialogue", "video_id")


def learnt_views(X: pd.DataFrame) -> list[str]:
    """Views whose values were made by an estimator that had learnt from data."""
    marked = [view for view in views_of(X) if origin_column(view) in X.columns]
    return [view for view in marked if (X[origin_column(view)] == LEARNT).any()]


def has_frames(X: pd.DataFrame, view: str) -> bool:
    """Whether a view is one of frames, an array ``(n_frames, n_features)`` a row."""
    return view + FRAMES_ENDING in X.columns


def features_of(X: pd.DataFrame, views: str | Iterable[str] | None = None) -> np.ndarray:
    """Numbers of the named views as an array of one's own.

    Parameters
    ----------
    X : DataFrame
        The table.
    views : str or iterable of str, optional
        Names of views; all that are no frames if missing.

    Returns
    -------
    ndarray of float64, shape (n_utterances, n_features)
        A writable copy; NaN where a value is missing.
    """
    columns = numbers_only(columns_of(X, views))
    return np.array(X[columns].to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64, order="C", copy=True)


def fitted_features(X: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Numbers of the columns that an estimator was fitted on, in their order.

    Parameters
    ----------
    X : DataFrame
        The table.
    columns : sequence of str
        Full names, ``<view>__<feature>``.

    Returns
    -------
    ndarray of float64, shape (n_utterances, n_features)
        A writable copy; NaN where a value is missing.

    Raises
    ------
    FeatureError
        If the table lacks one of them.
    """
    expect_features(X, columns)
    return features_of(X[list(columns)])


def expect_features(X: pd.DataFrame, columns: Iterable[str]) -> None:
    """Raise FeatureError if a table lacks features that an estimator was fitted on."""
    lacking = sorted(set(columns) - set(X.columns.tolist()))
    if lacking:
        message = f"The table lacks {len(lacking)} features this was fitted on: {shorten(lacking)}."
        raise FeatureError(message)


def frames_of(X: pd.DataFrame, view: str) -> list[np.ndarray | None]:
    """Frames of a view, row by row.

    Parameters
    ----------
    X : DataFrame
        The table.
    view : str
        Name of the view.

    Returns
    -------
    list of ndarray of shape (n_frames, n_features), or None where missing
    """
    return [value if isinstance(value, np.ndarray) else None for value in X[view + FRAMES_ENDING]]


def texts_of(X: pd.DataFrame, column: str = "text") -> list[str | None]:
    """Texts of a column as plain strings, None where missing or blank.

    Parameters
    ----------
    X : DataFrame
        The table.
    column : str, default="text"
        Which column.

    Returns
    -------
    list of str or None
    """
    if column not in X.columns:
        return [None] * len(X)
    return [value if isinstance(value, str) and value.strip() else None for value in X[column]]


def present_rows(X: pd.DataFrame, views: str | Iterable[str] | None = None) -> np.ndarray:
    """Rows that hold at least one value of the named views.

    Parameters
    ----------
    X : DataFrame
        The table.
    views : str or iterable of str, optional
        Names of views; all if missing.

    Returns
    -------
    ndarray of bool, shape (n_utterances,)
    """
    columns = columns_of(X, views)
    return X[columns].notna().to_numpy().any(axis=1) if columns else np.zeros(len(X), dtype=bool)


def groups_of(X: pd.DataFrame) -> np.ndarray | None:
    """What must not be torn apart by a split: speakers, else dialogues, else videos.

    Parameters
    ----------
    X : DataFrame
        The table.

    Returns
    -------
    ndarray of str, shape (n_utterances,), or None
        A row whose group is missing is a group of its own. None if no such column holds anything.
    """
    for column in GROUP_COLUMNS:
        if column in X.columns and X[column].notna().any():
            known = X[column].notna().to_numpy()
            names = [
                f"{value}" if k else f"unknown:{id_}" for value, k, id_ in zip(X[column], known, X.index, strict=True)
            ]
            return np.array(names, dtype=object).astype(str)
    return None
