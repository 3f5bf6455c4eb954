"""MOSI by texts, sound and face: what three modalities gain over the best of them, without training a network.

    python benchmarks/fusion_mosi.py                          # goes on where it stopped
    python benchmarks/fusion_mosi.py --model FOLDER           # also with a pretrained sentence encoder on this disk
    python benchmarks/fusion_mosi.py --table                  # the results as the guide shows them

Official split, two classes (positive, negative), accuracy. Every system of the list is judged on the training part
first, by five folds in which no video is torn apart, then fitted to all of it and scored on test once. All are
reported; ``chosen`` is the best in the folds, of those with and of those without the encoder, and the figure to quote.
``gain`` is the difference to the single view that does best *on test*, with a paired interval over videos: fusion
``wins`` only where it excludes 0. Where a system has the same one without sound (and face) beside it, ``more`` is what
these add to it.

**Two of the views that come with the corpus cannot be judged in the folds.** ``text_cnn`` and ``visual_cnn3d`` are
what networks made that were trained on the training part, with its labels: within it they are nearly always right, on
test they are not. Whatever is learnt about them there, by a stack or by weights, trusts them too much. Systems with
them are marked ``seen`` and are never chosen; their weights in a product are given, not learnt.

The transcripts, the words' lexicon values and the order of segments in their video are what own text views are made
of. The corpus comes without intensities, so that nothing could be learnt from them. What each system said is kept in
``--work`` in folders named by the parameters it depends on. Result: ``benchmarks/results/fusion_mosi.csv``, a row a
system; intervals are 95 % of a bootstrap over videos.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from families import ROOT, commit
from fusion_common import SEED, in_parts
from platformdirs import user_cache_path
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from threadpoolctl import threadpool_limits

from ferfusion import load_corpus
from ferfusion.base import SelectViews, TableClassifier
from ferfusion.base.table import columns_of
from ferfusion.base.versions import versions
from ferfusion.context import DialogueContext, TransitionSmoother
from ferfusion.corpora import Corpus
from ferfusion.evaluation.metrics import confusion_counts, score_table, wa
from ferfusion.evaluation.provenance import digest, parameters_of
from ferfusion.evaluation.statistics import bootstrap_difference
from ferfusion.features import TextEmbedding, TextLexicon, TextNgrams, TextStyle, Views
from ferfusion.fusion import LateFusionClassifier, StackedFusionClassifier, make_early, make_hybrid, make_late

RESULTS = ROOT / "benchmarks" / "results" / "fusion_mosi.csv"
ENCODER = "text_encoder"
MANNER = ["text_lexicon", "text_style"]
SOUND, FACE, GIVEN_TEXT = "audio_smile73", "visual_cnn3d", "text_cnn"
SINGLE = (
    "words",
    "words, weighed by class",
    "characters",
    "manner",
    "manner in its video",
    "sound",
    "face",
    "given text",
    "encoder",
)
# the same without sound (and face)
WITHOUT = {
    "text + sound, product": "text, product",
    "text + sound, stacked": "text, stacked",
    "text + sound, hybrid, smoothed": "text, product, smoothed",
    "given three, early": "given text",
    "all, product": "text + given text, product",
    "all, hybrid, smoothed": "text + given text, product, smoothed",
    "text + encoder + sound, product, smoothed": "text + encoder, product, smoothed",
}

Row = dict[str, Any]


class NaiveBayesWeights(TransformerMixin, BaseEstimator):
    """Columns times the logarithm of how much more of them there is in one of two classes than in the other."""

    def fit(self, X: Any, y: Any) -> NaiveBayesWeights:
        """Learn a weight a column."""
        shares = [1 + np.asarray(X[np.asarray(y) == code].sum(axis=0)).ravel() for code in (1, 0)]
        self.weights_ = np.log(shares[0] / shares[0].sum()) - np.log(shares[1] / shares[1].sum())
        return self

    def transform(self, X: Any) -> Any:
        """Weigh the columns."""
        return X.multiply(self.weights_).tocsr()


def ngrams(name: str, c: float, *weigh: Any, **parameters: Any) -> Pipeline:
    """Logistic regression on weights of runs of words or characters, weighed further if asked for."""
    view = TextNgrams(min_texts=1, max_features=10_000, **parameters)
    machine = LogisticRegression(C=c, max_iter=500)
    return make_pipeline(
        SelectViews([]),
        Views([(name, view)], verbose=False),
        TableClassifier(make_pipeline(FunctionTransformer(csr_matrix), *weigh, machine)),
    )


def words() -> Pipeline:
    """Runs of one and two words."""
    return ngrams("text_words", 5.0, words=(1, 2))


def bayes_words() -> Pipeline:
    """The same, weighed by what classes they occur in."""
    return ngrams("text_words", 3.0, NaiveBayesWeights(), words=(1, 2))


def characters() -> Pipeline:
    """Runs of two to five characters."""
    return ngrams("text_characters", 2.0, characters=(2, 5))


def numbers(*views: str, c: float = 10.0, machine: Any = None) -> Pipeline:
    """Logistic regression, or another machine, on views that are each brought to a total variance of one."""
    early = make_early((), machine or LogisticRegression(C=c, max_iter=500))
    return Pipeline([("keep", SelectViews(list(views))), *early.steps[1:]])


def text_early() -> Pipeline:
    """Words, lexicon values and style side by side."""
    early = make_early([("text_words", TextNgrams(max_features=5000))], LogisticRegression(C=30.0, max_iter=500))
    return Pipeline([("keep", SelectViews(MANNER)), *early.steps])


def manner_in_video() -> Pipeline:
    """Lexicon values and style, and the means of the lexicon values before and after in the video."""
    early = make_early((), LogisticRegression(C=10.0, max_iter=500))
    context = DialogueContext(None, None, views=["text_lexicon"], how="mean")
    return Pipeline([("keep", SelectViews(MANNER)), ("context", context), *early.steps[1:]])


def product(weights: list[float] | None = None, **branches: Any) -> LateFusionClassifier:
    """Weighted product of branches."""
    return LateFusionClassifier(list(branches.items()), "product", weights)


def texts(**more: Any) -> LateFusionClassifier:
    """Product of words and characters (which say much the same and count as one) and of manner."""
    branches = {"words": words(), "characters": characters(), "manner": numbers(*MANNER), **more}
    return product([0.5, 0.5, *([1.0] * (len(branches) - 2))], **branches)


def smoothed(model: Any) -> TransitionSmoother:
    """The model with its videos smoothed by what follows what."""
    return TransitionSmoother(model, group_by="video_id")


def systems() -> dict[str, Any]:
    """Systems by name, unfitted, single views first; those whose names tell of the encoder need one."""
    sound, face, given, encoder = (numbers(view, c=1.0) for view in (SOUND, FACE, GIVEN_TEXT, ENCODER))
    ours: dict[str, Any] = {"text": texts(), "sound": sound}
    every: dict[str, Any] = {**ours, "face": face, "given": given}
    groups = {"text": {"words": words(), "characters": characters(), "manner": numbers(*MANNER)}, "sound": sound}
    three = [GIVEN_TEXT, SOUND, FACE]
    torn = KFold(5, shuffle=True, random_state=SEED)
    # neighbours know a voice again, and with it whether its video is mostly positive
    voice = [("text", texts()), ("voice", numbers(SOUND, machine=KNeighborsClassifier(5)))]
    equal = product(words=words(), characters=characters(), manner=numbers(*MANNER), given=given)
    return {
        "words": words(),
        "characters": characters(),
        "words, weighed by class": bayes_words(),
        "manner": numbers(*MANNER),
        "sound": sound,
        "face": face,
        "given text": given,
        "manner in its video": manner_in_video(),
        "text, early": text_early(),
        "text, product": texts(),
        "text, product, manner in its video": texts(manner=manner_in_video()),
        "text and words weighed by class, product, manner in its video": product(
            [0.5, 0.5, 0.5, 1.0],
            words=words(),
            characters=characters(),
            weighed=bayes_words(),
            manner=manner_in_video(),
        ),
        "text, product, smoothed": smoothed(texts()),
        "text, product, manner in its video, smoothed": smoothed(texts(manner=manner_in_video())),
        "text, stacked": StackedFusionClassifier(
            [("words", words()), ("characters", characters()), ("manner", numbers(*MANNER))]
        ),
        "text + sound, product": product([1.0, 1.0], **ours),
        "text + sound, weights learnt": make_late(list(ours.items()), "weights")["fuse"],
        "text + sound, stacked": StackedFusionClassifier(list(ours.items())),
        "text + sound, stacked, folds tear videos": StackedFusionClassifier(list(ours.items()), cv=torn),
        "text + voice, stacked": StackedFusionClassifier(voice),
        "text + voice, stacked, folds tear videos": StackedFusionClassifier(voice, cv=torn),
        "text + sound, hybrid, smoothed": smoothed(make_hybrid(groups, rule="product", weights=[3.0, 1.0])["fuse"]),
        "given three, early": numbers(*three, c=1.0),
        "given three, product": product(given=given, sound=sound, face=face),
        "given three, mean": make_late([("g", given), ("s", sound), ("f", face)], "mean")["fuse"],
        "given three, weights learnt": make_late([("g", given), ("s", sound), ("f", face)], "weights")["fuse"],
        "given three, stacked": StackedFusionClassifier([("given", given), ("sound", sound), ("face", face)]),
        "all, product": product([3.0, 1.0, 1.0, 1.0], **every),
        "all, stacked": StackedFusionClassifier(list(every.items())),
        "all, hybrid, smoothed": smoothed(
            make_hybrid({**groups, "face": face, "given": given}, rule="product", weights=[3.0, 1.0, 1.0, 1.0])["fuse"]
        ),
        "text + given text, product": product([3.0, 1.0], text=texts(), given=given),
        "text + given text, product, smoothed": smoothed(product([3.0, 1.0], text=texts(), given=given)),
        "four text views with given text, product, equal": equal,
        "four text views with given text, product, equal, smoothed": smoothed(equal),
        "encoder": encoder,
        "text + encoder, product": texts(encoder=encoder),
        "text + encoder, product, smoothed": smoothed(texts(encoder=encoder)),
        "text + encoder, product, manner in its video": texts(manner=manner_in_video(), encoder=encoder),
        "text + encoder, product, manner in its video, smoothed": smoothed(
            texts(manner=manner_in_video(), encoder=encoder)
        ),
        "text + encoder + sound, product, smoothed": smoothed(
            product([1.0, 0.3], text=texts(encoder=encoder), sound=sound)
        ),
    }


def is_seen(name: str) -> bool:
    """Whether a system reads a view that was made with the labels of the training part."""
    return any(word in name for word in ("given", "all,", "face"))


def table(corpus: Corpus, model: str | None, store: Path) -> Corpus:
    """The corpus with views that do not learn; a video is what turns belong to."""
    views: list[Any] = [("text_lexicon", TextLexicon()), ("text_style", TextStyle())]
    if model:
        views.append((ENCODER, TextEmbedding(model)))
    lower = corpus.X.assign(text=corpus.X["text"].astype(str).str.lower(), dialogue=corpus.X["video_id"])
    X, _ = Views(views, store=str(store)).extract(lower)
    return corpus.replace(X=X)


def judged(name: str, model: Any, corpus: Corpus, work: Path) -> tuple[Row, np.ndarray]:
    """The row of a system: accuracy in the folds, then on test; and its counts on test by video."""
    y = corpus.y.to_numpy().astype(str)  # type: ignore[union-attr]
    videos, classes = corpus.X["video_id"].to_numpy().astype(str), np.unique(y)
    fold, inner, said = in_parts(name, model, corpus, videos, columns_of(corpus.X), work)
    rows = np.concatenate([test for _, test in inner])
    predicted = classes[np.concatenate(said[:-1]).argmax(axis=1)]
    counts, _ = confusion_counts(y[fold.test], classes[said[-1].argmax(axis=1)], list(classes), videos[fold.test])
    row: Row = {"system": name, "seen": is_seen(name), "inner_wa": round(float((predicted == y[rows]).mean()), 4)}
    scores = score_table(counts, SEED).round(4)
    for score in ("wa", "uar", "wf1"):
        ends = (("", "value"), ("_low", "low"), ("_high", "high"))
        row |= {f"test_{score}{end}": scores.loc[score, part] for end, part in ends}
    return row, counts


def difference(what: str, ours: np.ndarray, theirs: np.ndarray) -> Row:
    """Difference of two systems' accuracies, with its interval."""
    ends = bootstrap_difference(ours, theirs, wa, seed=SEED)
    return {f"{what}{end}": round(value, 4) for end, value in zip(("", "_low", "_high"), ends, strict=True)}


