"""``evaluate``: pooled predictions, nothing learnt from the test part, rows that cannot be used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, recall_score
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from ferfusion.base.adapters import OnFeatures
from ferfusion.base.classifier import TableClassifier
from ferfusion.base.errors import AudioError, FeatureError, LearntViewError, TableError
from ferfusion.catalog import make_system
from ferfusion.context.speaker import SpeakerScaler
from ferfusion.corpora import Corpus
from ferfusion.evaluation import evaluate
from ferfusion.evaluation.preparation import prepare
from ferfusion.features import Views, named_view

QUIET = {"verbose": False}


def plain(C=1.0):
    return Pipeline([("scale", OnFeatures(StandardScaler())), ("classify", TableClassifier(LogisticRegression(C=C)))])


class Spy(ClassifierMixin, BaseEstimator):
    """Notes the rows and labels that it is fitted on."""

    seen: list = []

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        Spy.seen.append((set(X.index), y.to_dict(), self.random_state))
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


@pytest.fixture
def spy():
    Spy.seen = []
    return Spy


def with_rows(corpus, X=None, y=None, **card):
    return Corpus(corpus.X if X is None else X, corpus.y if y is None else y, replace(corpus.card, **card))


def test_equal_to_a_loop_by_hand(toy):
    corpus = toy()
    result = evaluate(plain(), corpus, **QUIET)
    columns = [column for column in corpus.X.columns if "__" in column]
    A, labels, speakers = corpus.X[columns].to_numpy(), corpus.y.to_numpy(dtype=str), corpus.X["speaker"].to_numpy()
    proba = np.empty((len(A), 3))
    for train, test in LeaveOneGroupOut().split(A, labels, speakers):
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(A[train], labels[train])
        proba[test] = model.predict_proba(A[test])
    found = result.predictions
    assert found.index.tolist() == corpus.X.index.tolist()
    assert found["label"].tolist() == labels.tolist()
    assert (found["fold"] == found["speaker"]).all()
    np.testing.assert_allclose(found[["p_anger", "p_neutral", "p_sadness"]], proba, rtol=1e-6)
    predicted = np.array(["anger", "neutral", "sadness"])[proba.argmax(axis=1)]
    assert found["predicted"].tolist() == predicted.tolist()
    assert result.scores.loc["uar", "value"] == pytest.approx(recall_score(labels, predicted, average="macro"))
    assert result.scores.loc["wa", "value"] == pytest.approx(accuracy_score(labels, predicted))
    assert result.timing[["n_train", "n_test"]].to_numpy().tolist() == [[36, 12]] * 4
    assert result.views == ["audio_x", "visual_y"]
    assert result.notes == []


def test_fit_sees_the_training_part_only(toy, spy):
    corpus = toy()
    evaluate(spy(), corpus, seed=5, **QUIET)
    assert len(spy.seen) == 4
    for speaker, (ids, labels, seed) in zip(["01", "02", "03", "04"], spy.seen, strict=True):
        assert ids == set(corpus.X.index[corpus.X["speaker"] != speaker])
        assert labels == corpus.y[list(labels)].to_dict()
        assert seed == 5


@pytest.mark.parametrize("key", ["baseline_early", "baseline_late"])
def test_test_part_teaches_nothing(featured_corpus, key):
    system = make_system(key, views=["audio_egemaps", "text", "visual"], speaker_scaling="train")
    before = evaluate(system, featured_corpus, **QUIET).predictions
    held_out = (featured_corpus.X["speaker"] == "s02").to_numpy()
    rows = np.flatnonzero(held_out)
    kept, spoilt = rows[0], rows[1:]
    X, y = featured_corpus.X.copy(), featured_corpus.y.copy()
    features = [column for column in X.columns if "__" in column]
    factors = np.where(np.isin(np.arange(len(X)), spoilt), 1e4, 1.0)
    X = pd.concat([X.drop(columns=features), X[features].mul(factors, axis=0)], axis=1)
    X.iloc[spoilt, X.columns.get_loc("text")] = "garbage of the test part"
    y.iloc[spoilt] = "anger"
    after = evaluate(system, with_rows(featured_corpus, X, y), **QUIET).predictions
    chances = [column for column in before.columns if column.startswith("p_")]
    np.testing.assert_array_equal(before.iloc[kept][chances], after.iloc[kept][chances])
    # the spoilt rows are training rows of the other folds: there the change shows
    assert not np.allclose(before.loc[~held_out, chances], after.loc[~held_out, chances])


def test_system_and_corpus_stay_as_they_are(featured_corpus):
    system = make_system("baseline_early", views=["visual"])
    before, table = repr(system), featured_corpus.X.copy()
    evaluate(system, featured_corpus, **QUIET)
    assert repr(system) == before
    assert not hasattr(system.named_steps["views"], "views_")
    pd.testing.assert_frame_equal(featured_corpus.X, table)


def test_rows_without_a_label(toy):
    corpus = toy()
    y = corpus.y.astype(object).copy()
    y.iloc[[3, 7]] = None
    gaps = with_rows(corpus, y=y)
    result = evaluate(plain(), gaps, **QUIET)
    assert len(result.predictions) == 46
    assert result.left_out.to_numpy().tolist() == [["u003", "left out: no label"], ["u007", "left out: no label"]]
    with pytest.raises(TableError, match="no label: 'u003', 'u007'"):
        evaluate(plain(), gaps, strict=True, **QUIET)
    with pytest.raises(TableError, match="no label"):
        evaluate(plain(), with_rows(corpus, y=pd.Series(None, index=y.index, dtype=object)), **QUIET)
    with pytest.raises(TableError, match="has no labels: its table needs a column 'emotion'"):
        evaluate(plain(), Corpus(corpus.X, None, corpus.card), **QUIET)


def test_unreadable_recordings(small_corpus, tmp_path):
    corpus = with_rows(small_corpus.select(small_corpus.X.index[:32]))
    ids = corpus.X.index
    sounds = list(corpus.X["audio"])
    sounds[4] = np.zeros(16000, dtype=np.float32)
    sounds[9] = np.full(16000, np.nan, dtype=np.float32)
    cells = np.empty(len(sounds), dtype=object)
    cells[:] = sounds
    spoilt = with_rows(corpus, corpus.X[["speaker", "sampling_rate", "text"]].assign(audio=pd.Series(cells, index=ids)))
    result = evaluate(make_system("baseline_early", views=["audio_egemaps"]), spoilt, **QUIET)
    assert set(result.left_out["id"]) == {ids[4], ids[9]}
    assert result.left_out["reason"].str.contains("silent").any()
    assert result.left_out["reason"].str.contains("NaN").any()
    assert (result.left_out["reason"] == "left out: no view could be computed").sum() == 2
    assert result.predictions.index.tolist() == [id_ for i, id_ in enumerate(ids) if i not in (4, 9)]
    with pytest.raises(AudioError, match=ids[4]):
        evaluate(make_system("baseline_early", views=["audio_egemaps"]), spoilt, strict=True, **QUIET)
    # with words beside it, the row is judged by those, and still listed
    both = prepare(make_system("baseline_late", views=["audio_egemaps", "text"]), spoilt, **QUIET)
    assert len(both[1]) == 32
    assert both[2]["id"].tolist() == [ids[4], ids[9]]


def test_nothing_to_judge_by(small_corpus):
    corpus = small_corpus.select(small_corpus.X.index[:12])
    mute = np.empty(12, dtype=object)
    mute[:] = [np.zeros(1600, dtype=np.float32)] * 12
    X = corpus.X[["speaker", "sampling_rate"]].assign(audio=pd.Series(mute, index=corpus.X.index))
    with pytest.raises(TableError, match=r"No row can be judged\. The first reason: audio_egemaps: .*silent"):
        evaluate(make_system("baseline_early", views=["audio_egemaps"]), with_rows(corpus, X), **QUIET)


@pytest.mark.parametrize(
    "after",
    [
        lambda table: table,
        lambda table: pd.concat([table.iloc[40:], table.iloc[:40]]),
        lambda table: table.iloc[::2],
        lambda table: table.rename(columns=str).copy(),
    ],
    ids=["as it is", "concat", "iloc", "renamed"],
)
@pytest.mark.parametrize("how", ["ngrams", "scaled", "speaker"])
def test_learnt_columns_are_refused(small_corpus, toy, how, after):
    corpus = small_corpus if how == "ngrams" else toy()
    if how == "ngrams":
        table = Views([named_view("text_tfidf")]).fit_transform(corpus.X[["text", "speaker"]])
    else:
        step = OnFeatures(StandardScaler()) if how == "scaled" else SpeakerScaler()
        table = step.fit(corpus.X).transform(corpus.X)
    table = after(table)
    with pytest.raises(LearntViewError, match="learnt from data"):
        evaluate(plain(), with_rows(corpus, table, corpus.y.loc[table.index]), **QUIET)


def test_uninformative_views_are_skipped_unless_named(featured_corpus):
    corpus = with_rows(featured_corpus, uninformative_views=("text",))
    assert evaluate(make_system("baseline_early", skip=["audio"]), corpus, **QUIET).views == ["visual_au"]
    named = evaluate(make_system("baseline_early", views=["text", "visual"]), corpus, **QUIET)
    assert named.views == ["text_tfidf", "visual_au"]
    with pytest.raises(FeatureError, match=r"No view of the corpus .* text_tfidf: left out by name"):
        evaluate(make_system("baseline_early", skip=["audio", "visual"]), corpus, **QUIET)


def test_note_counts_rows_scaled_by_their_speaker(toy):
    corpus = toy(n_rows=48)
    X = corpus.X.copy()
    X.loc[X.index[X["speaker"] == "04"][:4], "speaker"] = ["05", "05", "05", "05"]
    note = evaluate(Pipeline([("speaker", SpeakerScaler("self")), *plain().steps]), with_rows(corpus, X), **QUIET)
    assert note.predictions["speaker_scaling"].value_counts().to_dict() == {"self": 36, "train": 12}
    assert note.notes == [
        "Speaker scaling 'self': the unlabelled recordings of the test speaker were used, all at once, for 36 of 48 "
        "test utterances."
    ]
    other = evaluate(Pipeline([("speaker", SpeakerScaler("train")), *plain().steps]), with_rows(corpus, X), **QUIET)
    assert (other.predictions["speaker_scaling"] == "train").all()
    assert other.notes == []


def test_class_that_occurs_once_can_only_be_missed(toy):
    corpus = toy()
    y = corpus.y.copy()
    y.iloc[5] = "surprise"
    result = evaluate(plain(), with_rows(corpus, y=y), **QUIET)
    row = result.predictions.iloc[5]
    assert row["label"] == "surprise"
    assert row["p_surprise"] == 0.0
    assert (result.predictions["p_surprise"].drop(result.predictions.index[5]) > 0).any()
    assert result.scores.loc["uar", "value"] == pytest.approx(
        recall_score(result.predictions["label"], result.predictions["predicted"], average="macro", zero_division=0)
    )


def test_missing_values_travel_to_the_imputer(toy):
    corpus = toy()
    X = corpus.X.copy()
    X.iloc[::5, 1] = np.nan
    steps = [("impute", OnFeatures(SimpleImputer())), *plain().steps]
    assert len(evaluate(Pipeline(steps), with_rows(corpus, X), **QUIET).predictions) == 48


def test_two_processes_give_what_one_gives(toy):
    one, two = (evaluate(plain(), toy(), n_jobs=n, **QUIET) for n in (1, 2))
    pd.testing.assert_frame_equal(one.predictions, two.predictions)
    assert one.timing["fold"].tolist() == two.timing["fold"].tolist()


def test_seeds(featured_corpus):
    from sklearn.ensemble import RandomForestClassifier

    system = make_system("baseline_early", views=["visual"], classifier=RandomForestClassifier(5), random_state=None)
    first, again, other = (evaluate(system, featured_corpus, seed=seed, **QUIET) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.predictions, again.predictions)
    pd.testing.assert_frame_equal(first.scores, again.scores)
    assert not first.predictions.equals(other.predictions)


def test_names(toy, small_corpus, tmp_path):
    corpus = toy()
    assert evaluate(plain(), corpus, **QUIET).system == "Pipeline"
    assert evaluate("baseline_early", corpus, name="mine", **QUIET).system == "mine"
    path = tmp_path / "table.csv"
    corpus.X.assign(emotion=corpus.y).rename_axis("id").to_csv(path)
    by_path = evaluate("baseline_early", path, **QUIET)
    assert (by_path.system, by_path.corpus) == ("baseline_early", "table")
    pd.testing.assert_frame_equal(
        by_path.predictions, evaluate("baseline_early", corpus, **QUIET).predictions, check_dtype=False, rtol=1e-9
    )
