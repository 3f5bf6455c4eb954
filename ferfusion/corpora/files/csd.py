"""Computational sequences (``.csd``) of the CMU-MultimodalSDK: features of whole videos with their times."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.errors import CorpusError, shorten
from ferfusion.base.optional import require
from ferfusion.base.table import MODALITIES, modality_of, with_view

__all__ = ["Folder", "Sequence", "align_to_labels", "read_csd", "read_folder", "video_of"]

_SILENCE = ("", "sp")  # what stands between words
_WORDS = "words"
_FACTS = ("video_id", "turn", "begin_s", "end_s", "text", _WORDS)
_PREFIX = re.compile(r"^cmu[_-]?(mosi|mosei|moseas)([_-]?we\d*)?[_-]|timestamped|visual_?|acoustic_?|language_?")
# what a file's name says of its modality, the more telling first
_KINDS = {
    "text": ("glove", "wordvector", "word_vector", "bert", "text", "language"),
    "audio": ("covarep", "opensmile", "acoustic", "audio"),
    "visual": ("facet", "openface", "visual", "face", "vision"),
}


@dataclass(frozen=True)
class Sequence:
    """One computational sequence.

    Parameters
    ----------
    name : str
        Its root name.
    data : dict of str to (ndarray, ndarray)
        By video (behind an alignment by ``<video>[k]``): features ``(n, d)``, and the seconds at which each begins and
        ends ``(n, 2)``.
    metadata : dict
        What its makers say of it.
    faults : tuple of (str, str)
        Videos that cannot be read, and why.
    """

    name: str
    data: dict[str, tuple[np.ndarray, np.ndarray]]
    metadata: dict[str, Any] = field(default_factory=dict)
    faults: tuple[tuple[str, str], ...] = ()

    @property
    def textual(self) -> bool:
        """Whether it holds words (or phones) and no numbers."""
        kinds = {features.dtype.kind for features, _ in self.data.values() if len(features)}
        return bool(kinds) and kinds <= set("SUO")


def read_csd(path: str | Path) -> Sequence:
    """Read a computational sequence.

    Parameters
    ----------
    path : str or Path
        A file ``.csd``: HDF5 with ``<root name>/data/<video>/features`` and ``intervals``, and ``metadata/*`` in JSON.

    Returns
    -------
    Sequence

    Raises
    ------
    CorpusError
        If the file is no such thing. A video that cannot be read is one of the ``faults``.
    MissingDependencyError
        If h5py is not installed.
    """
    path = Path(path)
    h5py = require("h5py", needed_by="Reading .csd files", install="ferfusion[csd]")
    if not path.is_file():
        message = f"The file {path} does not exist."
        raise CorpusError(message)
    try:
        with h5py.File(path, "r") as file:
            groups = [key for key in file if isinstance(file.get(key), h5py.Group)]
            roots = [key for key in groups if isinstance(file[key].get("data"), h5py.Group)]
            if not roots:
                message = (
                    f"{path} holds no computational sequence: expected <name>/data/<video>/features and intervals, "
                    f"found {shorten(file) or 'nothing'} at the top."
                )
                raise CorpusError(message)
            return _read(roots[0], file[roots[0]])
    except (OSError, RuntimeError, KeyError) as error:
        message = f"{path} cannot be read as a .csd (HDF5) file ({error})."
        raise CorpusError(message) from error


def _read(name: str, root: Any) -> Sequence:
    data, faults = {}, []
    for video in root["data"]:
        try:
            entry = root["data"][video]
            data[str(video)] = _checked(entry["features"][()], entry["intervals"][()])
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
            faults.append((str(video), f"cannot be read in the sequence {name!r}: {error}"))
    metadata = root.get("metadata", {})
    return Sequence(str(name), data, {str(key): _json(metadata[key][()]) for key in metadata}, tuple(faults))


def _checked(features: Any, intervals: Any) -> tuple[np.ndarray, np.ndarray]:
    features, intervals = np.asarray(features), np.asarray(intervals, dtype=np.float64)
    if intervals.ndim == 1 and intervals.shape == (2,):  # one thing only
        features, intervals = features[None], intervals[None]
    if intervals.ndim != 2 or intervals.shape[1] != 2:
        message = f"intervals of the shape {intervals.shape}, expected (n, 2)"
        raise ValueError(message)
    if features.ndim < 1 or len(features) != len(intervals):
        message = f"features of the shape {features.shape} for {len(intervals)} intervals"
        raise ValueError(message)
    return features.reshape(len(features), -1 if features.size else 0), intervals


def _json(value: Any) -> Any:
    text = np.asarray(value).ravel()[0] if np.size(value) else ""
    text = _decoded(text)
    try:
        return json.loads(text)
    except ValueError:
        return text


def _decoded(text: Any) -> str:
    if isinstance(text, bytes):
        try:
            return text.decode("utf-8")
        except UnicodeDecodeError:
            return text.decode("latin-1")
    return str(text)


def video_of(entry: str) -> str:
    """Video to which an entry belongs: what stands before ``[``."""
    return entry.split("[", 1)[0]


def align_to_labels(labels: Sequence, views: Mapping[str, Sequence]) -> pd.DataFrame:
    """Cut sequences at the intervals of labels.

    Parameters
    ----------
    labels : Sequence
        Its intervals are the rows.
    views : mapping of str to Sequence
        Frames by the name of their view (``audio_covarep``). A sequence of words is named ``words``; other sequences
        of texts become lists of dicts in a column of their name.

    Returns
    -------
    DataFrame
        A row a labelled interval, ``<video>[k]`` with k from 0 in the order of the labels. Facts ``video_id turn``
        (k) ``begin_s end_s`` (in the video), the labels in columns of their names (``label_0``, ... if the metadata
        tells none), ``text`` and ``words`` (dicts of word, start, end in seconds from the beginning of the row).
        Views of frames hold those whose middle lies in the interval, or, if there are none, those that overlap it;
        missing where nothing does. Numbers that are not finite become missing (COVAREP has -inf).

    Raises
    ------
    CorpusError
        If there is no label, or a view's name does not begin with a modality.
    """
    rows = _rows(labels)
    X = pd.DataFrame.from_dict(rows, orient="index")
    for name, sequence in views.items():
        merged = _by_video(sequence)
        cuts = [
            _cut(merged.get(video), begin, end)
            for video, begin, end in zip(X["video_id"], X["begin_s"], X["end_s"], strict=True)
        ]
        if sequence.textual:
            X = X.assign(**{name: pd.Series(_told(cuts, X["begin_s"]), index=X.index, dtype=object)})
            if name == _WORDS:
                X = X.assign(text=pd.Series([_joined(words) for words in X[_WORDS]], index=X.index, dtype=object))
        elif modality_of(name) in MODALITIES and "_" in name:
            X = with_view(X, name, [None if cut is None else _finite(cut[0]) for cut in cuts], ())
        else:
            message = f"A view's name begins with its modality ({', '.join(MODALITIES)}) and '_'; {name!r} does not."
            raise CorpusError(message)
    return X


def _rows(labels: Sequence) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for entry, (values, times) in sorted(labels.data.items(), key=lambda item: _order(item[0])):
        names = _names(labels, values.shape[1])
        for k, (value, (begin, end)) in enumerate(zip(values, times, strict=True)):
            whole = "[" not in entry  # else the labels were aligned already, to themselves or to something else
            id_ = f"{entry}[{k}]" if whole or len(times) > 1 else entry
            turn = k if whole else _order(entry)[1]
            facts = {"video_id": video_of(entry), "turn": turn, "begin_s": float(begin), "end_s": float(end)}
            rows[id_] = facts | dict(zip(names, value.tolist(), strict=True))
    if not rows:
        message = f"The sequence {labels.name!r} holds no labels."
        raise CorpusError(message)
    return rows


def _order(entry: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.*?)\[(\d+)\]", entry)
    return (match[1], int(match[2])) if match else (video_of(entry), -1)


def _names(labels: Sequence, width: int) -> list[str]:
    """Columns of the labels: as the metadata calls the dimensions, in small letters."""
    told = labels.metadata.get("dimension names")
    if not isinstance(told, list) or len(told) != width or len(set(map(str, told))) != width:
        return [f"label_{i}" for i in range(width)]
    names = [re.sub(r"[^a-z0-9]+", "_", str(name).lower()).strip("_") for name in told]
    if len(set(names)) != width or not all(names):
        return [f"label_{i}" for i in range(width)]
    return [f"label_{name}" if name in _FACTS else name for name in names]


def _by_video(sequence: Sequence) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Features and times of each video in order of time, the entries of one video behind each other."""
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for entry, pair in sequence.data.items():
        parts.setdefault(video_of(entry), []).append(pair)
    merged = {}
    for video, pairs in parts.items():
        widths = [features.shape[1] for features, _ in pairs if len(features)]
        kept = [pair for pair in pairs if len(pair[0]) and pair[0].shape[1] == widths[0]]
        if kept:
            features, times = (np.concatenate(part) for part in zip(*kept, strict=True))
            order = np.argsort(times[:, 0], kind="stable")
            merged[video] = (features[order], times[order])
    return merged


def _cut(
    merged: tuple[np.ndarray, np.ndarray] | None, begin: float, end: float
) -> tuple[np.ndarray, np.ndarray] | None:
    if merged is None or not begin < end:
        return None
    features, times = merged
    middle = times.mean(axis=1)
    inside = (middle >= begin) & (middle < end)
    if not inside.any():
        inside = (times[:, 0] < end) & (times[:, 1] > begin)
    return (features[inside], times[inside]) if inside.any() else None


def _finite(frames: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        values = frames.astype(np.float32)
    return np.where(np.isfinite(values), values, np.float32(np.nan))


def _told(cuts: list[Any], begins: pd.Series) -> list[Any]:
    """Words with their times in the row."""
    cells = []
    for cut, begin in zip(cuts, begins, strict=True):
        features, times = cut if cut is not None else (np.empty((0, 1)), np.empty((0, 2)))
        words = [(_decoded(word).strip(), *time) for word, time in zip(features[:, 0], times - begin, strict=True)]
        told = [{"word": w, "start": float(start), "end": float(end)} for w, start, end in words if w not in _SILENCE]
        cells.append(told or None)
    return cells


def _joined(words: Any) -> str | None:
    return " ".join(word["word"] for word in words) if words else None


@dataclass(frozen=True)
class Folder:
    """Sequences of one folder.

    Parameters
    ----------
    labels : Sequence or None
        The one that is named as labels.
    views : dict of str to Sequence
        By name of the view; words as ``words``.
    notes : list of str
        What was left out.
    faults : list of (str, str)
        Files and videos that cannot be read.
    """

    labels: Sequence | None
    views: dict[str, Sequence]
    notes: list[str]
    faults: list[tuple[str, str]]


def read_folder(paths: Iterable[Path]) -> Folder:
    """Read ``.csd`` files and tell from their names what they are.

    Parameters
    ----------
    paths : iterable of Path
        The files.

    Returns
    -------
    Folder
        A view is called by its modality and what is left of the file's name without the corpus:
        ``CMU_MOSI_Visual_Facet_42.csd`` makes ``visual_facet42``.
    """
    labels, views = None, {}
    notes: list[str] = []
    faults: list[tuple[str, str]] = []
    for path in sorted(paths):
        try:
            sequence = read_csd(path)
        except CorpusError as error:
            faults.append(("", str(error)))
            notes.append(f"left out {path.name}: it cannot be read")
            continue
        faults += sequence.faults
        name = _role(path.stem, sequence)
        if name is None:
            notes.append(f"left out {path.name}: by its name it holds no labels, no words and no view of a modality")
        elif name == "labels" and labels is None:
            labels = sequence
        elif name == "labels" or name in views:
            notes.append(f"left out {path.name}: there is another file of {name} before it")
        else:
            views[name] = sequence
    return Folder(labels, views, notes, faults)


def _role(stem: str, sequence: Sequence) -> str | None:
    name = stem.lower()
    if "label" in name or "label" in sequence.name.lower():
        return "labels"
    if sequence.textual:
        return _WORDS if "word" in name or "word" in sequence.name.lower() else None
    for modality, signs in _KINDS.items():
        if any(sign in name for sign in signs):
            rest = re.sub(r"[^a-z0-9]", "", _PREFIX.sub("", name))
            return f"{modality}_{rest or 'frames'}"
    return None
