"""``ferfusion extract``: features to a table, or what the store holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from ferfusion.base.errors import FeatureError, FerfusionError
from ferfusion.base.table import views_of
from ferfusion.cli import common
from ferfusion.features import FeatureStore, Views, named_view

__all__ = ["extract"]


def extract(
    corpus: Annotated[str | None, typer.Option("--corpus", "-c", help="Name of a corpus or a manifest.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Table to write, .parquet or .csv.")] = None,
    data: common.Data = None,
    views: Annotated[str, typer.Option(help="Views to compute, such as 'audio_egemaps,audio_is10'.")] = "audio_egemaps",
    status: Annotated[bool, typer.Option("--status", help="Say what the feature store holds, and stop.")] = False,
    store: common.Store = None,
    no_store: common.NoStore = False,
    jobs: common.Jobs = 0,
    strict: common.Strict = False,
    as_json: common.Json = False,
) -> None:
    """Compute views that do not learn and write them beside facts and labels.

    The table is a manifest, too: 'ferfusion run --corpus table.parquet' uses it without extracting again.

    \b
    For example:
      ferfusion extract --corpus emodb --data emodb/ --views audio_egemaps,audio_compare --out emodb.parquet
      ferfusion extract --status
    """
    place = common.store_path(store, no_store)
    if status:
        _print_status(place, as_json)
        return
    if corpus is None or out is None:
        message = "extract needs --corpus and --out (or --status)."
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


def _print_status(place: str | None, as_json: bool) -> None:
    if place is None:
        message = "--status and --no-store do not go together."
        raise FerfusionError(message)
    held = FeatureStore(place).status()
    if as_json:
        common.emit({"store": place, "views": held})
        return
    rows = [
        [
            item["about"].get("extractor"),
            item["about"].get("parameters"),
            item["n_sources"],
            f"{item['bytes'] / 1e6:.1f}",
        ]
        for item in held
    ]
    common.console.print(
        common.table_of(f"feature store {place}", ["extractor", "parameters", "recordings", "MB"], rows)
    )
