import numpy as np
import pytest
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from ferfusion.base import OnFeatures, TableClassifier
from ferfusion.base.errors import UnknownNameError
from ferfusion.base.table import columns_of, features_of, views_of
from ferfusion.context import SpeakerScaler
from ferfusion.features import OpenSmile, Views
from ferfusion.fusion import CLASSIFIERS, LateFusionClassifier, ViewScaler, make_early, make_late
from ferfusion.fusion.classifiers import as_classifier


def test_early_is_one_classifier_on_all_columns(toy):
    X, y = toy
    model = make_early(classifier=LogisticRegression(), scaler=StandardScaler()).fit(X, y)
    A = StandardScaler().fit_transform(features_of(X))
    np.testing.assert_allclose(model.predict_proba(X), LogisticRegression().fit(A, y).predict_proba(A))


def test_early_fills_holes_with_training_means(toy):
    X, y = toy
    model = make_early(classifier="logistic").fit(X, y)
    holed, filled = X.copy(), X.copy()
    holed.loc["u03", "audio_a__f1"] = np.nan
    filled.loc["u03", "audio_a__f1"] = X["audio_a__f1"].mean()
    np.testing.assert_allclose(model.predict_proba(holed), model.predict_proba(filled))


def test_early_with_a_view_missing_altogether_at_prediction(toy):
    X, y = toy
    model = make_early(classifier="logistic").fit(X, y)
    out = model.predict_proba(X.drop(columns=columns_of(X, "text_b")))
    np.testing.assert_allclose(out.sum(axis=1), 1)


def test_a_selector_chooses_columns(toy):
    X, y = toy
    model = make_early(classifier="logistic", selector=SelectKBest(k=4)).fit(X, y)
    assert len(model["classify"].columns_) == 4


def test_columns_that_are_left_weigh_as_much_as_all_did(toy):
    X, y = toy
    model = make_early(classifier="logistic", selector="anova:4").fit(X, y)
    table = model[:-1].transform(X)
    for view in views_of(table):
        if columns_of(table, view):
            assert features_of(table, view).var(axis=0).sum() == pytest.approx(1)
    own = make_early(classifier="logistic", selector="anova:4", scaler=MinMaxScaler())
    assert "rescale" not in own.named_steps


def test_slots():
    views = [("audio_egemaps", OpenSmile())]
    assert isinstance(make_early(views)["views"], Views)
    assert isinstance(make_early(Views(views, skip=["text"]))["views"], Views)
    assert make_early(Views(views, skip=["text"]))["views"].skip == ["text"]
    assert make_early(views, speaker_scaling="train")["speaker"].mode == "train"
    assert make_early(views, speaker_scaling=SpeakerScaler(min_utterances=5))["speaker"].min_utterances == 5
    assert isinstance(make_early(views)["scale"], ViewScaler)
    assert isinstance(make_early(views, scaler=MinMaxScaler())["scale"], OnFeatures)
    ready = TableClassifier(LogisticRegression())
    late = make_late([("a", ready), ("audio", "svm")])
    assert isinstance(late["fuse"], LateFusionClassifier)
    assert late["fuse"].branches[0][1] is ready
    nested = make_late([("inner", make_late("svm")), ("audio", "svm")])
    assert nested["fuse"].branches[0][1].steps[-1][0] == "fuse"


def test_classifiers_by_name():
    with pytest.raises(UnknownNameError, match=r"Did you mean 'forest'\? There are: forest, knn"):
        as_classifier("forrest")
    with pytest.raises(TypeError, match="not its class"):
        as_classifier(LogisticRegression)
    for name in CLASSIFIERS:
        made = as_classifier(name, random_state=7)
        seeds = [value for key, value in made.get_params().items() if key.split("__")[-1] == "random_state"]
        assert set(seeds) <= {7}
    chosen = LogisticRegression(C=3)
    assert as_classifier(chosen) is not chosen
    assert as_classifier(chosen).C == 3
