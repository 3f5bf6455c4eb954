"""What is wrong with a manifest, row by row and all at once, so that it can be mended in one go."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from tqdm.auto import tqdm

from ferfusion.base.errors import AudioError, CorpusError, MissingDependencyError, UnknownNameError, shorten
from ferfusion.base.table import columns_of, facts_of
from ferfusion.corpora.files.columns import JSON_FACTS, SOFT, TEXT_FACTS, is_frames, missing
from ferfusion.corpora.labels import LABEL_MAPS, canonical
from ferfusion.corpora.manifest import LABELS, PATHS, raw_table, separator_hint
from ferfusion.features.audio.reading import Recording, read_audio, sound_info
from ferfusion.features.sources import digest_of

__all__ = ["REMARK", "check_manifest"]

REMARK = "remark: "
_KNOWN = ("id", "start", "end", "age", "turn", "sampling_rate", *PATHS, *LABELS, *TEXT_FACTS, *JSON_FACTS)
_OTHER_NAMES = {
    "audio": ("file", "filename", "file_name", "path", "wav", "audio_path", "audio_file", "recording"),
    "text": ("transcript", "transcription", "sentence", "utterance"),
    "emotion": ("class", "category", "emotion_label", "emotion_class", "target"),
    "speaker": ("spk", "speaker_id", "spk_id", "actor", "subject"),
    "gender": ("sex",),
    "language": ("lang",),
    "start": ("begin", "onset", "start_time"),
    "end": ("stop", "offset", "end_time"),
}
_MEANT = {other: name for name, others in _OTHER_NAMES.items() for other in others}
_SPLITS = ("train", "dev", "test")
_LIKE = 0.8  # likeness of two names of which one is taken for a slip of the other
_SLACK = 0.05  # seconds by which a segment may outlast its recording: people write down rounded times

Fault = tuple[int, str]  # position of the row, -1 for the whole; what is wrong


@dataclass(frozen=True)
class _Listing:
    """A manifest as it stands, with nothing taken for granted."""

    table: pd.DataFrame
    folder: Path
    label: str | None
    lines: list[int]

    @property
    def ids(self) -> list[str]:
        """Ids as they would be read, empty where there is none."""
        if "id" in self.table:
            return ["" if missing(id_) else str(id_) for id_ in self.table["id"]]
        audio = self.table.get("audio")
        if audio is not None and audio.notna().all():
            return [Path(str(path)).stem for path in audio]
        return [f"row{i + 1}" for i in range(len(self.table))]


def check_manifest(
    path: str | Path,
    *,
    emotion: str | None = None,
    table: str | None = None,
    read: bool = True,
    progress: bool = True,
) -> pd.DataFrame:
    """List all that is wrong with a manifest, row by row and at once.

    Parameters
    ----------
    path : str or Path
        As ``read_manifest`` takes it.
    emotion, table : str, optional
        As ``read_manifest`` takes them.
    read : bool, default=True
        Also read every recording.
    progress : bool, default=True
        Show a bar where there is a terminal.

    Returns
    -------
    DataFrame
        A row a fault, columns ``line`` (of the file, or number of the row in Parquet and audformat; 0 where the whole
        is meant), ``id`` and ``fault``. What begins with ``remark:`` is allowed, and there to be known. One row only
        if the file cannot be read at all.
    """
    try:
        listing = _opened(Path(path), emotion, table)
    except (CorpusError, UnknownNameError) as error:
        return pd.DataFrame([(0, "", str(error))], columns=["line", "id", "fault"])
    found = [fault for check in _CHECKS for fault in check(listing)]
    if read:
        found += _sounds(listing, progress)
    ids = listing.ids
    rows = [(0, "", what) if row < 0 else (listing.lines[row], ids[row], what) for row, what in found]
    return pd.DataFrame(sorted(rows, key=lambda row: row[0]), columns=["line", "id", "fault"])


def _opened(path: Path, emotion: str | None, table: str | None) -> _Listing:
    found, file, label, database = raw_table(path, emotion=emotion, table=table)
    lines = _counted(found, 1) if database is not None else _lines(file, found)
    if found.index.name == "id":
        found = found.reset_index()
    return _Listing(found.reset_index(drop=True), file.parent, label, lines)


def _counted(table: pd.DataFrame, first: int) -> list[int]:
    return list(range(first, first + len(table)))


def _lines(path: Path, table: pd.DataFrame) -> list[int]:
    """Line on which each row begins."""
    if path.suffix.lower() == ".parquet":
        return _counted(table, 1)
    lines: list[int] = []
    with path.open(encoding="utf-8-sig", newline="") as stream:
        if path.suffix.lower() == ".jsonl":
            return [number for number, line in enumerate(stream, 1) if line.strip()]
        reader = csv.reader(stream)
        before = 0
        for cells in reader:
            lines += [before + 1] if cells else []
            before = reader.line_num
    return lines[1:] if len(lines) == len(table) + 1 else _counted(table, 2)


def _columns(listing: _Listing) -> Iterator[Fault]:
    table = listing.table
    if table.empty:
        yield -1, "there are no rows"
    if not {"audio", "text"} & set(table.columns) and not columns_of(table):
        yield -1, f"a column 'audio' or 'text', or features '<view>__<feature>', is needed.{separator_hint(table)}"
    for column in facts_of(table):
        if column in _KNOWN or column == listing.label or column.startswith(SOFT):
            continue
        name = "_".join(column.strip().lower().replace("-", " ").split())
        meant = _MEANT.get(name) or next(iter(get_close_matches(name, _KNOWN, n=1, cutoff=_LIKE)), None)
        if meant is not None and meant not in table and not (meant in LABELS and listing.label):
            yield -1, f"the column {column!r} is not known: did you mean {meant!r}?"


def _ids(listing: _Listing) -> Iterator[Fault]:
    ids = listing.ids
    first: dict[str, int] = {}
    for row, id_ in enumerate(ids):
        if not id_:
            yield row, "no id"
        elif id_ in first:
            hint = "" if "id" in listing.table else "; ids are the names of the files: add a column 'id'"
            yield row, f"the id {id_!r} is that of line {listing.lines[first[id_]]}, too{hint}"
        else:
            first[id_] = row


def _labels(listing: _Listing) -> Iterator[Fault]:
    if listing.label is None:
        yield -1, f"{REMARK}no column of labels ('emotion'): such rows can be judged, but nothing is learnt from them"
        return
    raw = [None if missing(cell) or not str(cell).strip() else str(cell) for cell in listing.table[listing.label]]
    yield from ((row, "no label") for row, label in enumerate(raw) if label is None)
    known = [label for label in raw if label is not None]
    usual = _usual_spellings(known)
    for row, label in enumerate(raw):
        if label is not None and label != usual[_key(label)]:
            yield row, f"the label {label!r} differs from {usual[_key(label)]!r} by case or blanks only"
    counts = Counter(usual[_key(label)].strip() for label in known)
    first = {label: row for row, label in reversed(list(enumerate(raw))) if label is not None}
    if len(counts) == 1:
        yield -1, f"all rows are labelled {next(iter(counts))!r}: there is nothing to tell apart"
    for label, count in counts.items():
        row = min(row for spelling, row in first.items() if usual[_key(spelling)].strip() == label)
        if count == 1:
            yield row, f"the only row of {label!r}: one cannot learn it and be judged on it"
        if not _in_vocabulary(label):
            yield (
                row,
                f"{REMARK}{label!r} ({count} rows) is no name of the vocabulary; that is allowed, but the coarser "
                "classes by name ('four_class', 'valence', ...) do not know it",
            )
    yield from _one_emotion_twice(list(counts))


def _key(label: str) -> str:
    return " ".join(label.split()).casefold()


def _usual_spellings(labels: list[str]) -> dict[str, str]:
    """Most frequent spelling of each label, without regard to case and blanks."""
    usual: dict[str, str] = {}
    for label, _ in Counter(labels).most_common():
        usual.setdefault(_key(label), label)
    return usual


def _in_vocabulary(label: str) -> bool:
    try:
        return bool(canonical(label))
    except UnknownNameError:
        return any(label in classes for classes in LABEL_MAPS.values())


def _one_emotion_twice(labels: list[str]) -> Iterator[Fault]:
    meanings: dict[str, list[str]] = {}
    for label in labels:
        if _in_vocabulary(label):
            meanings.setdefault(_canonical(label), []).append(label)
    for name, spellings in meanings.items():
        if len(spellings) > 1:
            yield -1, f"{REMARK}{shorten(spellings)} are several classes here, and all of them {name!r} elsewhere"


def _canonical(label: str) -> str:
    try:
        return canonical(label)
    except UnknownNameError:
        return label


def _speakers(listing: _Listing) -> Iterator[Fault]:
    if "speaker" not in listing.table:
        yield (
            -1,
            f"{REMARK}no column 'speaker': the protocol 'speaker' cannot be used, and random folds may test voices "
            "that were learnt from, which flatters",
        )
        return
    names = ["" if missing(cell) else str(cell).strip() for cell in listing.table["speaker"]]
    yield from ((row, "no speaker: the protocol 'speaker' needs one") for row, name in enumerate(names) if not name)
    if len(set(names) - {""}) == 1:
        yield -1, f"{REMARK}one speaker only: nobody can be held out, and nothing is learnt about other voices"


def _splits(listing: _Listing) -> Iterator[Fault]:
    if "split" not in listing.table:
        return
    names = [None if missing(cell) else str(cell) for cell in listing.table["split"]]
    for name, count in Counter(names).items():
        if name not in _SPLITS:
            said = "no split" if name is None else f"the split {name!r} is none of train, dev, test"
            yield names.index(name), f"{said} ({count} rows): the protocol 'official' leaves them out"


def _texts(listing: _Listing) -> Iterator[Fault]:
    blank = np.ones(len(listing.table), dtype=bool)
    if "text" in listing.table:
        blank = np.array([missing(cell) or not str(cell).strip() for cell in listing.table["text"]], dtype=bool)
    silent = np.ones(len(blank), dtype=bool)
    if "audio" in listing.table:
        silent = listing.table["audio"].isna().to_numpy()
    bare = (
        ~listing.table[columns_of(listing.table)].notna().to_numpy().any(axis=1)
        if columns_of(listing.table)
        else silent
    )
    for row in range(len(blank)):
        if blank[row] and silent[row] and bare[row]:
            yield row, "neither a recording nor text nor features: there is nothing to judge"
        elif "text" in listing.table and blank[row]:
            yield row, f"{REMARK}the text is empty"
        elif "audio" in listing.table and silent[row]:
            yield row, f"{REMARK}no recording"


def _features(listing: _Listing) -> Iterator[Fault]:
    table = listing.table
    odd: dict[int, list[str]] = {}
    infinite: dict[int, list[str]] = {}
    for column in (name for name in columns_of(table) if not is_frames(name)):
        numbers = table[column] if is_numeric_dtype(table[column]) else pd.to_numeric(table[column], errors="coerce")
        for row in np.flatnonzero(numbers.isna() & table[column].notna()):
            odd.setdefault(int(row), []).append(f"{column}={table[column].iloc[row]}")
        for row in np.flatnonzero(np.isinf(numbers.to_numpy(dtype=np.float64, na_value=np.nan))):
            infinite.setdefault(int(row), []).append(column)
    yield from ((row, f"features that are no numbers: {shorten(cells, 3)}") for row, cells in odd.items())
    yield from ((row, f"features that are infinite: {shorten(names, 3)}") for row, names in infinite.items())
    shares = [column for column in table if column.startswith(SOFT)]
    if shares:
        sums = table[shares].apply(pd.to_numeric, errors="coerce").sum(axis=1, min_count=1)
        for row in np.flatnonzero((sums - 1).abs() > 0.01):
            yield int(row), f"the shares of listeners sum to {sums.iloc[row]:.3f}, not to 1"


_CHECKS: tuple[Callable[[_Listing], Iterator[Fault]], ...] = (
    _columns,
    _ids,
    _labels,
    _speakers,
    _splits,
    _texts,
    _features,
)


def _sounds(listing: _Listing, progress: bool) -> list[Fault]:
    """Segments and recordings, in the order of the rows."""
    if "audio" not in listing.table:
        return []
    faults: list[Fault] = []
    seen: dict[str, str] = {}
    folders: dict[Path, dict[str, str]] = {}
    ids = listing.ids
    cells = list(listing.table["audio"])
    rates = listing.table.get("sampling_rate", pd.Series([None] * len(cells)))
    for row in tqdm(range(len(cells)), desc="checking", unit="rec", disable=None if progress else True, leave=False):
        if isinstance(cells[row], np.ndarray):
            source: Any = cells[row]
        elif missing(cells[row]):
            continue
        else:
            source = str(listing.folder / str(cells[row]))
        (start, end), wrong = _segment(listing.table, row)
        faults += [(row, what) for what in wrong]
        rate = None if missing(rates.iloc[row]) else float(rates.iloc[row])
        recording = Recording(source, rate, start, end, ids[row])
        try:
            read_audio(recording)
        except (AudioError, MissingDependencyError) as error:
            faults.append((row, f"{error}{_other_spelling(source, folders)}"))
            continue
        if end is not None and not isinstance(source, np.ndarray):
            seconds = sound_info(source).duration
            if end > seconds + _SLACK:
                faults.append((row, f"the segment ends at {end:g} s, but the recording lasts {seconds:.3f} s"))
        digest = digest_of(recording)
        if digest in seen:
            faults.append((row, f"the same sound as {seen[digest]!r}"))
        seen.setdefault(digest, ids[row])
    return faults


def _segment(table: pd.DataFrame, row: int) -> tuple[tuple[float | None, float | None], list[str]]:
    """Start and end of a row, None where they make no sense, and why."""
    times: list[float | None] = []
    wrong = []
    for column in ("start", "end"):
        cell = table[column].iloc[row] if column in table else None
        try:
            times.append(None if cell is None or missing(cell) else float(cell))
        except (TypeError, ValueError):
            times.append(None)
            wrong.append(f"{column} is no number of seconds: {cell!r}")
    start, end = times
    if start is not None and start < 0:
        wrong.append(f"the segment starts at {start:g} s, before the recording")
        start = None
    if end is not None and end <= (start or 0):
        wrong.append(f"the segment ends at {end:g} s, not after its start at {start or 0:g} s")
        start, end = None, None
    return (start, end), wrong


def _other_spelling(source: Any, folders: dict[Path, dict[str, str]]) -> str:
    """Hint at a file that is not there because of how its name is written."""
    if isinstance(source, np.ndarray) or Path(source).exists():
        return ""
    if "\\" in source:
        return " Write paths with / instead of \\."
    folder = Path(source).parent
    if folder not in folders:
        folders[folder] = {file.name.lower(): file.name for file in folder.iterdir()} if folder.is_dir() else {}
    near = folders[folder].get(Path(source).name.lower())
    return f" There is {near!r}: capital letters matter." if near else ""
