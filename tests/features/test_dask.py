"""Extraction and evaluation on a Dask cluster of two processes, of which some die."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed, parallel_config
from typer.testing import CliRunner

from ferfusion import evaluate
from ferfusion.cli.main import app
from ferfusion.corpora import make_corpus
from ferfusion.features import FeatureStore
from ferfusion.features.audio.reading import Recording
from ferfusion.features.engine import extract
from ferfusion.features.workers import dask_cluster, n_workers

distributed = pytest.importorskip("distributed")

REMOTE = '''
"""An extractor that may kill the process it works in, as a fault in compiled code does."""

import os
import signal
import uuid
from pathlib import Path

import numpy as np

from ferfusion.base.errors import FeatureError
from ferfusion.features.engine import extract
from ferfusion.features.extractor import AudioExtractor


def in_a_fold(extractor, recordings):
    return [value.tolist() for value in extract(extractor, recordings).outcomes]


class Loudness(AudioExtractor):
    def __init__(self, marks, once_after=0, deadly=0, fault=None, sampling_rate=16000, channel=0):
        self.marks = marks
        self.once_after = once_after
        self.deadly = deadly
        self.fault = fault
        self.sampling_rate = sampling_rate
        self.channel = channel

    def identity(self):
        return {"extractor": "Loudness"}  # the same numbers, whoever dies

    def feature_names(self):
        return ["mean", "deviation"]

    def process(self, samples, sampling_rate):
        marks = Path(self.marks)
        (marks / f"{len(samples)}-{uuid.uuid4().hex}").touch()
        begun = len(list(marks.glob("*-*")))
        if self.once_after and begun > self.once_after and not (marks / "died").exists():
            (marks / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if len(samples) == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "program":
            raise RuntimeError("a fault of the program")
        if self.fault == "source" and len(samples) % 2:
            raise FeatureError("An odd number of samples.")
        power = samples[: len(samples) // 80 * 80].astype(float).reshape(-1, 80).var(axis=1)
        return np.array([np.log(power + 1e-9).mean(), np.log(power + 1e-9).std()])
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("remote")
    (path / "remote_extractor.py").write_text(REMOTE)
    return path


@pytest.fixture(scope="module")
def remote(folder):
    """The module of the extractor, importable here and in the workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(Path(__file__).parents[2])]))
        yield importlib.import_module("remote_extractor")
    sys.modules.pop("remote_extractor", None)


@pytest.fixture(scope="module")
def cluster(remote):
    """A scheduler in this process and two workers in their own."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _ends():
    """Nothing here waits for ever."""

    def ring(*_):
        message = "the cluster did not answer"
        raise TimeoutError(message)

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def on_cluster(cluster):
    with dask_cluster(cluster.scheduler_address):
        yield


@pytest.fixture
def marks(tmp_path):
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


@pytest.fixture
def recordings(write, tone):
    """40 sounds of different lengths."""
    return [
        Recording(write(f"{i}.wav", tone(0.1 + i / 1600, pitch=100 + 5 * i, level=0.2 + i / 60)), name=f"u{i:02d}")
        for i in range(40)
    ]


def begun(marks):
    return len(list(marks.glob("*-*")))


def same(done, other):
    return all(np.array_equal(a, b) for a, b in zip(done.outcomes, other.outcomes, strict=True))


def test_faults_are_returned_and_those_of_the_program_raised(remote, on_cluster, marks, write, tone):
    odd = [Recording(write(f"{n}.wav", tone(n / 16000)), name=f"u{n}") for n in (1600, 1601, 1602)]
    done = extract(remote.Loudness(marks, fault="source"), odd)
    assert list(done.faults) == [1]
    assert "u1601" in done.faults[1]
    with pytest.raises(RuntimeError, match="a fault of the program"):
        extract(remote.Loudness(marks, fault="program"), odd)


def test_sounds_in_memory(remote, on_cluster, marks, tone):
    sounds = [Recording(tone(0.1 + i / 100), 16000, name=f"u{i}") for i in range(8)]
    with parallel_config("sequential"):
        plain = extract(remote.Loudness(marks), sounds)
    assert same(extract(remote.Loudness(marks), sounds), plain)


def test_evaluation_is_the_same(on_cluster, toy):
    corpus = toy()
    there = evaluate("baseline_early", corpus, verbose=False)
    with parallel_config("sequential"):
        here = evaluate("baseline_early", corpus, verbose=False)
    pd.testing.assert_frame_equal(there.predictions, here.predictions)


def test_work_that_a_worker_hands_out_it_does_itself(remote, on_cluster, marks, recordings):
    # as in a search over parameters: folds on the cluster, and features in each fold
    done = Parallel()(delayed(remote.in_a_fold)(remote.Loudness(str(marks)), recordings[:4]) for _ in range(2))
    assert done[0] == done[1]
    assert len(done[0]) == 4
    assert begun(marks) == 8


def test_batches_are_split_among_the_workers(remote, on_cluster, marks, recordings):
    class Batched(remote.Loudness):
        batches = True

        def compute_many(self, sources):
            return [np.array([len(sources)]) for _ in sources]

    done = extract(Batched(marks), recordings[:7])
    assert sorted(int(value[0]) for value in done.outcomes) == [3, 3, 3, 4, 4, 4, 4]


def test_command_line(cluster, tmp_path):
    folder = make_corpus(n_speakers=2, n_utterances=8, views=("audio",)).write(tmp_path / "corpus")
    words = ["extract", "--corpus", str(folder), "--no-store", "--jobs", "1", "--out"]
    for out, more in (("there", ["--dask", cluster.scheduler_address]), ("here", [])):
        answer = CliRunner().invoke(app, [*words, str(tmp_path / f"{out}.parquet"), *more])
        assert answer.exit_code == 0, answer.output
    there, here = (pd.read_parquet(tmp_path / f"{out}.parquet") for out in ("there", "here"))
    assert there["audio_egemaps__loudness_sma3_amean"].notna().all()
    pd.testing.assert_frame_equal(there, here)


def test_worker_killed_half_way(remote, on_cluster, marks, corpus_folder, tmp_path):
    wavs = sorted((corpus_folder("emodb") / "wav").glob("*.wav"))[:40]
    recordings = [Recording(str(path)) for path in wavs]
    with parallel_config("sequential"):
        plain = extract(remote.Loudness(marks), recordings)
    for mark in marks.iterdir():
        mark.unlink()
    store = FeatureStore(tmp_path / "store")
    assert n_workers() == 2
    done = extract(remote.Loudness(marks, once_after=20), recordings, store=store)
    assert (marks / "died").exists()
    assert done.faults == {}
    assert same(done, plain)
    assert 41 <= begun(marks) <= 44  # all, and again what was on its way to or from the one that died
    assert same(extract(remote.Loudness(marks, once_after=20), recordings, store=store), plain)
    assert begun(marks) <= 44


def test_deadly_recording_is_a_fault_of_its_own(remote, cluster, on_cluster, marks, recordings, monkeypatch):
    # the first death counts, for all that was on its way to the worker: the others must not be blamed
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    deadly = 1600 + 10 * 13
    done = extract(remote.Loudness(marks, deadly=deadly), recordings[10:16])
    assert sorted(done.faults) == [3]
    assert "'u13'" in done.faults[3]
    assert "Each process that worked on it died" in done.faults[3]
    assert [outcome is None for outcome in done.outcomes] == [i == 3 for i in range(6)]
