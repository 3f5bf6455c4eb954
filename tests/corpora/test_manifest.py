"""Manifests: one's own recordings, listed in a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import AudioError, CorpusError, TableError, UnknownNameError
from ferfusion.base.table import frames_of, has_frames, with_view
from ferfusion.corpora import Corpus, load_corpus, read_manifest, write_manifest
from ferfusion.corpora.files.columns import kind_of, values_of
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
    with pytest.raises(CorpusError, match=r"must end in \.csv, \.jsonl or \.parquet"):
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


def test_names_that_are_said_twice(write):
    with pytest.raises(CorpusError, match="columns named more than once: 'speaker'"):
        read_manifest(write("id,text,speaker,speaker\na,x,1,2\n"))


def test_labels_by_another_name(write):
    path = write("id,text,emotion,rated\na,x,anger,calm\nb,y,anger,fear\n")
    corpus = read_manifest(path, emotion="rated")
    assert corpus.y.tolist() == ["calm", "fear"]
    assert corpus.X["emotion"].tolist() == ["anger", "anger"]
    both = read_manifest(write("id,text,emotion,label\na,x,anger,7\n", "both.csv"))
    assert (both.y.tolist(), both.X["label"].tolist()) == (["anger"], ["7"])
    with pytest.raises(UnknownNameError, match=r"Unknown column 'ratd'\. Did you mean 'rated'"):
        read_manifest(path, emotion="ratd")
    with pytest.raises(CorpusError, match="table='x' is for audformat"):
        read_manifest(path, table="x")


def test_semicolons_are_spoken_of(write):
    with pytest.raises(CorpusError, match="separated by semicolons: save it with commas"):
        read_manifest(write("id;audio;emotion\na;a.wav;anger\n"))
    path = write("")
    path.write_bytes("id,text\na,schön\n".encode("latin-1"))
    with pytest.raises(CorpusError, match="no UTF-8"):
        read_manifest(path)
    with pytest.raises(CorpusError, match=r"is a folder without db\.yaml"):
        read_manifest(path.parent)


def test_recordings_that_are_not_there_are_counted(write, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.linspace(-0.5, 0.5, 800), 8000)
    corpus = read_manifest(write("audio\na.wav\nb.wav\n"))
    assert corpus.notes == (f"1 of 2 recordings are not there: '{tmp_path / 'b.wav'}'",)
    assert corpus.validate()["id"].tolist()[-1] == "b"


def test_json_lines_by_hand(write):
    path = write(
        """{"id": "a", "audio": "x/a.wav", "speaker": 3, "start": 0, "end": 1, "emotion": "anger"}

