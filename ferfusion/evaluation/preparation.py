"""A system and a corpus brought together, before any split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ferfusion.base.errors import AudioError, FeatureError, LearntViewError, TableError, shorten
from ferfusion.base.table import learnt_views, views_of
from ferfusion.corpora import Corpus
from ferfusion.evaluation.tuned import fitted_system
from ferfusion.features import Views

__all__ = ["first_views", "prepare", "views_steps"]

Reasons = list[tuple[str, str]]


def prepare(
    system: Any, corpus: Corpus, *, strict: bool = False, verbose: bool = True
) -> tuple[Any, Corpus, pd.DataFrame, list[str]]:
    """Bring a system and a corpus together, before any split.

    Views that the corpus calls uninformative are left out (unless the system names its views), views that do not
    learn are computed, and rows are left out that have no label or nothing to judge them by. Views that a branch
    extracts for itself alone are left to it.

    Parameters
    ----------
    system : estimator
        Unfitted; changed in place.
    corpus : Corpus
        Stays as it is.
    strict : bool, default=False
        Raise instead of leaving out.
    verbose : bool, default=True
        Progress bars.

    Returns
    -------
    system : estimator
        The same object.
    corpus : Corpus
        With views, without the rows left out.
    left_out : DataFrame
        Columns ``id`` and ``reason``; a recording that failed in one view of several is listed and stays.
    views : list of str
        Views in use.

    Raises
    ------
    LearntViewError
        If the table carries columns that were learnt from its own rows.
    FeatureError
        If no view can be used.
    TableError
        If no row has a label, or none can be judged.
    AudioError
        If ``strict`` and a recording cannot be used.
    """
    learnt = learnt_views(corpus.X)
    if learnt:
        message = (
            f"The table carries views that were learnt from data: {shorten(learnt)}. Every split of it would leak. "
            "Hand in the raw table; the system learns them inside each fold."
        )
        raise LearntViewError(message)
    corpus, reasons = _labelled(corpus, strict)
    for step in views_steps(system):
        if step.only is None:
            step.set_params(skip=tuple(dict.fromkeys([*step.skip, *corpus.card.uninformative_views])))
        step.set_params(verbose=verbose and step.verbose, on_error="raise" if strict else step.on_error)
    first = first_views(system)
    if first is None:
        return system, corpus, pd.DataFrame(reasons, columns=["id", "reason"]), views_of(corpus.X)
    X, faults = first.extract(corpus.X)
    if strict and len(faults):
        raise AudioError(faults["fault"].iloc[0])
    reasons += [(row.id, f"{row.view}: {row.fault}") for row in faults.itertuples()]
    used = _usable(first, X, corpus.card.name)
    # a branch that extracts for itself may find something in a row that the first step leaves blank
    alone = len(views_steps(system)) == 1
    judged = first.judgeable(X, used) if alone else np.ones(len(X), dtype=bool)
    reasons += [(str(id_), "left out: no view could be computed") for id_ in X.index[~judged]]
    if not judged.any():
        message = f"No row can be judged. The first reason: {reasons[0][1]}"
        raise TableError(message)
    return system, corpus.replace(X=X).select(X.index[judged]), pd.DataFrame(reasons, columns=["id", "reason"]), used


def first_views(system: Any) -> Views | None:
    """The step that extracts views for the whole of a system, or None."""
    system = fitted_system(system)
    steps = [step for _, step in system.steps] if isinstance(system, Pipeline) else [system]
    return next((step for step in steps if isinstance(step, Views)), None)


def views_steps(system: Any) -> list[Views]:
    """All steps of a system that extract views, those of its branches among them."""
    return [part for part in system.get_params(deep=True).values() if isinstance(part, Views)]


def _usable(step: Views, X: pd.DataFrame, name: str) -> list[str]:
    used, unused = step.usable(X)
    if not used and unused:
        given = "; ".join(f"{view}: {reason}" for view, reason in unused.items())
        message = f"No view of the corpus {name!r} can be used ({given})."
        raise FeatureError(message)
    return used


def _labelled(corpus: Corpus, strict: bool) -> tuple[Corpus, Reasons]:
    if corpus.y is None:
        message = f"The corpus {corpus.card.name!r} has no labels: its table needs a column 'emotion'."
        raise TableError(message)
    unlabelled = corpus.y.index[corpus.y.isna()]
    if len(unlabelled) == 0:
        return corpus, []
    if strict or len(unlabelled) == len(corpus):
        message = f"These rows have no label: {shorten(unlabelled)}."
        raise TableError(message)
    return corpus.select(corpus.y.notna().to_numpy()), [(str(id_), "left out: no label") for id_ in unlabelled]
