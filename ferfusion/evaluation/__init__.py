"""Protocols, metrics, runs and reports."""

from ferfusion.evaluation.comparison import Comparison, compare
from ferfusion.evaluation.metrics import METRICS, uar, wa, wf1
from ferfusion.evaluation.protocols import Protocol, resolve_protocol
from ferfusion.evaluation.results import Evaluation
from ferfusion.evaluation.run import evaluate

__all__ = [
    "METRICS",
    "Comparison",
    "Evaluation",
    "Protocol",
    "compare",
    "evaluate",
    "resolve_protocol",
    "uar",
    "wa",
    "wf1",
]
