"""Extractors of features, and ``Views`` that runs them over a table."""

from ferfusion.features.audio.opensmile import OPENSMILE_SETS, OpenSmile
from ferfusion.features.extractor import AudioExtractor, Extractor, LearningExtractor
from ferfusion.features.named import NAMED_VIEWS, named_view
from ferfusion.features.store import FeatureStore
from ferfusion.features.text.ngrams import TextNgrams
from ferfusion.features.views import Views

__all__ = [
    "NAMED_VIEWS",
    "OPENSMILE_SETS",
    "AudioExtractor",
    "Extractor",
    "FeatureStore",
    "LearningExtractor",
    "OpenSmile",
    "TextNgrams",
    "Views",
    "named_view",
]
