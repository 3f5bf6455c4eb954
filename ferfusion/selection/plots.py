"""Pictures of selection: how a search went, and what it kept. Drawn on figures of their own, without a window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ferfusion.base.errors import SelectionError
from ferfusion.base.table import feature_of, view_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["family_of", "plot_convergence", "plot_selected"]

_INK, _MUTED, _GRID = "#1c2430", "#5a6472", "#e3e6ea"
_COLOURS = ("#0b5fa5", "#e07b00", "#3a8f3a", "#b03060", "#6a51a3", "#8c6d31", "#17889a", "#555555")
_OFFERED = "#dfe7ef"
_MOST_GROUPS = 30


def plot_convergence(searches: Any, ax: Axes | None = None) -> Axes:
    """Best fitness by evaluations: solid for the best mask so far, dotted for the mean of the swarm.

    Parameters
    ----------
    searches : fitted search, or mapping of str to fitted search
        With ``history_``, as ``GreyWolfSelector`` and ``SwarmSelector`` have it; several are compared by name.
    ax : Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    Axes
        Its ``figure`` has ``savefig`` and shows itself in a notebook.

    Raises
    ------
    SelectionError
        If something given has no history.
    """
    given = searches if isinstance(searches, Mapping) else {type(searches).__name__: searches}
    ax = _axes(ax, 6.4, 3.6)
    for place, (name, search) in enumerate(given.items()):
        history = getattr(search, "history_", None)
        if history is None:
            message = f"{name!r} has no 'history_': only a fitted search by a swarm has one."
            raise SelectionError(message)
        best, mean, size, evaluations = np.asarray(history).T
        colour = _COLOURS[place % len(_COLOURS)]
        label = f"{name}: {best[-1]:.3f} with {size[-1]:.0f} columns"
        ax.plot(evaluations, best, color=colour, linewidth=1.8, drawstyle="steps-post", label=label)
        ax.plot(evaluations, mean, color=colour, linewidth=1.0, linestyle=":")
    ax.set_xlabel("subsets evaluated", color=_MUTED)
    ax.set_ylabel("fitness (less is better)", color=_MUTED)
    ax.legend(frameon=False, fontsize=8.5)
    return _plain(ax, "both")


def family_of(name: str) -> str:
    """Group of a feature within its view: what stands before its first underscore (``mfcc`` of ``mfcc_3_mean``)."""
    return feature_of(name).split("_", 1)[0]


def plot_selected(
    selected: Any,
    offered: Sequence[str] | None = None,
    by: Callable[[str], str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Share of each group of columns that survived a selection; the thin line spans the folds.

    Parameters
    ----------
    selected : Evaluation, fitted selector, or array of bool (n_features,) or (n_sets, n_features)
        What was kept of the columns offered, once or in several folds.
    offered : sequence of str, length n_features
        Names of the columns there were; an evaluation knows them.
    by : callable, optional
        Name of a column to its group. If missing: the view, or within one view ``family_of``.
    ax : Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    Axes

    Raises
    ------
    SelectionError
        If masks and names differ in number, or nothing was chosen.
    """
    told = getattr(selected, "selected", None)
    if told is not None:
        selected, offered = told.to_numpy(dtype=bool).T, list(told.index)
    masks = np.atleast_2d(selected.get_support() if hasattr(selected, "get_support") else np.asarray(selected))
    offered = [] if offered is None else offered
    if not masks.size:
        message = "No columns were chosen: there is nothing to show."
        raise SelectionError(message)
    if masks.shape[1] != len(offered):
        message = f"The masks have {masks.shape[1]} columns, but {len(offered)} names were given."
        raise SelectionError(message)
    group = by or (view_of if len({view_of(name) for name in offered}) > 1 else family_of)
    groups = np.array([group(name) for name in offered])
    names, sizes = np.unique(groups, return_counts=True)
    shares = np.array([masks[:, groups == name].mean(axis=1) for name in names])
    order = np.lexsort((names, -shares.mean(axis=1)))[:_MOST_GROUPS]
    names, sizes, shares = names[order], sizes[order], shares[order]
    ax = _axes(ax, 6.4, 0.9 + 0.27 * len(names))
    places = np.arange(len(names))
    ax.barh(places, np.ones(len(names)), height=0.68, color=_OFFERED)
    ax.barh(places, shares.mean(axis=1), height=0.68, color=_COLOURS[0])
    if len(masks) > 1:
        ax.hlines(places, shares.min(axis=1), shares.max(axis=1), color=_INK, linewidth=1.1)
    for place, share, size in zip(places.tolist(), shares.mean(axis=1), sizes, strict=True):
        ax.text(1.01, place, f"{share * size:.0f} of {size}", va="center", size=8, color=_MUTED)
    ax.set_yticks(places, list(names), size=9, color=_INK, parse_math=False)
    ax.set(xlim=(0, 1.2), ylim=(len(names) - 0.4, -0.6))
    ax.set_xticks(np.linspace(0, 1, 5), [f"{share:.0f} %" for share in np.linspace(0, 100, 5)])
    ax.set_xlabel("share of its columns that was kept", color=_MUTED, size=9)
    return _plain(ax, "x")


def _axes(ax: Axes | None, width: float, height: float) -> Axes:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained").subplots() if ax is None else ax


def _plain(ax: Axes, grid: Any) -> Axes:
    ax.grid(axis=grid, color=_GRID, linewidth=0.7)
    ax.set_axisbelow(True)
    ax.tick_params(length=0, labelsize=8.5, labelcolor=_INK)
    ax.spines[:].set_visible(False)
    return ax
