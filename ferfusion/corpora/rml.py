"""RML: eight speakers, six languages, six emotions, sound and video in one file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import ProtocolError, shorten
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.finding import SOUNDS, VIDEOS, Found, find_files, nothing_found, stated_root
from ferfusion.corpora.folds import Fold

EMOTIONS = {
    "an": "anger",
    "di": "disgust",
    "fe": "fear",
    "ha": "happiness",
    "sa": "sadness",
    "su": "surprise",
}
SPEAKERS = tuple(f"s{number}" for number in range(1, 9))
LANGUAGES = {
    "english": "en",
    "mandarin": "zh",
    "chinese": "zh",
    "urdu": "ur",
    "punjabi": "pa",
    "persian": "fa",
    "farsi": "fa",
    "italian": "it",
}
_CLIP = re.compile(r"[a-z]{2}(?![a-z])", re.IGNORECASE)
_SPEAKER = re.compile(r"s0?(\d+)", re.IGNORECASE)
_PART = re.compile(r"rml[-_ ]?([12])", re.IGNORECASE)

CARD = CorpusCard(
    name="rml",
    title="Ryerson Multimedia Lab (RML) emotion database",
    languages=("en", "zh", "ur", "pa", "fa", "it"),
    modalities=("audio", "visual"),
    emotions=dict.fromkeys(EMOTIONS.values(), 120),
    n_utterances=720,
    n_speakers=8,
    license="free of charge for research and non-commercial use only, by signed agreement",
    citation="wang2008_rml",
    where_to_get="http://www.rml.ryerson.ca/rml-emotion-database.html (signed agreement)",
    layout="folders rml-1/s1 ... rml-1/s5 and rml-2/s6 ... rml-2/s8 with clips such as an1.avi, for a speaker of "
    "several languages one folder more for each (rml-1/s1/english/an1.avi)",
    sampling_rate=22050,
    ask="Send the signed agreement form by e-mail; form and address are on the page of the database.",
    tested_on="a folder in the layout that a public loader (mcnDatasets) reads, made by the tests; not on the owner's "
    "files",
    protocols={
        "speaker": "leave one speaker out, 8 folds",
        "rml2": "trained on the folder rml-1 (5 speakers), tested on rml-2 (3 others), as in mcnDatasets; only where "
        "the copy has these folders",
        "stratified": "random 10-fold, speakers overlap",
    },
    notes=(
        "No transcripts: ten sentences an emotion were given as a reference, and the subjects varied them. What is "
        "said goes with the emotion, so recognised text would give the label away.",
        "Sound and video are in one file: the facts 'audio' and 'video' name the same one, unless a sound file of the "
        "clip's name lies with it.",
        "The names of the language folders were not found in any source: names that begin with a language are "
        "understood; another one becomes part of the id, and the language stays unknown.",
        "Clips last 3 to 6 s by the owner's page; the exact bounds are not published, so lengths are not checked.",
        "Copies with about 500 clips are about: validate() lists what lacks.",
        "No official split.",
    ),
)


class _Clip(NamedTuple):
    """What path and name of a clip say."""

    speaker: str
    emotion: str
    language: str | None
    part: str | None


def load(root: str | Path | None = None) -> Corpus:
    """Read RML.

    Parameters
    ----------
    root : str or Path, optional
        Folder with the speakers' folders, at whatever depth; ``$FERFUSION_DATA/rml`` if missing.

    Returns
    -------
    Corpus
        Indexed by speaker, further folders and file name (``s6_an1``, ``s1_english_an1``): the same file names occur
        with several speakers. Facts ``audio video speaker language part corpus original_label``; ``part`` is ``rml-1``
        or ``rml-2``. The protocol ``rml2`` is offered where each clip lies in one of these.

    Raises
    ------
    CorpusError
        If no file lies and is named as those of RML.
    """
    folder = stated_root(root, CARD)
    clips, sounds = _find(folder, VIDEOS), _find(folder, SOUNDS)
    notes, faults = [*clips.notes, *(f"sound files: {note}" for note in sounds.notes)], [*clips.faults, *sounds.faults]
    files = clips.files or sounds.files  # a copy may hold nothing but the sound
    if not files:
        raise nothing_found(folder, CARD)
    rows, labels = {}, {}
    for id_, (path, clip) in files.items():
        rows[id_] = {
            "audio": str(sounds.files.get(id_, (path, None))[0]),
            "speaker": clip.speaker,
            "language": clip.language,
            "part": clip.part,
            "corpus": CARD.name,
            "original_label": clip.emotion,
        }
        if clips.files:
            rows[id_]["video"] = str(path)
        labels[id_] = EMOTIONS[clip.emotion]
    X = pd.DataFrame.from_dict(rows, orient="index")
    folds = {"rml2": _second_part} if set(X["part"]) == {"rml-1", "rml-2"} else {}
    notes += _tell_sounds(clips, sounds) + _tell_layout(X)
    return Corpus(X, pd.Series(labels), CARD, root=folder, folds=folds, faults=faults, notes=notes)


def _find(folder: Path, endings: tuple[str, ...]) -> Found:
    """Files by id, without those that lie or are named otherwise."""
    home = folder.resolve().name  # the folder of one speaker, or of one part, may be the root

    def parse(path: Path) -> tuple[str, _Clip | None] | None:
        folders = (home, *path.parent.parts)
        place = max((i for i, name in enumerate(folders) if _SPEAKER.fullmatch(name)), default=None)
        emotion = path.stem[:2].lower() if _CLIP.match(path.stem) else ""
        if place is None:
            return (path.as_posix(), None) if emotion in EMOTIONS else None
        speaker = _SPEAKER.sub(r"s\1", folders[place]).lower()
        if speaker not in SPEAKERS or emotion not in EMOTIONS:
            return path.as_posix(), None
        between = folders[place + 1 :]
        part = next((m[1] for name in reversed(folders[:place]) if (m := _PART.fullmatch(name))), None)
        clip = _Clip(speaker, emotion, _language(between), part and f"rml-{part}")
        return "_".join((speaker, *between, path.stem)).lower(), clip

    found = find_files(folder, parse, endings)
    odd = [id_ for id_, (_, clip) in found.files.items() if clip is None]
    found.files = {id_: told for id_, told in found.files.items() if told[1] is not None}
    if odd:
        found.notes.append(f"left out {len(odd)} files that name no speaker or emotion of RML: {shorten(odd)}")
    return found


def _language(folders: tuple[str, ...]) -> str | None:
    names = [name.lower() for name in folders]
    return next((code for name in names for word, code in LANGUAGES.items() if name.startswith(word)), None)


def _tell_sounds(clips: Found, sounds: Found) -> list[str]:
    if not clips.files:
        return ["there is no video, only sound"]
    used = set(sounds.files) & set(clips.files)
    told = [f"the sound of {len(used)} clips is read from sound files of the same name"] if used else []
    left = [id_ for id_ in sounds.files if id_ not in used]
    return told + ([f"{len(left)} sound files belong to no clip and were left out: {shorten(left)}"] if left else [])


def _tell_layout(X: pd.DataFrame) -> list[str]:
    parts = X["part"].value_counts().sort_index()
    if parts.sum() < len(X):
        return [f"{len(X) - parts.sum()} clips lie in no folder rml-1 or rml-2: the protocol rml2 is not offered"]
    return ["layout: " + ", ".join(f"{n} clips in {part}" for part, n in parts.items())]


def _second_part(X: pd.DataFrame) -> list[Fold]:
    """The one fold of ``rml2``."""
    second = (X["part"] == "rml-2").to_numpy()
    if second.all() or not second.any():
        message = "The protocol 'rml2' needs clips of both parts, rml-1 and rml-2."
        raise ProtocolError(message)
    return [Fold("rml-2", np.flatnonzero(~second), np.flatnonzero(second))]
