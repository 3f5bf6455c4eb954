"""What the commands share: options, printing, building systems and corpora from words."""

from __future__ import annotations

import json
import os
import warnings
from inspect import signature
from pathlib import Path
from typing import Annotated, Any

import typer
from platformdirs import user_cache_path
from rich.console import Console
from rich.table import Table

from ferfusion.base.errors import FerfusionError, UnknownNameError
from ferfusion.catalog import make_system, system_modules
from ferfusion.corpora import LABEL_MAPS, Corpus, join_features, load_corpus
from ferfusion.corpora.registry import corpus_modules
from ferfusion.features.views import STORE_VARIABLE

console = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)

MANIFESTS = ".csv, .jsonl, .parquet, or an audformat database"  # what read_manifest takes

System = Annotated[str, typer.Option("--system", "-s", help="Key of a system: see 'ferfusion systems'.")]
CorpusName = Annotated[
    str,
    typer.Option("--corpus", "-c", help=f"Name of a corpus (see 'ferfusion corpora') or a manifest ({MANIFESTS})."),
]
Data = Annotated[
    Path | None, typer.Option("--data", "-d", help="Folder of the corpus; $FERFUSION_DATA/<name> if missing.")
]
Classes = Annotated[str | None, typer.Option(help=f"Coarser labels: {', '.join(LABEL_MAPS)}.")]
Features = Annotated[
    Path | None, typer.Option(help="Table of features '<view>__<feature>' to join by id: .csv, .jsonl or .parquet.")
]
ViewNames = Annotated[str | None, typer.Option(help="Views or modalities to use, and no others: 'audio,text_tfidf'.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="A parameter of the system: --set rule=mean. May be repeated.")
]
Select = Annotated[
    str | None,
    typer.Option(
        "--select", help="Choose columns in each training part: anova:200, mrmr:0.1, grey_wolf, two_stage ..."
    ),
]
Store = Annotated[
    Path | None, typer.Option(help="Folder of the feature store; $FERFUSION_STORE, else the user's cache.")
]
NoStore = Annotated[bool, typer.Option("--no-store", help="Compute all features anew and store none.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", help="Processes or threads; 0 means one a core.")]
Seed = Annotated[int, typer.Option(help="Seed of all randomness.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first unusable recording or unlabelled row.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def jobs_of(jobs: int) -> int:
    """Number of workers meant by ``--jobs``."""
    return jobs if jobs > 0 else os.cpu_count() or 1


def store_path(store: Path | None, no_store: bool) -> str | None:
    """Folder of the feature store meant by the options, or None."""
    if no_store:
        return None
    chosen = store or os.environ.get(STORE_VARIABLE) or user_cache_path("ferfusion") / "features"
    return str(chosen)


def open_corpus(name: str, data: Path | None, features: Path | None = None, *, classes: str | None = None) -> Corpus:
    """Corpus meant by the options."""
    loader = corpus_modules().get(name)
    # a corpus whose loader chooses among more labels than it gives by default has to be asked itself
    chooses = loader is not None and "classes" in signature(loader.load).parameters
    chooses = chooses and not (data is not None and data.is_file())  # a file of dialogues is read as it is
    if chooses and classes in getattr(loader, "CLASSES", ()):
        corpus, classes = load_corpus(name, data, classes=classes), None
    else:
        options: dict[str, Any] = {"classes": "all"} if chooses and classes else {}
        corpus = load_corpus(name, data, **options)
    if features is not None:
        corpus = join_features(corpus, features)
    return corpus if classes is None else corpus.relabel(classes)


def open_system(
    key: str,
    views: str | None,
    settings: list[str] | None,
    *,
    store: str | None,
    jobs: int,
    seed: int,
    strict: bool,
    select: str | None = None,
) -> Any:
    """System meant by the options; what is common is set where the system knows it."""
    if key not in system_modules():
        raise UnknownNameError("system", key, system_modules())
    allowed = signature(system_modules()[key].make).parameters
    common: dict[str, Any] = {
        "store": store,
        "n_jobs": jobs,
        "random_state": seed,
        "on_error": "raise" if strict else "report",
    }
    parameters: dict[str, Any] = {name: value for name, value in common.items() if name in allowed}
    if views is not None:
        parameters["views"] = [part.strip() for part in views.split(",") if part.strip()]
    if select is not None:
        if "selector" not in allowed:
            message = f"The system {key!r} has no choice of columns of its own to replace by --select."
            raise FerfusionError(message)
        parameters["selector"] = select
    try:
        return make_system(key, **{**parameters, **_settings(settings)})
    except TypeError as error:
        message = f"The system {key!r} cannot be built so: {error}"
        raise FerfusionError(message) from error


def _settings(settings: list[str] | None) -> dict[str, Any]:
    return {name: value_of(value) for name, value in pairs_of("--set", settings).items()}


def pairs_of(option: str, given: list[str] | None) -> dict[str, str]:
    """Names and values of an option that takes ``name=value`` and may be repeated.

    Raises
    ------
    FerfusionError
        If there is no name, or no value.
    """
    found = {}
    for word in given or []:
        name, equals, value = word.partition("=")
        if not equals or not name:
            message = f"{option} takes name=value, not {word!r}."
            raise FerfusionError(message)
        found[name] = value
    return found


def value_of(word: str) -> Any:
    """A word as JSON where it is some, None for ``none``, else itself."""
    try:
        return json.loads(word)
    except ValueError:
        return None if word in ("none", "None") else word


def values_of(words: str) -> list[Any]:
    """Values parted by commas, or a list as JSON."""
    whole = value_of(words)
    return whole if isinstance(whole, list) else [value_of(word.strip()) for word in words.split(",")]


def emit(content: Any) -> None:
    """Print JSON on standard output."""
    typer.echo(json.dumps(content, indent=1, ensure_ascii=False, default=str))


def table_of(title: str, columns: list[str], rows: list[list[Any]], *, fold: bool = False) -> Table:
    """A table for the terminal; cells are text, never markup, and with ``fold`` never cut."""
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        # the first column names things: a long path is broken, never shortened
        table.add_column(column, overflow="fold" if fold or i == 0 else "ellipsis")
    for row in rows:
        table.add_row(*[Text("" if cell is None else str(cell)) for cell in row])
    return table


def say(message: str = "", style: str | None = None) -> None:
    """Print a line as it is, without markup."""
    console.print(message, style=style, markup=False, soft_wrap=True)


def show_warnings() -> None:
    """Print the library's warnings as one line on standard error, instead of with a line of source code."""

    def show(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
        stderr.print(f"note: {message}", style="yellow", markup=False, soft_wrap=True)

    warnings.showwarning = show
