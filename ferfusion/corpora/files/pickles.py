"""Pickle files of others, read without running anything that they hold: plain containers and numpy arrays only."""

from __future__ import annotations

import pickle
import re
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ferfusion.base.errors import CorpusError

__all__ = ["load_restricted"]

_LARGEST = 4 * 2**30  # bytes
_DEEPEST = 50  # containers within containers
_SHOWN = 60  # letters of a thing that is refused
_DTYPE = re.compile(r"[<>|=]?([biufcSUO])(\d*)")
_ORDERS = ("<", ">", "|", "=")
_LATIN1 = ("latin1", "latin-1", "latin_1", "iso-8859-1", "iso8859-1")
_PLAIN = (str, bytes, int, float, bool, complex, type(None), np.generic)
_FACTORIES: dict[str, type] = {t.__name__: t for t in (list, dict, tuple, set, str, int, float, bool)}
_HINTS = {
    "torch": "Tensors are not read: write them as numpy arrays first (tensor.cpu().numpy()).",
    "pandas": "Tables are not read from pickles: write them as CSV or Parquet.",
    "numpy": "Of numpy only arrays, numbers and their types are read.",
}
_ZIP = b"PK\x03\x04"
# what a damaged file makes the unpickler or numpy say
_DAMAGE = (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError, ImportError)
_EXHAUSTED = (MemoryError, OverflowError, RecursionError)


class _RefusedError(Exception):
    """What a file holds and may not."""


def load_restricted(path: str | Path, *, largest: int = _LARGEST) -> Any:
    """Read a pickle file that holds lists, dicts, texts, numbers and numpy arrays.

    Parameters
    ----------
    path : str or Path
        The file, of whatever pickle protocol; those written by Python 2 are read as Latin-1.
    largest : int, default=4 GiB
        A file of more bytes is refused.

    Returns
    -------
    object
        Containers (list, dict, tuple, set, frozenset, ``OrderedDict``, ``defaultdict``) of str, bytes, numbers, None
        and plain arrays of numbers, texts or such objects.

    Raises
    ------
    CorpusError
        If the file is not there, too large, damaged, or holds anything else, which is named. Nothing that a file names
        is ever imported or called: each admitted name stands for a function of this module or a plain Python type.
    """
    path = Path(path)
    if not path.is_file():
        message = f"The pickle file {path} does not exist."
        raise CorpusError(message)
    size = path.stat().st_size
    if size > largest:
        message = f"{path} has {size:,} bytes, more than the {largest:,} that are read at most (largest=...)."
        raise CorpusError(message)
    with path.open("rb") as stream:
        if stream.read(len(_ZIP)) == _ZIP:
            message = f"{path} is a zip archive, not a pickle file. If torch.save wrote it: {_HINTS['torch']}"
            raise CorpusError(message)
        stream.seek(0)
        return _load(stream, path)


def _load(stream: Any, path: Path) -> Any:
    try:
        return _finish(_Unpickler(stream, path).load(), {}, 0)
    except _RefusedError as error:
        message = f"{path} holds {error}, which is not read: only plain containers and numpy arrays are."
        raise CorpusError(message) from error
    except CorpusError:
        raise
    except _EXHAUSTED as error:
        message = f"{path} asks for more memory than there is, or is nested too deeply ({type(error).__name__})."
        raise CorpusError(message) from error
    except _DAMAGE as error:
        message = f"{path} is damaged, cut off, or no pickle file ({type(error).__name__}: {error})."
        raise CorpusError(message) from error


