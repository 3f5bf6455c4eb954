"""openSMILE's sets give openSMILE's numbers, and its sharp edges are blunted."""

from __future__ import annotations

import pickle
import sys
import threading
import warnings

import numpy as np
import pytest
from sklearn.base import clone

from ferfusion.base.errors import AudioError, MissingDependencyError, UnknownNameError
from ferfusion.corpora import make_corpus
from ferfusion.features.audio.opensmile import OPENSMILE_SETS, OpenSmile, opensmile_installed
from ferfusion.features.audio.reading import Recording
from ferfusion.features.engine import extract

opensmile = pytest.importorskip("opensmile")


@pytest.fixture(scope="module")
def speech():
    return make_corpus(n_speakers=1, n_utterances=1, views=("audio",)).X["audio"].iloc[0]


def reference(feature_set, level="Functionals"):
    return opensmile.Smile(opensmile.FeatureSet[feature_set], opensmile.FeatureLevel[level])


@pytest.mark.parametrize("feature_set", OPENSMILE_SETS)
def test_names_of_every_set(feature_set):
    names = OpenSmile(feature_set).feature_names()
    assert names == reference(feature_set).feature_names
    assert len(names) == OPENSMILE_SETS[feature_set][0]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("feature_set", ["eGeMAPSv02", "emobase", "IS09", "IS13"])
def test_numbers_are_those_of_opensmile(speech, feature_set):
    expected = reference(feature_set).process_signal(speech, 16000).to_numpy()[0]
    out = OpenSmile(feature_set).process(speech, 16000)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, expected.astype(np.float32))


def test_numbers_of_a_file(speech, write):
    path = write("a.wav", speech)
    expected = reference("eGeMAPSv02").process_file(path).to_numpy()[0]
    np.testing.assert_array_equal(OpenSmile().compute(Recording(path)), expected.astype(np.float32))
    segment = reference("eGeMAPSv02").process_file(path, start="0.1s", end="0.5s").to_numpy()[0]
    found = OpenSmile().compute(Recording(path, start=0.1, end=0.5))
    np.testing.assert_allclose(found, segment, rtol=1e-5)


@pytest.mark.parametrize("feature_set", ["eGeMAPSv02", "emobase"])
def test_frames_are_those_of_opensmile(speech, feature_set):
    extractor = OpenSmile(feature_set, level="lld")
    smile = reference(feature_set, "LowLevelDescriptors")
    expected = smile.process_signal(speech, 16000)
    out = extractor.process(speech, 16000)
    assert extractor.frames
    assert not OpenSmile(feature_set).frames
    assert out.shape == (len(expected), len(extractor.feature_names()))
    np.testing.assert_array_equal(out, expected.to_numpy().astype(np.float32))
    assert extractor.feature_names() == smile.feature_names


def test_transform(speech, write):
    path = write("a.wav", speech)
    table = OpenSmile().fit_transform([path, Recording(speech, 16000)])
    assert table.columns.tolist() == OpenSmile().get_feature_names_out().tolist()
    assert table.shape == (2, 88)


@pytest.mark.parametrize("level", ["functionals", "lld"])
@pytest.mark.parametrize("n_samples", [10, 160, 320])
def test_too_short(speech, level, n_samples):
    with pytest.raises(AudioError, match=rf"of {n_samples / 16000:.3f} s is too short for openSMILE's eGeMAPSv02"):
        OpenSmile(level=level).process(speech[4000 : 4000 + n_samples], 16000)


def test_too_short_is_a_fault_of_the_row(speech, write):
    paths = [write("short.wav", speech[4000:4100]), write("a.wav", speech)]
    sources = [Recording(path, name=f"u{i}") for i, path in enumerate(paths)]
    done = extract(OpenSmile(), sources)
    assert list(done.faults) == [0]
    assert done.faults[0].startswith(f"'u0' ({paths[0]}): The recording of 0.006 s is too short")
    assert done.outcomes[1].shape == (88,)


def test_too_short_is_noticed_whatever_becomes_of_the_warning(speech, monkeypatch):
    monkeypatch.setattr(warnings, "filterwarnings", lambda *args, **kwargs: warnings.simplefilter("ignore"))
    with pytest.raises(AudioError, match="too short"):
        OpenSmile().process(speech[4000:4100], 16000)


