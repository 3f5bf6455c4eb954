"""Sequences of states: sums and maxima over all of them, for many chains at once. Functions on arrays of logarithms.

A chain scores a sequence of states by ``start[s_1] + sum_t E[t, s_t] + sum_t T[s_(t-1), s_t]``; the weight of the
sequence is the exponential of that. Rows of ``E`` that belong to no chain are left out of all sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

__all__ = ["ChainSums", "best_paths", "chain_sums", "forward_shares", "steps_of"]


class ChainSums(NamedTuple):
    """Sums over all sequences of states.

    Attributes
    ----------
    posterior : ndarray, shape (n_rows, n_states)
        Probability of each state at each row; NaN for rows in no chain.
    pairs : ndarray, shape (n_states, n_states)
        Expected number of steps from one state to another, over all chains.
    log_mass : float
        Logarithm of the weights of all sequences, summed over chains.
    """

    posterior: np.ndarray
    pairs: np.ndarray
    log_mass: float


def steps_of(chains: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Rows of the first step of all chains, of the second, ...; longest chains first, so that those that end drop off.

    Examples
    --------
    >>> [rows.tolist() for rows in steps_of([np.array([5, 2]), np.array([0, 1, 4])])]
    [[0, 5], [1, 2], [4]]
    """
    ordered = sorted((chain for chain in chains if len(chain)), key=len, reverse=True)
    longest = len(ordered[0]) if ordered else 0
    return [np.array([chain[t] for chain in ordered if len(chain) > t]) for t in range(longest)]


def _forward(E: np.ndarray, start: np.ndarray, T: np.ndarray, steps: list[np.ndarray]) -> np.ndarray:
    alpha = np.full(E.shape, np.nan)
    for t, rows in enumerate(steps):
        if t == 0:
            alpha[rows] = start + E[rows]
        else:
            came = alpha[steps[t - 1][: len(rows)]]
            alpha[rows] = E[rows] + logsumexp(came[:, :, None] + T, axis=1)
    return alpha


def forward_shares(E: np.ndarray, start: np.ndarray, T: np.ndarray, steps: list[np.ndarray]) -> np.ndarray:
    """Probability of each state given what came up to it, as if the chain ended there.

    Parameters
    ----------
    E : ndarray, shape (n_rows, n_states)
        Scores of states.
    start : ndarray, shape (n_states,)
        Scores of the first state.
    T : ndarray, shape (n_states, n_states)
        Scores of steps, from rows to columns.
    steps : list of ndarray
        As ``steps_of`` makes them.

    Returns
    -------
    ndarray, shape (n_rows, n_states)
        NaN for rows in no chain.
    """
    alpha = _forward(E, start, T, steps)
    return np.asarray(np.exp(alpha - logsumexp(alpha, axis=1, keepdims=True)))


def chain_sums(E: np.ndarray, start: np.ndarray, T: np.ndarray, steps: list[np.ndarray]) -> ChainSums:
    """Posteriors by the forward and backward recursions.

    Parameters
    ----------
    E, start, T, steps
        As for ``forward_shares``.

    Returns
    -------
    ChainSums
    """
    alpha = _forward(E, start, T, steps)
    beta = np.full(E.shape, np.nan)
    pairs = np.zeros_like(T, dtype=np.float64)
    mass = 0.0
    for t in range(len(steps) - 1, -1, -1):
        rows = steps[t]
        follows = steps[t + 1] if t + 1 < len(steps) else rows[:0]
        beta[rows[len(follows) :]] = 0.0
        if len(follows):
            goes = rows[: len(follows)]
            ahead = T + (E[follows] + beta[follows])[:, None, :]
            beta[goes] = logsumexp(ahead, axis=2)
            joint = alpha[goes][:, :, None] + ahead
            pairs += np.exp(joint - logsumexp(joint, axis=(1, 2), keepdims=True)).sum(axis=0)
        ended = rows[len(follows) :]
        mass += float(logsumexp(alpha[ended], axis=1).sum()) if len(ended) else 0.0
    total = alpha + beta
    return ChainSums(np.exp(total - logsumexp(total, axis=1, keepdims=True)), pairs, mass)


def best_paths(E: np.ndarray, start: np.ndarray, T: np.ndarray, steps: list[np.ndarray]) -> np.ndarray:
    """Best sequence of each chain, by Viterbi's recursion; of equal ones that of the lower states.

    Parameters
    ----------
    E, start, T, steps
        As for ``forward_shares``.

    Returns
    -------
    ndarray of int, shape (n_rows,)
        State of each row; -1 for rows in no chain.
    """
    best = np.full(E.shape, np.nan)
    came_from = np.zeros(E.shape, dtype=int)
    for t, rows in enumerate(steps):
        if t == 0:
            best[rows] = start + E[rows]
            continue
        scores = best[steps[t - 1][: len(rows)]][:, :, None] + T
        came_from[rows] = scores.argmax(axis=1)
        best[rows] = E[rows] + scores.max(axis=1)
    path = np.full(len(E), -1)
    for t in range(len(steps) - 1, -1, -1):
        rows = steps[t]
        n = len(steps[t + 1]) if t + 1 < len(steps) else 0
        path[rows[n:]] = best[rows[n:]].argmax(axis=1)
        if n:
            follows = steps[t + 1]
            path[rows[:n]] = came_from[follows, path[follows]]
    return path
