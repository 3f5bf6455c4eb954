"""Views that the library's own baselines extract."""

from __future__ import annotations

from typing import Any

from ferfusion.features import Views, named_view
from ferfusion.features.audio.opensmile import opensmile_installed

__all__ = ["baseline_views"]

_AUDIO = ("audio_egemaps", "audio_compare")
_OWN_AUDIO = ("audio_acoustic",)  # where openSMILE is not installed, which its licence may forbid
_TEXT = ("text_tfidf",)


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
        With the library's own acoustic set where openSMILE is not installed.
    """
    names = (*(_AUDIO if opensmile_installed() else _OWN_AUDIO), *_TEXT)
    listed = [named_view(name) for name in names]
    return Views(listed, only=only, skip=skip, store=store, n_jobs=n_jobs, on_error=on_error)
