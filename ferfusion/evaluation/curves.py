"""Pictures of curves: robustness, learning, reliability. Drawn on figures of their own, without a window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ferfusion.base.errors import ProtocolError, UnknownNameError
from ferfusion.evaluation.metrics import METRICS
from ferfusion.evaluation.reliability import expected_calibration_error, reliability_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ferfusion.evaluation.results import Evaluation

__all__ = ["plot_learning_curve", "plot_reliability", "plot_robustness"]

_INK, _MUTED, _GRID = "#1c2430", "#5a6472", "#e3e6ea"
_COLOURS = ("#0b5fa5", "#e07b00", "#3a8f3a", "#b03060", "#6a51a3", "#8c6d31", "#17889a", "#555555")
# what the levels of a curve count, by the end or beginning of its name
_UNITS = {
    "missing": "share of test utterances",
    "white": "signal-to-noise ratio, dB",
    "babble": "signal-to-noise ratio, dB",
    "reverberation": "reverberation time, s",
    "asr": "word error rate",
}


def plot_robustness(curves: pd.DataFrame | Mapping[str, pd.DataFrame], metric: str = "uar", ax: Any = None) -> Axes:
    """Score by how much is missing or how noisy it is, with 95 % intervals; the oracle is dashed.

    Parameters
    ----------
    curves : DataFrame or mapping of str to DataFrame
        As ``robustness_curve`` gives them; several by their name, all of one kind.
    metric : {"uar", "wa", "wf1"}, default="uar"
        Which score.
    ax : Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    Axes
        Worse to the right: a ratio in dB falls from left to right, clean comes first.

    Raises
    ------
    UnknownNameError
        If there is no such metric.
    ProtocolError
        If there is no curve, or curves differ in what was done or in their levels.
    """
    named = _named(curves, metric)
    kinds = {name for table in named.values() for name in table["corruption"]}
    levels = [tuple(table.loc[table["metric"] == metric, "level"]) for table in named.values()]
    if len(kinds) != 1 or len(set(levels)) != 1:
        message = f"Curves in one picture are of one kind and of the same levels, not of {sorted(kinds)}."
        raise ProtocolError(message)
    kind = kinds.pop()
    in_db = kind.startswith(("white", "babble"))
    ax = _axes(ax)
    order = np.argsort(levels[0])[:: -1 if in_db else 1]
    # levels in dB may be infinite, so they are drawn as steps of equal width
    places = np.arange(len(order)) if in_db else np.array(levels[0])[order]
    for colour, (name, table) in zip(_cycle(len(named)), named.items(), strict=True):
        rows = table[table["metric"] == metric].iloc[order]
        _line(ax, places, rows, colour, name)
        if "oracle" in rows.columns:
            label = f"{name}: oracle" if name else "oracle"
            ax.plot(places, rows["oracle"], color=colour, linewidth=1.1, linestyle=(0, (4, 3)), label=label)
    if in_db:
        ax.set_xticks(places, ["clean" if np.isinf(level) else f"{level:g}" for level in np.array(levels[0])[order]])
    elif not kind.startswith("reverberation"):
        from matplotlib.ticker import PercentFormatter

        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    unit = next((unit for key, unit in _UNITS.items() if kind.startswith(key) or kind.endswith(key)), "level")
    return _finished(ax, f"{kind}: {unit}", metric)


def plot_learning_curve(curves: pd.DataFrame | Mapping[str, pd.DataFrame], metric: str = "uar", ax: Any = None) -> Axes:
    """Score by the number of training speakers, with 95 % intervals.

    Parameters
    ----------
    curves : DataFrame or mapping of str to DataFrame
        As ``learning_curve`` gives them; several by their name.
    metric : {"uar", "wa", "wf1"}, default="uar"
        Which score.
    ax : Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    Axes

    Raises
    ------
    UnknownNameError
        If there is no such metric.
    ProtocolError
        If there is no curve.
    """
    named = _named(curves, metric)
    ax = _axes(ax)
    for colour, (name, table) in zip(_cycle(len(named)), named.items(), strict=True):
        rows = table[table["metric"] == metric].sort_values("speakers")
        _line(ax, rows["speakers"].to_numpy(), rows, colour, name)
    return _finished(ax, "training speakers", metric)


def plot_reliability(evaluation: Evaluation, n_bins: int = 10, bins: Any = "width", ax: Any = None) -> Axes:
    """Accuracy by confidence; on the diagonal the probabilities mean what they say. Bars grow with the utterances.

    Parameters
    ----------
    evaluation : Evaluation
        What was found.
    n_bins, bins
        As for ``reliability_table``.
    ax : Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    Axes
    """
    table = reliability_table(evaluation, n_bins, bins)
    error = expected_calibration_error(evaluation, n_bins, bins)
    table = table[table["n"] > 0]
    ax = _axes(ax, 4.4, 4.2)
    ax.plot([0, 1], [0, 1], color=_MUTED, linewidth=0.9, linestyle=(0, (4, 3)), label="as sure as right")
    # at the bottom: how many utterances each bin holds, the fullest one a quarter of the height
    share = 0.25 * table["n"] / table["n"].max()
    width = (table["high"] - table["low"]).clip(lower=0.01)
    ax.bar(table["low"], share, width=width, align="edge", color="#dfe7ef", edgecolor="white", label="utterances")
    ax.plot(table["confidence"], table["accuracy"], "o-", color=_COLOURS[0], linewidth=1.6, markersize=4.5)
    ax.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal")
    ax.set_xlabel("confidence", size=9, color=_MUTED)
    ax.set_ylabel("accuracy", size=9, color=_MUTED)
    ax.set_title(f"expected calibration error {error:.3f}", size=9, color=_INK, loc="left")
    ax.legend(frameon=False, fontsize=8, loc="upper left")
    return _plain(ax)


def _named(curves: Any, metric: str) -> dict[str, pd.DataFrame]:
    if metric not in METRICS:
        raise UnknownNameError("metric", metric, METRICS)
    named = dict(curves) if isinstance(curves, Mapping) else {"": curves}
    if not named or any(table.empty for table in named.values()):
        message = "There is no curve to draw."
        raise ProtocolError(message)
    return named


def _cycle(n: int) -> list[str]:
    return [_COLOURS[place % len(_COLOURS)] for place in range(n)]


def _line(ax: Axes, places: np.ndarray, rows: pd.DataFrame, colour: str, name: str) -> None:
    ax.fill_between(places, rows["low"].to_numpy(), rows["high"].to_numpy(), color=colour, alpha=0.13, linewidth=0)
    ax.plot(places, rows["value"].to_numpy(), "o-", color=colour, linewidth=1.7, markersize=4, label=name or "system")


def _axes(ax: Any, width: float = 5.6, height: float = 3.6) -> Axes:
    from matplotlib.figure import Figure  # who asks for no picture need not wait for it

    return Figure(figsize=(width, height), layout="constrained").subplots() if ax is None else ax


def _finished(ax: Axes, label: str, metric: str) -> Axes:
    ax.set_xlabel(label, size=9, color=_MUTED)
    ax.set_ylabel(metric.upper(), size=9, color=_MUTED)
    ax.legend(frameon=False, fontsize=8)
    return _plain(ax)


def _plain(ax: Axes) -> Axes:
    ax.grid(color=_GRID, linewidth=0.7)
    ax.set_axisbelow(True)
    ax.tick_params(length=0, labelsize=8.5, labelcolor=_INK)
    ax.spines[:].set_visible(False)
    return ax
