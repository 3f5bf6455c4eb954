"""EMO-DB: ten German actors, ten fixed sentences, seven emotions."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import CorpusError
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files import find_sounds, stated_root

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
    protocols={
        "speaker": "leave one speaker out, 10 folds (customary)",
        "stratified": "random 10-fold, speakers overlap",
    },
    uninformative_views=("text",),
    notes=(
        "Ten fixed sentences, each said in every emotion: the text says nothing of the emotion.",
        "Acted; chosen by listeners (80 % recognition and more), so easier than speech from life.",
        "Some speakers have no or one utterance of a class: mean recall is taken over pooled predictions.",
        "Altered copies are about (22.05 kHz, cut to 2 s); validate() compares counts, not sound.",
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
        Indexed by file name without ending; facts ``audio text speaker gender age sentence language corpus``.

    Raises
    ------
    CorpusError
        If no file is named as EMO-DB names its files.
    """
    folder = stated_root(root, CARD)
    files, notes = find_sounds(folder, _NAME)
    rows, labels = {}, {}
    for stem, (path, match) in files.items():
        speaker, sentence = match["speaker"], match["sentence"].lower()
        if speaker not in SPEAKERS or sentence not in SENTENCES:
            notes.append(f"left out {path.name}: no speaker or sentence of EMO-DB has this code")
            continue
        gender, age = SPEAKERS[speaker]
        rows[stem] = {
            "audio": str(path),
            "text": SENTENCES[sentence],
            "speaker": speaker,
            "gender": gender,
            "age": age,
            "sentence": sentence,
            "language": "de",
            "corpus": CARD.name,
        }
        labels[stem] = EMOTIONS[match["emotion"].upper()]
    if not rows:
        message = f"No EMO-DB recordings under {folder}: expected {CARD.layout}. Get it from {CARD.where_to_get}."
        raise CorpusError(message)
    X = pd.DataFrame.from_dict(rows, orient="index")
    return Corpus(X, pd.Series(labels), CARD, root=folder, notes=tuple(notes))
