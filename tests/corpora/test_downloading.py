"""Fetching corpora: from a server of our own that cuts lines, forgets ranges and changes its files."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import warnings
import zipfile
from dataclasses import dataclass, field, replace
from hashlib import md5, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import requests
import soundfile

from ferfusion import load_corpus
from ferfusion.base.card import CorpusCard, Download
from ferfusion.base.errors import CorpusError
from ferfusion.corpora import emodb, ravdess
from ferfusion.corpora.files import downloading, space, transfer
from ferfusion.corpora.files.downloading import MARKER, download_corpus
from ferfusion.corpora.files.placing import name_of

NOISE = np.random.default_rng(0).bytes(600_000)
FILES = {"wav/a.wav": NOISE, "wav/b.wav": b"b" * 700, "about.txt": b"words"}


@dataclass
class Page:
    """A file of the server, and how it is given."""

    data: bytes = b""
    etag: str = '"1"'
    modified: str = "Mon, 01 Jan 2024 00:00:00 GMT"
    ranges: bool = True
    obeys_if_range: bool = True
    status: int = 200
    length: bool = True
    headers: dict = field(default_factory=dict)
    cuts: list = field(default_factory=list)  # for one request after the other: bytes until the line is cut
    statuses: list = field(default_factory=list)  # for one request after the other
    gate: threading.Event | None = None  # waits for it instead of cutting the line


class Site(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for all

    def __init__(self):
        self.pages, self.log = {}, []
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request, client_address):
        """Who hangs up is no news."""

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def put(self, path, data=b"", **how):
        self.pages["/" + path] = page = Page(data, **how)
        return page

    @property
    def ranges(self):
        return [entry["range"] for entry in self.log]

    @property
    def sent(self):
        return sum(entry["sent"] for entry in self.log)


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        page = self.server.pages.get(self.path, Page(status=404))
        asked = self.headers.get("Range")
        entry = {"path": self.path, "range": asked, "if_range": self.headers.get("If-Range"), "sent": 0}
        self.server.log.append(entry)
        status = page.statuses.pop(0) if page.statuses else page.status
        data, head = page.data, dict(page.headers)
        known = entry["if_range"] in (None, page.etag, page.modified) or not page.obeys_if_range
        if asked and page.ranges and status == 200 and known:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                status, head["Content-Range"] = 416, f"bytes */{len(data)}"
                data = b""
            else:
                status, head["Content-Range"] = 206, f"bytes {start}-{len(data) - 1}/{len(data)}"
                data = data[start:]
        if page.length:
            head["Content-Length"] = str(len(data))
        head |= {"ETag": page.etag} if page.etag else {}
        head |= {"Last-Modified": page.modified} if page.modified and status == 200 else {}
        self.send_response(status)
        for name, value in head.items():
            self.send_header(name, value)
        self.end_headers()
        cut = page.cuts.pop(0) if page.cuts else len(data)
        self.wfile.write(data[:cut])
        entry["sent"] += len(data[:cut])
        if page.gate is not None:
            page.gate.wait(60)


@pytest.fixture
def site(monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setattr(transfer, "PAUSE", 0.0)
    before = set(threading.enumerate())
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
    left = set(threading.enumerate()) - before
    assert not [thread for thread in left if type(thread).__name__ != "TMonitor"]  # tqdm's own, one a process


def zip_of(files, packing=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


ZIP = zip_of(FILES)
HASH = f"md5:{md5(ZIP).hexdigest()}"


def card_of(*downloads, **facts):
    return CorpusCard(name="toy", title="Toy", where_to_get="the toy shop", downloads=downloads, **facts)


@pytest.fixture
def page(site):
    return site.put("toy.zip", ZIP)


@pytest.fixture
def card(site, page):
    return card_of(Download(site.url("toy.zip"), HASH, unpack=True))


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data" / "toy"


def content_of(folder):
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    found.pop(MARKER, None)
    return found


def beside(root):
    """What lies beside the corpus, but for the lock."""
    return sorted(p.relative_to(root.parent).as_posix() for p in root.parent.rglob("*") if root not in (p, *p.parents))


def part_of(root):
    return next((root.parent / ".toy.fetching").glob("*.part"))


LOCK = ".toy.lock"


# ---------------------------------------------------------------- the usual way


def test_fetched_once_and_never_again(site, card, root):
    assert download_corpus(card, root) == root
    assert content_of(root) == FILES
    assert len(site.log) == 1
    # neither archive nor anything else is left
    assert beside(root) == [LOCK]
    marker = json.loads((root / MARKER).read_text())
    [entry] = marker["downloads"]
    assert marker["corpus"] == "toy"
    assert (entry["url"], entry["hash"]) == (site.url("toy.zip"), HASH)
    assert entry["files"] == {name: len(content) for name, content in FILES.items()}
    assert entry["date"].endswith("+00:00")
    assert download_corpus(card, str(root)) == root
    assert len(site.log) == 1


def test_folder_by_environment(site, card, tmp_path, monkeypatch):
    monkeypatch.setenv("FERFUSION_DATA", str(tmp_path))
    assert download_corpus(card) == tmp_path / "toy"
    assert content_of(tmp_path / "toy") == FILES


@pytest.mark.parametrize("ending", ["", "gz", "bz2", "xz"])
def test_tar(site, root, ending):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{ending}") as archive:
        for name, content in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    # servers are about that say of a .tar.gz that it was compressed for the way
    how = {"headers": {"Content-Encoding": "gzip"}} if ending == "gz" else {}
    site.put("toy", stream.getvalue(), **how)
    digest = f"sha256:{sha256(stream.getvalue()).hexdigest()}"
    download_corpus(card_of(Download(site.url("toy"), digest, unpack=True)), root)
    assert content_of(root) == FILES


def test_several_files_and_folders(site, root):
    site.put("toy.zip", ZIP)
    site.put("a/labels.csv", b"id,label")
    site.put("b/labels.csv", b"id,other")
    card = card_of(
        Download(site.url("toy.zip"), HASH, unpack=True, into="sound"),
        Download(site.url("a/labels.csv?download=1"), into=""),
        Download(site.url("b/labels.csv"), into="more"),
    )
    site.pages["/a/labels.csv?download=1"] = site.pages["/a/labels.csv"]
    download_corpus(card, root)
    wanted = {f"sound/{name}": content for name, content in FILES.items()}
    wanted |= {"labels.csv": b"id,label", "more/labels.csv": b"id,other"}
    assert content_of(root) == wanted
    download_corpus(card, root)
    assert len(site.log) == 3
    # a file that a later card adds is fetched alone
    site.put("new.csv", b"new")
    download_corpus(replace(card, downloads=(*card.downloads, Download(site.url("new.csv")))), root)
    assert [entry["path"] for entry in site.log[3:]] == ["/new.csv"]
    assert content_of(root) == wanted | {"new.csv": b"new"}
    assert len(json.loads((root / MARKER).read_text())["downloads"]) == 4


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://x.org/a/b.zip?download=1", "b.zip"),
        ("https://x.org/a%20b.zip", "a b.zip"),
        ("https://x.org/a/..%2F..%2Fb", "b"),
        ("https://x.org/..", "file"),
        ("https://x.org", "file"),
        ("https://x.org/a:b\\c", "a_b_c"),
    ],
)
def test_names_of_addresses(url, name):
    assert name_of(url) == name


def test_redirects_are_followed(site, card, root):
    site.put("old.zip", status=302, headers={"Location": site.url("toy.zip")})
    download_corpus(card_of(Download(site.url("old.zip"), HASH, unpack=True)), root)
    assert content_of(root) == FILES


def test_a_redirect_to_a_file_is_not(site, root):
    site.put("toy.zip", status=302, headers={"Location": "file:///etc/passwd"})
    with pytest.raises(CorpusError, match="cannot be fetched"):
        download_corpus(card_of(Download(site.url("toy.zip"))), root)
    assert not root.exists()


def test_silent_where_nobody_looks(card, root, capfd, caplog):
    download_corpus(card, root)
    assert capfd.readouterr() == ("", "")


def test_bar_on_a_terminal(site, page, card, root, monkeypatch):
    shown = []

    class Bar:
        def __init__(self, **options):
            shown.append(options)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, n):
            shown.append(n)

    monkeypatch.setattr(transfer, "tqdm", Bar)
    page.cuts = [200_000]
    download_corpus(card, root)
    bars = [step for step in shown if isinstance(step, dict)]
    assert [bar["total"] for bar in bars] == [len(ZIP)] * 2
    assert bars[0]["initial"] == 0
    assert bars[1]["initial"] > 0
    assert {bar["disable"] for bar in bars} == {None}  # tqdm's word for: only on a terminal
    assert sum(step for step in shown if not isinstance(step, dict)) == len(ZIP)
    download_corpus(card, root.with_name("other"), progress=False)
    assert [step for step in shown if isinstance(step, dict)][-1]["disable"] is True


# ---------------------------------------------------------------- lines that break


def test_cut_line_is_taken_up_again(site, page, card, root):
    page.cuts = [200_000, 100_000]
    download_corpus(card, root)
    assert content_of(root) == FILES
    first, second, third = site.ranges
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for asked in (second, third)]
    assert first is None
    assert 200_000 - 2**16 < starts[0] <= 200_000 < starts[1] <= 300_000
    assert [entry["if_range"] for entry in site.log] == [None, '"1"', '"1"']
    # at most the piece in hand is sent twice
    assert len(ZIP) <= site.sent < len(ZIP) + 2 * 2**16


def test_given_up_and_gone_on_with_by_a_second_call(site, page, card, root):
    page.cuts = [300_000]
    page.statuses = [200] + [503] * 5
    with pytest.raises(CorpusError, match=r"503 .*of it are kept: a second call goes on") as caught:
        download_corpus(card, root)
    assert site.url("toy.zip") in str(caught.value)
    assert "Where to get it: the toy shop." in str(caught.value)
    assert len(site.log) == transfer.TRIES
    assert not root.exists()
    kept = part_of(root).stat().st_size
    assert 200_000 < kept <= 300_000
    page.statuses, sent = [], site.sent
    download_corpus(card, root)
    assert site.ranges[-1] == f"bytes={kept}-"
    assert site.sent - sent == len(ZIP) - kept
    assert content_of(root) == FILES
    assert beside(root) == [LOCK]


def test_passing_answers_are_tried_again_after_a_pause(site, page, card, root, monkeypatch):
    pauses = []
    monkeypatch.setattr(transfer, "PAUSE", 1.0)
    monkeypatch.setattr(transfer, "time", SimpleNamespace(sleep=pauses.append))
    page.statuses = [500, 503, 429]
    page.headers = {"Retry-After": "7"}
    download_corpus(card, root)
    assert pauses == [7, 7, 7]
    page.statuses, page.headers = [500, 503, 429], {}
    download_corpus(card, root.with_name("other"))
    assert pauses[3:] == [1, 2, 4]


def test_nobody_there(root):
    with Site() as gone:
        url = gone.url("toy.zip")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setattr(transfer, "PAUSE", 0.0)
        with pytest.raises(CorpusError, match="could not be fetched"):
            download_corpus(card_of(Download(url)), root)
    assert not root.exists()
    assert beside(root) == [LOCK]


def test_a_server_that_falls_silent(site, page, card, root, monkeypatch):
    page.gate, page.cuts = threading.Event(), [200_000] * 2
    monkeypatch.setattr(transfer, "TIMEOUT", (5.0, 0.2))
    monkeypatch.setattr(transfer, "TRIES", 1)
    try:
        with pytest.raises(CorpusError, match=r"timed out.*are kept"):
            download_corpus(card, root)
    finally:
        page.gate.set()
    assert part_of(root).stat().st_size > 100_000


def test_without_ranges_it_starts_anew(site, page, card, root):
    page.ranges, page.cuts = False, [200_000]
    download_corpus(card, root)
    assert content_of(root) == FILES
    assert site.ranges[1] is not None
    assert site.sent == 200_000 + len(ZIP)


def test_without_ranges_and_always_cut_it_ends(site, page, card, root):
    page.ranges, page.cuts = False, [200_000] * 100
    with pytest.raises(CorpusError, match="could not be fetched"):
        download_corpus(card, root)
    assert len(site.log) == transfer.TRIES


@pytest.mark.parametrize("change", ["etag", "modified", "weak", "careless"])
def test_a_file_that_changed_meanwhile_starts_anew(site, page, card, root, monkeypatch, change):
    monkeypatch.setattr(transfer, "TRIES", 1)
    page.cuts = [200_000]
    if change == "modified":
        page.etag = ""
    if change == "weak":
        page.etag = 'W/"1"'
    with pytest.raises(CorpusError, match="are kept"):
        download_corpus(card, root)
    new = zip_of(FILES | {"about.txt": b"other"})
    site.put(
        "toy.zip",
        new,
        etag={"modified": "", "weak": 'W/"2"'}.get(change, '"2"'),
        modified="Tue, 02 Jan 2024 00:00:00 GMT",
        obeys_if_range=change != "careless",
    )
    monkeypatch.setattr(transfer, "TRIES", 2)
    card = card_of(Download(site.url("toy.zip"), f"sha256:{sha256(new).hexdigest()}", unpack=True))
    download_corpus(card, root)
    assert content_of(root)["about.txt"] == b"other"
    wanted = {"modified": page.modified, "weak": page.modified}.get(change, '"1"')
    assert site.log[1]["if_range"] == wanted


@pytest.mark.parametrize("known", [True, False])
def test_a_server_that_says_nothing_of_versions(site, page, card, root, monkeypatch, known):
    """Only a digest can tell then whether the two pieces belong together."""
    monkeypatch.setattr(transfer, "TRIES", 1)
    page.etag, page.modified, page.cuts = "", "", [200_000]
    card = card_of(Download(site.url("toy.zip"), HASH if known else "", unpack=True))
    with pytest.raises(CorpusError):
        download_corpus(card, root)
    download_corpus(card, root)
    assert (site.ranges[1] is not None) is known
    assert site.log[1]["if_range"] is None
    assert content_of(root) == FILES


def test_without_a_length(site, page, card, root):
    page.length = False
    download_corpus(card, root)
    assert content_of(root) == FILES


def test_killed_after_the_last_byte(site, card, root, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(transfer.os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            download_corpus(card, root)
    assert part_of(root).stat().st_size == len(ZIP)
    download_corpus(card, root)
    assert len(site.log) == 1
    assert content_of(root) == FILES


@pytest.mark.parametrize("note", [None, "{", '{"total": 5}', '{"version": "\\"1\\"", "total": 5, "marks": {}}'])
def test_a_part_that_nobody_knows_starts_anew(site, page, card, root, monkeypatch, note):
    monkeypatch.setattr(transfer, "TRIES", 1)
    page.cuts = [200_000]
    with pytest.raises(CorpusError):
        download_corpus(card, root)
    told = part_of(root).with_name(part_of(root).name + ".json")
    if note is None:
        told.unlink()
    else:
        told.write_text(note)
    download_corpus(card, root)
    assert site.ranges == [None, None]
    assert content_of(root) == FILES


def test_a_part_that_is_too_long_for_the_server(site, page, card, root, monkeypatch):
    monkeypatch.setattr(transfer, "TRIES", 1)
    page.cuts, page.length = [200_000], True
    with pytest.raises(CorpusError):
        download_corpus(card, root)
    note = part_of(root).with_name(part_of(root).name + ".json")
    note.write_text(json.dumps(json.loads(note.read_text()) | {"total": None}))
    part_of(root).write_bytes(bytes(len(ZIP) + 1))
    monkeypatch.setattr(transfer, "TRIES", 2)
    download_corpus(card, root)
    assert site.ranges[1:] == [f"bytes={len(ZIP) + 1}-", None]
    assert content_of(root) == FILES


CHILD = """
import sys
from ferfusion.base.card import CorpusCard, Download
from ferfusion.corpora.files.downloading import download_corpus
url, digest, root = sys.argv[1:]
download_corpus(CorpusCard(name="toy", title="Toy", downloads=(Download(url, digest, unpack=True),)), root)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no way to kill here")
def test_killed_process_leaves_a_part_that_is_gone_on_with(site, page, card, root):
    page.gate, page.cuts = threading.Event(), [400_000]
    child = subprocess.Popen([sys.executable, "-c", CHILD, site.url("toy.zip"), HASH, str(root)])
    try:
        tick = threading.Event()
        for _ in range(6000):
            parts = list(root.parent.glob(".toy.fetching/*.part"))
            if (parts and parts[0].stat().st_size >= 300_000) or child.poll() is not None:
                break
            tick.wait(0.01)
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()
        page.gate.set()
    assert child.returncode == -signal.SIGKILL
    assert not root.exists()
    kept = part_of(root).stat().st_size
    assert 300_000 <= kept <= 400_000
    page.gate = None
    # what pooch and the unpacking leave when they are killed
    work = root.parent / ".toy.fetching"
    assert list(work.glob("tmp*"))
    (work / "new" / "0.half").mkdir(parents=True)
    (work / "new" / "0.half" / "half.wav").write_bytes(b"half")
    download_corpus(card, root)
    assert site.ranges == [None, f"bytes={kept}-"]
    assert site.log[1]["sent"] == len(ZIP) - kept
    assert content_of(root) == FILES
    assert beside(root) == [LOCK]


