"""What the fitness of subsets remembers, refuses, and does in parallel or with little memory."""

import warnings

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from ferfusion.base.errors import SelectionError
from ferfusion.selection.base import inner_splits
from ferfusion.selection.fitness import SubsetScorer
from ferfusion.selection.fitness.grams import GramBank
from ferfusion.selection.fitness.kernels import vote
from ferfusion.selection.fitness.problem import Problem

N, D = 80, 30


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, N)
    return rng.normal(size=(N, D)) + 0.5 * rng.normal(size=(3, D))[y], y


@pytest.fixture
def splits(data):
    return list(StratifiedKFold(4, shuffle=True, random_state=0).split(*data))


def masks_of(n, seed=1):
    masks = np.random.default_rng(seed).random((n, D)) < 0.4
    masks[:, 0] = True
    return masks


def test_subsets_are_computed_once(data, splits):
    scorer, masks = SubsetScorer(KNeighborsClassifier(), *data, splits), masks_of(6)
    first = scorer(masks[[0, 1, 2, 0, 1]])
    assert (scorer.n_asked, scorer.n_computed) == (5, 3)
    np.testing.assert_array_equal(first[[0, 1]], first[[3, 4]])
    np.testing.assert_array_equal(scorer(masks[:4])[:3], first[:3])
    assert (scorer.n_asked, scorer.n_computed) == (9, 4)


def test_what_is_remembered_is_bounded(data, splits, monkeypatch):
    monkeypatch.setattr("ferfusion.selection.fitness.scorer._REMEMBERED", 3)
    scorer, masks = SubsetScorer(KNeighborsClassifier(), *data, splits), masks_of(5)
    first = scorer(masks)
    np.testing.assert_array_equal(scorer(masks[4:]), first[4:])
    assert scorer.n_computed == 5
    np.testing.assert_array_equal(scorer(masks[:1]), first[:1])
    assert scorer.n_computed == 6


def test_empty_subset_and_no_subset(data, splits):
    scorer = SubsetScorer(KNeighborsClassifier(), *data, splits)
    assert np.isnan(scorer(np.zeros((2, D), dtype=bool))).all()
    assert scorer(np.zeros((0, D), dtype=bool)).shape == (0,)
    assert scorer.n_computed == 0


def test_bad_shapes(data, splits):
    X, y = data
    scorer = SubsetScorer(KNeighborsClassifier(), X, y, splits)
    for masks in (np.ones(D, dtype=bool), np.ones((1, D + 1), dtype=bool)):
        with pytest.raises(SelectionError, match=f"n_masks, {D}"):
            scorer(masks)
    with pytest.raises(SelectionError, match="one target a row"):
        SubsetScorer(KNeighborsClassifier(), X, y[:-1], splits)
    with pytest.raises(SelectionError, match="no folds"):
        SubsetScorer(KNeighborsClassifier(), X, y, [])


@pytest.mark.parametrize(
    "estimator",
    [KNeighborsClassifier(), RidgeClassifier(), GaussianNB(), make_pipeline(StandardScaler(), KNeighborsClassifier())],
)
def test_same_whatever_n_jobs_and_memory(estimator, data, splits):
    masks = masks_of(12)
    alone = SubsetScorer(estimator, *data, splits)(masks)
    with parallel_config("threading"):  # processes take seconds to start
        np.testing.assert_array_equal(SubsetScorer(estimator, *data, splits, n_jobs=2)(masks), alone)
    for memory in (2**12, 2**17, 2**19):
        np.testing.assert_array_equal(SubsetScorer(estimator, *data, splits, memory=memory)(masks), alone)


def test_folds_are_made_of_a_number(data):
    X, y = data
    groups = np.arange(N) // 8
    scorer, masks = SubsetScorer(KNeighborsClassifier(), X, y, 3, groups=groups), masks_of(3)
    made = inner_splits(3, X, y, groups)
    wanted = [cross_val_score(KNeighborsClassifier(), X[:, m], y, cv=made).mean() for m in masks]
    np.testing.assert_array_equal(scorer(masks), wanted)


def test_folds_as_masks(data, splits):
    as_masks = [tuple(np.isin(np.arange(N), part) for part in split) for split in splits]
    masks = masks_of(3)
    one, other = (SubsetScorer(KNeighborsClassifier(), *data, s)(masks) for s in (splits, as_masks))
    np.testing.assert_array_equal(one, other)


def test_a_fold_that_fails_gives_nan_and_one_warning(data, splits):
    # five neighbours of four samples
    scorer = SubsetScorer(KNeighborsClassifier(), *data, [*splits, (np.arange(4), np.arange(4, 20))])
    with pytest.warns(FitFailedWarning, match="n_neighbors") as caught:
        assert np.isnan(scorer(masks_of(3))).all()
    assert len(caught) == 1
    assert np.isnan(scorer(masks_of(3, seed=2))).all()  # warnings are errors here


