"""``evaluate``: a system, a corpus, a protocol; honest by default."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.errors import shorten
from ferfusion.base.table import facts_of
from ferfusion.context.speaker import POLICY_SELF
from ferfusion.corpora import Corpus
from ferfusion.evaluation.checkpoint import FoldStore
from ferfusion.evaluation.chosen import choice_notes, choices
from ferfusion.evaluation.corruption.plan import Corruption
from ferfusion.evaluation.folds import pooled, run_folds
from ferfusion.evaluation.protocols import Protocol, resolve_protocol
from ferfusion.evaluation.provenance import digest, parameters_of, provenance
from ferfusion.evaluation.ready import Ready, bring_together
from ferfusion.evaluation.results import Evaluation
from ferfusion.evaluation.tuned import tuned_values, tuning_notes

__all__ = ["evaluate", "judge", "run_key"]


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
    missing: Mapping[str, float] | None = None,
    noise: Mapping[str, Any] | None = None,
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
    missing : mapping of str to float, optional
        Share of the test utterances that lack a view or modality, such as ``{"text": 0.3}``; the training part stays
        whole. Which ones is decided by the seed and each utterance's id.
    noise : mapping of str to number, str or (kind, number), optional
        Noise in the test part only: ``{"audio": 10}`` (white, dB), ``{"audio": "babble:5"}`` (dB),
        ``{"audio": "reverberation:0.6"}`` (seconds), ``{"text": 0.2}`` (word error rate). Features are computed anew
        from what is noisy.
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
        If the folds cannot be made, or a share or level makes no sense.
    FeatureError
        If noise cannot reach a view, since it came with the table, or a view to be missing is learnt in the folds.

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual",))
    >>> result = evaluate("baseline_early", corpus, verbose=False)
    >>> bool(result.scores.loc["uar", "value"] > 0.3)
    True
    """
    corruption = Corruption.of(missing, noise)
    ready = bring_together(system, corpus, seed, name=name, strict=strict, verbose=verbose)
    plan = resolve_protocol(protocol, ready.corpus, seed)
    given: dict[str, Any] = {
        "corruption": corruption,
        "checkpoint": checkpoint,
        "quiet": bool(corruption),
        "verbose": verbose,
    }
    return judge(ready, plan, seed, n_jobs, **given)


def judge(
    ready: Ready,
    plan: Protocol,
    seed: int = 0,
    n_jobs: int | None = 1,
    *,
    corruption: Corruption | None = None,
    checkpoint: str | Path | None = None,
    quiet: bool = False,
    verbose: bool = True,
) -> Evaluation:
    """Judge a system that was brought together with its corpus; all rows of the folds are judged.

    Parameters
    ----------
    ready : Ready
        As ``bring_together`` gives it.
    plan : Protocol
        Folds of its corpus.
    seed, n_jobs, checkpoint, verbose
        As for ``evaluate``.
    corruption : Corruption, optional
        Of the test parts.
    quiet : bool, default=False
        Do not warn of rows that have no view left.

    Returns
    -------
    Evaluation
    """
    started = time.perf_counter()
    system, corpus, views = ready.system, ready.corpus, ready.views
    corruption = corruption or Corruption.of()
    described = {
        "name": plan.name,
        "description": plan.description + (f"; test part corrupted: {corruption}" if corruption else ""),
        "n_folds": len(plan.folds),
        "speakers_overlap": plan.speakers_overlap,
    }
    if corruption:
        described["corruption"] = corruption.to_dict()
    key = run_key(ready, plan, seed, *([corruption.to_dict()] if corruption else []))
    store = FoldStore(None if checkpoint is None else Path(checkpoint), key)
    tested = np.sort(np.concatenate([fold.test for fold in plan.folds]))

    def spoilt() -> AbstractContextManager[pd.DataFrame | None]:
        if not corruption:
            return nullcontext()
        return corruption.applied(corpus.X, tested, system, views, seed=seed, verbose=verbose)

    shown: dict[str, Any] = {"verbose": verbose, "title": ready.title, "quiet": quiet}
    done = run_folds(system, corpus, plan, store, n_jobs, spoilt=spoilt, **shown)
    predictions, timing = pooled(done, corpus.X.index)
    selected, tuned = (found([facts for _, facts in done]) for found in (choices, tuned_values))
    origin = provenance(system, seed, ready.facts, described)
    origin["seconds"] = {"features": ready.seconds, "folds": time.perf_counter() - started}
    notes = [
        *corruption.notes(corpus.X, tested, system, views, seed),
        *_policy_notes(predictions),
        *tuning_notes(system, tuned, corpus.groups is not None),
        *choice_notes(selected),
        *_unlearnt_notes(corpus, plan),
        *corpus.notes,
    ]
    name = corpus.card.name
    return Evaluation(
        ready.title, name, described, predictions, timing, ready.left_out, views, notes, origin, selected, tuned
    )


def run_key(ready: Ready, plan: Protocol, seed: int, *more: Any) -> str:
    """Digest of all that the predictions of a run depend on."""
    splits = [[fold.name, fold.train.tolist(), fold.test.tolist()] for fold in plan.folds]
    facts = _facts_digest(ready.corpus.X)
    return digest([parameters_of(ready.system), ready.facts, seed, splits, ready.views, facts, *more])


def _facts_digest(X: pd.DataFrame) -> str:
    """Digest of speakers, dialogues, turns and what else a system may go by; where files lie is left aside."""
    names = [name for name in facts_of(X) if name not in ("audio", "video")]
    return digest([names, X[names].astype(str).to_numpy().tolist()])


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
