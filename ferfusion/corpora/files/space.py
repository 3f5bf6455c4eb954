"""Room on the disk: asked for beforehand where it is known how much is needed, and told where it ran out."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ferfusion.base.errors import CorpusError

__all__ = ["FullDiskError", "need_room", "room_for", "size_of"]


class FullDiskError(CorpusError):
    """A disk has too little room; what was fetched so far is kept."""


def size_of(n_bytes: int) -> str:
    """Number of bytes for people to read.

    Parameters
    ----------
    n_bytes : int
        How many.

    Returns
    -------
    str

    Examples
    --------
    >>> size_of(215_000_000), size_of(0)
    ('215.0 MB', '0.0 kB')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.1f} {unit}"
    return f"{n_bytes / 1e3:.1f} kB"


def need_room(folder: Path, needed: int) -> None:
    """Raise if the disk of a folder has too little room.

    Parameters
    ----------
    folder : Path
        That is there.
    needed : int
        Bytes that are going to be written.

    Raises
    ------
    FullDiskError
        If fewer are free.
    """
    if needed > shutil.disk_usage(folder).free:
        raise _full(folder, needed)


@contextmanager
def room_for(folder: Path, needed: Callable[[], int | None]) -> Iterator[None]:
    """Turn the system's error of a full disk into one that says what to do.

    Parameters
    ----------
    folder : Path
        Where something is written.
    needed : callable
        Returns how many bytes more are needed, None where that is not known.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _full(folder, needed()) from error


def _full(folder: Path, needed: int | None) -> FullDiskError:
    more = "more room is" if needed is None else f"{size_of(needed)} more are"
    return FullDiskError(
        f"The disk of {folder} is full: {more} needed, {size_of(shutil.disk_usage(folder).free)} are free. Make room, "
        "or name a folder on another disk. What was fetched so far is kept: a call for the same folder goes on with it."
    )
