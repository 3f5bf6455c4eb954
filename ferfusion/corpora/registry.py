"""Corpora by name: a module of this folder that has a ``CARD`` and a ``load`` is one."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from ferfusion.base.errors import UnknownNameError
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.downloading import download_corpus
from ferfusion.corpora.manifest import is_manifest, read_manifest

__all__ = ["corpus_modules", "list_corpora", "load_corpus"]


@cache
def corpus_modules() -> dict[str, ModuleType]:
    """Modules of corpora, by the name on their card."""
    package = import_module("ferfusion.corpora")
    names = [info.name for info in pkgutil.iter_modules(package.__path__) if not info.name.startswith("_")]
    modules = [import_module(f"{package.__name__}.{name}") for name in names]
    return {module.CARD.name: module for module in modules if hasattr(module, "CARD")}


def list_corpora() -> pd.DataFrame:
    """Corpora that can be loaded by name.

    Returns
    -------
    DataFrame
        Indexed by name: title, languages, modalities, utterances, speakers, classes, protocols, licence, and whether it
        can be fetched without asking.

    Examples
    --------
    >>> bool("emodb" in list_corpora().index)
    True
    """
    cards = [module.CARD for module in corpus_modules().values()]
    rows = {
        card.name: {
            "title": card.title,
            "languages": " ".join(card.languages),
            "modalities": " ".join(card.modalities),
            "utterances": card.n_utterances,
            "speakers": card.n_speakers,
            "classes": len(card.emotions),
            "protocols": " ".join(card.protocols),
            "license": card.license,
            "fetched": bool(card.downloads),
        }
        for card in cards
    }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("name")
    return table.astype({"utterances": "Int64", "speakers": "Int64"})  # some owners do not say how many


def load_corpus(name: str | Path, root: str | Path | None = None, *, download: bool = False, **options: Any) -> Corpus:
    """Load a corpus by name, or a manifest by path.

    Parameters
    ----------
    name : str or Path
        One of ``list_corpora()``, or the path of a manifest: ``.csv``, ``.jsonl``, ``.parquet``, an audformat
        ``db.yaml`` or the folder that holds one.
    root : str or Path, optional
        Folder of the corpus; if missing ``$FERFUSION_DATA/<name>``, else ``corpora/<name>`` in the user's data folder.
    download : bool, default=False
        Fetch the corpus into its folder first, where its owner permits and it is not there yet.
    **options
        What the corpus' own ``load``, or ``read_manifest``, takes beside it.

    Returns
    -------
    Corpus

    Raises
    ------
    UnknownNameError
        If there is no such corpus.
    CorpusError
        If the folder does not hold it.
    """
    modules = corpus_modules()
    if str(name) not in modules and is_manifest(name):
        return read_manifest(name, **options)
    if name not in modules:
        raise UnknownNameError("corpus", name, modules)
    module = modules[str(name)]
    if download:
        root = download_corpus(module.CARD, root)
    return module.load(root, **options)