class _Unpickler(pickle.Unpickler):
    """Finds exact names of a short list and nothing else, whatever module they claim to be from."""

    def __init__(self, stream: Any, path: Path) -> None:
        super().__init__(stream, encoding="latin1", errors="strict")
        self.path = path
        self.admitted = _admitted()

    def find_class(self, module: str, name: str) -> Any:
        # a dotted name ("ndarray.tofile") is none of the list, so no attribute is ever looked up
        if (module, name) in self.admitted:
            return self.admitted[module, name]
        hint = _HINTS.get(module.split(".")[0], "")
        message = (
            f"{self.path} holds {module}.{name}, which is refused: a pickle file can run any code when it is read, so "
            f"only plain containers, texts, numbers and numpy arrays are admitted. {hint}"
        )
        raise CorpusError(message.strip())

    def persistent_load(self, pid: Any) -> Any:
        message = f"{self.path} refers to things outside of itself (persistent id {_shown(pid)}), which is refused."
        raise CorpusError(message + f" {_HINTS['torch']}")


class _DType:
    """Type of an array as the file tells it; numpy is told only what was checked."""

    def __init__(self, spec: Any) -> None:
        match = _DTYPE.fullmatch(_text(spec)) if isinstance(spec, (str, bytes)) else None
        if match is None:
            message = f"an array of the type {_shown(spec)}"
            raise _RefusedError(message)
        self.kind, self.size, self.order = match[1], match[2], "="

    def __setstate__(self, state: Any) -> None:
        # version, byte order, sub-array, names, fields, size, alignment, flags
        order, inner, size = _text(state[1]), state[2:5], state[5]
        if order not in _ORDERS or any(part is not None for part in inner):
            message = "an array of records or of an unknown byte order"
            raise _RefusedError(message)
        self.order = "=" if order == "|" else order
        if self.kind in "SU" and not self.size and isinstance(size, int) and size >= 0:
            self.size = str(size if self.kind == "S" else size // 4)

    def dtype(self) -> np.dtype:
        if self.kind == "O":
            return np.dtype(object)
        return np.dtype(f"{'' if self.order == '=' else self.order}{self.kind}{self.size}")


class _Array:
    """Array whose content is still to come."""

    def __init__(self) -> None:
        self.state: Any = None
        self.made: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        self.state = state[-4:]  # the oldest files tell no version


_SUBTYPE = "numpy.ndarray"  # stands for the class, which files name but have no need to call


def _admitted() -> dict[tuple[str, str], Any]:
    """What may be found by name. Made anew for each file, since a file can hang data on what it finds."""

    def reconstruct(subtype: Any, shape: Any, spec: Any) -> _Array:
        if subtype != _SUBTYPE:
            message = "an array of a class of its own"
            raise _RefusedError(message)
        return _Array()

    def from_buffer(content: Any, dtype: Any, shape: Any, order: Any = "C", *_: Any) -> np.ndarray:
        return _array(shape, dtype, order == "F", content)

    def scalar(dtype: Any, content: Any = b"") -> Any:
        return _array((), dtype, False, content)[()]

    def dtype(spec: Any, *_: Any) -> _DType:
        return _DType(spec)

    def encode(text: Any, encoding: Any = "latin1") -> bytes:
        # how Python 3 writes bytes for Python 2
        if not isinstance(text, str) or str(encoding).lower() not in _LATIN1:
            message = f"text in the encoding {_shown(encoding)}"
            raise _RefusedError(message)
        return text.encode("latin1")

    def octets(*content: Any) -> bytes:
        # bytes(10 ** 12) would ask for a terabyte
        if content and not isinstance(content[0], (bytes, bytearray, str)):
            message = "bytes that are made of something else"
            raise _RefusedError(message)
        return _bytes(content[0]) if content else b""

    def default(factory: Any = None, *content: Any) -> Any:
        if factory is not None and factory not in _FACTORIES.values():
            message = f"a defaultdict whose values {_shown(factory)} would make"
            raise _RefusedError(message)
        return defaultdict(factory, *content)

    def ordered(*content: Any) -> Any:
        return OrderedDict(*content)

    names: dict[tuple[str, str], Any] = {}
    plain = {**_FACTORIES, "frozenset": frozenset, "complex": complex, "bytes": octets, "bytearray": octets}
    for module in ("builtins", "__builtin__"):
        names |= {(module, name): value for name, value in plain.items()}
    for module in ("numpy.core", "numpy._core"):
        names[f"{module}.multiarray", "_reconstruct"] = reconstruct
        names[f"{module}.multiarray", "scalar"] = scalar
        names[f"{module}.numeric", "_frombuffer"] = from_buffer
    names["numpy", "ndarray"] = _SUBTYPE
    names["numpy", "dtype"] = dtype
    names["_codecs", "encode"] = encode
    names["collections", "OrderedDict"] = ordered
    names["collections", "defaultdict"] = default
    return names


def _array(shape: Any, dtype: Any, fortran: bool, content: Any) -> np.ndarray:
    """Array of checked type and content; numpy refuses content of another size."""
    if not isinstance(dtype, _DType) or not isinstance(shape, tuple) or not all(isinstance(n, int) for n in shape):
        message = "an array without a proper type and shape"
        raise _RefusedError(message)
    kind = dtype.dtype()
    if kind.hasobject:
        if not isinstance(content, list):
            message = "an array of objects without its content"
            raise _RefusedError(message)
        flat = np.empty(len(content), dtype=object)
        flat[:] = content
    else:
        flat = np.frombuffer(_bytes(content), dtype=kind) if kind.itemsize else np.empty(int(np.prod(shape)), kind)
    return flat.reshape(shape, order="F" if fortran else "C").astype(kind.newbyteorder("="), order="C")


def _finish(value: Any, done: dict[int, Any], depth: int) -> Any:
    """The same with arrays in the place of those that were still to come."""
    if isinstance(value, _PLAIN):
        return value
    if depth > _DEEPEST:
        message = f"containers more than {_DEEPEST} levels deep"
        raise _RefusedError(message)
    if id(value) in done:
        return done[id(value)][1]

    def go(part: Any) -> Any:
        return _finish(part, done, depth + 1)

    if isinstance(value, _Array):
        return _complete(value, go)
    if isinstance(value, _DType):
        return value.dtype()
    if isinstance(value, bytearray):
        return bytes(value)
    done[id(value)] = (value, value)  # kept, so that no other object takes its identity
    if isinstance(value, Mapping):
        _check_keys(value)
        for key in value:
            value[key] = go(value[key])  # type: ignore[index]
    elif isinstance(value, list):
        value[:] = [part if isinstance(part, _PLAIN) else go(part) for part in value]  # millions of numbers
    elif isinstance(value, tuple):
        done[id(value)] = (value, tuple(go(part) for part in value))
    elif isinstance(value, (set, frozenset)):
        _check_keys(value)
    elif isinstance(value, np.ndarray):
        if value.dtype == object:
            value.ravel()[:] = [go(part) for part in value.ravel().tolist()]
    else:
        message = _shown(value)
        raise _RefusedError(message)
    return done[id(value)][1]


def _complete(value: _Array, go: Callable[[Any], Any]) -> np.ndarray:
    if value.made is None:
        if not isinstance(value.state, tuple) or len(value.state) != 4:
            message = "an array without its content"
            raise _RefusedError(message)
        shape, dtype, fortran, content = value.state
        value.state = None  # an array that holds itself has no content
        if isinstance(content, list):
            content = [go(part) for part in content]
        value.made = _array(shape, dtype, bool(fortran), content)
    return value.made


def _check_keys(keys: Any) -> None:
    for key in keys:
        parts = key if isinstance(key, (tuple, frozenset)) else (key,)
        if not all(isinstance(part, _PLAIN) for part in parts):
            message = f"the key {_shown(key)}"
            raise _RefusedError(message)


def _bytes(content: Any) -> bytes:
    # what Python 2 wrote as str arrives as Latin-1 text
    return content.encode("latin1") if isinstance(content, str) else bytes(memoryview(content))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + " ..."


def _text(content: Any) -> str:
    return content.decode("latin1") if isinstance(content, bytes) else str(content)
