"""Tables of OpenFace 2 and py-feat, a file a video, in one tidy form."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.base.files import is_pointer

__all__ = ["GROUPS", "TOOLS", "main_face", "read_openface", "read_pyfeat", "tool_of"]

TOOLS = ("openface", "pyfeat")
INTENSITIES = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
PRESENCES = (*INTENSITIES[:-1], 28, 45)
_PYFEAT_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43)
_PRESENT = 0.5  # py-feat's value from which a unit counts as there
_EMOTIONS = {
    "anger": ("anger", "Anger"),
    "disgust": ("disgust", "Disgust"),
    "fear": ("fear", "Fear"),
    "happiness": ("happiness", "Happy"),
    "sadness": ("sadness", "Sad"),
    "surprise": ("surprise", "Surprise"),
    "neutral": ("neutral", "Neutral"),
}
# tool -> group -> column here -> names it may have in the file
GROUPS: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {
    "openface": {
        "intensity": {f"AU{unit:02}_intensity": (f"AU{unit:02}_r",) for unit in INTENSITIES},
        "presence": {f"AU{unit:02}_present": (f"AU{unit:02}_c",) for unit in PRESENCES},
        "gaze": {name: (name,) for name in ("gaze_angle_x", "gaze_angle_y")},
        "pose": {f"pose_{axis}": (f"pose_{axis}",) for axis in ("Tx", "Ty", "Tz", "Rx", "Ry", "Rz")},
    },
    "pyfeat": {
        "intensity": {f"AU{unit:02}_intensity": (f"AU{unit:02}",) for unit in _PYFEAT_UNITS},
        "presence": {f"AU{unit:02}_present": () for unit in _PYFEAT_UNITS},
        "gaze": {name: (name,) for name in ("gaze_pitch", "gaze_yaw")},
        "pose": {f"pose_{axis.lower()}": (axis,) for axis in ("Pitch", "Roll", "Yaw")},
        "emotion": dict(_EMOTIONS),
    },
}
_FACTS = {
    "openface": {
        "frame": ("frame",),
        "face": ("face_id",),
        "time": ("timestamp",),
        "confidence": ("confidence",),
        "success": ("success",),
    },
    "pyfeat": {
        "frame": ("frame",),
        "face": ("Identity",),
        "confidence": ("FaceScore",),
        "width": ("FaceRectWidth",),
        "height": ("FaceRectHeight",),
    },
}


def read_openface(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Table of OpenFace 2 (``FeatureExtraction`` or ``FaceLandmarkVidMulti``), without its landmarks.

    Parameters
    ----------
    path : str or path
        CSV, with or without blanks before the names of its columns.

    Returns
    -------
    DataFrame
        A row a picture and face, in order: ``frame``, ``face`` (0 where the file does not number faces), ``time`` in
        seconds, ``confidence`` (0 to 1), ``success``; and as far as the file has them ``AU01_intensity`` (its
        ``AU01_r``, 0 to 5) and so on, ``AU01_present`` (``AU01_c``, 0 or 1) and so on, ``gaze_angle_x`` and
        ``gaze_angle_y`` (radians), ``pose_Tx`` to ``pose_Tz`` (millimetres), ``pose_Rx`` to ``pose_Rz`` (radians).

    Raises
    ------
    FeatureError
        If the file is missing, damaged, or no such table.
    """
    table = _read(Path(path), "openface")
    _need(table, ["time"], path, "OpenFace")
    table["face"] = table["face"].fillna(0).astype(int) if "face" in table else 0
    table["success"] = table["success"].fillna(0).astype(bool) if "success" in table else True
    if "confidence" not in table:
        table["confidence"] = 1.0
    if "frame" not in table:
        table["frame"] = table["time"].rank(method="dense").astype(int)
    return _in_order(table, ["frame", "face", "time", "confidence", "success"])


def read_pyfeat(path: str | os.PathLike[str], fps: float | None = None) -> pd.DataFrame:
    """Table of py-feat's detectors, without landmarks and embeddings.

    Parameters
    ----------
    path : str or path
        CSV.
    fps : float, optional
        Pictures a second of the video: py-feat's tables number the pictures, their times are whole seconds.

    Returns
    -------
    DataFrame
        A row a picture and face, in order: ``frame``, ``face`` (its ``Identity``, empty where it has none), ``time`` in
        seconds (NaN without ``fps``), ``confidence`` (``FaceScore``), ``success``, ``size`` (area of the face in
        pixels); and as far as the file has them ``AU01_intensity`` (its ``AU01``, 0 to 1) and so on, ``AU01_present``
        (whether that is at least 0.5) and so on, ``gaze_pitch``, ``gaze_yaw``, ``pose_pitch``, ``pose_roll``,
        ``pose_yaw`` (in the unit of the version that wrote them), and the seven emotions by the names of older
        versions (``happiness``, not ``Happy``).

    Raises
    ------
    FeatureError
        If the file is missing, damaged, or no such table.
    """
    table = _read(Path(path), "pyfeat")
    _need(table, ["frame", "confidence"], path, "py-feat")
    table["face"] = table["face"].fillna("").astype(str) if "face" in table else ""
    table["success"] = table["confidence"].notna()
    table["confidence"] = table["confidence"].fillna(0.0)
    table["time"] = np.nan if fps is None else table["frame"] / fps
    sides = [table.pop(side) if side in table else np.nan for side in ("width", "height")]
    table["size"] = sides[0] * sides[1]
    for name in [column for column in table if column.endswith("_intensity")]:
        present = (table[name] >= _PRESENT).astype(float)
        table[name.replace("_intensity", "_present")] = present.where(table[name].notna())
    return _in_order(table, ["frame", "face", "time", "confidence", "success", "size"])


