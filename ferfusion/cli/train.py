"""``ferfusion train``: fit a system on a whole corpus and save it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from sklearn.base import clone

from ferfusion.catalog import system_card
from ferfusion.cli import common
from ferfusion.cli.run import print_evaluation
from ferfusion.corpora import Corpus
from ferfusion.evaluation import Evaluation, evaluate
from ferfusion.evaluation.preparation import prepare
from ferfusion.evaluation.provenance import parameters_of
from ferfusion.persistence import model_kind, save_model

__all__ = ["train", "train_and_save"]


def train(
    system: common.System,
    corpus: common.CorpusName,
    out: Annotated[Path, typer.Option("--out", "-o", help="Model file, .skops (or .joblib).")],
    data: common.Data = None,
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", "-p", help="Judge the system first, so that the model carries its scores."),
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
    """Fit a system on all of a corpus and save it.

    \b
    For example:
      ferfusion train --system baseline_early --corpus emodb --data emodb/ --out emodb.skops
      ferfusion train --system baseline_late --corpus my.csv --protocol speaker --out mine.skops
    """
    model_kind(out)  # before the work, not after it
    workers = common.jobs_of(jobs)
    loaded = common.open_corpus(corpus, data, features, classes=classes)
    place = common.store_path(store, no_store)
    model = common.open_system(
        system, views, settings, store=place, jobs=workers, seed=seed, strict=strict, select=select
    )
    result = None
    if protocol is not None:
        result = evaluate(model, loaded, protocol, seed, workers, name=system, strict=strict, verbose=not as_json)
    path, metadata = train_and_save(model, system, loaded, out, result, strict=strict, verbose=not as_json)
    if as_json:
        common.emit({"model": str(path), **metadata})
        return
    if result is not None:
        print_evaluation(result)
    common.say(f"trained {system} on {metadata['trained_on']['n_utterances']} utterances of {loaded.card.name}")
    common.say(f"views: {', '.join(metadata['views'])}\nmodel: {path}")


def train_and_save(
    model: Any,
    key: str,
    corpus: Corpus,
    path: Path,
    result: Evaluation | None,
    *,
    strict: bool = False,
    verbose: bool = True,
) -> tuple[Path, dict[str, Any]]:
    """Fit a clone of a system on all rows that can be used, and save it with its card and scores.

    Returns
    -------
    path : Path
        The model.
    metadata : dict
        What stands in the sidecar beside versions, classes and features.
    """
    model, ready, left_out, views = prepare(clone(model), corpus, strict=strict, verbose=verbose)
    model.fit(ready.X, ready.y)
    metadata = {
        "system": key,
        "card": system_card(key).to_dict(),
        "parameters": parameters_of(model),
        "views": views,
        "trained_on": {
            "corpus": corpus.card.name,
            "n_utterances": len(ready),
            "checksum": corpus.checksum(),
            "license": corpus.card.license,
        },
        "scores": None if result is None else result.summary(),
        "left_out": left_out.to_dict("records"),
    }
    return save_model(model, path, metadata), metadata
