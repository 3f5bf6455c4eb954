"""Selectors by swarms: what is returned is what was judged, again and again, even after a kill."""

import pickle
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import f_classif
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import make_scorer, recall_score
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ferfusion.base import OnFeatures
from ferfusion.base.errors import ProtocolError, SelectionError, UnknownNameError
from ferfusion.selection.base import inner_splits
from ferfusion.selection.grey_wolf import GreyWolfSelector
from ferfusion.selection.swarm.binarise import BINARISATIONS
from ferfusion.selection.swarm.checkpoint import digest
from ferfusion.selection.swarm.moves import MOVES
from ferfusion.selection.swarm.selector import SwarmSelector
from ferfusion.selection.swarm.starts import STARTS

SMALL = {"n_iterations": 3, "cv": 3, "random_state": 0}


def data(n=60, d=14, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    X = rng.normal(size=(n, d))
    X[:, :4] += rng.normal(size=(classes, min(d, 4)))[y]
    return X, np.array(["anger", "fear", "joy", "calm"])[y]


def wolves(**parameters):
    return GreyWolfSelector(**{"n_wolves": 5, **SMALL, **parameters})


def swarm(**parameters):
    return SwarmSelector(**{"n_agents": 5, **SMALL, **parameters})


def same(one, other):
    for name in ("support_", "history_", "fitness_", "score_", "n_evaluations_", "n_iterations_", "seed_"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


class TestExactness:
    @pytest.mark.parametrize("binarise", BINARISATIONS)
    @pytest.mark.parametrize("move", MOVES)
    def test_mask_rescores_to_the_fitness_reported(self, move, binarise):
        X, y = data()
        fitted = swarm(move=move, binarise=binarise, start="sparse").fit(X, y)
        assert fitted.rescore(X, y) == fitted.fitness_
        same(clone(fitted).fit(X, y), fitted)
        kept = pickle.loads(pickle.dumps(fitted))
        same(kept, fitted)
        assert kept.rescore(X, y) == fitted.fitness_

    @pytest.mark.parametrize(
        "parameters",
        [
            {"binarise": "crossover"},
            {"binarise": "threshold"},
            {"variant": "dimension_learning"},
            {"decay": "quadratic", "opposition": True},
            {"decay": "exponential", "n_features_max": 2},
            *({"start": start} for start in STARTS),
        ],
        ids=str,
    )
    def test_variants(self, parameters):
        X, y = data()
        fitted = wolves(**parameters).fit(X, y)
        assert fitted.rescore(X, y) == fitted.fitness_
        assert 1 <= fitted.support_.sum() <= parameters.get("n_features_max", 14)
        same(clone(fitted).fit(X, y), fitted)

    @pytest.mark.parametrize(
        "estimator",
        [
            KNeighborsClassifier(3),
            RidgeClassifier(),
            LinearDiscriminantAnalysis(),
            make_pipeline(StandardScaler(), GaussianNB()),
            RandomForestClassifier(3),
        ],
        ids=lambda e: type(e).__name__,
    )
    def test_estimators(self, estimator):
        X, y = data()
        fitted = wolves(estimator=estimator).fit(X, y)
        assert fitted.rescore(X, y) == fitted.fitness_

    def test_fitness_by_hand(self):
        X, y = data()
        folds = list(StratifiedKFold(4).split(X, y))
        judge = make_pipeline(StandardScaler(), KNeighborsClassifier(5))
        fitted = wolves(cv=folds, alpha=0.7).fit(X, y)
        kept = X[:, fitted.support_]
        score = cross_val_score(judge, kept, y, cv=folds, scoring="balanced_accuracy").mean()
        assert fitted.score_ == score
        assert fitted.fitness_ == pytest.approx(0.7 * (1 - score) + 0.3 * kept.shape[1] / 14, abs=1e-15)

    def test_losses_are_made_small(self):
        X, y = data()
        fitted = wolves(estimator=GaussianNB(), scoring="neg_log_loss", alpha=1.0).fit(X, y)
        assert fitted.fitness_ == -fitted.score_ > 0
        assert fitted.rescore(X, y) == fitted.fitness_

    def test_any_metric(self):
        X, y = data()
        scoring = make_scorer(recall_score, labels=["joy"], average="macro")
        fitted = wolves(scoring=scoring, n_iterations=10, alpha=1.0).fit(X, y)
        assert fitted.rescore(X, y) == fitted.fitness_
        by_all = wolves(n_iterations=10, alpha=1.0).fit(X, y)
        assert fitted.score_ > cross_val_score_of(by_all, X, y, scoring) - 1e-12

    def test_never_worse_than_the_filters_it_starts_from(self):
        X, y = data(d=40)
        fitted = wolves(alpha=1.0, n_wolves=6).fit(X, y)
        best = np.argsort(-f_classif(X, y)[0], kind="stable")
        splits = inner_splits(3, X, y, None, fitted.seed_)
        judge = make_pipeline(StandardScaler(), KNeighborsClassifier(5))
        for k in (10, 1, 3):
            score = cross_val_score(judge, X[:, np.sort(best[:k])], y, cv=splits, scoring="balanced_accuracy").mean()
            assert fitted.score_ >= score

    @pytest.mark.parametrize("make", [wolves, swarm])
    def test_number_of_jobs_changes_nothing(self, make):
        X, y = data()
        same(make(n_jobs=2).fit(X, y), make(n_jobs=1).fit(X, y))

    def test_nor_does_it_without_a_fast_path(self):
        X, y = data()
        slow = {"estimator": GaussianNB(), "n_iterations": 1}
        with parallel_config("threading"):  # new processes would take seconds
            same(wolves(n_jobs=2, **slow).fit(X, y), wolves(**slow).fit(X, y))

    def test_seeds(self):
        X, y = data()
        assert wolves(random_state=0).fit(X, y).seed_ != wolves(random_state=1).fit(X, y).seed_
        one, other = wolves(random_state=None).fit(X, y), wolves(random_state=None).fit(X, y)
        assert one.seed_ != other.seed_
        same(wolves(random_state=np.random.RandomState(3)).fit(X, y), wolves(random_state=3).fit(X, y))


def cross_val_score_of(fitted, X, y, scoring):
    splits = inner_splits(3, X, y, None, fitted.seed_)
    judge = make_pipeline(StandardScaler(), KNeighborsClassifier(5))
    return cross_val_score(judge, X[:, fitted.support_], y, cv=splits, scoring=scoring).mean()


class TestSearch:
    def test_better_than_random_masks_and_the_same_filter(self):
        """Two strong columns with many noisy copies, and weaker ones that add to them."""
        gains = []
        for seed in range(2):
            rng = np.random.default_rng(seed)
            n, y = 120, np.arange(120) % 4
            X = rng.normal(size=(n, 60))
            X[:, :8] += (rng.normal(size=(4, 8)) * np.linspace(1.2, 0.7, 8))[y]
            X[:, 8:28] = X[:, rng.integers(2, size=20)] + 0.3 * rng.normal(size=(n, 20))
            fitted = GreyWolfSelector(random_state=seed, cv=3, alpha=1.0).fit(X, y)
            size = int(fitted.support_.sum())
            order = np.argsort(-f_classif(X, y)[0])
            same_size = np.zeros((21, 60), dtype=bool)
            same_size[0, order[:size]] = True
            for mask in same_size[1:]:
                mask[rng.choice(60, size, replace=False)] = True
            scores = []
            for mask in same_size:
                fitted_like = clone(fitted)
                fitted_like.support_, fitted_like.seed_, fitted_like.n_features_in_ = mask, fitted.seed_, 60
                scores.append(1 - fitted_like.rescore(X, y))
            gains.append((fitted.score_ - scores[0], fitted.score_ - np.max(scores[1:])))
        assert np.mean(gains, axis=0).min() > 0.03

    def test_history(self):
        X, y = data()
        fitted = wolves(n_iterations=6).fit(X, y)
        assert fitted.history_.shape == (7, 4)
        assert (np.diff(fitted.history_[:, 0]) <= 0).all()
        assert fitted.history_[-1, 0] == fitted.fitness_
        assert fitted.history_[-1, 2] == fitted.support_.sum()
        assert fitted.history_[:, 3].tolist() == [5 * i for i in range(1, 8)]
        assert fitted.n_evaluations_ == 35

    def test_variants_that_cost_more_say_so(self):
        X, y = data()
        assert wolves(variant="dimension_learning").fit(X, y).n_evaluations_ == 5 + 3 * 10
        assert wolves(opposition=True).fit(X, y).n_evaluations_ == 10 + 3 * 5

    def test_patience_stops(self):
        X, y = data()
        fitted = wolves(n_iterations=60, patience=4).fit(X, y)
        assert fitted.n_iterations_ < 60
        tail = fitted.history_[-5:, 0]
        assert (tail == tail[0]).all()
        assert len(fitted.history_) == fitted.n_iterations_ + 1

    def test_no_moves_at_all_is_the_best_start(self):
        X, y = data()
        fitted = wolves(n_iterations=0).fit(X, y)
        assert fitted.n_evaluations_ == 5
        assert fitted.rescore(X, y) == fitted.fitness_

    def test_ranking_by_name_function_or_scores(self):
        X, y = data()
        scores = np.zeros(14)
        scores[[9, 11]] = 2, 1
        fitted = wolves(ranking=scores, n_iterations=0, n_wolves=1, n_features_max=2).fit(X, y)
        assert fitted.get_support(indices=True).tolist() == [9, 11]
        fitted = wolves(ranking=lambda X, y: scores, n_iterations=0, n_wolves=1, n_features_max=2).fit(X, y)
        assert fitted.get_support(indices=True).tolist() == [9, 11]
        same(wolves(ranking="anova").fit(X, y), wolves().fit(X, y))
        wolves(ranking="mutual_information").fit(X, y)

    def test_a_move_of_ones_own(self):
        X, y = data()
        fitted = swarm(move=MOVES["whale"]).fit(X, y)
        same(fitted, swarm(move="whale").fit(X, y))
        eager = swarm(move="genetic", move_options={"mutation": 0.5}).fit(X, y)
        assert not np.array_equal(eager.history_, swarm(move="genetic").fit(X, y).history_)

    def test_verbose(self, capfd):
        X, y = data()
        wolves(n_iterations=1, verbose=True).fit(X, y)
        wolves(n_iterations=1).fit(X, y)
        assert capfd.readouterr().out == ""


class TestGroups:
    def test_inner_folds_tear_no_group_apart(self):
        X, y = data()
        groups = np.repeat(np.arange(6), 10)
        fitted = wolves().fit(X, y, groups=groups)
        splits = inner_splits(3, X, y, groups, fitted.seed_)
        judge = make_pipeline(StandardScaler(), KNeighborsClassifier(5))
        kept = X[:, fitted.support_]
        assert fitted.score_ == cross_val_score(judge, kept, y, cv=splits, scoring="balanced_accuracy").mean()
        for train, test in splits:
            assert not set(groups[train]) & set(groups[test])
        assert fitted.rescore(X, y, groups) == fitted.fitness_

    def test_a_splitter_gets_the_groups(self):
        X, y = data()
        groups = np.repeat(np.arange(6), 10)
        fitted = wolves(cv=GroupKFold(3)).fit(X, y, groups)
        assert fitted.rescore(X, y, groups) == fitted.fitness_

    def test_groups_of_a_table_arrive(self):
        X, y = data()
        names = [f"audio_x__f{i}" for i in range(14)]
        table = pd.DataFrame(X, columns=names, index=[f"u{i}" for i in range(60)])
        table["speaker"] = np.repeat(list("abcdef"), 10)
        fitted = OnFeatures(wolves()).fit(table, y)
        inner = fitted.transformer_
        assert inner.rescore(X, y) == inner.fitness_
        by_hand = wolves(cv=inner.cv).fit(X, y)
        same(by_hand, inner)
        kept = [column for column in fitted.transform(table) if "__" in column]
        assert kept == [name for name, keep in zip(names, inner.support_, strict=True) if keep]

    def test_wrong_length(self):
        X, y = data()
        with pytest.raises(SelectionError, match="7 groups for 60 samples"):
            wolves().fit(X, y, groups=np.zeros(7))


class TestEdges:
    @pytest.mark.parametrize("move", MOVES)
    def test_one_column(self, move):
        X, y = data(d=1)
        fitted = swarm(move=move).fit(X, y)
        assert fitted.support_.tolist() == [True]
        assert fitted.rescore(X, y) == fitted.fitness_

    def test_constant_and_duplicate_columns(self):
        X, y = data()
        X = np.hstack([np.zeros((60, 2)), X[:, [0, 0, 0]], np.full((60, 1), 7.0)])
        fitted = wolves().fit(X, y)
        assert fitted.rescore(X, y) == fitted.fitness_
        nothing = wolves().fit(np.ones((60, 4)), y)
        assert nothing.support_.any()
        assert nothing.rescore(np.ones((60, 4)), y) == nothing.fitness_

    def test_more_columns_than_samples(self):
        X, y = data(n=15, d=200)
        fitted = wolves().fit(X, y)
        assert fitted.rescore(X, y) == fitted.fitness_
        assert fitted.support_.sum() <= 60

    def test_a_class_that_is_absent_from_folds(self):
        X, y = data(n=31, classes=2)
        y = np.where(np.arange(31) == 30, "calm", y)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
            fitted = wolves().fit(X, y)
            assert fitted.rescore(X, y) == fitted.fitness_

    def test_fewer_samples_than_neighbours(self):
        X, y = data(n=6, classes=2)
        fitted = wolves(cv=2).fit(X, y)
        assert fitted.rescore(X, y) == fitted.fitness_

    def test_no_folds_possible(self):
        X, y = data(n=3)
        with pytest.raises(ProtocolError):
            wolves().fit(X, y)

    def test_missing_values(self):
        X, y = data()
        X[3, 2] = np.nan
        with pytest.raises(ValueError, match="Input X contains NaN"):
            wolves().fit(X, y)

    def test_one_class(self):
        X, _ = data()
        with pytest.raises(SelectionError, match="one class only"):
            wolves().fit(X, np.zeros(60, dtype=int))

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"n_wolves": 0}, "'n_wolves' is a whole number from 1 on, not 0"),
            ({"n_iterations": -1}, "'n_iterations' is a whole number from 0 on"),
            ({"n_iterations": 2.5}, "'n_iterations' is a whole number"),
            ({"patience": 0}, "'patience'"),
            ({"n_features_max": 0}, "'n_features_max'"),
            ({"alpha": 1.5}, r"'alpha' is a number in \[0, 1\], not 1.5"),
            ({"ranking": np.ones(3)}, r"shape \(3,\), but there are 14"),
            ({"binarise": "crossover", "variant": "dimension_learning"}, "goes with variant='plain' only"),
            ({"checkpoint": "/nowhere/at/all/file.npz"}, "there is no folder"),
        ],
    )
    def test_parameters_out_of_range(self, parameters, message):
        X, y = data()
        with pytest.raises(SelectionError, match=message):
            wolves(**parameters).fit(X, y)

    @pytest.mark.parametrize("name", ["binarise", "variant", "decay", "start", "ranking"])
    def test_unknown_names(self, name):
        X, y = data()
        with pytest.raises(UnknownNameError, match="'nonsense'"):
            wolves(**{name: "nonsense"}).fit(X, y)

    def test_unknown_move(self):
        X, y = data()
        with pytest.raises(UnknownNameError, match="'whale'"):
            swarm(move="wale").fit(X, y)

    def test_empty_masks_are_never_returned(self):
        X, y = data()
        fitted = swarm(move=nobody, n_iterations=4).fit(X, y)
        assert fitted.support_.any()
        assert np.isfinite(fitted.fitness_)

    def test_everything_is_in_the_parameters(self):
        assert set(vars(GreyWolfSelector())) == set(GreyWolfSelector().get_params())
        assert "n_agents" not in GreyWolfSelector().get_params()


