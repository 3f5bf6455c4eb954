"""EMOVO: six Italian actors, fourteen fixed sentences, seven emotions."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import shorten
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.finding import find_files, nothing_found, stated_root, stems

EMOTIONS = {
    "neu": "neutral",
    "dis": "disgust",
    "gio": "happiness",
    "pau": "fear",
    "rab": "anger",
    "sor": "surprise",
    "tri": "sadness",
}
SENTENCES = {
    "b1": "Gli operai si alzano presto.",
    "b2": "I vigili sono muniti di pistola.",
    "b3": "La cascata fa molto rumore.",
    "l1": "L'autunno prossimo Tony partirà per la Spagna nella prima metà di ottobre.",
    "l2": "Ora prendo la felpa di là ed esco per fare una passeggiata.",
    "l3": "Un attimo dopo s'è incamminato ... ed è inciampato.",
    "l4": "Vorrei il numero telefonico del Signor Piatti.",
    "n1": "La casa forte vuole col pane.",
    "n2": "La forza trova il passo e l'aglio rosso.",
    "n3": "Il gatto sta scorrendo nella pera.",
    "n4": "Insalata pastasciutta coscia d'agnello limoncello.",
    "n5": "Uno quarantatré dieci mille cinquantasette venti.",
    "d1": "Sabato sera cosa farà?",
    "d2": "Porti con te quella cosa?",
}
# first letter of a sentence's code: breve, lunga, nonsenso, domanda
KINDS = {"b": "short", "l": "long", "n": "nonsense", "d": "question"}
# sex and age in years
SPEAKERS = {
    "f1": ("female", 28),
    "f2": ("female", 23),
    "f3": ("female", 25),
    "m1": ("male", 30),
    "m2": ("male", 27),
    "m3": ("male", 30),
}
_NAME = re.compile(r"(?P<emotion>[a-z]{3})-(?P<speaker>[a-z]\d)-(?P<sentence>[a-z]\d)", re.IGNORECASE)

CARD = CorpusCard(
    name="emovo",
    title="EMOVO, an Italian emotional speech database",
    languages=("it",),
    modalities=("audio", "text"),
    emotions=dict.fromkeys(EMOTIONS.values(), 84),
    n_utterances=588,
    n_speakers=6,
    license="none stated in its paper; others state CC BY-NC-SA 4.0 (not for commercial use)",
    citation="costantini2014_emovo",
    where_to_get="voice.fub.it/EMOVO, on request (Fondazione Ugo Bordoni)",
    layout="folders f1 f2 f3 m1 m2 m3 with 98 files each such as neu-m1-b1.wav, or all files in one folder",
    sampling_rate=48000,
    durations=(1.29, 13.99),
    ask="Ask the Fondazione Ugo Bordoni; its address is in the paper, https://aclanthology.org/L14-1478.",
    tested_on="a folder in the owner's layout, made by the tests; not on the owner's files",
    protocols={
        "speaker": "leave one speaker out, 6 folds (customary)",
        "stratified": "random 10-fold, speakers overlap",
    },
    uninformative_views=("text",),
    notes=(
        "Fourteen fixed sentences, each said in every emotion: the text says nothing of the emotion.",
        "The recording level was set by hand and differs between the emotions (lower for anger): loudness cannot be "
        "compared, so normalise it or leave it out.",
        "587 files have two channels, rab-f1-b1 one: the first channel is read.",
        "Listeners recognised 80 % (disgust 67, happiness 65); they heard two of the sentences.",
        "The speakers' ages are those of EmoBox; the paper says 23 to 30 years.",
        "No official split.",
    ),
)


def load(root: str | Path | None = None) -> Corpus:
    """Read EMOVO.

    Parameters
    ----------
    root : str or Path, optional
        Folder with the actors' folders, or with all recordings; ``$FERFUSION_DATA/emovo`` if missing.

    Returns
    -------
    Corpus
        Indexed by file name without ending, in small letters; facts ``audio text speaker gender age sentence
        sentence_kind language corpus original_label``.

    Raises
    ------
    CorpusError
        If no file is named as EMOVO names its files.
    """
    folder = stated_root(root, CARD)
    found = find_files(folder, stems(_NAME, lambda match: match.group().lower()))
    rows, labels, odd = {}, {}, []
    for id_, (path, _) in found.files.items():
        emotion, speaker, sentence = id_.split("-")
        if emotion not in EMOTIONS or speaker not in SPEAKERS or sentence not in SENTENCES:
            odd.append(path.name)
            continue
        gender, age = SPEAKERS[speaker]
        rows[id_] = {
            "audio": str(path),
            "text": SENTENCES[sentence],
            "speaker": speaker,
            "gender": gender,
            "age": age,
            "sentence": sentence,
            "sentence_kind": KINDS[sentence[0]],
            "language": "it",
            "corpus": CARD.name,
            "original_label": emotion,
        }
        labels[id_] = EMOTIONS[emotion]
    if not rows:
        raise nothing_found(folder, CARD)
    if odd:
        found.notes.append(
            f"left out {len(odd)} files that name no emotion, actor or sentence of EMOVO: {shorten(odd)}"
        )
    found.files = {id_: found.files[id_] for id_ in rows}
    X = pd.DataFrame.from_dict(rows, orient="index")
    return Corpus(X, pd.Series(labels), CARD, root=folder, faults=found.faults, notes=found.notes)
