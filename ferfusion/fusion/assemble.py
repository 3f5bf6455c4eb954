"""Assemblers: from views, a classifier and a rule to an estimator on the raw table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline

from ferfusion.base.adapters import OnFeatures, SelectViews
from ferfusion.base.classifier import TableClassifier
from ferfusion.context.speaker import SpeakerScaler
from ferfusion.features.views import Views
from ferfusion.fusion.branches import BranchedClassifier
from ferfusion.fusion.classifiers import as_classifier
from ferfusion.fusion.late import LateFusionClassifier, StackedFusionClassifier
from ferfusion.fusion.rules import RULES
from ferfusion.fusion.scaling import ViewScaler
from ferfusion.selection.named import as_selector

__all__ = ["make_early", "make_late"]

ViewList = Sequence[tuple[str, Any]]


def make_early(
    views: ViewList | Views = (),
    classifier: Any = "svm",
    selector: Any = None,
    scaler: Any = None,
    *,
    speaker_scaling: Any = None,
    random_state: Any = 0,
) -> Pipeline:
    """Early fusion: all views side by side, one classifier.

    Steps: ``views`` (extraction) · ``speaker`` (scaling by speaker, if asked for) · ``impute`` (training means) ·
    ``scale`` · ``select`` and ``rescale`` (if a selector is given) · ``classify``.

    Parameters
    ----------
    views : sequence of (name, extractor), or Views
        What to extract; views that the table brings along are used beside it.
    classifier : str or classifier, default="svm"
        ``svm logistic knn forest xgboost mlp voting``, or any scikit-learn classifier.
    selector : str or transformer on arrays, optional
        Chooses columns; sees the training rows' groups. A name of ``selection.SELECTORS``, with how many columns or
        which share of them behind a colon (``"anova:200"``, ``"mrmr:0.1"``), or a selector.
    scaler : transformer, optional
        On arrays, or a table transformer such as the default ``ViewScaler()`` that lets every view weigh the same.
    speaker_scaling : {"self", "train"} or SpeakerScaler, optional
        None leaves speakers as they are.
    random_state : int or None, default=0
        Seed of a classifier made by name.

    Returns
    -------
    Pipeline
        Unfitted, on the raw table.

    Examples
    --------
    >>> from ferfusion.features import OpenSmile
    >>> list(make_early([("audio_egemaps", OpenSmile())], "svm").named_steps)
    ['views', 'impute', 'scale', 'classify']
    """
    steps = [
        *_first_steps(views, speaker_scaling),
        *_single_steps(as_classifier(classifier, random_state), as_selector(selector, random_state), scaler),
    ]
    return Pipeline(steps)


def make_late(
    branches: Any = "svm",
    rule: Any = "mean",
    *,
    views: ViewList | Views = (),
    speaker_scaling: Any = None,
    by: str = "modality",
    weights: Any = None,
    selector: Any = None,
    n_jobs: int | None = None,
    random_state: Any = 0,
) -> Pipeline:
    """Late fusion: a decision a branch, then one out of them.

    Parameters
    ----------
    branches : str, classifier, or list of (name, ...)
        One classifier (by name or as an estimator) for every modality of the table, or a list. In a list a name
        and an array classifier stand for a pipeline on the view or modality of that name; a table pipeline is taken
        as it is.
    rule : str, callable or classifier, default="mean"
        How decisions meet: ``mean product vote maximum minimum median borda entropy dempster_shafer``. ``"stack"``
        learns it, a classifier is the learner; both on out-of-fold decisions grouped by speaker.
    views : sequence of (name, extractor), or Views
        What to extract before the branches.
    speaker_scaling : {"self", "train"} or SpeakerScaler, optional
        Before the branches.
    by : {"modality", "view"}, default="modality"
        What makes a branch where one classifier is given for all.
    weights : sequence of float, optional
        Of the branches, for a fixed rule.
    selector : str or transformer on arrays, optional
        Chooses columns within each branch that is made here, as in ``make_early``.
    n_jobs : int, optional
        Branches fitted at a time.
    random_state : int or None, default=0
        Seed of classifiers made by name.

    Returns
    -------
    Pipeline
        Unfitted, on the raw table; its last step is ``fuse``.

    Examples
    --------
    >>> from ferfusion.features import OpenSmile, TextNgrams
    >>> model = make_late(
    ...     [("audio", "svm"), ("text", "logistic")],
    ...     rule="product",
    ...     views=[("audio_egemaps", OpenSmile()), ("text_tfidf", TextNgrams())],
    ... )
    >>> list(model.named_steps)
    ['views', 'fuse']
    """
    selector = as_selector(selector, random_state)
    if isinstance(branches, list | tuple):
        made: Any = [(name, _named_branch(name, branch, selector, random_state)) for name, branch in branches]
    else:
        made = _branch(branches, selector, random_state)
    if callable(rule) or rule in RULES:
        fuse: Any = LateFusionClassifier(made, rule, weights, by, n_jobs)
    else:
        learner = "logistic" if isinstance(rule, str) and rule == "stack" else rule
        if isinstance(learner, str):
            as_classifier(learner)
        fuse = StackedFusionClassifier(made, learner, by=by, n_jobs=n_jobs, random_state=random_state)
    return Pipeline([*_first_steps(views, speaker_scaling), ("fuse", fuse)])


def _first_steps(views: ViewList | Views, speaker_scaling: Any) -> list[tuple[str, Any]]:
    steps: list[tuple[str, Any]] = [("views", clone(views) if isinstance(views, Views) else Views(list(views)))]
    if speaker_scaling is not None:
        given = isinstance(speaker_scaling, SpeakerScaler)
        steps.append(("speaker", clone(speaker_scaling) if given else SpeakerScaler(speaker_scaling)))
    return steps


def _single_steps(classifier: Any, selector: Any = None, scaler: Any = None) -> list[tuple[str, Any]]:
    steps = [
        ("impute", OnFeatures(SimpleImputer(keep_empty_features=True))),
        ("scale", _on_table(scaler, ViewScaler())),
    ]
    if selector is not None:
        steps.append(("select", OnFeatures(clone(selector))))
        if scaler is None:
            # the columns that are left weigh as much as all did: else fewer of them would mean a smoother classifier
            steps.append(("rescale", ViewScaler()))
    return [*steps, ("classify", TableClassifier(classifier))]


def _on_table(scaler: Any, default: Any) -> Any:
    if scaler is None:
        return default
    return scaler if isinstance(scaler, ViewScaler | SpeakerScaler | OnFeatures) else OnFeatures(scaler)


def _branch(branch: Any, selector: Any, random_state: Any) -> Any:
    last = branch[-1] if isinstance(branch, Pipeline) else branch
    if isinstance(last, TableClassifier | BranchedClassifier):
        return branch
    return Pipeline(_single_steps(as_classifier(branch, random_state), selector))


def _named_branch(name: str, branch: Any, selector: Any, random_state: Any) -> Any:
    made = _branch(branch, selector, random_state)
    return made if made is branch else Pipeline([("keep", SelectViews([name])), *made.steps])
