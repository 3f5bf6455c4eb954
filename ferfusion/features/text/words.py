"""How sure a recogniser was of each word, and when the words were said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ferfusion.base.errors import FeatureError
from ferfusion.features.extractor import Extractor

__all__ = ["WORD_NAMES", "WordTiming", "word_values"]

WORD_NAMES = (
    "words",
    "confidence_mean",
    "confidence_min",
    "confidence_std",
    "confidence_low",
    "speech_rate",
    "articulation_rate",
    "word_duration_mean",
    "word_duration_std",
    "word_duration_max",
    "first_word_delay",
    "pauses",
    "pause_mean",
    "pause_std",
    "pause_max",
    "pause_share",
)


class WordTiming(Extractor):
    """Confidence and timing of recognised or aligned words.

    The material is the column ``words``: a list a row of dictionaries ``word``, ``start`` and ``end`` (seconds from
    the start of the utterance) and ``confidence`` (0 to 1); what is not known may be missing.

    Parameters
    ----------
    min_pause : float, default=0.1
        Shortest gap between two words that counts as a pause, in seconds.

    Notes
    -----
    In order: ``words`` (how many); of their confidence the mean, minimum, standard deviation and share below 0.5;
    ``speech_rate`` (words by the seconds from the first to the last), ``articulation_rate`` (words by the seconds in
    which words are said); mean, standard deviation and maximum of their duration in seconds; ``first_word_delay`` (s);
    ``pauses`` (how many, per second from the first to the last word), mean, standard deviation and maximum of the
    pauses in seconds, and ``pause_share``, their part of the time from the first to the last word.

    Words without times do not count for times, those without confidence not for confidence. What cannot be told is
    NaN, such as the mean over no pause.

    Examples
    --------
    >>> words = [{"word": "so", "start": 0.5, "end": 0.7}, {"word": "sad", "start": 1.1, "end": 1.5}]
    >>> features = WordTiming()
    >>> values = dict(zip(features.feature_names(), features.compute(words), strict=True))
    >>> round(float(values["speech_rate"]), 3), round(float(values["pause_share"]), 3)
    (2.0, 0.4)
    """

    modality = "text"
    source = "words"

    def __init__(self, min_pause: float = 0.1) -> None:
        self.min_pause = min_pause

    def feature_names(self) -> list[str]:
        """Names of the measures."""
        return list(WORD_NAMES)

    def compute(self, source: Any) -> np.ndarray:
        """Measures of the words of an utterance.

        Raises
        ------
        FeatureError
            If they are no list of dictionaries, or numbers in them make no sense.
        """
        if not self.min_pause >= 0:
            message = f"min_pause is a time in seconds, 0 or more, not {self.min_pause!r}."
            raise FeatureError(message)
        _check_form(source)
        confidence = _numbers(source, "confidence")
        times = np.column_stack([_numbers(source, "start"), _numbers(source, "end")])
        return word_values(confidence, times, self.min_pause)


def word_values(confidence: np.ndarray, times: np.ndarray, min_pause: float) -> np.ndarray:
    """Measures of words.

    Parameters
    ----------
    confidence : ndarray, shape (n_words,)
        0 to 1, NaN where unknown.
    times : ndarray, shape (n_words, 2)
        Start and end in seconds, NaN where unknown. In any order.
    min_pause : float
        Shortest pause, in seconds.

    Returns
    -------
    ndarray of float32, shape (16,)
        As ``WORD_NAMES``, described at ``WordTiming``.

    Raises
    ------
    FeatureError
        If a confidence is not between 0 and 1, a time is infinite, or a word ends before it starts.
    """
    _check_numbers(confidence, times)
    sure = confidence[~np.isnan(confidence)]
    known = times[~np.isnan(times).any(axis=1)]
    known = known[np.argsort(known[:, 0], kind="stable")]
    of_confidence = [_mean(sure), _least(sure), _spread(sure), _mean(sure < 0.5)]
    return np.array([len(confidence), *of_confidence, *_timing(known, min_pause)], dtype=np.float32)


def _timing(times: np.ndarray, min_pause: float) -> list[float]:
    if not len(times):
        return [np.nan] * 11
    durations = times[:, 1] - times[:, 0]
    # words may overlap: what counts is where all before have ended
    ended = np.maximum.accumulate(times[:, 1])
    gaps = times[1:, 0] - ended[:-1]
    # times are written with a few digits: a gap of 0.1 s must not be lost to rounding
    pauses = gaps[(gaps > 0) & (gaps >= min_pause - 1e-9)]
    whole = float(ended[-1] - times[0, 0])
    spoken = float(durations.sum())
    return [
        len(times) / whole if whole > 0 else np.nan,
        len(times) / spoken if spoken > 0 else np.nan,
        _mean(durations),
        _spread(durations),
        _most(durations),
        float(times[0, 0]),
        len(pauses) / whole if whole > 0 else np.nan,
        _mean(pauses),
        _spread(pauses),
        _most(pauses),
        float(pauses.sum()) / whole if whole > 0 else np.nan,
    ]


def _check_form(words: Any) -> None:
    if isinstance(words, str | Mapping) or not isinstance(words, Sequence):
        message = f"Words are a list of dictionaries with 'word', 'start', 'end' and 'confidence', not {words!r:.60}."
        raise FeatureError(message)
    for word in words:
        if not isinstance(word, Mapping):
            message = f"Each word is a dictionary with 'word', 'start', 'end' and 'confidence', not {word!r:.60}."
            raise FeatureError(message)


def _numbers(words: Sequence[Mapping[str, Any]], name: str) -> np.ndarray:
    values = [np.nan if word.get(name) is None else word[name] for word in words]
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        wrong = next(value for value in values if not isinstance(value, int | float | np.number))
        message = f"The {name} of a word is a number, not {wrong!r:.60}."
        raise FeatureError(message) from error


def _check_numbers(confidence: np.ndarray, times: np.ndarray) -> None:
    wrong = confidence[(confidence < 0) | (confidence > 1)]
    if len(wrong):
        message = f"The confidence of a word is between 0 and 1, not {wrong[0]:g}."
        raise FeatureError(message)
    if np.isinf(times).any():
        message = "The times of words are finite."
        raise FeatureError(message)
    backwards = np.flatnonzero(times[:, 1] < times[:, 0])
    if len(backwards):
        start, end = times[backwards[0]]
        message = f"Word {backwards[0] + 1} ends at {end:g} s, before its start at {start:g} s."
        raise FeatureError(message)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else np.nan


def _spread(values: np.ndarray) -> float:
    return float(values.std()) if len(values) else np.nan


def _least(values: np.ndarray) -> float:
    return float(values.min()) if len(values) else np.nan


def _most(values: np.ndarray) -> float:
    return float(values.max()) if len(values) else np.nan
