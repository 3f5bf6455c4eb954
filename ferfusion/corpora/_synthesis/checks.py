"""Whether what is asked of the synthetic corpus can be made."""

from __future__ import annotations

from ferfusion.base.errors import CorpusError, UnknownNameError
from ferfusion.corpora._synthesis.emotions import EMOTIONS

__all__ = ["VIEWS", "check_names", "check_numbers"]

VIEWS = ("audio", "text", "visual")


def check_names(
    emotions: tuple[str, ...],
    views: tuple[str, ...],
    informative: tuple[str, ...],
    missing: dict[str, float],
    imbalance: dict[str, float],
) -> None:
    """Raise where an emotion or a modality is not known, or none is named."""
    for kind, given, allowed in (
        ("emotion", emotions, EMOTIONS),
        ("view", (*views, *informative, *missing), VIEWS),
        ("emotion", imbalance, emotions),
    ):
        for name in given:
            if name not in allowed:
                raise UnknownNameError(kind, name, allowed)
    if not emotions or not views or len(set(emotions)) < len(emotions):
        message = f"emotions={emotions} and views={views} must name at least one each, and none twice."
        raise CorpusError(message)


def check_numbers(
    n_speakers: int,
    n_utterances: int,
    effect: float,
    silence: float,
    missing: dict[str, float],
    imbalance: dict[str, float],
    sampling_rate: int,
) -> None:
    """Raise where a number makes no sense, naming all that do not."""
    rules = {
        f"n_speakers={n_speakers} must be at least 1": n_speakers >= 1,
        f"n_utterances={n_utterances} must be at least n_speakers={n_speakers}": n_utterances >= n_speakers,
        f"effect={effect} must not be negative": effect >= 0,
        f"silence={silence} must be seconds, not negative": silence >= 0,
        f"missing={missing} must be shares from 0 to 1": all(0 <= share <= 1 for share in missing.values()),
        f"imbalance={imbalance} must be weights above 0": all(weight > 0 for weight in imbalance.values()),
        f"sampling_rate={sampling_rate} must be 8000 to 48000 Hz": 8000 <= sampling_rate <= 48000,
    }
    broken = [rule for rule, kept in rules.items() if not kept]
    if broken:
        message = f"The synthetic corpus cannot be made: {'; '.join(broken)}."
        raise CorpusError(message)
