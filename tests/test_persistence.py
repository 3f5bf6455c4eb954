"""Models on disk: what is loaded is what was saved, and nothing else is ever run."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections import OrderedDict
from hashlib import sha256
from zipfile import ZipFile

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
import soundfile
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from ferfusion import load_model, make_system, save_model
from ferfusion.base.errors import ModelFileError, UnknownNameError, UntrustedModelError
from ferfusion.base.versions import versions
from ferfusion.evaluation import evaluate
from ferfusion.features import Views, named_view
from ferfusion.fusion import make_early, make_late
from ferfusion.fusion.classifiers import CLASSIFIERS
from ferfusion.persistence import TRUSTED_TYPES, read_metadata


@pytest.fixture
def table(toy):
    corpus = toy()
    return corpus.X, corpus.y


@pytest.fixture
def fitted(table):
    return make_system("baseline_early").fit(*table)


class OnOpening:
    """Makes a file when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


class Own(BaseEstimator):
    """A type on nobody's list."""

    def __init__(self, value=1):
        self.value = value

    def fit(self, X, y):
        return self


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_every_classifier_comes_back(table, tmp_path, classifier):
    X, y = table
    model = make_system("baseline_early", classifier=classifier)
    small = [name for name in model.get_params() if name.endswith("n_estimators")]
    model.set_params(**dict.fromkeys(small, 8))
    model.fit(X, y)
    path = save_model(model, tmp_path / "model.skops")
    again = load_model(path)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.predict(X).tolist() == model.predict(X).tolist()
    assert again.classes_.tolist() == ["anger", "neutral", "sadness"]


@pytest.mark.parametrize("rule", ["mean", "product", "vote", "stack"])
def test_every_rule_comes_back(table, tmp_path, rule):
    X, y = table
    model = make_system("baseline_late", rule=rule).fit(X, y)
    again = load_model(save_model(model, tmp_path / "model.skops"))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_raw_recordings_and_words(featured_corpus, small_corpus, tmp_path):
    system = make_system("baseline_late", views=["audio_egemaps", "text", "visual"])
    model = system.fit(featured_corpus.X, featured_corpus.y)
    again = load_model(save_model(model, tmp_path / "model.skops"))
    raw = small_corpus.X.iloc[:12]
    np.testing.assert_array_equal(again.predict_proba(raw), model.predict_proba(raw))


def test_what_was_scored_is_what_is_saved(toy, tmp_path):
    corpus = toy()
    result = evaluate("baseline_early", corpus, verbose=False)
    held_out = (corpus.X["speaker"] == "03").to_numpy()
    model = make_system("baseline_early").fit(corpus.X[~held_out], corpus.y[~held_out])
    again = load_model(save_model(model, tmp_path / "fold.skops"))
    scored = result.predictions[held_out][[f"p_{name}" for name in again.classes_]]
    np.testing.assert_array_equal(again.predict_proba(corpus.X[held_out]), scored)


def test_fresh_process_says_the_same_of_a_recording(featured_corpus, small_corpus, tmp_path):
    system = make_system("baseline_early", views=["audio_egemaps", "text_tfidf"])
    model = system.fit(featured_corpus.X, featured_corpus.y)
    sound = tmp_path / "call.wav"
    soundfile.write(sound, small_corpus.X["audio"].iloc[3], 16000, subtype="FLOAT")
    path = tmp_path / "model.joblib"
    joblib.dump(model, path)
    opened = f"import joblib; model = joblib.load({str(path)!r})"
    row = f"pd.DataFrame({{'audio': [{str(sound)!r}], 'text': ['so happy']}}, index=['call'])"
    code = f"{opened}\nimport json, pandas as pd\nprint(json.dumps(model.predict_proba({row}).tolist()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = model.predict_proba(pd.DataFrame({"audio": [str(sound)], "text": ["so happy"]}, index=["call"]))
    np.testing.assert_allclose(json.loads(done.stdout), here, rtol=1e-12)


