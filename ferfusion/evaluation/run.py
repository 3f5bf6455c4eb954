"""``evaluate``: a system, a corpus, a protocol; honest by default."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from ferfusion.base.errors import shorten
from ferfusion.base.table import facts_of
from ferfusion.catalog import make_system
from ferfusion.context.policies import speaker_policies
from ferfusion.context.speaker import POLICY_SELF
from ferfusion.corpora import Corpus, Fold, load_corpus
from ferfusion.evaluation.checkpoint import FoldStore
from ferfusion.evaluation.chosen import CHOICE, choice_notes, choices, chosen_columns
from ferfusion.evaluation.preparation import prepare
from ferfusion.evaluation.protocols import Protocol, resolve_protocol
from ferfusion.evaluation.provenance import digest, parameters_of, provenance
from ferfusion.evaluation.results import Evaluation

__all__ = ["evaluate"]


def evaluate(
    system: Any,
    corpus: Any,
    protocol: Any = "speaker",
    seed: int = 0,
    n_jobs: int | None = 1,
    *,
    name: str | None = None,
    strict: bool = False,
    checkpoint: str | Path | None = None,
    verbose: bool = True,
) -> Evaluation:
    """Judge a system on speakers it has not heard.

    Views that do not learn are computed once, before the folds; everything that learns is fitted anew in the
    training part of each fold. Scores are pooled over all test parts.

    Parameters
    ----------
    system : str or estimator
        Key of a system, or an unfitted estimator on the raw table.
    corpus : str or Corpus
        Name (its folder by ``$FERFUSION_DATA``), path of a manifest, or a loaded corpus.
    protocol : str, Path or splitter, default="speaker"
        ``speaker`` ``session`` ``dialogue`` ``official`` ``stratified``, a fold set of the corpus, a CSV of folds
        (columns ``fold`` and ``id`` or ``speaker``), or a scikit-learn splitter.
    seed : int, default=0
        Of random folds, of the bootstrap, and of every ``random_state`` of the system that is None.
    n_jobs : int, optional
        Folds worked on at a time.
    name : str, optional
        What to call the system in results.
    strict : bool, default=False
        Stop at the first recording that cannot be used or row without a label; else they are left out and listed.
    checkpoint : str or Path, optional
        Folder in which finished folds are kept; the same call goes on there after a kill.
    verbose : bool, default=True
        Progress bars, where there is a terminal.

    Returns
    -------
    Evaluation

    Raises
    ------
    LearntViewError
        If the corpus carries columns that were learnt from its own rows: no split can make them honest.
    ProtocolError
        If the folds cannot be made.

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual",))
    >>> result = evaluate("baseline_early", corpus, verbose=False)
    >>> bool(result.scores.loc["uar", "value"] > 0.3)
    True
    """
    started = time.perf_counter()
    title = name or (system if isinstance(system, str) else type(system).__name__)
    system = make_system(system, random_state=seed) if isinstance(system, str) else _seeded(clone(system), seed)
    corpus = corpus if isinstance(corpus, Corpus) else load_corpus(corpus)
    checksum = corpus.checksum()
    system, corpus, left_out, views = prepare(system, corpus, strict=strict, verbose=verbose)
    extracted = time.perf_counter()
    plan = resolve_protocol(protocol, corpus, seed)
    facts = {
        "name": corpus.card.name,
        "n_utterances": len(corpus),
        "checksum": checksum,
        "license": corpus.card.license,
    }
    described = {
        "name": plan.name,
        "description": plan.description,
        "n_folds": len(plan.folds),
        "speakers_overlap": plan.speakers_overlap,
    }
    splits = [[fold.name, fold.train.tolist(), fold.test.tolist()] for fold in plan.folds]
    key = digest([parameters_of(system), facts, seed, splits, views, _facts_digest(corpus.X)])
    store = FoldStore(None if checkpoint is None else Path(checkpoint), key)
    predictions, timing, selected = _run_folds(system, corpus, plan, store, n_jobs, verbose, title)
    origin = provenance(system, seed, facts, described)
    origin["seconds"] = {"features": extracted - started, "folds": time.perf_counter() - extracted}
    notes = [*_policy_notes(predictions), *choice_notes(selected), *_unlearnt_notes(corpus, plan), *corpus.notes]
    return Evaluation(title, corpus.card.name, described, predictions, timing, left_out, views, notes, origin, selected)


def _facts_digest(X: pd.DataFrame) -> str:
    """Digest of speakers, dialogues, turns and what else a system may go by; where files lie is left aside."""
    names = [name for name in facts_of(X) if name not in ("audio", "video")]
    return digest([names, X[names].astype(str).to_numpy().tolist()])


def _seeded(system: Any, seed: int) -> Any:
    for name, value in system.get_params(deep=True).items():
        if name.split("__")[-1] == "random_state" and value is None:
            system.set_params(**{name: seed})
    return system


def _run_folds(
    system: Any, corpus: Corpus, plan: Protocol, store: FoldStore, n_jobs: int | None, verbose: bool, title: str
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    assert corpus.y is not None  # prepare() has seen to it
    classes = sorted(map(str, corpus.y.unique()))
    done = {i: found for i in range(len(plan.folds)) if (found := store.get(i)) is not None}
    todo = [i for i in range(len(plan.folds)) if i not in done]
    work = (delayed(_run_fold)(system, corpus.X, corpus.y, plan.folds[i], classes, i) for i in todo)
    with tqdm(
        total=len(plan.folds), initial=len(done), desc=title, unit="fold", disable=None if verbose else True
    ) as bar:
        for i, predictions, facts in Parallel(n_jobs=n_jobs, return_as="generator_unordered")(work):
            store.put(i, predictions, facts)
            done[i] = (predictions, facts)
            bar.update()
    ordered = [done[i] for i in range(len(plan.folds))]
    table = pd.concat([predictions for predictions, _ in ordered])
    tested = set(table.index)
    order = [id_ for id_ in corpus.X.index if id_ in tested]
    told = [{name: value for name, value in facts.items() if name not in CHOICE} for _, facts in ordered]
    return table.loc[order].rename_axis("id"), pd.DataFrame(told), choices([facts for _, facts in ordered])


def _run_fold(
    system: Any, X: pd.DataFrame, y: pd.Series, fold: Fold, classes: list[str], number: int
) -> tuple[int, pd.DataFrame, dict[str, Any]]:
    started = time.perf_counter()
    train, test = X.iloc[fold.train], X.iloc[fold.test]
    # matrices of a few hundred rows: threads would wait for each other longer than they work
    with threadpool_limits(1, user_api="blas"):
        model = clone(system).fit(train, y.iloc[fold.train])
        fitted = time.perf_counter()
        own = model.predict_proba(test)
        ended = time.perf_counter()
    proba = np.zeros((len(test), len(classes)))
    # a class that the training part lacks can only be missed
    proba[:, np.searchsorted(np.array(classes), np.asarray(model.classes_, dtype=str))] = own
    policies = speaker_policies(model, test)
    table = pd.DataFrame(
        {
            "label": y.iloc[fold.test].astype(str).to_numpy(),
            "predicted": np.array(classes)[proba.argmax(axis=1)],
            "fold": fold.name,
            "speaker": test["speaker"].to_numpy() if "speaker" in test.columns else None,
            "speaker_scaling": "none" if policies is None else policies,
        },
        index=test.index,
    )
    table[[f"p_{name}" for name in classes]] = proba
    seconds = {"fit_s": round(fitted - started, 4), "predict_s": round(ended - fitted, 4)}
    facts = {"fold": fold.name, "n_train": len(train), "n_test": len(test), **seconds}
    return number, table, facts | dict(zip(CHOICE, chosen_columns(model), strict=True))


def _policy_notes(predictions: pd.DataFrame) -> list[str]:
    own = int((predictions["speaker_scaling"] == POLICY_SELF).sum())
    if not own:
        return []
    return [
        f"Speaker scaling 'self': the unlabelled recordings of the test speaker were used, all at once, for {own} of "
        f"{len(predictions)} test utterances."
    ]


def _unlearnt_notes(corpus: Corpus, plan: Protocol) -> list[str]:
    """Emotions that a training part lacks (said once, or by one speaker only) can only be missed."""
    assert corpus.y is not None
    missed: list[str] = []
    for fold in plan.folds:
        known = set(corpus.y.iloc[fold.train])
        missed += [str(label) for label in corpus.y.iloc[fold.test] if label not in known]
    if not missed:
        return []
    names = shorten(sorted(set(missed)))
    return [f"{len(missed)} test utterances are of an emotion that their fold's training part lacks ({names})."]
