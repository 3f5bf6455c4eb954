"""Emotions last and spread: decisions on turns corrected by what usually follows what."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.classifier import check_labels
from ferfusion.base.errors import FeatureError, ProtocolError, TableError, UnknownNameError, shorten
from ferfusion.base.grouped import grouped_splits
from ferfusion.base.table import GROUP_COLUMNS, check_table, groups_of
from ferfusion.context.chains import best_paths, chain_sums, forward_shares, steps_of
from ferfusion.context.turns import dialogue_rows, speakers_of

__all__ = ["TransitionSmoother", "fit_chain", "transition_scores"]

_FLOOR = 1e-4  # a classifier's certainty beyond this is not evidence
_METHODS = ("hmm", "crf")
_DECODERS = ("posterior", "viterbi")
_WHO = ("all", "same")


class TransitionSmoother(ClassifierMixin, BaseEstimator):
    """Let the turns of a dialogue correct each other's emotions, by how emotions follow each other in training.

    ``method="hmm"`` counts first emotions and transitions in the training dialogues and takes the classifier's
    probabilities, divided by the shares of the classes, for likelihoods, as in [1]_. ``method="crf"`` is a linear
    chain [2]_ whose few weights (one on the logarithms of the probabilities, one a class, one a first class, one a
    transition) are learnt on what classifiers of inner folds say of training rows that they have not seen; it finds out
    by itself how far the classifier can be trusted.

    Dialogues are read in the order of ``turn``; at prediction only turns in the table at hand are known. Rows without a
    dialogue or a turn keep what the classifier says.

    Parameters
    ----------
    classifier : table classifier
        A ``TableClassifier``, a pipeline that ends in one, or a late fusion.
    method : {"hmm", "crf"}, default="hmm"
        How transitions are learnt.
    who : {"all", "same"}, default="all"
        Chains of all turns of a dialogue, or of those of one speaker in it (rows without a speaker are then left as
        they are).
    decode : {"posterior", "viterbi"}, default="posterior"
        What ``predict`` returns: the most probable emotion of each turn, or the most probable sequence of all.
        ``predict_proba`` gives posteriors either way.
    future : bool, default=True
        Whether later turns count. False is for emotions that must be known while the dialogue goes on; it knows no
        Viterbi.
    smoothing : float, default=1.0
        Added to each count of ``"hmm"`` (Laplace), so that what was never seen is not impossible.
    weight : float, default=1.0
        Power of the likelihoods of ``"hmm"``; less than 1 for a classifier that is too sure of itself.
    l2 : float, default=1.0
        Penalty on the weights of ``"crf"``.
    n_folds : int, default=5
        Inner folds of ``"crf"``.
    group_by : {"speaker", "dialogue", "video_id"}, optional
        Fact whose rows no inner fold tears apart; the first of these that the table has if missing.
    random_state : int or None, default=0
        Seed of the inner folds.

    Attributes
    ----------
    classifier_ : table classifier
        Fitted on all training rows.
    classes_ : ndarray of object
        Emotion names, sorted.
    prior_ : ndarray, shape (n_classes,)
        Share of each class in training.
    weight_ : float
        Of the logarithms of the probabilities.
    bias_, start_ : ndarray, shape (n_classes,)
        Score of a class, and of it as the first one.
    transitions_ : ndarray, shape (n_classes, n_classes)
        Score of a step from the class of the row to that of the column; logarithms of probabilities for ``"hmm"``.

    References
    ----------
    .. [1] Rabiner: A tutorial on hidden Markov models and selected applications in speech recognition. Proceedings of
       the IEEE 77(2), 1989. https://doi.org/10.1109/5.18626
    .. [2] Lafferty, McCallum, Pereira: Conditional random fields: probabilistic models for segmenting and labeling
       sequence data. ICML 2001.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from ferfusion.base import TableClassifier
    >>> from ferfusion.corpora import make_corpus
    >>> corpus = make_corpus(n_speakers=4, n_utterances=80, views=("visual",))
    >>> model = TransitionSmoother(TableClassifier(LogisticRegression())).fit(corpus.X, corpus.y)
    >>> bool(np.diag(np.exp(model.transitions_)).mean() > 1 / len(model.classes_))
    True
    """

    def __init__(
        self,
        classifier: Any,
        method: Literal["hmm", "crf"] = "hmm",
        who: Literal["all", "same"] = "all",
        decode: Literal["posterior", "viterbi"] = "posterior",
        future: bool = True,
        smoothing: float = 1.0,
        weight: float = 1.0,
        l2: float = 1.0,
        n_folds: int = 5,
        group_by: str | None = None,
        random_state: Any = 0,
    ) -> None:
        self.classifier = classifier
        self.method = method
        self.who = who
        self.decode = decode
        self.future = future
        self.smoothing = smoothing
        self.weight = weight
        self.l2 = l2
        self.n_folds = n_folds
        self.group_by = group_by
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any) -> TransitionSmoother:
        """Fit the classifier, and learn what follows what.

        Parameters
        ----------
        X : DataFrame
            The table.
        y : array-like of str, shape (n_utterances,)
            Emotion names.

        Raises
        ------
        TableError
            If a turn is no number or there twice, or labels are missing or all the same.
        ProtocolError
            If ``"crf"`` cannot make inner folds.
        """
        check_table(X)
        self._check_parameters()
        labels = check_labels(y, X)
        names, codes = np.unique(labels.astype(str), return_inverse=True)
        self.classes_ = names.astype(object)
        self.prior_ = np.bincount(codes) / len(codes)
        chains = self._chains(X)
        self.classifier_ = clone(self.classifier).fit(X, labels)
        if self.method == "hmm":
            self.start_, self.transitions_ = transition_scores(chains, codes, len(names), self.smoothing)
            self.weight_, self.bias_ = float(self.weight), -self.weight * np.log(self.prior_)
        else:
            evidence = self._evidence(self._unseen(X, labels)) if chains else np.zeros((len(X), len(names)))
            self.weight_, self.bias_, self.start_, self.transitions_ = fit_chain(evidence, codes, chains, self.l2)
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Probabilities of the emotions.

        Parameters
        ----------
        X : DataFrame
            The table, whole dialogues where they are known.

        Returns
        -------
        ndarray, shape (n_utterances, n_classes)
            Columns as in ``classes_``. Where the classifier has nothing to judge a turn by, its neighbours alone tell.
        """
        P, E, steps = self._scores(X)
        if steps:
            rows = np.concatenate(steps)
            sums = forward_shares if not self.future else _posteriors
            P[rows] = sums(E, self.start_, self.transitions_, steps)[rows]
        return P

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Emotion of each row.

        Parameters
        ----------
        X : DataFrame
            The table.

        Returns
        -------
        ndarray of object, shape (n_utterances,)
            None where neither the classifier nor a dialogue tells.
        """
        if self.decode == "posterior":
            P = self.predict_proba(X)
            path = np.full(len(P), -1)
        else:
            P, E, steps = self._scores(X)
            path = best_paths(E, self.start_, self.transitions_, steps)
        known = ~np.isnan(P).any(axis=1) & (path < 0)
        path[known] = P[known].argmax(axis=1)
        names = np.full(len(P), None, dtype=object)
        names[path >= 0] = self.classes_[path[path >= 0]]
        return names

    def _scores(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """What the classifier says, scores of classes, and the steps of all chains."""
        check_is_fitted(self)
        check_table(X)
        P = _aligned(self.classifier_, X, self.classes_)
        E = self.weight_ * self._evidence(P) + self.bias_
        return P, E, steps_of(self._chains(X))

    def _evidence(self, P: np.ndarray) -> np.ndarray:
        # a classifier that cannot judge says what it would of anybody: the class shares
        return np.asarray(np.log(np.clip(np.where(np.isnan(P), self.prior_, P), _FLOOR, None)))

    def _chains(self, X: pd.DataFrame) -> list[np.ndarray]:
        dialogues = dialogue_rows(X)
        if self.who == "all":
            return dialogues
        speakers = speakers_of(X)
        chains: list[np.ndarray] = []
        for rows in dialogues:
            own: dict[str, list[int]] = {}
            for row in rows.tolist():
                name = speakers[row]
                if name is not None:
                    own.setdefault(name, []).append(row)
            chains += [np.array(turns) for turns in own.values()]
        return chains

    def _unseen(self, X: pd.DataFrame, labels: np.ndarray) -> np.ndarray:
        """What classifiers say of training rows that they have not seen."""
        if self.group_by is not None and self.group_by not in X.columns:
            message = f"Inner folds are to be grouped by {self.group_by!r}; the table has {shorten(X.columns, 12)}."
            raise TableError(message)
        groups = groups_of(X if self.group_by is None else X[[self.group_by]])
        seed = self.random_state if isinstance(self.random_state, int) else 0
        P = np.full((len(X), len(self.classes_)), np.nan)
        for train, test in grouped_splits(labels.astype(str), groups, self.n_folds, seed):
            if len(set(labels[train])) > 1:
                fitted = clone(self.classifier).fit(X.iloc[train], labels[train])
                P[test] = _aligned(fitted, X.iloc[test], self.classes_)
        if np.isnan(P).all():
            message = "Smoothing needs inner folds with two classes in training; there are too few groups or classes."
            raise ProtocolError(message)
        return P

    def _check_parameters(self) -> None:
        for kind, given, allowed in (
            ("way to learn transitions", self.method, _METHODS),
            ("way to decode", self.decode, _DECODERS),
            ("whose turns make a chain", self.who, _WHO),
            ("fact to group inner folds by", self.group_by or GROUP_COLUMNS[0], GROUP_COLUMNS),
        ):
            if given not in allowed:
                raise UnknownNameError(kind, given, allowed)
        if self.decode == "viterbi" and not self.future:
            message = "The best sequence needs the whole dialogue: decode='viterbi' goes with future=True only."
            raise FeatureError(message)
        for name, value in (("smoothing", self.smoothing), ("weight", self.weight), ("l2", self.l2)):
            if value <= 0:
                message = f"{name} must be above 0, not {value}."
                raise FeatureError(message)


def _posteriors(E: np.ndarray, start: np.ndarray, T: np.ndarray, steps: list[np.ndarray]) -> np.ndarray:
    return chain_sums(E, start, T, steps).posterior


def _aligned(model: Any, X: pd.DataFrame, classes: np.ndarray) -> np.ndarray:
    """Probabilities in the order of all classes; 0 for one that the model has never seen."""
    own = model.predict_proba(X)
    P = np.zeros((len(X), len(classes)))
    P[:, np.searchsorted(classes.astype(str), np.asarray(model.classes_).astype(str))] = own
    P[np.isnan(own).any(axis=1)] = np.nan
    return P


def transition_scores(
    chains: list[np.ndarray], codes: np.ndarray, n_classes: int, smoothing: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of the probabilities of first classes and of transitions, counted.

    Parameters
    ----------
    chains : list of ndarray of int
        Rows of each chain, in order.
    codes : ndarray of int, shape (n_rows,)
        Class of each row.
    n_classes : int
        Number of classes.
    smoothing : float, default=1.0
        Added to each count.

    Returns
    -------
    start : ndarray, shape (n_classes,)
    transitions : ndarray, shape (n_classes, n_classes)
        From rows to columns.

    Examples
    --------
    >>> start, transitions = transition_scores([np.array([0, 1, 2])], np.array([0, 0, 1]), 2)
    >>> np.exp(transitions).round(2).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    start, steps = np.full(n_classes, smoothing), np.full((n_classes, n_classes), smoothing)
    for chain in chains:
        start[codes[chain[0]]] += 1
        np.add.at(steps, (codes[chain[:-1]], codes[chain[1:]]), 1)
    return np.log(start / start.sum()), np.log(steps / steps.sum(axis=1, keepdims=True))


def fit_chain(
    evidence: np.ndarray, codes: np.ndarray, chains: list[np.ndarray], l2: float = 1.0
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Weights of a linear chain by maximum conditional likelihood.

    Parameters
    ----------
    evidence : ndarray, shape (n_rows, n_classes)
        Logarithms of probabilities by models that have not seen the row.
    codes : ndarray of int, shape (n_rows,)
        Class of each row.
    chains : list of ndarray of int
        Rows of each chain, in order.
    l2 : float, default=1.0
        Half of it is the penalty on each squared weight; that on the evidence is drawn to 1, all others to 0.

    Returns
    -------
    weight : float
        Of the evidence; never negative.
    bias, start : ndarray, shape (n_classes,)
    transitions : ndarray, shape (n_classes, n_classes)
    """
    k = evidence.shape[1]
    rest = np.zeros(k * (k + 2))
    if not chains:
        return 1.0, rest[:k], rest[:k].copy(), rest[: k * k].reshape(k, k)
    steps = steps_of(chains)
    rows = np.concatenate(steps)
    firsts = np.bincount(codes[steps[0]], minlength=k)
    classes = np.bincount(codes[rows], minlength=k)
    moves = np.zeros((k, k))
    for chain in chains:
        np.add.at(moves, (codes[chain[:-1]], codes[chain[1:]]), 1)
    said = float(evidence[rows, codes[rows]].sum())

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        weight, bias, start, T = _parts(theta, k)
        sums = chain_sums(weight * evidence + bias, start, T, steps)
        right = weight * said + bias @ classes + start @ firsts + (T * moves).sum()
        shares = sums.posterior[rows]
        gradient = [
            [float((shares * evidence[rows]).sum()) - said],
            shares.sum(axis=0) - classes,
            sums.posterior[steps[0]].sum(axis=0) - firsts,
            (sums.pairs - moves).ravel(),
        ]
        off = theta - np.eye(1, len(theta))[0]
        return sums.log_mass - right + l2 / 2 * float(off @ off), np.concatenate(gradient) + l2 * off

    bounds = [(0.0, None), *[(None, None)] * len(rest)]
    found = minimize(loss, np.concatenate([[1.0], rest]), jac=True, method="L-BFGS-B", bounds=bounds)
    return _parts(found.x, k)


def _parts(theta: np.ndarray, k: int) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    return float(theta[0]), theta[1 : k + 1], theta[k + 1 : 2 * k + 1], theta[2 * k + 1 :].reshape(k, k)
