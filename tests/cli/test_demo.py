"""Parts of ``ferfusion demo``; the whole takes a minute."""

from __future__ import annotations

import json

import soundfile

from ferfusion.cli import demo
from ferfusion.corpora import make_corpus


def test_features_are_computed_once(small_corpus):
    part = small_corpus.select(small_corpus.X.index[:10])
    corpus = demo._with_features(part, 1, verbose=False)
    assert corpus.views == ["visual_au", "audio_egemaps", "audio_compare"]


def test_new_recording(tmp_path):
    row = demo._new_recording(tmp_path, 0)
    assert "speaker" not in row.columns
    assert row.attrs["emotion"] in ("anger", "fear", "happiness", "neutral", "sadness")
    assert soundfile.info(row["audio"].iloc[0]).duration > 0.3


def test_on_a_small_corpus(call, tmp_path, monkeypatch):
    monkeypatch.setattr(
        demo,
        "make_corpus",
        lambda seed=0, **given: make_corpus(**{"n_speakers": 4, "n_utterances": 40, **given}, seed=seed),
    )
    monkeypatch.setattr(demo, "_CONTENDERS", demo._CONTENDERS[2:])
    monkeypatch.setattr(demo, "_with_features", lambda corpus, workers, verbose: corpus.select(corpus.X.index))
    monkeypatch.setattr(demo, "_FUSED", "baseline_early")
    contenders = tuple((title, "baseline_early", ["visual", "text"]) for title, _, _ in demo._CONTENDERS)
    monkeypatch.setattr(demo, "_CONTENDERS", contenders)
    made = demo.make_system
    monkeypatch.setattr(
        demo, "make_system", lambda key, views=None, **given: made(key, views=views or ["visual", "text"], **given)
    )
    summary = call("demo", "--out", tmp_path, "-j", 1, "--json").json
    assert list(summary["uar"]) == ["face alone", "early fusion", "late fusion"]
    assert json.loads((tmp_path / "evaluation.json").read_text())["system"] == "late fusion"
    assert (tmp_path / "model.skops").is_file()
    assert (tmp_path / "report.html").is_file()
    text = call("demo", "--out", tmp_path, "-j", 1).text
    assert "Not people." in text
    assert "leave one speaker out" in text
    assert "try: ferfusion predict" in text
