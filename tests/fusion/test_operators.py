"""What every way for branches to meet must keep: fixed rules, trained rules, stacks and dynamic weights.

Where a duplicated or constant branch changes nothing, and where it does by design, the lists below say.
"""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline

from ferfusion.base import SelectViews, TableClassifier
from ferfusion.base.errors import FeatureError
from ferfusion.base.table import columns_of
from ferfusion.fusion import RULES, LateFusionClassifier, StackedFusionClassifier
from ferfusion.fusion.dynamic import DynamicFusionClassifier
from ferfusion.fusion.trained import TRAINED_RULES
from ferfusion.fusion.trained_late import TrainedFusionClassifier

N, K = 300, 3
VIEWS = ["audio", "text", "visual"]
BRANCH = TableClassifier(GaussianNB())
BRANCHES = [(view, Pipeline([("keep", SelectViews([view])), ("classify", BRANCH)])) for view in VIEWS]
# all fixed rules go through one classifier: two stand for them here
CLASSIFIERS = {
    **{name: LateFusionClassifier(BRANCHES, name) for name in ("mean", "vote")},
    **{name: TrainedFusionClassifier(BRANCHES, name, n_folds=2) for name in TRAINED_RULES},
    "stack": StackedFusionClassifier(BRANCHES, n_folds=2),
    "stack with dropout": StackedFusionClassifier(BRANCHES, n_folds=2, view_dropout=0.3),
    "stack with numbers": StackedFusionClassifier(BRANCHES, n_folds=2, passthrough=True),
    "dynamic weights": DynamicFusionClassifier(BRANCHES, n_folds=2),
    "dynamic selection": DynamicFusionClassifier(BRANCHES, mode="select", n_folds=2),
}
LEARNT_WEIGHTS = ["weights", "classwise"]

# A copy of one branch, each of the two at half the weight, is the branch: not so for these.
COPIES_COUNT = ["dempster_shafer"]  # two who say the same are two witnesses
WEIGHTLESS = ["maximum", "minimum"]  # know no degrees of weight, but a copy changes nothing at all
# A branch that takes all classes for equal never turns the decision: not so for these.
UNIFORM_TURNS = ["median", "minimum"]  # its flat values may come to be the ones that count
# One branch alone is that branch, probabilities and all: these keep its decision only,
ALONE_RESHAPED = ["borda", "vote", "dempster_shafer"]
# and these may think otherwise than the branch, since they know where it is wrong.
ALONE_CORRECTED = ["belief", "templates", "stack", "stack with dropout", "stack with numbers"]


