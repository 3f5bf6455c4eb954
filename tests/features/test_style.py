"""Measures of style, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ferfusion.base.errors import UnknownNameError
from ferfusion.features.text.style import LANGUAGE_NAMES, STYLE_NAMES, TextStyle


def by_name(text, language="en"):
    extractor = TextStyle(language)
    return dict(zip(extractor.feature_names(), extractor.compute(text).tolist(), strict=True))


def test_all_by_hand():
    text = "I I sooo... wa- WANT it! Really?? No, um [laughter] 42."
    found = by_name(text)
    expected = {
        "characters": len(text),
        "words": 10,  # I I sooo wa WANT it Really No um 42
        "sentences": 4,
        "words_per_sentence": 2.5,
        "word_length": (1 + 1 + 4 + 2 + 4 + 2 + 6 + 2 + 2 + 2) / 10,
        "type_token_ratio": 0.9,
        "punctuation": 9 / 10,  # ... - ! ?? , .
        "exclamations": 0.1,
        "questions": 0.2,
        "commas": 0.1,
        "ellipses": 0.1,
        "question_share": 0.25,
        "repeated_punctuation": 0.1,
        "repeated_letters": 0.1,
        "upper_share": 8 / 24,
        "capital_words": 0.1,
        "digits": 2 / (len(text) - len("[laughter]") + 1),
        "repetitions": 0.1,
        "cut_offs": 0.1,
        "laughter": 0.1,
        "brackets": 0.1,
        "first_singular": 0.2,
        "first_plural": 0,
        "second_person": 0,
        "third_person": 0.1,
        "negations": 0.1,
        "fillers": 0.1,
    }
    assert list(found) == [*STYLE_NAMES, *LANGUAGE_NAMES]
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("ellipses", "well.. no… yes.", 2),
        ("exclamations", "go! go!! ！", 4),
        ("repeated_punctuation", "what?! no!!! yes!", 2),
        ("repeated_letters", "nooo goood good hmm 1000", 2),
        ("capital_words", "I am VERY OK, I'M B2", 3),
        ("repetitions", "I, I was the THE one. One no", 2),
        ("repetitions", "I-I-I know", 2),
        ("cut_offs", "I wa- want to-. a well-known a--b c - d", 2),
        ("laughter", "haha Hehehe hahahaha lol ha oh have she", 4),
        ("laughter", "(laughs) [LAUGHTER] *chuckles* <lacht> [sigh] (haha)", 5),
        ("brackets", "so [sigh] (breathes) <noise> *coughs* yes", 4),
        ("commas", "a, b, c、d", 2),
    ],
)
def test_rates(name, text, count):
    found = by_name(text)
    assert found[name] * max(found["words"], 1) == pytest.approx(count)


@pytest.mark.parametrize(
    ("language", "text", "counts"),
    [
        ("en", "I'm sure you've told them that we lost it, didn't we", (1, 2, 1, 2, 1, 0)),
        ("en", "Uhh er no never myself", (1, 0, 0, 0, 2, 2)),
        ("de", "Ich habe dir nicht unser Haus gezeigt, er ähm auch keins", (1, 1, 1, 1, 2, 1)),
        ("de", "I you he not um", (0, 0, 0, 0, 0, 0)),
    ],
)
def test_words_of_a_language(language, text, counts):
    found = by_name(text, language)
    assert [round(found[name] * found["words"]) for name in LANGUAGE_NAMES] == list(counts)


def test_languages():
    assert TextStyle(None).feature_names() == list(STYLE_NAMES)
    np.testing.assert_array_equal(TextStyle(None).compute("Oh no!"), TextStyle("de").compute("Oh no!")[:21])
    with pytest.raises(UnknownNameError, match="language of word lists 'fr'"):
        TextStyle("fr").feature_names()
    with pytest.raises(UnknownNameError):
        TextStyle("fr").compute("oui")


def test_no_words():
    found = by_name("?!")
    assert found["words"] == found["sentences"] == found["repetitions"] == 0
    assert (found["questions"], found["repeated_punctuation"]) == (1, 1)
    assert np.isnan(
        [found[name] for name in ("word_length", "type_token_ratio", "upper_share", "question_share")]
    ).all()
    assert by_name("[laughter]")["laughter"] == 1
    assert by_name("[laughter]")["words"] == 0


def test_notes_are_not_words():
    noted, plain = by_name("so [big noise] sad"), by_name("so sad")
    same = set(plain) - {"characters", "brackets"}
    assert {name: noted[name] for name in same} == pytest.approx({name: plain[name] for name in same}, nan_ok=True)


def test_spaces_and_apostrophes_make_no_difference():
    np.testing.assert_array_equal(TextStyle().compute(" I don’t  know. "), TextStyle().compute("I don't  know."))


@given(st.text(max_size=100))
@settings(max_examples=150, deadline=None)
def test_any_text(text):
    found = TextStyle().compute(text)
    assert found.dtype == np.float32
    assert not np.isinf(found).any()
    assert not (found < 0).any()
    shares = found[
        [STYLE_NAMES.index(name) for name in ("type_token_ratio", "question_share", "upper_share", "digits")]
    ]
    assert not (shares > 1).any()
    np.testing.assert_array_equal(found, TextStyle().compute(text))
