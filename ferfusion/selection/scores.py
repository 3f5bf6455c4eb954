"""How well each single column tells the classes apart: functions (X, y) -> one score a column, larger is better.

No score sees more than one column, so none knows what is redundant; only ReliefF lets the other columns say which
samples are near. A column that never varies scores 0 everywhere but in ``random``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.spatial.distance import cdist
from sklearn import feature_selection
from sklearn.utils import check_random_state

from ferfusion.base.errors import UnknownNameError
from ferfusion.selection.dependence import hsic

__all__ = [
    "SCORES",
    "anova",
    "chi2",
    "emotion_scores",
    "fisher",
    "mutual_information",
    "per_emotion",
    "random",
    "relieff",
    "state_information",
    "states_of",
]


def anova(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """F of the one-way analysis of variance: spread between the classes over spread within them.

    Sums are taken about the means, so columns far from zero and columns that separate the classes perfectly
    (infinite F) come out right.

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_features)
        Samples, without missing values.
    y : array-like, shape (n_samples,)
        Classes.

    Returns
    -------
    ndarray, shape (n_features,)
        0 for all columns if there are as many classes as samples, since nothing is known of the spread then.
    """
    between, within, n_classes = _spreads(X, y)
    free = len(X) - n_classes
    return np.zeros(len(between)) if free < 1 else _ratio(between / (n_classes - 1), within / free)


def fisher(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Fisher score: squared distances of class means from the mean over variances, both weighted by class size.

    It ranks columns as ``anova`` does and differs from it by a factor.

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_features)
        Samples.
    y : array-like, shape (n_samples,)
        Classes.

    Returns
    -------
    ndarray, shape (n_features,)

    References
    ----------
    Q. Gu, Z. Li and J. Han, "Generalized Fisher score for feature selection", UAI 2011, arXiv:1202.3725.
    """
    between, within, _ = _spreads(X, y)
    return _ratio(between, within)


def mutual_information(X: np.ndarray, y: np.ndarray, random_state: int = 0) -> np.ndarray:
    """Mutual information with the class in nats, by nearest neighbours: scikit-learn's ``mutual_info_classif``.

    It adds a little noise to break ties between samples, so equal columns get nearly, not exactly, equal scores.

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_features)
        Samples.
    y : array-like, shape (n_samples,)
        Classes. Samples of a class with no other member are left out.
    random_state : int or RandomState, default=0
        Seed of the noise.

    Returns
    -------
    ndarray, shape (n_features,)
    """
    if np.unique(y, return_counts=True)[1].max() < 2:
        return np.zeros(X.shape[1])
    found = feature_selection.mutual_info_classif(X, y, discrete_features=False, random_state=random_state)
    return np.where(_varies(X), found, 0.0)


def state_information(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mutual information with the class in nats, of columns cut into three states.

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_features)
        Samples. See :func:`states_of` for the cut.
    y : array-like, shape (n_samples,)
        Classes.

    Returns
    -------
    ndarray, shape (n_features,)

    References
    ----------
    C. Ding and H. Peng, "Minimum redundancy feature selection from microarray gene expression data", Journal of
    Bioinformatics and Computational Biology 3(2), 2005, doi:10.1142/S0219720005001004.
    """
    return information_between(states_of(X), _members(y))


def states_of(X: np.ndarray) -> np.ndarray:
    """Columns cut into low, middle and high at half a standard deviation below and above the mean.

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_features)
        Samples.

    Returns
    -------
    ndarray, shape (3, n_samples, n_features)
        1 where a value is in the state, else 0.
    """
    centred = X - X.mean(axis=0)
    half = np.where(_varies(X), X.std(axis=0), np.inf) / 2
    low, high = centred < -half, centred > half
    return np.stack([low, ~(low | high), high]).astype(np.float64)


def information_between(states: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Mutual information in nats of columns in states with one thing in states.

    Parameters
    ----------
    states : ndarray, shape (n_states, n_samples, n_features)
        1 where a value is in the state.
    members : ndarray, shape (n_samples, n_others)
        The same of the other thing.

    Returns
    -------
    ndarray, shape (n_features,)
    """
    joint = np.einsum("sij,ik->skj", states, members, optimize=True) / len(members)
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(joint > 0, joint * np.log(joint / apart), 0.0)
    return np.maximum(terms.sum(axis=(0, 1)), 0.0)


def relieff(X: np.ndarray, y: np.ndarray, n_neighbors: int = 10) -> np.ndarray:
    """ReliefF: how much more a column differs to near samples of other classes than to near ones of the same class.

    Every sample is used once. Columns are divided by their range, and nearness is the sum of differences over all
    columns. A class with fewer than ``n_neighbors`` other members gives as many as it has. Takes O(n² d) time and
    n² numbers of memory.

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_features)
        Samples.
    y : array-like, shape (n_samples,)
        Classes.
    n_neighbors : int, default=10
        Nearest hits, and nearest misses of each other class.

    Returns
    -------
    ndarray, shape (n_features,)
        Between -1 and 1.

    References
    ----------
    M. Robnik-Šikonja and I. Kononenko, "Theoretical and empirical analysis of ReliefF and RReliefF", Machine
    Learning 53, 2003, doi:10.1023/A:1025667309714.
    """
    spans = np.ptp(X, axis=0)
    A = (X - X.min(axis=0)) / np.where(spans > 0, spans, 1.0)
    codes = np.unique(y, return_inverse=True)[1]
    shares = np.bincount(codes) / len(codes)
    distances = cdist(A, A, "cityblock")
    np.fill_diagonal(distances, np.inf)
    near = []
    for code in range(len(shares)):
        members = np.flatnonzero(codes == code)
        nearest = np.argsort(distances[:, members], axis=1, kind="stable")[:, :n_neighbors]
        near.append(members[nearest])
    weights = np.zeros(A.shape[1])
    for i, own in enumerate(codes):
        for code, share in enumerate(shares):
            rows = near[code][i]
            rows = rows[rows != i]
            if len(rows):
                weight = -1.0 if code == own else share / (1 - shares[own])
                weights += weight * np.abs(A[rows] - A[i]).mean(axis=0)
    return weights / len(A)


