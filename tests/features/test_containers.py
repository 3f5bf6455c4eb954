"""Sound comes out of video files as it was put in, or not at all, and then it is said which file and why."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from ferfusion.base.errors import AudioError, MissingDependencyError
from ferfusion.features.audio.containers import CONTAINERS
from ferfusion.features.audio.reading import Recording, SoundInfo, read_audio, sound_info

av = pytest.importorskip("av")

RATE = 48000
FRAME = 1024  # samples of an AAC frame
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
FRONT_LEFT, CENTRE, BASS, BACK_LEFT = 0, 2, 3, 4


def read(source, *args, **facts):
    return read_audio(Recording(source, name="u1", **facts), *args)


def fails(source, match, *args, **facts):
    with pytest.raises(AudioError, match=match) as caught:
        read(source, *args, **facts)
    assert "'u1'" in str(caught.value)
    assert str(source) in str(caught.value)


def add_pictures(container):
    stream = container.add_stream("mpeg4", rate=10)
    stream.width = stream.height = 32
    stream.pix_fmt = "yuv420p"
    return stream


def put(container, stream, frame):
    for packet in stream.encode(frame):
        container.mux(packet)


def make(path, signal=None, codec="aac", rate=RATE, pictures=True, seconds=1.0, **options):
    """A video of black pictures with a sound, a column a channel; or one without sound."""
    with av.open(str(path), "w", options=options) as container:
        video = add_pictures(container) if pictures else None
        if signal is not None:
            signal = np.atleast_2d(signal.T).T
            layout = LAYOUTS[signal.shape[1]]
            sound = container.add_stream(codec, rate=rate, layout=layout)
            if codec.startswith("pcm"):
                samples = np.round(signal * 32768).clip(-32768, 32767).astype(np.int16).reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
            else:
                samples = np.ascontiguousarray(signal.T, dtype=np.float32)
                frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate, 0
            put(container, sound, frame)
            put(container, sound, None)
        if video is not None:
            for i in range(round(10 * seconds)):
                picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
                picture.pts = i
                put(container, video, picture)
            put(container, video, None)
    return str(path)


def surround(channel, tone):
    signal = np.zeros((RATE, 6), np.float32)
    signal[:, channel] = tone(1.0, RATE)
    return signal


def sweep(low=200.0, high=2000.0):
    """A second of a tone that rises: it is like itself at one place only."""
    at = np.arange(RATE) / RATE
    return (0.5 * np.sin(2 * np.pi * (low * at + (high - low) * at**2 / 2))).astype(np.float32)


def lag(found, expected):
    """By how many samples the sound stands later than it should; and how like it is to it there."""
    piece = expected[8000:24000]
    products = np.correlate(found[5000:27000], piece, "valid")
    best = int(products.argmax())
    there = found[5000 + best : 21000 + best]
    return best - 3000, float(products[best] / np.linalg.norm(there) / np.linalg.norm(piece))


def level(signal):
    """Peak, away from the edges where a codec has not begun or has ended."""
    return np.abs(signal[5000:-5000]).max()


@pytest.mark.parametrize("channels", [1, 2])
def test_pcm_in_avi_to_the_sample(tmp_path, tone, channels):
    signal = np.column_stack([tone(rate=RATE, pitch=220.0 + 90 * i, level=0.4) for i in range(channels)])
    path = make(tmp_path / "a.avi", signal, "pcm_s16le")
    for channel in range(channels):
        found, rate = read(path, None, channel)
        assert rate == RATE
        assert found.dtype == np.float32
        assert found.flags.c_contiguous
        np.testing.assert_allclose(found, signal[:, channel], atol=2**-15)


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".m4a", ".mkv"])
def test_aac_lasts_as_long_as_what_went_in(tmp_path, ending):
    found, rate = read(make(tmp_path / f"a{ending}", sweep(), pictures=ending != ".m4a"))
    assert rate == RATE
    assert abs(len(found) - RATE) <= FRAME
    # the encoder's lead-in is cut off: the sound stands where it stood
    assert lag(found, sweep()) == (0, pytest.approx(1.0, abs=0.01))


@pytest.mark.parametrize("ending", [".avi", ".flv", ".aac"])
def test_containers_that_do_not_tell_the_lead_in(tmp_path, ending):
    found, _ = read(make(tmp_path / f"a{ending}", sweep(), pictures=ending == ".avi"))
    assert 0 <= len(found) - RATE < 2 * FRAME
    assert lag(found, sweep()) == (FRAME, pytest.approx(1.0, abs=0.01))


def test_opus_in_webm(tmp_path, tone):
    samples = tone(1.0, RATE)
    path = tmp_path / "a.webm"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("libopus", rate=RATE, layout="mono")
        steps = np.round(samples * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(steps, format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        put(container, sound, frame)
        put(container, sound, None)
    found, rate = read(path)
    assert (len(found), rate) == (RATE, RATE)
    assert level(found) == pytest.approx(0.5, rel=0.05)


def test_stereo_of_a_video_is_one_channel_and_never_the_mean(tmp_path):
    left, right = sweep(), sweep(300.0, 3000.0) / 2
    path = make(tmp_path / "a.mp4", np.column_stack([left, right]))
    for channel, expected in enumerate([left, right]):
        found, _ = read(path, None, channel)
        assert lag(found, expected) == (0, pytest.approx(1.0, abs=0.01))
    fails(path, "Channel 2 was asked for, but .* has 2", None, 2)


@pytest.mark.parametrize(
    ("channel", "share"), [(CENTRE, 1.0), (FRONT_LEFT, np.sqrt(0.5)), (BACK_LEFT, 0.5), (BASS, 0.0)]
)
def test_surround_sound_is_mixed_by_the_standard_matrix(tmp_path, tone, channel, share):
    path = make(tmp_path / "a.mp4", surround(channel, tone))
    total = 1 + 2 * np.sqrt(0.5) + 2 * 0.5  # of centre, front and back: nothing may exceed full scale
    if share == 0:
        fails(path, "is silent from start to end")
        return
    found, rate = read(path)
    assert rate == RATE
    assert abs(len(found) - RATE) <= FRAME
    assert level(found) == pytest.approx(0.5 * share / total, rel=0.02)


def test_surround_sound_of_all_channels_stays_below_full_scale(tmp_path, tone):
    path = make(tmp_path / "a.mp4", np.column_stack([tone(1.0, RATE, level=0.95)] * 6))
    found, _ = read(path)
    assert level(found) == pytest.approx(0.95, rel=0.03)
    fails(path, "Channel 1 was asked for, but .* has 1", None, 1)


def test_resampled(tmp_path, tone):
    found, rate = read(make(tmp_path / "a.avi", tone(1.0, RATE), "pcm_s16le"), 16000)
    assert (len(found), rate) == (16000, 16000)
    np.testing.assert_allclose(found[800:-800], tone(1.0, 16000)[800:-800], atol=2e-3)


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [(0.25, None, 12000, 48000), (None, 0.25, 0, 12000), (0.5, 0.75, 24000, 36000), (0.9, 7.0, 43200, 48000)],
)
def test_segment_to_the_sample(tmp_path, start, end, first, last):
    ramp = np.arange(-24000, 24000) / 32768  # no two samples alike
    found, _ = read(make(tmp_path / "a.avi", ramp, "pcm_s16le"), start=start, end=end)
    np.testing.assert_array_equal(np.round(found * 32768), np.arange(-24000, 24000)[first:last])


@pytest.mark.parametrize(("start", "end"), [(2.0, 3.0), (0.6, 0.2), (-0.1, 0.5), (0.3, 0.3)])
def test_segment_that_is_not_there(tmp_path, tone, start, end):
    path = make(tmp_path / "a.avi", tone(1.0, RATE), "pcm_s16le")
    fails(path, r"is empty or outside it: the recording lasts 1\.000 s", start=start, end=end)


def test_segment_without_finite_ends(tmp_path, tone):
    path = make(tmp_path / "a.avi", tone(1.0, RATE), "pcm_s16le")
    fails(path, "must have finite ends", start=0.0, end=np.inf)


def test_nothing_behind_the_segment_is_decoded(tmp_path, tone):
    path = tmp_path / "a.mp4"
    make(path, tone(4.0, RATE), movflags="faststart")
    path.write_bytes(path.read_bytes()[:-9000])
    assert len(read(path, end=0.5)[0]) == RATE / 2
    fails(path, r"is cut off: \d\.\d\d s of its 4\.00 s of sound are there")


def test_video_without_sound(tmp_path):
    path = make(tmp_path / "a.mp4")
    fails(path, "has no sound, only video")
    with pytest.raises(AudioError, match=r"a\.mp4' has no sound"):
        sound_info(path)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_half_a_file(tmp_path, tone, share):
    path = tmp_path / "a.mp4"
    make(path, tone(1.0, RATE))
    path.write_bytes(path.read_bytes()[: round(share * path.stat().st_size)])
    fails(path, r"cannot be read as sound \(.*\)\. The file is damaged or cut off|is damaged|is cut off")
    if share < 0.9:  # else what is left of the header still tells the length
        with pytest.raises(AudioError, match=r"a\.mp4"):
            sound_info(path)


def packets_of(path):
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]


@pytest.mark.parametrize(("every", "readable"), [(25, True), (2, False)])
def test_damaged_packets(tmp_path, tone, every, readable):
    path = tmp_path / "a.mp4"
    make(path, tone(2.0, RATE))
    content = bytearray(path.read_bytes())
    for position, size in packets_of(path)[5::every]:
        content[position : position + size] = b"\xff" * size
    path.write_bytes(content)
    if readable:
        assert len(read(path)[0]) / RATE == pytest.approx(2.0, abs=0.15)
    else:
        fails(path, r"is damaged: \d+ of its \d+ packets cannot be decoded")


@pytest.mark.parametrize("ending", CONTAINERS)
def test_file_that_is_no_container(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    path.write_bytes(b"once upon a time " * 50)
    fails(path, "cannot be read as sound|is damaged")
    with pytest.raises(AudioError):
        sound_info(path)


@pytest.mark.parametrize("ending", [".mp4", ".MP4", ".wav"])
@pytest.mark.parametrize("reader", [lambda path: read_audio(Recording(path)), sound_info])
def test_files_that_hold_nothing(tmp_path, reader, ending):
    path = tmp_path / f"a{ending}"
    with pytest.raises(AudioError, match=r"a\.\w+' does not exist"):
        reader(str(path))
    path.touch()
    with pytest.raises(AudioError, match=r"a\.\w+' is an empty file"):
        reader(path)
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    with pytest.raises(AudioError, match=r"a\.\w+' is a git-LFS pointer, not the recording: .* git lfs pull"):
        reader(path)


def test_silent_sound_track(tmp_path):
    fails(make(tmp_path / "a.avi", np.zeros(RATE), "pcm_s16le"), "is silent from start to end")


def test_upper_case_ending(tmp_path, tone):
    path = make(tmp_path / "a.avi", tone(1.0, RATE), "pcm_s16le")
    upper = tmp_path / "B.AVI"
    upper.write_bytes((tmp_path / "a.avi").read_bytes())
    np.testing.assert_array_equal(read(upper)[0], read(path)[0])


def test_info_of_a_sound_file(write, tone):
    assert sound_info(write("a.wav", np.column_stack([tone(0.5)] * 2))) == SoundInfo(0.5, 16000, 2)
    assert sound_info(write("a.flac", tone(0.25, 44100), 44100)) == SoundInfo(0.25, 44100, 1)


def test_info_of_a_file_that_is_no_sound(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"once upon a time " * 50)
    with pytest.raises(AudioError, match=r"a\.wav' cannot be read as sound"):
        sound_info(tmp_path / "a.wav")


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".avi", ".aac"])
def test_info_of_a_container(tmp_path, tone, channels, ending):
    path = make(tmp_path / f"a{ending}", np.column_stack([tone(1.0, RATE)] * channels), pictures=ending != ".aac")
    found = sound_info(path)
    assert (found.sampling_rate, found.channels) == (RATE, channels)
    assert found.duration == pytest.approx(1.0, abs=1.2 * FRAME / RATE)
    assert found.duration == pytest.approx(len(read(path)[0]) / RATE, abs=1.2 * FRAME / RATE)


def test_info_reads_the_sound_not_the_pictures(tmp_path, tone):
    path = make(tmp_path / "a.avi", tone(1.0, RATE), "pcm_s16le", seconds=3.0)
    assert sound_info(path) == SoundInfo(1.0, RATE, 1)


def test_without_pyav(tmp_path, tone, monkeypatch):
    path = make(tmp_path / "a.mp4", tone(1.0, RATE))
    soundfile.write(tmp_path / "a.wav", tone(), 16000)
    monkeypatch.setitem(sys.modules, "av", None)
    for reader in (read, sound_info):
        with pytest.raises(MissingDependencyError, match=r"\.mp4 files needs .*'av'.*ferfusion\[visual\]"):
            reader(path)
    assert len(read(tmp_path / "a.wav")[0]) == 3200


def test_pyav_is_only_loaded_for_a_container():
    code = "import ferfusion, ferfusion.features.audio.reading, sys; print('av' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
