"""Extractors by the name of the view they usually make, for the command line and for systems."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from ferfusion.base.errors import UnknownNameError
from ferfusion.features.extractor import Extractor

__all__ = ["NAMED_VIEWS", "named_view"]


def _made_by(name: str, *arguments: Any, **parameters: Any) -> Callable[[], Extractor]:
    """Maker of an extractor that is imported when it is made."""

    def make() -> Extractor:
        extractor: Extractor = getattr(import_module("ferfusion.features"), name)(*arguments, **parameters)
        return extractor

    return make


NAMED_VIEWS: dict[str, Callable[[], Extractor]] = {
    "audio_acoustic": _made_by("Acoustic"),
    "audio_prosody": _made_by("Prosody"),
    "audio_quality": _made_by("VoiceQuality"),
    "audio_spectral": _made_by("Spectral"),
    "audio_cepstral": _made_by("Cepstral"),
    "audio_wavelet": _made_by("WaveletPacket"),
    "audio_cqhog": _made_by("ConstantQHog"),
    "audio_modulation": _made_by("Modulation"),
    "audio_teager": _made_by("TeagerEnergy"),
    "audio_fractal": _made_by("FractalDimension"),
    "audio_visibility": _made_by("VisibilityGraph"),
    "audio_egemaps": _made_by("OpenSmile", "eGeMAPSv02"),
    "audio_compare": _made_by("OpenSmile", "ComParE_2016"),
    "audio_emobase": _made_by("OpenSmile", "emobase"),
    "audio_is09": _made_by("OpenSmile", "IS09"),
    "audio_is10": _made_by("OpenSmile", "IS10"),
    "audio_is11": _made_by("OpenSmile", "IS11"),
    "audio_is12": _made_by("OpenSmile", "IS12"),
    "audio_is13": _made_by("OpenSmile", "IS13"),
    "text_tfidf": _made_by("TextNgrams"),
    "text_lexicon": _made_by("TextLexicon"),
    "text_style": _made_by("TextStyle"),
    "text_words": _made_by("WordTiming"),
    # the columns of the table that is published for RAVDESS, so that one model takes both
    "visual_au": _made_by("ActionUnits", statistics=("mean",)),
    "visual_openface": _made_by("ActionUnits", groups=("intensity", "presence", "gaze", "pose")),
    "visual_pyfeat": _made_by("ActionUnits", "pyfeat", groups=("intensity", "presence", "emotion")),
    "visual_texture": _made_by("FaceTexture"),
}


def named_view(name: str) -> tuple[str, Extractor]:
    """Name and extractor of a view.

    Parameters
    ----------
    name : str
        One of ``NAMED_VIEWS``.

    Returns
    -------
    (str, Extractor)

    Raises
    ------
    UnknownNameError
        If no view has this name.

    Examples
    --------
    >>> named_view("audio_is10")
    ('audio_is10', OpenSmile(feature_set='IS10'))
    """
    if name not in NAMED_VIEWS:
        raise UnknownNameError("view", name, NAMED_VIEWS)
    return name, NAMED_VIEWS[name]()
