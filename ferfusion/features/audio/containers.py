"""Sound out of video files and compressed containers, by PyAV; the pictures are never decoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ferfusion.base.errors import AudioError
from ferfusion.base.optional import require

__all__ = ["CONTAINERS", "container_info", "is_container", "read_container"]

CONTAINERS = (".mp4", ".avi", ".mkv", ".mov", ".flv", ".webm", ".m4a", ".aac", ".wma")
_MOST_DAMAGED = 0.1  # share of packets; a clip cut from a broadcast may end in half a packet, which players skip
_LEAST_THERE = 0.9  # share of the length that the container states; less is a file that was cut off
_SLACK = 0.25  # seconds; in short clips priming and the last packet are more than a tenth


def is_container(path: Path) -> bool:
    """Whether a file's ending is one of those read here."""
    return path.suffix.lower() in CONTAINERS


def read_container(path: Path, label: str, end: float | None = None) -> tuple[np.ndarray, int]:
    """Decode the first sound stream at its own sampling rate.

    Parameters
    ----------
    path : Path
        An existing file.
    label : str
        What to call it in messages.
    end : float, optional
        Second after which nothing is wanted; all is decoded if missing.

    Returns
    -------
    signal : ndarray of float32, shape (n_samples, n_channels)
        Mono and stereo as they are; more channels as one, mixed down by libswresample's matrix.
    sampling_rate : int
        In hertz.

    Raises
    ------
    AudioError
        If there is no sound in it, or the file is damaged or cut off.
    """
    with _opened(path, label) as (container, stream):
        rate, channels = _rate(stream), _channels(stream)
        wanted = None if end is None else round(end * rate)
        blocks, complete = _decode(container, stream, wanted, label)
        signal = np.concatenate(blocks) if blocks else np.zeros((0, min(channels, 2)), np.float32)
        stated = _stated_seconds(container, stream)
    seconds = len(signal) / rate
    if complete and stated and seconds < min(_LEAST_THERE * stated, stated - _SLACK):
        message = f"The recording {label} is cut off: {seconds:.2f} s of its {stated:.2f} s of sound are there."
        raise AudioError(message)
    return signal, rate


def container_info(path: Path, label: str) -> tuple[float, int, int]:
    """Duration, sampling rate and channels of the first sound stream, without decoding it.

    Parameters
    ----------
    path : Path
        An existing file.
    label : str
        What to call it in messages.

    Returns
    -------
    duration : float
        In seconds, as the container states it, else by its packets; right within one packet.
    sampling_rate : int
        In hertz.
    channels : int
        In the file.

    Raises
    ------
    AudioError
        If there is no sound in it, or the file is damaged.
    """
    with _opened(path, label) as (container, stream):
        seconds = _stated_seconds(container, stream)
        if seconds is None:
            ticks = sum(packet.duration or 0 for packet in container.demux(stream))
            seconds = float(ticks * stream.time_base)
        return seconds, _rate(stream), _channels(stream)


@contextmanager
def _opened(path: Path, label: str) -> Iterator[tuple[Any, Any]]:
    """Container and its first sound stream; whatever fails on the way is said of the recording."""
    av = require("av", needed_by=f"Sound from {path.suffix} files", install="ferfusion[visual]")
    try:
        # text fields of old files are in any encoding, and of no interest here
        with av.open(str(path), metadata_errors="ignore") as container:
            streams = container.streams
            if not len(streams):
                message = f"The recording {label} is damaged: nothing can be found in it."
                raise AudioError(message)
            if not streams.audio:
                message = f"The recording {label} has no sound, only {', '.join(sorted({s.type for s in streams}))}."
                raise AudioError(message)
            stream = streams.audio[0]
            if stream.codec_context is None or not _rate(stream) or not _channels(stream):
                message = f"The recording {label} holds sound in a coding that is not understood."
                raise AudioError(message)
            yield container, stream
    except av.error.FFmpegError as error:
        message = (
            f"The recording {label} cannot be read as sound ({error.strerror}). The file is damaged or cut off, or no "
            f"{path.suffix} file."
        )
        raise AudioError(message) from error


def _decode(container: Any, stream: Any, wanted: int | None, label: str) -> tuple[list[np.ndarray], bool]:
    """Blocks of samples, and whether they go to the end of the file."""
    av = require("av", needed_by="Sound from video files", install="ferfusion[visual]")
    mixer = _Mixer(av, stream)
    blocks: list[np.ndarray] = []
    n_samples, n_packets, n_damaged = 0, 0, 0
    for packet in container.demux(stream):
        n_packets += 1
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            n_damaged += 1
            continue
        for block in mixer.mix(frames):
            blocks.append(block)
            n_samples += len(block)
        if wanted is not None and n_samples >= wanted:
            return blocks, False
    if n_damaged > _MOST_DAMAGED * n_packets:
        message = f"The recording {label} is damaged: {n_damaged} of its {n_packets} packets cannot be decoded."
        raise AudioError(message)
    return [*blocks, *mixer.mix([None])], True


class _Mixer:
    """Frames of any sample format to float32 with full scale 1, interleaved, more than two channels as one.

    Films put speech into the centre channel and music and noise into the others: no single channel of a 5.1 sound
    track is the recording, so here, and only here, channels are mixed. The matrix is the one that everyone gets who
    converts such a clip to a mono WAV with ffmpeg: centre 1, front 0.71, back 0.5, no bass effects, all divided by
    their sum so that nothing exceeds full scale (for float samples that has to be asked for).
    """

    def __init__(self, av: Any, stream: Any) -> None:
        self._over = (av.error.BlockingIOError, av.error.EOFError)
        many = _channels(stream) > 2
        self._n_channels = 1 if many else _channels(stream)
        self._graph = av.filter.Graph()
        source = self._graph.add_abuffer(template=stream)
        mixer = self._graph.add("aresample", "osf=flt" + (":ochl=mono:rematrix_maxval=1" if many else ""))
        sink = self._graph.add("abuffersink")
        source.link_to(mixer)
        mixer.link_to(sink)
        self._graph.configure()

    def mix(self, frames: list[Any]) -> Iterator[np.ndarray]:
        """Samples of some frames, shape (n_samples, n_channels); a frame None ends the sound."""
        for frame in frames:
            self._graph.push(frame)
            while True:
                try:
                    mixed = self._graph.pull()
                except self._over:
                    break
                yield mixed.to_ndarray().reshape(-1, self._n_channels)


def _rate(stream: Any) -> int:
    return int(stream.codec_context.sample_rate or 0)


def _channels(stream: Any) -> int:
    return int(stream.codec_context.channels or 0)


def _stated_seconds(container: Any, stream: Any) -> float | None:
    # bare AAC has no header: its length would be a guess from the first packets
    if stream.duration is None or container.format.name == "aac":
        return None
    return float(stream.duration * stream.time_base)
