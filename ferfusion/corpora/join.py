"""Feature tables of others, joined to a corpus by id."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ferfusion.base.errors import CorpusError, shorten
from ferfusion.base.table import columns_of, is_feature, views_of
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.tables import read_table

__all__ = ["join_features"]


def join_features(corpus: Corpus, path: str | Path) -> Corpus:
    """Corpus with the views of a feature table added.

    Parameters
    ----------
    corpus : Corpus
        Its rows stay as they are.
    path : str or Path
        CSV, JSON lines or Parquet: ids in a column ``id`` (else the first column, or a Parquet's index), features
        in columns ``<view>__<feature>``. Rows of other ids are passed over; a row of the corpus without one gets
        missing values.

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
    return corpus.replace(X=X, notes=(*corpus.notes, note))
