"""``ferfusion run``: judge a system on a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ferfusion.cli import common
from ferfusion.evaluation import Evaluation, evaluate

__all__ = ["print_evaluation", "run"]


def run(
    system: common.System,
    corpus: common.CorpusName,
    data: common.Data = None,
    protocol: Annotated[
        str,
        typer.Option(
            "--protocol",
            "-p",
            help="speaker, session, official, stratified, a fold set of the corpus, or a CSV of folds.",
        ),
    ] = "speaker",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for predictions, scores and the HTML report.")
    ] = None,
    views: common.ViewNames = None,
    features: common.Features = None,
    classes: common.Classes = None,
    select: common.Select = None,
    settings: common.Settings = None,
    store: common.Store = None,
    no_store: common.NoStore = False,
    jobs: common.Jobs = 0,
    seed: common.Seed = 0,
    strict: common.Strict = False,
    as_json: common.Json = False,
) -> None:
    """Judge a system on speakers it has not heard, and write a report.

    \b
    For example:
      ferfusion run --system baseline_early --corpus emodb --data emodb/ --out results/
      ferfusion run --system baseline_late --corpus ravdess --data ravdess/ --protocol luna2022
      ferfusion run --system baseline_early --corpus my.csv --views audio --set classifier=forest
      ferfusion run --system baseline_early --corpus emodb --data emodb/ --select anova:200
    """
    workers = common.jobs_of(jobs)
    loaded = common.open_corpus(corpus, data, features, classes=classes)
    place = common.store_path(store, no_store)
    model = common.open_system(
        system, views, settings, store=place, jobs=workers, seed=seed, strict=strict, select=select
    )
    kept = None if out is None else out / "folds"
    result = evaluate(
        model, loaded, protocol, seed, workers, name=system, strict=strict, checkpoint=kept, verbose=not as_json
    )
    page = None
    if out is not None:
        result.save(out)
        page = result.to_html(out / "report.html")
    if as_json:
        common.emit(
            {
                **result.summary(),
                "out": None if out is None else str(out),
                "report": None if page is None else str(page),
            }
        )
        return
    print_evaluation(result)
    if page is not None:
        common.say(f"results: {out}\nreport:  {page}")


def print_evaluation(result: Evaluation) -> None:
    """Print scores with the protocol they were made under."""
    chance = 1 / max(len(result.classes), 1)
    rows = [
        [
            name.upper(),
            f"{row['value']:.3f}",
            f"{row['low']:.3f} to {row['high']:.3f}" if row["low"] == row["low"] else "no interval",
        ]
        for name, row in result.scores.to_dict("index").items()
    ]
    common.console.print(
        common.table_of(
            f"{result.system} on {result.corpus}", ["score", "pooled", f"95 % over {result.interval}"], rows
        )
    )
    size = f"{len(result.predictions)} utterances, {len(result.classes)} emotions"
    common.say(f"protocol: {result.protocol['description']}; {size} (UAR by chance {chance:.3f})")
    common.say(f"views:    {', '.join(result.views)}")
    for note in result.notes:
        common.say(f"note:     {note}")
    if len(result.left_out):
        common.say(f"{len(result.left_out)} faults in recordings or rows:", style="yellow")
        for row in result.left_out.head(10).itertuples():
            common.say(f"  {row.id}: {row.reason}")
        if len(result.left_out) > 10:
            common.say(f"  and {len(result.left_out) - 10} more, all in left_out.csv")
