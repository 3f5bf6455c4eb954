"""Corpora fetched from their owners: checked, resumed, unpacked safely."""

from __future__ import annotations

import csv
import json
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import file_digest
from importlib.resources import files as package_files
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from ferfusion.base.card import CorpusCard, Download
from ferfusion.base.errors import CorpusError, shorten
from ferfusion.corpora.files.archives import ArchiveError, unpack
from ferfusion.corpora.files.finding import home_of
from ferfusion.corpora.files.placing import files_below, name_of, place

__all__ = ["MARKER", "download_corpus"]

MARKER = ".fetched.json"


def download_corpus(card: CorpusCard, root: str | Path | None = None, *, progress: bool = True) -> Path:
    """Fetch a corpus into its folder, unless it was fetched before.

    What is on its way lies in a hidden folder ``.<name>.fetching`` beside the corpus' own, so that a try that was cut
    off goes on where it stopped, and no half corpus is ever in its place. A lock beside it lets one process fetch
    while others wait. A folder that is there already is added to: the files in it are never replaced or removed. What
    was fetched is written down in ``.fetched.json``, and if those files are there the next call causes no traffic.

    Parameters
    ----------
    card : CorpusCard
        Of the corpus; its ``downloads`` say what to fetch and how to check it.
    root : str, Path or None
        Folder for it; ``home_of(card)`` if None.
    progress : bool, default=True
        Show a bar where the standard error is a terminal.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    CorpusError
        If the owner lets nobody fetch it unasked, if it cannot be had, is not what the card says or does harm, if the
        folder holds other files of the same names, or if the disk is full.
    """
    folder = home_of(card) if root is None else Path(root).expanduser()
    if not card.downloads:
        why = "without asking its owner" if card.ask else "by the library"
        message = f"{card.title} cannot be fetched {why}. {_advice(card)}"
        raise CorpusError(message)
    home = folder.resolve()
    if home.exists() and not home.is_dir():
        message = f"{folder} is a file, not a folder. {card.title} was not fetched."
        raise CorpusError(message)
    try:
        if _pending(card, home):
            with _work_folder(card, home, progress) as work:
                _fetch(card, home, work, progress)
    except OSError as error:
        message = f"{card.title} could not be put into {folder}: {error}."
        raise CorpusError(message) from error
    _tell_changes(home)
    return folder


def _advice(card: CorpusCard) -> str:
    get = f"Where to get it: {card.where_to_get.rstrip('.')}." if card.where_to_get else ""
    return f"{get} {card.ask}".strip()


def _pending(card: CorpusCard, home: Path) -> list[Download]:
    """What is not there yet."""
    done = {(entry["url"], entry["hash"]): entry["files"] for entry in _marked(home)}
    return [
        download
        for download in card.downloads
        if not _all_there(home, done.get((download.url, download.hash), {})) and not _lies_there(home, download)
    ]


def _all_there(home: Path, names: dict[str, int]) -> bool:
    return bool(names) and all((home / name).is_file() for name in names)


def _lies_there(home: Path, download: Download) -> bool:
    """Whether somebody else put all of it there, as far as a list of contents can tell."""
    folder = home / download.into
    listed = _listed(download.contents) if download.contents else {}
    return _all_there(folder, dict.fromkeys(listed, 0)) and not any(_differing(folder, listed))


def _marked(home: Path) -> list[dict[str, Any]]:
    """What was fetched before; none if the marker is not readable: then it is fetched again."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        entries = json.loads((home / MARKER).read_text(encoding="utf-8"))["downloads"]
        return [{key: entry[key] for key in ("url", "hash", "date", "files")} for entry in entries]
    return []


def _tell_changes(home: Path) -> None:
    sizes = {name: size for entry in _marked(home) for name, size in entry["files"].items()}
    changed = [name for name, size in sizes.items() if (p := home / name).is_file() and p.stat().st_size != size]
    if changed:
        message = (
            f"{len(changed)} files in {home} have another size than when they were fetched ({shorten(changed)}) and "
            "were left as they are. Delete them to have them fetched again."
        )
        warnings.warn(message, UserWarning, stacklevel=3)


@contextmanager
def _work_folder(card: CorpusCard, home: Path, progress: bool) -> Iterator[Path]:
    """Folder for what is on its way, on the corpus' own disk; one process at a time is let in."""
    home.parent.mkdir(parents=True, exist_ok=True)
    base = f".{home.name}"
    above = home.parent
    if home.exists() and (not os.access(above, os.W_OK) or above.stat().st_dev != home.stat().st_dev):
        above = home
    with _alone(above / f"{base}.lock", card, progress):
        work = above / f"{base}.fetching"
        work.mkdir(exist_ok=True)
        try:
            yield work
        finally:
            with suppress(OSError):
                work.rmdir()  # if nothing is left in it


