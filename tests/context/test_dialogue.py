"""Views of neighbouring turns, compared with a search row by row."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from ferfusion.base.adapters import OnFeatures, SelectViews
from ferfusion.base.classifier import TableClassifier
from ferfusion.base.errors import FeatureError, TableError, UnknownNameError
from ferfusion.base.table import learnt_views, views_of
from ferfusion.context import DialogueContext, TextContext
from ferfusion.features import TextNgrams, Views


def make_table(n=30, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "dialogue": [f"d{i // 7}" for i in range(n)],
            "turn": [3 * (i % 7) for i in range(n)],
            "speaker": rng.choice(["a", "b", "c"], n),
        },
        index=[f"u{i}" for i in range(n)],
    )
    X["audio_a__x"], X["audio_a__y"], X["text_b__z"] = rng.normal(size=(3, n))
    X.loc["u9", "audio_a__x"] = np.nan
    return X.iloc[rng.permutation(n)]


def neighbours(X, id_, who, after=False):
    """Ids around a row, nearest first, the plain way."""
    me = X.loc[id_]
    rest = X[(X["dialogue"] == me["dialogue"]) & ((X["turn"] > me["turn"]) if after else (X["turn"] < me["turn"]))]
    if who != "all":
        rest = rest[(rest["speaker"] == me["speaker"]) == (who == "same")]
    return rest.sort_values("turn", ascending=after).index.tolist()


@pytest.mark.parametrize("who", ["all", "same", "other"])
def test_side_by_side(who):
    X = make_table()
    out = DialogueContext(n_before=2, n_after=1, who=who).fit_transform(X)
    mark = "" if who == "all" else f"_{who}"
    for side, after, k in (("before1", False, 0), ("before2", False, 1), ("after1", True, 0)):
        for view, name in (("audio_a", "x"), ("audio_a", "y"), ("text_b", "z")):
            expected = []
            for id_ in X.index:
                found = neighbours(X, id_, who, after)
                expected.append(X.loc[found[k], f"{view}__{name}"] if len(found) > k else np.nan)
            np.testing.assert_array_equal(out[f"{view}{mark}_{side}__{name}"], expected)
    pd.testing.assert_frame_equal(out[X.columns], X)
    assert len(views_of(out)) == 8


@pytest.mark.parametrize(("how", "n", "decay"), [("mean", 3, 0.3), ("decay", 3, 0.3), ("decay", None, 0.8)])
@pytest.mark.parametrize("who", ["all", "same"])
def test_means(how, n, decay, who):
    X = make_table()
    out = DialogueContext(n_before=n, who=who, how=how, decay=decay).fit_transform(X)
    mark = "" if who == "all" else f"_{who}"
    for column in ("audio_a__x", "text_b__z"):
        expected = []
        for id_ in X.index:
            values = X.loc[neighbours(X, id_, who)[:n], column].to_numpy()
            weights = decay ** np.arange(len(values)) if how == "decay" else np.ones(len(values))
            there = ~np.isnan(values)
            expected.append(np.average(values[there], weights=weights[there]) if there.any() else np.nan)
        view, name = column.split("__")
        np.testing.assert_allclose(out[f"{view}{mark}_before__{name}"], expected)


def test_row_order_and_other_rows_do_not_matter():
    X = make_table()
    context = DialogueContext(n_before=3).fit(X)
    whole = context.transform(X)
    turned = context.transform(X.iloc[::-1])
    pd.testing.assert_frame_equal(whole, turned.loc[X.index])
    part = X[X["dialogue"] == "d1"]
    pd.testing.assert_frame_equal(context.transform(part), whole.loc[part.index])


def test_rows_without_dialogue_have_no_context():
    X = make_table()
    lone = X.assign(dialogue=None, turn=None)
    out = DialogueContext().fit(X).transform(lone)
    assert out[["audio_a_before1__x", "text_b_before2__z"]].isna().all(axis=None)
    bare = DialogueContext().fit(X).transform(X.drop(columns=["dialogue", "turn"]))
    assert bare["audio_a_before1__x"].isna().all()
    zero = DialogueContext(missing="zero").fit(X).transform(lone)
    assert (zero[["audio_a_before1__x", "text_b_before2__z"]] == 0).all(axis=None)


def test_chosen_views_width_and_marks():
    X = make_table().astype({"text_b__z": np.float32})
    context = DialogueContext(n_before=1, views=["text"]).fit(X)
    out = context.transform(X)
    assert out["text_b_before1__z"].dtype == np.float32
    assert context.get_feature_names_out().tolist() == ["text_b_before1__z"] == context.names_
    assert learnt_views(out) == ["text_b_before1"]
    assert SelectViews("text").fit(out).views_ == ["text_b", "text_b_before1"]
    nothing = DialogueContext(views=["visual"]).fit(X)
    pd.testing.assert_frame_equal(nothing.transform(X), X)
    assert DialogueContext(n_before=0).fit_transform(X).columns.tolist() == X.columns.tolist()


def test_two_kinds_of_speaker_side_by_side():
    X = make_table()
    steps = [DialogueContext(1, who=who, views=["text_b"]) for who in ("same", "other")]
    out = make_pipeline(*steps).fit_transform(X)
    assert views_of(out) == ["audio_a", "text_b", "text_b_same_before1", "text_b_other_before1"]


def test_repeated_step_replaces():
    X = make_table()
    once = DialogueContext(1, views=["text_b"]).fit_transform(X)
    again = DialogueContext(1, views=["text_b"]).fit_transform(once)
    np.testing.assert_array_equal(once["text_b_before1__z"], again["text_b_before1__z"])
    assert views_of(again) == views_of(once)


def test_faults():
    X = make_table()
    with pytest.raises(UnknownNameError, match="Did you mean 'concat'"):
        DialogueContext(how="concatenate").fit(X)
    with pytest.raises(UnknownNameError, match="whose turns"):
        DialogueContext(who="me").fit(X)
    with pytest.raises(UnknownNameError, match="filling"):
        DialogueContext(missing="mean").fit(X)
    with pytest.raises(FeatureError, match="n_before=None, all turns"):
        DialogueContext(n_before=None).fit(X)
    with pytest.raises(FeatureError, match="n_after must be 0 or more, not -1"):
        DialogueContext(n_after=-1).fit(X)
    with pytest.raises(FeatureError, match="decay must be above 0"):
        DialogueContext(decay=0).fit(X)
    with pytest.raises(TableError, match="more than once"):
        DialogueContext().fit(X).transform(X.assign(turn=1))
    with pytest.raises(FeatureError, match="lacks 1 features"):
        DialogueContext().fit(X).transform(X.drop(columns="audio_a__y"))


def test_in_a_pipeline():
    # only what was said before tells the emotion
    rng = np.random.default_rng(0)
    X = make_table(140)
    y = np.full(len(X), "calm", dtype=object)
    for i, id_ in enumerate(X.index):
        found = neighbours(X, id_, "all")
        if found and X.loc[found[0], "text_b__z"] > 0:
            y[i] = "anger"
    y[rng.choice(len(X), 3)] = "anger"
    context = DialogueContext(1, views=["text_b"], missing="zero")
    model = make_pipeline(SelectViews(["text"]), context, TableClassifier(LogisticRegression(C=100)))
    alone = make_pipeline(SelectViews(["text"]), TableClassifier(LogisticRegression(C=100)))
    assert (model.fit(X, y).predict(X) == y).mean() > 0.85
    assert (alone.fit(X, y).predict(X) == y).mean() < 0.75
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    assert clone(context).get_params() == context.get_params()


def test_learnt_views_stay_those_of_training():
    X = make_table(14).assign(text=["so good", "so bad"] * 7)
    model = make_pipeline(Views([("text_tfidf", TextNgrams())], only=["text_tfidf"]), DialogueContext(1)).fit(X)
    out = model.transform(X.iloc[:3].assign(text="unseen words"))
    assert views_of(out) == ["text_tfidf", "text_tfidf_before1"]
    scaled = OnFeatures(TruncatedOnce(), views=["text"]).fit_transform(out)
    assert len(scaled) == 3


class TruncatedOnce:
    """Stands for a reduction: hands its columns through."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.nan_to_num(X)

    def get_feature_names_out(self, names):
        return names

    def get_params(self, deep=True):
        return {}


