"""What each family of handcrafted features tells of the emotion: alone, together, and beside openSMILE's sets.

    python benchmarks/families.py                           # goes on where it stopped
    python benchmarks/families.py --corpus emodb --only audio_prosody --only own
    python benchmarks/families.py --table                   # the results as the guide shows them

``baseline_early`` with one view at a time (linear support vector machine, C = 1, nothing tuned), leave one speaker out,
speakers scaled by their own unlabelled rows. The families are the named views of sound with one vector a recording.
``own`` is all of them side by side, but for ``audio_acoustic``, which holds four of them.

Features are kept in a store and finished folds beside it, both under ``--work`` in a folder that is named after the
code that computes features: other code, other folder. The corpora are looked for in ``$FERFUSION_CORPORA``, else beside
the repository in ``../shared/corpora``. Results: ``benchmarks/results/families.csv``, a row a corpus and set of views.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import parallel_config
from platformdirs import user_cache_path

from ferfusion import evaluate, load_corpus, make_system
from ferfusion.base.versions import versions
from ferfusion.corpora import Corpus
from ferfusion.evaluation.provenance import digest
from ferfusion.features import NAMED_VIEWS, Acoustic, Extractor, OpenSmile, Reservoir, Views, named_view

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "families.csv"
CORPORA = ("emodb", "ravdess")
STANDARD = ("audio_egemaps", "audio_emobase", "audio_is10", "audio_compare")
BASELINE = ("audio_egemaps", "audio_compare")  # of baseline_early itself
SEED = 0

Row = dict[str, Any]


def extractors() -> dict[str, Extractor]:
    """Extractors of sound by view: the named ones with one vector a recording, and a reservoir."""
    named = {name: named_view(name)[1] for name in NAMED_VIEWS if name.startswith("audio_")}
    made = {name: extractor for name, extractor in named.items() if not extractor.frames and not extractor.batches}
    return {**made, "audio_reservoir": Reservoir(Acoustic(level="lld"))}


def sets() -> dict[str, list[str]]:
    """Sets of views to judge, by name."""
    own = {name: made for name, made in extractors().items() if not isinstance(made, OpenSmile)}
    # what other families are part of, or hear, tells nothing that they do not
    families = [name for name, made in own.items() if not isinstance(made, Acoustic | Reservoir)]
    alone = {name: [name] for name in (*own, *STANDARD)}
    together = {"own": families, "openSMILE": list(BASELINE), "own and openSMILE": [*families, *BASELINE]}
    return alone | together


def code_digest() -> str:
    """Digest of the code that computes features of sound; versions of extractors are raised for releases only."""
    folder = ROOT / "ferfusion" / "features"
    files = sorted([*folder.glob("audio/**/*.py"), *folder.glob("graph/*.py"), *folder.glob("*.py")])
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def fingerprints(names: list[str]) -> str:
    """Digest of the parameters and versions of the extractors of views."""
    return digest([extractors()[name].fingerprint() for name in names])


def extracted(corpus: Corpus, names: list[str], store: Path, jobs: int) -> tuple[Corpus, int]:
    """The corpus with views in its table, and how many recordings could not be used."""
    views = Views([(name, extractors()[name]) for name in names], store=str(store), n_jobs=jobs)
    with parallel_config("loky", n_jobs=jobs):
        X, faults = views.extract(corpus.X, names)
    return corpus.replace(X=X), int(faults["id"].nunique())


def judged(corpus: Corpus, name: str, names: list[str], work: Path, jobs: int) -> Row:
    """The row of a corpus and a set of views."""
    begun = time.perf_counter()
    table, faults = extracted(corpus, names, work / "store", jobs)
    ready = time.perf_counter()
    result = evaluate(
        make_system("baseline_early", views=names, random_state=SEED),
        table,
        "speaker",
        SEED,
        n_jobs=jobs,
        name=name,
        checkpoint=work / "folds",
    )
    scores = result.scores.round(4)
    row: Row = {"corpus": corpus.card.name, "name": name, "views": " ".join(names)}
    row["features"] = sum(len(extractors()[view].feature_names()) for view in names)
    for score in scores.index:
        low, high = scores.loc[score, "low"], scores.loc[score, "high"]
        row |= {score: scores.loc[score, "value"], f"{score}_low": low, f"{score}_high": high}
    return row | {
        "utterances": len(result.predictions),
        "unusable": faults,
        "seconds_features": round(ready - begun, 1),
        "seconds_folds": round(result.provenance["seconds"]["folds"], 1),
        "protocol": result.protocol["description"],
        "system": "baseline_early",
        "speaker_scaling": "self",
        "seed": SEED,
        "corpus_checksum": corpus.checksum(),
        "fingerprints": fingerprints(names),
        "code": work.name,
        "commit": commit(),
        "ferfusion": versions()["ferfusion"],
        "scikit-learn": versions()["scikit-learn"],
        "opensmile": versions()["opensmile"],
    }


def commit() -> str:
    """Of the repository."""
    asked = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def as_table(rows: list[Row]) -> str:
    """UAR by set of views, a column a corpus, as a table in Markdown."""
    corpora = [name for name in CORPORA if any(row["corpus"] == name for row in rows)]
    lines = [f"| views | features | {' | '.join(corpora)} |", "|---|---|" + "---|" * len(corpora)]
    for name in sets():
        mine = {row["corpus"]: row for row in rows if row["name"] == name}
        if mine:
            cells = [_cell(mine[corpus]) if corpus in mine else "not measured yet" for corpus in corpora]
            shown = f"`{name}`" if name.startswith("audio_") else name
            lines.append(f"| {shown} | {next(iter(mine.values()))['features']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: Row) -> str:
    return f"{row['uar']:.3f} [{row['uar_low']:.3f}, {row['uar_high']:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", action="append", choices=CORPORA, help="may be repeated; all if missing")
    parser.add_argument("--only", action="append", choices=sets(), help="sets of views; all if missing")
    parser.add_argument("--work", type=Path, default=user_cache_path("ferfusion") / "benchmarks")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--table", action="store_true", help="print what has been measured")
    asked = parser.parse_args()
    rows = pd.read_csv(RESULTS).to_dict("records") if RESULTS.exists() else []
    if asked.table:
        print(as_table(rows))
        return
    root = Path(os.environ.get("FERFUSION_CORPORA", ROOT.parent / "shared" / "corpora"))
    work = asked.work / code_digest()
    RESULTS.parent.mkdir(exist_ok=True)
    for key in asked.corpus or CORPORA:
        corpus = load_corpus(key, root / key)
        for name, names in sets().items():
            # a row is done if it was made of the same views by extractors of the same versions and parameters
            same = [row for row in rows if (row["corpus"], row["name"]) == (corpus.card.name, name)]
            if name not in (asked.only or sets()) or any(row["fingerprints"] == fingerprints(names) for row in same):
                continue
            row = judged(corpus, name, names, work, asked.jobs)
            rows = [*(old for old in rows if old not in same), row]
            pd.DataFrame(rows).to_csv(RESULTS, index=False)
            print(f"{corpus.card.name:8s} {name:20s} {row['features']:6d} features  UAR {_cell(row)}", flush=True)


if __name__ == "__main__":
    main()
