"""Late fusion: each branch decides for itself, and a rule or a learner makes one decision of theirs."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from ferfusion.base.adapters import SelectViews, number_views
from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.base.grouped import give_grouped_cv
from ferfusion.base.table import columns_of, features_of, groups_of
from ferfusion.fusion.branches import BranchedClassifier
from ferfusion.fusion.classifiers import as_classifier
from ferfusion.fusion.out_of_fold import inner_splits, judged_rows, out_of_fold
from ferfusion.fusion.quality import as_quality_map, learn_quality, quality_of, quality_weights
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
    rule : str or callable, default="mean"
        How probabilities meet: a name of ``RULES`` (``mean product vote maximum minimum median borda entropy
        dempster_shafer``; the product is the sum of logarithms, the vote the majority).
    weights : sequence of float, optional
        One a branch; equal if missing.
    by : {"modality", "view"}, default="modality"
        What makes a branch where one classifier is given for all.
    n_jobs : int, optional
        Branches fitted at a time.
    quality : dict of str to str, optional
        Branch to a column of the table that says how good this branch's view of an utterance is, the more the better
        (``{"audio": "snr_db", "text": "asr_confidence"}``). The branch's weight is multiplied by what the map makes of
        it; a branch without a column, and an utterance without the number, count as of median quality. The rules
        ``maximum`` and ``minimum`` know no degrees of weight.
    quality_map : {"logistic", "rank"} or QualityMap, default="logistic"
        From quality to a weight between 0 and 1, learnt from the training rows.
    missing : {"prior", "nan"}, default="prior"
        What a row gets that no branch can judge: class shares of training with a warning, or NaN.

    Attributes
    ----------
    branches_ : dict of str to classifier
        Fitted branches.
    weights_ : ndarray, shape (n_branches,)
        Their weights, without quality.
    quality_ : dict of str to dict of ndarray
        What the map has learnt, by branch.
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
        self,
        branches: Any,
        rule: Any = "mean",
        weights: Any = None,
        by: str = "modality",
        n_jobs: int | None = None,
        quality: Any = None,
        quality_map: Any = "logistic",
        missing: Literal["prior", "nan"] = "prior",
    ) -> None:
        self.branches = branches
        self.rule = rule
        self.weights = weights
        self.by = by
        self.n_jobs = n_jobs
        self.quality = quality
        self.quality_map = quality_map
        self.missing = missing

    def _learn_fusion(self, X: pd.DataFrame, labels: np.ndarray, named: list[tuple[str, Any]]) -> None:
        as_rule(self.rule)
        weights = np.ones(len(named)) if self.weights is None else np.asarray(self.weights, dtype=np.float64)
        if weights.shape != (len(named),) or not (weights >= 0).all() or not weights.any() or np.isinf(weights).any():
            message = f"Weights must be {len(named)} numbers, none negative and not all zero, not {self.weights!r}."
            raise FeatureError(message)
        self.weights_ = weights
        as_quality_map(self.quality_map)
        self.quality_ = {}
        for name, column in (self.quality or {}).items():
            if name not in self.branches_:
                raise UnknownNameError("branch with a quality", name, self.branches_)
            self.quality_[name] = learn_quality(quality_of(X, column), self.quality_map)

    def _fuse(self, P: np.ndarray, X: pd.DataFrame) -> np.ndarray:
        return as_rule(self.rule)(P, self._weights_of(X))

    def _weights_of(self, X: pd.DataFrame) -> np.ndarray:
        if not self.quality_:
            return self.weights_
        # one that has no number, or whose column the table lacks, is as good as most
        unknown = np.full(len(X), np.nan)
        columns = {name: self.quality[name] for name in self.quality_ if self.quality[name] in X.columns}
        rows = [
            quality_weights(
                quality_of(X, columns[name]) if name in columns else unknown,
                self.quality_.get(name, {}),
                self.quality_map,
            )
            for name in self.branches_
        ]
        return self.weights_[:, None] * np.stack(rows)


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
    random_state : int, RandomState or None, default=0
        Seed of a learner made by name, of the inner folds (an int) and of view dropout.
    cv : splitter, or list of (train, test), optional
        Inner folds instead of the grouped ones. Folds that tear speakers apart let the learner trust branches that
        know the speaker, and are here to show just that.
    passthrough : bool, default=False
        Whether the learner also sees the numbers that the branches judge by, standardised, training means where
        missing. Thousands of them drown the evidence; choose a learner that can bear it.
    view_dropout : float, default=0.0
        Share of the learner's training rows in which one branch, drawn at random from those that are there, is taken
        away, so that it knows rows without. The last branch of a row stays.
    missing : {"prior", "nan"}, default="prior"
        What a row gets that no branch can judge: class shares of training with a warning, or NaN.

    Attributes
    ----------
    branches_ : dict of str to classifier
        Fitted branches.
    final_estimator_ : classifier
        Fitted learner behind its scaler, on integer codes; a column a branch (by name) and class, then the numbers.
    columns_ : list of str
        Numbers passed through.
    uses_ : ndarray of bool, shape (n_branches, n_columns)
        Which branch sees which of them.
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
        cv: Any = None,
        passthrough: bool = False,
        view_dropout: float = 0.0,
        missing: Literal["prior", "nan"] = "prior",
    ) -> None:
        self.branches = branches
        self.final_estimator = final_estimator
        self.n_folds = n_folds
        self.by = by
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.cv = cv
        self.passthrough = passthrough
        self.view_dropout = view_dropout
        self.missing = missing

    def _learn_fusion(self, X: pd.DataFrame, labels: np.ndarray, named: list[tuple[str, Any]]) -> None:
        if not 0 <= self.view_dropout <= 1:
            message = f"view_dropout is a share between 0 and 1, not {self.view_dropout!r}."
            raise FeatureError(message)
        splits = inner_splits(X, labels, self.n_folds, self.random_state, self.cv)
        P, _ = out_of_fold(named, X, labels, self.classes_, splits, self.n_jobs)
        used = {name: _numbers_of(branch, X) if self.passthrough else [] for name, branch in named}
        self.columns_ = list(dict.fromkeys(column for name in sorted(used) for column in used[name]))
        self.uses_ = np.array([[column in set(used[name]) for column in self.columns_] for name, _ in named])
        order = self._by_name()
        P[order] = drop_branches(P[order], self.view_dropout, self.random_state)
        rows = judged_rows(P)
        groups = groups_of(X)
        steps = [SimpleImputer(keep_empty_features=True)] if self.columns_ else []
        learner = make_pipeline(*steps, StandardScaler(), as_classifier(self.final_estimator, self.random_state))
        evidence = self._evidence(P, X)[rows]
        learner = give_grouped_cv(learner, None if groups is None else groups[rows], evidence)
        codes = np.searchsorted(self.classes_.astype(str), labels[rows].astype(str))
        self.final_estimator_ = learner.fit(evidence, codes)

    def _evidence(self, P: np.ndarray, X: pd.DataFrame) -> np.ndarray:
        there = ~np.isnan(P).any(axis=2)
        # A branch that cannot judge says what it would of anybody: the class shares.
        filled = np.where(there[:, :, None], P, self.prior_)[self._by_name()]
        logs = np.log(np.clip(filled, _LOG_FLOOR, None)).transpose(1, 0, 2).reshape(P.shape[1], -1)
        if not self.columns_:
            return logs
        numbers = features_of(X.reindex(columns=self.columns_))
        # what only a branch that is taken away has seen is taken away too
        numbers[there.T.astype(float) @ self.uses_ == 0] = np.nan
        return np.hstack([logs, numbers])

    def _fuse(self, P: np.ndarray, X: pd.DataFrame) -> np.ndarray:
        out = np.full(P.shape[1:], np.nan)
        rows = judged_rows(P)
        if rows.any():
            out[rows] = 0.0
            proba = self.final_estimator_.predict_proba(self._evidence(P, X)[rows])
            out[np.ix_(rows, np.asarray(self.final_estimator_.classes_, dtype=int))] = proba
        return out


def drop_branches(P: np.ndarray, share: float, random_state: Any = 0) -> np.ndarray:
    """Take one branch away from a share of the utterances, never the last.

    Parameters
    ----------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        Probabilities; NaN where missing.
    share : float
        Of the utterances that two branches or more judge.
    random_state : int, RandomState or None, default=0
        Which utterances, and which of the branches that are there, each as likely as the other.

    Returns
    -------
    ndarray, shape (n_branches, n_utterances, n_classes)
        A new array.

    Examples
    --------
    >>> P = np.full((3, 100, 2), 0.5)
    >>> int(np.isnan(drop_branches(P, 0.3)).any(axis=2).sum())
    30
    """
    rng = check_random_state(random_state)
    there = ~np.isnan(P).any(axis=2)
    able = np.flatnonzero(there.sum(axis=0) > 1)
    rows = rng.permutation(able)[: round(share * len(able))]
    lots = np.where(there[:, rows], rng.random_sample((len(P), len(rows))), -1.0)
    out = P.copy()
    out[lots.argmax(axis=0), rows] = np.nan
    return out


def _numbers_of(branch: Any, X: pd.DataFrame) -> list[str]:
    """Columns of numbers that a branch may see: those of the views that it selects, else all."""
    parts = [branch, *branch.get_params(deep=True).values()]
    patterns = [part.views for part in parts if isinstance(part, SelectViews)]
    flat = [name for views in patterns for name in ([views] if isinstance(views, str) else views)]
    return [c for view in number_views(X, flat or None) for c in columns_of(X, view)]
