"""Where searches of columns begin: with few columns, by chance or by a filter's ranking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ferfusion.base.errors import UnknownNameError

__all__ = ["STARTS", "largest_start", "logistic", "opposite", "ranked", "sparse", "start_of", "tent", "uniform"]

Start = Callable[..., np.ndarray]
_ABSENT = 0.25  # columns that are out start below it: near enough to one half to come in, far enough to stay sparse
_BURN_IN = 20  # steps of a chaotic map before its values are used
_TENT = 1.9999  # at exactly 2 binary fractions run out of digits and the map ends at 0


def largest_start(n_columns: int) -> int:
    """Columns that a mask holds at the start at most: a tenth, or ten where there are few."""
    return min(n_columns, max(10, n_columns // 10))


def sparse(n_agents: int, n_columns: int, rng: np.random.Generator, *, largest: int, **_: Any) -> np.ndarray:
    """Random masks of 1 to ``largest`` columns, all sizes alike.

    Parameters
    ----------
    n_agents, n_columns : int
        Shape of the result.
    rng : Generator
        Source of chance.
    largest : int
        Columns at most.

    Returns
    -------
    ndarray, shape (n_agents, n_columns)
        Positions in [0, 1]; columns above one half are in.
    """
    return _placed(rng.random((n_agents, n_columns)), _sizes(n_agents, largest, rng), rng.random((n_agents, n_columns)))


def ranked(
    n_agents: int, n_columns: int, rng: np.random.Generator, *, largest: int, ranking: np.ndarray, **_: Any
) -> np.ndarray:
    """Masks by a filter's ranking; half of the agents hold just its first columns.

    The sizes of that half are spaced geometrically from ``largest`` down to 1, so that the search never ends with a
    worse fitness than these plain filters. The others hold 1 to ``largest`` columns, drawn with weights of
    1 / (place in the ranking).

    Parameters
    ----------
    n_agents, n_columns : int
        Shape of the result.
    rng : Generator
        Source of chance.
    largest : int
        Columns at most.
    ranking : ndarray of int, shape (n_columns,)
        Columns, best first.

    Returns
    -------
    ndarray, shape (n_agents, n_columns)
    """
    weights = np.empty(n_columns)
    weights[ranking] = -np.log(np.arange(1, n_columns + 1))
    # the largest keys of logarithms of weights with Gumbel noise are draws without replacement
    keys = weights + rng.gumbel(size=(n_agents, n_columns))
    sizes = _sizes(n_agents, largest, rng)
    n_plain = (n_agents + 1) // 2
    keys[:n_plain] = weights
    sizes[:n_plain] = np.geomspace(largest, 1, n_plain).round().astype(int)
    return _placed(keys, sizes, rng.random((n_agents, n_columns)))


def logistic(n_agents: int, n_columns: int, rng: np.random.Generator, *, largest: int, **_: Any) -> np.ndarray:
    """Masks of 1 to ``largest`` columns from the chaotic logistic map ``x -> 4 x (1 - x)``, a seed for each agent.

    Parameters
    ----------
    n_agents, n_columns : int
        Shape of the result.
    rng : Generator
        Source of the seeds and sizes.
    largest : int
        Columns at most.

    Returns
    -------
    ndarray, shape (n_agents, n_columns)
    """
    return _chaotic(lambda x: 4.0 * x * (1.0 - x), n_agents, n_columns, rng, largest)


def tent(n_agents: int, n_columns: int, rng: np.random.Generator, *, largest: int, **_: Any) -> np.ndarray:
    """Masks of 1 to ``largest`` columns from the chaotic tent map ``x -> 2 min(x, 1 - x)``, a seed for each agent.

    Parameters
    ----------
    n_agents, n_columns : int
        Shape of the result.
    rng : Generator
        Source of the seeds and sizes.
    largest : int
        Columns at most.

    Returns
    -------
    ndarray, shape (n_agents, n_columns)
    """
    return _chaotic(lambda x: _TENT * np.minimum(x, 1.0 - x), n_agents, n_columns, rng, largest)


def uniform(n_agents: int, n_columns: int, rng: np.random.Generator, **_: Any) -> np.ndarray:
    """Uniform positions, which hold half of all columns: what other packages do, here for comparison.

    Parameters
    ----------
    n_agents, n_columns : int
        Shape of the result.
    rng : Generator
        Source of chance.

    Returns
    -------
    ndarray, shape (n_agents, n_columns)
    """
    return rng.random((n_agents, n_columns))


STARTS: dict[str, Start] = {
    "ranked": ranked,
    "sparse": sparse,
    "logistic": logistic,
    "tent": tent,
    "uniform": uniform,
}


def opposite(positions: np.ndarray) -> np.ndarray:
    """Opposites of positions, at the other side of the cube's centre.

    Evaluated beside the starts, of which the better ones are kept. The opposite of a sparse mask holds nearly all
    columns, so each costs more than a start.

    Parameters
    ----------
    positions : ndarray
        In [0, 1].

    Returns
    -------
    ndarray
        Of the same shape.

    References
    ----------
    Tizhoosh, "Opposition-based learning: a new scheme for machine intelligence", 2005,
    https://doi.org/10.1109/CIMCA.2005.1631345.
    """
    return 1.0 - positions


def start_of(name: str | Start) -> Start:
    """Start of this name.

    Parameters
    ----------
    name : str or callable
        One of ``STARTS``, or a function like them.

    Returns
    -------
    callable

    Raises
    ------
    UnknownNameError
        If there is no such start.
    """
    if callable(name):
        return name
    if name not in STARTS:
        raise UnknownNameError("start", name, STARTS)
    return STARTS[name]


def _sizes(n_agents: int, largest: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(1, largest + 1, size=n_agents)


def _placed(keys: np.ndarray, sizes: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Positions for masks that hold the ``sizes`` columns of the largest keys, spread by numbers ``u`` in [0, 1)."""
    order = np.argsort(-keys, axis=1, kind="stable")
    held = np.zeros(keys.shape, dtype=bool)
    np.put_along_axis(held, order, np.arange(keys.shape[1]) < sizes[:, None], axis=1)
    return np.where(held, 1.0 - 0.5 * u, _ABSENT * u)


def _chaotic(
    step: Callable[[np.ndarray], np.ndarray], n_agents: int, n_columns: int, rng: np.random.Generator, largest: int
) -> np.ndarray:
    x = rng.uniform(0.1, 0.9, size=n_agents)
    keys = np.empty((_BURN_IN + n_columns, n_agents))
    for i in range(len(keys)):
        x = step(x)
        # a map that has run into its fixed point 0 begins anew
        x = np.where(x > 0.0, x, rng.uniform(0.1, 0.9, size=n_agents))
        keys[i] = x
    keys = keys[_BURN_IN:].T
    return _placed(keys, _sizes(n_agents, largest, rng), rng.random(keys.shape))
