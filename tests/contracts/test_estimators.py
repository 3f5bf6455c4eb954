"""scikit-learn's own checks for estimators on arrays, and their likes for estimators on tables."""

import importlib
import inspect
import pkgutil

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import ferfusion
from ferfusion import features, selection
from ferfusion.base import CalibratedScores, OnFeatures, SelectViews, TableClassifier
from ferfusion.context import (
    DialogueContext,
    RetrievalClassifier,
    SpeakerScaler,
    TextContext,
    TransitionSmoother,
)
from ferfusion.evaluation import TunedClassifier
from ferfusion.features import TextNgrams, Views
from ferfusion.fusion import (
    CalibratedBranch,
    CoordinatedViews,
    DynamicFusionClassifier,
    LateFusionClassifier,
    MultipleKernelClassifier,
    MultipleKernelSVC,
    StackedFusionClassifier,
    TrainedFusionClassifier,
    ViewPCA,
    ViewScaler,
    ViewTranslator,
    ViewWeights,
)
from ferfusion.fusion.linear import WideLinearSVC
from ferfusion.persistence import TRUSTED_TYPES

ON_ARRAYS = [
    CalibratedScores(RidgeClassifier()),
    MultipleKernelSVC(),
    RetrievalClassifier(n_neighbors=3, n_folds=2),
    WideLinearSVC(),
    selection.CorrelationPruner(threshold=0.9),
    selection.FilterSelector(n_features=2),
    selection.FloatingSelector(KNeighborsClassifier(3), n_features=1, cv=2),
    selection.GreyWolfSelector(n_wolves=3, n_iterations=2),
    selection.ImportanceSelector(ExtraTreesClassifier(5), n_features=2),
    selection.MRMRSelector(n_features=2),
    selection.ShadowSelector(ExtraTreesClassifier(5), max_rounds=3, tentative="keep", on_none="best"),
    selection.StabilitySelector(selection.FilterSelector(n_features=1), n_resamples=4, threshold=0.5, on_none="best"),
    selection.SwarmSelector(move="genetic", n_agents=4, n_iterations=3),
    selection.TwoStageSelector(
        selection.FilterSelector(n_features=0.8), selection.FilterSelector("relieff", n_features=0.5)
    ),
]
CLASSIFIER = TableClassifier(LogisticRegression())
ON_TABLES = [
    OnFeatures(StandardScaler()),
    SelectViews(["audio"]),
    SpeakerScaler(min_utterances=3),
    ViewScaler(),
    CoordinatedViews(n_components=1),
    ViewTranslator(),
    Views([("text_tfidf", TextNgrams())]),
    CLASSIFIER,
    LateFusionClassifier(CLASSIFIER),
    StackedFusionClassifier(CLASSIFIER, n_folds=2),
    TrainedFusionClassifier(CLASSIFIER, n_folds=2),
    DynamicFusionClassifier(CLASSIFIER, n_folds=2),
    CalibratedBranch(CLASSIFIER, n_folds=2),
    MultipleKernelClassifier(),
    TransitionSmoother(CLASSIFIER, n_folds=2),
    TunedClassifier(CLASSIFIER, {"estimator__C": [0.1, 1.0]}, n_folds=2),
    DialogueContext(n_before=1),
    TextContext(n_before=1),
    ViewPCA(n_components=1),
    ViewWeights(),
]
EXTRACTORS = [
    features.Acoustic(),
    features.ActionUnits(),
    features.AudioEmbedding("model"),
    features.Cepstral(),
    features.Cochleagram(),
    features.ConstantQHog(),
    features.FaceTexture(),
    features.FractalDimension(),
    features.MelFrames(),
    features.Modulation(),
    features.OpenSmile(),
    features.Prosody(),
    features.Reservoir(features.Prosody(level="lld")),
    features.Spectral(),
    features.Spectrogram(),
    features.TeagerEnergy(),
    features.TextEmbedding("model"),
    features.TextLexicon(),
    features.TextNgrams(),
    features.TextStyle(),
    features.VisibilityGraph(),
    features.VoiceQuality(),
    features.WaveletPacket(),
    features.WordTiming(),
]
# What neither list holds, and why.
ELSEWHERE = {
    **dict.fromkeys(
        [type(extractor).__name__ for extractor in EXTRACTORS],
        "takes recordings, texts or videos; compared with independent references in tests/features",
    ),
    "Family": "abstract",
    "Extractor": "abstract",
    "AudioExtractor": "abstract",
    "LearningExtractor": "abstract",
    "BranchedClassifier": "abstract; its children are listed",
    "ColumnSelector": "abstract; its children are listed",
    "OnViews": "abstract; its children are listed",
    "LastStep": "abstract; its children are listed",
    "TableRegressor": "numbers as targets: tests/base/test_regressor.py",
    "LateFusionRegressor": "numbers as targets: tests/fusion/test_late_regressor.py",
    "Branched": "abstract; its children are listed",
    "MultiLabelClassifier": "tables of labels as targets: tests/fusion/test_labels.py",
    "LateFusionClustering": "learns without labels: tests/fusion/test_clustering.py",
    "SwarmSearchCV": "scikit-learn's checks with the filter that they need are in tests/selection/test_search_cv.py",
}
# Checks of scikit-learn that cannot hold, and why.
_STOPS_EARLY = "liblinear stops before full convergence; scikit-learn lists its LinearSVC for the same"
EXPECTED_TO_FAIL = {
    "WideLinearSVC": {
        "check_sample_weight_equivalence_on_dense_data": _STOPS_EARLY,
        "check_sample_weight_equivalence_on_sparse_data": _STOPS_EARLY,
    }
}


