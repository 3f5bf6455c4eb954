"""The page that tells what an evaluation found: one file, nothing loaded from elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ferfusion.base.errors import FerfusionError
from ferfusion.evaluation.metrics import N_RESAMPLES, confusion_counts, uar, wa
from ferfusion.evaluation.plots import inline_svg, plot_classes, plot_confusion

if TYPE_CHECKING:
    from ferfusion.evaluation.results import Evaluation

__all__ = ["write_report"]

_MEANING = {
    "uar": ("UAR", "unweighted average recall: the mean of the emotions' recalls"),
    "wa": ("WA", "weighted accuracy: the share of utterances that are right"),
    "wf1": ("WF1", "F1 of the emotions, weighted by how often they occur"),
}
_N_MISTAKES = 10
_N_OFTEN = 50
# more faults than anybody reads in a page are kept in the folder of the evaluation
_N_LEFT_OUT = 1000


def write_report(evaluation: Evaluation, path: str | Path) -> Path:
    """Write an evaluation as a self-contained page.

    The page holds scores with their intervals and all that must be said beside them, the confusion matrix, each
    emotion, speaker and fold, rows left out, the most confident mistakes, and how the numbers came about. It loads
    nothing, runs no script, and the same evaluation gives the same bytes.

    Parameters
    ----------
    evaluation : Evaluation
        What to report.
    path : str or Path
        Of the page; its folder is made if it is not there.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    FerfusionError
        If the path is a folder.
    """
    path = Path(path)
    if path.is_dir():
        message = f"{path} is a folder. Give the name of the page, such as {path / 'report.html'}."
        raise FerfusionError(message)
    loader = PackageLoader("ferfusion.evaluation", "templates")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(percent=_percent)
    page = environment.get_template("report.html").render(_content(evaluation))
    path.parent.mkdir(parents=True, exist_ok=True)
    # ids may come from file names that are no valid Unicode
    path.write_bytes(page.encode("utf-8", "xmlcharrefreplace"))
    return path


def _content(evaluation: Evaluation) -> dict[str, Any]:
    predictions = evaluation.predictions
    speakers = predictions["speaker"]
    support = evaluation.by_class["support"]
    left_out = evaluation.left_out[["id", "reason"]]
    return {
        "system": evaluation.system,
        "corpus": evaluation.corpus,
        "protocol": evaluation.protocol,
        "overlap": evaluation.protocol.get("speakers_overlap"),
        "views": evaluation.views,
        "notes": evaluation.notes,
        "n_utterances": len(predictions),
        "n_speakers": int(speakers.nunique()),
        "n_unknown": int(speakers.isna().sum()),
        "n_classes": len(evaluation.classes),
        "absent": [str(name) for name in support.index[support == 0]],
        "interval": evaluation.interval,
        "n_resamples": N_RESAMPLES,
        "tiles": _tiles(evaluation),
        "confusions": _confusions(evaluation),
        **_pictures(evaluation),
        **_chosen(evaluation),
        **_tuned(evaluation),
        "classes": list(evaluation.classes),
        "counts": [list(map(int, row)) for row in evaluation.confusion.to_numpy()],
        "by_class": [
            [str(row.Index), row.support, row.recall, row.precision, row.f1] for row in evaluation.by_class.itertuples()
        ],
        "by_speaker": _by_speaker(evaluation),
        "folds": _folds(evaluation),
        "left_out": left_out.head(_N_LEFT_OUT).to_numpy(dtype=object).tolist(),
        "n_left_out": len(left_out),
        "mistakes": _mistakes(evaluation),
        "n_mistakes": int((predictions["label"] != predictions["predicted"]).sum()),
        "seed": evaluation.seed,
        "checksum": evaluation.provenance.get("corpus", {}).get("checksum"),
        "made": evaluation.provenance.get("made"),
        "provenance": _provenance(evaluation.provenance),
    }


def _tiles(evaluation: Evaluation) -> list[dict[str, Any]]:
    support = evaluation.by_class["support"]
    most, share = str(support.idxmax()), float(support.max() / max(support.sum(), 1))
    # what somebody scores who always answers with one emotion: for UAR any, for the others the most frequent one
    always = {"uar": 1 / max(int((support > 0).sum()), 1), "wa": share, "wf1": share * 2 * share / (1 + share)}
    tiles = []
    for key, row in evaluation.scores.iterrows():
        name, meaning = _MEANING[str(key)]
        tiles.append(
            {"key": key, "name": name, "meaning": meaning, **row.to_dict(), "chance": always[str(key)], "most": most}
            | {"known": bool(np.isfinite(row["low"]) and np.isfinite(row["high"]))}
        )
    return tiles


def _confusions(evaluation: Evaluation) -> list[dict[str, Any]]:
    """The three most frequent confusions."""
    counts, names = evaluation.confusion.to_numpy().copy(), evaluation.classes
    support = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:3]
    pairs = [divmod(int(place), len(names)) for place in order]
    return [
        {"true": names[i], "predicted": names[j], "n": int(counts[i, j]), "of": int(support[i])}
        for i, j in pairs
        if counts[i, j] > 0
    ]


def _pictures(evaluation: Evaluation) -> dict[str, Markup]:
    told = "; ".join(f"{c['true']} taken for {c['predicted']}, {c['n']} of {c['of']}" for c in _confusions(evaluation))
    matrix = (
        f"A row for each true emotion, a column for each predicted one. Most frequent confusions: {told or 'none'}."
    )
    recalls = "; ".join(
        f"{row.Index}: recall {_percent(row.recall)}, precision {_percent(row.precision)}, {row.support} utterances"
        for row in evaluation.by_class.itertuples()
    )
    return {
        "confusion": Markup(inline_svg(plot_confusion, evaluation, "confusion", "Confusion matrix", matrix)),
        "bars": Markup(
            inline_svg(plot_classes, evaluation, "classes", "Recall and precision of each emotion", recalls)
        ),
    }


def _chosen(evaluation: Evaluation) -> dict[str, Any]:
    """Picture of the columns that were chosen inside the folds, and the ones that were chosen most often."""
    selected = evaluation.selected
    if selected.empty:
        return {"chosen": None, "often": []}
    from ferfusion.selection import plot_selected

    counts = selected.sum(axis=1).sort_values(ascending=False, kind="stable")
    often = [[str(name), int(count)] for name, count in counts.head(_N_OFTEN).items() if count]
    told = "; ".join(f"{name} in {count} of {selected.shape[1]} folds" for name, count in often[:10])
    return {
        "chosen": Markup(inline_svg(plot_selected, evaluation, "chosen", "Columns that were chosen", told)),
        "often": often,
    }


def _tuned(evaluation: Evaluation) -> dict[str, Any]:
    """What each fold chose, with the columns of its table."""
    tuned = evaluation.tuned
    columns = [("fold", "text"), *((name, "text") for name in tuned.columns[:-1]), ("inner score", "share")]
    rows = [
        [str(fold), *(_plain(value) for value in row[:-1]), float(row[-1])]
        for fold, row in zip(tuned.index, tuned.to_numpy(dtype=object), strict=True)
    ]
    return {"tuned": rows, "tuned_columns": columns}


def _by_speaker(evaluation: Evaluation) -> list[list[Any]]:
    """Rows ``speaker n accuracy UAR scaling``, the worst first, utterances of unknown speakers last."""
    rows = _grouped(evaluation, "speaker")
    named = [row for row in rows if row[0] is not None]
    named.sort(key=lambda row: (row[3], row[2], row[0]))
    return named + [row for row in rows if row[0] is None]


def _folds(evaluation: Evaluation) -> list[list[Any]]:
    """Rows ``fold n_train n_test UAR fit_s predict_s``."""
    scored = {row[0]: row[3] for row in _grouped(evaluation, "fold")}
    return [
        [
            str(row.fold),
            int(row.n_train),
            int(row.n_test),
            scored.get(str(row.fold)),
            float(row.fit_s),
            float(row.predict_s),
        ]
        for row in evaluation.timing.itertuples()
    ]


def _grouped(evaluation: Evaluation, column: str) -> list[list[Any]]:
    rows = []
    for name, part in evaluation.predictions.groupby(column, dropna=False, sort=False):
        labels, predicted = (part[key].to_numpy(dtype=str) for key in ("label", "predicted"))
        counts = confusion_counts(labels, predicted, evaluation.classes, np.zeros(len(part), dtype=int))[0][0]
        scaling = ", ".join(sorted(set(part["speaker_scaling"].dropna().astype(str)))) or "none"
        rows.append([None if pd.isna(name) else str(name), len(part), float(wa(counts)), float(uar(counts)), scaling])
    return rows


def _mistakes(evaluation: Evaluation) -> list[list[Any]]:
    """Rows ``id label predicted probability speaker`` of the mistakes that the system was surest of."""
    wrong = evaluation.predictions[evaluation.predictions["label"] != evaluation.predictions["predicted"]]
    proba = wrong[[f"p_{name}" for name in evaluation.classes]].to_numpy(dtype=float)
    chosen = np.searchsorted(np.asarray(evaluation.classes, dtype=str), wrong["predicted"].to_numpy(dtype=str))
    sure = proba[np.arange(len(wrong)), chosen]
    first = np.argsort(-sure, kind="stable")[:_N_MISTAKES]
    return [
        [
            str(wrong.index[i]),
            row.label,
            row.predicted,
            float(sure[i]),
            None if pd.isna(row.speaker) else str(row.speaker),
        ]
        for i, row in zip(first, wrong.iloc[first].itertuples(), strict=True)
    ]


def _provenance(provenance: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Sections of names and values; what has no section comes first."""
    loose = [(name, _plain(value)) for name, value in provenance.items() if not isinstance(value, dict)]
    sections = [
        (name, [(key, _plain(held)) for key, held in value.items()])
        for name, value in provenance.items()
        if isinstance(value, dict) and value
    ]
    return [("run", loose), *sections] if loose else sections


def _percent(share: float, decimals: int = 1) -> str:
    # a narrow space that does not break
    return f"{100 * share:.{decimals}f}\u202f%"


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | tuple | dict) else str(value)
