"""Which rows of a table are turns of the same dialogue, and in what order they were said."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from ferfusion.base.errors import TableError, UnknownNameError, shorten

__all__ = ["SPEAKERS", "dialogue_rows", "neighbour_turns", "same_speaker", "speakers_of"]


def dialogue_rows(X: pd.DataFrame) -> list[np.ndarray]:
    """Rows of each dialogue, in the order of their turns, whatever the order of the table.

    Parameters
    ----------
    X : DataFrame
        The table; facts ``dialogue`` and ``turn`` (a number).

    Returns
    -------
    list of ndarray of int
        Positions of rows, a dialogue each. Rows without a dialogue or a turn are in none; the list is empty where the
        table has no dialogues.

    Raises
    ------
    TableError
        If there are dialogues but no column ``turn``, a turn is no number, or two rows are the same turn.

    Examples
    --------
    >>> X = pd.DataFrame({"dialogue": ["d", "e", "d", None], "turn": [7, 0, 3, 1]}, index=list("wxyz"))
    >>> [rows.tolist() for rows in dialogue_rows(X)]
    [[2, 0], [1]]
    """
    if "dialogue" not in X.columns or not X["dialogue"].notna().any():
        return []
    if "turn" not in X.columns:
        message = "The table has dialogues but no column 'turn', which says in what order they were spoken."
        raise TableError(message)
    turns = _numbers(X["turn"])
    known = X["dialogue"].notna().to_numpy() & ~np.isnan(turns)
    positions = np.flatnonzero(known)
    names, member = np.unique(X["dialogue"].astype(str).to_numpy()[positions].astype(str), return_inverse=True)
    order = np.lexsort((turns[positions], member))
    positions, member = positions[order], member[order]
    if not len(names):
        return []
    dialogues = np.split(positions, np.flatnonzero(np.diff(member)) + 1)
    _check_turns(X, dialogues, turns)
    return dialogues


def _numbers(turns: pd.Series) -> np.ndarray:
    values = pd.to_numeric(turns, errors="coerce")
    odd = values.isna() & turns.notna()
    if odd.any():
        message = f"Turns must be numbers; these rows have none: {shorten(turns.index[odd])}."
        raise TableError(message)
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))


def _check_turns(X: pd.DataFrame, dialogues: list[np.ndarray], turns: np.ndarray) -> None:
    for rows in dialogues:
        twice = np.flatnonzero(np.diff(turns[rows]) == 0)
        if twice.size:
            pair = X.index[rows[twice[0] : twice[0] + 2]]
            message = (
                f"Turn {turns[rows[twice[0]]]:g} of the dialogue {X['dialogue'].iloc[rows[0]]!r} is there more than "
                f"once: {shorten(pair)}. Number the turns of each dialogue, and name dialogues differently."
            )
            raise TableError(message)


def speakers_of(X: pd.DataFrame) -> list[str | None]:
    """Speaker of each row, None where unknown."""
    if "speaker" not in X.columns:
        return [None] * len(X)
    known = X["speaker"].notna()
    return [str(name) if there else None for name, there in zip(X["speaker"], known, strict=True)]


def same_speaker(a: str | None, b: str | None) -> bool:
    """Whether two turns are known to be of one speaker."""
    return a is not None and a == b


def _other_speaker(a: str | None, b: str | None) -> bool:
    return a is not None and b is not None and a != b


# by name: whether a turn of speaker b counts for one of speaker a
SPEAKERS: dict[str, Callable[[str | None, str | None], bool]] = {
    "all": lambda a, b: True,
    "same": same_speaker,
    "other": _other_speaker,
}


def neighbour_turns(
    X: pd.DataFrame, n: int | None, *, who: str = "all", after: bool = False
) -> Iterator[tuple[int, list[int]]]:
    """Rows said before (or after) each row in its dialogue, the nearest first.

    Parameters
    ----------
    X : DataFrame
        The table.
    n : int or None
        How many at most; None for all.
    who : {"all", "same", "other"}, default="all"
        Turns of everybody, of the row's own speaker, or of others. Where one of the two speakers is unknown the turn is
        neither the same one's nor another's.
    after : bool, default=False
        Look at what was said after.

    Yields
    ------
    row : int
    neighbours : list of int
        Positions of rows; only rows with neighbours are yielded.

    Raises
    ------
    UnknownNameError
        If ``who`` is none of these.
    """
    if who not in SPEAKERS:
        raise UnknownNameError("whose turns to look at", who, SPEAKERS)
    counts, speakers = SPEAKERS[who], speakers_of(X)
    for rows in dialogue_rows(X):
        said = rows[::-1].tolist() if after else rows.tolist()
        for place, row in enumerate(said):
            found: list[int] = []
            for other in reversed(said[:place]):
                if n is not None and len(found) >= n:
                    break
                if counts(speakers[row], speakers[other]):
                    found.append(other)
            if found:
                yield row, found
