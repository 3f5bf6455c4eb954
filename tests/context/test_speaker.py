"""Scaling by speaker: whose statistics each row gets, and that nobody unknown is pooled."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from ferfusion.base.adapters import SelectViews
from ferfusion.base.classifier import TableClassifier
from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.base.table import features_of, learnt_views
from ferfusion.context import SpeakerScaler, speaker_policies
from ferfusion.fusion.late import LateFusionClassifier

COLUMNS = ["audio_a__x", "audio_a__w"]


def make_table(sizes, seed=0, offset=True):
    """Speakers with as many rows as ``sizes`` says, each with a level and a spread of their own."""
    rng = np.random.default_rng(seed)
    speakers = [name for name, n in sizes.items() for _ in range(n)]
    number = {name: i for i, name in enumerate(sizes)}
    level = np.array([10.0 * number[s] * offset for s in speakers])
    spread = np.array([1.0 + number[s] for s in speakers])
    values = level[:, None] + spread[:, None] * rng.normal(size=(len(speakers), 2))
    X = pd.DataFrame(values, columns=COLUMNS, index=[f"u{i}" for i in range(len(speakers))])
    X["speaker"] = speakers
    return X


@pytest.fixture
def train():
    return make_table({"a": 12, "b": 15})


@pytest.fixture
def test():
    return make_table({"c": 14}, seed=1)


def trained_scale(train, X):
    A = train[COLUMNS].to_numpy()
    return (X[COLUMNS].to_numpy() - A.mean(axis=0)) / A.std(axis=0)


def test_each_speaker_by_hand(train):
    scaler = SpeakerScaler().fit(train)
    out = scaler.transform(train)
    for rows in (slice(0, 12), slice(12, 27)):
        A = train[COLUMNS].to_numpy()[rows]
        np.testing.assert_allclose(out[COLUMNS].to_numpy()[rows], (A - A.mean(axis=0)) / A.std(axis=0))
    assert scaler.policies(train).tolist() == ["self"] * 27
    np.testing.assert_allclose(scaler.mean_, train[COLUMNS].mean())
    np.testing.assert_allclose(scaler.scale_, train[COLUMNS].std(ddof=0))


@pytest.mark.parametrize("n", [1, 5, 9])
def test_few_rows_of_a_speaker_get_the_training_statistics(train, test, n):
    scaler = SpeakerScaler().fit(train)
    batch = test.iloc[:n]
    np.testing.assert_allclose(scaler.transform(batch)[COLUMNS], trained_scale(train, batch))
    assert scaler.policies(batch).tolist() == ["train"] * n


@pytest.mark.parametrize("n", [10, 14])
def test_enough_rows_of_a_speaker_are_scaled_by_themselves(train, test, n):
    scaler = SpeakerScaler().fit(train)
    batch = test.iloc[:n]
    A = batch[COLUMNS].to_numpy()
    np.testing.assert_allclose(scaler.transform(batch)[COLUMNS], (A - A.mean(axis=0)) / A.std(axis=0))
    assert scaler.policies(batch).tolist() == ["self"] * n


def test_rows_one_by_one_do_not_depend_on_each_other(train, test):
    scaler = SpeakerScaler().fit(train)
    single = pd.concat([scaler.transform(test.iloc[[i]]) for i in range(len(test))])
    np.testing.assert_allclose(single[COLUMNS], trained_scale(train, test))


def test_speaker_of_the_training_part_is_not_remembered(train):
    # the table at hand decides: two rows of a are few, though a was in training
    scaler = SpeakerScaler().fit(train)
    np.testing.assert_allclose(scaler.transform(train.iloc[:2])[COLUMNS], trained_scale(train, train.iloc[:2]))


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA])
def test_unknown_speakers_are_never_pooled(train, test, gap):
    test["speaker"] = pd.Series([gap] * 14, index=test.index, dtype=object)
    test["dialogue"] = "one call"
    scaler = SpeakerScaler().fit(train)
    np.testing.assert_allclose(scaler.transform(test)[COLUMNS], trained_scale(train, test))
    assert set(scaler.policies(test)) == {"train"}
    test["speaker"] = pd.Series(["c"] * 11 + [gap] * 3, index=test.index, dtype=object)
    assert scaler.policies(test).tolist() == ["self"] * 11 + ["train"] * 3
    np.testing.assert_allclose(scaler.transform(test)[COLUMNS].iloc[11:], trained_scale(train, test.iloc[11:]))


def test_no_speaker_column(train, test):
    scaler = SpeakerScaler().fit(train)
    bare = test.drop(columns="speaker")
    np.testing.assert_allclose(scaler.transform(bare)[COLUMNS], trained_scale(train, bare))
    assert set(scaler.policies(bare)) == {"train"}
    np.testing.assert_allclose(SpeakerScaler().fit(train.drop(columns="speaker")).mean_, scaler.mean_)


@pytest.mark.parametrize("kind", ["str", object, "category"])
def test_speaker_column_of_any_kind(train, kind):
    expected = SpeakerScaler().fit_transform(train)[COLUMNS]
    typed = train.assign(speaker=train["speaker"].astype(kind))
    pd.testing.assert_frame_equal(SpeakerScaler().fit_transform(typed)[COLUMNS], expected)


def test_speakers_by_number(train):
    expected = SpeakerScaler().fit_transform(train)[COLUMNS]
    numbered = train.assign(speaker=train["speaker"].map({"a": 1, "b": 2}))
    pd.testing.assert_frame_equal(SpeakerScaler().fit_transform(numbered)[COLUMNS], expected)


def test_mode_train(train, test):
    scaler = SpeakerScaler(mode="train").fit(train)
    np.testing.assert_allclose(scaler.transform(test)[COLUMNS], trained_scale(train, test))
    assert set(scaler.policies(test)) == {"train"}


@pytest.mark.parametrize(("least", "policy"), [(2, "self"), (14, "self"), (15, "train")])
def test_min_utterances(train, test, least, policy):
    assert set(SpeakerScaler(min_utterances=least).fit(train).policies(test)) == {policy}


def test_one_row_has_no_spread(train):
    with pytest.raises(FeatureError, match="min_utterances must be 2 at least, not 1"):
        SpeakerScaler(min_utterances=1).fit(train)


def test_unknown_mode(train):
    with pytest.raises(UnknownNameError, match=r"speaker scaling mode 'slef'\. Did you mean 'self'\?"):
        SpeakerScaler(mode="slef").fit(train)


def test_rows_are_counted_view_by_view(train, test):
    # fourteen rows with sound, of which four have a face
    for X in (train, test):
        X["visual_au__b"] = np.linspace(3, 5, len(X))
    test.loc[test.index[4:], "visual_au__b"] = np.nan
    scaler = SpeakerScaler().fit(train)
    out = scaler.transform(test)
    A = test[COLUMNS].to_numpy()
    np.testing.assert_allclose(out[COLUMNS], (A - A.mean(axis=0)) / A.std(axis=0))
    face = train["visual_au__b"].to_numpy()
    expected = (test["visual_au__b"].to_numpy() - face.mean()) / face.std()
    np.testing.assert_allclose(out["visual_au__b"], expected)
    assert set(scaler.policies(test)) == {"self"}  # in one view at least
    faces_only = test.assign(**dict.fromkeys(COLUMNS, np.nan))
    assert set(scaler.policies(faces_only)) == {"train"}


def test_rows_without_a_value_do_not_count(train, test):
    test.loc[test.index[:5], COLUMNS] = np.nan  # nine of fourteen are left
    scaler = SpeakerScaler().fit(train)
    assert set(scaler.policies(test)) == {"train"}
    out = scaler.transform(test)
    assert out[COLUMNS].iloc[:5].isna().all(axis=None)
    np.testing.assert_allclose(out[COLUMNS].iloc[5:], trained_scale(train, test.iloc[5:]))


def test_missing_values_stay_and_are_not_counted_in(train):
    train.loc["u0", "audio_a__x"] = np.nan
    train.loc["u1", COLUMNS] = np.nan
    out = SpeakerScaler().fit_transform(train)
    assert np.isnan(out.loc["u0", "audio_a__x"])
    assert out.loc["u1", COLUMNS].isna().all()
    x, w = train["audio_a__x"].iloc[2:12], train["audio_a__w"].iloc[[0, *range(2, 12)]]
    np.testing.assert_allclose(out["audio_a__x"].iloc[2:12], (x - x.mean()) / x.std(ddof=0))
    np.testing.assert_allclose(out["audio_a__w"].iloc[[0, *range(2, 12)]], (w - w.mean()) / w.std(ddof=0))
    assert out["audio_a__w"].notna().sum() == 26


@pytest.mark.parametrize("value", [0.0, 7.3, 1e6 + 0.1])
def test_constant_feature_becomes_zero(train, value):
    train["audio_a__x"] = value
    out = SpeakerScaler().fit_transform(train)
    np.testing.assert_allclose(out["audio_a__x"], 0, atol=1e-6)
    assert np.isfinite(features_of(out)).all()
    # constant in training only: not blown up at test time
    scaler = SpeakerScaler(mode="train").fit(train)
    assert scaler.scale_[0] == 1.0
    np.testing.assert_allclose(scaler.transform(train.assign(audio_a__x=value + 2))["audio_a__x"], 2, rtol=1e-6)


def test_feature_that_is_never_there(train):
    train["audio_a__x"] = np.nan
    out = SpeakerScaler().fit_transform(train)
    assert out["audio_a__x"].isna().all()
    assert np.isfinite(out["audio_a__w"]).all()


def test_other_views_facts_and_input_are_left_alone(train):
    frames = np.empty(len(train), dtype=object)
    frames[:] = [np.full((2, 2), 5.0)] * len(train)
    train = train.assign(text_t__w=5.0, audio_mel__frames=frames)
    before = train.copy(deep=True)
    scaler = SpeakerScaler().fit(train)
    out = scaler.transform(train)
    pd.testing.assert_frame_equal(train, before)
    for column in ("speaker", "text_t__w", "audio_mel__frames"):
        pd.testing.assert_series_equal(out[column], train[column])
    assert scaler.columns_ == COLUMNS
    assert learnt_views(out) == ["audio_a"]


def test_chosen_views(train):
    train = train.assign(text_t__w=np.arange(27.0))
    out = SpeakerScaler(views=["text_t"]).fit_transform(train)
    np.testing.assert_array_equal(out[COLUMNS], train[COLUMNS])
    assert abs(out["text_t__w"].iloc[:12].mean()) < 1e-12


def test_column_order_does_not_matter(train, test):
    scaler = SpeakerScaler().fit(train)
    turned = test[test.columns.tolist()[::-1]].assign(audio_a__new=1.0)
    pd.testing.assert_frame_equal(scaler.transform(turned)[COLUMNS], scaler.transform(test)[COLUMNS])
    few = turned.iloc[:3]
    np.testing.assert_allclose(scaler.transform(few)[COLUMNS], trained_scale(train, few))


def test_absent_column_is_named(train, test):
    scaler = SpeakerScaler().fit(train)
    with pytest.raises(FeatureError, match=r"lacks 1 features this was fitted on: 'audio_a__w'"):
        scaler.transform(test.drop(columns="audio_a__w"))


def test_nothing_to_scale(train):
    texts = train[["speaker"]].assign(text_t__w=1.0)
    scaler = SpeakerScaler().fit(texts)
    assert scaler.transform(texts) is texts
    assert set(scaler.policies(texts)) == {"train"}


def test_clone(train):
    scaler = SpeakerScaler(min_utterances=3, views=("audio",)).fit(train)
    assert clone(scaler).get_params() == {"mode": "self", "min_utterances": 3, "views": ("audio",)}
    assert not hasattr(clone(scaler), "mean_")
    assert not any(isinstance(value, pd.DataFrame | pd.Series | pd.Index) for value in vars(scaler).values())


class Branches:
    """Stands for a fusion of branches."""

    def __init__(self, **branches):
        self.branches_ = branches


def test_policies_of_a_model(train, test):
    y = ["calm", "anger"] * 13 + ["calm"]
    scaled = make_pipeline(SelectViews("audio"), SpeakerScaler(), TableClassifier(LogisticRegression())).fit(train, y)
    plain = make_pipeline(SelectViews("audio"), TableClassifier(LogisticRegression())).fit(train, y)
    mixed = pd.concat([test, make_table({"d": 2}).set_axis(["v1", "v2"])])
    expected = ["self"] * 14 + ["train"] * 2
    assert speaker_policies(scaled, mixed).tolist() == expected
    assert speaker_policies(scaled[1], mixed).tolist() == expected
    assert speaker_policies(plain, mixed) is None
    assert speaker_policies(Branches(text=plain, audio=scaled), mixed).tolist() == expected
    assert speaker_policies(Branches(text=plain), mixed) is None
    assert speaker_policies(LogisticRegression(), mixed) is None


def test_policies_of_late_fusion(train, test):
    y = ["calm", "anger"] * 13 + ["calm"]
    train, test = (X.assign(text_t__w=np.arange(float(len(X)))) for X in (train, test))
    text = make_pipeline(SelectViews("text"), TableClassifier(LogisticRegression()))
    audio = make_pipeline(SelectViews("audio"), SpeakerScaler(), TableClassifier(LogisticRegression()))
    for branches in ([("text", text), ("audio", audio)], audio[1:]):
        model = make_pipeline(SelectViews(["audio", "text"]), LateFusionClassifier(branches)).fit(train, y)
        assert speaker_policies(model, test).tolist() == ["self"] * 14
        assert speaker_policies(model, test.iloc[:5]).tolist() == ["train"] * 5
