"""What fusion without networks gains on real corpora: one command for the three of them.

    python benchmarks/fusion.py                               # all parts, each goes on where it stopped
    python benchmarks/fusion.py --part mosi                   # text, sound and face; two classes
    python benchmarks/fusion.py --part ravdess                # sound and face; five folds of actors
    python benchmarks/fusion.py --part meld                   # text in its dialogue
    python benchmarks/fusion.py --table                       # the results as the guide shows them

Each part is a script of its own (``fusion_mosi.py``, ``fusion_ravdess.py``, ``fusion_meld.py``) that says what it does,
how its choices are made and where its results are kept. ``--model FOLDER`` adds systems with a sentence encoder.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from families import commit

HERE = Path(__file__).parent
PARTS = ("mosi", "ravdess", "meld")


def commands(part: str, model: str | None, table: bool) -> list[list[str]]:
    """What is to be run for a part, in turn."""
    script = [sys.executable, str(HERE / f"fusion_{part}.py")]
    if table:
        return [[*script, "--table"]]
    if part == "ravdess":
        noted = [*script, "--commit", commit()]
        return [noted, [*noted, "--missing"]]
    return [[*script, "--model", model] if model else script]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=PARTS, help="all if missing")
    parser.add_argument("--model", help="folder of a sentence encoder on this disk")
    parser.add_argument("--table", action="store_true", help="print what has been measured")
    asked = parser.parse_args()
    for part in asked.part or PARTS:
        for command in commands(part, asked.model, asked.table):
            print(f"\n{part}", flush=True)
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
