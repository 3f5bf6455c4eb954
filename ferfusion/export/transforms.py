"""Converters of array transformers: imputing, scaling, choosing columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from ferfusion.export.graph import Graph, no_export

__all__ = ["TRANSFORMERS", "convert_transformer"]


def _imputer(graph: Graph, model: Any, A: str) -> str:
    if model.add_indicator or (model.missing_values is not np.nan and not _is_nan(model.missing_values)):
        raise no_export(model, "only one that fills in NaN and adds no indicator columns can be.")
    values = np.asarray(model.statistics_, dtype=np.float64)
    if model.keep_empty_features:
        return graph.fill(A, np.nan_to_num(values))
    known = np.flatnonzero(~np.isnan(values))
    # columns without a value in training are dropped
    return graph.fill(A if len(known) == len(values) else graph.take(A, known), values[known])


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and np.isnan(value)


def _standard(graph: Graph, model: Any, A: str) -> str:
    n = model.n_features_in_
    shift = model.mean_ if model.with_mean else np.zeros(n)
    return graph.affine(A, shift, 1.0 / model.scale_ if model.with_std else np.ones(n))


def _min_max(graph: Graph, model: Any, A: str) -> str:
    scaled = graph.op("Add", graph.op("Mul", A, graph.const(model.scale_)), graph.const(model.min_))
    if not model.clip:
        return scaled
    low, high = model.feature_range
    return graph.op("Min", graph.op("Max", scaled, graph.const(low)), graph.const(high))


def _pca(graph: Graph, model: Any, A: str) -> str:
    turned = graph.op("MatMul", graph.op("Sub", A, graph.const(model.mean_)), graph.const(model.components_.T))
    if not model.whiten:
        return turned
    scale = np.maximum(np.sqrt(model.explained_variance_), np.finfo(np.float64).eps)
    return graph.op("Div", turned, graph.const(scale))


def _pipeline(graph: Graph, model: Any, A: str) -> str:
    for _, step in model.steps:
        A = convert_transformer(graph, step, A)
    return A


# by exact type: a child could compute something else
TRANSFORMERS: dict[type, Callable[[Graph, Any, str], str]] = {
    MinMaxScaler: _min_max,
    PCA: _pca,
    Pipeline: _pipeline,
    SimpleImputer: _imputer,
    StandardScaler: _standard,
}


def convert_transformer(graph: Graph, model: Any, A: str) -> str:
    """Write what a fitted array transformer does.

    Parameters
    ----------
    graph : Graph
        Where to write.
    model : transformer
        Fitted; a selector of columns, or one of ``TRANSFORMERS``.
    A : str
        Its input, shape (n_utterances, n_features).

    Returns
    -------
    str
        Its output.

    Raises
    ------
    ExportError
        If there is no converter.
    """
    if model is None or isinstance(model, str):
        return A  # "passthrough"
    if isinstance(model, SelectorMixin):
        return graph.take(A, model.get_support(indices=True))
    if type(model) not in TRANSFORMERS:
        known = ", ".join(sorted(kind.__name__ for kind in TRANSFORMERS))
        raise no_export(model, f"transformers on arrays that can be are selectors of columns, {known}.")
    return TRANSFORMERS[type(model)](graph, model, A)
