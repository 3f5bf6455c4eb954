"""Table in, table with views out."""

from __future__ import annotations

import os
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest
from joblib.externals.loky import get_reusable_executor
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from ferfusion.base.classifier import TableClassifier
from ferfusion.base.errors import (
    AudioError,
    FeatureError,
    FerfusionError,
    TableError,
    UnknownNameError,
    ViewConflictError,
)
from ferfusion.base.table import LEARNT, columns_of, features_of, frames_of, learnt_views, views_of
from ferfusion.corpora import make_corpus
from ferfusion.features.audio.opensmile import OpenSmile
from ferfusion.features.extractor import Extractor
from ferfusion.features.store import FeatureStore
from ferfusion.features.text.ngrams import TextNgrams
from ferfusion.features.views import Views

LEVELS = [0.5, 0.4, 0.3, 0.2]
NAMES = ["audio_c__peak", "audio_c__mean", "audio_c__n"]


@pytest.fixture
def table(write, tone):
    return pd.DataFrame(
        {
            "audio": [write(f"{i}.wav", tone(level=level)) for i, level in enumerate(LEVELS)],
            "text": ["so happy", "so sad", None, "so what"],
            "speaker": ["s1", "s1", "s2", "s2"],
        },
        index=["u1", "u2", "u3", "u4"],
    )


@pytest.fixture
def counted(counting):
    """Views of the counting extractor."""

    def make(scale=1.0, **parameters):
        return Views([("audio_c", counting.Counting(str(counting.folder), scale))], **parameters)

    return make


class Faces(Extractor):
    modality = "visual"

    def feature_names(self):
        return ["a"]


def test_features_are_those_of_the_extractor(table, counted, calls):
    before = table.copy(deep=True)
    views = counted()
    out = views.fit_transform(table)
    pd.testing.assert_frame_equal(table, before)
    assert calls() == 4
    np.testing.assert_allclose(out["audio_c__peak"], LEVELS, atol=1e-3)
    assert out["audio_c__n"].tolist() == [3200] * 4
    assert (out[NAMES].dtypes == np.float32).all()
    pd.testing.assert_frame_equal(out[["audio", "text", "speaker"]], table)
    assert views.views_ == ["audio_c"]
    assert views.left_out_ == {}
    assert views.columns_ == {"audio_c": NAMES}
    assert views.get_feature_names_out().tolist() == NAMES
    pd.testing.assert_frame_equal(views.transform(table), out)
    assert learnt_views(out) == []


def test_existing_view_is_not_extracted_again(table, counted, calls):
    out = counted().fit_transform(table)
    calls()
    views = counted()
    pd.testing.assert_frame_equal(views.fit_transform(out), out)
    pd.testing.assert_frame_equal(views.transform(out), out)
    assert calls() == 0


def test_features_of_somebody_else_are_kept(table, counted, calls):
    given = table.assign(audio_c__other=[1.0, 2.0, np.nan, 4.0])
    views = counted()
    out = views.fit_transform(given)
    assert calls() == 0
    np.testing.assert_array_equal(out["audio_c__other"], [1, 2, np.nan, 4])
    assert views.columns_ == {"audio_c": ["audio_c__other"]}


def test_cached_features_need_no_recordings(table, counted, calls):
    out = counted().fit_transform(table)
    for path in table["audio"]:
        os.unlink(path)
    calls()
    same = counted().fit_transform(out)
    np.testing.assert_array_equal(features_of(same), features_of(out))
    assert features_of(counted().fit_transform(out.drop(columns="audio"))).tolist() == features_of(out).tolist()


def test_other_parameters_are_a_conflict(table, counted):
    out = counted().fit_transform(table)
    with pytest.raises(ViewConflictError, match=r"'audio_c' already, made by other parameters than Counting\("):
        counted(scale=2.0).fit(out)
    with pytest.raises(ViewConflictError):
        counted(scale=2.0).extract(out)


def test_learnt_values_are_a_conflict(table, counted):
    out = counted().fit_transform(table)
    out["audio_c@origin"] = LEARNT  # scaled, for example
    with pytest.raises(ViewConflictError, match="Drop its columns"):
        counted().fit(out)


