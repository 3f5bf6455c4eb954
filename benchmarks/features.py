"""How fast handcrafted features are: side by side with openSMILE, librosa and Praat, from a store, on two cores.

    python benchmarks/features.py                        # all parts; goes on where it stopped
    python benchmarks/features.py --part f0 --part first # these parts only
    python benchmarks/features.py --part f0 --again      # measured anew
    python benchmarks/features.py --quick                # a few clips, into a folder for temporary files

Everything runs on one core and one thread, but for the part that asks what the second one is good for. Who is compared
works on the same clip in turn, so that what else the machine does hits both; a ratio is taken within each round, and
its median stands beside the least and the greatest. Clips are read and resampled, and everything is called once, before
the clock starts. The corpus is looked for in ``$FERFUSION_CORPORA/emodb``, else beside the repository in
``../shared/corpora/emodb``.
Results: ``benchmarks/results/features.csv``, a row a measurement, and ``docs/images/features_length.png``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import parallel_config
from racing import (
    CORES,
    RATE,
    ROOT,
    Clips,
    Row,
    cores,
    factors,
    on,
    provenance,
    race,
    row,
    table_of,
    timed,
    two_folders,
)

from ferfusion.features import NAMED_VIEWS, Acoustic, OpenSmile, Reservoir, Views, named_view
from ferfusion.features.audio.lld.pitch import CEILING, FLOOR, find_pitch
from ferfusion.features.graph.clip import contour_of
from ferfusion.features.graph.visibility import visibility_edges

# run in a fresh process; begins to count before anything is imported
CHILD = """
import json, sys, time
begun = time.perf_counter()
import numpy as np
from ferfusion.features import named_view
extractors = [named_view(name)[1] for name in sys.argv[1:]]
imported, worked = time.perf_counter(), -time.process_time()
t = np.arange(32000) / 16000
signal = (0.1 * np.sign(np.sin(2 * np.pi * 150 * t)) * np.sin(2 * np.pi * 2 * t)).astype(np.float32)
for extractor in extractors:
    extractor.process(signal, 16000)
first, worked = time.perf_counter(), worked + time.process_time()
for extractor in extractors:
    extractor.process(signal, 16000)
print(json.dumps([imported - begun, first - imported, time.perf_counter() - first, worked]))
"""


def own_views() -> list[str]:
    """Named views of sound that are computed here, one vector a recording."""
    made = {name: named_view(name)[1] for name in NAMED_VIEWS if name.startswith("audio_")}
    return [n for n, e in made.items() if not isinstance(e, OpenSmile) and not e.frames and not e.batches]


def part_speed(clips: Clips, done: set[str]) -> Iterator[list[Row]]:
    """Acoustic against openSMILE's eGeMAPSv02, and every view alone."""
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    if not done:
        seconds = race(
            {
                "acoustic (all four families)": on(Acoustic()),
                "openSMILE eGeMAPSv02": lambda x: smile(x, RATE),
            },
            clips.signals,
            clips.rounds,
        )
        ours, theirs = seconds.values()
        ratio = row("acoustic over openSMILE eGeMAPSv02", theirs / ours, "times as fast")
        yield [*factors(clips, seconds), ratio]
    works = {**{name: named_view(name)[1] for name in own_views()}, "audio_reservoir": Reservoir(Acoustic(level="lld"))}
    for name, extractor in works.items():
        if f"{name}: real-time factor" not in done:
            seconds = race({name: on(extractor)}, clips.signals, clips.rounds)
            yield [factors(clips, seconds)[0] | {"features": len(extractor.feature_names())}]


