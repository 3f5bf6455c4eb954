"""A system without some of its views."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline

from ferfusion.base.adapters import SelectViews
from ferfusion.base.table import match_views
from ferfusion.evaluation.preparation import views_steps

__all__ = ["without_views"]


def without_views(system: Any, names: Iterable[str], used: Sequence[str]) -> Any:
    """An unfitted clone of a system that does not see some views, nor has the branches that live on them alone.

    Parameters
    ----------
    system : estimator
        On the raw table.
    names : iterable of str
        Views or modalities.
    used : sequence of str
        Views that the system uses.

    Returns
    -------
    estimator
        One that always answers with the class shares of training where no view is left.

    Raises
    ------
    UnknownNameError
        If the system uses no view of a name.
    """
    names = list(names)
    gone = match_views(used, names)
    left = [view for view in used if view not in gone]
    if not left:
        return DummyClassifier(strategy="prior")
    if not gone:
        return clone(system)
    system = clone(system)
    for step in views_steps(system):
        step.set_params(skip=tuple(dict.fromkeys([*_listed(step.skip), *gone])))
    for part in [system, *system.get_params(deep=True).values()]:
        if isinstance(getattr(part, "branches", None), list | tuple):
            _cut(part, left)
    if views_steps(system):
        return system
    return Pipeline([("kept", SelectViews(left)), ("system", system)])


def _listed(names: Any) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _cut(part: Any, left: list[str]) -> None:
    """Leave out branches none of whose views is left, and their weights."""
    kept = [i for i, (_, branch) in enumerate(part.branches) if _lives(branch, left)]
    weights: Any = getattr(part, "weights", None)
    if not isinstance(weights, str) and hasattr(weights, "__len__") and len(weights) == len(part.branches):
        part.set_params(weights=[weights[i] for i in kept])
    part.set_params(branches=[part.branches[i] for i in kept])


def _lives(branch: Any, left: Iterable[str]) -> bool:
    steps = [step for _, step in branch.steps] if isinstance(branch, Pipeline) else [branch]
    keeper = next((step for step in steps if isinstance(step, SelectViews)), None)
    # a branch that chooses no views takes what there is
    return keeper is None or bool(match_views(left, keeper.views, strict=False))
