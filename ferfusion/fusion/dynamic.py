"""Late fusion by local competence: who was right about utterances like this one is believed about this one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ferfusion.base.adapters import number_views
from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.base.table import columns_of, features_of, match_views
from ferfusion.fusion.branches import BranchedClassifier
from ferfusion.fusion.out_of_fold import inner_splits, lesson_rows, out_of_fold
from ferfusion.fusion.rules import as_rule

__all__ = ["COMPETENCES", "DynamicFusionClassifier"]

_MODES = ("weight", "select")
_DECISIONS = "decisions"
_CHUNK = 512  # utterances whose distances to all training rows are held at a time
_FLOOR = 1e-6  # no branch is worth nothing: where it is alone, it is still heard
_TIE = 1e-9


def correctness(P: np.ndarray, y: np.ndarray) -> np.ndarray:
    """1 where a branch decides right, else 0.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing.
    y : ndarray of int, shape (n_utterances,)
        True classes.

    Returns
    -------
    ndarray, shape (n_branches, n_utterances)
        NaN where missing.
    """
    right = (np.nan_to_num(P).argmax(axis=2) == y).astype(np.float64)
    return np.where(np.isnan(P).any(axis=2), np.nan, right)


def truth(P: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Probability that a branch gives to the true class; parameters and shape as in ``correctness``."""
    return P[:, np.arange(len(y)), y]


COMPETENCES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {"correct": correctness, "truth": truth}


