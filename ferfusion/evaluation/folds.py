"""The folds of a run: fitted, judged, kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from ferfusion.context.policies import speaker_policies
from ferfusion.corpora import Corpus, Fold
from ferfusion.evaluation.checkpoint import FoldStore
from ferfusion.evaluation.chosen import CHOICE, chosen_columns
from ferfusion.evaluation.corruption.plan import no_blank_warnings
from ferfusion.evaluation.protocols import Protocol
from ferfusion.evaluation.tuned import TUNED, fitted_system, tuned_facts

__all__ = ["fit_fold", "judge_fold", "pooled", "run_folds"]

Judged = tuple[pd.DataFrame, dict[str, Any]]


def run_folds(
    system: Any,
    corpus: Corpus,
    plan: Protocol,
    store: FoldStore,
    n_jobs: int | None,
    *,
    verbose: bool,
    title: str,
    quiet: bool,
    spoilt: Callable[[], AbstractContextManager[pd.DataFrame | None]],
) -> list[Judged]:
    """Predictions and facts of each fold, from the store or made now."""
    assert corpus.y is not None  # prepare() has seen to it
    classes = sorted(map(str, corpus.y.unique()))
    done = {i: found for i in range(len(plan.folds)) if (found := store.get(i)) is not None}
    todo = [i for i in range(len(plan.folds)) if i not in done]
    with (
        spoilt() if todo else nullcontext() as tested,
        tqdm(
            total=len(plan.folds), initial=len(done), desc=title, unit="fold", disable=None if verbose else True
        ) as bar,
    ):
        work = (delayed(_run_fold)(system, corpus.X, tested, corpus.y, plan.folds[i], classes, i, quiet) for i in todo)
        for i, predictions, facts in Parallel(n_jobs=n_jobs, return_as="generator_unordered")(work):
            store.put(i, predictions, facts)
            done[i] = (predictions, facts)
            bar.update()
    return [done[i] for i in range(len(plan.folds))]


def pooled(done: list[Judged], order: pd.Index) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions of all folds in the order of the corpus, and what is told of each fold."""
    table = pd.concat([predictions for predictions, _ in done])
    tested = set(table.index)
    told = [{name: value for name, value in facts.items() if name not in (*CHOICE, TUNED)} for _, facts in done]
    return table.loc[[id_ for id_ in order if id_ in tested]].rename_axis("id"), pd.DataFrame(told)


def _run_fold(
    system: Any,
    X: pd.DataFrame,
    tested: pd.DataFrame | None,
    y: pd.Series,
    fold: Fold,
    classes: list[str],
    number: int,
    quiet: bool,
) -> tuple[int, pd.DataFrame, dict[str, Any]]:
    test = X.iloc[fold.test] if tested is None else tested.loc[X.index[fold.test]]
    model, fit_s = fit_fold(system, X, y, fold)
    started = time.perf_counter()
    with no_blank_warnings() if quiet else nullcontext():
        table = judge_fold(model, test, y.iloc[fold.test], fold.name, classes)
    seconds = {"fit_s": round(fit_s, 4), "predict_s": round(time.perf_counter() - started, 4)}
    facts = {"fold": fold.name, "n_train": len(fold.train), "n_test": len(test), **seconds}
    facts |= dict(zip(CHOICE, chosen_columns(fitted_system(model)), strict=True))
    return number, table, facts | tuned_facts(model)


def fit_fold(system: Any, X: pd.DataFrame, y: pd.Series, fold: Fold) -> tuple[Any, float]:
    """A clone of a system fitted on the training part of a fold, and the seconds it took."""
    started = time.perf_counter()
    # matrices of a few hundred rows: threads would wait for each other longer than they work
    with threadpool_limits(1, user_api="blas"):
        model = clone(system).fit(X.iloc[fold.train], y.iloc[fold.train])
    return model, time.perf_counter() - started


def judge_fold(model: Any, test: pd.DataFrame, y: pd.Series, fold: str, classes: list[str]) -> pd.DataFrame:
    """What a fitted system says of test rows, as ``Evaluation.predictions`` holds it.

    Parameters
    ----------
    model : fitted system
        With ``predict_proba``.
    test : DataFrame
        Table of the test rows.
    y : Series
        Their labels.
    fold : str
        Name of the fold.
    classes : list of str
        All classes of the corpus, sorted.

    Returns
    -------
    DataFrame
    """
    with threadpool_limits(1, user_api="blas"):
        own = model.predict_proba(test)
    proba = np.zeros((len(test), len(classes)))
    # a class that the training part lacks can only be missed
    proba[:, np.searchsorted(np.array(classes), np.asarray(model.classes_, dtype=str))] = own
    policies = speaker_policies(fitted_system(model), test)
    table = pd.DataFrame(
        {
            "label": y.astype(str).to_numpy(),
            "predicted": np.array(classes)[proba.argmax(axis=1)],
            "fold": fold,
            "speaker": test["speaker"].to_numpy() if "speaker" in test.columns else None,
            "speaker_scaling": "none" if policies is None else policies,
        },
        index=test.index,
    )
    table[[f"p_{name}" for name in classes]] = proba
    return table
