"""Selectors by name, as the command line and the assemblers take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ferfusion import selection
from ferfusion.base.errors import SelectionError, UnknownNameError

__all__ = ["SELECTORS", "as_selector"]

_SIZE = 100  # columns, where none is asked for

_FILTERS = ("anova", "chi2", "fisher", "hsic", "mutual_information", "per_emotion", "random", "relieff")

Maker = Callable[[Any, Any], Any]  # of a size (None: the default) and a seed


def _filter(score: str) -> Maker:
    return lambda size, seed: selection.FilterSelector(score, n_features=size or _SIZE, random_state=seed)


def _stability(size: Any, seed: Any) -> Any:
    return selection.StabilitySelector(selection.FilterSelector(n_features=size or _SIZE), random_state=seed)


def _shadow(size: Any, seed: Any) -> Any:
    if size is not None:
        message = "Shadow columns decide by themselves how many columns are kept: 'shadow' takes no number."
        raise SelectionError(message)
    return selection.ShadowSelector(random_state=seed)


def _pruner(size: Any, seed: Any) -> Any:
    return selection.CorrelationPruner() if size is None else selection.CorrelationPruner(threshold=float(size))


def _grey_wolf(size: Any, seed: Any) -> Any:
    if isinstance(size, float):
        message = f"The most columns that grey wolves may keep are a whole number, not {size:g}."
        raise SelectionError(message)
    return selection.GreyWolfSelector(n_features_max=size, random_state=seed)


def _two_stage(size: Any, seed: Any) -> Any:
    first = selection.ImportanceSelector(n_features=size or 2 * _SIZE, random_state=seed)
    return selection.TwoStageSelector(first, selection.GreyWolfSelector(random_state=seed))


SELECTORS: dict[str, Maker] = {
    **{score: _filter(score) for score in _FILTERS},
    "mrmr": lambda size, seed: selection.MRMRSelector(n_features=size or _SIZE),
    "correlation": _pruner,
    "forest": lambda size, seed: selection.ImportanceSelector(n_features=size or _SIZE, random_state=seed),
    "stability": _stability,
    "shadow": _shadow,
    "grey_wolf": _grey_wolf,
    "two_stage": _two_stage,
}


def as_selector(selector: Any, random_state: Any = 0) -> Any:
    """Selector meant by a name.

    Parameters
    ----------
    selector : str, selector or None
        A name of ``SELECTORS``; behind a colon how many columns (``"anova:200"``) or which share of them
        (``"mrmr:0.1"``) to keep. For ``grey_wolf`` it is the most there may be, for ``two_stage`` how many the first
        stage passes on, for ``correlation`` the threshold. A selector, or None, is given back as it is.
    random_state : int or None, default=0
        Seed of a selector made by name.

    Returns
    -------
    selector

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    SelectionError
        If what stands behind the colon is no size.

    Examples
    --------
    >>> as_selector("anova:50").n_features
    50
    """
    if not isinstance(selector, str):
        return selector
    name, colon, size = selector.partition(":")
    if name not in SELECTORS:
        raise UnknownNameError("selector", name, SELECTORS)
    return SELECTORS[name](_size(selector, size) if colon else None, random_state)


def _size(selector: str, size: str) -> int | float:
    try:
        value = float(size)
    except ValueError:
        value = 0.0
    if not (0 < value < 1 or (value >= 1 and value == int(value))):
        message = f"{selector!r}: behind the colon stands a number of columns or a share of them between 0 and 1."
        raise SelectionError(message)
    return value if value < 1 else int(value)
