"""Extractors of features, and ``Views`` that runs them over a table.

Each name is fetched when it is first used: compiled kernels and large libraries are loaded by who needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "ActionUnits": "visual.action_units",
    "Acoustic": "audio.acoustic",
    "AudioEmbedding": "audio.embedding",
    "AudioExtractor": "extractor",
    "Cepstral": "audio.cepstral",
    "Cochleagram": "audio.images",
    "ConstantQHog": "audio.constant_q_hog",
    "Extractor": "extractor",
    "FaceTexture": "visual.texture",
    "FeatureStore": "store",
    "FractalDimension": "audio.fractal",
    "LearningExtractor": "extractor",
    "MelFrames": "audio.images",
    "Modulation": "audio.modulation",
    "NAMED_VIEWS": "named",
    "OPENSMILE_SETS": "audio.opensmile",
    "OpenSmile": "audio.opensmile",
    "Prosody": "audio.prosody",
    "Reservoir": "reservoir",
    "Spectral": "audio.spectral",
    "Spectrogram": "audio.images",
    "TeagerEnergy": "audio.teager",
    "TextEmbedding": "text.embedding",
    "TextLexicon": "text.lexicon",
    "TextNgrams": "text.ngrams",
    "TextStyle": "text.style",
    "Views": "views",
    "VisibilityGraph": "graph.clip",
    "face_crops": "visual.texture",
    "VoiceQuality": "audio.quality",
    "WaveletPacket": "audio.wavelet_packet",
    "WordTiming": "text.words",
    "named_view": "named",
    "read_openface": "visual.tables",
    "read_pyfeat": "visual.tables",
}

__all__ = [
    "NAMED_VIEWS",
    "OPENSMILE_SETS",
    "Acoustic",
    "ActionUnits",
    "AudioEmbedding",
    "AudioExtractor",
    "Cepstral",
    "Cochleagram",
    "ConstantQHog",
    "Extractor",
    "FaceTexture",
    "FeatureStore",
    "FractalDimension",
    "LearningExtractor",
    "MelFrames",
    "Modulation",
    "OpenSmile",
    "Prosody",
    "Reservoir",
    "Spectral",
    "Spectrogram",
    "TeagerEnergy",
    "TextEmbedding",
    "TextLexicon",
    "TextNgrams",
    "TextStyle",
    "Views",
    "VisibilityGraph",
    "VoiceQuality",
    "WaveletPacket",
    "WordTiming",
    "face_crops",
    "named_view",
    "read_openface",
    "read_pyfeat",
]

if TYPE_CHECKING:
    from ferfusion.features.audio.acoustic import Acoustic
    from ferfusion.features.audio.cepstral import Cepstral
    from ferfusion.features.audio.constant_q_hog import ConstantQHog
    from ferfusion.features.audio.embedding import AudioEmbedding
    from ferfusion.features.audio.fractal import FractalDimension
    from ferfusion.features.audio.images import Cochleagram, MelFrames, Spectrogram
    from ferfusion.features.audio.modulation import Modulation
    from ferfusion.features.audio.opensmile import OPENSMILE_SETS, OpenSmile
    from ferfusion.features.audio.prosody import Prosody
    from ferfusion.features.audio.quality import VoiceQuality
    from ferfusion.features.audio.spectral import Spectral
    from ferfusion.features.audio.teager import TeagerEnergy
    from ferfusion.features.audio.wavelet_packet import WaveletPacket
    from ferfusion.features.extractor import AudioExtractor, Extractor, LearningExtractor
    from ferfusion.features.graph.clip import VisibilityGraph
    from ferfusion.features.named import NAMED_VIEWS, named_view
    from ferfusion.features.reservoir import Reservoir
    from ferfusion.features.store import FeatureStore
    from ferfusion.features.text.embedding import TextEmbedding
    from ferfusion.features.text.lexicon import TextLexicon
    from ferfusion.features.text.ngrams import TextNgrams
    from ferfusion.features.text.style import TextStyle
    from ferfusion.features.text.words import WordTiming
    from ferfusion.features.views import Views
    from ferfusion.features.visual.action_units import ActionUnits
    from ferfusion.features.visual.tables import read_openface, read_pyfeat
    from ferfusion.features.visual.texture import FaceTexture, face_crops


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"ferfusion.features.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    message = f"module 'ferfusion.features' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
