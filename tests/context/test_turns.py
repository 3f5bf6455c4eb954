"""Turns in order: by number, whatever the order of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ferfusion.base.errors import TableError, UnknownNameError
from ferfusion.context.turns import dialogue_rows, neighbour_turns


@pytest.fixture
def table():
    rows = [("d", 0, "a"), ("d", 3, "b"), ("d", 10, "a"), ("e", 0, "b"), ("e", 1, None), ("e", 2, "b"), (None, 5, "a")]
    return pd.DataFrame(rows, columns=["dialogue", "turn", "speaker"], index=list("uvwxyzo"))


def by_id(X, found):
    return {X.index[row]: [X.index[other] for other in others] for row, others in found}


@pytest.mark.parametrize("seed", range(3))
def test_order_is_that_of_turns(table, seed):
    X = table.iloc[np.random.default_rng(seed).permutation(len(table))]
    assert [X.index[rows].tolist() for rows in dialogue_rows(X)] == [["u", "v", "w"], ["x", "y", "z"]]


def test_turns_as_text_count_as_numbers(table):
    texts = table.assign(turn=table["turn"].astype(str))
    assert [rows.tolist() for rows in dialogue_rows(texts)] == [[0, 1, 2], [3, 4, 5]]


def test_missing_turn_is_in_no_dialogue(table):
    table["turn"] = table["turn"].astype(float)
    table.loc["v", "turn"] = np.nan
    assert [rows.tolist() for rows in dialogue_rows(table)] == [[0, 2], [3, 4, 5]]
    assert dialogue_rows(table.assign(turn=np.nan)) == []


@pytest.mark.parametrize("X", [{"a": [1]}, {"dialogue": [None], "turn": [1]}])
def test_no_dialogues(X):
    assert dialogue_rows(pd.DataFrame(X, index=["u"])) == []


def test_faults_are_named(table):
    with pytest.raises(TableError, match="no column 'turn'"):
        dialogue_rows(table.drop(columns="turn"))
    with pytest.raises(TableError, match=r"must be numbers.*'v'"):
        dialogue_rows(table.assign(turn=[0, "third", 2, 0, 1, 2, 3]))
    with pytest.raises(TableError, match="Turn 3 of the dialogue 'd' is there more than once: 'v', 'w'"):
        dialogue_rows(table.assign(turn=[0, 3, 3, 0, 1, 2, 3]))


@pytest.mark.parametrize(
    ("n", "who", "after", "expected"),
    [
        (1, "all", False, {"v": ["u"], "w": ["v"], "y": ["x"], "z": ["y"]}),
        (2, "all", False, {"v": ["u"], "w": ["v", "u"], "y": ["x"], "z": ["y", "x"]}),
        (None, "all", True, {"u": ["v", "w"], "v": ["w"], "x": ["y", "z"], "y": ["z"]}),
        (1, "same", False, {"w": ["u"], "z": ["x"]}),
        (2, "other", False, {"v": ["u"], "w": ["v"]}),
        (1, "other", True, {"u": ["v"], "v": ["w"]}),
        (0, "all", False, {}),
    ],
)
def test_neighbours(table, n, who, after, expected):
    # y has no speaker: it is neither the same nor another
    assert by_id(table, neighbour_turns(table, n, who=who, after=after)) == expected


def test_unknown_choice(table):
    with pytest.raises(UnknownNameError, match="Did you mean 'other'"):
        list(neighbour_turns(table, 1, who="others"))
