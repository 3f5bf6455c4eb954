"""Pictures: every number of classes, every name, no window, no shared ids."""

import re
import subprocess
import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from ferfusion.evaluation.plots import _SHARES, _percent, _readable, inline_svg, plot_classes, plot_confusion
from ferfusion.evaluation.results import Evaluation

PLOTS = [plot_confusion, plot_classes]


def make(classes, n=60, never=()):
    rng = np.random.default_rng(0)
    classes = sorted(classes)
    labels = np.array([name for name in classes if name not in never])[rng.integers(len(classes) - len(never), size=n)]
    proba = rng.dirichlet(np.ones(len(classes)), size=n) + 0.5 * (labels[:, None] == np.array(classes))
    predictions = pd.DataFrame(
        {
            "label": labels,
            "predicted": np.array(classes)[proba.argmax(axis=1)],
            "fold": "a",
            "speaker": [f"s{i % 4}" for i in range(n)],
            "speaker_scaling": "none",
        },
        index=pd.Index([f"u{i}" for i in range(n)], name="id"),
    )
    predictions[[f"p_{name}" for name in classes]] = proba / proba.sum(axis=1, keepdims=True)
    timing = pd.DataFrame([{"fold": "a", "n_train": 90, "n_test": n, "fit_s": 1.0, "predict_s": 0.1}])
    left_out = pd.DataFrame([], columns=["id", "reason"])
    protocol = {"name": "speaker", "description": "leave one speaker out", "n_folds": 1, "speakers_overlap": False}
    return Evaluation("system", "corpus", protocol, predictions, timing, left_out)


def written(ax):
    return [text.get_text() for text in [*ax.texts, *ax.get_xticklabels(), *ax.get_yticklabels()]]


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("n", [2, 10, 20])
def test_draws_any_number_of_classes(plot, n, tmp_path):
    ax = plot(make([f"emotion {i:02d}" for i in range(n)], n=200))
    ax.figure.savefig(tmp_path / "picture.png")
    assert len(ax.get_yticklabels()) == n


@pytest.mark.parametrize("plot", PLOTS)
def test_draws_on_the_axes_it_is_given(plot):
    figure = Figure()
    ax = figure.subplots()
    assert plot(make("ab"), ax) is ax
    assert figure.axes == [ax]


def test_confusion_says_counts_and_percentages():
    predictions = pd.DataFrame(
        {"label": list("aaaab"), "predicted": list("aaabb"), "speaker": list("xxyyx"), "p_a": 0.5, "p_b": 0.5},
        index=list("12345"),
    )
    evaluation = Evaluation("s", "c", {"description": ""}, predictions, pd.DataFrame(), pd.DataFrame())
    assert [t.get_text() for t in plot_confusion(evaluation).texts] == ["75 %", "3", "25 %", "1", "0", "100 %", "1"]


def test_zero_support_is_said_rather_than_drawn_as_zero():
    evaluation = make("abc", never="c")
    assert written(plot_confusion(evaluation)).count("no utterances") == 1
    assert "no utterances" in written(plot_classes(evaluation))
    assert "c (0)" in written(plot_classes(evaluation))


def test_never_predicted_is_said():
    evaluation = make("abc")
    evaluation.predictions["predicted"] = "a"
    assert written(plot_classes(evaluation)).count("never predicted") == 2


def test_long_names_keep_both_ends():
    ax = plot_confusion(make(["positive surprise of one sort", "positive surprise of another"]))
    assert [t.get_text() for t in ax.get_xticklabels()] == ["positive s…f another", "positive s… one sort"]


@pytest.mark.parametrize("name", ["$x^{", "<script>alert(1)</script>", "a & b", "\x00\x1b\n", "憤怒", 'id="x"'])
@pytest.mark.parametrize("plot", PLOTS)
def test_hostile_names_are_drawn_as_they_are(plot, name):
    svg = inline_svg(plot, make(["anger", name]), "p", "title", "description")
    assert "<script" not in svg
    assert "\x00" not in svg
    if name == 'id="x"':
        assert name in svg


@pytest.mark.parametrize("share", np.linspace(0, 1, 21))
def test_letters_stand_out_from_every_colour(share):
    def luminance(rgb):
        return np.dot(
            [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb], (0.2126, 0.7152, 0.0722)
        )

    light, dark = sorted(
        [luminance(_SHARES(share)[:3]), luminance(matplotlib.colors.to_rgb(_readable(share)))], reverse=True
    )
    assert (light + 0.05) / (dark + 0.05) >= 4.5


@pytest.mark.parametrize(
    ("share", "said"), [(0, "0 %"), (0.001, "<1 %"), (0.874, "87 %"), (0.999, ">99 %"), (1, "100 %")]
)
def test_percentages_round_but_not_to_none_or_all(share, said):
    assert _percent(share) == said


def test_inline_svg_is_the_same_each_time_and_under_any_style():
    evaluation = make("abc")
    first = inline_svg(plot_confusion, evaluation, "p", "t", "d")
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 30, "svg.fonttype": "path"}):
        before = dict(matplotlib.rcParams)
        assert inline_svg(plot_confusion, evaluation, "p", "t", "d") == first
        assert dict(matplotlib.rcParams) == before


def test_inline_svg_keeps_ids_apart_and_refers_to_itself_only():
    evaluation = make("abcdefg")
    ids = [
        re.findall(r'\sid="([^"]*)"', inline_svg(plot, evaluation, name, "t", "d"))
        for plot, name in zip(PLOTS, ["one", "two"], strict=True)
    ]
    assert not set(ids[0]) & set(ids[1])
    assert all(len(set(found)) == len(found) for found in ids)
    svg = inline_svg(plot_classes, evaluation, "two", "t", "d")
    targets = set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', svg))
    assert {a or b for a, b in targets} <= set(ids[1])
    assert "http" not in svg
    assert "<style" not in svg


def test_no_pyplot():
    code = "import sys, ferfusion.evaluation.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
