"""Transcripts: neutral sentences, each with a short tag that carries the emotion only sometimes."""

from __future__ import annotations

import re

import numpy as np

from ferfusion.corpora._synthesis.emotions import EMOTIONS

__all__ = ["PLAIN_TAGS", "SHARED_TAGS", "count_syllables", "transcript"]

SUBJECTS = ("the neighbour", "my brother", "her teacher", "the doctor", "our driver", "a colleague", "your sister")
VERBS = ("left", "put", "saw", "found", "kept", "placed", "had")
OBJECTS = ("the letter", "a parcel", "the papers", "two boxes", "the folder", "a ticket", "some bread")
PLACES = ("in the kitchen", "at the station", "on the table", "near the window", "by the door", "in the hall")
OPENINGS = ("well", "so", "then", "today", "this morning", "you know")

PLAIN_TAGS = ("by the way", "as I said", "in the end", "I would say", "more or less", "it appears")
SHARED_TAGS: dict[str, tuple[str, ...]] = {
    "negative": ("so dreadful", "what bad luck", "it is wrong", "how awful"),
    "neutral": ("and that's it", "nothing else", "it is fine", "as before"),
    "positive": ("so pleasant", "what good luck", "it is right", "how splendid"),
}
# where a tag comes from: the emotion itself, its valence, any emotion at random, or nothing at all
SHARES = {"own": 0.46, "shared": 0.16, "random": 0.14, "plain": 0.24}


def transcript(emotion: str, effect: float, rng: np.random.Generator, emotions: tuple[str, ...]) -> str:
    """One sentence of about eight to fourteen syllables.

    Tags have three syllables whatever they say, so that the length of a sentence tells nothing of the emotion.

    Parameters
    ----------
    emotion : str
        Emotion of the utterance.
    effect : float
        Scales the share of tags that fit the emotion; what is left of it goes to tags at random.
    rng : numpy.random.Generator
        Source of the variation.
    emotions : tuple of str
        Emotions from which random tags are drawn.

    Returns
    -------
    str

    Examples
    --------
    >>> transcript("anger", 1.0, np.random.default_rng(4), ("anger", "fear"))
    'this morning your sister had two boxes, so unjust'
    """
    carrier = _carrier(rng)
    source, choice, other = rng.random(), rng.random(), rng.random()
    own, shared = effect * SHARES["own"], effect * SHARES["shared"]
    informative = min(own + shared, 1 - SHARES["plain"])
    if source >= 1 - SHARES["plain"]:
        tags: tuple[str, ...] = PLAIN_TAGS
    elif source < informative * own / max(own + shared, 1e-12):
        tags = EMOTIONS[emotion].tags
    elif source < informative:
        tags = SHARED_TAGS[EMOTIONS[emotion].valence]
    else:
        chance = EMOTIONS[emotions[int(other * len(emotions))]]
        tags = chance.tags + SHARED_TAGS[chance.valence][:2]
    return f"{carrier}, {tags[int(choice * len(tags))]}"


def _carrier(rng: np.random.Generator) -> str:
    """A sentence that says nothing of any emotion."""
    slots = (OPENINGS, SUBJECTS, VERBS, OBJECTS, PLACES)
    words = [slot[rng.integers(len(slot))] for slot in slots]
    opened, placed = rng.random(2) < (0.15, 0.2)
    return " ".join(words[0 if opened else 1 : 5 if placed else 4])


def count_syllables(text: str) -> int:
    """Roughly how many syllables an English text has: its groups of vowels, without a silent e at the end.

    Parameters
    ----------
    text : str
        Words.

    Returns
    -------
    int
        At least one.

    Examples
    --------
    >>> count_syllables("how dare you"), count_syllables("the table")
    (3, 3)
    """
    total = 0
    for word in re.findall(r"[a-z']+", text.lower()):
        stem = re.sub(r"(?<=[^aeiouyl])es?$|(?<=[^aeiouytd])ed$", "", word)
        total += max(len(re.findall(r"[aeiouy]+", stem)), 1)
    return max(total, 1)
