"""The engine, moves, binarisations and starts on fitness functions whose best is known."""

from itertools import pairwise

import numpy as np
import pytest

from ferfusion.base.errors import UnknownNameError
from ferfusion.selection.swarm.binarise import BINARISATIONS, at_most, binariser, sigmoid, slope_for, v_shaped
from ferfusion.selection.swarm.engine import begin, finished, iterate
from ferfusion.selection.swarm.hawks import levy_steps
from ferfusion.selection.swarm.moves import MOVES, move_of
from ferfusion.selection.swarm.starts import STARTS, largest_start, opposite, ranked, sparse, start_of
from ferfusion.selection.swarm.state import HISTORY
from ferfusion.selection.swarm.wolves import DECAYS, crossed_leaders, encircled

N_COLUMNS = 25


def planted(seed, n_columns=N_COLUMNS):
    """Weighted number of wrong bits: the best mask has fitness 0."""
    rng = np.random.default_rng(1000 + seed)
    truth = np.zeros(n_columns, dtype=bool)
    truth[rng.choice(n_columns, 6, replace=False)] = True
    weights = rng.uniform(0.5, 1.5, n_columns)
    return lambda masks: ((masks != truth) * weights).sum(axis=1) / weights.sum()


def run(fitness, move, settle, seed=0, n_agents=12, n_iterations=40, n_columns=N_COLUMNS, patience=None):
    rng = np.random.default_rng(seed)
    swarm = begin(sparse(n_agents, n_columns, rng, largest=10), fitness, n_iterations)
    swarms = [swarm, *iterate(swarm, move_of(move), fitness, binariser(settle), rng, patience)]
    return swarms


def by_chance(fitness, n_masks, seed):
    rng = np.random.default_rng(seed)
    return fitness(sparse(n_masks, N_COLUMNS, rng, largest=10) > 0.5).min()


class TestKnownOptimum:
    @pytest.mark.parametrize("move", MOVES)
    def test_every_move_finds_the_planted_mask_more_often_than_not(self, move):
        found = [run(planted(s), move, "sigmoid", s)[-1].best_fitness == 0 for s in range(10)]
        assert np.mean(found) >= 0.5

    @pytest.mark.parametrize("settle", ["sigmoid", "v_shaped"])
    @pytest.mark.parametrize("move", MOVES)
    def test_every_move_beats_as_many_random_masks(self, move, settle):
        ours, theirs = [], []
        for seed in range(6):
            last = run(planted(seed), move, settle, seed)[-1]
            ours.append(last.best_fitness)
            theirs.append(by_chance(planted(seed), last.n_evaluations, seed))
        assert np.mean(ours) < 0.5 * np.mean(theirs)

    @pytest.mark.parametrize("move", ["grey_wolf", "dimension_learning", "binary_grey_wolf", "genetic"])
    def test_by_the_threshold_some_do(self, move):
        ours, theirs = [], []
        for seed in range(10):
            last = run(planted(seed), move, "threshold", seed)[-1]
            ours.append(last.best_fitness)
            theirs.append(by_chance(planted(seed), last.n_evaluations, seed))
        assert np.mean(ours) < 0.8 * np.mean(theirs)

    @pytest.mark.parametrize("move", sorted(set(MOVES) - {"binary_grey_wolf"}))
    def test_numbers_are_found_too(self, move):
        target = np.array([0.3, 0.8, 0.55])

        def fitness(positions):
            return ((positions - target) ** 2).sum(axis=1)

        def keep(proposed, present, rng):
            return proposed

        ours, theirs = [], []
        for seed in range(8):
            rng = np.random.default_rng(seed)
            swarm = begin(rng.random((10, 3)), fitness, 30, binary=False)
            for moved in iterate(swarm, move_of(move), fitness, keep, rng):
                swarm = moved
            ours.append(swarm.best_fitness)
            theirs.append(fitness(rng.random((swarm.n_evaluations, 3))).min())
        assert np.mean(ours) < np.mean(theirs)


