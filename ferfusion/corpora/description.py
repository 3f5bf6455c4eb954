"""A corpus in numbers and as a picture: how much, who, which classes, how long, what is missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from ferfusion.base.errors import AudioError
from ferfusion.base.table import present_rows, texts_of, views_of
from ferfusion.features.audio.reading import Recording, sound_info
from ferfusion.features.sources import recordings_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ferfusion.corpora.corpus import Corpus

__all__ = ["Description", "describe"]

_BLUE, _INK, _MUTED = "#0b5fa5", "#1c2430", "#5a6472"
_MOST_BARS = 24  # speakers beyond this are shown as a histogram of their utterances
_LEAST_BARS = 6
_UNLABELLED = "(no label)"
_NO_SOUND = (np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Description:
    """What a corpus holds.

    Parameters
    ----------
    name, title : str
        Of the corpus.
    n_utterances : int
        Rows.
    hours : float
        Of sound that could be opened.
    classes : dict
        Utterances by label.
    speakers : dict
        Utterances by speaker.
    durations : Series
        Seconds by id; missing where there is no sound or it cannot be opened.
    sampling_rates, channels : dict
        Recordings by sampling rate in hertz, and by number of channels.
    missing : dict
        Rows without sound, without text, and without each view.
    unreadable : int
        Recordings that could not be opened.
    expected_rate : int or None
        Sampling rate of the owner's recordings, in hertz.
    notes : tuple of str
        What the loader said.
    """

    name: str
    title: str
    n_utterances: int
    hours: float
    classes: dict[str, int]
    speakers: dict[str, int]
    durations: pd.Series
    sampling_rates: dict[int, int]
    channels: dict[int, int]
    missing: dict[str, int]
    unreadable: int = 0
    expected_rate: int | None = None
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON; of the durations their quantiles."""
        found = {name: value for name, value in vars(self).items() if name != "durations"}
        return found | {"durations": self._quantiles(), "notes": list(self.notes)}

    def _quantiles(self) -> dict[str, float]:
        known = self.durations.dropna()
        if known.empty:
            return {}
        names = {"shortest": 0, "quarter": 0.25, "median": 0.5, "three_quarters": 0.75, "longest": 1}
        return {name: round(float(known.quantile(q)), 3) for name, q in names.items()} | {
            "mean": round(float(known.mean()), 3)
        }

    def __str__(self) -> str:
        lines = [f"{self.title} ({self.name})", f"utterances  {self.n_utterances}"]
        if self.classes:
            lines.append(f"classes     {_counts(self.classes)}")
        if self.speakers:
            least, most = min(self.speakers.values()), max(self.speakers.values())
            lines.append(f"speakers    {len(self.speakers)}, with {least} to {most} utterances each")
        lines += self._sound_lines()
        gaps = {what: count for what, count in self.missing.items() if count}
        lines.append(f"missing     {_counts(gaps)}" if gaps else "missing     nothing")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def _sound_lines(self) -> list[str]:
        q = self._quantiles()
        if not q:
            return ["sound       none"]
        rates = ", ".join(f"{rate} Hz ({count})" for rate, count in self.sampling_rates.items())
        if self.expected_rate and set(self.sampling_rates) != {self.expected_rate}:
            rates += f"; the owner's recordings have {self.expected_rate} Hz: this copy was converted"
        lines = [
            f"sound       {self.hours:.2f} h; {q['shortest']:.2f} to {q['longest']:.2f} s, median {q['median']:.2f} s",
            f"sampled at  {rates}",
            f"channels    {', '.join(f'{n} ({count})' for n, count in self.channels.items())}",
        ]
        return [*lines, f"unreadable  {self.unreadable} recordings"] if self.unreadable else lines

    def plot(self, path: str | Path | None = None) -> Figure:
        """Picture of classes, speakers, durations and gaps.

        Parameters
        ----------
        path : str or Path, optional
            Where to save it; its ending says the format.

        Returns
        -------
        Figure
            As the last line of a notebook's cell it is shown.
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=(10, 6.5), layout="constrained")
        (first, second), (third, fourth) = figure.subplots(2, 2)
        figure.suptitle(f"{self.title}: {self.n_utterances} utterances", color=_INK, fontsize=12)
        _bars(first, self.classes, "utterances by class")
        if len(self.speakers) > _MOST_BARS:
            _histogram(
                second, np.array(list(self.speakers.values())), f"{len(self.speakers)} speakers: utterances each"
            )
        else:
            _bars(second, self.speakers, "utterances by speaker")
        _histogram(third, self.durations.dropna().to_numpy(), f"durations in seconds ({self.hours:.2f} h)")
        shares = {what: self.n_utterances - count for what, count in self.missing.items()}
        _bars(fourth, shares, f"rows that have it, of {self.n_utterances}", limit=self.n_utterances)
        if path is not None:
            figure.savefig(path, dpi=150)
        return figure


def describe(corpus: Corpus, *, progress: bool = True) -> Description:
    """Count what a corpus holds; sound files are opened, not read.

    Parameters
    ----------
    corpus : Corpus
        The corpus.
    progress : bool, default=True
        Show a bar while files are opened (never where there is no terminal).

    Returns
    -------
    Description
    """
    X, y = corpus.X, corpus.y
    sounds, unreadable = _sounds(X, progress)
    labels = pd.Series([], dtype=object) if y is None else y.astype(object).where(y.notna(), _UNLABELLED)
    speakers = X["speaker"].dropna().astype(str) if "speaker" in X else pd.Series([], dtype=object)
    return Description(
        name=corpus.card.name,
        title=corpus.card.title,
        n_utterances=len(X),
        hours=float(sounds["seconds"].sum() / 3600),
        classes=_tally(labels),
        speakers=_tally(speakers),
        durations=sounds["seconds"],
        sampling_rates={int(rate): n for rate, n in sounds["rate"].dropna().value_counts().items()},
        channels={int(channels): n for channels, n in sounds["channels"].dropna().value_counts().items()},
        missing=_missing(X),
        unreadable=unreadable,
        expected_rate=corpus.card.sampling_rate,
        notes=corpus.notes,
    )


def _sounds(X: pd.DataFrame, progress: bool) -> tuple[pd.DataFrame, int]:
    rows: list[tuple[float, float, float]] = []
    unreadable = 0
    recordings = recordings_of(X)
    for recording in tqdm(recordings, desc="opening", unit="rec", disable=None if progress else True, leave=False):
        rows.append(_NO_SOUND)
        if recording is None:
            continue
        try:
            rows[-1] = _sound(recording)
        except AudioError:
            unreadable += 1
    return pd.DataFrame(rows, index=X.index, columns=["seconds", "rate", "channels"]), unreadable


def _sound(recording: Recording) -> tuple[float, float, float]:
    if isinstance(recording.source, np.ndarray):
        rate = float(recording.sampling_rate or np.nan)
        whole, channels = len(recording.source) / rate, 1
    else:
        info = sound_info(recording.source)
        whole, rate, channels = info.duration, info.sampling_rate, info.channels
    start = recording.start or 0.0
    end = whole if recording.end is None else min(recording.end, whole)
    return max(0.0, end - start), rate, channels


def _missing(X: pd.DataFrame) -> dict[str, int]:
    gaps = {}
    if "audio" in X.columns:
        gaps["audio"] = sum(recording is None for recording in recordings_of(X))
    if "text" in X.columns:
        gaps["text"] = sum(text is None for text in texts_of(X))
    if "video" in X.columns:
        gaps["video"] = int(X["video"].isna().sum())
    return gaps | {view: int((~present_rows(X, view)).sum()) for view in views_of(X)}


def _tally(values: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in values.value_counts().sort_index().items()}


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _bars(ax: Any, counts: dict[str, int], title: str, limit: int | None = None) -> None:
    _style(ax, title)
    if not counts:
        ax.set_axis_off()
        ax.text(0.5, 0.5, f"{title}: none", ha="center", va="center", color=_MUTED, transform=ax.transAxes)
        return
    names, values = list(counts), list(counts.values())
    drawn = ax.barh(range(len(names)), values, color=_BLUE, height=0.7)
    ax.bar_label(drawn, padding=3, color=_INK, fontsize=8)
    ax.set_yticks(range(len(names)), names, fontsize=8 if len(names) > 12 else 9)
    ax.set_xlim(0, 1.12 * (limit or max(values)))
    ax.set_ylim(max(len(names), _LEAST_BARS) - 0.5, -0.5)  # from top to bottom; two bars are not walls


def _histogram(ax: Any, values: np.ndarray, title: str) -> None:
    if len(values) == 0:
        _bars(ax, {}, title)
        return
    _style(ax, title)
    ax.hist(values, bins=min(40, max(5, int(np.sqrt(len(values))))), color=_BLUE, edgecolor="white", linewidth=0.5)
    ax.axvline(float(np.median(values)), color=_INK, linewidth=1)
    ax.annotate(
        f"median {np.median(values):.3g}", (float(np.median(values)), 0.97), xycoords=("data", "axes fraction"),
        xytext=(4, 0), textcoords="offset points", va="top", fontsize=8, color=_INK,
    )  # fmt: skip


def _style(ax: Any, title: str) -> None:
    ax.set_title(title, fontsize=10, color=_INK, loc="left")
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(colors=_MUTED, labelsize=9)