def test_changed_recording_is_computed_again_alone(table, counted, calls, write, tone):
    out = counted().fit_transform(table)
    calls()
    out.loc["u2", "audio"] = write("new.wav", tone(level=0.9))  # another path
    write("2.wav", tone(level=0.7))  # the same path, other content
    path = out.loc["u3", "audio"]
    os.utime(path, ns=(os.stat(path).st_atime_ns, os.stat(path).st_mtime_ns + 1))
    again = counted().fit_transform(out)
    assert calls() == 2
    np.testing.assert_allclose(again["audio_c__peak"], [0.5, 0.9, 0.7, 0.2], atol=1e-3)
    pd.testing.assert_frame_equal(counted().fit_transform(again), again)
    assert calls() == 0


def test_moved_recording_is_the_same(table, counted, calls, tmp_path):
    out = counted().fit_transform(table)
    calls()
    out.loc["u1", "audio"] = shutil.move(out.loc["u1", "audio"], str(tmp_path / "elsewhere.wav"))
    counted().fit_transform(out)
    assert calls() == 0


def test_changed_segment_is_computed_again(table, counted, calls):
    out = counted().fit_transform(table)
    calls()
    out["start"] = [np.nan, 0.1, np.nan, np.nan]
    assert counted().fit_transform(out)["audio_c__n"].tolist() == [3200, 1600, 3200, 3200]
    assert calls() == 1


def test_new_rows_are_computed_alone(table, counted, calls):
    out = counted().fit_transform(table.iloc[:3])
    calls()
    both = pd.concat([out, table.iloc[3:]])
    np.testing.assert_allclose(counted().fit_transform(both)["audio_c__peak"], LEVELS, atol=1e-3)
    assert calls() == 1


class Length(Extractor):
    modality = "text"
    asked: list = []

    def feature_names(self):
        return ["length"]

    def compute(self, source):
        type(self).asked.append(source)
        return np.array([len(source)])


def test_changed_text_is_computed_again_alone(table):
    Length.asked = []
    views = Views([("text_n", Length())])
    out = views.fit_transform(table)
    np.testing.assert_array_equal(out["text_n__length"], [8, 6, np.nan, 7])
    out.loc["u2", "text"] = "not so sad"
    out.loc["u3", "text"] = "ah"
    again = views.fit_transform(out)
    np.testing.assert_array_equal(again["text_n__length"], [8, 10, 2, 7])
    assert Length.asked == ["so happy", "so sad", "so what", "not so sad", "ah"]


class HowMany(Extractor):
    """Number of words: out of a column that is not its modality's."""

    modality = "text"
    source = "words"

    def feature_names(self):
        return ["n"]

    def compute(self, source):
        return np.array([len(source)])


def test_another_column_than_that_of_the_modality(table):
    views = Views([("text_n", HowMany())])
    with pytest.raises(FeatureError, match="text_n: no row has words"):
        views.fit(table)
    so, much = {"word": "so", "start": 0.0}, {"word": "much", "start": 0.5}
    table["words"] = [[so], [so, much], None, []]
    out = views.fit_transform(table)
    np.testing.assert_array_equal(out["text_n__n"], [1, 2, np.nan, np.nan])
    out["text"] = "something else"
    pd.testing.assert_frame_equal(views.fit_transform(out), out)
    out["words"] = [[so, much], [so, much], [so], None]
    np.testing.assert_array_equal(views.fit_transform(out)["text_n__n"], [2, 2, 1, np.nan])
    without = views.fit_transform(out.drop(columns=["words"]))  # no words, nothing to compare with
    np.testing.assert_array_equal(without["text_n__n"], out["text_n__n"])


def test_features_of_another_shape(table, counted):
    out = counted().fit_transform(table)
    out.loc["u1", "audio"] = out.loc["u2", "audio"]
    with pytest.raises(TableError, match="has other features than Counting"):
        counted().fit_transform(out.drop(columns="audio_c__mean"))


def test_unreadable_recordings_are_reported_and_the_rest_go_on(table, counted, tmp_path):
    (tmp_path / "text.wav").write_text("no sound at all")
    table.loc["u2", "audio"] = str(tmp_path / "text.wav")
    table.loc["u3", "audio"] = str(tmp_path / "no.wav")
    table.loc["u4", "audio"] = None
    views = counted()
    with pytest.warns(UserWarning, match=r"2 recordings could not be used .*: 'u2', 'u3'\. .*'u2' .*text\.wav") as said:
        out = views.fit_transform(table)
    assert len(said) == 1
    assert out["audio_c__peak"].isna().tolist() == [False, True, True, True]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, faults = views.extract(table)
    assert faults[["id", "view"]].to_numpy().tolist() == [["u2", "audio_c"], ["u3", "audio_c"]]
    assert "no.wav" in faults["fault"][1]
    assert "does not exist" in faults["fault"][1]
    with pytest.warns(UserWarning, match="2 recordings"):
        views.transform(table)


