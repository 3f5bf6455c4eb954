"""How far an utterance's view can be trusted, from a column of numbers such as a signal-to-noise ratio, as a weight.

What is high and low is learnt from the training rows. A better view must have the higher number: turn a column round
(``-X["word_error_rate"]``) where it is the other way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit

from ferfusion.base.errors import TableError, UnknownNameError
from ferfusion.base.table import check_table

__all__ = ["QUALITY_MAPS", "QualityMap", "as_quality_map", "quality_of"]

_MIDDLE = 0.5  # weight of the median, and so of whatever is not known
_LEAST = 1e-3  # no quality silences a branch: where it is alone, it is still heard
_SHARES = np.linspace(0, 1, 101)
Learnt = dict[str, np.ndarray]


class QualityMap(NamedTuple):
    """A map from quality to weight.

    Parameters
    ----------
    fit : callable
        From finite numbers of the training rows, shape (n_known,), to a dict of arrays.
    apply : callable
        From numbers (NaN where missing, infinite ones allowed), shape (n_utterances,), and this dict to weights in
        0..1.
    """

    fit: Callable[[np.ndarray], Learnt]
    apply: Callable[[np.ndarray, Learnt], np.ndarray]


def fit_logistic(values: np.ndarray) -> Learnt:
    """Median and slope of a logistic curve that runs from 1/4 to 3/4 over the middle half of the training rows.

    Parameters
    ----------
    values : ndarray, shape (n_known,)
        Finite qualities.

    Returns
    -------
    dict of ndarray
        ``middle`` and ``slope``; slope 0 where the middle half is all the same.

    Examples
    --------
    >>> learnt = fit_logistic(np.array([0.0, 10.0, 20.0, 30.0, 40.0]))
    >>> apply_logistic(np.array([10.0, 20.0, 30.0]), learnt).round(2)
    array([0.25, 0.5 , 0.75])
    """
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    slope = 2 * np.log(3) / (high - low) if high > low else 0.0
    return {"middle": np.asarray(middle), "slope": np.asarray(slope)}


def apply_logistic(values: np.ndarray, learnt: Learnt) -> np.ndarray:
    """Weights on the curve of ``fit_logistic``; an unknown quality is the median."""
    if learnt["slope"] == 0:
        return np.full(len(values), _MIDDLE)
    return expit((np.where(np.isnan(values), learnt["middle"], values) - learnt["middle"]) * learnt["slope"])


def fit_rank(values: np.ndarray) -> Learnt:
    """Quantiles of the training rows at every hundredth.

    Parameters
    ----------
    values : ndarray, shape (n_known,)
        Finite qualities.

    Returns
    -------
    dict of ndarray
        ``quantiles``, shape (101,).

    Examples
    --------
    >>> apply_rank(np.array([5.0, -3.0, 99.0]), fit_rank(np.arange(11.0))).round(2).tolist()
    [0.5, 0.0, 1.0]
    """
    return {"quantiles": np.quantile(values, _SHARES)}


def apply_rank(values: np.ndarray, learnt: Learnt) -> np.ndarray:
    """Share of the training rows that are worse, half of those that are as good; an unknown quality is the median."""
    places = learnt["quantiles"]
    # equal quantiles make a step; its middle is half way between what is reached from below and from above
    below = np.searchsorted(places, values, side="left")
    above = np.searchsorted(places, values, side="right")
    ranks = np.where(above > below, 0.5 * (below + above - 1) / (len(places) - 1), np.interp(values, places, _SHARES))
    return np.where(np.isnan(values), _MIDDLE, ranks)


QUALITY_MAPS: dict[str, QualityMap] = {
    "logistic": QualityMap(fit_logistic, apply_logistic),
    "rank": QualityMap(fit_rank, apply_rank),
}


def as_quality_map(quality_map: str | QualityMap) -> QualityMap:
    """Map of a name, or the given one.

    Raises
    ------
    UnknownNameError
        If there is no map of this name.
    """
    if isinstance(quality_map, QualityMap):
        return quality_map
    if quality_map not in QUALITY_MAPS:
        raise UnknownNameError("quality map", quality_map, QUALITY_MAPS)
    return QUALITY_MAPS[quality_map]


def quality_of(X: pd.DataFrame, column: str) -> np.ndarray:
    """Numbers of a quality column.

    Parameters
    ----------
    X : DataFrame
        The table.
    column : str
        A column of facts.

    Returns
    -------
    ndarray of float64, shape (n_utterances,)
        NaN where missing.

    Raises
    ------
    TableError
        If there is no such column, or it holds something that is no number.
    """
    check_table(X, need=[column])
    try:
        numbers = pd.to_numeric(X[column])
    except (ValueError, TypeError) as error:
        message = f"The quality column {column!r} must hold numbers: {error}."
        raise TableError(message) from error
    return np.array(numbers.to_numpy(dtype=np.float64, na_value=np.nan))


def learn_quality(values: np.ndarray, quality_map: Any) -> Learnt:
    """What a map makes of the finite training qualities; an empty dict where there is none."""
    known = values[np.isfinite(values)]
    return as_quality_map(quality_map).fit(known) if len(known) else {}


def quality_weights(values: np.ndarray, learnt: Learnt, quality_map: Any) -> np.ndarray:
    """Weights of utterances, between 0.001 and 1, shape (n_utterances,); 0.5 where nothing is known."""
    if not learnt:
        return np.full(len(values), _MIDDLE)
    return np.clip(as_quality_map(quality_map).apply(values, learnt), _LEAST, 1.0)
