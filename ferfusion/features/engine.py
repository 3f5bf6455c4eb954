"""Runs an extractor over many sources: each content once, in parallel, faults collected, store asked first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from ferfusion.base.errors import AudioError, FeatureError
from ferfusion.features.extractor import Extractor
from ferfusion.features.sources import digest_of
from ferfusion.features.store import FeatureStore

__all__ = ["Extraction", "extract"]

_BATCH = 64


@dataclass
class Extraction:
    """What came out.

    Parameters
    ----------
    outcomes : list of ndarray or None
        By source; None where missing or unusable.
    digests : list of str
        By source.
    faults : dict of int to str
        Position of each source that could not be used, and why.
    """

    outcomes: list[np.ndarray | None]
    digests: list[str]
    faults: dict[int, str] = field(default_factory=dict)


def extract(
    extractor: Extractor,
    sources: Sequence[Any],
    *,
    store: FeatureStore | None = None,
    n_jobs: int | None = None,
    title: str = "",
    progress: bool = True,
) -> Extraction:
    """Features of many sources.

    Parameters
    ----------
    extractor : Extractor
        One that does not learn.
    sources : sequence of Recording, str or None
        None is passed over.
    store : FeatureStore, optional
        Asked first, and filled.
    n_jobs : int, optional
        Threads, or workers of the joblib backend in force.
    title : str
        For the progress bar.
    progress : bool, default=True
        Show the bar where there is a terminal.

    Returns
    -------
    Extraction
    """
    digests = [digest_of(source) for source in sources]
    by_key: dict[str, Any] = {}
    for position, source in enumerate(sources):
        if source is not None:
            # a file that is not there has no digest; it still has to fail under its own name
            by_key.setdefault(digests[position] or f"missing:{position}", source)
    reasons: dict[str, str] = {}
    with tqdm(total=len(by_key), desc=title, unit="rec", disable=None if progress else True, leave=False) as bar:

        def compute(keys: list[str]) -> dict[str, np.ndarray]:
            outcomes = Parallel(n_jobs=n_jobs, prefer="threads")(delayed(_try)(extractor, by_key[key]) for key in keys)
            bar.update(len(keys))
            reasons.update({key: out for key, out in zip(keys, outcomes, strict=True) if isinstance(out, str)})
            return {key: out for key, out in zip(keys, outcomes, strict=True) if not isinstance(out, str)}

        done = _fill(extractor, list(by_key), compute, store)
    values, faults = [], {}
    for position, source in enumerate(sources):
        key = digests[position] or f"missing:{position}"
        values.append(None if source is None else done.get(key))
        if source is not None and key not in done:
            faults[position] = reasons.get(key, "could not be computed by another process")
    return Extraction(values, digests, faults)


def _fill(extractor: Extractor, keys: list[str], compute: Any, store: FeatureStore | None) -> dict[str, np.ndarray]:
    done: dict[str, np.ndarray] = {}
    plain = keys
    if store is not None:
        plain = [key for key in keys if key.startswith("missing:")]
        stored = [key for key in keys if not key.startswith("missing:")]
        done |= store.view(extractor.fingerprint(), extractor.identity()).fill(stored, compute)
    for first in range(0, len(plain), _BATCH):
        done |= compute(plain[first : first + _BATCH])
    return done


def _try(extractor: Extractor, source: Any) -> np.ndarray | str:
    try:
        return extractor.compute(source)
    except (AudioError, FeatureError) as error:
        message = str(error)
        label = getattr(source, "label", "")
        return message if not label or label in message else f"{label}: {message}"
