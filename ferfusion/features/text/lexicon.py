"""What the words of a text are known for: valence and whatever else a lexicon says of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ferfusion.base.errors import FeatureError
from ferfusion.features.extractor import Extractor
from ferfusion.features.sources import file_digest
from ferfusion.features.text.entries import Lexicon, find_entries, read_lexicon
from ferfusion.features.text.tokens import tokens_in
from ferfusion.features.text.vader import VADER_NAMES, vader_identity, vader_values
from ferfusion.features.text.wordlists import WordLists, is_negation, lists_of

__all__ = ["TextLexicon", "lexicon_values"]

_STATISTICS = ("count", "coverage", "mean", "min", "max", "sum", "negated")
_OF_CATEGORIES = ("count", "coverage", "mean", "max", "negated")
_CLAUSE = set('.,;:!?…()[]"“”—–-')


class TextLexicon(Extractor):
    """Valence and other qualities of words, by VADER [1]_ or by any lexicon in a file.

    VADER's four scores are those of its own package, with statistics over the valences of the words; it is made for
    English. A file gives, for each of its columns of numbers or categories, how often its words occur and how strong
    they are.

    Parameters
    ----------
    lexicon : str, default="vader"
        ``"vader"``, or the path of a table: CSV or tabs, a column of words and one or more of numbers or of categories
        (0 and 1, or ``x`` and nothing). An entry may have several words; one that ends in ``*`` stands for all words
        that begin so. Capitals and hyphens make no difference.
    columns : sequence of str, optional
        Columns of the file to use; all that hold numbers if missing.
    word_column : str, optional
        Column of the file that holds the entries, where its name does not tell.
    negation_window : int, default=3
        An entry of the file is negated if one of so many words before it negates (``not``, ``never``, ``n't``, ...) and
        no comma or other sign stands between. 0 leaves negation alone.
    language : {"en", "de"}, default="en"
        Of the words that negate.

    Notes
    -----
    Of a file, in order: ``words``, ``coverage`` (share of the words that belong to an entry), ``negated`` (share of
    the entries found that are negated), and for each column ``<column>_<statistic>``: ``count``; ``coverage``, which is
    the count per word; ``mean``, ``min``, ``max`` and ``sum`` of its numbers, and ``negated``, the share of its entries
    that are negated. Categories have no ``min`` and ``sum``; their ``mean`` is their share of the entries found. What
    has no value, such as a mean over nothing, is NaN.

    A negated entry counts with the opposite sign in columns with numbers on both sides of 0, and does not count in the
    others, where an opposite has no meaning.

    Where entries overlap the one of most words counts. Of an entry that is there several times the last line counts;
    more than one such entry with differing numbers in a hundred is an error. Of entries that differ only in capitals
    or hyphens that in small letters counts.

    The content of the file belongs to the identity of the extractor, its path does not.

    References
    ----------
    .. [1] Hutto, Gilbert: VADER: a parsimonious rule-based model for sentiment analysis of social media text. ICWSM
       2014. https://doi.org/10.1609/icwsm.v8i1.14550

    Examples
    --------
    >>> features = TextLexicon()
    >>> values = dict(zip(features.feature_names(), features.compute("The plot was good, but not great."), strict=True))
    >>> round(float(values["compound"]), 4)
    -0.5409
    """

    modality = "text"

    def __init__(
        self,
        lexicon: str = "vader",
        columns: Sequence[str] | None = None,
        word_column: str | None = None,
        negation_window: int = 3,
        language: str = "en",
    ) -> None:
        self.lexicon = lexicon
        self.columns = columns
        self.word_column = word_column
        self.negation_window = negation_window
        self.language = language

    def identity(self) -> dict[str, Any]:
        """Parameters, with the content of the lexicon in place of its path."""
        identity = super().identity()
        if self.lexicon == "vader":
            return {**identity, "parameters": {"lexicon": vader_identity()}}
        self._read()
        content = {"lexicon": {"sha256": file_digest(self._path())}}
        return {**identity, "parameters": {**identity["parameters"], **content}}

    def feature_names(self) -> list[str]:
        """Names of the scores and statistics."""
        if self.lexicon == "vader":
            return list(VADER_NAMES)
        read = self._read()
        own = [
            f"{column}_{statistic}"
            for column, category in zip(read.columns, read.categories, strict=True)
            for statistic in (_OF_CATEGORIES if category else _STATISTICS)
        ]
        return ["words", "coverage", "negated", *own]

    def compute(self, source: Any) -> np.ndarray:
        """Scores of a text.

        Raises
        ------
        FeatureError
            If the lexicon cannot be used (see ``entries.read_lexicon``).
        MissingDependencyError
            If VADER's package is not installed.
        """
        if self.lexicon == "vader":
            return vader_values(source)
        return lexicon_values(source, self._read(), self._window(), lists_of(self.language))

    def _read(self) -> Lexicon:
        return read_lexicon(self._path(), self.columns, self.word_column)

    def _path(self) -> str:
        return os.path.expanduser(os.fspath(self.lexicon))

    def _window(self) -> int:
        if self.negation_window < 0:
            message = f"negation_window is a number of words, 0 or more, not {self.negation_window}."
            raise FeatureError(message)
        return self.negation_window


def lexicon_values(text: str, lexicon: Lexicon, window: int, lists: WordLists) -> np.ndarray:
    """Statistics of a text by a lexicon that was read from a file.

    Parameters
    ----------
    text : str
        Any text.
    lexicon : Lexicon
        As ``read_lexicon`` gives it.
    window : int
        Words before an entry in which a negation is looked for.
    lists : WordLists
        Of the language, for its negations.

    Returns
    -------
    ndarray of float32
        As described at ``TextLexicon``.
    """
    tokens = tokens_in(text)
    is_word = np.array([token[0].isalnum() for token in tokens], dtype=bool)
    matches = list(find_entries(tokens, lexicon.tree))
    inside = np.zeros(len(tokens), dtype=bool)
    for match in matches:
        inside[match.first : match.last] = True
    negated = np.array([_is_negated(tokens, match.first, window, lists) for match in matches], dtype=bool)
    found = lexicon.values[[match.entry for match in matches]]
    n_words = max(int(is_word.sum()), 1)
    out = [int(is_word.sum()), (inside & is_word).sum() / n_words, negated.mean() if len(matches) else np.nan]
    for j, category in enumerate(lexicon.categories):
        column = found[:, j]
        own = column == 1 if category else ~np.isnan(column)
        kept = own & ~negated
        values = column[kept]
        if category:
            values = kept[~np.isnan(column)].astype(float)
        elif lexicon.bipolar[j]:
            kept, values = own, np.where(negated, -column, column)[own]
        out += _statistics(values, int(kept.sum()), n_words, negated[own], category=bool(category))
    return np.array(out, dtype=np.float32)


def _statistics(values: np.ndarray, count: int, n_words: int, negated: np.ndarray, *, category: bool) -> list[float]:
    mean, least, most = (values.mean(), values.min(), values.max()) if len(values) else (np.nan, np.nan, np.nan)
    share = negated.mean() if len(negated) else np.nan
    if category:
        return [count, count / n_words, mean, most, share]
    return [count, count / n_words, mean, least, most, values.sum(), share]


def _is_negated(tokens: list[str], first: int, window: int, lists: WordLists) -> bool:
    for token in reversed(tokens[max(0, first - window) : first]):
        if token in _CLAUSE:
            return False
        if is_negation(token, lists):
            return True
    return False
