"""The constant-Q transform is that of librosa but for its rounding, histograms are those of scikit-image."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from ferfusion.base.errors import FeatureError, MissingDependencyError
from ferfusion.corpora import make_corpus
from ferfusion.features.audio.constant_q_hog import ConstantQHog
from ferfusion.features.audio.lld.constant_q import constant_q, constant_q_frequencies, quality
from ferfusion.features.audio.reading import Recording

librosa = pytest.importorskip("librosa")
feature = pytest.importorskip("skimage.feature")


@pytest.fixture(scope="module")
def speech():
    return make_corpus(n_speakers=1, n_utterances=1, views=("audio",)).X["audio"].iloc[0]


def direct(signal, rate, frequency, q, centres):
    """Windowed sums at some samples, as the transform is defined."""
    half = q * rate / frequency / 2
    out = []
    for centre in centres:
        n = np.arange(np.ceil(centre - half), np.floor(centre + half) + 1)
        window = 0.5 + 0.5 * np.cos(np.pi * (n - centre) / half)
        inside = (n >= 0) & (n < len(signal))
        x = np.where(inside, signal[np.clip(n.astype(int), 0, len(signal) - 1)], 0.0)
        out.append(abs((x * window * np.exp(-2j * np.pi * frequency * n / rate)).sum()) * 2 / half)
    return np.array(out)


@pytest.mark.parametrize(
    ("fmin", "n_bins", "per_octave", "tolerance"),
    # librosa halves the rate from octave to octave and rounds windows to whole samples of it: short ones differ
    [(100.0, 120, 24, 0.01), (60.0, 84, 12, 0.15)],
)
def test_magnitudes_are_those_of_librosa(speech, fmin, n_bins, per_octave, tolerance):
    ours = constant_q(speech, 16000, fmin=fmin, n_bins=n_bins, bins_per_octave=per_octave, step=0.02)
    theirs = librosa.cqt(
        speech.astype(np.float64),
        sr=16000,
        hop_length=320,
        fmin=fmin,
        n_bins=n_bins,
        bins_per_octave=per_octave,
        scale=False,
        sparsity=0.0,
        pad_mode="constant",
    )
    # librosa gives a tone of amplitude 1 half the length of the window
    lengths = quality(per_octave) * 16000 / constant_q_frequencies(fmin, n_bins, per_octave)
    expected = np.abs(theirs).T * 2 / lengths
    assert ours.shape == expected.shape
    assert np.corrcoef(ours.ravel(), expected.ravel())[0, 1] > 0.995
    together = np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(ours.T, expected.T, strict=True)])
    assert np.median(together) > 0.999
    assert (together > 0.98).mean() > 0.9
    assert np.abs(ours - expected).max() < tolerance * expected.max()
    if per_octave == 24:
        assert together.min() > 0.999


def test_magnitudes_are_those_of_the_definition(speech):
    found = constant_q(speech, 16000)
    for place in (0, 7, 30, 60, 83):
        frequency = constant_q_frequencies(60.0, 84, 12)[place]
        frames = np.arange(0, len(found), 7)
        expected = direct(speech.astype(np.float64), 16000, frequency, quality(12), frames * 160)
        np.testing.assert_allclose(found[frames, place], expected, atol=2e-3 * found.max())


@pytest.mark.parametrize("place", [0, 25, 83])
def test_a_tone_has_its_amplitude_in_its_band(place):
    frequency = constant_q_frequencies(60.0, 84, 12)[place]
    tone = 0.3 * np.sin(2 * np.pi * frequency * np.arange(24000) / 16000)
    out = constant_q(tone, 16000)
    assert out.shape == (151, 84)
    assert (out[30:-30].argmax(axis=1) == place).all()
    np.testing.assert_allclose(out[30:-30, place], 0.3, rtol=1e-3)


def test_bands_touch():
    # half power at half the distance to the neighbour's centre, about
    f = 1000.0 * 2 ** (0.5 / 12)
    tone = np.sin(2 * np.pi * f * np.arange(16000) / 16000)
    out = constant_q(tone, 16000, fmin=1000.0, n_bins=2)[50]
    assert out[0] == pytest.approx(out[1], rel=0.02)
    assert 0.7 < out[0] < 0.9
    assert quality(12) == pytest.approx(17.33, abs=0.01)


def test_long_recordings_are_worked_on_in_parts():
    signal = np.random.default_rng(0).normal(size=16000 * 25)
    whole = constant_q(signal, 16000, n_bins=40)
    assert len(whole) == 2501
    part = constant_q(signal[16000 * 8 : 16000 * 14], 16000, n_bins=40)
    np.testing.assert_allclose(whole[830:1370], part[30:570], atol=2e-3 * whole.max())


def test_histograms_are_those_of_scikit_image(speech):
    extractor = ConstantQHog(size=(48, 80), orientations=6, cell=8, block=3)
    image = extractor.image(speech, 16000)
    assert image.shape == (48, 80)
    assert image.min() >= 0.0
    assert image.max() <= 1.0
    blocks = feature.hog(
        image,
        orientations=6,
        pixels_per_cell=(8, 8),
        cells_per_block=(3, 3),
        block_norm="L2-Hys",
        feature_vector=False,
    ).astype(np.float32)
    values = dict(zip(extractor.feature_names(), extractor.process(speech, 16000), strict=True))
    assert len(values) == blocks.size == 4 * 8 * 9 * 6
    assert values["hog_f02_t05_c12_o3"] == blocks[2, 5, 1, 2, 3]
    assert values["hog_f00_t07_c20_o5"] == blocks[0, 7, 2, 0, 5]


def test_a_rising_tone_is_told_from_a_falling_one():
    t = np.arange(32000) / 16000
    rising = np.sin(2 * np.pi * 200.0 * (2**t - 1) / np.log(2)).astype(np.float32)
    extractor = ConstantQHog(orientations=2, size=(64, 32))
    up, down = (extractor.process(sound, 16000).reshape(-1, 2).sum(axis=0) for sound in (rising, rising[::-1].copy()))
    assert np.argmax(up) != np.argmax(down)
    assert max(up) > 1.5 * min(up)
    assert max(down) > 1.5 * min(down)


def test_gain_changes_nothing(speech):
    out = ConstantQHog().process(speech, 16000)
    assert out.dtype == np.float32
    np.testing.assert_allclose(ConstantQHog().process(np.float32(2.0**-9) * speech, 16000), out, atol=1e-5)
    assert out.std() > 0.05


@pytest.mark.parametrize("n_samples", [1, 2, 159, 2000])
@pytest.mark.parametrize("kind", ["zeros", "ones", "denormal", "clipped"])
def test_every_signal(kind, n_samples):
    noise = np.random.default_rng(0).normal(size=n_samples)
    signal = {
        "zeros": np.zeros(n_samples),
        "ones": np.ones(n_samples),
        "denormal": 1e-44 * noise,
        "clipped": np.clip(9 * noise, -1, 1),
    }[kind].astype(np.float32)
    out = ConstantQHog().process(signal, 16000)
    assert out.shape == (1764,)
    assert np.isfinite(out).all()
    if kind == "zeros":
        assert not out.any()


def test_names_and_tables(speech):
    extractor = ConstantQHog()
    names = extractor.feature_names()
    assert len(set(names)) == len(names) == 1764
    table = extractor.fit_transform([Recording(speech, 16000), Recording(speech[:9000], 16000)])
    assert table.columns.tolist() == names


def test_same_input_same_output(speech):
    np.testing.assert_array_equal(ConstantQHog().process(speech, 16000), ConstantQHog().process(speech, 16000))


def test_what_does_not_fit(speech):
    with pytest.raises(FeatureError, match="A band at 7249 Hz does not fit below 4000 Hz"):
        ConstantQHog().process(speech, 8000)
    with pytest.raises(FeatureError, match="no block of 2 cells of 8 pixels"):
        ConstantQHog(size=(64, 15)).feature_names()
    with pytest.raises(FeatureError, match="are no constant-Q transform"):
        ConstantQHog(fmin=0.0).process(speech, 16000)


def test_without_scikit_image(speech, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    with pytest.raises(MissingDependencyError, match="pip install 'scikit-image'"):
        ConstantQHog().process(speech, 16000)
