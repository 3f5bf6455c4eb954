"""Several corpora as one, for work across corpora."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import CorpusError, UnknownNameError, shorten
from ferfusion.base.table import GROUP_COLUMNS
from ferfusion.corpora.corpus import Corpus

__all__ = ["merge_corpora"]

_CLASSES = ("common", "all")
_NAMED_WITHIN = (*GROUP_COLUMNS, "session")  # names that mean something within their corpus only


def merge_corpora(
    corpora: Sequence[Corpus], *, labels: str | Mapping[str, str] = "emotions", classes: str = "common"
) -> Corpus:
    """Corpora put into one table with one set of classes.

    Parameters
    ----------
    corpora : sequence of Corpus
        Two at least, of different names, all labelled.
    labels : str or mapping, default="emotions"
        Common label map, as in ``map_labels``: "emotions" for the vocabulary as it is, or a coarser set.
    classes : {"common", "all"}, default="common"
        Keep the classes that every corpus has, or all of them.

    Returns
    -------
    Corpus
        Ids, speakers, dialogues, videos and sessions carry the corpus' name before a slash (``emodb/03a01Fa``), so
        that none fall together. The fact ``corpus`` says where a row is from, and the protocol ``corpus`` holds one
        corpus out at a time. Facts and views that a corpus lacks are missing in its rows. Official splits are
        dropped: they were made for one corpus alone.

    Raises
    ------
    CorpusError
        If there are fewer than two corpora, two of one name, no labels, or no common class.
    UnknownNameError
        If a label is not in the vocabulary, or ``classes`` is none of the two.

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> from dataclasses import replace
    >>> parts = [make_corpus(n_speakers=2, n_utterances=10, views=("text",), seed=seed) for seed in (0, 1)]
    >>> parts = [part.replace(card=replace(part.card, name=name)) for part, name in zip(parts, "ab")]
    >>> both = merge_corpora(parts)
    >>> len(both), sorted(both.X["speaker"].unique())
    (20, ['a/s01', 'a/s02', 'b/s01', 'b/s02'])
    """
    corpora = list(corpora)
    _check(corpora, classes)
    parts = [corpus.relabel(labels) for corpus in corpora]
    sets = [set(part.y.dropna()) for part in parts if part.y is not None]
    kept = set.intersection(*sets) if classes == "common" else set.union(*sets)
    if not kept:
        listed = "; ".join(f"{p.card.name}: {shorten(sorted(s), 12)}" for p, s in zip(parts, sets, strict=True))
        message = f"These corpora have no class in common ({listed}). A coarser set may help: labels='valence'."
        raise CorpusError(message)
    named = [_with_prefix(part.select(part.y.isin(kept).to_numpy())) for part in parts if part.y is not None]
    X = pd.concat([part.X for part in named])
    y = pd.concat([part.y for part in named])
    soft = [part.soft for part in named if part.soft is not None]
    ratings = [part.ratings for part in named if part.ratings is not None]
    return Corpus(
        X,
        y,
        _card(named, y),
        soft=pd.concat(soft).reindex(X.index) if soft else None,
        ratings=pd.concat(ratings, ignore_index=True) if ratings else None,
        faults=[(f"{part.card.name}/{id_}" if id_ else "", fault) for part in parts for id_, fault in part.faults],
        notes=[f"{part.card.name}: {note}" for part in parts for note in part.notes],
    )


def _check(corpora: list[Corpus], classes: str) -> None:
    if classes not in _CLASSES:
        raise UnknownNameError("way to choose classes", classes, _CLASSES)
    if len(corpora) < 2:
        message = f"Merging takes two corpora at least, not {len(corpora)}."
        raise CorpusError(message)
    names = [corpus.card.name for corpus in corpora]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        message = f"Corpora to merge must have different names; twice: {shorten(sorted(twice))}."
        raise CorpusError(message)
    unlabelled = [corpus.card.name for corpus in corpora if corpus.y is None]
    if unlabelled:
        message = f"Corpora to merge must have labels; none in {shorten(unlabelled)}."
        raise CorpusError(message)


def _with_prefix(part: Corpus) -> Corpus:
    prefix = part.card.name + "/"
    X = part.X.drop(columns="split", errors="ignore").assign(corpus=part.card.name)
    for column in (name for name in _NAMED_WITHIN if name in X.columns):
        X[column] = [None if pd.isna(value) else f"{prefix}{value}" for value in X[column]]
    ids = prefix + part.X.index.astype(str)
    parts = {"X": X.set_axis(ids), "y": None if part.y is None else part.y.set_axis(ids)}
    return part.replace(
        **parts,
        soft=None if part.soft is None else part.soft.set_axis(ids),
        ratings=None if part.ratings is None else part.ratings.assign(id=prefix + part.ratings["id"].astype(str)),
        folds={},
    )


def _card(parts: list[Corpus], y: pd.Series) -> CorpusCard:
    cards = [part.card for part in parts]
    # a view says nothing in the whole only if it says nothing anywhere
    mute = set.intersection(*(set(card.uninformative_views) for card in cards))
    return CorpusCard(
        name="+".join(card.name for card in cards),
        title=", ".join(card.title for card in cards),
        languages=tuple(dict.fromkeys(language for card in cards for language in card.languages)),
        modalities=tuple(dict.fromkeys(modality for card in cards for modality in card.modalities)),
        emotions={str(name): int(count) for name, count in y.value_counts().sort_index().items()},
        n_utterances=len(y),
        license="; ".join(f"{card.name}: {card.license}" for card in cards if card.license),
        uninformative_views=tuple(sorted(mute)),
        notes=tuple(f"{card.name}: {note}" for card in cards for note in card.notes),
        protocols={"corpus": "leave one corpus out", "speaker": "leave one speaker out"},
    )
