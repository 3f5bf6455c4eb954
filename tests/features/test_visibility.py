"""Visibility graphs are those of the definition, their measures those of networkx, and graphs of clips are robust."""

from __future__ import annotations

import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.corpora import make_corpus
from ferfusion.features.audio.lld.pitch import find_pitch
from ferfusion.features.audio.reading import Recording
from ferfusion.features.graph.clip import SERIES, VisibilityGraph, contour_of
from ferfusion.features.graph.measures import MEASURES, communities_of, graph_measures, modularity_of
from ferfusion.features.graph.visibility import visibility_edges

nx = pytest.importorskip("networkx")
RATE = 16000


def by_definition(series, times=None, kind="natural"):
    """Pairs with nothing at or above the line between them, in exact arithmetic."""
    x = [Fraction(float(value)) for value in series]
    t = [Fraction(float(value)) for value in (range(len(x)) if times is None else times)]

    def line(a, b, c):
        return min(x[a], x[b]) if kind == "horizontal" else x[b] + (x[a] - x[b]) * (t[b] - t[c]) / (t[b] - t[a])

    pairs = [(a, b) for a in range(len(x)) for b in range(a + 1, len(x))]
    return [[a, b] for a, b in pairs if all(x[c] < line(a, b, c) for c in range(a + 1, b))]


def as_networkx(edges, n_nodes):
    graph = nx.Graph()
    graph.add_nodes_from(range(n_nodes))
    graph.add_edges_from(edges.tolist())
    return graph


@pytest.fixture(scope="module")
def clips():
    return list(make_corpus(n_speakers=2, n_utterances=6, views=("audio",)).X["audio"])


class TestEdges:
    @settings(deadline=None, max_examples=150)
    @given(st.lists(st.integers(0, 6), max_size=22))
    def test_definition_with_many_ties(self, series):
        for kind in ("natural", "horizontal"):
            assert visibility_edges(np.array(series, float), kind=kind).tolist() == by_definition(series, kind=kind)

    @pytest.mark.parametrize("kind", ["natural", "horizontal"])
    def test_definition_of_other_series(self, kind):
        rng = np.random.default_rng(0)
        n = np.arange(40.0)
        walk = rng.standard_normal(40).cumsum()
        for series in (walk, -(n**2), n**2, (n - 20) ** 2, -((n - 20) ** 2), 3 * n, 5 - n, np.sin(n), 1e-300 * walk):
            assert visibility_edges(series, kind=kind).tolist() == by_definition(series, kind=kind)

    def test_uneven_times(self):
        rng = np.random.default_rng(1)
        times = np.cumsum(rng.integers(1, 5, 40))
        series = rng.integers(0, 9, 40)
        edges = visibility_edges(series, times)
        assert edges.tolist() == by_definition(series, times)
        assert edges.tolist() != visibility_edges(series).tolist()
        assert visibility_edges(series, times, "horizontal").tolist() == by_definition(series, kind="horizontal")

    def test_networkx(self):
        rng = np.random.default_rng(2)
        for series in (rng.random(200), rng.standard_normal(200).cumsum()):
            expected = sorted(tuple(sorted(edge)) for edge in nx.visibility_graph(series.tolist()).edges)
            assert [tuple(edge) for edge in visibility_edges(series).tolist()] == expected

    def test_all_see_each_other_in_a_bowl_and_only_neighbours_on_a_dome(self):
        n = np.arange(100.0)
        assert len(visibility_edges((n - 50) ** 2)) == 100 * 99 // 2  # more than there is room for at first
        for series in (-((n - 50) ** 2), 2 * n, np.zeros(100)):
            assert visibility_edges(series).tolist() == [[i, i + 1] for i in range(99)]

    def test_random_series_have_the_degrees_of_theory(self):
        # Luque et al. 2009: P(k) = 1/3 (2/3)^(k - 2), mean 4
        n = 50_000
        degrees = np.bincount(visibility_edges(np.random.default_rng(3).random(n), kind="horizontal").ravel())
        share = np.bincount(degrees) / n
        np.testing.assert_allclose(share[2:8], (2 / 3) ** np.arange(6) / 3, atol=0.006)
        assert degrees.mean() == pytest.approx(4, abs=1e-3)

    def test_gain_offset_slope_and_direction(self):
        series = np.random.default_rng(4).integers(0, 1000, 150).astype(float)
        edges = visibility_edges(series)
        np.testing.assert_array_equal(visibility_edges(0.125 * series - 7), edges)
        np.testing.assert_array_equal(visibility_edges(series + 3 * np.arange(150)), edges)
        turned = 149 - visibility_edges(series[::-1])[:, ::-1]
        np.testing.assert_array_equal(turned[np.lexsort(turned.T[::-1])], edges)

    @pytest.mark.parametrize("kind", ["natural", "horizontal"])
    @pytest.mark.parametrize("n", [0, 1, 2])
    def test_small(self, n, kind):
        edges = visibility_edges(np.arange(float(n)), kind=kind)
        assert edges.tolist() == ([[0, 1]] if n == 2 else [])
        assert edges.shape[1] == 2
        assert edges.dtype == np.int64

    def test_refused(self):
        with pytest.raises(FeatureError, match="2 of 3 values of the series are not finite"):
            visibility_edges([np.nan, 1.0, np.inf])
        with pytest.raises(FeatureError, match="rise"):
            visibility_edges([1.0, 2.0, 3.0], [0.0, 1.0, 1.0])
        with pytest.raises(FeatureError, match="as many times"):
            visibility_edges([1.0, 2.0], [0.0])
        with pytest.raises(FeatureError, match=r"not shapes \(2, 2\)"):
            visibility_edges(np.zeros((2, 2)))
        with pytest.raises(UnknownNameError, match="Did you mean 'natural'"):
            visibility_edges([1.0], kind="naturel")


