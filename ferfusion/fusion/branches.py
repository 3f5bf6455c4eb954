"""What all late fusion shares: branches that are fitted on their own views and answer for the same classes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.adapters import SelectViews
from ferfusion.base.classifier import check_labels
from ferfusion.base.errors import FeatureError, FerfusionError, UnknownNameError, shorten
from ferfusion.base.rows import LastStep
from ferfusion.base.table import check_table, modality_of, present_rows, views_of

__all__ = ["Branched", "BranchedClassifier", "align_classes", "best_names", "fit_branch", "say_nan"]

_BY = ("modality", "view")
_MISSING = ("prior", "nan")


class Branched(BaseEstimator):
    """Base of estimators that have several branches, which are given one by one or made a view or modality."""

    branches: Any
    branches_: dict[str, Any]
    by: str

    def _by_name(self) -> np.ndarray:
        """Order of the branches by their names: what learns in it is the same in whatever order they were given."""
        return np.argsort(np.array(list(self.branches_)), kind="stable")

    def _named_branches(self, X: pd.DataFrame) -> list[tuple[str, Any]]:
        if self.by not in _BY:
            raise UnknownNameError("way to branch", self.by, _BY)
        if isinstance(self.branches, list | tuple):
            named = [(name, clone(branch)) for name, branch in self.branches]
        else:
            views = [view for view in views_of(X) if present_rows(X, view).any()]
            names = list(dict.fromkeys(modality_of(view) if self.by == "modality" else view for view in views))
            named = [
                (name, Pipeline([("keep", SelectViews([name])), ("branch", clone(self.branches))])) for name in names
            ]
        if not named:
            message = "There is no branch to fuse: the table has no view of features."
            raise FeatureError(message)
        twice = [name for i, (name, _) in enumerate(named) if name in [other for other, _ in named[:i]]]
        if twice:
            message = f"Branches must have names of their own; these occur more than once: {shorten(twice)}."
            raise FeatureError(message)
        return [(name, say_nan(branch)) for name, branch in named]


class BranchedClassifier(ClassifierMixin, Branched):
    """Base of classifiers that judge by several branches; subclasses say how the judgements meet.

    Subclasses have the parameters ``branches``, ``by``, ``n_jobs`` and ``missing`` and write ``_learn_fusion`` and
    ``_fuse``. A row that no branch can judge leaves ``_fuse`` as NaN. With ``missing="prior"`` it then gets the class
    shares of training, with a warning, and ``predict`` gives the most frequent emotion; with ``missing="nan"``, for a
    fusion inside of another, it stays NaN, and ``predict`` gives None.
    """

    n_jobs: int | None
    missing: str

    def fit(self, X: pd.DataFrame, y: Any) -> Any:
        """Fit every branch, then what brings them together.

        Parameters
        ----------
        X : DataFrame
            The table.
        y : array-like of str, shape (n_utterances,)
            Emotion names.

        Raises
        ------
        FeatureError
            If no branch has a view to work on, or one cannot be fitted (it is named).
        """
        check_table(X)
        if self.missing not in _MISSING:
            raise UnknownNameError("treatment of rows that no branch can judge", self.missing, _MISSING)
        labels = check_labels(y, X)
        self.classes_, counts = np.unique(labels.astype(str), return_counts=True)
        self.classes_ = self.classes_.astype(object)
        self.prior_ = counts / counts.sum()
        named = self._named_branches(X)
        fitted = Parallel(n_jobs=self.n_jobs)(delayed(fit_branch)(name, branch, X, labels) for name, branch in named)
        self.branches_ = dict(zip([name for name, _ in named], fitted, strict=True))
        self._learn_fusion(X, labels, named)
        return self

    def branch_probabilities(self, X: pd.DataFrame) -> np.ndarray:
        """What each branch says.

        Parameters
        ----------
        X : DataFrame
            The table.

        Returns
        -------
        ndarray, shape (n_branches, n_utterances, n_classes)
            In the order of ``branches_``; NaN where a branch has nothing to judge an utterance by.
        """
        check_is_fitted(self)
        check_table(X)
        return np.stack([align_classes(branch, X, self.classes_) for branch in self.branches_.values()])

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Probabilities of the emotions.

        Parameters
        ----------
        X : DataFrame
            The table.

        Returns
        -------
        ndarray, shape (n_utterances, n_classes)
            Columns as in ``classes_``; where no branch can judge, the shares of training with a warning, or NaN if
            ``missing="nan"``.
        """
        out = self._fuse(self.branch_probabilities(X), X)
        blank = np.isnan(out).any(axis=1)
        if blank.any() and self.missing == "prior":
            message = (
                f"No branch can judge these rows, which get the class shares of training: {shorten(X.index[blank])}."
            )
            warnings.warn(message, UserWarning, stacklevel=2)
            out[blank] = self.prior_
        return out

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Most probable emotion of each row.

        Parameters
        ----------
        X : DataFrame
            The table.

        Returns
        -------
        ndarray of object, shape (n_utterances,)
            None where no branch can judge, if ``missing="nan"``.
        """
        return best_names(self.predict_proba(X), self.classes_)

    def _learn_fusion(self, X: pd.DataFrame, labels: np.ndarray, named: list[tuple[str, Any]]) -> None:
        """Learn how the branches meet; by default there is nothing to learn."""

    def _fuse(self, P: np.ndarray, X: pd.DataFrame) -> np.ndarray:
        raise NotImplementedError


def fit_branch(name: str, branch: Any, X: pd.DataFrame, labels: np.ndarray) -> Any:
    """Fit a clone of one branch; a failure names it.

    Raises
    ------
    FeatureError
        If the branch cannot be fitted.
    """
    try:
        return clone(branch).fit(X, labels)
    except (FerfusionError, ValueError, ArithmeticError, RuntimeError) as error:
        message = f"The branch {name!r} cannot be fitted: {error}"
        raise FeatureError(message) from error


def align_classes(branch: Any, X: pd.DataFrame, classes: np.ndarray) -> np.ndarray:
    """Probabilities of a branch in the order of all classes; 0 for one that it has never seen.

    Parameters
    ----------
    branch : fitted classifier
        Its classes are some of ``classes``.
    X : DataFrame
        The table.
    classes : ndarray of object, shape (n_classes,)
        All classes, sorted.

    Returns
    -------
    ndarray, shape (n_utterances, n_classes)
    """
    own = branch.predict_proba(X)
    out = np.zeros((len(X), len(classes)))
    out[:, np.searchsorted(classes.astype(str), branch.classes_.astype(str))] = own
    out[np.isnan(own).any(axis=1)] = np.nan
    return out


def say_nan(branch: Any) -> Any:
    """Let a branch say NaN where it has nothing to judge by, for alone it would fall back on shares or means.

    Parameters
    ----------
    branch : table classifier or regressor
        Changed in place; hand in a clone.

    Returns
    -------
    table classifier or regressor
        The same object.
    """
    parts = [branch, *branch.get_params(deep=True).values()]
    for part in parts:
        if isinstance(part, LastStep | Branched):
            part.set_params(missing="nan")
    return branch


def best_names(proba: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Most probable class of each row, shape (n_utterances,); None where the row is NaN."""
    names = np.full(len(proba), None, dtype=object)
    known = ~np.isnan(proba).any(axis=1)
    names[known] = classes[proba[known].argmax(axis=1)]
    return names
