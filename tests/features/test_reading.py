"""Sound comes in as it was recorded, or not at all, and then it is said which."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.signal import resample_poly

from ferfusion.base.errors import AudioError
from ferfusion.features.audio.reading import SILENCE_PEAK, Recording, read_audio

RATES = [8000, 16000, 44100, 48000]


def read(source, *args, **facts):
    return read_audio(Recording(source, name="u1", **facts), *args)


def fails(source, match, *args, **facts):
    """Reading fails, and the message names the row and the file."""
    with pytest.raises(AudioError, match=match) as caught:
        read(source, *args, **facts)
    assert "'u1'" in str(caught.value)
    if not isinstance(source, np.ndarray):
        assert str(source) in str(caught.value)


@pytest.mark.parametrize("rate", RATES)
def test_wav_at_its_own_rate(write, tone, rate):
    signal, found = read(write("a.wav", tone(rate=rate), rate))
    assert found == rate
    assert signal.dtype == np.float32
    assert signal.flags.c_contiguous
    np.testing.assert_allclose(signal, tone(rate=rate), atol=2**-15)


@pytest.mark.parametrize("rate", RATES)
def test_wav_resampled(write, tone, rate):
    signal, found = read(write("a.wav", tone(0.5, rate, pitch=440.0), rate), 16000)
    assert found == 16000
    assert len(signal) == 8000
    # the tone itself, away from the edges
    np.testing.assert_allclose(signal[800:-800], tone(0.5, 16000, pitch=440.0)[800:-800], atol=2e-3)


def test_resampling_against_scipy(write):
    rng = np.random.default_rng(0)
    noise = np.convolve(rng.normal(size=9600), np.hanning(65) / 65, mode="same") * 0.5
    signal, _ = read(write("a.wav", noise, 48000, "FLOAT"), 16000)
    reference = resample_poly(noise, 1, 3)
    np.testing.assert_allclose(signal[200:-200], reference[200:-200], atol=5e-3)
    assert np.corrcoef(signal, reference)[0, 1] > 0.999


def test_nothing_above_half_the_rate_folds_back(write, tone):
    # 7 kHz at 48 kHz would fold back to 1 kHz at 8 kHz
    sound = tone(0.5, 48000, pitch=7000.0, level=0.9) + tone(0.5, 48000, pitch=500.0, level=0.05)
    signal, _ = read(write("a.wav", sound, 48000, "FLOAT"), 8000)
    spectrum = np.abs(np.fft.rfft(signal[400:3600] * np.hanning(3200))) / 800
    at = np.fft.rfftfreq(3200, 1 / 8000)
    assert spectrum[np.abs(at - 1000) < 50].max() < 1e-3
    assert spectrum[np.abs(at - 500) < 50].max() == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize("rate", [16000, 48000])
def test_stereo_is_one_channel_and_never_the_mean(write, tone, rate):
    left, right = tone(rate=rate, pitch=200.0), tone(rate=rate, pitch=310.0, level=0.2)
    path = write("a.wav", np.column_stack([left, right]), rate)
    for channel, expected in enumerate([left, right]):
        signal, _ = read(path, None, channel)
        np.testing.assert_allclose(signal, expected, atol=2**-15)
        assert np.abs(signal - (left + right) / 2).max() > 0.1


@pytest.mark.parametrize("channel", [2, -1])
def test_channel_that_is_not_there(write, tone, channel):
    path = write("a.wav", np.column_stack([tone(), tone()]))
    fails(path, f"Channel {channel} was asked for, but .* has 2", None, channel)


def test_channel_of_mono(write, tone):
    fails(write("a.wav", tone()), "Channel 1 was asked for, but .* has 1", None, 1)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_flac(write, tone, subtype):
    signal, rate = read(write("a.flac", tone(), subtype=subtype))
    assert rate == 16000
    np.testing.assert_allclose(signal, tone(), atol=2**-15)


def test_integer_and_float_files_are_the_same(write, tone):
    steps = np.round(tone() * 32768).astype(np.int16)
    integer, _ = read(write("i.wav", steps))
    floating, _ = read(write("f.wav", steps / 32768, subtype="FLOAT"))
    np.testing.assert_array_equal(integer, floating)
    np.testing.assert_array_equal(integer, steps / np.float32(32768))


@pytest.mark.parametrize(
    ("kind", "scale", "middle"),
    [(np.int16, 2**15, 0), (np.int32, 2**31, 0), (np.int8, 2**7, 0), (np.uint8, 2**7, 2**7)],
)
def test_integer_arrays_are_scaled(tone, kind, scale, middle):
    steps = (np.round(tone() * (scale - 1)) + middle).astype(kind)
    signal, _ = read(steps, sampling_rate=16000.0)
    assert signal.dtype == np.float32
    np.testing.assert_allclose(signal, tone(), atol=1.5 / scale + 1e-6)


def test_array_and_file_are_the_same(write, tone):
    steps = np.round(tone() * 32768).astype(np.int16)
    np.testing.assert_array_equal(read(write("a.wav", steps))[0], read(steps, sampling_rate=16000)[0])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_float_array(tone, kind):
    array = tone().astype(kind)
    before = array.copy()
    signal, rate = read(array, 8000, sampling_rate=16000.0)
    assert rate == 8000
    assert len(signal) == len(array) // 2
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("rate", [None, 0, -16000.0, np.nan, np.inf])
def test_array_without_a_rate(tone, rate):
    fails(tone(), r"samples in memory\) need a positive 'sampling_rate'", sampling_rate=rate)


@pytest.mark.parametrize(
    ("array", "match"),
    [
        (np.zeros((2, 100)), r"must be one channel, .* shape \(2, 100\)"),
        (np.array(["a", "b"]), "must be real numbers, not <U1"),
        (np.array([1j, 2j]), "must be real numbers, not complex128"),
        (np.array([True, False]), "must be real numbers, not bool"),
    ],
)
def test_arrays_that_are_no_sound(array, match):
    fails(array, match, sampling_rate=16000)


@pytest.mark.parametrize("kind", ["file", "array"])
@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        (None, None, 0, 16000),
        (0.5, None, 8000, 16000),
        (None, 0.25, 0, 4000),
        (0.1, 0.2, 1600, 3200),
        (1 / 16000, 3 / 16000, 1, 3),
        (0.00009, 0.00022, 1, 4),  # 1.44 and 3.52 samples
        (0.0001, 0.0005, 2, 8),  # 1.6 samples
        (0.9, 7.0, 14400, 16000),
        (0.0, 1.0, 0, 16000),
    ],
)
def test_segment_to_the_sample(write, kind, start, end, first, last):
    ramp = (4 * np.arange(16000) - 32000).astype(np.int16)  # no two samples alike
    source, facts = (write("a.wav", ramp), {}) if kind == "file" else (ramp, {"sampling_rate": 16000})
    signal, _ = read(source, start=start, end=end, **facts)
    np.testing.assert_array_equal(signal * 32768, ramp[first:last])


@pytest.mark.parametrize("kind", ["file", "array"])
@pytest.mark.parametrize(
    ("start", "end"), [(1.0, None), (2.0, 3.0), (0.3, 0.3), (0.6, 0.2), (-0.1, 0.5), (0.5, -0.1), (0.2, 0.20001)]
)
def test_segment_that_is_not_there(write, tone, kind, start, end):
    source, facts = (write("a.wav", tone(1.0)), {}) if kind == "file" else (tone(1.0), {"sampling_rate": 16000})
    fails(source, r"The segment .* is empty or outside it: the recording lasts 1\.000 s", start=start, end=end, **facts)


@pytest.mark.parametrize(("start", "end"), [(0.0, np.inf), (np.nan, 1.0), (-np.inf, 1.0)])
def test_segment_without_finite_ends(write, tone, start, end):
    fails(write("a.wav", tone()), "must have finite ends", start=start, end=end)


def test_missing_file(tmp_path):
    fails(tmp_path / "no.wav", "does not exist")
    fails(str(tmp_path), "does not exist")  # a folder is no recording


def test_empty_file(tmp_path):
    (tmp_path / "a.wav").touch()
    fails(tmp_path / "a.wav", "is an empty file")


@pytest.mark.parametrize("content", [b"once upon a time " * 50, b"RIFF\x00\x00\x00\x00WAVE"])
def test_file_that_is_no_sound(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    fails(tmp_path / "a.wav", r"cannot be read as sound \(.*\)\. WAV, FLAC")


def test_file_without_samples(write):
    fails(write("a.wav", np.zeros(0)), "holds no samples")
    fails(np.zeros(0), "holds no samples", sampling_rate=16000)


def test_segment_of_a_file_without_samples(write):
    fails(write("a.wav", np.zeros(0)), "holds no samples", start=0.5, end=1.0)


def test_silence(write):
    fails(write("a.wav", np.zeros(1600)), r"silent from start to end \(1600 samples\)")
    fails(write("b.wav", np.array([0, 1] * 800, dtype=np.int16)), "silent")


def test_constant_offset_is_silence(write):
    fails(write("a.wav", np.full(1600, 0.25)), "silent")
    fails(np.full(100, -1.0), "silent", sampling_rate=16000)


def test_quiet_sound_is_no_silence(write):
    quiet = np.array([0, 2] * 800, dtype=np.int16)
    assert np.ptp(read(write("a.wav", quiet))[0]) == 2 * SILENCE_PEAK


def test_silent_segment_of_a_sound(write, tone):
    sound = np.concatenate([np.zeros(1600), tone(0.1)])
    path = write("a.wav", sound)
    fails(path, "silent", end=0.1)
    assert len(read(path, start=0.1)[0]) == 1600


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers(write, tone, bad):
    sound = tone()
    sound[[5, 9]] = bad
    fails(write("a.wav", sound, subtype="FLOAT"), "holds 2 samples that are NaN or infinite, of 3200")
    fails(sound, "2 samples that are NaN or infinite", sampling_rate=16000)


def test_too_short_to_resample():
    fails(np.array([0.0, 0.5]), "too short to resample to 8000 Hz", 8000, sampling_rate=48000)


def test_labels(tmp_path):
    assert Recording("a.wav", name="u1").label == "'u1' (a.wav)"
    assert Recording(tmp_path / "a.wav").label == f"'{tmp_path / 'a.wav'}'"
    assert Recording(np.zeros(3), name="u1").label == "'u1' (samples in memory)"
    with pytest.raises(AudioError, match=re.escape("'nowhere.wav' does not exist")):
        read_audio(Recording("nowhere.wav"))


def test_float_file_beyond_full_scale_is_kept(write, tone):
    signal, _ = read(write("a.wav", 2 * tone(), subtype="FLOAT"))
    assert np.abs(signal).max() == pytest.approx(1.0, rel=1e-3)
    loud, _ = read(write("b.wav", 4 * tone(), subtype="FLOAT"))
    assert np.abs(loud).max() == pytest.approx(2.0, rel=1e-3)