def graphs():
    rng = np.random.default_rng(5)
    made = {
        "natural": (visibility_edges(rng.random(150)), 150),
        "walk": (visibility_edges(rng.standard_normal(150).cumsum()), 150),
        "horizontal": (visibility_edges(rng.random(150), kind="horizontal"), 150),
        "star": (np.array([[0, i] for i in range(1, 8)]), 8),
        "ring": (np.array([[i, (i + 1) % 70] for i in range(70)]), 70),
        "complete": (visibility_edges(np.arange(65.0) ** 2), 65),
        "two parts": (np.array([[0, 1], [1, 2], [2, 0], [4, 5], [5, 6]]), 8),
        "path": (visibility_edges(np.zeros(129)), 129),
    }
    for seed in range(3):
        graph = nx.gnm_random_graph(80, 100 + 60 * seed, seed=seed)
        made[f"random {seed}"] = (np.array(graph.edges), 80)
    return made


@pytest.mark.parametrize("name", graphs())
def test_measures_are_those_of_networkx(name):
    edges, n = graphs()[name]
    graph, found = as_networkx(edges, n), graph_measures(edges, n)
    degrees = np.array([degree for _, degree in graph.degree])
    steps = [d for source, to in nx.all_pairs_shortest_path_length(graph) for v, d in to.items() if v != source]
    share = np.bincount(degrees)[np.unique(degrees)] / n
    at_least = np.array([np.mean(degrees >= degree) for degree in degrees])
    expected = {
        "n_nodes": n,
        "n_edges": graph.number_of_edges(),
        "density": nx.density(graph),
        "mean_degree": degrees.mean(),
        "std_degree": degrees.std(),
        "max_degree": degrees.max(),
        "degree_entropy": -np.sum(share * np.log2(share)),
        "clustering": nx.average_clustering(graph),
        "transitivity": nx.transitivity(graph),
        "path_length": np.mean(steps),
        "diameter": max(steps),
    }
    if nx.is_connected(graph):
        assert expected["path_length"] == pytest.approx(nx.average_shortest_path_length(graph))
        assert expected["diameter"] == nx.diameter(graph)
    for measure, value in expected.items():
        assert found[measure] == pytest.approx(value, abs=1e-12), measure
    if len(set(degrees)) > 1:
        assert found["degree_decay"] == pytest.approx(np.polyfit(degrees, np.log(at_least), 1)[0])
    if len(set(degrees[degrees > 0])) > 1:
        known = degrees > 0
        slope = np.polyfit(np.log(degrees[known]), np.log(at_least[known]), 1)[0]
        assert found["degree_slope"] == pytest.approx(slope)
    ends = degrees[edges]
    if len(set(ends.ravel())) > 1:
        assert found["assortativity"] == pytest.approx(nx.degree_assortativity_coefficient(graph))
    else:
        assert np.isnan(found["assortativity"])
    labels = communities_of(edges, n)
    parts = [set(np.flatnonzero(labels == label).tolist()) for label in range(labels.max() + 1)]
    assert found["modularity"] == pytest.approx(nx.community.modularity(graph, parts), abs=1e-12)
    assert found["n_communities"] == len(parts)


