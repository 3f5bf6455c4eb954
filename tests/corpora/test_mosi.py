"""CMU-MOSI: the real table of features; toy tables, pickles of bc-LSTM and computational sequences."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from ferfusion import load_corpus
from ferfusion.base.errors import CorpusError, ProtocolError
from ferfusion.base.table import features_of, frames_of
from ferfusion.corpora.mosi import CARD, load

VIDEOS = ["03bSnISJMiM", "_dI--eQ6qVU", "tmZoasNr4rU"]  # in train, dev and test of the kit


def table(n=2):
    rows = [(video, k + 1) for video in VIDEOS for k in range(n)]
    X = pd.DataFrame(rows, columns=["video_id", "segment"])
    X.insert(0, "utterance", X["video_id"] + "_" + X["segment"].astype(str))
    X["split"] = ["test" if video == VIDEOS[0] else "train" for video, _ in rows]
    X["text"] = [f"TEXT {i}" for i in range(len(X))]
    X["positive"] = np.arange(len(X)) % 2
    for view, width in (("audio_smile73", 3), ("visual_cnn3d", 2), ("text_cnn", 2)):
        for j in range(width):
            X[f"{view}__{j:03d}"] = np.arange(len(X), dtype=np.float32) + j
    return X


def place(folder, X, ending="parquet"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"mosi_features.{ending}"
    (X.to_parquet if ending == "parquet" else X.to_csv)(path, index=False)
    return path


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_table(tmp_path, ending):
    place(tmp_path, table(), ending)
    corpus = load(tmp_path)
    assert corpus.X.index.tolist() == [f"{video}_{k}" for video in VIDEOS for k in (1, 2)]
    assert corpus.X.iloc[3, :8].to_dict() == {
        "text": "TEXT 3",
        "video_id": "_dI--eQ6qVU",
        "turn": 2,
        "split": "train",
        "language": "en",
        "corpus": "mosi",
        "original_label": 1,
        "audio_smile73__000": 3.0,
    }
    assert corpus.y.tolist() == ["negative", "positive"] * 3
    assert corpus.views == ["audio_smile73", "visual_cnn3d", "text_cnn"]
    assert corpus.notes == ("features from a table",)
    assert corpus.faults == ()
    assert corpus.groups.tolist() == [video for video in VIDEOS for _ in range(2)]


def test_folds(tmp_path):
    place(tmp_path, table())
    corpus = load(tmp_path)
    assert corpus.protocols() == ["video_id", "official", "stratified", "sdk"]
    assert [fold.test.tolist() for fold in corpus.folds("official")] == [[0, 1]]
    (fold,) = corpus.folds("sdk")
    assert (fold.train.tolist(), fold.test.tolist()) == ([0, 1, 2, 3], [4, 5])
    assert [fold.name for fold in corpus.folds("video_id")] == sorted(VIDEOS)
    X = table()
    X.loc[0, "video_id"] = "unknown"
    place(tmp_path, X)
    with pytest.raises(ProtocolError, match="do not name the videos 'unknown'"):
        load(tmp_path).folds("sdk")


def test_file_named_and_by_environment(tmp_path, monkeypatch):
    path = place(tmp_path / "mosi" / "deeper", table())
    assert len(load(path)) == len(load(tmp_path)) == 6
    assert len(load(path.rename(path.with_name("mine.parquet")))) == 6
    place(tmp_path / "mosi", table())
    monkeypatch.setenv("FERFUSION_DATA", str(tmp_path))
    assert len(load_corpus("mosi")) == 6


def test_index_instead_of_a_column(tmp_path):
    path = tmp_path / "mosi_features.parquet"
    table().set_index("utterance").to_parquet(path)
    assert load(path).X.index[0] == "03bSnISJMiM_1"


def test_rows_that_are_wrong(tmp_path):
    X = table(3)
    X["segment"] = X["segment"].astype(object)
    X.loc[0, "segment"] = "first"
    X.loc[1, "video_id"] = None
    X.loc[4, "segment"] = 1
    X.loc[5, "positive"] = 2
    X.loc[6, "utterance"] = "other_1"
    X.loc[7, "audio_smile73__001"] = np.inf
    place(tmp_path, X, "csv")
    corpus = load(tmp_path)
    assert len(corpus) == 6
    assert corpus.notes == (
        "features from a table",
        "left out 2 rows of mosi_features.csv without a video or a number of the segment",
        "1 infinite numbers were taken as missing",
    )
    assert sorted(corpus.faults) == sorted(
        [
            ("_dI--eQ6qVU_1", "there are two rows of this name, of which the first was read"),
            ("_dI--eQ6qVU_3", "positive is neither 0 nor 1"),
            ("tmZoasNr4rU_1", "is called 'other_1' in its row"),
        ]
    )
    assert corpus.y["_dI--eQ6qVU_3"] is None
    assert np.isnan(corpus.X.loc["tmZoasNr4rU_2", "audio_smile73__001"])


def test_table_of_another_kind(tmp_path):
    place(tmp_path, table().drop(columns=["positive", "segment"]))
    with pytest.raises(CorpusError, match="lacks the columns 'segment', 'positive'; it has 'utterance'"):
        load(tmp_path)


def test_empty_and_wrong_folders(tmp_path):
    with pytest.raises(CorpusError, match=r"expected mosi_features\.parquet .*; found no files at all.*github"):
        load(tmp_path)
    (tmp_path / "x.wav").write_bytes(b"")
    with pytest.raises(CorpusError, match=r"found 1 files such as 'x\.wav'"):
        load(tmp_path)
    with pytest.raises(CorpusError, match="is not a folder"):
        load(tmp_path / "none")
    with pytest.raises(CorpusError, match="is a file, not a folder"):
        load(tmp_path / "x.wav")


LENGTHS = {"train": [2, 3], "test": [1]}
LABELS = {"train": [[1, 0, 0], [0, 1, 1]], "test": [[1, 0, 0]]}


def bc_lstm(width, labels=LABELS, one_hot=False, lengths=LENGTHS):
    """Train, labels, test, labels, longest, lengths; three utterances a video, the rest padding."""

    def data(split):
        return np.arange(len(LABELS[split]) * 3 * width, dtype=float).reshape(-1, 3, width) + (split == "test") * 100

    marks = {split: np.eye(2)[np.array(rows)] if one_hot else np.array(rows) for split, rows in labels.items()}
    return data("train"), marks["train"], data("test"), marks["test"], 3, lengths["train"], lengths["test"]


def place_pickles(folder, names=("audio", "text", "video"), protocol=2, **options):
    folder.mkdir(parents=True, exist_ok=True)
    for width, name in enumerate(names, 2):
        (folder / f"{name}_2way.pickle").write_bytes(pickle.dumps(bc_lstm(width, **options), protocol))


@pytest.mark.parametrize("one_hot", [False, True])
def test_pickles_of_bc_lstm(tmp_path, one_hot):
    place_pickles(tmp_path / "raw", one_hot=one_hot)
    corpus = load(tmp_path)
    assert corpus.y.to_dict() == {
        "train_01_1": "positive",
        "train_01_2": "negative",
        "train_02_1": "negative",
        "train_02_2": "positive",
        "train_02_3": "positive",
        "test_01_1": "positive",
    }
    assert corpus.views == ["audio_smile73", "visual_cnn3d", "text_cnn"]
    assert features_of(corpus.X, "audio_smile73").tolist() == [[0, 1], [2, 3], [6, 7], [8, 9], [10, 11], [100, 101]]
    assert corpus.X.columns[-1] == "text_cnn__002"
    assert corpus.X.loc["train_02_3", ["video_id", "turn", "split"]].tolist() == ["train_02", 3, "train"]
    assert corpus.protocols() == ["video_id", "official", "stratified"]
    assert corpus.notes == ("features from pickles of bc-LSTM",)


def test_one_pickle_of_bc_lstm(tmp_path):
    place_pickles(tmp_path, ["text"])
    corpus = load(tmp_path)
    assert corpus.views == ["text_cnn"]
    assert corpus.notes[-1] == "no file audio_2way.pickle, video_2way.pickle"


def test_pickles_that_differ(tmp_path):
    place_pickles(tmp_path)
    place_pickles(tmp_path, ["text"], labels={"train": [[1, 1, 0], [0, 1, 1]], "test": [[1, 0, 0]]})
    with pytest.raises(CorpusError, match="have different videos or labels"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"train": 1}, "expected a tuple of 7 parts"),
        ((1, 2, 3), "expected a tuple of 7 parts"),
        (bc_lstm(2, lengths={"train": [2, 4], "test": [1]}), "lengths up to 4 of 3"),
        (bc_lstm(2, lengths={"train": [2], "test": [1]}), "lengths of 1 videos"),
        (bc_lstm(2, labels={"train": [[1, 2, 0], [0, 1, 1]], "test": [[1, 0, 0]]}), "labels '0', '1', '2'"),
        ((*bc_lstm(2)[:2], "text", *bc_lstm(2)[3:]), "is none of bc-LSTM's files"),
    ],
)
def test_other_pickles(tmp_path, value, told):
    (tmp_path / "audio_2way.pickle").write_bytes(pickle.dumps(value))
    with pytest.raises(CorpusError, match=told):
        load(tmp_path)


def sequences(folder):
    h5py = pytest.importorskip("h5py")

    def write(stem, name, data):
        folder.mkdir(parents=True, exist_ok=True)
        with h5py.File(folder / f"{stem}.csd", "w") as file:
            for video, (features, intervals) in data.items():
                file[f"{name}/data/{video}/features"] = features
                file[f"{name}/data/{video}/intervals"] = np.array(intervals, dtype=float)

    spans = [(0, 1), (1, 2)]
    labels = {VIDEOS[0]: [[2.4], [0.0]], VIDEOS[1]: [[-1.2], [np.nan]], VIDEOS[2]: [[3.0], [-0.2]]}
    write("CMU_MOSI_Opinion_Labels", "Opinion Segment Labels", {v: (np.array(x), spans) for v, x in labels.items()})
    words = np.array([[b"sp"], [b"anyhow"], [b"it"], [b"was"]])
    write("CMU_MOSI_TimestampedWords", "words", {VIDEOS[0]: (words, [(0, 0.1), (0.1, 0.5), (1.0, 1.2), (1.2, 1.9)])})
    frames = np.array([[1.0, -np.inf], [2.0, 0.0], [3.0, 0.0]])
    write("CMU_MOSI_COVAREP", "COVAREP", {VIDEOS[2]: (frames, [(0, 0.5), (0.5, 1), (1, 1.5)])})
    return folder


def test_sequences(tmp_path):
    corpus = load(sequences(tmp_path))
    assert corpus.y.to_dict() == {
        "03bSnISJMiM_1": "positive",
        "03bSnISJMiM_2": "positive",
        "_dI--eQ6qVU_1": "negative",
        "_dI--eQ6qVU_2": None,
        "tmZoasNr4rU_1": "positive",
        "tmZoasNr4rU_2": "negative",
    }
    assert corpus.X["sentiment"].iloc[[0, 1, 2, 4, 5]].tolist() == [2.4, 0.0, -1.2, 3.0, -0.2]
    assert corpus.X["text"].tolist()[:3] == ["anyhow", "it was", None]
    assert corpus.X["turn"].tolist() == [1, 2] * 3
    assert corpus.X["split"].tolist() == ["train", "train", "dev", "dev", "test", "test"]
    assert corpus.X.loc["03bSnISJMiM_2", ["begin_s", "end_s"]].tolist() == [1.0, 2.0]
    frames = frames_of(corpus.X, "audio_covarep")
    np.testing.assert_array_equal(frames[4], [[1, np.nan], [2, 0]])
    assert frames[:4] == [None] * 4
    assert corpus.notes == ("features from .csd files", "1 opinions of intensity 0 count as positive")
    assert corpus.folds("official")[0].test.tolist() == corpus.folds("sdk")[0].test.tolist() == [4, 5]


def test_sequences_without_labels(tmp_path):
    (sequences(tmp_path) / "CMU_MOSI_Opinion_Labels.csd").unlink()
    with pytest.raises(CorpusError, match=r"none with labels: CMU_MOSI_Opinion_Labels\.csd is needed"):
        load(tmp_path)


def test_several_layouts_in_one_folder(tmp_path):
    sequences(tmp_path)
    place_pickles(tmp_path)
    place(tmp_path, table())
    place(tmp_path, table(), "csv")
    corpus = load(tmp_path)
    assert corpus.notes == (
        "features from a table; pickles of bc-LSTM, .csd files there, too, were not read",
        "1 files stand there in two formats and were read once",
    )


@pytest.fixture(scope="module")
def real(corpus_folder):
    return load(corpus_folder("mosi"))


def test_real_facts(real):
    assert len(real) == CARD.n_utterances == 2199
    assert real.y.value_counts().to_dict() == CARD.emotions
    assert real.X["video_id"].nunique() == 93
    assert real.X["split"].value_counts().to_dict() == {"train": 1447, "test": 752}
    assert real.X.groupby("video_id")["split"].nunique().eq(1).all()
    assert real.X.loc["03bSnISJMiM_1", "text"] == "ANYHOW IT WAS REALLY GOOD"
    # segments of a video are counted from 1 without gaps
    assert (real.X.groupby("video_id")["turn"].max() == real.X["video_id"].value_counts().sort_index()).all()
    assert features_of(real.X).shape == (2199, 273)
    assert np.isfinite(features_of(real.X)).all()
    assert real.validate().empty
    assert real.faults == ()


def test_real_folds(real):
    (official,), (kit,) = real.folds("official"), real.folds("sdk")
    assert (len(official.train), len(official.test)) == (1447, 752)
    assert (len(kit.train), len(kit.test)) == (1284 + 229, 686)
    assert real.X["video_id"].iloc[kit.test].nunique() == real.X["video_id"].iloc[official.test].nunique() == 31
    assert set(kit.test) != set(official.test)
    assert len(real.folds("video_id")) == 93
