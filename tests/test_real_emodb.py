"""The main job on real German speech: the whole of EMO-DB."""

import json
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from joblib.externals.loky import get_reusable_executor
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold
from typer.testing import CliRunner

from ferfusion import load_corpus
from ferfusion.cli.main import app
from ferfusion.context import SpeakerScaler
from ferfusion.evaluation import Evaluation
from ferfusion.fusion import make_early


@pytest.fixture(scope="module")
def emodb(corpus_folder):
    return load_corpus("emodb", corpus_folder("emodb"))


@pytest.fixture(scope="module")
def judged(emodb, tmp_path_factory):
    out = tmp_path_factory.mktemp("emodb")
    words = [
        "run",
        "--system",
        "baseline_early",
        "--corpus",
        "emodb",
        "--data",
        str(emodb.root),
        "--protocol",
        "speaker",
    ]
    done = CliRunner().invoke(app, [*words, "--out", str(out), "--jobs", "1", "--store", str(out / "store")])
    assert done.exit_code == 0, done.output
    return done.output, Evaluation.load(out), out


def test_early_fusion_reaches_what_it_should_on_held_out_speakers(judged):
    output, result, out = judged
    assert len(result.predictions) == 535
    assert result.protocol["n_folds"] == 10
    assert result.protocol["speakers_overlap"] is False
    assert result.scores.loc["uar", "value"] >= 0.85
    # figures of the fixed sentences' words would be figures of nothing
    assert result.views == ["audio_egemaps", "audio_compare"]
    assert "unlabelled recordings of the test speaker were used" in " ".join(output.split())
    assert "leave one speaker out" in output
    assert (out / "report.html").is_file()
    proba = result.predictions[[f"p_{name}" for name in result.classes]]
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)


def test_features_are_stored_once_a_recording(judged):
    _, _, out = judged
    done = CliRunner().invoke(app, ["extract", "--status", "--store", str(out / "store"), "--json"])
    held = json.loads(done.stdout)["views"]
    assert sorted(view["n_sources"] for view in held) == [535, 535]


def test_what_was_scored_is_what_is_saved(judged, emodb, tmp_path):
    """A model fitted on nine speakers, saved, loaded and asked about the tenth gives the predictions of the run."""
    from ferfusion import load_model, make_system, save_model

    _, result, out = judged
    system = make_system("baseline_early", skip=("text",), store=str(out / "store"))
    held_out = (emodb.X["speaker"] == "13").to_numpy()
    system.fit(emodb.X[~held_out], emodb.y[~held_out])
    loaded = load_model(save_model(system, tmp_path / "model.skops"))
    loaded.set_params(views__store=str(out / "store"))
    columns = [f"p_{name}" for name in result.classes]
    X = emodb.X[held_out]
    np.testing.assert_array_equal(loaded.predict_proba(X), system.predict_proba(X))
    expected = result.predictions.loc[X.index]
    assert (loaded.predict(X) == expected["predicted"]).all()
    # the run fits on one thread; with another number of them sums are rounded otherwise
    np.testing.assert_allclose(loaded.predict_proba(X), expected[columns], atol=1e-3)


def test_one_recording_alone_is_scaled_by_training_statistics(judged, emodb):
    """Batches of 1 and 5 of a test speaker score what training statistics score; all rows score more."""
    from ferfusion import make_system

    _, _, out = judged
    system = make_system("baseline_early", views=["audio_egemaps"], store=str(out / "store"))
    held_out = (emodb.X["speaker"] == "16").to_numpy()
    X, y = emodb.X[held_out], emodb.y[held_out]
    system.fit(emodb.X[~held_out], emodb.y[~held_out])

    def batches(size):
        return np.concatenate([system.predict(X.iloc[i : i + size]) for i in range(0, len(X), size)])

    unnamed = system.predict(X.drop(columns="speaker"))
    assert (batches(1) == unnamed).all()
    assert (batches(5) == unnamed).all()
    assert (system.predict(X) == y).mean() > (unnamed == y).mean()


COUNTING = '''
import os, uuid
from pathlib import Path
import numpy as np
from ferfusion.features import AudioExtractor

class Loudness(AudioExtractor):
    """Level and spread, and a file for every recording that was read."""

    def __init__(self, sampling_rate=16000, channel=0):
        self.sampling_rate = sampling_rate
        self.channel = channel

    def feature_names(self):
        return ["level", "spread"]

    def compute(self, source):
        (Path(os.environ["COUNTED"]) / f"{source.name}.{uuid.uuid4().hex}").touch()
        return super().compute(source)

    def process(self, signal, sampling_rate):
        return np.array([np.abs(signal).mean(), signal.std()])
'''


def test_a_grid_search_over_raw_speech_reads_each_recording_once(emodb, tmp_path, monkeypatch):
    (tmp_path / "counting_extractor.py").write_text(COUNTING, encoding="utf-8")
    (tmp_path / "counted").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("COUNTED", str(tmp_path / "counted"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    from counting_extractor import Loudness

    system = make_early([("audio_loudness", Loudness())], "svm")
    system.set_params(views__store=str(tmp_path / "store"))
    grid = {"classify__estimator__C": [0.1, 1.0, 10.0, 100.0]}
    get_reusable_executor().shutdown(wait=True)  # workers that began before the extractor could be imported
    with joblib.parallel_config(backend="loky"):
        search = GridSearchCV(system, grid, cv=GroupKFold(3), n_jobs=2).fit(emodb.X, emodb.y, groups=emodb.groups)
    read = pd.Series([path.name.split(".")[0] for path in (tmp_path / "counted").iterdir()])
    assert sorted(read) == sorted(emodb.X.index)
    assert len(search.cv_results_["params"]) == 4
    get_reusable_executor().shutdown(wait=True)
    del sys.modules["counting_extractor"]


def test_a_model_of_german_actors_hears_a_stereo_recording_of_another_corpus(judged, emodb, corpus_folder, tmp_path):
    _, _, out = judged
    model = str(tmp_path / "emodb.skops")
    words = [
        "train",
        "--system",
        "baseline_early",
        "--corpus",
        "emodb",
        "--data",
        str(emodb.root),
        "--views",
        "audio_egemaps",
    ]
    done = CliRunner().invoke(app, [*words, "--out", model, "--store", str(out / "store"), "--jobs", "1"])
    assert done.exit_code == 0, done.output
    stereo = corpus_folder("ravdess_original") / "Actor_01" / "03-01-02-01-01-02-01.wav"
    done = CliRunner().invoke(app, ["predict", model, str(stereo), "--json"])
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)
    assert row["emotion"] in set(emodb.y)
    assert sum(row[f"p_{name}"] for name in set(emodb.y)) == pytest.approx(1)
    assert row["speaker_scaling"] == "train"
    assert row["fault"] == ""


def test_scaling_by_speaker_is_worth_it(judged, emodb):
    """The reason for all the care: without the speaker's own recordings the same system scores less."""
    from ferfusion import evaluate, make_system

    _, result, out = judged
    plain = make_system("baseline_early", views=["audio_egemaps"], speaker_scaling="train", store=str(out / "store"))
    own = clone(plain).set_params(speaker=SpeakerScaler("self"))
    scores = [evaluate(system, emodb, verbose=False).scores.loc["uar", "value"] for system in (plain, own)]
    assert scores[1] > scores[0] + 0.05
    assert result.scores.loc["uar", "value"] > scores[1]
