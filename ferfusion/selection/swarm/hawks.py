"""Harris hawks: exploring, and four ways to besiege."""

from __future__ import annotations

from math import gamma

import numpy as np

from ferfusion.selection.swarm.state import Proposal, Swarm

__all__ = ["harris_hawks", "levy_steps"]

_LEVY = 1.5  # exponent of the flight
_SIGMA = (gamma(1 + _LEVY) * np.sin(np.pi * _LEVY / 2) / (gamma((1 + _LEVY) / 2) * _LEVY * 2 ** ((_LEVY - 1) / 2))) ** (
    1 / _LEVY
)


def levy_steps(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Steps of a Lévy flight, as the paper scales them.

    Parameters
    ----------
    rng : Generator
        Two normal numbers a step.
    shape : tuple of int
        Of the result.

    Returns
    -------
    ndarray
    """
    u, v = rng.standard_normal((2, *shape))
    return 0.01 * u * _SIGMA / np.abs(v) ** (1 / _LEVY)


def harris_hawks(swarm: Swarm, rng: np.random.Generator) -> Proposal:
    """Explore while the prey is strong, then besiege it softly or hard, with or without rapid dives.

    A dive has two places, evaluated together; the hawk goes to the better one, and only if that improves it. (The
    paper tries the second only where the first has failed; here one batch does for all.)

    Parameters
    ----------
    swarm : Swarm
        As it is.
    rng : Generator
        Source of chance.

    Returns
    -------
    Proposal

    References
    ----------
    Heidari, Mirjalili, Faris, Aljarah, Mafarja and Chen, "Harris hawks optimization: Algorithm and applications",
    2019, https://doi.org/10.1016/j.future.2019.02.028.
    """
    x, rabbit = swarm.positions, swarm.leaders[0]
    n, d = x.shape
    energy = 2.0 * rng.uniform(-1.0, 1.0, (n, 1)) * (1.0 - swarm.progress)
    strong, dives = np.abs(energy) >= 0.5, rng.random((n, 1)) < 0.5
    exploring = np.abs(energy) >= 1.0
    leap = 2.0 * (1.0 - rng.random((n, 1)))
    centre = x.mean(axis=0)

    soft = rabbit - x - energy * np.abs(leap * rabbit - x)
    hard = rabbit - energy * np.abs(rabbit - x)
    besieged = np.where(strong, soft, hard)
    dive = rabbit - energy * np.abs(leap * rabbit - np.where(strong, x, centre))
    flight = dive + rng.random((n, d)) * levy_steps(rng, (n, d))

    first = np.where(exploring, _explored(swarm, centre, rng), np.where(dives, dive, besieged))
    diving = (dives & ~exploring)[:, 0]
    return Proposal(np.stack([first, flight]), np.stack([np.ones(n, dtype=bool), diving]), diving)


def _explored(swarm: Swarm, centre: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Perches: near a random hawk, or between the prey, the flock and a random place of the cube."""
    x = swarm.positions
    n = len(x)
    r1, r2, r3, r4, coin = rng.random((5, n, 1))
    other = x[rng.integers(n, size=n)]
    near_other = other - r1 * np.abs(other - 2.0 * r2 * x)
    near_flock = swarm.leaders[0] - centre - r3 * r4
    return np.where(coin >= 0.5, near_other, near_flock)
