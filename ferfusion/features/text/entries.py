"""Lexicon files: words, phrases and stems with numbers or categories, and finding them in a text."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ferfusion.base.errors import FeatureError, UnknownNameError, shorten
from ferfusion.features.sources import file_digest
from ferfusion.features.text.tokens import folded, tokens_in

__all__ = ["Lexicon", "Match", "find_entries", "read_lexicon"]

_WORD_COLUMNS = ("word", "words", "term", "token", "entry", "lemma", "phrase", "ngram")
_SLIPS = 0.01  # share of entries that may be there twice; more of them are a table of another form
_MARKS = {"x": 1.0, "true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}  # of categories, where no numbers are used


class Lexicon(NamedTuple):
    """What a file says.

    Parameters
    ----------
    columns : tuple of str
        Names of the numeric columns.
    categories : ndarray of bool, shape (n_columns,)
        Which of them hold nothing but 0 and 1 (or ``x`` and nothing).
    bipolar : ndarray of bool, shape (n_columns,)
        Which of them have numbers on both sides of 0.
    values : ndarray of float64, shape (n_entries, n_columns)
        NaN where an entry has no number.
    tree : dict
        Entries by their tokens, one after the other; see ``find_entries``.
    """

    columns: tuple[str, ...]
    categories: np.ndarray
    bipolar: np.ndarray
    values: np.ndarray
    tree: dict[str, Any]


class Match(NamedTuple):
    """An entry found in a text.

    Parameters
    ----------
    entry : int
        Its row of ``Lexicon.values``.
    first, last : int
        Its tokens, the last one not included.
    """

    entry: int
    first: int
    last: int


def read_lexicon(path: str, columns: Sequence[str] | None = None, word_column: str | None = None) -> Lexicon:
    """Read a lexicon.

    Parameters
    ----------
    path : str
        CSV (comma or semicolon) or a table with tabs, UTF-8, with or without a header. Lines before the header
        that begin with ``#`` and a space are passed over.
    columns : sequence of str, optional
        Numeric columns to use; all if missing.
    word_column : str, optional
        Column of the entries; if missing, the first one named ``word``, ``term``, ``token``, ``entry``, ``lemma``,
        ``phrase`` or ``ngram``, else the first that holds no numbers.

    Returns
    -------
    Lexicon

    Raises
    ------
    FeatureError
        If the file is not there, cannot be read as a table, has no column of words or of numbers, an infinite number,
        or more than one in a hundred entries again with other numbers.
    UnknownNameError
        If a column that was named is not there, or holds no numbers.
    """
    digest = file_digest(path)
    if not digest:
        message = f"The lexicon {path} does not exist or cannot be read."
        raise FeatureError(message)
    return _read(str(path), None if columns is None else tuple(columns), word_column, digest)


@lru_cache(maxsize=16)
def _read(path: str, columns: tuple[str, ...] | None, word_column: str | None, digest: str) -> Lexicon:
    # the digest is only there to make the memory forget a changed file
    header, rows = _table(Path(path))
    words = _column_of_words(path, header, rows, word_column)
    numeric = {name: found for i, name in enumerate(header) if i != words and (found := _numbers(rows, i)) is not None}
    if not numeric:
        message = f"The lexicon {path} has no column of numbers beside {header[words]!r}; it has {shorten(header, 12)}."
        raise FeatureError(message)
    for name in columns or ():
        if name not in numeric:
            raise UnknownNameError(f"numeric column of the lexicon {path}", name, numeric)
    names = tuple(columns or numeric)
    values = np.column_stack([numeric[name] for name in names])
    if np.isinf(values).any():
        entry = rows[int(np.isinf(values).any(axis=1).argmax())][words]
        message = f"The lexicon {path} holds an infinite number, for {entry!r}."
        raise FeatureError(message)
    categories = np.array(
        [not np.isin(column[~np.isnan(column)], (0.0, 1.0), invert=True).any() for column in values.T]
    )
    values[:, categories] = np.nan_to_num(values[:, categories])
    bipolar = (np.nanmin(values, axis=0) < 0) & (np.nanmax(values, axis=0) > 0)
    tree = _tree(path, [row[words] for row in rows], values)
    return Lexicon(names, categories, bipolar, values, tree)


def _table(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        message = f"The lexicon {path} is no UTF-8 text ({error.reason}). Save it as UTF-8."
        raise FeatureError(message) from error
    while lines and (not lines[0].strip() or lines[0].startswith("# ")):
        lines.pop(0)
    first = lines[0] if lines else ""
    # a tab is never there by chance, the others may be in a cell
    delimiter = "\t" if "\t" in first else max(",;", key=first.count)
    if delimiter not in first:
        message = (
            f"The lexicon {path} is no table of words and numbers: its columns are parted by tab, comma or semicolon."
        )
        raise FeatureError(message)
    # in tables with tabs a quotation mark is a letter like any other, as in emoticons
    kind: dict[str, Any] = {
        "delimiter": delimiter,
        "quoting": csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL,
    }
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, **kind)]
    header = _invented(rows[0]) or rows.pop(0)
    doubled = {name for name in header if header.count(name) > 1}
    if doubled:
        message = f"The lexicon {path} has columns of the same name: {shorten(sorted(doubled))}."
        raise FeatureError(message)
    filled = [[*row, *[""] * (len(header) - len(row))] for row in rows if any(row)]
    return header, filled


def _invented(first: list[str]) -> list[str]:
    """Names for the columns of a table whose first line holds numbers already; none where it is a header."""
    plain = [i for i, cell in enumerate(first) if _number(cell) is None]
    if len(plain) == len(first):
        return []
    word = plain[0] if plain else 0
    if len(first) == 2:
        return ["word" if i == word else "value" for i in range(2)]
    return ["word" if i == word else f"value_{i}" for i in range(len(first))]


def _column_of_words(path: str, header: list[str], rows: list[list[str]], named: str | None) -> int:
    if named is not None:
        if named not in header:
            raise UnknownNameError(f"column of the lexicon {path}", named, header)
        return header.index(named)
    lowered = [name.lower() for name in header]
    for name in _WORD_COLUMNS:
        if name in lowered:
            return lowered.index(name)
    for i in range(len(header)):
        if _numbers(rows, i) is None:
            return i
    message = f"The lexicon {path} has no column of words; it has {shorten(header, 12)}."
    raise FeatureError(message)


def _numbers(rows: list[list[str]], column: int) -> np.ndarray | None:
    """A column as numbers, NaN where a cell is empty; None if a cell holds anything else, or none holds anything."""
    found = np.full(len(rows), np.nan)
    for i, row in enumerate(rows):
        if row[column] == "":
            continue
        value = _number(row[column])
        value = _MARKS.get(row[column].lower()) if value is None else value
        if value is None:
            return None
        found[i] = value
    return found if len(rows) and not np.isnan(found).all() else None


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _tree(path: str, entries: list[str], values: np.ndarray) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    # us before US where both are there: texts are compared in small letters
    last = _last_ones(path, entries, values)
    for entry, i in sorted(last.items(), key=lambda item: (item[0] != folded(item[0]), item[1])):
        node = tree
        for token in tokens_in(entry, wildcards=True):
            node = node.setdefault(token, {})
        if node is not tree:
            node.setdefault("", i)
    return tree


def _last_ones(path: str, entries: list[str], values: np.ndarray) -> dict[str, int]:
    """Row of each entry: the last one where it is there several times, which must be a rare slip."""
    last: dict[str, int] = {}
    conflicts = []
    for i, entry in enumerate(entries):
        if entry and entry in last and not np.array_equal(values[last[entry]], values[i], equal_nan=True):
            conflicts.append(entry)
        last[entry] = i
    last.pop("", None)
    if len(conflicts) > _SLIPS * len(entries):
        names = shorten(dict.fromkeys(conflicts))
        message = (
            f"The lexicon {path} has entries more than once, with different numbers: {names}. "
            "A lexicon has a line an entry, with a column for each of its qualities."
        )
        raise FeatureError(message)
    return last


def find_entries(tokens: Sequence[str], tree: dict[str, Any]) -> Iterator[Match]:
    """Entries in a text, from left to right; none shares a token with another.

    Where several begin at a token the one of most tokens counts, then one without a wildcard, then the one with the
    longest stem.

    Parameters
    ----------
    tokens : sequence of str
        As ``tokens_in`` gives them.
    tree : dict
        Of a lexicon: a node has its children by their token (a stem ends in ``*``), and under "" the entry that ends
        there.

    Yields
    ------
    Match
    """
    i = 0
    while i < len(tokens):
        entry, last = _longest(tokens, i, tree)
        if entry is not None:
            yield Match(entry, i, last)
        i = max(last, i + 1)


def _longest(tokens: Sequence[str], i: int, node: dict[str, Any]) -> tuple[int | None, int]:
    best: tuple[int | None, int] = (node.get(""), i)
    if i < len(tokens):
        for form in _forms(tokens[i]):
            if form in node:
                found = _longest(tokens, i + 1, node[form])
                if found[0] is not None and (best[0] is None or found[1] > best[1]):
                    best = found
    return best


def _forms(token: str) -> Iterator[str]:
    yield token
    for n in range(len(token), 0, -1):
        yield token[:n] + "*"
    if token.endswith("'s"):  # "life's good" is about life
        yield from _forms(token[:-2])
