"""SAVEE: four English men, seven emotions, sound and video."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import shorten
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.finding import SOUNDS, VIDEOS, Found, find_files, nothing_found, stated_root

EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}
SPEAKERS = ("DC", "JE", "JK", "KL")
_SENTENCES = {code: 30 if code == "n" else 15 for code in EMOTIONS}
_NAME = re.compile(r"(?:(?P<speaker>[a-z]{2})_?)?(?P<emotion>[a-z]{1,2})(?P<number>\d{1,2})", re.IGNORECASE)

CARD = CorpusCard(
    name="savee",
    title="Surrey Audio-Visual Expressed Emotion (SAVEE) Database",
    languages=("en",),
    modalities=("audio", "visual"),
    emotions={name: 4 * _SENTENCES[code] for code, name in EMOTIONS.items()},
    n_utterances=480,
    n_speakers=4,
    license="the owner's own terms, given on registration; others state: for academic research",
    citation="haq2010_savee",
    where_to_get="http://kahlan.eps.surrey.ac.uk/savee/ (after registration)",
    layout="folders AudioData/DC, JE, JK, KL with 120 files each such as a01.wav (and AudioVisualClip/ with video "
    "clips of the same names), or one folder with files such as DC_a01.wav",
    sampling_rate=44100,
    durations=(1.63, 7.14),
    ask="Register at http://personal.ee.surrey.ac.uk/Personal/P.Jackson/SAVEE/Register.html; the owner then says "
    "where it is.",
    tested_on="a folder in the owner's layout, made by the tests; not on the owner's files",
    protocols={
        "speaker": "leave one speaker out, 4 folds (customary)",
        "stratified": "random 10-fold, speakers overlap",
    },
    notes=(
        "No text: no table says which sentence a file's number stands for.",
        "15 sentences an emotion: 3 common to all, 2 of that emotion alone, 10 others that differ between the "
        "emotions. Transcripts (your own, or of a recogniser) therefore give the label away: do not judge text by "
        "this corpus.",
        "Four men of 27 to 31 years from one university: nothing is learnt of women's voices.",
        "Neutral has twice as many recordings as any other.",
        "Where the owner's video clips lie in the folder too they are the fact 'video'; a clip without a sound file "
        "is also read as sound.",
        "Copies in public repositories may hold Git LFS pointers in place of recordings: notes and validate() say so.",
    ),
)


def load(root: str | Path | None = None) -> Corpus:
    """Read SAVEE.

    Parameters
    ----------
    root : str or Path, optional
        Folder that holds ``AudioData/`` or the speakers' folders, or one with all recordings (``DC_a01.wav``);
        ``$FERFUSION_DATA/savee`` if missing.

    Returns
    -------
    Corpus
        Indexed by speaker and file name (``DC_a01``, two digits whatever the copy has); facts ``audio speaker gender
        sentence language corpus original_label``, and ``video`` where there are video clips. ``sentence`` is the
        emotion's letter and the number of the sentence within it.

    Raises
    ------
    CorpusError
        If no file is named as SAVEE names its files.
    """
    folder = stated_root(root, CARD)
    sounds, videos = _find(folder, SOUNDS), _find(folder, VIDEOS)
    rows: dict[str, dict[str, str | None]] = {}
    labels = {}
    for id_ in sorted({*sounds.files, *videos.files}):
        speaker, sentence = id_.split("_")
        code = sentence.rstrip("0123456789")
        rows[id_] = {
            "audio": str((sounds.files.get(id_) or videos.files[id_])[0]),
            "speaker": speaker,
            "gender": "male",
            "sentence": sentence,
            "language": "en",
            "corpus": CARD.name,
            "original_label": code,
        }
        if videos.files:
            rows[id_]["video"] = str(videos.files[id_][0]) if id_ in videos.files else None
        labels[id_] = EMOTIONS[code]
    if not rows:
        raise nothing_found(folder, CARD)
    mute = len(set(videos.files) - set(sounds.files))
    notes = [*sounds.notes, *(f"video clips: {note}" for note in videos.notes)]
    if mute:
        notes.append(f"{mute} recordings are there as video clips only, and their sound is read from those")
    X = pd.DataFrame.from_dict(rows, orient="index")
    faults = [*sounds.faults, *videos.faults]
    return Corpus(X, pd.Series(labels), CARD, root=folder, faults=faults, notes=notes)


def _find(folder: Path, endings: tuple[str, ...]) -> Found:
    """Files by id, without those whose names hold unknown codes."""
    home = folder.resolve().name  # the folder of one speaker may be the root

    def parse(path: Path) -> tuple[str, str | None] | None:
        match = _NAME.fullmatch(path.stem)
        if match is None:
            return None
        speaker = (match["speaker"] or _nearest_speaker(path, home)).upper()
        code, number = match["emotion"].lower(), int(match["number"])
        if speaker not in SPEAKERS or not 1 <= number <= _SENTENCES.get(code, 0):
            return path.as_posix(), None
        return f"{speaker}_{code}{number:02d}", "files DC_a01" if match["speaker"] else "folders DC/a01"

    found = find_files(folder, parse, endings)
    odd = [id_ for id_, (_, layout) in found.files.items() if layout is None]
    found.files = {id_: told for id_, told in found.files.items() if told[1] is not None}
    if odd:
        found.notes.append(
            f"left out {len(odd)} files that name no speaker, emotion or sentence of SAVEE: {shorten(odd)}"
        )
    layouts = Counter(layout for _, layout in found.files.values())
    if layouts:
        found.notes.append("layout: " + ", ".join(f"{n} as {layout}" for layout, n in sorted(layouts.items())))
    return found


def _nearest_speaker(path: Path, home: str) -> str:
    names = (*reversed(path.parent.parts), home)
    return next((name for name in names if name.upper() in SPEAKERS), "")