def walk(part, path="model", seen=None):
    """All values that an object holds, with where they are."""
    seen = set() if seen is None else seen
    if id(part) in seen:
        return
    seen.add(id(part))
    yield path, part
    if isinstance(part, dict):
        inside = part.items()
    elif isinstance(part, list | tuple) or (isinstance(part, np.ndarray) and part.dtype == object):
        inside = enumerate(part)
    else:
        inside = vars(part).items() if hasattr(part, "__dict__") and not isinstance(part, type) else ()
    for name, value in inside:
        yield from walk(value, f"{path}.{name}", seen)


@pytest.mark.parametrize("key", ["baseline_early", "baseline_late"])
@pytest.mark.parametrize("parameters", [{}, {"speaker_scaling": None}], ids=["scaled", "unscaled"])
def test_no_fitted_attribute_is_a_pandas_object(featured_corpus, key, parameters):
    model = make_system(key, views=["audio_egemaps", "text", "visual"], **parameters)
    model.fit(featured_corpus.X, featured_corpus.y)
    held = [path for path, value in walk(model) if isinstance(value, pd.DataFrame | pd.Series | pd.Index)]
    assert held == []


def test_store_of_the_training_machine_is_forgotten(featured_corpus, tmp_path):
    X, y = featured_corpus.X, featured_corpus.y
    place = str(tmp_path / "store")
    views = Views([named_view("text_tfidf")], store=place, verbose=False)
    within = make_late([("text", make_early(views, "logistic")), ("visual", "logistic")]).fit(X, y)
    outside = make_system("baseline_early", views=["text"], store=place).fit(X, y)
    for model, ending in ((within, "skops"), (outside, "joblib")):
        held = [path for path, value in walk(model) if isinstance(value, str) and value == place]
        assert held
        again = load_model(save_model(model, tmp_path / f"model.{ending}"), trusted=True)
        assert [path for path, value in walk(again) if isinstance(value, str) and value == place] == []
        np.testing.assert_allclose(again.predict_proba(X), model.predict_proba(X))


def test_sidecar(fitted, tmp_path):
    path = save_model(fitted, tmp_path / "deep" / "model.skops", {"system": "mine"})
    sidecar = json.loads((tmp_path / "deep" / "model.skops.json").read_text(encoding="utf-8"))
    assert sidecar == read_metadata(path)
    assert sidecar["sha256"] == sha256(path.read_bytes()).hexdigest()
    assert sidecar["classes"] == ["anger", "neutral", "sadness"]
    assert sidecar["features"] == [f"{view}__{name}" for view in ("audio_x", "visual_y") for name in "abc"]
    assert (sidecar["system"], sidecar["kind"], sidecar["format"]) == ("mine", ".skops", 1)
    assert sidecar["versions"]["numpy"] == np.__version__
    assert read_metadata(tmp_path / "other.skops") == {}


@pytest.mark.parametrize("name", ["model.pkl", "model", "model.skops.json"])
def test_other_endings_are_refused(fitted, tmp_path, name):
    with pytest.raises(ModelFileError, match=r"ends in \.skops or \.joblib"):
        save_model(fitted, tmp_path / name)
    with pytest.raises(ModelFileError, match=r"ends in \.skops or \.joblib"):
        load_model(tmp_path / name)


def test_absent(tmp_path):
    with pytest.raises(ModelFileError, match="does not exist"):
        load_model(tmp_path / "none.skops")


def test_missing_sidecar_warns(fitted, table, tmp_path):
    path = save_model(fitted, tmp_path / "model.skops")
    (tmp_path / "model.skops.json").unlink()
    with pytest.warns(UserWarning, match=r"no sidecar model\.skops\.json: which versions made it is unknown"):
        again = load_model(path)
    np.testing.assert_array_equal(again.predict_proba(table[0]), fitted.predict_proba(table[0]))


def test_swapped_sidecar(fitted, table, tmp_path):
    one = save_model(fitted, tmp_path / "one.skops")
    other = make_system("baseline_early", classifier="logistic").fit(*table)
    save_model(other, tmp_path / "two.skops")
    (tmp_path / "two.skops.json").replace(tmp_path / "one.skops.json")
    with pytest.raises(ModelFileError, match=r"not the file that one\.skops\.json describes"):
        load_model(one)


