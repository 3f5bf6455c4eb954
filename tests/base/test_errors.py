"""Errors say what was given, what there is and what was probably meant, and survive the way back from a worker."""

from __future__ import annotations

import inspect
import pickle

import pytest
from joblib import Parallel, delayed

from ferfusion.base import errors
from ferfusion.base.errors import FerfusionError, UnknownNameError, closest, shorten
from ferfusion.fusion.rules import as_rule


@pytest.fixture
def unknown():
    return UnknownNameError("system", "baseline_erly", {"baseline_late": 1, "baseline_early": 2})


def test_unknown_name_says_given_allowed_and_nearest(unknown):
    assert str(unknown) == (
        "Unknown system 'baseline_erly'. Did you mean 'baseline_early'? There are: baseline_early, baseline_late."
    )
    assert (unknown.kind, unknown.given, unknown.allowed) == (
        "system",
        "baseline_erly",
        ["baseline_early", "baseline_late"],
    )


def test_unknown_name_without_a_near_one():
    assert str(UnknownNameError("view", "zzz", ["audio"])) == "Unknown view 'zzz'. There are: audio."
    assert str(UnknownNameError("view", None, [])) == "Unknown view None. There are: none."


def test_unknown_name_is_a_key_and_a_value_error(unknown):
    assert isinstance(unknown, KeyError)
    assert isinstance(unknown, ValueError)
    assert isinstance(unknown, FerfusionError)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_round_trip(unknown, protocol):
    again = pickle.loads(pickle.dumps(unknown, protocol))
    assert type(again) is UnknownNameError
    assert str(again) == str(unknown)
    assert (again.kind, again.given, again.allowed) == (unknown.kind, unknown.given, unknown.allowed)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_error_comes_back_from_a_worker(backend):
    with pytest.raises(UnknownNameError, match="Did you mean 'product'") as caught:
        Parallel(n_jobs=2, backend=backend)(delayed(as_rule)(name) for name in ["prodct", "prodct"])
    assert caught.value.given == "prodct"


@pytest.mark.parametrize("name", [name for name in errors.__all__ if inspect.isclass(getattr(errors, name))])
def test_every_error_has_the_same_root_and_can_be_pickled(name):
    kind = getattr(errors, name)
    assert issubclass(kind, FerfusionError)
    error = kind("k", "g", ["a"]) if kind is UnknownNameError else kind("what happened")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("ComParE_2016", "ComParE_2016"), ("compare2016", "ComParE_2016"), ("is9", "IS09"), ("mfcc", None), (9, None)],
)
def test_closest(given, expected):
    assert closest(given, ["ComParE_2016", "IS09", "eGeMAPSv02"]) == expected


@pytest.mark.parametrize(
    ("items", "n", "expected"),
    [([], 5, ""), (["a"], 5, "'a'"), ([1, 2], 2, "'1', '2'"), (range(7), 3, "'0', '1', '2' and 4 more")],
)
def test_shorten(items, n, expected):
    assert shorten(items, n) == expected
