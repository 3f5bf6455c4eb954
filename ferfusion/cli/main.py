"""``ferfusion``: the command line. One file a command; this one brings them together."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ferfusion import __version__
from ferfusion.base.errors import FerfusionError
from ferfusion.cli.common import show_warnings, stderr
from ferfusion.cli.compare import compare
from ferfusion.cli.corpora import corpora_app
from ferfusion.cli.demo import demo
from ferfusion.cli.export import export
from ferfusion.cli.extract import extract
from ferfusion.cli.predict import predict
from ferfusion.cli.report import report
from ferfusion.cli.run import run as run_command
from ferfusion.cli.systems import systems
from ferfusion.cli.train import train

__all__ = ["app", "run"]

_HELP = """Speech emotion recognition by multi-modal fusion.

Exit codes: 0 all well · 1 an error, told in one line · 2 wrong usage · 3 done, but some recordings could not be used
(predict) · 130 interrupted."""

_INTERRUPTED = 130  # typer's exit code for the interrupt that it caught

app = typer.Typer(help=_HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
for function, name in (
    (demo, "demo"),
    (run_command, "run"),
    (train, "train"),
    (predict, "predict"),
    (export, "export"),
    (extract, "extract"),
    (systems, "systems"),
    (report, "report"),
    (compare, "compare"),
):
    app.command(name)(function)
app.add_typer(corpora_app, name="corpora")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Set up what all commands share."""
    show_warnings()


def run() -> None:
    """Entry point: the library's own errors become one line and exit code 1."""
    try:
        app()
    except FerfusionError as error:
        stderr.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(1)
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            stderr.print("interrupted; what was finished is kept, and the same command goes on there", style="red")
        raise
