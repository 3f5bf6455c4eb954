"""Where the face is: found by a cascade of local binary patterns, followed from picture to picture, cut out.

The cascade is the one for frontal faces that lies in scikit-image; nothing is downloaded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ferfusion.base.optional import require

__all__ = ["Box", "FaceFrame", "crop_face", "find_faces", "follow_face"]

WINDOW = 24  # pixels; the smallest face that the cascade knows
_NEAR = 36  # pixels that a face gets where its place is known roughly
_AROUND = 1.8  # sides of a face that are searched around it
_COARSE = (1.2, 1.5)  # factor of sizes and of steps of the search through a whole picture
_FINE = (1.1, 1.0)  # the same near a known face
_ENOUGH = 4  # windows of the fine search that must agree
_ALIKE = 0.35  # intersection over union above which two windows are of one face
_REACH = 2  # pictures before and after from which a place is smoothed, and gaps are filled
_LOOK_AROUND = 2.0  # seconds after which the whole picture is searched for a larger face
_LARGER = 1.25  # times that a face must be larger to be followed instead


class Box(NamedTuple):
    """A square in a picture.

    Parameters
    ----------
    top, left : float
        Its corner, in pixels.
    side : float
        Its length, in pixels.
    """

    top: float
    left: float
    side: float


@dataclass(frozen=True, eq=False)
class FaceFrame:
    """A picture and the face in it.

    Parameters
    ----------
    time : float
        In seconds.
    picture : ndarray of uint8, shape (height, width)
        Grey levels.
    box : Box or None
        The face, None where there is none.
    track : int
        Number of the face that is followed; another after it was lost.
    """

    time: float
    picture: np.ndarray
    box: Box | None
    track: int


def find_faces(picture: np.ndarray, min_face: float = 0.15) -> list[Box]:
    """Frontal faces of a picture, the largest first.

    The picture is searched coarsely in a reduced copy, and what is found there finely at its own size.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width)
        Grey levels.
    min_face : float, default=0.15
        Smallest face that is sought, as a share of the shorter side of the picture; the time that a search takes
        goes with its inverse square.

    Returns
    -------
    list of Box
    """
    height, width = picture.shape
    short = min(height, width)
    scale = min(1.0, max(WINDOW / min_face, 2.0 * WINDOW) / short)  # windows need some room, too
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    small = picture if scale == 1.0 else _uint8(_resample(picture, (0.0, 0.0, height, width), rows, columns))
    groups = _grouped(_hits(small, max(WINDOW, min_face * short * scale), min(rows, columns), *_COARSE))
    found: list[Box] = []
    for group in sorted(groups, key=lambda group: -group[0].side):
        coarse = Box(*(value / scale for value in group[0]))
        fine = _find_near(picture, coarse)
        if fine is not None and all(_overlap(fine, other) < _ALIKE for other in found):
            found.append(fine)
    return sorted(found, key=lambda box: -box.side)


def follow_face(frames: Iterable[tuple[float, np.ndarray]], min_face: float = 0.15) -> Iterator[FaceFrame]:
    """Follow the largest face through the pictures of a video.

    A face is sought where it was before, in the whole picture only where it is not there, and every two seconds to
    see whether a larger one has come. Its place is the median of five pictures, so that it does not tremble and a face
    that the cascade misses for a picture or two is still there. A few pictures are in memory at a time.

    Parameters
    ----------
    frames : iterable of (float, ndarray of uint8)
        Times in seconds, and pictures of one size.
    min_face : float, default=0.15
        See ``find_faces``.

    Yields
    ------
    FaceFrame
        One for each picture, in order.
    """
    window: deque[FaceFrame] = deque()
    done = 0  # frames of the window that have been handed on
    for frame in _followed(frames, min_face):
        window.append(frame)
        if len(window) - done > _REACH:
            yield _smoothed(window, done)
            done += 1
        if done > _REACH:
            window.popleft()
            done -= 1
    while done < len(window):
        yield _smoothed(window, done)
        done += 1


def crop_face(picture: np.ndarray, box: Box, size: int = 64) -> np.ndarray:
    """Cut a face out of a picture.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width)
        Grey levels.
    box : Box
        The face; beyond the edge of the picture its last pixels go on.
    size : int, default=64
        Side of what is cut out. Each of its pixels is the mean of what it covers, or interpolated linearly where
        that is less than a pixel.

    Returns
    -------
    ndarray of uint8, shape (size, size)
    """
    return _uint8(_resample(picture, (box.top, box.left, box.side, box.side), size, size))


def _followed(frames: Iterable[tuple[float, np.ndarray]], min_face: float) -> Iterator[FaceFrame]:
    last: Box | None = None
    missed, track, looked = 0, 0, -np.inf
    for time, picture in frames:
        box = None if last is None else _find_near(picture, last)
        if box is None or time - looked >= _LOOK_AROUND:
            faces, looked = find_faces(picture, min_face), time
            if box is None or (faces and faces[0].side > _LARGER * box.side):
                box = faces[0] if faces else None
        if box is None:
            missed += 1
        else:
            if last is None or missed > _REACH or _overlap(box, last) == 0.0:
                track += 1
            last, missed = box, 0
        yield FaceFrame(time, picture, box, track)


def _smoothed(window: deque[FaceFrame], place: int) -> FaceFrame:
    """A frame with the median place of its face, over as many frames before as after it."""
    frame = window[place]
    reach = min(_REACH, place, len(window) - 1 - place)
    boxes: list[Box] = []
    if frame.box is not None:
        around = [window[i] for i in range(place - reach, place + reach + 1)]
        boxes = [other.box for other in around if other.box is not None and other.track == frame.track]
    else:
        before = [other for other in list(window)[max(0, place - _REACH) : place] if other.box is not None]
        after = [other for other in list(window)[place + 1 : place + 1 + _REACH] if other.box is not None]
        # filled only where the same face is on both sides
        if before and after and before[-1].track == after[0].track:
            boxes = [other.box for other in (before[-1], after[0]) if other.box is not None]
    if not boxes or boxes == [frame.box]:
        return frame
    values = np.array([(box.top + box.side / 2, box.left + box.side / 2, box.side) for box in boxes])
    row, column, side = (float(value) for value in np.median(values, axis=0))
    return FaceFrame(frame.time, frame.picture, Box(row - side / 2, column - side / 2, side), frame.track)


def _find_near(picture: np.ndarray, box: Box) -> Box | None:
    """The face that most windows near a place agree upon."""
    reach = _AROUND * box.side
    top, left = box.top - (reach - box.side) / 2, box.left - (reach - box.side) / 2
    n = round(_AROUND * _NEAR)
    near = _uint8(_resample(picture, (top, left, reach, reach), n, n))
    groups = _grouped(_hits(near, 0.75 * _NEAR, 1.4 * _NEAR, *_FINE))
    scale = reach / n
    best, most = None, _ENOUGH - 1
    for found, count in groups:
        if count > most:
            best, most = Box(top + found.top * scale, left + found.left * scale, found.side * scale), count
    return best


def _hits(picture: np.ndarray, smallest: float, largest: float, factor: float, step: float) -> np.ndarray:
    """Windows that the cascade takes for faces: rows of top, left and side, in a fixed order."""
    if largest < WINDOW or smallest >= largest:
        return np.empty((0, 3))
    # by position: names of arguments have changed. No grouping: it depends on the order, the order on threads
    found = _cascade().detect_multi_scale(picture, factor, step, (smallest,) * 2, (largest,) * 2, 1, 1.0)
    rows = sorted((hit["width"], hit["r"], hit["c"]) for hit in found)
    return np.array([(top, left, side) for side, top, left in rows], dtype=np.float64).reshape(-1, 3)


def _grouped(hits: np.ndarray) -> list[tuple[Box, int]]:
    """Means of windows that lie on each other, and how many they are."""
    groups: list[tuple[np.ndarray, int]] = []
    for hit in hits:
        alike = [_overlap(Box(*hit), Box(*(total / count))) for total, count in groups]
        best = int(np.argmax(alike)) if alike else -1
        if best >= 0 and alike[best] > _ALIKE:
            groups[best] = (groups[best][0] + hit, groups[best][1] + 1)
        else:
            groups.append((hit.copy(), 1))
    return [(Box(*(float(value) for value in total / count)), count) for total, count in groups]


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    high = min(one.top + one.side, other.top + other.side) - max(one.top, other.top)
    wide = min(one.left + one.side, other.left + other.side) - max(one.left, other.left)
    shared = max(high, 0.0) * max(wide, 0.0)
    return shared / (one.side**2 + other.side**2 - shared)


def _resample(picture: np.ndarray, part: tuple[float, float, float, float], rows: int, columns: int) -> np.ndarray:
    """Part of a picture (top, left, height, width) in another number of pixels, by means over areas."""
    top, left, height, width = part
    first = _averaged(picture, top, height, rows)
    return _averaged(first.T, left, width, columns).T


def _averaged(lines: np.ndarray, start: float, length: float, n: int) -> np.ndarray:
    """Means of the lines over ``n`` equal stretches from ``start`` on."""
    stretch = length / n
    centres = start + stretch * (np.arange(n) + 0.5)
    reach = max(stretch, 1.0) / 2  # less than a line: between the two nearest
    low, high = int(np.floor(centres[0] - reach)), int(np.ceil(centres[-1] + reach)) + 1
    taken = lines[np.clip(np.arange(low, high), 0, len(lines) - 1)]
    total = np.zeros((len(taken) + 1, lines.shape[1]))
    np.cumsum(taken, axis=0, out=total[1:])
    return (_between(total, centres + reach - low) - _between(total, centres - reach - low)) / (2 * reach)


def _between(total: np.ndarray, places: np.ndarray) -> np.ndarray:
    whole = np.minimum(np.floor(places).astype(int), len(total) - 2)
    part = (places - whole)[:, None]
    return total[whole] * (1 - part) + total[whole + 1] * part


def _uint8(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


@lru_cache(maxsize=1)
def _cascade() -> Any:
    skimage = require("skimage", needed_by="Finding faces", install="ferfusion[visual]")
    return skimage.feature.Cascade(skimage.data.lbp_frontal_face_cascade_filename())
