"""How a number came about: versions, parameters, machine, data."""

from __future__ import annotations

import json
import platform
import sys
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ferfusion.base.versions import versions

__all__ = ["digest", "parameters_of", "plain_value", "provenance"]

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
        An estimator among the values stands as its class's name; its own parameters have their own entries, also
        where it stands in a list, such as that of branches.
    """
    flat = {}
    given = estimator.get_params(deep=True)
    for name, value in sorted(given.items()):
        if name.split("__")[-1] not in _NO_MATTER:
            flat[name] = plain_value(value)
            flat |= _of_listed(name, value, given)
    return flat


def _of_listed(name: str, value: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Parameters of estimators in a list, where scikit-learn does not give them as it does for a Pipeline's steps."""
    found: dict[str, Any] = {}
    beside = name.rpartition("__")[0]
    for i, item in enumerate(value if isinstance(value, list | tuple) else ()):
        own, estimator = item if isinstance(item, tuple) and len(item) == 2 else (str(i), item)
        if isinstance(estimator, BaseEstimator) and f"{beside}__{own}".removeprefix("__") not in given:
            found |= {f"{name}__{own}__{key}": told for key, told in parameters_of(estimator).items()}
    return found


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


def plain_value(value: Any) -> Any:
    """A value of a parameter ready for JSON; an estimator by its class's name, a function by where it is defined."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    if isinstance(value, BaseEstimator):
        return type(value).__name__
    if callable(value) and hasattr(value, "__qualname__"):  # its repr is an address, another in each process
        return f"{value.__module__}.{value.__qualname__}"
    return repr(value)
