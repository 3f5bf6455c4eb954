"""Who is using a folder: told by locks that the operating system drops when their holder dies.

A user of a folder holds a lock on a file of its own as long as it reads or writes there. To begin, it passes a gate,
a lock held for a moment; who wants to delete holds the gate meanwhile, so that nobody begins in between.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ferfusion.features.shards import is_draft

__all__ = ["if_unused", "in_use"]

_HELD: set[str] = set()  # by this process; over NFS, a process is never told that it holds a lock itself


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Keep what a folder holds from being deleted.

    Parameters
    ----------
    folder : Path
        Of an extractor; its folder ``locks`` must be there. Where that may not be written nothing is locked:
        nobody with the same rights can delete there.
    """
    locks = folder / "locks"
    if not os.access(locks, os.W_OK):
        yield
        return
    own = locks / f"use-{uuid.uuid4().hex}.lock"
    lock = _lock(own)
    with _lock(locks / "gate.lock"):
        alone = not _users(locks)
        lock.acquire()
        _HELD.add(own.name)
        if alone:
            _sweep(folder)
    try:
        yield
    finally:
        lock.release()
        own.unlink(missing_ok=True)
        _HELD.discard(own.name)


@contextmanager
def if_unused(folder: Path) -> Iterator[bool]:
    """Whether nobody uses a folder; nobody begins to before the end of the ``with`` block.

    Parameters
    ----------
    folder : Path
        Of an extractor.

    Yields
    ------
    bool
    """
    locks = folder / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with _lock(locks / "gate.lock"):
        unused = not _users(locks)
        if unused:
            _sweep(folder)
        yield unused


def _users(locks: Path) -> bool:
    """Whether somebody who is alive holds a lock of their own; files of the dead are removed."""
    found = False
    for path in list(locks.glob("use-*.lock")):
        if path.name in _HELD or not _free(path):
            found = True
        else:
            path.unlink(missing_ok=True)
    return found


def _free(path: Path) -> bool:
    try:
        with _lock(path, timeout=0):
            return True
    except Timeout:
        return False


def _sweep(folder: Path) -> None:
    # only users write, and there is none: drafts belong to the dead
    for path in [path for path in folder.iterdir() if is_draft(path.name)]:
        path.unlink(missing_ok=True)


def _lock(path: Path, timeout: float = -1) -> FileLock:
    # not bound to a thread: generators that hold a lock may end in another one
    return FileLock(path, timeout=timeout, thread_local=False)
