"""Hybrid fusion: views meet early inside groups, and the groups' decisions meet late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.pipeline import Pipeline

from ferfusion.base.adapters import SelectViews
from ferfusion.base.errors import FeatureError
from ferfusion.features.views import Views
from ferfusion.fusion.assemble import ViewList, make_early, make_late

__all__ = ["make_hybrid"]


def make_hybrid(
    groups: Mapping[str, Any],
    classifier: Any = "svm",
    rule: Any = "mean",
    *,
    views: ViewList | Views = (),
    speaker_scaling: Any = None,
    selector: Any = None,
    weights: Any = None,
    n_jobs: int | None = None,
    random_state: Any = 0,
) -> Pipeline:
    """Hybrid fusion: early inside groups of views, late between the groups.

    Parameters
    ----------
    groups : dict of str to group
        A group is one of: names of views or modalities (early fusion of them); a pair ``(names, classifier)`` where
        it shall have a classifier of its own; a dict of further groups, which meet late by the same rule and count as
        one; a table classifier or a pipeline that ends in one, taken as it is. A view may be in several groups.
    classifier : str or classifier, default="svm"
        Of each group that names none; as for ``make_early``.
    rule : str, callable or classifier, default="mean"
        How the decisions of groups meet; as for ``make_late``.
    views : sequence of (name, extractor), or Views
        What to extract before.
    speaker_scaling : {"self", "train"} or SpeakerScaler, optional
        Before the groups.
    selector : str or transformer on arrays, optional
        Chooses columns within each group, as in ``make_early``.
    weights : sequence of float, optional
        Of the outer groups, for a fixed rule.
    n_jobs : int, optional
        Groups fitted at a time.
    random_state : int or None, default=0
        Seed of classifiers made by name.

    Returns
    -------
    Pipeline
        Unfitted, on the raw table; its last step is ``fuse``.

    Raises
    ------
    FeatureError
        If there is no group, or one names no view.

    Examples
    --------
    >>> model = make_hybrid({"speech": ["audio", "text"], "face": "visual"}, rule="product")
    >>> [name for name, _ in model["fuse"].branches]
    ['speech', 'face']
    """
    made = _branches(groups, classifier, rule, selector, random_state)
    return make_late(
        made,
        rule,
        views=views,
        speaker_scaling=speaker_scaling,
        weights=weights,
        n_jobs=n_jobs,
        random_state=random_state,
    )


def _branches(
    groups: Mapping[str, Any], classifier: Any, rule: Any, selector: Any, random_state: Any
) -> list[tuple[str, Any]]:
    if not isinstance(groups, Mapping) or not groups:
        message = f"Hybrid fusion needs a dict of groups, such as {{'speech': ['audio', 'text']}}, not {groups!r}."
        raise FeatureError(message)
    return [(name, _branch(name, group, classifier, rule, selector, random_state)) for name, group in groups.items()]


def _branch(name: str, group: Any, classifier: Any, rule: Any, selector: Any, random_state: Any) -> Any:
    if hasattr(group, "fit"):
        return group
    if isinstance(group, Mapping):
        inner = _branches(group, classifier, rule, selector, random_state)
        return make_late(inner, rule, random_state=random_state)["fuse"]
    if isinstance(group, tuple) and len(group) == 2 and not _is_names(group):
        group, classifier = group
    names = [group] if isinstance(group, str) else group
    if not _is_names(names):
        message = f"The group {name!r} must name views or modalities, not {group!r}."
        raise FeatureError(message)
    early = make_early((), classifier, selector, random_state=random_state)
    return Pipeline([("keep", SelectViews(list(names))), *early.steps[1:]])


def _is_names(group: Any) -> bool:
    return isinstance(group, list | tuple) and bool(group) and all(isinstance(name, str) for name in group)
