"""Array transformers on tables: facts kept, missing rows left alone, groups handed on, origins marked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.feature_selection import RFECV, SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ferfusion.base.adapters import OnFeatures, SelectViews, fit_with_groups, number_views
from ferfusion.base.errors import FeatureError, TableError, UnknownNameError
from ferfusion.base.grouped import GroupedFolds
from ferfusion.base.table import features_of, learnt_views, views_of


class Witness(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Keeps what it was given."""

    def __init__(self, cv=None):
        self.cv = cv

    def fit(self, A, y=None, groups=None):
        self.n_features_in_ = A.shape[1]
        self.A_, self.y_, self.groups_ = A, y, groups
        return self

    def transform(self, A):
        return A * 10


@pytest.fixture
def table():
    frames = np.empty(4, dtype=object)
    frames[:] = [np.ones((2, 2))] * 4
    return pd.DataFrame(
        {
            "audio": ["a.wav", "b.wav", None, "d.wav"],
            "speaker": ["s1", "s1", "s2", None],
            "audio_a__x": [1.0, 3.0, np.nan, 5.0],
            "audio_a__w": [2.0, np.nan, np.nan, 4.0],
            "text_b__y": [0.0, 1.0, 2.0, np.nan],
            "audio_mel__frames": frames,
        },
        index=["u1", "u2", "u3", "u4"],
    )


Y = pd.Series(["calm", "anger", "calm", "fear"], index=["u1", "u2", "u3", "u4"])


def test_scaling_by_hand(table):
    out = OnFeatures(StandardScaler(), views="text").fit_transform(table)
    spread = np.sqrt(2 / 3)  # of 0, 1, 2
    np.testing.assert_allclose(out["text_b__y"], [-1 / spread, 0, 1 / spread, np.nan])
    np.testing.assert_array_equal(out[["audio_a__x", "audio_a__w"]], table[["audio_a__x", "audio_a__w"]])


def test_facts_frames_and_input_are_kept(table):
    before = table.copy(deep=True)
    out = OnFeatures(SimpleImputer()).fit_transform(table, Y)
    pd.testing.assert_frame_equal(table, before)
    for column in ("audio", "speaker"):
        pd.testing.assert_series_equal(out[column], table[column])
    assert all(a is b for a, b in zip(out["audio_mel__frames"], table["audio_mel__frames"], strict=True))
    assert out.index.equals(table.index)


def test_rows_without_any_value_stay_missing_and_are_not_learnt_from(table):
    model = OnFeatures(SimpleImputer(), views="audio_a").fit(table, Y)
    out = model.transform(table)
    # u3 has nothing and gets nothing; the hole of u2 is filled by the mean of 2 and 4
    np.testing.assert_array_equal(features_of(out, "audio_a"), [[1, 2], [3, 3], [np.nan, np.nan], [5, 4]])
    witness = OnFeatures(Witness(), views="audio_a").fit(table, Y).transformer_
    np.testing.assert_array_equal(witness.A_, [[1, 2], [3, np.nan], [5, 4]])
    assert witness.y_.tolist() == ["calm", "anger", "fear"]
    assert witness.groups_.tolist() == ["s1", "s1", "unknown:u4"]


def test_groups_reach_cv(table):
    model = OnFeatures(make_pipeline(Witness(cv=3)), views="audio_a").fit(table, Y)
    inner = model.transformer_[0].cv
    assert isinstance(inner, GroupedFolds)
    assert inner.n_splits == 3
    assert inner.groups.tolist() == ["s1", "s1", "unknown:u4"]
    assert model.transformer.get_params()["witness__cv"] == 3


def test_selection_by_cross_validation_keeps_speakers_together():
    rng = np.random.default_rng(0)
    n, y = 60, np.tile(["a", "b", "c"], 20)
    codes = np.tile([0.0, 1.0, 2.0], 20)
    X = pd.DataFrame(rng.normal(size=(n, 4)), columns=[f"audio_a__{i}" for i in range(4)])
    X["audio_a__2"] += 6 * (codes == 1)
    X["audio_a__3"] += 6 * (codes == 2)
    X["speaker"] = np.repeat(list("pqrst"), 12)
    model = OnFeatures(RFECV(RidgeClassifier(), min_features_to_select=1)).fit(X, y)
    assert model.transformer_.cv.groups.tolist() == X["speaker"].tolist()
    assert {"audio_a__2", "audio_a__3"} <= set(model.get_feature_names_out())
    assert views_of(model.transform(X)) == ["audio_a"]


def test_no_groups_at_all(table):
    model = OnFeatures(Witness(cv=2)).fit(table.drop(columns="speaker"))
    assert model.transformer_.groups_ is None
    assert model.transformer_.cv.groups is None


