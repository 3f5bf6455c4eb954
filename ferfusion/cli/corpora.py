"""``ferfusion corpora``: what can be loaded, whether a copy or a manifest is whole, what is in it, how to get it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from typer.core import TyperGroup

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import FerfusionError, UnknownNameError
from ferfusion.catalog import cite
from ferfusion.cli import common
from ferfusion.corpora import check_manifest, list_corpora
from ferfusion.corpora.checking import REMARK
from ferfusion.corpora.files.downloading import download_corpus
from ferfusion.corpora.manifest import is_manifest
from ferfusion.corpora.registry import corpus_modules

__all__ = ["corpora_app", "describe", "download", "show", "validate"]

_WIDE = 120  # characters; a narrower terminal has no room for titles


class _NameOrCommand(TyperGroup):
    """What is no command is the name of a corpus."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names)
        if named and not ctx.resilient_parsing:
            args = ["show", *args]
        return super().parse_args(ctx, args)


_HELP = """List the corpora, show the card of one, or (with --data) check a copy of it.

\b
For example:
  ferfusion corpora
  ferfusion corpora emodb
  ferfusion corpora emodb --data emodb/
  ferfusion corpora download emodb
  ferfusion corpora validate my.csv
"""

corpora_app = typer.Typer(
    cls=_NameOrCommand,
    help=_HELP,
    short_help="List corpora, show a card, check, describe or fetch.",
    subcommand_metavar="[NAME [--data FOLDER] | COMMAND ...]",
    rich_markup_mode=None,
)


@corpora_app.command(hidden=True)
def show(
    name: Annotated[str | None, typer.Argument(help="A corpus, for its whole card.")] = None,
    data: common.Data = None,
    as_json: common.Json = False,
) -> None:
    """List the corpora, show the card of one, or (with --data) check a copy of it."""
    if name is None:
        _list(as_json)
    elif data is not None or (name not in corpus_modules() and is_manifest(name)):
        _check(name, data, as_json)
    else:
        _print_card(_card(name), as_json)


@corpora_app.command()
def validate(
    path: Annotated[Path, typer.Argument(help=f"Manifest: {common.MANIFESTS}.")],
    emotion: Annotated[str | None, typer.Option(help="Column of the labels, if it has another name.")] = None,
    table: Annotated[str | None, typer.Option(help="Table of an audformat database that holds the labels.")] = None,
    as_json: common.Json = False,
) -> None:
    """Say row by row what is wrong with a manifest. Exit code 0 if nothing is, 1 if there are faults.

    Remarks say what is allowed, and good to know; they are no faults.

    \b
    For example:
      ferfusion corpora validate my.csv
    """
    found = check_manifest(path, emotion=emotion, table=table, progress=not as_json)
    remarks = int(found["fault"].str.startswith(REMARK).sum())
    if as_json:
        common.emit(found.to_dict("records"))
    else:
        rows = [[line or "", id_, fault] for line, id_, fault in found.itertuples(index=False)]
        if rows:
            common.console.print(common.table_of(str(path), ["line", "id", "fault"], rows, fold=True))
        common.say(f"{len(found) - remarks or 'no'} faults" + (f", {remarks} remarks" if remarks else ""))
    if len(found) > remarks:
        raise typer.Exit(1)


@corpora_app.command()
def describe(
    name: Annotated[str, typer.Argument(metavar="NAME_OR_PATH", help="A corpus or a manifest.")],
    data: common.Data = None,
    plot: Annotated[Path | None, typer.Option(help="Picture to write, .png, .pdf or .svg.")] = None,
    as_json: common.Json = False,
) -> None:
    """Count utterances, speakers, classes, hours and gaps, and draw them.

    \b
    For example:
      ferfusion corpora describe emodb --data emodb/ --plot emodb.png
      ferfusion corpora describe my.csv
    """
    description = common.open_corpus(name, data).describe(progress=not as_json)
    if plot is not None:
        plot.parent.mkdir(parents=True, exist_ok=True)
        try:
            description.plot(plot)
        except ValueError as error:
            message = f"The picture {plot} cannot be written: {error}"
            raise FerfusionError(message) from error
    if as_json:
        common.emit({**description.to_dict(), "plot": None if plot is None else str(plot)})
        return
    common.say(str(description))
    if plot is not None:
        common.say(f"picture     {plot}")


