"""How a text is put, whatever it says: length, variety, punctuation, emphasis, hesitation."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Any

import numpy as np

from ferfusion.features.extractor import Extractor
from ferfusion.features.text.tokens import folded, letters_of, sentences_in, words_in
from ferfusion.features.text.wordlists import WordLists, is_filler, is_negation, lists_of

__all__ = ["LANGUAGE_NAMES", "STYLE_NAMES", "TextStyle", "language_values", "style_values"]

STYLE_NAMES = (
    "characters",
    "words",
    "sentences",
    "words_per_sentence",
    "word_length",
    "type_token_ratio",
    "punctuation",
    "exclamations",
    "questions",
    "commas",
    "ellipses",
    "question_share",
    "repeated_punctuation",
    "repeated_letters",
    "upper_share",
    "capital_words",
    "digits",
    "repetitions",
    "cut_offs",
    "laughter",
    "brackets",
)
LANGUAGE_NAMES = (
    "first_singular",
    "first_plural",
    "second_person",
    "third_person",
    "negations",
    "fillers",
)

# said about the recording, not in it: [laughter], (sighs), <noise>, *laughs*
_BRACKETS = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|<[^<>]*>|(?<!\*)\*[^*\s][^*]*\*(?!\*)")
_LAUGHTER = re.compile(r"(?:mua|mwa|wa|ba)?(?:h[aäeiou]+){2,}h?|(?:a|e)h(?:ah)+a?|lo+l|lmf?ao+|rofl")
_SAID_LAUGHTER = re.compile(r"laugh|chuckl|giggl|lach|kicher")
_ELLIPSIS = re.compile(r"\.{2,}|…")
_RUN = re.compile(r"[!?！？]{2,}")
_LONG_LETTER = re.compile(r"([^\W\d_])\1{2,}")
_CUT_OFF = re.compile(r"(?<=[^\W_])[-‐‑](?![-\w])")


class TextStyle(Extractor):
    """How a text is put: length, variety of words, punctuation, emphasis, hesitation, pronouns.

    Parameters
    ----------
    language : {"en", "de"} or None, default="en"
        Of the lists of pronouns, negations and sounds of hesitation; None leaves these six features out, and what
        remains holds for any language written with spaces.

    Notes
    -----
    In order: ``characters`` (without spaces at the ends), ``words``, ``sentences``, ``words_per_sentence``,
    ``word_length`` (mean, in characters), ``type_token_ratio`` (different words by words); per word: ``punctuation``
    (all signs), ``exclamations``, ``questions``, ``commas``, ``ellipses``; ``question_share`` (of sentences);
    per word: ``repeated_punctuation`` (``!!``, ``?!``), ``repeated_letters`` (words such as ``sooo``); ``upper_share``
    (of letters); ``capital_words`` (per word, of two letters or more); ``digits`` (per character); per word:
    ``repetitions`` ("I I" within a sentence), ``cut_offs`` ("wa-"), ``laughter`` ("haha", "[laughter]"),
    ``brackets``. Then, per word and by language: ``first_singular``, ``first_plural``, ``second_person``,
    ``third_person``, ``negations``, ``fillers`` ("um").

    What stands in brackets or between two asterisks is a note on the recording: it counts as a bracket, perhaps as
    laughter, and for ``characters``, and for nothing else. A text without a word counts as one word in rates; means
    and shares over nothing are NaN.

    Examples
    --------
    >>> features = TextStyle()
    >>> values = dict(zip(features.feature_names(), features.compute("I, I don't know!"), strict=True))
    >>> float(values["repetitions"]), float(values["negations"]), float(values["first_singular"])
    (0.25, 0.25, 0.5)
    """

    modality = "text"

    def __init__(self, language: str | None = "en") -> None:
        self.language = language

    def feature_names(self) -> list[str]:
        """Names of the measures."""
        if self.language is None:
            return list(STYLE_NAMES)
        lists_of(self.language)
        return [*STYLE_NAMES, *LANGUAGE_NAMES]

    def compute(self, source: Any) -> np.ndarray:
        """Measures of a text.

        Raises
        ------
        UnknownNameError
            If there are no lists of the language.
        """
        values = style_values(source)
        if self.language is None:
            return values
        return np.concatenate([values, language_values(source, lists_of(self.language))])


def style_values(text: str) -> np.ndarray:
    """Measures of a text that need no list of words.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    ndarray of float32, shape (21,)
        As ``STYLE_NAMES``, described at ``TextStyle``.
    """
    notes = _BRACKETS.findall(text)
    said = _BRACKETS.sub(" ", text)
    words, sentences, letters = words_in(said), sentences_in(said), letters_of(said)
    lowered = [folded(word) for word in words]
    n = max(len(words), 1)
    laughs = sum(_LAUGHTER.fullmatch(word) is not None for word in lowered)
    laughs += sum(_is_laughter(note) for note in notes)
    values = [
        len(text.strip()),
        len(words),
        len(sentences),
        _ratio(len(words), len(sentences)),
        _ratio(sum(map(len, words)), len(words)),
        _ratio(len(set(lowered)), len(words)),
        sum(_is_sign(character) for character in said) / n,
        sum(said.count(sign) for sign in "!！") / n,
        sum(said.count(sign) for sign in "?？؟") / n,
        sum(said.count(sign) for sign in ",，،") / n,
        len(_ELLIPSIS.findall(said)) / n,
        _ratio(sum(_asks(sentence) for sentence in sentences), len(sentences)),
        len(_RUN.findall(said)) / n,
        sum(_LONG_LETTER.search(word) is not None for word in lowered) / n,
        _ratio(sum(letter.isupper() for letter in letters), len(letters)),
        sum(word.isupper() and len(letters_of(word)) > 1 for word in words) / n,
        _ratio(sum(character.isdigit() for character in said), len(said.strip())),
        sum(_repetitions(sentence) for sentence in sentences) / n,
        len(_CUT_OFF.findall(said)) / n,
        laughs / n,
        len(notes) / n,
    ]
    return np.array(values, dtype=np.float32)


def language_values(text: str, lists: WordLists) -> np.ndarray:
    """Rates of the words of a language's lists.

    Parameters
    ----------
    text : str
        Any text.
    lists : WordLists
        Of its language.

    Returns
    -------
    ndarray of float32, shape (6,)
        Per word, as ``LANGUAGE_NAMES``.
    """
    words = [folded(word) for word in words_in(_BRACKETS.sub(" ", text))]
    pronouns = [word.split("'")[0] for word in words]  # "I'm", "they've"
    counts = [
        *(sum(word in kind for word in pronouns) for kind in lists[:4]),
        sum(is_negation(word, lists) for word in words),
        sum(is_filler(word, lists) for word in words),
    ]
    return np.array(counts, dtype=np.float32) / np.float32(max(len(words), 1))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else np.nan


def _is_sign(character: str) -> bool:
    return unicodedata.category(character).startswith("P")


def _asks(sentence: str) -> bool:
    ending = re.search(r"[^\w\s]*$", sentence.strip())
    return ending is not None and any(sign in ending.group() for sign in "?？؟")


def _repetitions(sentence: str) -> int:
    return sum(first == second for first, second in pairwise(folded(word) for word in words_in(sentence)))


def _is_laughter(note: str) -> bool:
    lowered = folded(note)
    if _SAID_LAUGHTER.search(lowered):
        return True
    return any(_LAUGHTER.fullmatch(word) for word in words_in(lowered))
