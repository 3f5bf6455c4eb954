"""Synthetic corpus: invented speakers whose voices, words and faces are made here, so that the truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from ferfusion.base.card import CorpusCard
from ferfusion.corpora._synthesis import faces
from ferfusion.corpora._synthesis.checks import VIEWS, check_names, check_numbers
from ferfusion.corpora._synthesis.dialogues import Turn, make_dialogues
from ferfusion.corpora._synthesis.emotions import Speaker, make_speaker, voice_of
from ferfusion.corpora._synthesis.truth import Truth
from ferfusion.corpora._synthesis.voice import synthesise
from ferfusion.corpora._synthesis.words import count_syllables, transcript
from ferfusion.corpora.corpus import Corpus

__all__ = ["CARD", "load", "make_corpus"]

DEFAULT_EMOTIONS = ("anger", "fear", "happiness", "neutral", "sadness")
# each purpose has a random stream of its own, so that one option never changes what another draws
STREAMS = ("speaker", "dialogue", "manner", "voice", "words", "face", "noise", "missing")
SCALE = 2**15

CARD = CorpusCard(
    name="synthetic",
    title="Synthetic speech, words and faces",
    languages=("en",),
    modalities=VIEWS,
    emotions=dict.fromkeys(DEFAULT_EMOTIONS, 48),
    n_utterances=240,
    n_speakers=8,
    license="none needed: it is computed, and free to use",
    tested_on="itself: it is made anew by the tests",
    where_to_get="Made by ferfusion.corpora.make_corpus(); nothing to download.",
    layout="No folder needed; with one, a 16-bit wav file an utterance, named by its id, is written there.",
    protocols={
        "speaker": "Leave one speaker out.",
        "dialogue": "Leave one dialogue out; its speakers talk in other dialogues, too.",
        "stratified": "Random folds; speakers overlap.",
    },
    views=("visual_au",),
    notes=(
        "Synthesised, never people: formants excited by computed glottal pulses, sentences from templates, "
        "drawn action units. For tests and demonstrations only.",
        "A score on it says nothing about any real speaker; how hard each modality is was chosen, not found.",
        "The syllables that are heard are nonsense; they share only their number with the transcript.",
        "Corpus.truth holds each utterance's pulses, F0, jitter and shimmer.",
    ),
)


def make_corpus(
    n_speakers: int = 8,
    n_utterances: int = 240,
    emotions: Sequence[str] = DEFAULT_EMOTIONS,
    views: Sequence[str] = VIEWS,
    informative: Sequence[str] | None = None,
    effect: float = 1.0,
    noise_db: float | None = None,
    silence: float = 0.0,
    missing: Mapping[str, float] | None = None,
    imbalance: Mapping[str, float] | None = None,
    sampling_rate: int = 16000,
    seed: int = 0,
    folder: str | Path | None = None,
) -> Corpus:
    """Make a corpus of synthetic utterances: real waveforms, transcripts, action units, dialogues.

    The same seed gives the same corpus, bit for bit. Options that spoil it (noise, silence, missing values) or that
    remove what is informative leave speakers, labels, dialogues and all chance variation as they are.

    Parameters
    ----------
    n_speakers : int, default=8
        Speakers, women and men in turn.
    n_utterances : int, default=240
        Turns in all, shared equally between speakers.
    emotions : sequence of str
        Classes; out of anger, boredom, disgust, fear, happiness, neutral, sadness, surprise.
    views : sequence of {"audio", "text", "visual"}
        Modalities of the table.
    informative : sequence of {"audio", "text", "visual"}, optional
        Modalities that carry the emotion; the others vary by chance alone. All of ``views`` if missing.
    effect : float, default=1.0
        Scales what emotions change in every modality.
    noise_db : float, optional
        Signal-to-noise ratio of added white noise in dB, relative to the utterance without ``silence``. Should the
        sum leave the scale, both are turned down alike.
    silence : float, default=0.0
        Seconds of digital silence before and after each utterance (noise, if any, fills it).
    missing : mapping of str to float, optional
        Share of the rows whose value of a modality is missing, such as ``{"text": 0.3}``.
    imbalance : mapping of str to float, optional
        Relative frequency by emotion, such as ``{"anger": 0.2}``; 1 for those not named.
    sampling_rate : int, default=16000
        Of the sound in hertz, 8000 to 48000.
    seed : int, default=0
        Source of all randomness.
    folder : str or Path, optional
        Where to write 16-bit wav files; the table then holds their paths rather than arrays.

    Returns
    -------
    Corpus
        Its ``truth`` maps ids to what is known exactly of each utterance's sound.

    Raises
    ------
    UnknownNameError
        If an emotion or a modality is not known.
    CorpusError
        If a number makes no sense.

    Examples
    --------
    >>> corpus = make_corpus(n_speakers=2, n_utterances=10, views=("text", "visual"))
    >>> corpus.y.value_counts().sort_index().to_dict()
    {'anger': 2, 'fear': 2, 'happiness': 2, 'neutral': 2, 'sadness': 2}
    """
    emotions, views = tuple(emotions), tuple(views)
    informative = views if informative is None else tuple(informative)
    missing, imbalance = dict(missing or {}), dict(imbalance or {})
    check_names(emotions, views, informative, missing, imbalance)
    check_numbers(n_speakers, n_utterances, effect, silence, missing, imbalance, sampling_rate)
    weights = {emotion: imbalance.get(emotion, 1.0) for emotion in emotions}
    speakers = [make_speaker(i, _stream(seed, "speaker", i)) for i in range(n_speakers)]
    turns = make_dialogues(n_speakers, n_utterances, weights, _stream(seed, "dialogue"))
    effects = {view: effect * (view in informative) for view in VIEWS}
    index = pd.Index([f"syn_d{turn.dialogue:02d}_t{turn.turn:02d}" for turn in turns], name="id")
    texts = [transcript(t.emotion, effects["text"], _stream(seed, "words", i), emotions) for i, t in enumerate(turns)]
    absent = {view: _absent(len(turns), missing.get(view, 0.0), seed, view) for view in VIEWS}

    columns: dict[str, Any] = {}
    truth: dict[str, Truth] = {}
    if "audio" in views:
        sounds = []
        for i, turn in enumerate(turns):
            delivery = voice_of(speakers[turn.speaker], turn.emotion, effects["audio"], _stream(seed, "manner", i))
            spoken = synthesise(count_syllables(texts[i]), delivery, sampling_rate, _sequence(seed, "voice", i))
            sounds.append(_recorded(spoken.signal, sampling_rate, silence, noise_db, _stream(seed, "noise", i)))
            truth[index[i]] = spoken.truth.padded(silence) if silence else spoken.truth
        columns |= _audio_columns(sounds, absent["audio"], index, sampling_rate, folder)
    if "text" in views:
        columns["text"] = [None if gone else text for text, gone in zip(texts, absent["text"], strict=True)]
    columns |= _facts(turns, speakers)
    if "visual" in views:
        columns |= _visual_columns(turns, speakers, effects["visual"], absent["visual"], seed)
    X = pd.DataFrame(columns, index=index)
    y = pd.Series([turn.emotion for turn in turns], index=index, name="emotion")
    return Corpus(X, y, CARD, root=folder, truth=truth)


def load(root: str | Path | None = None, **options: Any) -> Corpus:
    """Make the synthetic corpus, as ``load_corpus("synthetic")`` does.

    Parameters
    ----------
    root : str or Path, optional
        Folder for the wav files; sound stays in memory without it.
    **options
        Parameters of ``make_corpus``.

    Returns
    -------
    Corpus
    """
    return make_corpus(**options) if root is None else make_corpus(**{**options, "folder": root})


def _sequence(seed: int, purpose: str, number: int = 0) -> np.random.SeedSequence:
    return np.random.SeedSequence(seed, spawn_key=(STREAMS.index(purpose), number))


def _stream(seed: int, purpose: str, number: int = 0) -> np.random.Generator:
    return np.random.default_rng(_sequence(seed, purpose, number))


def _absent(n: int, share: float, seed: int, view: str) -> np.ndarray:
    """Rows without a value: the first of a fixed order, so that a larger share includes a smaller one's rows."""
    absent = np.zeros(n, dtype=bool)
    absent[_stream(seed, "missing", VIEWS.index(view)).permutation(n)[: round(share * n)]] = True
    return absent


