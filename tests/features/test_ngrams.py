"""TF-IDF of word n-grams against the textbook formula."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from ferfusion.base.errors import FeatureError
from ferfusion.base.table import columns_of, features_of
from ferfusion.features import Views
from ferfusion.features.extractor import LearningExtractor
from ferfusion.features.text.ngrams import TextNgrams

TEXTS = ["I am so so happy", "I am sad", "so it goes"]


def by_hand(text, vocabulary, texts):
    """(1 + log count) * (1 + log((1 + n) / (1 + texts with it))), scaled to length one."""
    words = text.lower().split()
    weights = []
    for word in vocabulary:
        count = words.count(word)
        held = sum(word in other.lower().split() for other in texts)
        weights.append((1 + np.log(count)) * (1 + np.log((1 + len(texts)) / (1 + held))) if count else 0.0)
    length = np.linalg.norm(weights)
    return np.array(weights) / (length or 1.0)


def test_against_the_formula():
    features = TextNgrams(words=(1, 1), min_texts=1).fit(TEXTS)
    vocabulary = ["am", "goes", "happy", "i", "it", "sad", "so"]
    assert features.feature_names() == vocabulary  # one-letter words count
    unseen = [*TEXTS, "so so so what"]
    table = features.transform(unseen)
    assert table.columns.tolist() == vocabulary
    np.testing.assert_allclose(table, [by_hand(text, vocabulary, TEXTS) for text in unseen], rtol=1e-5)
    assert (table.dtypes == np.float32).all()


def test_runs_of_words():
    assert TextNgrams(words=(2, 2), min_texts=2).fit(TEXTS).feature_names() == ["i am"]
    assert TextNgrams(words=[1, 2], min_texts=2).fit(TEXTS).feature_names() == ["am", "i", "i am", "so"]


def test_runs_of_characters():
    """Within words, their edges as blanks; weights by the same formula."""
    features = TextNgrams(min_texts=1, characters=(3, 3)).fit(["so", "sow"])
    assert features.feature_names() == [" so", "ow ", "so ", "sow"]
    own = 1 + np.log(3 / 2)  # in one of two texts
    np.testing.assert_allclose(features.values(["so"])[0], np.array([1, 0, own, 0]) / np.hypot(1, own), rtol=1e-6)
    with pytest.raises(FeatureError, match="run of characters"):
        TextNgrams(characters=(3, 2)).fit(TEXTS)


def test_characters_with_strokes_stay_columns_of_their_view():
    X = pd.DataFrame({"text": ["a__b c", "a__b d"]}, index=["u", "v"])
    out = Views([("text_c", TextNgrams(characters=(4, 4)))], verbose=False).fit_transform(X)
    assert columns_of(out, "text_c") == ["text_c__ a__", "text_c____b ", "text_c__a__b"]
    assert features_of(out, "text_c").shape == (2, 3)


def test_most_frequent_runs():
    assert TextNgrams(words=(1, 1), min_texts=1, max_features=1).fit(TEXTS).feature_names() == ["so"]


def test_second_occurrence():
    plain = TextNgrams(words=(1, 1), min_texts=1, sublinear=False).fit(TEXTS)
    less = TextNgrams(words=(1, 1), min_texts=1).fit(TEXTS)
    so = plain.feature_names().index("so")
    assert plain.values(TEXTS)[0, so] > less.values(TEXTS)[0, so]


def test_words_that_occur_too_seldom_count_where_there_are_no_others():
    assert TextNgrams(words=(1, 1)).fit(["yes", "no"]).feature_names() == ["no", "yes"]
    assert TextNgrams(words=(1, 1)).fit(["yes"]).feature_names() == ["yes"]


@pytest.mark.parametrize("texts", [["...", "!?"], []])
def test_no_word_at_all(texts):
    with pytest.raises(FeatureError, match=rf"from the {len(texts)} texts: .*vocabulary"):
        TextNgrams().fit(texts)


def test_bad_parameters_are_said():
    with pytest.raises(FeatureError, match="ngram_range"):
        TextNgrams(words=(2, 1)).fit(TEXTS)


def test_not_fitted():
    with pytest.raises(NotFittedError):
        TextNgrams().transform(TEXTS)
    assert TextNgrams.learns


def test_one_text():
    features = TextNgrams(min_texts=1).fit(TEXTS)
    np.testing.assert_array_equal(features.compute(TEXTS[1]), features.values(TEXTS)[1])


def test_clone_and_pickle():
    features = TextNgrams(words=(1, 1), min_texts=1).fit(TEXTS)
    assert not hasattr(clone(features), "vectorizer_")
    again = pickle.loads(pickle.dumps(features))
    np.testing.assert_array_equal(again.values(TEXTS), features.values(TEXTS))


def test_unfinished_learners():
    for call in (lambda: LearningExtractor().fit(["a"]), lambda: LearningExtractor().values(["a"])):
        with pytest.raises(NotImplementedError):
            call()
