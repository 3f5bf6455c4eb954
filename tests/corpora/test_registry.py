"""Corpora by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ferfusion import cite, list_corpora, load_corpus
from ferfusion.base.errors import CorpusError, UnknownNameError
from ferfusion.corpora.registry import corpus_modules


def test_list():
    listed = list_corpora()
    assert listed.index.name == "name"
    assert {"emodb", "ravdess", "synthetic"} <= set(listed.index)
    assert listed.loc["emodb", ["utterances", "speakers", "classes"]].tolist() == [535, 10, 7]
    assert listed.loc["ravdess", "modalities"] == "audio text visual"
    assert (listed["license"] != "").all()


@pytest.mark.parametrize("name", corpus_modules())
def test_cards(name):
    card = corpus_modules()[name].CARD
    assert card.name == name
    if card.emotions:
        assert sum(card.emotions.values()) == card.n_utterances
    assert re.fullmatch("[a-z0-9]+", name)
    if card.citation:
        assert card.citation in cite(name)


def test_unknown_name():
    with pytest.raises(UnknownNameError, match=r"Unknown corpus 'emobd'\. Did you mean 'emodb'\?"):
        load_corpus("emobd")


def test_options_reach_the_loader(tmp_path):
    corpus = load_corpus("synthetic", tmp_path, n_speakers=2, n_utterances=10, views=("audio",))
    assert len(corpus) == 10
    assert len(list(tmp_path.glob("*.wav"))) == 10


def test_manifest_by_path(tmp_path):
    path = tmp_path / "Mine.CSV"
    path.write_text("id,text\na,hello\n")
    assert load_corpus(path).card.name == load_corpus(str(path)).card.name == "Mine"
    with pytest.raises(CorpusError, match="does not exist"):
        load_corpus(Path("no") / "such.csv")
