"""``ferfusion predict``: ask a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from ferfusion.base.errors import FerfusionError
from ferfusion.cli import common
from ferfusion.corpora import read_manifest
from ferfusion.corpora.manifest import is_manifest
from ferfusion.evaluation.inference import predict_rows
from ferfusion.persistence import load_model

__all__ = ["predict", "print_predictions", "rows_of"]

_SOUNDS = {".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif"}
_POLICY = {
    "self": "scaled by the speaker's own recordings",
    "train": "scaled by the training statistics (speaker unknown, or fewer than 10 recordings)",
    "none": "speakers are not scaled",
}
_PARTLY = 3


def predict(
    model: Annotated[Path, typer.Argument(help="Model file, as written by 'train'.")],
    sources: Annotated[
        list[Path], typer.Argument(help=f"Sound files, folders of them, or manifests: {common.MANIFESTS}.")
    ],
    speaker: Annotated[str | None, typer.Option(help="All these recordings are of this one speaker.")] = None,
    text: Annotated[str | None, typer.Option(help="Transcript, for one recording.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="CSV for the predictions.")] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Open a .joblib model, which can run any code.")] = False,
    strict: common.Strict = False,
    as_json: common.Json = False,
) -> None:
    """Say which emotion recordings carry, with probabilities and the speaker policy used.

    \b
    For example:
      ferfusion predict emodb.skops call.wav
      ferfusion predict emodb.skops recordings/ --speaker anna --out predictions.csv
    """
    loaded = load_model(model, trusted=trust)
    table = rows_of(sources, speaker, text)
    found = predict_rows(loaded, table)
    broken = found[found["fault"] != ""]
    if strict and len(broken):
        raise FerfusionError(broken["fault"].iloc[0])
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        found.rename_axis("id").to_csv(out)
    if as_json:
        rows = found.rename_axis("id").reset_index().to_dict("records")
        common.emit([{key: None if value != value else value for key, value in row.items()} for row in rows])
    else:
        print_predictions(found)
    if len(broken):
        raise typer.Exit(_PARTLY)


def rows_of(sources: list[Path], speaker: str | None = None, text: str | None = None) -> pd.DataFrame:
    """Table of what was named: files, the sound files below folders, the rows of manifests.

    Raises
    ------
    FerfusionError
        If nothing is there, or one transcript was given for several recordings.
    """
    tables, files = [], []
    for source in sources:
        if is_manifest(source):
            tables.append(read_manifest(source).X)
        elif source.is_dir():
            inside = sorted(p for p in source.rglob("*") if p.suffix.lower() in _SOUNDS and not p.name.startswith("."))
            if not inside:
                message = f"There are no sound files below {source} ({' '.join(sorted(_SOUNDS))})."
                raise FerfusionError(message)
            files += inside
        else:
            files.append(source)
    if files:
        listed = list(dict.fromkeys(map(str, files)))
        tables.append(pd.DataFrame({"audio": pd.Series(listed, index=listed, dtype=object)}))
    table = pd.concat(tables)
    if text is not None:
        if len(table) != 1:
            message = f"--text is the transcript of one recording, but {len(table)} were named. Use a manifest."
            raise FerfusionError(message)
        table["text"] = text
    if speaker is not None:
        table["speaker"] = speaker
    return table


def print_predictions(found: pd.DataFrame) -> None:
    """Print emotions with the three highest probabilities, then policies and faults."""
    names = [column for column in found.columns if column.startswith("p_")]
    rows = []
    for id_, row in found[found["emotion"].notna()].iterrows():
        best = row[names].astype(float).sort_values(ascending=False)[:3]
        shown = "  ".join(f"{name.removeprefix('p_')} {value:.2f}" for name, value in best.items())
        rows.append([id_, row["emotion"], shown, row["speaker_scaling"]])
    if rows:
        common.console.print(common.table_of("", ["recording", "emotion", "probabilities", "speaker scaling"], rows))
    for policy in sorted({row[3] for row in rows}):
        common.say(f"{policy}: {_POLICY[policy]}")
    for id_, row in found[found["fault"] != ""].iterrows():
        verdict = "not judged" if pd.isna(row["emotion"]) else "judged without it"
        common.say(f"{id_}: {row['fault']} ({verdict})", style="yellow")
