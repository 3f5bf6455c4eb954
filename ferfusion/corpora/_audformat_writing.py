"""A corpus as a database in audformat."""

from __future__ import annotations

import os
import re
import shutil
import uuid
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import CorpusError, shorten
from ferfusion.base.table import is_feature, origin_column, views_of
from ferfusion.corpora.audformat import audformat_package, quiet
from ferfusion.corpora.files.columns import JSON_FACTS, header_of, kind_of, missing, split_header, to_json, values_of

__all__ = ["write_database"]

_TABLE = "utterances"
_INDEX = ("audio", "start", "end", "split")  # said by the index and by tables of splits
_OF_SPEAKERS = ("gender", "age")
_SPLITS = ("train", "dev", "test")
_DTYPES = {"none": "str", "text": "str", "json": "str", "int": "int", "float": "float", "bool": "bool", "date": "date"}


def write_database(table: pd.DataFrame, header: Path, card: CorpusCard) -> None:
    """Write a table as a database, whole or not at all.

    Parameters
    ----------
    table : DataFrame
        As a manifest's: ``id``, ``audio`` relative to the header, ``emotion``, facts. Features are not written.
    header : Path
        Its YAML file; the files of the tables stand beside it.
    card : CorpusCard
        Name, licence and languages.

    Raises
    ------
    CorpusError
        If rows have no recording, or several rows the same one.
    """
    audformat = audformat_package()
    views = views_of(table)
    if views:
        message = f"audformat has no place for features: the views {shorten(views)} are not written to {header}."
        warnings.warn(message, UserWarning, stacklevel=3)
    left_out = {column for column in table if is_feature(column)} | {origin_column(view) for view in views}
    table = table.drop(columns=list(left_out), errors="ignore").reset_index(drop=True)
    with quiet():
        index = _index(audformat, table, header)
        try:
            db = _database(audformat, table, index, card)
        except (ValueError, TypeError) as error:
            message = f"{header} cannot hold this corpus: {error}"
            raise CorpusError(message) from error
        _save(db, header)


def _index(audformat: Any, table: pd.DataFrame, header: Path) -> pd.Index:
    files = values_of(table["audio"]) if "audio" in table else [None] * len(table)
    silent = [id_ for id_, file in zip(table["id"], files, strict=True) if file is None]
    if silent:
        message = (
            f"{header} cannot hold rows without a recording ({shorten(silent)}): audformat is a list of files. Write "
            ".parquet or .jsonl."
        )
        raise CorpusError(message)
    starts, ends = (_nanoseconds(table, column) for column in ("start", "end"))
    if all(start is None for start in starts) and all(end is None for end in ends):
        index = audformat.filewise_index(files)
    else:
        first = pd.to_timedelta([start or 0 for start in starts], unit="ns")
        last = pd.to_timedelta([pd.NaT if end is None else end for end in ends], unit="ns")
        index = audformat.segmented_index(files, first, last)
    if index.has_duplicates:
        twice = table["id"][index.duplicated(keep=False)]
        message = f"{header} cannot hold several rows of the same recording or segment: {shorten(twice)}."
        raise CorpusError(message)
    return index


def _nanoseconds(table: pd.DataFrame, column: str) -> list[int | None]:
    if column not in table:
        return [None] * len(table)
    return [None if missing(second) else round(float(second) * 1e9) for second in table[column]]


def _database(audformat: Any, table: pd.DataFrame, index: pd.Index, card: CorpusCard) -> Any:
    db = audformat.Database(
        card.name,
        source=card.where_to_get,
        usage=audformat.define.Usage.OTHER,
        languages=_languages(audformat, card),
        description=card.title,
        license=card.license or None,
    )
    db[_TABLE] = audformat.Table(index)
    of_speakers = _speakers(table)
    for name in table.columns:
        if name in _INDEX or name in {part for parts in of_speakers.values() for part in parts}:
            continue
        header, cells, kind = _cells(table[name])
        labels: Any = of_speakers if name == "speaker" else None
        if name == "emotion" and kind == "text":
            labels = sorted({cell for cell in cells if cell is not None})
        db.schemes[header] = audformat.Scheme(labels=labels) if labels else audformat.Scheme(_DTYPES[kind])
        db[_TABLE][header] = audformat.Column(scheme_id=header)
        db[_TABLE][header].set(cells)
    _add_splits(audformat, db, table, index)
    return db


def _languages(audformat: Any, card: CorpusCard) -> list[str]:
    known = []
    for code in card.languages:
        try:
            known.append(audformat.utils.map_language(code))
        except Exception:  # no such code, or one no longer given out
            continue
    return known


def _cells(column: pd.Series) -> tuple[str, list[Any], str]:
    name, kind = str(column.name), kind_of(column)
    cells = values_of(column)
    if kind == "json":
        return name if name in JSON_FACTS else header_of(name, kind), [to_json(cell) for cell in cells], kind
    if kind == "text":
        cells = [None if cell is None else str(cell) for cell in cells]
    typed = split_header(name)[1] is not None
    return header_of(name, "text" if kind == "none" else kind) if typed else name, cells, kind


def _speakers(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Gender and age by speaker, where these hold for all that a speaker said."""
    if "speaker" not in table or table["speaker"].isna().any():
        return {}
    speakers = [str(name) for name in table["speaker"]]
    parts: dict[str, dict[str, Any]] = {name: {} for name in speakers}
    for column in (name for name in _OF_SPEAKERS if name in table and kind_of(table[name]) in ("text", "int")):
        said: dict[str, set[Any]] = {name: set() for name in speakers}
        for speaker, value in zip(speakers, values_of(table[column]), strict=True):
            said[speaker].add(value)
        if all(len(values) == 1 and None not in values for values in said.values()):
            for speaker, values in said.items():
                parts[speaker][column] = values.pop()
    return parts if any(parts.values()) else {}


def _add_splits(audformat: Any, db: Any, table: pd.DataFrame, index: pd.Index) -> None:
    if "split" not in table:
        return
    for split in dict.fromkeys(str(name) for name in table["split"].dropna()):
        db.splits[split] = audformat.Split(split if split in _SPLITS else audformat.define.SplitType.OTHER)
        name = "split." + re.sub(r"\W", "_", split)
        while name in db.tables:
            name += "_"
        rows = (table["split"] == split).to_numpy()
        db[name] = audformat.Table(index[rows], split_id=split)
        if "emotion" in db.schemes:
            db[name]["emotion"] = audformat.Column(scheme_id="emotion")
            db[name]["emotion"].set(_cells(table["emotion"][rows])[1])


def _save(db: Any, header: Path) -> None:
    """Tables first, the header last: whoever finds a header finds all that it names."""
    stem = header.stem
    place = header.parent / f".{uuid.uuid4().hex}"
    try:
        db.save(str(place), name=stem, storage_format="parquet")
        header.unlink(missing_ok=True)
        for table in db.tables:
            for ending in (".csv", ".pkl"):  # of a database that was here before
                (header.parent / f"{stem}.{table}{ending}").unlink(missing_ok=True)
            os.replace(place / f"{stem}.{table}.parquet", header.parent / f"{stem}.{table}.parquet")
        os.replace(place / f"{stem}.yaml", header)
    finally:
        shutil.rmtree(place, ignore_errors=True)
