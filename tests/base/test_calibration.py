"""From decision values to probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brute
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold
from sklearn.svm import SVC, LinearSVC

from ferfusion.base.calibration import CalibratedScores, decision_scores, fit_temperature, out_of_fold_scores
from ferfusion.base.errors import ProtocolError


def samples(n_classes=3, n=120, seed=0):
    A, y = make_classification(
        n, 6, n_informative=4, n_redundant=0, n_classes=n_classes, class_sep=0.8, flip_y=0.1, random_state=seed
    )
    return A, np.array(["anger", "calm", "fear"])[y]


def reference_loss(factor, scores, codes):
    return -log_softmax(scores * factor, axis=1)[np.arange(len(codes)), codes].mean()


@pytest.mark.parametrize("scale", [0.05, 1.0, 30.0])
def test_temperature_against_brute_force(scale):
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 3, 200)
    scores = scale * (rng.normal(size=(200, 3)) + 1.5 * np.eye(3)[codes])

    def loss(log_factor):
        return reference_loss(np.exp(log_factor[0]), scores, codes)

    best = brute(loss, [(-7, 7)], Ns=400)
    assert fit_temperature(scores, codes) == pytest.approx(np.exp(best[0]), rel=1e-3)


def test_temperature_where_a_class_is_out_of_the_question():
    scores = np.array([[1.0, 0.0, -np.inf], [0.0, 1.0, -np.inf], [1.0, 0.0, -np.inf]])
    codes = np.array([0, 1, 1])
    # two right and one wrong by the same margin: softmax(f * 1) must be 2/3, so f = log 2
    assert fit_temperature(scores, codes) == pytest.approx(np.log(2), rel=1e-3)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", [LinearSVC(), RidgeClassifier(), SVC()])
def test_probabilities_are_valid_and_keep_the_first_class(n_classes, estimator):
    A, y = samples(n_classes)
    model = CalibratedScores(estimator).fit(A, y)
    P = model.predict_proba(A)
    assert P.shape == (len(A), n_classes)
    assert ((P >= 0) & (P <= 1)).all()
    np.testing.assert_allclose(P.sum(axis=1), 1)
    assert model.calibrated_
    assert model.factor_ > 0
    np.testing.assert_array_equal(model.predict(A), model.classes_[P.argmax(axis=1)])
    plain = type(estimator)(**estimator.get_params()).fit(A, y)
    np.testing.assert_array_equal(model.predict(A), plain.predict(A))


def test_factor_is_that_of_out_of_fold_scores():
    A, y = samples()
    codes = np.unique(y, return_inverse=True)[1]
    splits = list(KFold(4, shuffle=True, random_state=0).split(A))
    model = CalibratedScores(LinearSVC(), cv=splits).fit(A, y)
    # by hand: each fold's scores by a machine that has not seen it
    scores = np.concatenate([LinearSVC().fit(A[a], codes[a]).decision_function(A[b]) for a, b in splits])
    order = np.concatenate([b for _, b in splits])
    best = brute(lambda x: reference_loss(np.exp(x[0]), scores, codes[order]), [(-7, 7)], Ns=400)
    assert model.factor_ == pytest.approx(np.exp(best[0]), rel=1e-3)
    assert CalibratedScores(LinearSVC(), cv=KFold(4, shuffle=True, random_state=0)).fit(A, y).factor_ == model.factor_


def test_calibration_improves_the_log_loss_of_unseen_samples():
    A, y = samples(n=400)
    scaled = LinearSVC()
    model = CalibratedScores(scaled).fit(A[:200], y[:200])
    P = model.predict_proba(A[200:])
    raw = np.exp(log_softmax(1000 * model.estimator_.decision_function(A[200:]), axis=1))
    assert log_loss(y[200:], P) < np.log(3) < log_loss(y[200:], raw)


def test_decision_function_of_two_classes():
    A, y = samples(2)
    model = CalibratedScores(LinearSVC()).fit(A, y)
    np.testing.assert_allclose(model.decision_function(A), model.factor_ * model.estimator_.decision_function(A))
    P = model.predict_proba(A)[:, 1]
    np.testing.assert_allclose(P, 1 / (1 + np.exp(-model.decision_function(A))))


def test_class_that_a_fold_has_not_seen():
    A = np.array([[0.0], [0.1], [1.0], [1.1], [2.0], [2.1]])
    codes = np.array([0, 0, 1, 1, 2, 2])
    # the second class is in the first test part only; in the second fold all three are known
    splits = [
        (np.array([0, 1, 4, 5]), np.array([2, 3, 0])),
        (np.array([0, 2, 4]), np.array([1, 3, 5])),
        (np.array([0, 1]), np.array([4])),  # one class to learn from: passed over
        (np.array([0, 2]), np.array([4, 5])),  # nothing to score: passed over
    ]
    scores, labels = out_of_fold_scores(LinearSVC(), A, codes, splits)
    assert labels.tolist() == [0, 0, 1, 2]
    assert scores.shape == (4, 3)
    assert scores[0, 1] == -np.inf
    assert np.isfinite(scores[0, [0, 2]]).all()
    assert scores[0, 0] == -scores[0, 2] > 0
    assert np.isfinite(scores[1:]).all()
    model = CalibratedScores(LinearSVC(), cv=splits).fit(A, codes)
    assert model.calibrated_
    assert np.isfinite(model.predict_proba(A)).all()


def test_decision_scores_have_a_column_a_class():
    machine = LinearSVC().fit(np.array([[0.0], [1.0]]), [1, 3])
    scores = decision_scores(machine, np.array([[2.0]]), 5)
    assert scores.shape == (1, 5)
    assert (scores[0, [0, 2, 4]] == -np.inf).all()
    assert scores[0, 3] - scores[0, 1] == pytest.approx(machine.decision_function([[2.0]])[0])


def test_no_usable_fold():
    with pytest.raises(ProtocolError, match="each class must occur in more than one group"):
        out_of_fold_scores(LinearSVC(), np.eye(2), np.array([0, 1]), [(np.array([0]), np.array([1]))])


def test_two_samples_fall_back_on_the_factor_one():
    A, y = np.array([[0.0], [1.0]]), np.array(["calm", "anger"])
    model = CalibratedScores(LinearSVC()).fit(A, y)
    assert model.factor_ == 1.0
    assert not model.calibrated_
    assert model.predict(A).tolist() == ["calm", "anger"]
    np.testing.assert_allclose(model.predict_proba(A).sum(axis=1), 1)


def test_rare_class():
    A, y = samples()
    keep = np.flatnonzero(y != "fear").tolist() + np.flatnonzero(y == "fear")[:1].tolist()
    model = CalibratedScores(LinearSVC(), cv=None).fit(A[keep], y[keep])
    assert model.calibrated_
    assert model.classes_.tolist() == ["anger", "calm", "fear"]
    assert model.predict_proba(A).shape == (len(A), 3)


def test_one_class_and_numbers_to_regress():
    with pytest.raises(ValueError, match="at least two classes; all are of one class, 'calm'"):
        CalibratedScores(LinearSVC()).fit(np.eye(3), ["calm"] * 3)
    with pytest.raises(ValueError, match="Unknown label type"):
        CalibratedScores(LinearSVC()).fit(np.eye(3), [0.5, 1.5, 2.5])


class Turning(ClassifierMixin, BaseEstimator):
    """Scores by the first column; for calibration it offers other rows with the order turned round."""

    def turned(self, A):
        return -A

    def fit(self, A, y):
        self.classes_ = np.unique(y)
        self.sign_ = np.sign(A[y == self.classes_[1], 0].mean() - A[y == self.classes_[0], 0].mean())
        return self

    def decision_function(self, A):
        return self.sign_ * A[:, 0]


def test_machine_that_offers_shorter_rows_is_calibrated_on_them():
    A, y = np.linspace(-1, 1, 20)[:, None], np.repeat(["a", "b"], 10)
    model = CalibratedScores(Turning()).fit(A, y)
    assert model.calibrated_
    assert model.estimator_.sign_ == 1
    assert model.predict(A).tolist() == y.tolist()
