"""The same work wherever joblib has it done."""

from __future__ import annotations

import gc
import os
import pickle
import sys
import threading
import time
import warnings
import weakref

import cloudpickle
import numpy as np
import pytest
from joblib import parallel_config
from threadpoolctl import threadpool_info, threadpool_limits

from ferfusion.base.errors import FerfusionError, MissingDependencyError
from ferfusion.features.audio.reading import Recording
from ferfusion.features.engine import extract
from ferfusion.features.extractor import AudioExtractor
from ferfusion.features.store import FeatureStore
from ferfusion.features.workers import Portable, dask_cluster, n_workers, run_all


def where(item):
    time.sleep(0.01)  # nobody does it all alone
    return item, os.getpid(), threading.get_ident()


def square(item):
    return item * item


def breaks_at_three(item):
    if item == 3:
        raise RuntimeError("a fault of the program")
    return item


def places(results, of):
    return {result[of] for result in results}


def test_here_if_nobody_says_otherwise():
    done = list(run_all(where, range(8)))
    assert [item for item, _, _ in done] == list(range(8))
    assert places(done, 2) == {threading.get_ident()}
    assert list(run_all(square, [])) == []
    assert n_workers() == n_workers(1) == 1
    assert n_workers(3) == 3


def test_threads_unless_processes_are_preferred():
    done = list(run_all(where, range(20), n_jobs=2))
    assert sorted(item for item, _, _ in done) == list(range(20))
    assert places(done, 1) == {os.getpid()}
    assert len(places(done, 2)) == 2
    assert os.getpid() not in places(run_all(where, range(8), n_jobs=2, prefer="processes"), 1)


@pytest.mark.parametrize("prefer", ["threads", "processes"])
def test_backend_in_force_is_used(prefer):
    with parallel_config("threading", n_jobs=2):
        assert places(run_all(where, range(20), prefer=prefer), 1) == {os.getpid()}
        assert n_workers() == 2
    with parallel_config("loky", n_jobs=2):
        assert os.getpid() not in places(run_all(where, range(8), prefer=prefer), 1)
    with parallel_config("multiprocessing", n_jobs=2):  # gives results only at the end
        assert sorted(run_all(square, range(100), prefer=prefer)) == [i * i for i in range(100)]
    with parallel_config(n_jobs=2):  # no backend, but a number
        assert n_workers() == 2
        assert len(places(run_all(where, range(20)), 2)) == 2
        assert len(places(run_all(where, range(20), n_jobs=1), 2)) == 1


def test_what_has_threads_of_its_own_is_given_one_item_at_a_time():
    assert len(places(run_all(where, range(20), n_jobs=2, threads_of_its_own=True), 2)) == 1
    with parallel_config("threading", n_jobs=2):
        assert len(places(run_all(where, range(20), threads_of_its_own=True), 2)) == 1
    with parallel_config("loky", n_jobs=2):  # who asks for processes gets them
        assert os.getpid() not in places(run_all(where, range(8), threads_of_its_own=True), 1)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_fault_of_the_program_ends_all(n_jobs):
    with pytest.raises(RuntimeError, match="a fault of the program"):
        list(run_all(breaks_at_three, range(100), n_jobs=n_jobs))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_who_stops_in_the_middle_is_not_warned(n_jobs):
    results = run_all(square, range(500), n_jobs=n_jobs)
    next(results)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results.close()


class Loading:
    """Loads something at first use, and says how often this was."""

    loaded = 0

    def __call__(self, item):
        if not hasattr(self, "_tool"):
            self._tool = object()
            Loading.loaded += 1
        return item, Loading.loaded

    def __getstate__(self):
        return {}


def test_portable_stays_where_it_came():
    work = Portable(Loading())
    sent = [pickle.dumps((work, i)) for i in range(5)]
    arrived = [pickle.loads(content) for content in sent]
    assert [function(item) for function, item in arrived] == [(i, 1) for i in range(5)]
    # another one of the same kind is not taken for it: its class may have been written anew
    other, item = pickle.loads(pickle.dumps((Portable(Loading()), 7)))
    assert other(item) == (7, 2)


@pytest.fixture(scope="module", autouse=True)
def _by_value():
    """Worker processes cannot import this module, so its classes travel whole."""
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


