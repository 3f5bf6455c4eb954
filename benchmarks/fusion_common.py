"""What the benchmarks of fusion on an official split share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from ferfusion.base import grouped_splits
from ferfusion.corpora import Corpus
from ferfusion.corpora.folds import Fold, official_folds
from ferfusion.evaluation.provenance import digest, parameters_of

N_FOLDS = 5
SEED = 0

Splits = list[tuple[np.ndarray, np.ndarray]]


def said(model: Any, X: pd.DataFrame, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Probabilities of a test part."""
    fitted = clone(model).fit(X.iloc[train], y[train])
    return np.asarray(fitted.predict_proba(X.iloc[test]))


def in_parts(
    name: str, model: Any, corpus: Corpus, groups: np.ndarray, columns: list[str], work: Path
) -> tuple[Fold, Splits, list[np.ndarray]]:
    """The official fold, folds of its training part that tear no group apart, and probabilities of all their tests.

    The official test part comes last. What was said before is read from ``work``, where it lies
    under all that it depends on; ``columns`` are those that the model reads.
    """
    X, y = corpus.X, corpus.y.to_numpy().astype(str)  # type: ignore[union-attr]
    fold = official_folds(X)[0]
    key = work / digest([name, parameters_of(model), columns, corpus.checksum()])
    key.mkdir(parents=True, exist_ok=True)
    inner = [
        (fold.train[a], fold.train[b]) for a, b in grouped_splits(y[fold.train], groups[fold.train], N_FOLDS, SEED)
    ]
    found = []
    for i, (train, test) in enumerate([*inner, (fold.train, fold.test)]):
        file = key / f"{i}.npy"
        if not file.exists():
            np.save(file, said(model, X, y, train, test))
        found.append(np.load(file))
    return fold, inner, found
