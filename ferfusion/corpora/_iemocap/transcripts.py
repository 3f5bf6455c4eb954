"""Transcripts: the words of each utterance, and when they were said."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from ferfusion.corpora._iemocap.names import Faults, name_of, read_text

__all__ = ["Line", "read_transcript"]

_LINE = re.compile(
    r"(?P<id>Ses\S+)\s+\[\s*(?P<start>[\d.]+)\s*-\s*(?P<end>[\d.]+)\s*\]\s*:?(?P<text>.*)", re.IGNORECASE
)
_SHOWN = 60  # letters of a line that are shown where it cannot be read


class Line(NamedTuple):
    """One line: its start and end in the dialogue in seconds, and what is said (None if nothing is written)."""

    start: float
    end: float
    text: str | None


def read_transcript(path: Path, dialogue: str) -> tuple[dict[str, Line], Faults]:
    """Read one file of ``dialog/transcriptions``.

    Parameters
    ----------
    path : Path
        The file.
    dialogue : str
        Its dialogue, to name faults that belong to no utterance.

    Returns
    -------
    lines : dict of str to Line
        By utterance. Words that belong to none are left out: lines that begin with something else, and those
        numbered ``XX``, which nobody rated.
    faults : list of (str, str)
        Lines that cannot be read, and second ones of an utterance.
    """
    lines: dict[str, Line] = {}
    faults: Faults = []
    for number, line in enumerate(read_text(path), 1):
        text = line.strip()
        first = text.split(maxsplit=1)[0] if text else ""
        if not first.lower().startswith("ses") or "XX" in first.upper():
            continue
        match = _LINE.fullmatch(text)
        name, times = name_of(first), _times(match)
        if match is None or name is None or times is None:
            id_ = name.id if name else dialogue
            faults.append((id_, f"line {number} of the transcript {path.name} cannot be read: {text[:_SHOWN]!r}"))
        elif name.id in lines:
            faults.append((name.id, f"line {number} of the transcript {path.name} is a second one and was left out"))
        else:
            lines[name.id] = Line(*times, match["text"].strip() or None)
    return lines, faults


def _times(match: re.Match[str] | None) -> tuple[float, float] | None:
    try:
        return (float(match["start"]), float(match["end"])) if match else None
    except ValueError:
        return None
