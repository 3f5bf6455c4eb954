"""Databases in audformat: a header ``db.yaml``, a file a table, sounds below the header's folder.

Nothing that comes with a database is run: the header is read by YAML's safe loader, and pickled tables are left alone.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import ascii_lowercase
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.errors import CorpusError, UnknownNameError, shorten
from ferfusion.base.optional import require
from ferfusion.corpora.files.columns import column_of, missing
from ferfusion.corpora.files.tables import decoded
from ferfusion.corpora.labels import canonical

__all__ = ["HEADER", "Database", "audformat_package", "header_of_database", "quiet", "read_database"]

HEADER = "db.yaml"
_YAML = (".yaml", ".yml")
_LABELS = ("emotion", "label")
_TEXTS = ("transcription", "transcript")
_OURS = {"id", "audio", "start", "end", "split", *_LABELS[:1]}
_SPLITS = ("train", "dev", "test")
_NANO = 1e9

Key = tuple[str, int | None, int | None]  # file, and its segment in nanoseconds


@dataclass(frozen=True)
class Database:
    """What was read.

    Parameters
    ----------
    table : DataFrame
        As a manifest's: columns ``id``, ``audio`` (relative to the header), ``start``, ``end``, ``emotion``, facts.
    name, title, license, source : str
        As the header says.
    languages : tuple of str
        Two letters where there are two.
    notes : list of str
        What was left out.
    faults : list of (str, str)
        Ids and what is wrong with them.
    """

    table: pd.DataFrame
    name: str
    title: str = ""
    license: str = ""
    source: str = ""
    languages: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)


def header_of_database(path: Path) -> Path | None:
    """Header of a database that is named by its folder or its header; None for anything else."""
    if path.suffix.lower() in _YAML and not path.is_dir():
        return path
    return path / HEADER if (path / HEADER).is_file() else None


def audformat_package() -> ModuleType:
    """The package, or how to get it."""
    return require("audformat", needed_by="An audformat database", install="ferfusion[audformat]")


@contextmanager
def quiet() -> Iterator[None]:
    """Spare users the warnings that audformat gets from newer versions of pandas."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        yield


def read_database(header: Path, *, table: str | None = None, emotion: str | None = None) -> Database:
    """Read a database.

    Parameters
    ----------
    header : Path
        Its YAML file.
    table : str, optional
        The table whose labels are wanted; all that have the column if missing.
    emotion : str, optional
        Column (or scheme) of the labels; ``emotion``, else ``label``, if missing.

    Returns
    -------
    Database

    Raises
    ------
    CorpusError
        If it cannot be read, or its tables contradict each other.
    UnknownNameError
        If there is no such table or column.
    """
    with quiet():
        db = _load(header)
        chosen = _label_columns(db, table, emotion)
        rows, labels = _rows(db, chosen, table)
        facts, notes = _facts(db, chosen, rows)
        splits, torn = _splits(db, rows)
        about = _about(db, header)
    ids = _ids(list(rows), facts.pop("id", None))
    columns: dict[str, list[Any]] = {"id": ids, "audio": [file for file, _, _ in rows]}
    if any(start is not None for _, start, _ in rows):
        columns["start"] = [None if start is None else start / _NANO for _, start, _ in rows]
        columns["end"] = [None if end is None else end / _NANO for _, _, end in rows]
    if chosen:
        columns |= _named(db, chosen[0], [labels.get(key) for key in rows])
    columns |= {name: values for name, values in facts.items() if name not in columns}
    if any(split is not None for split in splits):
        columns["split"] = splits
    faults = [(ids[i], f"in the splits {shorten(names)} at once") for i, names in torn.items()]
    found = pd.DataFrame({name: column_of(values) for name, values in columns.items()})
    try:
        return Database(decoded(found), **about, notes=notes, faults=faults)
    except ValueError as error:
        message = f"The database {header} cannot be read ({error})."
        raise CorpusError(message) from error


