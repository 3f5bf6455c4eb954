"""Protocols: who is learnt from, who is tested, and what must be said beside every score."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ferfusion.base.errors import ProtocolError, shorten
from ferfusion.corpora import Corpus, Fold
from ferfusion.corpora.folds import folds_from_csv

__all__ = ["Protocol", "resolve_protocol"]

_SENTENCES = {
    "speaker": "leave one speaker out",
    "session": "leave one session out",
    "dialogue": "leave one dialogue out",
    "video_id": "leave one video out",
    "corpus": "leave one corpus out",
    "official": "the owner's split into train and test",
    "stratified": "random folds, stratified by emotion",
}


@dataclass(frozen=True)
class Protocol:
    """Folds and their description.

    Parameters
    ----------
    name : str
        As it was asked for.
    folds : list of Fold
        Each row in one test part at most.
    description : str
        One line that is printed beside every score.
    speakers_overlap : bool or None
        Whether a speaker of a test part is in its training part; None where speakers are unknown.
    """

    name: str
    folds: list[Fold]
    description: str
    speakers_overlap: bool | None


def resolve_protocol(protocol: Any, corpus: Corpus, seed: int = 0) -> Protocol:
    """Folds of a protocol for a corpus.

    Parameters
    ----------
    protocol : str, Path or splitter
        A name that ``corpus.folds()`` takes, a CSV of folds, or an object with ``split(X, y, groups)``.
    corpus : Corpus
        To be split.
    seed : int, default=0
        Seed of random folds.

    Returns
    -------
    Protocol

    Raises
    ------
    UnknownNameError
        If there is no such protocol.
    ProtocolError
        If a row is tested twice, or trained on and tested in one fold, or a training part has one class only.
    """
    if hasattr(protocol, "split") and not isinstance(protocol, str):
        name, folds, sentence = type(protocol).__name__, _by_splitter(protocol, corpus), repr(protocol)
    elif str(protocol).lower().endswith(".csv"):
        name = Path(os.fspath(protocol)).name
        folds, sentence = folds_from_csv(protocol, corpus.X), f"folds of {name}"
    else:
        name = str(protocol)
        folds = corpus.folds(name, seed=seed)
        sentence = corpus.card.protocols.get(name, name) if name in corpus.own_folds else _SENTENCES[name]
    _check(folds, corpus)
    overlap = _overlap(folds, corpus)
    said = {True: ", SPEAKERS OVERLAP between training and test", False: "", None: ", speakers unknown"}[overlap]
    number = f"{len(folds)} fold{'s' if len(folds) > 1 else ''}"
    return Protocol(name, folds, f"{sentence} ({number}){said}", overlap)


def _by_splitter(splitter: Any, corpus: Corpus) -> list[Fold]:
    y = None if corpus.y is None else corpus.y.to_numpy()
    with warnings.catch_warnings():
        # not every splitter wants groups, and the description says what comes of it
        warnings.filterwarnings("ignore", message="The groups parameter is ignored")
        splits = list(splitter.split(corpus.X, y, corpus.groups))
    return [Fold(f"fold {i + 1}", train, test) for i, (train, test) in enumerate(splits)]


def _check(folds: list[Fold], corpus: Corpus) -> None:
    tested = np.concatenate([fold.test for fold in folds]) if folds else np.empty(0, dtype=int)
    if tested.size == 0:
        message = "The protocol tests no row."
        raise ProtocolError(message)
    rows, times = np.unique(tested, return_counts=True)
    if (times > 1).any():
        message = f"The protocol tests these rows more than once: {shorten(corpus.X.index[rows[times > 1]])}."
        raise ProtocolError(message)
    for fold in folds:
        both = np.intersect1d(fold.train, fold.test)
        if both.size:
            message = f"{fold.name!r} trains on rows that it tests: {shorten(corpus.X.index[both])}."
            raise ProtocolError(message)
        if corpus.y is not None and corpus.y.iloc[fold.train].nunique() < 2:
            message = (
                f"The training part of {fold.name!r} holds fewer than two emotions; nothing can be learnt from it."
            )
            raise ProtocolError(message)


def _overlap(folds: list[Fold], corpus: Corpus) -> bool | None:
    if "speaker" not in corpus.X.columns or corpus.X["speaker"].isna().all():
        return None
    speakers = corpus.X["speaker"].to_numpy()
    known = corpus.X["speaker"].notna().to_numpy()
    return any(set(speakers[f.train][known[f.train]]) & set(speakers[f.test][known[f.test]]) for f in folds)
