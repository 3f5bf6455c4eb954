"""Finding a corpus' files: where they lie, which of them count, none of them twice."""

from __future__ import annotations

import os
import re
from importlib.resources import files as package_files
from pathlib import Path

import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import CorpusError
from ferfusion.corpora.corpus import FoldMaker
from ferfusion.corpora.folds import folds_from_sets

__all__ = ["DATA_VARIABLE", "find_sounds", "named_folds", "stated_root"]

DATA_VARIABLE = "FERFUSION_DATA"
_ENDINGS = {".wav", ".flac"}


def stated_root(root: str | Path | None, card: CorpusCard) -> Path:
    """Folder of a corpus, or an error that says how to get it.

    Parameters
    ----------
    root : str, Path or None
        As the user gave it; ``$FERFUSION_DATA/<name>`` if None.
    card : CorpusCard
        Of the corpus.

    Returns
    -------
    Path
    """
    if root is None:
        home = os.environ.get(DATA_VARIABLE)
        if not home:
            message = (
                f"Where is {card.title}? Name its folder (root=..., or --data on the command line) or set "
                f"{DATA_VARIABLE} to the folder that holds {card.name}/. Get it from {card.where_to_get}."
            )
            raise CorpusError(message)
        root = Path(home) / card.name
    folder = Path(root).expanduser()
    if not folder.is_dir():
        message = f"{folder} is not a folder. Expected {card.layout}. Get {card.title} from {card.where_to_get}."
        raise CorpusError(message)
    return folder


def find_sounds(folder: Path, pattern: re.Pattern[str]) -> tuple[dict[str, tuple[Path, re.Match[str]]], list[str]]:
    """Recordings below a folder whose names a corpus could have given.

    Parameters
    ----------
    folder : Path
        Searched with all folders in it.
    pattern : compiled regular expression
        Must match the whole name without its ending.

    Returns
    -------
    files : dict of str to (Path, match)
        By name without ending, sorted. A name that is there twice (some copies nest a corpus in itself) counts
        once, the one nearest to the folder.
    notes : list of str
        What was left out.
    """
    found: dict[str, tuple[Path, re.Match[str]]] = {}
    twice = 0
    candidates = [
        path for path in folder.rglob("*") if path.suffix.lower() in _ENDINGS and not path.name.startswith(".")
    ]
    for path in sorted(candidates, key=lambda p: (len(p.parts), str(p))):
        match = pattern.fullmatch(path.stem)
        if match is None:
            continue
        if path.stem in found:
            twice += 1
            continue
        found[path.stem] = (path, match)
    notes = [f"{twice} files stand there twice under the same name and were read once"] if twice else []
    return dict(sorted(found.items())), notes


def named_folds(file: str) -> FoldMaker:
    """Published folds kept as a data file of the package (columns ``speaker`` and ``fold``).

    Parameters
    ----------
    file : str
        Name of the file in ``corpora/indices``.

    Returns
    -------
    callable
        Makes the folds for a table.
    """

    def make(X: pd.DataFrame) -> list:
        with (package_files("ferfusion.corpora") / "indices" / file).open(encoding="utf-8") as stream:
            sets = pd.read_csv(stream, dtype=str, keep_default_na=False).set_index("speaker")["fold"]
        return folds_from_sets(X, sets, "speaker")

    return make