class TestEngine:
    @pytest.mark.parametrize("settle", BINARISATIONS)
    @pytest.mark.parametrize("move", MOVES)
    def test_what_holds_after_every_iteration(self, move, settle):
        asked, values = [], []

        def fitness(masks):
            asked.append(masks.copy())
            values.append(np.where(masks.any(axis=1), planted(0)(masks), np.nan))
            return values[-1]

        swarms = run(fitness, move, settle, n_agents=5, n_iterations=12)
        for before, swarm in zip([None, *swarms], swarms, strict=False):
            assert swarm.positions.min() >= 0
            assert swarm.positions.max() <= 1
            assert swarm.solutions.dtype == bool
            np.testing.assert_array_equal(swarm.solutions, swarm.positions > 0.5)
            np.testing.assert_array_equal(swarm.leader_solutions, swarm.leaders > 0.5)
            assert (np.diff(swarm.leader_fitness) >= 0).all()
            assert len({mask.tobytes() for mask in swarm.leader_solutions}) == 3
            assert (swarm.own_fitness <= swarm.fitness).all()
            assert before is None or swarm.best_fitness <= before.best_fitness
        every, all_values = np.concatenate(asked), np.concatenate(values)
        last = swarms[-1]
        assert last.best_fitness == np.nanmin(all_values)
        assert all_values[(every == last.best).all(axis=1)][0] == last.best_fitness
        assert last.n_evaluations == len(every)
        assert last.history.shape == (13, len(HISTORY))
        np.testing.assert_array_equal(last.history[:, 0], [swarm.best_fitness for swarm in swarms])
        np.testing.assert_array_equal(last.history[:, 2], [swarm.best.sum() for swarm in swarms])
        np.testing.assert_array_equal(last.history[:, 3], [swarm.n_evaluations for swarm in swarms])
        assert last.history[-1, 1] == last.fitness[np.isfinite(last.fitness)].mean()

    @pytest.mark.parametrize("move", MOVES)
    @pytest.mark.parametrize("n_agents", [1, 2])
    def test_one_column_and_hardly_any_agents(self, move, n_agents):
        def fitness(masks):
            return np.where(masks.any(axis=1), 0.25, np.inf)

        rng = np.random.default_rng(0)
        swarm = begin(np.full((n_agents, 1), 0.75), fitness, 5)
        for moved in iterate(swarm, move_of(move), fitness, sigmoid, rng):
            swarm = moved
        assert swarm.best.tolist() == [True]
        assert swarm.best_fitness == 0.25

    def test_fitness_that_is_never_there_is_infinite_and_harmless(self):
        for move in MOVES:
            last = run(lambda masks: np.full(len(masks), np.nan), move, "sigmoid", n_agents=4, n_iterations=3)[-1]
            assert np.isinf(last.best_fitness)

    def test_the_best_of_more_starts_are_kept(self):
        starts = np.array([[0.9, 0.1], [0.9, 0.9], [0.1, 0.9], [0.1, 0.1]])
        swarm = begin(starts, lambda masks: masks @ np.array([1.0, 2.0]), 5, n_agents=2)
        np.testing.assert_array_equal(swarm.positions, starts[[0, 3]])
        assert swarm.n_evaluations == 4

    def test_patience(self):
        swarms = run(lambda masks: np.ones(len(masks)), "grey_wolf", "sigmoid", patience=3)
        assert swarms[-1].iteration == 3
        assert finished(swarms[-1], 3)
        assert not finished(swarms[-1], 4)

    def test_greedy_agents_stay_unless_they_improve(self):
        for swarms in (run(planted(1), move, "sigmoid", 1) for move in ("sparrow", "dimension_learning")):
            for before, after in pairwise(swarms):
                assert (after.fitness <= before.fitness).all()

    def test_a_move_leaves_the_swarm_as_it_is(self):
        swarm = run(planted(0), "genetic", "sigmoid", n_iterations=2)[-1]
        before = {name: array.copy() for name, array in swarm.arrays().items()}
        for move in MOVES:
            move_of(move)(swarm, np.random.default_rng(0))
        for name, array in swarm.arrays().items():
            np.testing.assert_array_equal(array, before[name])


class Fixed:
    """Generator whose uniform numbers are given."""

    def __init__(self, number):
        self.number = number

    def random(self, shape):
        return np.full(shape, self.number)


