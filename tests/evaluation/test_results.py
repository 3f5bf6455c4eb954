"""``Evaluation``: scores that follow from predictions, printed with their protocol, the same after save and load."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from ferfusion.base.errors import FerfusionError
from ferfusion.evaluation import Evaluation
from ferfusion.evaluation.metrics import confusion_counts, score_table

PROTOCOL = {
    "name": "speaker",
    "description": "leave one speaker out (3 folds)",
    "n_folds": 3,
    "speakers_overlap": False,
}


def make(classes=("anger", "none", "sadness"), speakers=("03", "10", "NA"), n=60, seed=0, **given):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(len(classes)), n)
    names = np.array(classes)
    spoken = [None] * n if speakers is None else [speakers[i % len(speakers)] for i in range(n)]
    predictions = pd.DataFrame(
        {
            "label": names[rng.integers(len(classes), size=n)],
            "predicted": names[proba.argmax(axis=1)],
            "fold": [str(speaker) for speaker in spoken],
            "speaker": spoken,
            "speaker_scaling": "none",
        },
        index=pd.Index([f"{i:03d}" for i in range(n)], name="id"),
    )
    predictions[[f"p_{name}" for name in classes]] = proba
    timing = pd.DataFrame({"fold": ["03", "NA"], "n_train": 40, "n_test": 20, "fit_s": 0.5, "predict_s": 0.1})
    left_out = pd.DataFrame([["nan", "left out: no label"]], columns=["id", "reason"])
    provenance = {"seed": 4, "versions": {"python": "3"}, "seconds": {"features": 1.0, "folds": 2.5}}
    return Evaluation(
        "mine", "corpus", PROTOCOL, predictions, timing, left_out, ["audio_x"], ["A note."], provenance, **given
    )


def assert_same(one, other):
    assert (one.system, one.corpus, one.protocol) == (other.system, other.corpus, other.protocol)
    assert (one.views, one.notes, one.provenance) == (other.views, other.notes, other.provenance)
    for name in ("predictions", "timing", "left_out", "scores", "confusion", "by_class"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_dtype=False, rtol=1e-12)


def test_round_trip(tmp_path):
    result = make()
    folder = result.save(tmp_path / "deep" / "down")
    again = Evaluation.load(folder)
    assert_same(result, again)
    assert again.predictions["speaker"].iloc[:3].tolist() == ["03", "10", "NA"]
    assert again.predictions.index[0] == "000"
    assert again.timing["fold"].tolist() == ["03", "NA"]
    assert again.left_out["id"].tolist() == ["nan"]
    assert {path.name for path in folder.iterdir()} == {
        "predictions.csv",
        "scores.csv",
        "confusion.csv",
        "folds.csv",
        "left_out.csv",
        "evaluation.json",
    }


def test_emotions_that_look_like_missing_values(tmp_path):
    classes = ("NA", "NaN", "None", "n/a", "nan", "none", "null")
    result = make(classes=classes, n=200)
    again = Evaluation.load(result.save(tmp_path))
    assert again.classes == list(classes)
    assert again.confusion.to_numpy().sum() == 200
    assert_same(result, again)


def test_written_scores(tmp_path):
    result = make()
    result.save(tmp_path)
    scores = pd.read_csv(tmp_path / "scores.csv", index_col=0)
    pd.testing.assert_frame_equal(scores, result.scores, rtol=1e-12)
    confusion = pd.read_csv(tmp_path / "confusion.csv", index_col=0, keep_default_na=False)
    assert confusion.to_numpy().tolist() == result.confusion.to_numpy().tolist()
    content = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))
    assert content["protocol"] == PROTOCOL
    assert content["intervals"] == "95 %, bootstrap over speakers"
    assert content["n_utterances"] == 60
    assert content["left_out"] == [{"id": "nan", "reason": "left out: no label"}]
    assert content["seconds"] == {"features": 1.0, "folds": 2.5}
    assert content["scores"]["uar"]["value"] == pytest.approx(result.scores.loc["uar", "value"], abs=1e-6)


def test_scores_follow_from_predictions():
    result = make()
    found = result.predictions
    counts, _ = confusion_counts(
        found["label"].to_numpy(dtype=str),
        found["predicted"].to_numpy(dtype=str),
        result.classes,
        found["speaker"].to_numpy(dtype=str),
    )
    pd.testing.assert_frame_equal(result.scores, score_table(counts, seed=4))
    assert result.scores.index.tolist() == ["uar", "wa", "wf1"]
    assert result.scores.columns.tolist() == ["value", "low", "high"]
    assert result.interval == "speakers"
    expected = confusion_matrix(found["label"], found["predicted"], labels=result.classes)
    assert result.confusion.to_numpy().tolist() == expected.tolist()
    assert result.confusion.index.tolist() == result.confusion.columns.tolist() == result.classes


def test_by_class():
    result = make(classes=("anger", "fear", "sadness", "surprise"), seed=2)
    labels = result.predictions["label"].replace("surprise", "fear")
    result.predictions["label"] = labels
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, result.predictions["predicted"], labels=result.classes, zero_division=0
    )
    table = result.by_class
    for name, values in {"precision": precision, "recall": recall, "f1": f1, "support": support}.items():
        assert table[name].tolist() == pytest.approx(values.tolist())
    assert table.loc["surprise", "support"] == 0


def test_text_names_the_protocol():
    text = str(make())
    assert text.startswith("mine on corpus: leave one speaker out (3 folds), 60 utterances")
    for part in ("UAR", "WA", "WF1", "95 % intervals over speakers", "views: audio_x", "A note."):
        assert part in text
    assert repr(make()) == text


@pytest.mark.parametrize("speakers", [None, ("anna",), ("anna", None)], ids=["none", "one", "some unknown"])
def test_without_speakers_intervals_are_over_utterances(speakers, tmp_path):
    result = make(speakers=speakers)
    assert result.interval == "utterances"
    assert result.scores["low"].notna().all()
    assert "95 % intervals over utterances" in str(result)
    again = Evaluation.load(result.save(tmp_path))
    assert again.interval == "utterances"
    pd.testing.assert_frame_equal(again.scores, result.scores, rtol=1e-12)


def test_one_row_has_no_interval(tmp_path):
    result = make(n=1)
    assert result.summary()["scores"]["wa"]["low"] is None
    assert np.isnan(Evaluation.load(result.save(tmp_path)).scores.loc["wa", "low"])


def test_folder_without_an_evaluation(tmp_path):
    with pytest.raises(FerfusionError, match=r"holds no evaluation: predictions\.csv, folds\.csv"):
        Evaluation.load(tmp_path)
    make().save(tmp_path)
    (tmp_path / "folds.csv").unlink()
    with pytest.raises(FerfusionError, match=r"no evaluation: folds\.csv missing"):
        Evaluation.load(tmp_path)


def test_page(tmp_path):
    page = make().to_html(tmp_path / "page.html")
    assert "leave one speaker out" in page.read_text(encoding="utf-8").lower()
