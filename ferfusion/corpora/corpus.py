"""A corpus: table, labels, card, folds, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import CorpusError, ProtocolError, UnknownNameError, shorten
from ferfusion.base.references import references
from ferfusion.base.table import check_table, frames_of, groups_of, has_frames, texts_of, views_of
from ferfusion.corpora.description import Description, describe
from ferfusion.corpora.faults import find_faults
from ferfusion.corpora.folds import Fold, FoldMaker, leave_one_out, official_folds, stratified_folds
from ferfusion.corpora.labels import coarser, map_labels
from ferfusion.features.sources import digest_of, recordings_of

__all__ = ["Corpus"]

_FACTS = ("speaker", "session", "dialogue", "video_id", "corpus")  # one of each value is held out


class Corpus:
    """Recordings with what is known of them.

    Parameters
    ----------
    X : DataFrame
        The table: a row an utterance, indexed by its id.
    y : Series or None
        Emotion names with the same index; None where nothing is labelled.
    card : CorpusCard
        The corpus' facts.
    root : str or Path, optional
        Folder it was read from.
    folds : mapping of str to callable, optional
        Named fold sets of its own: ``name -> function(X) -> list of Fold``.
    soft : DataFrame, optional
        What listeners answered: a row an utterance, a column an emotion, shares that sum to 1.
    ratings : DataFrame, optional
        Their single answers, a row an answer; columns ``id`` and ``rater``, others as the corpus has them.
    truth : mapping, optional
        What is known of synthetic sound: id -> ground truth.
    faults : sequence of (str, str), optional
        Ids and what the loader found to be wrong with them; ``validate`` lists them with its own.
    notes : sequence of str, optional
        What the loader found or left out.

    Attributes
    ----------
    groups : ndarray of str or None
        Speakers (else dialogues, else videos).

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> corpus = make_corpus(n_speakers=2, n_utterances=10)
    >>> len(corpus), sorted(corpus.X["speaker"].unique())
    (10, ['s01', 's02'])
    """

    def __init__(
        self,
        X: pd.DataFrame,
        y: pd.Series | None,
        card: CorpusCard,
        *,
        root: str | Path | None = None,
        folds: Mapping[str, FoldMaker] | None = None,
        soft: pd.DataFrame | None = None,
        ratings: pd.DataFrame | None = None,
        truth: Mapping[str, Any] | None = None,
        faults: Sequence[tuple[str, str]] = (),
        notes: Sequence[str] = (),
    ) -> None:
        self.X = check_table(X)
        self.y = None if y is None else y.loc[X.index].rename("emotion")
        self.card = card
        self.root = None if root is None else Path(root)
        self.own_folds = dict(folds or {})
        self.soft = None if soft is None else soft.reindex(X.index)
        self.ratings = None if ratings is None else ratings[ratings["id"].isin(X.index)].reset_index(drop=True)
        self.truth = {id_: truth[id_] for id_ in X.index if id_ in truth} if truth else {}
        self.faults = tuple(faults)
        self.notes = tuple(notes)

    def __len__(self) -> int:
        return len(self.X)

    def __repr__(self) -> str:
        speakers = self.X["speaker"].nunique() if "speaker" in self.X else 0
        return f"<Corpus {self.card.name!r}: {len(self)} utterances, {speakers} speakers, {self.n_classes} classes>"

    @property
    def groups(self) -> np.ndarray | None:
        """Speaker (else dialogue, else video) of each row."""
        return groups_of(self.X)

    @property
    def n_classes(self) -> int:
        """Number of different labels."""
        return 0 if self.y is None else int(self.y.nunique())

    @property
    def license(self) -> str:
        """Under which terms it may be used."""
        return self.card.license

    @property
    def where_to_get(self) -> str:
        """Who gives it, and how."""
        return self.card.where_to_get

    def cite(self) -> str:
        """BibTeX entry of the corpus; empty if there is nothing to cite."""
        return references().get(self.card.citation, "")

    @property
    def views(self) -> list[str]:
        """Views of features that the table brings along."""
        return views_of(self.X)

    def protocols(self) -> list[str]:
        """Names that ``folds`` takes for this corpus."""
        # one value only cannot be held out
        facts = [column for column in _FACTS if column in self.X.columns and len(self.X[column].dropna().unique()) > 1]
        official = ["official"] if "split" in self.X.columns else []
        return [*facts, *official, "stratified", *self.own_folds]

    def folds(self, name: str = "speaker", *, n_splits: int = 10, seed: int = 0) -> list[Fold]:
        """Folds of a protocol.

        Parameters
        ----------
        name : str, default="speaker"
            One of ``protocols()``: hold out one speaker (session, dialogue, video) at a time, the owner's split,
            random folds, or a published set of folds.
        n_splits : int, default=10
            Number of random folds; unused elsewhere.
        seed : int, default=0
            Seed of random folds.

        Returns
        -------
        list of Fold

        Raises
        ------
        UnknownNameError
            If there is no such protocol for this corpus.
        ProtocolError
            If the folds cannot be made from these rows.
        """
        if name in self.own_folds:
            return self.own_folds[name](self.X)
        if name not in (*_FACTS, "official", "stratified"):
            raise UnknownNameError(f"protocol for {self.card.name!r}", name, self.protocols())
        if name == "stratified":
            if self.y is None:
                message = "The protocol 'stratified' needs labels."
                raise ProtocolError(message)
            return stratified_folds(self.y, n_splits, seed)
        return official_folds(self.X) if name == "official" else leave_one_out(self.X, name)

    def select(self, ids: Any) -> Corpus:
        """The corpus with some of its rows only.

        Parameters
        ----------
        ids : index, list of ids or boolean mask
            Rows to keep.

        Returns
        -------
        Corpus
        """
        X = self.X.loc[ids]
        return self.replace(X=X, y=None if self.y is None else self.y.loc[X.index])

    def replace(self, **changes: Any) -> Corpus:
        """The corpus with some of its parts replaced.

        Parameters
        ----------
        **changes
            As the constructor takes them.

        Returns
        -------
        Corpus
        """
        parts: dict[str, Any] = {
            "X": self.X,
            "y": self.y,
            "card": self.card,
            "root": self.root,
            "folds": self.own_folds,
            "soft": self.soft,
            "ratings": self.ratings,
            "truth": self.truth,
            "faults": self.faults,
            "notes": self.notes,
        }
        return Corpus(**(parts | changes))

    def relabel(self, classes: str | Mapping[str, str]) -> Corpus:
        """The corpus with coarser (or other) classes; rows that have none in the set are left out.

        Parameters
        ----------
        classes : str or mapping
            As in ``map_labels``: "four_class", "valence", "arousal", ..., or one's own mapping.

        Returns
        -------
        Corpus
            Its soft labels are summed over the emotions of a class, and shared anew where some have no class.

        Raises
        ------
        CorpusError
            If there are no labels, or no row has a class.
        """
        if self.y is None:
            message = f"{self.card.name!r} has no labels that could be mapped."
            raise CorpusError(message)
        y = map_labels(self.y, classes)
        kept = y.index[y.notna()]
        if len(kept) == 0:
            message = f"No label of {self.card.name!r} ({shorten(self.y.dropna().unique())}) has a class in {classes}."
            raise CorpusError(message)
        name = classes if isinstance(classes, str) else "own mapping"
        left = self.y[y.isna() & self.y.notna()].value_counts()
        told = f"labels by {name}: {y.nunique()} classes"
        if len(left):
            told += f"; left out {left.sum()} rows of {', '.join(f'{k} ({v})' for k, v in left.items())}"
        known = {label: int(count) for label, count in y.dropna().value_counts().sort_index().items()}
        return self.replace(
            X=self.X.loc[kept],
            y=y.loc[kept],
            soft=None if self.soft is None else coarser(self.soft, classes),
            card=replace(self.card, emotions=known, n_utterances=len(kept)),
            notes=(*self.notes, told),
        )

    def checksum(self) -> str:
        """Digest of ids, labels and the content of the recordings, texts and feature columns.

        Returns
        -------
        str
            16 hexadecimal digits; equal for equal corpora wherever their files lie.
        """
        total = sha256()
        sounds = [digest_of(recording) for recording in recordings_of(self.X)]
        labels = [""] * len(self) if self.y is None else ["" if pd.isna(name) else str(name) for name in self.y]
        texts = [text or "" for text in texts_of(self.X)]
        for parts in sorted(zip(self.X.index.astype(str), labels, sounds, texts, strict=True)):
            total.update("\x1f".join(parts).encode())
        columns = [column for column in self.X.columns if "__" in column and not column.endswith("__frames")]
        total.update("\x1f".join(columns).encode())
        ordered = self.X.sort_index()
        total.update(np.ascontiguousarray(ordered[columns].to_numpy(dtype=np.float64)).tobytes())
        for view in (view for view in self.views if has_frames(ordered, view)):
            for frames in frames_of(ordered, view):
                total.update(b"" if frames is None else f"{frames.shape}".encode() + frames.tobytes())
        return total.hexdigest()[:16]

    def validate(self, *, read: bool = True) -> pd.DataFrame:
        """List all that is wrong, at once.

        Parameters
        ----------
        read : bool, default=True
            Also read every recording, which finds files that are damaged, empty or silent, and pairs of equal
            content.

        Returns
        -------
        DataFrame
            A row a fault, columns ``id`` (empty where the whole corpus is meant) and ``fault``; no rows if all is well.
        """
        return find_faults(self.X, self.y, self.card, self.faults, read=read)

    def describe(self, *, progress: bool = True) -> Description:
        """Count what there is: utterances, hours, speakers, classes, durations, sampling rates, missing views.

        Parameters
        ----------
        progress : bool, default=True
            Show a bar while sound files are opened (never where there is no terminal).

        Returns
        -------
        Description
            Prints as text; ``plot()`` draws it.
        """
        return describe(self, progress=progress)

    def write(self, folder: str | Path) -> Path:
        """Write recordings and a manifest that ``read_manifest`` reads.

        Parameters
        ----------
        folder : str or Path
            Made if it is not there. Whole files are copied as they are, segments and samples in memory become 32-bit
            WAV, so that nothing is lost; see ``write_manifest`` for more.

        Returns
        -------
        Path
            The manifest, ``manifest.csv``, or ``manifest.parquet`` where there are frames.
        """
        from ferfusion.corpora.manifest import write_manifest  # it builds corpora itself

        ending = "parquet" if any(has_frames(self.X, view) for view in self.views) else "csv"
        return write_manifest(self, Path(folder) / f"manifest.{ending}", copy_audio=True)
