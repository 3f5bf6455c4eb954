"""Databases in audformat, read and written. Those that are read are made by the package itself, as its owners do."""

from __future__ import annotations

import builtins
import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import CorpusError, MissingDependencyError, UnknownNameError
from ferfusion.corpora import Corpus, load_corpus, read_manifest, write_manifest
from ferfusion.corpora.audformat import quiet
from ferfusion.features.audio.reading import read_audio
from ferfusion.features.sources import recordings_of

audformat = pytest.importorskip("audformat")

FILES = [f"wav/{name}.wav" for name in ("03a01Wa", "03a02Na", "08a01Wb", "08a02Tc")]


def known(column):
    return [None if pd.isna(value) else value for value in column]


def add(db, table, index, *, split=None, **columns):
    """A table with columns; a column's scheme has its name, or none."""
    db[table] = audformat.Table(index, split_id=split)
    for name, values in columns.items():
        db[table][name] = audformat.Column(scheme_id=name if name in db.schemes else None)
        db[table][name].set(values)


@pytest.fixture
def save(tmp_path):
    """Save a database with sounds for its files."""

    def write(db, name="db", fmt="parquet", sounds=True):
        with quiet():
            db.save(str(tmp_path), name=name, storage_format=fmt)
            files = list(db.files) if sounds else []
        for i, file in enumerate(files):
            path = tmp_path / file
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, np.linspace(-0.5, 0.5, 8000 + i), 8000)
        return tmp_path

    return write


@pytest.fixture
def emodb():
    """In the layout of the public EMO-DB in audformat: whole files, labels in three tables, speakers in a fourth."""
    db = audformat.Database(
        "emodb", source="http://example.org", languages=["de"], description="Berlin", license="CC0-1.0"
    )
    db.splits["test"], db.splits["train"] = audformat.Split("test"), audformat.Split("train")
    db.schemes["emotion"] = audformat.Scheme(labels=["anger", "neutral", "sadness"])
    db.schemes["emotion.confidence"] = audformat.Scheme("float", minimum=0, maximum=1)
    db.schemes["age"] = audformat.Scheme("int", minimum=0)
    db.schemes["gender"] = audformat.Scheme(labels=["female", "male"])
    db.schemes["duration"] = audformat.Scheme("time")
    db.schemes["transcription"] = audformat.Scheme(labels={"a01": "Der Lappen liegt.", "a02": "Das will sie."})
    db["speaker"] = audformat.MiscTable(pd.Index([3, 8], name="speaker", dtype="Int64"))
    for name, values in {"age": [31, 34], "gender": ["male", "female"]}.items():
        db["speaker"][name] = audformat.Column(scheme_id=name)
        db["speaker"][name].set(values)
    db.schemes["speaker"] = audformat.Scheme("int", labels="speaker")
    whole = audformat.filewise_index(FILES)
    labels = {"emotion": ["anger", "neutral", "anger", "sadness"], "emotion.confidence": [0.9, 1.0, 0.95, 0.8]}
    add(
        db,
        "files",
        whole,
        duration=pd.to_timedelta([1.5, 2, 1, 1], unit="s"),
        speaker=[3, 3, 8, 8],
        transcription=["a01", "a02", "a01", "a02"],
    )
    add(db, "emotion", whole, **labels)
    for split, rows in {"train": slice(0, 2), "test": slice(2, 4)}.items():
        part = {name: values[rows] for name, values in labels.items()}
        add(db, f"emotion.categories.{split}.gold_standard", whole[rows], split=split, **part)
    return db


