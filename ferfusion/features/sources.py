"""What a row's features are computed from, and a digest that changes when it does."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.errors import UnknownNameError
from ferfusion.base.table import texts_of
from ferfusion.features.audio.reading import Recording

__all__ = ["SOURCES", "digest_of", "file_digest", "recordings_of", "sources_of", "videos_of", "words_of"]


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


def videos_of(X: pd.DataFrame) -> list[Recording | None]:
    """Video files of a table's rows.

    Parameters
    ----------
    X : DataFrame
        The table; columns ``video`` (paths), and where they are there ``start`` and ``end``, which cut the video as
        they cut the sound.

    Returns
    -------
    list of Recording or None
        None where the row has no path of a video.
    """
    if "video" not in X.columns:
        return [None] * len(X)
    starts, ends = (_numbers(X, column) for column in ("start", "end"))
    return [
        Recording(value, None, start, end, str(name)) if _is_path(value) else None
        for name, value, start, end in zip(X.index, X["video"], starts, ends, strict=True)
    ]


def words_of(X: pd.DataFrame) -> list[Any]:
    """Words of a table's rows with what is known of each, such as its times.

    Parameters
    ----------
    X : DataFrame
        The table; column ``words`` with a list a row, of dictionaries with ``word`` and where they are known ``start``
        and ``end`` (seconds from the start of the utterance) and ``confidence``.

    Returns
    -------
    list of list or None
        Plain Python objects, NaN as None; None where the list is missing or empty. What is no list is handed on as it
        is, for the extractor to complain of.
    """
    if "words" not in X.columns:
        return [None] * len(X)
    return [_plain(cell) or None for cell in X["words"].astype(object)]


# where an extractor's material comes from, by the column
SOURCES: dict[str, Callable[[pd.DataFrame], list[Any]]] = {
    "audio": recordings_of,
    "text": texts_of,
    "video": videos_of,
    "words": words_of,
}


def sources_of(X: pd.DataFrame, column: str) -> list[Any]:
    """Raw material for an extractor, row by row, None where missing.

    Parameters
    ----------
    X : DataFrame
        The table.
    column : {"audio", "text", "video", "words"}
        Which material: the ``source`` of the extractor.

    Returns
    -------
    list of Recording (of ``audio`` and ``video``), str (``text``), list (``words``), or None

    Raises
    ------
    UnknownNameError
        If nothing is computed from this column.
    """
    if column not in SOURCES:
        raise UnknownNameError("column to compute features from", column, SOURCES)
    return SOURCES[column](X)


def digest_of(source: Any) -> str:
    """Digest of a source's content: the bytes of the sound or video and the segment, the text, or the words as JSON.

    Parameters
    ----------
    source : Recording, str, list or None
        What features are computed from.

    Returns
    -------
    str
        32 hexadecimal digits; empty for None, and for a file that is not there.
    """
    if source is None:
        return ""
    if isinstance(source, str):
        return sha256(source.encode(errors="surrogatepass")).hexdigest()[:32]
    if not isinstance(source, Recording):
        # in one order and one spelling, so that the same words are the same source
        return sha256(json.dumps(_plain(source), sort_keys=True, default=repr).encode()).hexdigest()[:32]
    if isinstance(source.source, np.ndarray):
        array = np.ascontiguousarray(source.source)
        content = sha256(f"{array.dtype}{source.sampling_rate}".encode() + array.tobytes()).hexdigest()
    else:
        content = file_digest(source.source)
        if not content:
            return ""
    return sha256(f"{content}|{source.start}|{source.end}".encode()).hexdigest()[:32]


def file_digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file in hexadecimal, read once for as long as it does not change; empty if it cannot be read."""
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
    return isinstance(value, np.ndarray) or _is_path(value)


def _is_path(value: Any) -> bool:
    return isinstance(value, str | os.PathLike) and bool(str(value))


def _plain(value: Any) -> Any:
    """Lists and dictionaries of plain Python objects; whatever is missing is None."""
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, np.generic):
        return _plain(value.item())
    return None if value is None or value is pd.NA or value != value else value


def _numbers(X: pd.DataFrame, column: str) -> list[float | None]:
    if column not in X.columns:
        return [None] * len(X)
    return [None if pd.isna(value) else float(value) for value in X[column]]
