"""Wavelet packets are those of PyWavelets; measures of nodes are those of their definitions."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.stats
from sklearn.base import clone

from ferfusion.base.errors import FeatureError, MissingDependencyError, UnknownNameError
from ferfusion.corpora import make_corpus
from ferfusion.features.audio.lld.wavelets import NODE_MEASURES, node_measures, wavelet_packet
from ferfusion.features.audio.reading import Recording
from ferfusion.features.audio.wavelet_packet import WaveletPacket

pywt = pytest.importorskip("pywt")


@pytest.fixture(scope="module")
def speech():
    return make_corpus(n_speakers=1, n_utterances=1, views=("audio",)).X["audio"].iloc[0]


@pytest.mark.parametrize("wavelet", ["db4", "haar", "sym8", "bior2.2"])
@pytest.mark.parametrize("mode", ["periodization", "symmetric", "zero"])
@pytest.mark.parametrize(("level", "n_samples"), [(1, 1000), (3, 4097), (5, 20000), (5, 3)])
def test_coefficients_are_those_of_pywavelets(speech, wavelet, mode, level, n_samples):
    signal = np.resize(speech, n_samples).astype(np.float64)
    tree = pywt.WaveletPacket(signal, wavelet, mode, maxlevel=level)
    expected = np.array([node.data for node in tree.get_level(level, "freq")])
    found = wavelet_packet(signal, wavelet=wavelet, level=level, mode=mode)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_haar_by_hand():
    nodes = wavelet_packet(np.array([1.0, 2.0, 3.0, 6.0]), wavelet="haar", level=2)
    # low and high of the sums (3, 9), then, with frequencies mirrored, high and low of the differences (-1, -3)
    np.testing.assert_allclose(nodes[:, 0], [6.0, -3.0, 1.0, -2.0])


@pytest.mark.parametrize("node", [0, 3, 17, 31])
def test_a_tone_lies_in_its_node(node):
    tone = np.sin(2 * np.pi * (node + 0.5) * 250.0 * np.arange(16000) / 16000).astype(np.float32)
    extractor = WaveletPacket(wavelet="db20")
    values = dict(zip(extractor.feature_names(), extractor.process(tone, 16000), strict=True))
    shares = [values[f"node{k:02d}_energy"] for k in range(32)]
    assert np.argmax(shares) == node
    assert shares[node] > 0.8


def test_energy_is_that_of_the_signal():
    signal = np.random.default_rng(0).normal(size=32 * 40)
    nodes = wavelet_packet(signal)
    assert (nodes**2).sum() == pytest.approx((signal**2).sum())


def test_measures_are_those_of_their_definitions(speech):
    nodes = wavelet_packet(speech)
    found = node_measures(nodes)
    energy = (nodes**2).sum(axis=1)
    p = nodes**2 / energy[:, None]
    expected = np.column_stack(
        [
            energy / energy.sum(),
            10 * np.log10((nodes**2).mean(axis=1)),
            scipy.stats.entropy(p, axis=1) / np.log(nodes.shape[1]),
            nodes.mean(axis=1),
            nodes.std(axis=1),
            scipy.stats.skew(nodes, axis=1),
            scipy.stats.kurtosis(nodes, axis=1),
        ]
    )
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-12)


def test_extremes_of_entropy():
    nodes = np.array([[0.0, 0, 7, 0], [2, -2, 2, -2]])
    np.testing.assert_allclose(node_measures(nodes)[:, 2], [0.0, 1.0], atol=1e-12)


def test_names_and_values_of_the_extractor(speech):
    extractor = WaveletPacket(maxlevel=3)
    names = extractor.feature_names()
    assert names[:3] == ["node00_energy", "node00_log_energy", "node00_entropy"]
    assert names[-2:] == ["node07_kurtosis", "nodes_entropy"]
    out = extractor.process(speech, 16000)
    assert out.dtype == np.float32
    assert out.shape == (len(names),) == (8 * 7 + 1,)
    shares = out[:-1:7]
    assert out[-1] == pytest.approx(scipy.stats.entropy(shares) / np.log(8), rel=1e-5)
    table = extractor.fit_transform([Recording(speech, 16000), Recording(speech[:8000], 16000)])
    assert table.columns.tolist() == names


def test_gain(speech):
    extractor, names = WaveletPacket(), np.array(WaveletPacket().feature_names())
    loud, faint = extractor.process(speech, 16000), extractor.process(np.float32(2.0**-8) * speech, 16000)
    kind = np.array([name.split("_", 1)[1] for name in names])
    scaled = np.isin(kind, ["mean", "std"])
    expected = np.where(scaled, loud * 2.0**-8, loud - np.where(kind == "log_energy", 20 * np.log10(2.0**8), 0.0))
    np.testing.assert_allclose(faint, expected, rtol=1e-4, atol=1e-5)
    assert (kind == "log_energy").sum() == 32


@pytest.mark.parametrize("n_samples", [1, 2, 31, 1000])
@pytest.mark.parametrize("kind", ["zeros", "ones", "denormal", "clipped"])
def test_every_signal(kind, n_samples):
    noise = np.random.default_rng(0).normal(size=n_samples)
    signal = {
        "zeros": np.zeros(n_samples),
        "ones": np.ones(n_samples),
        "denormal": 1e-44 * noise,
        "clipped": np.clip(9 * noise, -1, 1),
    }[kind].astype(np.float32)
    out = WaveletPacket().process(signal, 16000)
    assert out.shape == (225,)
    assert not np.isinf(out).any()
    level = out[1:-1:7]
    assert np.isfinite(level).all()
    if kind == "zeros":
        np.testing.assert_array_equal(level, np.full(32, -200.0))
        assert np.isnan(out[0])
        assert np.isnan(out[-1])


def test_constant_sound_has_one_node_and_no_shape():
    out = WaveletPacket(maxlevel=2).process(np.ones(64, np.float32), 16000)[:-1].reshape(4, 7)
    np.testing.assert_allclose(out[:, 0], [1, 0, 0, 0], atol=1e-12)
    assert np.isnan(out[:, NODE_MEASURES.index("skew") :]).all()
    assert np.isnan(out[1:, NODE_MEASURES.index("entropy")]).all()
    # 100 dB below the strongest node
    np.testing.assert_allclose(out[:, 1], out[0, 1] - np.array([0, 100, 100, 100]), atol=1e-4)


def test_same_input_same_output(speech):
    before = speech.copy()
    once = WaveletPacket().process(speech, 16000)
    np.testing.assert_array_equal(once, clone(WaveletPacket()).process(speech, 16000))
    np.testing.assert_array_equal(speech, before)


def test_unknown_names(speech):
    with pytest.raises(UnknownNameError, match=r"wavelet 'db_4'\. Did you mean 'db4'\?"):
        WaveletPacket("db_4").process(speech, 16000)
    with pytest.raises(UnknownNameError, match="mode of a wavelet transform 'periodisation'"):
        WaveletPacket(mode="periodisation").process(speech, 16000)
    with pytest.raises(UnknownNameError, match="discrete wavelet 'morl'"):
        WaveletPacket("morl").process(speech, 16000)
    with pytest.raises(FeatureError, match="1 level or more, not 0"):
        WaveletPacket(maxlevel=0).process(speech, 16000)


def test_without_pywavelets(speech, monkeypatch):
    monkeypatch.setitem(sys.modules, "pywt", None)
    with pytest.raises(MissingDependencyError, match="pip install 'PyWavelets'"):
        WaveletPacket().process(speech, 16000)
    assert len(WaveletPacket().feature_names()) == 225
