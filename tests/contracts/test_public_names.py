"""What is public: it exists, is documented, and nothing is listed that is not there."""

import doctest
import importlib
import inspect
import pkgutil
import warnings

import matplotlib as mpl
import pytest

import ferfusion

SUBPACKAGES = ["base", "context", "corpora", "evaluation", "export", "features", "fusion", "nn", "selection"]
MODULES = sorted(info.name for info in pkgutil.walk_packages(ferfusion.__path__, "ferfusion."))


def test_top_level_names():
    promised = {
        "list_systems",
        "make_system",
        "list_corpora",
        "load_corpus",
        "evaluate",
        "save_model",
        "load_model",
        "cite",
    }
    assert promised | {"__version__"} == set(ferfusion.__all__)
    for name in ferfusion.__all__:
        assert getattr(ferfusion, name)
        assert name in dir(ferfusion)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        ferfusion.nonsense  # noqa: B018


@pytest.mark.parametrize("name", SUBPACKAGES)
def test_subpackages_export_what_they_list(name):
    module = getattr(ferfusion, name)
    assert module.__all__ == sorted(module.__all__, key=lambda n: (not n.isupper(), n[0].islower(), n))
    for public in module.__all__:
        assert hasattr(module, public)


@pytest.mark.parametrize("name", MODULES)
def test_modules_list_only_what_they_have(name):
    module = importlib.import_module(name)
    assert module.__doc__
    for public in getattr(module, "__all__", []):
        value = getattr(module, public)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), f"{public} has no docstring"


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    module = importlib.import_module(name)
    mpl.use("agg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=ImportWarning)
        failed, _ = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert failed == 0
