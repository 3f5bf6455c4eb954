"""Lexicons: VADER's own numbers, and those of files by hand."""

from __future__ import annotations

import shutil
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import BOOSTER_DICT, SentimentIntensityAnalyzer

from ferfusion.base.errors import FeatureError, MissingDependencyError, UnknownNameError
from ferfusion.features.text import vader
from ferfusion.features.text.lexicon import TextLexicon

VADER = SentimentIntensityAnalyzer()
SENTENCES = [
    "VADER is VERY SMART, uber handsome, and FRIGGIN FUNNY!!!",
    "The plot was good, but the characters are uncompelling and the dialog is not great.",
    "Today only kinda sux! But I'll get by, lol",
    "At least it isn't a horrible book.",
    "Make sure you :) or :D today! 💘 and 😁",
    "no good, without doubt never so bad",
    "The book was kind of good.",
    "the chair stands there",
    "?!",
    "   ",
    "",
]


def by_name(extractor, text):
    return dict(zip(extractor.feature_names(), extractor.compute(text).tolist(), strict=True))


@pytest.mark.parametrize("text", SENTENCES)
def test_vader_is_vader(text):
    found, own = by_name(TextLexicon(), text), VADER.polarity_scores(text)
    names = {"compound": "compound", "positive": "pos", "neutral": "neu", "negative": "neg"}
    assert {name: found[name] for name in names} == {name: np.float32(own[short]) for name, short in names.items()}


