"""Feature store: what was computed once from the same content in the same way is never computed again.

Content-addressed: a folder an extractor (by its fingerprint), a key a source (by the digest of its bytes and
segment). Writers of any number of processes may share a store: each key is computed under a lock that the
operating system drops when its holder dies, and a shard appears whole or not at all.
"""

from __future__ import annotations

import json
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from ferfusion.base.files import write_whole

__all__ = ["FeatureStore", "StoredView"]

_STRIPES = 64  # locks an extractor; enough for dozens of workers to find work of their own
_BATCH = 64  # sources a shard; what a kill can lose

Computed = dict[str, np.ndarray]


class FeatureStore:
    """Cache of features in a folder.

    Parameters
    ----------
    path : str or Path
        Folder; made if it is not there.

    Examples
    --------
    >>> import tempfile
    >>> store = FeatureStore(tempfile.mkdtemp())
    >>> store.status()
    []
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        self.path.mkdir(parents=True, exist_ok=True)

    def view(self, fingerprint: str, about: dict | None = None) -> StoredView:
        """What is stored of one extractor.

        Parameters
        ----------
        fingerprint : str
            Of the extractor and its parameters.
        about : dict, optional
            Description for people, written beside the shards.

        Returns
        -------
        StoredView
        """
        return StoredView(self.path / fingerprint, about or {})

    def status(self) -> list[dict]:
        """What is stored: a dictionary an extractor with ``about``, ``n_sources`` and ``bytes``."""
        rows = []
        for folder in sorted(path for path in self.path.iterdir() if (path / "about.json").is_file()):
            view = StoredView(folder, {})
            size = sum(path.stat().st_size for path in folder.glob("*.parquet"))
            about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
            rows.append({"fingerprint": folder.name, "about": about, "n_sources": len(view.keys()), "bytes": size})
        return rows


class StoredView:
    """Stored values of one extractor; made by ``FeatureStore.view``."""

    def __init__(self, folder: Path, about: dict) -> None:
        self.folder = folder
        (folder / "locks").mkdir(parents=True, exist_ok=True)
        if about and not (folder / "about.json").exists():
            write_whole(folder / "about.json", json.dumps(about, indent=1, default=repr).encode())
        self._values: Computed = {}
        self._seen: set[str] = set()

    def keys(self) -> set[str]:
        """Keys stored by now, by anybody."""
        self._refresh()
        return set(self._values)

    def get(self, keys: Iterable[str]) -> Computed:
        """Values of those keys that are stored."""
        self._refresh()
        return {key: self._values[key] for key in keys if key in self._values}

    def fill(self, keys: Sequence[str], compute: Callable[[list[str]], Computed]) -> Computed:
        """Have all of these keys computed once, by this process or by another.

        Parameters
        ----------
        keys : sequence of str
            What is wanted.
        compute : callable
            Takes a list of keys and returns the values of those that could be computed.

        Returns
        -------
        dict of str to ndarray
            Without the keys that could not be computed.
        """
        stored = self.get(keys)
        wanted = [key for key in dict.fromkeys(keys) if key not in stored]
        stripes: dict[int, list[str]] = {}
        for key in wanted:
            stripes.setdefault(int(key[:8], 16) % _STRIPES, []).append(key)
        while stripes:
            with ExitStack() as locks:
                taken = self._take(stripes, locks)
                have = self.get(taken)  # another process may have been faster
                missing = [key for key in taken if key not in have]
                for batch in _batches(missing):
                    self._add(compute(batch))
        return self.get(keys)

    def _take(self, stripes: dict[int, list[str]], locks: ExitStack) -> list[str]:
        # Free stripes first; only with empty hands does one wait, so two processes never wait for each other.
        taken: list[str] = []
        for stripe in list(stripes):
            if len(taken) >= _BATCH:
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
        for path in sorted(self.folder.glob("*.parquet")):
            if path.name in self._seen:
                continue
            try:
                self._values.update(_read_shard(path))
            except (OSError, KeyError, ValueError, pa.ArrowException) as error:
                warnings.warn(
                    f"The feature shard {path} is damaged and left aside ({error}).", UserWarning, stacklevel=3
                )
            self._seen.add(path.name)

    def _add(self, computed: Computed) -> None:
        if not computed:
            return
        name = f"{uuid.uuid4().hex}.parquet"
        arrays = [np.asarray(value, dtype=np.float32) for value in computed.values()]
        table = pa.table(
            {
                "key": list(computed),
                "shape": [list(array.shape) for array in arrays],
                "values": pa.array([array.ravel() for array in arrays], type=pa.list_(pa.float32())),
            }
        )
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        write_whole(self.folder / name, sink.getvalue().to_pybytes())
        self._values.update(zip(computed, arrays, strict=True))
        self._seen.add(name)


def _read_shard(path: Path) -> Computed:
    table = pq.read_table(path)
    values = table["values"].combine_chunks()
    flat, offsets = values.values.to_numpy(), values.offsets.to_numpy()
    keys, shapes = table["key"].to_pylist(), table["shape"].to_pylist()
    return {key: flat[offsets[i] : offsets[i + 1]].reshape(shapes[i]) for i, key in enumerate(keys)}


def _batches(keys: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(keys), _BATCH):
        yield keys[first : first + _BATCH]
