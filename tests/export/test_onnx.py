"""What onnxruntime says of an exported system is what the system says."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import MinMaxScaler
from sklearn.tree import DecisionTreeClassifier

from ferfusion.base.errors import ExportError
from ferfusion.export import save_onnx, to_onnx
from ferfusion.features import TextNgrams
from ferfusion.fusion import CalibratedBranch, StackedFusionClassifier, make_early, make_hybrid, make_late

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("skl2onnx")

pytestmark = [
    # not about the exported system: small toy data, and third-party packages among themselves
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(skl2onnx|onnx|google).*"),
    pytest.mark.filterwarnings("ignore::FutureWarning:(skl2onnx|onnx).*"),
    # said by the system itself of rows without any view, which the tests hold on purpose
    pytest.mark.filterwarnings("ignore:.*get the class shares of training:UserWarning"),
]
CLASSES = np.array(["anger", "calm", "fear"])


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    n = 72
    codes = np.arange(n) % 3
    columns = {"speaker": np.repeat([f"s{i}" for i in range(6)], n // 6)}
    for view, width in (("audio_a", 5), ("visual_b", 3), ("visual_c", 2)):
        for k in range(width):
            values = rng.normal(size=n) * (k + 1) + 1.5 * (codes == k % 3)
            columns[f"{view}__f{k}"] = values.astype(np.float32)
    X = pd.DataFrame(columns, index=[f"u{i}" for i in range(n)])
    X.loc["u3", "audio_a__f1"] = np.nan
    X.loc[X.index[[10, 25, 40]], [c for c in X if c.startswith("audio")]] = np.nan
    X.loc[X.index[[11, 26, 41]], [c for c in X if c.startswith("visual")]] = np.nan
    return X, CLASSES[codes]


def blank_row(X):
    """The table with one row more, which has no view at all."""
    blank = X.iloc[[0]].assign(**{c: np.float32(np.nan) for c in X if "__" in c})
    return pd.concat([X, blank.set_axis(["blank"])])


def ask(exported, X):
    session = onnxruntime.InferenceSession(exported.SerializeToString(), providers=["CPUExecutionProvider"])
    views = json.loads({p.key: p.value for p in exported.metadata_props}["views"])
    assert [given.name for given in session.get_inputs()] == list(views)
    return session.run(
        ["label", "probabilities"], {view: X[names].to_numpy(dtype=np.float32) for view, names in views.items()}
    )


def assert_same(model, X, **options):
    labels, proba = ask(to_onnx(model, **options), X)
    np.testing.assert_allclose(proba, model.predict_proba(X), atol=1e-5, rtol=0)
    assert labels.tolist() == model.predict(X).tolist()


CLASSIFIERS = {
    "svm": "svm",
    "logistic": "logistic",
    "knn": "knn",
    "forest": RandomForestClassifier(20, random_state=0),
    "mlp": "mlp",
    "voting": "voting",
    "extra": ExtraTreesClassifier(20, random_state=0),
    "tree": DecisionTreeClassifier(random_state=0),
}
QUICK = [name for name in CLASSIFIERS if name != "voting"]


@pytest.mark.parametrize(("name", "selector"), [*((n, None) for n in CLASSIFIERS), *((n, "anova:3") for n in QUICK)])
def test_early_fusion(data, name, selector):
    X, y = data
    model = make_early((), CLASSIFIERS[name], selector).fit(X.iloc[:54], y[:54])
    assert_same(model, blank_row(X))


def test_selector_of_scikit_learn(data):
    X, y = data
    assert_same(make_early((), "logistic", SelectKBest(k=4)).fit(X, y), X)


def test_neighbours_with_equal_voices_and_another_distance(data):
    X, y = data
    assert_same(make_early((), KNeighborsClassifier(4)).fit(X, y), X)
    with pytest.raises(ExportError, match=r"KNeighborsClassifier .*Euclidean"):
        to_onnx(make_early((), KNeighborsClassifier(4, metric="manhattan")).fit(X, y))


@pytest.mark.parametrize("name", ["svm", "logistic"])
def test_two_classes(data, name):
    X, y = data
    rows = y != "fear"
    assert_same(make_early((), name).fit(X[rows], y[rows]), X)


@pytest.mark.parametrize("options", [{"weights": {"audio": 3.0}}, {"n_components": 2}, {"scaler": MinMaxScaler()}])
def test_weights_components_and_scalers(data, options):
    X, y = data
    assert_same(make_early((), "logistic", **options).fit(X, y), blank_row(X))


@pytest.mark.parametrize("weights", [None, [2.0, 0.5], [0.0, 1.0]])
@pytest.mark.parametrize("rule", ["mean", "product", "maximum", "minimum"])
def test_late_fusion(data, rule, weights):
    X, y = data
    model = make_late([("audio", "svm"), ("visual", "logistic")], rule, weights=weights).fit(X, y)
    table = blank_row(X)
    assert_same(model, table)
    np.testing.assert_allclose(ask(to_onnx(model), table)[1][-1], model["fuse"].prior_, atol=1e-6)


def test_one_branch_a_view_and_one_that_lacks_a_class(data):
    X, y = data
    X = X.copy()
    X.loc[y == "calm", [c for c in X if c.startswith("visual_b")]] = np.nan
    model = make_late("logistic", "mean", by="view").fit(X, y)
    assert len(model["fuse"].branches_["visual_b"].classes_) == 2
    assert_same(model, blank_row(X))


def test_stack(data):
    X, y = data
    assert_same(make_late([("visual", "logistic"), ("audio", "svm")], "stack").fit(X, y), blank_row(X))


@pytest.mark.parametrize("method", ["platt", "temperature"])
def test_calibrated_branches(data, method):
    X, y = data
    branches = [
        ("audio", CalibratedBranch(RandomForestClassifier(20, random_state=0), method, n_folds=3)),
        ("visual", "logistic"),
    ]
    assert_same(make_late(branches, "product").fit(X, y), blank_row(X))


def test_hybrid_with_groups_inside_of_groups(data):
    X, y = data
    groups = {"all": ["audio", "visual_b"], "pair": {"a": "audio", "c": (["visual_c"], "knn")}}
    model = make_hybrid(groups, "logistic", "product", weights=[1.0, 2.0]).fit(X, y)
    assert_same(model, blank_row(X))


@pytest.mark.parametrize("opset", [15, 18, 21])
def test_other_opsets(data, opset):
    X, y = data
    branches = [("audio", CLASSIFIERS["forest"]), ("visual", "mlp"), ("visual_c", "knn")]
    assert_same(make_late(branches, "minimum").fit(X, y), X, target_opset=opset)


def test_a_row_with_an_odd_hole_that_nothing_fills_gets_no_answer(data):
    X, y = data
    model = make_early((), "logistic")
    model = model.set_params(impute="passthrough").fit(X.dropna(), y[X.notna().all(axis=1)])
    labels, proba = ask(to_onnx(model), X)
    assert labels[3] == ""
    assert np.isnan(proba[3]).all()
    assert labels[0] != ""


def test_file_and_metadata(data, tmp_path):
    import onnx

    X, y = data
    path = save_onnx(make_early((), "logistic").fit(X, y), tmp_path / "new" / "model.onnx")
    facts = {p.key: json.loads(p.value) for p in onnx.load(path).metadata_props}
    assert facts["classes"] == CLASSES.tolist()
    assert facts["views"]["visual_c"] == ["visual_c__f0", "visual_c__f1"]
    assert facts["versions"]["ferfusion"]
    with pytest.raises(ExportError, match=r"ends in \.onnx, not '\.skops'"):
        save_onnx(make_early(), tmp_path / "model.skops")


def test_columns_go_in_by_their_fitted_order(data):
    X, y = data
    model = make_early((), "logistic").fit(X[X.columns[::-1]], y)
    assert_same(model, X)


class Child(LogisticRegression):
    """Could compute anything."""


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (make_early((), "svm", speaker_scaling="self"), "SpeakerScaler .*speaker_scaling=None"),
        (make_early((), GradientBoostingClassifier(n_estimators=2)), "GradientBoostingClassifier"),
        (make_early((), "xgboost"), "XGBClassifier"),
        (make_early((), Child()), "Child"),
        (make_late("logistic", "vote"), "LateFusionClassifier .*'vote'"),
        (make_late("logistic", "recall"), "TrainedFusionClassifier"),
        (make_late([("audio", CalibratedBranch("logistic", "isotonic")), ("visual", "svm")]), "isotonic"),
        (make_early([("text_tfidf", TextNgrams())], "logistic"), "'text_tfidf' .*TextNgrams .*numbers outside"),
        (make_late("logistic")["fuse"], "first step is Views"),
    ],
    ids=["speaker", "boosting", "xgboost", "child", "vote", "recall", "isotonic", "text", "bare"],
)
def test_what_cannot_be_exported_is_named(data, model, words):
    X, y = data
    model = model.fit(X.assign(text=["so good", "so bad", "well"] * 24), y)
    with pytest.raises(ExportError, match=words):
        to_onnx(model)


def test_passthrough_and_quality_are_named(data):
    X, y = data
    X = X.assign(snr=np.linspace(0, 30, len(X)))
    branch = make_late([("audio", "logistic")])["fuse"].branches[0]
    model = make_late([branch], "mean").set_params(fuse__quality={"audio": "snr"}).fit(X, y)
    with pytest.raises(ExportError, match="quality"):
        to_onnx(model)
    model = make_late([branch], "stack").set_params(fuse__passthrough=True).fit(X, y)
    assert isinstance(model["fuse"], StackedFusionClassifier)
    with pytest.raises(ExportError, match="passthrough"):
        to_onnx(model)


def test_without_the_extra_the_install_line_is_named(data, monkeypatch):
    import sys

    from ferfusion.base.errors import MissingDependencyError

    X, y = data
    model = make_early((), "logistic").fit(X, y)
    monkeypatch.setitem(sys.modules, "onnx.helper", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'ferfusion\[onnx\]'"):
        to_onnx(model)