def test_stopped_while_unpacking(site, card, root, monkeypatch):
    """No half corpus in its place, and what was fetched is not fetched again."""
    with monkeypatch.context() as patch:
        patch.setattr(downloading, "place", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            download_corpus(card, root)
    assert not root.exists()
    download_corpus(card, root)
    assert len(site.log) == 1
    assert content_of(root) == FILES


# ---------------------------------------------------------------- wrong files


def test_wrong_digest(site, page, card, root):
    page.data = zip_of(FILES | {"about.txt": b"other"})
    found = md5(page.data).hexdigest()
    with pytest.raises(CorpusError, match="A second try starts anew") as caught:
        download_corpus(card, root)
    assert HASH in str(caught.value)
    assert found in str(caught.value)
    assert site.url("toy.zip") in str(caught.value)
    assert beside(root) == [LOCK]
    assert not root.exists()
    page.data = ZIP
    download_corpus(card, root)
    assert site.ranges == [None, None]
    assert content_of(root) == FILES


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_refused_by_the_server(site, page, card, root, status):
    page.status = status
    with pytest.raises(CorpusError) as caught:
        download_corpus(card, root)
    message = str(caught.value)
    assert f"{site.url('toy.zip')} answers {status}" in message
    assert "Where to get it: the toy shop." in message
    assert len(site.log) == 1
    assert beside(root) == [LOCK]
    assert not root.exists()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/a.zip", "file:///etc/passwd", "/etc/passwd", "http://", "a.zip"])
def test_other_addresses(root, url):
    with pytest.raises(CorpusError, match="Only addresses of http and https"):
        download_corpus(card_of(Download(url)), root)


def test_certificates_are_not_waved_through(root, monkeypatch):
    calls = []

    def get(url, **options):
        calls.append(options)
        raise requests.exceptions.SSLError("self-signed")

    monkeypatch.setattr(transfer.requests, "get", get)
    with pytest.raises(CorpusError, match="no certificate that can be trusted"):
        download_corpus(card_of(Download("https://x.org/a.zip")), root)
    assert len(calls) == 1
    assert "verify" not in calls[0]


def test_corpora_that_one_has_to_ask_for(root):
    with pytest.raises(CorpusError) as caught:
        download_corpus(card_of(ask="Write to shop@toy.org."), root)
    wanted = "Toy cannot be fetched without asking its owner. Where to get it: the toy shop. Write to shop@toy.org."
    assert str(caught.value) == wanted
    assert not root.parent.exists()


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("archive", [True, False])
def test_larger_than_the_card_allows(site, page, root, length, archive):
    page.length = length
    with pytest.raises(CorpusError, match=r"is refused: it is larger than the 500\.0 kB"):
        download_corpus(card_of(Download(site.url("toy.zip"), HASH, unpack=archive, largest=500_000)), root)
    assert beside(root) == [LOCK]


def test_archives_that_do_harm(site, root, tmp_path):
    bad = {
        "names.zip": zip_of({"../../evil": b"evil"}),
        "bomb.zip": zip_of({"bomb": bytes(5_000_000)}, zipfile.ZIP_DEFLATED),
        "page.zip": b"<html>Please log in",
    }
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
    bad["link.tar.gz"] = stream.getvalue()
    for name, data in bad.items():
        site.put(name, data)
        with pytest.raises(CorpusError, match=f"{name} is .*It came from http.*a second try starts anew.*the toy shop"):
            download_corpus(card_of(Download(site.url(name), unpack=True, largest=1_000_000)), root)
        assert [p for p in tmp_path.rglob("*") if p.is_file()] == [root.parent / LOCK]
        assert not root.exists()


@pytest.fixture
def listed(monkeypatch):
    digests = {name: sha256(content).hexdigest() for name, content in FILES.items() if name.startswith("wav/")}
    monkeypatch.setattr(downloading, "_listed", lambda name: {"toy.csv": digests}[name])
    return digests


def test_contents_are_compared_with_a_list(site, page, root, listed):
    card = card_of(Download(site.url("toy.zip"), unpack=True, contents="toy.csv"))
    listed["wav/c.wav"] = "0" * 64
    page.data = zip_of(FILES | {"wav/a.wav": NOISE[:-1] + b"!"})
    with pytest.raises(CorpusError) as caught:
        download_corpus(card, root)
    assert "of 3 listed files 1 are missing: 'wav/c.wav'; 1 differ: 'wav/a.wav'" in str(caught.value)
    assert not root.exists()
    assert beside(root) == [LOCK]
    page.data = ZIP
    del listed["wav/c.wav"]
    download_corpus(card, root)
    assert content_of(root) == FILES
    assert len(site.log) == 2


def test_a_copy_that_agrees_with_the_list_needs_no_fetching(site, page, root, listed):
    card = card_of(Download(site.url("toy.zip"), unpack=True, contents="toy.csv"))
    for name in listed:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(FILES[name])
    download_corpus(card, root)
    assert site.log == []
    assert not (root / MARKER).exists()
    (root / "wav" / "b.wav").unlink()
    download_corpus(card, root)
    assert content_of(root) == FILES


# ---------------------------------------------------------------- folders that are there


def test_marker_but_files_gone(site, card, root):
    download_corpus(card, root)
    (root / "wav" / "b.wav").unlink()
    (root / "mine.txt").write_bytes(b"mine")
    download_corpus(card, root)
    assert len(site.log) == 2
    assert content_of(root) == FILES | {"mine.txt": b"mine"}
    for name in FILES:
        (root / name).unlink()
    download_corpus(card, root)
    assert content_of(root) == FILES | {"mine.txt": b"mine"}
    download_corpus(card, root)
    assert len(site.log) == 3


@pytest.mark.parametrize("text", ["", "[]", "{", '{"downloads": [{}]}', '{"downloads": 1}', "\udcff"])
def test_a_marker_that_cannot_be_read(site, card, root, text):
    download_corpus(card, root)
    (root / MARKER).write_text(text, errors="surrogateescape")
    download_corpus(card, root)
    assert len(site.log) == 2
    assert content_of(root) == FILES
    download_corpus(card, root)
    assert len(site.log) == 2


def test_files_changed_by_the_user_stay_and_are_told(site, card, root):
    download_corpus(card, root)
    (root / "wav" / "a.wav").write_bytes(b"cut")
    with pytest.warns(UserWarning, match=r"1 files in .* have another size .*'wav/a.wav'.*left as they are"):
        download_corpus(card, root)
    assert len(site.log) == 1
    (root / "wav" / "b.wav").unlink()
    with pytest.warns(UserWarning, match="left as they are"):
        download_corpus(card, root)
    assert content_of(root) == FILES | {"wav/a.wav": b"cut"}
    (root / "wav" / "a.wav").unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        download_corpus(card, root)
    assert content_of(root) == FILES


def test_another_version_does_not_replace_the_first(site, page, card, root):
    download_corpus(card, root)
    page.data = zip_of(FILES | {"about.txt": b"other"})
    new = card_of(Download(site.url("toy.zip"), f"md5:{md5(page.data).hexdigest()}", unpack=True))
    with pytest.raises(CorpusError, match=r"1 files in .*'about.txt'"):
        download_corpus(new, root)
    assert content_of(root) == FILES


def test_the_users_files_are_kept(site, card, root):
    mine = {"notes.txt": b"mine", "wav/mine.wav": b"mine", "wav/b.wav": FILES["wav/b.wav"], ".hidden": b"mine"}
    for name, content in mine.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    stamp = (root / "wav" / "b.wav").stat().st_mtime_ns
    download_corpus(card, root)
    assert content_of(root) == FILES | mine
    assert (root / "wav" / "b.wav").stat().st_mtime_ns == stamp


@pytest.mark.parametrize("clash", ["file", "folder", "parent", "link"])
def test_names_that_clash(site, card, root, clash):
    root.mkdir(parents=True)
    if clash == "folder":
        (root / "about.txt").mkdir()
    elif clash == "parent":
        (root / "wav").write_bytes(b"mine")
    elif clash == "link":
        (root / "about.txt").symlink_to("nowhere")
    else:
        (root / "about.txt").write_bytes(b"mine")
    before = sorted(root.rglob("*"))
    name = "wav" if clash == "parent" else "about.txt"
    with pytest.raises(CorpusError, match=rf"1 files in .* other content: '{name}'. Nothing was put there"):
        download_corpus(card, root)
    assert sorted(root.rglob("*")) == before
    if clash == "file":
        assert (root / "about.txt").read_bytes() == b"mine"
    # once it is out of the way there is nothing to fetch again
    target = root / name
    target.rmdir() if clash == "folder" else target.unlink()
    download_corpus(card, root)
    assert len(site.log) == 1
    assert content_of(root) == FILES


def test_empty_folder_and_the_folder_one_is_in(site, card, root, monkeypatch):
    root.mkdir(parents=True)
    monkeypatch.chdir(root)
    assert download_corpus(card, ".") == Path(".")
    assert content_of(Path(".")) == FILES


def test_folder_behind_a_link(site, card, root, tmp_path):
    (tmp_path / "disk").mkdir()
    root.parent.mkdir()
    root.symlink_to(tmp_path / "disk" / "there")
    assert download_corpus(card, root) == root
    assert root.is_symlink()
    assert content_of(tmp_path / "disk" / "there") == FILES
    download_corpus(card, root)
    assert len(site.log) == 1


def test_a_folder_on_its_own_disk_is_worked_in(site, card, root, monkeypatch):
    """Where nothing may be written beside it: what is on its way lies inside."""
    root.mkdir(parents=True)
    monkeypatch.setattr(downloading.os, "access", lambda path, mode: Path(path) != root.parent)
    download_corpus(card, root)
    assert beside(root) == []
    assert content_of(root) == FILES | {LOCK: b""}


def test_a_file_in_the_place_of_the_folder(site, card, root):
    root.parent.mkdir()
    root.write_bytes(b"mine")
    with pytest.raises(CorpusError, match="is a file, not a folder"):
        download_corpus(card, root)
    with pytest.raises(CorpusError, match=r"could not be put into .*toy/below"):
        download_corpus(card, root / "below")
    assert root.read_bytes() == b"mine"
    assert site.log == []


def test_two_at_once_fetch_once(site, page, card, root):
    page.gate = threading.Event()
    done, errors = [], []

    def fetch():
        try:
            done.append(download_corpus(card, root))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    while not site.log:
        threading.Event().wait(0.01)
    page.gate.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert done == [root] * 4
    assert len(site.log) == 1
    assert content_of(root) == FILES
    assert beside(root) == [LOCK]


# ---------------------------------------------------------------- full disks


def test_disk_too_small_beforehand(site, card, root, monkeypatch):
    free = SimpleNamespace(free=700_000)
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: free)
    with pytest.raises(CorpusError, match=r"The disk of .* is full: 1\.2 MB more are needed, 700\.0 kB are free"):
        download_corpus(card, root)
    assert not root.exists()
    free.free = 10**9
    download_corpus(card, root)
    assert content_of(root) == FILES


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_disk_that_is_full_while_fetching(site, page, card, root, monkeypatch):
    page.cuts = [200_000]
    monkeypatch.setattr(transfer, "TRIES", 1)
    with pytest.raises(CorpusError, match="are kept"):
        download_corpus(card, root)
    part = part_of(root)
    kept = part.read_bytes()
    real = open

    def full(path, mode):
        return real("/dev/full", "wb") if Path(path) == part else real(path, mode)

    with monkeypatch.context() as patch:
        patch.setattr(transfer, "open", full, raising=False)
        with pytest.raises(
            CorpusError, match=r"is full: .* more are needed, .* are free.*What was fetched so far is kept"
        ):
            download_corpus(card, root)
    assert part.read_bytes() == kept
    assert not root.exists()
    download_corpus(card, root)
    assert site.ranges[-1] == f"bytes={len(kept)}-"
    assert content_of(root) == FILES


