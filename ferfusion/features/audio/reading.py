"""Sound in: one channel, one segment, one sampling rate, or an error that names the recording."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from ferfusion.base.errors import AudioError
from ferfusion.base.files import is_pointer
from ferfusion.features.audio.containers import container_info, is_container, read_container

__all__ = ["SILENCE_PEAK", "Recording", "SoundInfo", "read_audio", "sound_info"]

SILENCE_PEAK = 2.0**-15  # less than one step of 16-bit sound


@dataclass(frozen=True)
class Recording:
    """Where a sound comes from, and which part of it is meant.

    Parameters
    ----------
    source : str or ndarray of shape (n_samples,)
        Path of a sound or video file, or the samples: floats with full scale at 1, or integers of the width they were
        sampled with (``int16``), which are scaled.
    sampling_rate : float or None
        Of the samples, in hertz; unused for a file.
    start, end : float or None
        Segment in seconds; None means the file's own start or end.
    name : str
        What to call it in messages.
    """

    source: Any
    sampling_rate: float | None = None
    start: float | None = None
    end: float | None = None
    name: str = ""

    @property
    def label(self) -> str:
        """Name for messages: the row's id and, for a file, its path."""
        path = str(self.source) if isinstance(self.source, str | os.PathLike) else "samples in memory"
        return f"{self.name!r} ({path})" if self.name else f"'{path}'"


@dataclass(frozen=True)
class SoundInfo:
    """What the header of a recording says.

    Parameters
    ----------
    duration : float
        In seconds.
    sampling_rate : int
        In hertz.
    channels : int
        In the file.
    """

    duration: float
    sampling_rate: int
    channels: int


def read_audio(recording: Recording, sampling_rate: int | None = None, channel: int = 0) -> tuple[np.ndarray, int]:
    """Read one channel of a recording at one sampling rate.

    Channels are never averaged: in some corpora they are not copies of each other, and their mean is a sound
    that nobody recorded. The one exception is surround sound in a video file (see ``containers``).

    Parameters
    ----------
    recording : Recording
        What to read.
    sampling_rate : int, optional
        Rate wanted, in hertz; that of the recording if missing.
    channel : int, default=0
        Which channel, counted from 0.

    Returns
    -------
    signal : ndarray of float32, shape (n_samples,)
        Full scale is 1.
    sampling_rate : int
        In hertz.

    Raises
    ------
    AudioError
        If the recording is missing, empty, not sound, silent, has NaN or infinite samples, or lacks the channel
        or the segment.
    MissingDependencyError
        If it is a video or a compressed container and PyAV is not installed.
    """
    signal, rate = (
        _from_array(recording) if isinstance(recording.source, np.ndarray) else _from_file(recording, channel)
    )
    _check_signal(signal, recording)
    if sampling_rate is not None and rate != sampling_rate:
        signal = soxr.resample(signal, rate, sampling_rate)
        rate = sampling_rate
        if len(signal) == 0:
            message = f"The recording {recording.label} is too short to resample to {sampling_rate} Hz."
            raise AudioError(message)
    return np.ascontiguousarray(signal, dtype=np.float32), int(rate)


def _from_array(recording: Recording) -> tuple[np.ndarray, float]:
    signal = recording.source
    if signal.ndim != 1:
        message = f"Samples of {recording.label} must be one channel, a 1-D array, but have the shape {signal.shape}."
        raise AudioError(message)
    rate = recording.sampling_rate
    if rate is None or not np.isfinite(rate) or rate <= 0:
        message = f"Samples of {recording.label} need a positive 'sampling_rate' in the table, not {rate!r}."
        raise AudioError(message)
    first, last = _bounds(recording, rate, len(signal))
    return _full_scale(signal[first:last], recording), rate


def _full_scale(signal: np.ndarray, recording: Recording) -> np.ndarray:
    if signal.dtype.kind == "f":
        return signal.astype(np.float32, copy=False)
    if signal.dtype.kind not in "iu":
        message = f"Samples of {recording.label} must be real numbers, not {signal.dtype}."
        raise AudioError(message)
    half = 2.0 ** (8 * signal.dtype.itemsize - 1)
    middle = half if signal.dtype.kind == "u" else 0.0
    return ((signal - middle) / half).astype(np.float32)


