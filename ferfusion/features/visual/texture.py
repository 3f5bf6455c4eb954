"""What a face looks like and how it moves: local binary patterns, oriented gradients, optical flow."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.base.optional import require
from ferfusion.features.audio.reading import Recording
from ferfusion.features.extractor import Extractor
from ferfusion.features.visual.faces import FaceFrame, crop_face, follow_face
from ferfusion.features.visual.reading import as_recording, read_frames

__all__ = ["FaceTexture", "Motion", "face_crops", "face_motion", "hog_features", "lbp_histograms"]

SIZE = 64  # pixels; the side of a crop
PATTERNS = 59  # uniform patterns of eight neighbours, and one for all others
_ORIENTATIONS, _CELL, _BLOCK = 9, 16, 2  # of the gradients: directions, pixels in a cell, cells in a block
_FLOW_SIZE = 32  # pixels; what moves in a face is not finer
_LEVELS = ("functionals", "frames")
_PARTS = ("lbp", "hog", "motion")
_STATISTICS = ("mean", "std", "max")
_MOTIONS = ("motion_upper", "motion_lower", "motion_head")


class Motion(NamedTuple):
    """Speeds in a face, in widths of the face a second.

    Parameters
    ----------
    upper, lower : float
        Root mean square of what brows and eyes, and mouth and chin, do beside the motion of the head.
    head : float
        Mean motion of the whole face.
    """

    upper: float
    lower: float
    head: float


class FaceTexture(Extractor):
    """Texture and motion of the largest face of a video.

    The face is found by scikit-image's cascade for frontal faces, followed, and cut out of each picture in 64 x 64
    grey levels. Of these are made histograms of uniform local binary patterns in a grid [1]_, histograms of
    oriented gradients [2]_, and speeds by optical flow [3]_ from one picture to the next.

    Parameters
    ----------
    fps : float, default=5
        Pictures a second that are looked at.
    level : {"functionals", "frames"}, default="functionals"
        One vector a video, or one for each picture: row k belongs to the second ``k / fps``, NaN where there is no
        face.
    parts : sequence of {"lbp", "hog", "motion"}, default=all
        What is computed.
    grid : int, default=4
        Histograms of patterns are made in ``grid * grid`` equal parts of the face.
    statistics : sequence of {"mean", "std", "max"}, default=("mean", "std")
        Functionals over the pictures with a face. Motions have all three.
    min_face : float, default=0.15
        Smallest face that is sought, as a share of the shorter side of the picture.

    Notes
    -----
    Faces are found that look at the camera, tilted by ten degrees at most. ``face_share`` is the share of pictures in
    which there is one; a video without any is an error, so that its row is missing. A motion needs two pictures with
    a face, one after the other; a video of one picture has NaN there. Patterns do not change with brightness and
    contrast of the picture, as long as nothing is clipped.

    References
    ----------
    .. [1] Ahonen, Hadid, Pietikäinen: Face description with local binary patterns: application to face recognition.
       IEEE Transactions on Pattern Analysis and Machine Intelligence 28(12), 2006.
       https://doi.org/10.1109/TPAMI.2006.244
    .. [2] Dalal, Triggs: Histograms of oriented gradients for human detection. CVPR 2005.
       https://doi.org/10.1109/CVPR.2005.177
    .. [3] Le Besnerais, Champagnat: Dense optical flow by iterative local window registration. ICIP 2005.
       https://doi.org/10.1109/ICIP.2005.1529706

    Examples
    --------
    >>> FaceTexture(parts=["motion"], statistics=["mean"]).feature_names()[:3]
    ['motion_upper_mean', 'motion_upper_std', 'motion_upper_max']
    """

    modality = "visual"
    source = "video"

    def __init__(
        self,
        fps: float = 5.0,
        level: Literal["functionals", "frames"] = "functionals",
        parts: Sequence[str] = _PARTS,
        grid: int = 4,
        statistics: Sequence[str] = ("mean", "std"),
        min_face: float = 0.15,
    ) -> None:
        self.fps = fps
        self.level = level
        self.parts = parts
        self.grid = grid
        self.statistics = statistics
        self.min_face = min_face

    @property
    def frames(self) -> bool:  # type: ignore[override]
        """Whether it gives frames."""
        if self.level not in _LEVELS:
            raise UnknownNameError("level", self.level, _LEVELS)
        return self.level == "frames"

    def identity(self) -> dict[str, Any]:
        """Parameters and the version of scikit-image."""
        return {**super().identity(), "scikit-image": _skimage().__version__}

    def feature_names(self) -> list[str]:
        """Names such as ``lbp_<row>_<column>_<pattern>``, with ``_mean`` and the like behind them for functionals."""
        self._check()
        names = self._descriptors()
        if self.frames:
            return names
        return [f"{name}_{kind}" for name in names for kind in self._kinds(name)] + ["face_share"]

    def compute(self, source: Recording | str | os.PathLike[str]) -> np.ndarray:
        """Features of one video.

        Parameters
        ----------
        source : Recording, str or path
            A video file; ``start`` and ``end`` of a Recording cut it.

        Returns
        -------
        ndarray of float32, shape (n_features,) or (n_frames, n_features)

        Raises
        ------
        FeatureError
            If the video cannot be used, or there is no face in it.
        """
        self._check()
        recording = as_recording(source)
        names = self._descriptors()
        found, rows, running = [], [], _Running(len(names))
        for there, row in self._rows(follow_face(read_frames(recording, self.fps), self.min_face), len(names)):
            found.append(there)
            if self.frames:
                rows.append(row.astype(np.float32))
            elif there:
                running.add(row)
        if not any(found):
            message = f"No face was found in the video {recording.label} ({len(found)} pictures were looked at)."
            raise FeatureError(message)
        if self.frames:
            return np.array(rows)
        of = {"mean": running.mean(), "std": running.std(), "max": running.max()}
        out = [of[kind][i] for i, name in enumerate(names) for kind in self._kinds(name)]
        return np.array([*out, np.mean(found)], dtype=np.float32)

    def _check(self) -> None:
        for kind, given, allowed in (("part", self.parts, _PARTS), ("statistic", self.statistics, _STATISTICS)):
            for name in [given] if isinstance(given, str) else given:
                if name not in allowed:
                    raise UnknownNameError(kind, name, allowed)
        if not len(self.parts):
            message = f"parts is empty; there are: {', '.join(_PARTS)}."
            raise FeatureError(message)
        if not (isinstance(self.grid, int | np.integer) and 1 <= self.grid <= SIZE // 4):
            message = f"grid must be a whole number from 1 to {SIZE // 4}, not {self.grid!r}."
            raise FeatureError(message)
        if not 0 < self.min_face <= 0.9:
            message = f"min_face must be a share of the picture, above 0 and at most 0.9, not {self.min_face!r}."
            raise FeatureError(message)

    def _descriptors(self) -> list[str]:
        blocks, cells, grid = range(SIZE // _CELL - _BLOCK + 1), range(_BLOCK), range(self.grid)
        names = {
            "lbp": [f"lbp_{i}_{j}_{code}" for i in grid for j in grid for code in range(PATTERNS)],
            "hog": [
                f"hog_{i}_{j}_{k}_{m}_{angle}"
                for i in blocks
                for j in blocks
                for k in cells
                for m in cells
                for angle in range(_ORIENTATIONS)
            ],
            "motion": list(_MOTIONS),
        }
        return [name for part in _PARTS if part in self.parts for name in names[part]]

    def _kinds(self, name: str) -> list[str]:
        return [kind for kind in _STATISTICS if kind in self.statistics or name in _MOTIONS]

    def _rows(self, followed: Iterable[FaceFrame], n: int) -> Iterator[tuple[bool, np.ndarray]]:
        """Whether a picture has a face, and its descriptors."""
        before: FaceFrame | None = None
        for frame in followed:
            yield frame.box is not None, np.full(n, np.nan) if frame.box is None else self._row(before, frame)
            before = frame

    def _row(self, before: FaceFrame | None, frame: FaceFrame) -> np.ndarray:
        assert frame.box is not None
        crop = crop_face(frame.picture, frame.box, SIZE)
        parts: list[Any] = []
        if "lbp" in self.parts:
            parts.append(lbp_histograms(crop, self.grid))
        if "hog" in self.parts:
            parts.append(hog_features(crop))
        if "motion" in self.parts:
            parts.append(_motion_since(before, frame))
        return np.concatenate(parts)


def lbp_histograms(crop: np.ndarray, grid: int = 4) -> np.ndarray:
    """Histograms of uniform local binary patterns (eight neighbours at one pixel) in a grid.

    Parameters
    ----------
    crop : ndarray of uint8, shape (height, width)
        A face in grey levels.
    grid : int, default=4
        Parts a side.

    Returns
    -------
    ndarray, shape (grid * grid * 59,)
        Shares of the pixels of each part, row by row of the grid.
    """
    codes = _skimage().feature.local_binary_pattern(crop, 8, 1, method="nri_uniform").astype(np.int64)
    rows, columns = (np.arange(n) * grid // n for n in codes.shape)
    parts = rows[:, None] * grid + columns
    counts = np.bincount((parts * PATTERNS + codes).ravel(), minlength=grid * grid * PATTERNS)
    counts = counts.reshape(grid * grid, PATTERNS)
    return (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).ravel()


def hog_features(crop: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients: nine directions, cells of 16 pixels, blocks of 2 x 2 cells (L2-Hys).

    Parameters
    ----------
    crop : ndarray of uint8, shape (height, width)
        A face in grey levels.

    Returns
    -------
    ndarray, shape (324,) for 64 x 64 pixels
    """
    return _skimage().feature.hog(crop, _ORIENTATIONS, (_CELL, _CELL), (_BLOCK, _BLOCK), block_norm="L2-Hys")


