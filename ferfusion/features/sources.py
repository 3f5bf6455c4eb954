"""What a row's features are computed from, and a digest that changes when it does."""

from __future__ import annotations

import os
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.errors import UnknownNameError
from ferfusion.base.table import texts_of
from ferfusion.features.audio.reading import Recording

__all__ = ["digest_of", "recordings_of", "sources_of"]


def recordings_of(X: pd.DataFrame) -> list[Recording | None]:
    """Recordings of a table's rows.

    Parameters
    ----------
    X : DataFrame
        The table; columns ``audio``, and where they are there ``sampling_rate``, ``start``, ``end``.

    Returns
    -------
    list of Recording or None
        None where the row has no recording.
    """
    if "audio" not in X.columns:
        return [None] * len(X)
    rates, starts, ends = (_numbers(X, column) for column in ("sampling_rate", "start", "end"))
    return [
        Recording(value, rate, start, end, str(name)) if _is_sound(value) else None
        for name, value, rate, start, end in zip(X.index, X["audio"], rates, starts, ends, strict=True)
    ]


def sources_of(X: pd.DataFrame, modality: str) -> list[Any]:
    """Raw material of a modality, row by row, None where missing.

    Parameters
    ----------
    X : DataFrame
        The table.
    modality : {"audio", "text"}
        Which material.

    Returns
    -------
    list of Recording, str or None

    Raises
    ------
    UnknownNameError
        If nothing is computed from this modality.
    """
    if modality not in ("audio", "text"):
        raise UnknownNameError("modality to compute features from", modality, ["audio", "text"])
    return recordings_of(X) if modality == "audio" else texts_of(X)


def digest_of(source: Any) -> str:
    """Digest of a source's content: the bytes of the sound and the segment, or the text.

    Parameters
    ----------
    source : Recording, str or None
        What features are computed from.

    Returns
    -------
    str
        32 hexadecimal digits; empty for None, and for a file that is not there.
    """
    if source is None:
        return ""
    if isinstance(source, str):
        return sha256(source.encode()).hexdigest()[:32]
    if isinstance(source.source, np.ndarray):
        array = np.ascontiguousarray(source.source)
        content = sha256(f"{array.dtype}{source.sampling_rate}".encode() + array.tobytes()).hexdigest()
    else:
        content = _file_digest(source.source)
        if not content:
            return ""
    return sha256(f"{content}|{source.start}|{source.end}".encode()).hexdigest()[:32]


def _file_digest(path: str | os.PathLike[str]) -> str:
    try:
        stat = os.stat(path)
    except OSError:
        return ""
    return _content_digest(str(path), stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=100_000)
def _content_digest(path: str, size: int, modified: int) -> str:
    # size and time of change are only there to make the memory forget a changed file
    try:
        return sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""


def _is_sound(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return True
    return isinstance(value, str | os.PathLike) and bool(str(value))


def _numbers(X: pd.DataFrame, column: str) -> list[float | None]:
    if column not in X.columns:
        return [None] * len(X)
    return [None if pd.isna(value) else float(value) for value in X[column]]
