"""Forms of feature files of whole dialogues: which parts they have, told by how these look."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ferfusion.base.errors import CorpusError
from ferfusion.base.table import MODALITIES, modality_of

__all__ = ["FORMS", "find_form", "is_view", "kind_of", "look_of"]

_FOUR = "text_erc1 text_erc2 text_erc3 text_erc4"
_THREE = "text_erc audio_erc visual_erc"
_ALL = f"{_FOUR} audio_erc visual_erc"
# name of the form -> what its parts are, in order
FORMS = {
    "MMGCN and DialogueRNN for IEMOCAP": f"ids speakers labels {_THREE} sentences train test",
    "MMGCN for MELD": f"ids speakers labels {_THREE} sentences train test rest",
    "DialogueRNN for MELD": "ids speakers labels text_erc audio_erc sentences train test rest",
    "four layers of text beside sound and image, for IEMOCAP": f"ids speakers labels {_ALL} sentences train test",
    "four layers of text beside sound and image, for MELD": f"ids speakers labels {_ALL} sentences train test rest",
    "COSMIC for IEMOCAP": f"speakers labels {_FOUR} sentences train test dev",
    "COSMIC for MELD": f"speakers labels rest {_FOUR} sentences train test dev",
    "GCNet, labels without features": "ids labels speakers sentences train test",
}
# how a part may look; a view has vectors, "rest" may be anything
_KINDS = {
    "ids": ("texts", "numbers"),
    "speakers": ("texts", "numbers", "vectors"),
    "labels": ("numbers",),
    "sentences": ("texts",),
    **dict.fromkeys(("train", "test", "dev"), ("dialogues",)),
}


def find_form(value: Any, path: Path) -> tuple[str, dict[str, Any]]:
    """Form of a file and its parts by what they are.

    Parameters
    ----------
    value : object
        What the file holds.
    path : Path
        The file, for messages.

    Returns
    -------
    form : str
        One of ``FORMS``.
    parts : dict
        By role.

    Raises
    ------
    CorpusError
        If no form has as many parts that look like these.
    """
    if not isinstance(value, (tuple, list)):
        message = f"{path} holds a {look_of(value)}, expected a tuple of dicts by dialogue. Known forms: {_known()}."
        raise CorpusError(message)
    kinds = [kind_of(part) for part in value]
    for form, text in FORMS.items():
        roles = text.split()
        if len(roles) == len(kinds) and all(_fits(role, kind) for role, kind in zip(roles, kinds, strict=True)):
            return form, dict(zip(roles, value, strict=True))
    found = ", ".join(look_of(part) for part in value)
    message = f"{path} holds {len(value)} parts, which make none of the known forms: {found}. Known: {_known()}."
    raise CorpusError(message)


def is_view(role: str) -> bool:
    """Whether a part holds features."""
    return modality_of(role) in MODALITIES


def kind_of(part: Any) -> str:
    """What a part holds: dialogues, or by dialogue texts, numbers, vectors."""
    if isinstance(part, Mapping):
        kinds = {_kind_of_values(values) for values in part.values() if not _empty(values)}
        return kinds.pop() if len(kinds) == 1 else "several things" if kinds else "nothing"
    return "dialogues" if isinstance(part, (list, tuple, set, frozenset, np.ndarray)) else type(part).__name__


def look_of(part: Any) -> str:
    """How a part looks, in a few words."""
    length = f" of {len(part)}" if hasattr(part, "__len__") else ""
    return f"{type(part).__name__}{length}" + (f" with {kind_of(part)}" if isinstance(part, Mapping) else "")


def _known() -> str:
    return "; ".join(f"{form} ({text})" for form, text in FORMS.items())


def _fits(role: str, kind: str) -> bool:
    return role == "rest" or kind in _KINDS.get(role, ("vectors",))


def _kind_of_values(values: Any) -> str:
    depth = _depth(values)
    if depth == 0:
        return type(values).__name__
    if depth > 1:
        return "vectors" if depth == 2 else "larger arrays"
    first = values[0]
    if isinstance(first, (str, bytes)):
        return "texts"
    return "numbers" if isinstance(first, (int, float, np.number)) else type(first).__name__


def _empty(values: Any) -> bool:
    return _depth(values) > 0 and len(values) == 0


def _depth(values: Any) -> int:
    """Lists within lists, judged by the first of each: a conversion to an array would cost much."""
    if isinstance(values, np.ndarray):
        return values.ndim
    if isinstance(values, (list, tuple)):
        return 1 + (_depth(values[0]) if values else 0)
    return 0
