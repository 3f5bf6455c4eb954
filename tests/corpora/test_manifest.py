"""Manifests: one's own recordings, listed in a file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import soundfile

from ferfusion.base.errors import CorpusError, TableError
from ferfusion.corpora import Corpus, read_manifest
from ferfusion.features.audio.reading import read_audio
from ferfusion.features.sources import recordings_of


def known(column):
    return [None if pd.isna(value) else value for value in column]


@pytest.fixture
def write(tmp_path):
    def as_csv(text, name="mine.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return as_csv


def test_ids_from_names_and_paths_beside_the_manifest(write, tmp_path):
    path = write("audio,emotion,speaker\nsub/a.wav,anger,anna\n/abs/b.flac,calm,ben\n")
    corpus = read_manifest(path)
    assert corpus.X.index.tolist() == ["a", "b"]
    assert corpus.X["audio"].tolist() == [str(tmp_path / "sub" / "a.wav"), "/abs/b.flac"]
    assert corpus.y.to_dict() == {"a": "anger", "b": "calm"}
    assert corpus.root == tmp_path
    card = corpus.card
    assert (card.name, card.n_utterances, card.n_speakers) == ("mine", 2, 2)
    assert card.emotions == {"anger": 1, "calm": 1}
    assert card.modalities == ("audio",)


def test_names_that_look_like_numbers_or_gaps(write):
    path = write(
        "id,audio,speaker,session,text,emotion\n001,a.wav,03,1,None,none\n002,b.wav,NA,,null,null\n003,,7,2,,nan\n"
    )
    corpus = read_manifest(path)
    assert corpus.X.index.tolist() == ["001", "002", "003"]
    assert corpus.X["speaker"].tolist() == ["03", "NA", "7"]
    assert known(corpus.X["session"]) == ["1", None, "2"]
    assert known(corpus.X["text"]) == ["None", "null", None]
    assert corpus.X["audio"].isna().tolist() == [False, False, True]
    assert corpus.y.tolist() == ["none", "null", "nan"]


def test_numbers_stay_numbers(write):
    path = write("id,text,turn,start,end,audio_x__a,age\na,hi,1,0.5,2,NA,30\nb,ho,,,,2.5,NaN\n")
    X = read_manifest(path).X
    assert X["turn"].iloc[0] == 1
    assert X[["turn", "start", "end", "audio_x__a", "age"]].isna().to_numpy().tolist() == [
        [False, False, False, True, False],
        [True, True, True, False, True],
    ]
    assert X["audio_x__a"].iloc[1] == 2.5


def test_labels(write):
    corpus = read_manifest(write("audio,label\na.wav, anger \nb.wav,\nc.wav,  \n"))
    assert known(corpus.y) == ["anger", None, None]
    assert "label" not in corpus.X.columns
    assert corpus.validate(read=False)["fault"].tolist() == ["no label", "no label", "the only row of 'anger'"]
    assert read_manifest(write("text\nhello\n")).y is None


def test_ids_of_rows_without_recordings(write):
    assert read_manifest(write("text,emotion\nhello,anger\nbye,calm\n")).X.index.tolist() == ["row1", "row2"]


@pytest.mark.parametrize("text", ["id,text\na,x\nb,y\na,z\n", "audio\nx/a.wav\ny/a.flac\n"], ids=["given", "names"])
def test_ids_that_occur_twice_are_named(write, text):
    with pytest.raises(TableError, match="occur more than once: 'a'"):
        read_manifest(write(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speaker,emotion\nanna,anger\n", "needs a column 'audio' or 'text'.*it has 'speaker', 'emotion'"),
        ("audio,emotion\n", "has no rows"),
        ("", "cannot be read"),
        ("id,text\na,x\n,y\n", "without an id, in lines '3'"),
        ('id,text\na,"x\n', "cannot be read"),
        ("id,text\na,x,y,z\nb,x\nc,x,y,z,w\n", "cannot be read"),
    ],
    ids=["nothing to learn from", "no rows", "empty", "no id", "open quote", "ragged"],
)
def test_refused(write, text, message):
    with pytest.raises(CorpusError, match=message):
        read_manifest(write(text))


def test_other_files(tmp_path):
    with pytest.raises(CorpusError, match="does not exist"):
        read_manifest(tmp_path / "none.csv")
    with pytest.raises(CorpusError, match=r"must end in \.csv or \.parquet"):
        read_manifest(tmp_path / "table.xlsx")
    (tmp_path / "table.parquet").write_bytes(b"no parquet")
    with pytest.raises(CorpusError, match="cannot be read"):
        read_manifest(tmp_path / "table.parquet")


def test_byte_order_mark_of_spreadsheets(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "id,text\na,schön\n".encode())
    assert read_manifest(path).X["text"].to_dict() == {"a": "schön"}


def test_segments(write, tmp_path):
    soundfile.write(tmp_path / "call.wav", np.linspace(-0.5, 0.5, 16000), 16000, subtype="FLOAT")
    path = write("id,audio,start,end\nfirst,call.wav,0,0.25\nrest,call.wav,0.25,\nall,call.wav,,\n")
    signals = [read_audio(recording)[0] for recording in recordings_of(read_manifest(path).X)]
    assert [len(signal) for signal in signals] == [4000, 12000, 16000]
    np.testing.assert_array_equal(np.concatenate(signals[:2]), signals[2])


@pytest.mark.parametrize("named", [True, False], ids=["column", "index"])
def test_parquet(tmp_path, named):
    table = pd.DataFrame({"id": ["03", "04"], "text": ["a", None], "text_x__y": [1.0, 2.0], "emotion": ["joy", None]})
    path = tmp_path / "mine.parquet"
    (table if named else table.set_index("id")).to_parquet(path)
    corpus = read_manifest(path)
    assert corpus.X.index.tolist() == ["03", "04"]
    assert corpus.views == ["text_x"]
    assert corpus.card.modalities == ("text",)
    assert known(corpus.y) == ["joy", None]


def test_round_trip(small_corpus, tmp_path):
    part = small_corpus.select(small_corpus.X.index[:6])
    X = part.X.assign(speaker=["03", "03", "04", "04", "NA", "NA"])
    again = read_manifest(Corpus(X, part.y, part.card).write(tmp_path / "out"))
    assert again.X.index.tolist() == X.index.tolist()
    assert again.y.tolist() == part.y.tolist()
    for column in ("text", "speaker", "gender", "language", "dialogue", "turn"):
        assert again.X[column].tolist() == X[column].tolist()
    assert again.views == ["visual_au"]
    np.testing.assert_allclose(again.X[[c for c in X if "__" in c]], X[[c for c in X if "__" in c]])
    for old, new in zip(recordings_of(X), recordings_of(again.X), strict=True):
        before, after = read_audio(old), read_audio(new)
        assert before[1] == after[1]
        assert np.abs(before[0] - after[0]).max() <= 2**-15
