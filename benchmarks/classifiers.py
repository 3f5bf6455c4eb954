"""Every classifier name in early, late and stacked fusion, side by side on EMO-DB.

    python benchmarks/classifiers.py            # goes on where it stopped; a finished row is not computed again

Leave one speaker out, speakers scaled by their own unlabelled rows, nothing tuned. Two acoustic views, eGeMAPSv02 (88)
and emobase (988): small enough for every classifier on two cores. Late and stacked fusion have a branch a view. The
corpus is looked for in ``$FERFUSION_CORPORA/emodb``, else beside the repository in ``../shared/corpora/emodb``.
Results: ``benchmarks/results/classifiers_emodb.csv``, a row a classifier and fusion.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pandas as pd

from ferfusion import evaluate, load_corpus
from ferfusion.base.versions import versions
from ferfusion.evaluation.preparation import prepare
from ferfusion.features import OpenSmile, Views
from ferfusion.fusion import CLASSIFIERS, make_early, make_late

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "classifiers_emodb.csv"
VIEWS = [("audio_egemaps", OpenSmile("eGeMAPSv02")), ("audio_emobase", OpenSmile("emobase"))]
SEED = 0


def systems(classifier: str, views: Views) -> dict:
    return {
        "early": make_early(views, classifier, speaker_scaling="self", random_state=SEED),
        "late": make_late(classifier, "product", views=views, speaker_scaling="self", by="view", random_state=SEED),
        "stacked": make_late(classifier, "stack", views=views, speaker_scaling="self", by="view", random_state=SEED),
    }


def main() -> None:
    root = Path(os.environ.get("FERFUSION_CORPORA", ROOT.parent / "shared" / "corpora"))
    views = Views(VIEWS, skip=("text",), n_jobs=2)
    corpus = prepare(make_early(views), load_corpus("emodb", root / "emodb"))[1]
    rows = pd.read_csv(RESULTS).to_dict("records") if RESULTS.exists() else []
    done = {(row["classifier"], row["fusion"]) for row in rows}
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    RESULTS.parent.mkdir(exist_ok=True)
    for fusion in ("early", "late", "stacked"):
        for classifier in CLASSIFIERS:
            if (classifier, fusion) in done:
                continue
            system = systems(classifier, views)[fusion]
            result = evaluate(system, corpus, "speaker", SEED, name=f"{classifier}, {fusion}")
            scores = result.scores.round(4)
            row = {"classifier": classifier, "fusion": fusion}
            for name in scores.index:
                row |= {
                    name: scores.loc[name, "value"],
                    f"{name}_low": scores.loc[name, "low"],
                    f"{name}_high": scores.loc[name, "high"],
                }
            row |= {
                "seconds": round(result.provenance["seconds"]["folds"], 1),
                "protocol": result.protocol["description"],
                "speaker_scaling": "self",
                "seed": SEED,
                "corpus_checksum": result.provenance["corpus"]["checksum"],
                "commit": commit.stdout.strip(),
                "scikit-learn": versions()["scikit-learn"],
                "opensmile": versions()["opensmile"],
            }
            rows.append(row)
            pd.DataFrame(rows).to_csv(RESULTS, index=False)
            print(f"{classifier:9s} {fusion:8s} UAR {row['uar']:.3f}  {row['seconds']:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
