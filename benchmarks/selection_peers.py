"""Search columns with another package: ``PYTHON selection_peers.py zoofs|mafese|niapy PROBLEM.npz FOUND.npz``.

Started by ``selection_speed.py`` with the Python of an environment that has the package, and nothing of ours. All judge
a mask the way their manuals show: ``cross_val_score`` of five nearest neighbours on the same folds, and all minimise
``alpha * error + (1 - alpha) * share of columns`` by their grey wolves, with their defaults elsewhere.
"""

import sys
import time
from contextlib import redirect_stdout

import numpy as np
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier


class Judge:
    """Fitness of a mask, and the CPU time it takes."""

    def __init__(self, problem):
        self.X, self.y = problem["X"], problem["y"]
        folds = problem["fold"]
        self.splits = [(np.flatnonzero(folds != i), np.flatnonzero(folds == i)) for i in np.unique(folds)]
        self.alpha = float(problem["alpha"])
        self.asked, self.seconds = 0, 0.0

    def __call__(self, mask):
        begun = time.process_time()
        self.asked += 1
        mask = np.asarray(mask, dtype=bool)
        error = 1.0 - self.score(self.X[:, mask]) if mask.any() else 1.0
        self.seconds += time.process_time() - begun
        return self.alpha * error + (1.0 - self.alpha) * mask.mean()

    def score(self, columns):
        return cross_val_score(KNeighborsClassifier(5), columns, self.y, cv=self.splits, scoring="accuracy").mean()


def zoofs(judge, agents, iterations, seed):
    import pandas as pd
    from zoofs import GreyWolfOptimization

    np.random.seed(seed)  # noqa: NPY002  # it draws from there
    names = [f"c{i}" for i in range(judge.X.shape[1])]
    places = {name: i for i, name in enumerate(names)}

    def objective(_model, X_train, _y_train, _X_valid, _y_valid):
        # the columns are taken from the array: its own copies of the frame are enough
        mask = np.zeros(len(names), dtype=bool)
        mask[[places[name] for name in X_train.columns]] = True
        return judge(mask)

    table, labels = pd.DataFrame(judge.X, columns=names), pd.Series(judge.y)
    search = GreyWolfOptimization(objective, n_iteration=iterations, population_size=agents, minimize=True)
    # what it would validate on is not used: one row keeps its copies cheap
    kept = search.fit(KNeighborsClassifier(5), table, labels, table[:1], labels[:1], verbose=False)
    return np.isin(names, kept), search.best_score


def mafese(judge, agents, iterations, seed):
    from mafese import MhaSelector
    from mafese.utils.mealpy_util import FeatureSelectionProblem

    class OnFolds(FeatureSelectionProblem):
        def obj_func(self, solution):
            mask = np.asarray(self.decode_solution(solution)["my_var"]) == 1
            fitness = judge(mask)
            return [fitness, fitness, mask.sum()]

    selector = MhaSelector(
        problem="classification",
        estimator="knn",
        optimizer="OriginalGWO",
        optimizer_paras={"epoch": iterations, "pop_size": agents},
        seed=seed,
        verbose=False,
    )
    selector.fit(judge.X, judge.y, fs_problem=lambda **given: OnFolds(**{**given, "minmax": "min"}))
    return selector.selected_feature_masks, selector.get_best_information()["fit"]


def niapy(judge, agents, iterations, seed):
    from niapy.algorithms.basic import GreyWolfOptimizer
    from niapy.problems import Problem
    from niapy.task import Task

    class OnFolds(Problem):
        def __init__(self):
            super().__init__(dimension=judge.X.shape[1], lower=0, upper=1)

        def _evaluate(self, x):
            return judge(x > 0.5)

    # the reach of its wolves falls with the evaluations, so these are what is limited
    task = Task(OnFolds(), max_evals=agents * (iterations + 1))
    place, fitness = GreyWolfOptimizer(population_size=agents, seed=seed).run(task)
    return place > 0.5, fitness


SEARCHES = {"zoofs": zoofs, "mafese": mafese, "niapy": niapy}


def main():
    name, given, found = sys.argv[1:]
    problem = np.load(given)
    judge = Judge(problem)
    agents, iterations, seed = (int(problem[key]) for key in ("agents", "iterations", "seed"))
    judge(np.ones(judge.X.shape[1], dtype=bool))  # so that what is loaded at the first call is not counted
    judge.asked, judge.seconds = 0, 0.0
    small = Judge({**problem, "X": problem["X"][:, :5]})
    with redirect_stdout(sys.stderr):
        SEARCHES[name](small, agents, 1, seed)  # its own modules, too
        begun = time.process_time()
        mask, fitness = SEARCHES[name](judge, agents, iterations, seed)
        cpu = time.process_time() - begun
    facts = {"cpu": cpu, "cpu_judging": judge.seconds, "asked": judge.asked}
    np.savez(found, mask=np.asarray(mask, dtype=bool), fitness=float(fitness), **facts)


if __name__ == "__main__":
    main()
