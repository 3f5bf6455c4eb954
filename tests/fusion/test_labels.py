import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.preprocessing import StandardScaler

from ferfusion.base.errors import TableError
from ferfusion.base.table import features_of
from ferfusion.corpora import make_corpus
from ferfusion.features import TextNgrams
from ferfusion.fusion import make_early, make_late
from ferfusion.fusion.hybrid import make_hybrid
from ferfusion.fusion.labels import MultiLabelClassifier


def several(X, y):
    Y = pd.get_dummies(y)
    rng = np.random.default_rng(0)
    return Y | pd.DataFrame(rng.random(Y.shape) < 0.2, index=Y.index, columns=Y.columns)


def test_equals_scikit_learn_on_arrays(toy):
    X, y = toy
    Y = several(X, y)
    model = MultiLabelClassifier(make_early((), LogisticRegression(), scaler=StandardScaler())).fit(X, Y)
    A = StandardScaler().fit_transform(features_of(X))
    plain = MultiOutputClassifier(LogisticRegression()).fit(A, Y.to_numpy())
    np.testing.assert_allclose(model.predict_proba(X), np.column_stack([P[:, 1] for P in plain.predict_proba(A)]))
    np.testing.assert_array_equal(model.predict(X), plain.predict(A))
    assert model.labels_ == list(Y.columns)


@pytest.mark.parametrize(
    "system",
    [
        make_late("logistic", "product"),
        make_late("logistic", "stack"),
        make_hybrid({"speech": ["audio", "text"], "face": "visual"}, "logistic"),
        make_early((), "svm"),
    ],
)
def test_every_assembler(toy, system):
    X, y = toy
    Y = several(X, y)
    P = MultiLabelClassifier(system).fit(X, Y).predict_proba(X)
    assert P.shape == Y.shape
    assert ((P >= 0) & (P <= 1)).all()
    assert np.mean((P >= 0.5) == Y.to_numpy()) > 0.7


def test_extraction_is_done_once(monkeypatch):
    corpus = make_corpus(n_speakers=4, n_utterances=40, views=("text",))
    learnt, real = [], TextNgrams.learn
    monkeypatch.setattr(TextNgrams, "learn", lambda self, sources: learnt.append(1) or real(self, sources))
    system = make_early([("text_tfidf", TextNgrams())], "logistic")
    model = MultiLabelClassifier(system).fit(corpus.X, pd.get_dummies(corpus.y))
    assert len(learnt) == 1
    one = make_early([("text_tfidf", TextNgrams())], "logistic").fit(corpus.X, corpus.y == "anger")
    np.testing.assert_allclose(
        model.predict_proba(corpus.X)[:, model.labels_.index("anger")], one.predict_proba(corpus.X)[:, 1]
    )


def test_a_label_that_always_or_never_applies(toy):
    X, y = toy
    Y = pd.get_dummies(y).assign(always=1, never=0)
    P = MultiLabelClassifier(make_early((), "logistic")).fit(X, Y).predict_proba(X)
    assert (P[:, -2] == 1).all()
    assert (P[:, -1] == 0).all()


def test_bad_labels(toy):
    X, y = toy
    model, Y = MultiLabelClassifier(make_early((), "logistic")), pd.get_dummies(y)
    for bad in (y, Y.to_numpy(), Y[::-1], Y[[]]):
        with pytest.raises(TableError, match="DataFrame y"):
            model.fit(X, bad)
    with pytest.raises(TableError, match="lack a label"):
        model.fit(X, Y.astype(float).assign(anger=np.nan))
    with pytest.raises(TableError, match="must be 0 or 1"):
        model.fit(X, Y * 2)