@given(st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_vader_of_any_text(text):
    found = TextLexicon().compute(text)
    assert found.dtype == np.float32
    assert found[0] == np.float32(VADER.polarity_scores(text)["compound"])
    assert not np.isinf(found).any()


def test_valences_of_words_by_hand():
    good, bad = VADER.lexicon["good"], VADER.lexicon["bad"]
    found = by_name(TextLexicon(), "The very good film was not bad")
    valences = [good + BOOSTER_DICT["very"], -0.74 * bad]
    expected = {
        "valence_mean": np.mean(valences),
        "valence_min": min(valences),
        "valence_max": max(valences),
        "valence_std": np.std(valences),
        "positive_sum": sum(valences),
        "negative_sum": 0,
        "positive_count": 2,
        "negative_count": 0,
        "words": 7,
        "coverage": 2 / 7,
        "negated_share": 0.5,
        "boosters": 1 / 7,
        "dampeners": 0,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-6)


def test_negative_words_and_dampeners():
    found = by_name(TextLexicon(), "a sort of horrible, slightly sad day")
    assert found["negative_count"] == 2
    assert found["negative_sum"] > 0 == found["positive_sum"]
    assert found["valence_max"] < 0
    assert found["dampeners"] == pytest.approx(2 / 7)


def test_text_without_valence():
    found = by_name(TextLexicon(), "the chair stands there")
    assert found["coverage"] == found["compound"] == found["positive_sum"] == 0
    assert np.isnan([found["valence_mean"], found["valence_min"], found["negated_share"]]).all()


def test_without_vader(monkeypatch):
    vader._vader.cache_clear()
    monkeypatch.setitem(sys.modules, "vaderSentiment", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'ferfusion\[text\]'"):
        TextLexicon().compute("good")


@pytest.fixture
def write_lexicon(tmp_path):
    def write(content, name="lexicon.csv"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def affect(write_lexicon):
    return write_lexicon(
        "word,note,valence,arousal,joy\n"
        "happy,x,3,6,1\n"
        "sad,y,-2,4,0\n"
        "happ*,z,2,,1\n"
        "kind of,,-1,2,\n"
        "kind,,1,1,\n"
        ":),,2,3,1\n"
    )


def test_file_by_hand(affect):
    # happy = 3, happily -> happ* = 2 (no arousal), kind of = -1, not sad: valence turned to 2, arousal left out
    found = by_name(TextLexicon(affect), "HAPPY and happily, kind-of; not so sad! :)")
    assert found == pytest.approx(
        {
            "words": 8,
            "coverage": 5 / 8,
            "negated": 1 / 5,
            "valence_count": 5,
            "valence_coverage": 5 / 8,
            "valence_mean": (3 + 2 - 1 + 2 + 2) / 5,
            "valence_min": -1,
            "valence_max": 3,
            "valence_sum": 8,
            "valence_negated": 1 / 5,
            "arousal_count": 3,
            "arousal_coverage": 3 / 8,
            "arousal_mean": (6 + 2 + 3) / 3,
            "arousal_min": 2,
            "arousal_max": 6,
            "arousal_sum": 11,
            "arousal_negated": 1 / 4,
            "joy_count": 3,
            "joy_coverage": 3 / 8,
            "joy_mean": 3 / 5,
            "joy_max": 1,
            "joy_negated": 0,
        }
    )


def test_nothing_found(affect):
    found = by_name(TextLexicon(affect), "the chair")
    assert found["words"] == 2
    assert found["coverage"] == found["valence_count"] == found["valence_sum"] == found["joy_count"] == 0
    assert np.isnan([found[f"valence_{name}"] for name in ("mean", "min", "max", "negated")]).all()
    assert np.isnan(found["joy_mean"])
    assert by_name(TextLexicon(affect), "?!")["words"] == 0


@pytest.mark.parametrize(
    ("text", "negated"),
    [
        ("not happy", True),
        ("not at all happy", True),
        ("not at all so happy", False),
        ("No, happy", False),
        ("never. Happy", False),
        ("isn't happy", True),
        ("I don’t feel happy", True),
        ("happy not", False),
    ],
)
def test_negation(affect, text, negated):
    found = by_name(TextLexicon(affect), text)
    assert found["valence_sum"] == (-3 if negated else 3)
    assert found["joy_count"] == (0 if negated else 1)
    assert found["joy_negated"] == float(negated)


def test_negation_elsewhere(affect):
    text = "not at all so happy"
    assert by_name(TextLexicon(affect, negation_window=4), text)["valence_sum"] == -3
    assert by_name(TextLexicon(affect, negation_window=0), "not happy")["valence_sum"] == 3
    assert by_name(TextLexicon(affect, language="de"), "nicht happy")["valence_sum"] == -3
    with pytest.raises(FeatureError, match="0 or more, not -1"):
        TextLexicon(affect, negation_window=-1).compute("a")
    with pytest.raises(UnknownNameError, match="language"):
        TextLexicon(affect, language="xx").compute("a")


def test_longest_entry_counts(write_lexicon):
    path = write_lexicon("word\tv\nkind\t1\nkind of\t2\nkin*\t4\nkind of g*\t8\nof good news\t16\nk*\t32\n", "l.tsv")
    extractor = TextLexicon(path)
    cases = {"kind": 1, "kind of": 2, "kindness": 4, "kind of good": 8, "so of good news": 16, "king": 4, "kept": 32}
    assert {text: by_name(extractor, text)["v_sum"] for text in cases} == cases
    assert by_name(extractor, "kind of good news")["v_sum"] == 8  # from left to right, none twice
    assert by_name(extractor, "kind kind's")["v_sum"] == 1 + 4  # kin* before what stands before the 's


def test_forms_of_files(write_lexicon):
    same = [
        write_lexicon("term;score;pos\nGood;1.5;ADJ\nbad;-1;ADJ\n", "a.csv"),
        write_lexicon("# about\n\npos\tterm\tscore\r\nADJ\tgood\t1.5\r\nADJ\tbad\t-1\r\n", "b.tsv"),
        write_lexicon('\ufeffterm,score,pos\n"good","1.5",ADJ\n"bad",-1,ADJ\n', "c.csv"),
    ]
    for path in same:
        assert by_name(TextLexicon(path), "Good bad bad")["score_sum"] == pytest.approx(-0.5)
    headless = write_lexicon("good\t1.5\nbad\t-1\n", "d.txt")
    assert by_name(TextLexicon(headless), "good bad bad")["value_sum"] == pytest.approx(-0.5)
    hashtags = write_lexicon("#good\t1.5\t0.1\n#bad\t-1\t0.2\n", "e.txt")
    assert by_name(TextLexicon(hashtags), "#bad")["value_2_sum"] == pytest.approx(0.2)
    smileys = write_lexicon("1.5,:;)\n-1,;(\n", "g.csv")
    assert by_name(TextLexicon(smileys), "no ;(")["value_sum"] == 1  # "no" negates
    marks = write_lexicon("word,anger,joy\nhate,X,\nlove,,x\n", "f.csv")
    found = by_name(TextLexicon(marks), "hate hate love")
    assert (found["anger_count"], found["joy_count"]) == (2, 1)
    assert "anger_min" not in found


def test_vaders_own_lexicon_as_a_file():
    path = Path(import_module("vaderSentiment").__file__).with_name("vader_lexicon.txt")
    extractor = TextLexicon(str(path), columns=["value_1"], negation_window=0)
    words = [word for word in VADER.lexicon if word.isalpha()][::50]
    for word in words:
        assert by_name(extractor, word)["value_1_sum"] == pytest.approx(VADER.lexicon[word])
    assert by_name(extractor, "so good :-)")["value_1_count"] == 2


def test_columns_by_name(affect):
    names = TextLexicon(affect, columns=["joy"]).feature_names()
    assert names == [
        "words",
        "coverage",
        "negated",
        *(f"joy_{s}" for s in ("count", "coverage", "mean", "max", "negated")),
    ]
    assert by_name(TextLexicon(affect, word_column="note"), "x z")["valence_sum"] == 5
    with pytest.raises(UnknownNameError, match=r"'arousl'\. Did you mean 'arousal'"):
        TextLexicon(affect, columns=["arousl"]).feature_names()
    with pytest.raises(UnknownNameError, match="column of the lexicon"):
        TextLexicon(affect, word_column="entry").feature_names()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("word,pos\ngood,ADJ\n", r"has no column of numbers beside 'word'; it has 'word', 'pos'"),
        ("good\nbad\n", "no table of words and numbers"),
        ("", "no table of words and numbers"),
        ("word,v\n", "no column of numbers"),
        ("a,b\n1,2\n3,4\n", "no column of words"),
        (
            "word,v\ngood,1\ngood,2\n",
            r"entries more than once, with different numbers: 'good'\. A lexicon has a line an entry",
        ),
        ("word,v\ngood,inf\n", r"infinite number, for 'good'"),
        ("word,v,v\ngood,1,2\n", "columns of the same name: 'v'"),
    ],
)
def test_files_that_cannot_be_used(write_lexicon, content, message):
    with pytest.raises(FeatureError, match=message):
        TextLexicon(write_lexicon(content)).feature_names()


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(FeatureError, match=r"no\.csv does not exist"):
        TextLexicon(str(tmp_path / "no.csv")).feature_names()
    (tmp_path / "latin.csv").write_bytes("word,v\nschön,1\n".encode("latin-1"))
    with pytest.raises(FeatureError, match="no UTF-8"):
        TextLexicon(str(tmp_path / "latin.csv")).feature_names()


def test_same_entry_twice(write_lexicon):
    path = write_lexicon("word,v\nUS,5\nus,1\nUs,7\ngood,2\ngood,2\nwell-known,3\n")
    assert by_name(TextLexicon(path), "US")["v_sum"] == 1  # small letters before capitals
    assert by_name(TextLexicon(path), "good")["v_sum"] == 2
    assert by_name(TextLexicon(path), "well known")["v_sum"] == 3
    slip = write_lexicon("word,v\ngood,1\n" + "".join(f"w{i},0.5\n" for i in range(150)) + "good,2\n", "slip.csv")
    assert by_name(TextLexicon(slip), "good")["v_sum"] == 2  # the last one


def test_identity_is_the_content(affect, tmp_path):
    moved = shutil.copy(affect, tmp_path / "moved.csv")
    assert TextLexicon(affect).fingerprint() == TextLexicon(moved).fingerprint()
    before = {TextLexicon(affect).fingerprint(), TextLexicon(affect, negation_window=2).fingerprint()}
    assert len(before) == 2
    assert by_name(TextLexicon(affect), "sad")["valence_sum"] == -2
    file = Path(affect)
    file.write_text(file.read_text(encoding="utf-8").replace("sad,y,-2", "sad,y,-3.5"), encoding="utf-8")
    assert TextLexicon(affect).fingerprint() not in before
    assert by_name(TextLexicon(affect), "sad")["valence_sum"] == -3.5  # read again
    parameters = TextLexicon().identity()["parameters"]["lexicon"]
    assert parameters["vaderSentiment"]
    assert len(parameters["sha256"]) == 64


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("lexicon") / "l.tsv"
    path.write_text("word\tv\ta\na*\t1\t0\nnot\t-1\t1\n", encoding="utf-8")
    return TextLexicon(str(path))


@given(text=st.text(max_size=60))
@settings(max_examples=80, deadline=None)
def test_any_text(small, text):
    found = small.compute(text)
    assert found.shape == (3 + 7 + 5,)
    assert not np.isinf(found).any()


def test_capitals_and_space_make_no_difference(affect):
    extractor = TextLexicon(affect)
    np.testing.assert_array_equal(extractor.compute("  Happy,\nKIND OF sad "), extractor.compute("happy, kind of sad"))
