"""Dialogues: who speaks when, and in which emotion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Turn", "apportion", "make_dialogues"]

TURNS = (8, 13)
KEEP_FLOOR = 0.12
# how many times likelier a speaker's own last emotion is, and that of the partner
INERTIA = 4.0
CONTAGION = 1.5


@dataclass(frozen=True)
class Turn:
    """One turn: numbers of its dialogue, its place in it and its speaker (from 0), and its emotion."""

    dialogue: int
    turn: int
    speaker: int
    emotion: str


def apportion(total: int, weights: dict[str, float]) -> dict[str, int]:
    """Share out a number by weights, whole and exact (largest remainders).

    Parameters
    ----------
    total : int
        What is shared out.
    weights : dict
        Weight by name.

    Returns
    -------
    dict

    Examples
    --------
    >>> apportion(10, {"anger": 1.0, "fear": 2.0})
    {'anger': 3, 'fear': 7}
    """
    whole = sum(weights.values())
    exact = {name: total * weight / whole for name, weight in weights.items()}
    shares = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: shares[name] - exact[name])
    for name in by_remainder[: total - sum(shares.values())]:
        shares[name] += 1
    return shares


def make_dialogues(
    n_speakers: int, n_utterances: int, weights: dict[str, float], rng: np.random.Generator
) -> list[Turn]:
    """Conversations of two speakers each, whose emotions last and spread.

    Each speaker owns a number of turns in every emotion, so that classes are balanced as the weights ask;
    chance, the speaker's last emotion and that of the partner decide in which order they come.

    Parameters
    ----------
    n_speakers, n_utterances : int
        How many; a single speaker holds monologues.
    weights : dict
        Relative frequency by emotion.
    rng : numpy.random.Generator
        Source of the variation.

    Returns
    -------
    list of Turn
        Dialogue by dialogue.
    """
    left = _quotas(n_speakers, apportion(n_utterances, weights))
    emotions = list(weights)
    turns: list[Turn] = []
    dialogue = 0
    while left.any():
        speakers = _pair(left.sum(axis=1), rng)
        for place, (speaker, emotion) in enumerate(_talk(left, speakers, rng)):
            turns.append(Turn(dialogue, place, speaker, emotions[emotion]))
        dialogue += 1
    return turns


def _quotas(n_speakers: int, counts: dict[str, int]) -> np.ndarray:
    """Turns of each speaker in each emotion: dealt out like cards, so that nobody has two more than another."""
    quotas = np.zeros((n_speakers, len(counts)), dtype=int)
    labels = np.repeat(np.arange(len(counts)), list(counts.values()))
    np.add.at(quotas, (np.arange(len(labels)) % n_speakers, labels), 1)
    return quotas


def _pair(left: np.ndarray, rng: np.random.Generator) -> list[int]:
    """The two speakers with most still to say; chance decides between equals and who begins."""
    order = np.lexsort((rng.random(len(left)), -left))[:2]
    return [int(speaker) for speaker in rng.permutation(order) if left[speaker]]


def _talk(left: np.ndarray, speakers: list[int], rng: np.random.Generator) -> list[tuple[int, int]]:
    """One dialogue: pairs of speaker and emotion, taken off what is left."""
    turns: list[tuple[int, int]] = []
    length = int(rng.integers(*TURNS))
    rest = left[speakers].sum()
    # a rest too short for a dialogue of its own is said now
    length = rest if rest < length + TURNS[0] // 2 else length
    holder = 0
    while len(turns) < length:
        able = [s for s in speakers if left[s].any()]
        holder = (holder + (rng.random() >= KEEP_FLOOR)) % len(speakers)
        speaker = speakers[holder] if speakers[holder] in able else able[0]
        emotion = _emotion(left[speaker], speaker, turns, rng)
        left[speaker, emotion] -= 1
        turns.append((speaker, emotion))
    return turns


def _emotion(left: np.ndarray, speaker: int, turns: list[tuple[int, int]], rng: np.random.Generator) -> int:
    """Emotion of the next turn, out of those that the speaker still owns."""
    chances = left.astype(float)
    own = next((emotion for who, emotion in reversed(turns) if who == speaker), None)
    others = next((emotion for who, emotion in reversed(turns) if who != speaker), None)
    if own is not None:
        chances[own] *= 1 + INERTIA
    if others is not None:
        chances[others] *= 1 + CONTAGION
    return int(rng.choice(len(chances), p=chances / chances.sum()))
