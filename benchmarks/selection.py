"""What choosing columns costs and what it is worth: beside zoofs, mafese and NiaPy, and on speakers never heard.

    python benchmarks/selection.py                          # both parts; goes on where it stopped
    python benchmarks/selection.py --part speed --zoofs PYTHON --mafese PYTHON --niapy PYTHON
    python benchmarks/selection.py --part honest --corpus emodb
    python benchmarks/selection.py --table                  # the results as the guide shows them

``speed`` (``selection_speed.py``): milliseconds an evaluation, CPU seconds of whole searches, cost by numbers of
columns and of samples. The other packages pin what clashes with ours, so each lives in an environment of its own,
whose Python is named by an option; a package whose option is missing is left out. They are made by

    python -m venv zoofs && zoofs/bin/pip install zoofs==0.1.26
    python -m venv mafese && mafese/bin/pip install mafese==1.0.0 "plotly<6" kaleido==0.2.1
    python -m venv niapy && niapy/bin/pip install niapy==2.7.1 scikit-learn

``honest`` (``selection_honest.py``): choosing inside each training part, judged by speakers that were never heard.

Features are kept in a store under ``--work``, in a folder named after the code that computes features. The corpora are
looked for in ``$FERFUSION_CORPORA``, else beside the repository in ``../shared/corpora``.
Results: ``benchmarks/results/selection_speed.csv`` and ``selection_honest.csv``, a row a measurement, and
``docs/images/selection_cost.png`` and ``selection_honest.png``.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import selection_honest
import selection_speed
from families import CORPORA, ROOT, code_digest
from platformdirs import user_cache_path

Row = dict[str, Any]

RESULTS = {part: ROOT / "benchmarks" / "results" / f"selection_{part}.csv" for part in ("speed", "honest")}
PICTURES = {
    "speed": ROOT / "docs" / "images" / "selection_cost.png",
    "honest": ROOT / "docs" / "images" / "selection_honest.png",
}
PLOTS = {"speed": selection_speed.plot_cost, "honest": selection_honest.plot_honest}


def origin() -> Row:
    """How the rows of this run came about."""
    about = Path("/proc/cpuinfo")
    models = [line for line in about.read_text().splitlines() if "model name" in line] if about.exists() else []
    packages = ("numpy", "scipy", "numba", "scikit-learn")
    return {
        "made": datetime.now(UTC).date().isoformat(),
        "cpu": models[0].split(":")[1].strip() if models else platform.machine(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def rows_of(part: str) -> list[Row]:
    """What has been measured."""
    return pd.read_csv(RESULTS[part]).to_dict("records") if RESULTS[part].exists() else []


def tables() -> str:
    """Everything measured, as tables in Markdown."""
    parts = [selection_speed.as_table(rows_of("speed"))]
    for corpus in CORPORA:
        parts.append(f"{corpus}:\n\n{selection_honest.as_table(rows_of('honest'), corpus)}")
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=RESULTS, help="may be repeated; all if missing")
    parser.add_argument("--corpus", action="append", choices=CORPORA, help="of the honest part; all if missing")
    parser.add_argument("--work", type=Path, default=user_cache_path("ferfusion") / "benchmarks" / code_digest())
    for peer in selection_speed.PEERS:
        parser.add_argument(f"--{peer}", metavar="PYTHON", help=f"Python of an environment with {peer}")
    parser.add_argument("--rounds", type=int, default=3, help="searches of each package, a seed each")
    parser.add_argument("--again", action="store_true", help="measure the parts anew")
    parser.add_argument("--table", action="store_true", help="print what has been measured")
    asked = parser.parse_args()
    if asked.table:
        print(tables())
        return
    root = Path(os.environ.get("FERFUSION_CORPORA", ROOT.parent / "shared" / "corpora"))
    peers = {peer: getattr(asked, peer) for peer in selection_speed.PEERS}
    for part in asked.part or RESULTS:
        rows = [] if asked.again else rows_of(part)
        if part == "speed":
            fresh: Iterator[Row] = selection_speed.speed(rows, peers, root, asked.work, asked.rounds, origin())
        else:
            fresh = selection_honest.honest(rows, asked.corpus or list(CORPORA), root, asked.work, origin())
        for row in fresh:
            rows = [*rows, row]
            RESULTS[part].parent.mkdir(exist_ok=True)
            pd.DataFrame(rows).to_csv(RESULTS[part], index=False)
            print("  ".join(f"{name} {value}" for name, value in list(row.items())[:10]), flush=True)
        if rows:
            PLOTS[part](rows, PICTURES[part])


if __name__ == "__main__":
    main()
