"""Which columns a fitted model has chosen, and out of which."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline

from ferfusion.base.adapters import OnFeatures

__all__ = ["CHOICE", "choice_notes", "choices", "chosen_columns"]

CHOICE = ("offered", "kept")  # among the facts of a fold


def chosen_columns(model: Any) -> tuple[list[str], list[str]]:
    """Columns that selectors were offered and those that they kept, in pipelines and in the branches of late fusion.

    Parameters
    ----------
    model : fitted table estimator
        Of any kind.

    Returns
    -------
    offered, kept : list of str
        Empty where nothing was chosen. Of one selector behind another, what the first was offered and the last kept.
    """
    offered: list[str] = []
    kept: list[str] = []
    for step in (step for _, step in model.steps) if isinstance(model, Pipeline) else [model]:
        if isinstance(step, OnFeatures) and hasattr(step.transformer_, "get_support"):
            offered = offered or step.columns_
            kept = step.names_
        for branch in getattr(step, "branches_", {}).values():
            more_offered, more_kept = chosen_columns(branch)
            # branches may share views: a column is kept if one of them keeps it
            offered = [*offered, *(name for name in more_offered if name not in set(offered))]
            kept = [*kept, *(name for name in more_kept if name not in set(kept))]
    return offered, kept


def choices(folds: list[dict[str, Any]]) -> pd.DataFrame:
    """Which fold kept which column: a row a column that any was offered, a column a fold; empty without a choice.

    Parameters
    ----------
    folds : list of dict
        Facts of each fold, ``offered`` and ``kept`` among them.

    Returns
    -------
    DataFrame of bool
    """
    offered = list(dict.fromkeys(name for fold in folds for name in fold.get("offered", ())))
    if not offered:
        return pd.DataFrame()
    kept = {str(fold["fold"]): pd.Index(offered).isin(fold["kept"]) for fold in folds}
    return pd.DataFrame(kept, index=offered)


def choice_notes(selected: pd.DataFrame) -> list[str]:
    """What must be said beside a score for which columns were chosen."""
    if selected.empty:
        return []
    sizes = selected.sum()
    many = f"{sizes.min()}" if sizes.min() == sizes.max() else f"{sizes.min()} to {sizes.max()}"
    note = f"Columns were chosen inside each training part: {many} of {len(selected)}"
    if selected.shape[1] < 2:
        return [f"{note}."]
    from ferfusion.selection import nogueira_stability

    stability = nogueira_stability(selected.to_numpy().T).value
    return [f"{note}; stability over the folds {stability:.2f} (Nogueira; 1: always the same, 0: as by chance)."]
