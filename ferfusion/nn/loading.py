"""Networks in memory: loaded once, checked to be complete, shared by threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

from ferfusion.base.errors import FeatureError, FerfusionError, shorten
from ferfusion.base.optional import require

__all__ = ["Loaded", "device_of", "load_network"]

# weights that a checkpoint may lack, since they are of no use here
_UNUSED = ("masked_spec_embed", "pooler.")
_LOADING = RLock()


class Loaded(NamedTuple):
    """A network in memory.

    Parameters
    ----------
    network : Module
        In evaluation mode, on its device.
    helper : object or None
        Tokenizer or feature extractor.
    lock : RLock
        Held by whoever runs the network.
    """

    network: Any
    helper: Any
    lock: Any


def device_of(torch: Any, name: str) -> str:
    """Device by its name.

    Parameters
    ----------
    torch : module
        The package.
    name : str
        ``"auto"`` is the first GPU of NVIDIA's kind if there is one, else the processor.

    Returns
    -------
    str

    Raises
    ------
    FeatureError
        If there is no such device.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(name).type
    except RuntimeError as error:
        message = f"Unknown device {name!r}: 'auto', 'cpu', 'cuda' and 'cuda:1' are examples."
        raise FeatureError(message) from error
    if kind == "cuda" and not torch.cuda.is_available():
        message = f"The device {name!r} was asked for, but torch sees no such GPU here."
        raise FeatureError(message)
    return name


def load_network(kind: str, folder: str, digest: str, device: str) -> Loaded:
    """Load a network, or take it out of the memory of those in use.

    Parameters
    ----------
    kind : {"speech", "text", "sentences"}
        What it is for: speech or text by transformers, or sentence-transformers.
    folder : str
        Of the model.
    digest : str
        Of its files: changed ones are read again.
    device : str
        As ``device_of`` gives it.

    Returns
    -------
    Loaded

    Raises
    ------
    FeatureError
        If it cannot be loaded, or its weights are not complete.
    MissingDependencyError
        If the package is not installed.
    """
    with _LOADING:  # several threads that come first together wait for one of them
        return _load_once(kind, folder, digest, device)


@lru_cache(maxsize=4)
def _load_once(kind: str, folder: str, digest: str, device: str) -> Loaded:
    # the digest makes the memory forget weights that were changed
    try:
        with _quiet():
            network, helper = _sentences(folder, device) if kind == "sentences" else _transformer(folder, kind)
    except FerfusionError:
        raise
    except Exception as error:  # the packages have an error of their own for each way in which a file can be broken
        message = f"The model {folder} cannot be loaded ({error})."
        raise FeatureError(message) from error
    return Loaded(network.float().to(device).eval(), helper, RLock())


def _sentences(folder: str, device: str) -> tuple[Any, None]:
    package = require("sentence_transformers", needed_by="A text encoder", install="ferfusion[text]")
    return package.SentenceTransformer(folder, device=device, local_files_only=True), None


def _transformer(folder: str, kind: str) -> tuple[Any, Any]:
    package = require("transformers", needed_by="A pretrained encoder", install="ferfusion[deep]")
    network, info = package.AutoModel.from_pretrained(folder, local_files_only=True, output_loading_info=True)
    _check_weights(folder, info)
    if kind == "text":
        return network, package.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if (Path(folder) / "preprocessor_config.json").is_file():
        return network, package.AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
    return network, None


@contextmanager
def _quiet() -> Iterator[None]:
    """No bar for each file that is opened: here it is a matter of a second."""
    package = require("transformers", needed_by="A pretrained encoder", install="ferfusion[deep]")
    logging = package.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _check_weights(folder: str, info: dict[str, Any]) -> None:
    lacking = sorted(name for name in info["missing_keys"] if not any(unused in name for unused in _UNUSED))
    if lacking or info.get("mismatched_keys"):
        names = lacking or [str(name) for name in info["mismatched_keys"]]
        message = f"The weights of {folder} do not fill its network, which would be random there: {shorten(names)}."
        raise FeatureError(message)
