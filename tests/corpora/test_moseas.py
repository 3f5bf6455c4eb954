"""CMU-MOSEAS: toy tables and sequences; there is no file of the owners to try the reader on."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ferfusion import load_corpus
from ferfusion.base.errors import CorpusError, UnknownNameError
from ferfusion.base.table import features_of, frames_of, texts_of
from ferfusion.corpora.moseas import CARD, load


def rows(**changes):
    table = {
        "id": ["a_1", "a_2", "b_1", "b_2"],
        "text": ["Hola", "Qué pena", "No", "Sí"],
        "speaker": ["01", "01", "02", "02"],
        "sentiment": [2.0, -1.0, 0.0, 1.0],
        "Happy": [3.0, 0.0, 0.0, 1.0],
        "sadness": [0.3, 1.5, 0.0, 1.0],
        "anger": [0.0, 1.0, 0.0, 0.0],
        "audio_x__a": [1.0, 2.0, np.inf, np.nan],
    }
    return pd.DataFrame(table | changes)


def place(path, table):
    path.parent.mkdir(parents=True, exist_ok=True)
    (table.to_parquet if path.suffix == ".parquet" else table.to_csv)(path, index=False)
    return path


@pytest.mark.parametrize("name", ["es.csv", "es.parquet", "Spanish/labels.csv", "CMU_MOSEAS_ES.parquet"])
def test_table(tmp_path, name):
    place(tmp_path / name, rows())
    corpus = load(tmp_path)
    assert corpus.X.index.tolist() == ["a_1", "a_2", "b_1", "b_2"]
    assert corpus.X.loc["a_2"].to_dict() == {
        "text": "Qué pena",
        "speaker": "01",
        "sentiment": -1.0,
        "happiness": 0.0,
        "sadness": 1.5,
        "anger": 1.0,
        "audio_x__a": 2.0,
        "language": "es",
        "corpus": "moseas",
    }
    assert corpus.y.tolist() == ["happiness", "sadness", None, None]
    assert corpus.notes == (
        "1 rows have no emotion above 0, and so no label",
        "1 rows have several emotions equally strong, and so no label",
    )
    np.testing.assert_array_equal(features_of(corpus.X)[:, 0], [1, 2, np.nan, np.nan])
    assert corpus.protocols() == ["speaker", "stratified"]


def test_languages(tmp_path):
    for code in ("de", "es", "fr", "pt"):
        table = rows(id=[f"{code}{i}" for i in range(4)])
        place(tmp_path / f"{code}.csv", table)
    corpus = load(tmp_path)
    assert corpus.X["language"].value_counts().to_dict() == {"de": 4, "es": 4, "fr": 4, "pt": 4}
    assert set(load(tmp_path, languages=["de", "pt"]).X["language"]) == {"de", "pt"}
    assert set(load(tmp_path, languages="fr").X["language"]) == {"fr"}
    with pytest.raises(UnknownNameError, match="Unknown language of 'moseas' 'en'"):
        load(tmp_path, languages=["en"])
    for code in ("de", "es", "pt"):
        (tmp_path / f"{code}.csv").unlink()
    with pytest.raises(CorpusError, match=r"No row .* is in 'de'"):
        load(tmp_path, languages="de")


def test_language_column_before_the_name(tmp_path):
    place(tmp_path / "es.csv", rows(language=["German", "pt", "??", None]))
    assert load(tmp_path).X["language"].tolist() == ["de", "pt", "es", "es"]


def test_unknown_language_belongs_to_all(tmp_path):
    path = place(tmp_path / "rows.csv", rows())
    corpus = load(path)
    assert corpus.X["language"].tolist() == [None] * 4
    assert len(load(path, languages="de")) == 4


def test_ids(tmp_path):
    table = rows().drop(columns="id").assign(video_id=["v", "v", "w", "w"], segment=[1, 2, 1, 2])
    corpus = load(place(tmp_path / "de.csv", table))
    assert corpus.X.index.tolist() == ["v_1", "v_2", "w_1", "w_2"]
    assert corpus.protocols() == ["speaker", "video_id", "stratified"]
    corpus = load(place(tmp_path / "de.csv", rows().drop(columns="id")))
    assert corpus.X.index.tolist() == ["de_1", "de_2", "de_3", "de_4"]
    assert corpus.notes[0] == "de.csv names no rows: they are numbered"
    path = tmp_path / "pt.parquet"
    rows().set_index("id").rename_axis(None).to_parquet(path)
    assert load(path).X.index.tolist() == ["a_1", "a_2", "b_1", "b_2"]


def test_rows_that_are_wrong(tmp_path):
    place(tmp_path / "de.csv", rows(id=["a_1", "a_1", None, "b_2"], anger=[9.0, 1.0, 1.0, -1.0]))
    corpus = load(tmp_path)
    assert corpus.X.index.tolist() == ["a_1", "b_2"]
    assert corpus.faults == (
        ("a_1", "there are two rows of this name, of which the first was read"),
        ("a_1", "anger is 9, not from 0 to 3, and was taken as missing"),
        ("b_2", "anger is -1, not from 0 to 3, and was taken as missing"),
    )
    assert corpus.X["anger"].isna().all()
    assert corpus.y.tolist() == ["happiness", None]
    assert corpus.notes[0] == "left out 1 rows of de.csv without an id"


def test_other_tables_are_left_out(tmp_path):
    place(tmp_path / "de.csv", rows())
    place(tmp_path / "es.csv", rows(happiness=1.0))
    place(tmp_path / "videos.csv", pd.DataFrame({"id": ["a"], "url": ["b"]}))
    (tmp_path / "pt.parquet").write_bytes(b"no table")
    corpus = load(tmp_path)
    assert len(corpus) == 4
    assert corpus.notes[:2] == (
        "left out es.csv: it has no emotion, or one in two columns",
        "left out videos.csv: it has no emotion, or one in two columns",
    )
    assert "pt.parquet cannot be read" in corpus.faults[0][1]


def test_empty_and_wrong_folders(tmp_path):
    with pytest.raises(CorpusError, match=r"expected tables .*; found no files at all.*Ask the authors"):
        load(tmp_path)
    (tmp_path / "a.mp4").write_bytes(b"")
    with pytest.raises(CorpusError, match=r"found 1 files such as 'a\.mp4'"):
        load(tmp_path)
    with pytest.raises(CorpusError, match="FERFUSION_DATA"):
        load_corpus("moseas")


def sequences(folder, video, names):
    h5py = pytest.importorskip("h5py")
    folder.mkdir(parents=True)
    contents = {
        "labels": ("All Labels", [[1.0, 2.0, 0.5], [0.0, 0.0, 0.0]], [(0, 1), (1, 2)]),
        "TimestampedWords": ("words", [[b"ol\xc3\xa1"], [b"sim"]], [(0.1, 0.5), (1.1, 1.5)]),
        "COVAREP": ("COVAREP", [[1.0], [2.0]], [(0, 0.5), (1, 1.5)]),
    }
    for stem, (name, features, intervals) in contents.items():
        with h5py.File(folder / f"CMU_MOSEAS_{stem}.csd", "w") as file:
            file[f"{name}/data/{video}/features"] = np.array(features)
            file[f"{name}/data/{video}/intervals"] = np.array(intervals, dtype=float)
            if stem == "labels" and names:
                file[f"{name}/metadata/dimension names"] = np.array([json.dumps(names).encode()])


def test_sequences(tmp_path):
    sequences(tmp_path / "portuguese", "vp", ["Sentiment", "Happy", "sad"])
    sequences(tmp_path / "german", "vd", ["Sentiment", "Happy", "sad"])
    corpus = load(tmp_path)
    assert corpus.X.index.tolist() == ["vd[0]", "vd[1]", "vp[0]", "vp[1]"]
    assert corpus.X["language"].tolist() == ["de", "de", "pt", "pt"]
    assert corpus.X.loc["vp[0]", ["sentiment", "happiness", "sadness", "turn"]].tolist() == [1.0, 2.0, 0.5, 0]
    assert corpus.y.tolist() == ["happiness", None] * 2
    assert texts_of(corpus.X) == ["olá", "sim"] * 2
    assert [frames.tolist() for frames in frames_of(corpus.X, "audio_covarep")] == [[[1.0]], [[2.0]]] * 2
    assert corpus.protocols() == ["video_id", "stratified"]


def test_sequences_whose_labels_have_no_names(tmp_path):
    sequences(tmp_path / "portuguese", "vp", None)
    with pytest.raises(CorpusError, match="No table of CMU-MOSEAS with an emotion"):
        load(tmp_path)
    sequences(tmp_path / "german", "vd", ["Sentiment", "Happy", "sad"])
    (tmp_path / "fr").mkdir()
    (tmp_path / "german" / "CMU_MOSEAS_COVAREP.csd").rename(tmp_path / "fr" / "CMU_MOSEAS_COVAREP.csd")
    corpus = load(tmp_path)
    assert corpus.X.index.tolist() == ["vd[0]", "vd[1]"]
    assert "left out portuguese: the labels have no names ('dimension names' in the metadata)" in corpus.notes
    assert "left out 1 .csd files in fr: none of them has labels" in corpus.notes


def test_card_promises_nothing_that_was_not_tried(tmp_path):
    assert CARD.emotions == {}
    assert "no file to try it on" in CARD.tested_on
    corpus = load(place(tmp_path / "es.csv", rows()))
    assert ["", "1645 speakers expected, 2 found"] in corpus.validate().to_numpy().tolist()
