"""Columns that were chosen inside the folds are told, kept and shown."""

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from ferfusion import evaluate
from ferfusion.base.errors import SelectionError
from ferfusion.corpora import make_corpus
from ferfusion.evaluation import Evaluation
from ferfusion.evaluation.chosen import choice_notes, choices, chosen_columns
from ferfusion.fusion import make_early, make_late
from ferfusion.selection import nogueira_stability, plot_selected
from ferfusion.selection.plots import family_of


@pytest.fixture(scope="module")
def corpus():
    return make_corpus(n_speakers=4, n_utterances=80, views=("visual",))


@pytest.fixture
def corpus_of_numbers(toy):
    return toy()


@pytest.fixture(scope="module")
def result(corpus):
    return evaluate(make_early(classifier="logistic", selector="anova:3"), corpus, verbose=False)


def test_every_fold_tells_what_it_kept(result):
    assert result.selected.shape[1] == 4
    assert (result.selected.sum() == 3).all()
    assert all(name.startswith("visual_au__") for name in result.selected.index)
    assert list(result.timing.columns) == ["fold", "n_train", "n_test", "fit_s", "predict_s"]
    stability = nogueira_stability(result.selected.to_numpy().T).value
    (note,) = [note for note in result.notes if "chosen" in note]
    assert note.startswith(f"Columns were chosen inside each training part: 3 of {len(result.selected)}; stability")
    assert f"{stability:.2f}" in note


def test_saved_and_loaded(result, tmp_path):
    again = Evaluation.load(result.save(tmp_path / "kept"))
    pd.testing.assert_frame_equal(again.selected, result.selected, check_names=False)
    page = again.to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Columns that were chosen" in page
    assert result.selected.index[result.selected.all(axis=1)][0] in page


def test_picture_of_an_evaluation(result):
    ax = plot_selected(result)
    assert sum(bar.get_width() > 0 for bar in ax.containers[1]) >= 1
    assert len(ax.containers[0]) == len({family_of(name) for name in result.selected.index})


def test_nothing_chosen_nothing_told(corpus, tmp_path):
    plain = evaluate(make_early(classifier=LogisticRegression()), corpus, verbose=False)
    with pytest.raises(SelectionError, match="nothing to show"):
        plot_selected(plain)
    assert plain.selected.empty
    assert not [note for note in plain.notes if "chosen" in note]
    folder = plain.save(tmp_path / "plain")
    assert not (folder / "selected.csv").exists()
    assert Evaluation.load(folder).selected.empty
    assert "Columns that were chosen" not in plain.to_html(tmp_path / "page.html").read_text(encoding="utf-8")


def test_finished_folds_remember_it(corpus, tmp_path):
    system = make_early(classifier="logistic", selector="anova:3")
    first = evaluate(system, corpus, verbose=False, checkpoint=tmp_path)
    again = evaluate(system, corpus, verbose=False, checkpoint=tmp_path)
    pd.testing.assert_frame_equal(first.selected, again.selected)


def test_branches(corpus_of_numbers):
    X, y = corpus_of_numbers.X, corpus_of_numbers.y
    model = make_late([("audio", "logistic"), ("visual", "logistic")], selector="anova:1").fit(X, y)
    offered, kept = chosen_columns(model)
    assert {name.split("__")[0] for name in kept} == {"audio_x", "visual_y"}
    assert len(kept) == 2 < len(offered)
    assert set(kept) < set(offered)


def test_folds_that_were_offered_different_columns():
    folds = [{"fold": 1, "offered": ["a", "b"], "kept": ["b"]}, {"fold": 2, "offered": ["b", "c"], "kept": ["b", "c"]}]
    table = choices(folds)
    assert table.astype(int).to_dict("list") == {"1": [0, 1, 0], "2": [0, 1, 1]}
    assert choice_notes(table)[0].startswith("Columns were chosen inside each training part: 1 to 2 of 3; stability")
    assert choice_notes(table[["1"]]) == ["Columns were chosen inside each training part: 1 of 3."]
    assert choices([{"fold": 1}]).empty
