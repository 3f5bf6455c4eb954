"""Chance that belongs to an utterance: the same whatever order the rows have, and whichever others there are."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import numpy as np

__all__ = ["generator_of", "uniform_of"]


def generator_of(seed: int, purpose: str, id_: Any) -> np.random.Generator:
    """Random numbers of one utterance for one purpose.

    Parameters
    ----------
    seed : int
        Of the run.
    purpose : str
        What the numbers are for; other purposes get other numbers.
    id_ : str
        The utterance.

    Returns
    -------
    numpy Generator
    """
    return np.random.default_rng(_number(seed, purpose, id_))


def uniform_of(seed: int, purpose: str, ids: Iterable[Any]) -> np.ndarray:
    """One number in [0, 1) for each utterance.

    Parameters
    ----------
    seed : int
        Of the run.
    purpose : str
        What the numbers are for.
    ids : iterable of str
        The utterances.

    Returns
    -------
    ndarray, shape (n_utterances,)

    Examples
    --------
    >>> once, again = uniform_of(0, "text", ["u1", "u2"]), uniform_of(0, "text", ["u2", "u1"])
    >>> bool((once == again[::-1]).all())
    True
    """
    # 53 bits, which is what a float holds
    return np.array([(_number(seed, purpose, id_) >> 11) / 2**53 for id_ in ids], dtype=np.float64)


def _number(seed: int, purpose: str, id_: Any) -> int:
    told = f"{int(seed)}\x1f{purpose}\x1f{id_}".encode(errors="surrogatepass")
    return int.from_bytes(blake2b(told, digest_size=8).digest(), "big")