READERS: dict[str, Callable[..., pd.DataFrame]] = {"openface": read_openface, "pyfeat": read_pyfeat}


def main_face(table: pd.DataFrame, min_confidence: float = 0.75) -> pd.DataFrame:
    """The face that is seen longest, and only while it is seen well.

    Parameters
    ----------
    table : DataFrame
        Of ``read_openface`` or ``read_pyfeat``.
    min_confidence : float, default=0.75
        Least confidence of a row that counts.

    Returns
    -------
    DataFrame
        One row for each picture of the table. ``success`` says whether the face is there; where it is not, its
        features are NaN. Of several faces that is taken which is there in most pictures, of several in a picture that
        have no number the largest, else the most confident.
    """
    sure = table["success"] & (table["confidence"] >= min_confidence)
    rows = table[sure]
    if len(rows["face"].unique()) > 1:
        seen = rows.groupby("face")["confidence"].agg(["size", "mean"]).reset_index()
        best = seen.sort_values(["size", "mean", "face"], ascending=[False, False, True])["face"].iloc[0]
        rows = rows[rows["face"] == best]
    merit = [column for column in ("size", "confidence") if column in rows]
    rows = rows.sort_values(["frame", *merit], kind="stable", na_position="first").drop_duplicates("frame", keep="last")
    pictures = table[["frame", "time"]].drop_duplicates("frame")
    out = pictures.merge(rows.drop(columns="time"), on="frame", how="left").reset_index(drop=True)
    out["success"] = out["success"].eq(True)
    return out


def tool_of(path: Path) -> str | None:
    """Which tool wrote a table, by the names of its columns."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            names = {name.strip() for name in stream.readline().split(",")}
    except (OSError, UnicodeDecodeError):
        return None
    if "FaceScore" in names:
        return "pyfeat"
    return "openface" if "timestamp" in names and "confidence" in names else None


def _read(path: Path, tool: str) -> pd.DataFrame:
    """Columns that are known here, by the names they have here, as numbers."""
    if tool not in TOOLS:
        raise UnknownNameError("tool", tool, TOOLS)
    if not path.is_file():
        message = f"There is no table {path}."
        raise FeatureError(message)
    if is_pointer(path):
        message = f"The table {path} is a git-LFS pointer, not the table: fetch it with git lfs pull."
        raise FeatureError(message)
    known = {name: column for column, names in _FACTS[tool].items() for name in names}
    for group in GROUPS[tool].values():
        known |= {name: column for column, names in group.items() for name in names}
    try:
        table = pd.read_csv(
            path,
            skipinitialspace=True,
            usecols=lambda name: name.strip() in known,
            encoding="utf-8-sig",
            low_memory=False,
        )
    except (ValueError, OSError) as error:
        # pandas' own errors of parsing, and those of decoding, are ValueErrors
        message = f"The table {path} cannot be read: {error}"
        raise FeatureError(message) from error
    table.columns = [known[name.strip()] for name in table.columns]
    if table.columns.has_duplicates:
        message = f"The table {path} has columns twice: {', '.join(table.columns[table.columns.duplicated()])}."
        raise FeatureError(message)
    for column in table.columns:
        if not (tool == "pyfeat" and column == "face"):
            table[column] = pd.to_numeric(table[column], errors="coerce").replace([np.inf, -np.inf], np.nan)
    return table


def _need(table: pd.DataFrame, columns: list[str], path: str | os.PathLike[str], tool: str) -> None:
    lacking = [column for column in columns if column not in table]
    if lacking:
        names = _FACTS["openface" if tool == "OpenFace" else "pyfeat"]
        message = f"{path} is no table of {tool}: it has no column {', '.join(names[column][0] for column in lacking)}."
        raise FeatureError(message)


def _in_order(table: pd.DataFrame, facts: list[str]) -> pd.DataFrame:
    kept = table.dropna(subset=["frame"]).astype({"frame": int})
    features = [column for column in kept.columns if column not in facts]
    return kept[[*facts, *features]].sort_values(["frame", "face"], kind="stable").reset_index(drop=True)