class TestByHand:
    def test_a_wolf_between_three_leaders(self):
        positions, leaders = np.array([[0.5]]), np.array([[1.0], [0.0], [0.5]])
        r1, r2 = np.array([[[0.75]], [[0.25]], [[1.0]]]), np.array([[[0.5]], [[0.5]], [[0.75]]])
        # A = 2 a r1 - a = 0.5, -0.5, 1; C = 1, 1, 1.5; D = |C leader - 0.5| = 0.5, 0.5, 0.25
        expected = [1.0 - 0.25, 0.0 + 0.25, 0.5 - 0.25]
        np.testing.assert_allclose(encircled(positions, leaders, 1.0, r1, r2)[:, 0, 0], expected)

    def test_a_whole_step_of_the_pack(self):
        swarm = run(planted(0), "grey_wolf", "threshold", n_agents=4, n_iterations=8)[2]
        candidates = move_of("grey_wolf")(swarm, Fixed(0.2)).candidates[0]
        a = 2.0 - 2.0 * 2 / 8
        for i in range(4):
            for j in range(N_COLUMNS):
                total = 0.0
                for leader in swarm.leaders[:, j]:
                    total += leader - (2 * a * 0.2 - a) * abs(2 * 0.2 * leader - swarm.positions[i, j])
                assert candidates[i, j] == pytest.approx(total / 3)

    def test_bits_of_the_binary_wolf(self):
        leaders = np.array([[True, False, False]] * 3)
        bits = np.array([[0.0, 1.0, 0.0]])
        random = np.zeros((3, 3, 1, 3))
        random[0] = 1.0  # A = a = 1
        random[1] = 0.5  # C = 1; D = 1, 1, 0
        random[2] = 0.5
        leader = np.zeros((1, 3), dtype=int)
        # the sigmoid of the step 1 is near 1 and that of 0 near 0
        np.testing.assert_array_equal(crossed_leaders(bits, leaders, 1.0, random, leader), [[1.0, 1.0, 0.0]])
        # with A = -1 only the leader's own bit is left
        random[0] = 0.0
        np.testing.assert_array_equal(crossed_leaders(bits, leaders, 1.0, random, leader), [[1.0, 0.0, 0.0]])

    def test_a_particle(self):
        swarm = run(planted(0), "particle_swarm", "sigmoid", n_agents=4, n_iterations=8)[3]
        proposal = MOVES["particle_swarm"](swarm, Fixed(0.5), inertia=0.4, pull=1.0, fastest=0.9)
        drawn = 0.5 * (swarm.own_positions - swarm.positions) + 0.5 * (swarm.leaders[0] - swarm.positions)
        expected = np.clip(0.4 * swarm.velocities + drawn, -0.9, 0.9)
        assert np.abs(swarm.velocities).max() > 0
        np.testing.assert_allclose(proposal.velocities, expected)
        np.testing.assert_allclose(proposal.candidates[0], swarm.positions + expected)

    def test_decays_fall_from_one_to_zero(self):
        shares = np.linspace(0, 1, 9)
        falls = {name: np.array([decay(share) for share in shares]) for name, decay in DECAYS.items()}
        for fall in falls.values():
            assert fall[0] == pytest.approx(1)
            assert fall[-1] == pytest.approx(0)
            assert (np.diff(fall) < 0).all()
        assert (falls["quadratic"] >= falls["linear"]).all()
        assert (falls["exponential"] <= falls["linear"] + 1e-12).all()

    def test_a_greedy_dive_needs_two_evaluations(self):
        swarm = run(planted(0), "harris_hawks", "sigmoid", n_agents=50, n_iterations=4)[3]
        proposal = move_of("harris_hawks")(swarm, np.random.default_rng(0))
        assert proposal.active[0].all()
        np.testing.assert_array_equal(proposal.active[1], proposal.greedy)
        # after three quarters of the moves the prey is weak (|E| <= 0.5), and half of the hawks dive
        assert 0.3 < proposal.greedy.mean() < 0.7

    def test_levy_flights_have_heavy_tails(self):
        steps = np.abs(levy_steps(np.random.default_rng(0), (20000,)))
        assert np.median(steps) < 0.02
        assert steps.max() > 50 * np.median(steps)


