"""Lists of one's own recordings and transcripts, read and written: CSV, JSON lines, Parquet, audformat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import CorpusError, UnknownNameError, shorten
from ferfusion.base.table import MODALITIES, facts_of, modality_of, views_of
from ferfusion.corpora._audformat_writing import write_database
from ferfusion.corpora.audformat import HEADER, Database, header_of_database, read_database
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.columns import SOFT, TEXT_FACTS, as_text, kind_of, missing
from ferfusion.corpora.files.sounds import SoundFolder, path_from
from ferfusion.corpora.files.tables import ENDINGS, read_table
from ferfusion.corpora.files.writing import write_table
from ferfusion.features.sources import recordings_of

__all__ = ["LABELS", "PATHS", "is_manifest", "raw_table", "read_manifest", "separator_hint", "write_manifest"]

LABELS = ("emotion", "label")
PATHS = ("audio", "video")


def is_manifest(path: str | Path) -> bool:
    """Whether a path is that of a list of recordings by its ending, or of a folder with an audformat database."""
    return Path(path).suffix.lower() in ENDINGS or header_of_database(Path(path)) is not None


def read_manifest(path: str | Path, *, emotion: str | None = None, table: str | None = None) -> Corpus:
    """Read a list of recordings and transcripts.

    Parameters
    ----------
    path : str or Path
        CSV, JSON lines (``.jsonl``) or Parquet with a row an utterance; or a database in audformat, named by its
        folder or its header (``db.yaml``). Columns, all optional but one of ``audio`` and ``text`` (or features
        ``<view>__<feature>``): ``id`` (the recording's name without ending if missing), ``audio`` and ``video``
        (paths, relative to the manifest), ``start`` and ``end`` in seconds, ``text``, ``words``, ``emotion`` (or
        ``label``), ``speaker``, ``gender``, ``age``, ``language``, ``session``, ``dialogue``, ``turn``, ``split``,
        and ``soft:<emotion>`` for the shares of listeners. Others are kept as facts.
    emotion : str, optional
        Column of the labels, if it has another name.
    table : str, optional
        Table of an audformat database that holds the labels, where several do.

    Returns
    -------
    Corpus
        Named after the file, or as the database calls itself. Without a column of labels ``y`` is None.

    Raises
    ------
    CorpusError
        If it cannot be read, has no rows or nothing to learn from.
    UnknownNameError
        If there is no such column or table.
    TableError
        If ids occur more than once, named.
    MissingDependencyError
        If it is an audformat database and the package is not installed.
    """
    found, file, label, database = raw_table(Path(path), emotion=emotion, table=table)
    return _corpus(found, file, label, database)


def raw_table(
    path: Path, *, emotion: str | None = None, table: str | None = None
) -> tuple[pd.DataFrame, Path, str | None, Database | None]:
    """A manifest as it stands.

    Returns
    -------
    table : DataFrame
        Not yet looked at.
    path : Path
        The file that paths in it are relative to.
    label : str or None
        Column of the labels.
    database : Database or None
        What else an audformat database says.
    """
    header = header_of_database(path)
    if header is not None:
        database = read_database(header, table=table, emotion=emotion)
        return database.table, header, LABELS[0] if LABELS[0] in database.table else None, database
    if path.is_dir():
        message = f"{path} is a folder without {HEADER}. Name a list of recordings: a file {', '.join(ENDINGS)}."
        raise CorpusError(message)
    if table is not None:
        message = f"{path} is one table; table={table!r} is for audformat databases."
        raise CorpusError(message)
    found = read_table(path)
    if emotion is not None and emotion not in found.columns:
        raise UnknownNameError("column", emotion, [str(name) for name in found.columns])
    return found, path, emotion or next((name for name in LABELS if name in found.columns), None), None


def _corpus(table: pd.DataFrame, path: Path, label: str | None, database: Database | None = None) -> Corpus:
    if table.empty:
        message = f"The manifest {path} has no rows."
        raise CorpusError(message)
    if not {"audio", "text"} & set(table.columns) and not views_of(table):
        wanted = "a column 'audio' or 'text', or features '<view>__<feature>'"
        message = f"The manifest {path} needs {wanted}; it has {shorten(table.columns, 12)}.{separator_hint(table)}"
        raise CorpusError(message)
    table = table.set_index(_ids(table, path)).drop(columns="id", errors="ignore")
    y = None if label is None else _labels(table[label])
    shares = [column for column in table.columns if column.startswith(SOFT)]
    soft = _soft(table[shares], path) if shares else None
    table = _readable(table.drop(columns=[*shares, *([] if label is None else [label])]), path.parent)
    card = _card(path, table, y, database)
    gone = _absent(table)
    notes = [] if database is None else [*database.notes]
    if gone:
        notes.append(f"{len(gone)} of {table['audio'].notna().sum()} recordings are not there: {shorten(gone)}")
    faults = [] if database is None else database.faults
    return Corpus(table, y, card, root=path.parent, soft=soft, faults=faults, notes=notes)


def _readable(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Table with names as text and paths from here."""
    changed = {}
    for column in facts_of(table):
        if column in PATHS:
            cells = [cell if isinstance(cell, np.ndarray) else _path(folder, cell) for cell in table[column]]
            changed[column] = pd.Series(cells, index=table.index, dtype=object)
        elif column in TEXT_FACTS or kind_of(table[column]) == "text":
            changed[column] = as_text(table[column])
    return table.assign(**changed)


def _path(folder: Path, cell: object) -> str | None:
    return None if missing(cell) else str(folder / str(cell))


def _absent(table: pd.DataFrame) -> list[str]:
    paths = table.get("audio", [])
    return [path for path in dict.fromkeys(p for p in paths if isinstance(p, str)) if not Path(path).is_file()]


def _ids(table: pd.DataFrame, path: Path) -> pd.Index:
    if "id" in table.columns:
        ids = table["id"]
    elif table.index.name == "id":
        ids = table.index.to_series()
    elif "audio" in table.columns and table["audio"].notna().all():
        ids = table["audio"].map(lambda value: Path(str(value)).stem)
    else:
        ids = pd.Series([f"row{i + 1}" for i in range(len(table))])
    unnamed = [i + 2 for i, gap in enumerate(ids.isna()) if gap]
    if unnamed:
        message = f"The manifest {path} has rows without an id, in lines {shorten(unnamed)}."
        raise CorpusError(message)
    return pd.Index([str(id_) for id_ in ids])


def _labels(column: pd.Series) -> pd.Series:
    names = [None if name is None else name.strip() or None for name in as_text(column)]
    return pd.Series(names, index=column.index, dtype=object)


def _soft(shares: pd.DataFrame, path: Path) -> pd.DataFrame:
    try:
        return shares.astype("float64").rename(columns=lambda column: column.removeprefix(SOFT))
    except (ValueError, TypeError) as error:
        message = f"The manifest {path} has shares that are no numbers, in {shorten(shares.columns)} ({error})."
        raise CorpusError(message) from error


def separator_hint(table: pd.DataFrame) -> str:
    """What to do about a CSV whose columns all stand in one."""
    first = str(table.columns[0]) if table.shape[1] == 1 else ""
    found = next((name for name, mark in (("semicolons", ";"), ("tabs", "\t")) if mark in first), None)
    return f" It seems to be separated by {found}: save it with commas." if found else ""


def _card(path: Path, table: pd.DataFrame, y: pd.Series | None, database: Database | None) -> CorpusCard:
    there = [m for m in ("audio", "text") if m in table.columns]
    there += [modality_of(view) for view in views_of(table)]
    languages = tuple(sorted(table["language"].dropna().unique())) if "language" in table.columns else ()
    return CorpusCard(
        name=path.stem if database is None else database.name,
        title=f"Manifest {path.name}" if database is None else database.title,
        languages=languages or (() if database is None else database.languages),
        modalities=tuple(m for m in MODALITIES if m in there),
        emotions={} if y is None else {str(name): int(count) for name, count in y.value_counts().sort_index().items()},
        n_utterances=len(table),
        n_speakers=int(table["speaker"].nunique()) if "speaker" in table.columns else None,
        license="" if database is None else database.license,
        where_to_get="" if database is None else database.source,
        views=tuple(views_of(table)),
    )


def write_manifest(corpus: Corpus, path: str | Path, *, copy_audio: bool = False) -> Path:
    """Write a corpus as a list that ``read_manifest`` reads.

    Ids, labels, shares of listeners (``soft:<emotion>``), facts, features, frames and origins come back with their
    types and to the last bit. Where the values of a CSV alone would not say their type, the header does
    (``code:text``). Not written: the card but its name, published folds, single ratings, notes, and the truth of
    synthetic sound. audformat has no place for features, and a warning says which are not written; it keeps times
    to the nanosecond.

    Parameters
    ----------
    corpus : Corpus
        What to write.
    path : str or Path
        A file ``.csv``, ``.jsonl`` or ``.parquet``; or a folder, or a file ``.yaml``, for a database in audformat.
        Frames need ``.jsonl`` or ``.parquet``. Folders are made; a file that is there is replaced.
    copy_audio : bool, default=False
        Copy the recordings into ``audio/`` beside the list: whole files as they are, segments as 32-bit WAV of
        their own. Samples in memory are always written there. No file that is there is changed: another recording
        of the same name gets another one.

    Returns
    -------
    Path
        The file, or the header ``db.yaml``. It is written last and in one step: on an error there is none, and
        the sounds that were added are removed again.

    Raises
    ------
    CorpusError
        If the ending is none of these, or the file cannot hold a column.
    AudioError
        If a recording to be copied is not there.
    """
    path = Path(path)
    database = path.suffix.lower() in (".yaml", ".yml") or path.is_dir() or not path.suffix
    if not database and path.suffix.lower() not in ENDINGS:
        message = f"{path} must end in {', '.join(ENDINGS)} or .yaml, or be a folder for an audformat database."
        raise CorpusError(message)
    if database and path.suffix.lower() not in (".yaml", ".yml"):
        path = path / HEADER
    table = _listed(corpus)
    path.parent.mkdir(parents=True, exist_ok=True)
    with SoundFolder(path.parent) as sounds:
        table = _placed(table, corpus, sounds, copy=copy_audio)
        if database:
            write_database(table, path, corpus.card)
        else:
            write_table(table, path)
    return path


def _listed(corpus: Corpus) -> pd.DataFrame:
    """The table with ids, labels and shares as columns."""
    reserved = {"id", LABELS[0]} if corpus.y is not None else {"id", *LABELS}
    wrong = [column for column in corpus.X.columns if column in reserved or column.startswith(SOFT)]
    if wrong:
        message = f"A manifest would read the columns {shorten(wrong)} as ids or labels: give them other names first."
        raise CorpusError(message)
    X = corpus.X
    parts = [pd.Series(X.index.astype(str), index=X.index, name="id", dtype=object)]
    if corpus.y is not None:
        parts.append(corpus.y.rename(LABELS[0]))
    X = X.assign(**{name: as_text(X[name]) for name in TEXT_FACTS if name in X.columns})
    soft = [] if corpus.soft is None else [corpus.soft.add_prefix(SOFT)]
    return pd.concat([*parts, X, *soft], axis=1)


def _placed(table: pd.DataFrame, corpus: Corpus, sounds: SoundFolder, *, copy: bool) -> pd.DataFrame:
    """The table with paths of files that are there when the list is."""
    changed = {}
    if "audio" in table.columns:
        place = sounds.copy if copy else sounds.keep
        found = [None if recording is None else place(recording) for recording in recordings_of(corpus.X)]
        changed["audio"] = pd.Series(found, index=table.index, dtype=object)
    if "video" in table.columns:
        files = [None if missing(cell) else path_from(sounds.beside, str(cell)) for cell in table["video"]]
        changed["video"] = pd.Series(files, index=table.index, dtype=object)
    in_memory = any(isinstance(cell, np.ndarray) for cell in table.get("audio", []))
    said = (["sampling_rate"] if in_memory else []) + (["start", "end"] if copy else [])  # by the files themselves
    return table.assign(**changed).drop(columns=said, errors="ignore")
