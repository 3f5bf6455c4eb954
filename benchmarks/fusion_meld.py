"""MELD by its texts: what the turns around an utterance tell of its emotion, without networks and with one.

    python benchmarks/fusion_meld.py                              # goes on where it stopped
    python benchmarks/fusion_meld.py --model FOLDER               # also with a pretrained sentence encoder on this disk
    python benchmarks/fusion_meld.py --table                      # the results as the guide shows them

Official split: trained on train and dev, tested on test. Every system of the list is judged on train and dev first, by
five folds in which no dialogue is torn apart; there, too, its decision threshold is chosen: the class of the highest
``probability / share ** power``, since weighted F1 wants rare classes named more often than accuracy does. Then it is
fitted to all of train and dev and scored on test once. The system that is best in the folds is marked ``chosen``, of
those with and of those without the encoder; its test score is the figure to quote, whatever the others reach.

Nothing but the words and the order of turns is used: no names of speakers, no episode, none of the corpus's sentiment
labels. Probabilities of both parts are kept in ``--work`` in folders named by the parameters they depend on. Result:
``benchmarks/results/fusion_meld.csv``, a row a system; intervals are 95 % of a bootstrap over dialogues.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from families import ROOT, commit
from fusion_common import SEED, in_parts
from platformdirs import user_cache_path
from scipy.sparse import csr_matrix
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from ferfusion import load_corpus
from ferfusion.base import OnFeatures, SelectViews, TableClassifier
from ferfusion.base.versions import versions
from ferfusion.context import DialogueContext, RetrievalClassifier, TransitionSmoother
from ferfusion.corpora import Corpus
from ferfusion.evaluation.metrics import confusion_counts, score_table, wf1
from ferfusion.evaluation.provenance import digest, parameters_of
from ferfusion.features import TextEmbedding, TextLexicon, TextNgrams, TextStyle, Views
from ferfusion.fusion import LateFusionClassifier, StackedFusionClassifier

RESULTS = ROOT / "benchmarks" / "results" / "fusion_meld.csv"
POWERS = tuple(np.round(np.arange(0, 0.85, 0.1), 1))
ENCODER = "text_encoder"
MANNER = ["text_lexicon", "text_style"]
WEIGHTS = {"words": 0.7, "manner": 0.3}

Row = dict[str, Any]


class SignedNgrams(TextNgrams):
    """Runs of words, in which "!", "?" and "..." are words."""

    def learn(self, sources: list[Any]) -> None:
        self.vectorizer_ = TfidfVectorizer(
            ngram_range=tuple(self.words),
            min_df=self.min_texts,
            max_features=self.max_features,
            sublinear_tf=self.sublinear,
            token_pattern=r"(?u)\b\w+\b|[!?.]+",
        ).fit(sources)


def damped(A: np.ndarray) -> np.ndarray:
    """Standardised columns of few texts' worth of outliers, made as small as weights of words."""
    return np.clip(A, -4, 4) * 0.15


def words(c: float = 1.0) -> Pipeline:
    """Logistic regression on words, their lexicon values and the manner of the text."""
    scale = make_pipeline(
        SimpleImputer(), StandardScaler(), FunctionTransformer(damped, feature_names_out="one-to-one")
    )
    machine = LogisticRegression(C=c, max_iter=300, tol=1e-3)
    return make_pipeline(
        SelectViews(MANNER),
        Views([("text_words", SignedNgrams(max_features=5000))], verbose=False),
        OnFeatures(scale, views=MANNER),
        OnFeatures(SimpleImputer(strategy="constant", fill_value=0.0), views=["text_words"]),
        TableClassifier(make_pipeline(FunctionTransformer(csr_matrix), machine)),
    )


def manner(n_before: int = 1) -> Pipeline:
    """Boosted trees on lexicon values and manner of the text, and of texts before."""
    trees = HistGradientBoostingClassifier(
        max_iter=80, learning_rate=0.08, max_leaf_nodes=10, min_samples_leaf=30, l2_regularization=5, random_state=SEED
    )
    return make_pipeline(SelectViews(MANNER), DialogueContext(n_before), TableClassifier(trees))


