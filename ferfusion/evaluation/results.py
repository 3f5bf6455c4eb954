"""What an evaluation found: predictions first, all else follows from them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.errors import FerfusionError
from ferfusion.evaluation.metrics import confusion_counts, score_table

__all__ = ["Evaluation"]

_SELECTED, _TUNED = "selected.csv", "tuned.csv"
_FILES = ("predictions.csv", "folds.csv", "left_out.csv", "evaluation.json")


@dataclass(repr=False)
class Evaluation:
    """Predictions of held-out rows and how they were made.

    Parameters
    ----------
    system, corpus : str
        Names.
    protocol : dict
        ``name``, ``description``, ``n_folds``, ``speakers_overlap``.
    predictions : DataFrame
        Indexed by id: ``label predicted fold speaker speaker_scaling`` and a probability ``p_<emotion>`` a class.
    timing : DataFrame
        A row a fold: ``fold n_train n_test fit_s predict_s``.
    left_out : DataFrame
        Rows that were not scored, or lack a view: ``id``, ``reason``.
    views : list of str
        Views in use.
    notes : list of str
        What must be said beside the scores.
    provenance : dict
        Versions, seed, parameters, data.
    selected : DataFrame
        Where columns were chosen inside the folds: a row a column that was offered, whether each fold kept it.
    tuned : DataFrame
        Where parameters were tuned inside the folds: a row a fold, what it chose, and ``inner_score``.

    Attributes
    ----------
    classes : list of str
        Emotion names, sorted.
    scores : DataFrame
        Index ``uar wa wf1``, columns ``value low high``: pooled over all folds, 95 % intervals by a bootstrap over
        speakers (over utterances where speakers are unknown or there is one).
    confusion : DataFrame
        Counts; true emotions in rows.
    """

    system: str
    corpus: str
    protocol: dict[str, Any]
    predictions: pd.DataFrame
    timing: pd.DataFrame
    left_out: pd.DataFrame
    views: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)
    selected: pd.DataFrame = field(default_factory=pd.DataFrame)
    tuned: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def classes(self) -> list[str]:
        """Emotion names, sorted."""
        return [column.removeprefix("p_") for column in self.predictions.columns if column.startswith("p_")]

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return int(self.provenance.get("seed", 0))

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Pooled metrics with intervals."""
        return score_table(self.group_counts, seed=self.seed)

    @cached_property
    def group_counts(self) -> np.ndarray:
        """Confusion matrix of each speaker (utterance), shape (n_groups, n_classes, n_classes)."""
        return self._counts(self._resampled_over()[1])

    @property
    def interval(self) -> str:
        """What the intervals were resampled over: ``"speakers"`` or ``"utterances"``."""
        return self._resampled_over()[0]

    @cached_property
    def confusion(self) -> pd.DataFrame:
        """Counts; true emotions in rows, predicted ones in columns."""
        counts = self._counts(np.zeros(len(self.predictions), dtype=int)).sum(axis=0)
        return pd.DataFrame(
            counts, index=pd.Index(self.classes, name="true"), columns=pd.Index(self.classes, name="predicted")
        )

    @cached_property
    def by_class(self) -> pd.DataFrame:
        """Recall, precision, F1 and number of utterances of each emotion."""
        C = self.confusion.to_numpy()
        hits, support, called = np.diag(C), C.sum(axis=1), C.sum(axis=0)
        return pd.DataFrame(
            {
                "recall": hits / np.maximum(support, 1),
                "precision": hits / np.maximum(called, 1),
                "f1": 2 * hits / np.maximum(support + called, 1),
                "support": support,
            },
            index=pd.Index(self.classes, name="emotion"),
        )

    def _resampled_over(self) -> tuple[str, np.ndarray]:
        speakers = self.predictions["speaker"]
        if speakers.notna().all() and len(speakers.unique()) > 1:
            return "speakers", speakers.to_numpy(dtype=str)
        return "utterances", self.predictions.index.to_numpy(dtype=str)

    def _counts(self, groups: np.ndarray) -> np.ndarray:
        labels, predicted = (self.predictions[name].to_numpy(dtype=str) for name in ("label", "predicted"))
        return confusion_counts(labels, predicted, self.classes, groups)[0]

    def summary(self) -> dict[str, Any]:
        """Scores with their protocol, ready for JSON."""
        return {
            "system": self.system,
            "corpus": self.corpus,
            "protocol": self.protocol,
            "n_utterances": len(self.predictions),
            "views": self.views,
            "scores": {
                name: {k: _number(v) for k, v in row.items()} for name, row in self.scores.to_dict("index").items()
            },
            "intervals": f"95 %, bootstrap over {self.interval}",
            "notes": self.notes,
            "left_out": self.left_out.to_dict("records"),
            "seconds": {k: round(float(v), 3) for k, v in self.provenance.get("seconds", {}).items()},
        }

    def __str__(self) -> str:
        lines = [f"{self.system} on {self.corpus}: {self.protocol['description']}, {len(self.predictions)} utterances"]
        for name, row in self.scores.iterrows():
            lines.append(f"  {str(name).upper():4s} {row['value']:.3f}  [{row['low']:.3f}, {row['high']:.3f}]")
        lines.append(f"  95 % intervals over {self.interval}; views: {', '.join(self.views)}")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    __repr__ = __str__

    def save(self, folder: str | Path) -> Path:
        """Write the evaluation to a folder.

        Parameters
        ----------
        folder : str or Path
            Made if it is not there: ``predictions.csv``, ``scores.csv``, ``confusion.csv``, ``folds.csv``,
            ``left_out.csv``, ``evaluation.json``, and where columns were chosen ``selected.csv``, where parameters
            were tuned ``tuned.csv``.

        Returns
        -------
        Path
            The folder.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.predictions.to_csv(folder / "predictions.csv")
        self.scores.to_csv(folder / "scores.csv")
        self.confusion.to_csv(folder / "confusion.csv")
        self.timing.to_csv(folder / "folds.csv", index=False)
        self.left_out.to_csv(folder / "left_out.csv", index=False)
        if len(self.selected):
            self.selected.astype(int).to_csv(folder / _SELECTED, index_label="column")
        if len(self.tuned):
            self.tuned.to_csv(folder / _TUNED, index_label="fold")
        content = {**self.summary(), "provenance": self.provenance}
        (folder / "evaluation.json").write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> Evaluation:
        """Read what ``save`` wrote.

        Raises
        ------
        FerfusionError
            If the folder holds no evaluation.
        """
        folder = Path(folder)
        lacking = [name for name in _FILES if not (folder / name).is_file()]
        if lacking:
            message = (
                f"{folder} holds no evaluation: {', '.join(lacking)} missing. Give the folder that 'run --out' wrote."
            )
            raise FerfusionError(message)
        content = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
        texts = dict.fromkeys(("id", "label", "predicted", "fold", "speaker", "speaker_scaling"), str)
        predictions = pd.read_csv(
            folder / "predictions.csv", dtype=texts, keep_default_na=False, na_values=[""]
        ).set_index("id")
        selected = pd.DataFrame()
        if (folder / _SELECTED).is_file():
            selected = pd.read_csv(folder / _SELECTED, dtype={"column": str}).set_index("column").astype(bool)
        tuned = pd.DataFrame()
        if (folder / _TUNED).is_file():
            tuned = pd.read_csv(folder / _TUNED, dtype={"fold": str}, keep_default_na=False).set_index("fold")
        return cls(
            content["system"],
            content["corpus"],
            content["protocol"],
            predictions,
            pd.read_csv(folder / "folds.csv", dtype={"fold": str}, keep_default_na=False),
            pd.read_csv(folder / "left_out.csv", dtype=str, keep_default_na=False),
            content["views"],
            content["notes"],
            content["provenance"],
            selected.rename_axis(None),
            tuned,
        )

    def to_html(self, path: str | Path) -> Path:
        """Write a self-contained report page.

        Parameters
        ----------
        path : str or Path
            Of the page.

        Returns
        -------
        Path
        """
        from ferfusion.evaluation.report import write_report

        return write_report(self, path)

    def plot_confusion(self, ax: Any = None) -> Any:
        """Confusion matrix as a matplotlib picture; returns its axes."""
        from ferfusion.evaluation.plots import plot_confusion

        return plot_confusion(self, ax)

    def plot_classes(self, ax: Any = None) -> Any:
        """Recall and precision of each emotion as bars; returns the axes."""
        from ferfusion.evaluation.plots import plot_classes

        return plot_classes(self, ax)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
