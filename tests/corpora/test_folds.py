"""Folds: who is held out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ferfusion.base.errors import ProtocolError
from ferfusion.corpora.folds import folds_from_csv, folds_from_sets, leave_one_out, official_folds, stratified_folds


@pytest.fixture
def table():
    return pd.DataFrame(
        {"speaker": ["b", "a", "b", "c"], "split": ["train", "dev", "test", "other"]}, index=list("wxyz")
    )


def parts(folds):
    return {fold.name: (fold.train.tolist(), fold.test.tolist()) for fold in folds}


def test_leave_one_out(table):
    expected = {"a": ([0, 2, 3], [1]), "b": ([1, 3], [0, 2]), "c": ([0, 1, 2], [3])}
    assert parts(leave_one_out(table, "speaker")) == expected


def test_any_fact_can_be_held_out(table):
    by_dialogue = table.rename(columns={"speaker": "dialogue"})
    assert parts(leave_one_out(by_dialogue, "dialogue")) == parts(leave_one_out(table, "speaker"))
    with pytest.raises(ProtocolError, match="needs a column 'speaker'"):
        leave_one_out(by_dialogue, "speaker")


def test_leave_one_out_refused(table):
    with pytest.raises(ProtocolError, match="needs a column 'session'"):
        leave_one_out(table, "session")
    with pytest.raises(ProtocolError, match="missing for 'x'"):
        leave_one_out(table.assign(speaker=["a", None, "b", "b"]), "speaker")
    with pytest.raises(ProtocolError, match="all 4 rows are of 'a'"):
        leave_one_out(table.assign(speaker="a"), "speaker")


def test_stratified():
    y = pd.Series(["a"] * 20 + ["b"] * 10)
    folds = stratified_folds(y, n_splits=5, seed=1)
    assert [y.iloc[fold.test].value_counts().to_dict() for fold in folds] == [{"a": 4, "b": 2}] * 5
    assert parts(folds) == parts(stratified_folds(y, n_splits=5, seed=1))
    assert parts(folds) != parts(stratified_folds(y, n_splits=5, seed=2))
    with pytest.raises(ProtocolError, match="need a class of 21 rows at least; the largest has 20"):
        stratified_folds(y, n_splits=21)


def test_official(table):
    assert parts(official_folds(table)) == {"test": ([0, 1], [2])}
    with pytest.raises(ProtocolError, match="needs a column 'split'"):
        official_folds(table[["speaker"]])
    with pytest.raises(ProtocolError, match=r"needs rows of 'train' and of 'test'; it holds 'dev'"):
        official_folds(table.assign(split="dev"))


def test_sets(table):
    sets = pd.Series({"a": "one", "b": "two", "c": "one", "absent": "three"})
    assert parts(folds_from_sets(table, sets, "speaker")) == {"one": ([0, 2], [1, 3]), "two": ([1, 3], [0, 2])}
    by_id = pd.Series({"w": "one", "x": "one", "y": "two", "z": "two"})
    assert parts(folds_from_sets(table, by_id, "id")) == {"one": ([2, 3], [0, 1]), "two": ([0, 1], [2, 3])}
    with pytest.raises(ProtocolError, match="No fold is given for these rows: 'z'"):
        folds_from_sets(table, sets.drop("c"), "speaker")
    with pytest.raises(ProtocolError, match="two sets of rows at least"):
        folds_from_sets(table, pd.Series(dict.fromkeys("abc", "one")), "speaker")


def test_csv(table, tmp_path):
    path = tmp_path / "folds.csv"
    path.write_text("speaker,fold\na,1\nb,2\nc,1\n")
    assert parts(folds_from_csv(path, table)) == {"1": ([0, 2], [1, 3]), "2": ([1, 3], [0, 2])}


def test_csv_of_names_that_look_like_gaps(tmp_path):
    path = tmp_path / "folds.csv"
    path.write_text("speaker,fold\n03,NA\nNA,1\n")
    X = pd.DataFrame({"speaker": ["NA", "03"]}, index=["x", "y"])
    assert parts(folds_from_csv(path, X)) == {"NA": ([0], [1]), "1": ([1], [0])}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speaker,part\na,1\n", "needs a column 'fold' and one of id"),
        ("fold\n1\n", "needs a column 'fold' and one of id"),
        ("session,fold\na,1\n", "gives folds by 'session', which the table does not have"),
        ("speaker,fold\na,1\na,2\nb,1\nc,1\n", "more than once: 'a'"),
        ("speaker,fold\na,1\nb,\nc,1\n", "No fold is given for these rows: 'w', 'y'"),
        ("", "cannot be read"),
    ],
    ids=["no fold", "no key", "other key", "twice", "gap", "empty"],
)
def test_csv_refused(table, tmp_path, text, message):
    path = tmp_path / "folds.csv"
    path.write_text(text)
    with pytest.raises(ProtocolError, match=message):
        folds_from_csv(path, table)


def test_csv_that_is_not_there(table, tmp_path):
    with pytest.raises(ProtocolError, match=r"none\.csv cannot be read"):
        folds_from_csv(tmp_path / "none.csv", table)
    assert np.array_equal(table.index, list("wxyz"))


def test_stratified_folds_leave_out_rows_without_a_label():
    y = pd.Series(["anger", None, "neutral"] * 10)
    folds = stratified_folds(y, 5)
    tested = np.sort(np.concatenate([fold.test for fold in folds]))
    assert tested.tolist() == np.flatnonzero(y.notna()).tolist()
    assert all(y.iloc[fold.train].notna().all() for fold in folds)
