"""IEMOCAP: ten actors in pairs, scripted and improvised dialogues, judged by several raters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import CorpusError, ProtocolError, UnknownNameError
from ferfusion.corpora._iemocap.evaluation import EMOTIONS, Evaluation, ratings_of, shares_of
from ferfusion.corpora._iemocap.release import read_release
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.finding import stated_root
from ferfusion.corpora.folds import Fold
from ferfusion.corpora.labels import coarser, map_labels

CLASSES = ("four_class", "six_class", "all")
PARTS = ("all", "improvised", "scripted")
_TEST_SESSION = "Ses05"
_PICKLES = (".pkl", ".pickle")
_SIX = {"anger": 1103, "excitement": 1041, "frustration": 1849, "happiness": 595, "neutral": 1708, "sadness": 1084}
_FOUR = {"anger": 1103, "happiness": 1636, "neutral": 1708, "sadness": 1084}

# How many utterances of each class there are, where it is known
_COUNTS: Mapping[tuple[str, str], dict[str, int]] = {
    ("four_class", "all"): _FOUR,
    ("four_class", "improvised"): {"anger": 289, "happiness": 947, "neutral": 1099, "sadness": 608},
    ("four_class", "scripted"): {"anger": 814, "happiness": 689, "neutral": 609, "sadness": 476},
    ("six_class", "all"): _SIX,
    ("all", "all"): _SIX | {"disgust": 2, "fear": 40, "other": 3, "surprise": 107},
}

_EVERY = 10039  # utterances, 2,507 of them without agreement

CARD = CorpusCard(
    name="iemocap",
    title="Interactive Emotional Dyadic Motion Capture database (IEMOCAP)",
    languages=("en",),
    modalities=("audio", "text"),
    emotions=_FOUR,
    n_utterances=5531,
    n_speakers=10,
    license="the owner's own (USC, SAIL laboratory): academic use, granted on request",
    citation="busso2008_iemocap",
    where_to_get="https://sail.usc.edu/iemocap/iemocap_release.htm (on request)",
    ask="Read the licence on that page and send its form; the laboratory answers with a link.",
    layout=(
        "IEMOCAP_full_release with Session1 ... Session5 (or one of these), each with dialog/EmoEvaluation/*.txt, "
        "dialog/transcriptions/*.txt and sentences/wav/<dialogue>/*.wav"
    ),
    sampling_rate=16000,
    durations=(0.58, 34.14),
    tested_on="a folder in the official layout, made by the tests; not on the owner's files",
    protocols={
        "speaker": "leave one speaker out, 10 folds; the other speaker of the dialogue stays in the training part",
        "session": "leave one session (two speakers) out, 5 folds (customary)",
        "dialogue": "leave one dialogue out, 151 folds; speakers overlap",
        "erc": "train on the 120 dialogues of sessions 1-4, test on the 31 of session 5 (customary for dialogues)",
        "stratified": "random 10-fold, speakers overlap",
    },
    notes=(
        "Four classes, 5,531 utterances, excitement counted as happiness; classes='six_class' has 7,380, "
        "classes='all' also those on which the raters did not agree (without a label).",
        "The pickles of work on dialogues have 7,433 utterances of six classes: 53 more are 'hap' there than by the "
        "final labels of the release.",
        "Ses01F_impro01_M000: the first letter says who wears the markers, the last who speaks. Readers that take "
        "the first for the speaker are wrong for half of the utterances.",
        "The scripts are the same in all sessions: a model of the text can know the scripted part by heart.",
        "Published figures differ in the classes, in the part (improvised only) and in the folds; those of random "
        "folds are higher.",
        "Soft labels are the raters' votes: who names several emotions splits his vote, self-evaluation is left out.",
        "Durations are those of the four classes.",
    ),
)


def load(root: str | Path | None = None, *, classes: str = "four_class", part: str = "all") -> Corpus:
    """Read IEMOCAP from the raw release.

    Parameters
    ----------
    root : str or Path, optional
        ``IEMOCAP_full_release``, a folder that holds it, or the folder of one session; ``$FERFUSION_DATA/iemocap`` if
        missing. Also a pickle of whole dialogues as published with work on conversations, read as it is.
    classes : {"four_class", "six_class", "all"}, default="four_class"
        Anger, happiness (with excitement), neutral, sadness; or these with excitement apart, and frustration; or
        every utterance, without a label where the raters did not agree. ``Corpus.relabel`` makes other sets of "all".
    part : {"all", "improvised", "scripted"}, default="all"
        Which dialogues.

    Returns
    -------
    Corpus
        Indexed by utterance, dialogue by dialogue in order of time; facts ``audio text speaker gender language session
        dialogue turn part begin_s end_s valence activation dominance corpus original_label``. ``turn`` counts all
        utterances of the dialogue from 0, those left out included; ``begin_s`` and ``end_s`` are seconds in the
        dialogue. Where an utterance has no recording of its own, ``start`` and ``end`` cut it out of the dialogue's.
        ``soft`` holds the raters' votes, ``ratings`` their single answers.

    Raises
    ------
    CorpusError
        If the folder holds no evaluation files of IEMOCAP, or none of what was asked for.
    UnknownNameError
        If there is no such set of classes or part.
    """
    if classes not in CLASSES:
        raise UnknownNameError("set of classes", classes, CLASSES)
    if part not in PARTS:
        raise UnknownNameError("part of IEMOCAP", part, PARTS)
    if root is not None and Path(root).suffix.lower() in _PICKLES and Path(root).expanduser().is_file():
        return _pickled(Path(root).expanduser(), classes, part)
    folder = stated_root(root, CARD)
    release = read_release(folder, CARD)
    y, left = _labels(list(release.evaluations.values()), classes, part)
    if y.empty:
        message = (
            f"{len(release.evaluations)} utterances of IEMOCAP under {folder}, but none for classes={classes!r} and "
            f"part={part!r}{': ' + left if left else ''}."
        )
        raise CorpusError(message)
    used = [release.evaluations[id_] for id_ in y.index]
    X = pd.DataFrame.from_dict({id_: release.row(id_) for id_ in y.index}, orient="index").assign(corpus=CARD.name)
    if X["start"].isna().all():
        X = X.drop(columns=["start", "end"])  # every utterance has a file of its own: nothing is cut
    soft = shares_of(used)
    faults, notes = release.check(y.index, part)
    return Corpus(
        X,
        y,
        _card(classes, part),
        root=folder,
        folds={"erc": _erc},
        soft=soft if classes == "all" else coarser(soft, classes),
        ratings=ratings_of(used),
        faults=faults,
        notes=[*notes, left] if left else notes,
    )


def _pickled(path: Path, classes: str, part: str) -> Corpus:
    if (classes, part) != ("four_class", "all"):
        message = f"classes and part are for the raw release; {path.name} is read as it is. Corpus.relabel maps labels."
        raise CorpusError(message)
    from ferfusion.corpora.conversations import read_conversations

    return read_conversations(path, CARD)


def _labels(evaluations: list[Evaluation], classes: str, part: str) -> tuple[pd.Series, str]:
    """Labels of the utterances that are asked for, and in words which ones are left out."""
    asked = [e for e in evaluations if part in ("all", e.name.part)]
    names = pd.Series([EMOTIONS[e.code] for e in asked], index=[e.name.id for e in asked], dtype=object)
    y = names if classes == "all" else map_labels(names, classes)
    kept = y.notna() | (classes == "all")
    counts = names[~kept].fillna("no agreement").value_counts()
    told = [f"{emotion} ({n})" for emotion, n in counts.items()]
    others = len(evaluations) - len(asked)
    told += [f"the other part ({others})"] if others else []
    left = len(evaluations) - int(kept.sum())
    return y[kept], f"left out {left} utterances: {', '.join(told)}" if left else ""


def _card(classes: str, part: str) -> CorpusCard:
    """Card with what is expected of these classes and this part, as far as it is known."""
    if (classes, part) == ("four_class", "all"):
        return CARD
    counts = _COUNTS.get((classes, part), {})
    total = sum(counts.values()) or None
    if (classes, part) == ("all", "all"):
        total = _EVERY
    return replace(
        CARD, emotions=counts, n_utterances=total, durations=CARD.durations if classes == "four_class" else None
    )


def _erc(X: pd.DataFrame) -> list[Fold]:
    """The split of work on whole dialogues: the last session is the test part."""
    held_out = (X["session"] == _TEST_SESSION).to_numpy()
    if held_out.all() or not held_out.any():
        message = f"The protocol 'erc' needs rows of session {_TEST_SESSION}, which it tests on, and of others."
        raise ProtocolError(message)
    return [Fold(_TEST_SESSION, np.flatnonzero(~held_out), np.flatnonzero(held_out))]
