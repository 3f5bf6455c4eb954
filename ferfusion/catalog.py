"""Finds, builds, describes and cites systems. A module of ``ferfusion.systems`` with a ``CARD`` is one."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from inspect import signature
from types import ModuleType
from typing import Any

import pandas as pd

from ferfusion.base.card import Card
from ferfusion.base.errors import UnknownNameError
from ferfusion.base.references import references
from ferfusion.corpora.registry import corpus_modules

__all__ = ["cite", "list_systems", "make_system", "system_card", "system_modules"]


@cache
def system_modules() -> dict[str, ModuleType]:
    """Modules of systems by key, which is the name of their file."""
    package = import_module("ferfusion.systems")
    names = [info.name for info in pkgutil.iter_modules(package.__path__) if not info.name.startswith("_")]
    return {name: import_module(f"{package.__name__}.{name}") for name in names}


def _module(key: str) -> ModuleType:
    modules = system_modules()
    if key not in modules:
        raise UnknownNameError("system", key, modules)
    return modules[key]


def list_systems() -> pd.DataFrame:
    """Systems that can be built by name.

    Returns
    -------
    DataFrame
        Indexed by key: title, views, fusion, level.

    Examples
    --------
    >>> list_systems().loc["baseline_late", "fusion"]
    'decision'
    """
    rows = {}
    for key, module in system_modules().items():
        card: Card = module.CARD
        rows[key] = {"title": card.title, "views": " ".join(card.views), "fusion": card.fusion, "level": card.level}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("key")


def system_card(key: str) -> Card:
    """Card of a system.

    Raises
    ------
    UnknownNameError
        If there is no such system.
    """
    return _module(key).CARD


def make_system(key: str, **parameters: Any) -> Any:
    """Build a system.

    Parameters
    ----------
    key : str
        One of ``list_systems()``.
    **parameters
        What the system's ``make`` takes.

    Returns
    -------
    estimator
        Unfitted, on the raw table: ``fit``, ``predict``, ``predict_proba``.

    Raises
    ------
    UnknownNameError
        If there is no such system, or it has no such parameter.

    Examples
    --------
    >>> list(make_system("baseline_early").named_steps)
    ['views', 'speaker', 'impute', 'scale', 'classify']
    """
    make = _module(key).make
    allowed = signature(make).parameters
    for name in parameters:
        if name not in allowed:
            raise UnknownNameError(f"parameter of {key!r}", name, allowed)
    return make(**parameters)


def cite(name: str = "ferfusion") -> str:
    """BibTeX entry of a system, a corpus, or a key of the library's bibliography.

    Parameters
    ----------
    name : str, default="ferfusion"
        What to cite.

    Returns
    -------
    str

    Raises
    ------
    UnknownNameError
        If there is nothing to cite under this name.

    Examples
    --------
    >>> print(cite("emodb").splitlines()[0])
    @inproceedings{burkhardt2005_emodb,
    """
    entries = references()
    by_corpus = {key: module.CARD.citation for key, module in corpus_modules().items() if module.CARD.citation}
    key = by_corpus.get(name, name)
    if key not in entries and name in system_modules():
        key = "ferfusion"  # a system of our own
    if key not in entries:
        raise UnknownNameError("reference", name, [*entries, *by_corpus, *system_modules()])
    return entries[key]