def _recorded(
    signal: np.ndarray, sampling_rate: int, silence: float, noise_db: float | None, rng: np.random.Generator
) -> np.ndarray:
    """Sound with silence around it and noise over it."""
    sound = np.pad(signal, round(silence * sampling_rate))
    if noise_db is None:
        return sound
    level = np.sqrt(np.mean(signal.astype(float) ** 2)) * 10 ** (-noise_db / 20)
    noisy = sound + level * rng.standard_normal(len(sound))
    return (noisy * min(1.0, 0.95 / np.abs(noisy).max())).astype(np.float32)


def _audio_columns(
    sounds: list[np.ndarray], absent: np.ndarray, index: pd.Index, sampling_rate: int, folder: str | Path | None
) -> dict[str, Any]:
    """Column ``audio`` as arrays with their sampling rate, or as paths of files written here."""
    cells = np.empty(len(sounds), dtype=object)
    if folder is None:
        cells[:] = [None if gone else sound for sound, gone in zip(sounds, absent, strict=True)]
        return {"audio": cells, "sampling_rate": sampling_rate}
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    for i in np.flatnonzero(~absent):
        path = root / f"{index[i]}.wav"
        soundfile.write(path, np.round(sounds[i] * SCALE).astype(np.int16), sampling_rate, subtype="PCM_16")
        cells[i] = str(path)
    return {"audio": pd.Series(list(cells), index=index)}


def _facts(turns: list[Turn], speakers: list[Speaker]) -> dict[str, Any]:
    """What is known of each utterance beside its views."""
    return {
        "speaker": [speakers[turn.speaker].name for turn in turns],
        "gender": [speakers[turn.speaker].gender for turn in turns],
        "language": "en",
        "dialogue": [f"d{turn.dialogue:02d}" for turn in turns],
        "turn": [turn.turn for turn in turns],
        "corpus": CARD.name,
    }


def _visual_columns(
    turns: list[Turn], speakers: list[Speaker], effect: float, absent: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Columns ``visual_au__*``."""
    intensities = np.stack(
        [faces.face_of(speakers[t.speaker], t.emotion, effect, _stream(seed, "face", i)) for i, t in enumerate(turns)]
    )
    intensities[absent] = np.nan
    return {f"visual_au__{name}": column for name, column in zip(faces.NAMES, intensities.T, strict=True)}