def draw(seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(K, size=N)
    logits = rng.normal(size=(3, N, K))
    for b, strength in enumerate((1.5, 1.0, 0.7)):
        logits[b, np.arange(N), y] += strength
    P = np.exp(logits)
    return P / P.sum(axis=2, keepdims=True), y


def meet(name, P, y, weights=None, Q=None):
    """Fixed and trained rules behind one face."""
    Q = P if Q is None else Q
    if name in RULES:
        return RULES[name](Q, np.ones(len(Q)) if weights is None else weights)
    return TRAINED_RULES[name].apply(Q, TRAINED_RULES[name].fit(P, y, P.shape[2]))


@pytest.mark.parametrize("name", [*RULES, *TRAINED_RULES])
class TestRules:
    def test_probabilities(self, name):
        P, y = draw()
        P[0, ::7] = np.nan
        P[2, ::5] = np.nan
        out = meet(name, P, y)
        assert out.shape == (N, K)
        assert ((out >= 0) & (out <= 1)).all()
        np.testing.assert_allclose(out.sum(axis=1), 1)

    def test_order_of_branches_is_nothing(self, name):
        P, y = draw()
        P[0, ::7] = np.nan
        weights, order = np.array([0.5, 1.0, 2.0]), [2, 0, 1]
        np.testing.assert_allclose(meet(name, P[order], y, weights[order]), meet(name, P, y, weights), atol=1e-9)

    def test_order_of_classes_is_nothing(self, name):
        P, y = draw()
        order = np.array([2, 0, 1])
        turned = meet(name, P[:, :, order], np.argsort(order)[y])
        np.testing.assert_allclose(turned, meet(name, P, y)[:, order], atol=1e-4 if name in LEARNT_WEIGHTS else 1e-6)

    def test_a_missing_branch_leaves_the_fusion_of_the_others(self, name):
        P, y = draw()
        holed = P.copy()
        holed[1] = np.nan
        out = meet(name, P, y, Q=holed)
        if name in RULES:
            np.testing.assert_allclose(out, meet(name, P[[0, 2]], y), atol=1e-9)
            weights = np.array([1.0, 9.0, 2.0])
            pair = meet(name, P[[0, 2]], y, weights[[0, 2]])
            np.testing.assert_allclose(meet(name, holed, y, weights), pair, atol=1e-9)
        else:
            learnt = TRAINED_RULES[name].fit(P, y, K)
            others = {
                key: value if key in ("prior", "factor") else np.delete(value, 1, axis=0)
                for key, value in learnt.items()
            }
            np.testing.assert_allclose(out, TRAINED_RULES[name].apply(P[[0, 2]], others), atol=1e-9)

    def test_no_branch_no_answer(self, name):
        P, y = draw()
        holed = P.copy()
        holed[:, 3] = np.nan
        out = meet(name, P, y, Q=holed)
        assert np.isnan(out[3]).all()
        assert np.isfinite(np.delete(out, 3, axis=0)).all()

    def test_one_branch_alone(self, name):
        P, y = draw()
        out = meet(name, P[:1], y)
        if name in ALONE_CORRECTED:
            np.testing.assert_allclose(out.sum(axis=1), 1)
        elif name in ALONE_RESHAPED:
            assert (out.argmax(axis=1) == P[0].argmax(axis=1)).all()
        else:
            np.testing.assert_allclose(out, P[0], atol=1e-5)

    def test_a_branch_that_takes_all_classes_for_equal(self, name):
        P, y = draw()
        more = np.concatenate([P, np.full((1, N, K), 1 / K)])
        if name in UNIFORM_TURNS:
            assert (meet(name, more, y).argmax(axis=1) != meet(name, P, y).argmax(axis=1)).any()
            return
        same = meet(name, more, y).argmax(axis=1) == meet(name, P, y).argmax(axis=1)
        # what optimises or fits a factor comes to rest within its tolerance; ties between votes fall to the mean
        assert same.mean() == 1 if name in RULES or name == "belief" else same.mean() > 0.97

    def test_a_branch_twice(self, name):
        P, y = draw()
        twice = P[[0, 1, 2, 2]]
        if name in WEIGHTLESS:
            np.testing.assert_allclose(meet(name, twice, y), meet(name, P, y))
        elif name in COPIES_COUNT:
            assert np.abs(meet(name, twice, y, np.array([1, 1, 0.5, 0.5])) - meet(name, P, y)).max() > 1e-3
        elif name in RULES:
            out = meet(name, twice, y, np.array([1, 1, 0.5, 0.5]))
            np.testing.assert_allclose(out, meet(name, P, y), atol=1e-9)
        elif name in LEARNT_WEIGHTS:
            np.testing.assert_allclose(meet(name, twice, y), meet(name, P, y), atol=2e-3)
        else:
            # recall, belief and templates hear each branch for itself
            assert np.abs(meet(name, twice, y) - meet(name, P, y)).max() > 1e-3

    def test_all_branches_twice_change_no_decision(self, name):
        P, y = draw()
        out = meet(name, P[[0, 1, 2, 0, 1, 2]], y)
        same = out.argmax(axis=1) == meet(name, P, y).argmax(axis=1)
        if name in ("belief", "dempster_shafer"):
            # all evidence counts twice, the class shares and the rest of ignorance once
            assert same.mean() > 0.9
        else:
            assert same.all()


@pytest.mark.parametrize("name", RULES)
def test_weights_by_utterance_are_weights_row_by_row(name):
    P, _ = draw()
    P[0, ::7] = np.nan
    weights = np.random.default_rng(1).uniform(0.1, 1, size=(3, N))
    out = RULES[name](P, weights)
    for i in range(0, N, 10):
        np.testing.assert_allclose(out[i], RULES[name](P[:, [i]], weights[:, i])[0], atol=1e-12)
    np.testing.assert_allclose(RULES[name](P, np.tile([[1.0], [2], [3]], N)), RULES[name](P, np.array([1.0, 2, 3])))


class Refuses(ClassifierMixin, BaseEstimator):
    """Table classifier that cannot be fitted."""

    def __init__(self, kind=ValueError):
        self.kind = kind

    def fit(self, X, y):
        message = "no convergence"
        raise self.kind(message)


@pytest.fixture
def holed(toy):
    X, y = toy
    X = X.copy()
    X.loc[X.index[::6], columns_of(X, "text_b")] = np.nan
    return X, y


@pytest.mark.parametrize("name", CLASSIFIERS)
class TestClassifiers:
    def test_order_of_branches_is_nothing(self, name, holed):
        X, y = holed
        model = CLASSIFIERS[name]
        turned = clone(model).set_params(branches=[BRANCHES[i] for i in (2, 0, 1)])
        one, two = (m.fit(X, y).predict_proba(X) for m in (clone(model), turned))
        np.testing.assert_allclose(one, two, atol=1e-9)
        np.testing.assert_allclose(one.sum(axis=1), 1)

    def test_no_view_at_all(self, name, holed):
        X, y = holed
        X_new = X.copy()
        X_new.loc["u05", columns_of(X)] = np.nan
        model = clone(CLASSIFIERS[name]).fit(X, y)
        with pytest.warns(UserWarning, match=r"No branch can judge these rows.*'u05'"):
            out = model.predict_proba(X_new)
        np.testing.assert_allclose(out[5], model.prior_)
        others = np.arange(len(X)) != 5
        np.testing.assert_allclose(out[others], model.predict_proba(X)[others], atol=1e-9)
        again = pickle.loads(pickle.dumps(model)).set_params(missing="nan")
        assert np.isnan(again.predict_proba(X_new)[5]).all()
        assert again.predict(X_new)[5] is None
        np.testing.assert_array_equal(again.predict_proba(X_new)[others], out[others])

    def test_one_branch_alone(self, name, toy):
        X, y = toy
        model = clone(CLASSIFIERS[name]).set_params(branches=BRANCHES[:1]).fit(X, y)
        out, alone = model.predict_proba(X), model.branch_probabilities(X)[0]
        np.testing.assert_allclose(out.sum(axis=1), 1)
        if name in ALONE_RESHAPED:
            assert (out.argmax(axis=1) == alone.argmax(axis=1)).all()
        elif name not in ALONE_CORRECTED:
            np.testing.assert_allclose(out, alone, atol=1e-5)

    def test_a_branch_that_cannot_be_fitted_is_named(self, name, toy):
        X, y = toy
        kinds = (ValueError, FloatingPointError, np.linalg.LinAlgError, FeatureError)
        for kind in kinds if name == "mean" else kinds[:1]:
            model = clone(CLASSIFIERS[name]).set_params(branches=[("bad one", Refuses(kind)), BRANCHES[0]])
            with pytest.raises(FeatureError, match="branch 'bad one' cannot be fitted: no convergence"):
                model.fit(X, y)

    def test_a_class_absent_from_a_fold(self, name, toy):
        X, y = toy
        y = y.where((y != "fear") | (X["speaker"] == "s2"), "calm")
        model = clone(CLASSIFIERS[name]).fit(X, y)
        out = model.predict_proba(X)
        assert out.shape == (len(X), 3)
        np.testing.assert_allclose(out.sum(axis=1), 1)


@pytest.mark.parametrize("name", ["recall", "dynamic weights"])
def test_grid_search(name, toy):
    X, y = toy
    model = clone(CLASSIFIERS[name]).set_params(branches=BRANCH)
    search = GridSearchCV(model, {"by": ["modality", "view"]}, cv=GroupKFold(2)).fit(X, y, groups=X["speaker"])
    np.testing.assert_array_equal(clone(search.best_estimator_).fit(X, y).predict_proba(X), search.predict_proba(X))
