"""How a number came about: versions, parameters, machine, data."""

from __future__ import annotations

import json
import platform
import sys
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sklearn.base import BaseEstimator

from ferfusion.base.versions import versions

__all__ = ["digest", "parameters_of", "provenance"]

# where and how fast, not what
_NO_MATTER = {"store", "n_jobs", "verbose", "on_error", "memory", "transform_input"}


def parameters_of(estimator: BaseEstimator) -> dict[str, Any]:
    """Parameters on which results depend, flat and ready for JSON.

    Parameters
    ----------
    estimator : estimator
        A system.

    Returns
    -------
    dict of str to str, number, bool, None or list
        An estimator among the values stands as its class's name; its own parameters have their own entries.
    """
    flat = {}
    for name, value in sorted(estimator.get_params(deep=True).items()):
        if name.split("__")[-1] not in _NO_MATTER:
            flat[name] = _plain(value)
    return flat


def digest(content: Any) -> str:
    """Short digest of anything that JSON can hold, 16 hexadecimal digits."""
    return sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def provenance(system: BaseEstimator, seed: int, corpus: dict[str, Any], protocol: dict[str, Any]) -> dict[str, Any]:
    """All that is needed to tell two runs apart.

    Parameters
    ----------
    system : estimator
        Unfitted.
    seed : int
        Of the run.
    corpus, protocol : dict
        What is to be said of them.

    Returns
    -------
    dict
        Ready for JSON.
    """
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "machine": f"{platform.system()} {platform.machine()}, {sys.implementation.name}",
        "seed": seed,
        "system": parameters_of(system),
        "corpus": corpus,
        "protocol": protocol,
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, BaseEstimator):
        return type(value).__name__
    return repr(value)
