"""Part ``speed`` of ``selection.py``: what judging subsets of columns costs, and searches beside other packages.

EMO-DB, openSMILE's emobase (988 columns) and ComParE (6,373), standardised once; five nearest neighbours, accuracy, the
same five folds with speakers kept together, 10 agents x 20 moves. One core, no threads; CPU time, since other work may
be on the machine. Who is compared takes turns, and ratios are taken within a round. What is imported and compiled at
the first call is left out on both sides. Whatever mask a search returns is judged again on the folds by
``cross_val_score``: that fitness counts, not the reported one.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from families import commit, extracted
from racing import cores, row
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ferfusion import load_corpus
from ferfusion.base.versions import versions
from ferfusion.selection import FilterSelector, GreyWolfSelector, SubsetScorer
from ferfusion.selection.base import inner_splits

PEERS = {"zoofs": 8.0, "mafese": 3.0, "niapy": 3.0}  # how many times the CPU of ours they should take at least
AGENTS, MOVES, ALPHA = 10, 20, 0.99
PATIENCE = 180  # seconds of CPU time that a search of another package may take
SIZES = (10, 30, 100, 300, 500, 900)
COLUMNS = (100, 200, 500, 988, 2000, 4000, 6373)
SAMPLES = (100, 200, 300, 400, 535, 1000, 1440)
SHARES = (0.1, 0.5)

Row = dict[str, Any]


class Data:
    """Standardised columns of a corpus, with classes and folds."""

    def __init__(self, key: str, view: str, root: Path, work: Path) -> None:
        corpus = load_corpus(key, root / key)
        self.checksum = corpus.checksum()
        table = extracted(corpus, [view], work / "store", 1)[0]
        columns = [column for column in table.X.columns if column.startswith(f"{view}__")]
        self.X = StandardScaler().fit_transform(np.nan_to_num(table.X[columns].to_numpy(dtype=np.float64)))
        self.y = np.unique(np.asarray(table.y, dtype=str), return_inverse=True)[1]
        self.groups = table.X["speaker"].to_numpy()
        self.splits = inner_splits(5, self.X, self.y, self.groups, 0)
        self.name = f"{key}, {view}"

    def facts(self) -> Row:
        return {"data": self.name, "samples": len(self.X), "corpus_checksum": self.checksum}

    def plain(self, mask: np.ndarray, estimator: Any = None) -> float:
        """Score of a mask by scikit-learn."""
        judged = KNeighborsClassifier(5) if estimator is None else estimator
        return cross_val_score(judged, self.X[:, mask], self.y, cv=self.splits, scoring="accuracy").mean()

    def plains(self, masks: np.ndarray, estimator: Any = None) -> np.ndarray:
        return np.array([self.plain(mask, estimator) for mask in masks])

    def fitness(self, mask: np.ndarray) -> float:
        return ALPHA * (1.0 - self.plain(mask)) + (1.0 - ALPHA) * mask.mean()


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a call, and what it gives."""
    begun = time.process_time()
    given = work()
    return time.process_time() - begun, given


def drawn(rng: np.random.Generator, n: int, d: int, size: int) -> np.ndarray:
    """Random masks of a size."""
    return np.argsort(rng.random((n, d)), axis=1) < size


