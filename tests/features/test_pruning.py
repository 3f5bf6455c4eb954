"""A store is held at a size: what is least recently used goes, and nothing that somebody is using."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from ferfusion.base.errors import FerfusionError
from ferfusion.features.in_use import if_unused, in_use
from ferfusion.features.store import FeatureStore

ROOT = Path(__file__).parents[2]
KEYS = [sha256(str(i).encode()).hexdigest()[:32] for i in range(200)]

HOLDER = """
import os, sys, types
from pathlib import Path

for name in ("base", "features"):  # the locks alone, without all that these two bring along
    package = sys.modules[f"ferfusion.{name}"] = types.ModuleType(f"ferfusion.{name}")
    package.__path__ = [os.path.join("ferfusion", name)]

from ferfusion.features.in_use import in_use

with in_use(Path(sys.argv[1])):
    print("in use", flush=True)
    sys.stdin.read()
"""


def numbers(keys, size=1000):
    """Values that do not compress."""
    for key in keys:
        yield key, np.random.default_rng(int(key[:8], 16)).normal(size=size)


def fill(store, view, keys, size=1000):
    store.view(view, {"extractor": view}).fill(keys, lambda wanted: numbers(wanted, size))


def shards(store, view):
    return sorted((store.path / view).glob("*.parquet"))


def sizes(store):
    return {row["fingerprint"]: row["bytes"] for row in store.status()}


def set_age(store, view, hours):
    for path in shards(store, view):
        when = time.time() - 3600 * hours
        os.utime(path, (when, when))


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path / "store")


@pytest.fixture
def three(store):
    """Three extractors of ten recordings; a was used last, then c, then b."""
    for view, hours in (("a", 1), ("b", 3), ("c", 2)):
        fill(store, view, KEYS[:10])
        set_age(store, view, hours)
    return store


def test_least_recently_used_goes_first(three):
    held = sizes(three)
    assert three.prune(sum(held.values())) == {"bytes": sum(held.values()), "freed": 0, "shards": 0, "in_use": []}
    assert three.prune(sum(held.values()) - 1) == {
        "bytes": held["a"] + held["c"], "freed": held["b"], "shards": 1, "in_use": []
    }  # fmt: skip
    assert sorted(sizes(three)) == ["a", "c"]
    three.prune(held["a"])
    assert sorted(sizes(three)) == ["a"]
    assert three.prune("1 kB")["bytes"] == 0
    assert three.status() == []


def test_reading_is_use(three):
    assert len(three.view("b").get(KEYS[:1])) == 1
    three.prune(sizes(three)["a"])
    assert sorted(sizes(three)) == ["b"]


def test_shards_of_one_extractor_go_one_by_one(store):
    for first in (0, 10, 20):
        fill(store, "a", KEYS[first : first + 10])
    for hours, path in enumerate(shards(store, "a")):
        os.utime(path, (1e9 - 3600 * hours,) * 2)
    kept = shards(store, "a")[0]
    store.prune(kept.stat().st_size)
    assert shards(store, "a") == [kept]
    assert len(store.view("a").keys()) == 10


def test_what_was_pruned_is_computed_again(three):
    view = three.view("a")
    assert len(view.get(KEYS[:10])) == 10
    three.prune(0)
    assert view.get(KEYS[:10]) == {}
    fill(three, "a", KEYS[:10])
    assert len(view.get(KEYS[:10])) == 10


def test_nothing_in_use_goes(three):
    with in_use(three.path / "b"):
        pruned = three.prune(0)
        assert pruned["in_use"] == ["b"]
        assert sorted(sizes(three)) == ["b"]
        assert pruned["bytes"] == sizes(three)["b"]
    assert three.prune(0)["in_use"] == []
    assert sizes(three) == {}


def test_in_use_by_another_process_until_it_dies(three):
    command = [sys.executable, "-c", HOLDER, str(three.path / "b")]
    holder = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout.readline() == b"in use\n"
        assert three.prune(0)["in_use"] == ["b"]
    finally:
        holder.kill()
        holder.communicate(timeout=30)
    assert list((three.path / "b" / "locks").glob("use-*"))
    assert three.prune(0)["in_use"] == []
    assert not list((three.path / "b" / "locks").glob("use-*"))


def test_who_begins_waits_for_who_deletes(three):
    began = threading.Event()

    def begin():
        with in_use(three.path / "a"):
            began.set()

    with if_unused(three.path / "a") as unused:
        assert unused
        thread = threading.Thread(target=begin)
        thread.start()
        assert not began.wait(0.2)
    assert began.wait(30)
    thread.join()


def test_only_shards_are_deleted(three):
    theirs = three.path / "a" / "notes.parquet"
    theirs.write_bytes(b"somebody else's")
    folder = three.path / "notes"
    folder.mkdir()
    (folder / "table.parquet").write_bytes(b"somebody else's")
    three.prune(0)
    assert theirs.exists()
    assert (folder / "table.parquet").exists()
    assert sorted(path.name for path in folder.iterdir()) == ["table.parquet"]


def test_what_the_dead_left_half_written_goes(three):
    draft = three.path / "a" / f".{'0' * 32}.parquet.{'1' * 32}"
    draft.write_bytes(b"half")
    with in_use(three.path / "a"):
        assert not draft.exists()
        draft.write_bytes(b"half")  # as it is being written
        three.prune(0)
        three.view("a").get(KEYS)
        assert draft.exists()
    three.prune(0)
    assert not draft.exists()


def test_store_stays_below_its_limit(tmp_path, monkeypatch):
    seen = []
    store = FeatureStore(tmp_path / "store", max_bytes=100_000)
    assert store.max_bytes == 100_000
    for i in range(12):
        fill(store, f"view{i}", KEYS[:5])
        set_age(store, f"view{i}", hours=100 - i)
        seen.append(store.totals()["bytes"])
    assert max(seen) <= 100_000
    assert seen[-1] > 50_000
    assert "view11" in sizes(store)
    assert "view0" not in sizes(store)


def test_one_call_may_exceed_the_limit_until_it_is_done(tmp_path):
    store = FeatureStore(tmp_path / "store", max_bytes="100kB")
    fill(store, "other", KEYS[:5])
    set_age(store, "other", 5)
    during = []

    def compute(keys):
        for pair in numbers(keys):
            during.append(sizes(store))
            yield pair

    values = store.view("a").fill(KEYS, compute)
    assert len(values) == 200  # all of them, whatever is kept
    assert max(held.get("a", 0) for held in during) > 100_000
    assert "other" not in during[-1]  # what nobody used had to go first
    assert store.totals()["bytes"] <= 100_000


def test_the_folder_is_looked_at_now_and_then(tmp_path, monkeypatch):
    looks = []
    prune = FeatureStore._prune
    monkeypatch.setattr(FeatureStore, "_prune", lambda self, limit: looks.append(limit) or prune(self, limit))
    store = FeatureStore(tmp_path / "store", max_bytes="10MB")
    for first in range(0, 200, 10):
        store.view("a")._add(dict(numbers(KEYS[first : first + 10])))
    assert looks == [9_500_000]


def test_limit_by_the_environment(tmp_path, monkeypatch):
    assert FeatureStore(tmp_path).max_bytes is None
    monkeypatch.setenv("FERFUSION_STORE_LIMIT", "2 GB")
    assert FeatureStore(tmp_path).max_bytes == 2_000_000_000
    assert FeatureStore(tmp_path, "1MB").max_bytes == 1_000_000
    assert FeatureStore(tmp_path, 0).max_bytes == 0
    monkeypatch.setenv("FERFUSION_STORE_LIMIT", "much")
    with pytest.raises(FerfusionError, match="such as '10GB'"):
        FeatureStore(tmp_path)


def test_folder_that_may_only_be_read(three, monkeypatch):
    monkeypatch.setattr("ferfusion.features.in_use.os.access", lambda path, mode: False)
    assert len(three.view("a").get(KEYS[:10])) == 10
    assert not list((three.path / "a" / "locks").glob("use-*"))