def encoder(machine: Any = None) -> Pipeline:
    """Logistic regression, or another machine, on the vectors of a sentence encoder, and lexicon values and manner."""
    scale = make_pipeline(
        SimpleImputer(), StandardScaler(), FunctionTransformer(damped, feature_names_out="one-to-one")
    )
    enlarge = FunctionTransformer(quadrupled, feature_names_out="one-to-one")
    return make_pipeline(
        SelectViews([*MANNER, ENCODER]),
        OnFeatures(scale, views=MANNER),
        OnFeatures(make_pipeline(SimpleImputer(), enlarge), views=[ENCODER]),
        TableClassifier(machine or LogisticRegression(C=1.0, max_iter=300, tol=1e-3)),
    )


def quadrupled(A: np.ndarray) -> np.ndarray:
    """Vectors of length one made as large as the machine's penalty is set for."""
    return 4 * A


def late(weights: tuple[float, ...] = (0.7, 0.3), **branches: Any) -> LateFusionClassifier:
    """Weighted product of words, manner and other branches."""
    listed = {"words": words(), "manner": manner(), **branches}
    return LateFusionClassifier(list(listed.items()), rule="product", weights=weights)


def retrieving(n_neighbors: int = 50) -> RetrievalClassifier:
    """A classifier that also asks the most similar training utterances."""
    return RetrievalClassifier(LogisticRegression(C=1.0, max_iter=300, tol=1e-3), n_neighbors=n_neighbors)


def smoothed(model: Any, **parameters: Any) -> TransitionSmoother:
    """The model with its dialogues smoothed."""
    return TransitionSmoother(model, group_by="dialogue", **parameters)


def systems() -> dict[str, Any]:
    """Systems by name, unfitted; those whose names tell of the encoder need one."""
    third = {"encoder": encoder()}
    return {
        "words": words(),
        "manner, 1 turn before": manner(1),
        "words + manner": late(),
        "words, smoothed by counts": smoothed(words(), weight=0.5),
        "words + manner, smoothed by counts": smoothed(late(), weight=0.5),
        "encoder": encoder(),
        "words + manner + encoder": late((0.4, 0.3, 0.3), **third),
        "encoder, retrieval": encoder(retrieving()),
        "words, C = 2": words(2.0),
        "manner, no turn before": manner(0),
        "manner, 2 turns before": manner(2),
        "words + manner without turns before": late(manner=manner(0)),
        "words + manner, equal weights": late((1.0, 1.0)),
        "words, smoothed by chain": smoothed(words(), method="crf", n_folds=3),
        "words + manner, smoothed by chain": smoothed(late(), method="crf", n_folds=3),
        "words + manner + encoder, retrieval": late((0.4, 0.3, 0.3), encoder=encoder(retrieving())),
        "words + manner + encoder, smoothed by chain": smoothed(
            late((0.4, 0.3, 0.3), **third), method="crf", n_folds=3
        ),
        "words + manner, stacked": StackedFusionClassifier([("words", words()), ("manner", manner())]),
        "words + manner, smoothed by chain, no later turns": smoothed(late(), method="crf", n_folds=3, future=False),
    }


def table(corpus: Corpus, model: str | None, store: Path) -> Corpus:
    """The corpus with views that do not learn."""
    views: list[Any] = [("text_lexicon", TextLexicon()), ("text_style", TextStyle())]
    if model:
        views.append((ENCODER, TextEmbedding(model)))
    X, _ = Views(views, store=str(store)).extract(corpus.X)
    return corpus.replace(X=X[[c for c in X.columns if "__" in c or c in ("text", "dialogue", "turn", "split")]])


def judged(name: str, model: Any, corpus: Corpus, work: Path) -> Row:
    """The row of a system: power and score by inner folds, then the test part."""
    X, y = corpus.X, corpus.y.to_numpy().astype(str)  # type: ignore[union-attr]
    dialogues = X["dialogue"].to_numpy().astype(str)
    classes, begun = np.unique(y), time.process_time()
    fold, parts, found = in_parts(name, model, corpus, dialogues, list(X.columns), work)
    share = np.array([(y[fold.train] == label).mean() for label in classes])
    rows = np.concatenate([test for _, test in parts])
    inner = {
        power: weighted_f1(y[rows], decided(np.concatenate(found[:-1]), share, power, classes)) for power in POWERS
    }
    power = max(inner, key=lambda p: inner[p])
    predicted = decided(found[-1], share, power, classes)
    counts, _ = confusion_counts(y[fold.test], predicted, classes, dialogues[fold.test])
    scores = score_table(counts, SEED).round(4)
    plain = weighted_f1(y[fold.test], decided(found[-1], share, 0.0, classes))
    row: Row = {
        "system": name,
        "power": power,
        "inner_wf1": round(inner[power], 4),
        "inner_wf1_plain": round(inner[0.0], 4),
    }
    for score in ("wf1", "uar", "wa"):
        row |= {
            f"test_{score}{end}": scores.loc[score, part]
            for end, part in (("", "value"), ("_low", "low"), ("_high", "high"))
        }
    return row | {"test_wf1_plain": round(plain, 4), "cpu_s": round(time.process_time() - begun, 1)}


