"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

__all__ = ["write_whole"]


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
