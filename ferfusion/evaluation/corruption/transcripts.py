"""Errors in words, such as a speech recogniser makes. Functions on lists of words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from ferfusion.base.errors import ProtocolError

__all__ = ["TEXT_ERRORS", "asr_errors", "word_errors"]

# shares of the errors; recognisers put another word more often than they lose or invent one
_SUBSTITUTED, _DELETED = 0.6, 0.25
_CANDIDATES = 20  # words out of which the one is taken that is spelt most alike


def word_errors(
    words: Sequence[str], rate: float, vocabulary: Sequence[str], rng: np.random.Generator
) -> list[tuple[int | None, str]]:
    """Words with errors, and which of the true words each one stands for.

    Each true word is met by an error with probability ``rate``: 60 % of the errors put another word in its place, 25 %
    lose it, 15 % put a further word behind it. The other word is, of 20 drawn from the vocabulary, the one spelt most
    like the true one.

    Parameters
    ----------
    words : sequence of str
        What was said.
    rate : float
        Word error rate that is to be expected, 0 to 1.
    vocabulary : sequence of str
        What may be heard instead; a word that stands there twice is drawn twice as often.
    rng : numpy Generator
        Source of chance.

    Returns
    -------
    list of (int or None, str)
        Position of the true word (None for one that nobody said), and the word.

    Raises
    ------
    ProtocolError
        If the rate is no share, or the vocabulary holds no word at all.
    """
    if not 0 <= rate <= 1:
        message = f"A word error rate is a share between 0 and 1, not {rate!r}."
        raise ProtocolError(message)
    if rate > 0 and not len(vocabulary):
        message = "Errors are made of the words of a vocabulary, and it holds none."
        raise ProtocolError(message)
    heard: list[tuple[int | None, str]] = []
    for i, word in enumerate(words):
        # the same number of draws for a word whatever happens to it: a higher rate only adds errors
        chance, kind = rng.random(2)
        drawn = [vocabulary[k] for k in rng.integers(len(vocabulary), size=_CANDIDATES)] if rate > 0 else []
        if chance >= rate:
            heard.append((i, word))
        elif kind < _SUBSTITUTED:
            heard.append((i, _most_alike(word, drawn)))
        elif kind >= _SUBSTITUTED + _DELETED:
            heard += [(i, word), (None, drawn[0])]
    return heard


def asr_errors(text: str, rate: float, vocabulary: Sequence[str], rng: np.random.Generator) -> str:
    """Transcript with errors such as a speech recogniser makes: words replaced, lost and invented.

    Parameters
    ----------
    text : str
        What was said; words are what white space parts.
    rate, vocabulary, rng
        As for ``word_errors``.

    Returns
    -------
    str
        Words parted by single spaces; empty where all were lost.

    Examples
    --------
    >>> asr_errors("so good to see you", 0.0, ["so"], np.random.default_rng(0))
    'so good to see you'
    >>> asr_errors("so good to see you", 0.6, ["sad", "sea", "food"], np.random.default_rng(1))
    'so sad to sea'
    """
    return " ".join(word for _, word in word_errors(text.split(), rate, vocabulary, rng))


TEXT_ERRORS: dict[str, Callable[..., list[tuple[int | None, Any]]]] = {"asr": word_errors}


def _most_alike(word: str, drawn: Sequence[str]) -> str:
    others = [other for other in drawn if other != word]
    if not others:
        return word  # the vocabulary knows nothing else
    return max(others, key=lambda other: SequenceMatcher(None, word, other).ratio())
