"""Searches that go on after a kill: the whole state in one file, written after each iteration."""

from __future__ import annotations

import io
import json
import re
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ferfusion.base.errors import SelectionError
from ferfusion.base.files import write_whole
from ferfusion.selection.swarm.state import Swarm

__all__ = ["Checkpoint", "digest"]

_FORMAT = 1
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def digest(value: Any) -> str:
    """Short text that tells one parameter or array from another, alike in every process.

    Parameters
    ----------
    value : object
        An array, estimator, function, container or plain value.

    Returns
    -------
    str
    """
    return blake2b(_told(value).encode(), digest_size=8).hexdigest()


def _told(value: Any) -> str:
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            return _told(value.tolist())
        made = blake2b(np.ascontiguousarray(value).tobytes(), digest_size=16).hexdigest()
        return f"array {value.dtype.str} {value.shape} {made}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_told(value[key])}" for key in sorted(value, key=str)) + "}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}(" + ", ".join(map(_told, value)) + ")"
    if hasattr(value, "get_params") and not isinstance(value, type):
        return f"{type(value).__module__}.{type(value).__qualname__} {_told(value.get_params(deep=False))}"
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    # a repr may hold the address of an object, which is another in every process
    return _ADDRESS.sub("", repr(value))


class Checkpoint:
    """File of one search.

    Parameters
    ----------
    path : str or Path
        The file, or a folder that is there: then the file is named after the search, so that the searches of several
        folds or parameters can share the folder.
    identity : dict of str to str
        Digests of all that decides a search, by name.
    seed : int
        From which its chance follows.

    Attributes
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: str | Path, identity: dict[str, str], seed: int) -> None:
        path = Path(path)
        self.identity = {**identity, "random_state": str(seed)}
        self.path = path / f"search-{digest(self.identity)}.npz" if path.is_dir() else path
        if not self.path.parent.is_dir():
            message = f"The checkpoint {self.path} cannot be written: there is no folder {self.path.parent}."
            raise SelectionError(message)

    @staticmethod
    def seed_in(path: Path) -> int | None:
        """Seed of the search in a file; None where there is no file yet.

        Raises
        ------
        SelectionError
            If the file is no checkpoint.
        """
        return int(_read(path)[1]["identity"]["random_state"]) if path.exists() else None

    def save(self, swarm: Swarm, rng: np.random.Generator) -> None:
        """Write a swarm and the state of its random numbers; a reader finds the old file or the new one.

        Parameters
        ----------
        swarm : Swarm
            After an iteration.
        rng : Generator
            As it is after that iteration.
        """
        rest = {
            "format": _FORMAT,
            "identity": self.identity,
            "numbers": swarm.numbers(),
            "random": rng.bit_generator.state,
        }
        text = np.frombuffer(json.dumps(rest).encode(), dtype=np.uint8)
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=False, rest=text, **swarm.arrays())
        write_whole(self.path, stream.getvalue())

    def load(self) -> tuple[Swarm, dict[str, Any]] | None:
        """Read the swarm and the state of its random numbers.

        Returns
        -------
        tuple of Swarm and dict, or None
            None where there is no file yet.

        Raises
        ------
        SelectionError
            If the file is no checkpoint or that of another search; the message says what differs.
        """
        if not self.path.exists():
            return None
        swarm, rest = _read(self.path)
        theirs = rest["identity"]
        other = sorted(name for name in {*theirs, *self.identity} if theirs.get(name) != self.identity.get(name))
        if other:
            message = (
                f"The checkpoint {self.path} belongs to another search: {', '.join(other)} "
                f"{'differs' if len(other) == 1 else 'differ'}. Name another file, a folder, or remove this one."
            )
            raise SelectionError(message)
        return swarm, rest["random"]


def _read(path: Path) -> tuple[Swarm, dict[str, Any]]:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        rest = json.loads(arrays.pop("rest").tobytes())
        if rest["format"] != _FORMAT:
            message = f"its format is {rest['format']}, not {_FORMAT}"
            raise ValueError(message)
        return Swarm(**arrays, **rest["numbers"]), rest
    except (ValueError, KeyError, TypeError, OSError, EOFError, BadZipFile) as fault:
        message = f"{path} is not a checkpoint of a search that this version can read ({fault})."
        raise SelectionError(message) from fault
