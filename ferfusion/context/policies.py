"""Which speaker policy each row of a prediction got, and speakers enrolled through a whole model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ferfusion.base.errors import FeatureError
from ferfusion.base.table import check_table
from ferfusion.context.speaker import SpeakerScaler

__all__ = ["enroll", "speaker_policies"]

# where table estimators keep what they have fitted inside
_INSIDE = ("classifier_", "best_estimator_")


def speaker_policies(model: Any, X: pd.DataFrame) -> np.ndarray | None:
    """Policy of each row under a fitted model.

    Parameters
    ----------
    model : fitted table estimator
        Searched for its first ``SpeakerScaler``, in pipelines, in the branches of late fusion and in what smooths or
        searches them.
    X : DataFrame
        The table as it is given to ``predict``.

    Returns
    -------
    ndarray of str, shape (n_utterances,), or None
        ``"self"``, ``"enrolled"`` or ``"train"``; None where the model scales no speakers.
    """
    for scaler, table in _scalers(model, X):
        return scaler.policies(table)
    return None


def enroll(model: Any, X: pd.DataFrame) -> Any:
    """Store speakers in a fitted model by unlabelled recordings, so that single recordings of them can be judged later.

    The recordings go through all steps before each ``SpeakerScaler`` of the model, which then keeps what it needs of
    them: means and standard deviations, no recordings. Saving the model saves them; who is enrolled again is replaced.

    Parameters
    ----------
    model : fitted table estimator
        With a ``SpeakerScaler`` in it; changed in place.
    X : DataFrame
        The table as it is given to ``predict``, with the fact ``speaker`` and ``min_utterances`` recordings of each.

    Returns
    -------
    model
        The same object.

    Raises
    ------
    FeatureError
        If the model scales no speakers, or there are too few recordings of one.
    TableError
        If the table has no speakers.

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> from ferfusion.fusion import make_early
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual",))
    >>> new = (corpus.X["speaker"] == corpus.X["speaker"].iloc[0]).to_numpy()
    >>> model = make_early(speaker_scaling="self").fit(corpus.X[~new], corpus.y[~new])
    >>> enroll(model, corpus.X[new])["speaker"].policies(corpus.X[new].iloc[:1]).tolist()
    ['enrolled']
    """
    check_table(X, need=["speaker"])
    scalers = [scaler.enroll(table) for scaler, table in _scalers(model, X)]
    if not scalers:
        message = f"This {type(model).__name__} scales no speakers: give it a SpeakerScaler (speaker_scaling='self')."
        raise FeatureError(message)
    return model


def _scalers(model: Any, X: pd.DataFrame) -> Iterator[tuple[SpeakerScaler, pd.DataFrame]]:
    """Scalers of a model, each with the table as it comes to it."""
    if isinstance(model, SpeakerScaler):
        yield model, X
        return
    if not _holds_scaler(model):
        return
    if isinstance(model, Pipeline):
        for place, (_, step) in enumerate(model.steps):
            yield from _scalers(step, X)
            if not any(_holds_scaler(later) for _, later in model.steps[place + 1 :]):
                return
            if hasattr(step, "transform"):
                X = step.transform(X)
    for part in _inside(model):
        yield from _scalers(part, X)


def _holds_scaler(model: Any) -> bool:
    # the fitted parts are asked: branches given as a list are not among a model's parameters
    if isinstance(model, Pipeline):
        return any(_holds_scaler(step) for _, step in model.steps)
    return isinstance(model, SpeakerScaler) or any(_holds_scaler(part) for part in _inside(model))


def _inside(model: Any) -> list[Any]:
    single = [getattr(model, name) for name in _INSIDE if hasattr(model, name)]
    return [*getattr(model, "branches_", {}).values(), *single]
