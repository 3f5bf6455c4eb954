"""RAVDESS: 24 North American actors, two fixed sentences, eight emotions; speech recordings and action units."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from ferfusion.base.card import CorpusCard, Download
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.finding import find_files, nothing_found, stated_root, stems
from ferfusion.corpora.folds import folds_from_index
from ferfusion.corpora.join import join_features

EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
SENTENCES = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
_NAME = re.compile(
    r"(?P<modality>\d{2})-(?P<channel>\d{2})-(?P<emotion>\d{2})-(?P<intensity>\d{2})-(?P<sentence>\d{2})-(?P<repetition>\d{2})-(?P<actor>\d{2})"
)
_AUDIO_ONLY, _SPEECH = "03", "01"
_ACTION_UNITS = "action_units.csv"

CARD = CorpusCard(
    name="ravdess",
    title="Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS), speech",
    languages=("en",),
    modalities=("audio", "text", "visual"),
    emotions={name: 96 if name == "neutral" else 192 for name in EMOTIONS.values()},
    n_utterances=1440,
    n_speakers=24,
    license="CC BY-NC-SA 4.0 (not for commercial use)",
    citation="livingstone2018_ravdess",
    where_to_get="https://zenodo.org/records/1188976, Audio_Speech_Actors_01-24.zip (no registration)",
    layout="folders Actor_01 ... Actor_24 with files such as 03-01-05-01-02-01-12.wav",
    sampling_rate=48000,
    durations=(2.93, 5.28),
    downloads=(
        Download(
            "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip",
            hash="md5:bc696df654c87fed845eb13823edef8a",
            unpack=True,
            largest=1_000_000_000,
        ),
    ),
    tested_on="the whole corpus in FLAC at 16 kHz, and the owner's files of actor 01",
    protocols={
        "speaker": "leave one actor out, 24 folds",
        "luna2022": "five folds of actors, as in Luna-Jiménez et al. 2022 (Applied Sciences 12:327)",
        "stratified": "random 10-fold, speakers overlap",
    },
    uninformative_views=("text",),
    views=("visual_au",),
    notes=(
        "Two fixed sentences, each said in every emotion: the text says nothing of the emotion.",
        "No official split; scores of random splits are far higher than those of held-out actors.",
        "Two recordings of actor 07 (03-01-03-01-02-01-07 and 03-01-03-01-02-02-07) are the same sound.",
        f"A table of facial action units is joined as view visual_au where {_ACTION_UNITS} lies in the folder or in "
        "a folder beside it whose name ends in _visual, or where it is named.",
    ),
)


def load(root: str | Path | None = None, action_units: str | Path | None = None) -> Corpus:
    """Read the speech recordings of RAVDESS.

    Parameters
    ----------
    root : str or Path, optional
        Folder with the actors' folders; ``$FERFUSION_DATA/ravdess`` if missing.
    action_units : str or Path, optional
        CSV with a row a clip: its name in the first column, then features ``visual_au__*``. Looked for in the
        folder, and in a folder of the same name with ``_visual`` behind it, if missing.

    Returns
    -------
    Corpus
        Indexed by clip name; facts ``audio text speaker gender intensity repetition language corpus
        original_label``.

    Raises
    ------
    CorpusError
        If no file is named as RAVDESS names its speech recordings.
    """
    folder = stated_root(root, CARD)
    found = find_files(folder, stems(_NAME))
    rows, labels = {}, {}
    for stem, (path, match) in found.files.items():
        known = match["emotion"] in EMOTIONS and match["sentence"] in SENTENCES
        if (match["modality"], match["channel"]) != (_AUDIO_ONLY, _SPEECH) or not known:
            continue
        rows[stem] = {
            "audio": str(path),
            "text": SENTENCES[match["sentence"]],
            "speaker": match["actor"],
            "gender": "male" if int(match["actor"]) % 2 else "female",
            "intensity": {"01": "normal", "02": "strong"}.get(match["intensity"]),
            "repetition": int(match["repetition"]),
            "language": "en",
            "corpus": CARD.name,
            "original_label": match["emotion"],
        }
        labels[stem] = EMOTIONS[match["emotion"]]
    if not rows:
        raise nothing_found(folder, CARD)
    left = len(found.files) - len(rows)
    if left:
        found.notes.append(f"{left} files are song, video or unknown codes and were left out")
    corpus = Corpus(
        pd.DataFrame.from_dict(rows, orient="index"),
        pd.Series(labels),
        CARD,
        root=folder,
        folds={"luna2022": folds_from_index("ravdess_luna2022.csv")},
        faults=found.faults,
        notes=found.notes,
    )
    table = action_units or _beside(folder)
    return corpus if table is None else join_features(corpus, table)


def _beside(folder: Path) -> Path | None:
    folder = folder.resolve()
    places = (folder / _ACTION_UNITS, folder.with_name(folder.name + "_visual") / _ACTION_UNITS)
    return next((path for path in places if path.is_file()), None)