def test_measures_by_hand():
    # a triangle with a tail: degrees 2, 2, 3, 1
    found = graph_measures(np.array([[0, 1], [0, 2], [1, 2], [2, 3]]), 4)
    assert list(found) == list(MEASURES)
    assert found["density"] == pytest.approx(4 / 6)
    assert found["degree_entropy"] == pytest.approx(1.5)
    assert found["clustering"] == pytest.approx((1 + 1 + 1 / 3 + 0) / 4)
    assert found["transitivity"] == pytest.approx(3 / 5)
    assert found["path_length"] == pytest.approx((4 * 1 + 2 * 2) / 6)
    assert found["diameter"] == 2
    assert found["small_world"] == pytest.approx((7 / 12) / (4 / 6) / ((8 / 6) / (np.log(4) / np.log(2))))


@pytest.mark.parametrize("n", [0, 1, 2])
def test_measures_of_next_to_nothing(n):
    found = graph_measures(np.array([[0, 1]][: n - 1 if n else 0], dtype=int), n)
    defined = {name for name, value in found.items() if np.isfinite(value)}
    counts = {"n_nodes", "n_edges", "diameter", "n_communities"}
    of_one = {*counts, "mean_degree", "std_degree", "max_degree", "degree_entropy", "clustering", "transitivity"}
    of_two = {*of_one, "density", "path_length", "modularity"}
    assert defined == (counts, of_one, of_two)[n]
    assert found["n_communities"] == (0, 1, 1)[n]


def test_measures_refuse_what_is_no_simple_graph():
    for edges in ([[0, 3]], [[-1, 0]], [[0.5, 1.0]], [[0, 1, 2]]):
        with pytest.raises(FeatureError, match="whole numbers from 0 to 2"):
            graph_measures(np.array(edges), 3)
    for edges in ([[1, 1]], [[0, 1], [1, 0]]):
        with pytest.raises(FeatureError, match="loops, or edges that are there twice"):
            graph_measures(np.array(edges), 3)


def test_communities_of_two_cliques():
    within = [[i, j] for i in range(5) for j in range(i)] + [[i + 5, j + 5] for i in range(5) for j in range(i)]
    labels = communities_of(np.array([*within, [4, 5]]), 11)
    assert labels.tolist() == [0] * 5 + [1] * 5 + [2]


@pytest.mark.parametrize("name", ["natural", "walk", "horizontal", "path", "random 2"])
def test_communities_of_other_graphs(name):
    edges, n = graphs()[name]
    graph, labels = as_networkx(edges, n), communities_of(edges, n)
    first = [labels.tolist().index(label) for label in range(labels.max() + 1)]
    assert first == sorted(first)
    theirs = nx.community.louvain_communities(graph, seed=1)
    assert modularity_of(edges, labels) > nx.community.modularity(graph, theirs) - 0.02


def test_modularity_of_any_division():
    rng = np.random.default_rng(6)
    edges, n = graphs()["natural"]
    for k in (1, 3, 20):
        labels = rng.integers(0, k, n)
        parts = [set(np.flatnonzero(labels == label).tolist()) for label in range(k)]
        assert modularity_of(edges, labels) == pytest.approx(nx.community.modularity(as_networkx(edges, n), parts))