def chi2(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Chi-squared statistic between class and column: scikit-learn's ``chi2`` of columns put on the range 0 to 1.

    The statistic is meant for counts, so it needs numbers that are not negative and grows with their unit; the
    range 0 to 1 makes columns comparable.

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_features)
        Samples.
    y : array-like, shape (n_samples,)
        Classes.

    Returns
    -------
    ndarray, shape (n_features,)
    """
    varies = _varies(X)
    scores = np.zeros(X.shape[1])
    if varies.any():
        A = X[:, varies]
        lowest = A.min(axis=0)
        scores[varies] = feature_selection.chi2((A - lowest) / (A.max(axis=0) - lowest), y)[0]
    return scores


def emotion_scores(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Fisher score of each column for each class against all others together.

    The idea of a value for each feature and emotion is that of "F-Emotion" [1]_, whose formula could not be read;
    this is a usual measure in its place, not that formula.

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_features)
        Samples.
    y : array-like, shape (n_samples,)
        Classes.

    Returns
    -------
    ndarray, shape (n_features, n_classes)
        Classes in sorted order.

    References
    ----------
    .. [1] L.-M. Zhang, G. W. Ng, Y.-B. Leau and H. Yan, "A parallel-model speech emotion recognition network based
       on feature clustering", IEEE Access 11, 2023, doi:10.1109/ACCESS.2023.3294274.
    """
    classes, codes = np.unique(y, return_inverse=True)
    return np.column_stack([fisher(X, codes == code) for code in range(len(classes))])


def per_emotion(X: np.ndarray, y: np.ndarray, how: str = "max") -> np.ndarray:
    """One score a column from its scores for the single emotions (:func:`emotion_scores`).

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_features)
        Samples.
    y : array-like, shape (n_samples,)
        Classes.
    how : {"max", "mean", "turns"}, default="max"
        The largest; the mean; or the best place in the ranking of any emotion, so that emotions choose in turn and
        those that are easy to tell do not take all.

    Returns
    -------
    ndarray, shape (n_features,)

    Raises
    ------
    UnknownNameError
        If ``how`` is none of them.
    """
    if how not in ("max", "mean", "turns"):
        raise UnknownNameError("way to join emotions", how, ["max", "mean", "turns"])
    scores = emotion_scores(X, y)
    if how == "turns":
        order = np.argsort(-scores, axis=0, kind="stable")
        return (len(scores) - np.argsort(order, axis=0, kind="stable").min(axis=1)).astype(np.float64)
    return scores.max(axis=1) if how == "max" else scores.mean(axis=1)


def random(X: np.ndarray, y: np.ndarray, random_state: int = 0) -> np.ndarray:
    """Numbers by chance, for a baseline.

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_features)
        Only the number of columns is looked at.
    y : array-like, shape (n_samples,)
        Not looked at.
    random_state : int or RandomState, default=0
        Seed.

    Returns
    -------
    ndarray, shape (n_features,)
    """
    return check_random_state(random_state).uniform(size=X.shape[1])


SCORES: dict[str, Callable[..., np.ndarray]] = {
    "anova": anova,
    "chi2": chi2,
    "fisher": fisher,
    "hsic": hsic,
    "mutual_information": mutual_information,
    "per_emotion": per_emotion,
    "per_emotion_mean": partial(per_emotion, how="mean"),
    "per_emotion_turns": partial(per_emotion, how="turns"),
    "random": random,
    "relieff": relieff,
    "state_information": state_information,
}


def _varies(X: np.ndarray) -> np.ndarray:
    return np.ptp(X, axis=0) > 0


def _members(y: np.ndarray) -> np.ndarray:
    """1 where a sample is of a class, shape (n_samples, n_classes)."""
    classes, codes = np.unique(y, return_inverse=True)
    return np.eye(len(classes))[codes]


def _spreads(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Sums of squares between and within classes, and the number of classes."""
    members = _members(y)
    counts = members.sum(axis=0)
    centred = X - X.mean(axis=0)
    means = members.T @ centred / counts[:, None]
    within = ((centred - members @ means) ** 2).sum(axis=0)
    # a constant column is left with rounding errors, whose ratio could be anything
    between = np.where(_varies(X), counts @ means**2, 0.0)
    return between, within, len(counts)


def _ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """Quotient with 0/0 = 0; something over nothing is infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(over > 0, over / under, 0.0)
