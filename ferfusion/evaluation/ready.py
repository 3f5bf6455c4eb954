"""A system and a corpus ready to be judged, with what must be told of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sklearn.base import clone

from ferfusion.catalog import make_system
from ferfusion.corpora import Corpus, load_corpus
from ferfusion.evaluation.preparation import prepare

__all__ = ["Ready", "bring_together"]


@dataclass(frozen=True)
class Ready:
    """What ``bring_together`` gives.

    Parameters
    ----------
    title : str
        What to call the system.
    system : estimator
        Unfitted.
    corpus : Corpus
        With all views that do not learn, without rows that cannot be judged.
    left_out : DataFrame
        Rows left out, and recordings that failed: ``id``, ``reason``.
    views : list of str
        Views in use.
    facts : dict
        Of the corpus: name, size, checksum, licence.
    seconds : float
        What the views took.
    """

    title: str
    system: Any
    corpus: Corpus
    left_out: pd.DataFrame
    views: list[str]
    facts: dict[str, Any]
    seconds: float


def bring_together(
    system: Any, corpus: Any, seed: int = 0, *, name: str | None = None, strict: bool = False, verbose: bool = True
) -> Ready:
    """Build or clone the system, load the corpus, compute the views that do not learn.

    Parameters
    ----------
    system, corpus, seed, name, strict, verbose
        As for ``evaluate``.

    Returns
    -------
    Ready
    """
    started = time.perf_counter()
    title = name or (system if isinstance(system, str) else type(system).__name__)
    system = make_system(system, random_state=seed) if isinstance(system, str) else _seeded(clone(system), seed)
    corpus = corpus if isinstance(corpus, Corpus) else load_corpus(corpus)
    checksum = corpus.checksum()
    system, corpus, left_out, views = prepare(system, corpus, strict=strict, verbose=verbose)
    facts = {
        "name": corpus.card.name,
        "n_utterances": len(corpus),
        "checksum": checksum,
        "license": corpus.card.license,
    }
    return Ready(title, system, corpus, left_out, views, facts, time.perf_counter() - started)


def _seeded(system: Any, seed: int) -> Any:
    for name, value in system.get_params(deep=True).items():
        if name.split("__")[-1] == "random_state" and value is None:
            system.set_params(**{name: seed})
    return system
