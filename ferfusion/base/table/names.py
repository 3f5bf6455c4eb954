"""Names of columns and views. Nobody else splits them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import pandas as pd

from ferfusion.base.errors import UnknownNameError

__all__ = [
    "FRAMES_ENDING",
    "LEARNT",
    "MODALITIES",
    "SEPARATOR",
    "columns_of",
    "facts_of",
    "feature_of",
    "is_feature",
    "match_views",
    "modality_of",
    "numbers_only",
    "origin_column",
    "view_of",
    "views_of",
]

MODALITIES = ("audio", "text", "visual")
SEPARATOR = "__"
FRAMES_ENDING = SEPARATOR + "frames"
_ORIGIN = "@origin"
LEARNT = "learnt"  # origin of values that a fitted estimator made


def is_feature(column: object) -> bool:
    """Whether a column name is that of a feature.

    Examples
    --------
    >>> is_feature("audio_egemaps__F0mean"), is_feature("speaker")
    (True, False)
    """
    return isinstance(column, str) and SEPARATOR in column


def view_of(column: str) -> str:
    """View to which a feature column belongs.

    Examples
    --------
    >>> view_of("visual_au__AU01_intensity")
    'visual_au'
    """
    return column.split(SEPARATOR, 1)[0]


def feature_of(column: str) -> str:
    """Name of a feature column within its view; a name without a view stays as it is.

    Examples
    --------
    >>> feature_of("visual_au__AU01_intensity"), feature_of("F0mean")
    ('AU01_intensity', 'F0mean')
    """
    return column.split(SEPARATOR, 1)[-1]


def modality_of(view: str) -> str:
    """Modality of a view: what stands before the first underscore.

    Examples
    --------
    >>> modality_of("audio_is10")
    'audio'
    """
    return view.split("_", 1)[0]


def views_of(X: pd.DataFrame) -> list[str]:
    """Views of a table, in order of first appearance.

    Parameters
    ----------
    X : DataFrame
        The table.

    Returns
    -------
    list of str
    """
    return list(_layout(tuple(X.columns.tolist())))


@lru_cache(maxsize=64)
def _layout(columns: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Feature columns by view; kept, since tables of thousands of columns pass through a dozen steps."""
    layout: dict[str, list[str]] = {}
    for column in columns:
        if is_feature(column):
            layout.setdefault(view_of(column), []).append(column)
    return {view: tuple(names) for view, names in layout.items()}


def columns_of(X: pd.DataFrame, views: str | Iterable[str] | None = None) -> list[str]:
    """Feature columns of the named views, or of all, view by view.

    Parameters
    ----------
    X : DataFrame
        The table.
    views : str or iterable of str, optional
        Names of views.

    Returns
    -------
    list of str
    """
    layout = _layout(tuple(X.columns.tolist()))
    wanted = layout if views is None else {views} if isinstance(views, str) else set(views)
    return [column for view, columns in layout.items() if view in wanted for column in columns]


def numbers_only(columns: list[str]) -> list[str]:
    """Columns without those of frames."""
    return [column for column in columns if not column.endswith(FRAMES_ENDING)]


def facts_of(X: pd.DataFrame) -> list[str]:
    """Columns that are no features."""
    return [column for column in X.columns.tolist() if not is_feature(column)]


def origin_column(view: str) -> str:
    """Name of the fact column that says how a view's values were made."""
    return view + _ORIGIN


def match_views(views: Iterable[str], patterns: Iterable[str], *, strict: bool = True) -> list[str]:
    """Views named by patterns: a view's own name, or a modality for all of its views.

    Parameters
    ----------
    views : iterable of str
        The views there are.
    patterns : iterable of str
        Names of views or modalities.
    strict : bool, default=True
        Raise where a pattern matches nothing.

    Returns
    -------
    list of str
        In the order of ``views``.

    Raises
    ------
    UnknownNameError
        If a pattern matches nothing and ``strict``.

    Examples
    --------
    >>> match_views(["audio_is10", "audio_egemaps", "text_tfidf"], ["audio"])
    ['audio_is10', 'audio_egemaps']
    """
    listed = list(views)
    chosen: set[str] = set()
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        hits = {view for view in listed if pattern in (view, modality_of(view))}
        if strict and not hits:
            raise UnknownNameError("view", pattern, [*listed, *{modality_of(view) for view in listed}])
        chosen |= hits
    return [view for view in listed if view in chosen]
