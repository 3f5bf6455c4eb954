"""The store: each content once, whoever asks, and nothing lost but what was in flight."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ferfusion.features.audio.reading import Recording
from ferfusion.features.engine import extract
from ferfusion.features.store import FeatureStore, StoredView

ROOT = Path(__file__).parents[2]

WORKER = textwrap.dedent(
    """
    import os, signal, sys, time, types, uuid
    from hashlib import sha256
    from pathlib import Path

    import numpy as np

    for name in ("base", "features"):  # the store alone, without all that these two bring along
        package = sys.modules[f"ferfusion.{name}"] = types.ModuleType(f"ferfusion.{name}")
        package.__path__ = [os.path.join("ferfusion", name)]

    from ferfusion.features.store import FeatureStore

    store, marks, n, kill_at, wait_for, half_at = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:])
    keys = [sha256(str(i).encode()).hexdigest()[:32] for i in range(n)]
    numbers = {key: i for i, key in enumerate(keys)}

    def compute(batch):
        for key in batch:
            time.sleep(0.0002)
            (marks / f"key-{key}-{uuid.uuid4().hex}").touch()
            if kill_at and len(list(marks.glob("key-*"))) > kill_at:
                os.kill(os.getpid(), signal.SIGKILL)  # computed, but not yet written
            yield key, np.full(3, numbers[key])

    written, whole = [], Path.write_bytes

    def write_bytes(path, content):
        written.append(path)
        if len(written) == half_at:
            whole(path, content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)  # half-written
        return whole(path, content)

    Path.write_bytes = write_bytes
    (marks / f"here-{os.getpid()}").touch()
    while len(list(marks.glob("here-*"))) < wait_for:
        time.sleep(0.001)
    values = FeatureStore(store).view("f00", {"extractor": "Test"}).fill(keys, compute)
    assert all((values[key] == numbers[key]).all() for key in keys), "wrong values"
    print(len(values))
    """
)


def key_of(thing):
    return sha256(str(thing).encode()).hexdigest()[:32]


KEYS = [key_of(i) for i in range(5)]


class Computer:
    """Computes one number a key, and remembers what it was asked for."""

    def __init__(self, shape=(2,), unusable=()):
        self.shape, self.unusable, self.asked = shape, set(unusable), []

    def __call__(self, keys):
        for key in keys:
            self.asked.append(key)
            if key not in self.unusable:
                yield key, np.full(self.shape, int(key[:4], 16))


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path / "store")


@pytest.fixture
def marks(tmp_path):
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


def start_worker(tmp_path, n, kill_at=0, wait_for=0, half_at=0):
    command = [sys.executable, "-W", "error", "-c", WORKER, tmp_path / "store", tmp_path / "marks"]
    return subprocess.Popen(
        [*map(str, [*command, n, kill_at, wait_for, half_at])],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def counts(marks):
    """How often each key was computed."""
    keys = [path.name.split("-")[1] for path in marks.glob("key-*")]
    return {key: keys.count(key) for key in set(keys)}


def test_computed_once(store):
    compute = Computer()
    values = store.view("f00").fill([*KEYS, *KEYS], compute)
    assert sorted(compute.asked) == sorted(KEYS)
    assert set(values) == set(KEYS)
    for key in KEYS:
        np.testing.assert_array_equal(values[key], np.full(2, int(key[:4], 16)))
        assert values[key].dtype == np.float32
    again = Computer()
    same = FeatureStore(store.path).view("f00").fill(KEYS, again)
    assert again.asked == []
    for key in KEYS:
        np.testing.assert_array_equal(same[key], values[key])


def test_only_what_is_lacking_is_computed(store):
    store.view("f00").fill(KEYS[:3], Computer())
    compute = Computer()
    assert set(store.view("f00").fill(KEYS, compute)) == set(KEYS)
    assert set(compute.asked) == set(KEYS[3:])


def test_extractors_do_not_mix(store):
    store.view("f00").fill(KEYS, Computer())
    compute = Computer(shape=(3,))
    values = store.view("f01").fill(KEYS, compute)
    assert set(compute.asked) == set(KEYS)
    assert values[KEYS[0]].shape == (3,)


def test_what_cannot_be_computed_is_asked_for_again(store):
    view = store.view("f00")
    assert set(view.fill(KEYS, Computer(unusable=KEYS[:2]))) == set(KEYS[2:])
    assert view.keys() == set(KEYS[2:])
    compute = Computer()
    assert set(view.fill(KEYS, compute)) == set(KEYS)
    assert set(compute.asked) == set(KEYS[:2])
    nothing = store.view("f02")
    assert nothing.fill(KEYS, Computer(unusable=KEYS)) == {}
    assert not list((store.path / "f02").glob("*.parquet"))


def test_get_computes_nothing(store):
    view, other = store.view("f00"), store.view("f00")
    assert view.get(KEYS) == {}
    other.fill(KEYS[:2], Computer())
    assert set(view.get(KEYS)) == set(KEYS[:2])  # what others add is seen


def test_frames_keep_their_shapes(store):
    shapes = dict(zip(KEYS, [(3, 4), (1, 4), (0, 4), (120, 4), (3, 4)], strict=True))
    rng = np.random.default_rng(0)
    made = {key: rng.normal(size=shape).astype(np.float32) for key, shape in shapes.items()}
    store.view("f00").fill(KEYS, lambda keys: [(key, made[key]) for key in keys])
    values = FeatureStore(store.path).view("f00").get(KEYS)
    for key in KEYS:
        assert values[key].shape == shapes[key]
        np.testing.assert_array_equal(values[key], made[key])


def test_frames_of_an_extractor_come_back(counting, calls, write, tone, store):
    sources = [Recording(write(f"{i}.wav", tone(0.1 * (i + 1), level=0.1 * (i + 1)))) for i in range(5)]
    extractor = counting.CountingFrames(counting.folder)
    plain, first = extract(extractor, sources), extract(extractor, sources, store=store)
    assert calls() == 10
    again = extract(extractor, sources, store=FeatureStore(store.path))
    assert calls() == 0
    for made, kept, read in zip(plain.outcomes, first.outcomes, again.outcomes, strict=True):
        np.testing.assert_array_equal(made, kept)
        np.testing.assert_array_equal(made, read)
        assert made.dtype == kept.dtype == read.dtype == np.float32
    (row,) = store.status()
    assert (row["n_sources"], row["n_rows"]) == (5, 15)


def test_large_frames_make_more_shards(store, monkeypatch):
    monkeypatch.setattr("ferfusion.features.stored._SHARD_BYTES", 4 * 1000 * 2)
    store.view("f00").fill(KEYS, lambda keys: [(key, np.ones((1000, 1))) for key in keys])
    assert len(list((store.path / "f00").glob("*.parquet"))) == 3
    assert len(FeatureStore(store.path).view("f00").get(KEYS)) == 5


def test_only_keys_are_held(store):
    view = store.view("f00")
    view.fill(KEYS, lambda keys: [(key, np.ones(1000)) for key in keys])
    assert view.keys() == set(KEYS)
    assert not any(isinstance(value, np.ndarray) for value in gc.get_referents(view.__dict__))
    (one,) = FeatureStore(store.path).view("f00").get(KEYS[:1]).values()
    assert one.base is None or one.base.nbytes < 5000  # without those beside it in the shard


def test_missing_values_are_kept(store):
    store.view("f00").fill(KEYS[:1], lambda keys: [(keys[0], np.array([1.0, np.nan]))])
    np.testing.assert_array_equal(FeatureStore(store.path).view("f00").get(KEYS)[KEYS[0]], [1.0, np.nan])


def test_fault_in_the_middle_keeps_what_was_done_and_frees_the_locks(store):
    keys = [key_of(i) for i in range(150)]
    first = Computer()

    def compute(batch):
        for pair in first(batch):
            if len(first.asked) == 100:
                raise KeyboardInterrupt
            yield pair

    with pytest.raises(KeyboardInterrupt):
        store.view("f00").fill(keys, compute)
    second = Computer()
    assert set(FeatureStore(store.path).view("f00").fill(keys, second)) == set(keys)
    assert len(first.asked) == 100
    assert len(second.asked) == 51  # all but the 99 that came out
    assert set(first.asked + second.asked) == set(keys)


@pytest.mark.parametrize(
    "damage", [lambda content: content[: len(content) // 2], lambda content: b"", lambda content: b"x" * len(content)]
)
def test_damaged_shard_is_said_and_computed_again(store, damage):
    store.view("f00").fill(KEYS[:2], Computer())
    (shard,) = (store.path / "f00").glob("*.parquet")
    store.view("f00").fill(KEYS[2:], Computer())
    shard.write_bytes(damage(shard.read_bytes()))
    compute = Computer()
    with pytest.warns(UserWarning, match=rf"{shard.name} is damaged and left aside") as said:
        values = FeatureStore(store.path).view("f00").fill(KEYS, compute)
    assert len(said) == 1
    assert set(compute.asked) == set(KEYS[:2])
    assert set(values) == set(KEYS)


def test_changed_bit_is_noticed(store):
    store.view("f00").fill(KEYS, lambda keys: [(key, np.random.default_rng(0).normal(size=1000)) for key in keys])
    (shard,) = (store.path / "f00").glob("*.parquet")
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(bytes(content))
    compute = Computer()
    with pytest.warns(UserWarning, match="is damaged and left aside"):
        values = FeatureStore(store.path).view("f00").fill(KEYS, compute)
    assert sorted(compute.asked) == sorted(KEYS)
    assert all(value.shape == (2,) for value in values.values())


def test_shard_that_lost_keys(store, monkeypatch):
    store.view("f00").fill(KEYS, Computer())
    monkeypatch.setattr("ferfusion.features.stored.read_shard", lambda path, keys: {})
    with pytest.warns(UserWarning, match="it lost some of its keys"):
        assert store.view("f00").get(KEYS) == {}


def test_shards_deleted_by_hand_are_computed_again(store):
    view = store.view("f00")
    view.fill(KEYS, Computer())
    for shard in (store.path / "f00").glob("*.parquet"):
        shard.unlink()
    compute = Computer()
    assert set(view.fill(KEYS, compute)) == set(KEYS)
    assert sorted(compute.asked) == sorted(KEYS)


def test_shard_deleted_while_one_looks(store, monkeypatch):
    view = store.view("f00")
    view.fill(KEYS, Computer())

    def gone(path, *rest):
        raise FileNotFoundError(path)

    with monkeypatch.context() as patch:
        patch.setattr("ferfusion.features.stored.read_shard", gone)
        assert view.get(KEYS) == {}
    with monkeypatch.context() as patch:
        patch.setattr("ferfusion.features.stored.shard_keys", gone)
        assert store.view("f00").keys() == set()


def test_parquet_file_of_somebody_else(store):
    view = store.view("f00")
    pd.DataFrame({"a": [1]}).to_parquet(store.path / "f00" / "notes.parquet")
    with pytest.warns(UserWarning, match=r"notes\.parquet is damaged"):
        assert set(view.fill(KEYS, Computer())) == set(KEYS)


def test_half_written_files_are_not_looked_at(store):
    view = store.view("f00")
    view.fill(KEYS[:1], Computer())
    (shard,) = (store.path / "f00").glob("*.parquet")
    (store.path / "f00" / f".{shard.name}.0123abcd").write_bytes(b"half")
    assert FeatureStore(store.path).view("f00").keys() == set(KEYS[:1])


def test_status(store):
    assert store.status() == []
    assert store.totals() == {
        "n_views": 0, "n_sources": 0, "n_rows": 0, "bytes": 0, "last_used": None, "max_bytes": None
    }  # fmt: skip
    store.view("f00", {"extractor": "A", "parameters": {"p": 1}}).fill(KEYS, Computer())
    store.view("f01", {"extractor": "B"}).fill(KEYS[:2], Computer(shape=(7, 2)))
    store.view("f02", {"extractor": "C"})  # holds nothing
    (store.path / "notes").mkdir()
    (store.path / "f01" / "about.json").write_text("damaged")
    first, second = store.status()
    assert (first["fingerprint"], first["about"]) == ("f00", {"extractor": "A", "parameters": {"p": 1}})
    assert (first["extractor"], first["parameters"], first["n_sources"], first["n_rows"]) == ("A", {"p": 1}, 5, 5)
    assert (second["fingerprint"], second["extractor"], second["n_sources"], second["n_rows"]) == ("f01", None, 2, 14)
    assert first["bytes"] == sum(path.stat().st_size for path in (store.path / "f00").glob("*.parquet")) > 0
    totals = store.totals()
    assert (totals["n_views"], totals["n_sources"], totals["n_rows"]) == (2, 7, 19)
    assert totals["bytes"] == first["bytes"] + second["bytes"]
    os.utime(next((store.path / "f00").glob("*.parquet")), (86400, 86400))
    assert store.status()[0]["last_used"] == "1970-01-02T00:00:00+00:00"
    assert store.totals()["last_used"] == second["last_used"]


def test_home_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    FeatureStore("~/deep/store")
    assert (tmp_path / "deep" / "store").is_dir()


def test_two_processes_compute_each_key_once(tmp_path, marks):
    workers = [start_worker(tmp_path, n=300, wait_for=2) for _ in range(2)]
    for worker in workers:
        out, err = worker.communicate(timeout=60)
        assert worker.returncode == 0, err
        assert out.strip() == "300"
    assert counts(marks) == dict.fromkeys([key_of(i) for i in range(300)], 1)


def test_killed_process_loses_only_what_was_in_flight(tmp_path, marks):
    worker = start_worker(tmp_path, n=300, kill_at=100)
    worker.communicate(timeout=60)
    assert worker.returncode == -signal.SIGKILL
    before = set(counts(marks))
    stored = FeatureStore(tmp_path / "store").view("f00").keys()
    lost = before - stored
    assert 0 < len(lost) <= 64  # one batch
    assert 0 < len(stored) == len(before) - len(lost)
    again = start_worker(tmp_path, n=300)
    out, err = again.communicate(timeout=60)  # nothing left behind blocks it
    assert again.returncode == 0, err
    assert out.strip() == "300"
    assert counts(marks) == {key: 2 if key in lost else 1 for key in map(key_of, range(300))}


def test_killed_again_and_again(tmp_path, marks):
    """Computing, half-way through a write, before the first shard: the store stays readable and goes on."""
    keys = {key_of(i): i for i in range(300)}
    before = 0
    for kill_at, half_at in [(30, 0), (0, 1), (0, 2), (250, 0), (0, 3)]:
        worker = start_worker(tmp_path, 300, kill_at, half_at=half_at)
        worker.communicate(timeout=60)
        assert worker.returncode == -signal.SIGKILL
        view = FeatureStore(tmp_path / "store").view("f00")
        assert len(list(view.folder.glob(".*.parquet.*"))) == bool(half_at)
        stored = view.get(keys)
        assert all((value == np.full(3, keys[key])).all() for key, value in stored.items())
        assert len(stored) >= before
        before = len(stored)
    last = start_worker(tmp_path, 300)
    out, err = last.communicate(timeout=60)
    assert (out.strip(), err, last.returncode) == ("300", "", 0)
    values = FeatureStore(tmp_path / "store").view("f00").get(keys)
    assert {key: int(value[0]) for key, value in values.items()} == keys
    assert not list((tmp_path / "store").rglob(".*.parquet.*"))  # what was half-written is gone


def test_who_comes_second_waits_and_computes_nothing(store, monkeypatch):
    waits = threading.Event()
    lock = StoredView._lock

    def spy(self, stripe, locks, *, wait):
        if wait:
            waits.set()
        return lock(self, stripe, locks, wait=wait)

    monkeypatch.setattr(StoredView, "_lock", spy)
    first, second, values = Computer(), Computer(), {}
    begun = threading.Event()

    def slow(keys):
        begun.set()
        assert waits.wait(30)  # not done before the other one has to wait
        yield from first(keys)

    thread = threading.Thread(target=lambda: values.update(store.view("f00").fill(KEYS, slow)))
    thread.start()
    assert begun.wait(30)
    assert set(store.view("f00").fill(KEYS, second)) == set(KEYS)
    thread.join()
    assert set(values) == set(KEYS)
    assert sorted(first.asked) == sorted(KEYS)
    assert second.asked == []
