"""Choosers of columns: filters, redundancy, stability, searches by swarms, and stages of them.

Each name is fetched when it is first used: compiled kernels and forests are loaded by who needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "CorrelationPruner": "redundancy",
    "FilterSelector": "filters",
    "FloatingSelector": "floating",
    "GreyWolfSelector": "grey_wolf",
    "ImportanceSelector": "importance",
    "MRMRSelector": "redundancy",
    "SCORES": "scores",
    "SELECTORS": "named",
    "STABILITY_MEASURES": "measures",
    "SelectionLeakWarning": "leak",
    "ShadowSelector": "shadow",
    "Stability": "measures",
    "StabilitySelector": "stability",
    "SubsetScorer": "fitness",
    "SwarmSearchCV": "search_cv",
    "SwarmSelector": "swarm.selector",
    "TwoStageSelector": "two_stage",
    "as_selector": "named",
    "emotion_scores": "scores",
    "jaccard": "measures",
    "kuncheva_index": "measures",
    "nogueira_stability": "measures",
    "plot_convergence": "plots",
    "plot_selected": "plots",
    "warn_if_selected_before": "leak",
}

__all__ = [
    "SCORES",
    "SELECTORS",
    "STABILITY_MEASURES",
    "CorrelationPruner",
    "FilterSelector",
    "FloatingSelector",
    "GreyWolfSelector",
    "ImportanceSelector",
    "MRMRSelector",
    "SelectionLeakWarning",
    "ShadowSelector",
    "Stability",
    "StabilitySelector",
    "SubsetScorer",
    "SwarmSearchCV",
    "SwarmSelector",
    "TwoStageSelector",
    "as_selector",
    "emotion_scores",
    "jaccard",
    "kuncheva_index",
    "nogueira_stability",
    "plot_convergence",
    "plot_selected",
    "warn_if_selected_before",
]

if TYPE_CHECKING:
    from ferfusion.selection.filters import FilterSelector
    from ferfusion.selection.fitness import SubsetScorer
    from ferfusion.selection.floating import FloatingSelector
    from ferfusion.selection.grey_wolf import GreyWolfSelector
    from ferfusion.selection.importance import ImportanceSelector
    from ferfusion.selection.leak import SelectionLeakWarning, warn_if_selected_before
    from ferfusion.selection.measures import STABILITY_MEASURES, Stability, jaccard, kuncheva_index, nogueira_stability
    from ferfusion.selection.named import SELECTORS, as_selector
    from ferfusion.selection.plots import plot_convergence, plot_selected
    from ferfusion.selection.redundancy import CorrelationPruner, MRMRSelector
    from ferfusion.selection.scores import SCORES, emotion_scores
    from ferfusion.selection.search_cv import SwarmSearchCV
    from ferfusion.selection.shadow import ShadowSelector
    from ferfusion.selection.stability import StabilitySelector
    from ferfusion.selection.swarm.selector import SwarmSelector
    from ferfusion.selection.two_stage import TwoStageSelector


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
