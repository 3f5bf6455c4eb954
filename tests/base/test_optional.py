"""Optional packages: absent ones are named with their install line, broken ones speak for themselves."""

from __future__ import annotations

import json

import pytest

from ferfusion.base.errors import FerfusionError, MissingDependencyError
from ferfusion.base.optional import installed, require


def test_installed():
    assert installed("numpy")
    assert not installed("no_such_package_xyz")


def test_present_package():
    assert require("json", needed_by="X", install="json") is json


def test_absent_package_is_named_with_its_install_line():
    expected = (
        "Reservoir needs the package 'no_such_package_xyz', which is not installed: pip install 'ferfusion[deep]'"
    )
    with pytest.raises(MissingDependencyError) as caught:
        require("no_such_package_xyz", needed_by="Reservoir", install="ferfusion[deep]")
    assert str(caught.value) == expected
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, FerfusionError)


def test_absent_part_of_a_package():
    with pytest.raises(MissingDependencyError, match=r"'json\.no_such_part'"):
        require("json.no_such_part", needed_by="X", install="json")


@pytest.mark.parametrize(
    ("body", "error", "match"),
    [
        ("import no_such_package_xyz", ModuleNotFoundError, "no_such_package_xyz"),
        ("raise RuntimeError('driver lost')", RuntimeError, "driver lost"),
        ("raise ModuleNotFoundError('no name given')", ModuleNotFoundError, "no name given"),
    ],
)
def test_broken_package_raises_its_own_error(tmp_path, monkeypatch, body, error, match):
    name = f"broken_package_{abs(hash(body))}"
    (tmp_path / f"{name}.py").write_text(body)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(error, match=match) as caught:
        require(name, needed_by="X", install="x")
    assert not isinstance(caught.value, MissingDependencyError)
