"""Archives unpacked without harm: nothing outside the folder, no links, no more bytes than agreed."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from ferfusion.base.errors import CorpusError
from ferfusion.corpora.files.space import need_room, room_for, size_of

__all__ = ["MAX_MEMBERS", "ArchiveError", "unpack"]

MAX_MEMBERS = 1_000_000
_CHUNK = 2**20
_HEADER = 2**24  # no header of a tar is as long; one that says so wants to fill the memory
_DRIVE = re.compile(r"[A-Za-z]:")
_PACKED: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    NotImplementedError,  # a way of packing that zipfile does not know
)


class ArchiveError(CorpusError):
    """An archive is broken, does harm, or holds something else than it should."""


def unpack(archive: Path, folder: Path, *, largest: int) -> None:
    """Unpack a zip, or a tar that may be packed by gzip, bzip2 or xz.

    The kind is told by the first bytes, not by the name. Names that a Mac adds (``__MACOSX``, ``._*``) are left out;
    permissions, owners and times are not taken over.

    Parameters
    ----------
    archive : Path
        The file.
    folder : Path
        Where the contents go. It must not be there yet, and is there as a whole or not at all.
    largest : int
        No more bytes than this may come out.

    Raises
    ------
    ArchiveError
        If the archive is broken, encrypted, empty or too large, or a name in it points outside the folder, is a link
        or a device, or stands for two different files.
    CorpusError
        If the disk is full.
    """
    half = folder.with_name(f"{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)  # of a try that was killed
    half.mkdir(parents=True)
    try:
        writer = _Writer(archive, half, largest)
        with _told(archive):
            _unpack_any(archive, writer)
        if not writer.written:
            message = f"{archive.name} holds no files."
            raise ArchiveError(message)
        half.rename(folder)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _unpack_any(archive: Path, writer: _Writer) -> None:
    with archive.open("rb") as stream:
        start = stream.read(512)
    packed = next((kind for magic, kind in _PACKED.items() if start.startswith(magic)), None)
    # a tar whose last file is a zip looks like a zip from behind
    if packed is not None or start[257:262] == b"ustar":
        _unpack_tar(archive, packed or open, writer)
    elif zipfile.is_zipfile(archive):
        _unpack_zip(archive, writer)
    else:
        page = " It looks like a web page." if start.lstrip().lower().startswith((b"<!doctype", b"<html")) else ""
        message = f"{archive.name} is neither a zip nor a tar.{page}"
        raise ArchiveError(message)


@contextmanager
def _told(archive: Path) -> Iterator[None]:
    """Errors of a broken archive as one of ours; those of the disk pass."""
    try:
        yield
    except CorpusError:
        raise
    except _BROKEN as error:
        message = f"{archive.name} is broken or packed in an unknown way: {error}."
        raise ArchiveError(message) from error
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):
            raise
        # bz2 tells damage by an error without a number; zipfile may seek to a place before the file
        message = f"{archive.name} is broken: {error}."
        raise ArchiveError(message) from error


class _Writer:
    """Writes members below a folder, and refuses those that would do harm."""

    def __init__(self, archive: Path, folder: Path, largest: int) -> None:
        self.archive, self.folder, self.largest = archive, folder, largest
        self.seen, self.came, self.written = 0, 0, 0
        self.expected: int | None = None

    def refuse(self, what: str) -> ArchiveError:
        return ArchiveError(f"{self.archive.name} is refused, and nothing of it was kept: {what}.")

    def still(self) -> int | None:
        """Bytes that are still to come, where the archive says how many."""
        return None if self.expected is None else max(self.expected - self.came, 0)

    def count(self) -> None:
        self.seen += 1
        if self.seen > MAX_MEMBERS:
            raise self.refuse(f"it has more than {MAX_MEMBERS:,} members")

    def place(self, name: str) -> Path | None:
        """Where a member goes; None if it is left out."""
        parts = PurePosixPath(name).parts
        if not name or name.startswith("/") or ".." in parts:
            raise self.refuse(f"the name {name!r} points outside the folder")
        if "\\" in name or any(ord(letter) < 32 for letter in name):
            raise self.refuse(f"the name {name!r} has letters that names of files must not have")
        if any(_DRIVE.match(part) or (os.name == "nt" and ":" in part) for part in parts):
            raise self.refuse(f"the name {name!r} begins with a drive")
        if "__MACOSX" in parts or (parts and parts[-1].startswith("._")):
            return None
        return self.folder.joinpath(*parts)

    def make(self, name: str) -> None:
        """A folder."""
        target = self.place(name)
        if target is not None:
            self._parents(target, name)

    def write(self, name: str, stream: IO[bytes]) -> None:
        """A file; its bytes are counted as they come, whatever the archive says of its size."""
        target = self.place(name)
        if target is None:
            for _ in self._chunks(stream):
                pass  # left out, but counted
            return
        self._parents(target.parent, name)
        if target.is_dir():
            raise self.refuse(f"{name!r} is a file and a folder")
        if target.exists():
            self._compare(name, stream, target)
            return
        with room_for(self.folder, self.still), open(target, "xb") as out:
            for chunk in self._chunks(stream):
                out.write(chunk)
        self.written += 1

    def _parents(self, folder: Path, name: str) -> None:
        try:
            with room_for(self.folder, self.still):
                folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise self.refuse(f"{name!r} goes through a file") from error

    def _compare(self, name: str, stream: IO[bytes], there: Path) -> None:
        with there.open("rb") as first:
            same = all(chunk == first.read(len(chunk)) for chunk in self._chunks(stream)) and not first.read(1)
        if not same:
            raise self.refuse(f"it holds two different files {name!r}")

    def _chunks(self, stream: IO[bytes]) -> Iterator[bytes]:
        while chunk := stream.read(_CHUNK):
            self.came += len(chunk)
            if self.came > self.largest:
                raise self.refuse(f"more than {size_of(self.largest)} come out of it")
            yield chunk


def _unpack_zip(archive: Path, writer: _Writer) -> None:
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        # cheap, and before anything is written; what really comes out is counted all the same
        writer.expected = min(sum(member.file_size for member in members), writer.largest)
        need_room(writer.folder, writer.expected)
        for member in members:
            writer.count()
            # zipfile itself cuts the name at a NUL, and turns the system's separators
            name = member.orig_filename
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise writer.refuse(f"{name!r} is a link or a device")
            if member.flag_bits & 0x1:
                raise writer.refuse(f"{name!r} is encrypted")
            if name.endswith("/"):
                writer.make(name)
                continue
            with opened.open(member) as stream:
                writer.write(name, stream)


class _Careful:
    """Stream of a tar whose headers are read whole: not if they say that they are huge."""

    def __init__(self, stream: IO[bytes], writer: _Writer) -> None:
        self.stream, self.writer = stream, writer
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _HEADER:
            raise self.writer.refuse("it has a header that would fill the memory")
        return self.stream.read(size)


def _unpack_tar(archive: Path, opener: Callable[..., Any], writer: _Writer) -> None:
    with opener(archive, "rb") as stream, tarfile.open(fileobj=_Careful(stream, writer), mode="r:") as opened:  # type: ignore[call-overload]
        for member in opened:
            writer.count()
            opened.members.clear()  # it would keep all of them
            if member.isdir():
                writer.make(member.name)
                continue
            content = opened.extractfile(member) if member.isreg() else None
            if content is None:
                raise writer.refuse(f"{member.name!r} is a link or a device")
            with content:
                writer.write(member.name, content)
        _read_out(stream, writer)


def _read_out(stream: IO[bytes], writer: _Writer) -> None:
    """Read to the end: a packed tar has its checksum there, and a broken header ends a tar without a word."""
    read = 0
    while chunk := stream.read(_CHUNK):
        read += len(chunk)
        if read > _HEADER or chunk.count(0) != len(chunk):
            raise writer.refuse("it is broken: there is more behind its end")
