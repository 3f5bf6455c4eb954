"""Directions in common: against scikit-learn, by hand, and where they must not be fooled."""

import numpy as np
import pytest
from sklearn.cross_decomposition import CCA, PLSSVD

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.fusion.correlation import common_directions


@pytest.fixture
def views():
    """Two signals in common, of which the second is fainter, under noise and a rotation of each view."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=(400, 2))
    made = []
    for width in (5, 7, 6):
        noise = rng.normal(size=(400, width))
        noise[:, :2] = common * [1.0, 1.0] + noise[:, :2] * [0.2, 0.7]
        made.append(noise @ np.linalg.qr(rng.normal(size=(width, width)))[0] + rng.normal(size=width))
    return made, common


def centred(block):
    return block - block.mean(axis=0)


def test_same_as_scikit_learns_canonical_correlation(views):
    a, b = views[0][:2]
    found = common_directions([a, b], 3, shrinkage=0.0)
    theirs = CCA(n_components=3, max_iter=5000, tol=1e-12).fit(a, b)
    for k, (u, v) in enumerate(zip(*(scores.T for scores in theirs.transform(a, b)), strict=True)):
        ours = centred(a) @ found.projections[0][:, k]
        assert abs(np.corrcoef(ours, u)[0, 1]) == pytest.approx(1, abs=1e-5)
        assert found.strengths[k] == pytest.approx(np.corrcoef(u, v)[0, 1], abs=1e-6)
        assert np.corrcoef(ours, centred(b) @ found.projections[1][:, k])[0, 1] == pytest.approx(found.strengths[k])


def test_same_as_partial_least_squares_by_singular_values(views):
    a, b = views[0][:2]
    found = common_directions([a, b], 3, kind="covariance")
    theirs = PLSSVD(n_components=3, scale=False).fit(a, b)
    for ours, weights in zip(found.projections, (theirs.x_weights_, theirs.y_weights_), strict=True):
        np.testing.assert_allclose(np.abs(ours.T @ weights), np.eye(3), atol=1e-6)


def test_three_views_find_what_they_share(views):
    blocks, common = views
    found = common_directions(blocks, 2, shrinkage=0.0)
    for block, projection in zip(blocks, found.projections, strict=True):
        scores = centred(block) @ projection
        np.testing.assert_allclose(scores.std(axis=0), 1)
        assert abs(np.corrcoef(scores[:, 0], common[:, 0])[0, 1]) > 0.95
        assert abs(np.corrcoef(scores[:, 1], common[:, 1])[0, 1]) > 0.7
    assert found.strengths[0] > found.strengths[1] > 0.5


def test_twice_the_same_pair_is_the_pair(views):
    """Of three views, two of which are the same, the sum of correlations is that of all pairs."""
    a = views[0][0]
    found = common_directions([a, a, a], 2, shrinkage=0.0)
    np.testing.assert_allclose(found.strengths, 1)


def test_order_of_views_is_nothing(views):
    blocks, _ = views
    one, other = common_directions(blocks, 2), common_directions(blocks[::-1], 2)
    np.testing.assert_allclose(one.strengths, other.strengths)
    for first, second in zip(one.projections, other.projections[::-1], strict=True):
        np.testing.assert_allclose(np.abs(first), np.abs(second), atol=1e-8)


def test_discriminant_directions_tell_classes_apart():
    rng = np.random.default_rng(1)
    y = np.repeat(np.arange(3), 60)
    means = rng.normal(size=(3, 2)) * 2
    loud = rng.normal(size=(180, 1)) * 5  # in common, but not of the class
    blocks = [np.column_stack([means[y] + rng.normal(size=(180, 2)), loud]) for _ in range(2)]
    plain, telling = (
        common_directions(blocks, 1, kind=kind, shrinkage=0.0, y=y) for kind in ("correlation", "discriminant")
    )

    def between(found):
        scores = (centred(blocks[0]) @ found.projections[0])[:, 0]
        return np.var([scores[y == k].mean() for k in range(3)]) / scores.var()

    assert between(telling) > 0.5 > 10 * between(plain)


def test_more_columns_than_samples_need_shrinkage():
    rng = np.random.default_rng(2)
    common = rng.normal(size=(60, 1))
    blocks = [common @ rng.normal(size=(1, 300)) + rng.normal(size=(60, 300)) for _ in range(2)]
    train, test = slice(0, 40), slice(40, 60)

    def held_out(shrinkage):
        found = common_directions([block[train] for block in blocks], 1, shrinkage=shrinkage)
        scores = [
            (block[test] - block[train].mean(axis=0)) @ projection[:, 0]
            for block, projection in zip(blocks, found.projections, strict=True)
        ]
        return found.strengths[0], np.corrcoef(*scores)[0, 1]

    assert held_out(0.0)[0] == pytest.approx(1)  # anything goes with anything
    assert held_out(0.5)[1] > 0.8


def test_scale_and_offset_of_a_view_change_nothing(views):
    a, b = views[0][:2]
    one, other = common_directions([a, b], 2), common_directions([1000 * a + 7, b], 2)
    np.testing.assert_allclose(one.strengths, other.strengths)
    np.testing.assert_allclose(np.abs(one.projections[1]), np.abs(other.projections[1]), atol=1e-8)


def test_no_more_components_than_there_are(views):
    a, b = views[0][:2]
    assert len(common_directions([a[:, :2], b], 10).strengths) == 2
    doubled = np.column_stack([a[:, :2], a[:, :2]])
    assert common_directions([doubled, b], 10).projections[0].shape == (4, 2)


def test_errors(views):
    a, b = views[0][:2]
    with pytest.raises(FeatureError, match="two views at least, not 1"):
        common_directions([a])
    with pytest.raises(FeatureError, match="differ in their numbers of samples"):
        common_directions([a, b[1:]])
    with pytest.raises(FeatureError, match="need the classes"):
        common_directions([a, b], kind="discriminant")
    with pytest.raises(FeatureError, match="does not vary"):
        common_directions([a, np.ones((400, 3))])
    with pytest.raises(UnknownNameError, match="corelation"):
        common_directions([a, b], kind="corelation")
