"""Faces: intensities of action units, averaged over an utterance as OpenFace gives them."""

from __future__ import annotations

import numpy as np

from ferfusion.corpora._synthesis.emotions import ACTION_UNITS, EMOTIONS, Speaker

__all__ = ["NAMES", "face_of"]

NAMES = tuple(f"AU{unit}_intensity" for unit in ACTION_UNITS)
NEUTRAL = np.array([0.8, 0.6, 1.0, 0.6, 0.8, 1.0, 0.5, 0.8, 0.8, 0.9, 0.6, 0.9, 0.6, 0.7, 1.2, 1.0, 0.7])
# who speaks opens the mouth, and blinks
TALKING = np.isin(ACTION_UNITS, ("25", "26"))
STRENGTH = 0.62
NOISE = 0.6
HIGHEST = 5.0


def face_of(speaker: Speaker, emotion: str, effect: float, rng: np.random.Generator) -> np.ndarray:
    """Mean intensity of each action unit during one utterance.

    Parameters
    ----------
    speaker : Speaker
        Whose face.
    emotion : str
        Key of ``EMOTIONS``.
    effect : float
        Scales what the emotion changes; 0 leaves no trace of it.
    rng : numpy.random.Generator
        Source of the variation.

    Returns
    -------
    ndarray of float32, shape (17,)
        From 0 to 5, in the order of ``NAMES``.
    """
    rise = np.array([EMOTIONS[emotion].face.get(unit, 0.0) for unit in ACTION_UNITS])
    # how lively a face is differs between moments, and with it all of its movements
    liveliness = np.exp(rng.normal(0, 0.3))
    chance = rng.normal(0, NOISE, len(NAMES)) + TALKING * rng.normal(0, NOISE)
    intensity = NEUTRAL + speaker.face + STRENGTH * effect * liveliness * rise + chance + 0.5 * (liveliness - 1)
    return np.clip(intensity, 0, HIGHEST).astype(np.float32)