@corpora_app.command()
def download(
    name: Annotated[str, typer.Argument(help="A corpus.")],
    data: Annotated[
        Path | None, typer.Option("--data", "-d", help="Folder for it; $FERFUSION_DATA/<name> if missing.")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Fetch a corpus from its owner, where its owner permits.

    \b
    For example:
      ferfusion corpora download emodb --data emodb/
    """
    card = _card(name)
    folder = download_corpus(card, data, progress=not as_json)
    if as_json:
        common.emit({"corpus": card.name, "folder": str(folder), "license": card.license})
        return
    common.say(f"{card.title}: {folder}\nlicence: {card.license}")


def _card(name: str) -> CorpusCard:
    modules = corpus_modules()
    if name not in modules:
        raise UnknownNameError("corpus", name, modules)
    return modules[name].CARD


def _list(as_json: bool) -> None:
    listed = list_corpora().reset_index()
    counts = [None if pd.isna(count) else int(count) for count in listed["speakers"]]
    listed["speakers"] = pd.Series(counts, dtype=object)
    if as_json:
        common.emit(listed.to_dict("records"))
        return
    columns = ["name", "title", "utterances", "speakers", "classes", "protocols"]
    if common.console.width < _WIDE:
        columns.remove("title")
    shown = listed[columns].assign(get=[_how_to_get(module.CARD) for module in corpus_modules().values()])
    common.console.print(common.table_of("corpora", list(shown.columns), shown.to_numpy(dtype=object).tolist()))


def _how_to_get(card: CorpusCard) -> str:
    return "download" if card.downloads else "ask" if card.ask else ""


def _check(name: str, data: Path | None, as_json: bool) -> None:
    corpus = common.open_corpus(name, data)
    faults = corpus.validate()
    counts = {} if corpus.y is None else {str(k): int(v) for k, v in corpus.y.value_counts().sort_index().items()}
    if as_json:
        common.emit(
            {
                "corpus": name,
                "n_utterances": len(corpus),
                "classes": counts,
                "views": corpus.views,
                "notes": corpus.notes,
                "faults": faults.to_dict("records"),
            }
        )
        return
    common.say(repr(corpus))
    common.say(", ".join(f"{emotion} {count}" for emotion, count in counts.items()))
    for note in corpus.notes:
        common.say(f"note: {note}")
    common.say(f"{len(faults)} faults" if len(faults) else "no faults")
    for fault in faults.itertuples():
        common.say(f"  {fault.id}: {fault.fault}" if fault.id else f"  {fault.fault}", style="yellow")


def _print_card(card: CorpusCard, as_json: bool) -> None:
    if as_json:
        common.emit(card.to_dict())
        return
    common.say(f"{card.name}: {card.title}", style="bold")
    common.say(f"languages: {' '.join(card.languages)} · modalities: {' '.join(card.modalities)}")
    common.say(
        f"{card.n_utterances} utterances, {card.n_speakers} speakers: "
        + ", ".join(f"{k} {v}" for k, v in card.emotions.items())
    )
    fetch = f"ferfusion corpora download {card.name}" if card.downloads else ""
    rate = f"{card.sampling_rate} Hz" if card.sampling_rate else ""
    for title, line in (
        ("sampling rate", rate),
        ("licence", card.license),
        ("from", card.where_to_get),
        ("fetch", fetch),
        ("ask", card.ask),
        ("layout", card.layout),
        ("tested on", card.tested_on),
    ):
        if line:
            common.say(f"{title}: {line}")
    for protocol, sentence in card.protocols.items():
        common.say(f"protocol {protocol}: {sentence}")
    for note in card.notes:
        common.say(f"  - {note}")
    if card.citation:
        common.say(f"\n{cite(card.name)}")
