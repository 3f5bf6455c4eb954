"""Late fusion: each branch decides for itself, and a rule or a learner makes one decision of theirs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ferfusion.base.errors import FeatureError, ProtocolError
from ferfusion.base.grouped import give_grouped_cv, grouped_splits
from ferfusion.base.table import groups_of
from ferfusion.fusion.branches import BranchedClassifier, align_classes, fit_branch
from ferfusion.fusion.classifiers import as_classifier
from ferfusion.fusion.rules import as_rule

__all__ = ["LateFusionClassifier", "StackedFusionClassifier"]

_LOG_FLOOR = 1e-4  # a branch's certainty beyond this is not evidence


class LateFusionClassifier(BranchedClassifier):
    """Fuse the probabilities of branches by a fixed rule.

    Parameters
    ----------
    branches : list of (name, table classifier), or table classifier
        Pipelines that end in ``TableClassifier``. One classifier alone is fitted once for each modality (or view)
        of the table.
    rule : {"mean", "product", "vote"} or callable, default="mean"
        How probabilities meet.
    weights : sequence of float, optional
        One a branch; equal if missing.
    by : {"modality", "view"}, default="modality"
        What makes a branch where one classifier is given for all.
    n_jobs : int, optional
        Branches fitted at a time.

    Attributes
    ----------
    branches_ : dict of str to classifier
        Fitted branches.
    classes_ : ndarray of object
        Emotion names, sorted.
    prior_ : ndarray, shape (n_classes,)
        Share of each class in training.

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> from ferfusion.fusion import make_late
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual",))
    >>> model = make_late("logistic", rule="mean").fit(corpus.X, corpus.y)
    >>> list(model["fuse"].branches_)
    ['visual']
    """

    def __init__(
        self, branches: Any, rule: Any = "mean", weights: Any = None, by: str = "modality", n_jobs: int | None = None
    ) -> None:
        self.branches = branches
        self.rule = rule
        self.weights = weights
        self.by = by
        self.n_jobs = n_jobs

    def _learn_fusion(self, X: pd.DataFrame, labels: np.ndarray, named: list[tuple[str, Any]]) -> None:
        as_rule(self.rule)
        weights = np.ones(len(named)) if self.weights is None else np.asarray(self.weights, dtype=np.float64)
        if weights.shape != (len(named),) or (weights < 0).any() or not weights.any():
            message = f"Weights must be {len(named)} numbers, none negative and not all zero, not {self.weights!r}."
            raise FeatureError(message)
        self.weights_ = weights

    def _fuse(self, P: np.ndarray) -> np.ndarray:
        return as_rule(self.rule)(P, self.weights_)


class StackedFusionClassifier(BranchedClassifier):
    """Fuse the probabilities of branches by a learner, trained on what they say of speakers they have not heard.

    Out-of-fold folds keep a speaker (else a dialogue, else a video) together; the branches are then refitted
    on all training rows [1]_.

    Parameters
    ----------
    branches : list of (name, table classifier), or table classifier
        As for ``LateFusionClassifier``.
    final_estimator : str or classifier, default="logistic"
        Learner on the standardised logarithms of the branches' probabilities; a name as for ``make_early``.
    n_folds : int, default=5
        Inner folds.
    by : {"modality", "view"}, default="modality"
        What makes a branch where one classifier is given for all.
    n_jobs : int, optional
        Branches fitted at a time.
    random_state : int or None, default=0
        Seed of a learner made by name, and of the inner folds.

    Attributes
    ----------
    branches_ : dict of str to classifier
        Fitted branches.
    final_estimator_ : classifier
        Fitted learner behind its scaler, on integer codes.
    classes_ : ndarray of object
        Emotion names, sorted.

    References
    ----------
    .. [1] Wolpert: Stacked generalization. Neural Networks 5(2), 1992. https://doi.org/10.1016/S0893-6080(05)80023-1

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> from ferfusion.fusion import make_late
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual",))
    >>> make_late("logistic", rule="stack").fit(corpus.X, corpus.y).predict(corpus.X).shape
    (80,)
    """

    def __init__(
        self,
        branches: Any,
        final_estimator: Any = "logistic",
        n_folds: int = 5,
        by: str = "modality",
        n_jobs: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.branches = branches
        self.final_estimator = final_estimator
        self.n_folds = n_folds
        self.by = by
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _learn_fusion(self, X: pd.DataFrame, labels: np.ndarray, named: list[tuple[str, Any]]) -> None:
        groups = groups_of(X)
        seed = self.random_state if isinstance(self.random_state, int) else 0
        splits = grouped_splits(labels.astype(str), groups, self.n_folds, seed)
        P = np.full((len(named), len(X), len(self.classes_)), np.nan)
        for train, test in splits:
            if len(set(labels[train])) < 2:
                continue
            for i, (name, branch) in enumerate(named):
                fitted = fit_branch(name, branch, X.iloc[train], labels[train])
                P[i, test] = align_classes(fitted, X.iloc[test], self.classes_)
        rows = ~np.isnan(P).any(axis=2).all(axis=0)
        if not rows.any():
            message = "Stacking needs inner folds with two classes in training; there are too few groups or classes."
            raise ProtocolError(message)
        codes = np.searchsorted(self.classes_.astype(str), labels[rows].astype(str))
        learner = make_pipeline(StandardScaler(), as_classifier(self.final_estimator, self.random_state))
        evidence = self._evidence(P)[rows]
        learner = give_grouped_cv(learner, None if groups is None else groups[rows], evidence)
        self.final_estimator_ = learner.fit(evidence, codes)

    def _evidence(self, P: np.ndarray) -> np.ndarray:
        # A branch that cannot judge says what it would of anybody: the class shares.
        filled = np.where(np.isnan(P), self.prior_, P)
        return np.log(np.clip(filled, _LOG_FLOOR, None)).transpose(1, 0, 2).reshape(P.shape[1], -1)

    def _fuse(self, P: np.ndarray) -> np.ndarray:
        out = np.full(P.shape[1:], np.nan)
        rows = ~np.isnan(P).any(axis=2).all(axis=0)
        if rows.any():
            out[rows] = 0.0
            proba = self.final_estimator_.predict_proba(self._evidence(P)[rows])
            out[np.ix_(rows, np.asarray(self.final_estimator_.classes_, dtype=int))] = proba
        return out
