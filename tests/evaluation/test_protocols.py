"""Protocols: which folds a name stands for, what is refused, what is said of speakers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupKFold, KFold

from ferfusion.base.errors import ProtocolError, UnknownNameError
from ferfusion.corpora import Corpus, Fold
from ferfusion.evaluation import resolve_protocol


class Given:
    """A splitter of the folds it is given."""

    def __init__(self, *folds):
        self.folds = folds

    def __repr__(self):
        return "Given()"

    def split(self, X, y=None, groups=None):
        yield from ((np.array(train), np.array(test)) for train, test in self.folds)


def altered(corpus, **columns):
    return Corpus(corpus.X.assign(**columns), corpus.y, corpus.card)


def test_leave_one_speaker_out(toy):
    plan = resolve_protocol("speaker", toy())
    assert [fold.name for fold in plan.folds] == ["01", "02", "03", "04"]
    assert plan.description == "leave one speaker out (4 folds)"
    assert plan.speakers_overlap is False
    assert plan.folds[0].test.tolist() == list(range(0, 48, 4))


def test_stratified_says_that_speakers_overlap(toy):
    plan = resolve_protocol("stratified", toy(), seed=3)
    assert plan.speakers_overlap is True
    assert "SPEAKERS OVERLAP" in plan.description
    assert len(plan.folds) == 10
    assert sorted(np.concatenate([fold.test for fold in plan.folds])) == list(range(48))
    other = resolve_protocol("stratified", toy(), seed=4)
    assert any(a.test.tolist() != b.test.tolist() for a, b in zip(plan.folds, other.folds, strict=True))


@pytest.mark.parametrize("column", ["session", "dialogue", "video_id"])
def test_other_facts(toy, column):
    sentence = column.removesuffix("_id")
    plan = resolve_protocol(column, altered(toy(), **{column: ["p", "q", "r"] * 16}))
    assert [fold.name for fold in plan.folds] == ["p", "q", "r"]
    assert plan.description == f"leave one {sentence} out (3 folds), SPEAKERS OVERLAP between training and test"


def test_official(toy):
    split = ["train"] * 24 + ["dev"] * 12 + ["test"] * 8 + [None] * 4
    plan = resolve_protocol("official", altered(toy(), split=split))
    assert plan.folds[0].train.tolist() == list(range(36))
    assert plan.folds[0].test.tolist() == list(range(36, 44))
    assert "the owner's split" in plan.description
    assert "(1 fold)" in plan.description


def test_own_folds_bring_their_sentence(toy):
    corpus = toy()
    fold = Fold("second half", np.arange(24), np.arange(24, 48))
    halves = Corpus(corpus.X, corpus.y, corpus.card, folds={"halves": lambda X: [fold]})
    assert resolve_protocol("halves", halves).description.startswith("halves (1 fold), SPEAKERS OVERLAP")


@pytest.mark.parametrize(("given", "near"), [("speker", "speaker"), ("Stratified", "stratified")])
def test_unknown_name(toy, given, near):
    with pytest.raises(UnknownNameError, match=f"Did you mean '{near}'"):
        resolve_protocol(given, toy())


def test_speakers_unknown(toy):
    corpus = toy()
    bare = Corpus(corpus.X.drop(columns="speaker"), corpus.y, corpus.card)
    plan = resolve_protocol("stratified", bare)
    assert plan.speakers_overlap is None
    assert plan.description.endswith(", speakers unknown")
    with pytest.raises(ProtocolError, match="'speaker' needs a column 'speaker'"):
        resolve_protocol("speaker", bare)


def test_speakers_known_in_part(toy):
    corpus = altered(toy(), speaker=[None, *toy().X["speaker"][1:]])
    with pytest.raises(ProtocolError, match="missing for 'u000'"):
        resolve_protocol("speaker", corpus)
    apart = Given((range(1, 24), [0]))
    assert resolve_protocol(apart, corpus).speakers_overlap is False


def test_one_speaker(toy):
    with pytest.raises(ProtocolError, match="all 48 rows are of 'anna'"):
        resolve_protocol("speaker", altered(toy(), speaker="anna"))


def test_csv_by_speaker_and_by_id(toy, tmp_path):
    corpus = toy()
    by_speaker, by_id = tmp_path / "speakers.csv", tmp_path / "IDS.CSV"
    pd.DataFrame({"speaker": ["01", "02", "03", "04"], "fold": ["x", "y", "x", "y"]}).to_csv(by_speaker, index=False)
    folds = np.where(corpus.X["speaker"].isin(["01", "03"]), "x", "y")
    pd.DataFrame({"id": corpus.X.index, "fold": folds}).to_csv(by_id, index=False)
    one, other = resolve_protocol(by_speaker, corpus), resolve_protocol(str(by_id), corpus)
    assert one.description == "folds of speakers.csv (2 folds)"
    assert other.name == "IDS.CSV"
    for a, b in zip(one.folds, other.folds, strict=True):
        assert a.name == b.name
        np.testing.assert_array_equal(a.test, b.test)
        np.testing.assert_array_equal(a.train, b.train)
    assert set(corpus.X["speaker"].iloc[one.folds[0].test]) == {"01", "03"}


def test_splitter(toy):
    corpus = toy()
    plan = resolve_protocol(GroupKFold(2), corpus)
    assert plan.name == "GroupKFold"
    assert plan.description.startswith("GroupKFold(")
    assert plan.speakers_overlap is False
    assert resolve_protocol(KFold(3), corpus).speakers_overlap is True


@pytest.mark.parametrize(
    ("folds", "message"),
    [
        ([(range(24), [30, 31]), (range(24), [31, 32])], "more than once: 'u031'"),
        ([(range(24), [23, 24])], "'fold 1' trains on rows that it tests: 'u023'"),
        ([(range(4), range(24, 48))], "fewer than two emotions"),
        ([([], range(24))], "fewer than two emotions"),
        ([], "tests no row"),
    ],
    ids=["tested twice", "trained and tested", "one class", "nothing to train on", "no fold"],
)
def test_refused(toy, folds, message):
    with pytest.raises(ProtocolError, match=message):
        resolve_protocol(Given(*[(np.array(a, dtype=int), np.array(b, dtype=int)) for a, b in folds]), toy())
