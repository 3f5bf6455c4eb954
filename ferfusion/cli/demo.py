"""``ferfusion demo``: the whole way on the synthetic corpus, in a minute."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from ferfusion.catalog import make_system
from ferfusion.cli import common
from ferfusion.cli.predict import print_predictions
from ferfusion.cli.run import print_evaluation
from ferfusion.cli.train import train_and_save
from ferfusion.corpora import Corpus, make_corpus
from ferfusion.evaluation import Evaluation, evaluate
from ferfusion.evaluation.inference import predict_rows
from ferfusion.evaluation.run import prepare
from ferfusion.persistence import load_model

__all__ = ["demo"]

_FUSED = "baseline_late"
_CONTENDERS: tuple[tuple[str, str, list[str] | None], ...] = (
    ("audio alone", "baseline_early", ["audio"]),
    ("text alone", "baseline_early", ["text"]),
    ("face alone", "baseline_early", ["visual"]),
    ("early fusion", "baseline_early", None),
    ("late fusion", _FUSED, None),
)


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for report, model and recordings.")] = Path("demo"),
    seed: common.Seed = 0,
    jobs: common.Jobs = 0,
    as_json: common.Json = False,
) -> None:
    """Make a corpus of synthetic speech, judge single views and fusion, save the fused model, ask it.

    Example:

      ferfusion demo --out demo/
    """
    started = time.perf_counter()
    workers = common.jobs_of(jobs)
    if not as_json:
        common.say("240 synthetic utterances of 8 invented speakers, 5 emotions: sound, words, faces. Not people.\n")
    corpus = _with_features(make_corpus(seed=seed), workers, verbose=not as_json)
    results = {
        title: evaluate(
            make_system(key, views=views, random_state=seed),
            corpus,
            "speaker",
            seed,
            workers,
            name=title,
            verbose=not as_json,
        )
        for title, key, views in _CONTENDERS
    }
    fused = results["late fusion"]
    fused.save(out)
    page = fused.to_html(out / "report.html")
    model, _ = train_and_save(
        make_system(_FUSED, random_state=seed), _FUSED, corpus, out / "model.skops", fused, verbose=False
    )
    recording = _new_recording(out, seed)
    prediction = predict_rows(load_model(model), recording)
    seconds = time.perf_counter() - started
    if as_json:
        common.emit(_summary(results, page, model, recording, prediction, seconds))
        return
    _print_comparison(results)
    print_evaluation(fused)
    common.say(f"\na new speaker, said in {recording.attrs['emotion']}: {recording['audio'].iloc[0]}")
    print_predictions(prediction)
    common.say(f"\nreport: {page}\nmodel:  {model}\ntry:    ferfusion predict {model} {recording['audio'].iloc[0]}")
    common.say(f"{seconds:.0f} s")


def _with_features(corpus: Corpus, workers: int, verbose: bool) -> Corpus:
    system = make_system(_FUSED, n_jobs=workers)
    return prepare(system, corpus, verbose=verbose)[1]


def _new_recording(out: Path, seed: int) -> pd.DataFrame:
    """One utterance of a speaker that the model has not heard, as a file."""
    fresh = make_corpus(n_speakers=2, n_utterances=10, seed=seed + 1, folder=out / "recordings")
    row = fresh.X.iloc[[0]].drop(columns=["speaker"])
    row.attrs["emotion"] = "" if fresh.y is None else str(fresh.y.iloc[0])
    return row


def _print_comparison(results: dict[str, Evaluation]) -> None:
    rows = []
    for title, result in results.items():
        uar = result.scores.loc["uar"]
        bar = "█" * round(40 * uar["value"])
        rows.append([title, f"{uar['value']:.3f}", f"{uar['low']:.3f} to {uar['high']:.3f}", bar])
    common.console.print(
        common.table_of(
            "UAR on speakers that were not heard in training (leave one speaker out)", ["", "UAR", "95 %", ""], rows
        )
    )


def _summary(
    results: dict[str, Evaluation],
    page: Path,
    model: Path,
    recording: pd.DataFrame,
    prediction: pd.DataFrame,
    seconds: float,
) -> dict[str, Any]:
    return {
        "uar": {title: float(result.scores.loc["uar", "value"]) for title, result in results.items()},
        "fused": results["late fusion"].summary(),
        "report": str(page),
        "model": str(model),
        "recording": str(recording["audio"].iloc[0]),
        "prediction": prediction.iloc[0].to_dict(),
        "seconds": round(seconds, 1),
    }
