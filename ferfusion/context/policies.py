"""Which speaker policy each row of a prediction got."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ferfusion.context.speaker import SpeakerScaler

__all__ = ["speaker_policies"]


def speaker_policies(model: Any, X: pd.DataFrame) -> np.ndarray | None:
    """Policy of each row under a fitted model.

    Parameters
    ----------
    model : fitted table estimator
        Searched for its first ``SpeakerScaler``, in pipelines and in the branches of late fusion.
    X : DataFrame
        The table as it is given to ``predict``.

    Returns
    -------
    ndarray of str, shape (n_utterances,), or None
        ``"self"`` or ``"train"``; None where the model scales no speakers.
    """
    if isinstance(model, SpeakerScaler):
        return model.policies(X)
    if not _holds_scaler(model):
        return None
    if isinstance(model, Pipeline):
        for _, step in model.steps:
            found = speaker_policies(step, X)
            if found is not None:
                return found
            if hasattr(step, "transform"):
                X = step.transform(X)
    of_branches = (speaker_policies(branch, X) for branch in getattr(model, "branches_", {}).values())
    return next((policies for policies in of_branches if policies is not None), None)


def _holds_scaler(model: Any) -> bool:
    # the fitted parts are asked: branches given as a list are not among a model's parameters
    if isinstance(model, Pipeline):
        return any(_holds_scaler(step) for _, step in model.steps)
    branches = getattr(model, "branches_", {}).values()
    return isinstance(model, SpeakerScaler) or any(_holds_scaler(branch) for branch in branches)
