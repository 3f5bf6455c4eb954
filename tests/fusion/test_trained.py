import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, log_loss, recall_score
from sklearn.naive_bayes import GaussianNB

from ferfusion.base import TableClassifier, grouped_splits
from ferfusion.base.errors import ProtocolError, UnknownNameError
from ferfusion.base.table import columns_of
from ferfusion.fusion import make_late
from ferfusion.fusion.out_of_fold import inner_splits, out_of_fold
from ferfusion.fusion.pooled import _least_loss
from ferfusion.fusion.trained import TRAINED_RULES, TrainedRule, as_trained_rule
from ferfusion.fusion.trained_late import TrainedFusionClassifier

N, K = 400, 3


@pytest.fixture
def said():
    """A good branch, one that knows the first class only, and one that knows nothing; true codes."""
    rng = np.random.default_rng(3)
    y = rng.integers(K, size=N)
    logits = rng.normal(size=(3, N, K))
    logits[0, np.arange(N), y] += 1.5
    logits[1, y == 0, 0] += 3
    P = np.exp(logits)
    return P / P.sum(axis=2, keepdims=True), y


def fused(name, P, y, Q=None):
    rule = TRAINED_RULES[name]
    return rule.apply(P if Q is None else Q, rule.fit(P, y, P.shape[2]))


def test_recall_is_that_of_scikit_learn(said):
    P, y = said
    weights = TRAINED_RULES["recall"].fit(P, y, K)["weights"]
    for own, p in zip(weights, P, strict=True):
        np.testing.assert_allclose(own, recall_score(y, p.argmax(axis=1), average=None))


def test_fusion_by_recall_by_hand():
    P = np.array([[[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]], [[0.3, 0.7], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8]]])
    y = np.array([0, 0, 1, 1])
    # recalls: 1 and 1/2 of the first branch, 1/2 and 1 of the second
    scores = np.array([(0.9 + 0.5 * 0.3) / 1.5, (0.5 * 0.1 + 0.7) / 1.5])
    np.testing.assert_allclose(fused("recall", P, y)[0], scores / scores.sum())


def test_belief_counts_are_those_of_scikit_learn_and_bayes_by_hand(said):
    P, y = said
    learnt = TRAINED_RULES["belief"].fit(P, y, K)
    decided = P.argmax(axis=2)
    posterior = np.bincount(y) + 1 / K
    posterior = np.tile(posterior / posterior.sum(), (N, 1))
    for b in range(3):
        counts = confusion_matrix(y, decided[b])
        share = (counts.sum(axis=0) + 1 / K) / (N + 1)
        likelihood = (counts + share) / (counts.sum(axis=1, keepdims=True) + 1)
        np.testing.assert_allclose(learnt["likelihood"][b], likelihood)
        for i in range(N):
            posterior[i] *= likelihood[:, decided[b, i]]
    np.testing.assert_allclose(fused("belief", P, y), posterior / posterior.sum(axis=1, keepdims=True))


def test_templates_are_class_means_and_the_nearest_one_wins(said):
    P, y = said
    learnt = TRAINED_RULES["templates"].fit(P, y, K)
    profiles = P.transpose(1, 0, 2).reshape(N, -1)
    templates = np.stack([profiles[y == k].mean(axis=0) for k in range(K)])
    np.testing.assert_allclose(learnt["templates"].transpose(1, 0, 2).reshape(K, -1), templates)
    similarity = 1 - ((profiles[:, None] - templates[None]) ** 2).mean(axis=2)
    assert (fused("templates", P, y).argmax(axis=1) == similarity.argmax(axis=1)).all()


def test_weights_have_the_least_log_loss_of_a_grid(said):
    P, y = said
    weights = TRAINED_RULES["weights"].fit(P, y, K)["weights"]
    np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-6)
    assert (weights == weights[:, :1]).all()
    found = log_loss(y, np.einsum("b,bnk->nk", weights[:, 0], P))
    steps = np.linspace(0, 1, 41)
    grid = [(a, b, 1 - a - b) for a in steps for b in steps if a + b <= 1 + 1e-12]
    best = min(grid, key=lambda w: log_loss(y, np.einsum("b,bnk->nk", w, P)))
    assert found <= log_loss(y, np.einsum("b,bnk->nk", best, P)) + 1e-9
    np.testing.assert_allclose(weights[:, 0], best, atol=0.03)


def test_weights_by_class_are_at_least_as_good_and_know_the_specialist(said):
    P, y = said
    learnt = TRAINED_RULES["classwise"].fit(P, y, K)["weights"]
    np.testing.assert_allclose(learnt.sum(axis=0), 1, atol=1e-6)
    assert log_loss(y, fused("classwise", P, y)) <= log_loss(y, fused("weights", P, y)) + 1e-9
    assert learnt[1, 0] > learnt[1, 1:].max() + 0.1


def test_the_slope_of_the_loss(said, monkeypatch):
    P, y = said
    P = P.copy()
    P[0, ::5] = np.nan
    kept = {}

    def keep(function, start, **options):
        kept["loss"], kept["start"] = function, start
        raise KeyboardInterrupt

    for by_class in (False, True):
        with monkeypatch.context() as patch:
            patch.setattr("ferfusion.fusion.pooled.minimize", keep)
            with pytest.raises(KeyboardInterrupt):
                _least_loss(P, y, K, by_class)
        place = kept["start"] * np.linspace(0.5, 1.5, len(kept["start"]))
        off = check_grad(lambda w: kept["loss"](w)[0], lambda w: kept["loss"](w)[1], place)
        assert off < 1e-6


