"""F0 by Praat in place of our own: on our grid, through Prosody, and told apart."""

import numpy as np
import pytest

from ferfusion.base.errors import MissingDependencyError, UnknownNameError
from ferfusion.features import Prosody
from ferfusion.features.audio.analysis import Analysis
from ferfusion.features.audio.lld.frames import times_of
from ferfusion.features.audio.lld.praat import praat_pitch

RATE = 16000


@pytest.fixture
def glide():
    """From 150 to 250 Hz in a second, between two stretches of silence."""
    t = np.arange(RATE) / RATE
    hum = 0.3 * np.sin(2 * np.pi * (150 * t + 50 * t**2))
    return np.concatenate([np.zeros(RATE // 4), hum, np.zeros(RATE // 4)])


def test_contour_of_a_glide_is_in_its_place(glide):
    pytest.importorskip("parselmouth")
    pitch = praat_pitch(glide, RATE)
    times = times_of(len(glide), RATE)
    assert pitch.f0.shape == pitch.strength.shape == times.shape
    inside = (times > 0.3) & (times < 1.2)
    np.testing.assert_allclose(pitch.f0[inside], 150 + 100 * (times[inside] - 0.25), rtol=0.005)
    assert not pitch.voiced[(times < 0.2) | (times > 1.3)].any()
    assert (pitch.strength[inside] > 0.99).all()
    assert (pitch.strength[~pitch.voiced] == 0).all()


@pytest.mark.parametrize("n", [1, 100, 640, 641, 1000])
def test_short_recordings(n):
    pytest.importorskip("parselmouth")
    pitch = praat_pitch(0.1 * np.ones(n), RATE)
    assert len(pitch.f0) == len(times_of(n, RATE))
    assert not pitch.voiced.any()


def test_prosody_takes_the_contour_and_what_follows_from_it(glide):
    pytest.importorskip("parselmouth")
    own, praat = Prosody("lld").process(glide, RATE), Prosody("lld", backend="praat").process(glide, RATE)
    theirs = praat_pitch(glide, RATE)
    np.testing.assert_allclose(27.5 * 2 ** (praat[:, 0] / 12), theirs.f0, rtol=1e-4)
    np.testing.assert_array_equal(praat[:, 3:], own[:, 3:])  # loudness is ours
    values = dict(zip(Prosody().feature_names(), Prosody(backend="praat").process(glide, RATE), strict=True))
    assert values["voiced_share"] == pytest.approx(theirs.voiced.mean())
    assert Prosody(backend="praat").fingerprint() != Prosody().fingerprint()


def test_others_hear_the_own_contour(glide):
    pytest.importorskip("parselmouth")
    sound = Analysis(glide, RATE)
    before = sound.voiced.copy()
    Prosody("lld", backend="praat").features_from(sound)
    np.testing.assert_array_equal(sound.voiced, before)
    np.testing.assert_array_equal(sound.voiced, ~np.isnan(sound.pitch.f0))


def test_without_the_package(monkeypatch, glide):
    monkeypatch.setitem(__import__("sys").modules, "parselmouth", None)
    with pytest.raises(MissingDependencyError, match=r"F0 by Praat needs .*ferfusion\[praat\]"):
        Prosody(backend="praat").process(glide, RATE)


def test_unknown_backend(glide):
    with pytest.raises(UnknownNameError, match="backend"):
        Prosody(backend="swipe").process(glide, RATE)
