"""What branches say of rows that they have not been fitted on: all that learns how branches meet learns from it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from ferfusion.base.errors import FeatureError, ProtocolError
from ferfusion.base.grouped import grouped_splits
from ferfusion.base.table import groups_of
from ferfusion.fusion.branches import align_classes, fit_branch

__all__ = ["inner_splits", "judged_rows", "lesson_rows", "out_of_fold"]

Named = Sequence[tuple[str, Any]]
Splits = list[tuple[np.ndarray, np.ndarray]]


def judged_rows(P: np.ndarray) -> np.ndarray:
    """Utterances that at least one branch judges, shape (n_utterances,)."""
    return ~np.isnan(P).any(axis=2).all(axis=0)


def lesson_rows(P: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Rows from which a rule can learn: judged by a branch, in a fold that had the class in training.

    Parameters
    ----------
    P, seen : ndarray
        From ``out_of_fold``.

    Returns
    -------
    ndarray of bool, shape (n_utterances,)

    Raises
    ------
    ProtocolError
        If there is none.
    """
    rows = judged_rows(P) & seen
    if not rows.any():
        message = "No class occurs in more than one group, so that no inner fold can tell how good the branches are."
        raise ProtocolError(message)
    return rows


def inner_splits(X: pd.DataFrame, labels: np.ndarray, n_folds: int, random_state: Any, cv: Any = None) -> Splits:
    """Inner folds of the training rows: grouped by speaker (else dialogue, else video), or as a splitter makes them.

    Parameters
    ----------
    X : DataFrame
        The training rows.
    labels : ndarray of object, shape (n_utterances,)
        Their labels.
    n_folds : int
        Folds wanted where there is no splitter.
    random_state : int or None
        Seed of the folds; 0 if None.
    cv : splitter, or list of (train, test), optional
        Used instead; it is told the groups, and may tear them apart.

    Returns
    -------
    list of (train, test)

    Raises
    ------
    ProtocolError
        If no folds can be made, or a row would be judged twice.
    """
    groups = groups_of(X)
    if cv is None:
        seed = int(random_state) if isinstance(random_state, Integral) else 0
        return grouped_splits(labels.astype(str), groups, n_folds, seed)
    with warnings.catch_warnings():
        # a splitter that has no use for groups was chosen by the user
        warnings.filterwarnings("ignore", message="The groups parameter is ignored", category=UserWarning)
        made = cv.split(np.zeros((len(X), 1)), labels.astype(str), groups) if hasattr(cv, "split") else cv
        splits = [(np.asarray(train), np.asarray(test)) for train, test in made]
    tested = np.concatenate([test for _, test in splits]) if splits else np.zeros(0, dtype=int)
    if len(tested) == 0 or len(np.unique(tested)) < len(tested):
        message = "Inner folds must test each row at most once, and some row; use a splitter such as GroupKFold(5)."
        raise ProtocolError(message)
    return splits


def out_of_fold(
    named: Named,
    X: pd.DataFrame,
    labels: np.ndarray,
    classes: np.ndarray,
    splits: Splits,
    n_jobs: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """What branches say of rows that they have not been fitted on.

    A fold with one class in training is passed over. A branch that cannot be fitted in some fold (its view is missing
    there, say) has nothing to say of that fold's test rows; a warning names it.

    Parameters
    ----------
    named : sequence of (name, table classifier)
        Unfitted branches.
    X : DataFrame
        The training rows.
    labels : ndarray of object, shape (n_utterances,)
        Their labels.
    classes : ndarray of object, shape (n_classes,)
        All classes, sorted.
    splits : list of (train, test)
        Inner folds.
    n_jobs : int, optional
        Branches fitted at a time.

    Returns
    -------
    P : ndarray, shape (n_branches, n_utterances, n_classes)
        NaN where missing.
    seen : ndarray of bool, shape (n_utterances,)
        Whether the training part of the row's fold held the row's class at all.

    Raises
    ------
    ProtocolError
        If no row is judged by any branch.
    """
    P = np.full((len(named), len(X), len(classes)), np.nan)
    seen = np.zeros(len(X), dtype=bool)
    usable = [(train, test) for train, test in splits if len(set(labels[train])) > 1]
    jobs = [(i, train, test) for train, test in usable for i in range(len(named))]
    found = Parallel(n_jobs=n_jobs)(
        delayed(_judge_fold)(*named[i], X.iloc[train], labels[train], X.iloc[test], classes) for i, train, test in jobs
    )
    failures: dict[str, list[str]] = {}
    for (i, train, test), (proba, failure) in zip(jobs, found, strict=True):
        P[i, test] = proba
        seen[test] = np.isin(labels[test].astype(str), labels[train].astype(str))
        if failure:
            failures.setdefault(named[i][0], []).append(failure)
    for name, messages in failures.items():
        message = f"The branch {name!r} says nothing in {len(messages)} of {len(usable)} inner folds. {messages[0]}"
        warnings.warn(message, UserWarning, stacklevel=2)
    if not judged_rows(P).any():
        message = (
            "Learning from out-of-fold judgements needs inner folds with two classes in training; there are too few "
            "groups or classes."
        )
        raise ProtocolError(message)
    return P, seen


def _judge_fold(
    name: str, branch: Any, X: pd.DataFrame, labels: np.ndarray, rest: pd.DataFrame, classes: np.ndarray
) -> tuple[np.ndarray, str]:
    try:
        return align_classes(fit_branch(name, branch, X, labels), rest, classes), ""
    except FeatureError as error:
        return np.full((len(rest), len(classes)), np.nan), str(error)
