"""Grammar of the table, in one place: a row an utterance, facts without ``__``, features as ``<view>__<feature>``.

Nobody else splits column names or hands out arrays. A view's name begins with its modality
(``audio_egemaps``, ``text_tfidf``, ``visual_au``). A frame view is one object column ``<view>__frames`` of
2-D arrays ``(n_frames, n_features)``. Beside a view that this library extracted stands a fact column
``<view>@origin``: which extractor made the value of that row from which source.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from ferfusion.base.errors import TableError, UnknownNameError, shorten

__all__ = [
    "GROUP_COLUMNS",
    "LEARNT",
    "MODALITIES",
    "check_table",
    "columns_of",
    "drop_views",
    "facts_of",
    "features_of",
    "frames_of",
    "groups_of",
    "has_frames",
    "is_feature",
    "learnt_views",
    "match_views",
    "modality_of",
    "origin_column",
    "present_rows",
    "replace_features",
    "texts_of",
    "view_of",
    "views_of",
    "with_view",
]

MODALITIES = ("audio", "text", "visual")
GROUP_COLUMNS = ("speaker", "dialogue", "video_id")
_SEPARATOR = "__"
_FRAMES = "frames"
_FRAMES_ENDING = _SEPARATOR + _FRAMES
_ORIGIN = "@origin"
LEARNT = "learnt"  # origin of values that a fitted estimator made


def is_feature(column: object) -> bool:
    """Whether a column name is that of a feature.

    Examples
    --------
    >>> is_feature("audio_egemaps__F0mean"), is_feature("speaker")
    (True, False)
    """
    return isinstance(column, str) and _SEPARATOR in column


def view_of(column: str) -> str:
    """View to which a feature column belongs.

    Examples
    --------
    >>> view_of("visual_au__AU01_intensity")
    'visual_au'
    """
    return column.split(_SEPARATOR, 1)[0]


def modality_of(view: str) -> str:
    """Modality of a view: what stands before the first underscore.

    Examples
    --------
    >>> modality_of("audio_is10")
    'audio'
    """
    return view.split("_", 1)[0]


def views_of(X: pd.DataFrame) -> list[str]:
    """Views of a table, in order of first appearance.

    Parameters
    ----------
    X : DataFrame
        The table.

    Returns
    -------
    list of str
    """
    return list(_layout(tuple(X.columns.tolist())))


@lru_cache(maxsize=64)
def _layout(columns: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Feature columns by view; kept, since tables of thousands of columns pass through a dozen steps."""
    layout: dict[str, list[str]] = {}
    for column in columns:
        if is_feature(column):
            layout.setdefault(view_of(column), []).append(column)
    return {view: tuple(names) for view, names in layout.items()}


def columns_of(X: pd.DataFrame, views: str | Iterable[str] | None = None) -> list[str]:
    """Feature columns of the named views, or of all, view by view.

    Parameters
    ----------
    X : DataFrame
        The table.
    views : str or iterable of str, optional
        Names of views.

    Returns
    -------
    list of str
    """
    layout = _layout(tuple(X.columns.tolist()))
    wanted = layout if views is None else {views} if isinstance(views, str) else set(views)
    return [column for view, columns in layout.items() if view in wanted for column in columns]


def facts_of(X: pd.DataFrame) -> list[str]:
    """Columns that are no features."""
    return [column for column in X.columns.tolist() if not is_feature(column)]


def origin_column(view: str) -> str:
    """Name of the fact column that says how a view's values were made."""
    return view + _ORIGIN


def learnt_views(X: pd.DataFrame) -> list[str]:
    """Views whose values were made by an estimator that had learnt from data."""
    marked = [view for view in views_of(X) if origin_column(view) in X.columns]
    return [view for view in marked if (X[origin_column(view)] == LEARNT).any()]


def match_views(views: Iterable[str], patterns: Iterable[str], *, strict: bool = True) -> list[str]:
    """Views named by patterns: a view's own name, or a modality for all of its views.

    Parameters
    ----------
    views : iterable of str
        The views there are.
    patterns : iterable of str
        Names of views or modalities.
    strict : bool, default=True
        Raise where a pattern matches nothing.

    Returns
    -------
    list of str
        In the order of ``views``.

    Raises
    ------
    UnknownNameError
        If a pattern matches nothing and ``strict``.

    Examples
    --------
    >>> match_views(["audio_is10", "audio_egemaps", "text_tfidf"], ["audio"])
    ['audio_is10', 'audio_egemaps']
    """
    listed = list(views)
    chosen: set[str] = set()
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        hits = {view for view in listed if pattern in (view, modality_of(view))}
        if strict and not hits:
            raise UnknownNameError("view", pattern, [*listed, *{modality_of(view) for view in listed}])
        chosen |= hits
    return [view for view in listed if view in chosen]


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
    columns = _numbers(columns_of(X))
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


def _numbers(columns: list[str]) -> list[str]:
    return [column for column in columns if not column.endswith(_FRAMES_ENDING)]


def has_frames(X: pd.DataFrame, view: str) -> bool:
    """Whether a view is one of frames, an array ``(n_frames, n_features)`` a row."""
    return view + _FRAMES_ENDING in X.columns


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
    columns = _numbers(columns_of(X, views))
    return np.array(X[columns].to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64, order="C", copy=True)


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
    return [value if isinstance(value, np.ndarray) else None for value in X[view + _FRAMES_ENDING]]


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
        block = pd.DataFrame(values, index=X.index, columns=[view + _SEPARATOR + name for name in names])
    else:
        cells = np.empty(len(X), dtype=object)
        cells[:] = list(values)
        block = pd.DataFrame({view + _FRAMES_ENDING: pd.Series(cells, index=X.index, dtype=object)})
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
    gone = set(_numbers(columns_of(X, set(views))))
    kept = X[[column for column in X.columns.tolist() if column not in gone]]
    return pd.concat([kept, pd.DataFrame(values, index=X.index, columns=list(names))], axis=1)