def librosa_calls(x: np.ndarray) -> None:
    """What librosa has of our spectral and cepstral descriptors, each by a call of its own as its manual shows."""
    import librosa

    f = librosa.feature
    frames: dict[str, Any] = {"n_fft": 512, "win_length": 400, "hop_length": 160}
    common = {"y": x, "sr": RATE, **frames}
    f.spectral_centroid(**common)
    f.spectral_bandwidth(**common)
    for share in (0.25, 0.5, 0.75, 0.9):
        f.spectral_rolloff(**common, roll_percent=share)
    f.spectral_flatness(y=x, **frames)
    f.spectral_contrast(**common, n_bands=4, fmin=200.0)
    f.zero_crossing_rate(x, frame_length=400, hop_length=160)
    f.chroma_stft(**common, tuning=0.0)  # ours does not look for a tuning either
    f.mfcc(**common, n_mfcc=13, n_mels=40)
    librosa.power_to_db(f.melspectrogram(**common, n_mels=40))


def librosa_tonnetz(x: np.ndarray, tuning: float | None = 0.0) -> None:
    """The tonnetz as librosa makes it from a sound: of a constant-Q chroma."""
    import librosa

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "n_fft=.* is too large")  # of the low octaves of a short clip
        librosa.feature.tonnetz(y=x, sr=RATE, hop_length=160, tuning=tuning)


def part_librosa(clips: Clips, done: set[str]) -> Iterator[list[Row]]:
    """Spectral and cepstral descriptors; ours has more of them than are called for on the other side."""
    if done:
        return
    seconds = race(
        {
            "spectral and cepstral descriptors": on(Acoustic(("spectral", "cepstral"), level="lld")),
            "librosa, separate calls": librosa_calls,
            "librosa, tonnetz": librosa_tonnetz,
            "librosa, tonnetz, looking for the tuning": lambda x: librosa_tonnetz(x, None),
        },
        clips.signals,
        clips.rounds,
    )
    own, calls, tonnetz, tuned = seconds.values()
    yield [
        *factors(clips, seconds),
        row("spectral and cepstral over librosa", calls / own, "times as fast", goal=3),
        row("the same with tonnetz", (calls + tonnetz) / own, "times as fast", goal=20),
        row("the same with tonnetz by its defaults", (calls + tuned) / own, "times as fast"),
    ]


