"""The same work on many items: here, in threads, in processes or on a cluster, whatever joblib has in force."""

from __future__ import annotations

import socket
import sys
import threading
import time
import uuid
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from typing import Any

from joblib import Parallel, delayed, effective_n_jobs, parallel_config
from joblib.parallel import get_active_backend
from threadpoolctl import ThreadpoolController

from ferfusion.base.errors import FerfusionError
from ferfusion.base.optional import require

__all__ = ["Portable", "dask_cluster", "n_workers", "one_blas_thread", "run_all"]

_BATCH = 64  # results a call where the backend gives them all at the end
_AHEAD = 2  # items a core of a cluster that are on their way at a time
_LOOK = 1.0  # seconds between looks at how large the cluster is

_KEPT = 8  # functions kept in a process

Function = Callable[[Any], Any]

_lock = threading.Lock()


class Portable:
    """A function that stays in a process once it came there: what it loads at first use is not loaded for each item.

    Parameters
    ----------
    function : callable
        Takes an item.
    one_thread : bool, default=False
        Whether linear algebra has one thread while the function works in another process.
    """

    def __init__(self, function: Function, one_thread: bool = False) -> None:
        self.function = function
        self.one_thread = one_thread
        self._token = uuid.uuid4().hex
        self._arrived = False

    def __call__(self, item: Any) -> Any:
        """Result for an item."""
        with one_blas_thread() if self._arrived and self.one_thread else nullcontext():
            return self.function(item)

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self._token, self.function, self.one_thread)


_here: OrderedDict[str, Portable] = OrderedDict()


def _arrived(token: str, function: Function, one_thread: bool) -> Portable:
    with _lock:
        found = _here.setdefault(token, Portable(function, one_thread))
        found._arrived = True
        _here.move_to_end(token)
        while len(_here) > _KEPT:
            _here.popitem(last=False)
        return found


def one_blas_thread() -> AbstractContextManager[Any]:
    """Context in which linear algebra has one thread, in all threads of this process.

    Work on many recordings at a time has a core for each; and how many threads share a product changes its last bits.
    """
    return _libraries(len(sys.modules)).limit(limits=1, user_api="blas")


@lru_cache(maxsize=1)
def _libraries(n_modules: int) -> ThreadpoolController:
    # to look for them takes milliseconds; a module that came since may have brought one along
    return ThreadpoolController()


def n_workers(n_jobs: int | None = None) -> int:
    """Number of items that ``run_all`` works on at a time.

    Parameters
    ----------
    n_jobs : int, optional
        As for ``run_all``.

    Returns
    -------
    int

    Raises
    ------
    FerfusionError
        If a cluster is in force that has no workers.
    """
    backend, _ = get_active_backend()
    if _client_of(backend) is None:
        return effective_n_jobs(_asked(n_jobs))
    if _within_worker():
        return 1
    try:
        return backend.effective_n_jobs(-1)  # waits for workers that are about to come
    except TimeoutError as error:
        message = f"The Dask cluster has no workers: {error}"
        raise FerfusionError(message) from error


def run_all(
    function: Function,
    items: Sequence[Any],
    *,
    n_jobs: int | None = None,
    prefer: str = "threads",
    threads_of_its_own: bool = False,
    lost: Callable[[Any, str], Any] | None = None,
) -> Iterator[Any]:
    """Results for many items, in the order in which they are done.

    Parameters
    ----------
    function : callable
        Takes an item. What it raises is raised here, and ends all.
    items : sequence
        What to work on.
    n_jobs : int, optional
        Workers; as joblib is configured if None, else 1. A Dask cluster always works with all it has.
    prefer : {"threads", "processes"}, default="threads"
        What is used where no joblib backend is in force.
    threads_of_its_own : bool, default=False
        Whether the function uses all cores by itself: threads then work on one item after the other.
    lost : callable, optional
        Takes an item that killed each worker of a cluster that worked on it, and why, and gives its result. Without
        it, such an item is an error.

    Yields
    ------
    object

    Raises
    ------
    FerfusionError
        If the cluster is gone.
    """
    client = _client_of(get_active_backend()[0])
    if client is not None and not _within_worker():
        yield from _on_cluster(client, function, items, lost)
    elif client is not None:
        # this is a task of the cluster itself, which is busy with the others; to wait for it could be for ever
        yield from map(function, items)
    else:
        backend, _ = get_active_backend(prefer=prefer)
        alone = threads_of_its_own and getattr(backend, "uses_threads", False)
        yield from _by_joblib(function, items, 1 if alone else _asked(n_jobs), prefer)


