"""A fitted system asked about new rows: emotion, probabilities, speaker policy, and what could not be judged."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.table import check_table
from ferfusion.context.policies import speaker_policies
from ferfusion.evaluation.preparation import first_views

__all__ = ["predict_rows"]


def predict_rows(model: Any, X: pd.DataFrame) -> pd.DataFrame:
    """Predictions for the rows of a raw table; a row that cannot be judged is reported, the others go on.

    Parameters
    ----------
    model : fitted system
        With ``predict_proba`` on the raw table.
    X : DataFrame
        The table.

    Returns
    -------
    DataFrame
        Indexed by id: ``emotion`` (None if it cannot be judged), a probability ``p_<emotion>`` a class,
        ``speaker_scaling`` (``self``, ``train`` or ``none``), ``fault`` (empty if all is well).
    """
    table, faults = check_table(X), pd.DataFrame(columns=["id", "view", "fault"])
    step = first_views(model)
    judged = np.ones(len(X), dtype=bool)
    if step is not None:
        table, faults = step.extract(X, step.views_)
        judged = step.judgeable(table, step.views_)
    reasons = faults.groupby("id")["fault"].first().to_dict()
    out = pd.DataFrame({"emotion": pd.Series([None] * len(X), dtype=object, index=X.index)}, index=X.index)
    classes = [str(name) for name in model.classes_]
    out[[f"p_{name}" for name in classes]] = np.nan
    out["speaker_scaling"] = "none"
    if judged.any():
        rows = table[judged]
        with warnings.catch_warnings():
            # what could not be read stands in the table already
            warnings.filterwarnings("ignore", message=r"\d+ recordings could not be used")
            proba = model.predict_proba(rows)
            policies = speaker_policies(model, rows)
        out.loc[judged, "emotion"] = np.array(classes, dtype=object)[proba.argmax(axis=1)]
        out.loc[judged, [f"p_{name}" for name in classes]] = proba
        out.loc[judged, "speaker_scaling"] = "none" if policies is None else policies
    blank = "nothing of this row can be judged: no view that the model reads"
    out["fault"] = [reasons.get(str(id_), "" if known else blank) for id_, known in zip(X.index, judged, strict=True)]
    return out
