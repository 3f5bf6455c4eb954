"""Moves of swarms: each reads a swarm, draws random numbers and proposes where to go."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ferfusion.base.errors import UnknownNameError
from ferfusion.selection.swarm.engine import Move
from ferfusion.selection.swarm.hawks import harris_hawks
from ferfusion.selection.swarm.state import Proposal, Swarm, everywhere
from ferfusion.selection.swarm.wolves import binary_grey_wolf, dimension_learning, grey_wolf

__all__ = ["MOVES", "genetic", "move_of", "particle_swarm", "sparrow", "whale"]


def particle_swarm(
    swarm: Swarm, rng: np.random.Generator, *, inertia: float = 0.7298, pull: float = 1.49618, fastest: float = 1.0
) -> Proposal:
    """Velocities drawn to each particle's own best and to the best of all.

    In a search of columns the binarisation turns the new place into bits. Unlike in the paper the sigmoid is centred
    on the place, not on the velocity: there a particle at rest draws each bit with probability one half.

    Parameters
    ----------
    swarm : Swarm
        As it is.
    rng : Generator
        Source of chance.
    inertia, pull : float
        Share of the velocity that stays, and weight of both pulls; the defaults are the usual converging ones.
    fastest : float, default=1.0
        Largest speed in a dimension; the cube's edge is 1.

    Returns
    -------
    Proposal

    References
    ----------
    Kennedy and Eberhart, "A discrete binary version of the particle swarm algorithm", 1997,
    https://doi.org/10.1109/ICSMC.1997.637339.
    """
    x = swarm.positions
    r1, r2 = rng.random((2, *x.shape))
    velocities = inertia * swarm.velocities + pull * (r1 * (swarm.own_positions - x) + r2 * (swarm.leaders[0] - x))
    velocities = np.clip(velocities, -fastest, fastest)
    return everywhere(x + velocities, velocities=velocities)


def whale(swarm: Swarm, rng: np.random.Generator) -> Proposal:
    """Encircle the best or a random whale, or swim in a spiral around the best.

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
    Mirjalili and Lewis, "The Whale Optimization Algorithm", 2016, https://doi.org/10.1016/j.advengsoft.2016.01.008.
    """
    x, best = swarm.positions, swarm.leaders[0]
    n = len(x)
    a = 2.0 * (1.0 - swarm.progress)
    r1, coin = rng.random((2, n, 1))
    turn = rng.uniform(-1.0, 1.0, size=(n, 1))
    # one reach a whale, which decides whom it follows; the swing is drawn for each dimension
    reach, swing = 2.0 * a * r1 - a, 2.0 * rng.random(x.shape)
    prey = np.where(np.abs(reach) < 1.0, best, x[rng.integers(n, size=n)])
    straight = prey - reach * np.abs(swing * prey - x)
    spiral = np.abs(best - x) * np.exp(turn) * np.cos(2.0 * np.pi * turn) + best
    return everywhere(np.where(coin < 0.5, straight, spiral))


def genetic(
    swarm: Swarm,
    rng: np.random.Generator,
    *,
    tournament: int = 2,
    crossover: float = 0.9,
    mutation: float | None = None,
) -> Proposal:
    """Children of tournament winners by uniform crossover and mutation; the best agent gives way to a better only.

    A mutated gene of a mask is flipped; a mutated number is drawn anew.

    Parameters
    ----------
    swarm : Swarm
        As it is.
    rng : Generator
        Source of chance.
    tournament : int, default=2
        Agents of whom the best becomes a parent.
    crossover : float, default=0.9
        Probability that a child has two parents rather than one.
    mutation : float, optional
        Probability that a gene changes; 1 / n_dimensions if missing.

    Returns
    -------
    Proposal
    """
    x = swarm.positions
    n, d = x.shape
    entrants = rng.integers(n, size=(2, n, tournament))
    winners = np.take_along_axis(entrants, swarm.fitness[entrants].argmin(axis=2)[..., None], axis=2)[..., 0]
    from_second = (rng.random((n, d)) < 0.5) & (rng.random((n, 1)) < crossover)
    children = np.where(from_second, x[winners[1]], x[winners[0]])
    mutates = rng.random((n, d)) < (1.0 / d if mutation is None else mutation)
    changed = 1.0 - children if swarm.binary else rng.random((n, d))
    greedy = np.zeros(n, dtype=bool)
    greedy[swarm.fitness.argmin()] = True
    return everywhere(np.where(mutates, changed, children))._replace(greedy=greedy)


def sparrow(
    swarm: Swarm, rng: np.random.Generator, *, producers: float = 0.2, scouts: float = 0.1, safety: float = 0.8
) -> Proposal:
    """Producers that roam, scroungers that follow the best, and scouts that flee; each stays unless it improves.

    Two steps that the paper writes with one normal number for all dimensions draw one for each, since a shift of all
    columns at once selects all or none. Producers drift towards 0 by the paper's own formula: the lower ends of
    parameters, and masks without columns, are visited more often than others.

    Parameters
    ----------
    swarm : Swarm
        As it is.
    rng : Generator
        Source of chance.
    producers, scouts : float
        Their shares of the swarm; one sparrow each at least.
    safety : float, default=0.8
        An alarm below it leaves producers where they feed.

    Returns
    -------
    Proposal

    References
    ----------
    Xue and Shen, "A novel swarm intelligence optimization approach: sparrow search algorithm", 2020,
    https://doi.org/10.1080/21642583.2019.1708830.
    """
    n, d = swarm.positions.shape
    order = np.argsort(swarm.fitness, kind="stable")
    x, f = swarm.positions[order], swarm.fitness[order]
    best, worst = swarm.leaders[0], x[-1]
    rank = np.arange(1, n + 1)[:, None]
    n_producers, n_scouts = max(1, round(producers * n)), max(1, round(scouts * n))

    calm = rng.random() < safety
    shrink = np.exp(-rank / ((1.0 - rng.random((n, 1))) * max(swarm.n_iterations, 1)))
    produced = x * shrink if calm else x + rng.standard_normal((n, d))
    hungry = rng.standard_normal((n, d)) * np.exp((worst - x) / rank**2)
    signs = rng.choice([-1.0, 1.0], size=(n, d))
    following = best + (np.abs(x - best) * signs).mean(axis=1, keepdims=True)
    new = np.where(rank <= n_producers, produced, np.where(rank > n / 2, hungry, following))

    scouting = rng.permutation(n)[:n_scouts]
    inward = best + rng.standard_normal((n_scouts, d)) * np.abs(x[scouting] - best)
    gap = np.nan_to_num(_gap(f[scouting], f[-1]), nan=1.0, posinf=1.0)[:, None]
    outward = x[scouting] + rng.uniform(-1.0, 1.0, (n_scouts, 1)) * np.abs(x[scouting] - worst) / gap
    new[scouting] = np.where((f[scouting] > swarm.leader_fitness[0])[:, None], inward, outward)

    back = np.empty_like(new)
    back[order] = new
    return everywhere(back, greedy=True)


def _gap(fitness: np.ndarray, worst: float) -> np.ndarray:
    """Distance to the worst fitness, never 0; nan where both are infinite."""
    with np.errstate(invalid="ignore"):
        return np.abs(fitness - worst) + 1e-50


MOVES: dict[str, Any] = {
    "grey_wolf": grey_wolf,
    "dimension_learning": dimension_learning,
    "binary_grey_wolf": binary_grey_wolf,
    "particle_swarm": particle_swarm,
    "whale": whale,
    "harris_hawks": harris_hawks,
    "genetic": genetic,
    "sparrow": sparrow,
}


def move_of(name: str | Move, options: dict[str, Any] | None = None) -> Move:
    """Move of this name, with its options.

    Parameters
    ----------
    name : str or callable
        One of ``MOVES``, or a function like them.
    options : dict, optional
        Keyword arguments of the move.

    Returns
    -------
    callable

    Raises
    ------
    UnknownNameError
        If there is no such move.
    """
    if not callable(name) and name not in MOVES:
        raise UnknownNameError("move", name, MOVES)
    return partial(name if callable(name) else MOVES[name], **(options or {}))
