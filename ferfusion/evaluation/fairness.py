"""How evenly a system serves: scores by speaker, gender or any other fact."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ferfusion.base.errors import TableError, UnknownNameError, shorten
from ferfusion.evaluation.metrics import METRICS, confusion_counts, score_table
from ferfusion.evaluation.results import Evaluation

__all__ = ["score_spread", "scores_by"]


def scores_by(evaluation: Evaluation, by: str = "speaker", X: pd.DataFrame | None = None) -> pd.DataFrame:
    """Scores of each group of utterances.

    Parameters
    ----------
    evaluation : Evaluation
        What was found.
    by : str, default="speaker"
        A column of its predictions (``speaker``, ``fold``), or of ``X`` (``gender``, ``language``, ...).
    X : DataFrame, optional
        Table with the facts of the utterances, such as ``corpus.X``.

    Returns
    -------
    DataFrame
        A row a group, the worst UAR first: ``n`` (utterances), ``speakers``, ``uar wa wf1``, and ``low high`` of its
        UAR (95 %, by a bootstrap over the group's speakers, over its utterances where it has one). The UAR of a group
        is the mean over the emotions that it shows. Utterances whose group is missing are left out.

    Raises
    ------
    UnknownNameError
        If there is no such column.
    TableError
        If ``X`` lacks utterances that were judged, or the fact is missing for all.

    Examples
    --------
    >>> from ferfusion import evaluate
    >>> from ferfusion.corpora import make_corpus
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual",))
    >>> result = evaluate("baseline_early", corpus, verbose=False)
    >>> scores_by(result, "gender", corpus.X)["n"].sort_index().to_dict()
    {'female': 40, 'male': 40}
    """
    groups = _groups(evaluation, by, X)
    rows = {}
    for name in sorted(groups.dropna().astype(str).unique()):
        part = evaluation.predictions[(groups.astype(str) == name).to_numpy()]
        speakers = part["speaker"].nunique()
        members = part["speaker"] if speakers > 1 and part["speaker"].notna().all() else part.index.to_series()
        labels, predicted = (part[key].to_numpy(dtype=str) for key in ("label", "predicted"))
        counts = confusion_counts(labels, predicted, evaluation.classes, members.to_numpy(dtype=str))[0]
        table = score_table(counts, seed=evaluation.seed)
        rows[name] = {"n": len(part), "speakers": speakers} | table["value"].to_dict()
        rows[name] |= table.loc["uar", ["low", "high"]].to_dict()
    found = pd.DataFrame.from_dict(rows, orient="index").rename_axis(by)
    return found.astype({"n": int, "speakers": int}).sort_values("uar", kind="stable")


def score_spread(scores: pd.DataFrame, metric: str = "uar") -> dict[str, float]:
    """How far the scores of groups lie apart.

    Parameters
    ----------
    scores : DataFrame
        As ``scores_by`` gives it.
    metric : {"uar", "wa", "wf1"}, default="uar"
        Which score.

    Returns
    -------
    dict of str to float
        ``worst``, ``best``, ``gap`` (best less worst), ``mean``, ``deviation`` (standard, of the groups).

    Raises
    ------
    UnknownNameError
        If there is no such metric.

    Examples
    --------
    >>> score_spread(pd.DataFrame({"uar": [0.5, 0.75]}))
    {'worst': 0.5, 'best': 0.75, 'gap': 0.25, 'mean': 0.625, 'deviation': 0.125}
    """
    if metric not in METRICS:
        raise UnknownNameError("metric", metric, METRICS)
    values = scores[metric].to_numpy(dtype=float)
    worst, best = float(values.min()), float(values.max())
    return {
        "worst": worst,
        "best": best,
        "gap": best - worst,
        "mean": float(values.mean()),
        "deviation": float(np.std(values)),
    }


def _groups(evaluation: Evaluation, by: str, X: pd.DataFrame | None) -> pd.Series:
    ids = evaluation.predictions.index
    if by in ("speaker", "fold"):
        groups = evaluation.predictions[by]
    elif X is None or by not in X.columns:
        raise UnknownNameError("fact to group by", by, ["speaker", "fold", *([] if X is None else X.columns)])
    else:
        lacking = ids.difference(X.index)
        if len(lacking):
            message = f"The table lacks {len(lacking)} utterances that were judged: {shorten(lacking)}."
            raise TableError(message)
        groups = X.loc[ids, by]
    if groups.isna().all():
        message = f"The fact {by!r} is missing for all utterances."
        raise TableError(message)
    return groups