def decided(P: np.ndarray, share: np.ndarray, power: float, classes: np.ndarray) -> np.ndarray:
    """Class of the highest probability by its share to a power."""
    return np.asarray(classes[(P / share**power).argmax(axis=1)])


def weighted_f1(y: np.ndarray, predicted: np.ndarray) -> float:
    """Weighted F1 of predictions."""
    return float(wf1(confusion_counts(y, predicted, np.unique(y), np.zeros(len(y)))[0][0]))


def as_table(rows: list[Row]) -> str:
    """The results in Markdown, the best in the folds first."""
    lines = ["| system | wF1 in the folds | power | wF1 on test | UAR | chosen |", "|---|---|---|---|---|---|"]
    for row in sorted(rows, key=lambda r: -r["inner_wf1"]):
        interval = f"{row['test_wf1']:.3f} [{row['test_wf1_low']:.3f}, {row['test_wf1_high']:.3f}]"
        cells = [row["system"], f"{row['inner_wf1']:.3f}", row["power"], interval, f"{row['test_uar']:.3f}"]
        lines.append(f"| {' | '.join(map(str, [*cells, 'yes' if row['chosen'] else '']))} |")
    return "\n".join(lines)


def marked(rows: list[Row]) -> list[Row]:
    """Rows with the best in the folds marked, of those with and of those without the encoder."""
    best = {}
    for row in rows:
        kind = "encoder" in row["system"]
        if kind not in best or row["inner_wf1"] > best[kind]["inner_wf1"]:
            best[kind] = row
    return [{**row, "chosen": any(row is chosen for chosen in best.values())} for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=systems(), help="systems; all if missing")
    parser.add_argument("--model", help="folder of a sentence encoder; systems with it are left out if missing")
    parser.add_argument("--work", type=Path, default=user_cache_path("ferfusion") / "benchmarks")
    parser.add_argument("--table", action="store_true", help="print what has been measured")
    asked = parser.parse_args()
    rows: list[Row] = pd.read_csv(RESULTS).to_dict("records") if RESULTS.exists() else []
    if asked.table:
        print(as_table(rows))
        return
    root = Path(os.environ.get("FERFUSION_CORPORA", ROOT.parent / "shared" / "corpora"))
    corpus = load_corpus("meld", root / "meld")
    ready = table(corpus, asked.model, asked.work / "store")
    origin = {
        "protocol": "official: train and dev, test; inner folds by dialogue",
        "interval": "95 % over dialogues",
        "encoder": TextEmbedding(asked.model).fingerprint() if asked.model else "",
        "seed": SEED,
        "corpus_checksum": corpus.checksum(),
        "commit": commit(),
        "ferfusion": versions()["ferfusion"],
        "scikit-learn": versions()["scikit-learn"],
    }
    RESULTS.parent.mkdir(exist_ok=True)
    for name, model in systems().items():
        with_encoder = "encoder" in name
        if name not in (asked.only or systems()) or (with_encoder and not asked.model):
            continue
        same = digest(parameters_of(model))
        if any(row["system"] == name and row["parameters"] == same for row in rows):
            continue
        views = ready if with_encoder else without_encoder(ready)
        with threadpool_limits(1):
            row = {**judged(name, model, views, asked.work / "meld"), "parameters": same, **origin}
        if not with_encoder:
            row["encoder"] = ""
        rows = marked([*(old for old in rows if old["system"] != name), row])
        pd.DataFrame(rows).to_csv(RESULTS, index=False)
        print(f"{name:55s} inner {row['inner_wf1']:.4f} test {row['test_wf1']:.4f}", flush=True)


def without_encoder(corpus: Corpus) -> Corpus:
    """The corpus without the vectors of the encoder."""
    return corpus.replace(X=corpus.X[[c for c in corpus.X.columns if not c.startswith(ENCODER)]])


if __name__ == "__main__":
    main()
