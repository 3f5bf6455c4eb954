"""Confidence and timing of words, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ferfusion.base.errors import FeatureError
from ferfusion.features.text.words import WORD_NAMES, WordTiming
from ferfusion.features.views import Views


def word(start=None, end=None, confidence=None, text="so"):
    return {"word": text, "start": start, "end": end, "confidence": confidence}


def by_name(words, **parameters):
    extractor = WordTiming(**parameters)
    return dict(zip(extractor.feature_names(), extractor.compute(words).tolist(), strict=True))


WORDS = [word(0.3, 0.5, 0.9), word(0.55, 0.85, 0.4), word(1.25, 1.75, 0.5), word(1.85, 2.3, 0.2)]


def test_by_hand():
    durations, pauses = [0.2, 0.3, 0.5, 0.45], [0.4, 0.1]
    assert list(by_name(WORDS)) == list(WORD_NAMES)
    assert by_name(WORDS) == pytest.approx(
        {
            "words": 4,
            "confidence_mean": 0.5,
            "confidence_min": 0.2,
            "confidence_std": np.std([0.9, 0.4, 0.5, 0.2]),
            "confidence_low": 0.5,
            "speech_rate": 4 / 2.0,
            "articulation_rate": 4 / sum(durations),
            "word_duration_mean": np.mean(durations),
            "word_duration_std": np.std(durations),
            "word_duration_max": 0.5,
            "first_word_delay": 0.3,
            "pauses": 2 / 2.0,
            "pause_mean": np.mean(pauses),
            "pause_std": np.std(pauses),
            "pause_max": 0.4,
            "pause_share": 0.5 / 2.0,
        },
        rel=1e-5,
    )


def test_shortest_pause():
    assert by_name(WORDS, min_pause=0.0)["pauses"] == pytest.approx(3 / 2)
    found = by_name(WORDS, min_pause=0.5)
    assert found["pauses"] == found["pause_share"] == 0
    assert np.isnan([found["pause_mean"], found["pause_max"], found["pause_std"]]).all()
    with pytest.raises(FeatureError, match=r"0 or more, not -1"):
        WordTiming(min_pause=-1).compute(WORDS)
    with pytest.raises(FeatureError, match="0 or more"):
        WordTiming(min_pause=float("nan")).compute(WORDS)


def test_order_is_nothing_and_all_later_is_only_a_delay():
    np.testing.assert_array_equal(WordTiming().compute(WORDS[::-1]), WordTiming().compute(WORDS))
    later = [{**w, "start": w["start"] + 8, "end": w["end"] + 8} for w in WORDS]
    shifted, found = by_name(later), by_name(WORDS)
    assert shifted.pop("first_word_delay") == pytest.approx(found.pop("first_word_delay") + 8)
    assert shifted == pytest.approx(found, rel=1e-5)


def test_overlaps_are_no_pauses():
    found = by_name([word(0, 1.0), word(0.2, 0.4), word(0.6, 0.7), word(1.5, 2.0)])
    assert found["pauses"] == pytest.approx(1 / 2)
    assert found["pause_max"] == pytest.approx(0.5)


def test_what_is_not_known_is_nan():
    found = by_name([{"word": "so"}, word(confidence=0.6), word(1.0, 1.5), word(2.0, None)])
    assert found["words"] == 4
    assert (found["confidence_mean"], found["confidence_std"]) == (pytest.approx(0.6), 0)
    assert (found["first_word_delay"], found["speech_rate"]) == (1.0, 2.0)
    only_words = by_name([{"word": "so"}])
    assert np.isnan([value for name, value in only_words.items() if name != "words"]).all()
    instant = by_name([word(1.0, 1.0)])
    assert np.isnan([instant["speech_rate"], instant["pause_share"]]).all()
    assert instant["word_duration_mean"] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("so sad", "Words are a list of dictionaries .* not 'so sad'"),
        ({"word": "so"}, "Words are a list"),
        (5, "Words are a list"),
        (["so", "sad"], "Each word is a dictionary .* not 'so'"),
        ([word(confidence=1.5)], "confidence of a word is between 0 and 1, not 1.5"),
        ([word(confidence=-0.5)], "between 0 and 1"),
        ([word(0.0, 1.0), word(2.0, 1.0)], r"Word 2 ends at 1 s, before its start at 2 s"),
        ([word(0.0, float("inf"))], "finite"),
        ([word("early", 1.0)], "The start of a word is a number, not 'early'"),
    ],
)
def test_words_that_make_no_sense(words, message):
    with pytest.raises(FeatureError, match=message):
        WordTiming().compute(words)


def test_in_a_table():
    X = pd.DataFrame({"words": [WORDS, None, "so sad", np.array(WORDS[:1], dtype=object)]}, index=list("abcd"))
    views = Views([("text_words", WordTiming())], verbose=False)
    with pytest.warns(UserWarning, match="'c'"):
        out = views.fit_transform(X)
    column = out["text_words__confidence_mean"]
    assert column.isna().tolist() == [False, True, True, False]
    assert column["d"] == pytest.approx(0.9)
    _, faults = views.extract(X)
    assert "list of dictionaries" in faults["fault"][0]
