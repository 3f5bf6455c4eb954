"""Finding a corpus' files: where they lie, which of them count, none of them twice."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import CorpusError, shorten
from ferfusion.base.files import is_pointer

__all__ = [
    "DATA_VARIABLE",
    "SOUNDS",
    "VIDEOS",
    "Found",
    "find_files",
    "home_of",
    "nothing_found",
    "stated_root",
    "stems",
]

DATA_VARIABLE = "FERFUSION_DATA"
SOUNDS = (".wav", ".flac")
VIDEOS = (".mp4", ".avi", ".mkv", ".mov", ".flv", ".webm")
_SAMPLE = 4096  # bytes at each end that tell two files of equal size apart

Parse = Callable[[Path], tuple[str, Any] | None]


@dataclass
class Found:
    """What a search brought.

    Parameters
    ----------
    files : dict of str to (Path, object)
        By id, sorted: the file, and what its name says.
    notes : list of str
        What was left out, for the user to know.
    faults : list of (str, str)
        Ids and what is wrong with them, for ``validate()``.
    """

    files: dict[str, tuple[Path, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)


def home_of(card: CorpusCard) -> Path:
    """Where a corpus lies if nobody names another place: ``$FERFUSION_DATA/<name>``, else the user's data folder."""
    home = os.environ.get(DATA_VARIABLE)
    return (Path(home).expanduser() if home else user_data_path("ferfusion") / "corpora") / card.name


def stated_root(root: str | Path | None, card: CorpusCard) -> Path:
    """Folder of a corpus, or an error that says how to get it.

    Parameters
    ----------
    root : str, Path or None
        As the user gave it; ``home_of(card)`` if None.
    card : CorpusCard
        Of the corpus.

    Returns
    -------
    Path

    Raises
    ------
    CorpusError
        If there is no such folder.
    """
    folder = home_of(card) if root is None else Path(root).expanduser()
    if folder.is_dir():
        return folder
    get = f"Get it from {card.where_to_get}."
    if card.downloads:
        get += f" Or let it be fetched: load_corpus({card.name!r}, download=True)."
    if card.ask:
        get += f" {card.ask}"
    if root is None:
        message = (
            f"Where is {card.title}? It is not in {folder}. Name its folder (root=..., or --data on the command "
            f"line) or set {DATA_VARIABLE} to the folder that holds {card.name}/. Expected {card.layout}. {get}"
        )
    elif folder.exists():
        message = f"{folder} is a file, not a folder. Expected {card.layout}."
    else:
        message = f"{folder} is not a folder. Expected {card.layout}. {get}"
    raise CorpusError(message)


def stems(pattern: re.Pattern[str], key: Callable[[re.Match[str]], str] | None = None) -> Parse:
    """Reader of file names that match a pattern as a whole, without their ending.

    Parameters
    ----------
    pattern : compiled regular expression
        For the name.
    key : callable, optional
        Makes the id from the match; the name as it stands if missing.

    Returns
    -------
    callable
        For ``find_files``: path -> (id, match) or None.
    """

    def parse(path: Path) -> tuple[str, Any] | None:
        match = pattern.fullmatch(path.stem)
        if match is None:
            return None
        return (key(match) if key else path.stem), match

    return parse


def find_files(folder: Path, parse: Parse, endings: Iterable[str] = SOUNDS) -> Found:
    """Files below a folder whose names a corpus could have given.

    Parameters
    ----------
    folder : Path
        Searched with all folders in it. Files and folders that begin with a dot are passed over (a Mac leaves
        ``._name.wav`` behind), as are those of ``__MACOSX``.
    parse : callable
        Path relative to ``folder`` -> (id, what the name says), or None if the file is none of the corpus.
    endings : iterable of str
        Endings that count, in order of preference; their case does not matter.

    Returns
    -------
    Found
        Pointers of Git LFS, which stand where a large file was not fetched, are left out. An id that is there twice
        (some copies nest a corpus in itself) counts once, the file nearest to the folder.
        If the two differ in size or in their first or last bytes that is a fault.
    """
    rank = {ending: i for i, ending in enumerate(endings)}
    found = Found()
    twice, other_kind = 0, 0
    pointers: dict[str, Path] = {}
    for path in sorted(_visible(folder, set(rank)), key=lambda p: (len(p.parts), rank[p.suffix.lower()], str(p))):
        parsed = parse(path.relative_to(folder))
        if parsed is None:
            continue
        key, told = parsed
        if is_pointer(path):
            pointers.setdefault(key, path)
            continue
        if key not in found.files:
            found.files[key] = (path, told)
            continue
        first = found.files[key][0]
        if first.suffix.lower() != path.suffix.lower():
            other_kind += 1
        elif _differ(first, path):
            found.faults.append((key, f"two files with this id and different content: {first} (read) and {path}"))
        else:
            twice += 1
    if twice:
        found.notes.append(f"{twice} files stand there twice under the same name and were read once")
    if other_kind:
        found.notes.append(f"{other_kind} files stand there in two formats and were read once")
    if found.faults:
        found.notes.append(
            f"{len(found.faults)} ids have two files of different content, of which one was read: "
            f"{shorten(dict.fromkeys(key for key, _ in found.faults))}"
        )
    _tell_pointers(found, set(pointers) - set(found.files))
    found.files = dict(sorted(found.files.items()))
    return found


def _tell_pointers(found: Found, hollow: set[str]) -> None:
    if hollow:
        listed = sorted(hollow)
        found.notes.append(
            f"left out {len(listed)} files that are pointers of Git LFS, not recordings: {shorten(listed)}; "
            "'git lfs pull' where they came from fetches those"
        )
        found.faults += [(key, "a pointer of Git LFS, not a recording: run 'git lfs pull'") for key in listed]


def nothing_found(folder: Path, card: CorpusCard) -> CorpusError:
    """Error of a folder that holds nothing of a corpus: what was expected, what is there, how to get it.

    Parameters
    ----------
    folder : Path
        Where it was looked for.
    card : CorpusCard
        Of the corpus.

    Returns
    -------
    CorpusError
        To be raised.
    """
    media = sorted(_visible(folder, {*SOUNDS, ".mp3", *VIDEOS}))
    there = f"{len(media)} recordings such as '{media[0].relative_to(folder)}'" if media else "no recordings at all"
    if media and all(is_pointer(path) for path in media):
        there = f"{len(media)} pointers of Git LFS, which stand for files that were not fetched: run 'git lfs pull'"
    return CorpusError(
        f"No recordings of {card.title} under {folder}: expected {card.layout}; found {there}. "
        f"Get it from {card.where_to_get}."
    )


def _visible(folder: Path, endings: set[str]) -> list[Path]:
    paths = []
    for home, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__MACOSX"]
        paths += [
            Path(home) / name
            for name in names
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in endings
        ]
    return paths


def _differ(first: Path, second: Path) -> bool:
    if not (first.is_file() and second.is_file()):
        return True  # a link to nowhere
    size = first.stat().st_size
    if size != second.stat().st_size:
        return True
    with first.open("rb") as a, second.open("rb") as b:
        if a.read(_SAMPLE) != b.read(_SAMPLE):
            return True
        last = max(0, size - _SAMPLE)
        a.seek(last)
        b.seek(last)
        return a.read() != b.read()
