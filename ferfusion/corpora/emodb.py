"""EMO-DB: ten German actors, ten fixed sentences, seven emotions."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from ferfusion.base.card import CorpusCard, Download
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.finding import find_files, nothing_found, stated_root, stems

EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
# sex and age in years
SPEAKERS = {
    "03": ("male", 31),
    "08": ("female", 34),
    "09": ("female", 21),
    "10": ("male", 32),
    "11": ("male", 26),
    "12": ("male", 30),
    "13": ("female", 32),
    "14": ("female", 35),
    "15": ("male", 25),
    "16": ("female", 31),
}
_NAME = re.compile(r"(?P<speaker>\d{2})(?P<sentence>[ab]\d{2})(?P<emotion>[WLEAFTN])(?P<version>[a-z])", re.IGNORECASE)

_LISTENERS = "erkennung.txt"

CARD = CorpusCard(
    name="emodb",
    title="Berlin Database of Emotional Speech (EMO-DB)",
    languages=("de",),
    modalities=("audio", "text"),
    emotions={"anger": 127, "boredom": 81, "disgust": 46, "fear": 69, "happiness": 71, "neutral": 79, "sadness": 62},
    n_utterances=535,
    n_speakers=10,
    license="as published by different holders: CC BY 4.0 or CC0; free for research, no registration",
    citation="burkhardt2005_emodb",
    where_to_get="http://emodb.bilderbar.info/download/download.zip (no registration)",
    layout="a folder wav/ with 535 files such as 03a01Fa.wav, or that folder itself",
    sampling_rate=16000,
    durations=(1.22, 8.98),
    downloads=(
        Download(
            "http://emodb.bilderbar.info/download/download.zip",
            unpack=True,
            largest=200_000_000,
            contents="emodb_sha256.csv",
        ),
    ),
    tested_on="the owner's full copy",
    protocols={
        "speaker": "leave one speaker out, 10 folds (customary)",
        "stratified": "random 10-fold, speakers overlap",
    },
    uninformative_views=("text",),
    notes=(
        "Ten fixed sentences, each said in every emotion: the text says nothing of the emotion.",
        "Acted; chosen by listeners (80 % recognition and more), so easier than speech from life.",
        "Some speakers have no or one utterance of a class: mean recall is taken over pooled predictions.",
        "Altered copies are about (22.05 kHz, cut to 2 s): validate() and describe() show them.",
        "erkennung.txt says how many listeners recognised the intended emotion, not what the others answered: soft "
        "labels spread the rest evenly.",
        "Four files (14a07A/F/N/W) carry a chunk 'PAD ' before the samples, which some readers cannot pass.",
    ),
)


def load(root: str | Path | None = None) -> Corpus:
    """Read EMO-DB.

    Parameters
    ----------
    root : str or Path, optional
        Folder that holds ``wav/``, or the folder of the recordings; ``$FERFUSION_DATA/emodb`` if missing.

    Returns
    -------
    Corpus
        Indexed by file name without ending; facts ``audio text speaker gender age sentence language corpus
        original_label``. Where ``erkennung.txt`` lies in the folder also ``recognised`` and ``natural`` (shares of
        the listeners who recognised the intended emotion, and who found it natural) and ``corpus.soft``.

    Raises
    ------
    CorpusError
        If no file is named as EMO-DB names its files.
    """
    folder = stated_root(root, CARD)
    found = find_files(folder, stems(_NAME, _id))
    rows, labels = {}, {}
    for id_, (path, match) in found.files.items():
        speaker, sentence, code = match["speaker"], match["sentence"].lower(), match["emotion"].upper()
        if speaker not in SPEAKERS or sentence not in SENTENCES:
            found.notes.append(f"left out {path.name}: no speaker or sentence of EMO-DB has this code")
            continue
        gender, age = SPEAKERS[speaker]
        rows[id_] = {
            "audio": str(path),
            "text": SENTENCES[sentence],
            "speaker": speaker,
            "gender": gender,
            "age": age,
            "sentence": sentence,
            "language": "de",
            "corpus": CARD.name,
            "original_label": code,
        }
        labels[id_] = EMOTIONS[code]
    if not rows:
        raise nothing_found(folder, CARD)
    X, y = pd.DataFrame.from_dict(rows, orient="index"), pd.Series(labels)
    heard = _listeners(folder)
    soft = None
    if heard is not None:
        X = X.join(heard)
        soft = _soft(y, X["recognised"])
    return Corpus(X, y, CARD, root=folder, soft=soft, faults=found.faults, notes=found.notes)


def _id(match: re.Match[str]) -> str:
    """File name in the owner's letters, whatever those of the copy."""
    return f"{match['speaker']}{match['sentence'].lower()}{match['emotion'].upper()}{match['version'].lower()}"


def _listeners(folder: Path) -> pd.DataFrame | None:
    """Recognition and naturalness as shares, from the list of the listening test; it has more rows than recordings."""
    path = next((p for p in (folder / _LISTENERS, folder.parent / _LISTENERS) if p.is_file()), None)
    if path is None:
        return None
    table: dict[str, tuple[float, float]] = {}
    for line in path.read_text(encoding="latin-1").splitlines():
        cells = [cell.strip(" \xa0") for cell in line.split("\t")]
        match = next((m for cell in cells if (m := _NAME.fullmatch(cell.removesuffix(".wav")))), None)
        if match:
            recognised, natural = [float(cell.replace(",", ".")) / 100 for cell in cells if "," in cell][:2]
            table[_id(match)] = (recognised, natural)
    return pd.DataFrame.from_dict(table, orient="index", columns=["recognised", "natural"]) if table else None


def _soft(y: pd.Series, recognised: pd.Series) -> pd.DataFrame:
    """Shares of answers. What the others answered is not published: they are spread evenly over the other emotions."""
    emotions = sorted(EMOTIONS.values())
    rate = recognised.to_numpy(dtype=float)[:, None]
    meant = y.to_numpy()[:, None] == np.array(emotions)[None, :]
    return pd.DataFrame(np.where(meant, rate, (1 - rate) / (len(emotions) - 1)), index=y.index, columns=emotions)
