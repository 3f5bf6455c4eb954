"""Several evaluations of the same utterances side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ferfusion.base.errors import ProtocolError, UnknownNameError, shorten
from ferfusion.evaluation import statistics
from ferfusion.evaluation.metrics import METRICS, confusion_counts
from ferfusion.evaluation.results import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Comparison", "compare"]


@dataclass(repr=False)
class Comparison:
    """What can be said of A against B.

    Parameters
    ----------
    metric : str
        ``uar``, ``wa`` or ``wf1``.
    names : list of str
        Systems, in the order given.
    scores : DataFrame
        A row a system: ``value low high rank``, the mean rank over the blocks (1 is the best).
    pairs : DataFrame
        A row a pair: ``a b difference low high p_wilcoxon p_mcnemar p_folds``. Intervals come from resampling the same
        speakers for both; ``p_folds`` from the t-test corrected for training parts that overlap (Nadeau and Bengio),
        where both have the same folds.
    blocks : str
        What ranks and the Wilcoxon test go over: ``"speakers"`` or ``"folds"``.
    n_blocks : int
        How many.
    critical_difference : float
        Of mean ranks at 5 % (Nemenyi).
    friedman_p : float
        That all are alike.
    protocol : str
        How the predictions came about.
    notes : list of str
        What must be said beside it.
    """

    metric: str
    names: list[str]
    scores: pd.DataFrame
    pairs: pd.DataFrame
    blocks: str
    n_blocks: int
    critical_difference: float
    friedman_p: float
    protocol: str
    notes: list[str]

    def __str__(self) -> str:
        lines = [f"{self.metric.upper()}, {self.protocol}"]
        for row in self.scores.itertuples():
            lines.append(f"  {row.Index}: {row.value:.3f} [{row.low:.3f}, {row.high:.3f}], mean rank {row.rank:.2f}")
        for pair in self.pairs.itertuples():
            verdict = "differ" if pair.low > 0 or pair.high < 0 else "cannot be told apart"
            lines.append(
                f"  {pair.a} - {pair.b}: {pair.difference:+.3f} [{pair.low:+.3f}, {pair.high:+.3f}], {verdict}"
            )
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    __repr__ = __str__

    def plot(self, ax: Axes | None = None) -> Axes:
        """Critical-difference diagram; returns its axes."""
        from ferfusion.evaluation.ranks import plot_ranks

        return plot_ranks(self.scores["rank"], self.critical_difference, ax)


def compare(
    evaluations: Sequence[Evaluation], metric: str = "uar", names: Sequence[str] | None = None, seed: int = 0
) -> Comparison:
    """Compare evaluations of the same utterances.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        Two at least, of the same corpus and the same rows.
    metric : {"uar", "wa", "wf1"}, default="uar"
        What is compared.
    names : sequence of str, optional
        What to call them; their systems' names, numbered where they are the same, if missing.
    seed : int, default=0
        Seed of the resampling.

    Returns
    -------
    Comparison

    Raises
    ------
    ProtocolError
        If there are fewer than two, or they judged different utterances or labels.
    UnknownNameError
        If there is no such metric.

    Examples
    --------
    >>> from ferfusion import evaluate
    >>> from ferfusion.corpora import make_corpus
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual",))
    >>> results = [evaluate("baseline_early", corpus, seed=seed, verbose=False) for seed in (0, 1)]
    >>> compare(results).pairs["difference"].abs().max() < 0.2
    np.True_
    """
    if metric not in METRICS:
        raise UnknownNameError("metric", metric, METRICS)
    if len(evaluations) < 2:
        message = f"A comparison takes two evaluations at least, not {len(evaluations)}."
        raise ProtocolError(message)
    called = _called(evaluations, names)
    tables = _same_rows(evaluations, called)
    classes = sorted({name for evaluation in evaluations for name in evaluation.classes})
    blocks, members = _blocks(tables[0])
    counts = [_counts(table, classes, members) for table in tables]
    per_block = np.column_stack([METRICS[metric](count) for count in counts])
    ranks = statistics.friedman_nemenyi(per_block) if len(per_block) > 1 else None
    scores = pd.DataFrame([evaluation.scores.loc[metric] for evaluation in evaluations], index=called)
    scores["rank"] = np.nan if ranks is None else ranks.ranks
    pairs = [
        {"a": called[i], "b": called[j]} | _pair(i, j, evaluations, tables, counts, per_block, metric, seed)
        for i, j in combinations(range(len(called)), 2)
    ]
    return Comparison(
        metric,
        called,
        scores,
        pd.DataFrame(pairs),
        blocks,
        len(per_block),
        float("nan") if ranks is None else ranks.critical_difference,
        float("nan") if ranks is None else ranks.p_value,
        _protocol(evaluations),
        _notes(evaluations, called, blocks, len(per_block)),
    )


def _pair(
    i: int,
    j: int,
    evaluations: Sequence[Evaluation],
    tables: list[pd.DataFrame],
    counts: list[np.ndarray],
    per_block: np.ndarray,
    metric: str,
    seed: int,
) -> dict[str, float]:
    difference, low, high = statistics.bootstrap_difference(counts[i], counts[j], METRICS[metric], seed=seed)
    right = [(tables[k]["label"] == tables[k]["predicted"]).to_numpy() for k in (i, j)]
    return {
        "difference": difference,
        "low": low,
        "high": high,
        "p_wilcoxon": statistics.wilcoxon_test(per_block[:, i], per_block[:, j]),
        "p_mcnemar": statistics.mcnemar_test(right[0], right[1]),
        "p_folds": _p_folds(evaluations[i], evaluations[j], tables[i], tables[j], metric),
    }


def _p_folds(a: Evaluation, b: Evaluation, table_a: pd.DataFrame, table_b: pd.DataFrame, metric: str) -> float:
    """Corrected t-test over folds; NaN where the folds differ."""
    if not (table_a["fold"].astype(str) == table_b["fold"].astype(str)).all():
        return float("nan")
    classes = sorted({*a.classes, *b.classes})
    folds = table_a["fold"].to_numpy(dtype=str)
    one, other = (METRICS[metric](_counts(table, classes, folds)) for table in (table_a, table_b))
    share = float(a.timing["n_test"].mean() / a.timing["n_train"].mean())
    return statistics.corrected_resampled_t_test(one - other, share)


def _counts(table: pd.DataFrame, classes: list[str], groups: np.ndarray) -> np.ndarray:
    labels, predicted = (table[name].to_numpy(dtype=str) for name in ("label", "predicted"))
    return confusion_counts(labels, predicted, classes, groups)[0]


def _called(evaluations: Sequence[Evaluation], names: Sequence[str] | None) -> list[str]:
    called = [evaluation.system for evaluation in evaluations] if names is None else list(map(str, names))
    if len(called) != len(evaluations):
        message = f"{len(called)} names were given for {len(evaluations)} evaluations."
        raise ProtocolError(message)
    return [
        name if called.count(name) == 1 else f"{name} ({called[:i].count(name) + 1})" for i, name in enumerate(called)
    ]


def _same_rows(evaluations: Sequence[Evaluation], called: list[str]) -> list[pd.DataFrame]:
    first = evaluations[0].predictions
    for evaluation, name in zip(evaluations[1:], called[1:], strict=True):
        other = evaluation.predictions
        differing = sorted({*first.index} ^ {*other.index})
        if differing:
            many = f"{len(differing)} in all: {shorten(differing)}"
            message = f"{called[0]!r} and {name!r} judged different utterances, {many}."
            raise ProtocolError(message)
        if (first["label"].astype(str) != other.loc[first.index, "label"].astype(str)).any():
            message = f"{called[0]!r} and {name!r} have other labels for the same utterances."
            raise ProtocolError(message)
    return [evaluation.predictions.loc[first.index] for evaluation in evaluations]


def _blocks(table: pd.DataFrame) -> tuple[str, np.ndarray]:
    speakers = table["speaker"]
    if speakers.notna().all() and len(speakers.unique()) > 1:
        return "speakers", speakers.to_numpy(dtype=str)
    return "folds", table["fold"].to_numpy(dtype=str)


def _protocol(evaluations: Sequence[Evaluation]) -> str:
    told = list(dict.fromkeys(str(evaluation.protocol["description"]) for evaluation in evaluations))
    return f"{evaluations[0].corpus}: {'; '.join(told)}"


def _notes(evaluations: Sequence[Evaluation], called: list[str], blocks: str, n_blocks: int) -> list[str]:
    notes = []
    if len({evaluation.protocol["description"] for evaluation in evaluations}) > 1:
        notes.append("The protocols differ, so a difference may be theirs.")
    if n_blocks < 6:
        notes.append(f"Only {n_blocks} {blocks}: tests over them can hardly find anything.")
    n_pairs = len(called) * (len(called) - 1) // 2
    if n_pairs > 1:
        notes.append(
            f"{n_pairs} pairs are compared: of twenty that do not differ one has an interval without 0 by chance."
        )
    return notes


def comparison_summary(comparison: Comparison) -> dict[str, Any]:
    """The same as plain numbers, for JSON."""
    return {
        "metric": comparison.metric,
        "protocol": comparison.protocol,
        "scores": comparison.scores.round(6).to_dict("index"),
        "pairs": comparison.pairs.round(6).to_dict("records"),
        "ranks_over": f"{comparison.n_blocks} {comparison.blocks}",
        "critical_difference": comparison.critical_difference,
        "friedman_p": comparison.friedman_p,
        "notes": comparison.notes,
    }