def test_unreadable_recording_stops_all_on_request(table, counted, tmp_path):
    table.loc["u3", "audio"] = str(tmp_path / "no.wav")
    with pytest.raises(AudioError, match=r"'u3' \(.*no\.wav\) does not exist"):
        counted(on_error="raise").fit(table)
    views = counted(on_error="raise").fit(table.drop("u3"))
    with pytest.raises(AudioError, match="'u3'"):
        views.transform(table)
    with pytest.raises(UnknownNameError, match=r"'raises'\. Did you mean 'raise'"):
        counted(on_error="raises").fit(table)


def test_recording_that_was_missing_is_found_later(table, counted, calls, tmp_path, write, tone):
    table.loc["u3", "audio"] = str(tmp_path / "later.wav")
    with pytest.warns(UserWarning, match="'u3'"):
        out = counted().fit_transform(table)
    write("later.wav", tone(level=0.6))
    calls()
    again = counted().fit_transform(out)
    assert calls() == 1
    assert again.loc["u3", "audio_c__peak"] == pytest.approx(0.6, abs=1e-3)


def test_nothing_can_be_read(table, counted, tmp_path):
    table["audio"] = [str(tmp_path / f"no{i}.wav") for i in range(4)]
    with (
        pytest.warns(UserWarning, match="4 recordings"),
        pytest.raises(FeatureError, match=r"No view can be used \(audio_c: no row could be computed\)"),
    ):
        counted().fit(table)


def test_learning_views_learn_from_the_rows_of_fit(table):
    views = Views([("text_t", TextNgrams(words=(1, 1), min_texts=1))]).fit(table.iloc[:3])
    assert views.columns_ == {"text_t": ["text_t__happy", "text_t__sad", "text_t__so"]}
    out = views.transform(table)
    by_hand = TextNgrams(words=(1, 1), min_texts=1).fit(["so happy", "so sad"]).transform(["so what"])
    np.testing.assert_array_equal(out.loc[["u4"], views.columns_["text_t"]], by_hand)
    assert out.loc["u3", views.columns_["text_t"]].isna().all()  # missing text is missing, not empty
    assert learnt_views(out) == ["text_t"]


def test_extract_learns_nothing(table, counted):
    views = Views([*counted().views, ("text_t", TextNgrams())])
    out, faults = views.extract(table)
    assert views_of(out) == ["audio_c"]
    assert faults.empty
    assert not hasattr(views, "views_")


def test_given_extractors_are_not_touched(table):
    extractor = TextNgrams()
    Views([("text_t", extractor)]).fit(table)
    assert not hasattr(extractor, "vectorizer_")


def test_view_missing_at_predict_time_is_missing_columns(table, counted):
    views = Views([*counted().views, ("text_t", TextNgrams(words=(1, 1), min_texts=1))]).fit(table)
    out = views.transform(table[["speaker"]])
    assert columns_of(out, ["audio_c"]) == NAMES
    assert columns_of(out, ["text_t"]) == views.columns_["text_t"]
    assert out[views.get_feature_names_out()].isna().all(axis=None)
    no_text = views.transform(table.drop(columns="text"))
    assert no_text[NAMES].notna().all(axis=None)
    assert no_text[views.columns_["text_t"]].isna().all(axis=None)


def test_views_that_fit_did_not_know_are_dropped(table, counted):
    views = counted().fit(table)
    out = views.transform(table.assign(visual_au__x=1.0))
    assert views_of(out) == ["audio_c"]


def test_view_with_fewer_features_at_predict_time(table):
    views = Views([]).fit(table.assign(visual_au__x=1.0, visual_au__y=2.0))
    with pytest.raises(FeatureError, match=r"'visual_au' lacks 1 features that it had in training: 'visual_au__y'"):
        views.transform(table.assign(visual_au__x=1.0))


def test_given_views_pass_through(table, counted):
    views = counted().fit(table.assign(visual_au__x=1.0))
    assert views.views_ == ["audio_c", "visual_au"]
    assert views.transform(table)["visual_au__x"].isna().all()