@pytest.mark.parametrize("fmt", ["csv", "parquet"])
def test_labels_speakers_and_splits_stand_in_several_tables(emodb, save, fmt):
    with quiet():
        folder = save(emodb, fmt=fmt)
    corpus = read_manifest(folder)
    assert corpus.X.index.tolist() == [Path(file).stem for file in FILES]
    assert corpus.X["audio"].tolist() == [str(folder / file) for file in FILES]
    assert corpus.y.tolist() == ["anger", "neutral", "anger", "sadness"]
    assert corpus.X["speaker"].tolist() == ["3", "3", "8", "8"]
    assert corpus.X["gender"].tolist() == ["male", "male", "female", "female"]
    assert corpus.X["age"].tolist() == [31, 31, 34, 34]
    assert corpus.X["split"].tolist() == ["train", "train", "test", "test"]
    assert corpus.X["text"].tolist() == ["Der Lappen liegt.", "Das will sie."] * 2
    assert corpus.X["transcription"].tolist() == ["a01", "a02"] * 2
    assert corpus.X["duration"].tolist() == [1.5, 2.0, 1.0, 1.0]
    assert corpus.X["emotion.confidence"].tolist() == [0.9, 1.0, 0.95, 0.8]
    assert "start" not in corpus.X.columns
    card = corpus.card
    assert (card.name, card.title, card.license, card.where_to_get) == (
        "emodb",
        "Berlin",
        "CC0-1.0",
        "http://example.org",
    )
    assert (card.languages, card.emotions, card.n_speakers) == (("de",), {"anger": 2, "neutral": 1, "sadness": 1}, 2)
    assert corpus.protocols() == ["speaker", "official", "stratified"]
    assert corpus.validate()["fault"].tolist() == ["the only row of 'neutral'", "the only row of 'sadness'"]
    assert load_corpus(str(folder)).checksum() == load_corpus(folder / "db.yaml").checksum() == corpus.checksum()


def test_one_table_of_several(emodb, save):
    folder = save(emodb)
    part = read_manifest(folder, table="emotion.categories.test.gold_standard")
    assert part.X.index.tolist() == ["08a01Wb", "08a02Tc"]
    assert part.X["age"].tolist() == [34, 34]
    with pytest.raises(UnknownNameError, match=r"Unknown table 'emotin'\. Did you mean 'emotion'"):
        load_corpus(folder, table="emotin")


def test_a_corpus_of_this_name_comes_first(emodb, save, monkeypatch):
    folder = save(emodb)
    monkeypatch.chdir(folder.parent)
    link = folder.parent / "emodb"
    link.symlink_to(folder)
    with pytest.raises(CorpusError, match="Where is Berlin Database"):
        load_corpus("emodb")
    assert load_corpus(Path("emodb") / "db.yaml").card.name == "emodb"
    link.unlink()


def minimal(**schemes):
    db = audformat.Database("mine")
    for name, scheme in schemes.items():
        db.schemes[name] = scheme
    return db


def test_segments(save):
    labels = {"A1": {"gender": "female", "age": 31}, "B2": {"gender": "male"}}
    db = minimal(emotion=audformat.Scheme("str"), speaker=audformat.Scheme(labels=labels))
    db["channel"] = audformat.Table(audformat.filewise_index(["a.wav", "b.wav"]))
    db["channel"]["speaker"] = audformat.Column(scheme_id="speaker")
    db["channel"]["speaker"].set(["A1", "B2"])
    index = audformat.segmented_index(
        ["a.wav", "a.wav", "b.wav", "b.wav"], [0, 0.25, 0.1, 0], [0.25, pd.NaT, 0.3, pd.NaT]
    )
    db["emotion"] = audformat.Table(index)
    db["emotion"]["emotion"] = audformat.Column(scheme_id="emotion")
    db["emotion"]["emotion"].set(["anger", "calm", None, "fear"])
    corpus = read_manifest(save(db))
    assert corpus.X.index.tolist() == ["a@0.0-0.25", "a@0.25-end", "b@0.1-0.3", "b"]
    assert known(corpus.X["start"]) == [0, 0.25, 0.1, None]
    assert known(corpus.X["end"]) == [0.25, None, 0.3, None]
    assert known(corpus.y) == ["anger", "calm", None, "fear"]
    assert corpus.X["speaker"].tolist() == ["A1", "A1", "B2", "B2"]
    assert corpus.X["gender"].tolist() == ["female", "female", "male", "male"]
    assert known(corpus.X["age"]) == [31, 31, None, None]
    lengths = [len(read_audio(recording)[0]) for recording in recordings_of(corpus.X)]
    assert lengths == [2000, 6000, 1600, 8001]