def test_communities_are_as_good_as_those_of_networkx(clips):
    for clip in clips[:2]:
        for series in ("energy", "f0"):
            for part in VisibilityGraph(series).graphs(clip, RATE):
                graph = as_networkx(part.edges, len(part.times))
                found = modularity_of(part.edges, communities_of(part.edges, len(part.times)))
                greedy = nx.community.greedy_modularity_communities(graph)
                for theirs in (greedy, nx.community.louvain_communities(graph, seed=0)):
                    assert found > nx.community.modularity(graph, theirs) - 0.05


class TestExtractor:
    @pytest.mark.parametrize("series", SERIES)
    @pytest.mark.parametrize("kind", ["natural", "horizontal"])
    def test_numbers_are_those_of_the_contour(self, clips, series, kind):
        extractor = VisibilityGraph(series, kind)
        out = extractor.process(clips[0], RATE)
        times, values = contour_of(clips[0], RATE, series)
        edges = visibility_edges(values, np.round(times * 100), kind)
        assert out.dtype == np.float32
        np.testing.assert_array_equal(out, np.float32(list(graph_measures(edges, len(values)).values())))
        assert np.isfinite(out).all()
        prefix = "vg" if kind == "natural" else "hvg"
        assert extractor.feature_names() == [f"{prefix}_{name}" for name in MEASURES]

    def test_contours(self, clips):
        clip = clips[0].astype(float)
        times, energy = contour_of(clip, RATE)
        np.testing.assert_allclose(times, 0.01 * np.arange(1 + len(clip) // 160))
        window = np.hanning(402)[1:-1]
        frame = clip[160 * 50 - 200 : 160 * 50 + 200] - clip.mean()
        assert energy[50] == pytest.approx(np.sqrt(np.sum(window * frame**2) / window.sum()))
        level = contour_of(clip, RATE, "log_energy")[1]
        assert level[50] == pytest.approx(20 * np.log10(energy[50]))
        assert level.min() >= level.max() - 60 - 1e-9
        pitch = find_pitch(clip, RATE)
        times, f0 = contour_of(clip, RATE, "f0")
        assert 0 < len(f0) < len(energy)
        np.testing.assert_allclose(times, 0.01 * np.flatnonzero(pitch.voiced))
        np.testing.assert_array_equal(f0, pitch.f0[pitch.voiced])

    @pytest.mark.parametrize("series", SERIES)
    def test_gain_and_offset(self, clips, series):
        extractor = VisibilityGraph(series)
        expected = extractor.process(clips[1], RATE)
        np.testing.assert_array_equal(extractor.process(0.25 * clips[1], RATE), expected)
        np.testing.assert_array_equal(extractor.process(1e-30 * clips[1].astype(float), RATE), expected)
        if series != "f0":
            np.testing.assert_array_equal(extractor.process(0.3 * clips[1].astype(float) + 0.5, RATE), expected)

    @pytest.mark.parametrize("series", ["energy", "log_energy"])
    def test_silence_is_level(self, series):
        rng = np.random.default_rng(7)
        pause = np.zeros(16000)
        sound = np.concatenate([rng.standard_normal(1600), pause, rng.standard_normal(1600)]).astype(np.float32)
        (part,) = VisibilityGraph(series).graphs(sound, RATE)
        silent = np.isclose(part.values, part.values.min(), atol=1e-3)
        both = silent[part.edges].all(axis=1)
        assert silent.sum() > 90
        assert (np.diff(part.edges[both], axis=1) == 1).all()

    @pytest.mark.parametrize("series", ["energy", "log_energy"])
    def test_rounding_is_no_landscape(self, clips, series):
        extractor, rng = VisibilityGraph(series), np.random.default_rng(8)
        padded = np.concatenate([clips[0], np.zeros(8000), clips[1]]).astype(float)
        disturbed = padded + 1e-11 * rng.standard_normal(len(padded))
        np.testing.assert_array_equal(extractor.process(disturbed, RATE), extractor.process(padded, RATE))
        for value in (0.1, 0.3, 0.7):  # their means differ from them
            assert extractor.process(np.full(8000, value), RATE)[1] == 50
        steady = (-1) ** np.arange(16000) * (0.5 + 1e-12 * rng.standard_normal(16000))
        inner = VisibilityGraph(series, max_nodes=20).graphs(steady, RATE)[1:-1]
        assert [len(part.edges) - len(part.times) for part in inner] == [-1] * len(inner)

    @pytest.mark.parametrize("series", SERIES)
    @pytest.mark.parametrize(
        "signal",
        [
            np.zeros(1),
            np.full(1, 0.5),
            np.ones(100),
            np.zeros(8000),
            np.full(8000, 0.3),
            np.full(8000, 1e-42),
            np.sign(np.sin(0.1 * np.arange(8000))),
            np.arange(8000) % 2 * 1e-45,
        ],
        ids=["silent sample", "sample", "short", "silent", "constant", "denormal", "square", "denormal square"],
    )
    def test_odd_signals(self, series, signal):
        out = VisibilityGraph(series).process(signal.astype(np.float32), RATE)
        values = dict(zip(MEASURES, out, strict=True))
        assert values["n_nodes"] <= 1 + len(signal) // 160
        assert values["n_edges"] >= max(0, values["n_nodes"] - 1)
        assert not np.isinf(out).any()
        if series != "f0":
            assert values["n_nodes"] == 1 + len(signal) // 160
        if len(signal) == 8000 and signal.min() == signal.max():
            assert values["n_edges"] == max(0, values["n_nodes"] - 1)  # level ground

    def test_nothing_voiced(self):
        out = VisibilityGraph("f0").process(np.zeros(8000, np.float32), RATE)
        assert out[:2].tolist() == [0, 0]
        assert np.isnan(out[2:6]).all()

    def test_long_recordings_are_cut(self, clips):
        clip = np.concatenate(clips[:3])
        whole = VisibilityGraph(max_nodes=10**6)
        n = len(contour_of(clip, RATE)[0])
        extractor = VisibilityGraph(max_nodes=n // 2)  # three parts are the fewest
        parts = extractor.graphs(clip, RATE)
        sizes = [len(part.times) for part in parts]
        assert len(parts) == (2 if n % 2 == 0 else 3)
        assert max(sizes) - min(sizes) <= 1
        assert sum(sizes) == n
        values = [list(graph_measures(part.edges, len(part.times)).values()) for part in parts]
        np.testing.assert_allclose(extractor.process(clip, RATE), np.mean(values, axis=0), rtol=1e-6)
        assert len(whole.graphs(clip, RATE)) == 1

    def test_step(self, clips):
        coarse = VisibilityGraph(step=0.02).process(clips[0], RATE)
        assert coarse[0] == 1 + len(clips[0]) // 320

    def test_manners(self, clips, write):
        extractor = VisibilityGraph("log_energy", max_nodes=200)
        for again in (clone(extractor), pickle.loads(pickle.dumps(extractor))):
            assert again.get_params() == extractor.get_params()
            assert again.fingerprint() == extractor.fingerprint()
        assert VisibilityGraph().fingerprint() != extractor.fingerprint()
        path = write("a.wav", clips[0])
        table = VisibilityGraph().fit_transform([path, Recording(clips[0], RATE)])
        assert table.columns.tolist() == VisibilityGraph().get_feature_names_out().tolist()
        before = clips[0].copy()
        extractor.process(clips[0], RATE)
        np.testing.assert_array_equal(clips[0], before)

    def test_refused(self, clips):
        with pytest.raises(UnknownNameError, match="Did you mean 'energy'"):
            VisibilityGraph("enery").process(clips[0], RATE)
        with pytest.raises(UnknownNameError, match="kind of visibility graph"):
            VisibilityGraph(kind="flat").feature_names()
        with pytest.raises(FeatureError, match="max_nodes cannot be 0"):
            VisibilityGraph(max_nodes=0).process(clips[0], RATE)
        with pytest.raises(FeatureError, match="less than a sample"):
            VisibilityGraph(step=1e-6).process(clips[0], RATE)
