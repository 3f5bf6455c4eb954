"""CMU-MOSI: 93 videos of one speaker each, cut into opinions, positive or negative; features only."""

from __future__ import annotations

import re
from collections import Counter
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import CorpusError, ProtocolError, shorten
from ferfusion.base.table import columns_of, with_view
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.csd import align_to_labels, read_folder
from ferfusion.corpora.files.finding import Found, find_files, home_of, stated_root, stems
from ferfusion.corpora.files.pickles import load_restricted
from ferfusion.corpora.folds import Fold, official_folds
from ferfusion.corpora.join import read_table

LABELS = {1: "positive", 0: "negative"}
_TABLE = re.compile("mosi_features", re.IGNORECASE)
_TABLES = (".parquet", ".csv")
_PICKLE = re.compile("(?P<modality>audio|text|video)_2way", re.IGNORECASE)
_PICKLES = (".pickle", ".pkl")
_ANY = re.compile(".*")
_NEEDED = ("video_id", "segment", "positive")
# views of bc-LSTM by the name of its files
_VIEWS = {"audio": "audio_smile73", "video": "visual_cnn3d", "text": "text_cnn"}

CARD = CorpusCard(
    name="mosi",
    title="CMU Multimodal Opinion Sentiment Intensity (CMU-MOSI), features",
    languages=("en",),
    modalities=("audio", "text", "visual"),
    emotions={"negative": 1023, "positive": 1176},
    n_utterances=2199,
    license="no terms are stated with the features; the owners share them for research, the videos belong to their "
    "makers on YouTube",
    citation="zadeh2016_mosi",
    where_to_get="https://github.com/CMU-MultiComp-Lab/CMU-MultimodalSDK (.csd files; its server does not always "
    "answer), https://github.com/declare-lab/multimodal-deep-learning, contextual-attention-based-LSTM (pickles); no "
    "registration",
    layout="mosi_features.parquet (or .csv) with the columns video_id, segment, positive, text, split and features "
    "<view>__<feature>; or audio_2way.pickle, text_2way.pickle and video_2way.pickle of bc-LSTM; or .csd files of the "
    "CMU-MultimodalSDK such as CMU_MOSI_Opinion_Labels.csd and CMU_MOSI_COVAREP.csd",
    tested_on="the features of bc-LSTM as a table (all 2,199 rows); pickles and .csd files in the published form, made "
    "by the tests, not the published files",
    protocols={
        "video_id": "leave one video out, 93 folds; a few of the 89 speakers made more than one",
        "official": "the split that comes with the features: with those of bc-LSTM 1,447 to train on and 752 to test "
        "(customary), with .csd files as 'sdk'",
        "sdk": "the standard folds of the CMU-MultimodalSDK: 62 videos (10 of them for development) and 31 to test",
        "stratified": "random 10-fold, speakers overlap",
    },
    views=(*_VIEWS.values(),),
    notes=(
        "Sentiment, not emotion: the classes are positive and negative.",
        "One speaker in each video, 89 in all: which of them made more than one is not told, so that videos stand for "
        "speakers and a few speakers are on both sides of a fold.",
        "The intensity goes from -3 to 3. Opinions of intensity 0 count as positive, as in older work; since 2019 they "
        "are usually left out. With .csd files they are known by the fact 'sentiment', with the others they are not.",
        "The split of bc-LSTM and the standard folds of the SDK both test on 31 videos, but on different ones.",
        "The texts are transcripts in capitals. The videos are no part of the features.",
        "In the pickles videos have no names: ids are numbered within train and test, and there are no texts. Label 1 "
        "is taken to be positive.",
    ),
)


def load(root: str | Path | None = None) -> Corpus:
    """Read features of CMU-MOSI.

    Parameters
    ----------
    root : str or Path, optional
        Folder with a table, the pickles of bc-LSTM, or ``.csd`` files; or the table itself.
        ``$FERFUSION_DATA/mosi`` if missing.

    Returns
    -------
    Corpus
        Indexed by video and number of the segment, such as ``03bSnISJMiM_1``; facts ``text video_id turn split
        language corpus original_label`` (from ``.csd`` files also ``words sentiment begin_s end_s``), where ``turn`` is
        the segment's number, from 1. From ``.csd`` files views are of frames.

    Raises
    ------
    CorpusError
        If there are no such files, or not what they should be.
    MissingDependencyError
        If there are only ``.csd`` files and h5py is not installed.
    """
    path = home_of(CARD) if root is None else Path(root).expanduser()
    if path.is_file() and path.suffix.lower() in _TABLES:
        return _from_table(path, Found(), path.parent)
    folder = stated_root(root, CARD)
    table = find_files(folder, stems(_TABLE, lambda match: "table"), _TABLES)
    pickles = find_files(folder, stems(_PICKLE, lambda match: match["modality"].lower()), _PICKLES)
    sequences = find_files(folder, stems(_ANY), (".csd",))
    kinds = {"a table": table, "pickles of bc-LSTM": pickles, ".csd files": sequences}
    there = [kind for kind, found in kinds.items() if found.files]
    if not there:
        raise _nothing(folder)
    found = kinds[there[0]]
    others = f"; {', '.join(there[1:])} there, too, were not read" if there[1:] else ""
    found.notes.insert(0, f"features from {there[0]}{others}")
    if table.files:
        return _from_table(table.files["table"][0], table, folder)
    return _from_pickles(pickles, folder) if pickles.files else _from_sequences(sequences, folder)


