"""Corpora put into one: ids and people apart, classes in common, one corpus held out."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from ferfusion import evaluate, make_system
from ferfusion.base.errors import CorpusError, ProtocolError, UnknownNameError
from ferfusion.corpora import merge_corpora


def named(corpus, name, **card):
    return corpus.replace(card=replace(corpus.card, name=name, title=name.upper(), **card))


@pytest.fixture
def pair(toy):
    first = toy(classes=("anger", "neutral", "sadness"))
    second = toy(classes=("angry", "joy", "neutral"), seed=1)
    second = second.replace(X=second.X.drop(columns=[c for c in second.X if c.startswith("visual_y")]))
    return named(first, "one"), named(second, "two")


def test_nothing_falls_together(pair):
    both = merge_corpora(pair)
    assert both.y.value_counts().to_dict() == {"anger": 32, "neutral": 32}
    assert both.X.index[0] == "one/u000"
    assert both.X["speaker"].nunique() == 8
    assert set(both.X["corpus"]) == {"one", "two"}
    assert both.card.name == "one+two"
    assert both.protocols() == ["speaker", "corpus", "stratified"]
    assert [(fold.name, len(fold.test)) for fold in both.folds("corpus")] == [("one", 32), ("two", 32)]
    assert both.X.loc["two/u000":, "visual_y__a"].isna().all()
    assert both.X.loc[:"one/u047", "visual_y__a"].notna().all()


def test_all_classes_and_coarser_ones(pair):
    assert set(merge_corpora(pair, classes="all").y) == {"anger", "happiness", "neutral", "sadness"}
    assert merge_corpora(pair, labels="arousal").y.value_counts().to_dict() == {"high": 48, "low": 48}


def test_a_view_is_mute_only_if_it_is_so_everywhere(pair):
    one, two = pair
    one = named(one, "one", uninformative_views=("text", "audio"))
    assert merge_corpora([one, two]).card.uninformative_views == ()
    assert merge_corpora([one, named(two, "two", uninformative_views=("text",))]).card.uninformative_views == ("text",)


def test_soft_labels_notes_and_faults_travel(pair):
    one, two = pair
    one = one.replace(
        soft=pd.DataFrame({"anger": 0.5, "sadness": 0.5}, index=one.X.index),
        ratings=pd.DataFrame({"id": ["u000", "u000"], "rater": ["r1", "r2"]}),
        notes=["seen"],
        faults=[("u000", "odd")],
    )
    both = merge_corpora([one, two])
    assert both.soft.loc["one/u000"].to_dict() == {"anger": 0.5, "sadness": 0.5}
    assert both.soft.loc["two/u000"].isna().all()
    assert both.ratings.to_dict("list") == {"id": ["one/u000"] * 2, "rater": ["r1", "r2"]}
    assert "one: seen" in both.notes
    assert ("one/u000", "odd") in both.faults


def test_official_splits_do_not_survive(pair):
    one, two = pair
    both = merge_corpora([one.replace(X=one.X.assign(split="test")), two])
    assert "split" not in both.X
    with pytest.raises(ProtocolError, match="needs a column 'split'"):
        both.folds("official")


def test_what_cannot_be_merged(pair, toy):
    one, two = pair
    with pytest.raises(CorpusError, match="takes two corpora at least, not 1"):
        merge_corpora([one])
    with pytest.raises(CorpusError, match="different names; twice: 'one'"):
        merge_corpora([one, named(two, "one")])
    with pytest.raises(CorpusError, match="none in 'two'"):
        merge_corpora([one, two.replace(y=None)])
    with pytest.raises(CorpusError, match="no class in common"):
        merge_corpora([one, named(toy(classes=("fear", "disgust", "boredom")), "three")])
    with pytest.raises(UnknownNameError, match="Did you mean 'common'"):
        merge_corpora(pair, classes="comon")


def test_judged_across_corpora(toy):
    pair = [named(toy(), "one"), named(toy(classes=("angry", "neu", "sad"), seed=1), "two")]
    system = make_system("baseline_early", views=["audio_x"])
    found = evaluate(system, merge_corpora(pair), protocol="corpus", verbose=False)
    assert len(found.predictions) == 96
    assert found.scores.loc["uar", "value"] > 0.6
    assert "leave one corpus out" in str(found)
