"""Speech emotion recognition by multi-modal fusion, as scikit-learn estimators.

Importing the package loads nothing heavy; each name below is fetched when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "cite": "ferfusion.catalog",
    "evaluate": "ferfusion.evaluation",
    "list_corpora": "ferfusion.corpora",
    "list_systems": "ferfusion.catalog",
    "load_corpus": "ferfusion.corpora",
    "load_model": "ferfusion.persistence",
    "make_system": "ferfusion.catalog",
    "save_model": "ferfusion.persistence",
}
_SUBPACKAGES = (
    "base",
    "catalog",
    "context",
    "corpora",
    "evaluation",
    "export",
    "features",
    "fusion",
    "nn",
    "persistence",
    "selection",
    "systems",
)

__all__ = [
    "__version__",
    "cite",
    "evaluate",
    "list_corpora",
    "list_systems",
    "load_corpus",
    "load_model",
    "make_system",
    "save_model",
]

if TYPE_CHECKING:
    from ferfusion.catalog import cite, list_systems, make_system
    from ferfusion.corpora import list_corpora, load_corpus
    from ferfusion.evaluation import evaluate
    from ferfusion.persistence import load_model, save_model


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name in _SUBPACKAGES:
        return import_module(f"ferfusion.{name}")
    message = f"module 'ferfusion' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBPACKAGES})
