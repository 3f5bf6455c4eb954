"""Search of hyper-parameters by swarms, against scikit-learn's own searches."""

import numpy as np
import pytest
from joblib import parallel_config
from scipy.stats import loguniform, randint, uniform
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from ferfusion.base.errors import SelectionError, UnknownNameError
from ferfusion.selection.search_cv import SwarmSearchCV
from ferfusion.selection.swarm.moves import MOVES
from ferfusion.selection.swarm.state import everywhere

X, Y = make_classification(90, 6, n_informative=4, n_classes=3, random_state=0)
SMALL = {"n_agents": 4, "n_iterations": 3, "random_state": 0, "cv": 3}
MACHINE = {"C": loguniform(1e-3, 1e3), "gamma": loguniform(1e-4, 1e1)}
ON_NUMBERS = sorted(set(MOVES) - {"binary_grey_wolf"})


@pytest.mark.parametrize("move", ON_NUMBERS)
def test_scores_are_those_of_cross_validation(move):
    search = SwarmSearchCV(SVC(), MACHINE, move=move, **SMALL).fit(X, Y)
    results = search.cv_results_
    for params, score in list(zip(results["params"], results["mean_test_score"], strict=True))[::5]:
        assert score == cross_val_score(SVC(**params), X, Y, cv=3).mean()
    assert search.best_score_ == results["mean_test_score"].max()
    assert search.best_params_ == results["params"][search.best_index_]
    assert search.history_[-1, 0] == -search.best_score_
    np.testing.assert_array_equal(search.predict(X), SVC(**search.best_params_).fit(X, Y).predict(X))


@pytest.mark.parametrize("move", ON_NUMBERS)
def test_values_lie_within_their_distributions(move):
    distributions = {
        "kneighborsclassifier__n_neighbors": randint(1, 8),
        "kneighborsclassifier__weights": ["uniform", "distance"],
        "kneighborsclassifier__p": uniform(1, 2),
        "standardscaler": [StandardScaler(), MinMaxScaler(), "passthrough"],
    }
    model = make_pipeline(StandardScaler(), KNeighborsClassifier())
    search = SwarmSearchCV(model, distributions, move=move, error_score="raise", **SMALL).fit(X, Y)
    for params in search.cv_results_["params"]:
        neighbours = params["kneighborsclassifier__n_neighbors"]
        assert type(neighbours) is int
        assert 1 <= neighbours < 8
        assert type(params["kneighborsclassifier__p"]) is float
        assert 1 <= params["kneighborsclassifier__p"] <= 3


@pytest.mark.parametrize("move", ON_NUMBERS)
def test_no_setting_is_tried_twice(move):
    search = SwarmSearchCV(
        RidgeClassifier(), {"alpha": [0.1, 1.0, 10.0], "fit_intercept": [True, False]}, move=move, **SMALL
    )
    tried = [tuple(params.values()) for params in search.fit(X, Y).cv_results_["params"]]
    assert len(tried) == len(set(tried)) <= 6
    assert search.history_[-1, 3] >= 16


def test_small_grids_are_searched_to_the_end():
    grid = {"C": [0.01, 0.1, 1.0, 10.0], "gamma": [0.01, 0.1, 1.0]}
    best = GridSearchCV(SVC(), grid, cv=3).fit(X, Y).best_score_
    found = [
        SwarmSearchCV(SVC(), grid, n_agents=6, n_iterations=6, cv=3, random_state=s).fit(X, Y).best_score_
        for s in range(4)
    ]
    assert np.mean(np.equal(found, best)) >= 0.6


def test_a_peak_is_found_better_than_by_chance():
    class Peak(RidgeClassifier):
        def score(self, X, y=None):
            return -abs(np.log10(self.alpha) - 2.2)

    alphas = {"alpha": loguniform(1e-6, 1e6)}
    ours, theirs = [], []
    for seed in range(4):
        settings = {"n_agents": 6, "n_iterations": 6, "random_state": seed, "cv": 2}
        search = SwarmSearchCV(Peak(), alphas, **settings).fit(X, Y)
        ours.append(search.best_score_)
        drawn = loguniform(1e-6, 1e6).rvs(len(search.cv_results_["params"]), random_state=seed)
        theirs.append(-np.abs(np.log10(drawn) - 2.2).min())
    assert np.mean(ours) > np.mean(theirs)


def test_same_seed_same_search_whatever_the_jobs():
    one = SwarmSearchCV(SVC(), MACHINE, **SMALL).fit(X, Y)
    with parallel_config("threading"):  # new processes would take seconds
        other = clone(one).set_params(n_jobs=2).fit(X, Y)
    assert one.cv_results_["params"] == other.cv_results_["params"]
    np.testing.assert_array_equal(one.history_, other.history_)
    third = clone(one).set_params(random_state=1).fit(X, Y)
    assert one.cv_results_["params"] != third.cv_results_["params"]


