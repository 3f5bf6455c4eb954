"""TESS: two women of Toronto, 200 words in one carrier phrase, seven emotions."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import shorten
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.finding import find_files, nothing_found, stated_root, stems

EMOTIONS = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "ps": "surprise",
    "sad": "sadness",
}
# the older and the younger woman, with their age in years
SPEAKERS = {"OAF": 64, "YAF": 26}
_MISSPELT = {"OA": "OAF"}
_NAME = re.compile(r"(?P<speaker>[A-Z]{2,3})_(?P<word>[^\W_]+)_(?P<emotion>[A-Z]+)", re.IGNORECASE)

CARD = CorpusCard(
    name="tess",
    title="Toronto Emotional Speech Set (TESS)",
    languages=("en",),
    modalities=("audio", "text"),
    emotions=dict.fromkeys(EMOTIONS.values(), 400),
    n_utterances=2800,
    n_speakers=2,
    license="CC BY-NC-ND 4.0 by lists of corpora (some copies say CC BY-NC 4.0): not for commercial use",
    citation="pichorafuller2020_tess",
    where_to_get=("https://doi.org/10.5683/SP2/E8H2MF (no registration)"),
    layout="folders OAF_angry ... YAF_sad with files such as OAF_back_angry.wav, or all files in one folder",
    sampling_rate=24414,
    durations=(1.25, 2.98),
    tested_on="a folder with all 2,800 names made after the published rule, by the tests; not on the owner's files",
    protocols={
        "speaker": "leave one speaker out: 2 folds only, each learnt from one woman and tested on the other",
        "stratified": "random 10-fold, speakers overlap: both women are on both sides",
    },
    uninformative_views=("text",),
    notes=(
        "Two speakers only: a score of two folds says little of other voices, and that of random folds nothing.",
        "200 words in the phrase 'Say the word ...', each said in every emotion: the text says nothing of the emotion.",
        "The emotion and the speaker are read from the file name; the folders' names differ from copy to copy.",
        "One file of the usual copies lacks a letter, OA_bite_neutral.wav: its id is OAF_bite_neutral here.",
        "Some users found YAF_germ_angry.wav, and some YAF_neat_fear.wav, damaged in their copies: see validate().",
        "'ps' is pleasant surprise; it counts as surprise.",
    ),
)


def load(root: str | Path | None = None) -> Corpus:
    """Read TESS.

    Parameters
    ----------
    root : str or Path, optional
        Folder with the recordings, in folders or not; ``$FERFUSION_DATA/tess`` if missing.

    Returns
    -------
    Corpus
        Indexed by file name without ending; facts ``audio text speaker gender age word language corpus
        original_label``.

    Raises
    ------
    CorpusError
        If no file is named as TESS names its files.
    """
    folder = stated_root(root, CARD)
    found = find_files(folder, stems(_NAME, _id))
    rows, labels, unknown = {}, {}, []
    for id_, (path, match) in found.files.items():
        speaker, word, code = id_.split("_")
        if speaker not in SPEAKERS or code not in EMOTIONS:
            unknown.append(path.name)
            continue
        rows[id_] = {
            "audio": str(path),
            "text": f"Say the word {word}",
            "speaker": speaker,
            "gender": "female",
            "age": SPEAKERS[speaker],
            "word": word,
            "language": "en",
            "corpus": CARD.name,
            "original_label": code,
        }
        labels[id_] = EMOTIONS[code]
        if match["speaker"].upper() in _MISSPELT:
            found.notes.append(f"{path.name} was read as {id_}: its name lacks a letter")
    if not rows:
        raise nothing_found(folder, CARD)
    if unknown:
        found.notes.append(
            f"left out {len(unknown)} files whose speaker or emotion TESS does not have: {shorten(unknown)}"
        )
    X, y = pd.DataFrame.from_dict(rows, orient="index"), pd.Series(labels)
    return Corpus(X, y, CARD, root=folder, faults=found.faults, notes=found.notes)


def _id(match: re.Match[str]) -> str:
    """File name in the owner's letters, whatever those of the copy."""
    speaker = match["speaker"].upper()
    return f"{_MISSPELT.get(speaker, speaker)}_{match['word'].lower()}_{match['emotion'].lower()}"
