"""Views that the library's own baselines extract."""

from __future__ import annotations

from typing import Any

from ferfusion.features import OpenSmile, TextNgrams, Views
from ferfusion.features.audio.opensmile import opensmile_installed

__all__ = ["baseline_views"]


def baseline_views(
    only: Any = None, skip: Any = (), store: str | None = None, n_jobs: int | None = None, on_error: Any = "report"
) -> Views:
    """Two standard acoustic sets and words; whatever the table brings along is used beside them.

    Parameters
    ----------
    only, skip, store, n_jobs, on_error
        As for ``Views``.

    Returns
    -------
    Views
        Without openSMILE's sets where that package is not installed.
    """
    audio = [("audio_egemaps", OpenSmile("eGeMAPSv02")), ("audio_compare", OpenSmile("ComParE_2016"))]
    listed: list[tuple[str, Any]] = [*(audio if opensmile_installed() else []), ("text_tfidf", TextNgrams())]
    return Views(listed, only=only, skip=skip, store=store, n_jobs=n_jobs, on_error=on_error)
