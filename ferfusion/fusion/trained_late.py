"""Late fusion by a rule that learns how far each branch is to be believed."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from ferfusion.fusion.branches import BranchedClassifier
from ferfusion.fusion.out_of_fold import inner_splits, lesson_rows, out_of_fold
from ferfusion.fusion.trained import as_trained_rule

__all__ = ["TrainedFusionClassifier"]


class TrainedFusionClassifier(BranchedClassifier):
    """Fuse the probabilities of branches by a rule trained on what they say of speakers they have not heard.

    Out-of-fold folds keep a speaker (else a dialogue, else a video) together; the branches are then refitted on all
    training rows. A row whose class was absent from the training part of its fold teaches the rule nothing.

    Parameters
    ----------
    branches : list of (name, table classifier), or table classifier
        As for ``LateFusionClassifier``.
    rule : str or TrainedRule, default="recall"
        A name of ``TRAINED_RULES``: ``recall`` (mean weighted by recall of each class), ``belief`` (Bayes' rule on
        confusion matrices), ``templates`` (nearest mean decision profile), ``weights`` (weights of least log loss),
        ``classwise`` (the same by class).
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
    learnt_ : dict of str to ndarray
        What the rule has learnt, branches in the order of ``branches_``, classes in that of ``classes_``.
    classes_ : ndarray of object
        Emotion names, sorted.
    prior_ : ndarray, shape (n_classes,)
        Share of each class in training.

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> from ferfusion.fusion import make_late
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual",))
    >>> model = make_late("logistic", rule="weights").fit(corpus.X, corpus.y)
    >>> model["fuse"].learnt_["weights"].shape == (1, len(model.classes_))
    True
    """

    def __init__(
        self,
        branches: Any,
        rule: Any = "recall",
        n_folds: int = 5,
        by: str = "modality",
        n_jobs: int | None = None,
        random_state: Any = 0,
        cv: Any = None,
        missing: Literal["prior", "nan"] = "prior",
    ) -> None:
        self.branches = branches
        self.rule = rule
        self.n_folds = n_folds
        self.by = by
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.cv = cv
        self.missing = missing

    def _learn_fusion(self, X: pd.DataFrame, labels: np.ndarray, named: list[tuple[str, Any]]) -> None:
        rule = as_trained_rule(self.rule)
        splits = inner_splits(X, labels, self.n_folds, self.random_state, self.cv)
        P, seen = out_of_fold(named, X, labels, self.classes_, splits, self.n_jobs)
        rows = lesson_rows(P, seen)
        codes = np.searchsorted(self.classes_.astype(str), labels[rows].astype(str))
        self.learnt_ = rule.fit(P[:, rows], codes, len(self.classes_))

    def _fuse(self, P: np.ndarray, X: pd.DataFrame) -> np.ndarray:
        return as_trained_rule(self.rule).apply(P, self.learnt_)
