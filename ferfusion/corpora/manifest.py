"""One's own recordings and transcripts, listed in a CSV or Parquet file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import CorpusError, shorten
from ferfusion.base.table import MODALITIES, modality_of, views_of
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.join import TEXT_FACTS, read_table

__all__ = ["read_manifest"]

_LABELS = ("emotion", "label")


def read_manifest(path: str | Path) -> Corpus:
    """Read a list of recordings and transcripts.

    Parameters
    ----------
    path : str or Path
        CSV or Parquet with a row an utterance. Columns, all optional but one of ``audio`` and ``text`` (or
        features ``<view>__<feature>``): ``id`` (the recording's name without ending if missing), ``audio`` (path,
        relative to the manifest), ``start`` and ``end`` in seconds, ``text``, ``emotion`` (or ``label``),
        ``speaker``, ``gender``, ``language``, ``session``, ``dialogue``, ``turn``, ``split``.

    Returns
    -------
    Corpus
        Named after the file. Without a column of labels ``y`` is None.

    Raises
    ------
    CorpusError
        If there are no rows or nothing to learn from.
    TableError
        If ids occur more than once, named.
    """
    path = Path(path)
    table = read_table(path)
    if table.empty:
        message = f"The manifest {path} has no rows."
        raise CorpusError(message)
    if not {"audio", "text"} & set(table.columns) and not views_of(table):
        wanted = "a column 'audio' or 'text', or features '<view>__<feature>'"
        message = f"The manifest {path} needs {wanted}; it has {shorten(table.columns, 12)}."
        raise CorpusError(message)
    table = table.set_index(_ids(table, path)).drop(columns="id", errors="ignore")
    for column in (name for name in TEXT_FACTS if name in table.columns):
        # speaker 03 is a name, not the number 3
        table[column] = table[column].map(lambda value: None if pd.isna(value) else str(value)).astype(object)
    if "audio" in table.columns:
        table["audio"] = (
            table["audio"].map(lambda value: None if pd.isna(value) else str(path.parent / str(value))).astype(object)
        )
    y = _labels(table)
    table = table.drop(columns=[column for column in _LABELS if column in table.columns])
    return Corpus(table, y, _card(path, table, y), root=path.parent)


def _ids(table: pd.DataFrame, path: Path) -> pd.Index:
    if "id" in table.columns:
        ids = table["id"]
    elif table.index.name == "id":
        ids = table.index.to_series()
    elif "audio" in table.columns and table["audio"].notna().all():
        ids = table["audio"].map(lambda value: Path(str(value)).stem)
    else:
        ids = pd.Series([f"row{i + 1}" for i in range(len(table))])
    unnamed = [i + 2 for i, missing in enumerate(ids.isna()) if missing]
    if unnamed:
        message = f"The manifest {path} has rows without an id, in lines {shorten(unnamed)}."
        raise CorpusError(message)
    return pd.Index(ids.astype(str), name=None)


def _labels(table: pd.DataFrame) -> pd.Series | None:
    column = next((name for name in _LABELS if name in table.columns), None)
    if column is None:
        return None
    names = table[column].map(lambda value: None if pd.isna(value) or not str(value).strip() else str(value).strip())
    return names.astype(object)


def _card(path: Path, table: pd.DataFrame, y: pd.Series | None) -> CorpusCard:
    there = [m for m in ("audio", "text") if m in table.columns]
    there += [modality_of(view) for view in views_of(table)]
    return CorpusCard(
        name=path.stem,
        title=f"Manifest {path.name}",
        languages=tuple(sorted(table["language"].dropna().unique())) if "language" in table.columns else (),
        modalities=tuple(m for m in MODALITIES if m in there),
        emotions={} if y is None else {str(name): int(count) for name, count in y.value_counts().sort_index().items()},
        n_utterances=len(table),
        n_speakers=int(table["speaker"].nunique()) if "speaker" in table.columns else None,
        views=tuple(views_of(table)),
    )
