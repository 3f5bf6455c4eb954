"""Grey wolves: the hunt behind three leaders, its improved variants and its own binary form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ferfusion.base.errors import UnknownNameError
from ferfusion.selection.swarm.binarise import slope_for
from ferfusion.selection.swarm.state import Proposal, Swarm, everywhere, masks_of

__all__ = ["DECAYS", "binary_grey_wolf", "crossed_leaders", "dimension_learning", "encircled", "grey_wolf"]

Decay = Callable[[float], float]
_STEEPNESS = 4.0  # of the exponential decay: half of it is over after a sixth of the moves


def _linear(progress: float) -> float:
    return 1.0 - progress


def _quadratic(progress: float) -> float:
    return 1.0 - progress**2


def _exponential(progress: float) -> float:
    return float((np.exp(-_STEEPNESS * progress) - np.exp(-_STEEPNESS)) / (1.0 - np.exp(-_STEEPNESS)))


# from 1 at the first move to 0 at the end: quadratic explores longer, exponential shorter
DECAYS: dict[str, Decay] = {"linear": _linear, "quadratic": _quadratic, "exponential": _exponential}


def _reach(swarm: Swarm, decay: str | Decay) -> float:
    """The ``a`` of the paper: 2 at first, 0 at last."""
    if not callable(decay) and decay not in DECAYS:
        raise UnknownNameError("decay", decay, DECAYS)
    return 2.0 * (decay if callable(decay) else DECAYS[decay])(swarm.progress)


def encircled(positions: np.ndarray, leaders: np.ndarray, a: float, r1: np.ndarray, r2: np.ndarray) -> np.ndarray:
    """Where wolves would go behind each leader: ``leader - A * abs(C * leader - position)``.

    Parameters
    ----------
    positions : ndarray, shape (n_agents, n_dimensions)
        Of the wolves.
    leaders : ndarray, shape (n_leaders, n_dimensions)
        Positions of the leaders.
    a : float
        Reach: ``A = 2 * a * r1 - a``.
    r1, r2 : ndarray, shape (n_leaders, n_agents, n_dimensions)
        Random numbers in [0, 1]; ``C = 2 * r2``.

    Returns
    -------
    ndarray, shape (n_leaders, n_agents, n_dimensions)
    """
    return leaders[:, None] - (2.0 * a * r1 - a) * np.abs(2.0 * r2 * leaders[:, None] - positions)


def _hunt(swarm: Swarm, a: float, rng: np.random.Generator) -> np.ndarray:
    r1, r2 = rng.random((2, len(swarm.leaders), *swarm.positions.shape))
    return encircled(swarm.positions, swarm.leaders, a, r1, r2).mean(axis=0)


def grey_wolf(swarm: Swarm, rng: np.random.Generator, *, decay: str | Decay = "linear") -> Proposal:
    """Each wolf goes to the mean of its places behind alpha, beta and delta.

    Parameters
    ----------
    swarm : Swarm
        As it is.
    rng : Generator
        Source of chance.
    decay : {"linear", "quadratic", "exponential"} or callable, default="linear"
        How the reach falls with the share of moves made; the paper's is linear.

    Returns
    -------
    Proposal

    References
    ----------
    Mirjalili, Mirjalili and Lewis, "Grey Wolf Optimizer", 2014, https://doi.org/10.1016/j.advengsoft.2013.12.007;
    the quadratic decay: Mittal, Singh and Sohi, "Modified Grey Wolf Optimizer for Global Engineering Optimization",
    2016, https://doi.org/10.1155/2016/7950348.
    """
    return everywhere(_hunt(swarm, _reach(swarm, decay), rng))


def dimension_learning(swarm: Swarm, rng: np.random.Generator, *, decay: str | Decay = "linear") -> Proposal:
    """Improved grey wolves: the hunt, or a step learnt from neighbours, whichever is better and only if it improves.

    Neighbours of a wolf are those no farther away than the place where the hunt would take it. In each dimension it
    steps along the difference of a random neighbour and a random wolf. Costs two evaluations a wolf.

    Parameters
    ----------
    swarm : Swarm
        As it is.
    rng : Generator
        Source of chance.
    decay : {"linear", "quadratic", "exponential"} or callable, default="linear"
        How the reach falls.

    Returns
    -------
    Proposal

    References
    ----------
    Nadimi-Shahraki, Taghian and Mirjalili, "An improved grey wolf optimizer for solving engineering problems", 2021,
    https://doi.org/10.1016/j.eswa.2020.113917.
    """
    x = swarm.positions
    n, d = x.shape
    hunted = np.clip(_hunt(swarm, _reach(swarm, decay), rng), 0.0, 1.0)
    radius = np.linalg.norm(hunted - x, axis=1)
    learnt = np.empty_like(x)
    for i in range(n):
        # the wolf itself is always among them: its distance is 0
        near = np.flatnonzero(np.linalg.norm(x - x[i], axis=1) <= radius[i])
        neighbour, other = rng.choice(near, size=d), rng.integers(n, size=d)
        columns = np.arange(d)
        learnt[i] = x[i] + rng.random(d) * (x[neighbour, columns] - x[other, columns])
    return Proposal(np.stack([hunted, learnt]), np.ones((2, n), dtype=bool), np.ones(n, dtype=bool))


def binary_grey_wolf(swarm: Swarm, rng: np.random.Generator, *, decay: str | Decay = "linear") -> Proposal:
    """Binary grey wolves: steps towards each leader become bits, and bits are crossed over.

    Parameters
    ----------
    swarm : Swarm
        As it is.
    rng : Generator
        Source of chance.
    decay : {"linear", "quadratic", "exponential"} or callable, default="linear"
        How the reach falls.

    Returns
    -------
    Proposal
        Positions of 0.0 and 1.0.

    References
    ----------
    Emary, Zawbaa and Hassanien, "Binary grey wolf optimization approaches for feature selection", 2016,
    https://doi.org/10.1016/j.neucom.2015.06.083 (its first approach).
    """
    random = rng.random((3, len(swarm.leaders), *swarm.positions.shape))
    leader = rng.integers(len(swarm.leaders), size=swarm.positions.shape)
    bits = masks_of(swarm.positions).astype(np.float64)
    return everywhere(crossed_leaders(bits, masks_of(swarm.leaders), _reach(swarm, decay), random, leader))


def crossed_leaders(
    bits: np.ndarray, leaders: np.ndarray, a: float, random: np.ndarray, leader: np.ndarray
) -> np.ndarray:
    """Bits of wolves after a step of ``binary_grey_wolf``.

    Parameters
    ----------
    bits : ndarray, shape (n_agents, n_columns)
        0.0 and 1.0.
    leaders : ndarray of bool, shape (n_leaders, n_columns)
        Masks of the leaders.
    a : float
        Reach.
    random : ndarray, shape (3, n_leaders, n_agents, n_columns)
        Random numbers for A, for C and to be compared with the sigmoid of the step.
    leader : ndarray of int, shape (n_agents, n_columns)
        From which leader each bit comes.

    Returns
    -------
    ndarray of 0.0 and 1.0, shape (n_agents, n_columns)
    """
    r1, r2, r3 = random
    step = (2.0 * a * r1 - a) * np.abs(2.0 * r2 * leaders[:, None] - bits)
    chance = 1.0 / (1.0 + np.exp(-slope_for(bits.shape[1]) * (step - 0.5)))
    near = leaders[:, None] | (chance >= r3)
    return np.take_along_axis(near, leader[None], axis=0)[0].astype(np.float64)