def all_estimators():
    found = {}
    for info in pkgutil.walk_packages(ferfusion.__path__, "ferfusion."):
        for name, value in inspect.getmembers(importlib.import_module(info.name), inspect.isclass):
            if issubclass(value, BaseEstimator) and value.__module__.startswith("ferfusion."):
                found[name] = value
    return found


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    n = 24
    X = pd.DataFrame({"speaker": np.repeat(["a", "b", "c", "d"], 6), "text": ["so good", "so bad"] * 12})
    X.index = [f"u{i}" for i in range(n)]
    codes = np.arange(n) % 2
    for name in ("audio_x__a", "audio_x__b", "visual_y__c"):
        X[name] = rng.normal(size=n) + codes
    return X, pd.Series(np.array(["calm", "fear"])[codes], index=X.index)


def test_every_estimator_is_checked_somewhere():
    listed = {type(estimator).__name__ for estimator in [*ON_ARRAYS, *ON_TABLES]} | set(ELSEWHERE)
    assert set(all_estimators()) == listed


def test_every_estimator_that_a_model_may_hold_is_on_the_reviewed_list():
    abstract = {name for name, reason in ELSEWHERE.items() if reason.startswith("abstract")}
    holdable = {f"{e.__module__}.{name}" for name, e in all_estimators().items() if name not in abstract}
    trusted = {name for name in TRUSTED_TYPES if name.startswith("ferfusion.")}
    assert holdable | {"ferfusion.base.grouped.GroupedFolds"} == trusted


@parametrize_with_checks(ON_ARRAYS, expected_failed_checks=lambda e: EXPECTED_TO_FAIL.get(type(e).__name__, {}))
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [*ON_TABLES, *EXTRACTORS], ids=lambda e: type(e).__name__)
class TestManners:
    def test_init_only_stores(self, estimator):
        parameters = inspect.signature(type(estimator)).parameters
        assert set(estimator.get_params(deep=False)) == set(parameters)
        for name, value in estimator.get_params(deep=False).items():
            assert getattr(estimator, name) is value

    def test_clone_and_repr(self, estimator):
        copy = clone(estimator)
        assert copy is not estimator
        assert repr(copy) == repr(estimator)


@pytest.mark.parametrize("estimator", ON_TABLES, ids=lambda e: type(e).__name__)
class TestOnTables:
    def test_fit_leaves_parameters_and_table_as_they_are(self, estimator, table):
        X, y = table
        before, parameters = X.copy(), repr(estimator)
        fitted = clone(estimator)
        assert fitted.fit(X, y) is fitted
        answer(fitted, X)
        pd.testing.assert_frame_equal(X, before)
        assert repr(fitted) == parameters

    def test_same_data_same_answer_and_refit_forgets(self, estimator, table):
        X, y = table
        once = answer(clone(estimator).fit(X, y), X)
        other = clone(estimator).fit(X.iloc[:16].drop(columns="audio_x__b"), y.iloc[:16])
        np.testing.assert_array_equal(once, answer(other.fit(X, y), X))

    def test_order_of_rows_is_nothing(self, estimator, table):
        X, y = table
        fitted = clone(estimator).fit(X, y)
        turned = np.arange(len(X))[::-1]
        np.testing.assert_allclose(answer(fitted, X)[turned], answer(fitted, X.iloc[turned]), atol=1e-8)

    def test_unfitted_is_refused(self, estimator, table):
        from sklearn.exceptions import NotFittedError

        with pytest.raises(NotFittedError):
            answer(clone(estimator), table[0])

    def test_what_is_no_table_is_refused(self, estimator, table):
        with pytest.raises(ValueError, match="pandas DataFrame"):
            clone(estimator).fit(table[0].to_numpy(), table[1])

    def test_no_fitted_attribute_is_a_pandas_object(self, estimator, table):
        fitted = clone(estimator).fit(*table)
        for name, value in vars(fitted).items():
            assert not isinstance(value, pd.DataFrame | pd.Series | pd.Index), name


def answer(estimator, X):
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(X)
    out = estimator.transform(X)
    columns = sorted(column for column in out.columns if "__" in column)
    return out[columns].to_numpy(dtype=float)
