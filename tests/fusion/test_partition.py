"""Fused clusterings: by hand, by brute force, and as the theory says that the objective moves."""

from itertools import permutations, product

import numpy as np
import pytest
from sklearn.cluster import SpectralClustering
from sklearn.metrics import adjusted_rand_score

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.fusion.kernels import centred_kernel
from ferfusion.fusion.min_max import _agreement, _summed, min_max_partition
from ferfusion.fusion.partition import (
    PARTITIONERS,
    Clustering,
    base_partition,
    cluster_views,
    clustering_scores,
    co_association,
    cosine_kernel,
    partition_labels,
)


@pytest.fixture
def blocks():
    """Three clusters; each of three views confuses another pair of them a little."""
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 3
    centres = 4 * np.eye(3)
    made = []
    for view in range(3):
        seen = centres.copy()
        seen[view] = 0.6 * centres[view] + 0.4 * centres[view - 1]
        made.append(seen[truth] + rng.normal(size=(60, 3)))
    return made, truth


def partitions_of(blocks, k=3):
    return [base_partition(cosine_kernel(centred_kernel(A @ A.T)), k) for A in blocks]


def objective(H, partitions, rotations, weights):
    terms = zip(weights, partitions, rotations, strict=True)
    return np.trace(H.T @ sum(w**2 * P @ R for w, P, R in terms))