def part_f0(clips: Clips, done: set[str]) -> Iterator[list[Row]]:
    """F0 in the same frames of three longest periods every 10 ms, 75 to 600 Hz."""
    if done:
        return
    import librosa
    import parselmouth

    frame = round(3 / FLOOR * RATE)

    def pyin(x: np.ndarray) -> Any:
        return librosa.pyin(x, fmin=FLOOR, fmax=CEILING, sr=RATE, frame_length=frame, hop_length=RATE // 100)

    def praat(x: np.ndarray) -> Any:
        return parselmouth.Sound(x, RATE).to_pitch_ac(time_step=0.01, pitch_floor=FLOOR, pitch_ceiling=CEILING)

    seconds = race(
        {"F0": lambda x: find_pitch(x, RATE), "F0, Praat's autocorrelation": praat}, clips.signals, clips.rounds
    )
    own, other = seconds.values()
    yield [*factors(clips, seconds), row("F0 over Praat", other / own, "times as fast", goal=1)]
    # pyin takes so long that what Praat did is no longer in the caches: a race of its own
    few, rounds = clips.signals[::4], min(clips.rounds, 3)
    seconds = race({"F0": lambda x: find_pitch(x, RATE), "pyin": pyin}, few, rounds)
    own, other = seconds.values()
    length = sum(map(len, few)) / RATE
    yield [
        row("F0, librosa's pyin: real-time factor", other / length, "s/s"),
        row("F0 over librosa's pyin", other / own, "times as fast", goal=20),
    ]


def part_first(clips: Clips, done: set[str]) -> Iterator[list[Row]]:
    """First use in a fresh process without and with what numba has kept; each view alone, and all at once."""
    for name, views in {**{view: [view] for view in own_views()}, "all own views": own_views()}.items():
        if f"{name}: compiled and computed" in done:
            continue
        compiled, kept = [], []
        for _ in range(1 if clips.rounds < 5 else 3):
            with tempfile.TemporaryDirectory() as cache:
                compiled.append(fresh_process(views, cache))
                kept.append(fresh_process(views, cache))
        goal: Row = {"goal": 5, "least": False} if name in ("audio_acoustic", "all own views") else {}
        before, after = np.array(compiled), np.array(kept)
        yield [
            row(f"{name}: import", after[:, 0], "s"),
            row(f"{name}: compiled and computed", before[:, 1], "s", **goal),
            row(f"{name}: of that, work of the core", before[:, 3], "s"),
            row(f"{name}: the same in the second process", after[:, 1], "s"),
            row(f"{name}: second call", after[:, 2], "s"),
        ]


def fresh_process(views: list[str], cache: str) -> list[float]:
    """Seconds to import, for the first call, for the second one, and of work of the core in the first."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *views], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def part_store(clips: Clips, done: set[str]) -> Iterator[list[Row]]:
    """A table filled from a store, and the same table computed; reading and digesting of files included."""
    if done:
        return
    computing, stored = [], []
    for paths in (clips.paths[:6], *[clips.corpus] * (clips.rounds // 2)):  # the first to warm up
        with tempfile.TemporaryDirectory() as folder:
            views = Views([("audio_acoustic", Acoustic())], store=f"{folder}/store", verbose=False)
            # as new files: their digests are not remembered
            tables = [table_of([shutil.copy(path, new) for path in paths]) for new in two_folders(folder)]
            computing.append(timed(views.fit_transform, tables[0]))
            stored.append(timed(views.fit_transform, tables[1]))
    a, b = np.array(computing[1:]), np.array(stored[1:])
    n = len(clips.corpus)
    yield [
        row(f"acoustic of {n} recordings, computed and stored", a, "s"),
        row(f"acoustic of {n} recordings, from the store", b, "s"),
        row("stored over computing", a / b, "times as fast", goal=50),
    ]


def part_processes(clips: Clips, done: set[str]) -> Iterator[list[Row]]:
    """One process, two threads, two processes, on two cores; the processes have been started."""
    if done or len(CORES) == 1:
        return
    ways: dict[str, tuple[str, int]] = {"one": ("threading", 1), "threads": ("threading", 2), "two": ("loky", 2)}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    with cores(2):
        for paths in (clips.paths, *[clips.corpus] * (clips.rounds // 2)):  # the first to start and to warm up
            for name, (backend, n_jobs) in ways.items():
                views = Views([("audio_acoustic", Acoustic())], n_jobs=n_jobs, verbose=False)
                with parallel_config(backend, n_jobs=n_jobs):
                    seconds[name].append(timed(views.fit_transform, table_of(paths)))
    one, threads, two = (np.array(taken[1:]) for taken in seconds.values())
    yield [
        row(f"acoustic of {len(clips.corpus)} recordings, one process", one, "s"),
        row("two threads over one", one / threads, "times as fast"),
        row("two processes over one", one / two, "times as fast", goal=1.7),
    ]


def plain_visibility(x: list[float]) -> list[tuple[int, int]]:
    """The natural visibility graph as one would write it down: the steepest view so far from each value."""
    edges = []
    for i, here in enumerate(x):
        steepest = -np.inf
        for j in range(i + 1, len(x)):
            slope = (x[j] - here) / (j - i)
            if slope > steepest:
                edges.append((i, j))
                steepest = slope
    return edges


def part_graph(clips: Clips, done: set[str]) -> Iterator[list[Row]]:
    """Edges of visibility graphs of energy contours, against a loop in Python."""
    contours = [contour_of(x, RATE)[1] for x in clips.signals]
    long = np.resize(np.concatenate(contours), 1000)
    for name, series in {"of the clips": contours, "of 1000 frames": [long] * 3}.items():
        if f"visibility graph {name} over a loop" in done:
            continue
        # whole numbers, so that both compare slopes without error
        whole = [np.round(x / x.max() * 2.0**24) for x in series]
        if any([tuple(edge) for edge in visibility_edges(x).tolist()] != plain_visibility(x.tolist()) for x in whole):
            raise SystemExit("The two do not find the same edges.")
        seconds = race(
            {"own": visibility_edges, "loop": lambda x: plain_visibility(x.tolist())}, whole, min(clips.rounds, 3)
        )
        ratio = seconds["loop"] / seconds["own"]
        yield [row(f"visibility graph {name} over a loop", ratio, "times as fast", goal=50)]


def part_length(clips: Clips, done: set[str]) -> Iterator[list[Row]]:
    """Cost by length of the recording."""
    works: dict[str, Any] = {name: named_view(name)[1] for name in ("audio_egemaps", *own_views())}
    works["audio_reservoir"] = Reservoir(Acoustic(level="lld"))
    for length in clips.lengths:
        x = clips.long(length)
        for name, extractor in works.items():
            measure = f"{name}, {length} s"
            if measure not in done:
                rounds = max(1, min(5, 60 // length))
                seconds = race({name: on(extractor)}, [x], rounds)[name]
                yield [row(measure, seconds / length, "s/s", view=name, length=length)]


PARTS: dict[str, Callable[[Clips, set[str]], Iterator[list[Row]]]] = {
    name.removeprefix("part_"): part for name, part in list(globals().items()) if name.startswith("part_")
}


def plot_lengths(rows: pd.DataFrame, path: Path) -> None:
    """Real-time factor by length: a line that does not rise is a cost that grows with the length and no faster."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    chosen = rows[rows["part"] == "length"].astype({"value": float, "length": float})
    order = chosen[chosen["length"] == chosen["length"].max()].sort_values("value", ascending=False)["view"]
    figure, ax = plt.subplots(figsize=(9, 5), layout="constrained")
    for i, view in enumerate(order):
        line = chosen[chosen["view"] == view].sort_values("length")
        bold = {"audio_acoustic": ("black", "-"), "audio_egemaps": ("black", "--")}
        color, dashes = bold.get(view, (plt.get_cmap("tab20")(i % 20), "-"))
        ax.plot(
            line["length"],
            line["value"],
            dashes,
            marker="o",
            ms=4,
            color=color,
            lw=2 if view in bold else 1.3,
            label=view,
        )
    ax.set(xscale="log", yscale="log", xlabel="length of the recording / s", ylabel="real-time factor, one core")
    ax.set_xticks(sorted(chosen["length"].unique()), [f"{length:g}" for length in sorted(chosen["length"].unique())])
    ax.minorticks_off()
    ax.grid(alpha=0.3)
    ax.set_title("A flat line: the cost grows with the length and no faster")
    figure.legend(loc="outside right center", frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=PARTS, help="may be repeated; all if missing")
    parser.add_argument("--again", action="store_true", help="measure the parts anew")
    parser.add_argument("--quick", action="store_true", help="a few clips; results in a temporary folder")
    asked = parser.parse_args()
    home = Path(tempfile.gettempdir()) / "ferfusion_benchmarks" if asked.quick else None
    results = (home or ROOT / "benchmarks" / "results") / "features.csv"
    picture = (home or ROOT / "docs" / "images") / "features_length.png"
    results.parent.mkdir(parents=True, exist_ok=True)
    rows = pd.read_csv(results).to_dict("records") if results.exists() else []
    parts = asked.part or list(PARTS)
    if asked.again:
        rows = [old for old in rows if old["part"] not in parts]
    clips = Clips(asked.quick)
    origin = provenance(clips, asked.quick)
    for part in parts:
        done = {old["measure"] for old in rows if old["part"] == part}
        with cores(1):
            for fresh in PARTS[part](clips, done):
                load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
                rows += [{"part": part, **new, "load": load, **origin} for new in fresh]
                pd.DataFrame(rows).to_csv(results, index=False)
                for new in fresh:
                    ending = {True: "  met", False: "  MISSED", None: ""}[new["met"]]
                    print(
                        f"{part:10s}{new['measure']:55s}{new['value']:>9s} {new['unit']} {new['goal']}{ending}",
                        flush=True,
                    )
        if part == "length" and any(old["part"] == "length" for old in rows):
            plot_lengths(pd.DataFrame(rows), picture)


if __name__ == "__main__":
    main()
