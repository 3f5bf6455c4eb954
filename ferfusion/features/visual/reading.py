"""Pictures out of video files, by PyAV: grey, upright, on a regular grid of times, one after another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ferfusion.base.errors import FeatureError
from ferfusion.base.files import is_pointer
from ferfusion.base.optional import require
from ferfusion.features.audio.reading import Recording

__all__ = ["as_recording", "read_frames"]

_MOST_DAMAGED = 0.1  # share of packets, as for sound: a clip is unusable on both sides or on none
_LEAST_THERE = 0.9  # share of the length that the container states; less is a file that was cut off
_SLACK = 0.25  # seconds; in short clips one frame is more than a tenth
_LONGEST_STILL = 60.0  # seconds; a longer wait for the next picture is a clock that was set anew
_USUAL_STEP = 0.04  # seconds a picture is shown where nothing says how long
_ROUNDING = 0.001  # seconds; clocks of containers are this coarse
_WORTH_SEEKING = 5.0  # seconds; to begin earlier than this, decoding from the start is as quick


def as_recording(video: Recording | str | os.PathLike[str]) -> Recording:
    """A path as the whole of its video; a Recording as it is."""
    return video if isinstance(video, Recording) else Recording(video)


def read_frames(
    video: Recording | str | os.PathLike[str], fps: float = 5.0, short_side: int = 480
) -> Iterator[tuple[float, np.ndarray]]:
    """Pictures of a video at regular times: at each of them the picture that a player would show.

    Only one picture is in memory at a time. Times are those of the packets, so that a variable frame rate is no
    matter; packets that cannot be decoded are passed over. Pictures are turned upright as the container says (by
    quarters of a turn; mirrored ones stay so), and pixels are made square.

    Parameters
    ----------
    video : Recording, str or path
        A video file; the ``start`` and ``end`` of a Recording, in seconds from its first picture, cut it.
    fps : float, default=5
        Pictures a second.
    short_side : int, default=480
        Larger pictures are reduced to this height (upright: width), in pixels.

    Yields
    ------
    time : float
        Seconds from the first picture: ``start + k / fps``.
    picture : ndarray of uint8, shape (height, width)
        Grey levels.

    Raises
    ------
    FeatureError
        If the file is missing, damaged, cut off or without pictures, or the segment lies outside it.
    MissingDependencyError
        If PyAV is not installed.
    """
    recording = as_recording(video)
    if not (np.isfinite(fps) and fps > 0):
        message = f"fps must be a positive number of pictures a second, not {fps!r}."
        raise FeatureError(message)
    start, end = _bounds(recording)
    path = _existing(recording)
    size: tuple[int, int] | None = None
    shown, picture = None, np.empty((0, 0), np.uint8)
    for time, frame, ratio in _on_grid(path, recording.label, fps, start, end):
        if size is None:
            size = _reduced(frame, ratio, short_side)
        if frame is not shown:
            shown, picture = frame, _grey(frame, size)
        yield time, picture


def _bounds(recording: Recording) -> tuple[float, float]:
    start = 0.0 if recording.start is None else float(recording.start)
    end = np.inf if recording.end is None else float(recording.end)
    if not (np.isfinite(start) and 0 <= start < end):
        message = f"The segment {start:g} to {end:g} s of the video {recording.label} is empty or begins before it."
        raise FeatureError(message)
    return start, end


def _existing(recording: Recording) -> Path:
    if not isinstance(recording.source, str | os.PathLike):
        message = f"A video is named by its path, not by {type(recording.source).__name__}."
        raise FeatureError(message)
    path = Path(recording.source)
    if not path.is_file():
        message = f"The video {recording.label} does not exist."
        raise FeatureError(message)
    if path.stat().st_size == 0:
        message = f"The video {recording.label} is an empty file."
        raise FeatureError(message)
    if is_pointer(path):
        message = f"The video {recording.label} is a git-LFS pointer, not the video: fetch it with git lfs pull."
        raise FeatureError(message)
    return path


def _on_grid(path: Path, label: str, fps: float, start: float, end: float) -> Iterator[tuple[float, Any, float]]:
    """Time on the grid, the frame that is shown then, and the shape of its pixels."""
    with _opened(path, label) as (container, stream):
        step, ratio = _step(stream), float(stream.sample_aspect_ratio or 1.0)
        held, until, k, whole = None, 0.0, 0, False
        for time, frame in _timed(container, stream, start, label):
            while held is not None and start + k / fps < min(time - _ROUNDING, end):
                yield start + k / fps, held, ratio
                k += 1
            if time >= end:
                break
            held, until = frame, time + (_seconds(frame) or step)
        else:
            whole = True
            while held is not None and start + k / fps < min(until - _ROUNDING, end):
                yield start + k / fps, held, ratio
                k += 1
        stated = _stated(stream) if whole else 0.0
    if k == 0:
        segment = "" if start == 0 and end == np.inf else f" from {start:g} to {end:g} s: it lasts {until:.3f} s"
        message = f"The video {label} holds no picture{segment}."
        raise FeatureError(message)
    if until < min(_LEAST_THERE * stated, stated - _SLACK):
        message = f"The video {label} is cut off: {until:.2f} s of its {stated:.2f} s are there."
        raise FeatureError(message)


def _timed(container: Any, stream: Any, start: float, label: str) -> Iterator[tuple[float, Any]]:
    """Frames with the seconds from the first picture at which they appear, in order."""
    origin = None if stream.start_time is None else float(stream.start_time * stream.time_base)
    sought = start >= _WORTH_SEEKING and origin is not None and _sought(container, stream, start + origin)
    step, last = _step(stream), None
    for frame in _decoded(container, stream, label):
        stated = frame.time
        if last is None:
            origin = stated if origin is None else origin
            time = 0.0 if stated is None or origin is None else stated - origin
            if sought and time > start and _sought(container, stream, origin or 0.0):
                # some files lead too far: then all is decoded
                yield from _timed(container, stream, 0.0, label)
                return
        else:
            time = last + step if stated is None or origin is None else stated - origin
            if not last - 1.0 <= time <= max(last + _LONGEST_STILL, _stated(stream)):
                # the clock was set anew: the show goes on
                origin, time = stated - last - step, last + step
            time = max(time, last)
        last = time
        yield time, frame


def _sought(container: Any, stream: Any, seconds: float) -> bool:
    """Go to the last picture before a time from which decoding can begin; whether that was possible."""
    av = require("av", needed_by="Pictures from video files", install="ferfusion[visual]")
    try:
        container.seek(int(seconds / stream.time_base), stream=stream)
    except av.error.FFmpegError:
        return False
    return True


def _decoded(container: Any, stream: Any, label: str) -> Iterator[Any]:
    av = require("av", needed_by="Pictures from video files", install="ferfusion[visual]")
    n_packets, n_damaged = 0, 0
    for packet in container.demux(stream):
        n_packets += 1
        try:
            yield from packet.decode()
        except av.error.FFmpegError:
            n_damaged += 1
    if n_damaged > _MOST_DAMAGED * n_packets:
        message = f"The video {label} is damaged: {n_damaged} of its {n_packets} packets cannot be decoded."
        raise FeatureError(message)


@contextmanager
def _opened(path: Path, label: str) -> Iterator[tuple[Any, Any]]:
    """Container and its first stream of pictures; whatever fails on the way is said of the video."""
    av = require("av", needed_by="Pictures from video files", install="ferfusion[visual]")
    try:
        # text fields of old files are in any encoding, and of no interest here
        with av.open(str(path), metadata_errors="ignore") as container:
            streams = [stream for stream in container.streams.video if not _is_cover(av, stream)]
            if not streams:
                kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
                message = f"The video {label} has no moving pictures, only {kinds}."
                raise FeatureError(message)
            if streams[0].codec_context is None:
                message = f"The video {label} holds pictures in a coding that is not understood."
                raise FeatureError(message)
            yield container, streams[0]
    except av.error.FFmpegError as error:
        message = f"The video {label} cannot be read ({error.strerror}): it is damaged, cut off, or no video."
        raise FeatureError(message) from error


def _is_cover(av: Any, stream: Any) -> bool:
    """Whether the "video" is the picture on the sleeve of a sound file."""
    disposition = getattr(av.stream, "Disposition", None)
    return disposition is not None and bool(getattr(stream, "disposition", 0) & disposition.attached_pic)


def _step(stream: Any) -> float:
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate) if rate else _USUAL_STEP


def _stated(stream: Any) -> float:
    """Seconds that the container states, 0 if it does not."""
    duration = 0.0 if stream.duration is None else float(stream.duration * stream.time_base)
    # a file that was cut off may have its duration corrected, but not the number of its pictures
    return max(duration, stream.frames * _step(stream))


def _seconds(frame: Any) -> float:
    duration = getattr(frame, "duration", None)
    return float(duration * frame.time_base) if duration and frame.time_base else 0.0


def _reduced(frame: Any, ratio: float, short_side: int) -> tuple[int, int]:
    """Width and height, with square pixels, before it is turned."""
    width = frame.width * ratio
    scale = min(1.0, short_side / min(width, frame.height))
    return max(1, round(width * scale)), max(1, round(frame.height * scale))


def _grey(frame: Any, size: tuple[int, int]) -> np.ndarray:
    turned = round(getattr(frame, "rotation", 0) / 90) % 4
    picture = frame.reformat(width=size[0], height=size[1], format="gray", interpolation="AREA").to_ndarray()
    return np.ascontiguousarray(np.rot90(picture, turned))
