"""Sounds written beside a list of them. Knows no labels."""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import uuid
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from scipy.io import wavfile

from ferfusion.base.errors import AudioError
from ferfusion.features.audio.reading import Recording, read_audio

__all__ = ["SoundFolder", "path_from"]

_LONGEST = 100  # characters of a file's name


def path_from(folder: Path, path: str | Path) -> str:
    """A path as a list in ``folder`` names it: relative to it where the file lies below it, else in full."""
    full, home = os.path.abspath(path), os.path.abspath(folder)
    for place, below in (
        (home, full),
        (_real(home), os.path.join(_real(os.path.dirname(full)), os.path.basename(full))),
    ):
        if below.startswith(os.path.join(place, "")):
            return Path(below[len(place) :].lstrip(os.sep)).as_posix()
    return full


@lru_cache(maxsize=4096)
def _real(folder: str) -> str:
    return os.path.realpath(folder)


class SoundFolder:
    """Folder ``audio`` beside a list, in which no file that is there is ever changed.

    Parameters
    ----------
    beside : Path
        Folder of the list. On an error within a ``with`` block all files that were added are removed again.
    """

    def __init__(self, beside: Path) -> None:
        self.beside = beside
        self.folder = beside / "audio"
        self._made: list[Path] = []
        self._arrays: dict[tuple[int, float | None], str] = {}

    def __enter__(self) -> SoundFolder:
        return self

    def __exit__(self, kind: Any, *rest: Any) -> None:
        if kind is not None:
            for path in self._made:
                path.unlink(missing_ok=True)

    def keep(self, recording: Recording) -> str:
        """Path of a recording; samples in memory are written, once however many segments they have."""
        source = recording.source
        if not isinstance(source, np.ndarray):
            return path_from(self.beside, source)
        key = (id(source), recording.sampling_rate)
        if key not in self._arrays:
            self._arrays[key] = self._write(recording.name, *_samples(recording))
        return self._arrays[key]

    def copy(self, recording: Recording) -> str:
        """Path of a copy: the file as it is, or the segment as 32-bit WAV.

        Raises
        ------
        AudioError
            If there is no such file or segment.
        """
        whole = recording.start is None and recording.end is None
        if isinstance(recording.source, np.ndarray):
            return self.keep(recording) if whole else self._write(recording.name, *read_audio(recording))
        source = Path(recording.source)
        if not whole:
            return self._write(recording.name, *_segment(recording))
        if not source.is_file():
            message = f"The recording {recording.label} does not exist."
            raise AudioError(message)
        return self._place(recording.name, source.suffix.lower(), lambda draft: shutil.copyfile(source, draft))

    def _write(self, name: str, signal: np.ndarray, rate: int) -> str:
        # scipy's files are the same byte for byte each time; those of libsndfile carry the time of writing
        return self._place(name, ".wav", lambda draft: wavfile.write(draft, rate, signal))

    def _place(self, name: str, ending: str, write: Callable[[Path], Any]) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".{uuid.uuid4().hex}"
        try:
            write(draft)
            path = self._free(draft, name, ending)
            if not path.exists():
                os.replace(draft, path)
                self._made.append(path)
        finally:
            draft.unlink(missing_ok=True)
        return path.relative_to(self.beside).as_posix()

    def _free(self, draft: Path, name: str, ending: str) -> Path:
        """Where a file may go: a file of this name and other content is left alone."""
        safe = re.sub(r"[^-.+=@\w]+", "_", name).lstrip(".")[:_LONGEST] or "sound"  # an id may hold slashes
        path = self.folder / f"{safe}{ending}"
        if not path.exists() or filecmp.cmp(draft, path, shallow=False):
            return path
        return self.folder / f"{safe}-{sha256(draft.read_bytes()).hexdigest()[:12]}{ending}"


def _samples(recording: Recording) -> tuple[np.ndarray, int]:
    signal, rate = recording.source, recording.sampling_rate
    if signal.ndim == 1 and signal.dtype.kind == "f" and rate is not None and np.isfinite(rate) and rate > 0:
        return signal.astype(np.float32), int(rate)
    return read_audio(Recording(signal, rate, name=recording.name))  # scales integers, or says what is wrong


def _segment(recording: Recording) -> tuple[np.ndarray, int]:
    start, end = recording.start or 0.0, recording.end
    try:
        with soundfile.SoundFile(recording.source) as file:
            rate = file.samplerate
            last = file.frames if end is None else min(round(min(end, file.frames / rate) * rate), file.frames)
            if 0 <= start * rate < last:
                file.seek(round(start * rate))
                return file.read(last - round(start * rate), dtype="float32", always_2d=False), rate
    except (soundfile.LibsndfileError, OSError):
        pass
    return read_audio(recording)  # sound in a video, or the reason why not
