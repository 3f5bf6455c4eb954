"""Assemblers: from views, a classifier and a rule to an estimator on the raw table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.base import clone, is_regressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline

from ferfusion.base.adapters import OnFeatures, SelectViews
from ferfusion.base.classifier import TableClassifier
from ferfusion.base.regressor import TableRegressor
from ferfusion.base.rows import LastStep
from ferfusion.context.speaker import SpeakerScaler
from ferfusion.features.views import Views
from ferfusion.fusion.branches import Branched
from ferfusion.fusion.calibrated import CalibratedBranch
from ferfusion.fusion.classifiers import as_classifier
from ferfusion.fusion.dynamic import DynamicFusionClassifier
from ferfusion.fusion.late import LateFusionClassifier, StackedFusionClassifier
from ferfusion.fusion.late_regressor import LateFusionRegressor
from ferfusion.fusion.rules import RULES
from ferfusion.fusion.scaling import ViewScaler
from ferfusion.fusion.trained import TRAINED_RULES, TrainedRule
from ferfusion.fusion.trained_late import TrainedFusionClassifier
from ferfusion.fusion.weighting import ViewPCA, ViewWeights
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
    weights: Any = None,
    n_components: Any = None,
    random_state: Any = 0,
) -> Pipeline:
    """Early fusion: all views side by side, one classifier (or regressor).

    Steps: ``views`` (extraction) · ``speaker`` (scaling by speaker, if asked for) · ``impute`` (training means) ·
    ``scale`` · ``reduce`` (if ``n_components`` are given) · ``select`` (if a selector is given) · ``rescale`` (after
    one of these two) · ``weigh`` (if ``weights`` are given) · ``classify``.

    Parameters
    ----------
    views : sequence of (name, extractor), or Views
        What to extract; views that the table brings along are used beside it.
    classifier : str, classifier or regressor, default="svm"
        ``svm logistic knn forest xgboost mlp voting``, any scikit-learn classifier, or a regressor where the targets
        are numbers, such as valence and arousal (the last step is then ``regress``); or an estimator on the table such
        as ``MultipleKernelClassifier``.
    selector : str or transformer on arrays, optional
        Chooses columns; sees the training rows' groups. A name of ``selection.SELECTORS``, with how many columns or
        which share of them behind a colon (``"anova:200"``, ``"mrmr:0.1"``), or a selector.
    scaler : transformer, optional
        On arrays, or a table transformer such as the default ``ViewScaler()`` that lets every view weigh the same.
    speaker_scaling : {"self", "train"} or SpeakerScaler, optional
        None leaves speakers as they are.
    weights : dict of str to float, {"alignment", "recall"} or callable, optional
        How much each view counts, given or learnt; see ``ViewWeights``.
    n_components : int, float or dict, optional
        Principal components that each view is reduced to; see ``ViewPCA``.
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
        *_single_steps(
            as_classifier(classifier, random_state),
            as_selector(selector, random_state),
            scaler,
            weights=weights,
            n_components=n_components,
        ),
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
        and an array classifier stand for a pipeline on the view or modality of that name, also inside
        ``CalibratedBranch``; a table pipeline is taken as it is. Regressors, all of them, for targets that are numbers.
    rule : str, callable, TrainedRule or classifier, default="mean"
        How decisions meet. Fixed: ``mean product vote maximum minimum median borda entropy dempster_shafer`` (the
        product is the sum of logarithms, the vote the majority). Learnt on out-of-fold decisions grouped by speaker:
        ``recall belief templates weights classwise`` (see ``TrainedFusionClassifier``), ``"dynamic"`` (see
        ``DynamicFusionClassifier``), ``"stack"``, or a classifier that is the learner of a stack. For regressors
        ``mean median inverse_error`` (see ``LateFusionRegressor``).
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
        Unfitted, on the raw table; its last step is ``fuse``, and what else that can do is set there, as in
        ``model.set_params(fuse__quality={"audio": "snr_db"})``.

    Raises
    ------
    ValueError
        If weights are given to a rule that finds its own.

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
    fuse = _fusion(made, rule, weights, by=by, n_jobs=n_jobs, random_state=random_state)
    return Pipeline([*_first_steps(views, speaker_scaling), ("fuse", fuse)])


