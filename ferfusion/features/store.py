"""Feature store: what was computed once from the same content in the same way is never computed again.

Content-addressed: a folder an extractor (by its fingerprint), a key a source (by the digest of its bytes and
segment). Writers of any number of processes may share a store: each key is computed under a lock that the
operating system drops when its holder dies, and a shard appears whole or not at all. Only keys are held in memory;
values are read shard by shard. What is least recently used goes first where the store is bounded, and nothing goes
that somebody is using.
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ferfusion.base.sizes import parse_size
from ferfusion.features.in_use import if_unused
from ferfusion.features.shards import SHARD_ERRORS, is_shard, shard_rows
from ferfusion.features.stored import StoredView

__all__ = ["LIMIT_VARIABLE", "FeatureStore", "StoredView"]

LIMIT_VARIABLE = "FERFUSION_STORE_LIMIT"

_SPARE = 20  # while it fills, a store is pruned to a 20th below its limit, so that this is not needed at each shard


class FeatureStore:
    """Cache of features in a folder.

    Parameters
    ----------
    path : str or Path
        Folder; made if it is not there.
    max_bytes : int or str, optional
        Largest size of all shards together, such as ``"10GB"``: when something was written, the least recently used
        shards are deleted until the rest fits. A process keeps what it is using until it has done with it, so that a
        single call may exceed the limit for its own length. The environment variable ``FERFUSION_STORE_LIMIT`` if
        None; without either there is no limit.

    Examples
    --------
    >>> import tempfile
    >>> store = FeatureStore(tempfile.mkdtemp())
    >>> store.status()
    []
    """

    def __init__(self, path: str | Path, max_bytes: int | str | None = None) -> None:
        self.path = Path(path).expanduser()
        self.path.mkdir(parents=True, exist_ok=True)
        limit = max_bytes if max_bytes is not None else os.environ.get(LIMIT_VARIABLE) or None
        self.max_bytes = None if limit is None else parse_size(limit)
        self._room = 0  # bytes that may be written before one looks at the folder again

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
        return StoredView(self.path / fingerprint, about or {}, self._written)

    def status(self) -> list[dict[str, Any]]:
        """What is stored.

        Returns
        -------
        list of dict
            One an extractor, with ``fingerprint``, ``extractor``, ``parameters``, ``about`` (all that was written
            about it), ``n_sources`` (recordings or texts), ``n_rows`` (of numbers; frames are counted one by one),
            ``bytes`` and ``last_used`` (time in UTC, ISO 8601).
        """
        rows = []
        for folder in self._folders():
            sizes = _shards_of(folder)
            if not sizes:
                continue
            about: dict[str, Any] = {}
            with suppress(OSError, ValueError):
                about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
            counts: dict[str, int] = {}
            for path in sizes:
                with suppress(*SHARD_ERRORS):
                    counts |= shard_rows(path)
            rows.append(
                {
                    "fingerprint": folder.name,
                    "extractor": about.get("extractor"),
                    "parameters": about.get("parameters"),
                    "about": about,
                    "n_sources": len(counts),
                    "n_rows": sum(counts.values()),
                    "bytes": sum(size for size, _ in sizes.values()),
                    "last_used": _iso(max(used for _, used in sizes.values())),
                }
            )
        return rows

    def totals(self, rows: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """Sums over all extractors.

        Parameters
        ----------
        rows : list of dict, optional
            What ``status`` has just given.

        Returns
        -------
        dict
            ``n_views``, ``n_sources``, ``n_rows``, ``bytes``, ``last_used`` (None if empty) and ``max_bytes``.
        """
        rows = self.status() if rows is None else rows
        sums = {name: sum(row[name] for row in rows) for name in ("n_sources", "n_rows", "bytes")}
        last = max((row["last_used"] for row in rows), default=None)
        return {"n_views": len(rows), **sums, "last_used": last, "max_bytes": self.max_bytes}

    def prune(self, max_bytes: int | str) -> dict[str, Any]:
        """Delete the least recently used shards until the rest fits.

        Parameters
        ----------
        max_bytes : int or str
            Such as ``"10GB"``; 0 deletes all that nobody uses.

        Returns
        -------
        dict
            ``bytes`` that are left, ``freed`` bytes, number of ``shards`` deleted, and ``in_use``: fingerprints of
            extractors of which nothing was deleted because a running process is using them.
        """
        with FileLock(self.path / ".prune.lock", thread_local=False):
            return self._prune(parse_size(max_bytes))

    def _prune(self, limit: int) -> dict[str, Any]:
        shards = {path: found for folder in self._folders() for path, found in _shards_of(folder).items()}
        left = sum(size for size, _ in shards.values())
        freed, n_deleted = 0, 0
        busy: dict[Path, bool] = {}
        with ExitStack() as gates:
            for path in sorted(shards, key=lambda path: (shards[path][1], path)):
                if left <= limit:
                    break
                folder = path.parent
                if folder not in busy:
                    busy[folder] = not gates.enter_context(if_unused(folder))
                if busy[folder]:
                    continue
                path.unlink(missing_ok=True)  # whoever looks finds the whole shard or none
                left -= shards[path][0]
                freed += shards[path][0]
                n_deleted += 1
        names = sorted(folder.name for folder, used in busy.items() if used)
        return {"bytes": left, "freed": freed, "shards": n_deleted, "in_use": names}

    def _written(self, n_bytes: int, *, done: bool = False) -> None:
        """Told of each shard, and at the end of each call that wrote."""
        if self.max_bytes is None:
            return
        self._room -= n_bytes
        if self._room >= 0 and not done:
            return
        spare = 0 if done else self.max_bytes // _SPARE
        with suppress(Timeout), FileLock(self.path / ".prune.lock", timeout=60 if done else 0, thread_local=False):
            left = self._prune(self.max_bytes - spare)["bytes"]
            self._room = max(self.max_bytes - left, self.max_bytes // _SPARE)

    def _folders(self) -> list[Path]:
        return sorted(path for path in self.path.iterdir() if path.is_dir())


def _shards_of(folder: Path) -> dict[Path, tuple[int, float]]:
    """Size in bytes and time of last use of a folder's shards."""
    found = {}
    for entry in os.scandir(folder):
        if is_shard(entry.name):
            with suppress(FileNotFoundError):  # just deleted by another process
                stat = entry.stat()
                found[Path(entry.path)] = (stat.st_size, stat.st_mtime)
    return found


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
