"""A fitted system asked about new rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression

from ferfusion import make_system
from ferfusion.base.classifier import TableClassifier
from ferfusion.base.errors import TableError
from ferfusion.evaluation.inference import predict_rows


@pytest.fixture(scope="module")
def early(featured_corpus):
    return make_system("baseline_early", views=["audio_egemaps"]).fit(featured_corpus.X, featured_corpus.y)


@pytest.fixture(scope="module")
def late(featured_corpus):
    system = make_system("baseline_late", views=["audio_egemaps", "text_tfidf", "visual"])
    return system.fit(featured_corpus.X, featured_corpus.y)


@pytest.fixture
def rows(small_corpus):
    return small_corpus.X.iloc[:6][["audio", "sampling_rate", "text"]]


def chances(found):
    return found[[column for column in found.columns if column.startswith("p_")]].to_numpy()


def test_equal_to_predict(early, rows):
    found = predict_rows(early, rows)
    assert found.index.tolist() == rows.index.tolist()
    np.testing.assert_allclose(chances(found), early.predict_proba(rows))
    assert found["emotion"].tolist() == early.predict(rows).tolist()
    assert [column.removeprefix("p_") for column in found if column.startswith("p_")] == early.classes_.tolist()
    assert (found["fault"] == "").all()
    assert (found["speaker_scaling"] == "train").all()


def test_broken_rows_are_told_and_the_others_go_on(early, small_corpus, tmp_path):
    good = tmp_path / "good.wav"
    soundfile.write(good, small_corpus.X["audio"].iloc[0], 16000)
    (tmp_path / "broken.wav").write_bytes(b"not sound")
    paths = [str(good), str(tmp_path / "broken.wav"), str(tmp_path / "none.wav"), None]
    table = pd.DataFrame({"audio": pd.Series(paths, index=["good", "broken", "absent", "blank"], dtype=object)})
    found = predict_rows(early, table)
    assert found["emotion"].notna().tolist() == [True, False, False, False]
    assert found.loc["good", "fault"] == ""
    assert "cannot be read as sound" in found.loc["broken", "fault"]
    assert "does not exist" in found.loc["absent", "fault"]
    assert found.loc["blank", "fault"] == "nothing of this row can be judged: no view that the model reads"
    assert np.isnan(chances(found)[1:]).all()
    assert chances(found)[0].sum() == pytest.approx(1)


def test_nothing_can_be_judged(early):
    found = predict_rows(early, pd.DataFrame({"text": ["hello"]}, index=["a"]))
    assert found["emotion"].tolist() == [None]
    assert found["fault"].iloc[0].startswith("nothing of this row can be judged")


def test_judged_by_words_where_the_sound_is_broken(late, rows):
    table = rows.copy()
    sounds = np.empty(len(table), dtype=object)
    sounds[:] = [np.zeros(1600, dtype=np.float32), *table["audio"].iloc[1:]]
    table["audio"] = sounds
    found = predict_rows(late, table)
    assert found["emotion"].notna().all()
    assert "silent" in found["fault"].iloc[0]
    assert (found["fault"].iloc[1:] == "").all()
    alone = predict_rows(late, table[["text"]])
    np.testing.assert_allclose(chances(found)[0], chances(alone)[0])


def test_policies(early, small_corpus):
    table = small_corpus.X.copy()
    of_one = table[table["speaker"] == "s01"]
    ten = predict_rows(early, of_one.iloc[:10])
    nine = predict_rows(early, of_one.iloc[:9])
    assert set(ten["speaker_scaling"]) == {"self"}
    assert set(nine["speaker_scaling"]) == {"train"}
    assert not np.allclose(chances(ten)[:9], chances(nine))
    unknown = predict_rows(early, of_one.iloc[:10].drop(columns="speaker"))
    np.testing.assert_allclose(chances(unknown)[:9], chances(nine))


def test_model_without_views_or_scaling(toy):
    corpus = toy()
    model = TableClassifier(LogisticRegression()).fit(corpus.X, corpus.y)
    found = predict_rows(model, corpus.X)
    assert (found["speaker_scaling"] == "none").all()
    np.testing.assert_allclose(chances(found), model.predict_proba(corpus.X))


def test_ids_must_be_unique(early, rows):
    with pytest.raises(TableError, match="occur more than once"):
        predict_rows(early, pd.concat([rows, rows]))
