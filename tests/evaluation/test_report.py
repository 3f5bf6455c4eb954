"""The page: all that must be said is said, nothing is loaded, nothing is run."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from ferfusion.base.errors import FerfusionError
from ferfusion.evaluation.report import write_report
from ferfusion.evaluation.results import Evaluation

HOSTILE = "<script>alert(1)</script>"
VOID = {"meta", "link", "img"}


class Page(HTMLParser):
    """Elements, their attributes, the text outside of style sheets; refuses tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.words = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open += [tag] * (tag not in VOID)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def make(classes=("anger", "neutral"), speakers=("a", "b", "c"), n=60, overlap=False, ids=None, **changes):
    rng = np.random.default_rng(1)
    classes = np.array(sorted(classes))
    labels = classes[rng.integers(len(classes), size=n)]
    proba = rng.dirichlet(np.ones(len(classes)), size=n) + (labels[:, None] == classes) * 0.4
    proba /= proba.sum(axis=1, keepdims=True)
    predictions = pd.DataFrame(
        {
            "label": labels,
            "predicted": classes[proba.argmax(axis=1)],
            "fold": [f"fold {i % 2}" for i in range(n)],
            "speaker": [speakers[i % len(speakers)] for i in range(n)],
            "speaker_scaling": "self",
        },
        index=pd.Index(ids or [f"u{i:03d}" for i in range(n)], name="id"),
    )
    predictions[[f"p_{name}" for name in classes]] = proba
    fold = {"n_train": n // 2, "n_test": n // 2, "fit_s": 1.25, "predict_s": 0.5}
    timing = pd.DataFrame([{"fold": f"fold {i}", **fold} for i in range(2)])
    content = {
        "system": "baseline",
        "corpus": "emo",
        "protocol": {"name": "speaker", "description": "leave one speaker out", "speakers_overlap": overlap},
        "predictions": predictions,
        "timing": timing,
        "left_out": pd.DataFrame([], columns=["id", "reason"]),
        "views": ["audio_egemaps"],
        "notes": ["Unlabelled recordings of the test speaker were used."],
        "provenance": {"made": "2026-01-01", "seed": 3, "versions": {"numpy": "2.0"}, "corpus": {"checksum": "abc123"}}
        | {"system": {"C": 0.1, "steps": ["a", None]}},
    }
    return Evaluation(**(content | changes))


def page_of(evaluation, tmp_path):
    return write_report(evaluation, tmp_path / "report.html").read_text(encoding="utf-8")


def read(evaluation, tmp_path):
    return Page(page_of(evaluation, tmp_path))


def section(evaluation, tmp_path, heading):
    return re.split("<h2>|<footer", page_of(evaluation, tmp_path).split(f"<h2>{heading}")[1])[0]


def test_says_scores_intervals_and_chance(tmp_path):
    evaluation = make(classes=["anger", "fear", "joy", "neutral"])
    page = read(evaluation, tmp_path)
    for name, row in evaluation.scores.iterrows():
        assert name.upper() in page.text
        assert f"{100 * row['value']:.1f} %" in page.text
        assert f"{100 * row['low']:.1f} – {100 * row['high']:.1f} %" in page.text
    assert all(said in page.text for said in ("Chance level: 25.0 %", "over 3 speakers", "take them as rough"))


def test_notes_stand_between_scores_and_pictures_and_are_not_hidden(tmp_path):
    text = page_of(make(), tmp_path)
    place = text.index("Unlabelled recordings of the test speaker")
    assert text.index('class="tiles"') < place < text.index("<svg")
    assert "<details" not in text[:place]


@pytest.mark.parametrize(
    ("overlap", "said"),
    [
        (True, "training and test: this score says nothing about new speakers."),
        (False, None),
        (None, "Speakers unknown:"),
    ],
)
def test_warns_of_overlapping_and_unknown_speakers(tmp_path, overlap, said):
    page = read(make(overlap=overlap), tmp_path)
    assert sum("banner" in (attrs.get("class") or "") for _, attrs in page.elements) == (said is not None)
    assert (said or "") in page.text


def test_hostile_names_are_text(tmp_path):
    n = 40
    evaluation = make(
        classes=["anger", HOSTILE],
        speakers=[HOSTILE, '"><img src=x onerror=alert(1)>'],
        n=n,
        ids=[f"{HOSTILE}{i}" for i in range(n)],
        system=HOSTILE,
        corpus=HOSTILE,
        views=[HOSTILE],
        notes=[HOSTILE, "no Unicode: \udcff"],
        left_out=pd.DataFrame([(HOSTILE, HOSTILE)], columns=["id", "reason"]),
        provenance={"made": HOSTILE, HOSTILE: {HOSTILE: [HOSTILE]}, "corpus": {"checksum": HOSTILE}},
        protocol={"name": HOSTILE, "description": HOSTILE, "speakers_overlap": None},
    )
    page = read(evaluation, tmp_path)
    assert not {"script", "img", "iframe", "object"} & {tag for tag, _ in page.elements}
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    assert HOSTILE in page.text
    assert "<img src=x onerror=alert(1)>" in page.text


def test_loads_nothing_from_elsewhere(tmp_path):
    text = page_of(make(), tmp_path)
    refers = [attrs[key] for _, attrs in Page(text).elements for key in ("href", "src") if key in attrs]
    assert all(target.startswith(("#", "data:")) for target in refers)
    assert not re.search("https?://|@import", text)
    assert "Content-Security-Policy" in text


def test_same_bytes_each_time_and_after_saving_and_loading(tmp_path):
    evaluation = make(speakers=("a", None, "b"))
    first = write_report(evaluation, tmp_path / "a.html").read_bytes()
    assert write_report(make(speakers=("a", None, "b")), tmp_path / "b.html").read_bytes() == first
    assert Evaluation.load(evaluation.save(tmp_path / "saved")).to_html(tmp_path / "c.html").read_bytes() == first


def test_is_accessible(tmp_path):
    page = read(make(), tmp_path)
    tags = [tag for tag, _ in page.elements]
    assert ("html", {"lang": "en"}) in page.elements
    assert tags.count("h1") == 1
    assert tags.count("svg") == 2
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for attrs in (attrs for tag, attrs in page.elements if tag == "svg"):
        assert attrs["role"] == "img"
        assert set(attrs["aria-labelledby"].split()) <= set(ids)
    assert all("scope" in attrs for tag, attrs in page.elements if tag == "th")


@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_speakers_come_last(tmp_path, missing):
    evaluation = make(speakers=("a", missing, "b"))
    table = section(evaluation, tmp_path, "Speakers")
    rows = re.findall(r'<th scope="row"[^>]*>(.*?)</th>', table, flags=re.S)
    assert {row.strip() for row in rows[:2]} == {"a", "b"}
    assert "not known" in rows[2]
    assert "and 20 utterances of unknown ones" in read(evaluation, tmp_path).text


def test_no_speakers_at_all(tmp_path):
    text = page_of(make(speakers=(None,), overlap=None), tmp_path)
    assert re.search(r"likely too narrow[\s\S]*Speakers are not known\.", text)


def test_no_interval(tmp_path):
    evaluation = make(n=1, classes=["anger", "neutral"])
    assert evaluation.scores["low"].isna().all()
    page = read(evaluation, tmp_path)
    assert page.text.count("no interval") == 3
    assert not re.search(r"\bnan\b", page.text.lower())


def test_speakers_are_sorted_worst_first(tmp_path):
    table = section(make(speakers=[f"s{i:02d}" for i in range(20)], n=200), tmp_path, "Speakers")
    values = [float(value) for value in re.findall(r">([\d.]+)\u202f%<", table)][1::2]
    assert len(values) == 20
    assert values == sorted(values)
    assert "5 more speakers" in table


@pytest.mark.parametrize(("n", "folded"), [(3, 0), (10, 0), (11, 1), (1500, 1)])
def test_rows_left_out(tmp_path, n, folded):
    rows = pd.DataFrame([(f"id{i}", "left out: no label") for i in range(n)], columns=["id", "reason"])
    found = section(make(left_out=rows), tmp_path, "Left out")
    assert f"{n} entries" in found
    assert found.count("<details") == folded
    assert found.count("no label") == min(n, 1000)
    assert ("left_out.csv" in found) == (n > 1000)


def test_most_confident_mistakes(tmp_path):
    evaluation = make(classes=["anger", "fear", "joy"], n=150)
    found = section(evaluation, tmp_path, "Most confident")
    wrong = evaluation.predictions.query("label != predicted")
    sure = wrong[[f"p_{name}" for name in evaluation.classes]].max(axis=1).sort_values(ascending=False)
    assert re.findall(r'<th scope="row" class="id">(\w+)', found) == sure.index[:10].tolist()
    assert f"{sure.iloc[0]:.3f}" in found


def test_no_mistakes(tmp_path):
    perfect = make().predictions.assign(predicted=lambda table: table["label"])
    assert "No mistakes." in page_of(make(predictions=perfect), tmp_path)


def test_absent_emotion_is_said(tmp_path):
    evaluation = make(classes=["anger", "fear", "joy"])
    evaluation.predictions["label"] = evaluation.predictions["label"].replace("joy", "fear")
    page = read(evaluation, tmp_path)
    assert "No utterance of joy was tested" in page.text
    assert "Chance level: 50.0 %" in page.text


def test_many_classes_with_long_names(tmp_path):
    names = [f"a rather long name of an emotion, number {i:02d}" for i in range(15)]
    page = read(make(classes=names, n=400), tmp_path)
    assert all(name in page.text for name in names)


def test_provenance_and_reproduction(tmp_path):
    page = read(make(), tmp_path)
    assert all(said in page.text for said in ("abc123", "seed=3", "numpy", "2026-01-01", '["a", null]'))
    assert "None recorded." in read(make(provenance={}), tmp_path).text


def test_makes_folders_and_refuses_to_be_one(tmp_path):
    assert write_report(make(), str(tmp_path / "new" / "r.html")).is_file()
    with pytest.raises(FerfusionError, match="is a folder"):
        write_report(make(), tmp_path)
