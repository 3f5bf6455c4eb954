"""Images of sound are those of librosa where it has them, and survive every signal."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.corpora import make_corpus
from ferfusion.features.audio.images import Cochleagram, MelFrames, Spectrogram
from ferfusion.features.audio.lld.mel import gammatone_centres
from ferfusion.features.audio.lld.spectrogram import loud_frames, power_spectrogram, resized, transform_size
from ferfusion.features.audio.reading import Recording

librosa = pytest.importorskip("librosa")

ALL = [MelFrames, Cochleagram, Spectrogram]


@pytest.fixture(scope="module")
def speech():
    return make_corpus(n_speakers=1, n_utterances=1, views=("audio",)).X["audio"].iloc[0]


def reference(signal, rate=16000, **kwargs):
    window, hop = round(0.025 * rate), round(0.01 * rate)
    n_fft = 1 << (window - 1).bit_length()
    kwargs = {"n_fft": n_fft, "win_length": window, "hop_length": hop, "center": True, **kwargs}
    signal = signal.astype(np.float64)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*too large for input signal")
        if "n_mels" in kwargs:
            return librosa.feature.melspectrogram(y=signal, sr=rate, **kwargs).T
        return np.abs(librosa.stft(signal, **kwargs)).T ** 2


@pytest.mark.parametrize("n_samples", [48000, 16001, 511, 160])
def test_mel_spectrogram_is_that_of_librosa(speech, n_samples):
    signal = np.resize(speech, n_samples)
    expected = reference(signal, n_mels=64)
    out = MelFrames(scale="power").process(signal, 16000)
    assert out.dtype == np.float32
    assert out.shape == expected.shape
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-6 * expected.max())
    in_db = librosa.power_to_db(expected, ref=1.0, top_db=80.0)
    np.testing.assert_allclose(MelFrames().process(signal, 16000), in_db, atol=1e-4)


@pytest.mark.parametrize("rate", [8000, 44100])
def test_other_rates_and_scales(speech, rate):
    out = MelFrames(n_mels=20, fmin=60.0, fmax=3800.0, htk=True, scale="magnitude").process(speech, rate)
    expected = np.sqrt(reference(speech, rate, n_mels=20, fmin=60.0, fmax=3800.0, htk=True))
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-5 * expected.max())


def test_spectrogram_is_that_of_librosa(speech):
    expected = reference(speech)
    out = Spectrogram(scale="power").process(speech, 16000)
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-6 * expected.max())
    cut = Spectrogram(scale="power", fmax=4000.0)
    np.testing.assert_array_equal(cut.process(speech, 16000), out[:, :129])
    assert len(cut.feature_names()) == 129


def test_long_recordings_are_worked_on_in_parts():
    signal = np.random.default_rng(0).normal(size=16000 * 45)
    whole = power_spectrogram(signal, 16000)
    assert len(whole) > 2 * 2048
    np.testing.assert_allclose(whole, reference(signal), rtol=1e-9, atol=1e-9)


def test_cochleagram_shows_a_tone_in_its_band():
    centres = gammatone_centres(64, 50.0, 8000.0 - 24.7 * (1 + 4.37 * 8))
    tone = np.sin(2 * np.pi * centres[40] * np.arange(16000) / 16000).astype(np.float32)
    out = Cochleagram(scale="power").process(tone, 16000)
    assert out.shape == (101, 64)
    assert (out[5:-5].argmax(axis=1) == 40).all()
    # a band one bandwidth away lets through (1 + 1 / 1.0186^2)^-4 of the power, with what the window blurs
    far = out[50] / out[50, 40]
    assert far[20] < 1e-4
    assert far[39] > 0.3


@pytest.mark.parametrize("extractor", [MelFrames(), Cochleagram(), Spectrogram()], ids=lambda e: type(e).__name__)
class TestEveryImage:
    def test_gain_adds_a_constant(self, extractor, speech):
        loud, faint = extractor.process(speech, 16000), extractor.process(np.float32(2.0**-10) * speech, 16000)
        np.testing.assert_allclose(faint, loud - 20 * np.log10(2.0**10), atol=1e-4)

    def test_silence_before_moves_the_image(self, extractor, speech):
        padded = np.concatenate([np.zeros(1600, np.float32), speech])
        np.testing.assert_allclose(
            extractor.process(padded, 16000)[12:], extractor.process(speech, 16000)[2:], atol=1e-4
        )

    @pytest.mark.parametrize("n_samples", [1, 2, 79, 161])
    @pytest.mark.parametrize("kind", ["zeros", "ones", "denormal", "clipped"])
    def test_every_signal(self, extractor, kind, n_samples):
        rng = np.random.default_rng(0)
        signal = {
            "zeros": np.zeros(n_samples),
            "ones": np.ones(n_samples),
            "denormal": np.full(n_samples, 1e-44),
            "clipped": np.clip(9 * rng.normal(size=n_samples), -1, 1),
        }[kind].astype(np.float32)
        out = extractor.process(signal, 16000)
        assert out.shape == (1 + n_samples // 160, len(extractor.feature_names()))
        assert np.isfinite(out).all()

    def test_names_and_size(self, extractor, speech):
        assert extractor.frames
        names = extractor.feature_names()
        assert len(set(names)) == len(names) == extractor.process(speech, 16000).shape[1]
        image = extractor.set_params(size=(32, 48))
        try:
            assert image.process(speech, 16000).shape == (48, 32)
            assert image.process(speech[:10], 16000).shape == (48, 32)
            assert image.feature_names()[:2] == ["row_000", "row_001"]
            assert len(image.feature_names()) == 32
        finally:
            extractor.set_params(size=None)

    def test_same_input_same_output(self, extractor, speech):
        before = speech.copy()
        once = extractor.process(speech, 16000)
        np.testing.assert_array_equal(once, extractor.process(speech, 16000))
        np.testing.assert_array_equal(speech, before)

    def test_unknown_scale(self, extractor, speech):
        with pytest.raises(UnknownNameError, match=r"scale 'dB'\. Did you mean 'db'\?"):
            type(extractor)(scale="dB").process(speech, 16000)


def test_compute_resamples(speech):
    out = MelFrames().compute(Recording(np.repeat(speech, 3), 48000))
    assert abs(len(out) - (1 + len(speech) // 160)) <= 1


def test_names_of_a_spectrogram_of_unknown_rate():
    with pytest.raises(FeatureError, match="give it a sampling_rate or a size"):
        Spectrogram(sampling_rate=None).feature_names()
    assert len(Spectrogram(sampling_rate=None, size=(10, 20)).feature_names()) == 10


def test_bands_and_frames_that_do_not_fit(speech):
    with pytest.raises(FeatureError, match="do not fit into 0 to 4000 Hz"):
        MelFrames(fmax=8000.0).process(speech, 8000)
    with pytest.raises(FeatureError, match="have no samples at 16000 Hz"):
        MelFrames(step=0.00001).process(speech, 16000)


@pytest.mark.parametrize(("rate", "window", "size"), [(16000, 0.025, 512), (16000, 0.032, 512), (44100, 0.025, 2048)])
def test_transform_is_the_next_power_of_two(rate, window, size):
    assert transform_size(rate, window) == size


@pytest.mark.parametrize("shape", [(20, 30), (64, 64), (101, 7), (1, 1), (300, 200)])
def test_resizing_is_that_of_pillow(shape):
    image = np.random.default_rng(3).normal(size=(101, 64)).astype(np.float32)
    expected = np.asarray(Image.fromarray(image).resize(shape[::-1], Image.Resampling.BILINEAR))
    np.testing.assert_allclose(resized(image, shape), expected, atol=2e-5)


def test_resizing_keeps_the_range():
    image = np.full((7, 9), 0.1)
    np.testing.assert_array_equal(resized(image, (13, 4)), np.full((13, 4), 0.1))
    with pytest.raises(FeatureError, match=r"not \(0, 4\)"):
        resized(image, (0, 4))


def test_loud_frames():
    np.testing.assert_array_equal(loud_frames(np.array([1.0, 1e-3, 2e-4, 0.99e-4])), [True, True, True, False])
    assert loud_frames(np.zeros(3)).all()
    assert loud_frames(np.empty(0)).shape == (0,)
