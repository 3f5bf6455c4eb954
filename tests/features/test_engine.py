"""Running an extractor over many sources."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from ferfusion.base.errors import FeatureError
from ferfusion.features.audio.reading import Recording
from ferfusion.features.engine import extract
from ferfusion.features.extractor import AudioExtractor, Extractor
from ferfusion.features.store import FeatureStore


class Letters(Extractor):
    """Length of a text; cannot do without letters."""

    modality = "text"
    asked: list = []

    def feature_names(self):
        return ["length"]

    def compute(self, source):
        type(self).asked.append(source)
        if not source.isalpha():
            message = f"{source!r} has no letters."
            raise FeatureError(message)
        return np.array([len(source)], dtype=np.float32)


class Broken(Extractor):
    modality = "text"

    def compute(self, source):
        raise RuntimeError("a fault of the program")


@pytest.fixture(autouse=True)
def _forget():
    Letters.asked = []


@pytest.fixture(params=[False, True], ids=["plain", "store"])
def store(request, tmp_path):
    return FeatureStore(tmp_path / "store") if request.param else None


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_each_content_once_and_in_order(store, n_jobs):
    done = extract(Letters(), ["aa", None, "b", "aa", "ccc"], store=store, n_jobs=n_jobs)
    assert [None if value is None else value.tolist() for value in done.outcomes] == [[2], None, [1], [2], [3]]
    assert sorted(Letters.asked) == ["aa", "b", "ccc"]
    assert done.faults == {}
    assert done.digests[0] == done.digests[3] != done.digests[2]
    assert done.digests[1] == ""


def test_faults_are_collected(store):
    done = extract(Letters(), ["aa", "1", "b", "1"], store=store)
    assert [value is None for value in done.outcomes] == [False, True, False, True]
    assert done.faults == {1: "'1' has no letters.", 3: "'1' has no letters."}


def test_store_is_asked_first(tmp_path):
    store = FeatureStore(tmp_path)
    extract(Letters(), ["aa", "1"], store=store)
    Letters.asked = []
    done = extract(Letters(), ["aa", "1", "b"], store=store)
    assert sorted(Letters.asked) == ["1", "b"]  # what failed is tried again
    assert done.outcomes[0].tolist() == [2]


def test_nothing_to_do(store):
    done = extract(Letters(), [None, None], store=store)
    assert done.outcomes == [None, None]
    assert extract(Letters(), [], store=store).outcomes == []


def test_more_than_a_batch(store):
    words = ["a" * n for n in range(1, 140)]
    done = extract(Letters(), words, store=store)
    assert [int(value[0]) for value in done.outcomes] == list(range(1, 140))
    assert len(Letters.asked) == 139


def test_fault_of_the_program_is_no_fault_of_the_source(store):
    with pytest.raises(RuntimeError, match="a fault of the program"):
        extract(Broken(), ["aa"], store=store)


def test_recordings(counting, calls, write, tone, tmp_path, store):
    path = write("a.wav", tone(level=0.5))
    shutil.copy(path, tmp_path / "copy.wav")
    sources = [
        Recording(path, name="u1"),
        Recording(tmp_path / "copy.wav", name="u2"),
        Recording(path, start=0.1, name="u3"),
        Recording(tmp_path / "no.wav", name="u4"),
        Recording(tmp_path / "neither.wav", name="u5"),
    ]
    done = extract(counting.Counting(counting.folder), sources, store=store)
    assert calls() == 2  # the copy is the same sound
    np.testing.assert_array_equal(done.outcomes[0], done.outcomes[1])
    assert [int(value[2]) for value in done.outcomes[:3]] == [3200, 3200, 1600]
    assert sorted(done.faults) == [3, 4]
    assert "'u4'" in done.faults[3]
    assert "no.wav" in done.faults[3]
    assert "'u5'" in done.faults[4]
    assert "neither.wav" in done.faults[4]


class TooShort(AudioExtractor):
    def process(self, signal, sampling_rate):
        message = "Too short for this."
        raise FeatureError(message)


def test_fault_of_an_extractor_gets_the_recording(write, tone):
    path = write("a.wav", tone())
    done = extract(TooShort(), [Recording(path, name="u1")])
    assert done.faults == {0: f"'u1' ({path}): Too short for this."}


def test_extractor_on_its_own(write, tone, counting):
    paths = [write("a.wav", tone(level=0.5)), write("b.wav", tone(level=0.25))]
    extractor = counting.Counting(counting.folder)
    table = extractor.fit().transform(paths)
    np.testing.assert_allclose(table["peak"], [0.5, 0.25], atol=1e-3)
    assert extractor.get_feature_names_out().tolist() == table.columns.tolist() == ["peak", "mean", "n"]
    array = extractor.transform([Recording(tone(level=0.5), 16000)])
    assert array["n"].tolist() == [3200]
    with pytest.raises(FeatureError, match="differ in their number of frames"):
        counting.CountingFrames(counting.folder).transform(paths)
    assert counting.CountingFrames(counting.folder).compute(Recording(paths[0])).shape == (2, 2)
    assert Letters().transform(["aa", "b"]).to_numpy().tolist() == [[2], [1]]


def test_fingerprint(counting):
    make = counting.Counting
    assert make("m").fingerprint() == make("m").fingerprint()
    changed = {make(*args).fingerprint() for args in [("m",), ("m", 2.0), ("m", 1.0, 16000), ("m", 1.0, None, 1)]}
    assert len(changed) == 4
    assert counting.CountingFrames("m").fingerprint() not in changed
    newer = make("m")
    newer.version = 2
    assert newer.fingerprint() not in changed


def test_unfinished_extractors():
    for call in (Extractor().feature_names, lambda: Extractor().compute("a")):
        with pytest.raises(NotImplementedError):
            call()


class Batched(Letters):
    """Counts how often it is asked for many at once."""

    batches = True
    rounds: list = []

    def compute_many(self, sources):
        type(self).rounds.append(len(sources))
        return super().compute_many(sources)


def test_batches(store):
    Batched.rounds = []
    words = ["a" * n for n in range(1, 71)]
    done = extract(Batched(), [*words, "a", None], store=store)
    assert [value.tolist() for value in done.outcomes[:-1]] == [[n] for n in [*range(1, 71), 1]]
    assert sum(Batched.rounds) >= 64
    assert len(Batched.asked) == 70


def test_fault_in_a_batch_is_that_of_one_source(store):
    done = extract(Batched(), ["aa", "b1", "c"], store=store)
    assert [None if value is None else value.tolist() for value in done.outcomes] == [[2], None, [1]]
    assert done.faults == {1: "'b1' has no letters."}
