import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB

from ferfusion.base.errors import FeatureError
from ferfusion.base.table import columns_of, views_of
from ferfusion.fusion import make_early, make_late
from ferfusion.fusion.hybrid import make_hybrid


def early(X, names):
    return X.drop(columns=columns_of(X, [view for view in views_of(X) if view not in names]))


def test_early_inside_and_late_between(toy):
    X, y = toy
    model = make_hybrid({"speech": ["audio", "text"], "face": "visual"}, "logistic", "product").fit(X, y)
    parts = [make_early((), "logistic").fit(early(X, names), y) for names in (["audio_a", "text_b"], ["visual_c"])]
    P = np.stack([part.predict_proba(early(X, views_of(X))) for part in parts])
    wanted = P.prod(axis=0)
    np.testing.assert_allclose(model.predict_proba(X), wanted / wanted.sum(axis=1, keepdims=True), atol=1e-5)


def test_one_group_is_early_and_a_group_a_view_is_late(toy):
    X, y = toy
    names = ["audio", "text", "visual"]
    one = make_hybrid({"all": names}, "logistic").fit(X, y)
    np.testing.assert_allclose(one.predict_proba(X), make_early((), "logistic").fit(X, y).predict_proba(X))
    each = make_hybrid({name: name for name in names}, "logistic").fit(X, y)
    np.testing.assert_allclose(each.predict_proba(X), make_late("logistic").fit(X, y).predict_proba(X))


def test_groups_of_groups(toy):
    X, y = toy
    model = make_hybrid({"spoken": {"sound": "audio", "words": "text"}, "face": ["visual"]}, "logistic").fit(X, y)
    P = {name: make_early((), "logistic").fit(early(X, [name]), y).predict_proba(X) for name in views_of(X)}
    wanted = ((P["audio_a"] + P["text_b"]) / 2 + P["visual_c"]) / 2
    np.testing.assert_allclose(model.predict_proba(X), wanted)


def test_inner_group_without_a_view_leaves_the_decision_to_the_others(toy):
    X, y = toy
    model = make_hybrid({"spoken": {"sound": "audio", "words": "text"}, "face": ["visual"]}, "logistic").fit(X, y)
    blank = X.copy()
    blank.loc[X.index[:5], columns_of(X, ["audio_a", "text_b"])] = np.nan
    face = make_early((), "logistic").fit(early(X, ["visual_c"]), y).predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(blank)[:5], face[:5])


def test_own_classifier_and_own_pipeline(toy):
    X, y = toy
    groups = {"speech": (["audio", "text"], GaussianNB()), "face": make_early((), "knn")}
    model = make_hybrid(groups, "logistic", weights=[1, 0]).fit(X, y)
    speech = make_early((), GaussianNB()).fit(early(X, ["audio_a", "text_b"]), y)
    np.testing.assert_allclose(model.predict_proba(X), speech.predict_proba(X))


def test_learned_rule_selector_and_search(toy):
    X, y = toy
    model = make_hybrid({"speech": ["audio", "text"], "face": "visual"}, "logistic", "stack", selector="anova:3")
    assert clone(model).fit(X, y).predict(X).shape == (len(X),)
    grid = {"fuse__rule": ["mean", "product"]}
    hybrid = make_hybrid({"speech": ["audio", "text"], "face": "visual"}, LogisticRegression())
    assert GridSearchCV(hybrid, grid, cv=2).fit(X, y).best_params_["fuse__rule"] in ("mean", "product")


def test_bad_groups(toy):
    X, y = toy
    for groups in ({}, ["audio"], None):
        with pytest.raises(FeatureError, match="dict of groups"):
            make_hybrid(groups)
    for group in ([], 3, ["audio", 3]):
        with pytest.raises(FeatureError, match="must name views"):
            make_hybrid({"a": group})
    with pytest.raises(FeatureError, match=r"branch 'a'.*sound"):
        make_hybrid({"a": "sound", "b": "visual"}, "logistic").fit(X, y)
