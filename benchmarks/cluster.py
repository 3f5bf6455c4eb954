"""EMO-DB on a Dask cluster of two worker processes of which one is killed half-way: what is lost, what is done twice.

    python benchmarks/cluster.py

The four acoustic families of all 535 recordings are computed in this process, then on the cluster into a store. When
half of the recordings have been begun, the process of a worker is killed; its nanny starts another. The two tables are
compared bit for bit, and every recording that was begun more than once is counted.
Result: ``benchmarks/results/cluster_emodb.csv``, one row. The corpus is looked for as in ``benchmarks/features.py``.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.table import features_of
from ferfusion.features import Acoustic, Views
from ferfusion.features.workers import dask_cluster

sys.path.insert(0, str(Path(__file__).parent))
from racing import ROOT, Clips, provenance, table_of

RESULT = ROOT / "benchmarks" / "results" / "cluster_emodb.csv"


class Marked(Acoustic):
    """Leaves a mark for each recording that it begins."""

    def identity(self) -> dict[str, Any]:
        return {**super().identity(), "extractor": "Acoustic, marked"}

    def compute(self, source: Any) -> np.ndarray:
        if folder := os.environ.get("FERFUSION_MARKS"):
            (Path(folder) / f"{Path(source.source).stem}-{uuid.uuid4().hex}").touch()
        return super().compute(source)


def kill_half_way(pids: list[int], marks: Path, n: int, killed: list[int]) -> None:
    """Kill a process when half of the recordings have been begun."""
    while sum(1 for _ in marks.iterdir()) < n // 2:
        time.sleep(0.01)
    killed.append(sum(1 for _ in marks.iterdir()))
    os.kill(pids[0], signal.SIGKILL)


def on_cluster(table: pd.DataFrame, folder: Path) -> tuple[pd.DataFrame, int]:
    """The table as two workers make it, and how many recordings had been begun when one was killed."""
    from distributed import Client, LocalCluster

    marks = folder / "marks"
    marks.mkdir()
    os.environ["FERFUSION_MARKS"] = str(marks)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "benchmarks"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    options: dict[str, Any] = {"dashboard_address": None, "silence_logs": 50}
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, **options) as cluster:
        with Client(cluster) as client:
            pids = list(client.run(os.getpid).values())
        killed: list[int] = []
        threading.Thread(target=kill_half_way, args=(pids, marks, len(table), killed), daemon=True).start()
        with dask_cluster(cluster.scheduler_address):
            views = Views([("audio_acoustic", Marked())], store=str(folder / "store"), verbose=False)
            made = views.fit_transform(table)
    return made, killed[0]


def main() -> None:
    clips = Clips(quick=False)
    table = table_of(clips.corpus)
    alone = Views([("audio_acoustic", Marked())], verbose=False).fit_transform(table)
    with tempfile.TemporaryDirectory() as folder:
        made, killed_at = on_cluster(table, Path(folder))
        begun = pd.Series([mark.name.rsplit("-", 1)[0] for mark in Path(folder, "marks").iterdir()]).value_counts()
    row = {
        "recordings": len(table),
        "workers": 2,
        "killed_after_begun": killed_at,
        "same_bits": bool(np.array_equal(features_of(alone, "audio_acoustic"), features_of(made, "audio_acoustic"))),
        "begun_in_all": int(begun.sum()),
        "begun_twice": int((begun > 1).sum()),
        **provenance(clips, quick=False),
    }
    RESULT.parent.mkdir(exist_ok=True)
    pd.DataFrame([row]).to_csv(RESULT, index=False)
    print({name: row[name] for name in list(row)[:6]})


if __name__ == "__main__":
    # workers find the extractor by the name of this file, not as the main program
    from cluster import main as by_name

    by_name()
