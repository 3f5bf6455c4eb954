"""Fixed rules of late fusion as nodes of a graph; the formulas are those of ``fusion.rules``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ferfusion.export.graph import Graph
from ferfusion.fusion.rules import _FLOOR as FLOOR

__all__ = ["RULES", "fuse_by_rule"]


def _mean(graph: Graph, P: str, W: str) -> str:
    return graph.reduce("Sum", graph.op("Mul", graph.fill(P, 0.0), W), 0, keepdims=False)


def _product(graph: Graph, P: str, W: str) -> str:
    logs = graph.op("Log", graph.op("Max", graph.fill(P, 1.0), graph.const(FLOOR)))
    total = graph.reduce("Sum", graph.op("Mul", logs, W), 0, keepdims=False)
    return graph.op("Exp", graph.op("Sub", total, graph.reduce("Max", total, 1)))


def _maximum(graph: Graph, P: str, W: str) -> str:
    heard = graph.op("Greater", W, graph.const(0.0))
    return graph.reduce("Max", graph.op("Where", heard, graph.fill(P, 0.0), graph.const(-1.0)), 0, keepdims=False)


def _minimum(graph: Graph, P: str, W: str) -> str:
    heard = graph.op("Greater", W, graph.const(0.0))
    floored = graph.op("Max", graph.fill(P, 1.0), graph.const(FLOOR))
    return graph.reduce("Min", graph.op("Where", heard, floored, graph.const(2.0)), 0, keepdims=False)


# each gives scores, shape (n_utterances, n_classes), out of probabilities (n_branches, n_utterances, n_classes) and
# what a branch counts for in an utterance (n_branches, n_utterances, 1)
RULES: dict[str, Callable[[Graph, str, str], str]] = {
    "maximum": _maximum,
    "mean": _mean,
    "minimum": _minimum,
    "product": _product,
}


def fuse_by_rule(graph: Graph, rule: str, P: str, weights: np.ndarray) -> str:
    """Write a fixed rule.

    Parameters
    ----------
    graph : Graph
        Where to write.
    rule : str
        One of ``RULES``.
    P : str
        Probabilities, shape (n_branches, n_utterances, n_classes); NaN where missing.
    weights : ndarray, shape (n_branches,)
        Of the branches.

    Returns
    -------
    str
        Shape (n_utterances, n_classes); NaN where no branch that counts can judge.
    """
    there = graph.cast(graph.op("Not", graph.missing(P, 2, whole=False)), "DOUBLE")
    W = graph.op("Mul", there, graph.const(np.asarray(weights)[:, None, None]))
    scores = graph.shares(RULES[rule](graph, P, W))
    judged = graph.op("Greater", graph.reduce("Sum", W, 0, keepdims=False), graph.const(0.0))
    return graph.blank(graph.op("Not", judged), scores)