@pytest.mark.parametrize("content", ["{", "[1, 2]", "\xff"], ids=["cut", "list", "text"])
def test_damaged_sidecar(fitted, tmp_path, content):
    path = save_model(fitted, tmp_path / "model.skops")
    (tmp_path / "model.skops.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(ModelFileError, match="is damaged"):
        load_model(path)


def test_truncated(fitted, tmp_path):
    path = save_model(fitted, tmp_path / "model.skops")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelFileError, match="changed or cut short"):
        load_model(path)


@pytest.mark.filterwarnings("ignore:.*has no sidecar")
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.999])
def test_truncated_without_sidecar(fitted, tmp_path, share):
    path = save_model(fitted, tmp_path / "model.skops")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    (tmp_path / "model.skops.json").unlink()
    with pytest.raises(ModelFileError, match=r"is no \.skops model"):
        load_model(path)


@pytest.mark.filterwarnings("ignore:.*has no sidecar")
@pytest.mark.parametrize("lacking", ["schema.json", "array"])
def test_archive_without_its_parts(fitted, tmp_path, lacking):
    whole, cut = save_model(fitted, tmp_path / "model.skops"), tmp_path / "cut.skops"
    with ZipFile(whole) as source, ZipFile(cut, "w") as target:
        for name in source.namelist():
            if name != lacking and not (lacking == "array" and name.endswith(".npy")):
                target.writestr(name, source.read(name))
    with pytest.raises(ModelFileError, match="no model that this version can read"):
        load_model(cut)


@pytest.mark.parametrize("name", ["ferfusion", "scikit-learn", "xgboost", "opensmile"])
def test_other_versions_warn(fitted, tmp_path, name):
    path = save_model(fitted, tmp_path / "model.skops")
    sidecar = tmp_path / "model.skops.json"
    content = json.loads(sidecar.read_text(encoding="utf-8"))
    content["versions"][name] = "0.0.1"
    content["versions"]["python"] = "2.7"
    sidecar.write_text(json.dumps(content), encoding="utf-8")
    with pytest.warns(UserWarning, match=rf"other versions: {name} 0\.0\.1 \(here [0-9.]+\)\. Its predictions"):
        load_model(path)


@pytest.mark.parametrize("bare", [True, False], ids=["bare", "with sidecar"])
@pytest.mark.filterwarnings("ignore:.*has no sidecar")
def test_pickle_named_skops_is_not_run(tmp_path, bare):
    trace, path = tmp_path / "trace", tmp_path / "model.skops"
    path.write_bytes(pickle.dumps(OnOpening(trace)))
    if not bare:
        sidecar = {"sha256": sha256(path.read_bytes()).hexdigest(), "versions": versions()}
        path.with_name("model.skops.json").write_text(json.dumps(sidecar))
    for trusted in (False, True):
        with pytest.raises(ModelFileError):
            load_model(path, trusted=trusted)
    assert not trace.exists()


@pytest.mark.filterwarnings("ignore:.*has no sidecar")
def test_pickle_named_joblib_is_run_only_if_trusted(tmp_path):
    trace, path = tmp_path / "trace", tmp_path / "model.joblib"
    joblib.dump({"model": OnOpening(trace)}, path)
    with pytest.raises(UntrustedModelError, match="can run any code"):
        load_model(path)
    assert not trace.exists()
    with pytest.raises(ModelFileError, match="holds no model"):
        load_model(path, trusted=True)
    assert trace.exists()


def test_joblib(fitted, table, tmp_path):
    path = save_model(fitted, tmp_path / "model.joblib")
    with pytest.raises(UntrustedModelError, match=r"trusted=True \(--trust"):
        load_model(path)
    again = load_model(path, trusted=True)
    np.testing.assert_array_equal(again.predict_proba(table[0]), fitted.predict_proba(table[0]))


@pytest.mark.filterwarnings("ignore:.*has no sidecar")
@pytest.mark.parametrize(
    "make",
    [
        lambda: Own(),
        lambda: FunctionTransformer(os.system),
        lambda: LogisticRegression(class_weight=OrderedDict(a=Own())),
        lambda: make_early((), Own()),
    ],
    ids=["own class", "function", "nested", "in a system"],
)
def test_types_that_are_not_on_the_list(tmp_path, make):
    path = tmp_path / "model.skops"
    path.write_bytes(skops.io.dumps(make()))
    for trusted in (False, True):
        with pytest.raises(UntrustedModelError, match=r"not on the reviewed list and is not opened: .*(Own|system)"):
            load_model(path, trusted=trusted)


