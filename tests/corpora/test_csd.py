"""Computational sequences: toy files written with h5py as the CMU-MultimodalSDK writes its own."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from ferfusion.base.errors import CorpusError, MissingDependencyError
from ferfusion.base.table import check_table, frames_of, texts_of
from ferfusion.corpora.files.csd import Sequence, align_to_labels, read_csd, read_folder

h5py = pytest.importorskip("h5py")

TIMES = np.arange(0, 10.0, 0.5)  # frames of half a second


def write_csd(path, name, data, metadata=None):
    """As the kit does: groups, gzip, the metadata as JSON in datasets of one text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for video, (features, intervals) in data.items():
            group = file.create_group(f"{name}/data/{video}")
            group.create_dataset("features", data=features, compression="gzip", compression_opts=9)
            group.create_dataset("intervals", data=intervals, compression="gzip", compression_opts=9)
        for key, value in ({"root name": name} | (metadata or {})).items():
            entry = file.create_dataset(f"{name}/metadata/{key}", (1,), dtype=h5py.string_dtype())
            entry[0] = json.dumps(value)
    return path


def spans(*pairs):
    return np.array(pairs, dtype=np.float64)


def words(*told):
    return np.array([[w] for w, _, _ in told], dtype="S32"), spans(*[(a, b) for _, a, b in told])


LABELS = {
    "vidA": (np.array([[2.4], [-1.0]]), spans((1.0, 2.5), (2.5, 4.0))),
    "vidB": (np.array([[0.0]]), spans((0.0, 1.0))),
}
FRAMES = {"vidA": (np.stack([TIMES, -TIMES], axis=1), np.stack([TIMES, TIMES + 0.5], axis=1))}
WORDS = {"vidA": words(("sp", 0.9, 1.1), ("really", 1.2, 1.6), ("caf\xe9".encode(), 1.6, 2.2), ("sp", 2.2, 3.9))}


def sequence(name, data, metadata=None):
    return Sequence(name, data, metadata or {})


def test_reading(tmp_path):
    path = write_csd(tmp_path / "a.csd", "COVAREP", FRAMES, {"dimension names": ["time", "minus"], "md5": None})
    read = read_csd(path)
    assert read.name == "COVAREP"
    assert read.metadata == {"root name": "COVAREP", "dimension names": ["time", "minus"], "md5": None}
    assert list(read.data) == ["vidA"]
    features, intervals = read.data["vidA"]
    np.testing.assert_array_equal(features, FRAMES["vidA"][0])
    np.testing.assert_array_equal(intervals, FRAMES["vidA"][1])
    assert read.faults == ()
    assert not read.textual
    assert read_csd(write_csd(tmp_path / "w.csd", "words", WORDS)).textual


def test_metadata_that_is_no_json(tmp_path):
    path = write_csd(tmp_path / "a.csd", "x", FRAMES)
    with h5py.File(path, "a") as file:
        file["x/metadata/creator"] = b"somebody"
        file["x/metadata/version"] = np.array([b"1.0 (final)"])
    assert read_csd(path).metadata == {"root name": "x", "creator": "somebody", "version": "1.0 (final)"}


def test_one_bad_video_leaves_the_rest(tmp_path):
    bad = {
        "short": (np.zeros((3, 2)), np.zeros((2, 2))),
        "flat": (np.zeros((3, 2)), np.zeros(3)),
        "deep": (np.zeros((2, 3, 4)), np.zeros((2, 2))),
        "line": (np.zeros(2), np.zeros((2, 2))),
        "none": (np.zeros((0, 74)), np.zeros((0, 2))),
    }
    path = write_csd(tmp_path / "a.csd", "x", FRAMES | bad)
    with h5py.File(path, "a") as file:
        file.create_group("x/data/empty")
    read = read_csd(path)
    assert {video: features.shape for video, (features, _) in read.data.items()} == {
        "deep": (2, 12),
        "line": (2, 1),
        "none": (0, 0),
        "vidA": (20, 2),
    }
    assert [video for video, _ in read.faults] == ["empty", "flat", "short"]
    assert read.faults[2][1] == "cannot be read in the sequence 'x': features of the shape (3, 2) for 2 intervals"


@pytest.mark.parametrize("content", [b"", b"no HDF5 at all", b"\x89HDF\r\n\x1a\n" + bytes(600)])
def test_other_files(tmp_path, content):
    path = tmp_path / "a.csd"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=r"a\.csd cannot be read as a \.csd \(HDF5\) file"):
        read_csd(path)