def face_motion(before: np.ndarray, after: np.ndarray, seconds: float) -> Motion:
    """Speeds between two pictures of a face, by optical flow.

    Parameters
    ----------
    before, after : ndarray of uint8, shape (size, size)
        The same part of two pictures.
    seconds : float
        Time between them.

    Returns
    -------
    Motion
        In widths of the crop a second.
    """
    flow = _skimage().registration.optical_flow_ilk(before / 255.0, after / 255.0, radius=3, num_warp=3)
    flow = np.asarray(flow, dtype=np.float64) / (len(before) * seconds)
    mean = flow.mean(axis=(1, 2), keepdims=True)
    power = ((flow - mean) ** 2).sum(axis=0)
    half = len(power) // 2
    return Motion(
        float(np.sqrt(power[:half].mean())), float(np.sqrt(power[half:].mean())), float(np.hypot(*mean[:, 0, 0]))
    )


def face_crops(
    video: Recording | str | os.PathLike[str], fps: float = 5.0, size: int = SIZE, min_face: float = 0.15
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The largest face of a video, cut out of each picture: for nets and for a look at what was found.

    Parameters
    ----------
    video : Recording, str or path
        A video file.
    fps : float, default=5
        Pictures a second.
    size : int, default=64
        Side of the crops in pixels.
    min_face : float, default=0.15
        Smallest face that is sought, as a share of the shorter side of the picture.

    Returns
    -------
    times : ndarray, shape (n_frames,)
        In seconds.
    crops : ndarray of uint8, shape (n_frames, size, size)
        Black where there is no face.
    found : ndarray of bool, shape (n_frames,)
        Whether there is one.
    """
    times, crops, found = [], [], []
    for frame in follow_face(read_frames(video, fps), min_face):
        times.append(frame.time)
        found.append(frame.box is not None)
        crops.append(
            np.zeros((size, size), np.uint8) if frame.box is None else crop_face(frame.picture, frame.box, size)
        )
    return np.array(times), np.array(crops), np.array(found)


def _motion_since(before: FaceFrame | None, frame: FaceFrame) -> Motion:
    if before is None or before.box is None or frame.box is None or before.track != frame.track:
        return Motion(np.nan, np.nan, np.nan)
    # one box for both: a tremble of the box would look like a motion of the face
    crops = [crop_face(part.picture, frame.box, _FLOW_SIZE) for part in (before, frame)]
    return face_motion(crops[0], crops[1], frame.time - before.time)


class _Running:
    """Mean, deviation and maximum of rows that come one by one; NaN are passed over."""

    def __init__(self, n: int) -> None:
        self._count, self._mean, self._squares = np.zeros(n), np.zeros(n), np.zeros(n)
        self._max = np.full(n, -np.inf)

    def add(self, row: np.ndarray) -> None:
        there = ~np.isnan(row)
        self._count += there
        step = np.where(there, row - self._mean, 0.0)
        self._mean += step / np.maximum(self._count, 1)
        self._squares += step * np.where(there, row - self._mean, 0.0)
        self._max = np.fmax(self._max, row)

    def mean(self) -> np.ndarray:
        return np.where(self._count > 0, self._mean, np.nan)

    def std(self) -> np.ndarray:
        return np.where(self._count > 0, np.sqrt(self._squares / np.maximum(self._count, 1)), np.nan)

    def max(self) -> np.ndarray:
        return np.where(self._count > 0, self._max, np.nan)


def _skimage() -> Any:
    return require("skimage", needed_by="FaceTexture", install="ferfusion[visual]")
