"""Pictures come out of videos upright, in time, one after another; or it is said which video cannot be used and why."""

from __future__ import annotations

import struct
import sys
from fractions import Fraction

import numpy as np
import pytest

from ferfusion.base.errors import FeatureError, MissingDependencyError
from ferfusion.features.audio.reading import Recording
from ferfusion.features.visual import reading
from ferfusion.features.visual.reading import read_frames

av = pytest.importorskip("av")

RATE = 25


def make(path, pictures, codec="mpeg4", rate=RATE, times=None, ratio=None, sound=False, pix_fmt="yuv420p"):
    """A video of grey pictures; ``times`` in thousandths of a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = pictures[0].shape
        stream.pix_fmt = pix_fmt
        stream.bit_rate = 4_000_000
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if ratio is not None:
            stream.codec_context.sample_aspect_ratio = ratio
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.repeat(picture[..., None], 3, axis=2), format="rgb24")
            frame.pts = i if times is None else times[i]
            if times is not None:
                frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return str(path)


def levels(n, height=48, width=64):
    """Pictures whose grey level is ten times their number."""
    return [np.full((height, width), 10 * i, np.uint8) for i in range(n)]


def numbers(video, fps):
    """Times, and numbers of the pictures by their grey levels."""
    pairs = [(round(time, 6), round(float(picture.mean()) / 10)) for time, picture in read_frames(video, fps)]
    return [time for time, _ in pairs], [number for _, number in pairs]


def fails(video, match):
    with pytest.raises(FeatureError, match=match) as caught:
        list(read_frames(Recording(video, name="u1")))
    assert "'u1'" in str(caught.value)
    assert str(video) in str(caught.value)


@pytest.mark.parametrize("ending", [".mp4", ".avi", ".mkv", ".mov"])
def test_regular_grid(tmp_path, ending):
    video = make(tmp_path / f"a{ending}", levels(25))
    assert numbers(video, 5) == ([0.0, 0.2, 0.4, 0.6, 0.8], [0, 5, 10, 15, 20])
    # the picture that is shown at that moment, not the next one
    assert numbers(video, 10)[1] == [0, 2, 5, 7, 10, 12, 15, 17, 20, 22]


def test_pictures_are_shown_again_where_more_are_asked_for(tmp_path):
    video = make(tmp_path / "a.mp4", levels(3), rate=5)
    times, shown = numbers(video, 10)
    assert times == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert shown == [0, 0, 1, 1, 2, 2]


def test_variable_frame_rate(tmp_path):
    times = [0, 40, 80, 600, 640, 1000, 1040]
    video = make(tmp_path / "a.mkv", levels(7), times=times)
    asked, shown = numbers(video, 10)
    assert asked[:11] == [i / 10 for i in range(11)]
    assert shown[:11] == [0, 2, 2, 2, 2, 2, 3, 4, 4, 4, 5]


def test_clock_that_is_set_anew(tmp_path):
    video = make(tmp_path / "a.mkv", levels(6), times=[0, 200, 400, 900_000, 900_200, 900_400])
    asked, shown = numbers(video, 25)
    assert sorted(set(shown)) == [0, 1, 2, 3, 4, 5]
    assert max(asked) < 1.0


def test_segment(tmp_path):
    video = make(tmp_path / "a.mp4", levels(25))
    assert numbers(Recording(video, None, 0.3, 0.7), 10) == ([0.3, 0.4, 0.5, 0.6], [7, 10, 12, 15])
    assert numbers(Recording(video, None, None, 0.25), 10)[0] == [0.0, 0.1, 0.2]
    assert numbers(Recording(video, None, 0.9, None), 20) == ([0.9, 0.95], [22, 23])


@pytest.mark.parametrize("ending", [".mp4", ".avi", ".mkv"])
def test_segment_far_in_a_long_video(tmp_path, ending):
    pictures = [np.full((32, 32), i % 250, np.uint8) for i in range(500)]
    video = make(tmp_path / f"a{ending}", pictures)
    whole = [(time, picture.mean()) for time, picture in read_frames(video, 5)]
    part = [(time, picture.mean()) for time, picture in read_frames(Recording(video, None, 13.0, 15.0), 5)]
    assert [round(time, 6) for time, _ in part] == [round(13 + i / 5, 6) for i in range(10)]
    assert [mean for _, mean in part] == [mean for time, mean in whole if 13 - 1e-6 < time < 15 - 1e-6]


@pytest.mark.parametrize("late", [True, False])
def test_files_in_which_one_cannot_seek(tmp_path, monkeypatch, late):
    video = make(tmp_path / "a.mp4", [np.full((32, 32), i % 250, np.uint8) for i in range(500)])
    expected = [picture.mean() for _, picture in read_frames(Recording(video, None, 7.0, 8.0))]
    seek, asked = reading._sought, []

    def wrong(container, stream, seconds):
        asked.append(seconds)
        return seek(container, stream, seconds + 8 * (len(asked) == 1)) if late else False

    monkeypatch.setattr(reading, "_sought", wrong)
    assert [picture.mean() for _, picture in read_frames(Recording(video, None, 7.0, 8.0))] == expected
    assert asked == ([7.0, 0.0] if late else [7.0])


@pytest.mark.parametrize(("start", "end"), [(2.0, 3.0), (0.5, 0.5), (-1.0, 1.0), (np.nan, 1.0)])
def test_segment_outside(tmp_path, start, end):
    video = make(tmp_path / "a.mp4", levels(25))
    with pytest.raises(FeatureError, match=r"lasts 1\.000 s|empty or begins before"):
        list(read_frames(Recording(video, None, start, end)))


def test_one_picture(tmp_path):
    assert numbers(make(tmp_path / "a.mp4", levels(1)), 5) == ([0.0], [0])


@pytest.mark.parametrize(("height", "width"), [(47, 63), (49, 33), (16, 16)])
def test_odd_sizes(tmp_path, height, width):
    video = make(tmp_path / "a.mov", levels(3, height, width), codec="png", pix_fmt="gray")
    assert [picture.shape for _, picture in read_frames(video, 25)] == [(height, width)] * 3


def test_large_pictures_are_reduced(tmp_path):
    picture = np.zeros((120, 200), np.uint8)
    picture[:60] = 200
    video = make(tmp_path / "a.mp4", [picture] * 2)
    (_, small), *_ = read_frames(video, 5, short_side=60)
    assert small.shape == (60, 100)
    assert small.dtype == np.uint8
    assert abs(small[:25].mean() - 200) < 4
    assert small[35:].mean() < 4


def test_pixels_become_square(tmp_path):
    video = make(tmp_path / "a.mp4", levels(2, 48, 64), ratio=Fraction(2, 1))
    (_, picture), *_ = read_frames(video, 5)
    assert picture.shape == (48, 128)


def turned(path, a, b, c, d):
    """Write a turn into the header of an MP4: where its axes point."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40  # the matrix behind version, times, id, duration, layer, volume
    matrix = (a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    content[at : at + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(("matrix", "turns"), [((0, 1, -1, 0), 3), ((-1, 0, 0, -1), 2), ((0, -1, 1, 0), 1)])
def test_turned_by_the_header(tmp_path, matrix, turns):
    picture = np.zeros((48, 64), np.uint8)
    picture[:24, :32] = 240  # light at the top left
    make(tmp_path / "a.mp4", [picture] * 3)
    (_, plain), *_ = read_frames(tmp_path / "a.mp4")
    (_, found), *_ = read_frames(turned(tmp_path / "a.mp4", *matrix))
    np.testing.assert_array_equal(found, np.rot90(plain, turns))
    assert found.flags.c_contiguous
    if turns == 3:  # a telephone held upright: the picture turns clockwise, top left goes to top right
        assert found[:20, 30:].mean() > 200


def test_packets_that_cannot_be_decoded_are_passed_over(tmp_path):
    rng = np.random.default_rng(0)
    pictures = [np.clip(10 * i + rng.integers(-3, 4, (48, 64)), 0, 255).astype(np.uint8) for i in range(1, 21)]
    video = tmp_path / "a.mov"
    make(video, pictures, codec="png", pix_fmt="gray")
    content = bytearray(video.read_bytes())
    heads = [i for i in range(len(content)) if content[i : i + 4] == b"\x89PNG"]
    assert len(heads) == 20
    content[heads[10] : heads[10] + 40] = bytes(40)
    video.write_bytes(content)
    assert numbers(video, 25)[1] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, *range(12, 21)]
    for head in heads[:5]:
        content[head : head + 40] = bytes(40)
    video.write_bytes(content)
    fails(video, r"is damaged: 6 of its \d+ packets")


def test_cut_off(tmp_path):
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (48, 64)).astype(np.uint8) for _ in range(50)]
    for name, match in (("a.avi", r"cut off: 0\.\d+ s of its 2\.00 s"), ("a.mp4", "cannot be read")):
        video = tmp_path / name
        make(video, pictures)
        video.write_bytes(video.read_bytes()[: video.stat().st_size // 3])
        fails(video, match)


def test_sound_only(tmp_path):
    video = tmp_path / "a.mp4"
    with av.open(str(video), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 16000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    fails(video, "has no moving pictures, only audio")


def test_files_that_are_no_videos(tmp_path):
    fails(tmp_path / "none.mp4", "does not exist")
    fails(tmp_path, "does not exist")
    (tmp_path / "empty.mp4").touch()
    fails(tmp_path / "empty.mp4", "is an empty file")
    (tmp_path / "text.mp4").write_text("this is no video " * 100)
    fails(tmp_path / "text.mp4", "cannot be read")
    (tmp_path / "pointer.mp4").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    fails(tmp_path / "pointer.mp4", "git-LFS pointer")


@pytest.mark.parametrize("fps", [0, -1, np.nan, np.inf])
def test_senseless_fps(tmp_path, fps):
    with pytest.raises(FeatureError, match="fps must be a positive number"):
        list(read_frames(tmp_path / "a.mp4", fps))


def test_samples_are_no_video():
    with pytest.raises(FeatureError, match="named by its path, not by ndarray"):
        list(read_frames(Recording(np.zeros(100), 16000)))


def test_pictures_are_read_one_by_one(tmp_path):
    video = make(tmp_path / "a.mp4", levels(25))
    frames = read_frames(video)
    assert next(frames)[0] == 0.0
    frames.close()  # the file is closed, too: no warning
    (tmp_path / "a.mp4").unlink()


def test_without_pyav(tmp_path, monkeypatch):
    video = make(tmp_path / "a.mp4", levels(2))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingDependencyError, match=r"needs the package 'av'.*ferfusion\[visual\]"):
        list(read_frames(video))
