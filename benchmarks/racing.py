"""Shared by benchmarks of speed: who works, on what, on how many cores, and the rows that come of it."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from ferfusion import load_corpus
from ferfusion.features.audio.reading import Recording, read_audio

ROOT = Path(__file__).parents[1]
RATE = 16000
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
PACKAGES = ("numpy", "scipy", "numba", "opensmile", "librosa", "praat-parselmouth")
LENGTHS = (1, 3, 10, 30, 60, 180, 600)  # seconds

Row = dict[str, Any]
Work = Callable[[np.ndarray], Any]


@contextmanager
def cores(n: int) -> Iterator[None]:
    """This process and its children on the last so many cores; no threads of BLAS."""
    before = os.sched_getaffinity(0) if CORES else set()
    if CORES:
        os.sched_setaffinity(0, CORES[-n:])
    try:
        with threadpool_limits(1):
            yield
    finally:
        if CORES:
            os.sched_setaffinity(0, before)


class Clips:
    """Clips of EMO-DB, spread over the corpus, and how often each is worked on."""

    def __init__(self, quick: bool) -> None:
        root = Path(os.environ.get("FERFUSION_CORPORA", ROOT.parent / "shared" / "corpora"))
        corpus = load_corpus("emodb", root / "emodb")
        paths = sorted(map(str, corpus.X["audio"]))
        self.paths = paths[:: len(paths) // (6 if quick else 60)]
        self.corpus = paths[:: len(paths) // 60] if quick else paths
        self.signals = [read_audio(Recording(path), RATE)[0] for path in self.paths]
        self.seconds = sum(map(len, self.signals)) / RATE
        self.rounds = 2 if quick else 5
        self.lengths = LENGTHS[:4] if quick else LENGTHS
        self.checksum = corpus.checksum()

    def long(self, seconds: int) -> np.ndarray:
        """All clips one after the other, again and again."""
        return np.resize(np.concatenate(self.signals), seconds * RATE)


def on(extractor: Any) -> Work:
    """What an extractor does with a signal."""
    return lambda x: extractor.process(x, RATE)


def race(contenders: dict[str, Work], signals: list[np.ndarray], rounds: int) -> dict[str, np.ndarray]:
    """Seconds of each contender for all signals, by round; the contenders take turns at each signal."""
    names = list(contenders)
    for work in contenders.values():
        work(signals[0])
    seconds = {name: np.zeros(rounds) for name in names}
    for r in range(rounds):
        for i, signal in enumerate(signals):
            for name in names if (r + i) % 2 == 0 else reversed(names):
                begun = time.perf_counter()
                contenders[name](signal)
                seconds[name][r] += time.perf_counter() - begun
    return seconds


def row(measure: str, values: Any, unit: str, goal: float | None = None, least: bool = True, **more: Any) -> Row:
    """A measurement: the median, least and greatest of its values, and whether a goal (at least, at most) is met."""
    values = np.atleast_1d(values)
    middle = float(np.median(values))
    met = None if goal is None else bool(middle >= goal if least else middle <= goal)
    wanted = "" if goal is None else f"{'>=' if least else '<='} {goal:g}"
    spread = {"low": f"{values.min():.4g}", "high": f"{values.max():.4g}"}
    return {"measure": measure, "value": f"{middle:.4g}", **spread, "unit": unit, "goal": wanted, "met": met, **more}


def factors(clips: Clips, seconds: dict[str, np.ndarray]) -> list[Row]:
    """Real-time factors: seconds of work a second of sound."""
    return [row(f"{name}: real-time factor", taken / clips.seconds, "s/s") for name, taken in seconds.items()]


def timed(work: Callable[[Any], Any], given: Any) -> float:
    """Seconds of a call."""
    begun = time.perf_counter()
    work(given)
    return time.perf_counter() - begun


def two_folders(within: str) -> list[Path]:
    """Two new folders."""
    folders = [Path(within, name) for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    return folders


def table_of(paths: list[Any]) -> pd.DataFrame:
    """A table of recordings."""
    return pd.DataFrame({"audio": [str(path) for path in paths]}, index=[Path(path).stem for path in paths])


def provenance(clips: Clips, quick: bool) -> Row:
    """How the rows of this run came about."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    about = Path("/proc/cpuinfo")
    models = [line for line in about.read_text().splitlines() if "model name" in line] if about.exists() else []
    return {
        "clips": len(clips.signals),
        "audio_s": round(clips.seconds, 1),
        "quick": quick,
        "made": datetime.now(UTC).date().isoformat(),
        "cpu": models[0].split(":")[1].strip() if models else platform.machine(),
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "corpus_checksum": clips.checksum,
        "commit": commit.stdout.strip(),
    }