class Watched(AudioExtractor):
    """Knows how many of the signals that it was given are still alive."""

    def __init__(self, sampling_rate=None, channel=0):
        self.sampling_rate = sampling_rate
        self.channel = channel
        self.signals = []
        self.most = 0

    def feature_names(self):
        return ["n"]

    def process(self, signal, sampling_rate):
        self.signals.append(weakref.ref(signal))
        self.most = max(self.most, sum(signal() is not None for signal in self.signals))
        return np.array([len(signal)])


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("stored", [False, True])
def test_signals_are_let_go_of(n_jobs, stored, write, tone, tmp_path):
    sources = [Recording(write(f"{i}.wav", tone(0.05 + i / 16000))) for i in range(150)]
    extractor = Watched()
    gc.collect()
    done = extract(extractor, sources, store=FeatureStore(tmp_path / "store") if stored else None, n_jobs=n_jobs)
    assert [int(value[0]) for value in done.outcomes] == [800 + i for i in range(150)]
    assert extractor.most <= 2 * n_jobs
    assert sum(signal() is not None for signal in extractor.signals) <= 2 * n_jobs


def test_only_what_is_wanted_of_frames_is_kept(counting, write, tone, tmp_path):
    sources = [Recording(write(f"{i}.wav", tone(0.5 + i / 10))) for i in range(5)]
    store = FeatureStore(tmp_path / "store")
    extractor = counting.CountingFrames(counting.folder)
    means = extract(extractor, sources, store=store, reduce=lambda frames: frames.mean(axis=0))
    assert [value.shape for value in means.outcomes] == [(2,)] * 5
    again = extract(extractor, sources, store=store)  # the store has the whole
    assert [value.shape for value in again.outcomes] == [(5 + i, 2) for i in range(5)]
    assert len(list(counting.folder.iterdir())) == 5
    for mean, frames in zip(means.outcomes, again.outcomes, strict=True):
        np.testing.assert_array_equal(mean, frames.mean(axis=0))


class Preferring(AudioExtractor):
    """Says in which process it works."""

    prefer = "processes"

    def feature_names(self):
        return ["process"]

    def process(self, signal, sampling_rate):
        return np.array([os.getpid()])


def test_processes_where_an_extractor_prefers_them(write, tone):
    sources = [Recording(write(f"{i}.wav", tone(0.1 + i / 100))) for i in range(4)]
    done = extract(Preferring(), sources, n_jobs=2)
    assert os.getpid() not in [int(value[0]) for value in done.outcomes]
    with parallel_config("threading"):
        done = extract(Preferring(), sources, n_jobs=2)
    assert {int(value[0]) for value in done.outcomes} == {os.getpid()}


def test_cluster_that_is_not_there():
    pytest.importorskip("distributed")
    for address in ("tcp://127.0.0.1:1", "nonsense", ""):
        with pytest.raises(FerfusionError, match="No Dask scheduler answers at"), dask_cluster(address, timeout=1):
            pass


def test_cluster_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'ferfusion\[dask\]'"), dask_cluster("tcp://a:1"):
        pass


class Threads(AudioExtractor):
    """Says how many threads linear algebra has."""

    batches = False

    def feature_names(self):
        return ["threads"]

    def process(self, signal, sampling_rate):
        return np.array([blas_threads()])


def blas_threads():
    return max(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")


@pytest.mark.parametrize("backend", ["sequential", "threading", "loky"])
def test_linear_algebra_has_one_thread_and_then_its_own_again(backend, write, tone, monkeypatch):
    sources = [Recording(write(f"{n}.wav", tone(n / 16000))) for n in range(1600, 1612)]
    with threadpool_limits(2, user_api="blas"), parallel_config(backend, n_jobs=2):
        done = extract(Threads(), sources)
        assert [int(value[0]) for value in done.outcomes] == [1] * 12
        assert blas_threads() == 2
        if backend == "sequential":
            monkeypatch.setattr(Threads, "batches", True)  # of its own
            assert [int(value[0]) for value in extract(Threads(), sources).outcomes] == [2] * 12


class Batched(AudioExtractor):
    batches = True

    def feature_names(self):
        return ["n"]

    def process(self, signal, sampling_rate):
        return np.array([len(signal)])


def test_batch_that_killed_its_workers_is_tried_one_by_one(write, tone, monkeypatch):
    sources = [Recording(write(f"{n}.wav", tone(n / 16000)), name=f"u{n}") for n in (1600, 1601, 1602)]
    sizes = []

    def cluster(function, items, *, lost, **setting):
        for batch in items:
            sizes.append(len(batch))
            deadly = any(source.name == "u1601" for _, source in batch)
            yield lost(batch, "Four workers died.") if deadly else function(batch)

    monkeypatch.setattr("ferfusion.features.engine.run_all", cluster)
    done = extract(Batched(), sources)
    assert sizes == [3, 1, 1, 1]
    assert [None if value is None else int(value[0]) for value in done.outcomes] == [1600, None, 1602]
    assert "u1601" in done.faults[1]
    assert done.faults[1].endswith("Each process that worked on it died. Four workers died.")
