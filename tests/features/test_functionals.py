"""Functionals are what numpy and scipy say they are, with gaps or without, however few frames there are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.signal import find_peaks

from ferfusion.base.errors import UnknownNameError
from ferfusion.features.audio.family import Descriptor
from ferfusion.features.audio.functionals import FUNCTIONAL_NAMES, FUNCTIONALS, functional_names, functionals_of

STEP = 0.01
REGIONS = ("voiced_mean", "voiced_std", "unvoiced_mean", "unvoiced_std")


def of(contour, voiced=None, functionals="all", **settings):
    """Functionals of one contour, by name."""
    contour = np.asarray(contour, dtype=np.float64)
    voiced = np.ones(len(contour), dtype=bool) if voiced is None else np.asarray(voiced, dtype=bool)
    part = [Descriptor("x")]
    values = functionals_of(contour[:, None], voiced, part, functionals, **settings)
    return dict(zip((name[2:] for name in functional_names(part, functionals)), values, strict=True))


def expected(contour, voiced, step=STEP):
    """The same by numpy and scipy; contours without a value have none."""
    here = np.isfinite(contour)
    x, t = contour[here], np.flatnonzero(here) * step
    steps = np.diff(contour) / step
    steps = steps[np.isfinite(steps)]
    mean, low, span = x.mean(), x.min(), np.ptp(x)
    line = np.polyfit(t, x, 1)
    # peaks inside each stretch without a gap
    stretches = np.split(contour, np.flatnonzero(~here))
    peaks = sum((part[find_peaks(np.where(np.isnan(part), np.inf, part))[0]] > mean).sum() for part in stretches)
    inside, outside = contour[here & voiced], contour[here & ~voiced]
    return {
        "mean": mean,
        "std": x.std(),
        "skewness": stats.skew(x),
        "kurtosis": stats.kurtosis(x),
        "min": low,
        "max": x.max(),
        "range": span,
        **{f"p{q:02d}": np.percentile(x, q) for q in (5, 25, 50, 75, 95)},
        "iqr": stats.iqr(x),
        "slope": line[0],
        "curvature": np.polyfit(t - t.mean(), x, 2)[0],
        "residual": np.sqrt(np.mean((x - np.polyval(line, t)) ** 2)),
        "rise": steps[steps > 0].mean(),
        "fall": steps[steps < 0].mean(),
        "delta_std": steps.std(),
        "peaks": peaks / (len(x) * step),
        "share_above_half": np.mean(x > low + 0.5 * span),
        "share_above_three_quarters": np.mean(x > low + 0.75 * span),
        "voiced_mean": inside.mean(),
        "voiced_std": inside.std(),
        "unvoiced_mean": outside.mean(),
        "unvoiced_std": outside.std(),
    }


@pytest.mark.parametrize("gaps", [0.0, 0.3, 0.8])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-4, 0.01), (300.0, 5000.0)])
def test_by_numpy_and_scipy(gaps, seed, scale, offset):
    rng = np.random.default_rng(seed)
    x = scale * (rng.standard_normal(120).cumsum() * 0.3 + rng.gamma(2.0, size=120)) + offset
    x[rng.random(120) < gaps] = np.nan
    voiced = rng.random(120) < 0.5
    found, reference = of(x, voiced), expected(x, voiced)
    assert list(found) == list(FUNCTIONAL_NAMES) == list(reference)
    size = {"slope": 1.0, "curvature": 1.0}  # seconds
    for name, value in reference.items():
        assert found[name] == pytest.approx(value, rel=1e-7, abs=1e-7 * scale * size.get(name, 1.0)), name


def test_frames_further_apart():
    x = np.random.default_rng(0).standard_normal(50)
    voiced = np.arange(50) % 3 > 0
    found, reference = of(x, voiced, step=0.02), expected(x, voiced, 0.02)
    for name, value in reference.items():
        assert found[name] == pytest.approx(value, rel=1e-7), name


def test_peaks_by_hand():
    def peaks(*x):
        return of(x)["peaks"] * len(x) * STEP

    assert peaks(0, 3, 0, 3, 0) == pytest.approx(2)
    assert peaks(0, 3, 3, 0) == pytest.approx(1)  # flat on top
    assert peaks(0, 2, 2, 3, 0) == pytest.approx(1)  # a step on the way up is none
    assert peaks(3, 0, 0, 3) == pytest.approx(0)  # nor are the ends
    assert peaks(0, 3, 3) == pytest.approx(0)
    assert peaks(9, 0, 1, 0, 9) == pytest.approx(0)  # below the mean
    x = np.array([0, 3, np.nan, 0, 5, np.nan, 4, 0])
    assert of(x)["peaks"] == 0  # gaps hide what was there


def test_straight_line_and_parabola():
    t = STEP * np.arange(60)
    line = of(3 - 7 * t)
    assert line["slope"] == pytest.approx(-7)
    assert line["curvature"] == pytest.approx(0, abs=1e-9)
    assert line["residual"] == pytest.approx(0, abs=1e-9)
    assert line["fall"] == pytest.approx(-7)
    assert line["rise"] == 0
    assert line["delta_std"] == pytest.approx(0, abs=1e-6)
    parabola = np.where(np.arange(60) % 4 == 1, np.nan, 1 + t - 5 * t**2)
    assert of(parabola)["curvature"] == pytest.approx(-5)


def test_one_frame():
    found = of([4.0])
    for name in ("mean", "min", "max", "p05", "p25", "p50", "p75", "p95", "voiced_mean"):
        assert found.pop(name) == 4
    assert set(found.values()) == {0.0}
    assert of([4.0], [False])["unvoiced_mean"] == 4


def test_two_frames():
    found = of([1.0, 2.0], [True, False])
    wanted = {
        "mean": 1.5,
        "std": 0.5,
        "kurtosis": -2,
        "min": 1,
        "max": 2,
        "range": 1,
        "p25": 1.25,
        "p50": 1.5,
        "iqr": 0.5,
    }
    wanted |= {"slope": 100, "rise": 100, "share_above_half": 0.5, "voiced_mean": 1, "unvoiced_mean": 2}
    wanted |= dict.fromkeys(["skewness", "curvature", "residual", "fall", "delta_std", "peaks", "voiced_std"], 0.0)
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=1e-9), name


@pytest.mark.parametrize("value", [0.0, -3.7, 1e6, 1e-12])
def test_constant(value):
    found = of(np.full(50, value), np.arange(50) < 20)
    for name in ("mean", "min", "max", "p05", "p25", "p50", "p75", "p95", "voiced_mean", "unvoiced_mean"):
        assert found.pop(name) == pytest.approx(value)
    np.testing.assert_allclose(list(found.values()), 0, atol=1e-8 * max(1.0, abs(value)))


@pytest.mark.parametrize("n_frames", [1, 2, 7])
def test_nothing_defined(n_frames):
    for missing in (np.nan, np.inf, -np.inf):
        assert set(of(np.full(n_frames, missing)).values()) == {0.0}
    assert of([np.inf, 1.0, np.nan, 3.0, -np.inf])["mean"] == 2


def test_all_voiced_or_none():
    x = np.arange(5.0)
    assert of(x, np.ones(5))["unvoiced_mean"] == 0
    assert of(x, np.zeros(5))["voiced_std"] == 0
    assert of(x, np.zeros(5))["unvoiced_mean"] == 2


def test_a_descriptor_of_voiced_frames_has_no_regions():
    parts = [Descriptor("f0", "Hz", voiced=True), Descriptor("level", "dB")]
    names = functional_names(parts, "all")
    assert len(names) == len(set(names)) == 2 * len(FUNCTIONAL_NAMES) - len(REGIONS)
    assert names == [f"f0_{name}" for name in FUNCTIONAL_NAMES if name not in REGIONS] + [
        f"level_{name}" for name in FUNCTIONAL_NAMES
    ]
    frames = np.random.default_rng(0).standard_normal((30, 2))
    values = functionals_of(frames, np.arange(30) < 9, parts, "all")
    alone = [functionals_of(frames[:, [j]], np.arange(30) < 9, [part], "all") for j, part in enumerate(parts)]
    np.testing.assert_array_equal(values, np.concatenate(alone))


def test_sets_and_own_lists():
    x = np.random.default_rng(1).standard_normal(40)
    every = of(x)
    assert len(FUNCTIONALS["standard"]) == 20
    assert set(FUNCTIONALS["basic"]) < set(FUNCTIONALS["standard"]) < set(FUNCTIONALS["all"])
    for chosen in ("basic", "standard", ["p95", "mean"], ("peaks",)):
        names = FUNCTIONALS[chosen] if isinstance(chosen, str) else tuple(chosen)
        found = of(x, functionals=chosen)
        assert tuple(found) == names  # in the order that was asked for
        assert found == {name: every[name] for name in names}
    assert functionals_of(np.empty((3, 0)), np.ones(3, dtype=bool), [], "all").shape == (0,)
    assert functional_names([], "basic") == []


def test_unknown_names():
    part = [Descriptor("x")]
    with pytest.raises(UnknownNameError, match=r"set of functionals 'standart'\. Did you mean 'standard'\?"):
        functional_names(part, "standart")
    with pytest.raises(UnknownNameError, match=r"functional 'medain'.*'mean'|functional 'medain'"):
        functional_names(part, ["mean", "medain"])
    with pytest.raises(UnknownNameError, match="functional 'p10'"):
        functionals_of(np.ones((3, 1)), np.ones(3, dtype=bool), part, ("p10",))


def test_input_is_left_alone():
    frames = np.array([[1.0], [np.inf], [3.0]])
    before = frames.copy()
    functionals_of(frames, np.ones(3, dtype=bool), [Descriptor("x")], "all")
    np.testing.assert_array_equal(frames, before)
