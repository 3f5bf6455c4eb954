"""How emotions and speakers colour voice, face and words: the parameters of all three modalities as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ferfusion.corpora._synthesis.source import Delivery

__all__ = ["ACTION_UNITS", "EMOTIONS", "VOICE", "Dimension", "Emotion", "Speaker", "make_speaker", "voice_of"]


@dataclass(frozen=True)
class Dimension:
    """One dimension of the voice: its neutral value and how it varies.

    Parameters
    ----------
    neutral : float
        Value of neutral speech.
    speaker, utterance : float
        Standard deviations between speakers and between utterances of one speaker.
    """

    neutral: float
    speaker: float
    utterance: float


# semitones relative to the speaker's base, log of semitones, semitones, dB, log of syllables a second,
# dB, dB an octave, logs of fractions
VOICE: dict[str, Dimension] = {
    "f0": Dimension(0.0, 0.0, 2.4),
    "f0_range": Dimension(np.log(2.6), 0.15, 0.35),
    "slope": Dimension(-3.0, 0.8, 2.0),
    "level": Dimension(-31.0, 2.0, 3.2),
    "tempo": Dimension(np.log(5.3), 0.07, 0.13),
    "breathiness": Dimension(-20.0, 2.0, 3.2),
    "tilt": Dimension(8.0, 0.8, 1.3),
    "jitter": Dimension(np.log(0.008), 0.2, 0.35),
    "shimmer": Dimension(np.log(0.05), 0.15, 0.3),
}
LOGARITHMIC = frozenset({"f0_range", "tempo", "jitter", "shimmer"})
# sounds stay plausible however large the effects are made
LIMITS: dict[str, tuple[float, float]] = {
    "f0": (60.0, 500.0),
    "f0_range": (0.3, 9.0),
    "slope": (-10.0, 6.0),
    "level": (-50.0, -14.0),
    "tempo": (2.8, 7.5),
    "breathiness": (-40.0, -3.0),
    "tilt": (2.0, 16.0),
    "jitter": (0.001, 0.04),
    "shimmer": (0.005, 0.2),
}
# one number scales the emotions' shifts of the voice, so that they stay well below the chance variation
VOICE_STRENGTH = 1.0
# a speaker's own manner in an emotion, as a share of the variation between utterances
MANNER = 0.3
BASE_F0 = {"female": 205.0, "male": 115.0}
TRACT = {"female": 1.16, "male": 1.0}

ACTION_UNITS = ("01", "02", "04", "05", "06", "07", "09", "10", "12", "14", "15", "17", "20", "23", "25", "26", "45")


@dataclass(frozen=True)
class Emotion:
    """What an emotion changes, relative to neutral speech.

    Parameters
    ----------
    valence : {"negative", "neutral", "positive"}
        Group of emotions that share words.
    voice : mapping
        Shift by dimension of the voice, in its units.
    face : mapping
        Rise of intensity by action unit.
    tags : tuple of str
        Short phrases that carry the emotion, each of three syllables.
    """

    valence: str
    voice: Mapping[str, float]
    face: Mapping[str, float]
    tags: tuple[str, ...]


def _shifts(*values: float) -> dict[str, float]:
    """Shifts in the order of ``VOICE``."""
    return dict(zip(VOICE, values, strict=True))


# shifts: f0, f0_range, slope, level, tempo, breathiness, tilt, jitter, shimmer
EMOTIONS: dict[str, Emotion] = {
    "anger": Emotion(
        "negative",
        _shifts(3.0, 0.25, -0.8, 5.0, 0.08, -2.0, -1.8, 0.0, 0.15),
        {"04": 1.2, "05": 0.4, "07": 1.0, "09": 0.6, "10": 0.6, "17": 0.5, "23": 1.0},
        ("that is cruel", "how dare you", "I hate it", "what a cheat", "so unjust"),
    ),
    "boredom": Emotion(
        "neutral",
        _shifts(-1.0, -0.6, 0.8, -2.0, -0.22, 1.0, 0.6, 0.0, 0.0),
        {"15": 0.5, "17": 0.4, "45": 0.9, "26": 0.4},
        ("what a drag", "it drags on", "so tedious", "not again", "how it bores"),
    ),
    "disgust": Emotion(
        "negative",
        _shifts(-0.5, 0.1, -1.5, 0.5, -0.15, 0.0, -0.4, 0.4, 0.0),
        {"04": 0.6, "07": 0.5, "09": 1.3, "10": 1.2, "17": 0.5},
        ("how filthy", "it smells bad", "that is gross", "so rotten", "what a mess"),
    ),
    "fear": Emotion(
        "negative",
        _shifts(3.6, -0.2, 1.0, -0.5, 0.13, 2.5, 0.2, 0.45, 0.0),
        {"01": 1.1, "02": 0.7, "04": 0.6, "05": 1.1, "20": 0.9, "25": 0.5, "26": 0.5},
        ("I am scared", "please help me", "so risky", "what a fright", "watch out now"),
    ),
    "happiness": Emotion(
        "positive",
        _shifts(3.0, 0.45, 1.2, 2.5, 0.06, -0.5, -0.9, 0.0, 0.0),
        {"06": 1.2, "12": 1.5, "10": 0.3, "14": 0.4, "25": 0.6},
        ("that is great", "how sunny", "I love it", "what a treat", "so funny"),
    ),
    "neutral": Emotion(
        "neutral",
        _shifts(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        {},
        ("as always", "as was planned", "the old way", "in order", "to the point"),
    ),
    "sadness": Emotion(
        "negative",
        _shifts(-1.8, -0.4, -1.5, -4.0, -0.15, 3.0, 1.4, 0.0, 0.15),
        {"01": 1.0, "04": 0.8, "15": 1.1, "17": 0.8, "45": 0.4},
        ("I could cry", "what a loss", "so weary", "I miss them", "all is gone"),
    ),
    "surprise": Emotion(
        "positive",
        _shifts(3.8, 0.55, 3.0, 1.5, 0.0, 0.5, -0.4, 0.0, 0.0),
        {"01": 1.2, "02": 1.2, "05": 1.0, "25": 0.7, "26": 1.1},
        ("oh my word", "how sudden", "who knew that", "so abrupt", "what a shock"),
    ),
}


@dataclass(frozen=True, eq=False)
class Speaker:
    """One invented speaker.

    Parameters
    ----------
    name, gender : str
        Such as ``s01`` and ``female``.
    f0 : float
        Base of the fundamental frequency in hertz.
    tract : float
        Factor of the formants.
    voice : dict
        Offset by dimension of the voice.
    manner : dict
        Own way of speaking in each emotion: offset by dimension of the voice.
    face : ndarray, shape (17,)
        Offset by action unit.
    """

    name: str
    gender: str
    f0: float
    tract: float
    voice: Mapping[str, float]
    manner: Mapping[str, Mapping[str, float]]
    face: np.ndarray


def make_speaker(number: int, rng: np.random.Generator) -> Speaker:
    """Invent a speaker; every second one is a man.

    Parameters
    ----------
    number : int
        Counted from 0; the first is ``s01``.
    rng : numpy.random.Generator
        Source of the variation.

    Returns
    -------
    Speaker
    """
    gender = ("female", "male")[number % 2]
    manner = {
        emotion: {name: MANNER * kind.utterance * rng.standard_normal() for name, kind in VOICE.items()}
        for emotion in EMOTIONS
    }
    return Speaker(
        name=f"s{number + 1:02d}",
        gender=gender,
        f0=BASE_F0[gender] * float(2 ** (np.clip(rng.normal(0, 1.8), -4, 4) / 12)),
        tract=TRACT[gender] * float(np.exp(np.clip(rng.normal(0, 0.035), -0.08, 0.08))),
        voice={name: kind.speaker * rng.standard_normal() for name, kind in VOICE.items()},
        manner=manner,
        face=rng.normal(0, 0.35, len(ACTION_UNITS)),
    )


def voice_of(speaker: Speaker, emotion: str, effect: float, rng: np.random.Generator) -> Delivery:
    """How a speaker says one utterance.

    Parameters
    ----------
    speaker : Speaker
        Who speaks.
    emotion : str
        Key of ``EMOTIONS``.
    effect : float
        Scales all that the emotion changes; 0 leaves no trace of it.
    rng : numpy.random.Generator
        Source of the variation between utterances.

    Returns
    -------
    Delivery
    """
    values = {}
    for name, kind in VOICE.items():
        shift = VOICE_STRENGTH * EMOTIONS[emotion].voice.get(name, 0.0) + speaker.manner[emotion][name]
        chance = kind.utterance * float(np.clip(rng.standard_normal(), -2.5, 2.5))
        value = kind.neutral + speaker.voice[name] + effect * shift + chance
        values[name] = float(np.exp(value)) if name in LOGARITHMIC else value
    values["f0"] = speaker.f0 * 2 ** (values["f0"] / 12)
    bounded = {name: float(np.clip(value, *LIMITS[name])) for name, value in values.items()}
    return Delivery(tract=speaker.tract, **bounded)