def marked(rows: list[Row], counts: dict[str, np.ndarray]) -> list[Row]:
    """Rows with their gain over the best single view, and the best in the folds marked."""
    out = []
    for row in rows:
        with_encoder = "encoder" in row["system"]
        alone = [one for one in rows if one["system"] in SINGLE and (with_encoder or one["system"] != "encoder")]
        base = max(alone, key=lambda one: one["test_wa"])["system"]
        kind = [one for one in rows if not one["seen"] and ("encoder" in one["system"]) == with_encoder]
        best = max(kind, key=lambda one: one["inner_wa"])["system"]
        more: Row = {"chosen": row["system"] == best}
        if row["system"] not in SINGLE:
            more |= {"best_single": base, **difference("gain", counts[row["system"]], counts[base])}
            more["wins"] = more["gain_low"] > 0
        if WITHOUT.get(row["system"]) in counts:
            other = WITHOUT[row["system"]]
            more |= {"without": other, **difference("more", counts[row["system"]], counts[other])}
        out.append({**row, **more})
    return out


def as_table(rows: list[Row]) -> str:
    """The results in Markdown, the best in the folds first, those that cannot be judged there last."""
    lines = [
        "| system | in the folds | accuracy on test | gain over the best single view | sound and face add | |",
        "|" + "---|" * 6,
    ]
    for row in sorted(rows, key=lambda r: (r["seen"], -r["inner_wa"])):
        score = f"{row['test_wa']:.3f} [{row['test_wa_low']:.3f}, {row['test_wa_high']:.3f}]"
        notes = [word for word in ("seen", "chosen") if row[word]] + (["wins"] if row["wins"] is True else [])
        shown = [_shown(row, what) for what in ("gain", "more")]
        cells = [row["system"], f"{row['inner_wa']:.3f}", score, *shown, ", ".join(notes)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown(row: Row, what: str) -> str:
    if pd.isna(row[what]):
        return ""
    return f"{row[what]:+.3f} [{row[f'{what}_low']:+.3f}, {row[f'{what}_high']:+.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder of a sentence encoder; rows with it stay as they are if missing")
    parser.add_argument("--work", type=Path, default=user_cache_path("ferfusion") / "benchmarks")
    parser.add_argument("--table", action="store_true", help="print what has been measured")
    asked = parser.parse_args()
    old: list[Row] = pd.read_csv(RESULTS).to_dict("records") if RESULTS.exists() else []
    if asked.table:
        print(as_table(old))
        return
    root = Path(os.environ.get("FERFUSION_CORPORA", ROOT.parent / "shared" / "corpora"))
    corpus = load_corpus("mosi", root / "mosi")
    ready = table(corpus, asked.model, asked.work / "store")
    plain = ready.replace(X=ready.X[[c for c in ready.X.columns if not c.startswith(ENCODER)]])
    origin = {
        "protocol": "official: train, test; inner folds by video",
        "interval": "95 % over videos",
        "seed": SEED,
        "corpus_checksum": corpus.checksum(),
        "commit": commit(),
        "ferfusion": versions()["ferfusion"],
        "scikit-learn": versions()["scikit-learn"],
    }
    kept = [] if asked.model else [row for row in old if "encoder" in row["system"]]
    rows: list[Row] = []
    counts: dict[str, np.ndarray] = {}
    for name, model in systems().items():
        with_encoder = "encoder" in name
        if with_encoder and not asked.model:
            continue
        with threadpool_limits(1):
            row, counts[name] = judged(name, model, ready if with_encoder else plain, asked.work / "mosi")
        encoder = TextEmbedding(asked.model).fingerprint() if with_encoder else ""
        rows.append({**row, "encoder": encoder, "parameters": digest(parameters_of(model)), **origin})
        pd.DataFrame([*marked(rows, counts), *kept]).to_csv(RESULTS, index=False)
        print(f"{name:62s} inner {row['inner_wa']:.4f} test {row['test_wa']:.4f}", flush=True)


if __name__ == "__main__":
    main()
