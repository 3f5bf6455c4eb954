"""RAVDESS by sound and face: what fusion of the two gains, and what is left of it when one of them is missing.

    python benchmarks/fusion_ravdess.py                       # goes on where it stopped
    python benchmarks/fusion_ravdess.py --scaling none        # only without speaker scaling
    python benchmarks/fusion_ravdess.py --missing             # one view missing or noisy at test time
    python benchmarks/fusion_ravdess.py --table               # the results as the guide shows them

Five folds of actors (Luna-Jimenez 2022), 8 emotions, accuracy. Two columns of numbers: ``self`` scales each actor by
the actor's own unlabelled rows, in training and test alike; ``none`` knows nothing of the actor. Sound is heard by
the library's own families (no openSMILE), the face seen by averages of 35 action units.

Systems are judged within each training part first: each of its four folds is judged by a system fitted on the other
three. The one that is best there is used in that fold; the row ``chosen fold by fold`` is made of these and is the
figure to quote. Every other row was scored on the same test parts and none was left out. ``gain`` is the difference to
the single view that does best *on test*, with a paired interval over actors; fusion ``wins`` only where it excludes 0.

What a branch says is kept in ``--work`` under a digest of its parameters and of all numbers it was fitted on and
asked about, since most systems are made of the same branches. Results: ``benchmarks/results/fusion_ravdess.csv``, a
row a system and scaling, and ``benchmarks/results/fusion_ravdess_missing.csv``; intervals are 95 % over actors.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from families import ROOT, extracted, extractors, fingerprints
from fusion_kept import Kept, described
from matplotlib.ticker import PercentFormatter
from platformdirs import user_cache_path
from sklearn.base import clone
from sklearn.decomposition import KernelPCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from ferfusion import evaluate, load_corpus
from ferfusion.base import SelectViews
from ferfusion.base.versions import versions
from ferfusion.corpora import Corpus
from ferfusion.evaluation.comparison import compare
from ferfusion.evaluation.provenance import digest
from ferfusion.evaluation.results import Evaluation
from ferfusion.evaluation.robustness import robustness_curve
from ferfusion.features import Views
from ferfusion.fusion import StackedFusionClassifier, make_early, make_hybrid, make_late

RESULTS = ROOT / "benchmarks" / "results" / "fusion_ravdess.csv"
MISSING = ROOT / "benchmarks" / "results" / "fusion_ravdess_missing.csv"
PROTOCOL = "luna2022"
SOUND = ["audio_acoustic", "audio_cqhog"]
FACE = ["visual_au"]
SCALINGS = ("self", "none")
SINGLE = ("acoustic", "cqhog", "sound, early", "sound, product", "face, logistic", "face, trees", "face, four machines")
RULES = ("mean", "product", "maximum", "minimum", "borda", "entropy", "dempster_shafer")
LEARNT = ("weights", "belief", "dynamic")
SHARES = (0.0, 0.1, 0.3, 0.5, 0.7, 1.0)
BABBLE = (np.inf, 20.0, 10.0, 0.0)
SHOWN_ONLY = ("stacked, random inner folds",)  # no candidate of the choice: here to show what tearing speakers does
CHOSEN = "chosen fold by fold"
SEED = 0

Row = dict[str, Any]


def logistic(wide: bool) -> Any:
    """Logistic regression; of wide tables on the rows turned into as many columns, which changes no inner product."""
    machine = LogisticRegression(C=10.0, max_iter=1000, tol=1e-3)
    return make_pipeline(KernelPCA(remove_zero_eig=True, eigen_solver="dense"), machine) if wide else machine


def machines() -> dict[str, Any]:
    """Classifiers of different make for the few columns of the face."""
    net = MLPClassifier((64,), alpha=1.0, max_iter=200, random_state=SEED)
    return {
        "logistic": logistic(wide=False),
        "discriminant": LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        "trees": ExtraTreesClassifier(300, min_samples_leaf=2, max_features=0.3, random_state=SEED),
        "net": make_pipeline(StandardScaler(), net),
    }


def branch(views: list[str], machine: Any, folder: str) -> Pipeline:
    """Some views side by side and a classifier."""
    return Pipeline([("keep", SelectViews(views)), ("kept", Kept(make_early((), machine), folder=folder))])


def systems(scaling: Any, folder: str, views: Any = ()) -> dict[str, Callable[[], Any]]:
    """Makers of systems by name, single views first; slow ones last."""
    acoustic, cqhog = (branch([view], logistic(wide=True), folder) for view in SOUND)
    sound = branch(SOUND, logistic(wide=True), folder)
    faces = {name: branch(FACE, machine, folder) for name, machine in machines().items()}
    # the choice of views tells the oracle which branches go with a view
    face = Pipeline([("keep", SelectViews(FACE)), ("fuse", make_late(list(faces.items()), "mean")["fuse"])])
    pair = [("sound", sound), ("face", face)]
    given: dict[str, Any] = {"views": views, "speaker_scaling": scaling}

    def alone(name: str, model: Any) -> Callable[[], Any]:
        return lambda: make_late([(name, model)], "mean", **given)

    def late(rule: Any, weights: Any = None, branches: Any = pair) -> Callable[[], Any]:
        return lambda: make_late(branches, rule, weights=weights, random_state=SEED, **given)

    def hybrid(weights: tuple[float, float]) -> Callable[[], Any]:
        groups = {"sound": {"together": sound, "acoustic": acoustic, "cqhog": cqhog}, "face": faces}
        return lambda: make_hybrid(groups, rule="product", weights=weights, **given)

    def early(classifier: Any, **more: Any) -> Callable[[], Any]:
        return lambda: make_early(classifier=classifier, random_state=SEED, **given, **more)

    def stack(**more: Any) -> Callable[[], Any]:
        first = make_late(pair, "mean", **given).steps[:-1]
        return lambda: Pipeline([*first, ("fuse", StackedFusionClassifier(pair, random_state=SEED, **more))])

    one_each = [("sound", sound), ("face", faces["logistic"])]
    return {
        "acoustic": alone("acoustic", acoustic),
        "cqhog": alone("cqhog", cqhog),
        "sound, early": alone("sound", sound),
        "sound, product": late("product", None, [("acoustic", acoustic), ("cqhog", cqhog)]),
        "face, logistic": alone("face", faces["logistic"]),
        "face, trees": alone("face", faces["trees"]),
        "face, four machines": alone("face", face),
        **{f"late, {rule}": late(rule) for rule in RULES},
        "late, product, face logistic": late("product", None, one_each),
        "late, product, sound 0.6": late("product", (0.6, 0.4)),
        "hybrid, product": hybrid((1 / 3, 1 / 4)),
        "hybrid, product, sound 0.6": hybrid((0.4, 0.2)),
        "stacked": stack(),
        "stacked, random inner folds": stack(cv=StratifiedKFold(5, shuffle=True, random_state=SEED)),
        "stacked, view dropout": stack(view_dropout=0.3),
        **{f"late, {rule}": late(rule) for rule in LEARNT},
        "early, logistic": early(logistic(wide=True)),
        "early, logistic, face counts 2": early(logistic(wide=True), weights={"visual": 2.0}),
        "early, logistic, alignment": early(logistic(wide=True), weights="alignment"),
    }


def inner_accuracies(model: Pipeline, corpus: Corpus, file: Path, ready: dict[Any, Any]) -> list[float]:
    """Accuracy within the training part of each fold, each of its own folds judged by a fit on the others.

    What is fitted without folds j and k judges j within the training part of k, and k within that of j. Views and
    speaker scaling are the same steps in all systems: ``ready`` keeps what they make of the tables.
    """
    X, y = corpus.X, corpus.y.to_numpy().astype(str)  # type: ignore[union-attr]
    tests = [fold.test for fold in corpus.folds(PROTOCOL)]
    if not file.exists():
        begin = sum(name in ("views", "speaker") for name, _ in model.steps)
        right = np.full((len(tests), len(y)), np.nan)
        for j, k in combinations(range(len(tests)), 2):
            train = np.setdiff1d(np.arange(len(y)), np.concatenate([tests[j], tests[k]]))
            if (j, k) not in ready:
                first = clone(model[:begin]).fit(X.iloc[train], y[train])
                ready[j, k] = [first.transform(X.iloc[rows]) for rows in (train, tests[j], tests[k])]
            fitted = clone(model[begin:]).fit(ready[j, k][0], y[train])
            for judged, kept_out, table in ((j, k, ready[j, k][1]), (k, j, ready[j, k][2])):
                right[kept_out, tests[judged]] = fitted.predict(table) == y[tests[judged]]
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, right)
    return [float(value) for value in np.nanmean(np.load(file), axis=1).round(4)]


def scored(result: Evaluation, single: Evaluation | None) -> Row:
    """Test scores, and the gain over the best single view."""
    P = result.predictions[[f"p_{name}" for name in result.classes]].to_numpy()
    row: Row = {"probabilities_valid": bool((P >= 0).all() and np.allclose(P.sum(axis=1), 1))}
    for score in ("wa", "uar", "wf1"):
        found = result.scores.loc[score].round(4)
        row |= {score: found["value"], f"{score}_low": found["low"], f"{score}_high": found["high"]}
    if single is not None:
        pair = compare([result, single], "wa", names=["this", "single"], seed=SEED).pairs.iloc[0]
        row |= {"best_single": single.system, "gain": round(pair["difference"], 4)}
        row |= {"gain_low": round(pair["low"], 4), "gain_high": round(pair["high"], 4), "wins": bool(pair["low"] > 0)}
    return row


def judged(
    scaling: str, corpus: Corpus, work: Path, rows: list[Row], origin: Row, only: list[str] | None = None
) -> list[Row]:
    """Rows of systems with a scaling, written as they come; the choice is among those that were asked for."""
    found: dict[str, Evaluation] = {}
    inner: dict[str, list[float]] = {}
    ready: dict[Any, Any] = {}
    others = [row for row in rows if row["scaling"] != scaling]
    single: Evaluation | None = None
    mine: list[Row] = []
    for name, make in systems(None if scaling == "none" else scaling, str(work / "branches")).items():
        if only and name not in (*SINGLE, *only):
            continue
        model = make()
        key = digest([name, scaling, described(model), origin["corpus_checksum"], origin["fingerprints"]])
        if name not in SHOWN_ONLY:
            inner[name] = inner_accuracies(model, corpus, work / "inner" / f"{key}.npy", ready)
        # a folder of its own: parameters of branches in a list are no part of what a checkpoint is known by
        folds = work / "folds" / key
        found[name] = evaluate(model, corpus, PROTOCOL, SEED, name=name, checkpoint=folds, verbose=False)
        if name not in SINGLE and single is None:
            single = max((found[one] for one in SINGLE), key=lambda one: float(one.scores.loc["wa", "value"]))
        row = {"scaling": scaling, "system": name, "inner_wa": round(float(np.mean(inner.get(name, np.nan))), 4)}
        row |= {**scored(found[name], single), "inner_by_fold": " ".join(map(str, inner.get(name, [])))}
        mine.append({**row, "parameters": digest(described(model)), **origin})
        kept = [row for row in rows if row["scaling"] == scaling and row["system"] not in found]
        pd.DataFrame([*others, *mine, *kept]).to_csv(RESULTS, index=False)
        print(f"{scaling} {name:35s} inner {row['inner_wa']:.4f} test {row['wa']:.4f}", flush=True)
    best = [max(inner, key=lambda name: inner[name][k]) for k in range(len(next(iter(inner.values()))))]
    kept = [row for row in rows if row["scaling"] == scaling and row["system"] not in (*found, CHOSEN)]
    result = chosen(found, best, corpus)
    row = {"scaling": scaling, "system": CHOSEN, **scored(result, single), "parameters": " | ".join(best), **origin}
    row["candidates"] = len(inner)
    row["inner_wa"] = round(float(np.mean([inner[name][k] for k, name in enumerate(best)])), 4)
    whole = [
        *others,
        *({**one, "chosen_in": best.count(one["system"])} for one in mine),
        {**row, "chosen_in": len(best)},
        *kept,
    ]
    pd.DataFrame(whole).to_csv(RESULTS, index=False)
    print(f"{scaling} {CHOSEN}: {row['wa']} of {best}", flush=True)
    return whole


def chosen(found: dict[str, Evaluation], best: list[str], corpus: Corpus) -> Evaluation:
    """Of each fold the predictions of its system."""
    ids = [corpus.X.index[fold.test] for fold in corpus.folds(PROTOCOL)]
    parts = [found[name].predictions.loc[test] for name, test in zip(best, ids, strict=True)]
    table = pd.concat(parts).loc[found[best[0]].predictions.index]
    return replace(found[best[0]], system=CHOSEN, predictions=table)


class FirstFold:
    """A protocol of one fold only, where every sound must be heard anew."""

    def __init__(self, corpus: Corpus) -> None:
        self.fold = corpus.folds(PROTOCOL)[0]

    def split(self, X: Any, y: Any = None, groups: Any = None) -> list[tuple[np.ndarray, np.ndarray]]:
        """The fold."""
        return [(self.fold.train, self.fold.test)]


def curves(
    scaling: str, raw: Corpus, corpus: Corpus, work: Path, origin: Row, store: Path, only: list[str] | None
) -> None:
    """Scores with one view missing, all folds, or with babble in the sound, first fold."""
    folder, mode = str(work / "branches"), None if scaling == "none" else scaling
    hearing = Views([(name, extractors()[name]) for name in SOUND], store=str(store))
    wanted = ["late, mean", "late, product", "stacked", "stacked, view dropout", "early, logistic"]
    jobs: list[tuple[str, str, str]] = [("missing", view, name) for view in ("visual", "audio") for name in wanted]
    jobs += [
        ("babble", "audio", name) for name in ("sound, early", "face, four machines", "late, mean", "late, product")
    ]
    for what, view, name in jobs:
        rows = pd.read_csv(MISSING).to_dict("records") if MISSING.exists() else []
        corruption = f"{view} missing" if what == "missing" else f"{what} in {view}"
        if any((row["scaling"], row["system"], row["corruption"]) == (scaling, name, corruption) for row in rows):
            continue
        noisy = what != "missing"
        if only and name not in only:
            continue
        model = systems(mode, folder, hearing if noisy else ())[name]()
        levels, protocol = (BABBLE, FirstFold(raw)) if noisy else (SHARES, PROTOCOL)
        curve = robustness_curve(model, raw if noisy else corpus, what, view, levels, protocol, SEED, verbose=False)
        curve = curve[curve["metric"] == "wa"].round(4)
        told = {"scaling": scaling, "system": name, "folds": "first" if noisy else "all"}
        rows += [{**told, **row, **origin} for row in curve.to_dict("records")]
        pd.DataFrame(rows).to_csv(MISSING, index=False)
        print(scaling, name, corruption, curve["value"].tolist(), flush=True)


def as_table(rows: list[Row]) -> str:
    """The results in Markdown, the best within the training parts first."""
    lines = [
        "| scaling | system | inner | accuracy | gain over best single view | wins | chosen in |",
        "|" + "---|" * 7,
    ]
    for row in sorted(rows, key=lambda r: (SCALINGS.index(r["scaling"]), r["system"] != CHOSEN, -r["inner_wa"])):
        value = f"{row['wa']:.3f} [{row['wa_low']:.3f}, {row['wa_high']:.3f}]"
        alone = pd.isna(row.get("gain", np.nan))
        gain = "" if alone else f"{row['gain']:+.3f} [{row['gain_low']:+.3f}, {row['gain_high']:+.3f}]"
        cells = [row["scaling"], row["system"], f"{row['inner_wa']:.3f}", value, gain, "" if alone else row["wins"]]
        times = row.get("chosen_in", np.nan)
        lines.append(f"| {' | '.join(map(str, [*cells, '' if pd.isna(times) else int(times)]))} |")
    return "\n".join(lines)


def draw_missing(table: pd.DataFrame) -> None:
    """The curves of missing views as a picture."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for ax, view in zip(axes, ("visual", "audio"), strict=True):
        part = table[(table["scaling"] == "self") & (table["corruption"] == f"{view} missing")]
        for name, curve in part.groupby("system", sort=False):
            line = ax.plot(curve["level"], curve["value"], marker="o", ms=4, label=name)[0]
            ax.plot(curve["level"], curve["oracle"], ls="--", lw=1, color=line.get_color())
        ax.set_xlabel(f"share of test utterances without {'face' if view == 'visual' else 'sound'}")
        ax.xaxis.set_major_formatter(PercentFormatter(1.0))
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("accuracy (dashed: oracle)")
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(ROOT / "docs" / "images" / "missing_ravdess.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scaling", action="append", choices=SCALINGS, help="both if missing")
    parser.add_argument(
        "--only", action="append", choices=systems(None, ""), help="beside single views; all if missing"
    )
    parser.add_argument("--missing", action="store_true", help="the curves of missing and noisy views")
    parser.add_argument("--work", type=Path, default=user_cache_path("ferfusion") / "benchmarks")
    parser.add_argument("--store", type=Path, help="features that were kept; in --work if missing")
    parser.add_argument("--commit", default="", help="of the repository, to be noted in the rows")
    parser.add_argument("--table", action="store_true", help="print what has been measured")
    asked = parser.parse_args()
    rows: list[Row] = pd.read_csv(RESULTS).to_dict("records") if RESULTS.exists() else []
    if asked.table:
        print(as_table(rows))
        if MISSING.exists():
            shown = ["scaling", "system", "corruption", "level", "value", "oracle", "difference"]
            print(pd.read_csv(MISSING)[[*shown, "difference_low", "difference_high"]].to_string(index=False))
        return
    root = Path(os.environ.get("FERFUSION_CORPORA", ROOT.parent / "shared" / "corpora"))
    raw = load_corpus("ravdess", root / "ravdess")
    store = asked.store or asked.work / "store"
    corpus, _ = extracted(raw, SOUND, store, 1)
    origin = {
        "protocol": f"{PROTOCOL}: five folds of actors",
        "interval": "95 % over actors",
        "views": " ".join([*SOUND, *FACE]),
        "fingerprints": fingerprints(SOUND),
        "seed": SEED,
        "corpus_checksum": corpus.checksum(),
        "commit": asked.commit,
        "ferfusion": versions()["ferfusion"],
        "scikit-learn": versions()["scikit-learn"],
    }
    RESULTS.parent.mkdir(exist_ok=True)
    # the net is meant to stop where it does
    warnings.simplefilter("ignore", ConvergenceWarning)
    for scaling in asked.scaling or SCALINGS:
        with threadpool_limits(1):
            if asked.missing:
                curves(scaling, raw, corpus, asked.work / "ravdess", origin, store, asked.only)
            else:
                rows = judged(scaling, corpus, asked.work / "ravdess", rows, origin, asked.only)
    if asked.missing:
        draw_missing(pd.read_csv(MISSING))


if __name__ == "__main__":
    main()
