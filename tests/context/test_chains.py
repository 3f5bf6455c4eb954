"""Recursions over chains, compared with all sequences written out."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from scipy.special import logsumexp

from ferfusion.context.chains import best_paths, chain_sums, forward_shares, steps_of

CHAINS = [np.array([3]), np.array([5, 0, 2, 7]), np.array([1, 6])]  # row 4 is in none


@pytest.fixture(params=[2, 3])
def scores(request):
    rng = np.random.default_rng(request.param)
    k = request.param
    return rng.normal(size=(8, k)), rng.normal(size=k), 2 * rng.normal(size=(k, k))


def all_sequences(E, start, T, chain):
    """Every sequence of states of a chain, and its score."""
    k = E.shape[1]
    for states in product(range(k), repeat=len(chain)):
        score = start[states[0]] + sum(E[row, s] for row, s in zip(chain, states, strict=True))
        yield np.array(states), score + sum(T[a, b] for a, b in pairwise(states))


def brute(E, start, T, chain):
    k = E.shape[1]
    sequences, totals = zip(*all_sequences(E, start, T, chain), strict=True)
    mass = logsumexp(totals)
    posterior, pairs = np.zeros((len(chain), k)), np.zeros((k, k))
    for states, share in zip(sequences, np.exp(np.array(totals) - mass), strict=True):
        posterior[np.arange(len(chain)), states] += share
        np.add.at(pairs, (states[:-1], states[1:]), share)
    return posterior, pairs, mass, sequences[int(np.argmax(totals))]


def test_sums_and_paths(scores):
    sums = chain_sums(*scores, steps_of(CHAINS))
    paths = best_paths(*scores, steps_of(CHAINS))
    pairs, mass = np.zeros_like(scores[2]), 0.0
    for chain in CHAINS:
        posterior, own_pairs, own_mass, best = brute(*scores, chain)
        np.testing.assert_allclose(sums.posterior[chain], posterior)
        np.testing.assert_array_equal(paths[chain], best)
        pairs, mass = pairs + own_pairs, mass + own_mass
    np.testing.assert_allclose(sums.pairs, pairs)
    assert sums.log_mass == pytest.approx(mass)
    assert np.isnan(sums.posterior[4]).all()
    assert paths[4] == -1


def test_forward_shares_are_posteriors_of_what_was_said_so_far(scores):
    shares = forward_shares(*scores, steps_of(CHAINS))
    for chain in CHAINS:
        for n in range(1, len(chain) + 1):
            np.testing.assert_allclose(shares[chain[n - 1]], brute(*scores, chain[:n])[0][-1])
    assert np.isnan(shares[4]).all()


def test_long_chains_do_not_underflow():
    E = np.log(np.full((2000, 3), 1e-4))
    E[:, 1] = np.log(0.9)
    sums = chain_sums(E, np.zeros(3), np.log(np.full((3, 3), 1 / 3)), [np.array([i]) for i in range(2000)])
    assert (sums.posterior.argmax(axis=1) == 1).all()
    np.testing.assert_allclose(sums.posterior.sum(axis=1), 1)
    assert sums.pairs.sum() == pytest.approx(1999)


def test_no_chains():
    E = np.zeros((2, 2))
    sums = chain_sums(E, np.zeros(2), np.zeros((2, 2)), steps_of([]))
    assert np.isnan(sums.posterior).all()
    assert sums.log_mass == 0
    assert best_paths(E, np.zeros(2), np.zeros((2, 2)), []).tolist() == [-1, -1]
