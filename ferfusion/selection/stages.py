"""Choosers inside choosers: each gets a seed, the groups of its rows, and folds that keep these together."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone

from ferfusion.base.adapters import fit_with_groups
from ferfusion.base.errors import FerfusionError, SelectionError
from ferfusion.base.grouped import GroupedFolds, give_grouped_cv
from ferfusion.selection.ranking import seeded

__all__ = ["fit_stage", "groups_checked", "groups_for"]


def groups_checked(groups: Any, n_samples: int) -> np.ndarray | None:
    """Groups as an array, one a sample.

    Raises
    ------
    SelectionError
        If there are more or fewer than samples.
    """
    if groups is None:
        return None
    groups = np.asarray(groups)
    if len(groups) != n_samples:
        message = f"There are {len(groups)} groups for {n_samples} samples."
        raise SelectionError(message)
    return groups


def groups_for(chooser: Any, groups: Any, n_samples: int) -> np.ndarray | None:
    """Groups that were given, else those of grouped folds that were put inside a chooser for these samples.

    A pipeline of scikit-learn hands no groups down; what they were stands in the folds that the step around it has
    put into every ``cv``.

    Parameters
    ----------
    chooser : estimator
        With choosers inside.
    groups : array-like or None
        What was given.
    n_samples : int
        Number of samples of the coming fit.

    Returns
    -------
    ndarray of shape (n_samples,), or None

    Raises
    ------
    SelectionError
        If there are more or fewer groups than samples.
    """
    if groups is not None:
        return groups_checked(groups, n_samples)
    for value in chooser.get_params(deep=True).values():
        if isinstance(value, GroupedFolds) and value.groups is not None and len(value.groups) == n_samples:
            return np.asarray(value.groups)
    return None


def fit_stage(
    selector: Any, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, random_state: Any, name: str
) -> tuple[Any, np.ndarray]:
    """Fit a clone of a chooser on a part of the rows or columns.

    Parameters
    ----------
    selector : chooser of columns
        With ``get_support``; any of scikit-learn's will do.
    X : ndarray, shape (n_samples, n_features)
        The rows and columns that it is to see.
    y : ndarray, shape (n_samples,)
        Classes.
    groups : ndarray of shape (n_samples,), or None
        They reach a ``fit`` that takes them, and any ``cv`` inside that is a number or None becomes grouped folds
        of these very rows. So does a ``cv`` that already is grouped folds: they were made for other columns.
    random_state : int, RandomState or None
        Seed of every ``random_state`` inside that is None.
    name : str
        What to call it in errors.

    Returns
    -------
    fitted : chooser
        The clone.
    mask : ndarray of bool, shape (n_features,)
        Columns that it keeps, one at least.

    Raises
    ------
    SelectionError
        If it fails by an error of this library, is no chooser, or keeps nothing.
    """
    if not (hasattr(selector, "get_support") and hasattr(selector, "fit")):
        message = f"{name} is {type(selector).__name__}, which has no 'get_support' and so chooses no columns."
        raise SelectionError(message)
    stage = seeded(clone(selector), random_state)
    if groups is not None:
        for key, value in stage.get_params(deep=True).items():
            if isinstance(value, GroupedFolds):
                stage.set_params(**{key: value.n_splits})
        give_grouped_cv(stage, groups, X)
    try:
        mask = np.asarray(fit_with_groups(stage, X, y, groups).get_support(), dtype=bool)
    except FerfusionError as error:
        message = f"{name} ({type(selector).__name__}) cannot choose: {error}"
        raise SelectionError(message) from error
    if not mask.any():
        message = f"{name} ({type(selector).__name__}) keeps none of {X.shape[1]} columns."
        raise SelectionError(message)
    return stage, mask
