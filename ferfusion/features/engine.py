"""Runs an extractor over many sources: each content once, in parallel, faults collected, store asked first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from ferfusion.base.errors import AudioError, FeatureError
from ferfusion.features.extractor import Extractor
from ferfusion.features.store import FeatureStore
from ferfusion.features.workers import Portable, n_workers, one_blas_thread, run_all

__all__ = ["Extraction", "extract"]

_AT_ONCE = 64  # sources whose locks are held together, at least
_PER_WORKER = 16  # of them a worker, so that no worker waits long for the last of the others
_MANY = 64  # sources an extractor of batches is given together

Key = tuple[str, Any]  # of a source, and the source


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
    reduce: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Extraction:
    """Features of many sources.

    A source is read when it is its turn, and let go of when its features are there: only these are kept. The store is
    filled as they come. Whatever joblib backend is in force does the work; of a Dask cluster, each worker has to find
    the files under the same names, while only this process reads and writes the store.

    Parameters
    ----------
    extractor : Extractor
        One that does not learn.
    sources : sequence of Recording, str, list or None
        None is passed over.
    store : FeatureStore, optional
        Asked first, and filled.
    n_jobs : int, optional
        Workers: of the joblib backend in force, else threads or, for extractors that ``prefer`` them, processes.
        What joblib is configured for if None, else 1. A Dask cluster always works with all it has.
    title : str
        For the progress bar.
    progress : bool, default=True
        Show the bar where there is a terminal.
    reduce : callable, optional
        Makes of each outcome what is kept of it, such as the mean of frames; the store gets the whole. So frames of
        a large corpus can be computed and used without being in memory together.

    Returns
    -------
    Extraction
    """
    digests = ["" if source is None else extractor.digest(source) for source in sources]
    by_key: dict[str, Any] = {}
    for position, source in enumerate(sources):
        if source is not None:
            # a file that is not there has no digest; it still has to fail under its own name
            by_key.setdefault(digests[position] or f"missing:{position}", source)
    work = Portable(partial(_try_batch, extractor), one_thread=not extractor.batches)
    reasons: dict[str, str] = {}
    done: dict[str, np.ndarray] = {}
    with tqdm(total=len(by_key), desc=title, unit="rec", disable=None if progress else True, leave=False) as bar:

        def compute(keys: list[str]) -> Iterator[tuple[str, np.ndarray]]:
            for key, outcome in _outcomes(extractor, work, [(key, by_key[key]) for key in keys], n_jobs):
                if isinstance(outcome, str):
                    reasons[key] = outcome
                    bar.update()
                else:
                    yield key, outcome

        # where an extractor has threads of its own it may use them
        with nullcontext() if extractor.batches else one_blas_thread():
            for key, outcome in _stream(extractor, list(by_key), compute, store, n_jobs):
                done[key] = outcome if reduce is None else reduce(outcome)
                bar.update()
    values, faults = [], {}
    for position, source in enumerate(sources):
        key = digests[position] or f"missing:{position}"
        values.append(None if source is None else done.get(key))
        if source is not None and key not in done:
            faults[position] = reasons.get(key, "could not be computed by another process")
    return Extraction(values, digests, faults)


def _stream(
    extractor: Extractor, keys: list[str], compute: Any, store: FeatureStore | None, n_jobs: int | None
) -> Iterator[tuple[str, np.ndarray]]:
    plain = keys
    if store is not None:
        plain = [key for key in keys if key.startswith("missing:")]
        stored = [key for key in keys if not key.startswith("missing:")]
        view = store.view(extractor.fingerprint(), extractor.identity())
        yield from view.stream(stored, compute, max(_AT_ONCE, _PER_WORKER * n_workers(n_jobs)))
    if plain:
        yield from compute(plain)


def _outcomes(
    extractor: Extractor, work: Portable, sources: list[Key], n_jobs: int | None
) -> Iterator[tuple[str, np.ndarray | str]]:
    """Features of sources by their keys, or why there are none; in the order in which they are done."""
    size = min(_MANY, -(-len(sources) // n_workers(n_jobs))) if extractor.batches else 1
    batches = [sources[first : first + size] for first in range(0, len(sources), size)]
    again: list[Key] = []

    def lost(batch: list[Key], reason: str) -> list[tuple[str, np.ndarray | str]]:
        if len(batch) == 1:
            (key, source) = batch[0]
            return [(key, _labelled(source, f"Each process that worked on it died. {reason}"))]
        again.extend(batch)  # one of them is at fault
        return []

    setting: dict[str, Any] = {
        "n_jobs": n_jobs,
        "prefer": getattr(extractor, "prefer", "threads"),
        "threads_of_its_own": extractor.batches,
        "lost": lost,
    }
    for done in run_all(work, batches, **setting):
        yield from done
    for done in run_all(work, [[one] for one in again], **setting):
        yield from done


def _try_batch(extractor: Extractor, batch: list[Key]) -> list[tuple[str, np.ndarray | str]]:
    if len(batch) > 1:
        try:
            values = extractor.compute_many([source for _, source in batch])
            return [(key, value) for (key, _), value in zip(batch, values, strict=True)]
        except (AudioError, FeatureError):
            pass  # one of them is at fault: each by itself says which
    return [(key, _try(extractor, source)) for key, source in batch]


def _try(extractor: Extractor, source: Any) -> np.ndarray | str:
    try:
        return extractor.compute(source)
    except (AudioError, FeatureError) as error:
        return _labelled(source, str(error))


def _labelled(source: Any, message: str) -> str:
    label = getattr(source, "label", "")
    return message if not label or label in message else f"{label}: {message}"
