"""Words, signs and sentences of a text, by simple rules that hold for any language written with spaces."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

__all__ = ["folded", "letters_of", "sentences_in", "tokens_in", "words_in"]

_APOSTROPHES = str.maketrans(dict.fromkeys("’ʼ`´＇", "'"))
_HYPHEN = re.compile(r"(?<=\w)[-‐‑](?=\w)")
_END = re.compile(r"[.!?…。！？؟۔]+(?=[\s\"'”’»)\]]|$)")


def folded(text: str) -> str:
    """Text in one spelling: composed letters, plain apostrophes, without case.

    Examples
    --------
    >>> folded("DON’T")
    "don't"
    """
    return unicodedata.normalize("NFC", text).translate(_APOSTROPHES).casefold()


def words_in(text: str) -> list[str]:
    """Words of a text as they are written.

    A word is a run of letters, digits and the marks on them, with apostrophes inside; a hyphen parts two words.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    list of str

    Examples
    --------
    >>> words_in("I don't - well, know!")
    ['I', "don't", 'well', 'know']
    """
    return _patterns()[0].findall(unicodedata.normalize("NFC", text).translate(_APOSTROPHES))


def tokens_in(text: str, *, wildcards: bool = False) -> list[str]:
    """Words of a text and each sign between them, without case.

    Parameters
    ----------
    text : str
        Any text.
    wildcards : bool, default=False
        Whether ``*`` right behind a word belongs to it.

    Returns
    -------
    list of str

    Examples
    --------
    >>> tokens_in("Well-known? :)")
    ['well', 'known', '?', ':', ')']
    >>> tokens_in("happi* about", wildcards=True)
    ['happi*', 'about']
    """
    # a hyphen inside a word is no sign of its own, so that "well known" and "well-known" are the same
    return _patterns()[2 if wildcards else 1].findall(_HYPHEN.sub(" ", folded(text)))


def sentences_in(text: str) -> list[str]:
    """Sentences of a text, with the signs that end them.

    A run of full stops, question or exclamation marks ends one where a space, a closing quotation mark or bracket, or
    nothing follows. Abbreviations are not known: "Mr. Smith" is two sentences. Without words there is none.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    list of str

    Examples
    --------
    >>> sentences_in("Oh no... Is it 3.5?! Well")
    ['Oh no...', 'Is it 3.5?!', 'Well']
    """
    parts, first = [], 0
    for end in _END.finditer(text):
        parts.append(text[first : end.end()])
        first = end.end()
    return [part.strip() for part in [*parts, text[first:]] if words_in(part)]


def letters_of(text: str) -> str:
    """Letters of a text, nothing else."""
    return "".join(character for character in text if character.isalpha())


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    # re counts marks on letters (vowel signs of Hindi, Urdu's diacritics) as no part of a word; the signs that only
    # choose how a picture looks (U+FE00 to U+FE0F) are none
    marks = "".join(chr(i) for i in range(0x300, 0xFE00) if unicodedata.category(chr(i))[0] == "M")
    run = rf"[^\W_](?:[^\W_]|[{marks}])*"
    word = rf"{run}(?:'{run})*"
    return re.compile(word), re.compile(rf"{word}|[^\s\ufe00-\ufe0f]"), re.compile(rf"{word}\*?|[^\s\ufe00-\ufe0f]")