def test_labels_in_whole_files_and_in_segments(save):
    db = minimal(emotion=audformat.Scheme("str"))
    add(db, "files", audformat.filewise_index(["a.wav"]), emotion=["anger"])
    add(db, "parts", audformat.segmented_index(["a.wav", "a.wav"], [0, 1], [1, 2]), emotion=["anger", "fear"])
    folder = save(db)
    with pytest.raises(CorpusError, match=r"tables of whole files and of segments: 'files', 'parts'\. .* table="):
        read_manifest(folder)
    assert len(read_manifest(folder, table="parts")) == 2
    whole = read_manifest(folder, table="files")
    assert whole.y.tolist() == ["anger"]
    assert whole.notes == ("columns of other files or segments than those with labels: 'parts.emotion'",)


def test_labels_that_contradict_each_other(save):
    db = minimal(emotion=audformat.Scheme("str"))
    whole = audformat.filewise_index(["a.wav", "b.wav"])
    add(db, "first", whole, emotion=["anger", None])
    add(db, "second", whole, emotion=["fear", "calm"])
    folder = save(db)
    with pytest.raises(CorpusError, match=r"'first', 'second' label 1 rows differently, such as 'a\.wav'"):
        read_manifest(folder)
    corpus = read_manifest(folder, table="first")
    assert known(corpus.y) == ["anger", None]
    assert corpus.X["second.emotion"].tolist() == ["fear", "calm"]


def test_other_columns_of_labels(save):
    db = minimal(label=audformat.Scheme("str"), mood=audformat.Scheme(labels={0: "neutral", 1: "anger"}))
    codes = audformat.Scheme(labels={"W": "anger", "N": "neutral"})
    db.schemes["code"] = codes
    index = audformat.filewise_index(["x/a.wav", "y/a.wav"])
    add(db, "t", index, label=["own", "other"], mood=[1, 0], code=["W", None], start_of=[1, 2])
    folder = save(db)
    corpus = read_manifest(folder)
    assert corpus.y.tolist() == ["own", "other"]
    assert corpus.X.index.tolist() == ["x/a", "y/a"]  # two files of one name
    mood = read_manifest(folder, emotion="mood")
    assert (mood.y.tolist(), mood.X["original_label"].tolist()) == (["anger", "neutral"], ["1", "0"])
    code = read_manifest(folder, emotion="code")
    assert (known(code.y), known(code.X["original_label"])) == (["anger", None], ["W", None])
    with pytest.raises(UnknownNameError, match=r"Unknown column 'moood'\. Did you mean 'mood'"):
        read_manifest(folder, emotion="moood")


def test_several_raters(save):
    db = minimal(emotion=audformat.Scheme("str"))
    db["t"] = audformat.Table(audformat.filewise_index(["a.wav"]))
    for rater, label in {"anna": "anger", "ben": "fear"}.items():
        db["t"][rater] = audformat.Column(scheme_id="emotion")
        db["t"][rater].set([label])
    folder = save(db)
    with pytest.raises(CorpusError, match=r"Labels stand in several columns: 'anna', 'ben'\. Name one"):
        read_manifest(folder)
    corpus = read_manifest(folder, emotion="ben")
    assert (corpus.y.tolist(), corpus.X["anna"].tolist()) == (["fear"], ["anger"])


def test_without_labels_and_with_names_that_are_taken(save):
    db = minimal(transcript=audformat.Scheme("str"), id=audformat.Scheme("str"))
    index = audformat.filewise_index(["a.wav", "b.wav"])
    add(db, "t", index, transcript=["hi", None], id=["first", "second"], audio=["x", "y"], free=["1", "one"])
    corpus = read_manifest(save(db))
    assert corpus.y is None
    assert corpus.X.index.tolist() == ["first", "second"]
    assert known(corpus.X["text"]) == ["hi", None]
    assert corpus.X["t.audio"].tolist() == ["x", "y"]


def test_languages_and_names_of_files(save):
    db = audformat.Database("mine", languages=["spa", "yue"])
    db.schemes["emotion"] = audformat.Scheme("str")
    add(db, "t", audformat.filewise_index(["a.wav", "a.flac"]), emotion=["anger", "calm"])
    corpus = read_manifest(save(db, sounds=False))
    assert corpus.card.languages == ("es", "yue")
    assert corpus.X.index.tolist() == ["a.wav", "a.flac"]


