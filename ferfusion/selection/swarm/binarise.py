"""From proposed positions to positions that stand for masks.

Whatever the way, a mask is always the columns whose settled position lies above one half, so a position, the mask
that was evaluated there and the leaders that draw others towards it never fall apart.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ferfusion.base.errors import UnknownNameError
from ferfusion.selection.swarm.state import masks_of

__all__ = ["BINARISATIONS", "at_most", "binariser", "sigmoid", "slope_for", "threshold", "v_shaped"]

Binarisation = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def threshold(proposed: np.ndarray, present: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Keep positions as they are: columns above one half are in.

    Parameters
    ----------
    proposed, present : ndarray, shape (n_proposed, n_columns)
        Positions in [0, 1] where agents want to go, and where they are.
    rng : Generator
        Not used.

    Returns
    -------
    ndarray, shape (n_proposed, n_columns)
    """
    return proposed


def slope_for(n_columns: int) -> float:
    """Steepness of the sigmoid: 10 as in the binary grey wolf's paper, or more where columns are many.

    At position 0 a column then joins by chance with a probability of 1 / (n_columns + 1) at most beyond 150 columns,
    so that a sparse mask stays sparse however many columns there are.
    """
    return max(10.0, 2.0 * float(np.log(n_columns)))


def sigmoid(proposed: np.ndarray, present: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """S-shaped transfer: a bit is 1 with probability 1 / (1 + exp(-slope * (position - 0.5))).

    The slope is that of ``slope_for``.

    Parameters
    ----------
    proposed, present : ndarray, shape (n_proposed, n_columns)
        Positions in [0, 1] where agents want to go, and where they are (not used).
    rng : Generator
        One number a bit.

    Returns
    -------
    ndarray of 0.0 and 1.0, shape (n_proposed, n_columns)

    References
    ----------
    Kennedy and Eberhart, "A discrete binary version of the particle swarm algorithm", 1997,
    https://doi.org/10.1109/ICSMC.1997.637339. Emary, Zawbaa and Hassanien, "Binary grey wolf optimization approaches
    for feature selection", 2016, https://doi.org/10.1016/j.neucom.2015.06.083 (its second approach).
    """
    chance = 1.0 / (1.0 + np.exp(-slope_for(proposed.shape[1]) * (proposed - 0.5)))
    return (rng.random(proposed.shape) < chance).astype(np.float64)


def v_shaped(proposed: np.ndarray, present: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """V-shaped transfer: a bit flips with probability abs(tanh(step)), the step being from present to proposed.

    Each bit flips with a probability of at least 1 / n_columns: where no agent holds a column there is no step
    either, and it could never be tried.

    Parameters
    ----------
    proposed, present : ndarray, shape (n_proposed, n_columns)
        Positions in [0, 1] where agents want to go, and where they are.
    rng : Generator
        One number a bit.

    Returns
    -------
    ndarray of 0.0 and 1.0, shape (n_proposed, n_columns)

    References
    ----------
    Mirjalili and Lewis, "S-shaped versus V-shaped transfer functions for binary particle swarm optimization", 2013,
    https://doi.org/10.1016/j.swevo.2012.09.002.
    """
    chance = np.maximum(np.abs(np.tanh(proposed - present)), 1.0 / proposed.shape[1])
    return (masks_of(present) ^ (rng.random(proposed.shape) < chance)).astype(np.float64)


BINARISATIONS: dict[str, Binarisation] = {"threshold": threshold, "sigmoid": sigmoid, "v_shaped": v_shaped}


def at_most(positions: np.ndarray, largest: int, rng: np.random.Generator) -> np.ndarray:
    """Take columns out of masks that hold too many: those of the lowest positions, ties by chance.

    Parameters
    ----------
    positions : ndarray, shape (n_positions, n_columns)
        In [0, 1].
    largest : int
        Columns allowed.
    rng : Generator
        Drawn from whether or not there are ties.

    Returns
    -------
    ndarray, shape (n_positions, n_columns)
        A position that is taken out is mirrored at one half.
    """
    order = np.lexsort((rng.random(positions.shape), -positions), axis=1)
    surplus = np.zeros(positions.shape, dtype=bool)
    np.put_along_axis(surplus, order[:, largest:], True, axis=1)
    return np.where(surplus & masks_of(positions), 1.0 - positions, positions)


def binariser(name: str | Binarisation, largest: int | None = None) -> Binarisation:
    """Binarisation of this name, with a bound on the size of masks.

    Parameters
    ----------
    name : str or callable
        One of ``BINARISATIONS``, or a function like them.
    largest : int, optional
        Columns allowed.

    Returns
    -------
    callable

    Raises
    ------
    UnknownNameError
        If there is no such binarisation.
    """
    if not callable(name) and name not in BINARISATIONS:
        raise UnknownNameError("binarisation", name, BINARISATIONS)
    chosen = name if callable(name) else BINARISATIONS[name]
    if largest is None:
        return chosen
    return lambda proposed, present, rng: at_most(chosen(proposed, present, rng), largest, rng)
