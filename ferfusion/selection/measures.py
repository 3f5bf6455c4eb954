"""How much sets of columns agree that were chosen in several folds or from several samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm

from ferfusion.base.errors import SelectionError

__all__ = ["STABILITY_MEASURES", "Stability", "jaccard", "kuncheva_index", "nogueira_stability"]


class Stability(NamedTuple):
    """Stability of choices, with the ends of its confidence interval.

    Attributes
    ----------
    value : float
        1 if all sets are the same, about 0 if they agree by chance only.
    low, high : float
        Ends of the interval; ``high`` may lie above 1.
    """

    value: float
    low: float
    high: float


def nogueira_stability(masks: Any, confidence: float = 0.95) -> Stability:
    """Stability of choices: 1 less the mean variance of a column's being chosen, over what chance would give.

    The sets may differ in size. With sets of one size the value is that of :func:`kuncheva_index`.

    Parameters
    ----------
    masks : array-like of bool, shape (n_sets, n_features)
        One row a fold or sample: which columns were chosen.
    confidence : float, default=0.95
        Level of the interval, which is asymptotic in the number of sets and takes them for independent draws.
        Folds share training rows, so for them it is too narrow.

    Returns
    -------
    Stability
        All nan if every set is empty or every set is full: there was nothing to choose.

    Raises
    ------
    SelectionError
        If there are fewer than two sets, or values other than 0 and 1.

    References
    ----------
    S. Nogueira, K. Sechidis and G. Brown, "On the stability of feature selection algorithms", Journal of Machine
    Learning Research 18(174), 2018, pages 1-54.

    Examples
    --------
    >>> nogueira_stability([[1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0]]).value.round(4)
    np.float64(0.3333)
    """
    Z = _checked(masks)
    n_sets, n_columns = Z.shape
    if not 0 < confidence < 1:
        message = f"'confidence' lies between 0 and 1; it is {confidence!r}."
        raise SelectionError(message)
    shares = Z.mean(axis=0)
    size = shares.mean()
    chance = size * (1 - size)
    if chance == 0:
        return Stability(np.nan, np.nan, np.nan)
    value = 1 - n_sets / (n_sets - 1) * (shares * (1 - shares)).mean() / chance
    sizes = Z.mean(axis=1)
    # what each set adds to the estimate, whose spread gives the variance (theorem 7 of the paper)
    parts = (Z @ shares / n_columns - sizes * size + value / 2 * (2 * sizes * size - sizes - size + 1)) / chance
    error = 2 / n_sets * np.sqrt(((parts - parts.mean()) ** 2).sum())
    reach = norm.ppf((1 + confidence) / 2) * error
    return Stability(value, value - reach, value + reach)


def kuncheva_index(masks: Any) -> float:
    """Mean over pairs of sets of (r d - k²) / (k (d - k)), r columns being common to both of k out of d.

    Parameters
    ----------
    masks : array-like of bool, shape (n_sets, n_features)
        One row a set; all of one size.

    Returns
    -------
    float
        1 if all are the same, 0 on average by chance; nan if all are empty or full.

    Raises
    ------
    SelectionError
        If the sets differ in size, are fewer than two, or hold values other than 0 and 1.

    References
    ----------
    L. Kuncheva, "A stability index for feature selection", IASTED Artificial Intelligence and Applications, 2007.
    """
    Z = _checked(masks)
    sizes = Z.sum(axis=1)
    size, n_columns = sizes[0], Z.shape[1]
    if (sizes != size).any():
        message = (
            f"Kuncheva's index needs sets of one size; they have {sizes.min():.0f} to {sizes.max():.0f} columns. "
            "'nogueira_stability' takes any sizes."
        )
        raise SelectionError(message)
    if size in (0, n_columns):
        return float("nan")
    return float(np.mean((_common(Z) * n_columns - size**2) / (size * (n_columns - size))))


def jaccard(masks: Any) -> float:
    """Mean over pairs of sets of the columns common to both over the columns in either.

    It is not corrected for chance: large sets agree by being large.

    Parameters
    ----------
    masks : array-like of bool, shape (n_sets, n_features)
        One row a set.

    Returns
    -------
    float
        Between 0 and 1. Two empty sets agree.

    Raises
    ------
    SelectionError
        If the sets are fewer than two, or hold values other than 0 and 1.
    """
    Z = _checked(masks)
    sizes = Z.sum(axis=1)
    first, second = np.triu_indices(len(Z), 1)
    common = _common(Z)
    either = sizes[first] + sizes[second] - common
    return float(np.mean(np.where(either > 0, common / np.maximum(either, 1), 1.0)))


STABILITY_MEASURES: dict[str, Callable[[Any], float]] = {
    "jaccard": jaccard,
    "kuncheva": kuncheva_index,
    "nogueira": lambda masks: nogueira_stability(masks).value,
}


def _checked(masks: Any) -> np.ndarray:
    Z = np.asarray(masks)
    if Z.ndim != 2 or len(Z) < 2 or Z.shape[1] < 1:
        message = f"Agreement needs two sets of columns at least, one a row; the shape is {Z.shape}."
        raise SelectionError(message)
    if not np.isin(Z, (0, 1)).all():
        message = "A set of columns is a row of 0 and 1, or of False and True."
        raise SelectionError(message)
    return Z.astype(np.float64)


def _common(Z: np.ndarray) -> np.ndarray:
    """Number of columns common to each pair of sets."""
    return (Z @ Z.T)[np.triu_indices(len(Z), 1)]