def test_disk_that_is_full_while_unpacking(site, card, root, monkeypatch):
    from ferfusion.corpora.files import archives

    def full(path, mode):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(archives, "open", full, raising=False)
        with pytest.raises(CorpusError, match=r"is full: 600\.\d kB more are needed"):
            download_corpus(card, root)
    assert not root.exists()
    left = [name for name in beside(root) if not name.endswith("toy.zip")]
    assert left == [".toy.fetching", LOCK]
    # the archive is kept
    download_corpus(card, root)
    assert len(site.log) == 1
    assert content_of(root) == FILES


# ---------------------------------------------------------------- corpora


def test_ravdess_from_end_to_end(site, tmp_path, monkeypatch):
    clips = ["03-01-01-01-01-01-01", "03-01-05-02-02-02-01", "03-01-08-01-01-01-02", "03-01-02-01-02-02-02"]
    sound = io.BytesIO()
    soundfile.write(sound, 0.1 * np.random.default_rng(0).standard_normal(800), 16000, format="WAV")
    data = zip_of({f"Actor_{clip[-2:]}/{clip}.wav": sound.getvalue() for clip in clips})
    site.put("Audio_Speech_Actors_01-24.zip", data)
    [download] = ravdess.CARD.downloads
    local = replace(download, url=site.url("Audio_Speech_Actors_01-24.zip"), hash=f"md5:{md5(data).hexdigest()}")
    monkeypatch.setattr(ravdess, "CARD", replace(ravdess.CARD, downloads=(local,)))
    for _ in range(2):
        corpus = load_corpus("ravdess", tmp_path / "ravdess", download=True)
        assert corpus.y.to_dict() == dict(zip(clips, ["neutral", "anger", "surprise", "calm"], strict=True))
        assert corpus.notes == ()
    assert len(site.log) == 1


