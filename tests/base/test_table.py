"""The grammar of the table: what is a feature, what is a fact, and what is refused by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ferfusion.base.errors import TableError, UnknownNameError
from ferfusion.base.table import (
    LEARNT,
    check_table,
    columns_of,
    drop_views,
    facts_of,
    features_of,
    frames_of,
    groups_of,
    has_frames,
    is_feature,
    learnt_views,
    match_views,
    modality_of,
    origin_column,
    present_rows,
    replace_features,
    texts_of,
    view_of,
    views_of,
    with_view,
)


@pytest.fixture
def table():
    frames = np.empty(3, dtype=object)
    frames[:] = [np.arange(6.0).reshape(3, 2), None, np.ones((1, 2))]
    return pd.DataFrame(
        {
            "speaker": ["s1", None, "s2"],
            "audio_a__x": [1.0, 2.0, np.nan],
            "text_b__y__z": np.array([1, 2, 3], dtype=np.int64),
            "audio_a__w": np.array([4.0, 5.0, np.nan], dtype=np.float32),
            "audio_mel__frames": frames,
        },
        index=["u1", "u2", "u3"],
    )


def test_names(table):
    assert views_of(table) == ["audio_a", "text_b", "audio_mel"]
    assert facts_of(table) == ["speaker"]
    assert columns_of(table) == ["audio_a__x", "audio_a__w", "text_b__y__z", "audio_mel__frames"]
    assert columns_of(table, "text_b") == ["text_b__y__z"]
    assert columns_of(table, ["text_b", "audio_a"]) == ["audio_a__x", "audio_a__w", "text_b__y__z"]
    assert columns_of(table, []) == []
    assert view_of("text_b__y__z") == "text_b"
    assert modality_of("audio_a_long_name") == "audio"
    assert not is_feature(7)
    assert not is_feature("audio_a@origin")


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ("audio", ["audio_a", "audio_b"]),
        (["text_c", "audio_b"], ["audio_b", "text_c"]),
        (["audio_a", "audio"], ["audio_a", "audio_b"]),
        ([], []),
    ],
)
def test_match_views(patterns, expected):
    assert match_views(["audio_a", "audio_b", "text_c"], patterns) == expected


def test_match_views_of_unknown_name():
    with pytest.raises(UnknownNameError, match=r"Unknown view 'audio_aa'\. Did you mean 'audio_a'\?"):
        match_views(["audio_a", "text_c"], ["audio_aa"])
    assert match_views(["audio_a"], ["visual"], strict=False) == []
    # a part of a modality's or a view's name is neither
    assert match_views(["audio_a"], ["aud"], strict=False) == []


def test_good_table_is_handed_back(table):
    assert check_table(table, need=["speaker"], features=True) is table


def test_not_a_table():
    with pytest.raises(TableError, match=r"pandas DataFrame .* not ndarray"):
        check_table(np.zeros((2, 2)))
    with pytest.raises(TableError, match="no rows"):
        check_table(pd.DataFrame({"audio": []}))


def test_duplicate_ids_are_named():
    X = pd.DataFrame({"text": list("abcde")}, index=["u1", "u2", "u1", "u3", "u3"])
    with pytest.raises(TableError, match=r"more than once: 'u1', 'u3'\."):
        check_table(X)


def test_bad_column_names():
    with pytest.raises(TableError, match=r"must be strings; these are not: '0', '1'"):
        check_table(pd.DataFrame([[1, 2]], index=["u1"]))
    doubled = pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"], index=["u1"])
    with pytest.raises(TableError, match=r"unique; .*: 'a'\."):
        check_table(doubled)


def test_needed_columns():
    X = pd.DataFrame({"text": ["a"]}, index=["u1"])
    with pytest.raises(TableError, match=r"lacks the column 'speaker', 'audio'; it has 'text'"):
        check_table(X, need=["speaker", "text", "audio"])
    with pytest.raises(TableError, match="no feature columns"):
        check_table(X, features=True)


@pytest.mark.parametrize("kind", [np.float32, np.float64, "Float64"])
def test_infinite_values_are_named_by_row_and_column(kind):
    X = pd.DataFrame({"audio_a__x": [1.0, np.inf], "audio_a__w": [0.0, -np.inf]}, index=["u1", "u2"]).astype(kind)
    with pytest.raises(TableError, match=r"row 'u2' holds an infinite value in 'audio_a__x' \(2 such values"):
        check_table(X)


def test_features_that_are_no_numbers():
    X = pd.DataFrame({"audio_a__x": ["1", "2"], "audio_a__w": [0.0, 1.0]}, index=["u1", "u2"])
    with pytest.raises(TableError, match=r"must hold numbers; these do not: 'audio_a__x'\."):
        check_table(X)


def test_features_are_a_copy_of_ones_own(table):
    before = table.copy(deep=True)
    A = features_of(table)
    np.testing.assert_array_equal(A, [[1, 4, 1], [2, 5, 2], [np.nan, np.nan, 3]])
    assert A.dtype == np.float64
    assert A.flags.writeable
    assert A.flags.c_contiguous
    A[:] = -1
    pd.testing.assert_frame_equal(table, before)


def test_features_of_nullable_columns():
    X = pd.DataFrame({"audio_a__x": pd.array([1, None], dtype="Int64")}, index=["u1", "u2"])
    np.testing.assert_array_equal(features_of(check_table(X)), [[1.0], [np.nan]])


def test_features_of_one_view(table):
    np.testing.assert_array_equal(features_of(table, "text_b"), [[1], [2], [3]])
    assert features_of(table, ["audio_mel"]).shape == (3, 0)


def test_frames(table):
    assert has_frames(table, "audio_mel")
    assert not has_frames(table, "audio_a")
    frames = frames_of(table, "audio_mel")
    assert [None if f is None else f.shape for f in frames] == [(3, 2), None, (1, 2)]


@pytest.mark.parametrize("kind", ["str", object, "string"])
def test_missing_text_is_none(kind):
    X = pd.DataFrame({"text": pd.Series(["hello", None, "  ", ""], dtype=kind)})
    assert texts_of(X) == ["hello", None, None, None]


def test_text_of_odd_columns():
    X = pd.DataFrame({"text": pd.Series([np.nan, 3.5, "yes"], dtype=object)})
    assert texts_of(X) == [None, None, "yes"]
    assert texts_of(X, "translation") == [None, None, None]
    assert texts_of(pd.DataFrame({"text": [np.nan, np.nan]})) == [None, None]


def test_present_rows(table):
    np.testing.assert_array_equal(present_rows(table, "audio_a"), [True, True, False])
    np.testing.assert_array_equal(present_rows(table, ["audio_mel"]), [True, False, True])
    np.testing.assert_array_equal(present_rows(table, "visual_none"), [False, False, False])
    np.testing.assert_array_equal(present_rows(table), [True, True, True])


@pytest.mark.parametrize("kind", ["str", object, "category"])
def test_groups_are_speakers_first(kind):
    X = pd.DataFrame({"dialogue": ["d1", "d1", "d2"], "speaker": ["b", "a", "b"], "video_id": ["v"] * 3})
    assert groups_of(X.astype(kind)).tolist() == ["b", "a", "b"]


def test_groups_fall_back_on_dialogue_then_video():
    X = pd.DataFrame({"speaker": [None] * 3, "dialogue": ["d1", "d1", "d2"], "video_id": ["v1", "v2", "v2"]})
    assert groups_of(X).tolist() == ["d1", "d1", "d2"]
    assert groups_of(X.assign(dialogue=np.nan)).tolist() == ["v1", "v2", "v2"]
    assert groups_of(X[["video_id"]]).tolist() == ["v1", "v2", "v2"]


def test_row_without_speaker_is_a_group_of_its_own():
    X = pd.DataFrame({"speaker": ["a", None, None, "a"], "dialogue": ["d"] * 4}, index=["u1", "u2", "u3", "u4"])
    groups = groups_of(X)
    assert groups[0] == groups[3]
    assert len(set(groups)) == 3


def test_no_groups():
    assert groups_of(pd.DataFrame({"text": ["a"]})) is None
    assert groups_of(pd.DataFrame({"speaker": [None], "dialogue": [np.nan]})) is None


def test_groups_by_number():
    X = pd.DataFrame({"speaker": [10, 2, 10]})
    assert groups_of(X).tolist() == ["10", "2", "10"]


def test_view_is_added_and_replaced(table):
    more = with_view(table, "visual_au", np.array([[1.0, 2.0]] * 3), ["a", "b"], origin=["p", "q", "r"])
    assert columns_of(more, "visual_au") == ["visual_au__a", "visual_au__b"]
    assert more["visual_au@origin"].tolist() == ["p", "q", "r"]
    assert "visual_au__a" not in table.columns
    again = with_view(more, "visual_au", np.zeros((3, 1)), ["c"])
    assert columns_of(again, "visual_au") == ["visual_au__c"]
    assert "visual_au@origin" not in again.columns


@pytest.mark.parametrize("shapes", [[(3, 2), None, (1, 2)], [(2, 2), (2, 2), (2, 2)]])
def test_frame_view_of_equal_or_different_lengths(table, shapes):
    cells = [None if shape is None else np.full(shape, 1.5) for shape in shapes]
    more = with_view(table, "audio_lld", cells, [])
    assert [None if f is None else f.shape for f in frames_of(more, "audio_lld")] == shapes


def test_drop_views(table):
    marked = table.assign(**{origin_column("audio_a"): LEARNT})
    kept = drop_views(marked, ["audio_a", "no_such"])
    assert kept.columns.tolist() == ["speaker", "text_b__y__z", "audio_mel__frames"]


def test_replaced_features_keep_facts_frames_and_other_views(table):
    marked = table.assign(**{origin_column("audio_a"): "maker"})
    out = replace_features(marked, np.array([[7.0], [8.0], [9.0]]), ["joint__pc"], views=["audio_a", "audio_mel"])
    assert out.columns.tolist() == ["speaker", "text_b__y__z", "audio_mel__frames", "audio_a@origin", "joint__pc"]
    assert out["joint__pc"].tolist() == [7.0, 8.0, 9.0]


def test_learnt_views(table):
    assert learnt_views(table) == []
    marked = table.assign(**{origin_column("audio_a"): ["f:1", None, LEARNT], origin_column("text_b"): "f:2"})
    assert learnt_views(marked) == ["audio_a"]