@contextmanager
def _alone(path: Path, card: CorpusCard, progress: bool) -> Iterator[None]:
    # the file stays: who waits for a file that is removed waits for another one than who comes next
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        title = f"{card.name}: another process is fetching it; waiting"
        with tqdm(desc=title, bar_format="{desc}", disable=None if progress else True, leave=False):
            lock.acquire(timeout=-1)
    try:
        yield
    finally:
        lock.release()


def _fetch(card: CorpusCard, home: Path, work: Path, progress: bool) -> None:
    from ferfusion.corpora.files.transfer import fetch_file  # takes a while to import, and is seldom needed

    new = work / "new"
    shutil.rmtree(new, ignore_errors=True)  # of a try that was killed, as are those of pooch:
    for left in work.glob("tmp*"):
        left.unlink()
    entries = []
    try:
        for i, download in enumerate(_pending(card, home)):
            path = fetch_file(download, work, advice=_advice(card), progress=progress)
            tree = new / str(i)
            try:
                _open(download, path, tree)
            except ArchiveError as error:
                path.unlink()
                message = f"{error} It came from {download.url}; a second try starts anew. {_advice(card)}".strip()
                raise CorpusError(message) from error
            files = {(PurePosixPath(download.into) / name).as_posix(): size for name, size in files_below(tree).items()}
            date = datetime.now(UTC).isoformat(timespec="seconds")
            entries.append({"url": download.url, "hash": download.hash, "date": date, "files": files})
            place(tree, new / "all" / download.into)
        if entries:
            _settle(card, home, new / "all", entries)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)


def _open(download: Download, path: Path, tree: Path) -> None:
    """What was fetched as a folder of its own, checked."""
    if download.unpack:
        unpack(path, tree, largest=download.largest)
    else:
        tree.mkdir(parents=True)
        try:
            os.link(path, tree / name_of(download.url))
        except OSError:
            shutil.copyfile(path, tree / name_of(download.url))
    if download.contents:
        listed = _listed(download.contents)
        lacking = [name for name in listed if not (tree / name).is_file()]
        other = list(_differing(tree, {name: listed[name] for name in listed.keys() - set(lacking)}))
        if lacking or other:
            parts = [(lacking, "are missing"), (other, "differ")]
            told = "; ".join(f"{len(names)} {what}: {shorten(sorted(names))}" for names, what in parts if names)
            message = f"What was fetched is not the corpus that is known: of {len(listed)} listed files {told}."
            raise ArchiveError(message)


def _listed(name: str) -> dict[str, str]:
    """Digests by file, from a list of the package."""
    with (package_files("ferfusion.corpora") / "indices" / name).open(encoding="utf-8") as stream:
        return {row["file"]: row["sha256"] for row in csv.DictReader(stream)}


def _differing(folder: Path, listed: dict[str, str]) -> Iterator[str]:
    for name, digest in listed.items():
        with (folder / name).open("rb") as stream:
            if file_digest(stream, "sha256").hexdigest() != digest:
                yield name


def _settle(card: CorpusCard, home: Path, tree: Path, entries: list[dict[str, Any]]) -> None:
    """Put what was fetched into its place, with the marker."""
    before = _marked(home)
    told = {
        "corpus": card.name,
        "downloads": [entry for entry in before if entry["url"] not in {new["url"] for new in entries}] + entries,
    }
    text = json.dumps(told, indent=1)
    if not home.exists():
        (tree / MARKER).write_text(text, encoding="utf-8")
        place(tree, home)
        return
    # files fetched earlier, from the same archive, may have been changed since: they are the user's own now
    same = {(entry["url"], entry["hash"]) for entry in entries}
    ours = {name for entry in before if (entry["url"], entry["hash"]) in same for name in entry["files"]}
    place(tree, home, leave=ours)
    marker = tree.parent / MARKER
    marker.write_text(text, encoding="utf-8")
    marker.replace(home / MARKER)
