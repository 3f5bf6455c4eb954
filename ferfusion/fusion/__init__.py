"""Where views meet, without networks."""

from ferfusion.fusion.assemble import make_early, make_late
from ferfusion.fusion.classifiers import CLASSIFIERS
from ferfusion.fusion.coordinated import CoordinatedViews, ViewTranslator
from ferfusion.fusion.correlation import common_directions
from ferfusion.fusion.late import LateFusionClassifier, StackedFusionClassifier
from ferfusion.fusion.rules import RULES
from ferfusion.fusion.scaling import ViewScaler

__all__ = [
    "CLASSIFIERS",
    "RULES",
    "CoordinatedViews",
    "LateFusionClassifier",
    "StackedFusionClassifier",
    "ViewScaler",
    "ViewTranslator",
    "common_directions",
    "make_early",
    "make_late",
]
