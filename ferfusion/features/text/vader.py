"""VADER's valences of a text, by the package of its authors."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from ferfusion.base.optional import require

__all__ = ["VADER_NAMES", "vader_identity", "vader_values"]

VADER_NAMES = (
    "compound",
    "positive",
    "neutral",
    "negative",
    "valence_mean",
    "valence_min",
    "valence_max",
    "valence_std",
    "positive_sum",
    "negative_sum",
    "positive_count",
    "negative_count",
    "words",
    "coverage",
    "negated_share",
    "boosters",
    "dampeners",
)
_WINDOW = 3  # VADER's own: so many words before one of the lexicon can negate it


def vader_values(text: str) -> np.ndarray:
    """VADER's scores of a text, and statistics of the valences of its words.

    Parameters
    ----------
    text : str
        English.

    Returns
    -------
    ndarray of float32, shape (17,)
        As ``VADER_NAMES``. ``compound`` (-1 to 1), ``positive``, ``neutral`` and ``negative`` (0 to 1) are the numbers
        of VADER itself. The valences are those of words as VADER weighs them in their context (capitals, boosters,
        negation, "but"), about -4 to 4; statistics are over those that are not 0, and NaN where there are none.
        ``negative_sum`` is the size of the sum, without its sign. ``coverage`` is the share of such words;
        ``negated_share`` the share of them that have a negation among the three words before; ``boosters`` and
        ``dampeners`` are per word.

    Raises
    ------
    MissingDependencyError
        If vaderSentiment is not installed.
    """
    package, analyzer = _vader()
    scores = analyzer.polarity_scores(text)
    words, weighed = scores["words"], np.array(scores["valences"], dtype=np.float64)
    lowered = [word.lower() for word in words]
    known = np.flatnonzero(weighed).tolist()
    valences = weighed[known]
    negated = [any(word == "no" or package.negated([word]) for word in lowered[max(0, i - _WINDOW) : i]) for i in known]
    strength = _strengths(lowered, package.BOOSTER_DICT)
    spread = [valences.mean(), valences.min(), valences.max(), valences.std()] if len(known) else [np.nan] * 4
    n = max(len(words), 1)
    return np.array(
        [
            *(scores[name] for name in ("compound", "pos", "neu", "neg")),
            *spread,
            valences[valences > 0].sum(),
            -valences[valences < 0].sum() + 0.0,
            (valences > 0).sum(),
            (valences < 0).sum(),
            len(words),
            len(known) / n,
            np.mean(negated) if negated else np.nan,
            sum(value > 0 for value in strength) / n,
            sum(value < 0 for value in strength) / n,
        ],
        dtype=np.float32,
    )


def vader_identity() -> dict[str, str]:
    """Version of VADER's package and digest of its two lexicons."""
    _, analyzer = _vader()
    # in spite of its name the attribute holds the content of the file
    content = analyzer.lexicon_full_filepath + "\0" + analyzer.emoji_full_filepath
    return {"vaderSentiment": version("vaderSentiment"), "sha256": sha256(content.encode()).hexdigest()}


def _strengths(words: list[str], boosters: dict[str, float]) -> list[float]:
    """Strength of each word or pair of words that makes another stronger or weaker."""
    found, i = [], 0
    while i < len(words):
        pair = " ".join(words[i : i + 2])  # the last word is by itself
        taken = pair if pair in boosters else words[i]
        if taken in boosters:
            found.append(boosters[taken])
        i += 2 if taken == pair else 1
    return found


@lru_cache(maxsize=1)
def _vader() -> tuple[Any, Any]:
    require("vaderSentiment", needed_by="TextLexicon('vader')", install="ferfusion[text]")
    package: Any = import_module("vaderSentiment.vaderSentiment")

    class Telling(package.SentimentIntensityAnalyzer):
        """VADER, which hands out what its scores are made of."""

        def score_valence(self, sentiments: list[float], text: str) -> dict[str, Any]:
            words = package.SentiText(text).words_and_emoticons
            return {**super().score_valence(sentiments, text), "valences": list(sentiments), "words": words}

    return package, Telling()