def _load(header: Path) -> Any:
    audformat = audformat_package()
    yaml = require("yaml", needed_by="An audformat database", install="ferfusion[audformat]")
    if not header.is_file():
        message = f"The database {header} does not exist."
        raise CorpusError(message)
    try:
        content = yaml.load(header.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        db = audformat.Database.load_header_from_yaml(content)
        with tempfile.TemporaryDirectory() as place:
            # tables that are labels of others come first
            for i, name in enumerate([*db.misc_tables, *db.tables]):
                copy = Path(place) / str(i)
                _copy_table(header, name, copy)
                db[name].load(str(copy))
    except CorpusError:
        raise
    except Exception as error:  # audformat raises whatever a broken header makes it stumble over
        reason = " ".join(str(error).split()) or type(error).__name__
        message = f"The database {header} cannot be read ({reason[:300]})."
        raise CorpusError(message) from error
    return db


def _copy_table(header: Path, name: str, copy: Path) -> None:
    """Put a table where audformat finds it alone: beside a pickle it would open that, which can run any code."""
    stem = header.parent / f"{header.stem}.{name}"
    for ending in (".parquet", ".csv"):
        file = stem.with_name(stem.name + ending)
        if file.is_file():
            shutil.copyfile(file, copy.with_suffix(ending))
            return
    if stem.with_name(stem.name + ".pkl").is_file():
        message = (
            f"The table {name!r} of {header} is there as a pickle only, which can run any code when it is opened. If "
            "you trust it, write it anew: audformat.Database.load(FOLDER).save(FOLDER, storage_format='csv')."
        )
    else:
        message = f"The header {header} names the table {name!r}, but {stem.name}.parquet or .csv is not there."
    raise CorpusError(message)


def _about(db: Any, header: Path) -> dict[str, Any]:
    return {
        "name": str(db.name or header.parent.name),
        "title": str(db.description or f"audformat database {db.name}"),
        "license": str(db.license or ""),
        "source": str(db.source or ""),
        "languages": tuple(_two_letters(str(code)) for code in db.languages or ()),
    }


@cache
def _two_letters(code: str) -> str:
    """ISO 639-1 for ISO 639-3, asked of audformat the other way round."""
    mapped = audformat_package().utils.map_language
    for short in [code[:2], *(a + b for a in ascii_lowercase for b in ascii_lowercase)]:
        try:
            if mapped(short) == code:
                return str(short)
        except Exception:  # codes that are not given out, or no longer
            continue
    return code


def _label_columns(db: Any, table: str | None, emotion: str | None) -> list[tuple[str, str]]:
    """Tables and columns that hold the labels; empty if there are none."""
    if table is not None and table not in db.tables:
        raise UnknownNameError("table", table, list(db.tables))
    tables = {name: db.tables[name].columns for name in ([table] if table else list(db.tables))}
    for wanted in _LABELS if emotion is None else (emotion,):
        named = [(name, column) for name, columns in tables.items() for column in columns if column == wanted]
        if not named:
            named = [(n, c) for n, columns in tables.items() for c in columns if columns[c].scheme_id == wanted]
        several = {column for _, column in named}
        if len(several) > 1:
            message = f"Labels stand in several columns: {shorten(sorted(several))}. Name one, with emotion=..."
            raise CorpusError(message)
        if named:
            return _of_one_type(db, named)
    if emotion is not None:
        raise UnknownNameError("column", emotion, sorted({c for columns in tables.values() for c in columns}))
    return []


def _of_one_type(db: Any, named: list[tuple[str, str]]) -> list[tuple[str, str]]:
    types = {db.tables[table].type for table, _ in named}
    if len(types) > 1:
        message = (
            f"Labels stand in tables of whole files and of segments: {shorten(table for table, _ in named)}. Name one, "
            "with table=..."
        )
        raise CorpusError(message)
    return sorted(named, key=lambda pair: -len(db.tables[pair[0]].df))


def _rows(db: Any, chosen: list[tuple[str, str]], table: str | None) -> tuple[dict[Key, None], dict[Key, Any]]:
    """Rows in order, and the label of each; the largest table comes first."""
    if not chosen:
        tables = [table] if table else sorted(db.tables, key=lambda name: -len(db.tables[name].df))
        types = [db.tables[name].type for name in tables]
        keys = [key for name, type_ in zip(tables, types, strict=True) if type_ == types[0] for key in _keys(db, name)]
        if not keys:
            message = f"The database {db.name!r} has no tables with rows."
            raise CorpusError(message)
        return dict.fromkeys(keys), {}
    rows: dict[Key, None] = {}
    labels: dict[Key, Any] = {}
    differ: list[str] = []
    for name, column in chosen:
        for key, label in zip(_keys(db, name), _values(db.tables[name].df[column]), strict=True):
            rows[key] = None
            if label is not None and labels.setdefault(key, label) != label:
                differ.append(key[0])
    if differ:
        message = (
            f"The tables {shorten(name for name, _ in chosen)} label {len(differ)} rows differently, such as "
            f"{shorten(differ, 1)}. Name one table, with table=..."
        )
        raise CorpusError(message)
    if not rows:
        message = f"The database {db.name!r} has no labelled rows in {shorten(name for name, _ in chosen)}."
        raise CorpusError(message)
    return rows, labels


def _keys(db: Any, table: str) -> list[Key]:
    index = db.tables[table].df.index
    if db.tables[table].type == "filewise":
        return [(str(file), None, None) for file in index]
    starts, ends = (pd.to_timedelta(index.get_level_values(name)).to_numpy() for name in ("start", "end"))
    keys: list[Key] = []
    for file, start, end in zip(index.get_level_values("file"), starts, ends, strict=True):
        first = 0 if np.isnat(start) else int(start.astype("timedelta64[ns]").astype(np.int64))
        last = None if np.isnat(end) else int(end.astype("timedelta64[ns]").astype(np.int64))
        # from its start to its end is the whole file
        keys.append((str(file), None, None) if first == 0 and last is None else (str(file), first, last))
    return keys


def _values(column: pd.Series) -> list[Any]:
    cells = [None if missing(cell) else cell for cell in column.astype(object)]
    cells = [cell.item() if isinstance(cell, np.generic) else cell for cell in cells]
    return [cell.total_seconds() if isinstance(cell, pd.Timedelta) else cell for cell in cells]


def _facts(db: Any, chosen: list[tuple[str, str]], rows: dict[Key, None]) -> tuple[dict[str, list[Any]], list[str]]:
    """All other columns, brought to the rows, and what is said of their values in the schemes."""
    facts: dict[str, list[Any]] = {}
    schemes: dict[str, Any] = {}
    lost: list[str] = []
    label_column = chosen[0][1] if chosen else None
    for table in db.tables:
        found = dict(zip(_keys(db, table), [None] * len(db.tables[table].df), strict=True))
        whole = all(start is None for _, start, _ in found)
        for column in db.tables[table].columns:
            if (table, column) in chosen:
                continue
            found = dict(zip(found, _values(db.tables[table].df[column]), strict=True))
            values = [found.get(key, found.get((key[0], None, None)) if whole else None) for key in rows]
            if all(value is None for value in values) and any(value is not None for value in found.values()):
                lost.append(f"{table}.{column}")
                continue
            name = _free_name(facts, column, table, values, taken=column in _OURS - {"id"} or column == label_column)
            facts[name] = _filled(facts.get(name), values)
            schemes.setdefault(name, db.tables[table].columns[column].scheme_id)
    for name, scheme in schemes.items():
        for part, values in _mapped(db, scheme, facts[name]).items():
            facts.setdefault(part, values)
    notes = [f"columns of other files or segments than those with labels: {shorten(lost)}"] if lost else []
    return _with_text(db, facts, schemes), notes


def _free_name(facts: dict[str, list[Any]], column: str, table: str, values: list[Any], *, taken: bool) -> str:
    known = facts.get(column)
    differs = known is not None and any(
        a is not None and b is not None and a != b for a, b in zip(known, values, strict=True)
    )
    return f"{table}.{column}" if taken or differs else column


def _filled(known: list[Any] | None, values: list[Any]) -> list[Any]:
    return values if known is None else [b if a is None else a for a, b in zip(known, values, strict=True)]


def _labels_of(db: Any, scheme: str | None) -> dict[Any, Any]:
    """What a scheme says of each of its labels."""
    labels = None if scheme is None else db.schemes[scheme].labels
    if isinstance(labels, str):
        return dict(db.misc_tables[labels].df.to_dict("index"))
    return labels if isinstance(labels, dict) else {}


def _mapped(db: Any, scheme: str | None, values: list[Any]) -> dict[str, list[Any]]:
    known = {label: said for label, said in _labels_of(db, scheme).items() if isinstance(said, dict)}
    parts = dict.fromkeys(str(part) for said in known.values() for part in said)
    return {part: _values(pd.Series([known.get(v, {}).get(part) for v in values], dtype=object)) for part in parts}


def _with_text(db: Any, facts: dict[str, list[Any]], schemes: dict[str, Any]) -> dict[str, list[Any]]:
    """Facts with transcripts as ``text``; codes of sentences stay beside what they stand for."""
    name = next((name for name in _TEXTS if name in facts), None)
    if name is None or "text" in facts:
        return facts
    spoken = {code: text for code, text in _labels_of(db, schemes.get(name)).items() if isinstance(text, str)}
    if spoken:
        return facts | {"text": [spoken.get(code) for code in facts[name]]}
    return {"text" if column == name else column: values for column, values in facts.items()}


def _named(db: Any, chosen: tuple[str, str], labels: list[Any]) -> dict[str, list[Any]]:
    """Labels by name where the scheme has names for codes."""
    table, column = chosen
    names = _labels_of(db, db.tables[table].columns[column].scheme_id)
    named = bool(names) and all(isinstance(name, str) for name in names.values())
    coded = not all(isinstance(code, str) for code in names)
    if named and (coded or (_all_known(names.values()) and not _all_known(names))):
        return {"emotion": [names.get(code) for code in labels], "original_label": labels}
    return {"emotion": [None if label is None else str(label) for label in labels]}


def _all_known(names: Any) -> bool:
    try:
        return all(canonical(name) for name in names)
    except UnknownNameError:
        return False


def _splits(db: Any, rows: dict[Key, None]) -> tuple[list[str | None], dict[int, list[str]]]:
    """Split of each row, and the positions of rows that stand in two."""
    members: dict[Key, dict[str, None]] = {}
    for table in (name for name in db.tables if db.tables[name].split_id):
        split = db.tables[table].split_id
        kind = db.splits[split].type
        for key in _keys(db, table):
            members.setdefault(key, {})[kind if kind in _SPLITS else str(split)] = None
    found = [list(members.get(key) or members.get((key[0], None, None)) or ()) for key in rows]
    return [names[0] if len(names) == 1 else None for names in found], {
        i: names for i, names in enumerate(found) if len(names) > 1
    }


def _ids(rows: list[Key], given: list[Any] | None) -> list[str]:
    """Ids of a column ``id``, else names of files, with the segment where a file has several."""
    if given is not None and None not in given and len({str(id_) for id_ in given}) == len(given):
        return [str(id_) for id_ in given]
    files = list(dict.fromkeys(file for file, _, _ in rows))
    stems = [Path(file).stem for file in files]
    if len(set(stems)) < len(stems):
        stems = [Path(file).with_suffix("").as_posix() for file in files]
    if len(set(stems)) < len(stems):
        stems = files
    names = dict(zip(files, stems, strict=True))
    if len(rows) == len(files):
        return [names[file] for file, _, _ in rows]
    return [
        names[file] + ("" if start is None else f"@{start / _NANO}-{'end' if end is None else end / _NANO}")
        for file, start, end in rows
    ]
