"""Shards: files of the feature store that hold the values of some recordings, and vouch for them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ferfusion.base.files import write_whole

__all__ = ["SHARD_ERRORS", "is_draft", "is_shard", "read_shard", "shard_keys", "shard_rows", "write_shard"]

SHARD_ERRORS = (OSError, KeyError, ValueError, pa.ArrowException)  # what reading a damaged file may raise
_SHARD = re.compile(r"[0-9a-f]{32}\.parquet")
_DRAFT = re.compile(r"\.[0-9a-f]{32}\.parquet\.[0-9a-f]{32}")


def is_shard(name: str) -> bool:
    """Whether a file has the name of a shard; others that lie in the store are not ours to delete."""
    return _SHARD.fullmatch(name) is not None


def is_draft(name: str) -> bool:
    """Whether a file has the name of a shard that is being written, or that a killed process left half-written."""
    return _DRAFT.fullmatch(name) is not None


def write_shard(folder: Path, values: dict[str, np.ndarray]) -> Path:
    """Write values as a new shard that appears whole or not at all.

    Parameters
    ----------
    folder : Path
        Of the extractor.
    values : dict of str to ndarray of float32
        By key; vectors or frames.

    Returns
    -------
    Path
        The shard.
    """
    flat = np.concatenate([array.ravel() for array in values.values()])
    offsets = np.cumsum([0, *(array.size for array in values.values())])
    table = pa.table(
        {
            "key": list(values),
            "shape": [list(array.shape) for array in values.values()],
            "values": pa.LargeListArray.from_arrays(offsets, flat),
        }
    )
    sink = pa.BufferOutputStream()
    # numbers hardly ever repeat: a dictionary of them would only take time and memory
    pq.write_table(table, sink, compression="zstd", use_dictionary=False, write_page_checksum=True)
    path = folder / f"{uuid.uuid4().hex}.parquet"
    write_whole(path, sink.getvalue().to_pybytes())
    return path


def shard_keys(path: Path) -> list[str]:
    """Keys whose values a shard holds, without reading the values."""
    return _columns(path, ["key"])["key"].to_pylist()


def shard_rows(path: Path) -> dict[str, int]:
    """Number of rows of values by key: 1 for a vector, else the number of frames."""
    table = _columns(path, ["key", "shape"])
    shapes = table["shape"].to_pylist()
    return {key: shape[0] if len(shape) > 1 else 1 for key, shape in zip(table["key"].to_pylist(), shapes, strict=True)}


def read_shard(path: Path, keys: Iterable[str]) -> dict[str, np.ndarray]:
    """Some values of a shard.

    Parameters
    ----------
    path : Path
        The shard.
    keys : iterable of str
        What is wanted; the others are not kept in memory.

    Returns
    -------
    dict of str to ndarray of float32
        Read-only.

    Raises
    ------
    OSError, KeyError, ValueError, pyarrow.ArrowException
        If the shard is gone, or is not what was written: pages carry checksums.
    """
    table = _columns(path, ["key", "shape", "values"])
    wanted = set(keys)
    rows = [row for row, key in enumerate(table["key"].to_pylist()) if key in wanted]
    if len(rows) < len(table):
        table = table.take(rows)
    values = table["values"].combine_chunks()
    flat, offsets = values.values.to_numpy(), values.offsets.to_numpy()
    shapes = table["shape"].to_pylist()
    return {key: flat[offsets[i] : offsets[i + 1]].reshape(shapes[i]) for i, key in enumerate(table["key"].to_pylist())}


def _columns(path: Path, names: list[str]) -> pa.Table:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        table = file.read(names)
    if table.column_names != names:
        message = f"it has the columns {table.column_names}, not {names}"
        raise ValueError(message)
    return table