class TestBinarisations:
    def test_sigmoid_draws_by_its_curve(self):
        rng = np.random.default_rng(0)
        proposed = np.full((20000, 3), [0.0, 0.5, 0.7])
        bits = sigmoid(proposed, proposed, rng)
        assert set(np.unique(bits)) == {0.0, 1.0}
        np.testing.assert_allclose(bits.mean(axis=0), [1 / (1 + np.exp(5)), 0.5, 1 / (1 + np.exp(-2))], atol=0.012)

    @pytest.mark.parametrize("n_columns", [200, 1000, 6373])
    def test_among_many_columns_hardly_one_joins_by_chance(self, n_columns):
        assert n_columns / (1 + np.exp(0.5 * slope_for(n_columns))) <= 1.0

    def test_v_shape_flips_by_the_length_of_the_step(self):
        rng = np.random.default_rng(0)
        n = 20000
        present = np.tile([0.0, 1.0, 1.0, *[0.0] * 97], (n, 1))
        proposed = present + np.array([1.0, -0.5, 0.0, *[0.0] * 97])
        flipped = (v_shaped(proposed, present, rng) != present).mean(axis=0)
        np.testing.assert_allclose(flipped[:3], [np.tanh(1), np.tanh(0.5), 0.01], atol=0.012)

    def test_too_many_columns_lose_the_lowest(self):
        positions = np.array([[0.9, 0.6, 0.8, 0.2], [0.1, 0.7, 0.2, 0.3]])
        kept = at_most(positions, 2, np.random.default_rng(0))
        np.testing.assert_allclose(kept, [[0.9, 0.4, 0.8, 0.2], [0.1, 0.7, 0.2, 0.3]])

    def test_ties_are_broken_by_chance(self):
        kept = at_most(np.ones((400, 4)), 1, np.random.default_rng(0))
        assert (kept.sum(axis=1) == 1).all()
        assert (kept.mean(axis=0) > 0.15).all()

    def test_unknown_names(self):
        with pytest.raises(UnknownNameError, match="'sigmoid'"):
            binariser("sigmoit")
        with pytest.raises(UnknownNameError, match="'whale'"):
            move_of("whales")
        with pytest.raises(UnknownNameError, match="'sparse'"):
            start_of("spars")
        with pytest.raises(UnknownNameError, match="'linear'"):
            move_of("grey_wolf", {"decay": "linea"})(run(planted(0), "whale", "sigmoid")[0], Fixed(0.5))


class TestStarts:
    @pytest.mark.parametrize("n_columns", [1, 3, 12, 400])
    @pytest.mark.parametrize("name", sorted(set(STARTS) - {"uniform"}))
    def test_masks_are_sparse_and_never_empty(self, name, n_columns):
        rng = np.random.default_rng(0)
        largest = largest_start(n_columns)
        ranking = rng.permutation(n_columns)
        positions = start_of(name)(50, n_columns, rng, largest=largest, ranking=ranking)
        sizes = (positions > 0.5).sum(axis=1)
        assert positions.shape == (50, n_columns)
        assert positions.min() >= 0
        assert positions.max() <= 1
        assert sizes.min() >= 1
        assert sizes.max() <= largest
        assert n_columns < 10 or largest < n_columns

    def test_largest(self):
        assert [largest_start(d) for d in (1, 9, 12, 99, 988)] == [1, 9, 10, 10, 98]

    def test_ranked_begins_with_the_plain_filter_and_prefers_its_best(self):
        rng = np.random.default_rng(0)
        ranking = rng.permutation(200)
        masks = ranked(400, 200, rng, largest=20, ranking=ranking) > 0.5
        for mask in masks[:200]:
            assert set(np.flatnonzero(mask)) == set(ranking[: mask.sum()])
        assert masks[0].sum() == 20
        assert masks[199].sum() == 1
        often = masks[200:].mean(axis=0)[ranking]
        assert often[0] > often[1] > often[20:].mean()
        assert often[100:].sum() > 0

    @pytest.mark.parametrize("name", ["logistic", "tent"])
    def test_chaos_reaches_all_columns_evenly(self, name):
        rng = np.random.default_rng(0)
        masks = start_of(name)(2000, 40, rng, largest=10) > 0.5
        assert masks.mean(axis=0).min() > 0.5 * masks.mean()
        assert len({mask.tobytes() for mask in masks}) > 1000

    def test_opposites(self):
        np.testing.assert_allclose(opposite(np.array([[0.2, 1.0]])), [[0.8, 0.0]])

    def test_uniform_is_dense(self):
        assert 0.4 < (start_of("uniform")(20, 100, np.random.default_rng(0)) > 0.5).mean() < 0.6
