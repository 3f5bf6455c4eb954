"""Whatever the sound: a row of finite numbers or an error with a name; never a crash, never a warning."""

from __future__ import annotations

import numpy as np
import pytest

from ferfusion.base.errors import AudioError, FeatureError
from ferfusion.features.audio.acoustic import FAMILIES, Acoustic
from ferfusion.features.audio.analysis import Analysis
from ferfusion.features.audio.reading import SILENCE_PEAK, Recording

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

RATES = (8000, 11025, 12000, 16000, 22050, 32000, 44100, 48000)
quick = hypothesis.settings(
    derandomize=True, deadline=None, max_examples=60, database=None, suppress_health_check=list(hypothesis.HealthCheck)
)
lengths = st.one_of(st.integers(0, 40), st.integers(41, 900), st.integers(901, 9000))
amplitudes = st.sampled_from([5e-324, 1e-310, 1e-30, 1e-12, 1e-5, 3e-5, 0.01, 0.5, 1.0, 30.0, 32768.0, 1e8])
SHAPES = (
    "silence",
    "constant",
    "step",
    "click",
    "tone",
    "square",
    "noise",
    "ramp",
    "hum",
    "steps",
    "alternating",
    "bursts",
)


@st.composite
def sounds(draw, length=lengths):
    """Samples of one of many shapes, any loudness, with or without an offset, clipped or not."""
    n, shape = draw(length), draw(st.sampled_from(SHAPES))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    t = np.arange(n)
    turn = 2 * np.pi * draw(st.floats(1e-4, 0.5))
    x = {
        "silence": lambda: np.zeros(n),
        "constant": lambda: np.ones(n),
        "step": lambda: (t > n / 2) * 1.0,
        "click": lambda: (t == n // 3) * 1.0,
        "tone": lambda: np.sin(turn * t),
        "square": lambda: np.sign(np.sin(turn * t)),
        "noise": lambda: rng.standard_normal(n),
        "ramp": lambda: t / max(n, 1),
        "hum": lambda: sum(np.cos(k * turn * t) for k in range(1, 9)) / 8,
        "steps": lambda: rng.integers(-3, 4, n) * 2.0**-15,
        "alternating": lambda: (-1.0) ** t,
        "bursts": lambda: np.sin(turn * t) * (t // 700 % 2),
    }[shape]()
    x = draw(amplitudes) * x + draw(st.sampled_from([0.0, 0.0, 1e-3, -0.7]))
    return np.clip(x, -1, 1) if draw(st.booleans()) else x


def check(extractor, values, n_frames=None):
    names = extractor.feature_names()
    assert values.dtype == np.float32
    if extractor.frames:
        assert values.shape == (n_frames, len(names))
        assert not np.isinf(values).any()
    else:
        assert values.shape == (len(names),)
        assert np.isfinite(values).all(), [name for name, value in zip(names, values, strict=True) if value != value]


@quick
@hypothesis.given(sounds(), st.sampled_from(RATES), st.sampled_from([None, 16000, 8000]))
def test_a_row_or_an_error_with_a_name(x, rate, wanted):
    extractor = Acoustic(functionals="all", sampling_rate=wanted)
    if len(x) == 0 or np.ptp(x.astype(np.float32)) < 2 * SILENCE_PEAK:
        with pytest.raises(AudioError, match=r"'u' .*(no samples|silent from start to end)"):
            extractor.compute(Recording(x, rate, name="u"))
        return
    try:
        values = extractor.compute(Recording(x, rate, name="u"))
    except AudioError as error:
        if "too short to resample" not in str(error):
            raise
        return
    check(extractor, values)


@quick
@hypothesis.given(sounds(st.integers(1, 4000)), st.sampled_from(RATES), st.sampled_from([*FAMILIES]))
def test_kernels_bear_what_reading_would_refuse(x, rate, family):
    # silence and sounds fainter than a step of 16 bits do not pass the reader, but may come from elsewhere
    for level in ("functionals", "lld"):
        extractor = FAMILIES[family](level=level)
        check(extractor, extractor.process(x.astype(np.float32), rate), Analysis(x, rate).n_frames)


@quick
@hypothesis.given(sounds(st.integers(1, 600)), st.sampled_from([np.nan, np.inf, -np.inf]), st.integers(0, 599))
def test_samples_that_are_no_numbers(x, bad, place):
    x[place % len(x)] = bad
    with pytest.raises(AudioError, match=r"'u' .* 1 samples that are NaN or infinite"):
        Acoustic().compute(Recording(x, 16000, name="u"))
    with pytest.raises(FeatureError, match="must be finite numbers"):
        Acoustic().process(x, 16000)


@quick
@hypothesis.given(
    st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=60), st.sampled_from(RATES), st.integers(1, 40)
)
def test_any_samples(samples, rate, repeats):
    # short patterns, repeated: periodic at all frequencies
    x = np.tile(np.array(samples, dtype=np.float32), repeats)
    extractor = Acoustic(functionals="all")
    check(extractor, extractor.process(x, rate))


@pytest.mark.parametrize("n_samples", [1, 2, 3, 159, 160, 161, 400])
@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_very_short(n_samples, rate):
    x = np.full(n_samples, 0.5)
    x[::2] *= -1
    for extractor in (Acoustic(functionals="all"), Acoustic(level="lld")):
        check(extractor, extractor.process(x, rate), n_samples // (rate // 100) + 1)
