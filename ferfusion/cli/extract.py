"""``ferfusion extract``: features to a table, or what the store holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from ferfusion.base.errors import FeatureError, FerfusionError
from ferfusion.base.sizes import parse_size, show_size
from ferfusion.base.table import views_of
from ferfusion.cli import common
from ferfusion.features import FeatureStore, Views, named_view
from ferfusion.features.store import LIMIT_VARIABLE
from ferfusion.features.workers import dask_cluster

__all__ = ["extract"]


def extract(
    corpus: Annotated[str | None, typer.Option("--corpus", "-c", help="Name of a corpus or a manifest.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Table to write, .parquet or .csv.")] = None,
    data: common.Data = None,
    views: Annotated[str, typer.Option(help="Views to compute, such as 'audio_egemaps,audio_is10'.")] = "audio_egemaps",
    status: Annotated[bool, typer.Option("--status", help="Say what the feature store holds, and stop.")] = False,
    prune: Annotated[
        str | None, typer.Option(help="Delete what is least recently used until the store has this size: '10GB'.")
    ] = None,
    store: common.Store = None,
    no_store: common.NoStore = False,
    store_limit: Annotated[
        str | None, typer.Option(help=f"Size that the store is held at: '10GB'. ${LIMIT_VARIABLE} if missing.")
    ] = None,
    jobs: common.Jobs = 0,
    dask: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler whose workers compute: 'tcp://host:8786'.")
    ] = None,
    strict: common.Strict = False,
    as_json: common.Json = False,
) -> None:
    """Compute views that do not learn and write them beside facts and labels.

    The table is a manifest, too: 'ferfusion run --corpus table.parquet' uses it without extracting again.

    \b
    For example:
      ferfusion extract --corpus emodb --data emodb/ --views audio_egemaps,audio_compare --out emodb.parquet
      ferfusion extract --corpus manifest.csv --out table.parquet --store-limit 10GB --dask tcp://host:8786
      ferfusion extract --status
      ferfusion extract --prune 5GB
    """
    place = common.store_path(store, no_store)
    if status or prune is not None:
        _look_after(place, prune, status, as_json)
        return
    if corpus is None or out is None:
        message = "extract needs --corpus and --out (or --status, or --prune)."
        raise FerfusionError(message)
    if out.suffix not in (".parquet", ".csv"):
        message = f"The table's name must end in .parquet or .csv, not {out.name!r}."
        raise FerfusionError(message)
    listed = [named_view(name.strip()) for name in views.split(",") if name.strip()]
    learning = [name for name, extractor in listed if extractor.learns]
    if learning:
        names = ", ".join(learning)
        message = (
            f"{names} learns from the corpus: written before a split it would leak. Systems learn it in each fold."
        )
        raise FeatureError(message)
    loaded = common.open_corpus(corpus, data)
    step = Views(listed, store=place, n_jobs=common.jobs_of(jobs), verbose=not as_json)
    with _limited(store_limit), nullcontext() if dask is None else dask_cluster(dask):
        table, faults = step.extract(loaded.X, [name for name, _ in listed])
    if strict and len(faults):
        raise FeatureError(faults["fault"].iloc[0])
    table = _located(table)
    if loaded.y is not None:
        table.insert(0, "emotion", loaded.y)
    table = table.rename_axis("id")
    out.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(out) if out.suffix == ".parquet" else table.to_csv(out)
    summary = {"table": str(out), "rows": len(table), "views": views_of(table), "faults": faults.to_dict("records")}
    if as_json:
        common.emit(summary)
        return
    common.say(f"{len(table)} rows, views {', '.join(summary['views'])}: {out}")
    for fault in faults.itertuples():
        common.say(f"  {fault.id}: {fault.fault}", style="yellow")


def _located(table: pd.DataFrame) -> pd.DataFrame:
    """Table whose recordings are found from wherever it will lie; those in memory cannot be written."""
    if "audio" not in table.columns:
        return table
    if any(isinstance(value, np.ndarray) for value in table["audio"]):
        return table.drop(columns=["audio", "sampling_rate"], errors="ignore")
    paths = [str(Path(value).resolve()) if isinstance(value, str) else None for value in table["audio"]]
    return table.assign(audio=pd.Series(paths, index=table.index, dtype=object))


@contextmanager
def _limited(size: str | None) -> Iterator[None]:
    """Have feature stores held at a size, in this process and in those that it starts."""
    if size is None:
        yield
        return
    before = os.environ.get(LIMIT_VARIABLE)
    os.environ[LIMIT_VARIABLE] = str(parse_size(size))
    try:
        yield
    finally:
        if before is None:
            del os.environ[LIMIT_VARIABLE]
        else:
            os.environ[LIMIT_VARIABLE] = before


def _look_after(place: str | None, prune: str | None, status: bool, as_json: bool) -> None:
    if place is None:
        message = "--status or --prune and --no-store do not go together."
        raise FerfusionError(message)
    held = FeatureStore(place)
    pruned = None if prune is None else held.prune(prune)
    if as_json:
        views = held.status()
        totals = held.totals(views)
        common.emit({"store": place, "views": views, "totals": totals} | ({} if pruned is None else {"pruned": pruned}))
        return
    if pruned is not None:
        common.say(f"{show_size(pruned['freed'])} freed, {show_size(pruned['bytes'])} left in {place}")
        for name in pruned["in_use"]:
            common.say(f"  {name}: in use by a running process, kept", style="yellow")
    if status:
        _print_status(held)


def _print_status(held: FeatureStore) -> None:
    views = held.status()
    totals = held.totals(views)
    rows = [
        [
            item["extractor"] or item["fingerprint"],
            _parameters(item["parameters"]),
            item["n_sources"],
            item["n_rows"],
            show_size(item["bytes"]),
            _day(item["last_used"]),
        ]
        for item in sorted(views, key=lambda item: item["last_used"], reverse=True)
    ]
    rows.append(["all", "", totals["n_sources"], totals["n_rows"], show_size(totals["bytes"]), ""])
    limit = "" if held.max_bytes is None else f", held at {show_size(held.max_bytes)}"
    columns = ["extractor", "parameters", "sources", "rows", "size", "last used"]
    common.console.print(common.table_of(f"feature store {held.path}{limit}", columns, rows, fold=True))


def _parameters(parameters: Any) -> str:
    if not isinstance(parameters, dict):
        return ""
    return "\n".join(f"{name}={value}" for name, value in parameters.items() if value is not None)


def _day(time: str) -> str:
    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d")