@pytest.mark.parametrize(
    ("only", "skip", "used", "reason"),
    [
        (None, (), ["audio_c", "text_t", "visual_au"], {}),
        (["audio"], (), ["audio_c"], {"text_t": "not asked for", "visual_au": "not asked for"}),
        ("text", (), ["text_t"], {"audio_c": "not asked for", "visual_au": "not asked for"}),
        (["visual_au", "audio_c"], (), ["audio_c", "visual_au"], {"text_t": "not asked for"}),
        (None, ["text"], ["audio_c", "visual_au"], {"text_t": "left out by name"}),
        (None, "visual_au", ["audio_c", "text_t"], {"visual_au": "left out by name"}),
        (None, ["no_such"], ["audio_c", "text_t", "visual_au"], {}),
    ],
)
def test_only_and_skip(table, counted, calls, only, skip, used, reason):
    given = table.assign(visual_au__x=1.0)
    named = [*counted().views, ("text_t", TextNgrams())]
    views = Views(named, only=only, skip=skip)
    out = views.fit_transform(given)
    assert views.views_ == used
    assert views.left_out_ == reason
    assert set(views_of(out)) == set(used)
    assert calls() == (4 if "audio_c" in used else 0)


def test_asked_for_in_vain(table, counted):
    with pytest.raises(FeatureError, match="'audio' was asked for, but no row has audio"):
        counted(only=["audio"]).fit(table.drop(columns="audio").assign(visual_au__x=1.0))
    with pytest.raises(UnknownNameError, match=r"Unknown view 'audio_d'\. Did you mean 'audio_c'"):
        counted(only=["audio_d"]).fit(table)


def test_modality_that_is_not_there_is_left_out(table, counted):
    views = Views([*counted().views, ("text_t", TextNgrams())]).fit(table.drop(columns="audio"))
    assert views.views_ == ["text_t"]
    assert views.left_out_ == {"audio_c": "no row has audio"}
    with pytest.raises(FeatureError, match=r"No view can be used \(audio_c: no row has audio\)"):
        counted().fit(table[["speaker"]])
    with pytest.raises(FeatureError, match="none was named and the table has none"):
        Views([]).fit(table)


@pytest.mark.parametrize("name", ["egemaps", "sound_egemaps", "audio", "audio__egemaps", "audio_a__b"])
def test_bad_names(table, name):
    with pytest.raises(FeatureError, match=rf"'<modality>_<name>' .* not '{name}'"):
        Views([(name, TextNgrams())]).fit(table)


def test_extractor_of_unknown_material(table):
    with pytest.raises(UnknownNameError, match="'visual'"):
        Views([("visual_f", Faces())]).fit(table)


@pytest.mark.parametrize("how", ["parameter", "environment"])
def test_store(table, counted, calls, tmp_path, monkeypatch, how):
    path = tmp_path / "store"
    if how == "environment":
        monkeypatch.setenv("FERFUSION_STORE", str(path))
    parameters = {"store": str(path)} if how == "parameter" else {}
    out = counted(**parameters).fit_transform(table)
    assert calls() == 4
    pd.testing.assert_frame_equal(counted(**parameters).fit_transform(table), out)
    assert calls() == 0
    (row,) = FeatureStore(path).status()
    assert row["n_sources"] == 4
    assert row["about"]["extractor"] == "counting_extractor.Counting"


def test_parameter_goes_before_the_environment(table, counted, tmp_path, monkeypatch):
    monkeypatch.setenv("FERFUSION_STORE", str(tmp_path / "environment"))
    counted(store=str(tmp_path / "parameter")).fit(table)
    assert not (tmp_path / "environment").exists()
    assert FeatureStore(tmp_path / "parameter").status()[0]["n_sources"] == 4


def test_learnt_values_are_never_stored(table, tmp_path):
    Views([("text_t", TextNgrams())], store=str(tmp_path / "store")).fit_transform(table)
    assert not (tmp_path / "store").exists()


def test_store_that_cannot_be_used(table, counted, tmp_path):
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match=r"feature store .*file cannot be used .* nothing is stored"):
        out = counted(store=str(tmp_path / "file")).fit_transform(table)
    assert out["audio_c__peak"].notna().all()


def test_same_content_is_computed_once(table, counted, calls, tmp_path):
    table["audio"] = [shutil.copy(table.loc["u1", "audio"], tmp_path / f"copy{i}.wav") for i in range(4)]
    out = counted().fit_transform(table)
    assert calls() == 1
    assert out["audio_c__peak"].nunique() == 1


