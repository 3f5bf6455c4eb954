"""Whether probabilities mean what they say."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from ferfusion.base.errors import ProtocolError, UnknownNameError
from ferfusion.evaluation.results import Evaluation

__all__ = ["expected_calibration_error", "reliability_bins", "reliability_table"]

_BINS = ("width", "mass")


def reliability_bins(
    confidence: np.ndarray, right: np.ndarray, n_bins: int = 10, bins: Literal["width", "mass"] = "width"
) -> pd.DataFrame:
    """How often judgements are right, by how sure they are.

    Parameters
    ----------
    confidence : ndarray, shape (n_utterances,)
        Probability of what was predicted, 0 to 1.
    right : ndarray of bool, shape (n_utterances,)
        Whether it was right.
    n_bins : int, default=10
        Number of bins.
    bins : {"width", "mass"}, default="width"
        Of equal width, or with equally many judgements. A bin holds its upper end, the first one both.

    Returns
    -------
    DataFrame
        A row a bin: ``low high n confidence accuracy``, the last two NaN where it is empty.

    Raises
    ------
    ProtocolError
        If a probability is missing or outside of 0 to 1, or there are none, or no bins.
    UnknownNameError
        If there are no such bins.

    Examples
    --------
    >>> table = reliability_bins(np.array([0.4, 0.8, 1.0]), np.array([True, False, True]), n_bins=2)
    >>> table["n"].tolist(), table["accuracy"].tolist()
    ([1, 2], [1.0, 0.5])
    """
    confidence, right = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=bool)
    if confidence.shape != right.shape or not confidence.size or not ((confidence >= 0) & (confidence <= 1)).all():
        message = "Reliability takes a probability between 0 and 1 for each judgement, and one judgement at least."
        raise ProtocolError(message)
    if n_bins < 1:
        message = f"Reliability takes one bin at least, not {n_bins}."
        raise ProtocolError(message)
    if bins not in _BINS:
        raise UnknownNameError("kind of bins", bins, _BINS)
    edges = np.linspace(0, 1, n_bins + 1)
    if bins == "mass":
        edges = np.unique(np.quantile(confidence, edges))
        edges = edges if len(edges) > 1 else np.array([edges[0], edges[0]])
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, len(edges) - 2)
    n = np.bincount(place, minlength=len(edges) - 1)
    with np.errstate(invalid="ignore"):
        mean, share = (np.bincount(place, values, minlength=len(n)) / n for values in (confidence, right.astype(float)))
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "n": n, "confidence": mean, "accuracy": share})


def reliability_table(
    evaluation: Evaluation, n_bins: int = 10, bins: Literal["width", "mass"] = "width"
) -> pd.DataFrame:
    """How often an evaluation's predictions are right, by how sure they are.

    Parameters
    ----------
    evaluation : Evaluation
        What was found.
    n_bins, bins
        As for ``reliability_bins``.

    Returns
    -------
    DataFrame
        As of ``reliability_bins``; draw it with ``evaluation.plots.plot_reliability``.
    """
    return reliability_bins(*_confidence(evaluation), n_bins, bins)


def expected_calibration_error(
    evaluation: Evaluation, n_bins: int = 10, bins: Literal["width", "mass"] = "width"
) -> float:
    """Mean distance of confidence and accuracy over bins, weighted by their judgements [1]_ [2]_.

    0 for judgements that are right as often as they are sure to be. It depends on the bins, and is not 0 by chance
    alone for few utterances.

    Parameters
    ----------
    evaluation : Evaluation
        What was found.
    n_bins, bins
        As for ``reliability_bins``.

    Returns
    -------
    float
        0 to 1.

    References
    ----------
    .. [1] Pakdaman Naeini, Cooper, Hauskrecht: Obtaining well calibrated probabilities using Bayesian binning. AAAI
       2015, pages 2901-2907.
    .. [2] Guo, Pleiss, Sun, Weinberger: On calibration of modern neural networks. 2017, arXiv:1706.04599.
    """
    table = reliability_table(evaluation, n_bins, bins)
    table = table[table["n"] > 0]
    return float((table["n"] * (table["confidence"] - table["accuracy"]).abs()).sum() / table["n"].sum())


def _confidence(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    predictions = evaluation.predictions
    proba = predictions[[f"p_{name}" for name in evaluation.classes]].to_numpy(dtype=np.float64)
    right = (predictions["label"].astype(str) == predictions["predicted"].astype(str)).to_numpy()
    # sums of many small numbers may pass 1 by a rounding
    return np.clip(proba.max(axis=1), 0, 1), right
