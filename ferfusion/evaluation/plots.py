"""Pictures of an evaluation, drawn on figures of their own: no window, no global state."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
from matplotlib import style
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ferfusion.evaluation.results import Evaluation

__all__ = ["inline_svg", "plot_classes", "plot_confusion"]

# One hue from light to dark reads the same with every kind of colour vision and in grey; so do this blue and orange.
_SHARES = LinearSegmentedColormap.from_list("shares", ["#f3f7fb", "#a9cbe8", "#3d85c0", "#0b4f8a", "#06305a"])
_RECALL, _PRECISION = "#0b5fa5", "#f0a830"
_INK, _MUTED, _EMPTY = "#1c2430", "#5a6472", "#ececec"
# a number is read even where the line of the mean passes
_OVER_LINE = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}
_LONGEST = 20


def plot_confusion(evaluation: Evaluation, ax: Axes | None = None) -> Axes:
    """Confusion matrix; colours and percentages are shares of each true emotion, small numbers are utterances.

    Parameters
    ----------
    evaluation : Evaluation
        What to show.
    ax : Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    Axes
        Its ``figure`` has ``savefig`` and shows itself in a notebook.
    """
    names, counts = evaluation.classes, evaluation.confusion.to_numpy()
    n, support = len(names), counts.sum(axis=1)
    cell, size = (0.6, 9.0) if n <= 9 else (0.5, 7.5)
    labels = [_label(name) for name in names]
    rows = [f"{label} ({number})" for label, number in zip(labels, support, strict=True)]
    # a horizontal name needs about 0.08 inch a letter
    slanted = max(map(len, labels)) * 0.08 > cell
    side = max(cell * n, 1.6)
    if ax is None:
        below = 0.5 + (0.055 * max(map(len, labels)) if slanted else 0.15)
        ax = Figure(figsize=(side + 0.4 + 0.08 * max(map(len, rows)), side + below), layout="constrained").subplots()
    share = counts / np.maximum(support, 1)[:, None]
    ax.pcolormesh(share, cmap=_SHARES, vmin=0, vmax=1, edgecolors="white", linewidth=1.2)
    for i, j in np.ndindex(n, n):
        if support[i]:
            _cell(ax, i, j, int(counts[i, j]), int(support[i]), size)
    for i in np.flatnonzero(support == 0):
        ax.add_patch(Rectangle((0.0, float(i)), n, 1, facecolor=_EMPTY, edgecolor="white", linewidth=1.2))
        ax.text(n / 2, i + 0.5, "no utterances", ha="center", va="center", size=size - 1.5, color=_MUTED)
    centres = np.arange(n) + 0.5
    turn: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    ax.set_xticks(centres, labels, size=size, color=_INK, parse_math=False, **turn)
    ax.set_yticks(centres, rows, size=size, color=_INK, parse_math=False)
    ax.set(xlim=(0, n), ylim=(n, 0), aspect="equal")
    ax.set_xlabel("predicted", size=size, color=_MUTED)
    ax.set_ylabel("true (utterances)", size=size, color=_MUTED)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def plot_classes(evaluation: Evaluation, ax: Axes | None = None) -> Axes:
    """Recall and precision of each emotion as bars, with the number of its utterances.

    Parameters
    ----------
    evaluation : Evaluation
        What to show.
    ax : Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    Axes
        Its ``figure`` has ``savefig`` and shows itself in a notebook.
    """
    table, called = evaluation.by_class, evaluation.confusion.to_numpy().sum(axis=0)
    n, support = len(table), table["support"].to_numpy()
    rows = [f"{_label(str(name))} ({number})" for name, number in zip(table.index, support, strict=True)]
    if ax is None:
        width = 3.1 + 0.08 * max(map(len, rows))
        ax = Figure(figsize=(width, 0.7 + (0.58 if n <= 9 else 0.45) * max(n, 3)), layout="constrained").subplots()
    places = np.arange(n)
    bars = (
        ("recall", _RECALL, -0.19, support, "no utterances"),
        ("precision", _PRECISION, 0.19, called, "never predicted"),
    )
    for name, colour, shift, among, lacking in bars:
        values = table[name].to_numpy()
        ax.barh(places + shift, values, height=0.36, color=colour, label=name)
        for place, value, number in zip(places + shift, values, among, strict=True):
            said = _percent(value) if number else lacking
            colour = _INK if number else _MUTED
            ax.text(value + 0.015, place, said, va="center", size=7.5, color=colour, bbox=_OVER_LINE)
    mean = float(evaluation.scores.loc["uar", "value"])
    ax.axvline(mean, color=_INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0, label="mean recall (UAR)")
    ax.set_yticks(places, rows, size=9, color=_INK, parse_math=False)
    ax.set(xlim=(0, 1.15), ylim=(n - 0.45, -0.55))
    ax.set_xticks(np.linspace(0, 1, 5))
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    ax.tick_params(length=0, labelcolor=_INK)
    ax.tick_params(axis="x", labelsize=7.5, labelcolor=_MUTED)
    ax.grid(axis="x", color="#e3e6ea", linewidth=0.7)
    ax.set_axisbelow(True)
    ax.spines[:].set_visible(False)
    handles = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    order = [name for name, *_ in bars] + ["mean recall (UAR)"]
    place = {"loc": "lower right", "bbox_to_anchor": (1.01, 1), "borderaxespad": 0.2}
    ax.legend([handles[name] for name in order], order, ncols=3, frameon=False, fontsize=7.5, handlelength=1.4, **place)
    return ax


def inline_svg(
    plot: Callable[[Evaluation], Any], evaluation: Evaluation, name: str, title: str, description: str
) -> str:
    """Picture as an ``svg`` element to be put into a page.

    Parameters
    ----------
    plot : callable
        Takes the evaluation, returns axes.
    evaluation : Evaluation
        What to show.
    name : str
        Prefix of all ids in the picture: two pictures in a page must not share any.
    title, description : str
        What a screen reader says.

    Returns
    -------
    str
        The same bytes for the same evaluation; scales to the width it is given, refers to nothing outside.
    """
    stream = BytesIO()
    # a user's style must not change the page, and letters that matplotlib's font lacks come from the reader's fonts
    settings: dict[Any, Any] = {"svg.hashsalt": name, "svg.fonttype": "none"}
    with style.context("default"), matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        plot(evaluation).figure.savefig(stream, format="svg", metadata={"Date": None}, transparent=True)
    return _embedded(ElementTree.fromstring(stream.getvalue()), name, title, description)


def _cell(ax: Axes, i: int, j: int, count: int, support: int, size: float) -> None:
    if count == 0:
        ax.text(j + 0.5, i + 0.5, "0", ha="center", va="center", size=size - 2, color=_MUTED)
        return
    colour = _readable(count / support)
    weight = "bold" if i == j else "normal"
    ax.text(
        j + 0.5, i + 0.4, _percent(count / support), ha="center", va="center", size=size, color=colour, weight=weight
    )
    ax.text(j + 0.5, i + 0.74, str(count), ha="center", va="center", size=size - 2, color=colour)


def _readable(share: float) -> str:
    """Dark or white letters, whichever stands out more from the colour of a share (WCAG's relative luminance)."""
    rgb = np.array(_SHARES(share)[:3])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return "#000000" if linear @ (0.2126, 0.7152, 0.0722) > 0.179 else "#ffffff"


def _percent(share: float) -> str:
    # one mistake in a thousand is neither none nor nothing but mistakes
    if 0 < share < 0.005:
        return "<1 %"
    if 0.995 <= share < 1:
        return ">99 %"
    return f"{100 * share:.0f} %"


def _label(name: str) -> str:
    """Name that fits beside a picture: no control characters, the middle of long ones left out."""
    clean = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    # long names of a family tend to share their beginning
    return clean if len(clean) <= _LONGEST else f"{clean[:10]}…{clean[-9:]}"


def _embedded(root: ElementTree.Element, name: str, title: str, description: str) -> str:
    for element in root.iter():
        element.tag = element.tag.rsplit("}", 1)[-1]
        for key in list(element.attrib):
            value = element.attrib.pop(key)
            if key == "id":
                value = f"{name}-{value}"
            elif key.endswith("href"):
                value = value.replace("#", f"#{name}-")
            elif key == "style":
                # letters take the page's font
                value = re.sub(r"font-family: [^;]*(; )?", "", value)
            element.set(key.rsplit("}", 1)[-1], value.replace("url(#", f"url(#{name}-"))
    for child in [child for child in root if child.tag == "metadata"]:
        root.remove(child)
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag == "style"]:
            # its one rule would hold for the whole page
            root.set("style", "stroke-linejoin: round; stroke-linecap: butt")
            parent.remove(child)
    width = float(root.attrib.pop("width").removesuffix("pt"))
    root.attrib.pop("height", None)
    root.set("style", f"{root.get('style', '')}; --natural: {width * 4 / 3:.0f}px")
    root.attrib.update({"role": "img", "aria-labelledby": f"{name}-title {name}-description"})
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(tag, {"id": f"{name}-{'title' if tag == 'title' else 'description'}"})
        element.text = text
        root.insert(position, element)
    return ElementTree.tostring(root, encoding="unicode")
