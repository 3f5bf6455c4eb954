"""What is stored of one extractor: asked for key by key, filled by any number of processes at once."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from ferfusion.base.files import write_whole
from ferfusion.features.in_use import in_use
from ferfusion.features.shards import SHARD_ERRORS, read_shard, shard_keys, write_shard

__all__ = ["StoredView"]

_STRIPES = 64  # locks an extractor; enough for dozens of workers to find work of their own
_BATCH = 64  # sources a shard; what a kill can lose
_SHARD_BYTES = 16 * 2**20  # a shard of frames is closed earlier

Computed = dict[str, np.ndarray]
Compute = Callable[[list[str]], Iterable[tuple[str, np.ndarray]]]


class StoredView:
    """Stored values of one extractor; made by ``FeatureStore.view``."""

    def __init__(self, folder: Path, about: dict, written: Callable[..., None] = lambda n_bytes, done=False: None):
        self.folder = folder
        (folder / "locks").mkdir(parents=True, exist_ok=True)
        if about and not (folder / "about.json").exists():
            write_whole(folder / "about.json", json.dumps(about, indent=1, default=repr).encode())
        self._written = written
        self._shards: dict[str, list[str]] = {}  # name -> keys
        self._index: dict[str, str] = {}  # key -> name of a shard that holds it

    def keys(self) -> set[str]:
        """Keys stored by now, by anybody."""
        self._refresh()
        return set(self._index)

    def get(self, keys: Iterable[str]) -> Computed:
        """Values of those keys that are stored."""
        with in_use(self.folder):
            self._refresh()
            return dict(self._stored(keys))

    def fill(self, keys: Sequence[str], compute: Compute, at_once: int = _BATCH) -> Computed:
        """Have all of these keys computed once, by this process or by another: ``stream``, collected.

        Returns
        -------
        dict of str to ndarray
            Without the keys that could not be computed.
        """
        return dict(self.stream(keys, compute, at_once))

    def stream(self, keys: Sequence[str], compute: Compute, at_once: int = _BATCH) -> Iterator[tuple[str, np.ndarray]]:
        """Values of these keys, one after the other, each computed once by this process or by another.

        Parameters
        ----------
        keys : sequence of str
            What is wanted.
        compute : callable
            Takes a list of keys and gives pairs of a key and its value, as they come, of those that can be computed.
        at_once : int, default=64
            About how many keys ``compute`` is given together.

        Yields
        ------
        key : str
            In any order; those that could not be computed are left out.
        value : ndarray of float32
        """
        wrote = False
        with in_use(self.folder):
            self._refresh()
            wanted = dict.fromkeys(keys)
            for key, value in self._stored(wanted):
                yield key, value
                del wanted[key]
            stripes: dict[int, list[str]] = {}
            for key in wanted:
                stripes.setdefault(int(key[:8], 16) % _STRIPES, []).append(key)
            while stripes:
                with ExitStack() as locks:
                    missing = dict.fromkeys(self._take(stripes, locks, at_once))
                    self._refresh()
                    for key, value in self._stored(missing):  # another process was faster
                        yield key, value
                        del missing[key]
                    wrote = wrote or bool(missing)
                    yield from self._computed(list(missing), compute)
        if wrote:
            self._written(0, done=True)

    def _computed(self, keys: list[str], compute: Compute) -> Iterator[tuple[str, np.ndarray]]:
        shard: Computed = {}
        size = 0
        results = compute(keys) if keys else ()
        try:
            for key, value in results:
                shard[key] = np.asarray(value, dtype=np.float32)
                size += shard[key].nbytes
                yield key, shard[key]
                if len(shard) >= _BATCH or size >= _SHARD_BYTES:
                    self._add(shard)
                    shard, size = {}, 0
        finally:  # an interrupt does not lose what was computed before
            self._add(shard)
            if hasattr(results, "close"):
                results.close()

    def _take(self, stripes: dict[int, list[str]], locks: ExitStack, at_once: int) -> list[str]:
        # Free stripes first; only with empty hands does one wait, so two processes never wait for each other.
        taken: list[str] = []
        for stripe in list(stripes):
            if len(taken) >= at_once:
                break
            if self._lock(stripe, locks, wait=False):
                taken += stripes.pop(stripe)
        if not taken:
            stripe = next(iter(stripes))
            self._lock(stripe, locks, wait=True)
            taken = stripes.pop(stripe)
        return taken

    def _lock(self, stripe: int, locks: ExitStack, *, wait: bool) -> bool:
        lock = FileLock(self.folder / "locks" / f"{stripe:02d}.lock", timeout=-1 if wait else 0, thread_local=False)
        try:
            locks.enter_context(lock)
        except Timeout:
            return False
        return True

    def _refresh(self) -> None:
        """See what others have written or deleted."""
        there = {entry.name for entry in os.scandir(self.folder) if not entry.name.startswith(".")}
        there = {name for name in there if name.endswith(".parquet")}
        self._forget(name for name in list(self._shards) if name not in there)
        for name in sorted(there - set(self._shards)):
            try:
                self._know(name, shard_keys(self.folder / name))
            except FileNotFoundError:
                continue
            except SHARD_ERRORS as error:
                self._leave_aside(name, error)

    def _know(self, name: str, keys: list[str]) -> None:
        self._shards[name] = keys
        self._index.update(dict.fromkeys(keys, name))

    def _forget(self, names: Iterable[str]) -> None:
        if [self._shards.pop(name) for name in names]:
            self._index = {key: name for name, keys in self._shards.items() for key in keys}

    def _leave_aside(self, name: str, error: Exception) -> None:
        message = f"The feature shard {self.folder / name} is damaged and left aside ({error}); it may be deleted."
        warnings.warn(message, UserWarning, stacklevel=2)
        self._forget([name] if name in self._shards else [])
        self._shards[name] = []

    def _stored(self, keys: Iterable[str]) -> Iterator[tuple[str, np.ndarray]]:
        """Values of the keys that are stored, a shard in memory at a time."""
        left = dict.fromkeys(keys)
        while True:
            shards: dict[str, list[str]] = {}
            for key in left:
                if key in self._index:
                    shards.setdefault(self._index[key], []).append(key)
            if not shards:
                return
            for name, wanted in shards.items():
                for key, value in self._read(name, wanted).items():
                    yield key, value
                    del left[key]

    def _read(self, name: str, keys: list[str]) -> Computed:
        path = self.folder / name
        try:
            values = read_shard(path, keys)
            if len(values) < len(keys):
                message = "it lost some of its keys"
                raise ValueError(message)
        except FileNotFoundError:
            self._forget([name])
            return {}
        except SHARD_ERRORS as error:
            self._leave_aside(name, error)
            return {}
        with suppress(OSError):
            os.utime(path)  # the time of last use
        return values

    def _add(self, computed: Computed) -> None:
        if computed:
            path = write_shard(self.folder, computed)
            self._know(path.name, list(computed))
            self._written(path.stat().st_size)
