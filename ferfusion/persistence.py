"""Models on disk: ``.skops`` without pickle, a JSON sidecar that is read first, and a reviewed list of types.

A ``.skops`` file is data: only types that scikit-learn's and skops' own lists name, and those reviewed here,
are ever built from it. A ``.joblib`` file is a pickle, which can run anything; it is loaded only on request.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile

import joblib
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.tree._tree import Tree

from ferfusion.base.errors import ModelFileError, UntrustedModelError, shorten
from ferfusion.base.files import write_whole
from ferfusion.base.versions import versions

__all__ = ["TRUSTED_TYPES", "load_model", "model_kind", "read_metadata", "save_model"]

_SIDECAR = ".json"
_FORMAT = 1
_MATTERING = ("ferfusion", "scikit-learn", "xgboost", "opensmile")

# Reviewed: building one sets attributes and does nothing else. A test holds the list and the package together.
TRUSTED_TYPES = (
    "ferfusion.base.adapters.OnFeatures",
    "ferfusion.base.adapters.SelectViews",
    "ferfusion.base.calibration.CalibratedScores",
    "ferfusion.base.classifier.TableClassifier",
    "ferfusion.base.grouped.GroupedFolds",
    "ferfusion.base.regressor.TableRegressor",
    "ferfusion.context.dialogue.DialogueContext",
    "ferfusion.context.dialogue.TextContext",
    "ferfusion.context.retrieval.RetrievalClassifier",
    "ferfusion.context.smoothing.TransitionSmoother",
    "ferfusion.context.speaker.SpeakerScaler",
    "ferfusion.evaluation.tuned.TunedClassifier",
    "ferfusion.features.audio.acoustic.Acoustic",
    "ferfusion.features.audio.cepstral.Cepstral",
    "ferfusion.features.audio.constant_q_hog.ConstantQHog",
    "ferfusion.features.audio.embedding.AudioEmbedding",
    "ferfusion.features.audio.fractal.FractalDimension",
    "ferfusion.features.audio.images.Cochleagram",
    "ferfusion.features.audio.images.MelFrames",
    "ferfusion.features.audio.images.Spectrogram",
    "ferfusion.features.audio.modulation.Modulation",
    "ferfusion.features.audio.opensmile.OpenSmile",
    "ferfusion.features.audio.prosody.Prosody",
    "ferfusion.features.audio.quality.VoiceQuality",
    "ferfusion.features.audio.spectral.Spectral",
    "ferfusion.features.audio.teager.TeagerEnergy",
    "ferfusion.features.audio.wavelet_packet.WaveletPacket",
    "ferfusion.features.graph.clip.VisibilityGraph",
    "ferfusion.features.reservoir.Reservoir",
    "ferfusion.features.text.embedding.TextEmbedding",
    "ferfusion.features.text.lexicon.TextLexicon",
    "ferfusion.features.text.ngrams.TextNgrams",
    "ferfusion.features.text.style.TextStyle",
    "ferfusion.features.text.words.WordTiming",
    "ferfusion.features.views.Views",
    "ferfusion.features.visual.action_units.ActionUnits",
    "ferfusion.features.visual.texture.FaceTexture",
    "ferfusion.fusion.calibrated.CalibratedBranch",
    "ferfusion.fusion.clustering.LateFusionClustering",
    "ferfusion.fusion.coordinated.CoordinatedViews",
    "ferfusion.fusion.coordinated.ViewTranslator",
    "ferfusion.fusion.dynamic.DynamicFusionClassifier",
    "ferfusion.fusion.labels.MultiLabelClassifier",
    "ferfusion.fusion.late.LateFusionClassifier",
    "ferfusion.fusion.late.StackedFusionClassifier",
    "ferfusion.fusion.late_regressor.LateFusionRegressor",
    "ferfusion.fusion.linear.WideLinearSVC",
    "ferfusion.fusion.multiple_kernel.MultipleKernelClassifier",
    "ferfusion.fusion.multiple_kernel.MultipleKernelSVC",
    "ferfusion.fusion.scaling.ViewScaler",
    "ferfusion.fusion.trained_late.TrainedFusionClassifier",
    "ferfusion.fusion.weighting.ViewPCA",
    "ferfusion.fusion.weighting.ViewWeights",
    "ferfusion.selection.filters.FilterSelector",
    "ferfusion.selection.floating.FloatingSelector",
    "ferfusion.selection.grey_wolf.GreyWolfSelector",
    "ferfusion.selection.importance.ImportanceSelector",
    "ferfusion.selection.redundancy.CorrelationPruner",
    "ferfusion.selection.redundancy.MRMRSelector",
    "ferfusion.selection.search_cv.SwarmSearchCV",
    "ferfusion.selection.shadow.ShadowSelector",
    "ferfusion.selection.stability.StabilitySelector",
    "ferfusion.selection.swarm.selector.SwarmSelector",
    "ferfusion.selection.two_stage.TwoStageSelector",
    "numpy.dtype",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",  # compiled; its indices are checked before anything walks them
    "sklearn.utils._bunch.Bunch",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)


def save_model(model: Any, path: str | Path, metadata: dict[str, Any] | None = None) -> Path:
    """Write a fitted system and its sidecar.

    Parameters
    ----------
    model : fitted estimator
        With ``classes_``.
    path : str or Path
        Ends in ``.skops`` (default way) or ``.joblib`` (a pickle, for types that the reviewed list lacks).
    metadata : dict, optional
        What else is to stand in the sidecar, such as the card and the scores; ready for JSON.

    Returns
    -------
    Path
        The model file. The sidecar has the same name with ``.json`` behind it.

    Raises
    ------
    ModelFileError
        If the ending is neither, or the model holds a type that ``load_model`` would refuse.
    """
    path = Path(path)
    kind = model_kind(path)
    content = _dump_skops(model, path) if kind == ".skops" else _dump_joblib(model)
    sidecar = {
        "format": _FORMAT,
        "kind": kind,
        "sha256": sha256(content).hexdigest(),
        "versions": versions(),
        "classes": [str(name) for name in getattr(model, "classes_", [])],
        "features": _feature_columns(model),
        **(metadata or {}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    write_whole(_sidecar(path), json.dumps(sidecar, indent=1, ensure_ascii=False, default=str).encode())
    return path


def load_model(path: str | Path, trusted: bool = False) -> Any:
    """Read a model.

    Parameters
    ----------
    path : str or Path
        As written by ``save_model``.
    trusted : bool, default=False
        Whether a ``.joblib`` file, which can run any code, may be loaded. Changes nothing for ``.skops``.

    Returns
    -------
    estimator
        Fitted. Its feature store is that of this machine (``$FERFUSION_STORE``), not of the one it was made on.

    Raises
    ------
    UntrustedModelError
        If the file could run code, and was not said to be trusted; or holds types that are not on the reviewed list.
    ModelFileError
        If it is no model, or not the one that its sidecar describes.
    """
    path = Path(path)
    kind = model_kind(path)
    if not path.is_file():
        message = f"The model {path} does not exist."
        raise ModelFileError(message)
    _check_sidecar(path)
    if kind == ".joblib" and not trusted:
        message = (
            f"{path} is a pickle, which can run any code when it is opened. If you know who made it, say so with "
            "trusted=True (--trust on the command line); else ask for a .skops file."
        )
        raise UntrustedModelError(message)
    model = _load_joblib(path) if kind == ".joblib" else _load_skops(path)
    if not hasattr(model, "predict"):
        message = f"{path} holds no model, but a {type(model).__name__}."
        raise ModelFileError(message)
    for part in _parts(model):
        if isinstance(part, BaseEstimator) and "store" in vars(part):
            part.store = None
    return model


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Sidecar of a model; an empty dictionary if there is none.

    Parameters
    ----------
    path : str or Path
        Of the model.

    Returns
    -------
    dict
    """
    sidecar = _sidecar(Path(path))
    if not sidecar.is_file():
        return {}
    try:
        return dict(json.loads(sidecar.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        message = f"The sidecar {sidecar} is damaged ({error})."
        raise ModelFileError(message) from error


def model_kind(path: Path) -> str:
    """Ending of a model's name, ``.skops`` or ``.joblib``; any other is a ModelFileError."""
    if path.suffix not in (".skops", ".joblib"):
        message = f"A model's name ends in .skops or .joblib, not {path.suffix or 'nothing'!r}: {path}."
        raise ModelFileError(message)
    return path.suffix


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + _SIDECAR)


def _dump_skops(model: Any, path: Path) -> bytes:
    import skops.io  # slow to import, and most commands never need it

    content = skops.io.dumps(model)
    strange = [name for name in skops.io.get_untrusted_types(data=content) if name not in TRUSTED_TYPES]
    if strange:
        message = (
            f"The model holds types that are not on the reviewed list, so nobody could load it from {path.name}: "
            f"{shorten(strange)}. Name the file .joblib to save it as a pickle."
        )
        raise ModelFileError(message)
    return bytes(content)


def _dump_joblib(model: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue()


def _load_joblib(path: Path) -> Any:
    try:
        return joblib.load(path)
    except (AttributeError, EOFError, ImportError, KeyError, IndexError, UnpicklingError, ValueError) as error:
        message = f"{path} is no model that this version can read ({type(error).__name__}: {error})."
        raise ModelFileError(message) from error


def _load_skops(path: Path) -> Any:
    try:
        import skops.io

        strange = [name for name in skops.io.get_untrusted_types(file=path) if name not in TRUSTED_TYPES]
        if strange:
            message = f"{path} holds types that are not on the reviewed list and is not opened: {shorten(strange)}."
            raise UntrustedModelError(message)
        model = skops.io.load(path, trusted=list(TRUSTED_TYPES))
    except BadZipFile as error:
        message = f"{path} is no .skops model: it is not even an archive. A pickle under this name is not opened."
        raise ModelFileError(message) from error
    except (KeyError, TypeError, AttributeError, ImportError, ValueError) as error:
        if isinstance(error, ModelFileError):
            raise
        message = f"{path} is no model that this version can read ({type(error).__name__}: {error})."
        raise ModelFileError(message) from error
    for part in _parts(model):
        if isinstance(part, Tree):
            _check_tree(part, path)
    return model


def _parts(part: Any) -> Iterator[Any]:
    """An estimator with all that it holds, fitted parts included."""
    yield part
    if isinstance(part, dict):
        inside: Iterable[Any] = part.values()
    elif isinstance(part, list | tuple) or (isinstance(part, np.ndarray) and part.dtype == np.dtype("O")):
        inside = part
    else:
        inside = vars(part).values() if isinstance(part, BaseEstimator) else ()
    for value in inside:
        yield from _parts(value)


def _check_tree(tree: Tree, path: Path) -> None:
    """Refuse a decision tree that points outside of itself or back: compiled code would follow it there."""
    sound = 0 < tree.node_count <= tree.capacity
    if sound:
        inner = tree.children_left != tree.children_right
        parents, features = np.flatnonzero(inner), tree.feature[inner]
        for children in (tree.children_left[inner], tree.children_right[inner]):
            sound &= bool(((children > parents) & (children < tree.node_count)).all())
        sound &= bool(((features >= 0) & (features < tree.n_features)).all())
    if not sound:
        message = f"{path} holds a damaged decision tree."
        raise ModelFileError(message)


def _check_sidecar(path: Path) -> None:
    metadata = read_metadata(path)
    if not metadata:
        message = f"{path} has no sidecar {_sidecar(path).name}: which versions made it is unknown."
        warnings.warn(message, UserWarning, stacklevel=3)
        return
    if metadata.get("sha256") != sha256(path.read_bytes()).hexdigest():
        message = (
            f"{path} is not the file that {_sidecar(path).name} describes: one of the two was changed or cut short."
        )
        raise ModelFileError(message)
    made_by, now = metadata.get("versions", {}), versions()
    other = [f"{name} {made_by.get(name)} (here {now[name]})" for name in _MATTERING if made_by.get(name) != now[name]]
    if other:
        message = f"{path} was made with other versions: {', '.join(other)}. Its predictions may differ."
        warnings.warn(message, UserWarning, stacklevel=3)


def _feature_columns(model: Any) -> list[str]:
    first = model.steps[0][1] if hasattr(model, "steps") else model
    columns = getattr(first, "columns_", {})
    return [name for names in columns.values() for name in names] if isinstance(columns, dict) else list(columns)
