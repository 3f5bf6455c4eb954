"""What each modality of the synthetic corpus tells, and what fusion adds: three seeds, also one informative view alone.

    python benchmarks/synthetic.py            # goes on where it stopped

``baseline_late`` with eGeMAPSv02, words and action units beside each view alone, leave one speaker out. Results:
``benchmarks/results/synthetic.csv``, a row a corpus.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ferfusion import evaluate, make_system
from ferfusion.corpora import make_corpus
from ferfusion.evaluation.preparation import prepare

RESULTS = Path(__file__).parent / "results" / "synthetic.csv"
VIEWS = ["audio_egemaps", "text", "visual"]


def uar(corpus, views: list[str], seed: int) -> float:
    system = make_system("baseline_late", views=views, random_state=seed)
    return round(float(evaluate(system, corpus, seed=seed, verbose=False).scores.loc["uar", "value"]), 4)


def main() -> None:
    rows = pd.read_csv(RESULTS).to_dict("records") if RESULTS.exists() else []
    done = {(row["seed"], row["informative"]) for row in rows}
    RESULTS.parent.mkdir(exist_ok=True)
    for seed in (0, 1, 2):
        for informative in (("audio", "text", "visual"), ("audio",), ("text",), ("visual",)):
            name = " ".join(informative)
            if (seed, name) in done:
                continue
            corpus = make_corpus(seed=seed, informative=informative)
            corpus = prepare(make_system("baseline_late", views=VIEWS, n_jobs=2), corpus, verbose=False)[1]
            row = {"seed": seed, "informative": name}
            row |= {view.split("_")[0]: uar(corpus, [view], seed) for view in VIEWS}
            row["fused"] = uar(corpus, VIEWS, seed)
            row["gain"] = round(row["fused"] - max(row["audio"], row["text"], row["visual"]), 4)
            row["protocol"] = "leave one speaker out (8 folds), self-scaled"
            rows.append(row)
            pd.DataFrame(rows).to_csv(RESULTS, index=False)
            print(row, flush=True)


if __name__ == "__main__":
    main()
