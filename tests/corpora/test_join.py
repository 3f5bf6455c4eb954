"""Feature tables of others, joined by id."""

from __future__ import annotations

import pandas as pd
import pytest

from ferfusion.base.errors import CorpusError
from ferfusion.base.table import frames_of
from ferfusion.corpora import Corpus, join_features


@pytest.fixture
def corpus(toy):
    return toy(n_rows=12)


def table(ids, **columns):
    return pd.DataFrame({"clip": ids, **columns})


def test_by_first_column(corpus, tmp_path):
    path = tmp_path / "faces.csv"
    table(["u002", "u000", "other"], note="x", visual_au__a=[2.0, 0.5, 9.0]).to_csv(path, index=False)
    joined = join_features(corpus, path)
    assert joined.views == ["audio_x", "visual_y", "visual_au"]
    assert joined.X["visual_au__a"].dropna().to_dict() == {"u000": 0.5, "u002": 2.0}
    assert joined.X.index.tolist() == corpus.X.index.tolist()
    assert "note" not in joined.X.columns
    assert joined.notes == ("views 'visual_au' joined from faces.csv for 2 of 12 rows",)
    assert corpus.views == ["audio_x", "visual_y"]


def test_by_id_column_or_index(corpus, tmp_path):
    path = tmp_path / "a.csv"
    table(["x", "y"], id=["u001", "u000"], audio_z__a=[1.0, 2.0]).to_csv(path, index=False)
    assert join_features(corpus, path).X["audio_z__a"].iloc[:2].tolist() == [2.0, 1.0]
    other = tmp_path / "a.parquet"
    pd.DataFrame({"audio_z__a": [1.0, 2.0]}, index=["u001", "u000"]).to_parquet(other)
    assert join_features(corpus, other).X["audio_z__a"].iloc[:2].tolist() == [2.0, 1.0]


def test_json_lines_with_frames(corpus, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "u001", "audio_mel__frames": [[1, 2], [3, 4]]}\n{"id": "u000", "audio_z__a": 1}\n')
    joined = join_features(corpus, path)
    assert joined.views == ["audio_x", "visual_y", "audio_mel", "audio_z"]
    first, second, *others = frames_of(joined.X, "audio_mel")
    assert first is None
    assert others == [None] * 10
    assert second.tolist() == [[1, 2], [3, 4]]
    assert joined.X["audio_z__a"].dropna().to_dict() == {"u000": 1}


def test_view_that_is_there_gives_way(corpus, tmp_path):
    path = tmp_path / "a.csv"
    table(["u000"], audio_x__new=[7.0]).to_csv(path, index=False)
    joined = join_features(corpus, path)
    assert [column for column in joined.X if column.startswith("audio_x")] == ["audio_x__new"]
    assert joined.X["audio_x__new"].notna().sum() == 1


def test_ids_that_look_like_numbers(corpus, tmp_path):
    numbered = corpus.X.set_axis([f"{i:03d}" for i in range(12)])
    path = tmp_path / "a.csv"
    table(["001", "010"], text_t__a=[1.0, 10.0]).to_csv(path, index=False)
    joined = join_features(Corpus(numbered, None, corpus.card), path)
    assert joined.X["text_t__a"].dropna().to_dict() == {"001": 1.0, "010": 10.0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (table(["u000"], loudness=[1.0]), "has no feature columns"),
        (table(["u000", "u000"], audio_z__a=[1.0, 2.0]), "more than once: 'u000'"),
        (
            table(["wrong"], audio_z__a=[1.0]),
            r"No id of .* \(such as 'wrong'\) is one of the corpus \(such as 'u000'\)",
        ),
    ],
    ids=["no features", "twice", "other ids"],
)
def test_refused(corpus, tmp_path, given, message):
    path = tmp_path / "a.csv"
    given.to_csv(path, index=False)
    with pytest.raises(CorpusError, match=message):
        join_features(corpus, path)
