"""URDU: short pieces of Urdu talk shows, four emotions."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import shorten
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.finding import find_files, nothing_found, stated_root, stems

EMOTIONS = {"A": "anger", "H": "happiness", "N": "neutral", "S": "sadness"}
_GENDERS = {"M": "male", "F": "female"}
_FOLDERS = {"angry": "A", "happy": "H", "neutral": "N", "sad": "S"}
_NAME = re.compile(r"S(?P<gender>[MF])(?P<speaker>\d+)_F\d+_(?P<emotion>[A-Z])\d+", re.IGNORECASE)

CARD = CorpusCard(
    name="urdu",
    title="URDU dataset of emotional speech from talk shows",
    languages=("ur",),
    modalities=("audio",),
    emotions=dict.fromkeys(EMOTIONS.values(), 100),
    n_utterances=400,
    n_speakers=29,
    license="none stated; the owner allows use for research only",
    citation="latif2018_urdu",
    where_to_get="https://github.com/siddiquelatif/URDU-Dataset (no registration)",
    layout="folders Angry, Happy, Neutral and Sad with files such as SM1_F10_A010.wav",
    durations=(0.99, 3.01),
    tested_on="a folder with all 400 names of the owner's repository, made by the tests; not on the owner's files",
    protocols={
        "speaker": "leave one speaker out, 29 folds of 2 to 80 recordings; most speakers have one emotion only",
        "stratified": "random 10-fold, speakers overlap: who speaks nearly tells the emotion",
    },
    notes=(
        "The owner tells of 38 speakers (27 men, 11 women); the files name 29 (18 men numbered up to 27, 11 women), "
        "and these are what validate() expects.",
        "Speakers and emotions go together: only SM3, SM5 and SM6 have more than one emotion, all anger is of four "
        "men, and guessing each speaker's usual emotion is right for 96 % of the recordings. Hold speakers out.",
        "A held-out speaker seldom has all emotions: take mean recall over pooled predictions.",
        "Recordings were cut to 2 s (odd number of the file) or 3 s (even), by the lengths that others list; one, "
        "SM1_F8_A08, lasts 0.99 s. Neighbours may be of one passage, which random folds would tear apart.",
        "Speech from talk shows on YouTube, spontaneous by the paper; no transcripts are given.",
    ),
)


def load(root: str | Path | None = None) -> Corpus:
    """Read the URDU dataset.

    Parameters
    ----------
    root : str or Path, optional
        Folder with the folders of the emotions; ``$FERFUSION_DATA/urdu`` if missing.

    Returns
    -------
    Corpus
        Indexed by file name without ending; facts ``audio speaker gender language corpus original_label``.

    Raises
    ------
    CorpusError
        If no file is named as URDU names its files.
    """
    folder = stated_root(root, CARD)
    found = find_files(folder, stems(_NAME, lambda match: match[0].upper()))
    rows, labels, unknown = {}, {}, []
    for id_, (path, match) in found.files.items():
        code, gender = match["emotion"].upper(), match["gender"].upper()
        if code not in EMOTIONS:
            unknown.append(path.name)
            continue
        rows[id_] = {
            "audio": str(path),
            "speaker": f"S{gender}{match['speaker']}",
            "gender": _GENDERS[gender],
            "language": "ur",
            "corpus": CARD.name,
            "original_label": code,
        }
        labels[id_] = EMOTIONS[code]
        if _FOLDERS.get(path.parent.name.lower(), code) != code:
            found.faults.append((id_, f"lies in the folder {path.parent.name}, but its name says {EMOTIONS[code]}"))
    if not rows:
        raise nothing_found(folder, CARD)
    if unknown:
        found.notes.append(f"left out {len(unknown)} files whose emotion URDU does not have: {shorten(unknown)}")
    X, y = pd.DataFrame.from_dict(rows, orient="index"), pd.Series(labels)
    return Corpus(X, y, CARD, root=folder, faults=found.faults, notes=found.notes)
