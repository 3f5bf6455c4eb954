"""What choosers that rank columns share: how many are wanted, which come first, names of functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ferfusion.base.errors import SelectionError, UnknownNameError

__all__ = ["best_mask", "count_wanted", "named", "order_of", "positions_of", "seeded"]


def count_wanted(n_features: int | float | None, n_columns: int) -> int:
    """Number of columns to keep.

    Parameters
    ----------
    n_features : int, float or None
        A number, a share of the columns in (0, 1] (rounded, at least one column), or None for all.
    n_columns : int
        Columns there are. A number that is larger keeps all of them.

    Returns
    -------
    int
        Between 1 and ``n_columns``.

    Raises
    ------
    SelectionError
        If it is neither a whole number from 1 on nor a share.
    """
    if n_features is None:
        return n_columns
    if isinstance(n_features, Integral) and not isinstance(n_features, bool) and n_features >= 1:
        return min(int(n_features), n_columns)
    whole = isinstance(n_features, Integral)
    if not whole and isinstance(n_features, Real) and 0 < n_features <= 1:
        return max(1, min(n_columns, round(float(n_features) * n_columns)))
    message = f"'n_features' is a whole number from 1 on or a share in (0, 1], not {n_features!r}."
    raise SelectionError(message)


def order_of(scores: np.ndarray) -> np.ndarray:
    """Columns from best to worst; of equal ones the first comes first, and what has no score comes last.

    Parameters
    ----------
    scores : ndarray, shape (n_features,)
        Larger is better.

    Returns
    -------
    ndarray of int, shape (n_features,)

    Examples
    --------
    >>> order_of(np.array([1.0, 3.0, np.nan, 3.0])).tolist()
    [1, 3, 0, 2]
    """
    scores = np.asarray(scores, dtype=np.float64)
    return np.argsort(-np.where(np.isnan(scores), -np.inf, scores), kind="stable")


def positions_of(order: np.ndarray) -> np.ndarray:
    """Place of each column in an order, counted from 1."""
    positions = np.empty(len(order), dtype=np.int64)
    positions[order] = np.arange(1, len(order) + 1)
    return positions


def best_mask(scores: np.ndarray, n: int) -> np.ndarray:
    """Mask of the ``n`` best columns."""
    mask = np.zeros(len(scores), dtype=bool)
    mask[order_of(scores)[:n]] = True
    return mask


def named(kind: str, given: Any, allowed: Mapping[str, Callable]) -> Callable:
    """Function of a name; a callable is handed back.

    Raises
    ------
    UnknownNameError
        If it is neither.
    """
    if callable(given):
        return given
    if not isinstance(given, str) or given not in allowed:
        raise UnknownNameError(kind, given, allowed)
    return allowed[given]


def seeded(estimator: Any, random_state: Any) -> Any:
    """Give every ``random_state`` of an estimator that is None a number drawn from a seed.

    Parameters
    ----------
    estimator : estimator
        Changed in place; hand in a clone.
    random_state : int, RandomState or None
        Seed.

    Returns
    -------
    estimator
        The same object.
    """
    rng = check_random_state(random_state)
    for name, value in sorted(estimator.get_params(deep=True).items(), key=lambda pair: pair[0]):
        if value is None and name.split("__")[-1] == "random_state":
            estimator.set_params(**{name: int(rng.randint(2**31 - 1))})
    return estimator
