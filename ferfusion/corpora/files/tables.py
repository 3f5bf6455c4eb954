"""Tables read from CSV, JSON lines and Parquet, with the types of their columns. Knows no labels."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd

from ferfusion.base.errors import CorpusError, shorten
from ferfusion.base.table import is_feature
from ferfusion.corpora.files.columns import (
    JSON_FACTS,
    SHAPE,
    TEXT_FACTS,
    as_frames,
    column_of,
    from_json,
    is_frames,
    missing,
    split_header,
    values_of,
)

__all__ = ["ENDINGS", "check_ending", "csv_header", "decoded", "parse_csv", "read_table"]

_NAMES = {"id", "audio", "video", "emotion", "label", *TEXT_FACTS, *JSON_FACTS}
_MISSING = ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>"]
# from pandas 3.1 on every number is read exactly, and asking for it is a warning
_EXACT: dict[str, Any] = (
    {} if tuple(int(part) for part in pd.__version__.split(".")[:2]) >= (3, 1) else {"float_precision": "round_trip"}
)
_CASTS: dict[str, Callable[[Any], Any]] = {
    "text": str,
    "int": int,
    "float": float,
    "bool": lambda value: {"True": True, "False": False}[str(value)],
}


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV, JSON lines or Parquet file.

    Parameters
    ----------
    path : str or Path
        The file; its ending says which.

    Returns
    -------
    DataFrame
        A header ``code:text`` (or ``:int``, ``:float``, ``:bool``, ``:json``) says what a column holds where its
        values alone do not, and is taken off.

    Raises
    ------
    CorpusError
        If the file is not there, is of another kind, or cannot be read.
    """
    path = Path(path)
    check_ending(path)
    if not path.is_file():
        message = f"The table {path} does not exist."
        raise CorpusError(message)
    try:
        return decoded(_READERS[path.suffix.lower()](path))
    except UnicodeDecodeError as error:
        message = f"The table {path} cannot be read: it is no UTF-8 ({error.reason}). Save it as UTF-8."
        raise CorpusError(message) from error
    except (ValueError, OSError, csv.Error) as error:
        message = f"The table {path} cannot be read ({str(error).rstrip('.')})."
        raise CorpusError(message) from error


def check_ending(path: Path) -> None:
    """Complain of a file that is no table by its name."""
    if path.suffix.lower() not in ENDINGS:
        message = f"{path} must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}."
        raise CorpusError(message)


def csv_header(stream: TextIO) -> list[str]:
    """Headers of a CSV, before any blank line; pandas' own names where there are none."""
    first = next((cells for cells in csv.reader(stream) if cells), [])
    return [cell or f"Unnamed: {i}" for i, cell in enumerate(first)]


def parse_csv(stream: TextIO, header: list[str]) -> pd.DataFrame:
    """Columns of a CSV, those that are named or said to be text as text.

    Parameters
    ----------
    stream : text file
        At its beginning.
    header : list of str
        As ``csv_header`` found it.
    """
    named = {column: split_header(column) for column in header}
    as_text = {
        column
        for i, (column, (name, kind)) in enumerate(named.items())
        if kind is not None or name in _NAMES or (i == 0 and not is_feature(name))
    }
    return pd.read_csv(
        stream,
        # somebody may well be called "None"
        dtype=dict.fromkeys(as_text, str),
        keep_default_na=False,
        na_values={column: [""] if column in as_text else _MISSING for column in header},
        low_memory=False,
        **_EXACT,
    )


def _read_csv(path: Path) -> pd.DataFrame:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        header = _once(csv_header(stream))
        frames = [column for column in header if is_frames(split_header(column)[0])]
        if frames:
            message = f"CSV cannot hold frames ({shorten(frames)}): write .parquet or .jsonl"
            raise ValueError(message)
        stream.seek(0)
        return parse_csv(stream, header)


def _read_jsonl(path: Path) -> pd.DataFrame:
    records = []
    with path.open(encoding="utf-8-sig") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except json.JSONDecodeError as error:
                message = f"line {number} is no JSON: {error.msg} at column {error.colno}"
                raise ValueError(message) from error
            if not isinstance(record, dict):
                message = f"line {number} is no JSON object such as {{'id': 'a', 'audio': 'a.wav'}}"
                raise ValueError(message)
            records.append(record)
    names = dict.fromkeys(name for record in records for name in record)
    return pd.DataFrame({name: _column([record.get(name) for record in records], name) for name in names})


def _column(values: list[Any], name: str) -> pd.Series:
    column = column_of([None if missing(value) else value for value in values])
    return column.astype("float64") if is_feature(name) and column.dtype == "Int64" else column


def _read_parquet(path: Path) -> pd.DataFrame:
    table = pd.read_parquet(path)
    for shapes in [column for column in table.columns if str(column).endswith(SHAPE)]:
        cells = zip(table[shapes.removesuffix(SHAPE)], table[shapes], strict=True)
        arrays = [None if missing(shape) else np.array(flat).reshape(shape) for flat, shape in cells]
        table[shapes.removesuffix(SHAPE)] = pd.Series(arrays, index=table.index, dtype=object)
        table = table.drop(columns=shapes)
    return table


_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
ENDINGS = tuple(_READERS)


def _once(names: list[str]) -> list[str]:
    twice = dict.fromkeys(name for name in names if names.count(name) > 1)
    if twice:
        message = f"columns named more than once: {shorten(twice)}"
        raise ValueError(message)
    return names


def decoded(table: pd.DataFrame) -> pd.DataFrame:
    """Table without kinds in its headers, and its facts of these kinds."""
    headers = [str(header) for header in table.columns]
    names = _once([split_header(header)[0] for header in headers])
    table = table.set_axis(names, axis=1)
    changed = {}
    for name, header in zip(names, headers, strict=True):
        if is_frames(name):
            changed[name] = as_frames(table[name], split_header(header)[1])
        elif not is_feature(name):
            changed[name] = _converted(table[name], split_header(header)[1])
    if not changed:
        return table
    # one step: column by column is slow where there are thousands of features
    facts = pd.DataFrame(changed, index=table.index)
    return pd.concat([facts, table[[name for name in names if name not in changed]]], axis=1)[names]


def _converted(column: pd.Series, kind: str | None) -> pd.Series:
    if kind in _CASTS:
        return _cast(column, kind)
    if column.dtype != object and kind is None and column.name not in JSON_FACTS:
        return column
    cells = values_of(column)
    if column.name != "audio":  # samples in memory stay what they are
        cells = [cell.tolist() if isinstance(cell, np.ndarray) else cell for cell in cells]
    if kind == "json" or column.name in JSON_FACTS:
        cells = _from_json(cells, str(column.name), strict=kind == "json")
    return pd.Series(cells, index=column.index, dtype=object)


def _cast(column: pd.Series, kind: str) -> pd.Series:
    try:
        cells = [None if value is None else _CASTS[kind](value) for value in values_of(column)]
    except (KeyError, ValueError) as error:
        message = f"the column {column.name!r} should hold {kind}: {error}"
        raise ValueError(message) from error
    return column_of(cells).set_axis(column.index)


def _from_json(cells: list[Any], name: str, *, strict: bool) -> list[Any]:
    try:
        return [from_json(cell) if isinstance(cell, str) else cell for cell in cells]
    except ValueError as error:
        if not strict:
            return cells  # plain words
        message = f"the column {name!r} should hold JSON: {error}"
        raise ValueError(message) from error
