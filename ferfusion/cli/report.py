"""``ferfusion report``: the HTML page of a saved evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ferfusion.cli import common
from ferfusion.cli.run import print_evaluation
from ferfusion.evaluation import Evaluation

__all__ = ["report"]


def report(
    folder: Annotated[Path, typer.Argument(help="Folder that 'run --out' wrote.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The page; report.html in the folder if missing.")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Print the scores of a saved evaluation and write its page anew.

    \b
    For example:
      ferfusion report results/
    """
    result = Evaluation.load(folder)
    page = result.to_html(out or folder / "report.html")
    if as_json:
        common.emit({**result.summary(), "report": str(page)})
        return
    print_evaluation(result)
    common.say(f"report: {page}")