def sound_info(path: str | os.PathLike[str]) -> SoundInfo:
    """Duration, sampling rate and channels of a recording, without decoding it.

    Parameters
    ----------
    path : str or path
        A sound or video file.

    Returns
    -------
    SoundInfo

    Raises
    ------
    AudioError
        If the file is missing, empty, or not sound.
    MissingDependencyError
        If it is a video or a compressed container and PyAV is not installed.
    """
    label = Recording(path).label
    file = _existing(Path(path), label)
    if is_container(file):
        return SoundInfo(*container_info(file, label))
    try:
        with soundfile.SoundFile(file) as sound:
            return SoundInfo(sound.frames / sound.samplerate, sound.samplerate, sound.channels)
    except soundfile.LibsndfileError as error:
        raise _not_sound(label, error) from error


def _from_file(recording: Recording, channel: int) -> tuple[np.ndarray, float]:
    path = _existing(Path(recording.source), recording.label)
    return (_from_container if is_container(path) else _from_sound_file)(path, recording, channel)


def _from_container(path: Path, recording: Recording, channel: int) -> tuple[np.ndarray, float]:
    start, end = recording.start or 0.0, recording.end
    # a segment that makes no sense is complained of with the true length of the recording
    signal, rate = read_container(path, recording.label, end if end is not None and 0 <= start < end < np.inf else None)
    _check_channel(recording, channel, signal.shape[1])
    first, last = _bounds(recording, rate, len(signal))
    return signal[first:last, channel], rate


def _from_sound_file(path: Path, recording: Recording, channel: int) -> tuple[np.ndarray, float]:
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            _check_channel(recording, channel, file.channels)
            first, last = _bounds(recording, rate, file.frames)
            file.seek(first)
            signal = file.read(last - first, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise _not_sound(recording.label, error) from error
    return signal[:, channel], rate


def _existing(path: Path, label: str) -> Path:
    if not path.is_file():
        message = f"The recording {label} does not exist."
        raise AudioError(message)
    if path.stat().st_size == 0:
        message = f"The recording {label} is an empty file."
        raise AudioError(message)
    if is_pointer(path):
        message = f"The recording {label} is a git-LFS pointer, not the recording: fetch it with git lfs pull."
        raise AudioError(message)
    return path


def _not_sound(label: str, error: soundfile.LibsndfileError) -> AudioError:
    return AudioError(
        f"The recording {label} cannot be read as sound ({error.error_string.rstrip('.')}). WAV, FLAC, OGG, MP3, AIFF "
        "and the usual video files are understood by their endings; convert others first."
    )


def _check_channel(recording: Recording, channel: int, channels: int) -> None:
    if not 0 <= channel < channels:
        message = f"Channel {channel} was asked for, but {recording.label} has {channels} (counted from 0)."
        raise AudioError(message)


def _bounds(recording: Recording, rate: float, n_samples: int) -> tuple[int, int]:
    start = 0.0 if recording.start is None else recording.start
    end = n_samples / rate if recording.end is None else recording.end
    if not (np.isfinite(start) and np.isfinite(end)):
        message = f"The segment {start} to {end} s of {recording.label} must have finite ends, or None for the whole."
        raise AudioError(message)
    if n_samples == 0:
        return 0, 0  # what is wrong with it is not its segment
    first, last = round(start * rate), min(round(end * rate), n_samples)
    if first < 0 or first >= last:
        message = (
            f"The segment {start:g} to {end:g} s of {recording.label} is empty or outside it: "
            f"the recording lasts {n_samples / rate:.3f} s."
        )
        raise AudioError(message)
    return first, last


def _check_signal(signal: np.ndarray, recording: Recording) -> None:
    if signal.size == 0:
        message = f"The recording {recording.label} holds no samples."
        raise AudioError(message)
    bad = int((~np.isfinite(signal)).sum())
    if bad:
        message = f"The recording {recording.label} holds {bad} samples that are NaN or infinite, of {signal.size}."
        raise AudioError(message)
    if np.ptp(signal) < 2 * SILENCE_PEAK:
        message = f"The recording {recording.label} is silent from start to end ({signal.size} samples)."
        raise AudioError(message)
