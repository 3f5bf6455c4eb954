"""What every converter writes to: the nodes of one ONNX graph, and the table as a matrix with named columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ferfusion.base.errors import ExportError
from ferfusion.base.optional import require

__all__ = ["Graph", "Table", "import_onnx", "no_export"]

_AXES_ARE_INPUTS = 18  # from this opset on, ReduceMax and its like take their axes as an input


def import_onnx(module: str = "onnx") -> ModuleType:
    """Import one of the optional packages of the export.

    Parameters
    ----------
    module : str, default="onnx"
        ``onnx``, a part of it, or ``skl2onnx``.

    Raises
    ------
    MissingDependencyError
        If it is not installed.
    """
    return require(module, needed_by="The export to ONNX", install="ferfusion[onnx]")


def no_export(part: Any, reason: str) -> ExportError:
    """Error that names the part of a system that cannot be exported, and why."""
    name = part if isinstance(part, str) else type(part).__name__
    return ExportError(f"{name} cannot be exported to ONNX: {reason}")


class Graph:
    """Nodes and constants of one graph; the methods that make a node return the name of what it gives.

    Numbers are doubles inside, as in scikit-learn: with floats a scaled value could fall on the other side of a
    threshold.

    Parameters
    ----------
    opset : int
        Version of the operators.
    """

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._n = 0

    def fresh(self, stem: str) -> str:
        """Name that nothing else in the graph has; no view can have it, for a view's name has no double underscore."""
        self._n += 1
        return f"{stem}__{self._n}"

    def const(self, values: Any, dtype: Any = np.float64) -> str:
        """Constant tensor."""
        array = np.asarray(values, dtype=dtype)
        name = self.fresh("const")
        self.constants.append(import_onnx("onnx.numpy_helper").from_array(array, name))
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Node with one output."""
        name = self.fresh(kind.lower())
        self.nodes.append(import_onnx("onnx.helper").make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def cast(self, tensor: str, kind: str) -> str:
        """Tensor in another type, such as ``"DOUBLE"``."""
        return self.op("Cast", tensor, to=import_onnx().TensorProto.DataType.Value(kind))

    def reduce(self, kind: str, tensor: str, axis: int, keepdims: bool = True) -> str:
        """``Sum``, ``Max`` or ``Min`` along an axis."""
        if kind == "Sum" or self.opset >= _AXES_ARE_INPUTS:
            return self.op(f"Reduce{kind}", tensor, self.const([axis], np.int64), keepdims=int(keepdims))
        return self.op(f"Reduce{kind}", tensor, axes=[axis], keepdims=int(keepdims))

    def take(self, tensor: str, positions: Sequence[int] | np.ndarray) -> str:
        """Some columns of a matrix, in the order given."""
        return self.op("Gather", tensor, self.const(positions, np.int64), axis=1)

    def affine(self, tensor: str, shift: np.ndarray, factor: np.ndarray) -> str:
        """Columns less their shifts, times their factors."""
        return self.op("Mul", self.op("Sub", tensor, self.const(shift)), self.const(factor))

    def holes(self, tensor: str) -> str:
        """1 where a number is missing, else 0."""
        return self.cast(self.op("IsNaN", tensor), "DOUBLE")

    def missing(self, tensor: str, axis: int = 1, *, whole: bool = True) -> str:
        """Whether all numbers along the axis are missing; ``whole=False``: whether any is. The axis is kept."""
        share = self.reduce("Min" if whole else "Max", self.holes(tensor), axis)
        return self.op("Greater", share, self.const(0.5))

    def fill(self, tensor: str, values: Any) -> str:
        """Tensor with other values where numbers are missing."""
        return self.op("Where", self.op("IsNaN", tensor), self.const(values), tensor)

    def blank(self, where: str, tensor: str, values: Any = np.nan) -> str:
        """Tensor with other values (NaN by default) where a condition holds."""
        return self.op("Where", where, self.const(values), tensor)

    def shares(self, scores: str) -> str:
        """Rows made to sum to 1."""
        return self.op("Div", scores, self.reduce("Sum", scores, 1))


@dataclass(frozen=True)
class Table:
    """Feature columns of the table at one point of a system.

    Attributes
    ----------
    tensor : str
        Matrix in the graph, shape (n_utterances, n_columns).
    columns : list of str
        Full names of its columns.
    """

    tensor: str
    columns: list[str]

    def take(self, graph: Graph, columns: Sequence[str], reader: Any) -> str:
        """Matrix of the named columns.

        Raises
        ------
        ExportError
            If the table has no such column at this point.
        """
        columns = list(columns)
        if columns == self.columns:
            return self.tensor
        place = {name: i for i, name in enumerate(self.columns)}
        lacking = [name for name in columns if name not in place]
        if lacking:
            raise no_export(reader, f"it reads {lacking[0]!r}, which is neither an input nor made by a step before it.")
        return graph.take(self.tensor, [place[name] for name in columns])

    def replace(self, graph: Graph, old: Sequence[str], tensor: str, names: Sequence[str]) -> Table:
        """Table in which some columns give way to others, which stand at its end."""
        gone = set(old)
        kept = [name for name in self.columns if name not in gone]
        if not kept:
            return Table(tensor, list(names))
        rest = self.take(graph, kept, "The table")
        return Table(graph.op("Concat", rest, tensor, axis=1), [*kept, *names])