def both(data: Data, size: int, estimator: Any = None, rounds: int = 5, n: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """CPU milliseconds an evaluation of random masks: ours, and ``cross_val_score``; they must agree."""
    rng = np.random.default_rng(size)
    estimator = KNeighborsClassifier(5) if estimator is None else estimator
    scorer = SubsetScorer(estimator, data.X, data.y, data.splits, "accuracy")
    scorer(drawn(rng, 2, data.X.shape[1], size))
    ours, theirs = np.zeros(rounds), np.zeros(rounds)
    for i in range(rounds):
        masks = drawn(rng, n, data.X.shape[1], size)
        ours[i], fast = cpu(partial(scorer, masks))
        theirs[i], slow = cpu(partial(data.plains, masks, estimator))
        if not np.array_equal(fast, slow):
            raise SystemExit(f"The two do not agree: {fast} and {slow}.")
    return 1e3 * ours / n, 1e3 * theirs / n


def part_evaluation(data: Callable[[str], Data], done: set[str], **_: Any) -> Iterator[Row]:
    """An evaluation by size of the subset, and by estimator."""
    emobase = data("emodb audio_emobase")
    machines = {"nearest neighbours": None, "ridge": RidgeClassifier(), "LDA": LinearDiscriminantAnalysis()}
    machines["linear SVC"] = SVC(kernel="linear")
    for name, estimator in machines.items():
        for size in SIZES if estimator is None else (100,):
            if f"{name}, {size} of 988 columns: over cross_val_score" not in done:
                ours, theirs = both(emobase, size, estimator, *((5, 10) if estimator is None else (3, 4)))
                about = {**emobase.facts(), "columns": 988, "size": size}
                yield row(f"{name}, {size} of 988 columns", ours, "ms", **about)
                yield row(f"{name}, {size} of 988 columns: cross_val_score", theirs, "ms", **about)
                measure = f"{name}, {size} of 988 columns: over cross_val_score"
                goal = 5.0 if estimator is None else None
                yield row(measure, theirs / ours, "times as fast", goal=goal, **about)


def own_searches(data: Data, seed: int) -> dict[str, Callable[[], Any]]:
    """Searches of ours, and the filter they must beat."""

    def wolves(n_iterations: int = MOVES, **more: Any) -> Callable[[], Any]:
        parameters: Row = {"n_wolves": AGENTS, "n_iterations": n_iterations, "alpha": ALPHA, "cv": data.splits} | more
        selector = GreyWolfSelector(KNeighborsClassifier(5), scoring="accuracy", random_state=seed, **parameters)
        return lambda: selector.fit(data.X, data.y, data.groups)

    return {
        "ours": wolves(),
        "ours, sparse start": wolves(start="sparse"),
        "ours, sparse start, threshold": wolves(start="sparse", binarise="threshold"),
        "ours, half of the columns, threshold": wolves(start="uniform", binarise="threshold"),
        "ours, start alone": wolves(n_iterations=0),
        "ANOVA 100": lambda: FilterSelector("anova").fit(data.X, data.y),
    }


def peer_search(peer: str, python: str, data: Data, seed: int) -> Row:
    """A search of another package in its own environment."""
    folds = np.zeros(len(data.y), dtype=int)
    for i, (_, test) in enumerate(data.splits):
        folds[test] = i
    settings: Row = {"agents": AGENTS, "iterations": MOVES, "alpha": ALPHA, "seed": seed}
    script = Path(__file__).with_name("selection_peers.py")
    with tempfile.TemporaryDirectory() as folder:
        problem, found = f"{folder}/problem.npz", f"{folder}/found.npz"
        np.savez(problem, X=data.X, y=data.y, fold=folds, **settings)
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | threads
        asked = [python, str(script), peer, problem, found]
        ran = subprocess.run(
            ["bash", "-c", f'ulimit -t {PATIENCE}; exec "$@"', "bash", *asked],
            env=environment,
            capture_output=True,
            text=True,
            cwd=folder,
            check=False,
        )
        if ran.returncode in (-9, -24):
            return {"note": f"not done after {PATIENCE} s of CPU time"}
        if ran.returncode:
            raise SystemExit(f"{peer}: {ran.stderr[-2000:]}")
        with np.load(found) as made:
            return {name: made[name] if made[name].ndim else made[name].item() for name in made.files}


def searched(name: str, work: Callable[[], Any], data: Data) -> Row:
    """What a search of ours takes and gives."""
    taken, found = cpu(work)
    reported = getattr(found, "fitness_", np.nan)
    return {"mask": found.support_, "fitness": reported, "cpu": taken, "asked": getattr(found, "n_evaluations_", 0)}


def part_search(
    data: Callable[[str], Data], done: set[str], peers: dict[str, str | None], rounds: int
) -> Iterator[Row]:
    """Whole searches, a seed a round, in turns."""
    for key, n_rounds in (("emodb audio_emobase", rounds), ("emodb audio_compare", 1)):
        wanted = [*own_searches(data(key), 0), *(peer for peer, python in peers.items() if python)]
        for peer in set(peers) - set(wanted):
            print(f"{peer} is left out: no Python of an environment with it was given.")
        if all(f"{data(key).name}: {name}" in done for name in wanted):
            continue
        found: dict[str, list[Row]] = {}
        for seed in range(n_rounds):
            works = own_searches(data(key), seed)
            for name in works if seed else [*works, *works]:  # once to warm up
                found.setdefault(name, [])[seed:] = [searched(name, works[name], data(key))]
            for peer in (name for name in wanted if name in peers):
                if all("note" not in old for old in found.get(peer, [])):
                    found.setdefault(peer, []).append(peer_search(peer, str(peers[peer]), data(key), seed))
        yield from _search_rows(data(key), found)


def _search_rows(data: Data, found: dict[str, list[Row]]) -> Iterator[Row]:
    again = {
        name: np.array([data.fitness(run["mask"]) for run in runs])
        for name, runs in found.items()
        if "note" not in runs[-1]
    }
    for name, runs in found.items():
        about = {**data.facts(), "columns": data.X.shape[1], "contender": name, "rounds": len(runs)}
        if "note" in runs[-1]:
            yield row(f"{data.name}: {name}", np.nan, "CPU s", **about, note=runs[-1]["note"])
            continue
        about |= {
            "evaluations": runs[0]["asked"],
            "kept": round(float(np.mean([run["mask"].sum() for run in runs])), 1),
            "reported": round(float(np.mean([run["fitness"] for run in runs])), 4),
            "rescored": round(float(again[name].mean()), 4),
            "error": round(float(np.mean([1.0 - data.plain(run["mask"]) for run in runs])), 4),
            "judging_s": round(float(np.mean([run.get("cpu_judging", np.nan) for run in runs])), 2),
            "moved_most": round(
                float(max(abs(run["fitness"] - f) for run, f in zip(runs, again[name], strict=True))), 5
            ),
        }
        yield row(f"{data.name}: {name}", np.array([run["cpu"] for run in runs]), "CPU s", **about)
    for peer in (name for name in again if name in PEERS):
        for own in ("ours", "ours, sparse start, threshold", "ours, half of the columns, threshold"):
            ratio = np.array([a["cpu"] / b["cpu"] for a, b in zip(found[peer], found[own], strict=True)])
            about = {**data.facts(), "columns": data.X.shape[1], "contender": own}
            yield row(f"{data.name}: CPU of {peer} over {own}", ratio, "times", goal=PEERS[peer], **about)
            gain = again[own] - again[peer]
            yield row(f"{data.name}: re-scored fitness of {own} less {peer}", gain, "", goal=0, least=False, **about)


def part_cost(data: Callable[[str], Data], done: set[str], **_: Any) -> Iterator[Row]:
    """An evaluation by numbers of columns and of samples."""
    for n_columns in COLUMNS:
        yield from _cost(data("emodb audio_compare"), "columns", 535, n_columns, done)
    for n_samples in SAMPLES:
        whole = data("emodb audio_emobase" if n_samples <= 535 else "ravdess audio_emobase")
        yield from _cost(whole, "samples", n_samples, 988, done)


def _cost(whole: Data, by: str, n_samples: int, n_columns: int, done: set[str]) -> Iterator[Row]:
    rng = np.random.default_rng(0)
    part = object.__new__(Data)
    rows = np.sort(rng.permutation(len(whole.X))[:n_samples])
    columns = np.sort(rng.permutation(whole.X.shape[1])[:n_columns])
    part.X, part.y, part.groups = whole.X[np.ix_(rows, columns)], whole.y[rows], whole.groups[rows]
    part.splits, part.name, part.checksum = inner_splits(5, part.X, part.y, None, 0), whole.name, whole.checksum
    for share in SHARES:
        measure = f"by {by}: {n_samples} x {n_columns}, {share:.0%} of them"
        if f"{measure}: cross_val_score" in done:
            continue
        ours, theirs = both(part, round(share * n_columns), rounds=3, n=4)
        about = {**part.facts(), "columns": n_columns, "share": share, "by": by}
        yield row(measure, ours, "ms", who="ours", **about)
        yield row(f"{measure}: cross_val_score", theirs, "ms", who="cross_val_score", **about)


PARTS: dict[str, Callable[..., Iterator[Row]]] = {
    "evaluation": part_evaluation,
    "cost": part_cost,
    "search": part_search,
}


def speed(
    rows: list[Row], peers: dict[str, str | None], root: Path, work: Path, rounds: int, origin: Row
) -> Iterator[Row]:
    """Rows that are missing."""
    loaded: dict[str, Data] = {}

    def data(key: str) -> Data:
        if key not in loaded:
            corpus, view = key.split()
            loaded[key] = Data(corpus, view, root, work)
        return loaded[key]

    done = {old["measure"] for old in rows}
    with cores(1):
        for part, made in PARTS.items():
            for fresh in made(data, done, peers=peers, rounds=rounds):
                facts = {"commit": commit(), "ferfusion": versions()["ferfusion"], "load": round(os.getloadavg()[0], 1)}
                yield {"part": part, **fresh, **facts, **origin}


def as_table(rows: list[Row]) -> str:
    """Costs of evaluations and searches as tables in Markdown."""
    if not rows:
        return "not measured yet"
    table = pd.DataFrame(rows).drop_duplicates("measure", keep="last")
    lines = ["| estimator, columns | ours, ms | cross_val_score, ms | times as fast |", "|---|---|---|---|"]
    values = table.set_index("measure")["value"].astype(float)
    for measure in table.loc[table["part"] == "evaluation", "measure"]:
        if ":" not in measure:
            cells = [values[f"{measure}{end}"] for end in ("", ": cross_val_score", ": over cross_val_score")]
            lines.append(f"| {measure} | {cells[0]:.2f} | {cells[1]:.1f} | {cells[2]:.1f} |")
    heads = ["search", "evaluations", "CPU s", "columns", "fitness reported", "fitness re-scored", "of that, error"]
    lines += ["", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for found in table[(table["part"] == "search") & (table["unit"] == "CPU s")].itertuples():
        if found.value != found.value or "error" not in table or np.isnan(found.error):
            lines.append(f"| {found.measure} | {found.note} | | | | | |")
            continue
        reported = "-" if np.isnan(found.reported) else f"{found.reported:.3f}"
        cells = [found.measure, f"{found.evaluations:.0f}", f"{float(found.value):.2f}", f"{found.kept:.0f}", reported]
        lines.append(f"| {' | '.join(cells)} | {found.rescored:.3f} | {found.error:.3f} |")
    lines += ["", "| goal | median | least | greatest | wanted | |", "|---|---|---|---|---|---|"]
    for found in table[table["met"].notna() & (table["part"] == "search")].itertuples():
        met = "met" if found.met in (True, "True") else "missed"
        lines.append(f"| {found.measure} | {found.value} | {found.low} | {found.high} | {found.goal} | {met} |")
    return "\n".join(lines)


def plot_cost(rows: list[Row], path: Path) -> None:
    """Milliseconds an evaluation by columns and by samples."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    table = pd.DataFrame(rows)
    if "by" not in table:
        return
    table = table[table["part"] == "cost"].astype({"value": float})
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), sharey=True, layout="constrained")
    for ax, by, title in zip(axes, ("columns", "samples"), ("535 samples", "988 columns"), strict=True):
        for who, color in (("ours", "tab:blue"), ("cross_val_score", "tab:gray")):
            for share, dashes in zip(SHARES, ("-", "--"), strict=True):
                line = table[(table["by"] == by) & (table["who"] == who) & (table["share"] == share)].sort_values(by)
                label = f"{who}, {share:.0%} of the columns"
                ax.plot(line[by], line["value"], dashes, marker="o", ms=4, color=color, label=label)
        ax.set(xscale="log", yscale="log", xlabel=by, title=title)
        ticks = COLUMNS if by == "columns" else SAMPLES
        ax.set_xticks(ticks, [str(tick) for tick in ticks], rotation=45)
        ax.minorticks_off()
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("CPU ms an evaluation (5 folds)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle("Judging a subset by five nearest neighbours; the same scores, one core")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