@contextmanager
def dask_cluster(address: str, timeout: float = 10.0) -> Iterator[Any]:
    """Have all that joblib does within the ``with`` block done by a Dask cluster.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``"tcp://127.0.0.1:8786"``.
    timeout : float, default=10
        Seconds to wait for an answer, and for a worker.

    Yields
    ------
    distributed.Client

    Raises
    ------
    MissingDependencyError
        If distributed is not installed.
    FerfusionError
        If nobody answers there, or no worker comes.
    """
    distributed = require("distributed", needed_by="A Dask cluster", install="ferfusion[dask]")
    try:
        _probe(address, timeout)
        client = distributed.Client(address, timeout=timeout)
    except (OSError, ValueError, MemoryError) as error:  # a web server's answer is taken for a huge array
        message = f"No Dask scheduler answers at {address!r} ({error})."
        raise FerfusionError(message) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=timeout)
        except TimeoutError as error:
            message = f"The Dask cluster at {address!r} has no worker: start one with 'dask worker {address}'."
            raise FerfusionError(message) from error
        with parallel_config(backend="dask"):
            yield client


def _probe(address: str, timeout: float) -> None:
    """Knock before a client is made: one that finds nobody complains again when Python ends."""
    from distributed.comm import get_address_host_port, parse_address

    if parse_address(address)[0] in ("tcp", "tls"):
        socket.create_connection(get_address_host_port(address), timeout).close()


def _asked(n_jobs: int | None) -> int | None:
    # joblib forgets the number in force where threads are preferred to its default backend
    return get_active_backend()[1] if n_jobs is None else n_jobs


def _by_joblib(function: Function, items: Sequence[Any], n_jobs: int | None, prefer: str) -> Iterator[Any]:
    backend, _ = get_active_backend(prefer=prefer)
    if not getattr(backend, "supports_return_generator", False):
        for first in range(0, len(items), _BATCH):
            part = items[first : first + _BATCH]
            yield from Parallel(n_jobs=n_jobs, prefer=prefer)(delayed(function)(item) for item in part)
        return
    parallel = Parallel(n_jobs=n_jobs, prefer=prefer, return_as="generator_unordered")
    results = parallel(delayed(function)(item) for item in items)
    try:
        for result in results:  # noqa: UP028 (which would close it before the warnings are held back)
            yield result
    finally:
        with warnings.catch_warnings():  # who stops in the middle knows that work is lost
            warnings.simplefilter("ignore")
            results.close()


def _client_of(backend: Any) -> Any:
    """Client of the Dask cluster if joblib has one in force, else None."""
    return backend.client if type(backend).__name__ == "DaskDistributedBackend" else None


def _within_worker() -> bool:
    from distributed import get_worker

    try:
        get_worker()
    except ValueError:
        return False
    return True


def _on_cluster(
    client: Any, function: Function, items: Sequence[Any], lost: Callable[[Any, str], Any] | None
) -> Iterator[Any]:
    # joblib's own way of working on Dask waits for ever for a task that killed its workers, and hands over data in a
    # way that a dying worker takes along; so the tasks are sent from here, each with all that it needs
    suspects: list[Any] = []
    for future, item, result in _finished(client, function, items):
        if _killed_workers(future):
            suspects.append(item)  # or was only there when another one did
        else:
            yield result
    for future, item, result in _finished(client, function, suspects, alone=True):
        if not _killed_workers(future):
            yield result
        elif lost is not None:
            yield lost(item, str(future.exception()))
        else:
            future.result()  # raises


def _finished(
    client: Any, function: Function, items: Sequence[Any], *, alone: bool = False
) -> Iterator[tuple[Any, Any, Any]]:
    """Futures with their items and results, as they are done; not many are on their way at a time."""
    from distributed import as_completed

    done = as_completed(loop=client.loop, with_results=True, raise_errors=False)
    running: dict[Any, Any] = {}
    waiting = iter(items)
    ahead, looked = 1, float("-inf")
    try:
        while True:
            if not alone and time.monotonic() - looked > _LOOK:
                ahead, looked = _AHEAD * max(1, _n_cores(client)), time.monotonic()
            for item in _first(waiting, ahead - len(running)):
                future = client.submit(function, item, pure=False)
                running[future] = item
                done.add(future)
            if not running:
                return
            future, result = next(done)
            item = running.pop(future)
            if future.status not in ("finished", "error"):
                message = f"The Dask cluster is gone (a task is {future.status}). A store keeps what was finished."
                raise FerfusionError(message)
            if future.status == "error" and not _killed_workers(future):
                future.result()  # raises
            yield future, item, result
    finally:
        if running:
            client.cancel(list(running))


def _killed_workers(future: Any) -> bool:
    from distributed import KilledWorker

    return future.status == "error" and isinstance(future.exception(), KilledWorker)


def _first(items: Iterator[Any], n: int) -> Iterator[Any]:
    for _, item in zip(range(n), items, strict=False):
        yield item


def _n_cores(client: Any) -> int:
    return sum(client.ncores().values())
