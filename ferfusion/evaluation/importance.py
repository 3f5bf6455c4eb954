"""What a fitted system loses when groups of columns are shuffled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ferfusion.base.classifier import check_labels
from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.base.table import check_table, columns_of, modality_of, view_of
from ferfusion.evaluation.metrics import METRICS, confusion_counts
from ferfusion.evaluation.preparation import first_views
from ferfusion.evaluation.tuned import fitted_system
from ferfusion.selection.plots import family_of

__all__ = ["GROUPINGS", "permutation_importance_by_family"]


def family_in_view(column: str) -> str:
    """Family of a column with its view before it: ``audio_is10: mfcc``."""
    return f"{view_of(column)}: {family_of(column)}"


GROUPINGS: dict[str, Callable[[str], str]] = {
    "family": family_in_view,
    "view": view_of,
    "modality": lambda column: modality_of(view_of(column)),
}


def permutation_importance_by_family(
    model: Any,
    X: pd.DataFrame,
    y: Any,
    by: str | Callable[[str], str] = "family",
    *,
    metric: str = "uar",
    n_repeats: int = 10,
    seed: int = 0,
) -> pd.DataFrame:
    """What a fitted system loses on test rows when all columns of a group are shuffled among the rows together.

    Single columns tell little where thousands say the same; a whole family at once has no twin left to step in.
    Columns of a group keep their rows together. What is missing is shuffled along.

    Parameters
    ----------
    model : fitted system
        On the raw table; if its first step extracts views, these are shuffled, learnt ones among them.
    X : DataFrame
        Test rows.
    y : array-like of str, shape (n_utterances,)
        Their labels.
    by : {"family", "view", "modality"} or callable, default="family"
        Name of a column to its group; a family is what stands before the first underscore of a feature, within its
        view.
    metric : {"uar", "wa", "wf1"}, default="uar"
        Score that is lost.
    n_repeats : int, default=10
        Shuffles of each group.
    seed : int, default=0
        Of the shuffles.

    Returns
    -------
    DataFrame
        A row a group, the greatest loss first: ``columns`` (how many), ``loss`` (mean), ``deviation`` (standard, over
        the shuffles).

    Raises
    ------
    UnknownNameError
        If there is no such grouping or metric.
    FeatureError
        If there are no columns to shuffle, or no repeats.

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> from ferfusion.fusion import make_early
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual",))
    >>> model = make_early(classifier="logistic").fit(corpus.X, corpus.y)
    >>> permutation_importance_by_family(model, corpus.X, corpus.y, "view").index.tolist()
    ['visual_au']
    """
    if metric not in METRICS:
        raise UnknownNameError("metric", metric, METRICS)
    if not callable(by) and by not in GROUPINGS:
        raise UnknownNameError("grouping", by, GROUPINGS)
    rest, table = _extracted(fitted_system(model), check_table(X))
    columns = columns_of(table)
    if not columns or n_repeats < 1:
        message = "There is nothing to shuffle: importance takes a feature column and a repeat at least."
        raise FeatureError(message)
    labels = check_labels(y, X).astype(str)
    group = by if callable(by) else GROUPINGS[by]
    members: dict[str, list[str]] = {}
    for column in columns:
        members.setdefault(group(column), []).append(column)
    whole = _score(rest, table, labels, metric)
    rows = {}
    for place, (name, named) in enumerate(members.items()):
        losses = []
        for repeat in range(n_repeats):
            order = np.random.default_rng([seed, place, repeat]).permutation(len(table))
            shuffled = table.copy()
            shuffled[named] = table[named].iloc[order].set_axis(table.index)
            losses.append(whole - _score(rest, shuffled, labels, metric))
        rows[name] = {"columns": len(named), "loss": float(np.mean(losses)), "deviation": float(np.std(losses))}
    found = pd.DataFrame.from_dict(rows, orient="index").astype({"columns": int})
    return found.sort_values("loss", ascending=False, kind="stable")


def _extracted(model: Any, X: pd.DataFrame) -> tuple[Any, pd.DataFrame]:
    """What follows the first step, and the table as it comes out of it."""
    first = first_views(model)
    if first is None or not isinstance(model, Pipeline):
        return model, X
    place = [step for _, step in model.steps].index(first)
    for _, step in model.steps[: place + 1]:
        X = step.transform(X)
    return model[place + 1 :], X


def _score(model: Any, X: pd.DataFrame, labels: np.ndarray, metric: str) -> float:
    predicted = np.asarray(model.predict(X)).astype(str)
    names = sorted({*labels, *predicted})
    return float(METRICS[metric](confusion_counts(labels, predicted, names, np.zeros(len(labels)))[0][0]))
