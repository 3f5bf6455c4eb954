"""Part ``honest`` of ``selection.py``: which chooser of columns helps speakers that were never heard.

Leave one speaker out on EMO-DB, the five actor folds on RAVDESS; openSMILE's emobase (988 columns), speakers scaled by
their own unlabelled rows, a linear support vector machine with C = 1. Columns are chosen inside each training part, and
searches judge them by folds inside that in which no speaker is torn apart. Nothing is tuned on a test part.

The columns that are left are brought back to a total variance of one before the machine: else C = 1 would mean a
smoother machine the fewer columns there are, and the size would be judged instead of the choice. Rows named
``not rescaled`` show what it is worth.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from families import commit, extracted
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from ferfusion import evaluate, load_corpus
from ferfusion.base.table import columns_of, views_of
from ferfusion.base.versions import versions
from ferfusion.corpora import Corpus
from ferfusion.fusion.assemble import make_early
from ferfusion.fusion.classifiers import as_classifier
from ferfusion.selection import (
    FilterSelector,
    GreyWolfSelector,
    ImportanceSelector,
    MRMRSelector,
    SwarmSelector,
    as_selector,
    nogueira_stability,
)
from ferfusion.selection.base import ColumnSelector, inner_splits
from ferfusion.selection.filters import score_columns
from ferfusion.selection.ranking import best_mask

VIEW = "audio_emobase"
PROTOCOLS = {"emodb": "speaker", "ravdess": "luna2022"}
SEEDS = {"emodb": 5, "ravdess": 3}
NOT_RESCALED = ", not rescaled"
MACHINE = make_pipeline(StandardScaler(), SVC(kernel="linear", C=0.01))  # as C = 1 is for 100 rescaled columns

Row = dict[str, Any]
Maker = Callable[[int], Any]


class TunedFilter(ColumnSelector):
    """A filter whose size is the best on inner folds, judged by the machine that will be fitted; rankings are made anew
    in each of them."""

    def __init__(
        self, criterion: str = "anova", sizes: Any = (25, 50, 100, 200, 400, 988), random_state: Any = 0
    ) -> None:
        self.criterion = criterion
        self.sizes = sizes
        self.random_state = random_state

    def fit(self, X: Any, y: Any, groups: Any = None) -> TunedFilter:
        A, codes, _ = self._checked(X, y)
        sizes = sorted({min(size, A.shape[1]) for size in self.sizes})
        found = np.zeros((len(sizes), 0))
        for train, test in inner_splits(None, A, codes, groups, self.random_state):
            scores = score_columns(self.criterion, A[train], codes[train])
            uar = [self._uar(A[:, best_mask(scores, size)], codes, train, test) for size in sizes]
            found = np.column_stack([found, uar])
        scores = score_columns(self.criterion, A, codes)
        self.support_ = best_mask(scores, sizes[int(found.mean(axis=1).argmax())])
        return self

    @staticmethod
    def _uar(A: np.ndarray, codes: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
        scale = np.sqrt(A[train].var(axis=0).sum()) or 1.0
        machine = clone(as_classifier("svm", 0)).fit(A[train] / scale, codes[train])
        return float(balanced_accuracy_score(codes[test], machine.predict(A[test] / scale)))


def _wolves(**parameters: Any) -> Maker:
    return lambda seed: GreyWolfSelector(random_state=seed, **parameters)


# by name: how to make the chooser of a seed, and whether the seed matters; cheapest first
METHODS: dict[str, tuple[Maker, bool]] = {
    "all columns": (lambda _: None, False),
    "random 100": (lambda seed: FilterSelector("random", random_state=seed), True),
    "random 300": (lambda seed: FilterSelector("random", n_features=300, random_state=seed), True),
    "random 400": (lambda seed: FilterSelector("random", n_features=400, random_state=seed), True),
    "ANOVA 100": (lambda _: FilterSelector("anova"), False),
    "ANOVA 300": (lambda _: FilterSelector("anova", n_features=300), False),
    "Fisher 100": (lambda _: FilterSelector("fisher"), False),
    "ReliefF 100": (lambda _: FilterSelector("relieff"), False),
    "mRMR 100": (lambda _: MRMRSelector(n_features=100), False),
    "mRMR 300": (lambda _: MRMRSelector(n_features=300), False),
    "grey wolf, its start alone": (_wolves(n_iterations=0), True),
    "grey wolf": (_wolves(), True),
    "grey wolf, sparse start": (_wolves(start="sparse"), True),
    "grey wolf, start with half of the columns": (_wolves(start="uniform", binarise="threshold"), True),
    "grey wolf, dimension learning": (_wolves(variant="dimension_learning"), True),
    "grey wolf, crossover": (_wolves(binarise="crossover"), True),
    "genetic": (lambda seed: SwarmSelector(move="genetic", random_state=seed), True),
    "particle swarm": (lambda seed: SwarmSelector(move="particle_swarm", random_state=seed), True),
    "two stages: forest 200, grey wolf": (lambda seed: as_selector("two_stage", seed), True),
    "ANOVA 100, not rescaled": (lambda _: FilterSelector("anova"), False),
    "random 100, not rescaled": (lambda seed: FilterSelector("random", random_state=seed), True),
    "forest 100": (lambda seed: ImportanceSelector(n_features=100, random_state=seed), True),
    "ANOVA, size by inner folds": (lambda _: TunedFilter(), False),
    "mutual information 100": (lambda _: FilterSelector("mutual_information"), False),
    "grey wolf, judged by a linear machine": (_wolves(estimator=MACHINE), True),
}


def system_of(name: str, seed: int) -> Pipeline:
    """The system whose columns are chosen by a method."""
    system = make_early((), "svm", METHODS[name][0](seed), speaker_scaling="self", random_state=seed)
    return Pipeline([step for step in system.steps if not (name.endswith(NOT_RESCALED) and step[0] == "rescale")])


def judged(corpus: Corpus, checksum: str, name: str, seed: int) -> Row:
    """The row of a corpus, a method and a seed."""
    begun = time.process_time()
    with threadpool_limits(1), warnings.catch_warnings():
        # an inner fold of one or two speakers may lack an emotion
        warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true", category=UserWarning)
        result = evaluate(system_of(name, seed), corpus, PROTOCOLS[corpus.card.name], seed, verbose=False)
    cpu = (time.process_time() - begun) / len(result.timing)
    kept = result.selected
    sizes = kept.sum() if len(kept) else pd.Series([len(_columns(corpus))])
    uar, low, high = result.scores.loc["uar", ["value", "low", "high"]].round(4)
    return {
        "corpus": corpus.card.name,
        "method": name,
        "seed": seed,
        "columns": round(float(sizes.mean()), 1),
        "columns_least": int(sizes.min()),
        "columns_most": int(sizes.max()),
        "uar": uar,
        "uar_low": low,
        "uar_high": high,
        "interval": f"95 % over {result.interval}",
        "stability": round(nogueira_stability(kept.to_numpy().T).value, 3) if len(kept) else np.nan,
        "cpu_s_fold": round(cpu, 2),
        "fit_s_fold": round(float(result.timing["fit_s"].mean()), 2),
        "folds": len(result.timing),
        "seeds_planned": SEEDS[corpus.card.name] if METHODS[name][1] else 1,
        "protocol": result.protocol["description"],
        "view": " ".join(views_of(corpus.X)),
        "speaker_scaling": "self",
        "classifier": "linear SVM, C = 1",
        "selector": " ".join(str(METHODS[name][0](seed)).split()),
        "corpus_checksum": checksum,
    }


def _columns(corpus: Corpus) -> list[str]:
    """All that may be chosen: what is computed, and what a corpus brings along, such as the action units of RAVDESS."""
    return columns_of(corpus.X)


def honest(done: list[Row], corpora: list[str], root: Path, work: Path, origin: Row) -> Iterator[Row]:
    """Rows that are missing, cheap methods first, a seed of all of them before the next."""
    for key in corpora:
        corpus = load_corpus(key, root / key)
        checksum = corpus.checksum()
        table = extracted(corpus, [VIEW], work / "store", 1)[0]
        # all methods once before any of them again, so that whatever is there after a break can be compared
        runs = [(name, seed) for seed in range(SEEDS[key]) for name in METHODS if not seed or METHODS[name][1]]
        for name, seed in runs:
            if not any((row["corpus"], row["method"], row["seed"]) == (key, name, seed) for row in done):
                facts = {"commit": commit(), "ferfusion": versions()["ferfusion"]}
                yield {**judged(table, checksum, name, seed), **origin, **facts}


def as_table(rows: list[Row], corpus: str) -> str:
    """Methods of a corpus as a table in Markdown, best first."""
    table = pd.DataFrame([row for row in rows if row["corpus"] == corpus])
    lines = ["| method | columns | UAR | spread over seeds | stability | CPU s a fold |", "|---|---|---|---|---|---|"]
    if table.empty:
        return "not measured yet"
    # one seed gives all folds the same random columns, which is no stability
    table.loc[table["method"].str.startswith("random"), "stability"] = np.nan
    for name, mine in sorted(table.groupby("method"), key=lambda item: -item[1]["uar"].mean()):
        first = mine.sort_values("seed").iloc[0]
        shown = f"{mine['uar'].mean():.3f} [{first['uar_low']:.3f}, {first['uar_high']:.3f}]"
        spread = f"{mine['uar'].min():.3f} to {mine['uar'].max():.3f} ({len(mine)})" if len(mine) > 1 else "-"
        stability = "-" if np.isnan(first["stability"]) else f"{mine['stability'].mean():.2f}"
        cells = [name, f"{mine['columns'].mean():.0f}", shown, spread, stability, f"{mine['cpu_s_fold'].mean():.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def plot_honest(rows: list[Row], path: Path) -> None:
    """UAR of each method with its interval, all seeds as dots; a panel a corpus."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    table = pd.DataFrame(rows)
    corpora = [name for name in PROTOCOLS if name in set(table["corpus"])]
    order = table[table["corpus"] == corpora[0]].groupby("method")["uar"].mean().sort_values().index.tolist()
    order += [name for name in table["method"].unique() if name not in order]
    figure, axes = plt.subplots(1, len(corpora), figsize=(5.5 * len(corpora) + 1, 7), sharey=True, layout="constrained")
    for ax, corpus in zip(np.atleast_1d(axes), corpora, strict=True):
        mine = table[table["corpus"] == corpus]
        for i, name in enumerate(order):
            found = mine[mine["method"] == name].sort_values("seed")
            if found.empty:
                continue
            color = "tab:orange" if "wolf" in name else "tab:gray" if name.startswith("random") else "tab:blue"
            ax.plot(
                found[["uar_low", "uar_high"]].iloc[0], [i, i], color=color, alpha=0.35, lw=5, solid_capstyle="butt"
            )
            ax.plot(found["uar"], [i] * len(found), ".", color=color, ms=6, alpha=0.6)
            ax.plot(found["uar"].mean(), i, "|", color="black", ms=11, mew=2)
        whole = mine.loc[mine["method"] == "all columns", "uar"]
        ax.axvline(whole.mean(), color="black", lw=0.8, ls=":")
        ax.set(xlabel="UAR on speakers never heard", title=corpus)
        ax.grid(axis="x", alpha=0.3)
    np.atleast_1d(axes)[0].set_yticks(range(len(order)), order)
    figure.suptitle("Bar: 95 % interval of the first seed; dots: seeds; dotted: all columns; orange: grey wolves")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