def nobody(swarm, rng):
    """A move after which no agent holds a column."""
    return MOVES["grey_wolf"](swarm, rng)._replace(candidates=np.full((1, *swarm.positions.shape), -9.0))


KILLED = """
import sys
import numpy as np
sys.path.insert(0, {tests!r})
from test_grey_wolf import data, {make}
X, y = data()
print("begins", flush=True)
{make}(n_iterations=120, checkpoint={path!r}, {parameters}).fit(X, y)
"""


class TestCheckpoints:
    def stop_after(self, n, monkeypatch, failure=KeyboardInterrupt):
        """Let a search stop in the middle of its n-th save after this."""
        from ferfusion.selection.swarm.checkpoint import Checkpoint

        saved, real = [], Checkpoint.save

        def save(self, swarm, rng):
            if len(saved) == n:
                raise failure
            real(self, swarm, rng)
            saved.append(swarm.iteration)

        monkeypatch.setattr(Checkpoint, "save", save)

    @pytest.mark.parametrize("parameters", ["", "random_state=None, variant='dimension_learning'"])
    def test_a_killed_search_goes_on_to_the_same_result(self, tmp_path, parameters):
        X, y = data()
        path = tmp_path / "search.npz"
        program = KILLED.format(
            tests=str(__file__).rsplit("/", 1)[0], make="wolves", path=str(path), parameters=parameters
        )
        killed = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(float(np.random.default_rng().uniform(0, 0.1)))
        killed.send_signal(signal.SIGKILL)
        assert killed.wait() == -signal.SIGKILL
        killed.stdout.close()
        given = eval(f"dict({parameters})")
        resumed = wolves(n_iterations=120, checkpoint=path, **given).fit(X, y)
        # without a seed of its own the search goes by the one that the file holds
        if given.get("random_state", 0) is None:
            assert resumed.rescore(X, y) == resumed.fitness_
            again = wolves(n_iterations=120, checkpoint=path, **given).fit(X, y)
        else:
            again = wolves(n_iterations=120, **given).fit(X, y)
        same(resumed, again)

    @pytest.mark.parametrize("move", MOVES)
    @pytest.mark.parametrize("n_saved", [1, 4])
    def test_interrupted_anywhere(self, tmp_path, monkeypatch, move, n_saved):
        X, y = data()
        parameters = {"move": move, "n_iterations": 6, "start": "sparse"}
        whole = swarm(**parameters).fit(X, y)
        path = tmp_path / "search.npz"
        with monkeypatch.context() as patch:
            self.stop_after(n_saved, patch)
            with pytest.raises(KeyboardInterrupt, match=r"after \d of 6 moves.*goes on from .*search\.npz"):
                swarm(checkpoint=path, **parameters).fit(X, y)
        same(swarm(checkpoint=path, **parameters).fit(X, y), whole)
        # a finished one is only read
        same(swarm(checkpoint=path, **parameters).fit(X, y), whole)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["search.npz"]

    def test_interrupted_before_anything_is_saved(self, tmp_path, monkeypatch):
        X, y = data()

        def interrupted(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr("ferfusion.selection.swarm.selector.begin", interrupted)
        with pytest.raises(KeyboardInterrupt, match=r"at the start.*begins anew"):
            wolves(checkpoint=tmp_path / "a.npz").fit(X, y)
        with pytest.raises(KeyboardInterrupt, match="With a 'checkpoint' it could go on"):
            wolves().fit(X, y)
        assert not list(tmp_path.iterdir())

    def test_a_failed_save_leaves_the_last_one(self, tmp_path, monkeypatch):
        X, y = data()
        path = tmp_path / "search.npz"
        with monkeypatch.context() as patch:
            self.stop_after(2, patch, OSError("disk full"))
            with pytest.raises(OSError, match="disk full"):
                wolves(checkpoint=path).fit(X, y)
        same(wolves(checkpoint=path).fit(X, y), wolves().fit(X, y))

    @pytest.mark.parametrize(
        ("changed", "differs"),
        [
            ({"alpha": 0.5}, "alpha differs"),
            ({"n_wolves": 6}, "n_wolves differs"),
            ({"decay": "quadratic", "binarise": "v_shaped"}, "binarise, decay differ"),
            ({"cv": 4}, "folds differs"),
            ({"random_state": 1}, "folds, random_state differ"),
            ({"estimator": KNeighborsClassifier(3)}, "estimator differs"),
            ({"n_iterations": 9}, "n_iterations differs"),
        ],
    )
    def test_of_another_search(self, tmp_path, changed, differs):
        X, y = data()
        path = tmp_path / "search.npz"
        wolves(checkpoint=path).fit(X, y)
        with pytest.raises(SelectionError, match=rf"belongs to another search: {differs}\."):
            wolves(checkpoint=path, **changed).fit(X, y)
        # how it is computed and shown is no part of it
        wolves(checkpoint=str(path), n_jobs=2, verbose=False).fit(X, y)

    def test_of_other_data(self, tmp_path):
        X, y = data()
        path = tmp_path / "search.npz"
        wolves(checkpoint=path).fit(X, y)
        X[0, 0] += 1e-9
        with pytest.raises(SelectionError, match="another search: data differs"):
            wolves(checkpoint=path).fit(X, y)

    def test_what_is_no_checkpoint(self, tmp_path):
        X, y = data()
        path = tmp_path / "search.npz"
        for content in (b"", b"nonsense", b"PK\x03\x04 cut"):
            path.write_bytes(content)
            for seed in (0, None):
                with pytest.raises(SelectionError, match="not a checkpoint"):
                    wolves(checkpoint=path, random_state=seed).fit(X, y)
            assert path.read_bytes() == content
        np.savez(path, rest=np.arange(3))
        with pytest.raises(SelectionError, match="not a checkpoint"):
            wolves(checkpoint=path).fit(X, y)

    def test_a_folder_serves_many_searches(self, tmp_path):
        X, y = data()
        one = wolves(checkpoint=tmp_path).fit(X, y)
        other = wolves(checkpoint=tmp_path, alpha=0.5).fit(X, y)
        wolves(checkpoint=tmp_path).fit(X[:50], y[:50])
        assert len(list(tmp_path.iterdir())) == 3
        same(wolves(checkpoint=tmp_path).fit(X, y), one)
        same(wolves(checkpoint=tmp_path, alpha=0.5).fit(X, y), other)
        assert len(list(tmp_path.iterdir())) == 3
        with pytest.raises(SelectionError, match="needs a 'random_state'"):
            wolves(checkpoint=tmp_path, random_state=None).fit(X, y)

    def test_nothing_is_pickled(self, tmp_path):
        X, y = data()
        path = tmp_path / "search.npz"
        wolves(checkpoint=path, estimator=RidgeClassifier()).fit(X, y)
        with np.load(path, allow_pickle=False) as stored:
            assert all(stored[name].dtype != object for name in stored.files)

    def test_digests_tell_apart_and_together(self):
        class Own:
            pass

        assert digest(Own()) == digest(Own())
        assert digest(np.arange(3)) != digest(np.arange(3.0))
        assert digest(np.arange(4)) != digest(np.arange(4).reshape(2, 2))
        assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
        assert digest(["a"]) != digest(("a",))
        assert digest(np.sin) != digest(np.cos)
        assert digest(KNeighborsClassifier(3)) != digest(KNeighborsClassifier(4))
        assert digest(make_pipeline(KNeighborsClassifier(3))) != digest(make_pipeline(KNeighborsClassifier(4)))
        assert digest(np.array(["a", None], dtype=object)) == digest(np.array(["a", None], dtype=object))
