"""``tune``: nested search, judged as honestly as any other system."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ferfusion.catalog import make_system
from ferfusion.evaluation.results import Evaluation
from ferfusion.evaluation.run import evaluate
from ferfusion.evaluation.tuned import TunedClassifier, candidates_of

__all__ = ["tune"]


def tune(
    system: Any,
    grid: Any,
    corpus: Any,
    protocol: Any = "speaker",
    seed: int = 0,
    n_jobs: int | None = 1,
    *,
    metric: Any = "uar",
    n_folds: int = 3,
    name: str | None = None,
    strict: bool = False,
    checkpoint: str | Path | None = None,
    missing: Mapping[str, float] | None = None,
    noise: Mapping[str, Any] | None = None,
    verbose: bool = True,
) -> Evaluation:
    """Judge a system whose parameters are chosen anew in each training part, by inner folds of its speakers.

    The test part of a fold neither fits nor chooses anything. Views that do not learn are computed once, before the
    folds; finished folds are kept as by ``evaluate``.

    Parameters
    ----------
    system : str or estimator
        Key of a system, or an unfitted estimator on the raw table.
    grid : dict of str to list, or list of such dicts
        Values by parameter, named as scikit-learn names them: ``{"classify__estimator__C": [0.1, 1, 10]}``.
    corpus, protocol
        As for ``evaluate``.
    seed : int, default=0
        As for ``evaluate``; of the inner folds, too.
    n_jobs : int, optional
        Outer folds worked on at a time.
    metric : {"uar", "wa", "wf1"} or callable, default="uar"
        By which a setting is chosen.
    n_folds : int, default=3
        Inner folds.
    name, strict, checkpoint, missing, noise, verbose
        As for ``evaluate``.

    Returns
    -------
    Evaluation
        Its table ``tuned`` says what each fold chose; the notes and the report say it, too.

    Raises
    ------
    UnknownNameError
        If the grid names a parameter that the system does not have, or there is no such metric.
    ProtocolError
        If the grid is empty or no grid, or folds cannot be made.

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual",))
    >>> grid = {"classify__estimator__C": [0.1, 1.0]}
    >>> found = tune("baseline_early", grid, corpus, n_folds=2, verbose=False)
    >>> found.tuned.shape, found.tuned.columns.tolist()
    ((4, 2), ['classify__estimator__C', 'inner_score'])
    """
    title = name or (system if isinstance(system, str) else type(system).__name__)
    inner = make_system(system, random_state=seed) if isinstance(system, str) else system
    candidates_of(grid, inner)  # before the work, not in the midst of it
    tuned = TunedClassifier(inner, grid, metric, n_folds, random_state=seed)
    return evaluate(
        tuned,
        corpus,
        protocol,
        seed,
        n_jobs,
        name=title,
        strict=strict,
        checkpoint=checkpoint,
        missing=missing,
        noise=noise,
        verbose=verbose,
    )
