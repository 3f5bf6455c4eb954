"""Protocols, metrics, runs and reports; robustness, ablation, calibration, fairness and learning curves."""

from ferfusion.evaluation.ablation import Ablation, ablate_views, shapley_values
from ferfusion.evaluation.comparison import Comparison, compare
from ferfusion.evaluation.corruption import NOISES, TEXT_ERRORS, asr_errors, remove_at_random
from ferfusion.evaluation.curves import plot_learning_curve, plot_reliability, plot_robustness
from ferfusion.evaluation.dimensional import ccc, score_dimensions
from ferfusion.evaluation.fairness import score_spread, scores_by
from ferfusion.evaluation.importance import permutation_importance_by_family
from ferfusion.evaluation.learning import learning_curve
from ferfusion.evaluation.metrics import METRICS, uar, wa, wf1
from ferfusion.evaluation.protocols import Protocol, resolve_protocol
from ferfusion.evaluation.reliability import expected_calibration_error, reliability_table
from ferfusion.evaluation.results import Evaluation
from ferfusion.evaluation.robustness import robustness_curve
from ferfusion.evaluation.run import evaluate
from ferfusion.evaluation.tune import tune
from ferfusion.evaluation.tuned import TunedClassifier

__all__ = [
    "METRICS",
    "NOISES",
    "TEXT_ERRORS",
    "Ablation",
    "Comparison",
    "Evaluation",
    "Protocol",
    "TunedClassifier",
    "ablate_views",
    "asr_errors",
    "ccc",
    "compare",
    "evaluate",
    "expected_calibration_error",
    "learning_curve",
    "permutation_importance_by_family",
    "plot_learning_curve",
    "plot_reliability",
    "plot_robustness",
    "reliability_table",
    "remove_at_random",
    "resolve_protocol",
    "robustness_curve",
    "score_dimensions",
    "score_spread",
    "scores_by",
    "shapley_values",
    "tune",
    "uar",
    "wa",
    "wf1",
]
