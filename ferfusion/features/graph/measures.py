"""What can be measured of a graph: how dense, clustered, wide and modular it is.

Graphs here are simple: without directions, weights, loops and double edges.

References
----------
.. [1] Watts, Strogatz: Collective dynamics of small-world networks. Nature 393, 1998.
   https://doi.org/10.1038/30918
.. [2] Newman: Mixing patterns in networks. Physical Review E 67, 2003. https://doi.org/10.1103/PhysRevE.67.026126
.. [3] Blondel, Guillaume, Lambiotte, Lefebvre: Fast unfolding of communities in large networks. Journal of
   Statistical Mechanics, 2008. https://doi.org/10.1088/1742-5468/2008/10/P10008
.. [4] Humphries, Gurney: Network small-world-ness. PLoS ONE 3, 2008.
   https://doi.org/10.1371/journal.pone.0002051
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ferfusion.base.errors import FeatureError

__all__ = ["MEASURES", "communities_of", "graph_measures", "modularity_of"]

# name -> what it is
MEASURES = {
    "n_nodes": "number of nodes",
    "n_edges": "number of edges",
    "density": "edges as a share of all pairs of nodes",
    "mean_degree": "edges of a node, mean",
    "std_degree": "edges of a node, standard deviation",
    "max_degree": "edges of the node that has most",
    "degree_entropy": "entropy of the distribution of degrees, in bits",
    "degree_slope": "slope of ln P(degree >= k) over ln k, nodes weighing alike",
    "degree_decay": "slope of ln P(degree >= k) over k, nodes weighing alike",
    "clustering": "share of a node's pairs of neighbours that are neighbours themselves, mean over the nodes",
    "transitivity": "the same share of all pairs of neighbours of one node at once",
    "path_length": "steps from node to node along the shortest path, mean over pairs that have one",
    "diameter": "steps of the longest of the shortest paths",
    "assortativity": "correlation of the degrees at both ends of an edge",
    "modularity": "edges within communities, as a share, beyond what chance would put there",
    "n_communities": "number of communities",
    "small_world": "clustering over path length, each as a multiple of that of a random graph",
}


def graph_measures(edges: np.ndarray, n_nodes: int) -> dict[str, float]:
    """Measures of a graph, under the names and in the order of ``MEASURES``.

    Parameters
    ----------
    edges : ndarray of int, shape (n_edges, 2)
        Positions of two nodes; no loops, and no edge twice.
    n_nodes : int
        Number of nodes.

    Returns
    -------
    dict of str to float
        NaN where a measure is not defined, such as the density of a single node.

    Raises
    ------
    FeatureError
        If the edges are not those of a simple graph of so many nodes.

    Notes
    -----
    Everything is exact (the paths take ``n_nodes * n_edges * diameter / 64`` steps), except for two measures. The
    communities are found by a heuristic (``communities_of``). ``small_world`` is the coefficient of [4]_ with the
    usual estimates for the random graph [1]_: its clustering is the density, and its path length
    ``ln(n_nodes) / ln(mean_degree)``.
    A node with less than two neighbours has a clustering of 0. The assortativity is that of degrees [2]_.

    Examples
    --------
    >>> import numpy as np
    >>> triangle_with_tail = np.array([[0, 1], [0, 2], [1, 2], [2, 3]])
    >>> round(graph_measures(triangle_with_tail, 4)["clustering"], 3)
    0.583
    """
    edges = _checked(edges, n_nodes)
    starts, neighbours = _adjacency(edges, n_nodes)
    degrees = np.diff(starts)
    values = _of_degrees(degrees)
    pairs = degrees * (degrees - 1)  # twice the pairs of neighbours of each node
    closed = _closed(starts, neighbours)
    values["clustering"] = _ratio(np.sum(closed / np.maximum(pairs, 1)), n_nodes)
    values["transitivity"] = _ratio(closed.sum(), pairs.sum()) if pairs.any() else values["clustering"]
    steps, reached, values["diameter"] = _distances(starts, neighbours)
    values["path_length"] = _ratio(steps, reached)
    values["assortativity"] = _assortativity(degrees[edges])
    labels = communities_of(edges, n_nodes)
    values["modularity"] = modularity_of(edges, labels)
    values["n_communities"] = labels.max(initial=-1) + 1
    values["small_world"] = _small_world(values)
    return {name: float(values[name]) for name in MEASURES}


def communities_of(edges: np.ndarray, n_nodes: int) -> np.ndarray:
    """Communities of a graph: groups of nodes with many edges within and few to others, by Louvain's method [3]_.

    Parameters
    ----------
    edges : ndarray of int, shape (n_edges, 2)
        Positions of two nodes; no loops, and no edge twice.
    n_nodes : int
        Number of nodes.

    Returns
    -------
    ndarray of int64, shape (n_nodes,)
        Number of each node's community, counted from 0 in the order of their first nodes.

    Notes
    -----
    Nodes are visited in their order and gains compared as integers: the same graph always has the same communities.
    """
    edges = _checked(edges, n_nodes)
    starts, neighbours = _adjacency(edges, n_nodes)
    weights, strength = np.ones(len(neighbours), dtype=np.int64), np.diff(starts)
    labels = np.arange(n_nodes)
    while True:
        names, found = np.unique(_moved(starts, neighbours, weights, strength), return_inverse=True)
        labels = found[labels]
        k = len(names)
        if k == len(strength):
            break
        # each community becomes a node; what is within counts in its strength only
        rows = np.repeat(found, np.diff(starts))
        keys, place = np.unique(rows * k + found[neighbours], return_inverse=True)
        weights = np.bincount(place, weights, minlength=len(keys)).astype(np.int64)
        strength = np.bincount(found, strength, minlength=k).astype(np.int64)
        rows, neighbours = np.divmod(keys, k)
        other = rows != neighbours
        rows, neighbours, weights = rows[other], neighbours[other], weights[other]
        starts = np.searchsorted(rows, np.arange(k + 1))
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[place]


def modularity_of(edges: np.ndarray, labels: np.ndarray) -> float:
    """Modularity of a division of a graph into communities.

    Parameters
    ----------
    edges : ndarray of int, shape (n_edges, 2)
        Positions of two nodes.
    labels : ndarray of int, shape (n_nodes,)
        Number of each node's community, counted from 0.

    Returns
    -------
    float
        -0.5 to 1; NaN without edges.
    """
    if len(edges) == 0:
        return float("nan")
    ends = labels[edges]
    share = np.bincount(ends.ravel()) / ends.size  # of the ends of edges
    return float(np.mean(ends[:, 0] == ends[:, 1]) - np.sum(share**2))


def _checked(edges: np.ndarray, n_nodes: int) -> np.ndarray:
    edges = np.asarray(edges)
    if edges.size == 0:
        return np.empty((0, 2), dtype=np.int64)
    whole = edges.ndim == 2 and edges.shape[1] == 2 and np.issubdtype(edges.dtype, np.integer)
    if not whole or edges.min() < 0 or edges.max() >= n_nodes:
        message = f"Edges are pairs of whole numbers from 0 to {n_nodes - 1}, an array of shape (n_edges, 2)."
        raise FeatureError(message)
    edges = edges.astype(np.int64)
    first, second = edges.T
    keys = np.sort(np.minimum(first, second) * n_nodes + np.maximum(first, second))
    if (first == second).any() or (keys[1:] == keys[:-1]).any():
        message = "The graph has loops, or edges that are there twice."
        raise FeatureError(message)
    return edges


def _adjacency(edges: np.ndarray, n_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each node's neighbours start, shape (n_nodes + 1,), and the neighbours, in rising order."""
    keys = np.concatenate([edges[:, 0] * n_nodes + edges[:, 1], edges[:, 1] * n_nodes + edges[:, 0]])
    keys.sort()
    rows, neighbours = np.divmod(keys, max(1, n_nodes))
    return np.searchsorted(rows, np.arange(n_nodes + 1)), neighbours


