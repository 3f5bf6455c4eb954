"""``Corpus``: folds by name, rows chosen, a digest of what it holds, a list of what is wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import soundfile

from ferfusion.base.errors import ProtocolError, TableError, UnknownNameError
from ferfusion.base.table import with_view
from ferfusion.corpora import Corpus, Fold, load_corpus, read_manifest


def changed(corpus, X=None, y="same", **given):
    labels = corpus.y if isinstance(y, str) else y
    return Corpus(corpus.X if X is None else X, labels, corpus.card, **given)


def test_face(toy, small_corpus):
    corpus = toy()
    assert repr(corpus) == "<Corpus 'toy': 48 utterances, 4 speakers, 3 classes>"
    assert corpus.y.name == "emotion"
    assert corpus.groups[:4].tolist() == ["01", "02", "03", "04"]
    assert corpus.views == ["audio_x", "visual_y"]
    unlabelled = changed(corpus, corpus.X.drop(columns="speaker"), None)
    assert repr(unlabelled) == "<Corpus 'toy': 48 utterances, 0 speakers, 0 classes>"
    assert unlabelled.groups is None
    assert small_corpus.protocols() == ["speaker", "dialogue", "stratified"]


def test_labels_are_brought_into_order(toy):
    corpus = toy()
    assert changed(corpus, y=corpus.y.iloc[::-1]).y.index.tolist() == corpus.X.index.tolist()


def test_grammar_is_checked(toy):
    corpus = toy()
    with pytest.raises(TableError, match="Ids must be unique"):
        changed(corpus, pd.concat([corpus.X, corpus.X.iloc[:1]]))


def test_folds_by_name(toy):
    corpus = toy()
    own = changed(corpus, folds={"mine": lambda X: [Fold("all", np.arange(1), np.arange(1, len(X)))]})
    assert own.protocols() == ["speaker", "stratified", "mine"]
    assert own.folds("mine")[0].test.tolist() == list(range(1, 48))
    assert len(corpus.folds("stratified", n_splits=4)) == 4
    assert changed(corpus, corpus.X.assign(split="test")).protocols() == ["speaker", "official", "stratified"]
    with pytest.raises(UnknownNameError, match="protocol for 'toy' 'oficial'"):
        corpus.folds("oficial")
    with pytest.raises(ProtocolError, match="needs labels"):
        changed(corpus, y=None).folds("stratified")


def test_select(small_corpus):
    ids = small_corpus.X.index[[5, 2]]
    for part in (small_corpus.select(ids), small_corpus.select(list(ids))):
        assert part.X.index.tolist() == part.y.index.tolist() == list(part.truth) == ids.tolist()
    women = small_corpus.select(small_corpus.X["gender"] == "female")
    assert set(women.X["gender"]) == {"female"}
    assert len(small_corpus) == 80


def test_checksum_follows_the_content(small_corpus, tmp_path):
    part = small_corpus.select(small_corpus.X.index[:5])
    base = part.checksum()
    assert base == part.checksum() == changed(part).checksum()
    assert changed(part, part.X.iloc[::-1]).checksum() == base
    y = part.y.copy()
    y.iloc[0] = "disgust"
    louder = part.X.copy()
    sounds = np.empty(5, dtype=object)
    sounds[:] = [louder["audio"].iloc[0] * 0.5, *louder["audio"].iloc[1:]]
    louder["audio"] = sounds
    others = {
        "label": changed(part, y=y),
        "no labels": changed(part, y=None),
        "text": changed(part, part.X.assign(text="hello")),
        "no text": changed(part, part.X.assign(text=None)),
        "sound": changed(part, louder),
        "segment": changed(part, part.X.assign(start=0.1)),
        "feature": changed(part, part.X.assign(visual_au__AU01_intensity=0.0)),
        "name of a feature": changed(part, part.X.rename(columns={"visual_au__AU01_intensity": "visual_au__x"})),
        "fewer": part.select(part.X.index[:4]),
    }
    sums = {name: other.checksum() for name, other in others.items()}
    assert len({base, *sums.values()}) == len(others) + 1


def test_checksum_of_frames(toy):
    corpus = toy(n_rows=4)
    rng = np.random.default_rng(0)
    frames = [rng.random((3, 2)), rng.random((5, 2)), None, rng.random((1, 2))]
    one = changed(corpus, with_view(corpus.X, "audio_mel", frames, []))
    same = changed(corpus, with_view(corpus.X, "audio_mel", list(frames), []).iloc[::-1])
    other = changed(corpus, with_view(corpus.X, "audio_mel", [frames[0].reshape(2, 3), *frames[1:]], []))
    more = changed(corpus, with_view(corpus.X, "audio_mel", [frames[0] + 1, *frames[1:]], []))
    assert one.checksum() == same.checksum()
    assert len({corpus.checksum(), one.checksum(), other.checksum(), more.checksum()}) == 4


def test_checksum_with_gaps(toy):
    corpus = toy()
    y = corpus.y.copy()
    y.iloc[0] = None
    text = pd.Series(["hello", None] * 24, index=corpus.X.index)
    assert len(changed(corpus, corpus.X.assign(text=text), y).checksum()) == 16


def test_checksum_is_the_same_wherever_files_lie(small_corpus, tmp_path):
    part = small_corpus.select(small_corpus.X.index[:3])
    one, two = (read_manifest(part.write(tmp_path / name)) for name in ("one", "two"))
    assert one.checksum() == two.checksum()


def test_faults_are_listed_all_at_once(small_corpus, tmp_path):
    part = small_corpus.select(small_corpus.X.index[:6])
    path = part.write(tmp_path)
    corpus = read_manifest(path)
    ids = corpus.X.index
    sounds = [tmp_path / "audio" / f"{id_}.wav" for id_ in ids]
    soundfile.write(sounds[0], np.zeros(1600), 16000)
    sounds[1].write_bytes(b"")
    sounds[2].unlink()
    sounds[4].write_bytes(sounds[3].read_bytes())
    X = corpus.X.assign(audio=[*corpus.X["audio"].iloc[:5], None])
    y = corpus.y.copy()
    y.iloc[:] = ["anger", "anger", "anger", "anger", "calm", None]
    faults = changed(corpus, X, y).validate()
    by_id = faults[faults["id"] != ""].groupby("id")["fault"].agg(list)
    assert "silent" in by_id[ids[0]][0]
    assert "empty file" in by_id[ids[1]][0]
    assert "does not exist" in by_id[ids[2]][0]
    assert by_id[ids[4]] == ["the only row of 'calm'", f"the same sound as {ids[3]!r}"]
    assert by_id[ids[5]] == ["no label"]
    assert ids[3] not in by_id
    assert "silent" not in "".join(changed(corpus, X, y).validate(read=False)["fault"])
    assert changed(corpus, y=None).validate(read=False)["fault"].iloc[0] == "no labels"


def test_sound_corpus_has_no_faults(small_corpus, tmp_path):
    assert read_manifest(small_corpus.select(small_corpus.X.index[:20]).write(tmp_path)).validate(read=True).empty


def test_written_segments_and_gaps(tmp_path, toy):
    corpus = toy(n_rows=4)
    soundfile.write(tmp_path / "call.flac", np.linspace(-0.5, 0.5, 8000), 8000)
    X = corpus.X.assign(
        audio=[str(tmp_path / "call.flac")] * 3 + [None], start=[0, 0.5, None, None], end=[0.5, None, None, 1]
    )
    again = read_manifest(changed(corpus, X, None).write(tmp_path / "out"))
    assert [soundfile.info(path).frames for path in again.X["audio"].iloc[:3]] == [4000, 4000, 8000]
    assert pd.isna(again.X["audio"].iloc[3])
    assert "start" not in again.X.columns
    assert again.y is None


def test_many_rows_without_a_label_are_one_fault(toy):
    corpus = toy(n_rows=240)
    y = corpus.y.astype(object).where(np.arange(240) >= 60, None)
    faults = changed(corpus, y=y).validate(read=False)["fault"].tolist()
    assert next(fault for fault in faults if "label" in fault).startswith("60 rows have no label: 'u000'")
    assert len(faults) == 1


def test_what_stands_on_the_card(toy, small_corpus):
    assert (small_corpus.license, small_corpus.where_to_get) == (
        small_corpus.card.license,
        small_corpus.card.where_to_get,
    )
    assert toy().cite() == ""
    assert load_corpus("synthetic", n_speakers=2, n_utterances=10).cite() == ""
