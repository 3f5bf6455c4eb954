"""Words, signs and sentences; closed lists of words."""

from __future__ import annotations

import pytest

from ferfusion.base.errors import UnknownNameError
from ferfusion.features.text.tokens import folded, letters_of, sentences_in, tokens_in, words_in
from ferfusion.features.text.wordlists import LANGUAGES, is_filler, is_negation, lists_of, squeezed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don't know", ["I", "don't", "know"]),
        ("don’t ’quoted’ 'cause runnin'", ["don't", "quoted", "cause", "runnin"]),
        ("well-known, snake_case wa- 3.5", ["well", "known", "snake", "case", "wa", "3", "5"]),
        ("Größe e\u0301te\u0301", ["Größe", "été"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("😀 ... !", []),
        ("", []),
    ],
)
def test_words(text, words):
    assert words_in(text) == words


def test_tokens():
    assert tokens_in("Good:) WELL-known - no!?") == ["good", ":", ")", "well", "known", "-", "no", "!", "?"]
    assert tokens_in("❤️") == ["❤"]  # without the sign that chooses the picture
    assert tokens_in("feel* good* *", wildcards=True) == ["feel*", "good*", "*"]
    assert tokens_in("feel*") == ["feel", "*"]


def test_folding():
    assert folded("E\u0301 STRASSE Straße") == "é strasse strasse"


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("One. Two! Three?!", 3),
        ("no full stop", 1),
        ("It is 3.5, she said... really", 2),
        ('He said "go." Then', 2),
        ("...!", 0),
        ("", 0),
        ("Wirklich? Ja. Gut", 3),
    ],
)
def test_sentences(text, n):
    assert len(sentences_in(text)) == n


def test_letters():
    assert letters_of("a1-ß é!") == "aßé"


def test_lists():
    with pytest.raises(UnknownNameError, match=r"language of word lists 'dee'\. Did you mean 'de'"):
        lists_of("dee")
    for lists in LANGUAGES.values():
        persons = [word for kind in lists[:4] for word in kind]
        assert len(persons) == len(set(persons))  # a pronoun has one person
        assert all(word == folded(word) for kind in lists for word in kind)
        assert all(word == squeezed(word) for word in lists.fillers)


def test_negations_and_fillers():
    english, german = lists_of("en"), lists_of("de")
    assert [is_negation(word, english) for word in ("not", "isn't", "dont", "knot", "ant")] == [True] * 3 + [False] * 2
    assert [is_negation(word, german) for word in ("keinen", "nie", "not", "isn't")] == [True, True, False, False]
    assert [is_filler(word, english) for word in ("uhm", "hmmm", "er", "m", "here")] == [True, True, True, False, False]
    assert [is_filler(word, german) for word in ("äääh", "ähm", "er")] == [True, True, False]