def test_cut_off_file(tmp_path):
    path = write_csd(tmp_path / "a.csd", "x", FRAMES)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(CorpusError, match="cannot be read"):
        read_csd(path)


def test_hdf5_of_another_kind(tmp_path):
    with pytest.raises(CorpusError, match="does not exist"):
        read_csd(tmp_path / "none.csd")
    with h5py.File(tmp_path / "a.csd", "w") as file:
        file["weights"] = np.zeros(3)
        file.create_group("model/data2")
    with pytest.raises(CorpusError, match=r"expected <name>/data/<video>.*found 'model', 'weights'"):
        read_csd(tmp_path / "a.csd")
    with h5py.File(tmp_path / "b.csd", "w"):
        pass
    with pytest.raises(CorpusError, match="found nothing"):
        read_csd(tmp_path / "b.csd")


def test_without_h5py(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'ferfusion\[csd\]'"):
        read_csd(tmp_path / "a.csd")


def test_rows_are_labels():
    X = align_to_labels(sequence("Opinion Segment Labels", LABELS), {})
    assert X.to_dict("index") == {
        "vidA[0]": {"video_id": "vidA", "turn": 0, "begin_s": 1.0, "end_s": 2.5, "label_0": 2.4},
        "vidA[1]": {"video_id": "vidA", "turn": 1, "begin_s": 2.5, "end_s": 4.0, "label_0": -1.0},
        "vidB[0]": {"video_id": "vidB", "turn": 0, "begin_s": 0.0, "end_s": 1.0, "label_0": 0.0},
    }
    with pytest.raises(CorpusError, match="'empty' holds no labels"):
        align_to_labels(sequence("empty", {}), {})


@pytest.mark.parametrize(
    ("told", "columns"),
    [
        (["Sentiment", "Happy (0-3)"], ["sentiment", "happy_0_3"]),
        (["text", "a__b"], ["label_text", "a_b"]),
        (["one"], ["label_0", "label_1"]),
        (["same", "Same"], ["label_0", "label_1"]),
        ("two words", ["label_0", "label_1"]),
    ],
)
def test_names_of_labels(told, columns):
    data = {"v": (np.array([[1.0, 2.0]]), spans((0, 1)))}
    X = align_to_labels(sequence("labels", data, {"dimension names": told}), {})
    assert X[columns].to_numpy().tolist() == [[1.0, 2.0]]


def test_frames_whose_middle_lies_in_the_label():
    X = align_to_labels(sequence("labels", LABELS), {"audio_covarep": sequence("COVAREP", FRAMES)})
    first, second, third = frames_of(check_table(X), "audio_covarep")
    assert first.tolist() == [[1.0, -1.0], [1.5, -1.5], [2.0, -2.0]]
    assert second.tolist() == [[2.5, -2.5], [3.0, -3.0], [3.5, -3.5]]
    assert third is None
    assert first.dtype == np.float32


def test_frames_longer_than_the_label():
    data = {"vidA": (np.array([[1.0], [2.0]]), spans((0, 6), (6, 12)))}
    X = align_to_labels(sequence("labels", LABELS), {"visual_x": sequence("x", data)})
    assert [None if f is None else f.tolist() for f in frames_of(X, "visual_x")] == [[[1.0]], [[1.0]], None]


def test_label_without_length_and_without_frames():
    data = {"vidA": (np.array([[1.0], [2.0], [3.0]]), spans((2, 2), (50, 60), (np.nan, 1)))}
    X = align_to_labels(sequence("labels", data), {"audio_x": sequence("x", FRAMES)})
    assert frames_of(X, "audio_x") == [None, None, None]


def test_numbers_that_are_not_finite():
    features = np.array([[1.0, -np.inf], [np.nan, 1e300], [np.inf, 2.0]])
    data = {"vidB": (features, spans((0, 0.3), (0.3, 0.6), (0.6, 0.9)))}
    X = align_to_labels(sequence("labels", LABELS), {"audio_x": sequence("x", data)})
    frames = frames_of(X, "audio_x")[2]
    np.testing.assert_array_equal(frames, [[1, np.nan], [np.nan, np.nan], [np.nan, 2]])


def test_words():
    X = align_to_labels(sequence("labels", LABELS), {"words": sequence("words", WORDS)})
    assert texts_of(X) == ["really café", None, None]
    told = X.loc["vidA[0]", "words"]
    assert [word["word"] for word in told] == ["really", "café"]
    assert [(word["start"], word["end"]) for word in told] == [
        (pytest.approx(0.2), pytest.approx(0.6)),
        (pytest.approx(0.6), pytest.approx(1.2)),
    ]
    assert X.loc["vidB[0]", "words"] is None


def test_other_texts_make_a_column_of_their_name():
    phones = {"vidB": (np.array([["h"], ["i"]], dtype=object), spans((0, 0.5), (0.5, 1)))}
    X = align_to_labels(sequence("labels", LABELS), {"phones": sequence("phoneme", phones)})
    assert X.loc["vidB[0]", "phones"] == [
        {"word": "h", "start": 0.0, "end": 0.5},
        {"word": "i", "start": 0.5, "end": 1.0},
    ]
    assert "text" not in X


def test_names_of_views_are_checked():
    for name in ("covarep", "audio", "sound_x"):
        with pytest.raises(CorpusError, match="begins with its modality"):
            align_to_labels(sequence("labels", LABELS), {name: sequence("x", FRAMES)})


def test_entries_that_were_aligned_before():
    """The kit writes ``video[k]`` behind an alignment: k counts words in one file and labels in the other."""
    aligned = {
        "vidA[10]": (np.array([[10.0]]), spans((3.0, 3.5))),
        "vidA[2]": (np.array([[2.0]]), spans((1.0, 1.5))),
        "vidA[3]": (np.array([[3.0]]), spans((2.0, 2.2))),
    }
    labels = {"vidA[10]": (np.array([[1.0]]), spans((2.5, 4.0))), "vidA[2]": (np.array([[2.0]]), spans((1.0, 2.5)))}
    X = align_to_labels(sequence("labels", labels), {"audio_x": sequence("x", aligned)})
    assert X[["video_id", "turn", "label_0"]].to_numpy().tolist() == [["vidA", 2, 2.0], ["vidA", 10, 1.0]]
    assert X.index.tolist() == ["vidA[2]", "vidA[10]"]
    assert [frames.tolist() for frames in frames_of(X, "audio_x")] == [[[2.0], [3.0]], [[10.0]]]


def test_frames_in_disorder_and_of_another_width():
    data = {
        "vidB": (np.array([[2.0], [1.0]]), spans((0.5, 0.9), (0.0, 0.4))),
        "vidB[1]": (np.array([[1.0, 2.0]]), spans((0.0, 1.0))),
    }
    X = align_to_labels(sequence("labels", LABELS), {"audio_x": sequence("x", data)})
    assert frames_of(X, "audio_x")[2].tolist() == [[1.0], [2.0]]


def test_folder(tmp_path):
    files = {
        "CMU_MOSI_Opinion_Labels": ("Opinion Segment Labels", LABELS),
        "CMU_MOSI_TimestampedWords": ("words", WORDS),
        "CMU_MOSI_TimestampedPhones": ("phoneme", WORDS),
        "CMU_MOSI_TimestampedWordVectors": ("glove_vectors", FRAMES),
        "CMU_MOSI_COVAREP": ("COVAREP", FRAMES),
        "CMU_MOSI_openSMILE_IS09": ("OpenSMILE", FRAMES),
        "CMU_MOSI_Visual_Facet_42": ("FACET_4.2", FRAMES),
        "CMU_MOSEI_VisualOpenFace2": ("OpenFace_2", FRAMES),
        "FACET_4.2": ("FACET_4.2", FRAMES),
        "notes": ("something", FRAMES),
    }
    paths = [write_csd(tmp_path / f"{stem}.csd", name, data) for stem, (name, data) in files.items()]
    damaged = tmp_path / "CMU_MOSI_Visual_Facet_41.csd"
    damaged.write_bytes(b"cut off")
    folder = read_folder([*paths, damaged])
    assert folder.labels is not None
    assert folder.labels.name == "Opinion Segment Labels"
    assert sorted(folder.views) == [
        "audio_covarep",
        "audio_opensmileis09",
        "text_wordvectors",
        "visual_facet42",
        "visual_openface2",
        "words",
    ]
    assert sorted(folder.notes) == [
        "left out CMU_MOSI_TimestampedPhones.csd: by its name it holds no labels, no words and no view of a modality",
        "left out CMU_MOSI_Visual_Facet_41.csd: it cannot be read",
        "left out FACET_4.2.csd: there is another file of visual_facet42 before it",
        "left out notes.csd: by its name it holds no labels, no words and no view of a modality",
    ]
    assert [id_ for id_, _ in folder.faults] == [""]
    assert "Facet_41" in folder.faults[0][1]
