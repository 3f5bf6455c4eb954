"""How a number came about."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from ferfusion import __version__, make_system
from ferfusion.evaluation import evaluate
from ferfusion.evaluation.provenance import digest, parameters_of, plain_value, provenance
from ferfusion.fusion import make_early, make_late


def test_parameters_are_flat_and_plain():
    model = make_pipeline(FunctionTransformer(np.log), LogisticRegression(C=2.0, class_weight={"anger": 2}))
    found = parameters_of(model)
    assert found["logisticregression__C"] == 2.0
    assert found["logisticregression"] == "LogisticRegression"
    assert found["logisticregression__class_weight"] == "{'anger': 2}"
    assert found["functiontransformer__func"] == "numpy.log"
    assert json.loads(json.dumps(found)) == found


def test_where_and_how_fast_are_left_out():
    elsewhere = make_system("baseline_late", store="/elsewhere", n_jobs=3, on_error="raise")
    assert parameters_of(elsewhere) == parameters_of(make_system("baseline_late"))


@pytest.mark.parametrize("key", ["baseline_early", "baseline_late"])
def test_what_matters_is_in(key):
    base = digest(parameters_of(make_system(key)))
    for other in ({"views": ["audio"]}, {"skip": ["text"]}, {"classifier": "forest"}, {"speaker_scaling": None}):
        assert digest(parameters_of(make_system(key, **other))) != base


def test_branches_in_a_list_are_told_apart():
    """Else a run would go on in the checkpoint of a system with other branches."""

    def made(c):
        return make_late([("audio", LogisticRegression(C=c)), ("text", make_early((), "svm"))])

    found = parameters_of(made(1.0))
    assert found["fuse__branches__audio__classify__estimator__C"] == 1.0
    assert found["fuse__branches__text__classify__estimator"] == "WideLinearSVC"
    assert digest(parameters_of(made(2.0))) != digest(found) == digest(parameters_of(made(1.0)))
    pipeline = make_early((), "svm")
    assert sum(key.endswith("classify__estimator__C") for key in parameters_of(pipeline)) == 1


def test_a_function_is_told_by_its_name():
    """Its address differs in each process, and a run could not go on where it stopped."""
    system = make_late([("text", make_pipeline(FunctionTransformer(np.tanh), LogisticRegression()))])
    assert plain_value(np.mean) == "numpy.mean"
    assert plain_value(make_late) == "ferfusion.fusion.assemble.make_late"
    assert not any(" at 0x" in str(value) for value in parameters_of(system).values())


def test_digest():
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest([1, 2]) != digest([2, 1])
    assert len(digest(object())) == 16


def test_content():
    found = provenance(LogisticRegression(), 3, {"name": "toy"}, {"name": "speaker"})
    assert found["seed"] == 3
    assert found["versions"]["ferfusion"] == __version__
    assert found["versions"]["numpy"] == np.__version__
    assert (found["corpus"], found["protocol"]) == ({"name": "toy"}, {"name": "speaker"})
    json.dumps(found)


def test_evaluation_carries_it(toy):
    corpus = toy()
    result = evaluate("baseline_early", corpus, seed=9, verbose=False)
    assert result.seed == result.provenance["seed"] == 9
    assert result.provenance["corpus"]["checksum"] == corpus.checksum()
    assert result.provenance["corpus"]["n_utterances"] == 48
    assert result.provenance["protocol"] == result.protocol
    assert result.provenance["system"]["classify__estimator"] == "WideLinearSVC"
    assert set(result.provenance["seconds"]) == {"features", "folds"}