def test_a_column_that_says_what_it_does_not_hold(save):
    db = minimal(emotion=audformat.Scheme("str"))
    add(db, "t", audformat.filewise_index(["a.wav"]), **{"emotion": ["anger"], "turn:int": ["first"]})
    with pytest.raises(CorpusError, match="'turn' should hold int"):
        read_manifest(save(db))


def test_splits_that_overlap_and_own_names(save):
    db = minimal(emotion=audformat.Scheme("str"))
    for name, kind in {"learn": "train", "test": "test", "pilot": "other"}.items():
        db.splits[name] = audformat.Split(kind)
    files = ["a.wav", "b.wav", "c.wav"]
    add(db, "all", audformat.filewise_index(files), emotion=["anger", "fear", "calm"])
    for split, part in {"learn": files[:2], "test": files[1:2], "pilot": files[2:]}.items():
        add(db, f"only.{split}", audformat.filewise_index(part), split=split)
    corpus = read_manifest(save(db))
    assert known(corpus.X["split"]) == ["train", None, "pilot"]
    assert corpus.faults == (("b", "in the splits 'train', 'test' at once"),)


def test_missing_media_are_named(emodb, save):
    folder = save(emodb)
    (folder / FILES[1]).unlink()
    corpus = read_manifest(folder)
    assert corpus.notes == (f"1 of 4 recordings are not there: '{folder / FILES[1]}'",)
    assert (FILES[1][4:-4], f"The recording '03a02Na' ({folder / FILES[1]}) does not exist.") in list(
        corpus.validate().itertuples(index=False, name=None)
    )


