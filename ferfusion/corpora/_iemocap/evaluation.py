"""Evaluation files: what was agreed on for each utterance, and what each rater said."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from ferfusion.base.errors import UnknownNameError
from ferfusion.corpora._iemocap.names import Faults, Name, name_of, read_text
from ferfusion.corpora.labels import canonical

__all__ = ["EMOTIONS", "Evaluation", "Rating", "ratings_of", "read_evaluation", "shares_of"]

EMOTIONS = {
    "ang": "anger",
    "dis": "disgust",
    "exc": "excitement",
    "fea": "fear",
    "fru": "frustration",
    "hap": "happiness",
    "neu": "neutral",
    "oth": "other",
    "sad": "sadness",
    "sur": "surprise",
    "xxx": None,  # no agreement
}
SCALES = ("valence", "activation", "dominance")
_NUMBER = r"\d+(?:\.\d*)?"
_HEAD = re.compile(rf"\[\s*({_NUMBER})\s*-\s*({_NUMBER})\s*\]\s*(\S+)\s+(\S+)\s*(?:\[(.*)\])?")
_RATING = re.compile(r"(?P<kind>[CA])-(?P<rater>[A-Z]\d+)\s*:(?P<answer>[^(]*)(?:\((?P<comment>.*))?", re.IGNORECASE)
_SCALE = re.compile(rf"\b(val|act|dom)\w*\s*({_NUMBER})", re.IGNORECASE)
_SELF = ("F", "M")  # the actress and the actor; the other raters are E1, E2, ...
_SHOWN = 60  # letters of a line that are shown where it cannot be read


@dataclass
class Rating:
    """Answers of one rater for one utterance.

    Parameters
    ----------
    rater : str
        ``E1``, ``E2``, ...; ``F1`` and ``M1`` are the actors themselves.
    emotions : tuple of str
        In the vocabulary; a rater may name several.
    scales : dict of str to float
        Valence, activation, dominance as far as the rater gave them, from 1 to 5.
    comments : list of str
        What the rater added.
    kinds : set of str
        Which of his lines were read: ``C`` with emotions, ``A`` with the scales.
    """

    rater: str
    emotions: tuple[str, ...] = ()
    scales: dict[str, float] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)

    @property
    def own(self) -> bool:
        """Whether a speaker judges himself."""
        return self.rater.startswith(_SELF)


@dataclass
class Evaluation:
    """What is known of one utterance.

    Parameters
    ----------
    name : Name
        Of the utterance.
    start, end : float
        In the dialogue, in seconds.
    code : str
        Emotion on which the raters agreed, in three letters; ``xxx`` where they did not.
    means : list of float
        Valence, activation, dominance.
    ratings : dict of str to Rating
        By rater.
    """

    name: Name
    start: float
    end: float
    code: str
    means: list[float]
    ratings: dict[str, Rating] = field(default_factory=dict)


def read_evaluation(path: Path, dialogue: str) -> tuple[list[Evaluation], Faults]:
    """Read one file of ``dialog/EmoEvaluation``.

    Parameters
    ----------
    path : Path
        The file.
    dialogue : str
        Its dialogue, to name faults that belong to no utterance.

    Returns
    -------
    evaluations : list of Evaluation
        In the order of the file, those that stand there twice included.
    faults : list of (str, str)
        Lines that cannot be read.
    """
    read: list[Evaluation] = []
    faults: Faults = []
    current: Evaluation | None = None
    for number, line in enumerate(read_text(path), 1):
        text = line.strip()
        if not text or text.startswith("%"):
            continue
        if text.startswith("["):
            current, fault = _head(text)
            read += [current] if current else []
        else:
            fault = _add(current, text)
        if fault:
            id_ = current.name.id if current else _named(text) or dialogue
            faults.append((id_, f"line {number} of {path.name} {fault}: {text[:_SHOWN]!r}"))
    return read, faults


def _head(text: str) -> tuple[Evaluation | None, str | None]:
    """First line of an utterance, and what is wrong with it."""
    match = _HEAD.fullmatch(text)
    if match is None:
        return None, "cannot be read"
    name = name_of(match[3])
    if name is None:
        return None, "names no utterance of IEMOCAP"
    start, end = float(match[1]), float(match[2])
    means = _means(match[5])
    fault = None if start < end else "has an end before its start"
    if means is None:
        fault = "has no means of valence, activation and dominance"
    return Evaluation(name, start, end, match[4].lower(), means or [np.nan] * len(SCALES)), fault


def _means(text: str | None) -> list[float] | None:
    numbers = [number.strip() for number in (text or "").split(",")]
    if len(numbers) == len(SCALES) and all(re.fullmatch(_NUMBER, number) for number in numbers):
        return [float(number) for number in numbers]
    return None


def _named(text: str) -> str | None:
    """Utterance that a broken line speaks of."""
    return next((name.id for word in re.split(r"[\s\[\]]+", text) if (name := name_of(word))), None)


def _add(current: Evaluation | None, text: str) -> str | None:
    """Add a rater's line to its utterance; returns what is wrong with it."""
    match = _RATING.fullmatch(text)
    if match is None:
        return "cannot be read"
    if current is None:
        return None  # below a head that cannot be read: not to be counted for the utterance before it
    kind, rater = match["kind"].upper(), match["rater"].upper()
    rating = current.ratings.setdefault(rater, Rating(rater))
    if kind in rating.kinds:
        return f"is a second one of rater {rater} and was left out"
    rating.kinds.add(kind)
    comment = (match["comment"] or "").strip().removesuffix(")").strip()
    rating.comments += [comment] if comment else []
    if kind == "A":
        for scale, number in _SCALE.findall(match["answer"]):
            rating.scales[scale.lower()[:3]] = float(number)
        return None
    words = [word.strip() for word in match["answer"].split(";") if word.strip()]
    try:
        rating.emotions = tuple(dict.fromkeys(canonical(word) for word in words))
    except UnknownNameError as error:
        return f"names an unknown emotion ({error.given}) and does not count"
    return None