class TestPieces:
    def test_base_partition_maximises_the_trace(self):
        A = np.random.default_rng(0).normal(size=(20, 4))
        K = A @ A.T
        H = base_partition(K, 2)
        np.testing.assert_allclose(H.T @ H, np.eye(2), atol=1e-12)
        assert np.trace(H.T @ K @ H) == pytest.approx(np.sort(np.linalg.eigvalsh(K))[-2:].sum())

    def test_relaxed_kernel_k_means_finds_the_best_split_of_a_few_points(self):
        x = np.array([0.0, 0.3, 0.5, 3.0, 3.1, 3.9, 4.0])
        labels = partition_labels(base_partition(cosine_kernel(centred_kernel(np.outer(x, x))), 2))

        def within(split):
            return sum(((x[split == c] - x[split == c].mean()) ** 2).sum() for c in (0, 1))

        best = min((np.array((0, *rest)) for rest in product((0, 1), repeat=6) if any(rest)), key=within)
        np.testing.assert_array_equal(labels, best)

    def test_labels_are_numbered_by_first_appearance_and_zeros_have_none(self):
        H = np.array([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
        assert partition_labels(H).tolist() == [0, -1, 1, 0]

    def test_co_association_by_hand(self):
        # rows 0 and 1 are together in one of two; row 2 is known to the second alone; row 3 to none
        C = co_association([np.array([0, 0, -1, -1]), np.array([0, 1, 1, -1])])
        np.testing.assert_array_equal(C, [[1, 0.5, 0, 0], [0.5, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]])

    def test_scores_by_brute_force(self):
        rng = np.random.default_rng(0)
        y, labels = rng.integers(0, 3, 40), rng.integers(0, 4, 40)
        best = max(np.mean(np.array(order)[labels] == y) for order in permutations([0, 1, 2, 9]))
        purity = sum(np.bincount(y[labels == c]).max() for c in range(4)) / 40
        found = clustering_scores(y, labels)
        assert found["accuracy"] == pytest.approx(best)
        assert found["purity"] == pytest.approx(purity)
        assert found["ari"] == adjusted_rand_score(y, labels)
        assert set(clustering_scores(y, (y + 1) % 3).values()) == {1.0}


class TestMinMax:
    def test_constraints_and_value(self, blocks):
        partitions = partitions_of(blocks[0])
        found = min_max_partition(partitions)
        np.testing.assert_allclose(found.partition.T @ found.partition, np.eye(3), atol=1e-9)
        for R in found.rotations:
            np.testing.assert_allclose(R.T @ R, np.eye(3), atol=1e-9)
        assert found.weights.sum() == pytest.approx(1)
        value = objective(found.partition, partitions, found.rotations, found.weights)
        assert found.values[-1] == pytest.approx(value)

    def test_it_is_a_saddle(self, blocks):
        """No other weights are lower, no other partition and no other rotation higher."""
        partitions = partitions_of(blocks[0])
        found = min_max_partition(partitions)
        rng = np.random.default_rng(1)
        turned = [P @ R for P, R in zip(partitions, found.rotations, strict=True)]

        def greatest(weights):
            return np.linalg.svd(sum(w**2 * T for w, T in zip(weights, turned, strict=True)))[1].sum()

        assert found.values[-1] == pytest.approx(greatest(found.weights))
        assert min(greatest(w) for w in rng.dirichlet(np.ones(3), 300)) >= found.values[-1] * (1 - 1e-6)
        for _ in range(50):
            H = np.linalg.qr(found.partition + 0.1 * rng.normal(size=(60, 3)))[0]
            signs = np.sign(np.diag(H.T @ found.partition))
            assert objective(H * signs, partitions, found.rotations, found.weights) <= found.values[-1]
            R = np.linalg.qr(rng.normal(size=(3, 3, 3)))[0]
            assert objective(found.partition, partitions, R, found.weights) <= found.values[-1]

    def test_the_least_agreeing_view_gets_the_greatest_weight(self, blocks):
        noise = np.random.default_rng(2).normal(size=(60, 4))
        partitions = partitions_of([*blocks[0], noise])
        found = min_max_partition(partitions)
        assert found.weights.argmax() == 3
        terms = zip(partitions, found.rotations, strict=True)
        traces = np.array([np.trace(found.partition.T @ P @ R) for P, R in terms])
        np.testing.assert_allclose(found.weights, (1 / traces) / (1 / traces).sum(), atol=1e-3)

    def test_signs_and_order_of_views_are_nothing(self, blocks):
        partitions = partitions_of(blocks[0])
        one = min_max_partition(partitions)
        other = min_max_partition([P * [1, -1, -1] for P in partitions[::-1]])
        np.testing.assert_allclose(one.weights, other.weights[::-1], atol=1e-4)
        np.testing.assert_allclose(one.partition @ one.partition.T, other.partition @ other.partition.T, atol=1e-3)

    def test_views_that_agree_are_left_as_they_are(self, blocks):
        (P, *_) = partitions_of(blocks[0])
        found = min_max_partition([P, P @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]])
        np.testing.assert_allclose(found.weights, [0.5, 0.5], atol=1e-6)
        np.testing.assert_allclose(found.partition @ found.partition.T, P @ P.T, atol=1e-6)
        assert found.values[-1] == pytest.approx(3 / 2)  # 3 clusters times two weights of a quarter

    def test_in_turn_the_objective_rises(self, blocks):
        partitions = partitions_of(blocks[0])
        weights = np.array([0.5, 0.3, 0.2])
        rotations = np.stack([np.eye(3)] * 3)
        start = _summed(np.stack(partitions), weights)[0]
        H, turned, value = _agreement(partitions, rotations, weights)
        assert value > start
        assert objective(H, partitions, turned, weights) >= value - 1e-9


@pytest.mark.parametrize("method", PARTITIONERS)
class TestClusterViews:
    def test_finds_the_clusters(self, blocks, method):
        found = cluster_views(blocks[0], 3, method)
        assert adjusted_rand_score(blocks[1], found.labels) > 0.8
        assert found.weights.sum() == pytest.approx(1)

    def test_order_scale_and_a_constant_view_are_nothing(self, blocks, method):
        views, _ = blocks
        labels = cluster_views(views, 3, method).labels
        turned = cluster_views([np.full((60, 2), 0.1), 1000 * views[2] + 7, views[1], views[0]], 3, method)
        assert adjusted_rand_score(labels, turned.labels) == 1
        assert turned.weights[0] == 0

    def test_the_same_twice(self, blocks, method):
        one, other = (cluster_views(blocks[0], 3, method, kernel="rbf", random_state=4) for _ in range(2))
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.weights, other.weights)

    def test_one_view_is_its_own_clustering(self, blocks, method):
        A = blocks[0][0]
        expected = partition_labels(partitions_of([A])[0])
        assert adjusted_rand_score(cluster_views([A], 3, method).labels, expected) == 1

    def test_rows_that_lack_views(self, blocks, method):
        views = [A.copy() for A in blocks[0]]
        views[0][:15] = np.nan
        views[1][10:25] = np.nan
        views[2][[3, 50]] = np.nan
        views[1][3] = np.nan  # has nothing at all
        views[0][40, 1] = np.nan
        labels = cluster_views(views, 3, method).labels
        assert labels[3] == -1
        assert (np.delete(labels, 3) >= 0).all()
        assert adjusted_rand_score(np.delete(blocks[1], 3), np.delete(labels, 3)) > 0.5

    def test_errors(self, blocks, method):
        views, _ = blocks
        with pytest.raises(FeatureError, match="61 clusters cannot be made"):
            cluster_views(views, 61, method)
        with pytest.raises(FeatureError, match="No view varies"):
            cluster_views([np.ones((5, 2))], 2, method)
        with pytest.raises(FeatureError, match="the same rows"):
            cluster_views([views[0], views[1][:5]], 2, method)


def test_averaged_kernel_is_spectral_clustering_of_the_mean_kernel(blocks):
    views, _ = blocks
    kernels = [cosine_kernel(centred_kernel((A - A.mean(0)) @ (A - A.mean(0)).T)) for A in views]
    H = np.linalg.eigh(np.mean(kernels, axis=0))[1][:, -3:]
    found = cluster_views(views, 3, "averaged_kernel").labels
    assert adjusted_rand_score(found, partition_labels(H)) == 1
    theirs = SpectralClustering(3, affinity="precomputed", random_state=0).fit_predict(1 + np.mean(kernels, axis=0))
    assert adjusted_rand_score(found, theirs) > 0.9


def test_a_callable_and_an_unknown_name(blocks):
    def first(kernels, there, n_clusters, random_state):
        labels = partition_labels(base_partition(kernels[0], n_clusters), random_state)
        return Clustering(labels, np.eye(len(kernels))[0])

    assert cluster_views(blocks[0], 3, first).weights.tolist() == [1, 0, 0]
    with pytest.raises(UnknownNameError, match="way to cluster views 'minmax'"):
        cluster_views(blocks[0], 3, "minmax")
