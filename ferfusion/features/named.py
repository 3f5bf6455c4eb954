"""Extractors by the name of the view they usually make, for the command line and for systems."""

from __future__ import annotations

from collections.abc import Callable

from ferfusion.base.errors import UnknownNameError
from ferfusion.features.audio.opensmile import OpenSmile
from ferfusion.features.extractor import Extractor
from ferfusion.features.text.ngrams import TextNgrams

__all__ = ["NAMED_VIEWS", "named_view"]

NAMED_VIEWS: dict[str, Callable[[], Extractor]] = {
    "audio_egemaps": lambda: OpenSmile("eGeMAPSv02"),
    "audio_compare": lambda: OpenSmile("ComParE_2016"),
    "audio_emobase": lambda: OpenSmile("emobase"),
    "audio_is09": lambda: OpenSmile("IS09"),
    "audio_is10": lambda: OpenSmile("IS10"),
    "audio_is11": lambda: OpenSmile("IS11"),
    "audio_is12": lambda: OpenSmile("IS12"),
    "audio_is13": lambda: OpenSmile("IS13"),
    "text_tfidf": TextNgrams,
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
