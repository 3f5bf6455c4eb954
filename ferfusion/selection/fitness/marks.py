"""Scores of predictions, equal to scikit-learn's to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.metrics import accuracy_score, balanced_accuracy_score, get_scorer, r2_score

from ferfusion.selection.fitness.problem import Problem

__all__ = ["Marks"]


class Marks:
    """Score of one fold's predictions.

    Parameters
    ----------
    problem : Problem
        Samples and folds.
    scorer : object
        What ``check_scoring`` made of the wish.

    Attributes
    ----------
    usable : bool
        Whether the score depends on predictions only (not on probabilities or decision values).
    """

    def __init__(self, problem: Problem, scorer: Any) -> None:
        self._problem = problem
        self._codes = is_classifier(problem.final) and problem.is_classes
        self._function: Any = None
        self._sign, self._options = 1, {}
        if type(scorer) is type(get_scorer("accuracy")):
            if scorer._response_method == "predict":
                self._function, self._sign, self._options = scorer._score_func, scorer._sign, dict(scorer._kwargs)
        elif type(scorer).__name__ == "_PassthroughScorer":
            # all estimators that have a fast path score so
            self._function = r2_score if is_regressor(problem.final) else accuracy_score
        self.usable = self._function is not None
        self._truth = [problem.y[test] for _, test in problem.splits]

    def __call__(self, fold: int, found: np.ndarray) -> float:
        """Score of what was predicted for a fold's test rows.

        Parameters
        ----------
        fold : int
            Number of the fold.
        found : ndarray, shape (n_rows,)
            Codes of classes, or numbers.
        """
        if self._codes:
            if not self._options and self._function is accuracy_score and len(found):
                truth = self._problem.codes[self._problem.splits[fold][1]]
                return float(self._sign * np.mean(truth == found))
            if not self._options and self._function is balanced_accuracy_score:
                return float(self._sign * self._balanced(fold, found))
            found = self._problem.classes[found]
        return float(self._sign * self._function(self._truth[fold], found, **self._options))

    def _balanced(self, fold: int, found: np.ndarray) -> float:
        """Mean recall of the classes that are there.

        scikit-learn has the same number where a class is predicted that is not there, but warns each time: small folds
        of whole speakers often lack an emotion, and a search judges hundreds of subsets.
        """
        truth = self._problem.codes[self._problem.splits[fold][1]]
        n = len(self._problem.classes)
        there, right = np.bincount(truth, minlength=n), np.bincount(truth[truth == found], minlength=n)
        return float(np.mean(right[there > 0] / there[there > 0]))