class Bomb:
    """Unpickled it leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_pickles_are_never_opened(emodb, save, tmp_path):
    folder = save(emodb)
    trace = tmp_path / "trace"
    bomb = pickle.dumps({"df": Bomb(trace)})
    for path in list(folder.glob("db.*.parquet")):
        path.with_suffix(".pkl").write_bytes(bomb)
    assert len(read_manifest(folder)) == 4
    (folder / "db.files.parquet").unlink()
    with pytest.raises(CorpusError, match=r"'files' .* is there as a pickle only, which can run any code"):
        read_manifest(folder)
    assert not trace.exists()


def test_headers_run_nothing(emodb, save, monkeypatch):
    folder = save(emodb)
    header = folder / "db.yaml"
    text = header.read_text(encoding="utf-8")
    ran = []
    monkeypatch.setattr(builtins, "breakpoint", lambda *given: ran.append(given))
    header.write_text(text + "\nmeta: !!python/object/apply:builtins.breakpoint []\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="could not determine a constructor"):
        read_manifest(folder)
    assert ran == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "cannot be read"),
        ("just words", "cannot be read"),
        ("", "cannot be read"),
        ("name: x\nsource: ''\nusage: other\n", "has no tables with rows"),
        (
            "name: x\nsource: ''\nusage: other\ntables:\n  t: {type: filewise}\n",
            r"db\.t\.parquet or \.csv is not there",
        ),
        ("name: x\nsource: ''\nusage: nonsense\n", "cannot be read"),
    ],
)
def test_broken_headers(tmp_path, text, message):
    (tmp_path / "db.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=message):
        read_manifest(tmp_path)


def test_tables_that_are_broken_or_empty(emodb, save, tmp_path):
    folder = save(emodb)
    (folder / "db.files.parquet").write_bytes(b"no parquet")
    with pytest.raises(CorpusError, match="cannot be read"):
        read_manifest(folder)
    with pytest.raises(CorpusError, match="does not exist"):
        read_manifest(tmp_path / "other.yaml")
    db = minimal(emotion=audformat.Scheme("str"))
    add(db, "t", audformat.filewise_index([]), emotion=[])
    with quiet():
        db.save(str(tmp_path / "empty"))
    with pytest.raises(CorpusError, match="no labelled rows"):
        read_manifest(tmp_path / "empty")


def test_without_the_package(tmp_path, monkeypatch):
    (tmp_path / "db.yaml").write_text("name: x")
    monkeypatch.setitem(sys.modules, "audformat", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'ferfusion\[audformat\]'"):
        read_manifest(tmp_path)


class TestWritten:
    @pytest.fixture
    def corpus(self, tmp_path):
        for i in range(4):
            (tmp_path / "in" / "wav").mkdir(parents=True, exist_ok=True)
            soundfile.write(tmp_path / "in" / "wav" / f"{i}.wav", np.linspace(-0.5, 0.5, 8000 + i), 8000)
        index = ["01", "x/y", "3", "ä"]
        X = pd.DataFrame(
            {
                "audio": [str(tmp_path / "in" / "wav" / f"{i}.wav") for i in range(4)],
                "text": ["hi", None, "NA", "a\r\n,b"],
                "speaker": ["03", "NA", "03", "null"],
                "gender": ["male", "female", "male", "female"],
                "age": [31, 20, 31, 40],
                "split": ["train", "dev", "test", "my own/pilot"],
                "code": ["01", None, "1", "x"],
                "turn": pd.array([1, None, 3, 4], dtype="Int64"),
                "loud": [0.1, np.nan, 1 / 3, 1.0],
                "acted": [True, False, True, True],
                "heard": pd.array([True, None, False, True], dtype="boolean"),
                "day": pd.to_datetime(["2020-01-01", None, "2020-01-03", "2020-01-04"]),
            },
            index=index,
        )
        X["words"] = pd.Series([[{"word": "hi", "start": 1 / 3}], None, [], None], index=index, dtype=object)
        X["mixed"] = pd.Series([1, "1", None, [2]], index=index, dtype=object)
        y = pd.Series(["anger", "own", None, "anger"], index=index, dtype=object)
        soft = pd.DataFrame({"anger": [1, 0.5, np.nan, 1 / 3], "own": [0, 0.5, np.nan, 2 / 3]}, index=index)
        card = CorpusCard(
            name="mine",
            title="My own",
            languages=("de", "zz"),
            license="CC0",
            where_to_get="here",
            modalities=("audio",),
        )
        return Corpus(X, y, card, soft=soft)

    def assert_same(self, again, corpus):
        assert again.X.index.tolist() == corpus.X.index.tolist()
        assert known(again.y) == known(corpus.y)
        pd.testing.assert_frame_equal(again.soft, corpus.soft)
        assert sorted(again.X.columns) == sorted(corpus.X.columns)
        for column in set(corpus.X) - {"audio", "words", "mixed"}:
            assert known(again.X[column]) == known(corpus.X[column]), column
        for column in ("words", "mixed"):
            assert again.X[column].tolist() == corpus.X[column].tolist()
        for column in ("age", "loud", "acted"):
            assert again.X[column].dtype == corpus.X[column].dtype
        assert again.checksum() == corpus.checksum()

    def test_loses_nothing(self, corpus, tmp_path):
        header = write_manifest(corpus, tmp_path / "in")
        assert header == tmp_path / "in" / "db.yaml"
        again = read_manifest(tmp_path / "in")
        self.assert_same(again, corpus)
        assert (again.card.name, again.card.title, again.card.license) == ("mine", "My own", "CC0")
        assert (again.card.languages, again.card.where_to_get) == (("de",), "here")
        assert again.notes == ()
        self.assert_same(read_manifest(write_manifest(again, tmp_path / "in" / "other.yaml")), corpus)

    def test_the_package_reads_it(self, corpus, tmp_path):
        write_manifest(corpus, tmp_path / "in")
        with quiet():
            db = audformat.Database.load(str(tmp_path / "in"))
            assert db.is_portable
            assert list(db.files) == [f"wav/{i}.wav" for i in range(4)]
            assert db.get("emotion")["emotion"].dropna().sort_index().tolist() == ["anger", "own", "anger"]
            assert db.get("gender")["gender"].tolist() == ["male", "female", "male", "female"]
            assert db.get("emotion", splits="train")["emotion"].tolist() == ["anger"]
        assert db.schemes["speaker"].labels["03"] == {"gender": "male", "age": 31}

    def test_segments(self, corpus, tmp_path):
        one = str(tmp_path / "in" / "wav" / "0.wav")
        X = corpus.X.assign(audio=one, start=[0.0, 0.1, 1 / 3, None], end=[0.1, 0.25, None, None])
        again = read_manifest(write_manifest(corpus.replace(X=X), tmp_path / "in"))
        np.testing.assert_allclose(again.X["start"].astype(float), X["start"].astype(float), atol=1e-9)
        assert known(again.X["start"])[:2] == [0, 0.1]
        assert known(again.X["end"]) == [0.1, 0.25, None, None]
        cut = read_manifest(write_manifest(corpus.replace(X=X), tmp_path / "cut", copy_audio=True))
        assert "start" not in cut.X.columns
        assert [soundfile.info(path).frames for path in cut.X["audio"]] == [800, 1200, 5333, 8000]

    def test_facts_of_speakers_that_change(self, corpus, tmp_path):
        X = corpus.X.assign(age=[31, 20, 32, 40])
        again = read_manifest(write_manifest(corpus.replace(X=X), tmp_path / "in"))
        assert again.X["age"].tolist() == [31, 20, 32, 40]
        assert again.X["gender"].tolist() == X["gender"].tolist()
        unknown = corpus.X.assign(speaker=["03", None, "03", "x"])
        again = read_manifest(write_manifest(corpus.replace(X=unknown), tmp_path / "in"))
        assert known(again.X["speaker"]) == ["03", None, "03", "x"]
        assert again.X["age"].tolist() == corpus.X["age"].tolist()

    def test_features_are_left_out_and_named(self, small_corpus, tmp_path):
        part = small_corpus.select(small_corpus.X.index[:4])
        X = part.X.assign(**{"visual_au@origin": "given"})
        with pytest.warns(UserWarning, match=r"no place for features: the views 'visual_au' are not written"):
            header = write_manifest(part.replace(X=X), tmp_path / "db")
        again = read_manifest(header)
        assert again.views == []
        assert "visual_au@origin" not in again.X.columns
        assert again.validate(read=True)["fault"].str.contains("the only row").all()

    def test_refused(self, corpus, tmp_path):
        first, *others = corpus.X["audio"]
        gap = corpus.replace(X=corpus.X.assign(audio=[first, None, *others[1:]]))
        with pytest.raises(CorpusError, match=r"rows without a recording \('x/y'\)"):
            write_manifest(gap, tmp_path / "db")
        twice = corpus.replace(X=corpus.X.assign(audio=[first, first, *others[1:]]))
        with pytest.raises(CorpusError, match="several rows of the same recording or segment: '01', 'x/y'"):
            write_manifest(twice, tmp_path / "db")
        with pytest.raises(CorpusError, match=r"cannot hold this corpus: .*'file'"):
            write_manifest(corpus.replace(X=corpus.X.assign(file="x")), tmp_path / "db")
        assert list((tmp_path / "db").iterdir()) == []

    def test_a_database_that_was_there_gives_way(self, corpus, tmp_path):
        folder = tmp_path / "in"
        write_manifest(corpus, folder)
        stale = {"csv": b"file,emotion\nx,y\n", "pkl": b"no pickle"}
        for ending, content in stale.items():
            (folder / f"db.utterances.{ending}").write_bytes(content)
        half = corpus.select(["01", "x/y"])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert len(read_manifest(write_manifest(half, folder))) == 2
        assert not list(folder.glob("db.utterances.[cp][sk]*"))
        with quiet():
            assert len(audformat.Database.load(str(folder))["utterances"].df) == 2

    def test_a_kill_half_way_leaves_no_header(self, corpus, tmp_path, monkeypatch):
        def die(*given):
            raise KeyboardInterrupt

        folder = tmp_path / "in"
        write_manifest(corpus, folder)
        monkeypatch.setattr("ferfusion.corpora._audformat_writing.os.replace", die)
        with pytest.raises(KeyboardInterrupt):
            write_manifest(corpus, folder)
        assert not (folder / "db.yaml").exists()
        assert not [path for path in folder.iterdir() if path.name.startswith(".")]