@pytest.mark.filterwarnings("ignore:.*has no sidecar")
def test_forged_type_is_not_run(tmp_path):
    """A file whose schema names a function that would leave a trace."""
    honest, forged, trace = tmp_path / "honest.skops", tmp_path / "forged.skops", tmp_path / "trace"
    honest.write_bytes(skops.io.dumps(FunctionTransformer(np.log, kw_args={"name": str(trace)})))
    with ZipFile(honest) as source, ZipFile(forged, "w") as target:
        for name in source.namelist():
            schema = source.read(name).replace(b'"FunctionTransformer"', b'"mkdir"')
            target.writestr(name, schema.replace(b'"sklearn.preprocessing._function_transformer"', b'"os"'))
    with pytest.raises(ModelFileError):
        load_model(forged)
    assert not trace.exists()


def test_model_that_nobody_could_load_is_not_written(table, tmp_path):
    model = make_early((), LogisticRegression(class_weight=Own()))
    path = tmp_path / "model.skops"
    with pytest.raises(ModelFileError, match=r"not on the reviewed list.*Name the file \.joblib"):
        save_model(model, path)
    assert not path.exists()


def damage_root_to_itself(state):
    state["nodes"]["left_child"][0] = 0


def damage_child_outside(state):
    state["nodes"]["right_child"][0] = 10_000


def damage_feature(state):
    state["nodes"]["feature"][0] = 9


def damage_feature_negative(state):
    state["nodes"]["feature"][0] = -9


def damage_circle(state):
    inner = np.flatnonzero(state["nodes"]["left_child"] > 0)
    state["nodes"]["left_child"][inner[1]] = inner[0] or inner[1]


def damage_count(state):
    state["node_count"] += 1000


@pytest.mark.filterwarnings("ignore:.*has no sidecar")
@pytest.mark.parametrize(
    "damage",
    [
        damage_root_to_itself,
        damage_child_outside,
        damage_feature,
        damage_feature_negative,
        damage_circle,
        damage_count,
    ],
)
@pytest.mark.parametrize("kind", ["tree", "forest", "late"])
def test_damaged_tree(table, tmp_path, damage, kind):
    X, y = table
    tree = DecisionTreeClassifier(random_state=0) if kind == "tree" else RandomForestClassifier(2, random_state=0)
    model = make_late(tree).fit(X, y) if kind == "late" else make_early((), tree).fit(X, y)
    path = save_model(model, tmp_path / "model.skops")
    load_model(path)
    trees = [part for _, part in walk(model) if isinstance(part, DecisionTreeClassifier)]
    holder = next(part for part in trees if hasattr(part, "tree_"))
    state = holder.tree_.__getstate__()
    state["nodes"] = state["nodes"].copy()
    damage(state)
    holder.tree_.__setstate__(state)
    path.write_bytes(skops.io.dumps(model))
    path.with_name("model.skops.json").unlink()
    with pytest.raises(ModelFileError, match="damaged decision tree"):
        load_model(path)


@pytest.mark.filterwarnings("ignore:.*has no sidecar")
@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps([1, 2])], ids=["empty", "text", "list"])
def test_no_model_at_all(tmp_path, content):
    path = tmp_path / "model.joblib"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="no model"):
        load_model(path, trusted=True)
    other = tmp_path / "model.skops"
    other.write_bytes(skops.io.dumps({"a": 1}))
    with pytest.raises(ModelFileError, match="holds no model"):
        load_model(other)


def test_list_of_trusted_types_names_what_is_there():
    from importlib import import_module

    assert len(set(TRUSTED_TYPES)) == len(TRUSTED_TYPES)
    for name in TRUSTED_TYPES:
        module, _, attribute = name.rpartition(".")
        assert isinstance(getattr(import_module(module), attribute), type)


def test_errors_survive_the_way_between_processes():
    error = UnknownNameError("system", "basline", ["baseline"])
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert type(again) is UnknownNameError
