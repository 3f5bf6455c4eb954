"""Speakers enrolled by unlabelled recordings: whose statistics are used, and that they travel with the model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from ferfusion import load_model, save_model
from ferfusion.base.adapters import OnFeatures, SelectViews
from ferfusion.base.classifier import TableClassifier
from ferfusion.base.errors import FeatureError, TableError
from ferfusion.context import SpeakerScaler, TransitionSmoother, enroll, speaker_policies
from ferfusion.fusion import make_early
from ferfusion.fusion.late import LateFusionClassifier

COLUMNS = ["audio_a__x", "audio_a__w"]


def make_table(sizes, seed=0):
    rng = np.random.default_rng(seed)
    speakers = [name for name, n in sizes.items() for _ in range(n)]
    level = np.array([10.0 * (ord(name[0]) - ord("a")) for name in speakers])
    X = pd.DataFrame(level[:, None] + rng.normal(size=(len(level), 2)) * [1.0, 3.0], columns=COLUMNS)
    X.index = [f"u{seed}_{i}" for i in range(len(X))]
    return X.assign(speaker=speakers)


@pytest.fixture
def train():
    return make_table({"a": 12, "b": 15})


@pytest.fixture
def known():
    """Unlabelled recordings of two new speakers."""
    return make_table({"e": 10, "f": 11}, seed=1)


@pytest.fixture
def single():
    return make_table({"e": 1, "f": 2, "g": 1}, seed=2)


def z(X, by):
    return (X[COLUMNS].to_numpy() - by[COLUMNS].mean().to_numpy()) / by[COLUMNS].std(ddof=0).to_numpy()


@pytest.mark.parametrize("mode", ["self", "train"])
def test_few_rows_are_scaled_by_what_was_enrolled(train, known, single, mode):
    scaler = SpeakerScaler(mode).fit(train)
    assert scaler.enroll(known) is scaler
    out = scaler.transform(single)[COLUMNS].to_numpy()
    np.testing.assert_allclose(out[:1], z(single.iloc[:1], known[known["speaker"] == "e"]))
    np.testing.assert_allclose(out[1:3], z(single.iloc[1:3], known[known["speaker"] == "f"]))
    np.testing.assert_allclose(out[3:], z(single.iloc[3:], train))
    assert scaler.policies(single).tolist() == ["enrolled", "enrolled", "enrolled", "train"]


def test_enough_rows_in_the_table_come_first_unless_mode_is_train(train, known):
    many = make_table({"e": 12}, seed=3)
    scaler = SpeakerScaler().fit(train).enroll(known)
    np.testing.assert_allclose(scaler.transform(many)[COLUMNS], z(many, many))
    assert set(scaler.policies(many)) == {"self"}
    scaler = SpeakerScaler("train").fit(train).enroll(known)
    np.testing.assert_allclose(scaler.transform(many)[COLUMNS], z(many, known[known["speaker"] == "e"]))
    assert set(scaler.policies(many)) == {"enrolled"}


def test_second_enrolment_replaces_that_speaker_only(train, known, single):
    newer = make_table({"e": 10}, seed=4)
    scaler = SpeakerScaler().fit(train).enroll(known).enroll(newer)
    out = scaler.transform(single)[COLUMNS].to_numpy()
    np.testing.assert_allclose(out[:1], z(single.iloc[:1], newer))
    np.testing.assert_allclose(out[1:3], z(single.iloc[1:3], known[known["speaker"] == "f"]))


def test_fit_forgets(train, known, single):
    scaler = SpeakerScaler().fit(train).enroll(known).fit(train)
    assert set(scaler.policies(single)) == {"train"}


def test_too_few_recordings(train, known, single):
    scaler = SpeakerScaler().fit(train)
    with pytest.raises(FeatureError, match="takes 10 rows with values of 'audio_a'; there are fewer of 'e'"):
        scaler.enroll(known.iloc[1:])
    assert not scaler.enrolled_  # f had enough, but nothing is done by halves
    with pytest.raises(FeatureError, match="fewer of anybody known"):
        scaler.enroll(known.assign(speaker=None))
    with pytest.raises(TableError, match="lacks the column 'speaker'"):
        scaler.enroll(known.drop(columns="speaker"))
    with pytest.raises(FeatureError, match="lacks 1 features"):
        scaler.enroll(known.drop(columns="audio_a__w"))


def test_views_are_enrolled_one_by_one(train, known, single):
    train, known, single = (X.assign(visual_b__v=np.arange(float(len(X)))) for X in (train, known, single))
    known.loc[known.index[5:10], "visual_b__v"] = np.nan  # five of ten of e have no face
    scaler = SpeakerScaler().fit(train).enroll(known)
    out = scaler.transform(single)
    np.testing.assert_allclose(out[COLUMNS].iloc[:1], z(single.iloc[:1], known.iloc[:10]))
    faces = train["visual_b__v"]
    np.testing.assert_allclose(out["visual_b__v"].iloc[0], (0 - faces.mean()) / faces.std(ddof=0))
    assert scaler.policies(single)[0] == "enrolled"


def test_feature_that_recordings_do_not_tell_is_that_of_training(train, known, single):
    known["audio_a__w"] = np.where(known["speaker"] == "e", np.nan, 7.0)  # never there for e, constant for f
    scaler = SpeakerScaler().fit(train).enroll(known)
    out = scaler.transform(single)["audio_a__w"]
    usual = train["audio_a__w"]
    values = single["audio_a__w"]
    assert out.iloc[0] == pytest.approx((values.iloc[0] - usual.mean()) / usual.std(ddof=0))
    assert out.iloc[1] == pytest.approx((values.iloc[1] - 7.0) / usual.std(ddof=0))


def branches_of(model):
    keep = SelectViews("audio")
    return LateFusionClassifier([("audio", make_pipeline(keep, *[step for _, step in model.steps]))])


@pytest.mark.parametrize("kind", ["pipeline", "branches", "smoothed"])
def test_through_a_whole_model_and_to_disk(train, known, single, tmp_path, kind):
    y = np.where(np.arange(len(train)) % 2, "calm", "anger")
    halved = OnFeatures(StandardTwice())
    model = make_pipeline(halved, SpeakerScaler(), TableClassifier(LogisticRegression()))
    model = {
        "pipeline": model,
        "branches": make_pipeline(halved, branches_of(model[1:])),
        "smoothed": TransitionSmoother(model),
    }[kind]
    model.fit(train, y)
    before = model.predict_proba(single)
    assert enroll(model, known) is model
    assert speaker_policies(model, single).tolist() == ["enrolled", "enrolled", "enrolled", "train"]
    after = model.predict_proba(single)
    assert not np.allclose(before[:3], after[:3])
    np.testing.assert_array_equal(before[3], after[3])
    # as if all recordings of the speaker had been there
    whole = pd.concat([known[known["speaker"] == "e"], single.iloc[:1]])
    inner = model[1:] if kind == "pipeline" else None
    if inner is not None:
        scaled = inner[0].transform(model[0].transform(single))[COLUMNS].iloc[:1]
        np.testing.assert_allclose(scaled, z(whole.iloc[-1:], whole.iloc[:-1]))


def test_saved_with_the_model(train, known, single, tmp_path):
    y = np.where(np.arange(len(train)) % 2, "calm", "anger")
    model = enroll(make_early(speaker_scaling="self").fit(train, y), known)
    again = load_model(save_model(model, tmp_path / "model.skops"))
    np.testing.assert_array_equal(again.predict_proba(single), model.predict_proba(single))
    assert speaker_policies(again, single).tolist() == ["enrolled", "enrolled", "enrolled", "train"]
    assert speaker_policies(enroll(again, make_table({"g": 10}, seed=6)), single)[3] == "enrolled"


def test_model_that_scales_nobody(train, known):
    model = make_early().fit(train, np.where(np.arange(len(train)) % 2, "calm", "anger"))
    with pytest.raises(FeatureError, match="scales no speakers"):
        enroll(model, known)


def test_scaler_saved_before_there_was_enrolment(train, single):
    scaler = SpeakerScaler().fit(train)
    del scaler.enrolled_
    assert set(scaler.policies(single)) == {"train"}
    assert np.isfinite(scaler.transform(single)[COLUMNS]).all(axis=None)


class StandardTwice:
    """A step before the scaler that changes what recordings look like."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return 2 * X + 1

    def get_feature_names_out(self, names):
        return names

    def get_params(self, deep=True):
        return {}
