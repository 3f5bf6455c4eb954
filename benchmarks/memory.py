"""Memory that extraction takes for a tenth of RAVDESS and for all of it.

    python benchmarks/memory.py            # goes on where it stopped; a finished row is not measured again

Each row is a fresh process on one core with an empty feature store. What stays in memory are results: a vector a
recording, or frames where frames are asked for. Signals, and frames of which only functionals are kept (``reduce``),
are let go of one by one, so that ten times the recordings take little more. Two extractors are made here, because
openSMILE takes a tenth of a second a recording: the loudness every 10 ms, of which five functionals are kept, and a
spectrum every 10 ms, 129 numbers a frame; eGeMAPSv02 is measured on a part. The corpus is looked for in
``$FERFUSION_CORPORA/ravdess``, else beside the repository in ``../shared/corpora/ravdess``.
Results: ``benchmarks/results/memory_ravdess.csv``, a row a case and number of recordings; megabytes are of 10**6 bytes,
``before`` is what Python and the packages took, ``peak`` the most that the process ever held.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferfusion import load_corpus
from ferfusion.base.versions import versions
from ferfusion.features import FeatureStore, OpenSmile
from ferfusion.features.engine import extract
from ferfusion.features.extractor import AudioExtractor
from ferfusion.features.sources import recordings_of

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "memory_ravdess.csv"


class Loudness(AudioExtractor):
    """Five functionals of the loudness every 10 ms."""

    def feature_names(self) -> list[str]:
        return ["mean", "deviation", "least", "median", "most"]

    def process(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        frames = _frames(signal, sampling_rate // 100)
        level = np.log((frames**2).mean(axis=1) + 1e-10)
        return np.array([level.mean(), level.std(), level.min(), np.median(level), level.max()])


class Spectrum(AudioExtractor):
    """Magnitudes at 129 frequencies, every 10 ms."""

    frames = True
    sampling_rate = 16000

    def feature_names(self) -> list[str]:
        return [f"bin_{i:03d}" for i in range(129)]

    def process(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        return np.abs(np.fft.rfft(_frames(signal, sampling_rate // 100), n=256, axis=1))


def _frames(signal: np.ndarray, length: int) -> np.ndarray:
    whole = max(1, len(signal) // length)
    return np.resize(signal, whole * length).reshape(whole, length)


def _mean(frames: np.ndarray) -> np.ndarray:
    return frames.mean(axis=0)


# case -> extractor, what is kept of each outcome, recordings
CASES: dict[str, tuple[type[AudioExtractor], Callable[[np.ndarray], np.ndarray] | None, tuple[int, int]]] = {
    "loudness, functionals": (Loudness, None, (144, 1440)),
    "spectrum, means of the frames": (Spectrum, _mean, (144, 1440)),
    "spectrum, all frames": (Spectrum, None, (144, 1440)),
    "eGeMAPSv02, functionals": (OpenSmile, None, (24, 240)),
}


def measure(case: str, n: int) -> dict[str, Any]:
    """Peak memory of a fresh process."""
    make, reduce, _ = CASES[case]
    table, checksum = corpus()
    sources = recordings_of(table.iloc[:: len(table) // n][:n])
    extractor = make()
    extractor.feature_names()  # loads what it needs
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        done = extract(extractor, sources, store=FeatureStore(folder), n_jobs=1, progress=False, reduce=reduce)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if done.faults:
        message = f"{len(done.faults)} recordings could not be used: {next(iter(done.faults.values()))}"
        raise RuntimeError(message)
    results = sum(outcome.nbytes for outcome in done.outcomes if outcome is not None)
    return {
        "case": case,
        "recordings": n,
        "before_mb": round(before * 1024 / 1e6, 1),
        "peak_mb": round(peak * 1024 / 1e6, 1),
        "added_mb": round((peak - before) * 1024 / 1e6, 1),
        "results_mb": round(results / 1e6, 2),
        "seconds": round(seconds, 1),
        "corpus_checksum": checksum,
    }


def corpus() -> tuple[pd.DataFrame, str]:
    root = Path(os.environ.get("FERFUSION_CORPORA", ROOT.parent / "shared" / "corpora"))
    loaded = load_corpus("ravdess", root / "ravdess")
    return loaded.X, loaded.checksum()


def commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:  # git is not installed
        return ""


def main() -> None:
    rows = pd.read_csv(RESULTS).to_dict("records") if RESULTS.exists() else []
    done = {(row["case"], row["recordings"]) for row in rows}
    RESULTS.parent.mkdir(exist_ok=True)
    for case, (_, _, numbers) in CASES.items():
        for n in numbers:
            if (case, n) in done:
                continue
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
                row = fresh.submit(measure, case, n).result()
            row |= {"python": sys.version.split()[0], "commit": commit()}
            row |= {name: versions()[name] for name in ("numpy", "soundfile", "opensmile")}
            rows.append(row)
            pd.DataFrame(rows).to_csv(RESULTS, index=False)
            print(f"{case:30s} {n:5d} recordings: {row['added_mb']:7.1f} MB added, {row['seconds']:.1f} s", flush=True)


if __name__ == "__main__":
    main()