def test_arrays(counted, tone):
    corpus = make_corpus(n_speakers=1, n_utterances=3, views=("audio",))
    out = counted().fit_transform(corpus.X)
    np.testing.assert_allclose(out["audio_c__peak"], [np.abs(a).max() for a in corpus.X["audio"]])
    assert all(a is b for a, b in zip(out["audio"], corpus.X["audio"], strict=True))


def test_frames(table, counting, calls, tmp_path):
    table["start"] = [np.nan, 0.1, np.nan, np.nan]
    table.loc["u3", "audio"] = None
    store = str(tmp_path / "store")
    named = [("audio_f", counting.CountingFrames(str(counting.folder)))]
    views = Views(named, store=store)
    out = views.fit_transform(table)
    frames = frames_of(out, "audio_f")
    assert [None if f is None else f.shape for f in frames] == [(2, 2), (1, 2), None, (2, 2)]
    np.testing.assert_allclose(frames[3], [[0, 0.2], [1, 0.2]], atol=1e-3)
    assert views.get_feature_names_out().tolist() == ["audio_f__frames"]
    assert calls() == 3
    # stored, found again, and one changed row computed alone
    for again in (Views(named, store=store).fit_transform(table), Views(named).fit_transform(out)):
        for a, b in zip(frames, frames_of(again, "audio_f"), strict=True):
            np.testing.assert_array_equal(a, b)
    assert calls() == 0
    out.loc["u2", "start"] = np.nan
    changed = frames_of(Views(named).fit_transform(out), "audio_f")
    assert calls() == 1
    assert changed[1].shape == (2, 2)
    assert frames_of(views.transform(table[["speaker"]]), "audio_f") == [None] * 4


def test_opensmile_frames():
    corpus = make_corpus(n_speakers=1, n_utterances=2, views=("audio",))
    extractor = OpenSmile(level="lld")
    out = Views([("audio_lld", extractor)]).fit_transform(corpus.X)
    for signal, frames in zip(corpus.X["audio"], frames_of(out, "audio_lld"), strict=True):
        np.testing.assert_array_equal(frames, extractor.process(signal, 16000))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_jobs(table, counted, n_jobs):
    out = counted(n_jobs=n_jobs, verbose=False).fit_transform(table)
    np.testing.assert_allclose(out["audio_c__peak"], LEVELS, atol=1e-3)


def test_parameters_and_clone(counted, tmp_path):
    views = counted(store=str(tmp_path), skip=["text"])
    parameters = clone(views).get_params()
    assert parameters["store"] == str(tmp_path)
    assert parameters["skip"] == ["text"]
    assert parameters["on_error"] == "report"
    assert parameters["views"][0][1].get_params() == views.views[0][1].get_params()
    assert clone(views).set_params(store=None).store is None


def test_grammar_is_checked(table, counted):
    with pytest.raises(TableError, match="more than once: 'u1'"):
        counted().fit(pd.concat([table, table.iloc[:1]]))
    with pytest.raises(TableError, match="more than once: 'u1'"):
        counted().fit(table).transform(pd.concat([table, table.iloc[:1]]))
    with pytest.raises(FerfusionError):
        counted().fit([1, 2])


def test_search_reads_each_recording_once(counted, calls, write, tone, tmp_path):
    rng = np.random.default_rng(0)
    levels = np.round(np.tile([0.2, 0.8], 6) + np.arange(12) / 1000 + rng.uniform(0, 1e-4, 12), 5)
    X = pd.DataFrame(
        {
            "audio": [write(f"{i}.wav", tone(level=level), subtype="FLOAT") for i, level in enumerate(levels)],
            "speaker": np.repeat(["s1", "s2", "s3"], 4),
        }
    )
    y = np.tile(["calm", "anger"], 6)
    model = make_pipeline(counted(store=str(tmp_path / "store")), TableClassifier(LogisticRegression()))
    grid = {"tableclassifier__estimator__C": [0.1, 1.0, 10.0, 100.0]}
    get_reusable_executor().shutdown(wait=True)  # workers that began before the extractor was importable
    search = GridSearchCV(model, grid, cv=3, n_jobs=2, error_score="raise").fit(X, y)
    get_reusable_executor().shutdown(wait=True)
    assert len(search.cv_results_["params"]) == 4
    assert (search.predict(X) == y).all()
    assert calls() == 12
