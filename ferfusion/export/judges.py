"""Converters of last steps: what gives probabilities out of a table, alone or as a branch of another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from ferfusion.base.classifier import TableClassifier
from ferfusion.export.classifiers import convert_classifier
from ferfusion.export.graph import Graph, Table, no_export
from ferfusion.export.rules import RULES, fuse_by_rule
from ferfusion.export.steps import convert_step
from ferfusion.fusion.calibrated import _FLOOR as CALIBRATION_FLOOR
from ferfusion.fusion.calibrated import CalibratedBranch
from ferfusion.fusion.late import _LOG_FLOOR as STACK_FLOOR
from ferfusion.fusion.late import LateFusionClassifier, StackedFusionClassifier

__all__ = ["JUDGES", "convert_judge"]


def _pipeline(graph: Graph, model: Any, table: Table) -> str:
    for name, step in model.steps[:-1]:
        table = convert_step(graph, name, step, table)
    return convert_judge(graph, model[-1], table)


def _classifier(graph: Graph, model: Any, table: Table) -> str:
    A = table.take(graph, model.columns_, model)
    absent = graph.missing(A)
    # such a row is answered below; until then it must not disturb the classifier
    proba = graph.shares(convert_classifier(graph, model.estimator_, graph.blank(absent, A, 0.0)))
    # the table's own way raises an error where a single value is missing; a graph can only say nothing
    proba = graph.blank(graph.missing(A, whole=False), proba)
    return graph.blank(absent, proba, model.prior_) if model.missing == "prior" else proba


def _branches(graph: Graph, model: Any, table: Table) -> str:
    """Probabilities of all branches, shape (n_branches, n_utterances, n_classes); NaN where one cannot judge."""
    said = []
    for branch in model.branches_.values():
        own = _spread(graph, convert_judge(graph, branch, table), branch.classes_, model.classes_)
        said.append(graph.op("Unsqueeze", own, graph.const([0], np.int64)))
    return graph.op("Concat", *said, axis=0)


def _spread(graph: Graph, proba: str, own: np.ndarray, classes: np.ndarray) -> str:
    """Columns for all classes; 0 for those that a branch has never seen. A missing row stays missing as a whole."""
    if len(own) == len(classes):
        return proba
    places = np.asarray(own).astype(str)[:, None] == np.asarray(classes).astype(str)
    return graph.op("MatMul", proba, graph.const(places))


def _or_prior(graph: Graph, model: Any, proba: str) -> str:
    if model.missing != "prior":
        return proba
    return graph.blank(graph.missing(proba, whole=False), proba, model.prior_)


def _late(graph: Graph, model: Any, table: Table) -> str:
    if model.quality_:
        raise no_export(model, "weights by the quality of an utterance need columns that are no features.")
    if not isinstance(model.rule, str) or model.rule not in RULES:
        reason = f"of the rules, {', '.join(RULES)} can be, not {model.rule!r}."
        raise no_export(model, reason)
    fused = fuse_by_rule(graph, model.rule, _branches(graph, model, table), model.weights_)
    return _or_prior(graph, model, fused)


def _stacked(graph: Graph, model: Any, table: Table) -> str:
    if model.columns_:
        raise no_export(model, "a learner that also sees numbers of the table (passthrough=True) cannot be.")
    P = _branches(graph, model, table)
    absent = graph.missing(P, 2, whole=False)
    filled = graph.op("Gather", graph.blank(absent, P, model.prior_), graph.const(model._by_name(), np.int64), axis=0)
    logs = graph.op("Log", graph.op("Max", filled, graph.const(STACK_FLOOR)))
    width = len(model.branches_) * len(model.classes_)
    evidence = graph.op("Reshape", graph.op("Transpose", logs, perm=[1, 0, 2]), graph.const([-1, width], np.int64))
    learner = model.final_estimator_
    own = model.classes_[np.asarray(learner.classes_, dtype=int)]
    proba = _spread(graph, convert_classifier(graph, learner, evidence), own, model.classes_)
    silent = graph.reduce("Min", graph.cast(absent, "DOUBLE"), 0, keepdims=False)
    return _or_prior(graph, model, graph.blank(graph.op("Greater", silent, graph.const(0.5)), proba))


def _calibrated(graph: Graph, model: Any, table: Table) -> str:
    proba = convert_judge(graph, model.branch_, table)
    if not model.calibrated_:
        return proba
    learnt = model.learnt_
    low, high = graph.const(CALIBRATION_FLOOR), graph.const(1 - CALIBRATION_FLOOR)
    above = graph.op("Max", proba, low)
    if model.method == "temperature":
        return graph.op("Softmax", graph.op("Mul", graph.op("Log", above), graph.const(learnt["factor"])), axis=1)
    if model.method != "platt":
        raise no_export(model, f"of the calibrations, platt and temperature can be, not {model.method!r}.")
    inside = graph.op("Min", above, high)
    odds = graph.op("Log", graph.op("Div", inside, graph.op("Sub", graph.const(1.0), inside)))
    curve = graph.op("Add", graph.op("Mul", odds, graph.const(learnt["slopes"])), graph.const(learnt["offsets"]))
    one = graph.const(1.0)
    return graph.shares(graph.op("Div", one, graph.op("Add", one, graph.op("Exp", graph.op("Neg", curve)))))


# by exact type: a child could compute something else
JUDGES: dict[type, Callable[[Graph, Any, Table], str]] = {
    CalibratedBranch: _calibrated,
    LateFusionClassifier: _late,
    Pipeline: _pipeline,
    StackedFusionClassifier: _stacked,
    TableClassifier: _classifier,
}


def convert_judge(graph: Graph, model: Any, table: Table) -> str:
    """Write the probabilities that a fitted table classifier gives.

    Parameters
    ----------
    graph : Graph
        Where to write.
    model : table classifier
        Fitted; one of ``JUDGES``, or a pipeline that ends in one.
    table : Table
        What it reads.

    Returns
    -------
    str
        Shape (n_utterances, n_classes), columns as in its ``classes_``.

    Raises
    ------
    ExportError
        If there is no converter.
    """
    if type(model) not in JUDGES:
        known = ", ".join(sorted(kind.__name__ for kind in JUDGES))
        raise no_export(model, f"there is no converter for it. Last steps that can be: {known}.")
    return JUDGES[type(model)](graph, model, table)
