"""Selectors by name, and where assemblers take them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier

from ferfusion import load_model, save_model
from ferfusion.base.errors import SelectionError, UnknownNameError
from ferfusion.fusion import make_early, make_late
from ferfusion.selection import (
    SCORES,
    SELECTORS,
    FloatingSelector,
    GreyWolfSelector,
    ImportanceSelector,
    MRMRSelector,
    ShadowSelector,
    SwarmSelector,
    TwoStageSelector,
    as_selector,
)


@pytest.mark.parametrize("name", SELECTORS)
def test_every_name_makes_a_selector(name):
    selector = as_selector(name, random_state=3)
    assert hasattr(clone(selector), "fit_transform")
    if "random_state" in selector.get_params():
        assert selector.random_state in (0, 3)


def test_all_plain_scores_have_a_name():
    assert set(SCORES) - set(SELECTORS) == {"per_emotion_mean", "per_emotion_turns", "state_information"}


def test_sizes():
    assert as_selector("anova:50").n_features == 50
    assert as_selector("mrmr:0.25").n_features == 0.25
    assert as_selector("correlation:0.9").threshold == 0.9
    assert as_selector("grey_wolf:30").n_features_max == 30
    assert as_selector("two_stage:60").first.n_features == 60
    assert as_selector("forest").n_features == 100


def test_what_is_no_name_stays():
    selector = MRMRSelector()
    assert as_selector(selector) is selector
    assert as_selector(None) is None


@pytest.mark.parametrize("size", ["", "many", "0", "-3", "2.5", "nan"])
def test_no_size(size):
    with pytest.raises(SelectionError, match="behind the colon stands a number of columns or a share"):
        as_selector(f"anova:{size}")


def test_wolves_take_no_share():
    with pytest.raises(SelectionError, match=r"whole number, not 0\.5"):
        as_selector("grey_wolf:0.5")


def test_shadows_take_no_number():
    with pytest.raises(SelectionError, match="takes no number"):
        as_selector("shadow:30")


def test_unknown_name():
    with pytest.raises(UnknownNameError, match="selector 'anvoa'"):
        as_selector("anvoa:3")


def test_assemblers_take_names():
    assert isinstance(make_early(selector="two_stage")["select"].transformer, TwoStageSelector)
    branch = make_late([("audio", "svm")], selector="grey_wolf:5")["fuse"].branches[0][1]
    assert isinstance(branch["select"].transformer, GreyWolfSelector)
    assert "select" not in make_late([("audio", "svm")])["fuse"].branches[0][1].named_steps


@pytest.fixture
def table():
    """Four speakers, three emotions, two views of which each tells some apart."""
    rng = np.random.default_rng(0)
    codes = np.tile(np.arange(3), 28)
    X = pd.DataFrame({"speaker": np.repeat(["s1", "s2", "s3", "s4"], 21)}, index=[f"u{i:02d}" for i in range(84)])
    for view, marked in (("audio_a", 0), ("text_b", 1)):
        for k in range(4):
            X[f"{view}__f{k}"] = rng.normal(size=84) + 1.5 * (codes == marked)
    return X, pd.Series(np.array(["anger", "calm", "fear"])[codes], index=X.index)


def test_branches_choose_for_themselves(table):
    X, y = table
    model = make_late([("audio", "logistic"), ("text", "logistic")], selector="anova:1").fit(X, y)
    for branch in model["fuse"].branches_.values():
        assert len(branch["classify"].columns_) == 1
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("name", sorted({*SELECTORS} - {"shadow", "forest", "two_stage"}))
def test_a_model_with_a_choice_is_saved_and_loaded(name, table, tmp_path):
    X, y = table
    model = make_early(classifier="logistic", selector=name).fit(X, y)
    again = load_model(save_model(model, tmp_path / "model.skops"))
    assert again["select"].names_ == model["select"].names_
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize(
    "selector",
    [
        TwoStageSelector(ImportanceSelector(ExtraTreesClassifier(5), n_features=4), GreyWolfSelector(n_iterations=2)),
        ShadowSelector(ExtraTreesClassifier(5), max_rounds=3, tentative="keep", on_none="best"),
        FloatingSelector(LinearDiscriminantAnalysis(), n_features=2),
        SwarmSelector(move="sparrow", n_iterations=2),
    ],
    ids=lambda selector: type(selector).__name__,
)
def test_slower_ones_are_saved_and_loaded_too(selector, table, tmp_path):
    X, y = table
    model = make_early(classifier="logistic", selector=selector).fit(X, y)
    again = load_model(save_model(model, tmp_path / "model.skops"))
    assert again["select"].names_ == model["select"].names_
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
