"""What can be seen of a choice that was made with the test rows."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import ferfusion
from ferfusion.base import OnFeatures, TableClassifier
from ferfusion.base.errors import LearntViewError
from ferfusion.selection.filters import FilterSelector
from ferfusion.selection.leak import SelectionLeakWarning, row_digests, seen_rows, warn_if_selected_before

rng = np.random.default_rng(0)
X, y = rng.normal(size=(40, 30)), np.arange(40) % 2


class TestDigests:
    def test_equal_rows_have_equal_ones(self):
        rows = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [0.0, 1.0], [-0.0, 1.0]])
        digests = row_digests(rows)
        assert digests[0] == digests[2] != digests[1]
        assert digests[3] == digests[4]

    def test_layout_and_type_are_nothing(self):
        whole = np.arange(12).reshape(4, 3)
        np.testing.assert_array_equal(row_digests(whole), row_digests(np.asfortranarray(whole.astype(float))))


class TestSeen:
    def test_selector(self):
        fitted = FilterSelector(n_features=3).fit(X[:25], y[:25])
        np.testing.assert_array_equal(seen_rows(fitted, X), np.arange(40) < 25)

    def test_pipeline_sends_rows_through_the_steps_before(self):
        train, test = train_test_split(X, random_state=0)
        model = make_pipeline(StandardScaler(), "passthrough", FilterSelector(n_features=3), LogisticRegression())
        model.fit(train, np.arange(len(train)) % 2)
        assert seen_rows(model, train).all()
        assert not seen_rows(model, test).any()

    def test_what_chooses_nothing_has_seen_nothing(self):
        assert not seen_rows(StandardScaler().fit(X), X).any()

    def test_table(self, toy):
        corpus = toy()
        step = OnFeatures(FilterSelector(n_features=2)).fit(corpus.X[:30], corpus.y[:30])
        np.testing.assert_array_equal(seen_rows(step, corpus.X), np.arange(len(corpus.X)) < 30)

    @pytest.mark.parametrize("classifier", [LogisticRegression(), RidgeClassifier()])
    def test_inside_a_table_classifier(self, toy, classifier):
        corpus = toy()
        model = TableClassifier(make_pipeline(StandardScaler(), FilterSelector(n_features=2), classifier))
        model.fit(corpus.X[:30], corpus.y[:30])
        np.testing.assert_array_equal(seen_rows(model, corpus.X), np.arange(len(corpus.X)) < 30)

    def test_warning_names_the_number(self):
        fitted = FilterSelector(n_features=3).fit(X, y)
        with pytest.warns(SelectionLeakWarning, match="10 of 10 rows"):
            assert warn_if_selected_before(fitted, X[30:]) == 10

    def test_no_warning_where_there_is_no_leak(self):
        fitted = FilterSelector(n_features=3).fit(X[:30], y[:30])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert warn_if_selected_before(fitted, X[30:]) == 0


class TestEvaluateRefuses:
    def test_a_table_that_was_selected_on_all_rows(self, toy):
        corpus = toy()
        chosen = OnFeatures(FilterSelector(n_features=2)).fit_transform(corpus.X, corpus.y)
        with pytest.raises(LearntViewError, match="learnt from data"):
            ferfusion.evaluate(TableClassifier(LogisticRegression()), corpus.replace(X=chosen), verbose=False)

    def test_and_takes_the_chooser_inside(self, toy):
        corpus = toy()
        system = make_pipeline(OnFeatures(FilterSelector(n_features=2)), TableClassifier(LogisticRegression()))
        result = ferfusion.evaluate(system, corpus, verbose=False)
        assert result.scores.loc["uar", "value"] > 0.5
