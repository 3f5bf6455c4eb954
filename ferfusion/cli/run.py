"""``ferfusion run``: judge a system on a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ferfusion.cli import common
from ferfusion.evaluation import Evaluation, evaluate
from ferfusion.evaluation import tune as tune_system
from ferfusion.evaluation.corruption import Corruption

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
    tune: Annotated[
        list[str] | None,
        typer.Option(
            "--tune",
            help="Values to choose from in each training part, by inner folds of its speakers: "
            "--tune classify__estimator__C=0.01,0.1,1. May be repeated.",
        ),
    ] = None,
    missing: Annotated[
        list[str] | None,
        typer.Option(
            "--missing", help="Share of test utterances that lack a view or modality: text=0.3. May be repeated."
        ),
    ] = None,
    noise: Annotated[
        list[str] | None,
        typer.Option(
            "--noise",
            help="Noise in the test part: audio=10 (white, dB), audio=babble:5 (dB), audio=reverberation:0.6 "
            "(seconds), text=0.2 (word error rate). May be repeated.",
        ),
    ] = None,
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
      ferfusion run --system baseline_early --corpus emodb --data emodb/ --tune classify__estimator__C=0.01,0.1,1
      ferfusion run --system baseline_late --corpus my.csv --missing text=0.3 --noise audio=babble:10
    """
    spoilt: dict[str, Any] = {
        "missing": common.pairs_of("--missing", missing),
        "noise": common.pairs_of("--noise", noise),
    }
    Corruption.of(**spoilt)  # before the work, not in the midst of it
    workers = common.jobs_of(jobs)
    loaded = common.open_corpus(corpus, data, features, classes=classes)
    place = common.store_path(store, no_store)
    model = common.open_system(
        system, views, settings, store=place, jobs=workers, seed=seed, strict=strict, select=select
    )
    options: dict[str, Any] = {
        "name": system,
        "strict": strict,
        "checkpoint": None if out is None else out / "folds",
        "verbose": not as_json,
        **spoilt,
    }
    if tune:
        grid = {name: common.values_of(values) for name, values in common.pairs_of("--tune", tune).items()}
        result = tune_system(model, grid, loaded, protocol, seed, workers, **options)
    else:
        result = evaluate(model, loaded, protocol, seed, workers, **options)
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