def test_groups_reach_the_splitter():
    groups = np.repeat(np.arange(6), 15)
    search = SwarmSearchCV(SVC(), MACHINE, **{**SMALL, "cv": GroupKFold(3)}).fit(X, Y, groups=groups)
    score = cross_val_score(SVC(**search.best_params_), X, Y, cv=GroupKFold(3), groups=groups).mean()
    assert search.best_score_ == score


def test_several_metrics():
    scoring = ["accuracy", "f1_macro"]
    search = SwarmSearchCV(SVC(), MACHINE, scoring=scoring, refit="f1_macro", **SMALL).fit(X, Y)
    assert search.best_score_ == search.cv_results_["mean_test_f1_macro"].max() == -search.history_[-1, 0]
    assert "mean_test_accuracy" in search.cv_results_
    with pytest.raises(SelectionError, match="'refit' must name"):
        SwarmSearchCV(SVC(), MACHINE, scoring=scoring, refit=False, **SMALL).fit(X, Y)


def test_settings_that_fail_lead_nobody():
    search = SwarmSearchCV(SVC(), {"C": uniform(-1, 2)}, **{**SMALL, "n_agents": 8})
    with pytest.warns() as caught:
        search.fit(X, Y)
    assert {warning.category.__name__ for warning in caught} <= {"FitFailedWarning", "UserWarning"}
    assert search.best_params_["C"] > 0
    assert np.isnan(search.cv_results_["mean_test_score"]).any()


def test_a_late_failure_does_not_end_the_search():
    # the one setting of the move fails, those of the start do not
    def to_the_left(swarm, rng):
        return everywhere(np.zeros_like(swarm.positions))

    parameters = {"n_agents": 6, "n_iterations": 1, "move": to_the_left, "cv": 3, "random_state": 0}
    search = SwarmSearchCV(SVC(), {"C": _Odd()}, **parameters)
    with pytest.warns(FitFailedWarning, match="1 settings that could not be fitted are left out"):
        search.fit(X, Y)
    assert len(search.cv_results_["params"]) == 6
    assert len(search.history_) == 2
    search.set_params(error_score="raise")
    with pytest.raises(ValueError, match="'C' parameter"):
        search.fit(X, Y)
    with pytest.raises(ValueError, match="fits failed"):
        SwarmSearchCV(SVC(), {"C": [-1.0, -2.0]}, cv=3).fit(X, Y)


class _Odd:
    def ppf(self, share):
        return -1.0 if share < 1e-6 else 1.0 + share


def test_patience_and_no_moves():
    search = SwarmSearchCV(RidgeClassifier(), {"alpha": [1.0]}, patience=2, n_agents=3, n_iterations=50, cv=3).fit(X, Y)
    assert len(search.history_) == 3
    search = SwarmSearchCV(SVC(), MACHINE, n_agents=3, n_iterations=0, cv=3).fit(X, Y)
    assert len(search.cv_results_["params"]) == 3


@pytest.mark.parametrize(
    ("distributions", "message"),
    [
        ({}, "a dict with a parameter at least"),
        ([MACHINE], "a dict with a parameter at least"),
        ({"C": 1.0}, "'C' needs a distribution with 'ppf' or a list of values, not 1.0"),
        ({"C": []}, "'C' needs"),
        ({"kernel": "rbf"}, "'kernel' needs"),
    ],
)
def test_bad_distributions(distributions, message):
    with pytest.raises(SelectionError, match=message):
        SwarmSearchCV(SVC(), distributions, **SMALL).fit(X, Y)


def test_bad_parameters():
    with pytest.raises(SelectionError, match="'n_agents' is a whole number from 1 on"):
        SwarmSearchCV(SVC(), MACHINE, n_agents=0).fit(X, Y)
    with pytest.raises(UnknownNameError, match="'sparrow'"):
        SwarmSearchCV(SVC(), MACHINE, move="sparow").fit(X, Y)
    with pytest.raises(SelectionError, match="moves through bits"):
        SwarmSearchCV(SVC(), MACHINE, move="binary_grey_wolf").fit(X, Y)


SEARCH = SwarmSearchCV(
    RidgeClassifier(), {"alpha": [0.1, 1.0]}, n_agents=2, n_iterations=1, cv=2, random_state=0, error_score="raise"
)


# scikit-learn's own search looks at missing labels before it refuses them
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
@parametrize_with_checks([SEARCH])
def test_scikit_learns_checks(estimator, check):
    check(estimator)
