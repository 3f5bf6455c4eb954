"""Views that are missing at random."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.errors import FeatureError, ProtocolError
from ferfusion.base.table import MODALITIES, columns_of, has_frames, match_views, origin_column, views_of
from ferfusion.evaluation.corruption.chance import uniform_of

__all__ = ["expect_removable", "lost_rows", "remove_at_random", "without_values"]

# what a modality is computed from; words are the timed ones
_MATERIAL = {"audio": ("audio",), "text": ("text", "words"), "visual": ("video",)}


def lost_rows(ids: Iterable[Any], name: str, share: float, seed: int = 0) -> np.ndarray:
    """Utterances that lose a view or modality.

    Each is met with probability ``share``, by its own number: whoever loses a view at some share loses it at every
    higher one, and other rows of the table change nothing.

    Parameters
    ----------
    ids : iterable of str
        Utterances.
    name : str
        View or modality.
    share : float
        0 to 1.
    seed : int, default=0
        Another seed meets others.

    Returns
    -------
    ndarray of bool, shape (n_utterances,)

    Raises
    ------
    ProtocolError
        If the share is no share.
    """
    if not 0 <= share <= 1:
        message = f"The share of utterances that lack {name!r} must lie between 0 and 1, not {share!r}."
        raise ProtocolError(message)
    return uniform_of(seed, f"missing {name}", ids) < share


def remove_at_random(X: pd.DataFrame, shares: Mapping[str, float], seed: int = 0) -> pd.DataFrame:
    """Table in which some utterances lack some views, values and raw material alike.

    Parameters
    ----------
    X : DataFrame
        The table.
    shares : mapping of str to float
        Share of the utterances by view or modality, such as ``{"text": 0.3}``. With a modality the recording, the
        transcript or the video is missing, too; of a single view only its values.
    seed : int, default=0
        Of the draw.

    Returns
    -------
    DataFrame
        Missing is NaN, and None for what is raw or frames.

    Raises
    ------
    ProtocolError
        If a share is no share.
    UnknownNameError
        If a name is neither a view of the table nor a modality of which it holds anything.

    Examples
    --------
    >>> X = pd.DataFrame({"text": ["so good", "so bad"], "visual_au__x": [1.0, 2.0]}, index=["u1", "u2"])
    >>> remove_at_random(X, {"visual": 1.0})["visual_au__x"].isna().tolist()
    [True, True]
    """
    for name, share in shares.items():
        X = without_values(X, name, lost_rows(X.index, name, share, seed))
    return X


def without_values(X: pd.DataFrame, name: str, rows: np.ndarray) -> pd.DataFrame:
    """Table in which the rows lack a view or modality.

    Parameters
    ----------
    X : DataFrame
        The table; stays as it is.
    name : str
        View or modality.
    rows : ndarray of bool, shape (n_utterances,)
        Which rows.

    Returns
    -------
    DataFrame

    Raises
    ------
    UnknownNameError
        If the table holds nothing of this name.
    """
    material = [column for column in _MATERIAL.get(name, ()) if column in X.columns]
    views = match_views(views_of(X), [name], strict=not material)
    if not rows.any():
        return X
    X = X.copy()
    numbers = columns_of(X, [view for view in views if not has_frames(X, view)])
    X[numbers] = X[numbers].mask(np.broadcast_to(rows[:, None], (len(X), len(numbers))))
    blank = [column for column in columns_of(X, views) if column not in set(numbers)]
    if name in MODALITIES:
        blank += [origin_column(view) for view in views if origin_column(view) in X.columns]
    for column in [*blank, *material]:
        X[column] = X[column].astype(object).where(~rows, None)
    return X


def expect_removable(name: str, X: pd.DataFrame, used: Iterable[str]) -> None:
    """Raise where a view is named that is learnt inside the folds: it cannot be taken away without its material.

    Raises
    ------
    FeatureError
        Naming the modality to be given instead.
    """
    if name in used and name not in views_of(X):
        message = f"The view {name!r} is learnt inside the folds. Name its modality, so that its material is missing."
        raise FeatureError(message)
