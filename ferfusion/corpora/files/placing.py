"""Files put into their place, beside what the user has there; nothing of the user's is replaced."""

from __future__ import annotations

import filecmp
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ferfusion.base.errors import CorpusError, shorten

__all__ = ["files_below", "name_of", "place"]


def name_of(url: str) -> str:
    """File name at the end of an address.

    Parameters
    ----------
    url : str
        The address.

    Returns
    -------
    str
        Letters, digits and ``-_. `` only; "file" if nothing is left.
    """
    name = unquote(urlsplit(url).path).rsplit("/", 1)[-1]
    return re.sub(r"[^-\w. ]+", "_", name).strip(". ") or "file"


def files_below(folder: Path) -> dict[str, int]:
    """Sizes of all files below a folder.

    Parameters
    ----------
    folder : Path
        Where to look.

    Returns
    -------
    dict of str to int
        By path relative to the folder, with slashes.
    """
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()
    }


def place(source: Path, target: Path, leave: Collection[str] = ()) -> None:
    """Move a folder's contents to where they belong.

    Parameters
    ----------
    source : Path
        What is to be placed, on the same disk.
    target : Path
        If it is not there, the folder is moved as a whole, in one step. If it is there, what is missing in it is
        added, in as few steps as possible, after all names were compared.
    leave : collection of str
        Relative names of files that may differ from what is there; they stay as they are.

    Raises
    ------
    CorpusError
        If a file is there under the same name with other content; then nothing is moved.
    """
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
        return
    clashes = [name for name in _clashes(source, target, "") if name not in leave]
    if clashes:
        message = (
            f"{len(clashes)} files in {target} have the same names as files of the corpus but other content: "
            f"{shorten(clashes)}. Nothing was put there. Move or rename them, or name another folder, and call again."
        )
        raise CorpusError(message)
    _add(source, target)


def _clashes(source: Path, target: Path, above: str) -> Iterator[str]:
    for new in sorted(source.iterdir()):
        old, name = target / new.name, above + new.name
        if new.is_dir() and old.is_dir():
            yield from _clashes(new, old, name + "/")
        elif old.is_symlink() and not old.exists():
            yield name  # a link that leads nowhere is the user's, too
        elif old.exists() and (new.is_dir() or old.is_dir() or not filecmp.cmp(new, old, shallow=False)):
            yield name


def _add(source: Path, target: Path) -> None:
    for new in sorted(source.iterdir()):
        old = target / new.name
        if not old.exists():
            new.rename(old)
        elif new.is_dir():
            _add(new, old)