@pytest.mark.parametrize("name", ["joint", "audio_pca"])
def test_new_names_get_the_view(table, name):
    model = OnFeatures(make_pipeline(SimpleImputer(), PCA(2)), name=name).fit(table)
    expected = [f"{name}__pca0", f"{name}__pca1"]
    assert model.get_feature_names_out().tolist() == expected
    out = model.transform(table)
    assert out.columns.tolist() == ["audio", "speaker", "audio_mel__frames", *expected, f"{name}@origin"]


def test_dropped_columns(table):
    scores = table.drop(columns="text_b__y").fillna({"audio_a__x": 3.0, "audio_a__w": 3.0})
    model = OnFeatures(SelectKBest(lambda A, y: A.var(axis=0), k=1)).fit(scores, Y)
    assert model.get_feature_names_out().tolist() == ["audio_a__x"]


def test_origin_says_learnt(table):
    marked = table.assign(**{"audio_a@origin": "f00:aa"})
    out = OnFeatures(Witness(), views="audio_a").fit_transform(marked)
    assert learnt_views(marked) == []
    assert learnt_views(out) == ["audio_a"]
    assert set(learnt_views(OnFeatures(Witness()).fit_transform(table))) == {"audio_a", "text_b"}


def test_column_order_does_not_matter(table):
    model = OnFeatures(Witness(), views="audio_a").fit(table)
    shuffled = table[table.columns.tolist()[::-1]].assign(audio_a__new=7.0)
    out = model.transform(shuffled)
    np.testing.assert_array_equal(out["audio_a__x"], table["audio_a__x"] * 10)
    np.testing.assert_array_equal(out["audio_a__w"], table["audio_a__w"] * 10)
    assert "audio_a__new" not in out


def test_absent_columns_are_named(table):
    model = OnFeatures(Witness()).fit(table)
    with pytest.raises(FeatureError, match=r"lacks 1 features this was fitted on: 'audio_a__w'"):
        model.transform(table.drop(columns="audio_a__w"))


def test_absent_view_is_missing_in_all_rows(table):
    model = OnFeatures(Witness(), views="audio_a").fit(table)
    out = model.transform(table.drop(columns=["audio_a__x", "audio_a__w"]))
    assert out[["audio_a__x", "audio_a__w"]].isna().all(axis=None)
    np.testing.assert_array_equal(out["text_b__y"], table["text_b__y"])


def test_table_without_the_view_passes_through(table):
    model = OnFeatures(Witness(), views="visual").fit(table)
    assert model.transformer_ is None
    assert model.transform(table) is table
    assert model.get_feature_names_out().tolist() == []


def test_nothing_to_learn_from(table):
    with pytest.raises(FeatureError, match=r"No row holds a value of 'text_b'"):
        OnFeatures(Witness(), views="text").fit(table.assign(text_b__y=np.nan))


def test_grammar_is_checked(table):
    with pytest.raises(TableError, match="infinite"):
        OnFeatures(Witness()).fit(table.assign(audio_a__x=np.inf))
    model = OnFeatures(Witness()).fit(table)
    with pytest.raises(TableError, match="infinite"):
        model.transform(table.assign(audio_a__x=np.inf))


def test_clone_and_parameters(table):
    model = OnFeatures(SimpleImputer(strategy="median"), views=["audio"]).fit(table)
    again = clone(model)
    assert again.get_params()["transformer__strategy"] == "median"
    assert not hasattr(again, "columns_")
    assert not hasattr(model.transformer, "statistics_")  # the parameter is never fitted itself


def test_number_views(table):
    assert number_views(table) == ["audio_a", "text_b"]
    assert number_views(table, "audio") == ["audio_a"]
    assert number_views(table, ["visual"]) == []


def test_fit_with_groups():
    A, y, groups = np.eye(2), np.array([0, 1]), np.array(["a", "b"])
    assert fit_with_groups(Witness(), A, y, groups).groups_ is groups
    assert fit_with_groups(StandardScaler(), A, y, groups).n_features_in_ == 2


@pytest.mark.parametrize(
    ("views", "kept"),
    [("audio", ["audio_a", "audio_mel"]), (["text_b"], ["text_b"]), (["audio_mel", "text"], ["text_b", "audio_mel"])],
)
def test_select_views(table, views, kept):
    out = SelectViews(views).fit_transform(table)
    assert views_of(out) == kept
    assert out.columns.tolist()[:2] == ["audio", "speaker"]


def test_select_unknown_view(table):
    with pytest.raises(UnknownNameError, match=r"'textb'\. Did you mean 'text_b'"):
        SelectViews("textb").fit(table)


def test_selected_views_are_those_of_fit(table):
    model = SelectViews("audio").fit(table)
    assert views_of(model.transform(table.assign(audio_new__z=1.0))) == ["audio_a", "audio_mel"]
