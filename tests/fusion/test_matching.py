"""Directions in which rows find their other halves, and points in the space of a kernel."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import check_grad
from sklearn.decomposition import KernelPCA

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.base.table import features_of
from ferfusion.fusion import CoordinatedViews, common_directions, match_ranks
from ferfusion.fusion.kernel_map import apply_kernel_map, fit_kernel_map
from ferfusion.fusion.matching import matched_directions, matching_loss


def pairs(seed, n, width=12, noise=0.6, n_common=6):
    rng = np.random.default_rng(seed)
    maps = [np.random.default_rng(99 + k).normal(size=(n_common, width)) for k in range(2)]
    common = rng.normal(size=(n, n_common))
    return [common @ M + noise * rng.normal(size=(n, width)) for M in maps]


def scores(blocks, directions):
    return [(block - block.mean(axis=0)) @ P for block, P in zip(blocks, directions.projections, strict=True)]


class TestMatching:
    @pytest.mark.parametrize("n_views", [2, 3])
    def test_slopes_are_those_of_differences(self, n_views):
        rng = np.random.default_rng(0)
        start = rng.normal(size=(n_views, 5, 3))

        def value(flat):
            return matching_loss(list(flat.reshape(start.shape)), 0.5)[0]

        def slope(flat):
            return np.stack(matching_loss(list(flat.reshape(start.shape)), 0.5)[1]).ravel()

        assert check_grad(value, slope, start.ravel()) < 1e-6

    def test_loss_of_equal_cosines(self):
        same = np.ones((7, 2))
        assert matching_loss([same, same])[0] == pytest.approx(np.log(7))

    def test_matches_become_likelier_than_under_canonical_directions(self):
        blocks = pairs(0, 150)
        begin = common_directions(blocks, 4)
        found = matched_directions(blocks, 4)
        assert matching_loss(scores(blocks, found))[0] < 0.95 * matching_loss(scores(blocks, begin))[0]
        unseen = pairs(1, 150)
        assert match_ranks(*scores(unseen, found)).mean() < 10  # 74.5 by chance

    def test_a_heavy_penalty_holds_the_start(self):
        blocks = pairs(2, 60)
        begin, held = common_directions(blocks, 2), matched_directions(blocks, 2, penalty=1e6)
        for one, other in zip(scores(blocks, begin), scores(blocks, held), strict=True):
            assert np.abs(np.diag(np.corrcoef(one.T, other.T)[:2, 2:])) == pytest.approx(1.0, abs=1e-4)

    def test_more_columns_than_rows(self):
        blocks = pairs(3, 20, width=50)
        found = matched_directions(blocks, 3)
        assert all(np.isfinite(P).all() and P.shape == (50, 3) for P in found.projections)

    def test_a_view_that_does_not_vary(self):
        with pytest.raises(FeatureError, match="does not vary"):
            matched_directions([np.ones((5, 2)), np.eye(5)], 1)


class TestKernelMap:
    def test_points_are_kernel_components(self):
        A, B = pairs(4, 40)
        points = apply_kernel_map(A, fit_kernel_map(A, "rbf", 0.5), "rbf", 0.5)
        asked = apply_kernel_map(B, fit_kernel_map(A, "rbf", 0.5), "rbf", 0.5)
        scale = np.sqrt(A.var(axis=0).sum())
        reference = KernelPCA(kernel="rbf", gamma=0.5, n_components=5).fit(A / scale)
        np.testing.assert_allclose(np.abs(points[:, :5]), np.abs(reference.transform(A / scale)), atol=1e-8)
        np.testing.assert_allclose(np.abs(asked[:, :5]), np.abs(reference.transform(B / scale)), atol=1e-8)

    def test_a_linear_kernel_changes_no_correlation(self, views):
        plain = CoordinatedViews(n_components=2, shrinkage=0.0).fit(views)
        mapped = CoordinatedViews(n_components=2, shrinkage=0.0, kernel="linear").fit(views)
        np.testing.assert_allclose(plain.strengths_, mapped.strengths_, atol=1e-8)
        one, other = plain.transform(views), mapped.transform(views)
        for view in plain.views_:
            np.testing.assert_allclose(np.abs(features_of(one, view)), np.abs(features_of(other, view)), atol=1e-6)

    def test_what_no_line_can_find(self):
        """The square of a column goes with it only in the space of a kernel."""
        values = np.random.default_rng(5).normal(size=(2, 300))

        def table(x):
            return pd.DataFrame({"audio_a__x": x, "text_b__y": x**2})

        strengths = {}
        for kernel in (None, "rbf"):
            model = CoordinatedViews(n_components=1, kernel=kernel, shrinkage=0.5).fit(table(values[0]))
            out = model.transform(table(values[1]))
            strengths[kernel] = abs(np.corrcoef(features_of(out, "audio_a").T, features_of(out, "text_b").T)[0, 1])
        assert strengths[None] < 0.3 < 0.9 < strengths["rbf"]

    def test_no_such_names(self, views):
        with pytest.raises(UnknownNameError, match="kernel"):
            CoordinatedViews(kernel="none such").fit(views)
        with pytest.raises(UnknownNameError, match="matching"):
            CoordinatedViews("none such").fit(views)

    def test_matching_on_the_table(self, views):
        out = CoordinatedViews("matching", n_components=2).fit_transform(views)
        blocks = [features_of(views, view) for view in ("audio_a", "text_b")]
        found = matched_directions(blocks, 2)
        np.testing.assert_allclose(features_of(out, "audio_a"), scores(blocks, found)[0], atol=1e-5)


@pytest.fixture
def views():
    blocks = dict(zip(("audio_a", "text_b"), pairs(6, 80, width=5, n_common=2), strict=True))
    columns = {f"{view}__f{k}": block[:, k] for view, block in blocks.items() for k in range(5)}
    return pd.DataFrame(columns)