def test_folds_that_all_fail_are_an_error(data):
    scorer = SubsetScorer(KNeighborsClassifier(), *data, [(np.arange(4), np.arange(4, 20))])
    with pytest.raises(SelectionError, match=r"(?s)No fold of any subset.*n_neighbors"):
        scorer(masks_of(2))


def test_estimator_is_left_alone(data, splits):
    model = KNeighborsClassifier()
    SubsetScorer(model, *data, splits)(masks_of(2))
    assert not hasattr(model, "classes_")


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), MaxAbsScaler(), RobustScaler()])
def test_scaling_all_columns_at_once_rounds_as_scaling_some(scaler, data, splits):
    X, y = data[0] * np.logspace(-3, 6, D) + 1e4, data[1]
    problem = Problem(make_pipeline(scaler, KNeighborsClassifier()), X, y, splits, 2**30, 1)
    for mask in masks_of(20):
        part = X[:, mask]
        for i, (train, test) in enumerate(splits):
            fitted = scaler.fit(part[train])
            for ours, theirs in zip(problem.fold(i, np.flatnonzero(mask)), (train, test), strict=True):
                np.testing.assert_array_equal(ours, fitted.transform(part[theirs]))


def test_matrices_made_from_like_subsets_keep_their_error_bound():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(20, 400))
    X[:, 0] *= 1e6  # comes and goes, and leaves its rounding errors behind
    bank, mask = GramBank(X, 2**24), rng.random(400) < 0.5
    updated, mask[0] = 0, True  # the first matrix is without it
    for _ in range(60):
        mask[rng.integers(1, 400, 5)] ^= True
        mask[0] ^= True
        columns = np.flatnonzero(mask)
        gram = bank(columns)
        updated += gram.n_terms > len(columns)
        A = X[:, columns].astype(np.longdouble)
        exact = ((A[:, None] - A) ** 2).sum(axis=2)
        ours = gram.squares[:, None] + gram.squares - 2 * gram.products
        assert (np.abs(ours - exact) <= np.add.outer(gram.slack(), gram.slack())).all()
    assert updated > 30


def test_discriminant_does_without_columns_that_stand_still(data, splits):
    X, y = data[0].copy(), data[1]
    X[:, 3], X[:, 7] = 0.0, 2.5
    scorer = SubsetScorer(LinearDiscriminantAnalysis(), X, y, splits)
    wanted = cross_val_score(LinearDiscriminantAnalysis(), X, y, cv=splits).mean()
    assert scorer(np.ones((1, D), dtype=bool)) == [wanted]
    assert scorer.n_refitted == 0


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("by_distance", [True, False])
def test_vote_against_brute_force(compiled, by_distance):
    rng = np.random.default_rng(4)
    A, codes = rng.integers(0, 4, size=(40, 3)).astype(float), rng.integers(0, 3, 40).astype(np.int64)
    squares, out = (A**2).sum(axis=1), np.empty(40, dtype=np.int64)
    times, slack = rng.integers(0, 3, 40), np.full(40, 1e-9)
    function = vote if compiled else vote.py_func
    for k in (1, 3, 6):
        function(A @ A.T, np.arange(40), times, squares, slack, squares, slack, codes, k, by_distance, 3, out)
        assert (out >= 0).any()
        for i in np.flatnonzero(out >= 0):
            assert _winners(A, codes, times, i, k, by_distance) == {out[i]}


def _winners(A, codes, times, i, k, by_distance):
    """All classes that can win, whichever of the equally far are taken."""
    far = np.repeat(((A - A[i]) ** 2).sum(axis=1), times)
    label, found = np.repeat(codes, times), set()
    rim = np.sort(far)[k - 1]
    weight = 1 / np.sqrt(far) if by_distance and far.min() > 0 else (far == 0) if by_distance else np.ones(len(far))
    inside, at = np.flatnonzero(far < rim), np.flatnonzero(far == rim)
    rng = np.random.default_rng(0)
    for _ in range(200):
        taken = np.concatenate([inside, rng.permutation(at)[: k - len(inside)]])
        found.add(int(np.argmax(np.bincount(label[taken], weight[taken].astype(float), minlength=3))))
    return found


def test_a_class_that_a_fold_lacks_is_no_reason_to_warn():
    """A small fold of one speaker lacks an emotion that is predicted there: the same score, and quiet."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 20)
    X = rng.normal(size=(60, 6)) + 0.3 * y[:, None]
    few = np.flatnonzero(y < 2)[::4]
    splits = [(np.setdiff1d(np.arange(60), few), few)]
    masks = rng.random((20, 6)) < 0.5
    masks[:, 0] = True
    judge = KNeighborsClassifier(3)
    found = SubsetScorer(judge, X, y, splits, "balanced_accuracy")(masks)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
        theirs = [cross_val_score(judge, X[:, m], y, cv=splits, scoring="balanced_accuracy").mean() for m in masks]
    predicted = {c for m in masks for c in judge.fit(X[splits[0][0]][:, m], y[splits[0][0]]).predict(X[few][:, m])}
    assert 2 in predicted
    np.testing.assert_array_equal(found, theirs)
