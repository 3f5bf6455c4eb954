"""``ferfusion extract``: features to a table that is a manifest, too."""

from __future__ import annotations

import os

import pandas as pd
import pytest

from ferfusion.base.errors import FeatureError, FerfusionError, UnknownNameError
from ferfusion.corpora import load_corpus
from ferfusion.features.in_use import in_use


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_extract(call, manifest, tmp_path, ending, monkeypatch):
    monkeypatch.chdir(manifest.parent)
    out = tmp_path / "sub" / f"table.{ending}"
    made = call("extract", "-c", "manifest.csv", "--views", "audio_egemaps", "-o", out, "-j", 1, "--json").json
    assert made["views"] == ["visual_au", "audio_egemaps"]
    assert (made["rows"], made["faults"]) == (40, [])
    monkeypatch.chdir(tmp_path)
    corpus, source = load_corpus(out), load_corpus(manifest)
    assert corpus.views == ["visual_au", "audio_egemaps"]
    assert corpus.y.tolist() == source.y.tolist()
    assert corpus.validate().empty
    assert "40 rows" in call("extract", "-c", manifest, "-o", out, "-j", 1).text
    summary = call(
        "run", "-s", "baseline_early", "--views", "audio_egemaps", "-c", out, "-j", 1, "--no-store", "--json"
    )
    assert summary.json["left_out"] == []


def test_extract_of_sounds_in_memory(call, featured_corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("ferfusion.cli.common.load_corpus", lambda *given: featured_corpus)
    out = tmp_path / "table.parquet"
    call("extract", "-c", "synthetic", "--views", "audio_egemaps", "-o", out, "-j", 1, "--json")
    monkeypatch.undo()
    corpus = load_corpus(out)
    assert "audio" not in corpus.X.columns
    assert corpus.X["audio_egemaps__loudness_sma3_amean"].notna().all()
    assert call("run", "-s", "baseline_early", "--views", "audio", "-c", out, "-j", 1, "--json").json["left_out"] == []


def test_extract_reports_and_refuses(call, manifest, tmp_path):
    path = tmp_path / "one.csv"
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    path.write_text(f"id,audio\ngood,{manifest.parent / pd.read_csv(manifest)['audio'][0]}\nbad,broken.wav\n")
    out = tmp_path / "table.csv"
    words = ("extract", "-c", path, "-o", out, "-j", 1)
    assert "bad: " in call(*words).text
    assert [fault["id"] for fault in call(*words, "--json").json["faults"]] == ["bad"]
    with pytest.raises(FeatureError, match="cannot be read as sound"):
        call(*words, "--strict")
    with pytest.raises(UnknownNameError, match="Did you mean 'audio_egemaps'"):
        call(*words, "--views", "audio_egemap")
    with pytest.raises(FeatureError, match="text_tfidf learns from the corpus"):
        call(*words, "--views", "audio_egemaps,text_tfidf")
    with pytest.raises(FerfusionError, match=r"must end in \.parquet or \.csv"):
        call("extract", "-c", path, "-o", tmp_path / "table.xlsx")
    with pytest.raises(FerfusionError, match="needs --corpus and --out"):
        call("extract", "-c", path)


@pytest.fixture
def few(manifest, tmp_path):
    """Manifest of four of the recordings."""
    path = tmp_path / "few.csv"
    table = pd.read_csv(manifest).head(4)
    table.assign(audio=[str(manifest.parent / path) for path in table["audio"]]).to_csv(path, index=False)
    return path


def test_extract_status(call, few, tmp_path):
    store = tmp_path / "store"
    empty = call("extract", "--status", "--store", store, "--json").json
    assert (empty["store"], empty["views"], empty["totals"]["bytes"]) == (str(store), [], 0)
    call("extract", "-c", few, "-o", tmp_path / "t.csv", "--store", store, "-j", 1)
    held = call("extract", "--status", "--store", store, "--json").json
    (view,) = held["views"]
    assert (view["n_sources"], view["n_rows"], view["extractor"]) == (4, 4, "OpenSmile")
    assert held["totals"]["bytes"] == view["bytes"] > 0
    shown = call("extract", "--status", "--store", store)
    for word in ("OpenSmile", "feature_set", "eGeMAPSv02", "kB", "all", view["last_used"][:4]):
        assert word in shown.out
    with pytest.raises(FerfusionError, match="do not go together"):
        call("extract", "--status", "--no-store")


def test_extract_prune(call, few, tmp_path):
    store = tmp_path / "store"
    words = ("extract", "-c", few, "-o", tmp_path / "t.csv", "--store", store, "-j", 1)
    call(*words)
    (view,) = call("extract", "--status", "--store", store, "--json").json["views"]
    assert "0 B freed" in call("extract", "--prune", "1GB", "--store", store).text
    with in_use(store / view["fingerprint"]):
        assert "in use by a running process, kept" in call("extract", "--prune", "0", "--store", store).text
    pruned = call("extract", "--prune", "0", "--store", store, "--json").json
    assert pruned["pruned"]["freed"] == view["bytes"]
    assert pruned["views"] == []
    with pytest.raises(FerfusionError, match="such as '10GB'"):
        call("extract", "--prune", "much", "--store", store)
    with pytest.raises(FerfusionError, match="do not go together"):
        call("extract", "--prune", "0", "--no-store")


def test_extract_with_a_limit(call, few, tmp_path, monkeypatch):
    store, out = tmp_path / "store", tmp_path / "t.csv"
    words = ("extract", "-c", few, "-o", out, "--store", store, "-j", 1)
    monkeypatch.setenv("FERFUSION_STORE_LIMIT", "1GB")
    call(*words, "--store-limit", "1 kB")
    assert os.environ["FERFUSION_STORE_LIMIT"] == "1GB"
    assert call("extract", "--status", "--store", store, "--json").json["totals"]["bytes"] == 0  # no shard is as small
    assert "held at 1.0 GB" in call("extract", "--status", "--store", store).text
    assert len(pd.read_csv(out)) == 4
    monkeypatch.delenv("FERFUSION_STORE_LIMIT")
    call(*words, "--store-limit", "1GB")
    assert "FERFUSION_STORE_LIMIT" not in os.environ
    assert call("extract", "--status", "--store", store, "--json").json["totals"]["n_sources"] == 4
    with pytest.raises(FerfusionError, match="such as '10GB'"):
        call(*words, "--store-limit", "much")


def test_extract_on_a_cluster_that_is_not_there(call, few, tmp_path):
    pytest.importorskip("distributed")
    with pytest.raises(FerfusionError, match="No Dask scheduler answers at 'localhost:1'"):
        call("extract", "-c", few, "-o", tmp_path / "t.csv", "--dask", "localhost:1", "--no-store")