def _fusion(made: Any, rule: Any, weights: Any, **options: Any) -> Any:
    fixed = callable(rule) or (isinstance(rule, str) and rule in RULES)
    if weights is not None and not fixed:
        message = f"Weights of branches are for fixed rules such as 'mean'; {rule!r} finds its own."
        raise ValueError(message)
    if is_regressor(made[0][1] if isinstance(made, list) else made):
        return LateFusionRegressor(made, rule, **options)
    if isinstance(rule, TrainedRule) or (isinstance(rule, str) and rule in TRAINED_RULES):
        return TrainedFusionClassifier(made, rule, **options)
    if isinstance(rule, str) and rule == "dynamic":
        return DynamicFusionClassifier(made, **options)
    if fixed:
        return LateFusionClassifier(made, rule, weights, options["by"], options["n_jobs"])
    learner = "logistic" if isinstance(rule, str) and rule == "stack" else rule
    if isinstance(learner, str):
        as_classifier(learner)
    return StackedFusionClassifier(made, learner, **options)


def _first_steps(views: ViewList | Views, speaker_scaling: Any) -> list[tuple[str, Any]]:
    steps: list[tuple[str, Any]] = [("views", clone(views) if isinstance(views, Views) else Views(list(views)))]
    if speaker_scaling is not None:
        given = isinstance(speaker_scaling, SpeakerScaler)
        steps.append(("speaker", clone(speaker_scaling) if given else SpeakerScaler(speaker_scaling)))
    return steps


def _single_steps(
    classifier: Any, selector: Any = None, scaler: Any = None, *, weights: Any = None, n_components: Any = None
) -> list[tuple[str, Any]]:
    steps = [
        ("impute", OnFeatures(SimpleImputer(keep_empty_features=True))),
        ("scale", _on_table(scaler, ViewScaler())),
    ]
    if n_components is not None:
        steps.append(("reduce", ViewPCA(n_components)))
    if selector is not None:
        steps.append(("select", OnFeatures(clone(selector))))
    if scaler is None and len(steps) > 2:
        # the columns that are left weigh as much as all did: else fewer of them would mean a smoother classifier;
        # main components keep their proportions, else the last would weigh as much as the first
        steps.append(("rescale", ViewScaler() if n_components is None else ViewScaler(equal_columns=())))
    if weights is not None:
        steps.append(("weigh", ViewWeights(weights)))
    return [*steps, _last_step(classifier)]


def _last_step(estimator: Any) -> tuple[str, Any]:
    if is_regressor(estimator):
        return "regress", estimator if isinstance(estimator, TableRegressor) else TableRegressor(estimator)
    return "classify", estimator if isinstance(estimator, TableClassifier) else TableClassifier(estimator)


def _on_table(scaler: Any, default: Any) -> Any:
    if scaler is None:
        return default
    return scaler if isinstance(scaler, ViewScaler | SpeakerScaler | OnFeatures) else OnFeatures(scaler)


def _branch(branch: Any, selector: Any, random_state: Any) -> Any:
    last = branch[-1] if isinstance(branch, Pipeline) else branch
    if isinstance(branch, CalibratedBranch):
        return clone(branch).set_params(branch=_branch(branch.branch, selector, random_state))
    if isinstance(last, LastStep | Branched | CalibratedBranch):
        return branch
    return Pipeline(_single_steps(as_classifier(branch, random_state), selector))


def _named_branch(name: str, branch: Any, selector: Any, random_state: Any) -> Any:
    if isinstance(branch, CalibratedBranch):
        return clone(branch).set_params(branch=_named_branch(name, branch.branch, selector, random_state))
    made = _branch(branch, selector, random_state)
    return made if made is branch else Pipeline([("keep", SelectViews([name])), *made.steps])
