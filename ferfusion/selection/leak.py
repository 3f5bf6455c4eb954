"""What can be seen of columns that were chosen with the test rows among those looked at.

Whoever chooses columns on all data and splits afterwards has let the test part speak: with random labels and
thousands of columns the scores are then far above chance [1]_. Three things guard against it.

* A chooser inside a pipeline is fitted anew in each training part; this is the right way, and nothing is to be seen.
* A table that went through a fitted ``OnFeatures`` is marked as learnt, and ``ferfusion.evaluate`` refuses it
  (``LearntViewError``).
* A fitted chooser remembers a digest of each row it saw (``fitted_rows_``), so :func:`seen_rows` and
  :func:`warn_if_selected_before` can say whether rows to be tested were among them.

A plain array has no memory: ``cross_val_score(model, X[:, mask], y)`` looks the same whether the mask came from
elsewhere or from all rows of ``X``, and nobody can warn. Nor can a table that was cut by hand to chosen names.

References
----------
.. [1] C. Ambroise and G. J. McLachlan, "Selection bias in gene extraction on the basis of microarray
   gene-expression data", PNAS 99(10), 2002, doi:10.1073/pnas.102102699.
"""

from __future__ import annotations

import warnings
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ferfusion.base.adapters import OnFeatures
from ferfusion.base.calibration import CalibratedScores
from ferfusion.base.classifier import TableClassifier
from ferfusion.base.table import fitted_features

__all__ = ["SelectionLeakWarning", "row_digests", "seen_rows", "warn_if_selected_before"]


class SelectionLeakWarning(UserWarning):
    """Rows to be tested were among those on which columns were chosen."""


def row_digests(X: Any) -> np.ndarray:
    """Digest of the numbers of each row.

    Parameters
    ----------
    X : array-like, shape (n_samples, n_features)
        Rows.

    Returns
    -------
    ndarray of uint64, shape (n_samples,)
        Equal rows have equal digests; unequal ones differ but for a chance of about 1 in 10^19 a pair.
    """
    # adding zero makes -0.0 and 0.0 one number
    rows = np.ascontiguousarray(X, dtype=np.float64) + 0.0
    digests = b"".join(blake2b(row.data, digest_size=8).digest() for row in rows)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def seen_rows(model: Any, X: Any) -> np.ndarray:
    """Which rows were among those on which a fitted model chose its columns.

    Parameters
    ----------
    model : fitted estimator
        A chooser of columns, an ``OnFeatures`` or ``TableClassifier`` around one, or a pipeline of such steps. Rows
        are sent through the steps before the chooser. What is none of these has chosen nothing that could be seen.
    X : array-like or DataFrame, shape (n_samples, n_features)
        Rows as they are given to the model, before anything is chosen.

    Returns
    -------
    ndarray of bool, shape (n_samples,)
        Rows that are equal to one that was seen count as seen.
    """
    seen = np.zeros(len(X), dtype=bool)
    if isinstance(model, Pipeline):
        *before, (_, last) = model.steps
        for _, step in before:
            if step is not None and step != "passthrough":
                seen |= seen_rows(step, X)
                X = step.transform(X)
        return seen | seen_rows(last, X)
    if isinstance(model, OnFeatures | TableClassifier):
        return _seen_in_table(model, X)
    if hasattr(model, "fitted_rows_"):
        return np.isin(row_digests(X), model.fitted_rows_)
    if isinstance(model, CalibratedScores):
        return seen_rows(model.estimator_, X)
    return seen


def warn_if_selected_before(model: Any, X: Any) -> int:
    """Warn if rows to be tested helped to choose the columns.

    Parameters
    ----------
    model : fitted estimator
        See :func:`seen_rows`.
    X : array-like or DataFrame, shape (n_samples, n_features)
        Rows that are to be tested.

    Returns
    -------
    int
        Number of such rows.

    Warns
    -----
    SelectionLeakWarning
        If there is one.

    Examples
    --------
    >>> from ferfusion.selection.filters import FilterSelector
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(20, 50)), np.arange(20) % 2
    >>> selector = FilterSelector(n_features=5).fit(X[:10], y[:10])
    >>> warn_if_selected_before(selector, X[10:])
    0
    """
    n_seen = int(seen_rows(model, X).sum())
    if n_seen:
        message = (
            f"{n_seen} of {len(X)} rows to be tested were among those on which columns were chosen, so a score on "
            "them is too good. Put the chooser into the pipeline, so that each training part chooses anew."
        )
        warnings.warn(message, SelectionLeakWarning, stacklevel=2)
    return n_seen


def _seen_in_table(model: OnFeatures | TableClassifier, X: pd.DataFrame) -> np.ndarray:
    seen = np.zeros(len(X), dtype=bool)
    inner = model.transformer_ if isinstance(model, OnFeatures) else model.estimator_
    if inner is not None:
        A = fitted_features(X, model.columns_)
        rows = ~np.isnan(A).all(axis=1)
        seen[rows] = seen_rows(inner, A[rows])
    return seen
