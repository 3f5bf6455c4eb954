"""A training utterance that sounds alike: its emotion counts beside what a classifier says."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ferfusion.base.adapters import fit_with_groups
from ferfusion.base.calibration import CalibratedScores
from ferfusion.base.errors import FeatureError, ProtocolError, UnknownNameError
from ferfusion.base.grouped import give_grouped_cv, grouped_splits

__all__ = ["METRICS", "RetrievalClassifier", "cosine_distances", "euclidean_distances", "neighbour_shares"]

_BLOCK = 512  # rows compared at a time: memory for so many times all training rows
_FLOOR = 1e-12


def cosine_distances(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """One less the cosine of the angle between rows, shape (n_a, n_b); 1 to a row of zeros."""
    lengths = [np.maximum(np.linalg.norm(part, axis=1, keepdims=True), _FLOOR) for part in (A, B)]
    return np.asarray(np.maximum(1.0 - (A / lengths[0]) @ (B / lengths[1]).T, 0.0))


def euclidean_distances(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Squared distance between rows, shape (n_a, n_b)."""
    squares = (A**2).sum(axis=1)[:, None] + (B**2).sum(axis=1) - 2 * A @ B.T
    return np.asarray(np.maximum(squares, 0.0))


METRICS = {"cosine": cosine_distances, "euclidean": euclidean_distances}


def neighbour_shares(
    distances: np.ndarray, codes: np.ndarray, n_classes: int, n_neighbors: int, temperature: float
) -> np.ndarray:
    """Classes of the nearest rows, nearer ones counting more.

    Parameters
    ----------
    distances : ndarray, shape (n_asked, n_known)
        Infinite for a pair that must not meet.
    codes : ndarray of int, shape (n_known,)
        Classes of the known rows.
    n_classes : int
        Number of classes.
    n_neighbors : int
        How many count.
    temperature : float
        A neighbour weighs ``exp(-distance / (temperature * scale))``, where the scale is the mean distance of the
        neighbours. Infinite for equal weights.

    Returns
    -------
    ndarray, shape (n_asked, n_classes)
        Rows sum to one; NaN where there is no neighbour.

    Examples
    --------
    >>> neighbour_shares(np.array([[0.1, 0.2, 5.0]]), np.array([0, 1, 1]), 2, 2, np.inf).tolist()
    [[0.5, 0.5]]
    """
    n = min(n_neighbors, distances.shape[1])
    # of equally near rows the first ones count, whatever the platform
    near = np.argsort(distances, axis=1, kind="stable")[:, :n]
    d = np.take_along_axis(distances, near, axis=1)
    there = np.isfinite(d)
    count = there.sum(axis=1, keepdims=True)
    scale = np.where(there, d, 0.0).sum(axis=1, keepdims=True) / np.maximum(count, 1)
    closeness = np.where(there, -np.where(there, d, 0.0) / np.maximum(temperature * scale, _FLOOR), -np.inf)
    closeness[count[:, 0] == 0] = 0.0
    weights = softmax(closeness, axis=1)
    shares = np.zeros((len(d), n_classes))
    np.add.at(shares, (np.arange(len(d))[:, None], codes[near]), weights)
    shares[count[:, 0] == 0] = np.nan
    return shares


class RetrievalClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Ask a classifier, and the training utterances that are most alike.

    Emotions of the nearest training rows, nearer ones counting more, are interpolated with the probabilities of a
    classifier: ``weight * neighbours + (1 - weight) * classifier``. The idea is that of retrieval beside a model, as
    for language models that look up what they have read [1]_ [2]_. Rows are to be brought to one scale before.

    Where the weight or the temperature is not given, both are chosen by log loss on inner folds, in which no group is
    torn apart; the neighbours of a row are then always of other groups (speakers), as they will be of a new speaker.

    Parameters
    ----------
    classifier : classifier on arrays, optional
        ``LogisticRegression(max_iter=1000)`` if missing; calibrated if it has no ``predict_proba``.
    n_neighbors : int, default=20
        Training rows asked; all where there are fewer.
    weight : float, optional
        Of the neighbours, 0 to 1; chosen if missing.
    temperature : float, optional
        How fast neighbours lose weight with distance, see ``neighbour_shares``; chosen if missing.
    metric : {"cosine", "euclidean"} or callable, default="cosine"
        Distances ``(n_a, n_b)`` between the rows of two arrays.
    weights : sequence of float, default=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
        To choose from.
    temperatures : sequence of float, default=(0.05, 0.2, 1.0)
        To choose from.
    n_folds : int, default=5
        Inner folds.
    random_state : int or None, default=0
        Seed of the inner folds.

    Attributes
    ----------
    classifier_ : classifier
        Fitted on all rows.
    rows_ : ndarray, shape (n_samples, n_features)
        Training rows.
    codes_ : ndarray of int, shape (n_samples,)
        Their classes.
    weight_, temperature_ : float
        In use. Without inner folds to choose by the first that were offered.
    classes_ : ndarray
        Class labels.

    References
    ----------
    .. [1] Asai, Min, Zhong, Chen: Retrieval-based language models and applications. ACL 2023, tutorials.
       https://doi.org/10.18653/v1/2023.acl-tutorials.6
    .. [2] Khandelwal, Levy, Jurafsky, Zettlemoyer, Lewis: Generalization through memorization: nearest neighbor
       language models. ICLR 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = RetrievalClassifier(weight=0.5, metric="euclidean", temperature=1.0).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    def __init__(
        self,
        classifier: Any = None,
        n_neighbors: int = 20,
        weight: float | None = None,
        temperature: float | None = None,
        metric: Literal["cosine", "euclidean"] | Any = "cosine",
        weights: Any = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0),
        temperatures: Any = (0.05, 0.2, 1.0),
        n_folds: int = 5,
        random_state: Any = 0,
    ) -> None:
        self.classifier = classifier
        self.n_neighbors = n_neighbors
        self.weight = weight
        self.temperature = temperature
        self.metric = metric
        self.weights = weights
        self.temperatures = temperatures
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: Any, y: Any, groups: Any = None) -> RetrievalClassifier:
        """Fit the classifier, keep the rows, choose how far they count.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Training rows.
        y : array-like, shape (n_samples,)
            Labels of at least two classes.
        groups : array-like of shape (n_samples,), optional
            Speakers.

        Raises
        ------
        UnknownNameError, FeatureError
            If a parameter is out of its range.
        """
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self._check_parameters()
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            message = f"Classifier needs samples of two classes; all are of one class, {str(self.classes_[0])!r}."
            raise ValueError(message)
        groups = None if groups is None else np.asarray(groups).astype(str)
        self.rows_, self.codes_ = X, codes
        self._choose(X, codes, groups)
        self.classifier_ = self._fitted(X, codes, groups)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Rows to judge.

        Returns
        -------
        ndarray, shape (n_samples, n_classes)
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        own = _aligned(self.classifier_, X, len(self.classes_))
        if self.weight_ == 0:
            return own
        near = self._shares(X, self.rows_, self.codes_, [self.temperature_])[0]
        return self.weight_ * near + (1 - self.weight_) * own

    def predict(self, X: Any) -> np.ndarray:
        """Most probable class of each row, shape (n_samples,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def _check_parameters(self) -> None:
        if not callable(self.metric) and self.metric not in METRICS:
            raise UnknownNameError("distance", self.metric, METRICS)
        if self.n_neighbors < 1:
            message = f"n_neighbors must be 1 or more, not {self.n_neighbors}."
            raise FeatureError(message)
        for value in self._offered(self.weight, self.weights):
            if not 0 <= value <= 1:
                message = f"The weight of the neighbours must lie between 0 and 1, not {value}."
                raise FeatureError(message)
        for value in self._offered(self.temperature, self.temperatures):
            if not value > 0:
                message = f"The temperature must be above 0, not {value}."
                raise FeatureError(message)

    @staticmethod
    def _offered(given: float | None, several: Any) -> list[float]:
        return [float(given)] if given is not None else [float(value) for value in several]

    def _choose(self, X: np.ndarray, codes: np.ndarray, groups: np.ndarray | None) -> None:
        weights = self._offered(self.weight, self.weights)
        temperatures = self._offered(self.temperature, self.temperatures)
        self.weight_, self.temperature_ = weights[0], temperatures[0]
        if len(weights) * len(temperatures) < 2:
            return
        loss = np.zeros((len(temperatures), len(weights)))
        seed = self.random_state if isinstance(self.random_state, int) else 0
        try:
            splits = grouped_splits(codes, groups, self.n_folds, seed)
        except ProtocolError:
            return
        for train, test in splits:
            if len(np.unique(codes[train])) < 2:
                continue
            model = self._fitted(X[train], codes[train], None if groups is None else groups[train])
            own = _aligned(model, X[test], len(self.classes_))
            for i, near in enumerate(self._shares(X[test], X[train], codes[train], temperatures)):
                for j, weight in enumerate(weights):
                    right = (weight * near + (1 - weight) * own)[np.arange(len(test)), codes[test]]
                    loss[i, j] -= np.log(np.clip(right, 1e-4, None)).sum()
        best = np.unravel_index(int(loss.argmin()), loss.shape)
        self.temperature_, self.weight_ = temperatures[int(best[0])], weights[int(best[1])]

    def _fitted(self, X: np.ndarray, codes: np.ndarray, groups: np.ndarray | None) -> Any:
        model = LogisticRegression(max_iter=1000) if self.classifier is None else clone(self.classifier)
        model = model if hasattr(model, "predict_proba") else CalibratedScores(model)
        return fit_with_groups(give_grouped_cv(model, groups, X), X, codes, groups)

    def _shares(
        self, asked: np.ndarray, known: np.ndarray, codes: np.ndarray, temperatures: list[float]
    ) -> list[np.ndarray]:
        """What neighbours say at each temperature, block by block."""
        distance = self.metric if callable(self.metric) else METRICS[self.metric]
        found: list[list[np.ndarray]] = [[] for _ in temperatures]
        for begin in range(0, len(asked), _BLOCK):
            D = distance(asked[begin : begin + _BLOCK], known)
            for out, temperature in zip(found, temperatures, strict=True):
                out.append(neighbour_shares(D, codes, len(self.classes_), self.n_neighbors, temperature))
        return [np.concatenate(parts) for parts in found]


def _aligned(model: Any, X: np.ndarray, n_classes: int) -> np.ndarray:
    """Probabilities of all classes; 0 for one that was absent from the rows of the fit."""
    out = np.zeros((len(X), n_classes))
    out[:, np.asarray(model.classes_, dtype=int)] = model.predict_proba(X)
    return out
