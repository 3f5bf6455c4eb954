"""Where views meet, without networks."""

from ferfusion.fusion.assemble import make_early, make_late
from ferfusion.fusion.calibrated import CALIBRATIONS, CalibratedBranch
from ferfusion.fusion.classifiers import CLASSIFIERS
from ferfusion.fusion.clustering import LateFusionClustering
from ferfusion.fusion.coordinated import CoordinatedViews, ViewTranslator
from ferfusion.fusion.correlation import common_directions
from ferfusion.fusion.dynamic import COMPETENCES, DynamicFusionClassifier
from ferfusion.fusion.hybrid import make_hybrid
from ferfusion.fusion.kernels import kernel_weights
from ferfusion.fusion.labels import MultiLabelClassifier
from ferfusion.fusion.late import LateFusionClassifier, StackedFusionClassifier
from ferfusion.fusion.late_regressor import NUMBER_RULES, LateFusionRegressor
from ferfusion.fusion.matching import match_ranks
from ferfusion.fusion.multiple_kernel import MultipleKernelClassifier, MultipleKernelSVC
from ferfusion.fusion.partition import cluster_views, clustering_scores
from ferfusion.fusion.quality import QUALITY_MAPS, QualityMap
from ferfusion.fusion.rules import RULES
from ferfusion.fusion.scaling import ViewScaler
from ferfusion.fusion.trained import TRAINED_RULES, TrainedRule
from ferfusion.fusion.trained_late import TrainedFusionClassifier
from ferfusion.fusion.weighting import VIEW_WEIGHTS, ViewPCA, ViewWeights

__all__ = [
    "CALIBRATIONS",
    "CLASSIFIERS",
    "COMPETENCES",
    "NUMBER_RULES",
    "QUALITY_MAPS",
    "RULES",
    "TRAINED_RULES",
    "VIEW_WEIGHTS",
    "CalibratedBranch",
    "CoordinatedViews",
    "DynamicFusionClassifier",
    "LateFusionClassifier",
    "LateFusionClustering",
    "LateFusionRegressor",
    "MultiLabelClassifier",
    "MultipleKernelClassifier",
    "MultipleKernelSVC",
    "QualityMap",
    "StackedFusionClassifier",
    "TrainedFusionClassifier",
    "TrainedRule",
    "ViewPCA",
    "ViewScaler",
    "ViewTranslator",
    "ViewWeights",
    "cluster_views",
    "clustering_scores",
    "common_directions",
    "kernel_weights",
    "make_early",
    "make_hybrid",
    "make_late",
    "match_ranks",
]
