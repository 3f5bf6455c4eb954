"""Folds: who is learnt from and who is tested, as positions of rows with a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from ferfusion.base.errors import ProtocolError, shorten

__all__ = [
    "Fold",
    "FoldMaker",
    "folds_from_csv",
    "folds_from_index",
    "folds_from_sets",
    "leave_one_out",
    "official_folds",
    "stratified_folds",
]


@dataclass(frozen=True)
class Fold:
    """One split.

    Parameters
    ----------
    name : str
        What is held out, such as a speaker's name.
    train, test : ndarray of int
        Positions of rows.
    """

    name: str
    train: np.ndarray
    test: np.ndarray


FoldMaker = Callable[[pd.DataFrame], list[Fold]]


def leave_one_out(X: pd.DataFrame, column: str) -> list[Fold]:
    """Hold out one speaker (session, dialogue, ...) after the other.

    Parameters
    ----------
    X : DataFrame
        The table.
    column : str
        Which fact.

    Returns
    -------
    list of Fold

    Raises
    ------
    ProtocolError
        If the fact is missing for a row, or there is only one value.
    """
    if column not in X.columns:
        message = f"The protocol '{column}' needs a column {column!r} in the table; it has {shorten(X.columns, 12)}."
        raise ProtocolError(message)
    values = X[column]
    unknown = X.index[values.isna()]
    if len(unknown):
        message = f"The protocol '{column}' needs to know the {column} of each row; missing for {shorten(unknown)}."
        raise ProtocolError(message)
    names = sorted(values.unique(), key=str)
    if len(names) < 2:
        message = f"The protocol '{column}' needs two of them at least; all {len(X)} rows are of {names[0]!r}."
        raise ProtocolError(message)
    member = values.to_numpy()
    return [_fold(str(name), member == name) for name in names]


def stratified_folds(y: pd.Series, n_splits: int = 10, seed: int = 0) -> list[Fold]:
    """Random folds with equal shares of the classes. Speakers overlap: for comparison with published figures only.

    Parameters
    ----------
    y : Series
        Labels; rows without one are in no fold.
    n_splits : int, default=10
        Number of folds.
    seed : int, default=0
        Seed of the shuffling.

    Returns
    -------
    list of Fold
    """
    largest = int(y.value_counts().max())
    if largest < n_splits:
        message = f"{n_splits} stratified folds need a class of {n_splits} rows at least; the largest has {largest}."
        raise ProtocolError(message)
    labelled = np.flatnonzero(y.notna())
    names = y.to_numpy()[labelled]
    splits = StratifiedKFold(n_splits, shuffle=True, random_state=seed).split(np.zeros(len(names)), names)
    return [Fold(f"fold {i + 1}", labelled[train], labelled[test]) for i, (train, test) in enumerate(splits)]


def official_folds(X: pd.DataFrame) -> list[Fold]:
    """The owner's own split: trained on ``train`` (and ``dev``), tested on ``test``.

    Parameters
    ----------
    X : DataFrame
        The table, with the column ``split``.

    Returns
    -------
    list of one Fold
    """
    if "split" not in X.columns:
        message = "The protocol 'official' needs a column 'split' with the values train, dev and test."
        raise ProtocolError(message)
    split = X["split"].astype(str).to_numpy()
    train, test = np.isin(split, ["train", "dev"]), split == "test"
    if not train.any() or not test.any():
        message = f"The column 'split' needs rows of 'train' and of 'test'; it holds {shorten(sorted(set(split)))}."
        raise ProtocolError(message)
    return [Fold("test", np.flatnonzero(train), np.flatnonzero(test))]


def folds_from_sets(X: pd.DataFrame, sets: pd.Series, column: str) -> list[Fold]:
    """Folds that hold out one set of speakers (or of ids) after the other.

    Parameters
    ----------
    X : DataFrame
        The table.
    sets : Series
        Fold name by speaker or id.
    column : str
        ``id`` for the index, else a fact such as ``speaker``.

    Returns
    -------
    list of Fold

    Raises
    ------
    ProtocolError
        If a row belongs to no fold, or there are fewer than two folds with rows.
    """
    keys = pd.Series(X.index.astype(str) if column == "id" else X[column].astype(str).to_numpy(), index=X.index)
    member = keys.map(sets)
    if member.isna().any():
        message = f"No fold is given for these rows: {shorten(X.index[member.isna()])}."
        raise ProtocolError(message)
    names = [name for name in dict.fromkeys(sets) if (member == name).any()]
    if len(names) < 2:
        message = f"Folds need two sets of rows at least; here all are in {shorten(names)}."
        raise ProtocolError(message)
    return [_fold(str(name), (member == name).to_numpy()) for name in names]


def folds_from_index(file: str, column: str = "speaker") -> FoldMaker:
    """Published folds kept as a data file of the package.

    Parameters
    ----------
    file : str
        Name of the file in ``corpora/indices``, with the columns ``fold`` and ``column``.
    column : str, default="speaker"
        What the folds are made of: ``id`` or a fact.

    Returns
    -------
    callable
        Makes the folds for a table.
    """

    def make(X: pd.DataFrame) -> list[Fold]:
        with (package_files("ferfusion.corpora") / "indices" / file).open(encoding="utf-8") as stream:
            sets = pd.read_csv(stream, dtype=str, keep_default_na=False).set_index(column)["fold"]
        return folds_from_sets(X, sets, column)

    return make


def folds_from_csv(path: str | Path, X: pd.DataFrame) -> list[Fold]:
    """Folds written down in a file.

    Parameters
    ----------
    path : str or Path
        CSV with a column ``fold`` and one of ``id``, ``speaker``, ``session``, ``dialogue``, ``video_id``.
    X : DataFrame
        The table.

    Returns
    -------
    list of Fold
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
    except (ValueError, OSError) as error:
        message = f"The folds {path} cannot be read ({error})."
        raise ProtocolError(message) from error
    columns = [column for column in ("id", "speaker", "session", "dialogue", "video_id") if column in table.columns]
    if "fold" not in table.columns or not columns:
        wanted = "a column 'fold' and one of id, speaker, session, dialogue, video_id"
        message = f"{path} needs {wanted}; it has {shorten(table.columns)}."
        raise ProtocolError(message)
    column = columns[0]
    if column != "id" and column not in X.columns:
        message = f"{path} gives folds by {column!r}, which the table does not have."
        raise ProtocolError(message)
    twice = table[column][table[column].duplicated()]
    if len(twice):
        message = f"{path} names these more than once: {shorten(twice)}."
        raise ProtocolError(message)
    return folds_from_sets(X, table.set_index(column)["fold"], column)


def _fold(name: str, held_out: np.ndarray) -> Fold:
    return Fold(name, np.flatnonzero(~held_out), np.flatnonzero(held_out))
