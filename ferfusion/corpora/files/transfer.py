"""One file over http(s): continued where it broke off, tried again when the line fails, never without a limit."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from threading import get_ident
from typing import IO, Any
from urllib.parse import urlsplit

import pooch
import requests
from tqdm.auto import tqdm

from ferfusion import __version__
from ferfusion.base.card import Download
from ferfusion.base.errors import CorpusError
from ferfusion.corpora.files.placing import name_of
from ferfusion.corpora.files.space import need_room, room_for, size_of

__all__ = ["fetch_file"]

TIMEOUT = (15.0, 60.0)  # seconds for the connection, and without a byte
TRIES = 5  # in a row without a byte more
PAUSE = 1.0  # seconds after the first; doubled each time
_CHUNK = 2**16
_PASSING = (408, 429, 500, 502, 503, 504)
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


def fetch_file(download: Download, folder: Path, *, advice: str = "", progress: bool = True) -> Path:
    """Fetch a file into a folder, or go on with fetching it.

    A file that is not complete lies there as ``<name>.part``, with ``<name>.part.json`` that says of which version of
    the owner's file it is.

    Parameters
    ----------
    download : Download
        Where it lies, its digest and its largest size.
    folder : Path
        That is there.
    advice : str
        What the user can do instead, for the errors.
    progress : bool, default=True
        Show a bar where the standard error is a terminal.

    Returns
    -------
    Path
        The file. If it was there already with the right digest, or without any to compare, nothing is fetched.

    Raises
    ------
    CorpusError
        If it cannot be had, is too large or has another digest, or if the disk is full.
    """
    url = download.url
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        message = f"Only addresses of http and https are fetched, not {url!r}."
        raise CorpusError(message)
    # two addresses may end alike
    path = folder / f"{sha256(url.encode()).hexdigest()[:8]}-{name_of(url)}"
    part = _Part(path, download, advice, progress)
    try:
        with _silent_pooch():
            pooch.retrieve(url, download.hash or None, fname=path.name, path=folder, downloader=part)
    except CorpusError:
        raise
    except ValueError as error:  # the digest; pooch has removed the file
        message = f"{url}: {error} A second try starts anew. {advice}".strip()
        raise CorpusError(message) from error
    return path


@contextmanager
def _silent_pooch() -> Iterator[None]:
    """Without pooch's lines on the standard error, in this thread only: the bar says the same."""
    logger, here = pooch.get_logger(), get_ident()

    def passes(record: logging.LogRecord) -> bool:
        return record.thread != here or record.levelno > logging.INFO

    logger.addFilter(passes)
    try:
        yield
    finally:
        logger.removeFilter(passes)


class _Lost(Exception):
    """The line or the server failed in a way that may pass."""

    def __init__(self, why: object, pause: float = 0.0) -> None:
        super().__init__(why)
        self.pause = pause


