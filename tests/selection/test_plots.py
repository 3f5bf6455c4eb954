"""Pictures of selection say what was measured."""

from types import SimpleNamespace

import numpy as np
import pytest

from ferfusion.base.errors import SelectionError
from ferfusion.selection import FilterSelector, plot_convergence, plot_selected
from ferfusion.selection.plots import family_of

NAMES = ["audio_a__mfcc_1_mean", "audio_a__mfcc_2_mean", "audio_a__f0_mean", "text_b__good"]


def bars(ax):
    """Name of each row, share that is filled and what stands beside it."""
    labels = [label.get_text() for label in ax.get_yticklabels()]
    filled = ax.containers[1]
    return {name: (bar.get_width(), text.get_text()) for name, bar, text in zip(labels, filled, ax.texts, strict=True)}


def test_shares_by_view():
    ax = plot_selected([True, False, True, False], NAMES)
    shown = bars(ax)
    assert list(shown) == ["audio_a", "text_b"]
    assert shown["audio_a"] == (pytest.approx(2 / 3), "2 of 3")
    assert shown["text_b"] == (0, "0 of 1")


def test_shares_by_family_within_one_view():
    shown = bars(plot_selected([[True, False, True], [True, True, False]], NAMES[:3]))
    assert {name: share for name, (share, _) in shown.items()} == {"mfcc": 0.75, "f0": 0.5}


def test_line_spans_the_folds():
    ax = plot_selected([[True, False, True], [True, True, False]], NAMES[:3])
    segments = [segment[:, 0].tolist() for segment in ax.collections[0].get_segments()]
    assert segments == [[0.5, 1.0], [0.0, 1.0]]


def test_groups_of_ones_own_and_a_fitted_selector():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    X = rng.normal(size=(40, 4)) + np.outer(y, [3, 0, 0, 0])
    selector = FilterSelector(n_features=1).fit(X, y)
    shown = bars(plot_selected(selector, NAMES, by=lambda name: name[-4:]))
    assert shown["mean"][0] == pytest.approx(1 / 3)


def test_names_must_fit():
    with pytest.raises(SelectionError, match="3 columns, but 4 names"):
        plot_selected([True, False, True], NAMES)


def test_family():
    assert family_of("audio_a__mfcc_3_mean") == family_of("mfcc_3_mean") == "mfcc"


def test_convergence():
    history = np.array([[0.5, 0.6, 10, 5], [0.4, 0.55, 8, 10], [0.3, 0.5, 6, 15]])
    ax = plot_convergence({"grey wolf": SimpleNamespace(history_=history)})
    best, mean = ax.lines
    np.testing.assert_array_equal(best.get_xydata(), history[:, [3, 0]])
    np.testing.assert_array_equal(mean.get_xydata(), history[:, [3, 1]])
    assert ax.get_legend().get_texts()[0].get_text() == "grey wolf: 0.300 with 6 columns"
    assert len(plot_convergence(SimpleNamespace(history_=history), ax=ax).lines) == 4


def test_convergence_of_what_has_no_history():
    with pytest.raises(SelectionError, match="no 'history_'"):
        plot_convergence(FilterSelector())
