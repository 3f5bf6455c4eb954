"""What every corpus keeps, found by looking in the folder."""

import inspect
from pathlib import Path

import pytest

from ferfusion import cite, list_corpora
from ferfusion.corpora.registry import corpus_modules

ROOT = Path(__file__).parents[2]
CORPORA = sorted(corpus_modules())


@pytest.mark.parametrize("name", CORPORA)
def test_card(name):
    module = corpus_modules()[name]
    card = module.CARD
    assert card.name == name
    assert card.title
    assert card.license
    assert card.where_to_get
    assert card.layout
    assert card.notes
    if card.emotions:
        assert sum(card.emotions.values()) == card.n_utterances
    # people are kept apart by speaker, or by video where speakers are not known
    assert {"speaker", "video_id"} & set(card.protocols)
    assert card.downloads or card.ask or card.where_to_get.startswith("http") or name == "synthetic"
    assert card.tested_on
    assert "overlap" in card.protocols["stratified"]
    assert set(card.uninformative_views) <= set(card.modalities)
    assert "root" in inspect.signature(module.load).parameters
    assert inspect.getdoc(module.load)
    assert name in list_corpora().index
    if card.citation:
        assert f"{{{card.citation}," in cite(name)


@pytest.mark.parametrize("name", CORPORA)
def test_the_data_page_tells_the_same(name):
    card = corpus_modules()[name].CARD
    page = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    line = next(line for line in page.splitlines() if line.startswith(f"| `{name}`"))
    for protocol in card.protocols:
        assert f"`{protocol}`" in line
