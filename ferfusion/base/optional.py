"""Optional packages: imported where they are used, named with their install line when absent."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from ferfusion.base.errors import MissingDependencyError

__all__ = ["installed", "require"]


def installed(module: str) -> bool:
    """Whether a top-level module can be imported, without importing it."""
    return find_spec(module) is not None


def require(module: str, *, needed_by: str, install: str) -> ModuleType:
    """Import an optional module or say how to get it.

    Parameters
    ----------
    module : str
        Name of the module, such as ``"opensmile"``.
    needed_by : str
        What needs it, for the message.
    install : str
        What to install, such as ``"ferfusion[deep]"`` or ``"opensmile"``.

    Returns
    -------
    module

    Raises
    ------
    MissingDependencyError
        If the module is absent. A module that is present but broken raises its own error.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        package = module.split(".")[0]
        missing = module if installed(package) else package
        message = f"{needed_by} needs the package {missing!r}, which is not installed: pip install '{install}'"
        raise MissingDependencyError(message) from error
