"""Unpacking: good archives of every kind, and those that would do harm."""

from __future__ import annotations

import errno
import io
import os
import stat
import tarfile
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from ferfusion.base.errors import CorpusError
from ferfusion.corpora.files import archives, space
from ferfusion.corpora.files.archives import ArchiveError, unpack

FILES = {"wav/a.wav": b"a" * 3000, "wav/b.wav": b"b" * 700, "read me.txt": b"words"}
LARGEST = 1_000_000


def make_zip(path, files, packing=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def member(name, kind=tarfile.REGTYPE, size=0, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname, info.mode = kind, size, link, 0o4777
    return info


def make_tar(path, files, ending="", extra=()):
    with tarfile.open(path, f"w:{ending}") as archive:
        for name, content in files.items():
            archive.addfile(member(name, size=len(content)), io.BytesIO(content))
        for info in extra:
            archive.addfile(info)
    return path


def content_of(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(tmp_path, archive, match, largest=LARGEST):
    """Refused with a message, and nothing is left of it anywhere."""
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ArchiveError, match=match) as caught:
        unpack(archive, tmp_path / "out", largest=largest)
    assert archive.name in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", ["zip", "stored", "tar", "gz", "bz2", "xz"])
def test_every_kind_is_unpacked_whatever_its_name(tmp_path, kind):
    path = tmp_path / "data.bin"
    if kind in ("zip", "stored"):
        make_zip(path, FILES, zipfile.ZIP_STORED if kind == "stored" else zipfile.ZIP_DEFLATED)
    else:
        make_tar(path, FILES, "" if kind == "tar" else kind)
    unpack(path, tmp_path / "out", largest=LARGEST)
    assert content_of(tmp_path / "out") == FILES
    assert sorted(os.listdir(tmp_path)) == ["data.bin", "out"]


def test_modes_are_plain_and_empty_folders_are_made(tmp_path):
    extra = [member("empty/", tarfile.DIRTYPE), member("./", tarfile.DIRTYPE)]
    unpack(make_tar(tmp_path / "a.tar", FILES, extra=extra), tmp_path / "out", largest=LARGEST)
    assert (tmp_path / "out" / "empty").is_dir()
    (tmp_path / "plain").write_bytes(b"")
    plain = stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert stat.S_IMODE((tmp_path / "out" / "wav" / "a.wav").stat().st_mode) == plain


def test_what_a_mac_adds_is_left_out(tmp_path):
    added = {"__MACOSX/wav/._a.wav": b"x", "wav/._a.wav": b"x", "__MACOSX/": b""}
    unpack(make_zip(tmp_path / "a.zip", FILES | added), tmp_path / "out", largest=LARGEST)
    assert content_of(tmp_path / "out") == FILES
    assert sorted(os.listdir(tmp_path / "out")) == ["read me.txt", "wav"]
    unpack(make_tar(tmp_path / "a.tar", FILES | {"wav/._a.wav": b"x" * 9}), tmp_path / "out2", largest=LARGEST)
    assert content_of(tmp_path / "out2") == FILES


def test_a_tar_that_ends_in_a_zip_is_a_tar(tmp_path):
    inner = make_zip(tmp_path / "inner.zip", {"no": b"no"}).read_bytes()
    unpack(make_tar(tmp_path / "a.tar", {"inner.zip": inner}), tmp_path / "out", largest=LARGEST)
    assert content_of(tmp_path / "out") == {"inner.zip": inner}


NAMES = ["../evil", "wav/../../evil", "/tmp/evil", "//evil", "C:evil", "wav/d:/evil", "..\\evil", "wav\\evil", "a\nb"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_names_that_point_outside(tmp_path, name, make):
    refused(tmp_path, make(tmp_path / "bad", FILES | {name: b"evil"}), "refused, and nothing of it was kept")


def test_a_name_cut_by_a_zero_byte(tmp_path):
    path = make_zip(tmp_path / "bad.zip", {"wav/aXexe": b"evil"})
    path.write_bytes(path.read_bytes().replace(b"aXexe", b"a\0exe"))
    refused(tmp_path, path, "letters that names of files must not have")


@pytest.mark.parametrize(
    "info",
    [
        member("link", tarfile.SYMTYPE, link="/etc/passwd"),
        member("link", tarfile.SYMTYPE, link="wav"),
        member("link", tarfile.LNKTYPE, link="wav/a.wav"),
        member("pipe", tarfile.FIFOTYPE),
        member("dev", tarfile.CHRTYPE),
        member("dev", tarfile.BLKTYPE),
    ],
    ids=lambda info: f"{info.type!r} {info.linkname}",
)
def test_links_and_devices_in_a_tar(tmp_path, info):
    refused(tmp_path, make_tar(tmp_path / "bad.tar.gz", FILES, "gz", [info]), "is a link or a device")


def test_link_in_a_zip(tmp_path):
    info = zipfile.ZipInfo("link")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(info, "/etc")
        archive.writestr("link/passwd", "evil")
    refused(tmp_path, tmp_path / "bad.zip", "'link' is a link or a device")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("ending", ["zip", "tar"])
def test_a_name_that_is_there_twice(tmp_path, ending):
    def make(name, contents):
        path = tmp_path / f"{name}.{ending}"
        if ending == "zip":
            with zipfile.ZipFile(path, "w") as archive:
                for content in contents:
                    archive.writestr("wav/a.wav", content)
        else:
            with tarfile.open(path, "w") as archive:
                for content in contents:
                    archive.addfile(member("./wav/a.wav", size=len(content)), io.BytesIO(content))
        return path

    unpack(make("same", [b"same", b"same"]), tmp_path / "out", largest=LARGEST)
    assert content_of(tmp_path / "out") == {"wav/a.wav": b"same"}
    for contents in ([b"same", b"sane"], [b"same", b"sam"], [b"sam", b"same"], [b"", b"a"]):
        refused(tmp_path, make("other", contents), "two different files")


@pytest.mark.parametrize("files", [{"a": b"1", "a/b": b"2"}, {"a/b": b"2", "a": b"1"}])
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_file_that_is_a_folder(tmp_path, make, files):
    refused(tmp_path, make(tmp_path / "bad", files), "goes through a file|is a file and a folder")


def test_encrypted(tmp_path):
    path = make_zip(tmp_path / "bad.zip", {"a": b"1"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    data[6] |= 1
    path.write_bytes(data)
    refused(tmp_path, path, "'a' is encrypted")


@pytest.mark.parametrize("ending", ["zip", "gz", "bz2", "xz"])
def test_bombs_stop_at_the_agreed_size(tmp_path, ending):
    files = {"a": b"a" * 10, "bomb": bytes(5_000_000)}
    path = tmp_path / "bomb"
    _ = make_zip(path, files) if ending == "zip" else make_tar(path, files, ending)
    assert path.stat().st_size < 10_000
    refused(tmp_path, path, "more than 1.0 MB come out of it")
    unpack(path, tmp_path / "out", largest=5_000_010)


def test_a_zip_that_lies_about_its_size(tmp_path):
    """The directory says 100 bytes, the packed data hold five million."""
    path = make_zip(tmp_path / "bomb.zip", {"bomb": bytes(5_000_000)})
    lie, truth = (100).to_bytes(4, "little"), (5_000_000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(truth, lie))
    refused(tmp_path, path, "broken")


def test_a_tar_that_says_its_header_is_huge(tmp_path):
    info = member("x", tarfile.XHDTYPE, size=8**11 - 1)
    (tmp_path / "bad.tar").write_bytes(info.tobuf(tarfile.USTAR_FORMAT) + bytes(10240))
    refused(tmp_path, tmp_path / "bad.tar", "header that would fill the memory")


def test_left_out_members_count_too(tmp_path):
    refused(tmp_path, make_tar(tmp_path / "bad.tgz", {"a": b"a", "._a": bytes(5_000_000)}, "gz"), "more than 1.0 MB")


def test_too_many_members(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    for make in (make_zip, make_tar):
        refused(tmp_path, make(tmp_path / "many", FILES), "more than 2 members")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "neither a zip nor a tar"),
        (b"RIFF....WAVE", "neither a zip nor a tar"),
        (b"\n<!DOCTYPE html><p>Log in", "looks like a web page"),
        (b"\x1f\x8b\x08 not really", "broken"),
        (b"BZh9 not really", "broken"),
        (b"\xfd7zXZ\x00 not really", "broken"),
    ],
)
def test_other_files(tmp_path, content, match):
    (tmp_path / "file.zip").write_bytes(content)
    refused(tmp_path, tmp_path / "file.zip", match)


def test_no_files_at_all(tmp_path):
    refused(tmp_path, make_zip(tmp_path / "a.zip", {"folder/": b""}), "holds no files")
    refused(tmp_path, make_tar(tmp_path / "a.tar.gz", {}, "gz"), "holds no files")


def test_damage_is_never_passed_over(tmp_path):
    """Cut or with one byte changed: refused by our own error, or (in parts that nobody reads) the same files."""
    noise = np.random.default_rng(0).bytes(5000)
    files = FILES | {"noise": noise}
    rng = np.random.default_rng(1)
    for ending in ("zip", "gz", "bz2", "xz"):
        path = tmp_path / f"a.{ending}"
        good = (make_zip(path, files) if ending == "zip" else make_tar(path, files, ending)).read_bytes()
        for i in range(90):
            bad = bytearray(good)
            if i % 3:
                bad[rng.integers(len(bad))] ^= 1 << int(rng.integers(8))
            else:
                del bad[rng.integers(len(bad) - 1) :]
            path.write_bytes(bad)
            out = tmp_path / f"{ending}{i}"
            try:
                unpack(path, out, largest=LARGEST)
            except ArchiveError:
                assert not out.exists()
            else:
                # the directory of a zip has no checksum: a member can get lost, but none is changed
                found = content_of(out)
                assert found.items() <= files.items() if ending == "zip" else found == files


def test_a_tar_with_a_broken_header_in_its_middle(tmp_path):
    path = make_tar(tmp_path / "a.tar", FILES)
    data = bytearray(path.read_bytes())
    data[data.index(b"wav/b.wav")] ^= 1
    path.write_bytes(data)
    refused(tmp_path, path, "broken")


def test_what_a_killed_try_left_is_cleared_away(tmp_path):
    (tmp_path / "out.half" / "wav").mkdir(parents=True)
    (tmp_path / "out.half" / "wav" / "half.wav").write_bytes(b"half")
    unpack(make_zip(tmp_path / "a.zip", FILES), tmp_path / "out", largest=LARGEST)
    assert content_of(tmp_path / "out") == FILES
    assert not (tmp_path / "out.half").exists()


def test_disk_too_small_for_what_a_zip_says(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "a.zip", FILES)
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(CorpusError, match=r"is full: 3.7 kB more are needed, 1.0 kB are free"):
        unpack(path, tmp_path / "out", largest=LARGEST)
    assert os.listdir(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_disk_that_fills_while_writing(tmp_path, monkeypatch, make):
    class Full(io.FileIO):
        def write(self, data):
            if self.tell() + len(data) > 1000:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(data)

    real = open
    path = make(tmp_path / "a", FILES)
    monkeypatch.setattr(
        archives, "open", lambda f, mode: Full(f, mode) if "x" in mode else real(f, mode), raising=False
    )
    with pytest.raises(CorpusError, match=r"The disk of .*out\.half is full") as caught:
        unpack(path, tmp_path / "out", largest=LARGEST)
    assert not isinstance(caught.value, ArchiveError)
    assert os.listdir(tmp_path) == ["a"]
