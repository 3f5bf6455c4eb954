"""What every floor stands on: the table grammar, adapters to plain estimators, cards, errors.

It imports nothing else of ferfusion.
"""

from ferfusion.base.adapters import OnFeatures, SelectViews
from ferfusion.base.calibration import CalibratedScores
from ferfusion.base.card import Card, CorpusCard
from ferfusion.base.classifier import TableClassifier
from ferfusion.base.errors import FerfusionError
from ferfusion.base.grouped import GroupedFolds, grouped_splits
from ferfusion.base.regressor import TableRegressor
from ferfusion.base.table import check_table, columns_of, features_of, groups_of, modality_of, texts_of, views_of

__all__ = [
    "CalibratedScores",
    "Card",
    "CorpusCard",
    "FerfusionError",
    "GroupedFolds",
    "OnFeatures",
    "SelectViews",
    "TableClassifier",
    "TableRegressor",
    "check_table",
    "columns_of",
    "features_of",
    "grouped_splits",
    "groups_of",
    "modality_of",
    "texts_of",
    "views_of",
]
