"""Tables written as CSV, JSON lines and Parquet so that they are read without loss. Knows no labels."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.errors import CorpusError, shorten
from ferfusion.base.files import write_whole
from ferfusion.base.table import is_feature
from ferfusion.corpora.files.columns import (
    JSON_FACTS,
    SHAPE,
    as_text,
    column_of,
    header_of,
    is_frames,
    kind_of,
    split_header,
    to_json,
    values_of,
)
from ferfusion.corpora.files.tables import check_ending, decoded, parse_csv

__all__ = ["write_table"]


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table that ``read_table`` reads without loss, whole or not at all.

    Parameters
    ----------
    table : DataFrame
        Its index is not written.
    path : str or Path
        The file; its ending, ``.csv``, ``.jsonl`` or ``.parquet``, says which.

    Raises
    ------
    CorpusError
        If the file cannot hold a column.
    """
    path = Path(path)
    check_ending(path)
    write_whole(path, _WRITERS[path.suffix.lower()](table.reset_index(drop=True)))


def _as_csv(table: pd.DataFrame) -> bytes:
    frames = [column for column in table.columns if is_frames(column)]
    if frames:
        message = f"CSV cannot hold frames ({shorten(frames)}): write .parquet or .jsonl."
        raise CorpusError(message)
    parts = {}
    for name in table.columns:
        header, column = _csv_number(table[name]) if is_feature(name) else _csv_fact(table[name])
        parts[header] = column
    return _csv_text(pd.DataFrame(parts)).encode()


def _csv_text(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, lineterminator="\n")


def _csv_number(column: pd.Series) -> tuple[str, pd.Series]:
    # the shortest text for a 32-bit number is that of another 64-bit number
    return str(column.name), column.astype("float64") if column.dtype == "float32" else column


def _csv_fact(column: pd.Series) -> tuple[str, pd.Series]:
    """Header and cells of a fact. Its kind stands in the header only where it would be read as something else."""
    name, kind = str(column.name), kind_of(column)
    if kind == "json":
        return name if name in JSON_FACTS else header_of(name, kind), _json_cells(column, "CSV")
    cells = as_text(column) if kind == "text" else column_of(values_of(column)).set_axis(column.index).rename(name)
    for header in (name, header_of(name, kind)):
        if _reads_as(header, cells):
            return header, cells
    if kind == "text":  # empty texts, and returns without a new line
        return header_of(name, "json"), _json_cells(column, "CSV")
    raise _unwritable(column, "CSV")


def _reads_as(header: str, column: pd.Series) -> bool:
    """Whether a column of CSV would be read with the same name, kind and values."""
    text = _csv_text(pd.DataFrame({"row": "x", header: column}))
    try:
        table = decoded(parse_csv(io.StringIO(text, newline=""), ["row", header]))
    except ValueError:
        return False
    if len(table) != len(column) or table.columns[1] != column.name:
        return False
    return kind_of(table[column.name]) == kind_of(column) and values_of(table[column.name]) == values_of(column)


def _as_jsonl(table: pd.DataFrame) -> bytes:
    headers, columns = [], []
    for name in table.columns:
        if is_frames(name):
            header, cells = _nested(table[name])
        elif is_feature(name):
            header, cells = name, table[name].astype(object).where(table[name].notna(), None).tolist()
        else:
            header, cells = _json_fact(table[name])
        headers.append(header)
        columns.append(cells)
    lines = (dict(zip(headers, row, strict=True)) for row in zip(*columns, strict=True))
    return "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines).encode()


def _json_fact(column: pd.Series) -> tuple[str, list[Any]]:
    name, kind = str(column.name), kind_of(column)
    if kind == "date":
        raise _unwritable(column, "JSON lines")
    # the cell itself, with all that JSON does not know inside of it made plain
    cells = [None if text is None else json.loads(text) for text in _json_cells(column, "JSON lines")]
    typed = split_header(name)[1] is not None
    return header_of(name, kind if kind != "none" else "text") if typed else name, cells


def _nested(column: pd.Series) -> tuple[str, list[Any]]:
    arrays = [cell for cell in column if isinstance(cell, np.ndarray)]
    if not all(np.isfinite(array[~np.isnan(array)]).all() for array in arrays):
        raise _unwritable(column, "JSON lines")
    short = bool(arrays) and all(array.dtype == np.float32 for array in arrays)
    cells = [_numbers(cell) if isinstance(cell, np.ndarray) else None for cell in column]
    return header_of(str(column.name), "float32" if short else None), cells


def _numbers(array: np.ndarray) -> list[Any]:
    cells = array.astype(object)
    cells[np.isnan(array)] = None
    return list(cells.tolist())


def _as_parquet(table: pd.DataFrame) -> bytes:
    parts: dict[str, Any] = {}
    for name in table.columns:
        if is_frames(name):
            arrays = [cell if isinstance(cell, np.ndarray) else None for cell in table[name]]
            dtype = np.result_type(np.float32, *{array.dtype for array in arrays if array is not None})
            parts[name] = pd.Series([None if a is None else a.ravel().astype(dtype) for a in arrays], dtype=object)
            parts[name + SHAPE] = pd.Series([None if a is None else list(a.shape) for a in arrays], dtype=object)
        elif is_feature(name):
            parts[name] = table[name]
        else:
            header, column = _parquet_fact(table[name])
            parts[header] = column
    sink = io.BytesIO()
    pd.DataFrame(parts).to_parquet(sink, index=False)
    return sink.getvalue()


def _parquet_fact(column: pd.Series) -> tuple[str, pd.Series]:
    name, kind = str(column.name), kind_of(column)
    if kind == "json":
        return name if name in JSON_FACTS else header_of(name, kind), _json_cells(column, "Parquet")
    typed = split_header(name)[1] is not None
    if kind == "text":
        column = as_text(column)
    elif column.dtype == object:
        column = column_of(values_of(column)).set_axis(column.index).rename(name)
    return header_of(name, kind if kind != "none" else "text") if typed else name, column


def _json_cells(column: pd.Series, where: str) -> pd.Series:
    try:
        return pd.Series([to_json(cell) for cell in values_of(column)], index=column.index, dtype=object)
    except (TypeError, ValueError) as error:
        raise _unwritable(column, where, str(error)) from error


def _unwritable(column: pd.Series, where: str, why: str = "") -> CorpusError:
    example = next((cell for cell in values_of(column) if cell is not None), None)
    reason = why or f"such as {example!r}"[:80]
    hint = "" if where == "Parquet" else " Parquet can hold more."
    return CorpusError(f"{where} cannot hold the column {column.name!r} ({reason}).{hint}")


_WRITERS: dict[str, Callable[[pd.DataFrame], bytes]] = {
    ".csv": _as_csv,
    ".jsonl": _as_jsonl,
    ".parquet": _as_parquet,
}