{"id": "b", "text": "hi", "start": 0.5, "words": [{"word": "hi"}], "audio_mel__frames": [[1, 2], [3, null]]}
""",
        "mine.jsonl",
    )
    corpus = read_manifest(path)
    assert corpus.X["audio"].tolist() == [str(path.parent / "x" / "a.wav"), None]
    assert corpus.X["speaker"].tolist() == ["3", None]
    assert corpus.X["start"].tolist() == [0, 0.5]
    assert corpus.X["words"].tolist() == [None, [{"word": "hi"}]]
    assert known(corpus.y) == ["anger", None]
    first, second = frames_of(corpus.X, "audio_mel")
    assert first is None
    np.testing.assert_array_equal(second, [[1, 2], [3, np.nan]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"id": "a"}\nid,text\n', "line 2 is no JSON"),
        ('["a"]\n', "line 1 is no JSON object"),
        ('{"id": "a", "x_y__frames": [[1], [2, 3]]}', "'x_y__frames' should hold lists of equally long lists"),
        ('{"id": "a", "x_y__frames": [1, 2]}', "'x_y__frames' should hold lists of lists"),
        ('{"id": "a", "text": "x", "n:int": "one"}', "'n' should hold int"),
        ('{"id": "a", "text": "x", "n:json": "{"}', "'n' should hold JSON"),
        ('{"id": "a", "text": "x", "soft:anger": "much"}', "shares that are no numbers, in 'soft:anger'"),
    ],
)
def test_json_lines_refused(write, text, message):
    with pytest.raises(CorpusError, match=message):
        read_manifest(write(text, "mine.jsonl"))


def test_csv_has_no_frames(write):
    with pytest.raises(
        CorpusError, match=r"CSV cannot hold frames \('audio_mel__frames'\): write \.parquet or \.jsonl"
    ):
        read_manifest(write("id,audio_mel__frames\na,1\n"))


class TestRoundTrip:
    """What is written is read again, in each of the formats that hold everything."""

    @pytest.fixture
    def full(self, tmp_path):
        """A corpus with a fact of every kind, and of every kind that looks like another."""
        soundfile.write(tmp_path / "call.wav", np.linspace(-0.5, 0.5, 8000), 8000)
        index = ["01", "1", "x/y z", "ä", "row5"]
        objects = {
            "words": [[{"word": "a", "start": 1 / 3}], None, [], [{"word": "b", "sure": None}], [{"word": "c"}]],
            "mixed": [1, "1", None, 2.5, True],
            "big": [1, None, 3, 2**60, 5],
            "empty": [None] * 5,
            "date:text": ["1", None, "2", "3", "4"],
        }
        X = pd.DataFrame(
            {
                "audio": [str(tmp_path / "call.wav")] * 4 + [None],
                "start": [0.0, 0.1, 0.25, None, None],
                "end": [0.1, 1 / 3, None, None, None],
                "text": ["hi", "None", 'a, "b"\nc', None, "NA"],
                "speaker": ["03", "3", "NA", None, "none"],
                "code": ["01", "1", None, "nan", "1e5"],
                "yes": ["True", "False", None, "True", "true"],
                "note": ["", " ", "a\rb", "c\r\nd", None],
                "age": [30, 31, 32, 33, 34],
                "turn": pd.array([1, None, 3, 4, 5], dtype="Int64"),
                "loud": [1.0, np.nan, 1 / 3, -0.0, 1e300],
                "acted": [True, False, True, True, False],
                "heard": pd.array([True, None, False, True, True], dtype="boolean"),
                "kind": pd.Categorical(["a", "b", None, "a", "b"]),
                "audio_x@origin": ["opensmile:1", None, "opensmile:1", "opensmile:1", "opensmile:1"],
                "audio_x__a": [0.1, 1 / 3, np.nan, 5e-324, -1.5],
                "audio_x__b": np.array([0.1, 0.2, np.nan, 0.4, 0.5], dtype=np.float32),
                "audio_x__n": [1, 2, 3, 4, 5],
            },
            index=index,
        )
        X = X.assign(**{name: pd.Series(cells, index=index, dtype=object) for name, cells in objects.items()})
        y = pd.Series(["anger", "none", None, "own name", "anger"], index=index, dtype=object)
        soft = pd.DataFrame({"anger": [0.1, np.nan, 1, 0, 1 / 3], "int": [0.9, np.nan, 0, 1, 2 / 3]}, index=index)
        return Corpus(X, y, CorpusCard(name="full", title="Full"), soft=soft)

    @staticmethod
    def framed(corpus):
        rng = np.random.default_rng(0)
        frames = [rng.random((3, 2)), None, np.zeros((0, 2)), np.array([[np.nan, 1.0]]), rng.random((1, 2))]
        short = [rng.random((2, 1)).astype(np.float32), None, None, None, rng.random((4, 1)).astype(np.float32)]
        X = with_view(with_view(corpus.X, "audio_mel", frames, []), "text_bert", short, [])
        return corpus.replace(X=X)

    @staticmethod
    def assert_same(again, corpus):
        assert again.X.index.tolist() == corpus.X.index.tolist()
        assert list(again.X.columns) == list(corpus.X.columns)
        assert known(again.y) == known(corpus.y)
        pd.testing.assert_frame_equal(again.soft, corpus.soft)
        for column in (name for name in corpus.X if not name.endswith("__frames")):
            assert values_of(again.X[column]) == values_of(corpus.X[column]), column
            assert kind_of(again.X[column]) == kind_of(corpus.X[column]), column
        for view in (view for view in corpus.views if has_frames(corpus.X, view)):
            for new, old in zip(frames_of(again.X, view), frames_of(corpus.X, view), strict=True):
                assert (new is None) == (old is None)
                if old is not None:
                    np.testing.assert_array_equal(new, old)
                    assert (new.dtype, new.shape) == (old.dtype, old.shape)
                    assert new.flags.writeable
        assert again.checksum() == corpus.checksum()

    @pytest.mark.parametrize("ending", [".csv", ".JSONL", ".parquet"])
    def test_by_name_of_the_file(self, full, tmp_path, ending):
        path = write_manifest(full, tmp_path / f"list{ending}")
        assert load_corpus(path).card.name == load_corpus(str(path)).card.name == "list"
        assert load_corpus(path, emotion="code").y.iloc[0] == "01"

    @pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
    def test_loses_nothing(self, full, tmp_path, ending):
        corpus = full if ending == ".csv" else self.framed(full)
        path = write_manifest(corpus, tmp_path / "deep" / f"list{ending}")
        assert path == tmp_path / "deep" / f"list{ending}"
        again = read_manifest(path)
        self.assert_same(again, corpus)
        # and once more, since what was read may be of other types than what was written
        self.assert_same(read_manifest(write_manifest(again, tmp_path / f"list{ending}")), corpus)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["call.wav", "deep", f"list{ending}"]

    def test_headers_say_the_kind_only_where_needed(self, full, tmp_path):
        header = write_manifest(full, tmp_path / "a.csv").read_text(encoding="utf-8").split("\n")[0].split(",")
        assert {name for name in header if ":" in name} == {
            "code:text",
            "yes:text",
            "note:json",
            "turn:int",
            "mixed:json",
            "big:int",
            "date:text:text",
            "soft:anger",
            "soft:int",
        }
        first = json.loads(write_manifest(full, tmp_path / "a.jsonl").read_text(encoding="utf-8").split("\n")[0])
        assert (first["code"], first["age"], first["words"][0]["word"]) == ("01", 30, "a")

    def test_paths_below_the_list_are_relative(self, full, tmp_path):
        table = pd.read_csv(write_manifest(full, tmp_path / "a.csv"))
        assert table["audio"].tolist()[:4] == ["call.wav"] * 4
        table = pd.read_csv(write_manifest(full, tmp_path / "deep" / "a.csv"))
        assert table["audio"].tolist()[0] == str(tmp_path / "call.wav")

    def test_paths_through_a_link(self, full, tmp_path):
        (tmp_path / "link").symlink_to(tmp_path)
        table = pd.read_csv(write_manifest(full, tmp_path / "link" / "a.csv"))
        assert table["audio"].tolist()[:4] == ["call.wav"] * 4
        (tmp_path / "linked.wav").symlink_to("/elsewhere/x.wav")
        X = full.X.assign(audio=str(tmp_path / "linked.wav"))
        table = pd.read_csv(write_manifest(full.replace(X=X), tmp_path / "a.csv"))
        assert table["audio"].iloc[0] == "linked.wav"  # the link lies below, wherever it leads

    def test_from_another_folder(self, full, tmp_path, monkeypatch):
        write_manifest(full, tmp_path / "a.csv")
        monkeypatch.chdir(tmp_path)
        again = read_manifest("a.csv")
        assert again.X["audio"].iloc[0] == "call.wav"
        (tmp_path / "sub").mkdir()
        moved = read_manifest(write_manifest(again, "sub/b.csv"))
        assert moved.X["audio"].iloc[0] == str(tmp_path / "call.wav")

    def test_videos_are_paths(self, full, tmp_path):
        X = full.X.assign(video=[str(tmp_path / "clips" / "a.mp4"), None, None, None, None])
        path = write_manifest(full.replace(X=X), tmp_path / "a.jsonl")
        assert json.loads(path.read_text().split("\n")[0])["video"] == "clips/a.mp4"
        assert known(read_manifest(path).X["video"]) == known(X["video"])

    def test_without_labels(self, full, tmp_path):
        again = read_manifest(write_manifest(full.replace(y=None, soft=None), tmp_path / "a.parquet"))
        assert (again.y, again.soft) == (None, None)

    @pytest.mark.parametrize("column", ["id", "emotion", "soft:anger"])
    def test_columns_that_would_be_read_as_something_else(self, full, tmp_path, column):
        with pytest.raises(CorpusError, match=f"would read the columns '{column}' as ids or labels"):
            write_manifest(full.replace(X=full.X.assign(**{column: 1})), tmp_path / "a.csv")

    @pytest.mark.parametrize(
        ("ending", "cell", "message"),
        [
            (".csv", pd.Timestamp("2020-01-01"), "CSV cannot hold the column 'odd'.*Parquet can hold more"),
            (".jsonl", pd.Timestamp("2020-01-01"), "JSON lines cannot hold the column 'odd'"),
            (".jsonl", np.inf, "JSON lines cannot hold the column 'odd'"),
            (".parquet", np.zeros(3), "Parquet cannot hold the column 'odd'"),
        ],
    )
    def test_columns_that_cannot_be_written(self, full, tmp_path, ending, cell, message):
        odd = pd.Series([cell] * 5, index=full.X.index)
        with pytest.raises(CorpusError, match=message):
            write_manifest(full.replace(X=full.X.assign(odd=odd)), tmp_path / f"a{ending}")
        assert not (tmp_path / f"a{ending}").exists()

    def test_dates_in_parquet(self, full, tmp_path):
        X = full.X.assign(day=pd.Timestamp("2020-01-01"))
        again = read_manifest(write_manifest(full.replace(X=X), tmp_path / "a.parquet"))
        assert again.X["day"].tolist() == X["day"].tolist()

    def test_frames_in_csv(self, full, tmp_path):
        with pytest.raises(CorpusError, match=r"CSV cannot hold frames \('audio_mel__frames'"):
            write_manifest(self.framed(full), tmp_path / "a.csv")
        path = self.framed(full).select(["01", "1"]).write(tmp_path / "out")
        assert path.name == "manifest.parquet"
        assert len(frames_of(read_manifest(path).X, "audio_mel")) == 2

    def test_infinite_frames_need_parquet(self, full, tmp_path):
        X = with_view(full.X, "audio_mel", [np.array([[np.inf]])] * 5, [])
        with pytest.raises(CorpusError, match="JSON lines cannot hold"):
            write_manifest(full.replace(X=X), tmp_path / "a.jsonl")
        assert np.isinf(
            frames_of(read_manifest(write_manifest(full.replace(X=X), tmp_path / "a.parquet")).X, "audio_mel")[0]
        )

    def test_other_endings(self, full, tmp_path):
        with pytest.raises(CorpusError, match=r"must end in \.csv, \.jsonl, \.parquet or \.yaml, or be a folder"):
            write_manifest(full, tmp_path / "a.xlsx")


class TestSounds:
    """Recordings that are written beside a manifest."""

    def test_samples_in_memory(self, small_corpus, tmp_path):
        part = small_corpus.select(small_corpus.X.index[:6])
        X = part.X.assign(speaker=["03", "03", "04", "04", "NA", "NA"])
        again = read_manifest(write_manifest(part.replace(X=X), tmp_path / "m.jsonl"))
        assert again.X["speaker"].tolist() == X["speaker"].tolist()
        assert "sampling_rate" not in again.X.columns
        for old, new in zip(recordings_of(X), recordings_of(again.X), strict=True):
            before, after = read_audio(old), read_audio(new)
            assert before[1] == after[1]
            np.testing.assert_array_equal(before[0], after[0])
        assert again.validate()["fault"].tolist() == ["the only row of 'sadness'"]

    def test_segments_of_samples_share_a_file(self, toy, tmp_path):
        signal = np.linspace(-0.5, 0.5, 8000)
        sounds = np.empty(4, dtype=object)
        sounds[:] = [signal, signal, (signal * 2**15).astype(np.int16), None]
        X = toy(n_rows=4).X.assign(audio=sounds, sampling_rate=8000, start=[0, 0.5, None, None], end=[0.5, 1, None, 1])
        corpus = toy(n_rows=4).replace(X=X)
        again = read_manifest(write_manifest(corpus, tmp_path / "m.csv"))
        assert [Path(p).name for p in again.X["audio"].iloc[:3]] == ["u000.wav", "u000.wav", "u002.wav"]
        for old, new in zip(recordings_of(X)[:3], recordings_of(again.X)[:3], strict=True):
            np.testing.assert_array_equal(read_audio(old)[0], read_audio(new)[0])
        copied = read_manifest(corpus.write(tmp_path / "copied"))
        assert [soundfile.info(path).frames for path in copied.X["audio"].iloc[:3]] == [4000, 4000, 8000]
        assert "start" not in copied.X.columns

    def test_whole_files_are_copied_as_they_are(self, toy, tmp_path):
        stereo = np.stack([np.linspace(-0.5, 0.5, 8000), np.linspace(0.5, -0.5, 8000)], axis=1)
        soundfile.write(tmp_path / "a.FLAC", stereo, 8000)
        X = toy(n_rows=2).X.assign(audio=str(tmp_path / "a.FLAC"), start=[None, 0.5], end=[None, 0.75])
        path = write_manifest(toy(n_rows=2).replace(X=X), tmp_path / "out" / "m.csv", copy_audio=True)
        whole, part = read_manifest(path).X["audio"]
        assert whole == str(tmp_path / "out" / "audio" / "u000.flac")
        assert Path(whole).read_bytes() == (tmp_path / "a.FLAC").read_bytes()
        np.testing.assert_allclose(soundfile.read(part)[0], stereo[4000:6000], atol=2**-15)
        assert soundfile.info(part).subtype == "FLOAT"

    def test_what_is_there_is_never_changed(self, toy, tmp_path):
        def corpus(scale):
            sounds = np.empty(2, dtype=object)
            sounds[:] = [np.linspace(-scale, scale, 800)] * 2
            X = toy(n_rows=2).X.assign(audio=sounds, sampling_rate=8000)
            return toy(n_rows=2).replace(X=X.set_axis(["a/b", "a_b"]), y=None)

        first = read_manifest(corpus(0.5).write(tmp_path))
        kept = {p: p.read_bytes() for p in (tmp_path / "audio").iterdir()}
        assert [p.name for p in kept] == ["a_b.wav"]  # of equal content one is enough
        corpus(0.5).write(tmp_path)
        assert {p: p.read_bytes() for p in (tmp_path / "audio").iterdir()} == kept
        second = read_manifest(corpus(0.25).write(tmp_path))
        assert len(list((tmp_path / "audio").iterdir())) == 2
        assert all(path.read_bytes() == content for path, content in kept.items())
        assert first.X["audio"].iloc[0] != second.X["audio"].iloc[0]
        assert read_audio(recordings_of(second.X)[0])[0].max() == 0.25

    def test_nothing_is_left_of_what_failed(self, toy, tmp_path):
        sounds = np.empty(3, dtype=object)
        sounds[:] = [np.linspace(-0.5, 0.5, 800), str(tmp_path / "none.wav"), None]
        X = toy(n_rows=3).X.assign(audio=sounds, sampling_rate=8000)
        with pytest.raises(AudioError, match=r"'u001' .* does not exist"):
            write_manifest(toy(n_rows=3).replace(X=X), tmp_path / "m.csv", copy_audio=True)
        assert list((tmp_path / "audio").iterdir()) == []
        assert not (tmp_path / "m.csv").exists()
        # without copying it is no concern of the list
        assert write_manifest(toy(n_rows=3).replace(X=X), tmp_path / "m.csv").is_file()

    def test_segments_that_are_not_there(self, toy, tmp_path):
        soundfile.write(tmp_path / "a.wav", np.linspace(-0.5, 0.5, 800), 8000)
        (tmp_path / "b.wav").write_bytes(b"no sound")
        X = toy(n_rows=1).X.assign(audio=str(tmp_path / "a.wav"), start=[1.0], end=[2.0])
        with pytest.raises(AudioError, match="outside it"):
            write_manifest(toy(n_rows=1).replace(X=X), tmp_path / "m.csv", copy_audio=True)
        broken = X.assign(audio=str(tmp_path / "b.wav"))
        with pytest.raises(AudioError, match="cannot be read as sound"):
            write_manifest(toy(n_rows=1).replace(X=broken), tmp_path / "m.csv", copy_audio=True)
        sounds = np.empty(1, dtype=object)
        sounds[0] = np.linspace(-0.5, 0.5, 800)
        with pytest.raises(AudioError, match="need a positive 'sampling_rate'"):
            write_manifest(toy(n_rows=1).replace(X=X.assign(audio=sounds)), tmp_path / "m.csv")

    def test_odd_names(self, toy, tmp_path):
        signal = np.linspace(-0.5, 0.5, 800)
        sounds = np.empty(3, dtype=object)
        sounds[:] = [signal, signal / 2, signal / 4]
        X = toy(n_rows=3).X.assign(audio=sounds, sampling_rate=8000).set_axis(["../x", ".", "ß" * 300])
        again = read_manifest(toy(n_rows=3).replace(X=X, y=None).write(tmp_path / "out"))
        assert again.X.index.tolist() == X.index.tolist()
        assert all(Path(path).parent == tmp_path / "out" / "audio" for path in again.X["audio"])
        assert again.validate()["fault"].tolist() == ["no labels"]