class _Part:
    """A file on its way; called by pooch to bring it."""

    def __init__(self, path: Path, download: Download, advice: str, progress: bool) -> None:
        self.path, self.note = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.json")
        self.title = name_of(download.url)
        self.download, self.advice, self.progress = download, advice, progress

    def __call__(self, url: str, output_file: Any, pooch: Any = None) -> None:
        self._bring(url)
        os.replace(self.path, output_file)
        self.note.unlink(missing_ok=True)

    def _bring(self, url: str) -> None:
        most, failed = self.size, 0
        while True:
            try:
                return self._try(url)
            except _Lost as error:
                failed = 1 if self.size > most else failed + 1
                most = max(most, self.size)
                if failed >= TRIES:
                    raise self._error(
                        f"{url} could not be fetched ({error}). {size_of(self.size)} of it are kept: a second call "
                        "goes on with them."
                    ) from error
                time.sleep(max(error.pause, PAUSE * 2 ** (failed - 1)))

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def _error(self, message: str) -> CorpusError:
        return CorpusError(f"{message} {self.advice}".strip())

    def _try(self, url: str) -> None:
        known = self._known()
        if known and known["total"] == self.size:
            return  # killed after the last byte
        headers = {"Accept-Encoding": "identity", "User-Agent": f"ferfusion/{__version__}"}
        if known:
            headers["Range"] = f"bytes={self.size}-"
            if known["version"]:
                headers["If-Range"] = known["version"]
        try:
            with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
                self._check(answer)
                self._take(answer, known)
        except requests.exceptions.SSLError as error:
            raise self._error(f"{url} has no certificate that can be trusted: {error}.") from error
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            raise _Lost(error) from error
        except requests.RequestException as error:
            raise self._error(f"{url} cannot be fetched: {error}.") from error

    def _known(self) -> dict[str, Any]:
        """What is known of the part that is there; empty if it is of no use."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            known = json.loads(self.note.read_text(encoding="utf-8"))
            total = known["total"]
            # without a version the digest alone can tell whether the two pieces are of one file
            usable = isinstance(known["marks"], dict) and (known["version"] or self.download.hash or total == self.size)
            if self.size and usable and (total is None or self.size <= total):
                return known
        return {}

    def _check(self, answer: requests.Response) -> None:
        status = f"{answer.status_code} {answer.reason or ''}".strip()
        if answer.status_code == 416:
            self._forget()
            raise _Lost(status)
        if answer.status_code in _PASSING:
            pause = answer.headers.get("Retry-After", "")
            raise _Lost(status, min(60, int(pause)) if pause.isdecimal() else 0)
        if answer.status_code not in (200, 206):
            raise self._error(f"{answer.url} answers {status}: the file is not given there (any more).")

    def _take(self, answer: requests.Response, known: dict[str, Any]) -> None:
        """Write what comes, behind the part if it goes on there."""
        start = 0
        if answer.status_code == 206:
            start = self.size
            told = _RANGE.match(answer.headers.get("Content-Range", ""))
            # a server that keeps to If-Range need not say the date again
            other = (
                any(mark and mark != known["marks"].get(name) for name, mark in _marks(answer).items())
                if known
                else True
            )
            if told is None or int(told[1]) != start or other:
                self._forget()
                message = "the server sent another part than was asked for"
                raise _Lost(message)
        length = answer.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        self._limit(total or 0)
        if total is not None:
            # what comes out of an archive is hardly smaller than the archive
            out = min(total, self.download.largest) if self.download.unpack else 0
            need_room(self.path.parent, total - start + out)
        # some servers call a .gz file compressed on its way: it is wanted as it lies there
        answer.raw.headers.pop("Content-Encoding", None)
        with room_for(self.path.parent, lambda: None if total is None else total - self.size):
            if not start:
                self._forget()
                marks = _marks(answer)
                note = {"version": _version(marks), "marks": marks, "total": total}
                self.note.write_text(json.dumps(note), encoding="utf-8")
            with open(self.path, "ab") as stream:
                self._write(answer, stream, start, total)

    def _write(self, answer: requests.Response, stream: IO[bytes], start: int, total: int | None) -> None:
        came = start
        with tqdm(
            total=total,
            initial=start,
            desc=self.title,
            unit="B",
            unit_scale=True,
            disable=None if self.progress else True,
            leave=False,
        ) as bar:
            for chunk in answer.iter_content(_CHUNK):
                came += len(chunk)
                self._limit(came)
                stream.write(chunk)
                bar.update(len(chunk))
        if total is not None and came < total:
            message = f"the line broke after {size_of(came)} of {size_of(total)}"
            raise _Lost(message)

    def _limit(self, n_bytes: int) -> None:
        if n_bytes > self.download.largest:
            self._forget()
            raise self._error(
                f"{self.download.url} is refused: it is larger than the {size_of(self.download.largest)} that "
                "the corpus' card allows."
            )

    def _forget(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def _marks(answer: requests.Response) -> dict[str, str]:
    """What the server says of the version of a file."""
    return {name: answer.headers.get(name, "") for name in ("ETag", "Last-Modified")}


def _version(marks: dict[str, str]) -> str:
    """What stands for the version in ``If-Range``: a tag, if it is not a weak one, else the date."""
    tag = marks["ETag"]
    return tag if tag and not tag.startswith("W/") else marks["Last-Modified"]
