"""The one loop that all swarms share: propose, evaluate the whole population, accept, remember the best."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from ferfusion.selection.swarm.state import N_LEADERS, Proposal, Swarm, masks_of

__all__ = ["Fitness", "Move", "Settle", "advance", "begin", "finished", "iterate"]

Fitness = Callable[[np.ndarray], np.ndarray]
Move = Callable[[Swarm, np.random.Generator], Proposal]
Settle = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def begin(
    starts: np.ndarray,
    fitness: Fitness,
    n_iterations: int,
    *,
    n_agents: int | None = None,
    binary: bool = True,
) -> Swarm:
    """Evaluate the starts and make a swarm of the best of them.

    Parameters
    ----------
    starts : ndarray, shape (n_starts, n_dimensions)
        Positions in [0, 1].
    fitness : callable
        Takes solutions of shape (n_solutions, n_dimensions) and returns their fitness, shape (n_solutions,): smaller
        is better, nan or inf for a solution that cannot be used. It must be a function of each solution alone.
    n_iterations : int
        Moves planned.
    n_agents : int, optional
        Size of the swarm: the best of the starts (each once; all of them by default).
    binary : bool, default=True
        Whether solutions are masks (columns above one half) or the positions themselves.

    Returns
    -------
    Swarm
    """
    solutions = masks_of(starts) if binary else starts
    values = _evaluate(fitness, solutions)
    n_agents = len(starts) if n_agents is None else n_agents
    kept = np.sort(np.argsort(values, kind="stable")[:n_agents])
    leaders, leader_solutions, leader_fitness = _leaders(starts, solutions, values)
    swarm = Swarm(
        positions=starts[kept],
        solutions=solutions[kept],
        fitness=values[kept],
        own_positions=starts[kept],
        own_fitness=values[kept],
        velocities=np.zeros_like(starts[kept]),
        leaders=leaders,
        leader_solutions=leader_solutions,
        leader_fitness=leader_fitness,
        history=np.empty((0, 4)),
        iteration=0,
        n_iterations=n_iterations,
        n_evaluations=len(starts),
        n_stale=0,
    )
    return _recorded(swarm)


def advance(swarm: Swarm, proposal: Proposal, fitness: Fitness, settle: Settle, rng: np.random.Generator) -> Swarm:
    """One iteration: evaluate what a move proposes and let the agents go there.

    Parameters
    ----------
    swarm : Swarm
        As it is; it stays unchanged.
    proposal : Proposal
        What the move wants.
    fitness : callable
        As for ``begin``.
    settle : callable
        ``settle(proposed, present, rng)`` turns proposed positions in [0, 1] into those that are taken, such as bits;
        all of shape (n_proposed, n_dimensions).
    rng : Generator
        For ``settle``.

    Returns
    -------
    Swarm
    """
    n_agents = len(swarm.positions)
    agents = np.nonzero(proposal.active)[1]
    proposed = np.clip(proposal.candidates[proposal.active], 0.0, 1.0)
    positions = settle(proposed, swarm.positions[agents], rng)
    solutions = masks_of(positions) if swarm.binary else positions
    values = _evaluate(fitness, solutions)

    table = np.full(proposal.active.shape, np.inf)
    table[proposal.active] = values
    places = np.zeros(proposal.active.shape, dtype=int)
    places[proposal.active] = np.arange(len(values))
    choice = table.argmin(axis=0)  # the first candidate where all are infinite, and that is always there
    chosen = places[choice, np.arange(n_agents)]
    moved = ~proposal.greedy | (values[chosen] < swarm.fitness)

    new_positions = np.where(moved[:, None], positions[chosen], swarm.positions)
    new_fitness = np.where(moved, values[chosen], swarm.fitness)
    better = new_fitness < swarm.own_fitness
    # the archive sees every solution that was evaluated, taken or not; older ones win ties
    leaders, leader_solutions, leader_fitness = _leaders(
        np.concatenate([swarm.leaders, positions]),
        np.concatenate([swarm.leader_solutions, solutions]),
        np.concatenate([swarm.leader_fitness, values]),
    )
    improved = leader_fitness[0] < swarm.leader_fitness[0]
    return _recorded(
        replace(
            swarm,
            positions=new_positions,
            solutions=np.where(moved[:, None], solutions[chosen], swarm.solutions),
            fitness=new_fitness,
            own_positions=np.where(better[:, None], new_positions, swarm.own_positions),
            own_fitness=np.where(better, new_fitness, swarm.own_fitness),
            velocities=swarm.velocities if proposal.velocities is None else proposal.velocities,
            leaders=leaders,
            leader_solutions=leader_solutions,
            leader_fitness=leader_fitness,
            iteration=swarm.iteration + 1,
            n_evaluations=swarm.n_evaluations + len(values),
            n_stale=0 if improved else swarm.n_stale + 1,
        )
    )


def iterate(
    swarm: Swarm, move: Move, fitness: Fitness, settle: Settle, rng: np.random.Generator, patience: int | None = None
) -> Iterator[Swarm]:
    """Yield the swarm after each iteration until it is finished.

    Parameters
    ----------
    swarm : Swarm
        To begin with.
    move : callable
        ``move(swarm, rng)`` returns a ``Proposal``.
    fitness, settle : callable
        As for ``advance``.
    rng : Generator
        The only source of chance: its state and the swarm decide all that follows.
    patience : int, optional
        Stop after so many iterations without improvement.

    Yields
    ------
    Swarm
    """
    while not finished(swarm, patience):
        swarm = advance(swarm, move(swarm, rng), fitness, settle, rng)
        yield swarm


def finished(swarm: Swarm, patience: int | None = None) -> bool:
    """Whether all moves are made, or the last ``patience`` of them improved nothing."""
    return swarm.iteration >= swarm.n_iterations or (patience is not None and swarm.n_stale >= patience)


def _evaluate(fitness: Fitness, solutions: np.ndarray) -> np.ndarray:
    values = np.asarray(fitness(solutions), dtype=np.float64)
    return np.where(np.isnan(values), np.inf, values)


def _leaders(
    positions: np.ndarray, solutions: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best three different solutions; the best again where there are fewer."""
    chosen: dict[bytes, int] = {}
    for place in np.argsort(values, kind="stable"):
        chosen.setdefault(solutions[place].tobytes(), int(place))
        if len(chosen) == N_LEADERS:
            break
    places = list(chosen.values())
    places += [places[0]] * (N_LEADERS - len(places))
    return positions[places], solutions[places], values[places]


def _recorded(swarm: Swarm) -> Swarm:
    """Append a row of history."""
    finite = swarm.fitness[np.isfinite(swarm.fitness)]
    mean = finite.mean() if len(finite) else np.inf
    size = swarm.best.sum() if swarm.binary else np.nan
    row = [swarm.best_fitness, mean, size, swarm.n_evaluations]
    return replace(swarm, history=np.vstack([swarm.history, row]))
