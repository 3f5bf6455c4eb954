"""Scores of predicted numbers such as valence, arousal and dominance, with intervals over speakers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.errors import ProtocolError

__all__ = ["ccc", "pearson", "rmse", "score_dimensions"]


def ccc(y_true: Any, y_pred: Any) -> float:
    """Concordance correlation coefficient: ``2 cov / (var_true + var_pred + (mean_true - mean_pred)²)`` [1]_.

    Parameters
    ----------
    y_true, y_pred : array-like, shape (n_utterances,)
        Numbers.

    Returns
    -------
    float
        1 for equal numbers, 0 for predictions that do not vary; NaN if nothing varies and the means are equal.

    References
    ----------
    .. [1] Lin: A concordance correlation coefficient to evaluate reproducibility. Biometrics 45, 1989, pages 255-268.
       https://doi.org/10.2307/2532051

    Examples
    --------
    >>> round(ccc([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]), 4)  # right but for a shift of one
    0.5714
    """
    t, p = (np.asarray(values, dtype=np.float64) for values in (y_true, y_pred))
    spread = t.var() + p.var() + (t.mean() - p.mean()) ** 2
    return float(2 * ((t - t.mean()) * (p - p.mean())).mean() / spread) if spread > 0 else float("nan")


def pearson(y_true: Any, y_pred: Any) -> float:
    """Pearson's correlation; NaN where one side does not vary."""
    t, p = (np.asarray(values, dtype=np.float64) for values in (y_true, y_pred))
    spread = t.std() * p.std()
    return float(((t - t.mean()) * (p - p.mean())).mean() / spread) if spread > 0 else float("nan")


def rmse(y_true: Any, y_pred: Any) -> float:
    """Root of the mean squared error, in units of the targets."""
    t, p = (np.asarray(values, dtype=np.float64) for values in (y_true, y_pred))
    return float(np.sqrt(((t - p) ** 2).mean()))


DIMENSIONAL: dict[str, Callable[[Any, Any], float]] = {"ccc": ccc, "pearson": pearson, "rmse": rmse}


def score_dimensions(
    y: Any, predicted: Any, groups: Any = None, *, n_resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """CCC, correlation and error of each target, with 95 % intervals of a bootstrap over speakers.

    Parameters
    ----------
    y, predicted : array-like, shape (n_utterances,) or (n_utterances, n_targets)
        What is true, and what was predicted by a model that did not see the row (``cross_val_predict`` with folds
        grouped by speaker, say).
    groups : array-like, shape (n_utterances,), optional
        Speakers. Rows are drawn by themselves where there are fewer than two.
    n_resamples : int, default=1000
        Draws.
    seed : int, default=0
        Of the draws.

    Returns
    -------
    DataFrame
        Index (target, score), columns ``value low high``.

    Raises
    ------
    ProtocolError
        If the shapes differ or a number is missing.

    Examples
    --------
    >>> score_dimensions([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]).loc[("0", "ccc"), "value"].round(4)
    np.float64(0.5714)
    """
    names = [str(name) for name in y.columns] if isinstance(y, pd.DataFrame) else None
    T, P = (np.asarray(values, dtype=np.float64) for values in (y, predicted))
    if T.shape != P.shape or T.size == 0 or not (np.isfinite(T).all() and np.isfinite(P).all()):
        message = f"Targets of shape {T.shape} and predictions of {P.shape} must be finite and equal in number."
        raise ProtocolError(message)
    T, P = T.reshape(len(T), -1), P.reshape(len(P), -1)
    draws = _draws(len(T), groups, n_resamples, np.random.default_rng(seed))
    rows, index = [], []
    for k, target in enumerate(names or map(str, range(T.shape[1]))):
        for score, function in DIMENSIONAL.items():
            found = np.array([function(T[rows_, k], P[rows_, k]) for rows_ in draws])
            known = found[np.isfinite(found)]
            low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
            rows.append([function(T[:, k], P[:, k]), low, high])
            index.append((target, score))
    return pd.DataFrame(
        rows, index=pd.MultiIndex.from_tuples(index, names=["target", "score"]), columns=["value", "low", "high"]
    )


def _draws(n: int, groups: Any, n_resamples: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Rows of each draw; whole speakers come and go together."""
    codes = np.arange(n) if groups is None else pd.factorize(np.asarray(groups))[0]
    if codes.max() == 0:
        codes = np.arange(n)
    members = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]
    return [
        np.concatenate([members[code] for code in rng.integers(len(members), size=len(members))])
        for _ in range(n_resamples)
    ]
