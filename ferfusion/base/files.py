"""Files that appear whole or not at all, and files that are not what they seem."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

__all__ = ["is_pointer", "write_whole"]

_POINTER = b"version https://git-lfs"
_LARGEST_POINTER = 1024  # bytes; by the rules of Git LFS a pointer is smaller


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step: whoever looks, or a kill half-way, never finds a part of it.

    Parameters
    ----------
    path : Path
        Its folder must be there.
    content : bytes
        What it shall hold.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def is_pointer(path: Path) -> bool:
    """Whether a file is a few lines of Git LFS that stand for a large file that was not fetched.

    Parameters
    ----------
    path : Path
        Opened only if it is small.

    Returns
    -------
    bool
        False also for a link to nowhere or a file that may not be read: reading it says so.
    """
    try:
        if path.stat().st_size >= _LARGEST_POINTER:
            return False
        with path.open("rb") as stream:
            return stream.read(len(_POINTER)) == _POINTER
    except OSError:
        return False
