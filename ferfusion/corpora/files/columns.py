"""Columns of tables in files: which kind of values they hold, and how a header says it where the values do not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_scalar

from ferfusion.base.table import is_feature

__all__ = [
    "FRAMES",
    "JSON_FACTS",
    "SHAPE",
    "SOFT",
    "TEXT_FACTS",
    "as_frames",
    "as_text",
    "column_of",
    "from_json",
    "header_of",
    "is_frames",
    "kind_of",
    "missing",
    "split_header",
    "to_json",
    "values_of",
]

# names, never numbers: the speaker 03 is not the number 3
TEXT_FACTS = (
    "text",
    "speaker",
    "gender",
    "language",
    "session",
    "dialogue",
    "video_id",
    "split",
    "corpus",
    "original_label",
)
JSON_FACTS = ("words",)  # lists and dictionaries; text that begins with a bracket is read as JSON
SOFT = "soft:"  # before an emotion's name: the share of listeners who heard it
FRAMES = "__frames"
SHAPE = "@shape"  # of the arrays in the column of frames before it, where they are stored flat
_KINDS = ("text", "int", "float", "bool", "json")
_ARRAYS = ("float32",)


def is_frames(column: str) -> bool:
    """Whether a column holds an array a row."""
    return column.endswith(FRAMES)


def split_header(header: str) -> tuple[str, str | None]:
    """Name of a column and the kind of its values, where the header says it: ``code:text``.

    Parameters
    ----------
    header : str
        As it stands in the file.

    Returns
    -------
    name : str
    kind : {"text", "int", "float", "bool", "json", "float32"} or None

    Examples
    --------
    >>> split_header("code:text"), split_header("soft:anger"), split_header("audio_mel__frames:float32")
    (('code', 'text'), ('soft:anger', None), ('audio_mel__frames', 'float32'))
    """
    name, colon, kind = header.rpartition(":")
    if not colon or not name or header.startswith(SOFT):
        return header, None
    allowed = _ARRAYS if is_frames(name) else () if is_feature(name) else _KINDS
    return (name, kind) if kind in allowed else (header, None)


def header_of(name: str, kind: str | None) -> str:
    """Header of a column; the inverse of ``split_header``."""
    return name if kind is None else f"{name}:{kind}"


def missing(value: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, NaT or NA."""
    return value is None or bool(is_scalar(value) and pd.isna(value))


def values_of(series: pd.Series) -> list[Any]:
    """Cells as plain Python objects, None where missing."""
    listed = series.astype(object).tolist()
    return [None if missing(value) else value.item() if isinstance(value, np.generic) else value for value in listed]


def kind_of(series: pd.Series) -> str:
    """Kind of a column's values.

    Parameters
    ----------
    series : Series
        Missing cells do not count.

    Returns
    -------
    {"none", "text", "int", "float", "bool", "date", "json"}
        "none" if all are missing; "json" for lists, dictionaries and mixtures.
    """
    return _kind(value for value in values_of(series) if value is not None)


def _kind(values: Iterable[Any]) -> str:
    types = {bool if isinstance(value, bool) else type(value) for value in values}
    if not types:
        return "none"
    if all(issubclass(kind, str | os.PathLike) for kind in types):
        return "text"
    if types == {int}:
        return "int"
    if types <= {int, float}:
        return "float"
    if all(issubclass(kind, datetime) for kind in types):
        return "date"
    return "bool" if types == {bool} else "json"


def column_of(values: list[Any]) -> pd.Series:
    """Column of plain Python objects, with the type that loses nothing.

    Parameters
    ----------
    values : list
        None where missing.

    Returns
    -------
    Series
        Of int64, float64 or bool (of Int64 or boolean where some of them are missing), else of objects.
    """
    kind = _kind(value for value in values if value is not None)
    gaps = any(value is None for value in values)
    dtypes = {"int": "Int64" if gaps else "int64", "bool": "boolean" if gaps else "bool", "float": "float64"}
    dtypes["date"] = "datetime64[ns]"
    try:
        return pd.Series(values, dtype=dtypes.get(kind, "object"))
    except (OverflowError, TypeError, ValueError):  # an integer beyond 64 bits, dates of several time zones
        return pd.Series(values, dtype=object)


def as_text(series: pd.Series) -> pd.Series:
    """Column of names: text or None."""
    cells = [None if value is None else str(value) for value in values_of(series)]
    return pd.Series(cells, index=series.index, name=series.name, dtype=object)


def as_frames(column: pd.Series, dtype: str | None = None) -> pd.Series:
    """Column of arrays ``(n_frames, n_features)`` from nested lists or arrays.

    Parameters
    ----------
    column : Series
        None where missing.
    dtype : str, optional
        Of the arrays; float64, or what they are already, if missing.

    Raises
    ------
    ValueError
        If a cell is no table of numbers.
    """
    arrays: list[np.ndarray | None] = []
    for cell in column.astype(object):
        if missing(cell):
            arrays.append(None)
            continue
        nested = [list(row) for row in cell] if isinstance(cell, np.ndarray) and cell.dtype == object else cell
        known = dtype or (nested.dtype if isinstance(nested, np.ndarray) else np.float64)
        try:
            arrays.append(np.array(nested, dtype=known))
        except (ValueError, TypeError) as error:
            message = f"the column {column.name!r} should hold lists of equally long lists of numbers: {error}"
            raise ValueError(message) from error
    width = next((array.shape[1] for array in arrays if array is not None and array.ndim == 2), 0)
    shaped = [array.reshape(0, width) if array is not None and array.shape == (0,) else array for array in arrays]
    if any(array is not None and array.ndim != 2 for array in shaped):
        message = f"the column {column.name!r} should hold lists of lists of numbers, a list a frame"
        raise ValueError(message)
    return pd.Series(shaped, index=column.index, dtype=object)


def to_json(value: Any) -> str | None:
    """A cell as JSON; what is missing inside of it becomes null, an infinite number is an error."""
    return None if value is None else json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)


def from_json(text: Any) -> Any:
    """What a cell of JSON says."""
    return None if missing(text) else json.loads(text)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return None if missing(value) else value
