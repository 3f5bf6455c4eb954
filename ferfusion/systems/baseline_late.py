"""Our own late-fusion baseline: a linear support vector machine a modality, probabilities multiplied."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from ferfusion.base.card import Card
from ferfusion.fusion import make_late
from ferfusion.systems._views import baseline_views

CARD = Card(
    key="baseline_late",
    title="Baseline, late fusion: one linear SVM a modality, calibrated, probabilities multiplied",
    views=("audio", "text", "visual"),
    fusion="decision",
    chosen=(
        "audio: openSMILE eGeMAPSv02 (88) and ComParE_2016 (6373) functionals at 16 kHz, early-fused within the branch",
        "text: TF-IDF of words and pairs of words; visual: the views that the table brings along",
        "speakers scaled by their own unlabelled rows (speaker_scaling='self')",
        "a branch a modality: linear support vector machine, C = 1, the same for every corpus",
        "rule: product, the same for every corpus. Over calibrated margins it is a sum of margins, each branch "
        "weighted by how sure it deserves to be on speakers it has not heard",
    ),
    small={"views": ["audio_egemaps", "text_tfidf", "visual"]},
)


def make(
    views: Any = None,
    skip: Any = (),
    classifier: Any = "svm",
    rule: Any = "product",
    by: str = "modality",
    selector: Any = None,
    speaker_scaling: Any = "self",
    store: str | None = None,
    n_jobs: int | None = None,
    on_error: str = "report",
    random_state: Any = 0,
) -> Pipeline:
    """Build the system.

    Parameters
    ----------
    views : sequence of str, optional
        Views or modalities to use; all that can be had if missing.
    skip : sequence of str, default=()
        Views or modalities to leave out.
    classifier : str or classifier, default="svm"
        Of every branch, as for ``fusion.make_late``.
    rule : str, callable or classifier, default="product"
        How decisions meet, as for ``fusion.make_late``, or a learner.
    by : {"modality", "view"}, default="modality"
        What makes a branch.
    selector : str or transformer on arrays, optional
        Chooses columns in every branch, as for ``fusion.make_late``.
    speaker_scaling : {"self", "train"} or None, default="self"
        How speakers are scaled.
    store : str, optional
        Folder of a feature store.
    n_jobs : int, optional
        Recordings worked on at a time.
    on_error : {"report", "raise"}, default="report"
        What an unusable recording does.
    random_state : int or None, default=0
        Seed.

    Returns
    -------
    Pipeline
        Unfitted, on the raw table.
    """
    return make_late(
        classifier,
        rule,
        views=baseline_views(views, skip, store, n_jobs, on_error),
        speaker_scaling=speaker_scaling,
        by=by,
        selector=selector,
        random_state=random_state,
    )