def _nothing(folder: Path) -> CorpusError:
    names = sorted(path.name for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    there = f"{len(names)} files such as {names[0]!r}" if names else "no files at all"
    return CorpusError(
        f"No features of CMU-MOSI under {folder}: expected {CARD.layout}; found {there}. Get it from "
        f"{CARD.where_to_get}."
    )


def _from_table(path: Path, found: Found, folder: Path) -> Corpus:
    table = read_table(path)
    if table.index.name in ("utterance", *_NEEDED):
        table = table.reset_index()
    lacking = [column for column in _NEEDED if column not in table.columns]
    if lacking:
        message = f"{path} lacks the columns {shorten(lacking)}; it has {shorten(table.columns, 8)}. {CARD.layout}"
        raise CorpusError(message)
    segment = pd.to_numeric(table["segment"], errors="coerce")
    named = table["video_id"].notna() & (segment % 1 == 0)
    ids = table["video_id"].astype(str) + "_" + segment.where(named, 0).astype(int).astype(str)
    twice = named & ids.where(named).duplicated()
    kept = named & ~twice
    if not named.all():
        found.notes.append(f"left out {(~named).sum()} rows of {path.name} without a video or a number of the segment")
    found.faults += [(id_, "there are two rows of this name, of which the first was read") for id_ in ids[twice]]
    table, ids = table[kept], ids[kept]
    if "utterance" in table:
        told = table["utterance"].astype(str)
        found.faults += [
            (id_, f"is called {name!r} in its row") for id_, name in zip(ids, told, strict=True) if id_ != name
        ]
    positive = pd.to_numeric(table["positive"], errors="coerce")
    X = pd.DataFrame(
        {
            **{name: table[name].astype(object) for name in ("text", "video_id") if name in table},
            "turn": segment[kept].astype(int),
            **{name: table[name].astype(object) for name in ("split",) if name in table},
            "language": "en",
            "corpus": CARD.name,
            "original_label": positive,
        }
    )
    features = table[columns_of(table)]
    infinite = np.isinf(features.select_dtypes("number")).to_numpy().sum() if features.shape[1] else 0
    if infinite:
        found.notes.append(f"{infinite} infinite numbers were taken as missing")
        features = features.replace([np.inf, -np.inf], np.nan)
    X = pd.concat([X, features], axis=1).set_axis(list(ids), axis=0)
    y = pd.Series([LABELS.get(label) for label in positive], index=X.index, dtype=object)
    found.faults += [(id_, "positive is neither 0 nor 1") for id_ in y.index[y.isna()]]
    return Corpus(X, y, CARD, root=folder, folds={"sdk": _sdk_folds}, faults=found.faults, notes=found.notes)


def _from_pickles(found: Found, folder: Path) -> Corpus:
    """Videos padded to one length, in the same order in each file: train, labels, test, labels, longest, lengths."""
    read = {modality: _read_pickle(path) for modality, (path, _) in found.files.items()}
    modality = next(iter(read))
    first = read[modality]
    for other, parts in read.items():
        if any(not _same(parts[split][1], first[split][1]) for split in first):
            message = f"{other}_2way and {modality}_2way in {folder} have different videos or labels."
            raise CorpusError(message)
    rows: dict[str, dict[str, Any]] = {}
    values: dict[str, list[np.ndarray]] = {_VIEWS[name]: [] for name in _VIEWS if name in read}
    for split, (_, labels) in first.items():
        for i, video in enumerate(labels):
            for k, label in enumerate(video):
                video_id = f"{split}_{i + 1:02d}"
                facts = {"video_id": video_id, "turn": k + 1, "split": split, "language": "en", "corpus": CARD.name}
                rows[f"{video_id}_{k + 1}"] = facts | {"original_label": int(label)}
                for name, parts in read.items():
                    values[_VIEWS[name]].append(parts[split][0][i][k])
    X = pd.DataFrame.from_dict(rows, orient="index")
    for view, vectors in values.items():
        array = np.asarray(vectors, dtype=np.float32)
        array[~np.isfinite(array)] = np.nan
        X = with_view(X, view, array, [f"{j:03d}" for j in range(array.shape[1])])
    y = X["original_label"].map(LABELS).astype(object)
    lacking = [name for name in _VIEWS if name not in read]
    if lacking:
        found.notes.append(f"no file {', '.join(f'{name}_2way.pickle' for name in lacking)}")
    return Corpus(X, y, CARD, root=folder, faults=found.faults, notes=found.notes)


def _same(labels: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return len(labels) == len(others) and all(map(np.array_equal, labels, others))


Videos = tuple[list[np.ndarray], list[np.ndarray]]  # features and labels of each video, without padding


def _read_pickle(path: Path) -> dict[str, Videos]:
    parts = load_restricted(path)
    if not isinstance(parts, (tuple, list)) or len(parts) != 7:
        message = f"{path} is none of bc-LSTM's files: expected a tuple of 7 parts (features, labels, ... lengths)."
        raise CorpusError(message)
    train, train_labels, test, test_labels, _, train_lengths, test_lengths = parts
    try:
        return {
            "train": _unpadded(train, train_labels, train_lengths),
            "test": _unpadded(test, test_labels, test_lengths),
        }
    except (ValueError, TypeError, IndexError) as error:
        message = f"{path} is none of bc-LSTM's files: {error}."
        raise CorpusError(message) from error


def _unpadded(features: Any, labels: Any, lengths: Any) -> Videos:
    features, labels = np.asarray(features, dtype=np.float64), np.asarray(labels)
    if labels.ndim == 3:  # one place for each class
        labels = labels.argmax(axis=2)
    counts = [int(n) for n in np.ravel(lengths)]
    if features.ndim != 3 or labels.shape != features.shape[:2] or len(counts) != len(features):
        shapes = f"features {features.shape}, labels {labels.shape}, lengths of {len(counts)} videos"
        message = f"{shapes}, expected (videos, utterances, features), (videos, utterances), videos"
        raise ValueError(message)
    if any(not 0 <= n <= features.shape[1] for n in counts) or not set(np.unique(labels)) <= set(LABELS):
        message = f"lengths up to {max(counts)} of {features.shape[1]} and labels {shorten(np.unique(labels))}"
        raise ValueError(message)
    return [video[:n] for video, n in zip(features, counts, strict=True)], [
        video[:n] for video, n in zip(labels, counts, strict=True)
    ]


def _from_sequences(found: Found, folder: Path) -> Corpus:
    read = read_folder(path for path, _ in found.files.values())
    if read.labels is None:
        names = shorten(path.name for path, _ in found.files.values())
        message = f"{folder} has .csd files ({names}), but none with labels: CMU_MOSI_Opinion_Labels.csd is needed."
        raise CorpusError(message)
    X = align_to_labels(read.labels, read.views)
    label = next(column for column in X.columns if column not in ("video_id", "turn", "begin_s", "end_s"))
    sentiment = pd.to_numeric(X[label], errors="coerce")
    X = X.rename(columns={label: "sentiment"}).assign(
        turn=X["turn"] + 1,
        split=X["video_id"].map(_sdk_splits()),
        language="en",
        corpus=CARD.name,
        original_label=sentiment,
    )
    # the kit counts from 0, the owners' segments from 1
    X.index = pd.Index(X["video_id"] + "_" + X["turn"].astype(str))
    y = pd.Series(
        [None if pd.isna(value) else LABELS[int(value >= 0)] for value in sentiment], index=X.index, dtype=object
    )
    zeros = int((sentiment == 0).sum())
    if zeros:
        read.notes.append(f"{zeros} opinions of intensity 0 count as positive")
    notes, faults = [*found.notes, *read.notes], [*found.faults, *read.faults]
    return Corpus(X, y, CARD, root=folder, folds={"sdk": _sdk_folds}, faults=faults, notes=notes)


def _sdk_splits() -> dict[str, str]:
    with (package_files("ferfusion.corpora") / "indices" / "mosi_sdk.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream, dtype=str, keep_default_na=False).set_index("video_id")["split"].to_dict()


def _sdk_folds(X: pd.DataFrame) -> list[Fold]:
    """Standard folds of the CMU-MultimodalSDK."""
    split = X["video_id"].map(_sdk_splits())
    if split.isna().any():
        unknown = shorten(Counter(X["video_id"][split.isna()]))
        message = f"The standard folds of the CMU-MultimodalSDK do not name the videos {unknown}."
        raise ProtocolError(message)
    return official_folds(X.assign(split=split))
