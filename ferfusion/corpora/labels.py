"""Emotion names: one vocabulary for all corpora, and coarser sets of classes by name."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ferfusion.base.errors import UnknownNameError

__all__ = ["LABEL_MAPS", "VOCABULARY", "canonical", "coarser", "map_labels"]

# How corpora and users spell the emotions of the vocabulary, in lower case. The German and Italian words and the
# letter codes of single corpora stand in their own modules: 'a' is anger in one and fear in the other.
_SPELLINGS = {
    "anger": ("angry", "ang"),
    "boredom": ("bored", "boredem"),
    "calm": ("calmness",),
    "contempt": ("contemptuous",),
    "disgust": ("disgusted", "dis"),
    "excitement": ("excited", "exc"),
    "fear": ("fearful", "fea", "afraid", "anxiety"),
    "frustration": ("frustrated", "fru"),
    "happiness": ("happy", "hap", "joy", "joyful"),
    "neutral": ("neu", "neutrality", "neutral state"),
    "other": ("oth",),
    "sadness": ("sad",),
    "surprise": ("surprised", "sur", "ps", "pleasant surprise", "pleasant_surprise", "pleasant_surprised"),
}
VOCABULARY = tuple(_SPELLINGS)
_CANONICAL = {spelling: name for name, others in _SPELLINGS.items() for spelling in (name, *others)}

_EKMAN = {name: name for name in ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")}
LABEL_MAPS: dict[str, dict[str, str]] = {
    # every name of the vocabulary for itself
    "emotions": {name: name for name in VOCABULARY},
    # the four classes of most work on IEMOCAP: excitement counts as happiness
    "four_class": {
        "anger": "anger",
        "happiness": "happiness",
        "excitement": "happiness",
        "neutral": "neutral",
        "sadness": "sadness",
    },
    # the six of work on whole dialogues of IEMOCAP
    "six_class": {name: name for name in ("anger", "excitement", "frustration", "happiness", "neutral", "sadness")},
    # Ekman's six and neutral, for work across corpora
    "ekman": _EKMAN | {"excitement": "happiness"},
    # Pleasantness. Surprise may be either, and is left out.
    "valence": {
        **dict.fromkeys(("anger", "boredom", "contempt", "disgust", "fear", "frustration", "sadness"), "negative"),
        **dict.fromkeys(("calm", "neutral"), "neutral"),
        **dict.fromkeys(("excitement", "happiness"), "positive"),
        "negative": "negative",
        "positive": "positive",
    },
    # Activation. Disgust counts as low, as is customary for EMO-DB; contempt is left out.
    "arousal": {
        **dict.fromkeys(("boredom", "calm", "disgust", "neutral", "sadness"), "low"),
        **dict.fromkeys(("anger", "excitement", "fear", "frustration", "happiness", "surprise"), "high"),
    },
}


def canonical(name: object) -> str:
    """Name in the vocabulary of an emotion spelt in one of the usual ways.

    Parameters
    ----------
    name : object
        As a corpus or a user spells it; case and surrounding blanks do not matter.

    Returns
    -------
    str

    Raises
    ------
    UnknownNameError
        If it is none of them.

    Examples
    --------
    >>> canonical("Happy"), canonical("exc")
    ('happiness', 'excitement')
    """
    spelling = str(name).strip().lower()
    if spelling not in _CANONICAL:
        raise UnknownNameError("emotion", name, _CANONICAL)
    return _CANONICAL[spelling]


def map_labels(y: pd.Series, classes: str | Mapping[str, str]) -> pd.Series:
    """Labels as classes of a coarser set.

    Parameters
    ----------
    y : Series
        Emotion names; missing ones stay missing.
    classes : {"emotions", "four_class", "six_class", "ekman", "valence", "arousal"} or mapping of str to str
        A set by name, for which names are first brought into the vocabulary; or the class of each label one's own
        way, for labels as they stand.

    Returns
    -------
    Series
        None where the set has no class for the label.

    Raises
    ------
    UnknownNameError
        If there is no such set, or a label is not in the vocabulary.

    Examples
    --------
    >>> map_labels(pd.Series(["exc", "Angry", "surprise"]), "valence").tolist()
    ['positive', 'negative', None]
    """
    if isinstance(classes, str):
        if classes not in LABEL_MAPS:
            raise UnknownNameError("set of classes", classes, LABEL_MAPS)
        known = LABEL_MAPS[classes]
        table = {name: known.get(name if name in known else canonical(name)) for name in y.dropna().unique()}
    else:
        table = {name: classes.get(name) for name in y.dropna().unique()}
    mapped = [None if pd.isna(name) else table[name] for name in y]
    return pd.Series(mapped, index=y.index, dtype=object, name=y.name)


def coarser(soft: pd.DataFrame, classes: str | Mapping[str, str]) -> pd.DataFrame:
    """Shares of answers as shares of coarser classes.

    Parameters
    ----------
    soft : DataFrame
        A row an utterance, a column an emotion.
    classes : str or mapping
        As in ``map_labels``.

    Returns
    -------
    DataFrame
        A column a class. Answers without a class are left out and the rest sums to 1 again; missing where nothing is
        left.
    """
    names = map_labels(pd.Series(soft.columns, index=soft.columns), classes)
    parts = {name: soft[names.index[names == name]].sum(axis=1) for name in sorted(names.dropna().unique())}
    summed = pd.DataFrame(parts, index=soft.index)
    total = summed.sum(axis=1)
    return summed.div(total.where(total > 0), axis=0)
