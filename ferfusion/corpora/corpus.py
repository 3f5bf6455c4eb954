"""A corpus: table, labels, card, folds, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import AudioError, ProtocolError, UnknownNameError
from ferfusion.base.table import check_table, frames_of, groups_of, has_frames, texts_of, views_of
from ferfusion.corpora.folds import Fold, leave_one_out, official_folds, stratified_folds
from ferfusion.features.audio.reading import read_audio
from ferfusion.features.sources import digest_of, recordings_of

__all__ = ["Corpus"]

FoldMaker = Callable[[pd.DataFrame], list[Fold]]

_FACTS = ("speaker", "session", "dialogue", "video_id")  # one of each value is held out


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
    truth : mapping, optional
        What is known of synthetic sound: id -> ground truth.
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
        truth: Mapping[str, Any] | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.X = check_table(X)
        self.y = None if y is None else y.loc[X.index].rename("emotion")
        self.card = card
        self.root = None if root is None else Path(root)
        self.own_folds = dict(folds or {})
        self.truth = dict(truth or {})
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
    def views(self) -> list[str]:
        """Views of features that the table brings along."""
        return views_of(self.X)

    def protocols(self) -> list[str]:
        """Names that ``folds`` takes for this corpus."""
        facts = [column for column in _FACTS if column in self.X.columns]
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
        y = None if self.y is None else self.y.loc[X.index]
        truth = {id_: self.truth[id_] for id_ in X.index if id_ in self.truth}
        return Corpus(X, y, self.card, root=self.root, folds=self.own_folds, truth=truth, notes=self.notes)

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
        faults = [*self._label_faults(), *self._count_faults()]
        if read:
            faults += self._sound_faults()
        return pd.DataFrame(faults, columns=["id", "fault"])

    def _label_faults(self) -> list[tuple[str, str]]:
        if self.y is None:
            return [("", "no labels")]
        faults = [(str(id_), "no label") for id_ in self.y.index[self.y.isna()]]
        counts = self.y.value_counts()
        once = [str(name) for name in counts.index[counts == 1]]
        return faults + [(str(self.y.index[self.y == name][0]), f"the only row of {name!r}") for name in once]

    def _count_faults(self) -> list[tuple[str, str]]:
        faults = []
        found = {} if self.y is None else self.y.value_counts().to_dict()
        for emotion, expected in self.card.emotions.items():
            if found.get(emotion, 0) != expected:
                faults.append(("", f"{emotion}: {expected} utterances expected, {found.get(emotion, 0)} found"))
        speakers = self.X["speaker"].nunique() if "speaker" in self.X else 0
        if self.card.n_speakers and speakers != self.card.n_speakers:
            faults.append(("", f"{self.card.n_speakers} speakers expected, {speakers} found"))
        return faults

    def _sound_faults(self) -> list[tuple[str, str]]:
        faults: list[tuple[str, str]] = []
        seen: dict[str, str] = {}
        for id_, recording in zip(self.X.index, recordings_of(self.X), strict=True):
            if recording is None:
                continue
            try:
                read_audio(recording)
            except AudioError as error:
                faults.append((str(id_), str(error)))
                continue
            digest = digest_of(recording)
            if digest in seen:
                faults.append((str(id_), f"the same sound as {seen[digest]!r}"))
            seen.setdefault(digest, str(id_))
        return faults

    def write(self, folder: str | Path) -> Path:
        """Write recordings (16-bit WAV) and a manifest that ``read_manifest`` reads.

        Parameters
        ----------
        folder : str or Path
            Made if it is not there.

        Returns
        -------
        Path
            The manifest, ``manifest.csv``.
        """
        folder = Path(folder)
        (folder / "audio").mkdir(parents=True, exist_ok=True)
        table = self.X.drop(columns=[c for c in ("audio", "sampling_rate", "start", "end") if c in self.X.columns])
        files = [
            self._write_sound(folder, id_, rec) for id_, rec in zip(self.X.index, recordings_of(self.X), strict=True)
        ]
        table.insert(0, "audio", files)
        if self.y is not None:
            table.insert(1, "emotion", self.y)
        path = folder / "manifest.csv"
        table.rename_axis("id").to_csv(path)
        return path

    @staticmethod
    def _write_sound(folder: Path, id_: Any, recording: Any) -> str | None:
        if recording is None:
            return None
        signal, rate = read_audio(recording)
        name = "audio/" + re.sub(r"[^-.+=@\w]+", "_", str(id_)) + ".wav"  # an id may hold slashes
        soundfile.write(folder / name, signal, rate, subtype="PCM_16")
        return name
