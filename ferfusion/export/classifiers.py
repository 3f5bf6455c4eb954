"""Converters of array classifiers: linear ones by their formula, others by skl2onnx."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from ferfusion.base.calibration import CalibratedScores
from ferfusion.export.graph import Graph, import_onnx, no_export
from ferfusion.export.transforms import convert_transformer
from ferfusion.fusion.linear import WideLinearSVC

__all__ = ["CLASSIFIERS", "convert_classifier"]

_LINEAR = (LinearSVC, RidgeClassifier, WideLinearSVC)
_TREES = (DecisionTreeClassifier, ExtraTreesClassifier, RandomForestClassifier)
_ML_OPSET = 3
_NEAR = 1e-12  # a neighbour nearer than this outweighs all others, as one at no distance does in scikit-learn


def _scores(graph: Graph, model: Any, A: str) -> str:
    """Decision values of a linear model, a column a class."""
    coef, intercept = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    if len(coef) == 1:
        # of two classes, the difference: half for the one, half against the other
        coef, intercept = np.vstack([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
    return graph.op("Add", graph.op("MatMul", A, graph.const(coef.T)), graph.const(intercept))


def _logistic(graph: Graph, model: Any, A: str) -> str:
    if model.solver == "liblinear" and len(model.classes_) > 2:
        raise no_export(model, "liblinear fits one class against the rest, which has another formula. Use lbfgs.")
    return graph.op("Softmax", _scores(graph, model, A), axis=1)


def _calibrated(graph: Graph, model: Any, A: str) -> str:
    inner = model.estimator_
    if type(inner) not in _LINEAR:
        names = ", ".join(kind.__name__ for kind in _LINEAR)
        raise no_export(inner, f"of classifiers that have decision values only, these can be: {names}.")
    scaled = graph.op("Mul", _scores(graph, inner, A), graph.const(model.factor_))
    return graph.op("Softmax", scaled, axis=1)


def _neighbours(graph: Graph, model: Any, A: str) -> str:
    """By hand: the converter of skl2onnx weighs neighbours at almost no distance otherwise than scikit-learn does."""
    if model.effective_metric_ != "euclidean" or model.weights not in ("uniform", "distance"):
        raise no_export(model, "only Euclidean distances with uniform or distance weights can be.")
    known = np.asarray(model._fit_X, dtype=np.float64)
    own = graph.reduce("Sum", graph.op("Mul", A, A), 1)
    both = graph.op("MatMul", A, graph.const(-2.0 * known.T))
    squares = graph.op("Add", graph.op("Add", own, both), graph.const((known**2).sum(axis=1)))
    nearest, places = graph.fresh("nearest"), graph.fresh("places")
    make_node = import_onnx("onnx.helper").make_node
    k = graph.const([model.n_neighbors], np.int64)
    graph.nodes.append(make_node("TopK", [squares, k], [nearest, places], name=nearest, axis=1, largest=0))
    member = np.asarray(model._y).ravel()[:, None] == np.arange(len(model.classes_))
    votes = graph.op("Gather", graph.const(member), places, axis=0)
    if model.weights == "distance":
        distance = graph.op("Sqrt", graph.op("Max", nearest, graph.const(_NEAR**2)))
        weights = graph.op("Div", graph.const(1.0), distance)
        votes = graph.op("Mul", votes, graph.op("Unsqueeze", weights, graph.const([2], np.int64)))
    return graph.shares(graph.reduce("Sum", votes, 1, keepdims=False))


def _voting(graph: Graph, model: Any, A: str) -> str:
    if model.voting != "soft":
        raise no_export(model, "only voting='soft' gives probabilities.")
    weights = model._weights_not_none
    shares = np.ones(len(model.estimators_)) if weights is None else np.asarray(weights, dtype=np.float64)
    shares = shares / shares.sum()
    voices = [
        graph.op("Mul", convert_classifier(graph, member, A), graph.const(share))
        for member, share in zip(model.estimators_, shares, strict=True)
    ]
    return graph.op("Sum", *voices)


def _pipeline(graph: Graph, model: Any, A: str) -> str:
    for _, step in model.steps[:-1]:
        A = convert_transformer(graph, step, A)
    return convert_classifier(graph, model[-1], A)


def _by_skl2onnx(graph: Graph, model: Any, A: str) -> str:
    skl2onnx = import_onnx("skl2onnx")
    types = import_onnx("skl2onnx.common.data_types")
    compose = import_onnx("onnx.compose")
    # trees of scikit-learn read floats, everything else doubles
    trees = isinstance(model, _TREES)
    kind = (types.FloatTensorType if trees else types.DoubleTensorType)([None, model.n_features_in_])
    versions = {"": graph.opset, "ai.onnx.ml": _ML_OPSET}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about its own use of NumPy and ONNX; nobody here can act on them
            made = skl2onnx.convert_sklearn(
                model, initial_types=[("X", kind)], options={id(model): {"zipmap": False}}, target_opset=versions
            )
    except (RuntimeError, NotImplementedError, ValueError, TypeError, AttributeError) as error:
        raise no_export(model, f"skl2onnx refuses it ({type(error).__name__}: {error}).") from error
    part = compose.add_prefix(made, graph.fresh("sklearn") + "_").graph
    given = graph.cast(A, "FLOAT") if trees else A
    rename = import_onnx("onnx.helper").make_node
    graph.nodes += [rename("Identity", [given], [part.input[0].name], name=graph.fresh("input")), *part.node]
    graph.constants += list(part.initializer)
    return graph.cast(part.output[1].name, "DOUBLE")


# by exact type: a child could compute something else
CLASSIFIERS: dict[type, Callable[[Graph, Any, str], str]] = {
    CalibratedScores: _calibrated,
    DecisionTreeClassifier: _by_skl2onnx,
    ExtraTreesClassifier: _by_skl2onnx,
    KNeighborsClassifier: _neighbours,
    LogisticRegression: _logistic,
    MLPClassifier: _by_skl2onnx,
    Pipeline: _pipeline,
    RandomForestClassifier: _by_skl2onnx,
    VotingClassifier: _voting,
}


def convert_classifier(graph: Graph, model: Any, A: str) -> str:
    """Write the probabilities that a fitted array classifier gives.

    Parameters
    ----------
    graph : Graph
        Where to write.
    model : classifier
        Fitted; one of ``CLASSIFIERS``.
    A : str
        Its input, shape (n_utterances, n_features).

    Returns
    -------
    str
        Probabilities, a column a class as in its ``classes_``.

    Raises
    ------
    ExportError
        If there is no converter.
    """
    if type(model) not in CLASSIFIERS:
        known = ", ".join(sorted(kind.__name__ for kind in CLASSIFIERS))
        raise no_export(model, f"there is no converter for it. Classifiers on arrays that can be: {known}.")
    return CLASSIFIERS[type(model)](graph, model, A)