class DynamicFusionClassifier(BranchedClassifier):
    """Fuse branches by how well each did on the training rows nearest to the utterance at hand.

    Local accuracy as in [1]_, for branches on views of their own: near are, by default, rows on which the branches
    said much the same. What the branches say of training rows comes from out-of-fold fits grouped by speaker. The
    competence of a branch is its mean over the neighbours that it judged, drawn to its mean over all rows with the
    weight of one neighbour; without neighbours it is the latter.

    Parameters
    ----------
    branches : list of (name, table classifier), or table classifier
        As for ``LateFusionClassifier``.
    mode : {"weight", "select"}, default="weight"
        Weight the branches by competence, or hear the most competent one alone (those that share the first place
        alike).
    n_neighbors : int, default=15
        Neighbours; rows as near as the last of them count too.
    competence : {"correct", "truth"} or callable, default="correct"
        Of a branch on a training row: whether it was right, or the probability that it gave to the truth. A callable
        takes probabilities and codes as these do.
    space : "decisions", or sequence of str, default="decisions"
        Where neighbours are sought: in the probabilities of all branches (over those that both rows have), or in the
        standardised numbers of these views or modalities. A row without a value there has no neighbours.
    rule : str or callable, default="mean"
        How weighted probabilities meet; as for ``LateFusionClassifier``.
    n_folds : int, default=5
        Inner folds.
    by : {"modality", "view"}, default="modality"
        What makes a branch where one classifier is given for all.
    n_jobs : int, optional
        Branches fitted at a time.
    random_state : int or None, default=0
        Seed of the inner folds.
    cv : splitter, or list of (train, test), optional
        Inner folds instead of the grouped ones.
    missing : {"prior", "nan"}, default="prior"
        What a row gets that no branch can judge: class shares of training with a warning, or NaN.

    Attributes
    ----------
    branches_ : dict of str to classifier
        Fitted branches.
    competence_ : ndarray, shape (n_branches, n_rows)
        Of the branches, sorted by name, on the training rows; NaN where missing.
    overall_ : ndarray, shape (n_branches,)
        Mean competence; that of the other branches for one that judged no row out of fold.
    profiles_ : ndarray, shape (n_branches, n_rows, n_classes)
        Out-of-fold probabilities, or the standardised numbers, shape (1, n_rows, n_columns).
    classes_ : ndarray of object
        Emotion names, sorted.
    prior_ : ndarray, shape (n_classes,)
        Share of each class in training.

    References
    ----------
    .. [1] Woods, Kegelmeyer, Bowyer: Combination of multiple classifiers using local accuracy estimates. IEEE TPAMI
       19(4), 1997. https://doi.org/10.1109/34.588027

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> from ferfusion.fusion import make_late
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual",))
    >>> make_late("logistic", rule="dynamic").fit(corpus.X, corpus.y).predict(corpus.X).shape
    (80,)
    """

    def __init__(
        self,
        branches: Any,
        mode: Literal["weight", "select"] = "weight",
        n_neighbors: int = 15,
        competence: Any = "correct",
        space: Any = _DECISIONS,
        rule: Any = "mean",
        n_folds: int = 5,
        by: str = "modality",
        n_jobs: int | None = None,
        random_state: Any = 0,
        cv: Any = None,
        missing: Literal["prior", "nan"] = "prior",
    ) -> None:
        self.branches = branches
        self.mode = mode
        self.n_neighbors = n_neighbors
        self.competence = competence
        self.space = space
        self.rule = rule
        self.n_folds = n_folds
        self.by = by
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.cv = cv
        self.missing = missing

    def _learn_fusion(self, X: pd.DataFrame, labels: np.ndarray, named: list[tuple[str, Any]]) -> None:
        measure = self._checked()
        splits = inner_splits(X, labels, self.n_folds, self.random_state, self.cv)
        P, seen = out_of_fold(named, X, labels, self.classes_, splits, self.n_jobs)
        P = P[self._by_name()]
        rows = lesson_rows(P, seen)
        codes = np.searchsorted(self.classes_.astype(str), labels[rows].astype(str))
        self.competence_ = np.asarray(measure(P[:, rows], codes), dtype=np.float64)
        self.overall_ = _means(self.competence_)
        self._learn_space(X)
        self.profiles_ = self._profiles(P, X)[:, rows]

    def _checked(self) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        as_rule(self.rule)
        if self.mode not in _MODES:
            raise UnknownNameError("mode of dynamic fusion", self.mode, _MODES)
        if self.n_neighbors < 1:
            message = f"Dynamic fusion needs one neighbour at least, not n_neighbors={self.n_neighbors!r}."
            raise FeatureError(message)
        if callable(self.competence):
            return self.competence
        if self.competence not in COMPETENCES:
            raise UnknownNameError("competence", self.competence, COMPETENCES)
        return COMPETENCES[self.competence]

    def _learn_space(self, X: pd.DataFrame) -> None:
        self.scaler_, self.columns_ = None, []
        if isinstance(self.space, str) and self.space == _DECISIONS:
            return
        views = match_views(number_views(X), self.space)
        self.columns_, numbers = columns_of(X, views), features_of(X, views)
        known = ~np.isnan(numbers).all(axis=1)
        if not known.any():
            message = f"No training row has a value of {self.space!r}, where neighbours are to be sought."
            raise FeatureError(message)
        self.scaler_ = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler()).fit(numbers[known])

    def _profiles(self, P: np.ndarray, X: pd.DataFrame) -> np.ndarray:
        if self.scaler_ is None:
            return P
        numbers = features_of(X.reindex(columns=self.columns_))
        known = ~np.isnan(numbers).all(axis=1)
        if known.any():
            numbers[known] = self.scaler_.transform(numbers[known])
        return numbers[None]

    def _fuse(self, P: np.ndarray, X: pd.DataFrame) -> np.ndarray:
        P = P[self._by_name()]
        profiles = self._profiles(P, X)
        parts = [profiles[:, i : i + _CHUNK] for i in range(0, len(X), _CHUNK)]
        weights = np.hstack([self._competences(part) for part in parts])
        if self.mode == "select":
            there = np.where(np.isnan(P).any(axis=2), -1.0, weights)
            weights = (there >= there.max(axis=0) - _TIE).astype(np.float64)
        return as_rule(self.rule)(P, np.maximum(weights, _FLOOR) if self.mode == "weight" else weights)

    def _competences(self, profiles: np.ndarray) -> np.ndarray:
        """Local competence, shape (n_branches, n_utterances)."""
        distances = _distances(profiles, self.profiles_)
        k = min(self.n_neighbors, distances.shape[1]) - 1
        farthest = np.partition(distances, k, axis=1)[:, [k]]
        near = np.isfinite(distances) & (distances <= farthest * (1 + _TIE) + _TIE)
        known = ~np.isnan(self.competence_)
        sums = np.nan_to_num(self.competence_) @ near.T
        return (sums + self.overall_[:, None]) / (known.astype(float) @ near.T + 1.0)


def _means(competence: np.ndarray) -> np.ndarray:
    """Mean of each branch; of one that is not known, the mean of the others."""
    known = (~np.isnan(competence)).sum(axis=1)
    means = np.nan_to_num(competence).sum(axis=1) / np.maximum(known, 1)
    return np.where(known > 0, means, means[known > 0].mean() if (known > 0).any() else 1.0)


def _distances(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Mean squared distance over the blocks that both rows have, infinite where there is none.

    Parameters
    ----------
    A, B : ndarray, shapes (n_blocks, n_a, n_columns) and (n_blocks, n_b, n_columns)
        NaN where a row lacks a block.

    Returns
    -------
    ndarray, shape (n_a, n_b)
    """
    total, shared = np.zeros((A.shape[1], B.shape[1])), np.zeros((A.shape[1], B.shape[1]))
    for a, b in zip(A, B, strict=True):
        both = ~np.isnan(a).any(axis=1)[:, None] & ~np.isnan(b).any(axis=1)[None]
        total += np.where(both, cdist(np.nan_to_num(a), np.nan_to_num(b), "sqeuclidean"), 0.0)
        shared += both
    return np.where(shared > 0, total / np.maximum(shared, 1), np.inf)
