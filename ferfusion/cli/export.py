"""``ferfusion export``: a saved model as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ferfusion.export import save_onnx
from ferfusion.persistence import load_model

__all__ = ["export"]


def export(
    model: Annotated[Path, typer.Argument(help="Model file, as written by 'train'.")],
    out: Annotated[Path | None, typer.Argument(help="The .onnx file; beside the model if missing.")] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Open a .joblib model, which can run any code.")] = False,
) -> None:
    """Write a trained model as an ONNX file, which other programs use without Python.

    \b
    The file begins where the features are numbers: it takes a matrix a view, not recordings.
    For example:
      ferfusion export emodb.skops emodb.onnx
    """
    written = save_onnx(load_model(model, trusted=trust), model.with_suffix(".onnx") if out is None else out)
    typer.echo(f"written: {written}")
