"""What all tests share: nothing is written to the user's home, and two small corpora are made once."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ferfusion.base.card import CorpusCard
from ferfusion.corpora import Corpus, make_corpus
from ferfusion.features import Views, named_view

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory):
    """Feature store and caches in folders that vanish; no corpus by an environment variable of the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FERFUSION_STORE", str(tmp_path_factory.mktemp("store")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("FERFUSION_DATA", raising=False)
        yield


@pytest.fixture(scope="session")
def corpora_root() -> Path:
    """Folder of the real corpora; the test is skipped where there is none."""
    stated = os.environ.get("FERFUSION_CORPORA")
    root = Path(stated) if stated else ROOT.parent / "shared" / "corpora"
    if not root.is_dir():
        pytest.skip(f"no real corpora: {root} is not there (FERFUSION_CORPORA names another folder)")
    return root


@pytest.fixture(scope="session")
def corpus_folder(corpora_root):
    """Folder of one real corpus; that it is missing beside the others is a failure."""

    def folder(name: str) -> Path:
        path = corpora_root / name
        if not path.is_dir():
            pytest.fail(f"{corpora_root} is there, but holds no {name}/")
        return path

    return folder


@pytest.fixture(scope="session")
def small_corpus() -> Corpus:
    """80 synthetic utterances of 4 speakers: sound, words, action units. Not to be changed."""
    return make_corpus(n_speakers=4, n_utterances=80)


@pytest.fixture(scope="session")
def featured_corpus(small_corpus) -> Corpus:
    """The small corpus with ``audio_egemaps`` computed. Not to be changed."""
    table, faults = Views([named_view("audio_egemaps")], verbose=False).extract(small_corpus.X)
    assert faults.empty
    return Corpus(table, small_corpus.y, small_corpus.card, truth=small_corpus.truth)


@pytest.fixture(scope="session")
def toy():
    """Factory of corpora of ready-made numbers, which cost nothing to judge."""

    def make(n_speakers: int = 4, n_rows: int = 48, classes=("anger", "neutral", "sadness"), seed: int = 0) -> Corpus:
        rng = np.random.default_rng(seed)
        index = [f"u{i:03d}" for i in range(n_rows)]
        codes = np.arange(n_rows) // n_speakers % len(classes)
        X = pd.DataFrame({"speaker": [f"{i % n_speakers + 1:02d}" for i in range(n_rows)]}, index=index)
        for view, strength in (("audio_x", 1.5), ("visual_y", 1.0)):
            for j, name in enumerate("abc"):
                X[f"{view}__{name}"] = rng.standard_normal(n_rows) + strength * (codes == j)
        y = pd.Series(np.array(classes)[codes], index=index)
        card = CorpusCard(name="toy", title="Numbers", modalities=("audio", "visual"))
        return Corpus(X, y, card)

    return make


def pytest_collection_modifyitems(items):
    """Begin with the two long files, so that other workers do the rest meanwhile."""
    long = ("test_real_ravdess.py", "test_real_emodb.py")
    items.sort(key=lambda item: long.index(item.path.name) if item.path.name in long else len(long))
