"""What a row is computed from, and a digest that changes exactly when it does."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ferfusion.base.errors import UnknownNameError
from ferfusion.features.audio.reading import Recording
from ferfusion.features.sources import SOURCES, digest_of, recordings_of, sources_of, videos_of, words_of


def test_recordings_of_paths():
    X = pd.DataFrame(
        {"audio": ["a.wav", None, ""], "start": [0.5, None, 0.0], "end": [1, 2, 3]}, index=["u1", "u2", "u3"]
    )
    assert recordings_of(X) == [Recording("a.wav", None, 0.5, 1.0, "u1"), None, None]


@pytest.mark.parametrize("kind", ["str", object, "string"])
def test_recordings_of_column_kinds(kind):
    X = pd.DataFrame({"audio": pd.Series(["a.wav", None], index=["u1", "u2"], dtype=kind)})
    assert [None if r is None else r.source for r in recordings_of(X)] == ["a.wav", None]


def test_recordings_of_arrays():
    cells = np.empty(3, dtype=object)
    cells[:] = [np.ones(4), np.nan, Path("b.wav")]
    X = pd.DataFrame({"audio": cells, "sampling_rate": [8000, 8000, None]}, index=[7, 8, 9])
    first, second, third = recordings_of(X)
    assert first.source is cells[0]
    assert (first.sampling_rate, first.name) == (8000.0, "7")
    assert second is None
    assert (third.source, third.sampling_rate) == (Path("b.wav"), None)


def test_no_audio_column():
    assert recordings_of(pd.DataFrame({"text": ["a", "b"]})) == [None, None]


def test_sources():
    X = pd.DataFrame({"audio": ["a.wav"], "text": ["hello"]}, index=["u1"])
    assert sources_of(X, "text") == ["hello"]
    assert sources_of(X, "audio") == [Recording("a.wav", name="u1")]
    with pytest.raises(UnknownNameError, match="'visual'"):
        sources_of(X, "visual")


def test_words():
    so = {"word": "so", "start": 0.0, "confidence": np.nan}
    cells = np.empty(7, dtype=object)
    cells[:] = [[so], np.array([so], dtype=object), (), None, np.nan, "so", [{"word": "so", "start": np.float32(0.5)}]]
    plain = [{"word": "so", "start": 0.0, "confidence": None}]
    out = words_of(pd.DataFrame({"words": cells}))
    assert out == [plain, plain, None, None, None, "so", [{"word": "so", "start": 0.5}]]
    assert type(out[6][0]["start"]) is float
    assert words_of(pd.DataFrame({"text": ["so"]})) == [None]


def test_digest_of_words():
    digest = digest_of([{"word": "so", "start": 0.5}])
    assert digest == digest_of([{"start": np.float64(0.5), "word": "so"}])
    assert len(digest) == 32
    others = [[{"word": "so", "start": 0.6}], [{"word": "so"}], [{"word": "so", "start": 0.5}] * 2, "so"]
    assert len({digest, *map(digest_of, others)}) == 5


def test_videos(write, tone):
    path = write("a.wav", tone())  # any file
    X = pd.DataFrame({"video": [path, None, "", np.ones(3)], "start": [0.1, 0, 0, 0], "end": [0.2, 1, 1, 1]})
    assert videos_of(X) == [Recording(path, None, 0.1, 0.2, "0"), None, None, None]
    first = digest_of(videos_of(X)[0])
    assert first == digest_of(recordings_of(X.rename(columns={"video": "audio"}))[0])
    assert first != digest_of(videos_of(X.drop(columns="start"))[0])
    assert videos_of(X[["start"]]) == [None] * 4


def test_every_column_has_its_sources():
    X = pd.DataFrame({"audio": ["a.wav"], "text": ["so"], "video": ["a.mp4"], "words": [[{"word": "so"}]]})
    assert {name: sources_of(X, name)[0] for name in SOURCES} == {
        "audio": Recording("a.wav", name="0"),
        "text": "so",
        "video": Recording("a.mp4", name="0"),
        "words": [{"word": "so"}],
    }


def test_digest_of_text():
    assert digest_of("hello") == digest_of("hello")
    assert digest_of("hello") != digest_of("hello ")
    assert len(digest_of("hello")) == 32
    assert digest_of(None) == ""


def test_digest_of_a_file_is_that_of_its_content(write, tone, tmp_path):
    path = write("a.wav", tone())
    shutil.copy(path, tmp_path / "b.wav")
    assert digest_of(Recording(path, name="u1")) == digest_of(Recording(tmp_path / "b.wav", name="u2"))
    assert digest_of(Recording(write("c.wav", tone(pitch=221)))) != digest_of(Recording(path))


def test_digest_changes_with_the_content(write, tone):
    path = write("a.wav", tone())
    before = digest_of(Recording(path))
    write("a.wav", tone(pitch=230))  # as long as before
    stat = os.stat(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert digest_of(Recording(path)) != before
    write("a.wav", tone())
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 2))
    assert digest_of(Recording(path)) == before


def test_digest_knows_the_segment(write, tone):
    path = write("a.wav", tone())
    digests = {
        digest_of(Recording(path, start=start, end=end)) for start in (None, 0.0, 0.1) for end in (None, 0.15, 0.2)
    }
    assert len(digests) == 9
    # the rate column says nothing of a file
    assert digest_of(Recording(path, 8000)) == digest_of(Recording(path))


def test_digest_of_samples(tone):
    array = tone()
    digest = digest_of(Recording(array, 16000))
    assert digest == digest_of(Recording(array.copy(), 16000, name="other"))
    assert digest == digest_of(Recording(np.repeat(array, 2)[::2], 16000))  # however it lies in memory
    assert digest != digest_of(Recording(array, 8000))
    assert digest != digest_of(Recording(array.astype(np.float64), 16000))
    changed = array.copy()
    changed[3] += 1e-6
    assert digest != digest_of(Recording(changed, 16000))


def test_missing_file_has_no_digest(tmp_path):
    assert digest_of(Recording(tmp_path / "no.wav")) == ""
    assert digest_of(Recording(tmp_path)) == ""  # a folder can be seen, but not read
