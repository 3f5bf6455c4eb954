"""Versions of what numbers depend on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from ferfusion import __version__

__all__ = ["versions"]

_PACKAGES = ("numpy", "pandas", "scipy", "scikit-learn", "xgboost", "opensmile", "soundfile", "soxr")


def versions() -> dict[str, str]:
    """Versions of Python, ferfusion and the packages that numbers depend on.

    Returns
    -------
    dict of str to str
        ``"not installed"`` for a package that is absent.
    """
    found = {"python": platform.python_version(), "ferfusion": __version__}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
