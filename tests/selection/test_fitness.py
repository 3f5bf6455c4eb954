"""The fast fitness of subsets equals scikit-learn's to the last bit."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.metrics import check_scoring, make_scorer
from sklearn.model_selection import ShuffleSplit, StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, PolynomialFeatures, RobustScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from ferfusion.base.errors import SelectionError
from ferfusion.selection.fitness import SubsetScorer

N, D, CLASSES = 90, 24, 4
STEPS = 5_000  # libsvm comes to no end of its own on columns of very different sizes


def labels(n=N):
    return np.random.default_rng(1).integers(0, CLASSES, n)


def plain(n=N, d=D):
    rng = np.random.default_rng(2)
    return rng.normal(size=(n, d)) + 0.6 * rng.normal(size=(CLASSES, d))[labels(n)]


def tied():
    return np.random.default_rng(3).integers(0, 3, size=(N, D)).astype(float)


def doubled():
    X = plain()
    X[40:70] = X[:30]
    X[:, 12:] = X[:, :12]
    return X


def constant():
    X = plain()
    X[:, ::3] = 7.3
    X[:, 1::6] = 0.0
    return X


def of_all_sizes():
    rng = np.random.default_rng(4)
    return plain() * rng.lognormal(0, 3, D) + 1e6 * rng.normal(size=D)


def far_off():
    return plain() + 1e9


def wide():
    return plain(d=200)


DATA = {f.__name__: f for f in (plain, tied, doubled, constant, of_all_sizes, far_off, wide)}
CLASSIFIERS = {
    "five": (KNeighborsClassifier(), "neighbours"),
    "one": (KNeighborsClassifier(1), "neighbours"),
    "even": (KNeighborsClassifier(8, metric="euclidean", algorithm="brute"), "neighbours"),
    "by distance": (KNeighborsClassifier(6, weights="distance"), "neighbours"),
    "scaled": (make_pipeline(StandardScaler(), KNeighborsClassifier(5)), "neighbours"),
    "scaled twice": (make_pipeline(MinMaxScaler(), RobustScaler(), KNeighborsClassifier(4)), "neighbours"),
    "ridge": (RidgeClassifier(), "ridge"),
    "balanced ridge": (RidgeClassifier(0.01, class_weight="balanced"), "ridge"),
    "no intercept": (RidgeClassifier(fit_intercept=False), "ridge"),
    "scaled ridge": (make_pipeline(StandardScaler(), RidgeClassifier(10)), "ridge"),
    "svd": (LinearDiscriminantAnalysis(), "discriminant"),
    "scaled svd": (make_pipeline(MaxAbsScaler(), LinearDiscriminantAnalysis()), "discriminant"),
    "least squares": (LinearDiscriminantAnalysis(solver="lsqr"), "discriminant"),
    "shrunk": (LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3), "discriminant"),
    "eigen": (LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.1), "discriminant"),
    "machine": (SVC(kernel="linear", C=0.1, max_iter=STEPS), "linear_svm"),
    "scaled machine": (make_pipeline(StandardScaler(), SVC(kernel="linear", C=0.1, max_iter=STEPS)), "linear_svm"),
}


def folds(y, n=3):
    return list(StratifiedKFold(n, shuffle=True, random_state=0).split(np.zeros(len(y)), y))


def subsets(n, d, seed=0):
    """Of all sizes, every second one a small change of the one before."""
    rng, masks = np.random.default_rng(seed), np.zeros((n, d), dtype=bool)
    for i in range(n):
        masks[i, rng.choice(d, rng.integers(1, d + 1), replace=False)] = True
        if i % 2:
            masks[i] = masks[i - 1]
            masks[i, rng.integers(d)] ^= True
    return masks[masks.any(axis=1)]


def reference(estimator, X, y, splits, masks, scoring=None):
    """What ``cross_val_score`` does, without its checks, which take most of the time."""
    scorer, means = check_scoring(estimator, scoring=scoring), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for A in (X[:, mask] for mask in masks):
            fitted = [clone(estimator).fit(A[train], y[train]) for train, _ in splits]
            scores = [scorer(model, A[test], y[test]) for model, (_, test) in zip(fitted, splits, strict=True)]
            means.append(np.mean(scores))
    return np.array(means)


def test_reference_is_cross_val_score():
    X, y, masks, model = plain(), labels(), subsets(3, D), KNeighborsClassifier()
    wanted = [cross_val_score(model, X[:, mask], y, cv=folds(y)).mean() for mask in masks]
    np.testing.assert_array_equal(reference(model, X, y, folds(y), masks), wanted)
    np.testing.assert_array_equal(SubsetScorer(model, X, y, folds(y))(masks), wanted)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_equals_cross_val_score(name, data):
    estimator, kind = CLASSIFIERS[name]
    X, y = DATA[data](), labels()
    scorer, masks = SubsetScorer(estimator, X, y, folds(y)), subsets(4, X.shape[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the estimators' own, where they are asked
        scores = scorer(masks)
    assert scorer.kind == kind
    np.testing.assert_array_equal(scores, reference(estimator, X, y, folds(y), masks))
    if data == "plain":
        assert scorer.n_refitted == 0  # else nothing was tested


def test_hundreds_of_subsets_of_many_columns():
    # as many as take the way over the matrices of like subsets, and of all columns
    rng = np.random.default_rng(5)
    y = labels(60)
    X = rng.normal(size=(60, 400)) + 0.3 * rng.normal(size=(CLASSES, 400))[y]
    scorer, masks = SubsetScorer(KNeighborsClassifier(3), X, y, folds(y, 3)), subsets(240, 400)
    scores = scorer(masks)
    assert scorer.n_refitted == 0
    np.testing.assert_array_equal(scores, reference(KNeighborsClassifier(3), X, y, folds(y, 3), masks))


@pytest.mark.parametrize("name", ["five", "by distance", "ridge", "balanced ridge", "svd", "shrunk", "machine"])
def test_folds_of_any_kind(name):
    # a class absent from training, rows drawn repeatedly, rows in several test parts, two classes only, words
    rng, estimator = np.random.default_rng(6), CLASSIFIERS[name][0]
    X, y = plain(), np.array(["anger", "fear", "joy", "sadness"])[labels()]
    rare, two = np.flatnonzero(y == "joy"), np.flatnonzero((y == "joy") | (y == "fear"))
    without = np.setdiff1d(np.arange(N), rare)
    drawn = rng.integers(0, N, N)
    splits = [(without, rare), (drawn, np.arange(20)), (drawn[:40], np.arange(10, 50)), (two, without[:30])]
    masks = subsets(6, D)
    for scoring in (None, "balanced_accuracy"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scores = SubsetScorer(estimator, X, y, splits, scoring)(masks)
        np.testing.assert_array_equal(scores, reference(estimator, X, y, splits, masks, scoring))


def test_two_classes():
    X, y = plain(), labels() > 1
    for estimator, _ in CLASSIFIERS.values():
        scorer, masks = SubsetScorer(estimator, X, y, folds(y)), subsets(4, D)
        np.testing.assert_array_equal(scorer(masks), reference(estimator, X, y, folds(y), masks))


@pytest.mark.parametrize(
    "scoring",
    ["accuracy", "balanced_accuracy", "f1_macro", "recall_macro", "matthews_corrcoef", "neg_mean_absolute_error"],
)
def test_scoring_by_predictions(scoring):
    X, y = plain(), labels()
    scorer, masks = SubsetScorer(KNeighborsClassifier(), X, y, folds(y), scoring), subsets(8, D)
    assert scorer.kind == "neighbours"
    np.testing.assert_array_equal(scorer(masks), reference(KNeighborsClassifier(), X, y, folds(y), masks, scoring))


def test_scoring_by_functions_and_probabilities():
    X, y, model = plain(), labels(), KNeighborsClassifier()
    masks = subsets(5, D)
    halved = make_scorer(lambda truth, found, of=2: np.mean(truth == found) / of, of=4)

    def own(estimator, A, truth):
        return float(estimator.predict(A)[0] == truth[0])

    for scoring, kind in ((halved, "neighbours"), (own, "any"), ("roc_auc_ovr", "any")):
        scorer = SubsetScorer(model, X, y, folds(y), scoring)
        assert scorer.kind == kind
        np.testing.assert_array_equal(scorer(masks), reference(model, X, y, folds(y), masks, scoring))


@pytest.mark.parametrize(
    ("estimator", "kind"),
    [
        (Ridge(0.5), "ridge"),
        (make_pipeline(StandardScaler(), Ridge(fit_intercept=False)), "ridge"),
        (KernelRidge(), "kernel_ridge"),
        (KernelRidge(kernel="rbf", alpha=0.1), "kernel_ridge"),
        (make_pipeline(StandardScaler(), KernelRidge(kernel="rbf", gamma=0.02)), "kernel_ridge"),
    ],
)
@pytest.mark.parametrize("data", ["plain", "doubled", "far_off", "wide"])
def test_regression_to_nine_digits(estimator, kind, data):
    X = DATA[data]()
    y = labels() + 0.1 * np.random.default_rng(7).normal(size=N)
    splits, masks = list(ShuffleSplit(3, random_state=0).split(X)), subsets(6, X.shape[1])
    scorer = SubsetScorer(estimator, X, y, splits)
    assert scorer.kind == kind
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = scorer(masks)
    np.testing.assert_allclose(scores, reference(estimator, X, y, splits, masks), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(
    "estimator",
    [
        GaussianNB(),
        RandomForestClassifier(5, random_state=0),
        KNeighborsClassifier(metric="manhattan"),
        KNeighborsClassifier(p=1),
        KNeighborsClassifier(weights=lambda distances: np.ones_like(distances)),
        RidgeClassifier(solver="svd"),
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        LinearDiscriminantAnalysis(priors=[0.1, 0.2, 0.3, 0.4]),
        SVC(),
        make_pipeline(PolynomialFeatures(2), KNeighborsClassifier()),
        type("Own", (KNeighborsClassifier,), {})(),
    ],
)
def test_anything_else_is_fitted(estimator):
    X, y, masks = plain(), labels(), subsets(3, D)
    scorer = SubsetScorer(estimator, X, y, folds(y))
    assert scorer.kind == "any"
    np.testing.assert_array_equal(scorer(masks), reference(estimator, X, y, folds(y), masks))
    assert scorer.n_refitted == 3 * len(masks)


def test_missing_values_are_the_estimators_business():
    X, y = plain(), labels()
    X[3, 2] = np.nan
    model = DecisionTreeClassifier(random_state=0)
    masks = subsets(2, D)
    np.testing.assert_array_equal(SubsetScorer(model, X, y, folds(y))(masks), reference(model, X, y, folds(y), masks))
    scorer = SubsetScorer(KNeighborsClassifier(), X, y, folds(y))
    assert scorer.kind == "any"
    with pytest.raises(SelectionError, match="NaN"):
        scorer(np.ones((1, D), dtype=bool))
