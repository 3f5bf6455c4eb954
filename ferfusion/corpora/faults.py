"""What may be wrong with a corpus: labels, counts, recordings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import AudioError, shorten
from ferfusion.features.audio.reading import read_audio
from ferfusion.features.sources import digest_of, recordings_of

__all__ = ["find_faults"]

Faults = list[tuple[str, str]]
_MANY_UNLABELLED = 50  # beyond this it is how the corpus is, not a slip in some rows
_MANY = 10  # recordings of one length beyond chance
_TOLERANCE = 0.02  # seconds by which a duration may lie outside of what the owner's recordings have


def find_faults(
    X: pd.DataFrame, y: pd.Series | None, card: CorpusCard, known: Iterable[tuple[str, str]] = (), *, read: bool = True
) -> pd.DataFrame:
    """All that is wrong with a corpus.

    Parameters
    ----------
    X : DataFrame
        The table.
    y : Series or None
        Its labels.
    card : CorpusCard
        What is expected.
    known : iterable of (str, str)
        Faults that the loader found.
    read : bool, default=True
        Also read every recording.

    Returns
    -------
    DataFrame
        Columns ``id`` and ``fault``.
    """
    faults = [*known, *_label_faults(y), *_count_faults(X, y, card)]
    if read:
        faults += _sound_faults(X, card)
    return pd.DataFrame(faults, columns=["id", "fault"])


def _label_faults(y: pd.Series | None) -> Faults:
    if y is None:
        return [("", "no labels")]
    without = y.index[y.isna()].astype(str)
    faults = [(id_, "no label") for id_ in without]
    if len(without) > _MANY_UNLABELLED:
        faults = [("", f"{len(without)} rows have no label: {shorten(without)}")]
    counts = y.value_counts()
    once = [str(name) for name in counts.index[counts == 1]]
    return faults + [(str(y.index[y == name][0]), f"the only row of {name!r}") for name in once]


def _count_faults(X: pd.DataFrame, y: pd.Series | None, card: CorpusCard) -> Faults:
    found = {} if y is None else y.value_counts().to_dict()
    faults = [
        ("", f"{emotion}: {expected} utterances expected, {found.get(emotion, 0)} found")
        for emotion, expected in card.emotions.items()
        if found.get(emotion, 0) != expected
    ]
    if card.emotions:
        faults += [
            ("", f"{name}: no such class in {card.name}, {n} found")
            for name, n in found.items()
            if name not in card.emotions
        ]
    speakers = X["speaker"].nunique() if "speaker" in X else 0
    if card.n_speakers and speakers != card.n_speakers:
        faults.append(("", f"{card.n_speakers} speakers expected, {speakers} found"))
    return faults


def _sound_faults(X: pd.DataFrame, card: CorpusCard) -> Faults:
    faults: Faults = []
    seen: dict[str, str] = {}
    rates: dict[str, int] = {}
    lengths: list[float] = []
    for id_, recording in zip(X.index.astype(str), recordings_of(X), strict=True):
        if recording is None:
            continue
        try:
            signal, rates[id_] = read_audio(recording)
        except AudioError as error:
            faults.append((id_, str(error)))
            continue
        lengths.append(len(signal) / rates[id_])
        faults += _duration_fault(id_, lengths[-1], card)
        digest = digest_of(recording)
        if digest in seen:
            faults.append((id_, f"the same sound as {seen[digest]!r}"))
        seen.setdefault(digest, id_)
    if len(lengths) >= _MANY and len(set(lengths)) == 1:
        faults.append(("", f"all {len(lengths)} recordings last exactly {lengths[0]:.3f} s: a copy cut to one length"))
    return faults + _rate_faults(rates)


def _duration_fault(id_: str, seconds: float, card: CorpusCard) -> Faults:
    if card.durations is None:
        return []
    shortest, longest = card.durations
    if shortest - _TOLERANCE <= seconds <= longest + _TOLERANCE:
        return []
    return [(id_, f"lasts {seconds:.2f} s; the owner's recordings last {shortest:g} to {longest:g} s")]


def _rate_faults(rates: dict[str, int]) -> Faults:
    """Recordings whose sampling rate is not that of the others: some copies were edited in part."""
    usual = Counter(rates.values()).most_common(1)[0][0] if rates else 0
    odd = [id_ for id_, rate in rates.items() if rate != usual]
    return [(id_, f"sampled at {rates[id_]} Hz, most others at {usual} Hz") for id_ in odd]
