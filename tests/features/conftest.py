"""Sounds, files and an extractor that leaves a mark on disk each time it works."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

COUNTING = '''
import uuid
from pathlib import Path

import numpy as np

from ferfusion.base.errors import AudioError
from ferfusion.features.extractor import AudioExtractor


class Counting(AudioExtractor):
    """Peak and mean of a sound; writes a file for each one, so that calls can be counted across processes."""

    def __init__(self, marks, scale=1.0, sampling_rate=None, channel=0):
        self.marks = marks
        self.scale = scale
        self.sampling_rate = sampling_rate
        self.channel = channel

    def feature_names(self):
        return ["peak", "mean", "n"]

    def process(self, signal, sampling_rate):
        peak = float(np.abs(signal).max())
        (Path(self.marks) / f"{peak:.5f}-{uuid.uuid4().hex}").touch()
        return np.array([self.scale * peak, self.scale * float(signal.mean()), len(signal)])


class CountingFrames(Counting):
    """As many frames as the sound has tenths of a second, two numbers a frame."""

    frames = True

    def feature_names(self):
        return ["number", "peak"]

    def process(self, signal, sampling_rate):
        peak = float(super().process(signal, sampling_rate)[0])
        n = max(1, round(10 * len(signal) / sampling_rate))
        return np.column_stack([np.arange(n), np.full(n, peak)])
'''


def make_tone(seconds=0.2, rate=16000, pitch=220.0, level=0.5):
    return (level * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.fixture
def tone():
    return make_tone


@pytest.fixture
def write(tmp_path):
    """Function that writes a sound file into the test's own folder and says where it is."""

    def write_sound(name, signal, rate=16000, subtype="PCM_16"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, signal, rate, subtype=subtype)
        return str(path)

    return write_sound


@pytest.fixture(scope="session")
def counting_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("importable")
    (folder / "counting_extractor.py").write_text(COUNTING)
    return folder


@pytest.fixture
def counting(counting_folder, tmp_path, monkeypatch):
    """The module of counting extractors, importable here and in workers; and the folder for their marks."""
    monkeypatch.syspath_prepend(counting_folder)
    root = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(counting_folder), root]))
    (tmp_path / "marks").mkdir()
    sys.modules.pop("counting_extractor", None)
    module = importlib.import_module("counting_extractor")
    module.folder = tmp_path / "marks"
    yield module
    sys.modules.pop("counting_extractor", None)


@pytest.fixture
def calls(counting):
    """Function that says how many sounds have been worked on, and forgets them."""

    def count():
        marks = sorted(counting.folder.iterdir())
        for mark in marks:
            mark.unlink()
        return len(marks)

    return count


@pytest.fixture(autouse=True)
def _no_store(monkeypatch):
    monkeypatch.delenv("FERFUSION_STORE", raising=False)
