"""Converters of table transformers: the steps of a system between its views and its last step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ferfusion.base.adapters import OnFeatures, SelectViews
from ferfusion.base.table import view_of
from ferfusion.context.speaker import SpeakerScaler
from ferfusion.export.graph import Graph, Table, no_export
from ferfusion.export.transforms import convert_transformer
from ferfusion.features.views import Views
from ferfusion.fusion.scaling import ViewScaler
from ferfusion.fusion.weighting import ViewPCA, ViewWeights

__all__ = ["STEPS", "convert_step", "input_columns"]


def input_columns(views: Views) -> dict[str, list[str]]:
    """Columns of each view that a system reads as numbers; frames are left out, for no step here reads them.

    Parameters
    ----------
    views : Views
        Fitted.

    Raises
    ------
    ExportError
        If a view is learnt from texts.
    """
    for name, extractor in views.extractors_.items():
        if extractor.learns:
            kind = type(extractor).__name__
            reason = f"{kind} learns from raw {extractor.source}, which must be made numbers outside of the graph."
            raise no_export(f"The view {name!r}", f"{reason} Put its columns into the table before the fit.")
    numbers = {name: [c for c in columns if not c.endswith("__frames")] for name, columns in views.columns_.items()}
    return {name: columns for name, columns in numbers.items() if columns}


def _views(graph: Graph, step: Any, table: Table) -> Table:
    columns = [column for names in input_columns(step).values() for column in names]
    return Table(table.take(graph, columns, step), columns)


def _speaker(graph: Graph, step: Any, table: Table) -> Table:
    reason = "it needs the rows of each speaker, and the graph sees one row at a time. Fit with speaker_scaling=None."
    raise no_export(step, reason)


def _select(graph: Graph, step: Any, table: Table) -> Table:
    columns = [column for column in table.columns if view_of(column) in step.views_]
    return Table(table.take(graph, columns, step), columns)


def _on_features(graph: Graph, step: Any, table: Table) -> Table:
    if step.transformer_ is None:
        return table
    A = table.take(graph, step.columns_, step)
    out = convert_transformer(graph, step.transformer_, A)
    # a row without a single value is not filled in
    return table.replace(graph, step.columns_, graph.blank(graph.missing(A), out), step.names_)


def _scale(graph: Graph, step: Any, table: Table) -> Table:
    scaled = graph.affine(table.take(graph, step.columns_, step), step.mean_, step.factor_)
    return table.replace(graph, step.columns_, scaled, step.columns_)


def _weigh(graph: Graph, step: Any, table: Table) -> Table:
    columns = [column for view in step.views_ for column in step.columns_[view]]
    factors = [step.weights_[view] for view in step.views_ for _ in step.columns_[view]]
    weighted = graph.op("Mul", table.take(graph, columns, step), graph.const(factors))
    return table.replace(graph, columns, weighted, columns)


def _reduce(graph: Graph, step: Any, table: Table) -> Table:
    for view in step.views_:
        old, projection = step.columns_[view], step.projections_[view]
        A = table.take(graph, old, step)
        centred = graph.fill(graph.op("Sub", A, graph.const(step.means_[view])), 0.0)
        turned = graph.op("MatMul", centred, graph.const(projection))
        names = [f"{view}__pca{k}" for k in range(np.shape(projection)[1])]
        table = table.replace(graph, old, graph.blank(graph.missing(A), turned), names)
    return table


# by exact type: a child could compute something else
STEPS: dict[type, Callable[[Graph, Any, Table], Table]] = {
    OnFeatures: _on_features,
    SelectViews: _select,
    SpeakerScaler: _speaker,
    ViewPCA: _reduce,
    ViewScaler: _scale,
    ViewWeights: _weigh,
    Views: _views,
}


def convert_step(graph: Graph, name: str, step: Any, table: Table) -> Table:
    """Write what a fitted step does to the table.

    Parameters
    ----------
    graph : Graph
        Where to write.
    name : str
        Of the step, for the message.
    step : table transformer
        Fitted; one of ``STEPS``.
    table : Table
        What goes in.

    Returns
    -------
    Table
        What comes out.

    Raises
    ------
    ExportError
        If there is no converter.
    """
    if step is None or isinstance(step, str):
        return table  # "passthrough"
    if type(step) not in STEPS:
        raise no_export(f"The step {name!r}, a {type(step).__name__},", "there is no converter for it.")
    return STEPS[type(step)](graph, step, table)