def test_full_scale_does_not_wrap(speech):
    loud = np.clip(12 * speech, -1, 1)
    assert (loud == 1.0).sum() > 100
    below = OpenSmile().process(np.float32(0.9999) * loud, 16000)
    np.testing.assert_allclose(OpenSmile().process(loud, 16000), below, rtol=0.02, atol=0.02)
    # without the guard openSMILE hears another sound
    wrapped = reference("eGeMAPSv02").process_signal(loud, 16000).to_numpy()[0]
    assert not np.allclose(wrapped, below, rtol=0.02, atol=0.02)


def test_input_is_left_alone(speech):
    before = speech.copy()
    OpenSmile().process(speech, 16000)
    np.testing.assert_array_equal(speech, before)


def test_stereo_at_48_khz(speech, write):
    at_48 = np.repeat(speech, 3)  # steps, whose images the resampler takes away
    stereo = write("s.wav", np.column_stack([at_48, 0.1 * at_48[::-1]]), 48000)
    first = OpenSmile().compute(Recording(stereo))
    mono = OpenSmile().compute(Recording(write("m.wav", speech)))
    other = OpenSmile(channel=1).compute(Recording(stereo))
    assert np.isfinite(first).all()
    assert np.isfinite(other).all()
    place = OpenSmile().feature_names().index("F0semitoneFrom27.5Hz_sma3nz_amean")
    assert first[place] == pytest.approx(mono[place], rel=0.02)
    loudness = OpenSmile().feature_names().index("loudness_sma3_amean")
    assert other[loudness] < 0.6 * first[loudness]


def test_rate_is_kept_on_request(speech, write):
    path = write("a.wav", np.repeat(speech, 3), 48000)
    expected = reference("eGeMAPSv02").process_file(path).to_numpy()[0].astype(np.float32)
    np.testing.assert_array_equal(OpenSmile(sampling_rate=None).compute(Recording(path)), expected)


def test_opensmile_object_neither_travels_nor_is_cloned(speech):
    extractor = OpenSmile("IS09")
    before = extractor.process(speech, 16000)
    assert hasattr(extractor, "_cached")
    for again in (pickle.loads(pickle.dumps(extractor)), clone(extractor)):
        assert not hasattr(again, "_cached")
        assert not hasattr(again, "_made_for")
        assert again.get_params() == extractor.get_params()
        np.testing.assert_array_equal(again.process(speech, 16000), before)


def test_other_parameters_make_another_object():
    extractor = OpenSmile("IS09")
    assert len(extractor.feature_names()) == 384
    assert len(extractor.set_params(feature_set="eGeMAPSv02").feature_names()) == 88
    assert len(extractor.set_params(level="lld").feature_names()) == 25


def test_threads(speech):
    expected = OpenSmile().process(speech, 16000)
    extractor, results = OpenSmile(), {}

    def work(i):
        results[i] = extractor.process(speech, 16000)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for out in results.values():
        np.testing.assert_array_equal(out, expected)


def test_fingerprint_knows_parameters_and_version(monkeypatch):
    found = {
        OpenSmile(*args).fingerprint()
        for args in [(), ("IS09",), ("eGeMAPSv02", "lld"), ("eGeMAPSv02", "functionals", 8000)]
    }
    assert len(found) == 4
    assert OpenSmile().identity()["opensmile"] == opensmile.__version__
    monkeypatch.setattr(opensmile, "__version__", "0.0")
    assert OpenSmile().fingerprint() not in found


def test_unknown_names():
    with pytest.raises(UnknownNameError, match=r"'egemaps'\. Did you mean 'eGeMAPSv02'\?"):
        OpenSmile("egemaps").feature_names()
    with pytest.raises(UnknownNameError, match=r"level 'functional'\. Did you mean 'functionals'\?"):
        OpenSmile(level="functional").feature_names()


def test_without_opensmile(monkeypatch):
    assert opensmile_installed()
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(MissingDependencyError, match=r"non-commercial\) needs the package 'opensmile'.*pip install"):
        OpenSmile().feature_names()
