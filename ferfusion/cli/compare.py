"""``ferfusion compare``: saved evaluations of the same utterances side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ferfusion.cli import common
from ferfusion.evaluation import Evaluation
from ferfusion.evaluation.comparison import Comparison, comparison_summary
from ferfusion.evaluation.comparison import compare as compare_evaluations

__all__ = ["compare"]


def compare(
    folders: Annotated[list[Path], typer.Argument(help="Folders that 'run --out' wrote, two at least.")],
    metric: Annotated[str, typer.Option(help="uar, wa or wf1.")] = "uar",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for pairs.csv, scores.csv and the diagram of ranks.")
    ] = None,
    seed: common.Seed = 0,
    as_json: common.Json = False,
) -> None:
    """Say whether systems differ: paired intervals over speakers, tests, ranks.

    \b
    For example:
      ferfusion compare results/early results/late
    """
    loaded = [Evaluation.load(folder) for folder in folders]
    systems = [result.system for result in loaded]
    names = systems if len(set(systems)) == len(systems) else [folder.name for folder in folders]
    found = compare_evaluations(loaded, metric, names, seed)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        found.scores.to_csv(out / "scores.csv", index_label="system")
        found.pairs.to_csv(out / "pairs.csv", index=False)
        found.plot().figure.savefig(out / "ranks.svg")  # type: ignore[union-attr]
    if as_json:
        common.emit(comparison_summary(found))
        return
    _print(found)
    if out is not None:
        common.say(f"results: {out}")


def _print(found: Comparison) -> None:
    rows = [
        [
            f"{pair.a} - {pair.b}",
            f"{pair.difference:+.3f}",
            f"{pair.low:+.3f} to {pair.high:+.3f}",
            *(f"{p:.3f}" if p == p else "-" for p in (pair.p_wilcoxon, pair.p_mcnemar, pair.p_folds)),
        ]
        for pair in found.pairs.itertuples()
    ]
    columns = [found.metric.upper(), "difference", "95 % interval", "p Wilcoxon", "p McNemar", "p folds"]
    for name, row in found.scores.to_dict("index").items():
        common.say(f"{name}: {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}], mean rank {row['rank']:.2f}")
    common.console.print(common.table_of("pair by pair", columns, rows))
    common.say(f"protocol: {found.protocol}")
    common.say(
        f"ranks over {found.n_blocks} {found.blocks}: critical difference {found.critical_difference:.2f}, "
        f"Friedman's p {found.friedman_p:.3f}"
    )
    for note in found.notes:
        common.say(f"note:     {note}")
