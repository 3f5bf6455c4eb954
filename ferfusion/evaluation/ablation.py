"""What each view is worth: left out, alone, and shared fairly among all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import factorial
from pathlib import Path
from typing import Any

import pandas as pd

from ferfusion.base.errors import ProtocolError, UnknownNameError
from ferfusion.base.table import match_views, modality_of
from ferfusion.evaluation.metrics import METRICS
from ferfusion.evaluation.protocols import resolve_protocol
from ferfusion.evaluation.ready import bring_together
from ferfusion.evaluation.results import Evaluation
from ferfusion.evaluation.run import judge
from ferfusion.evaluation.statistics import bootstrap_difference
from ferfusion.evaluation.subsets import without_views

__all__ = ["MOST_PLAYERS", "Ablation", "ablate_views", "shapley_values"]

MOST_PLAYERS = 6  # 64 subsets


@dataclass(frozen=True)
class Ablation:
    """Scores of a system with subsets of its views.

    Parameters
    ----------
    metric : str
        ``uar``, ``wa`` or ``wf1``.
    table : DataFrame
        A row a view or modality: ``without`` (score of the others), ``loss`` (of the whole less ``without``) with its
        paired interval ``low high``, ``alone``, and ``shapley`` (NaN where it was not asked for).
    scores : dict of frozenset of str to float
        Score of every subset that was judged; that of none is the score of the class shares of training.
    protocol : str
        How the predictions came about.
    """

    metric: str
    table: pd.DataFrame
    scores: dict[frozenset[str], float]
    protocol: str

    @property
    def whole(self) -> float:
        """Score with all views."""
        return self.scores[frozenset(self.table.index)]

    @property
    def empty(self) -> float:
        """Score with none."""
        return self.scores[frozenset()]

    def __str__(self) -> str:
        lines = [f"{self.metric.upper()} {self.whole:.3f} with all, {self.empty:.3f} with none; {self.protocol}"]
        for row in self.table.itertuples():
            lines.append(
                f"  {row.Index}: without {row.without:.3f} (loss {row.loss:+.3f} [{row.low:+.3f}, {row.high:+.3f}]), "
                f"alone {row.alone:.3f}, Shapley {row.shapley:+.3f}"
            )
        return "\n".join(lines)


def ablate_views(
    system: Any,
    corpus: Any,
    by: str = "modality",
    protocol: Any = "speaker",
    seed: int = 0,
    n_jobs: int | None = 1,
    *,
    metric: str = "uar",
    shapley: bool = True,
    checkpoint: str | Path | None = None,
    verbose: bool = True,
) -> Ablation:
    """Judge a system with all of its views, without each, and with each alone; all subsets for Shapley values.

    Every subset is fitted anew and judged on the same rows; a row without any view of a subset gets the class shares
    of training.

    Parameters
    ----------
    system, corpus, protocol, seed, n_jobs, checkpoint, verbose
        As for ``evaluate``.
    by : {"modality", "view"}, default="modality"
        What is left out.
    metric : {"uar", "wa", "wf1"}, default="uar"
        Score that is shared out.
    shapley : bool, default=True
        Whether to judge all subsets, 64 for six views.

    Returns
    -------
    Ablation

    Raises
    ------
    UnknownNameError
        If there is no such metric, or no such way to leave out.
    ProtocolError
        If there are more than six for Shapley values, or the folds cannot be made.

    Examples
    --------
    >>> from ferfusion.corpora import make_corpus
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual", "text"), informative=("visual",))
    >>> found = ablate_views("baseline_late", corpus, verbose=False)
    >>> found.table["shapley"].idxmax()
    'visual'
    """
    if metric not in METRICS:
        raise UnknownNameError("metric", metric, METRICS)
    if by not in ("modality", "view"):
        raise UnknownNameError("way to leave views out", by, ["modality", "view"])
    ready = bring_together(system, corpus, seed, verbose=verbose)
    plan = resolve_protocol(protocol, ready.corpus, seed)
    players = list(dict.fromkeys(ready.views if by == "view" else map(modality_of, ready.views)))
    if shapley and len(players) > MOST_PLAYERS:
        message = (
            f"Exact Shapley values take all subsets, so {MOST_PLAYERS} views at most, not {len(players)}: "
            "set shapley=False, or by='modality'."
        )
        raise ProtocolError(message)
    found: dict[frozenset[str], Evaluation] = {}
    for subset in _subsets(players, shapley):
        dropped = [name for name in players if name not in subset]
        part = replace(
            ready,
            title=f"{ready.title}: {' + '.join(name for name in players if name in subset) or 'nothing'}",
            system=without_views(ready.system, dropped, ready.views),
            views=[view for view in ready.views if view not in match_views(ready.views, dropped)],
        )
        found[subset] = judge(part, plan, seed, n_jobs, checkpoint=checkpoint, quiet=True, verbose=verbose)
    scores = {subset: float(result.scores.loc[metric, "value"]) for subset, result in found.items()}
    shares = shapley_values(scores) if shapley else {}
    rows = {name: _row(name, players, found, metric, seed) | {"shapley": shares.get(name)} for name in players}
    table = pd.DataFrame.from_dict(rows, orient="index").astype(float)
    return Ablation(metric, table, scores, f"{ready.corpus.card.name}: {plan.description}")


def shapley_values(scores: Mapping[frozenset[str], float]) -> dict[str, float]:
    """Share the score of all players out to each: the mean of what a player adds, over all orders of joining [1]_.

    Parameters
    ----------
    scores : mapping of frozenset of str to float
        Score of every subset, that of none among them.

    Returns
    -------
    dict of str to float
        They sum to the score of all less the score of none.

    Raises
    ------
    ProtocolError
        If a subset is missing.

    References
    ----------
    .. [1] Shapley: A value for n-person games. Contributions to the Theory of Games II, 1953, pages 307-317.

    Examples
    --------
    >>> scores = {frozenset(): 0.2, frozenset("a"): 0.6, frozenset("t"): 0.4, frozenset("at"): 0.7}
    >>> {name: round(value, 3) for name, value in shapley_values(scores).items()}
    {'a': 0.35, 't': 0.15}
    """
    players = sorted({name for subset in scores for name in subset})
    lacking = [subset for subset in _subsets(players, True) if subset not in scores]
    if lacking:
        message = (
            f"Shapley values need the score of every subset; {len(lacking)} are missing, such as {set(lacking[0])}."
        )
        raise ProtocolError(message)
    n = len(players)
    values = {}
    for name in players:
        others = [other for other in players if other != name]
        values[name] = sum(
            factorial(len(s)) * factorial(n - len(s) - 1) / factorial(n) * (scores[s | {name}] - scores[s])
            for s in _subsets(others, True)
        )
    return values


def _subsets(players: Sequence[str], every: bool) -> list[frozenset[str]]:
    n = len(players)
    sizes: Iterable[int] = range(n + 1) if every else sorted({0, 1, n - 1, n})
    return [frozenset(subset) for size in sizes for subset in combinations(players, size)]


def _row(
    name: str, players: list[str], found: Mapping[frozenset[str], Evaluation], metric: str, seed: int
) -> dict[str, Any]:
    whole, rest = found[frozenset(players)], found[frozenset(players) - {name}]
    loss, low, high = bootstrap_difference(whole.group_counts, rest.group_counts, METRICS[metric], seed=seed)
    without, alone = (float(result.scores.loc[metric, "value"]) for result in (rest, found[frozenset([name])]))
    return {"without": without, "loss": loss, "low": low, "high": high, "alone": alone}
