"""TurEV-DB: six Turkish speakers, single words, four emotions."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import shorten
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.finding import find_files, nothing_found, stated_root, stems

EMOTIONS = {"kz": "anger", "sk": "calm", "mt": "happiness", "hl": "sadness"}
SPEAKERS = ("1157", "1234", "1358", "1984", "6783", "7895")
_FOLDERS = {"angry": "kz", "calm": "sk", "happy": "mt", "sad": "hl"}
_NAME = re.compile(r"(?P<speaker>\d{4})_(?P<emotion>[A-Z]{2})_(?P<word>[^\W_]+)", re.IGNORECASE)
# Folders of the owner's repository with filtered copies of some recordings, under the same names.
_FILTERED = ("model output", "testemotions")

CARD = CorpusCard(
    name="turevdb",
    title="Turkish Emotion-Voice Database (TurEV-DB)",
    languages=("tr",),
    modalities=("audio", "text"),
    emotions={"anger": 487, "calm": 408, "happiness": 357, "sadness": 483},
    n_utterances=1735,
    n_speakers=6,
    license="CC BY-NC-ND 4.0 (not for commercial use)",
    citation="canpolat2020_turevdb",
    where_to_get="https://github.com/Xeonen/TurEV-DB, folder 'Sound Source' (no registration)",
    layout="a folder 'Sound Source' with folders Angry, Calm, Happy and Sad and files such as 1157_kz_beste.wav",
    sampling_rate=44100,
    tested_on="a folder with 1,735 names in the owner's form and counts, made by the tests; not on the owner's files",
    protocols={
        "speaker": "leave one speaker out, 6 folds",
        "stratified": "random 10-fold, speakers overlap",
    },
    uninformative_views=("text",),
    notes=(
        "Single words (82 by the paper), said in each emotion: the text says nothing of the emotion.",
        "The text is the word as the file name spells it, without the letters that only Turkish has (kagit for kağıt).",
        "Speaker 1157 has neither calm nor happy recordings: take mean recall over pooled predictions.",
        "The sex of the speakers is not in the files' names, nor in any table of the repository.",
        "The repository also holds filtered copies of recordings ('Model Output for Test Data'); they are not read.",
    ),
)


def load(root: str | Path | None = None) -> Corpus:
    """Read TurEV-DB.

    Parameters
    ----------
    root : str or Path, optional
        The repository, its folder ``Sound Source``, or a copy of that; ``$FERFUSION_DATA/turevdb`` if missing.

    Returns
    -------
    Corpus
        Indexed by file name without ending; facts ``audio text speaker word language corpus original_label``.

    Raises
    ------
    CorpusError
        If no file is named as TurEV-DB names its files.
    """
    folder = stated_root(root, CARD)
    named = stems(_NAME, lambda match: match[0].lower())
    filtered: list[Path] = []

    def parse(path: Path) -> tuple[str, re.Match[str]] | None:
        told = named(path)
        if told and any(part.lower().startswith(_FILTERED) for part in path.parts[:-1]):
            filtered.append(path)
            return None
        return told

    found = find_files(folder, parse)
    rows, labels, unknown = {}, {}, []
    for id_, (path, _) in found.files.items():
        speaker, code, word = id_.split("_")
        if speaker not in SPEAKERS or code not in EMOTIONS:
            unknown.append(path.name)
            continue
        rows[id_] = {
            "audio": str(path),
            "text": word,
            "speaker": speaker,
            "word": word,
            "language": "tr",
            "corpus": CARD.name,
            "original_label": code,
        }
        labels[id_] = EMOTIONS[code]
        if _FOLDERS.get(path.parent.name.lower(), code) != code:
            found.faults.append((id_, f"lies in the folder {path.parent.name}, but its name says {EMOTIONS[code]}"))
    if not rows:
        raise nothing_found(folder, CARD)
    if unknown:
        found.notes.append(
            f"left out {len(unknown)} files whose speaker or emotion TurEV-DB does not have: {shorten(unknown)}"
        )
    if filtered:
        found.notes.append(f"passed over {len(filtered)} filtered copies of recordings, in {filtered[0].parts[0]}")
    X, y = pd.DataFrame.from_dict(rows, orient="index"), pd.Series(labels)
    return Corpus(X, y, CARD, root=folder, faults=found.faults, notes=found.notes)
