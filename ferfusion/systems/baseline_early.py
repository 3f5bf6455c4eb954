"""Our own early-fusion baseline: standard features side by side, a linear support vector machine."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from ferfusion.base.card import Card
from ferfusion.fusion import make_early
from ferfusion.systems._views import baseline_views

CARD = Card(
    key="baseline_early",
    title="Baseline, early fusion: eGeMAPS + ComParE + words + whatever views the table has, linear SVM",
    views=("audio", "text", "visual"),
    fusion="feature",
    chosen=(
        "audio: openSMILE eGeMAPSv02 (88) and ComParE_2016 (6373) functionals at 16 kHz",
        "text: TF-IDF of words and pairs of words",
        "speakers scaled by their own unlabelled rows (speaker_scaling='self')",
        "each view scaled to a total variance of one, so that none outweighs another by its number of columns",
        "linear support vector machine, C = 1; probabilities by one factor on out-of-fold scores",
    ),
    small={"views": ["audio_egemaps", "text_tfidf", "visual"]},
)


def make(
    views: Any = None,
    skip: Any = (),
    classifier: Any = "svm",
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
        As for ``fusion.make_early``.
    selector : str or transformer on arrays, optional
        Chooses columns, as for ``fusion.make_early``: ``"anova:200"``, ``"grey_wolf"`` ...
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
    return make_early(
        baseline_views(views, skip, store, n_jobs, on_error),
        classifier,
        selector,
        speaker_scaling=speaker_scaling,
        random_state=random_state,
    )
