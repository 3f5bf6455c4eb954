"""The commands that judge, train, extract and list."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ferfusion import __version__, list_systems, load_model
from ferfusion.base.errors import (
    CorpusError,
    FerfusionError,
    LearntViewError,
    ModelFileError,
    ProtocolError,
    UnknownNameError,
)
from ferfusion.cli.common import jobs_of, open_system, store_path
from ferfusion.corpora import read_manifest
from ferfusion.evaluation import Evaluation, evaluate
from ferfusion.persistence import read_metadata

EARLY = ("--system", "baseline_early", "--views", "visual", "--jobs", 1)


@pytest.fixture(scope="module")
def results(call, manifest, tmp_path_factory):
    """Folder and printed summary of one run."""
    out = tmp_path_factory.mktemp("results") / "early"
    return out, call("run", *EARLY, "-c", manifest, "-o", out, "--json").json


@pytest.mark.parametrize(
    "command", ["demo", "run", "train", "predict", "export", "extract", "systems", "corpora", "report", "compare"]
)
def test_help_shows_an_example(call, command):
    assert f"ferfusion {command}" in call(command, "--help").out.split("Usage:")[1].split("\n", 1)[1]


def test_overview(call):
    text = call("--help").out
    for command in ("demo", "run", "train", "predict", "export", "extract", "systems", "corpora", "report"):
        assert command in text
    assert "Exit codes" in text
    assert call("--version").out.strip() == __version__
    assert "No such command" in call("rnu", code=2).err
    assert "Missing option" in call("run", "-c", "emodb", code=2).err


def test_systems(call):
    assert [row["key"] for row in call("systems", "--json").json] == list_systems().index.tolist()
    assert "baseline_late" in call("systems").out
    card = call("systems", "baseline_late", "--json").json
    assert (card["fusion"], card["citation"][0]) == ("decision", "@")
    text = call("systems", "baseline_late").text
    assert "they meet at: decision" in text
    assert "rule: product" in text
    with pytest.raises(UnknownNameError, match="Did you mean 'baseline_late'"):
        call("systems", "baseline_lte")


def test_run(results, manifest):
    folder, summary = results
    result = evaluate(
        open_system("baseline_early", "visual", None, store=None, jobs=1, seed=0, strict=False),
        read_manifest(manifest),
        verbose=False,
    )
    assert summary["scores"]["uar"]["value"] == pytest.approx(result.scores.loc["uar", "value"], abs=1e-6)
    assert summary["views"] == ["visual_au"]
    assert summary["protocol"]["n_folds"] == 4
    assert summary["out"] == str(folder)
    assert (folder / "report.html").is_file()
    found = Evaluation.load(folder).predictions
    pd.testing.assert_frame_equal(found, result.predictions, check_dtype=False, rtol=1e-9)


def test_run_goes_on_where_it_was(call, results, manifest, tmp_path):
    folder = shutil.copytree(results[0], tmp_path / "copy")
    kept = sorted((folder / "folds").rglob("*.json"))
    assert len(kept) == 4
    facts = json.loads(kept[0].read_text())
    kept[0].write_text(json.dumps({**facts, "fit_s": 1234.5}))
    call("run", *EARLY, "-c", manifest, "-o", folder)
    assert 1234.5 in pd.read_csv(folder / "folds.csv")["fit_s"].tolist()


def test_run_prints_the_protocol(call, manifest, tmp_path):
    text = call("run", *EARLY, "-c", manifest).text
    assert "protocol: leave one speaker out (4 folds); 40 utterances, 5 emotions (UAR by chance 0.200)" in text
    assert "Speaker scaling 'self'" in text
    folds = tmp_path / "folds.csv"
    ids = pd.read_csv(manifest)["id"]
    pd.DataFrame({"id": ids, "fold": ["a", "b"] * 20}).to_csv(folds, index=False)
    unscaled = call("run", *EARLY, "-c", manifest, "-p", folds, "--set", "speaker_scaling=none").text
    assert "folds of folds.csv (2 folds), SPEAKERS OVERLAP between training and test" in unscaled
    assert "Speaker scaling" not in unscaled


def test_run_chooses_columns(call, manifest, tmp_path):
    text = call("run", *EARLY, "-c", manifest, "--select", "anova:3", "-o", tmp_path / "out").text
    assert "Columns were chosen inside each training part: 3 of " in text
    assert (pd.read_csv(tmp_path / "out" / "selected.csv").iloc[:, 1:].sum() == 3).all()
    with pytest.raises(FerfusionError, match="anvoa"):
        call("run", *EARLY, "-c", manifest, "--select", "anvoa:3")


def test_systems_without_a_choice_of_columns_take_none(monkeypatch):
    monkeypatch.setattr("ferfusion.cli.common.system_modules", lambda: {"plain": SimpleNamespace(make=lambda: None)})
    with pytest.raises(FerfusionError, match="'plain' has no choice of columns"):
        open_system("plain", None, None, store=None, jobs=1, seed=0, strict=False, select="anova")


def test_compare(call, results, manifest, tmp_path):
    other = tmp_path / "plain"
    call("run", *EARLY, "-c", manifest, "-o", other, "--set", "speaker_scaling=none")
    text = call("compare", results[0], other, "-o", tmp_path / "pairs").text
    assert "early - plain" in text
    assert "leave one speaker out (4 folds)" in text
    assert "Only 4 speakers" in text
    found = call("compare", results[0], other, "--json").json
    assert found["ranks_over"] == "4 speakers"
    pairs = pd.read_csv(tmp_path / "pairs" / "pairs.csv")
    assert pairs["difference"].iloc[0] == pytest.approx(found["pairs"][0]["difference"], abs=1e-6)
    assert (tmp_path / "pairs" / "ranks.svg").read_text().startswith("<?xml")
    with pytest.raises(FerfusionError, match="two evaluations at least"):
        call("compare", results[0])


def test_run_lists_what_was_left_out(call, manifest, tmp_path):
    table = pd.read_csv(manifest)
    table["audio"] = [str(manifest.parent / path) for path in table["audio"]]
    table.loc[:11, "emotion"] = None
    path = tmp_path / "gaps.csv"
    table.to_csv(path, index=False)
    text = call("run", *EARLY, "-c", path).text
    assert "12 faults in recordings or rows" in text
    assert "and 2 more, all in left_out.csv" in text
    assert len(call("run", *EARLY, "-c", path, "--json").json["left_out"]) == 12
    with pytest.raises(FerfusionError, match="no label"):
        call("run", *EARLY, "-c", path, "--strict")


def test_report(call, results, tmp_path):
    folder = shutil.copytree(results[0], tmp_path / "copy")
    (folder / "report.html").unlink()
    assert "leave one speaker out" in call("report", folder).text
    assert (folder / "report.html").is_file()
    page = tmp_path / "page.html"
    made = call("report", folder, "-o", page, "--json").json
    assert made["report"] == str(page)
    assert made["n_utterances"] == 40
    assert page.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")
    with pytest.raises(FerfusionError, match="holds no evaluation"):
        call("report", tmp_path)


def test_train(call, manifest, tmp_path):
    path = tmp_path / "deep" / "mine.skops"
    made = call("train", *EARLY, "-c", manifest, "-o", path, "-p", "speaker", "--json").json
    assert made["model"] == str(path)
    sidecar = read_metadata(path)
    assert sidecar["trained_on"]["n_utterances"] == 40
    assert sidecar["trained_on"]["checksum"] == read_manifest(manifest).checksum()
    assert sidecar["scores"]["protocol"]["name"] == "speaker"
    assert sidecar["card"]["key"] == sidecar["system"] == "baseline_early"
    corpus = read_manifest(manifest)
    model = open_system("baseline_early", "visual", None, store=None, jobs=1, seed=0, strict=False)
    np.testing.assert_allclose(
        load_model(path).predict_proba(corpus.X), model.fit(corpus.X, corpus.y).predict_proba(corpus.X)
    )
    text = call("train", *EARLY, "-c", manifest, "-o", path, "-p", "speaker").text
    assert "trained baseline_early on 40 utterances of manifest" in text
    assert "leave one speaker out" in text
    with pytest.raises(ModelFileError, match=r"ends in \.skops or \.joblib"):
        call("train", *EARLY, "-c", manifest, "-o", tmp_path / "model.pkl")


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["-s", "baseline_erly"], UnknownNameError, "Did you mean 'baseline_early'"),
        (["-c", "emobd"], UnknownNameError, "Unknown corpus 'emobd'. Did you mean 'emodb'"),
        (["-c", "none.csv"], CorpusError, "does not exist"),
        (["-c", "emodb"], CorpusError, "set FERFUSION_DATA"),
        (["-p", "speker"], UnknownNameError, "Did you mean 'speaker'"),
        (["-p", "none.csv"], ProtocolError, "none.csv cannot be read"),
        (["--set", "classifier=svn"], UnknownNameError, "Did you mean 'svm'"),
        (["--set", "clasifier=svm"], UnknownNameError, "Did you mean 'classifier'"),
        (["--set", "classifier=3"], FerfusionError, "cannot be built so: A classifier is a name"),
        (["--set", "classifier"], FerfusionError, "--set takes name=value, not 'classifier'"),
        (["--set", "=3"], FerfusionError, "--set takes name=value"),
        (["--views", "audio_egemap"], UnknownNameError, "Did you mean 'audio_egemaps'"),
        (["--features", "none.csv"], CorpusError, "none.csv does not exist"),
    ],
    ids=lambda value: "=".join(value) if isinstance(value, list) else "",
)
def test_wrong_words(call, manifest, words, error, message):
    given = {"-s": "baseline_early", "-c": manifest, "--views": "visual"}
    given |= {words[0]: words[1]}
    with pytest.raises(error, match=message.replace(".", r"\.")):
        call("run", *[word for pair in given.items() for word in pair], "-j", 1)


def test_learnt_columns_are_refused(call, manifest, tmp_path):
    table = pd.read_csv(manifest).assign(**{"visual_au@origin": "learnt"})
    table.to_csv(tmp_path / "learnt.csv", index=False)
    with pytest.raises(LearntViewError):
        call("run", *EARLY, "-c", tmp_path / "learnt.csv")


def test_features_of_others(call, manifest, tmp_path):
    table = pd.read_csv(manifest)
    pd.DataFrame({"id": table["id"], "visual_mine__x": range(len(table))}).to_csv(tmp_path / "f.csv", index=False)
    words = ("run", "-s", "baseline_early", "-c", manifest, "--features", tmp_path / "f.csv", "-j", 1, "--json")
    found = call(*words, "--views", "visual_mine").json
    assert found["views"] == ["visual_mine"]
    assert "views 'visual_mine' joined from f.csv for 40 of 40 rows" in found["notes"]


def test_settings():
    def built(*settings, key="baseline_late"):
        return open_system(key, None, list(settings), store="/s", jobs=3, seed=7, strict=True)

    model = built("rule=mean", 'skip=["text"]', "speaker_scaling=none")
    views = model.named_steps["views"]
    assert model.named_steps["fuse"].rule == "mean"
    assert (views.skip, views.store, views.n_jobs, views.on_error) == (["text"], "/s", 3, "raise")
    assert "speaker" not in model.named_steps
    assert built(key="baseline_early").named_steps["classify"].estimator.random_state == 7
    assert built("random_state=1", key="baseline_early").named_steps["classify"].estimator.random_state == 1


def test_defaults(monkeypatch, tmp_path):
    assert jobs_of(3) == 3
    assert jobs_of(0) >= 1
    assert store_path(tmp_path, no_store=True) is None
    assert store_path(tmp_path, no_store=False) == str(tmp_path)
    monkeypatch.setenv("FERFUSION_STORE", "/else")
    assert store_path(None, no_store=False) == "/else"
    monkeypatch.delenv("FERFUSION_STORE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store_path(None, no_store=False).endswith("features")