def test_emodb_is_listed_file_by_file():
    [download] = emodb.CARD.downloads
    listed = downloading._listed(download.contents)
    names = [Path(name).name for name in listed]
    assert len(listed) == len(set(listed.values())) == 535
    assert all(name.startswith("wav/") and emodb._NAME.fullmatch(Path(name).stem) for name in listed)
    assert all(len(digest) == 64 for digest in listed.values())
    letters = [emodb.EMOTIONS[name[5]] for name in names]
    assert {emotion: letters.count(emotion) for emotion in set(letters)} == emodb.CARD.emotions


def test_real_emodb_is_what_the_list_says(site, tmp_path, monkeypatch, corpus_folder):
    """The real recordings from our own server, in an archive like the owner's."""
    files = content_of(corpus_folder("emodb"))
    page = site.put("download.zip", zip_of(files | {"lablaut/03a01Faxx.lablaut": b"more"}))
    [download] = emodb.CARD.downloads
    local = replace(download, url=site.url("download.zip"))
    monkeypatch.setattr(emodb, "CARD", replace(emodb.CARD, downloads=(local,)))
    assert len(load_corpus("emodb", tmp_path / "emodb", download=True)) == 535
    assert load_corpus("emodb", corpus_folder("emodb"), download=True).soft is not None
    assert len(site.log) == 1
    page.data = zip_of(files | {"wav/03a01Fa.wav": files["wav/03a01Wa.wav"]})
    with pytest.raises(CorpusError, match=r"of 535 listed files 1 differ: 'wav/03a01Fa.wav'"):
        load_corpus("emodb", tmp_path / "other", download=True)
    assert not (tmp_path / "other").exists()
