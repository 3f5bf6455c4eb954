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
from ferfusion.evaluation.preparation import prepare
from ferfusion.persistence import load_model

__all__ = ["demo"]

_FUSED = "baseline_late"
# the small acoustic set: a minute is soon over
_VIEWS = ["audio_egemaps", "text", "visual"]
_CONTENDERS = (
    ("audio alone", "baseline_early", _VIEWS[:1]),
    ("text alone", "baseline_early", _VIEWS[1:2]),
    ("face alone", "baseline_early", _VIEWS[2:]),
    ("early fusion", "baseline_early", _VIEWS),
    ("late fusion", _FUSED, _VIEWS),
)


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for report, model and recordings.")] = Path("demo"),
    seed: common.Seed = 0,
    jobs: common.Jobs = 0,
    as_json: common.Json = False,
) -> None:
    """Make a corpus of synthetic speech, judge single views and fusion, save the fused model, ask it.

    \b
    For example:
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
        make_system(_FUSED, views=_VIEWS, random_state=seed), _FUSED, corpus, out / "model.skops", fused, verbose=False
    )
    recordings, said = _stranger(out, seed)
    asked = load_model(model)
    prediction = predict_rows(asked, recordings.iloc[[0]])
    among = predict_rows(asked, recordings)
    seconds = time.perf_counter() - started
    if as_json:
        common.emit(_summary(results, page, model, prediction, among, said, seconds))
        return
    _print_comparison(results)
    print_evaluation(fused)
    common.say(f"\nOne recording of a speaker the model has never heard, said in {said.iloc[0]}:")
    print_predictions(prediction)
    right, heard = int((among["emotion"] == said).sum()), among["emotion"].iloc[0]
    common.say(
        f"Asked together with the speaker's {len(said) - 1} other recordings, the model says {heard}, and is right for "
        f"{right} of the {len(said)}."
    )
    common.say(f"\nreport: {page}\nmodel:  {model}\ntry:    ferfusion predict {model} {recordings['audio'].iloc[0]}")
    common.say(f"{seconds:.0f} s")


def _with_features(corpus: Corpus, workers: int, verbose: bool) -> Corpus:
    system = make_system(_FUSED, views=_VIEWS, n_jobs=workers)
    return prepare(system, corpus, verbose=verbose)[1]


def _stranger(out: Path, seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """Utterances of a speaker that the model has not heard, as files, and what they were said in."""
    fresh = make_corpus(n_speakers=2, n_utterances=40, seed=seed + 1, folder=out / "recordings")
    assert fresh.y is not None
    rows = fresh.X["speaker"] == "s01"
    return fresh.X[rows].assign(speaker="stranger"), fresh.y[rows]


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
    prediction: pd.DataFrame,
    among: pd.DataFrame,
    said: pd.Series,
    seconds: float,
) -> dict[str, Any]:
    return {
        "uar": {title: float(result.scores.loc["uar", "value"]) for title, result in results.items()},
        "fused": results["late fusion"].summary(),
        "report": str(page),
        "model": str(model),
        "recording": str(prediction.index[0]),
        "said": str(said.iloc[0]),
        "prediction": prediction.iloc[0].to_dict(),
        "right_of_the_strangers_recordings": f"{int((among['emotion'] == said).sum())} of {len(said)}",
        "seconds": round(seconds, 1),
    }
