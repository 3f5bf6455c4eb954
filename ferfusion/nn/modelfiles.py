"""Files of pretrained models: where they lie, what is in them, and a digest that changes when they do."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ferfusion.base.errors import FeatureError, MissingDependencyError
from ferfusion.base.files import is_pointer
from ferfusion.base.optional import require

__all__ = ["find_model", "model_config", "model_digest"]

WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


def find_model(
    model: str,
    *,
    allow_download: bool = False,
    fetch: Callable[[str], Any] | None = None,
    needed_by: str = "A pretrained model",
    install: str = "ferfusion[deep]",
) -> Path:
    """Folder of a model.

    Parameters
    ----------
    model : str
        Path of a folder with ``config.json`` and weights, or a name on the Hugging Face hub.
    allow_download : bool, default=False
        Whether a model that is not on this machine may be fetched from the hub.
    fetch : callable, optional
        Takes the name and fetches all files that are needed into the hub's cache.
    needed_by, install : str
        For messages.

    Returns
    -------
    Path

    Raises
    ------
    FeatureError
        If the model is not there, or is not complete.
    MissingDependencyError
        If it is no folder, and transformers, which knows the hub's cache, is not installed.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        folder = _from_hub(str(model), allow_download, fetch, needed_by, install)
    if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
        message = f"{folder} holds no model: there is no config.json in it."
        raise FeatureError(message)
    weights = [path for pattern in WEIGHTS for path in folder.rglob(pattern)]
    if not weights:
        message = f"The model {folder} has no weights (model.safetensors or pytorch_model.bin)."
        raise FeatureError(message)
    for path in weights:
        if is_pointer(path):
            message = f"{path} is a git-LFS pointer, not the weights: fetch them with git lfs pull."
            raise FeatureError(message)
    return folder


def _from_hub(
    model: str, allow_download: bool, fetch: Callable[[str], Any] | None, needed_by: str, install: str
) -> Path:
    if not _HUB_NAME.fullmatch(model):
        message = f"There is no folder {model!r} with a pretrained model."
        raise FeatureError(message)
    try:
        require("transformers", needed_by=f"{needed_by} by its name on the Hugging Face hub", install=install)
    except MissingDependencyError as error:
        message = f"There is no folder {model!r} here. {error}"
        raise MissingDependencyError(message) from error
    found = _cached(model)
    if found is not None:
        return found
    if not allow_download:
        message = (
            f"The model {model!r} is not on this machine, and nothing is downloaded unasked. Give the path of a folder "
            "that holds its config.json and weights, or say allow_download=True to fetch it from huggingface.co."
        )
        raise FeatureError(message)
    try:
        if fetch is not None:
            fetch(model)
    except (OSError, ValueError) as error:
        message = f"The model {model!r} could not be fetched from huggingface.co ({error})."
        raise FeatureError(message) from error
    found = _cached(model)
    if found is None:
        message = f"The model {model!r} could not be fetched from huggingface.co."
        raise FeatureError(message)
    return found


def _cached(model: str) -> Path | None:
    """Folder of a model in the hub's cache, if its weights are there."""
    package = require("transformers", needed_by="Models of the hub", install="ferfusion[deep]")
    try:
        config = package.utils.cached_file(model, "config.json", local_files_only=True)
    except OSError:
        return None
    folder = Path(config).parent
    return folder if any(True for pattern in WEIGHTS for _ in folder.rglob(pattern)) else None


def model_config(folder: Path, name: str = "config.json") -> dict[str, Any]:
    """A model's description of itself.

    Parameters
    ----------
    folder : Path
        Of the model.
    name : str, default="config.json"
        Which file; an empty dictionary if it is not there.

    Returns
    -------
    dict

    Raises
    ------
    FeatureError
        If it is no JSON.
    """
    path = folder / name
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        message = f"{path} is damaged ({error})."
        raise FeatureError(message) from error


def model_digest(folder: Path, patterns: Sequence[str]) -> str:
    """SHA-256 over the names and contents of a model's files, in hexadecimal.

    Parameters
    ----------
    folder : Path
        Of the model.
    patterns : sequence of str
        Files that matter, such as ``config.json`` and ``*.safetensors``. Where weights are there in both forms only
        ``.safetensors`` count, as only they are read.

    Returns
    -------
    str
        Remembered for as long as no file changes.
    """
    paths = {path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()}
    safe = {path.parent for path in paths if path.suffix == ".safetensors"}
    stamps = []
    for path in sorted(paths):
        if path.suffix == ".bin" and path.parent in safe:
            continue
        stat = path.stat()
        stamps.append((path.relative_to(folder).as_posix(), stat.st_size, stat.st_mtime_ns))
    return _digest(str(folder.resolve()), tuple(stamps))


@lru_cache(maxsize=64)
def _digest(folder: str, stamps: tuple[tuple[str, int, int], ...]) -> str:
    # sizes and times of change are only there to make the memory forget changed files
    whole = hashlib.sha256()
    for name, size, _ in stamps:
        with (Path(folder) / name).open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        whole.update(f"{name}\n{size}\n{content}\n".encode())
    return whole.hexdigest()
