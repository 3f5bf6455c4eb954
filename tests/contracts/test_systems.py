"""What every system keeps, found by looking in the folder."""

import inspect
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from ferfusion import cite, evaluate, list_systems, load_model, make_system, save_model
from ferfusion.base.table import modality_of, views_of
from ferfusion.catalog import system_card, system_modules
from ferfusion.corpora import make_corpus

SYSTEMS = sorted(system_modules())


@pytest.fixture(scope="module")
def corpus():
    return make_corpus(n_speakers=6, n_utterances=120, seed=5)


def small(key, **more):
    return make_system(key, **{**system_card(key).small, **more})


def test_the_folder_and_the_list_agree():
    folder = Path(inspect.getfile(system_modules()[SYSTEMS[0]])).parent
    files = sorted(path.stem for path in folder.glob("*.py") if not path.name.startswith("_"))
    assert files == SYSTEMS == sorted(list_systems().index)


@pytest.mark.parametrize("key", SYSTEMS)
def test_card_and_file(key):
    card, module = system_card(key), system_modules()[key]
    assert card.key == key
    assert card.title
    assert set(map(modality_of, card.views)) <= {"audio", "text", "visual"}
    assert card.fusion in ("none", "feature", "decision", "hybrid", "intermediate")
    assert card.chosen or card.stated
    assert cite(key).startswith("@")
    source = Path(inspect.getfile(module)).read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 120
    assert "class " not in [line[:6] for line in source.splitlines()]
    assert inspect.getdoc(module.make)
    for parameter in inspect.signature(module.make).parameters.values():
        assert parameter.default is not inspect.Parameter.empty
        assert f"{parameter.name} :" in inspect.getdoc(module.make)


@pytest.mark.parametrize("key", SYSTEMS)
def test_better_than_chance_on_speakers_not_heard(key, corpus):
    result = evaluate(small(key), corpus, verbose=False)
    assert result.scores.loc["uar", "low"] > 1.5 / corpus.n_classes
    assert result.protocol["speakers_overlap"] is False
    assert set(result.views) == {"audio_egemaps", "text_tfidf", "visual_au"}
    again = evaluate(small(key), corpus, verbose=False)
    np.testing.assert_array_equal(again.predictions["p_anger"], result.predictions["p_anger"])


@pytest.mark.parametrize("key", SYSTEMS)
def test_reads_only_its_views(key, corpus):
    X, y = corpus.X.iloc[:80], corpus.y.iloc[:80]
    noise = X.assign(text="something else entirely")
    system = small(key, views=["audio_egemaps", "visual"]).fit(X, y)
    np.testing.assert_array_equal(system.predict_proba(X), system.predict_proba(noise))
    assert views_of(system["views"].transform(X)) == ["visual_au", "audio_egemaps"]


@pytest.mark.parametrize("key", SYSTEMS)
def test_saved_loaded_and_asked_about_a_raw_recording(key, corpus, tmp_path):
    X, y = corpus.X.iloc[:80], corpus.y.iloc[:80]
    system = clone(small(key)).fit(X, y)
    file = make_corpus(n_speakers=2, n_utterances=10, seed=9, folder=tmp_path).X.iloc[[0]]
    file = file[["audio"]]
    expected = system.predict_proba(file)
    np.testing.assert_allclose(expected.sum(), 1)
    loaded = load_model(save_model(system, tmp_path / "model.skops"))
    np.testing.assert_array_equal(loaded.predict_proba(file), expected)
    joblib.dump(system, tmp_path / "plain.joblib")
    np.testing.assert_array_equal(joblib.load(tmp_path / "plain.joblib").predict_proba(file), expected)
