"""CMU-MOSEAS: opinions in Spanish, Portuguese, German and French; a reader made after the description alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import CorpusError, UnknownNameError, shorten
from ferfusion.base.table import columns_of, is_feature
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.csd import align_to_labels, read_folder
from ferfusion.corpora.files.finding import Found, find_files, home_of, stated_root
from ferfusion.corpora.join import read_table
from ferfusion.corpora.labels import canonical

LANGUAGES = ("de", "es", "fr", "pt")
EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
_HIGHEST = 3.0  # of an emotion, from 0
_NAMES = {
    "de": ("de", "deu", "ger", "german", "deutsch"),
    "es": ("es", "spa", "spanish", "espanol", "español"),
    "fr": ("fr", "fra", "fre", "french", "francais", "français"),
    "pt": ("pt", "por", "portuguese", "portugues", "português"),
}
_LANGUAGE_OF = {name: code for code, names in _NAMES.items() for name in names}
_TABLES = (".parquet", ".csv")
_NUMBERS = ("sentiment", "subjectivity")

CARD = CorpusCard(
    name="moseas",
    title="CMU Multimodal Opinion Sentiment, Emotions and Attributes (CMU-MOSEAS)",
    languages=LANGUAGES,
    modalities=("audio", "text", "visual"),
    n_utterances=40000,
    n_speakers=1645,
    license="no terms are published; the videos belong to their makers on YouTube",
    citation="zadeh2020_moseas",
    where_to_get="Amir Zadeh gave it on request, by the page of the corpus in "
    "https://github.com/CMU-MultiComp-Lab/CMU-MultimodalSDK; no labels or features are published",
    ask="Ask the authors of the paper. Users of that page reported in 2024 that its address does not answer, and that "
    "a part of the data seems to be lost.",
    layout="tables (.csv or .parquet) with a row a sentence, or .csd files of the CMU-MultimodalSDK, in one folder or "
    "file a language, whose name tells it (es, pt, de, fr). Columns id (or video_id and segment), happiness sadness "
    "anger fear disgust surprise from 0 to 3, and as far as known sentiment, text, speaker, language, split and "
    "features <view>__<feature>",
    tested_on="tables and .csd files made by the tests; the owners have published no file to try it on",
    protocols={
        "speaker": "leave one speaker out, where the tables name them",
        "video_id": "leave one video out, where they name videos",
        "stratified": "random 10-fold, speakers overlap",
    },
    notes=(
        "Not tried on the corpus: neither files nor their layout are published. The columns are those of this reader.",
        "Six emotions, each from 0 to 3, and several at once: they are facts of the row. The label is the one "
        "strongest emotion; a row has none if all are 0 (which nobody called neutral) or if two are equally strong.",
        "Described by its owners: 10,000 sentences of each of four languages, with sentiment, subjectivity, six "
        "emotions and twelve attributes. Their split is not in the kit.",
        "In .csd files the labels are known by the metadata 'dimension names'; without these they stay numbers.",
    ),
)


def load(root: str | Path | None = None, *, languages: Iterable[str] = LANGUAGES) -> Corpus:
    """Read CMU-MOSEAS from tables or computational sequences.

    Parameters
    ----------
    root : str or Path, optional
        Folder with tables or ``.csd`` files, or a table; ``$FERFUSION_DATA/moseas`` if missing.
    languages : iterable of {"de", "es", "fr", "pt"}, default=all
        Which of them. Rows whose language is not told belong to all.

    Returns
    -------
    Corpus
        Indexed by the id of the tables, else by video and segment; facts as the files have them, with each of the six
        emotions as a number, ``language corpus``. ``y`` is the strongest emotion, missing where there is none or more
        than one.

    Raises
    ------
    CorpusError
        If there is neither a table nor a sequence with an emotion.
    UnknownNameError
        If the corpus has no such language.
    """
    wanted = {languages} if isinstance(languages, str) else set(languages)
    for name in sorted(wanted, key=str):
        if name not in LANGUAGES:
            raise UnknownNameError("language of 'moseas'", name, LANGUAGES)
    path = home_of(CARD) if root is None else Path(root).expanduser()
    if path.is_file() and path.suffix.lower() in _TABLES:
        found, folder = Found(files={path.stem: (path, None)}), path.parent
    else:
        folder = stated_root(root, CARD)
        found = find_files(folder, lambda file: (str(file.with_suffix("")), None), _TABLES)
    tables = [_table(file, folder, found) for file, _ in found.files.values()]
    tables += _sequences(folder, found) if not path.is_file() else []
    read = [table for table in tables if table is not None]
    if not read:
        raise _nothing(folder, found)
    X = _joined(read, found)
    X = X[X["language"].isin(wanted) | X["language"].isna()] if wanted < set(LANGUAGES) else X
    if X.empty:
        message = f"No row under {folder} is in {shorten(sorted(wanted))}."
        raise CorpusError(message)
    y = _strongest(X, found)
    return Corpus(X, y, CARD, root=folder, faults=found.faults, notes=found.notes)


def _nothing(folder: Path, found: Found) -> CorpusError:
    names = sorted(path.name for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    there = f"{len(names)} files such as {names[0]!r}" if names else "no files at all"
    why = " ".join(f"{fault}." for _, fault in found.faults)
    return CorpusError(
        f"No table of CMU-MOSEAS with an emotion under {folder}: expected {CARD.layout}; found {there}. {why} "
        f"{CARD.where_to_get}. {CARD.ask}"
    )


def _table(path: Path, folder: Path, found: Found) -> pd.DataFrame | None:
    """Rows of a table by id; None if it holds no emotion."""
    try:
        table = read_table(path)
    except CorpusError as error:
        found.faults.append(("", str(error)))
        return None
    if not isinstance(table.index, pd.RangeIndex):
        table = table.rename_axis(table.index.name or "id").reset_index()
    table = table.rename(columns={column: _column(column) for column in table.columns})
    if table.columns.duplicated().any() or not set(EMOTIONS) & set(table.columns):
        found.notes.append(f"left out {path.name}: it has no emotion, or one in two columns")
        return None
    if "id" in table.columns:
        ids = table.pop("id")
    elif {"video_id", "segment"} <= set(table.columns):
        ids = table["video_id"].astype(str) + "_" + table["segment"].astype(str)
    else:
        ids = pd.Series([f"{path.stem}_{i + 1}" for i in range(len(table))], index=table.index)
        found.notes.append(f"{path.name} names no rows: they are numbered")
    unnamed = ids.isna()
    if unnamed.any():
        found.notes.append(f"left out {unnamed.sum()} rows of {path.name} without an id")
    table = table[~unnamed].set_axis(list(ids[~unnamed].astype(str)), axis=0)
    return _with_language(table, path, folder)


def _column(name: Any) -> str:
    """Names of emotions as the vocabulary has them: 'Happy' is happiness."""
    text = str(name).strip()
    if is_feature(text):
        return text
    try:
        emotion = canonical(text)
    except UnknownNameError:
        return text.lower() if text.lower() in (*_NUMBERS, "id", "text", "speaker", "language", "split") else text
    return emotion if emotion in EMOTIONS else text


def _with_language(table: pd.DataFrame, path: Path, folder: Path) -> pd.DataFrame:
    """Language by the column, else by the name of the file or of the folders it lies in."""
    told = next(
        (code for name in reversed(path.relative_to(folder.parent).parts) if (code := _language_in(name))), None
    )
    if "language" in table.columns:
        spelt = table["language"].map(lambda name: _LANGUAGE_OF.get(str(name).strip().lower(), told))
    else:
        spelt = pd.Series([told] * len(table), index=table.index)
    return table.assign(language=spelt.astype(object).where(spelt.notna(), None), corpus=CARD.name)


def _language_in(name: str) -> str | None:
    words = re.split(r"[\W_\d]+", Path(name).stem.lower())
    found = {_LANGUAGE_OF[word] for word in words if word in _LANGUAGE_OF}
    return found.pop() if len(found) == 1 else None


def _sequences(folder: Path, found: Found) -> list[pd.DataFrame | None]:
    """Rows of each folder with .csd files."""
    there = find_files(folder, lambda file: (str(file), None), (".csd",))
    homes: dict[Path, list[Path]] = {}
    for path, _ in there.files.values():
        homes.setdefault(path.parent, []).append(path)
    tables = []
    for home, paths in homes.items():
        read = read_folder(paths)
        found.notes += read.notes
        found.faults += read.faults
        if read.labels is None:
            found.notes.append(f"left out {len(paths)} .csd files in {home.name}: none of them has labels")
            continue
        X = align_to_labels(read.labels, read.views)
        X = X.rename(columns={column: _column(column) for column in X.columns})
        if set(EMOTIONS) & set(X.columns):
            tables.append(_with_language(X, home / "labels", folder))
        else:
            found.notes.append(f"left out {home.name}: the labels have no names ('dimension names' in the metadata)")
    return tables


def _joined(tables: list[pd.DataFrame], found: Found) -> pd.DataFrame:
    X = pd.concat(tables)
    twice = X.index.duplicated()
    found.faults += [
        (str(id_), "there are two rows of this name, of which the first was read") for id_ in X.index[twice]
    ]
    X = X[~twice]
    numbers = [column for column in (*EMOTIONS, *_NUMBERS) if column in X.columns]
    X = X.assign(**{column: pd.to_numeric(X[column], errors="coerce") for column in numbers})
    for emotion in (name for name in EMOTIONS if name in X.columns):
        odd = X[emotion][(X[emotion] < 0) | (X[emotion] > _HIGHEST)]
        told = "not from 0 to 3, and was taken as missing"
        found.faults += [(str(id_), f"{emotion} is {value:g}, {told}") for id_, value in odd.items()]
        X.loc[odd.index, emotion] = np.nan
    features = [column for column in columns_of(X) if not column.endswith("__frames")]
    values = X[features].replace([np.inf, -np.inf], np.nan)
    return pd.concat([X.drop(columns=features), values], axis=1)


def _strongest(X: pd.DataFrame, found: Found) -> pd.Series:
    """The one emotion above 0 that no other reaches."""
    names = [name for name in EMOTIONS if name in X.columns]
    values = X[names].fillna(0.0).to_numpy(dtype=float)
    highest = values.max(axis=1)
    alone = (values == highest[:, None]).sum(axis=1) == 1
    none, several = int((highest <= 0).sum()), int(((highest > 0) & ~alone).sum())
    if none:
        found.notes.append(f"{none} rows have no emotion above 0, and so no label")
    if several:
        found.notes.append(f"{several} rows have several emotions equally strong, and so no label")
    chosen = [names[i] for i in values.argmax(axis=1)]
    labelled = (highest > 0) & alone
    return pd.Series([name if ok else None for name, ok in zip(chosen, labelled, strict=True)], X.index, dtype=object)
