"""Finished folds are kept, and used again only for the very same run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from ferfusion.corpora import Corpus
from ferfusion.evaluation import evaluate
from ferfusion.evaluation.checkpoint import FoldStore


class Counted(ClassifierMixin, BaseEstimator):
    """Leaves a file at every fit; stops after some, as a kill would."""

    def __init__(self, folder, strength=1.0, stop_after=None, n_jobs=None):
        self.folder = folder
        self.strength = strength
        self.stop_after = stop_after
        self.n_jobs = n_jobs

    def fit(self, X, y):
        done = len(list(self.folder.iterdir()))
        if self.stop_after is not None and done >= self.stop_after:
            raise KeyboardInterrupt
        (self.folder / f"fit{done}").touch()
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_ = counts**self.strength / (counts**self.strength).sum()
        return self

    def predict_proba(self, X):
        return np.tile(self.shares_, (len(X), 1))


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "fits").mkdir()
    return tmp_path / "fits", tmp_path / "kept"


def n_fits(folder):
    return len(list(folder.iterdir()))


def judged(corpus, folders, seed=0, protocol="speaker", **parameters):
    fits, kept = folders
    return evaluate(Counted(fits, **parameters), corpus, protocol, seed, checkpoint=kept, verbose=False)


def test_second_run_fits_nothing(toy, folders):
    first = judged(toy(), folders)
    assert n_fits(folders[0]) == 4
    again = judged(toy(), folders)
    assert n_fits(folders[0]) == 4
    pd.testing.assert_frame_equal(first.predictions, again.predictions)
    pd.testing.assert_frame_equal(first.timing, again.timing)


def test_killed_run_goes_on(toy, folders):
    with pytest.raises(KeyboardInterrupt):
        judged(toy(), folders, stop_after=2)
    assert n_fits(folders[0]) == 2
    # the parameter that stops it is one of the system's: only the key decides, so it must not differ
    with pytest.raises(KeyboardInterrupt):
        judged(toy(), folders, stop_after=2)
    assert n_fits(folders[0]) == 2
    for path in folders[0].iterdir():
        path.unlink()
    whole = judged(toy(), folders, stop_after=2)
    assert n_fits(folders[0]) == 2
    assert len(whole.predictions) == 48


def changed(corpus, what):
    X, y = corpus.X.copy(), corpus.y.copy()
    if what == "label":
        y.iloc[0] = "sadness"
    elif what == "feature":
        X.iloc[0, X.columns.get_loc("audio_x__a")] += 1e-9
    elif what == "speakers":
        X["speaker"] = X["speaker"].replace({"01": "02", "02": "01"})
    elif what == "row":
        X, y = X.iloc[1:], y.iloc[1:]
    return Corpus(X, y, corpus.card)


@pytest.mark.parametrize("what", ["label", "feature", "speakers", "row"])
def test_other_data_is_not_confused(toy, folders, what):
    corpus = toy()
    judged(corpus, folders, protocol="stratified")
    n = n_fits(folders[0])
    judged(changed(corpus, what), folders, protocol="stratified")
    assert n_fits(folders[0]) == 2 * n


@pytest.mark.parametrize("other", [{"seed": 1}, {"strength": 2.0}, {"protocol": "stratified"}], ids=str)
def test_other_runs_are_not_confused(toy, folders, other):
    judged(toy(), folders)
    judged(toy(), folders, **other)
    assert n_fits(folders[0]) > 4


def test_what_only_concerns_speed_is_no_other_run(toy, folders):
    judged(toy(), folders)
    judged(toy(), folders, n_jobs=1)
    assert n_fits(folders[0]) == 4


def test_without_a_folder_nothing_is_kept():
    store = FoldStore(None, "key")
    store.put(0, pd.DataFrame(), {})
    assert store.get(0) is None


def test_half_a_fold_does_not_count(tmp_path):
    store = FoldStore(tmp_path, "key")
    predictions = pd.DataFrame({"label": ["03"], "speaker": [None]}, index=pd.Index(["007"], name="id"))
    assert store.get(0) is None
    store.put(0, predictions, {"fold": "03", "fit_s": 0.5})
    found, facts = FoldStore(tmp_path, "key").get(0)
    assert found.index.tolist() == ["007"]
    assert found["label"].tolist() == ["03"]
    assert facts == {"fold": "03", "fit_s": 0.5}
    assert FoldStore(tmp_path, "other").get(0) is None
    (tmp_path / "key" / "fold_000.json").unlink()
    assert store.get(0) is None