class TestTextContext:
    def table(self):
        X = pd.DataFrame({"dialogue": "d", "turn": [2, 0, 1, 3], "speaker": ["a", "a", "b", "b"]}, index=list("wuvx"))
        return X.assign(text=["Two words", "Zero", None, "Three"], audio_a__x=1.0)

    def test_joined(self):
        X = self.table()
        out = TextContext(n_before=2, n_after=1).fit_transform(X)
        assert out["text"].tolist() == ["Zero Two words Three", "Zero", "Zero Two words", "Two words Three"]
        assert out.drop(columns="text").equals(X.drop(columns="text"))

    def test_marked_without_own(self):
        out = TextContext(n_before=1, n_after=1, own=False, mark=True).fit_transform(self.table())
        expected = ["after_Three", None, "before_Zero after_Two after_words", "before_Two before_words"]
        assert [text if isinstance(text, str) else None for text in out["text"]] == expected

    def test_same_speaker(self):
        out = TextContext(n_before=None, who="same").fit_transform(self.table())
        assert out["text"].tolist()[:2] == ["Zero Two words", "Zero"]

    def test_marks_are_words_to_ngrams(self):
        table = TextContext(n_before=1, mark=True).fit_transform(self.table())
        names = Views([("text_t", TextNgrams(words=(1, 1), min_texts=1))]).fit_transform(table).columns
        assert "text_t__before_zero" in names or "text_t__before_two" in names

    def test_no_text_no_change(self):
        X = self.table().drop(columns="text")
        assert TextContext().fit_transform(X) is X

    def test_unknown_choice(self):
        with pytest.raises(UnknownNameError, match="whose turns"):
            TextContext(who="al").fit(self.table())
