"""Names of dialogues and utterances in IEMOCAP, and what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

__all__ = ["Faults", "Name", "dialogue_of", "name_of", "read_text"]

Faults = list[tuple[str, str]]  # an id, and what is wrong with it

_SCENE = r"Ses(?P<session>\d\d)[FM]_(?P<part>impro|script)\d\d[a-z]?(?:_\d[a-z]?)?"
_DIALOGUE = re.compile(_SCENE, re.IGNORECASE)
_UTTERANCE = re.compile(rf"(?P<dialogue>{_SCENE})_(?P<voice>[FM])\d{{3}}", re.IGNORECASE)


class Name(NamedTuple):
    """What the name of an utterance says.

    Parameters
    ----------
    id, dialogue, session : str
        In the owner's spelling, such as ``Ses01F_impro01_M000``, ``Ses01F_impro01``, ``Ses01``.
    voice : str
        ``F`` or ``M``: who speaks. The letter at the session says who wears the markers, which is another matter.
    part : str
        ``improvised`` or ``scripted``.
    """

    id: str
    dialogue: str
    session: str
    voice: str
    part: str


def name_of(text: str) -> Name | None:
    """Utterance by its name, whatever the letter case; None if this is the name of none.

    Parameters
    ----------
    text : str
        Such as ``Ses01F_impro01_M000``.

    Returns
    -------
    Name or None
    """
    match = _UTTERANCE.fullmatch(text)
    if match is None:
        return None
    dialogue, last = _spelt(match["dialogue"]), text[-4:].upper()
    part = "improvised" if match["part"].lower() == "impro" else "scripted"
    return Name(f"{dialogue}_{last}", dialogue, dialogue[:5], last[0], part)


def dialogue_of(text: str) -> str | None:
    """Name of a dialogue in the owner's spelling; None if this is the name of none."""
    return _spelt(text) if _DIALOGUE.fullmatch(text) else None


def _spelt(dialogue: str) -> str:
    # Ses01F_script01_1b
    return "Ses" + dialogue[3:6].upper() + dialogue[6:].lower()


def read_text(path: Path) -> list[str]:
    """Lines of a text file; a few of the release hold bytes that are no UTF-8."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace").splitlines()
