"""Facial action units out of the tables that OpenFace 2 or py-feat have written for a corpus' videos."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.features.audio.reading import Recording
from ferfusion.features.extractor import Extractor
from ferfusion.features.sources import digest_of
from ferfusion.features.visual.reading import as_recording
from ferfusion.features.visual.tables import GROUPS, READERS, TOOLS, main_face, tool_of

__all__ = ["ActionUnits", "statistics_of"]

_LEVELS = ("functionals", "frames")
_STATISTICS = ("mean", "std", "max", "slope")


class ActionUnits(Extractor):
    """Action units, gaze and pose of a face, as OpenFace 2 [1]_ or py-feat [2]_ saw them.

    Neither is run: their tables are read, one CSV a video with the name of the video (``clip.mp4``: ``clip.csv``).
    Only pictures count in which the face was tracked with confidence; of several faces the one that is seen longest.

    Parameters
    ----------
    tool : {"openface", "pyfeat"}, default="openface"
        What wrote the tables.
    folder : str, optional
        Where they lie, in folders as the videos' own or all in one; beside the videos if None.
    level : {"functionals", "frames"}, default="functionals"
        One vector a video, or one for each picture of the table, NaN where the face is not seen well.
    groups : sequence of str, default=("intensity", "presence")
        OpenFace: ``intensity`` (17 units, 0 to 5), ``presence`` (18 units), ``gaze`` (2 angles, radians), ``pose`` (3
        places in millimetres, 3 angles in radians). py-feat: ``intensity`` (20 units, 0 to 1), ``presence`` (of the
        same: at least 0.5), ``gaze``, ``pose``, ``emotion`` (7, 0 to 1).
    statistics : sequence of {"mean", "std", "max", "slope"}, default=all
        Functionals over the pictures; the slope is that of a straight line, per second. Of presences there is the
        mean only, which is the share of pictures with that unit.
    min_confidence : float, default=0.75
        Least confidence of a picture that counts.
    fps : float, optional
        Pictures a second of the videos; needed for slopes (else NaN) and segments of py-feat's tables, which have
        no times. OpenFace's have.

    Notes
    -----
    Means have the plain name, as in the tables of action units that are published with corpora: ``AU01_intensity``
    beside ``AU01_intensity_std``, and ``AU01_present``. A video without table, or without a picture that counts, is
    an error that says so, and its row is missing. OpenFace may be used for research only; this class needs none of
    its code.

    References
    ----------
    .. [1] Baltrušaitis, Zadeh, Lim, Morency: OpenFace 2.0: Facial behavior analysis toolkit. FG 2018.
       https://doi.org/10.1109/FG.2018.00019
    .. [2] Cheong, Jolly, Xie, Byrne, Kenney, Chang: Py-Feat: Python facial expression analysis toolbox. Affective
       Science 4, 2023. https://doi.org/10.1007/s42761-023-00191-4

    Examples
    --------
    >>> ActionUnits(groups=["intensity"]).feature_names()[:4]
    ['AU01_intensity', 'AU01_intensity_std', 'AU01_intensity_max', 'AU01_intensity_slope']
    """

    modality = "visual"
    source = "video"

    def __init__(
        self,
        tool: Literal["openface", "pyfeat"] = "openface",
        folder: str | None = None,
        level: Literal["functionals", "frames"] = "functionals",
        groups: Sequence[str] = ("intensity", "presence"),
        statistics: Sequence[str] = _STATISTICS,
        min_confidence: float = 0.75,
        fps: float | None = None,
    ) -> None:
        self.tool = tool
        self.folder = folder
        self.level = level
        self.groups = groups
        self.statistics = statistics
        self.min_confidence = min_confidence
        self.fps = fps

    @property
    def frames(self) -> bool:  # type: ignore[override]
        """Whether it gives frames."""
        if self.level not in _LEVELS:
            raise UnknownNameError("level", self.level, _LEVELS)
        return self.level == "frames"

    def identity(self) -> dict[str, Any]:
        """Parameters but for the folder: the content of the tables counts, not their place."""
        identity = super().identity()
        return {**identity, "parameters": {k: v for k, v in identity["parameters"].items() if k != "folder"}}

    def digest(self, source: Recording | str | os.PathLike[str]) -> str:
        """Digest of the table and the segment, 32 hexadecimal digits; empty where there is no table."""
        recording = as_recording(source)
        try:
            path = self._path(recording)
        except FeatureError:
            path = None
        return "" if path is None else digest_of(Recording(path, None, recording.start, recording.end))

    def feature_names(self) -> list[str]:
        """Names such as ``AU01_intensity``, ``AU01_intensity_std``, ``AU01_present``."""
        columns = self._columns()
        return columns if self.frames else [f"{name}{ending}" for name in columns for ending in self._endings(name)]

    def compute(self, source: Recording | str | os.PathLike[str]) -> np.ndarray:
        """Features of one video.

        Parameters
        ----------
        source : Recording, str or path
            The video, which need not be there itself; or the table.

        Returns
        -------
        ndarray of float32, shape (n_features,) or (n_frames, n_features)

        Raises
        ------
        FeatureError
            If there is no table, it cannot be used, or the face is in no picture of it.
        """
        columns, recording = self._columns(), as_recording(source)
        face = main_face(self._cut(self._table(recording, columns), recording), self.min_confidence)
        seen = face["success"].to_numpy(dtype=bool)
        if not seen.any():
            message = (
                f"No picture of the video {recording.label} shows a face with a confidence of {self.min_confidence:g} "
                f"or more, of {len(face)} in its table."
            )
            raise FeatureError(message)
        values = face[columns].to_numpy(dtype=np.float64)
        if self.frames:
            return values.astype(np.float32)
        of = statistics_of(values[seen], face["time"].to_numpy(dtype=np.float64)[seen])
        kinds = {"": "mean", "_std": "std", "_max": "max", "_slope": "slope"}
        out = [of[kinds[ending]][i] for i, name in enumerate(columns) for ending in self._endings(name)]
        return np.array(out, dtype=np.float32)

    def _columns(self) -> list[str]:
        if self.tool not in TOOLS:
            raise UnknownNameError("tool", self.tool, TOOLS)
        groups = GROUPS[self.tool]
        for kind, given, allowed in (("group", self.groups, groups), ("statistic", self.statistics, _STATISTICS)):
            for name in [given] if isinstance(given, str) else given:
                if name not in allowed:
                    raise UnknownNameError(f"{kind} of {self.tool}" if kind == "group" else kind, name, allowed)
        return [name for group, columns in groups.items() if group in self.groups for name in columns]

    def _endings(self, name: str) -> list[str]:
        if name.endswith("_present"):
            return [""]
        return [{"mean": ""}.get(kind, f"_{kind}") for kind in _STATISTICS if kind in self.statistics]

    def _path(self, recording: Recording) -> Path | None:
        if not isinstance(recording.source, str | os.PathLike):
            message = f"A video is named by its path, not by {type(recording.source).__name__}."
            raise FeatureError(message)
        video = Path(recording.source)
        if video.suffix.lower() == ".csv":
            places = [video]
        elif self.folder is None:
            places = [video.with_suffix(".csv")]
        else:
            # clips of two speakers or parts of a corpus may have the same name
            places = [
                Path(self.folder) / video.parent.name / f"{video.stem}.csv",
                Path(self.folder) / f"{video.stem}.csv",
            ]
        return next((place for place in places if place.is_file()), None)

    def _table(self, recording: Recording, columns: list[str]) -> pd.DataFrame:
        path = self._path(recording)
        if path is None:
            place = "beside it" if self.folder is None else f"in {self.folder}"
            name = f"{Path(recording.source).stem}.csv"
            message = f"The video {recording.label} has no table of action units: there is no {name} {place}."
            raise FeatureError(message)
        wrote = tool_of(path)
        if wrote is not None and wrote != self.tool:
            message = f"The table {path} is one of {wrote}, not of {self.tool}: give tool={wrote!r}."
            raise FeatureError(message)
        table = READERS[self.tool](path) if self.tool == "openface" else READERS[self.tool](path, self.fps)
        lacking = [name for name in columns if name not in table]
        if lacking:
            message = f"The table {path} lacks {len(lacking)} of the columns asked for, such as that of {lacking[0]}."
            raise FeatureError(message)
        return table

    def _cut(self, table: pd.DataFrame, recording: Recording) -> pd.DataFrame:
        if recording.start is None and recording.end is None:
            return table
        if table["time"].isna().all():
            message = f"The segment of {recording.label} needs times, which its table has not: give fps."
            raise FeatureError(message)
        start, end = recording.start or 0.0, np.inf if recording.end is None else recording.end
        time = table["time"] + 0.0005  # OpenFace writes times in thousandths
        return table[(time >= start) & (time < end)]


def statistics_of(values: np.ndarray, times: np.ndarray) -> dict[str, np.ndarray]:
    """Mean, standard deviation, maximum and slope of columns.

    Parameters
    ----------
    values : ndarray, shape (n_frames, n_features)
        NaN are passed over.
    times : ndarray, shape (n_frames,)
        In seconds.

    Returns
    -------
    dict of str to ndarray of shape (n_features,)
        ``mean``, ``std`` (of the population), ``max``, ``slope`` (per second); NaN where a column is empty, and a
        slope where there are not two times.
    """
    there = ~np.isnan(values)
    count = there.sum(axis=0)
    some = np.maximum(count, 1)
    mean = np.where(there, values, 0.0).sum(axis=0) / some
    away = np.where(there, values - mean, 0.0)
    peak = np.where(there, values, -np.inf).max(axis=0, initial=-np.inf)
    timed = there & ~np.isnan(times)[:, None]
    moments = np.where(timed, times[:, None], 0.0)
    late = np.where(timed, times[:, None] - moments.sum(axis=0) / np.maximum(timed.sum(axis=0), 1), 0.0)
    spread = (late**2).sum(axis=0)
    slope = (late * away).sum(axis=0) / np.where(spread > 0, spread, 1.0)
    return {
        "mean": np.where(count > 0, mean, np.nan),
        "std": np.where(count > 0, np.sqrt((away**2).sum(axis=0) / some), np.nan),
        "max": np.where(count > 0, peak, np.nan),
        "slope": np.where(spread > 0, slope, np.nan),
    }