def _of_degrees(degrees: np.ndarray) -> dict[str, float]:
    n = len(degrees)
    values: dict[str, float] = {"n_nodes": n, "n_edges": degrees.sum() / 2}
    values["density"] = _ratio(degrees.sum(), n * (n - 1))
    values["mean_degree"] = _ratio(degrees.sum(), n)
    values["std_degree"] = degrees.std() if n else np.nan
    values["max_degree"] = degrees.max() if n else np.nan
    count = np.bincount(degrees)
    k = np.flatnonzero(count)
    share = count[k] / max(1, n)
    values["degree_entropy"] = -np.sum(share * np.log2(share)) + 0.0 if n else np.nan
    at_least = np.cumsum(share[::-1])[::-1]
    several = k > 0  # there is no logarithm of 0
    values["degree_slope"] = _slope(np.log(k[several]), np.log(at_least[several]), share[several])
    values["degree_decay"] = _slope(k, np.log(at_least), share)
    return values


def _slope(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    if len(x) < 2:
        return float("nan")
    dx = x - np.average(x, weights=weight)
    return float(np.sum(weight * dx * y) / np.sum(weight * dx**2))


def _assortativity(ends: np.ndarray) -> float:
    """Pearson's correlation of the columns, each edge taken in both directions."""
    if len(ends) == 0:
        return float("nan")
    # in whole numbers, so that a graph of equal degrees has a variance of 0
    n, total = 2 * len(ends), int(ends.sum())
    variance = n * int((ends**2).sum()) - total**2
    return _ratio(2 * n * int(np.prod(ends, axis=1).sum()) - total**2, variance)


def _small_world(values: dict[str, float]) -> float:
    if not values["mean_degree"] > 1.0:
        return float("nan")
    by_chance = np.log(values["n_nodes"]) / np.log(values["mean_degree"])
    return _ratio(values["clustering"] * by_chance, values["density"] * values["path_length"])


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _closed(starts: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """Twice the number of triangles that each node is a corner of."""
    n = len(starts) - 1
    closed = np.zeros(n, dtype=np.int64)
    _count_closed(starts, neighbours, np.full(n, -1), closed)
    return closed


@njit(cache=True, nogil=True, error_model="numpy")
def _count_closed(starts: np.ndarray, neighbours: np.ndarray, mark: np.ndarray, closed: np.ndarray) -> None:
    for v in range(len(closed)):
        for e in range(starts[v], starts[v + 1]):
            mark[neighbours[e]] = v
        for e in range(starts[v], starts[v + 1]):
            u = neighbours[e]
            for f in range(starts[u], starts[u + 1]):
                closed[v] += mark[neighbours[f]] == v


def _distances(starts: np.ndarray, neighbours: np.ndarray) -> tuple[int, int, int]:
    """Steps of all shortest paths together, their number, and the steps of the longest."""
    n = len(starts) - 1
    nodes = np.arange(n)
    # a row a node, a bit another that can be reached from it in so many steps
    before = np.zeros((n, n // 64 + 1), dtype=np.uint64)
    before[nodes, nodes // 64] = np.left_shift(np.uint64(1), (nodes % 64).astype(np.uint64))
    after = np.empty_like(before)
    total = reached = steps = 0
    while gained := _step(starts, neighbours, before, after):
        steps += 1
        reached += gained
        total += steps * gained
        before, after = after, before
    return total, reached, steps


@njit(cache=True, nogil=True, error_model="numpy")
def _step(starts: np.ndarray, neighbours: np.ndarray, before: np.ndarray, after: np.ndarray) -> int:
    """How many more pairs of nodes reach each other in one step more."""
    gained = 0
    for v in range(len(before)):
        for w in range(before.shape[1]):
            after[v, w] = before[v, w]
        for e in range(starts[v], starts[v + 1]):
            for w in range(before.shape[1]):
                after[v, w] |= before[neighbours[e], w]
        for w in range(before.shape[1]):
            fresh = after[v, w] ^ before[v, w]
            while fresh:
                fresh &= fresh - np.uint64(1)
                gained += 1
    return gained


def _moved(starts: np.ndarray, neighbours: np.ndarray, weights: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Communities after moving single nodes between them for as long as that raises the modularity."""
    labels, links = np.arange(len(strength)), np.zeros(len(strength), dtype=np.int64)
    _move(starts, neighbours, weights, strength, strength.copy(), int(strength.sum()), links, labels)
    return labels


@njit(cache=True, nogil=True, error_model="numpy")
def _move(
    starts: np.ndarray,
    neighbours: np.ndarray,
    weights: np.ndarray,
    strength: np.ndarray,
    total: np.ndarray,
    whole: int,
    links: np.ndarray,
    labels: np.ndarray,
) -> None:
    moving = True
    while moving:
        moving = False
        for v in range(len(strength)):
            own, its = labels[v], strength[v]
            total[own] -= its
            for e in range(starts[v], starts[v + 1]):
                links[labels[neighbours[e]]] += weights[e]
            best, gain = own, links[own] * whole - total[own] * its
            for e in range(starts[v], starts[v + 1]):
                other = labels[neighbours[e]]
                if links[other] * whole - total[other] * its > gain:
                    best, gain = other, links[other] * whole - total[other] * its
            for e in range(starts[v], starts[v + 1]):
                links[labels[neighbours[e]]] = 0
            total[best] += its
            labels[v] = best
            moving |= best != own
