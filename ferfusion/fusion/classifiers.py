"""Classifiers by name, set up for features whose views have been brought to one scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ferfusion.base.calibration import CalibratedScores
from ferfusion.base.errors import UnknownNameError
from ferfusion.base.optional import require
from ferfusion.fusion.linear import WideLinearSVC

__all__ = ["CLASSIFIERS", "as_classifier"]


def _svm(seed: Any) -> Any:
    return WideLinearSVC(C=1.0, random_state=seed)


def _logistic(seed: Any) -> Any:
    return LogisticRegression(C=10.0, max_iter=1000, random_state=seed)


def _knn(seed: Any) -> Any:
    # with thousands of features a search tree is no faster than looking at everybody
    return KNeighborsClassifier(n_neighbors=9, weights="distance", algorithm="brute")


def _forest(seed: Any) -> Any:
    return RandomForestClassifier(n_estimators=300, random_state=seed)


def _xgboost(seed: Any) -> Any:
    xgboost = require("xgboost", needed_by="The classifier 'xgboost'", install="xgboost")
    # few columns a tree and few bins: acoustic sets hold thousands of near copies, of some hundred utterances
    return xgboost.XGBClassifier(
        n_estimators=100, max_depth=3, learning_rate=0.2, colsample_bytree=0.1, max_bin=32, n_jobs=1, random_state=seed
    )


def _mlp(seed: Any) -> Any:
    # back to unit columns: after scaling by view they are too small for a net's first weights
    net = MLPClassifier(hidden_layer_sizes=(64,), alpha=0.1, max_iter=500, random_state=seed)
    return make_pipeline(StandardScaler(), net)


def _voting(seed: Any) -> Any:
    members = [("svm", CalibratedScores(_svm(seed))), ("logistic", _logistic(seed)), ("forest", _forest(seed))]
    return VotingClassifier(members, voting="soft")


CLASSIFIERS: dict[str, Callable[[Any], Any]] = {
    "svm": _svm,
    "logistic": _logistic,
    "knn": _knn,
    "forest": _forest,
    "xgboost": _xgboost,
    "mlp": _mlp,
    "voting": _voting,
}


def as_classifier(classifier: Any, random_state: Any = 0) -> Any:
    """Array classifier of a name, or the given estimator.

    Parameters
    ----------
    classifier : str or estimator
        ``svm logistic knn forest xgboost mlp voting``, or any scikit-learn classifier.
    random_state : int or None, default=0
        Seed of a classifier made by name.

    Returns
    -------
    estimator
        Unfitted.

    Raises
    ------
    UnknownNameError
        If there is no classifier of this name.
    TypeError
        If it is neither a name nor an estimator.

    Examples
    --------
    >>> as_classifier("svm")
    WideLinearSVC(random_state=0)
    """
    if isinstance(classifier, str):
        if classifier not in CLASSIFIERS:
            raise UnknownNameError("classifier", classifier, CLASSIFIERS)
        return CLASSIFIERS[classifier](random_state)
    if isinstance(classifier, type) or not hasattr(classifier, "fit"):
        names = ", ".join(CLASSIFIERS)
        message = f"A classifier is a name ({names}) or an estimator, not its class and not {classifier!r}."
        raise TypeError(message)
    return clone(classifier)
