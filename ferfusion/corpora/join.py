"""Feature tables of others, joined to a corpus by id."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from ferfusion.base.errors import CorpusError, shorten
from ferfusion.base.table import columns_of, is_feature, views_of
from ferfusion.corpora.corpus import Corpus

__all__ = ["TEXT_FACTS", "join_features", "read_table"]

TEXT_FACTS = ("text", "speaker", "gender", "language", "session", "dialogue", "video_id", "split")
_NAMES = {"id", "audio", "video", "emotion", "label", *TEXT_FACTS}
_MISSING = ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>"]


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV or Parquet file.

    Parameters
    ----------
    path : str or Path
        The file; its ending says which.

    Returns
    -------
    DataFrame

    Raises
    ------
    CorpusError
        If the file is not there, is of another kind, or cannot be read.
    """
    path = Path(path)
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {".csv": _read_csv, ".parquet": pd.read_parquet}
    if path.suffix.lower() not in readers:
        message = f"{path} must end in {' or '.join(readers)}."
        raise CorpusError(message)
    if not path.is_file():
        message = f"The table {path} does not exist."
        raise CorpusError(message)
    try:
        return readers[path.suffix.lower()](path)
    except (ValueError, OSError) as error:
        message = f"The table {path} cannot be read ({error})."
        raise CorpusError(message) from error


def _read_csv(path: Path) -> pd.DataFrame:
    # speaker 03 is a name, not the number 3, and somebody may well be called "None"
    with path.open(encoding="utf-8-sig", newline="") as stream:
        header = pd.read_csv(stream, nrows=0).columns.tolist()
    names = [column for i, column in enumerate(header) if column in _NAMES or (i == 0 and not is_feature(column))]
    missing = {column: [""] if column in names else _MISSING for column in header}
    return pd.read_csv(
        path,
        encoding="utf-8-sig",
        dtype=dict.fromkeys(names, str),
        keep_default_na=False,
        na_values=missing,
    )


def join_features(corpus: Corpus, path: str | Path) -> Corpus:
    """Corpus with the views of a feature table added.

    Parameters
    ----------
    corpus : Corpus
        Its rows stay as they are.
    path : str or Path
        CSV or Parquet: ids in a column ``id`` (else the first column, or a Parquet's index), features in columns
        ``<view>__<feature>``. Rows of other ids are passed over; a row of the corpus without one gets missing values.

    Returns
    -------
    Corpus

    Raises
    ------
    CorpusError
        If the table has no feature column, names an id twice, or has no id in common with the corpus.
    """
    table = read_table(path)
    if not all(is_feature(column) for column in table.columns):
        key = "id" if "id" in table.columns else next(column for column in table.columns if not is_feature(column))
        table = table.set_index(key)
    table.index = table.index.astype(str)
    features = table[columns_of(table)]
    if features.shape[1] == 0:
        message = f"{path} has no feature columns, named '<view>__<feature>'; it has {shorten(table.columns)}."
        raise CorpusError(message)
    twice = features.index[features.index.duplicated()]
    if len(twice):
        message = f"{path} names these ids more than once: {shorten(twice.unique())}."
        raise CorpusError(message)
    hits = int(corpus.X.index.isin(features.index).sum())
    if hits == 0:
        message = (
            f"No id of {path} (such as {features.index[0]!r}) is one of the corpus (such as {corpus.X.index[0]!r})."
        )
        raise CorpusError(message)
    X = pd.concat(
        [corpus.X.drop(columns=columns_of(corpus.X, views_of(features))), features.reindex(corpus.X.index)], axis=1
    )
    note = f"views {shorten(views_of(features))} joined from {Path(path).name} for {hits} of {len(corpus)} rows"
    return Corpus(
        X,
        corpus.y,
        corpus.card,
        root=corpus.root,
        folds=corpus.own_folds,
        truth=corpus.truth,
        notes=(*corpus.notes, note),
    )
