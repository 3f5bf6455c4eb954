"""Emotion names: one vocabulary, coarser classes by name, shares of answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ferfusion.base.errors import CorpusError, UnknownNameError
from ferfusion.corpora.labels import LABEL_MAPS, VOCABULARY, canonical, coarser, map_labels
from ferfusion.corpora.registry import corpus_modules


@pytest.mark.parametrize(
    ("spelt", "name"),
    [
        ("Angry", "anger"),
        (" joy ", "happiness"),
        ("exc", "excitement"),
        ("Neutral state", "neutral"),
        ("ps", "surprise"),
    ],
)
def test_spellings(spelt, name):
    assert canonical(spelt) == name


def test_unknown_spelling_names_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'happiness'"):
        canonical("hapiness")


def test_maps_speak_the_vocabulary():
    for table in LABEL_MAPS.values():
        assert set(table) <= {*VOCABULARY, "negative", "positive"}


def test_every_corpus_speaks_the_vocabulary():
    for module in corpus_modules().values():
        assert set(module.CARD.emotions) <= {*VOCABULARY, "negative", "positive"}, module.CARD.name


def test_iemocaps_four_classes():
    y = pd.Series(["excitement", "happiness", "frustration", "neutral", None], index=list("abcde"))
    assert map_labels(y, "four_class").to_dict() == {
        "a": "happiness",
        "b": "happiness",
        "c": None,
        "d": "neutral",
        "e": None,
    }


def test_own_mapping_takes_labels_as_they_stand():
    assert map_labels(pd.Series(["stressed", "Calm"]), {"stressed": "high"}).tolist() == ["high", None]
    with pytest.raises(UnknownNameError, match="Unknown emotion 'stressed'"):
        map_labels(pd.Series(["stressed"]), "valence")
    with pytest.raises(UnknownNameError, match="set of classes 'valenz'"):
        map_labels(pd.Series(["anger"]), "valenz")


def test_shares_are_summed_and_shared_anew():
    soft = pd.DataFrame(
        {"anger": [0.5, 0.0], "excitement": [0.2, 0.0], "happiness": [0.1, 0.0], "surprise": [0.2, 1.0]},
        index=["a", "b"],
    )
    classes = coarser(soft, "four_class")
    assert classes.columns.tolist() == ["anger", "happiness"]
    np.testing.assert_allclose(classes.loc["a"], [0.625, 0.375])
    assert classes.loc["b"].isna().all()


def test_relabel(toy):
    corpus = toy()
    soft = pd.DataFrame({"anger": 0.25, "neutral": 0.75}, index=corpus.X.index)
    coarse = corpus.replace(soft=soft).relabel("arousal")
    assert coarse.y.value_counts().to_dict() == {"low": 32, "high": 16}
    assert coarse.card.emotions == {"high": 16, "low": 32}
    assert coarse.soft.iloc[0].to_dict() == {"high": 0.25, "low": 0.75}
    only = corpus.relabel({"anger": "yes", "neutral": "no"})
    assert len(only) == 32
    assert only.notes == ("labels by own mapping: 2 classes; left out 16 rows of sadness (16)",)
    with pytest.raises(CorpusError, match="No label of 'toy'"):
        corpus.relabel({"joy": "yes"})
    with pytest.raises(CorpusError, match="has no labels"):
        corpus.replace(y=None).relabel("arousal")
