"""What a swarm knows after an iteration, and what a move asks it to try."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

__all__ = ["HISTORY", "N_LEADERS", "Proposal", "Swarm", "everywhere", "masks_of"]

N_LEADERS = 3  # alpha, beta, delta
HISTORY = ("best_fitness", "mean_fitness", "best_size", "n_evaluations")  # columns of a history


@dataclass(frozen=True)
class Swarm:
    """Agents in the unit cube after an iteration; a move reads it and changes nothing.

    Attributes
    ----------
    positions : ndarray, shape (n_agents, n_dimensions)
        In [0, 1].
    solutions : ndarray, shape (n_agents, n_dimensions)
        What was evaluated at these positions: masks (bool) in a search of columns, else the positions themselves.
    fitness : ndarray, shape (n_agents,)
        Of the solutions; smaller is better, infinite where there is none.
    own_positions, own_fitness : ndarray, shape (n_agents, n_dimensions) and (n_agents,)
        The best that each agent has met.
    velocities : ndarray, shape (n_agents, n_dimensions)
        Of particles; others leave them alone.
    leaders : ndarray, shape (3, n_dimensions)
        Positions of the best three different solutions that were ever evaluated, best first.
    leader_solutions : ndarray, shape (3, n_dimensions)
        These solutions, just as they were evaluated.
    leader_fitness : ndarray, shape (3,)
        Their fitness.
    history : ndarray, shape (iteration + 1, 4)
        One row an iteration (the first: the start); its columns are named by ``HISTORY``.
    iteration : int
        Moves made so far.
    n_iterations : int
        Moves planned, by which moves measure out exploration and exploitation.
    n_evaluations : int
        Solutions whose fitness was asked for, repeated ones included.
    n_stale : int
        Moves since the best solution was last improved.
    """

    positions: np.ndarray
    solutions: np.ndarray
    fitness: np.ndarray
    own_positions: np.ndarray
    own_fitness: np.ndarray
    velocities: np.ndarray
    leaders: np.ndarray
    leader_solutions: np.ndarray
    leader_fitness: np.ndarray
    history: np.ndarray
    iteration: int
    n_iterations: int
    n_evaluations: int
    n_stale: int

    @property
    def progress(self) -> float:
        """Share of the planned moves that are made, from 0 to 1."""
        return self.iteration / max(self.n_iterations, 1)

    @property
    def binary(self) -> bool:
        """Whether solutions are masks."""
        return self.solutions.dtype == bool

    @property
    def best(self) -> np.ndarray:
        """The best solution that was ever evaluated, shape (n_dimensions,)."""
        return self.leader_solutions[0]

    @property
    def best_fitness(self) -> float:
        """Its fitness."""
        return float(self.leader_fitness[0])

    def arrays(self) -> dict[str, np.ndarray]:
        """Fields that are arrays, by name."""
        return {name: value for name, value in self._items() if isinstance(value, np.ndarray)}

    def numbers(self) -> dict[str, int]:
        """Fields that are numbers, by name."""
        return {name: int(value) for name, value in self._items() if not isinstance(value, np.ndarray)}

    def _items(self) -> list[tuple[str, Any]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


class Proposal(NamedTuple):
    """Positions that a move wants to have evaluated.

    Attributes
    ----------
    candidates : ndarray, shape (n_candidates, n_agents, n_dimensions)
        Each agent goes to the best of its candidates. They may lie outside of the unit cube; the engine clips them.
    active : ndarray of bool, shape (n_candidates, n_agents)
        Which candidates are meant; the first of each agent always is.
    greedy : ndarray of bool, shape (n_agents,)
        Agents that stay where they are unless they improve.
    velocities : ndarray, shape (n_agents, n_dimensions), or None
        What the agents' velocities become.
    """

    candidates: np.ndarray
    active: np.ndarray
    greedy: np.ndarray
    velocities: np.ndarray | None = None


def everywhere(positions: np.ndarray, greedy: bool = False, velocities: np.ndarray | None = None) -> Proposal:
    """One candidate for each agent.

    Parameters
    ----------
    positions : ndarray, shape (n_agents, n_dimensions)
        Where to.
    greedy : bool, default=False
        Whether agents go there only if that improves them.
    velocities : ndarray, shape (n_agents, n_dimensions), optional
        Of particles.

    Returns
    -------
    Proposal
    """
    n = len(positions)
    return Proposal(positions[None], np.ones((1, n), dtype=bool), np.full(n, greedy), velocities)


def masks_of(positions: np.ndarray) -> np.ndarray:
    """Masks for which positions stand: the columns that lie above one half."""
    return positions > 0.5
