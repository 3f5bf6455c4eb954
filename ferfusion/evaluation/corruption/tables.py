"""Tables whose recordings or transcripts are noisy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from ferfusion.base.errors import AudioError
from ferfusion.base.table import texts_of
from ferfusion.evaluation.corruption.chance import generator_of
from ferfusion.evaluation.corruption.sound import N_VOICES, reverberation, white_noise
from ferfusion.features.audio.reading import Recording, read_audio
from ferfusion.features.sources import recordings_of, words_of

__all__ = ["with_noisy_sound", "with_noisy_text"]

Noise = Callable[..., Any]
_ALONE = (white_noise, reverberation)  # need no other voices


def with_noisy_sound(
    X: pd.DataFrame,
    pool: pd.DataFrame,
    noise: Noise,
    level: float,
    *,
    seed: int,
    folder: Path,
    n_channels: int = 1,
    verbose: bool = False,
) -> pd.DataFrame:
    """Table whose recordings are files with noise.

    Parameters
    ----------
    X : DataFrame
        The table.
    pool : DataFrame
        Table of the recordings of which babble is made: for each row those of other speakers, or of other rows where
        its speaker is unknown.
    noise : callable
        As ``corruption.NOISES`` holds them.
    level : float
        What the noise takes.
    seed : int
        Of all chance; together with an utterance's id it decides over its noise.
    folder : Path
        Where the files are written: 32-bit WAV, the segments of the table only, the same bytes each time.
    n_channels : int, default=1
        Channels of each file; those that a recording lacks are left out.
    verbose : bool, default=False
        Progress bar, where there is a terminal.

    Returns
    -------
    DataFrame
        A recording that cannot be read stays as it is.
    """
    from scipy.io import wavfile  # unlike libsndfile, it writes no time of making: the same sound, the same digest

    sounds: list[Any] = list(X["audio"])
    cut = np.zeros(len(X), dtype=bool)
    voices = _Voices(pool)
    speakers = list(X["speaker"]) if "speaker" in X.columns else [None] * len(X)
    rows = tqdm(recordings_of(X), desc="noise", unit="rec", disable=None if verbose else True, leave=False)
    for i, recording in enumerate(rows):
        if recording is None:
            continue
        id_ = str(X.index[i])
        channels = []
        for channel in range(n_channels):
            try:
                signal, rate = read_audio(recording, None, channel)
            except AudioError:
                break
            # the voices are the same in each channel, and whatever the level
            crowd = [] if noise in _ALONE else voices.of(id_, speakers[i], generator_of(seed, "voices", id_), rate)
            channels.append(noise(signal, rate, level, generator_of(seed, f"noise {channel}", id_), crowd))
        if channels:
            sounds[i] = str(folder / f"{i:06d}.wav")
            wavfile.write(sounds[i], rate, np.column_stack(channels) if len(channels) > 1 else channels[0])
            cut[i] = True
    changed = X.assign(audio=pd.Series(sounds, index=X.index, dtype=object))
    for column in ("start", "end"):
        if column in X.columns:
            changed[column] = X[column].where(~cut)
    return changed


def with_noisy_text(X: pd.DataFrame, pool: pd.DataFrame, errors: Noise, rate: float, *, seed: int) -> pd.DataFrame:
    """Table whose transcripts, and timed words, hold errors.

    Parameters
    ----------
    X : DataFrame
        The table.
    pool : DataFrame
        Table of the texts whose words may be heard.
    errors : callable
        As ``corruption.TEXT_ERRORS`` holds them.
    rate : float
        Word error rate.
    seed : int
        Of all chance; together with an utterance's id it decides over its errors.

    Returns
    -------
    DataFrame
        A text that loses all its words is missing; a timed word that nobody said has no times.
    """
    vocabulary = sorted(word for text in texts_of(pool) for word in (text or "").split())
    if not vocabulary:
        vocabulary = sorted(str(item["word"]) for row in words_of(pool) for item in row or [])

    def heard(words: list[str], id_: Any) -> list[tuple[int | None, str]]:
        return errors(words, rate, vocabulary, generator_of(seed, "words", id_))

    changed = X.copy()
    if "text" in X.columns:
        texts = [
            None if text is None else " ".join(word for _, word in heard(text.split(), id_)) or None
            for text, id_ in zip(texts_of(X), X.index, strict=True)
        ]
        changed["text"] = pd.Series(texts, index=X.index, dtype=object)
    if "words" in X.columns:
        timed = [
            None if row is None else _timed(row, heard([str(item["word"]) for item in row], id_))
            for row, id_ in zip(words_of(X), X.index, strict=True)
        ]
        changed["words"] = pd.Series(timed, index=X.index, dtype=object)
    return changed


def _timed(row: list[dict[str, Any]], heard: Sequence[tuple[int | None, str]]) -> list[dict[str, Any]] | None:
    return [{"word": word} if i is None else {**row[i], "word": word} for i, word in heard] or None


class _Voices:
    """Recordings of other speakers for babble, the same for an utterance whatever the order of rows."""

    def __init__(self, pool: pd.DataFrame) -> None:
        pool = pool.iloc[np.argsort(pool.index.astype(str), kind="stable")]
        self.ids = pool.index.astype(str).to_numpy()
        self.speakers = pool["speaker"] if "speaker" in pool.columns else pd.Series(None, index=pool.index)
        self.recordings = recordings_of(pool)
        self.read = lru_cache(maxsize=256)(self._read)

    def of(self, id_: str, speaker: Any, rng: np.random.Generator, rate: int) -> list[np.ndarray]:
        """Some voices, fewer where there are not so many."""
        others = (self.speakers.notna() & (self.speakers != speaker)).to_numpy()
        if pd.isna(speaker):
            others = self.ids != id_
        found: list[np.ndarray] = []
        for place in rng.permutation(np.flatnonzero(others)):
            if len(found) == N_VOICES:
                break
            voice = self.read(int(place), rate)
            found += [] if voice is None else [voice]
        return found

    def _read(self, place: int, rate: int) -> np.ndarray | None:
        recording: Recording | None = self.recordings[place]
        try:
            return None if recording is None else read_audio(recording, rate)[0]
        except AudioError:
            return None
