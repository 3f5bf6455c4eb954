"""Critical-difference diagram: mean ranks on a line, those that cannot be told apart joined by a bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["joined", "plot_ranks"]

_INK, _MUTED, _BAR = "#1c2430", "#5a6472", "#0b5fa5"
_ROW = 0.32  # inch a system


def joined(ranks: np.ndarray, critical_difference: float) -> list[tuple[int, int]]:
    """Runs of sorted ranks that span less than the critical difference, first and last place of each; none in another.

    Examples
    --------
    >>> joined(np.array([1.0, 1.4, 2.2, 3.0]), 1.0)
    [(0, 1), (1, 2), (2, 3)]
    """
    runs: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = int(np.flatnonzero(ranks - ranks[first] < critical_difference)[-1])
        if last > first and not (runs and runs[-1][1] >= last):
            runs.append((first, last))
    return runs


def plot_ranks(ranks: pd.Series, critical_difference: float, ax: Axes | None = None) -> Axes:
    """Draw the diagram.

    Parameters
    ----------
    ranks : Series
        Mean rank of each system, 1 being the best.
    critical_difference : float
        Of mean ranks.
    ax : Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    Axes
    """
    ordered = ranks.sort_values(kind="stable")
    values, n = ordered.to_numpy(dtype=float), len(ordered)
    runs = joined(values, critical_difference)
    if ax is None:
        ax = Figure(figsize=(6.8, 1.0 + _ROW * (n + 0.6 * len(runs))), layout="constrained").subplots()
    top = 0.5 + 0.6 * len(runs)
    for place, (first, last) in enumerate(runs):
        ax.hlines(0.5 + 0.6 * place, values[first] - 0.03, values[last] + 0.03, color=_BAR, linewidth=3.5)
    for place, (name, value) in enumerate(zip(ordered.index, values, strict=True)):
        depth = top + 0.5 + place
        ax.plot([value, value, n + 0.15], [0, depth, depth], color=_MUTED, linewidth=0.8)
        ax.text(n + 0.2, depth, f"{name}  {value:.2f}", va="center", size=9, color=_INK, parse_math=False)
    ax.plot(values, np.zeros(n), "o", color=_INK, markersize=4.5, clip_on=False)
    ax.hlines(-0.9, 1, 1 + critical_difference, color=_INK, linewidth=1.2)
    ax.text(1, -1.05, f"critical difference {critical_difference:.2f}", size=8, color=_MUTED, va="bottom")
    ax.set(xlim=(0.9, n + 1.9), ylim=(top + n + 0.2, -1.8))
    ax.set_xticks(range(1, n + 1))
    ax.xaxis.tick_top()
    ax.set_xlabel("mean rank (1 is the best)", size=8.5, color=_MUTED)
    ax.xaxis.set_label_position("top")
    ax.tick_params(length=3, labelsize=8.5, labelcolor=_INK)
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    return ax
