"""Scores as test rows get worse, each fold fitted once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from ferfusion.base.errors import ProtocolError, UnknownNameError
from ferfusion.corpora import Fold
from ferfusion.evaluation.checkpoint import FoldStore
from ferfusion.evaluation.corruption.missing import lost_rows
from ferfusion.evaluation.corruption.plan import Corruption, no_blank_warnings
from ferfusion.evaluation.folds import fit_fold, judge_fold
from ferfusion.evaluation.metrics import METRICS
from ferfusion.evaluation.protocols import Protocol, resolve_protocol
from ferfusion.evaluation.ready import Ready, bring_together
from ferfusion.evaluation.results import Evaluation
from ferfusion.evaluation.run import run_key
from ferfusion.evaluation.statistics import bootstrap_difference
from ferfusion.evaluation.subsets import without_views

__all__ = ["LEVELS", "robustness_curve"]

# by what is done; infinite is clean for a ratio in dB, 0 for the others
LEVELS: dict[str, tuple[float, ...]] = {
    "missing": (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0),
    "white": (np.inf, 20.0, 15.0, 10.0, 5.0, 0.0),
    "babble": (np.inf, 20.0, 15.0, 10.0, 5.0, 0.0),
    "reverberation": (0.0, 0.3, 0.6, 1.0),
    "asr": (0.0, 0.1, 0.2, 0.3, 0.5),
}
_IN_DB = ("white", "babble")
_OWN, _ORACLE = "own", "oracle"


def robustness_curve(
    system: Any,
    corpus: Any,
    what: str = "missing",
    view: str = "text",
    levels: Sequence[float] | None = None,
    protocol: Any = "speaker",
    seed: int = 0,
    n_jobs: int | None = 1,
    *,
    oracle: bool = True,
    checkpoint: str | Path | None = None,
    verbose: bool = True,
) -> pd.DataFrame:
    """Scores by how much of the test part is missing or how noisy it is. The training part stays clean.

    Each fold is fitted once and judges its test part at every level. For missing views the oracle stands beside it: it
    knows which rows lost the view and lets a second system, fitted without the view, judge those, while the system
    itself judges the others.

    Parameters
    ----------
    system, corpus, protocol, seed, n_jobs, checkpoint, verbose
        As for ``evaluate``.
    what : {"missing", "noise"} or a noise, default="missing"
        ``noise`` is the first of its kind: ``white`` for audio, ``asr`` for text. Others by name: ``babble``,
        ``reverberation``.
    view : str, default="text"
        What is missing: a view or modality. Of noise the modality, ``audio`` or ``text``.
    levels : sequence of float, optional
        Shares for missing views, dB for white noise and babble (infinite is clean), seconds for reverberation, word
        error rates for text; ``LEVELS`` if None.
    oracle : bool, default=True
        Whether to fit the second system, for missing views.

    Returns
    -------
    DataFrame
        A row a level and metric: ``corruption level metric value low high`` (95 % intervals as of ``evaluate``). For
        missing views also ``oracle`` (its score), and ``difference difference_low difference_high`` of the system less
        the oracle, with its paired interval.

    Raises
    ------
    UnknownNameError
        If there is no such noise or view.
    ProtocolError
        If there is no level, or one makes no sense.

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual", "text"))
    >>> curve = robustness_curve("baseline_late", corpus, view="text", levels=(0, 0.5), verbose=False)
    >>> curve[curve["metric"] == "uar"]["level"].tolist()
    [0.0, 0.5]
    """
    kind = _kind_of(what, view)
    levels = [float(level) for level in (LEVELS[kind] if levels is None else levels)]
    if not levels:
        message = "A curve takes one level at least."
        raise ProtocolError(message)
    steps = [_corruption(kind, view, level) for level in levels]
    ready = bring_together(system, corpus, seed, verbose=verbose)
    plan = resolve_protocol(protocol, ready.corpus, seed)
    second = without_views(ready.system, [view], ready.views) if kind == "missing" and oracle else None
    told = ["robustness", [step.to_dict() for step in steps], second is not None]
    store = FoldStore(None if checkpoint is None else Path(checkpoint), run_key(ready, plan, seed, *told))
    judged = _judged(ready, plan, steps, view, second, seed, n_jobs, store, verbose)
    name = f"{view} missing" if kind == "missing" else f"{kind} in {view}"
    found = [_evaluations(judged, place, ready, plan, seed) for place in range(len(levels))]
    rows = [row for level, pair in zip(levels, found, strict=True) for row in _rows(name, level, pair, seed)]
    return pd.DataFrame(rows)


def _kind_of(what: str, view: str) -> str:
    if what == "missing":
        return what
    if what == "noise":
        what = "asr" if view == "text" else "white"
    if what not in LEVELS:
        raise UnknownNameError("way to make test rows worse", what, ["missing", "noise", *LEVELS])
    return what


def _corruption(kind: str, view: str, level: float) -> Corruption:
    if kind == "missing":
        return Corruption.of({view: level} if level else None)
    asked = Corruption.of(noise={view: (kind, level)})
    clean = np.isposinf(level) if kind in _IN_DB else level == 0
    return Corruption.of() if clean else asked


def _judged(
    ready: Ready,
    plan: Protocol,
    steps: Sequence[Corruption],
    view: str,
    second: Any,
    seed: int,
    n_jobs: int | None,
    store: FoldStore,
    verbose: bool,
) -> pd.DataFrame:
    """Predictions of all folds, levels and judges, with the columns ``place`` and ``judge``."""
    X, y = ready.corpus.X, ready.corpus.y
    assert y is not None  # prepare() has seen to it
    classes = sorted(map(str, y.unique()))
    done = {i: found[0] for i in range(len(plan.folds)) if (found := store.get(i)) is not None}
    todo = [i for i in range(len(plan.folds)) if i not in done]
    rows = np.sort(np.concatenate([fold.test for fold in plan.folds]))
    with (
        ExitStack() as stack,
        tqdm(total=len(plan.folds), initial=len(done), desc=ready.title, disable=None if verbose else True) as bar,
    ):
        tables = [
            stack.enter_context(step.applied(X, rows, ready.system, ready.views, seed=seed, verbose=verbose))
            for step in (steps if todo else [])
        ]
        lost = [lost_rows(X.index, view, step.missing.get(view, 0.0), seed) for step in steps]

        def work() -> Iterator[Any]:
            for i in todo:
                fold = plan.folds[i]
                ids = X.index[fold.test]
                tests = [table.loc[ids] for table in tables]
                without = [gone[fold.test] for gone in lost]
                yield delayed(_judge_levels)(ready.system, second, X, y, fold, tests, without, classes, i)

        for i, table in Parallel(n_jobs=n_jobs, return_as="generator_unordered")(work()):
            store.put(i, table, {"fold": plan.folds[i].name})
            done[i] = table
            bar.update()
    return pd.concat([done[i] for i in range(len(plan.folds))])


def _judge_levels(
    system: Any,
    second: Any,
    X: pd.DataFrame,
    y: pd.Series,
    fold: Fold,
    tests: Sequence[pd.DataFrame],
    lost: Sequence[np.ndarray],
    classes: list[str],
    number: int,
) -> tuple[int, pd.DataFrame]:
    model, _ = fit_fold(system, X, y, fold)
    other = None if second is None else fit_fold(second, X, y, fold)[0]
    labels = y.iloc[fold.test]
    tables = []
    with no_blank_warnings():
        for place, (test, gone) in enumerate(zip(tests, lost, strict=True)):
            own = judge_fold(model, test, labels, fold.name, classes)
            tables.append(own.assign(place=place, judge=_OWN))
            if other is not None:
                knowing = own.copy()
                if gone.any():
                    knowing[gone] = judge_fold(other, test, labels, fold.name, classes)[gone]
                tables.append(knowing.assign(place=place, judge=_ORACLE))
    return number, pd.concat(tables)


def _evaluations(judged: pd.DataFrame, place: int, ready: Ready, plan: Protocol, seed: int) -> dict[str, Evaluation]:
    """Evaluations at one level by their judge."""
    described = {"name": plan.name, "description": plan.description}
    found = {}
    for judge in (_OWN, _ORACLE):
        part = judged[(judged["place"] == place) & (judged["judge"] == judge)].drop(columns=["place", "judge"])
        if len(part):
            blank = pd.DataFrame()
            name = ready.corpus.card.name
            found[judge] = Evaluation(ready.title, name, described, part, blank, blank, provenance={"seed": seed})
    return found


def _rows(name: str, level: float, found: dict[str, Evaluation], seed: int) -> list[dict[str, Any]]:
    rows = []
    for metric, score in found[_OWN].scores.to_dict("index").items():
        row = {"corruption": name, "level": level, "metric": str(metric), **score}
        if _ORACLE in found:
            counts = [found[judge].group_counts for judge in (_OWN, _ORACLE)]
            difference, low, high = bootstrap_difference(counts[0], counts[1], METRICS[str(metric)], seed=seed)
            row["oracle"] = float(found[_ORACLE].scores.loc[metric, "value"])
            row |= {"difference": difference, "difference_low": low, "difference_high": high}
        rows.append(row)
    return rows
