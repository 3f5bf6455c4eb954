"""Scores by how many speakers are learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.errors import ProtocolError
from ferfusion.corpora import Fold
from ferfusion.evaluation.corruption.chance import generator_of
from ferfusion.evaluation.protocols import Protocol, resolve_protocol
from ferfusion.evaluation.ready import bring_together
from ferfusion.evaluation.run import judge

__all__ = ["learning_curve"]


def learning_curve(
    system: Any,
    corpus: Any,
    sizes: Sequence[int] | None = None,
    protocol: Any = "speaker",
    seed: int = 0,
    n_jobs: int | None = 1,
    *,
    checkpoint: str | Path | None = None,
    verbose: bool = True,
) -> pd.DataFrame:
    """Judge a system that learns from few speakers, more, and all; the test parts stay the same.

    The speakers of a training part are taken in a random order of its own, so that a larger size holds the smaller
    ones. Of a size above what a training part has all are taken.

    Parameters
    ----------
    system, corpus, protocol, seed, n_jobs, checkpoint, verbose
        As for ``evaluate``.
    sizes : sequence of int, optional
        Numbers of training speakers (dialogues or videos where speakers are unknown); 2, 4, 8 ... and all if None.

    Returns
    -------
    DataFrame
        A row a size and metric: ``speakers`` (mean over the folds), ``utterances`` (mean of the training parts),
        ``metric value low high``.

    Raises
    ------
    ProtocolError
        If speakers, dialogues and videos are unknown, a size is no positive number, or a training part is left with
        one emotion only.

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual",))
    >>> curve = learning_curve("baseline_early", corpus, sizes=(1, 3), verbose=False)
    >>> curve[curve["metric"] == "uar"][["speakers", "utterances"]].to_numpy().tolist()
    [[1.0, 20.0], [3.0, 60.0]]
    """
    ready = bring_together(system, corpus, seed, verbose=verbose)
    plan = resolve_protocol(protocol, ready.corpus, seed)
    groups = ready.corpus.groups
    if groups is None:
        message = "A learning curve by speakers needs a column 'speaker' (or 'dialogue', 'video_id') in the table."
        raise ProtocolError(message)
    rows = []
    for size in _sizes(sizes, plan, groups):
        smaller, n_speakers = _fewer(plan, groups, size, ready.corpus.y, seed)
        result = judge(ready, smaller, seed, n_jobs, checkpoint=checkpoint, verbose=verbose)
        learnt = {"speakers": n_speakers, "utterances": float(result.timing["n_train"].mean())}
        rows += [learnt | {"metric": name} | score for name, score in result.scores.to_dict("index").items()]
    return pd.DataFrame(rows)


def _sizes(sizes: Sequence[int] | None, plan: Protocol, groups: np.ndarray) -> list[int]:
    most = max(len(np.unique(groups[fold.train])) for fold in plan.folds)
    if sizes is None:
        doubled = [2**power for power in range(1, most.bit_length() + 1)]
        return [*(size for size in doubled if size < most), most]
    wrong = [size for size in sizes if size != int(size) or size < 1]
    if wrong or not len(sizes):
        message = f"Sizes are numbers of speakers from 1 on, not {wrong or 'none'}."
        raise ProtocolError(message)
    return sorted({min(int(size), most) for size in sizes})


def _fewer(plan: Protocol, groups: np.ndarray, size: int, y: pd.Series | None, seed: int) -> tuple[Protocol, float]:
    """The protocol with at most so many speakers in each training part, and their mean number."""
    assert y is not None  # prepare() has seen to it
    folds, counts = [], []
    for fold in plan.folds:
        names = np.unique(groups[fold.train])
        taken = generator_of(seed, "learning curve", fold.name).permutation(names)[:size]
        train = fold.train[np.isin(groups[fold.train], taken)]
        if y.iloc[train].nunique() < 2:
            message = f"{size} speakers are too few: the training part of {fold.name!r} is left with one emotion."
            raise ProtocolError(message)
        folds.append(Fold(fold.name, train, fold.test))
        counts.append(len(taken))
    return replace(plan, folds=folds, description=f"{plan.description}; {size} training speakers"), float(
        np.mean(counts)
    )
