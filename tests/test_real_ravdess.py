"""The main job on real faces and voices: RAVDESS with its action units, on published folds."""

import numpy as np

from ferfusion import evaluate, load_corpus, make_system


def test_late_fusion_reaches_what_it_should_on_the_published_folds(corpus_folder):
    corpus = load_corpus("ravdess", corpus_folder("ravdess"))
    system = make_system("baseline_late")
    assert system["fuse"].rule == "product"  # as its card says
    result = evaluate(system, corpus, protocol="luna2022", verbose=False)
    assert len(result.predictions) == 1440
    assert result.protocol["n_folds"] == 5
    assert result.protocol["speakers_overlap"] is False
    assert result.views == ["audio_egemaps", "audio_compare", "visual_au"]
    assert result.scores.loc["wa", "value"] >= 0.85
    proba = result.predictions[[f"p_{name}" for name in result.classes]].to_numpy()
    assert (proba >= 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
    assert "1440 of 1440" in " ".join(result.notes)