def test_training_pays(said):
    P, y = said
    new, truth = P[:, N // 2 :], y[N // 2 :]
    plain = (new.mean(axis=0).argmax(axis=1) == truth).mean()
    for name in ("recall", "belief", "templates", "weights", "classwise"):
        out = fused(name, P[:, : N // 2], y[: N // 2], new)
        assert (out.argmax(axis=1) == truth).mean() > plain, name


@pytest.mark.parametrize("name", TRAINED_RULES)
class TestEveryTrainedRule:
    def test_a_class_that_nobody_judged(self, name, said):
        P, y = said
        rows = y != 2
        out = fused(name, P[:, rows], y[rows], P)
        np.testing.assert_allclose(out.sum(axis=1), 1)

    def test_a_branch_that_judged_no_training_row(self, name, said):
        P, y = said
        holed = P.copy()
        holed[2] = np.nan
        out = fused(name, holed, y, P)
        np.testing.assert_allclose(out.sum(axis=1), 1)
        alone = P.copy()
        alone[:2] = np.nan
        assert np.isfinite(fused(name, holed, y, alone)).all()

    def test_certain_branches(self, name):
        P = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]]])
        out = fused(name, P, np.array([0, 1]))
        np.testing.assert_allclose(out.sum(axis=1), 1)
        assert (out >= 0).all()

    def test_one_training_row(self, name):
        P = np.array([[[0.7, 0.3]], [[0.4, 0.6]]])
        np.testing.assert_allclose(fused(name, P, np.array([0])).sum(axis=1), 1)

    def test_arrays_only(self, name, said):
        learnt = TRAINED_RULES[name].fit(*said, K)
        assert all(type(key) is str and isinstance(value, np.ndarray) for key, value in learnt.items())


def test_names():
    assert as_trained_rule("recall") is TRAINED_RULES["recall"]
    own = TrainedRule(lambda P, y, n: {}, lambda P, learnt: P[0])
    assert as_trained_rule(own) is own
    with pytest.raises(UnknownNameError, match="Did you mean 'templates'"):
        as_trained_rule("template")


@pytest.mark.parametrize("name", TRAINED_RULES)
def test_the_classifier_is_the_rule_on_out_of_fold_judgements(toy, name):
    X, y = toy
    model = TrainedFusionClassifier(TableClassifier(GaussianNB()), rule=name, n_folds=4).fit(X, y)
    labels = y.to_numpy(dtype=object)
    splits = grouped_splits(labels.astype(str), X["speaker"].to_numpy(), 4, 0)
    named = [(n, clone(b)) for n, b in model._named_branches(X)]
    P, seen = out_of_fold(named, X, labels, model.classes_, splits)
    assert seen.all()
    rule = TRAINED_RULES[name]
    expected = rule.apply(model.branch_probabilities(X), rule.fit(P, np.unique(y, return_inverse=True)[1], 3))
    np.testing.assert_allclose(model.predict_proba(X), expected)


def test_out_of_fold_rows_are_judged_by_branches_without_their_speaker(toy):
    X, y = toy
    labels = y.to_numpy(dtype=object)
    classes = np.unique(labels)
    branch = TableClassifier(LogisticRegression())
    P, _ = out_of_fold([("all", branch)], X, labels, classes, inner_splits(X, labels, 4, 0))
    for speaker in ("s0", "s3"):
        out = (X["speaker"] == speaker).to_numpy()
        np.testing.assert_allclose(P[0, out], clone(branch).fit(X[~out], labels[~out]).predict_proba(X[out]))


def test_by_name_in_the_assembler_and_in_parallel(toy):
    X, y = toy
    one = make_late(GaussianNB(), rule="recall").fit(X, y)
    assert isinstance(one["fuse"], TrainedFusionClassifier)
    two = make_late(GaussianNB(), rule=TRAINED_RULES["recall"], n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def test_a_view_that_one_speaker_alone_has(toy):
    X, y = toy
    X = X.copy()
    X.loc[X["speaker"] != "s1", columns_of(X, "text_b")] = np.nan
    with pytest.warns(UserWarning, match=r"The branch 'text' says nothing in 1 of 4 inner folds"):
        model = make_late("logistic", rule="weights").fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_classes_that_one_speaker_alone_has(toy):
    X, y = toy
    X = X.assign(speaker=y.map({"anger": "s0", "calm": "s1", "fear": "s2"}))
    with pytest.raises(ProtocolError, match="No class occurs in more than one group"):
        make_late("logistic", rule="recall").fit(X, y)


def test_one_speaker_is_split_without_groups(toy):
    X, y = toy
    model = make_late(GaussianNB(), rule="recall").fit(X.assign(speaker="s0"), y)
    assert (model.predict(X) == y).mean() > 0.5


def test_own_folds(toy):
    X, y = toy
    with pytest.raises(ProtocolError, match="at most once"):
        TrainedFusionClassifier(TableClassifier(LogisticRegression()), cv=[]).fit(X, y)
    twice = [(np.arange(40), np.arange(40, 84)), (np.arange(41, 84), np.arange(41))]
    with pytest.raises(ProtocolError, match="at most once"):
        TrainedFusionClassifier(TableClassifier(LogisticRegression()), cv=twice).fit(X, y)
