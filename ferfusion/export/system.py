"""Fitted systems as ONNX models: from the feature matrix on, in one file that needs no Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.errors import ExportError
from ferfusion.base.files import write_whole
from ferfusion.base.versions import versions
from ferfusion.export.graph import Graph, Table, import_onnx, no_export
from ferfusion.export.judges import convert_judge
from ferfusion.export.steps import convert_step, input_columns
from ferfusion.features.views import Views

if TYPE_CHECKING:
    import onnx

__all__ = ["save_onnx", "to_onnx"]

_OPSET = 17
_TIE = 1e-6  # trees add up floats; what is as good as equal must go to the first class, as in scikit-learn


def to_onnx(model: Any, target_opset: int | None = None) -> onnx.ModelProto:
    """Write a fitted system as an ONNX model.

    Parameters
    ----------
    model : Pipeline
        Fitted, on the raw table; as ``make_early``, ``make_late`` and ``make_hybrid`` make it. Its first step is
        ``Views``, and the exported part begins behind it.
    target_opset : int, optional
        Version of the operators, 15 or above; 17 if missing.

    Returns
    -------
    onnx.ModelProto
        Inputs: a float matrix a view, named as the view, NaN where a value is missing. Outputs: ``label`` (empty where
        nothing can be said) and ``probabilities``. The metadata hold, as JSON, the columns of each input (``views``),
        the class names in the order of the probabilities (``classes``) and the versions that made it (``versions``).

    Raises
    ------
    ExportError
        If a part of the system cannot be exported; the message names it.
    MissingDependencyError
        If ``ferfusion[onnx]`` is not installed.

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> from ferfusion.fusion import make_late
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual",))
    >>> model = make_late("logistic").fit(corpus.X, corpus.y)
    >>> [given.name for given in to_onnx(model).graph.output]
    ['label', 'probabilities']
    """
    helper = import_onnx("onnx.helper")
    steps = _steps(model)
    graph = Graph(_checked_opset(target_opset))
    views = input_columns(steps[0][1])
    table = _first_table(graph, views)
    for name, step in steps[1:-1]:
        table = convert_step(graph, name, step, table)
    _outputs(graph, convert_judge(graph, steps[-1][1], table), model.classes_)
    made = helper.make_model(
        _graph_proto(graph, views, len(model.classes_)),
        producer_name="ferfusion",
        producer_version=str(versions()["ferfusion"]),
        opset_imports=(imports := _imports(graph)),
        ir_version=helper.find_min_ir_version_for(imports),
    )
    facts = {"views": views, "classes": [str(name) for name in model.classes_], "versions": versions()}
    helper.set_model_props(made, {name: json.dumps(fact, ensure_ascii=False) for name, fact in facts.items()})
    import_onnx("onnx.checker").check_model(made, full_check=True)
    return made


def save_onnx(model: Any, path: str | Path) -> Path:
    """Write a fitted system to an ``.onnx`` file.

    Parameters
    ----------
    model : Pipeline
        As for ``to_onnx``.
    path : str or Path
        Ends in ``.onnx``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ExportError
        If the name ends in something else, or a part of the system cannot be exported.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        message = f"The name of an ONNX model ends in .onnx, not {path.suffix or 'nothing'!r}: {path}."
        raise ExportError(message)
    content = to_onnx(model).SerializeToString()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    return path


def _steps(model: Any) -> list[tuple[str, Any]]:
    if not isinstance(model, Pipeline) or len(model.steps) < 2 or type(model.steps[0][1]) is not Views:
        raise no_export(model, "an exported system is a pipeline whose first step is Views, as make_early makes it.")
    check_is_fitted(model.steps[0][1])
    if not hasattr(model[-1], "classes_"):
        raise no_export(model[-1], "the last step must be a fitted classifier.")
    return list(model.steps)


def _checked_opset(opset: int | None) -> int:
    if opset is None:
        return _OPSET
    newest = import_onnx("skl2onnx").__max_supported_opset__
    if not 15 <= opset <= newest:
        message = f"The opset is a number from 15 to {newest} with the installed skl2onnx, not {opset!r}."
        raise ExportError(message)
    return opset


def _first_table(graph: Graph, views: dict[str, list[str]]) -> Table:
    joined = graph.op("Concat", *views, axis=1) if len(views) > 1 else next(iter(views))
    return Table(graph.cast(joined, "DOUBLE"), [column for columns in views.values() for column in columns])


def _outputs(graph: Graph, proba: str, classes: np.ndarray) -> None:
    make_node = import_onnx("onnx.helper").make_node
    unknown = graph.missing(proba, whole=False)
    filled = graph.fill(proba, 0.0)
    best = graph.op("Sub", graph.reduce("Max", filled, 1), graph.const(_TIE))
    first = graph.op("ArgMax", graph.cast(graph.op("Greater", filled, best), "FLOAT"), axis=1, keepdims=0)
    names = graph.op("Gather", graph.const(np.asarray(classes, dtype=object).astype(str), object), first, axis=0)
    unknown = graph.op("Squeeze", unknown, graph.const([1], np.int64))
    nothing = graph.const([""], object)
    graph.nodes.append(make_node("Where", [unknown, nothing, names], ["label"], name="label"))
    to = import_onnx().TensorProto.FLOAT
    graph.nodes.append(make_node("Cast", [proba], ["probabilities"], name="probabilities", to=to))


def _graph_proto(graph: Graph, views: dict[str, list[str]], n_classes: int) -> Any:
    helper, kinds = import_onnx("onnx.helper"), import_onnx().TensorProto
    rows = "n_utterances"
    inputs = [helper.make_tensor_value_info(view, kinds.FLOAT, [rows, len(names)]) for view, names in views.items()]
    outputs = [
        helper.make_tensor_value_info("label", kinds.STRING, [rows]),
        helper.make_tensor_value_info("probabilities", kinds.FLOAT, [rows, n_classes]),
    ]
    return helper.make_graph(graph.nodes, "ferfusion", inputs, outputs, graph.constants)


def _imports(graph: Graph) -> list[Any]:
    make = import_onnx("onnx.helper").make_opsetid
    others = sorted({node.domain for node in graph.nodes} - {""})
    return [make("", graph.opset), *(make(domain, 3 if domain == "ai.onnx.ml" else 1) for domain in others)]
