"""Errors: each says what was given, what is allowed and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

__all__ = [
    "AudioError",
    "CorpusError",
    "ExportError",
    "FeatureError",
    "FerfusionError",
    "LearntViewError",
    "MissingDependencyError",
    "ModelFileError",
    "ProtocolError",
    "SelectionError",
    "TableError",
    "UnknownNameError",
    "UntrustedModelError",
    "ViewConflictError",
    "closest",
    "shorten",
]


class FerfusionError(Exception):
    """Root of the library's own errors; the command line prints them without a traceback."""


class TableError(FerfusionError, ValueError):
    """The table breaks its grammar (duplicate ids, infinite values, missing columns, ...)."""


class AudioError(FerfusionError, ValueError):
    """A recording cannot be used (missing, empty, not audio, silent, NaN samples, too short)."""


class FeatureError(FerfusionError, ValueError):
    """Features cannot be computed or do not fit the request."""


class ViewConflictError(FerfusionError, ValueError):
    """A view of this name is there already, made by an extractor with other parameters."""


class LearntViewError(FerfusionError, ValueError):
    """The table carries columns that were learnt from data and so cannot be split any more."""


class CorpusError(FerfusionError, ValueError):
    """A folder does not hold the corpus it should, or only a part of it."""


class ProtocolError(FerfusionError, ValueError):
    """Folds cannot be made as asked (one speaker only, rows in two test parts, ...)."""


class SelectionError(FerfusionError, ValueError):
    """Columns cannot be chosen as asked (one class only, no subset left, a checkpoint of another search, ...)."""


class ModelFileError(FerfusionError, ValueError):
    """A file is not a model that this library can read."""


class UntrustedModelError(ModelFileError):
    """A model file could run code on loading, and nobody said that it is trusted."""


class ExportError(FerfusionError, ValueError):
    """A fitted system, or a part of it, cannot be written in the form asked for."""


class MissingDependencyError(FerfusionError, ImportError):
    """An optional package is not installed."""


class UnknownNameError(FerfusionError, ValueError, KeyError):
    """A name is not among those known; the message offers the nearest one.

    Parameters
    ----------
    kind : str
        What was to be named, such as ``"system"``.
    given : object
        The name that was given.
    allowed : iterable of str
        The names there are.
    """

    def __init__(self, kind: str, given: object, allowed: Iterable[str]) -> None:
        names = sorted(str(name) for name in allowed)
        near = closest(given, names)
        hint = f" Did you mean {near!r}?" if near else ""
        message = f"Unknown {kind} {given!r}.{hint} There are: {', '.join(names) or 'none'}."
        super().__init__(message)
        self.kind, self.given, self.allowed = kind, given, names

    def __str__(self) -> str:
        # KeyError would show the repr of the message
        return str(self.args[0])

    def __reduce__(self) -> tuple[type, tuple[str, object, list[str]]]:
        # worker processes hand errors back by pickle, which calls __init__ with these
        return type(self), (self.kind, self.given, self.allowed)


def closest(given: object, names: Sequence[str]) -> str | None:
    """Nearest known name to a mistyped one, or None.

    Parameters
    ----------
    given : object
        What was typed.
    names : sequence of str
        What could have been meant.

    Returns
    -------
    str or None
    """
    lowered = {name.lower(): name for name in names}
    found = get_close_matches(str(given).lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def shorten(items: Iterable[object], n: int = 5) -> str:
    """First few items as text, and how many more there are.

    Parameters
    ----------
    items : iterable
        What to list.
    n : int, default=5
        How many to spell out.

    Returns
    -------
    str

    Examples
    --------
    >>> shorten(["a", "b", "c"], n=2)
    "'a', 'b' and 1 more"
    """
    listed = [repr(str(item)) for item in items]
    more = f" and {len(listed) - n} more" if len(listed) > n else ""
    return ", ".join(listed[:n]) + more