def ratings_of(evaluations: Iterable[Evaluation]) -> pd.DataFrame:
    """Answers of all raters, a row for each rater of each utterance.

    Parameters
    ----------
    evaluations : iterable of Evaluation
        The utterances.

    Returns
    -------
    DataFrame
        Columns ``id rater self emotions comment valence activation dominance``.
    """
    rows = [
        (
            evaluation.name.id,
            rating.rater,
            rating.own,
            ";".join(rating.emotions) or None,
            "; ".join(rating.comments) or None,
            *(rating.scales.get(scale[:3], np.nan) for scale in SCALES),
        )
        for evaluation in evaluations
        for rating in evaluation.ratings.values()
    ]
    return pd.DataFrame(rows, columns=["id", "rater", "self", "emotions", "comment", *SCALES])


def shares_of(evaluations: Iterable[Evaluation]) -> pd.DataFrame:
    """Emotions in shares of the raters' votes.

    Parameters
    ----------
    evaluations : iterable of Evaluation
        The utterances.

    Returns
    -------
    DataFrame
        A row an utterance, a column an emotion. A rater who names several emotions splits his vote evenly; what the
        speaker says of himself does not count. Missing where no rater named an emotion.
    """
    listed = list(evaluations)
    columns = sorted({name for name in EMOTIONS.values() if name} | _named_emotions(listed))
    place = {name: i for i, name in enumerate(columns)}
    shares = np.zeros((len(listed), len(columns)))
    for row, evaluation in zip(shares, listed, strict=True):
        for rating in evaluation.ratings.values():
            for emotion in () if rating.own else rating.emotions:
                row[place[emotion]] += 1 / len(rating.emotions)
    total = shares.sum(axis=1, keepdims=True)
    shares = np.divide(shares, total, out=np.full_like(shares, np.nan), where=total > 0)
    return pd.DataFrame(shares, index=[evaluation.name.id for evaluation in listed], columns=columns)


def _named_emotions(evaluations: list[Evaluation]) -> set[str]:
    return {emotion for e in evaluations for rating in e.ratings.values() for emotion in rating.emotions}
