"""Families: names are what the numbers are, one analysis serves all, and what should not matter does not."""

from __future__ import annotations

import pickle
import re
import threading

import numpy as np
import pytest
import soxr
from sklearn.base import clone

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.base.table import features_of, frames_of
from ferfusion.features.audio.acoustic import FAMILIES, Acoustic
from ferfusion.features.audio.analysis import Analysis
from ferfusion.features.audio.cepstral import KINDS, Cepstral
from ferfusion.features.audio.functionals import FUNCTIONAL_NAMES, FUNCTIONALS
from ferfusion.features.audio.prosody import Prosody
from ferfusion.features.audio.quality import VoiceQuality
from ferfusion.features.audio.reading import Recording
from ferfusion.features.audio.spectral import Spectral
from ferfusion.features.views import Views
from ferfusion.features.workers import one_blas_thread

RATE = 16000
EVERY = [*FAMILIES.values(), Acoustic]
LEVELS = re.compile(r"level|mfcc_0|mel_\d+")  # what a gain changes


@pytest.fixture(scope="module")
def speech(small_corpus):
    """A voice in the noise of a room, which is far above the rounding of its samples."""
    signal = small_corpus.X["audio"].iloc[11]
    return signal + (0.002 * np.random.default_rng(0).standard_normal(len(signal))).astype(np.float32)


def by_name(extractor, signal, rate=RATE):
    return dict(zip(extractor.feature_names(), extractor.process(signal, rate).astype(np.float64), strict=True))


@pytest.mark.parametrize("family", EVERY)
@pytest.mark.parametrize("functionals", ["basic", "standard", "all", ("p50", "mean")])
def test_names_are_descriptors_by_functionals_and_measures(family, functionals, speech):
    extractor = family(functionals=functionals)
    chosen = FUNCTIONALS[functionals] if isinstance(functionals, str) else functionals
    regions = ("voiced_mean", "voiced_std", "unvoiced_mean", "unvoiced_std")
    expected = [
        f"{part.name}_{name}"
        for part in extractor.descriptors()
        for name in chosen
        if not (part.voiced and name in regions)
    ]
    expected += [measure.name for measure in extractor.measures()]
    names = extractor.feature_names()
    assert names == expected
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in names)
    assert extractor.get_feature_names_out().tolist() == names
    values = extractor.process(speech, RATE)
    assert values.shape == (len(names),)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    assert list(extractor.units()) == [part.name for part in (*extractor.descriptors(), *extractor.measures())]


@pytest.mark.parametrize("family", EVERY)
def test_frames(family, speech):
    extractor = family(level="lld")
    names = extractor.feature_names()
    assert extractor.frames
    assert not family().frames
    assert names == [part.name for part in extractor.descriptors()]
    sound = Analysis(speech, RATE)
    frames = extractor.process(speech, RATE)
    assert frames.shape == (sound.n_frames, len(names)) == (len(sound.times), len(names))
    assert frames.dtype == np.float32
    for part, column in zip(extractor.descriptors(), frames.T, strict=True):
        assert not np.isinf(column).any()
        if part.voiced:
            assert np.isnan(column[~sound.voiced]).all(), part.name
            assert np.isfinite(column[sound.voiced]).mean() > 0.8, part.name
        else:
            assert np.isfinite(column).all(), part.name


def test_how_many_there_are():
    counts = {name: len(family(level="lld").feature_names()) for name, family in FAMILIES.items()}
    assert counts == {"prosody": 5, "quality": 16, "spectral": 43, "cepstral": 92}
    assert len(FUNCTIONAL_NAMES) == 26
    # voiced descriptors have no regions: 2 of prosody, 12 of quality
    assert len(Acoustic().feature_names()) == 156 * 20 - 14 * 4 + 14 + 2
    assert len(Acoustic(functionals="all").feature_names()) == 156 * 26 - 14 * 4 + 14 + 2


def test_units():
    units = Acoustic().units()
    for name, unit in {"level": "dB re full scale", "f1": "Hz", "hnr": "dB", "centroid": "Hz", "jitter": ""}.items():
        assert units[name] == unit
    assert units["duration"] == "s"
    assert units["syllable_rate"] == "1/s"


@pytest.mark.parametrize("settings", [{}, {"level": "lld"}, {"functionals": "all"}, {"functionals": ["mean"]}])
def test_acoustic_is_its_families(speech, settings):
    together = by_name(Acoustic(**settings), speech) if settings != {"level": "lld"} else None
    if together is None:
        frames = [family(level="lld").process(speech, RATE) for family in FAMILIES.values()]
        np.testing.assert_array_equal(Acoustic(level="lld").process(speech, RATE), np.column_stack(frames))
        return
    alone = {}
    for family in FAMILIES.values():
        alone |= by_name(family(**settings), speech)
    assert set(together) == set(alone)
    assert together == alone


def test_families_by_name_and_in_order(speech):
    some = Acoustic(families=["spectral", "prosody"], level="lld")
    assert some.feature_names() == Spectral("lld").feature_names() + Prosody("lld").feature_names()
    np.testing.assert_array_equal(some.process(speech, RATE)[:, :43], Spectral("lld").process(speech, RATE))
    with pytest.raises(UnknownNameError, match=r"family of descriptors 'spectrum'\. Did you mean 'spectral'\?"):
        Acoustic(families=["spectrum"]).feature_names()


def test_one_analysis_serves_all(speech):
    sound = Analysis(speech, RATE)
    for family in EVERY:
        np.testing.assert_array_equal(family().features_from(sound), family().process(speech, RATE))
    assert {"pitch", "power", "pulses", "level"} < set(vars(sound))
    assert "pitch" not in vars(Analysis(speech, RATE))  # nothing before it is asked for


@pytest.mark.parametrize("family", EVERY)
def test_same_sound_same_numbers(family, speech):
    extractor = family(functionals="all")
    before = speech.copy()
    first = extractor.process(speech, RATE)
    np.testing.assert_array_equal(speech, before)
    for again in (extractor, clone(extractor), pickle.loads(pickle.dumps(extractor))):
        np.testing.assert_array_equal(again.process(speech.copy(), RATE), first)


def test_threads(speech):
    expected, results = Acoustic().process(speech, RATE), {}
    extractor = Acoustic()
    threads = [
        threading.Thread(target=lambda i=i: results.update({i: extractor.process(speech, RATE)})) for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for values in results.values():
        np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("family", EVERY)
def test_parameters_and_identity(family):
    plain = family()
    assert clone(plain).get_params() == plain.get_params()
    other = [
        {"level": "lld"},
        {"functionals": "basic"},
        {"sampling_rate": None},
        {"sampling_rate": 8000},
        {"channel": 1},
    ]
    if family is VoiceQuality:
        other.append({"formant_ceiling": 5000.0})
    if family is Cepstral:
        other += [{"kinds": ("mfcc",)}, {"n_coefficients": 12}, {"deltas": 1}]
    if family is Acoustic:
        other += [{"families": ("prosody",)}, {"families": ("cepstral", "prosody", "quality", "spectral")}]
    prints = {family(**settings).fingerprint() for settings in [{}, *other]}
    assert len(prints) == len(other) + 1
    # the same said in another way
    assert family(functionals="standard").fingerprint() == plain.fingerprint()
    assert family(functionals=list(FUNCTIONALS["standard"])).fingerprint() == plain.fingerprint()
    assert clone(plain).fingerprint() == plain.fingerprint()


def test_unknown_names():
    with pytest.raises(UnknownNameError, match=r"level 'llds'\. Did you mean 'lld'\?"):
        Prosody(level="llds").feature_names()
    with pytest.raises(UnknownNameError, match=r"set of functionals 'basics'\. Did you mean 'basic'\?"):
        Spectral(functionals="basics").feature_names()
    with pytest.raises(UnknownNameError, match=r"kind of cepstrum 'mfc'\. Did you mean 'mfcc'\?"):
        Cepstral(kinds=["mfc"]).feature_names()
    with pytest.raises(UnknownNameError, match="kind of cepstrum 'mfc'"):
        Cepstral(kinds=["mfc"]).process(np.ones(10), RATE)


def test_cepstral_kinds_and_deltas(speech):
    whole = Cepstral(level="lld").process(speech, RATE)
    names = Cepstral(level="lld").feature_names()
    assert [name for name in names if name.endswith("_1")] == [f"{kind}_1" for kind in KINDS]
    assert "lpcc_0" not in names  # the gain of a model is no coefficient
    assert "mfcc_0" in names
    columns = [i for i, name in enumerate(names) if name.startswith("plp_")]
    np.testing.assert_array_equal(Cepstral(["plp"], level="lld").process(speech, RATE), whole[:, columns])
    changing = Cepstral(("mfcc",), n_coefficients=3, deltas=2, level="lld")
    assert changing.feature_names()[3:] == [f"mfcc_{k}_delta{order}" for order in ("", "2") for k in range(3)]
    frames = changing.process(speech, RATE).astype(np.float64)
    assert frames.shape[1] == 9
    for plain, change in ((0, 3), (3, 6)):
        slope = (frames[6, plain] - frames[4, plain] + 2 * (frames[7, plain] - frames[3, plain])) / 10
        assert frames[5, change] == pytest.approx(slope, rel=1e-3, abs=1e-5)
    with pytest.raises(FeatureError, match="1 to 32 cosine coefficients, not 33"):
        Cepstral(["gfcc"], n_coefficients=33).process(speech, RATE)


def test_in_views(small_corpus):
    table, faults = Views([("audio_acoustic", Acoustic())], verbose=False).extract(small_corpus.X.iloc[:12])
    assert faults.empty
    columns = [column for column in table if column.startswith("audio_acoustic__")]
    assert columns == [f"audio_acoustic__{name}" for name in Acoustic().feature_names()]
    assert np.isfinite(features_of(table, "audio_acoustic")).all()
    with one_blas_thread():  # as while many are extracted
        alone = Acoustic().compute(Recording(small_corpus.X["audio"].iloc[3], RATE))
    np.testing.assert_array_equal(table[columns].iloc[3].to_numpy(np.float32), alone)


def test_frames_in_views(small_corpus):
    table, faults = Views([("audio_prosody", Prosody("lld"))], verbose=False).extract(small_corpus.X.iloc[:3])
    assert faults.empty
    frames = frames_of(table, "audio_prosody")
    assert len(frames) == 3


@pytest.mark.parametrize("gain", [0.5, 0.1, 0.01])
def test_a_gain_changes_levels_and_nothing_else(speech, gain):
    extractor = Acoustic(level="lld")
    names = extractor.feature_names()
    before = extractor.process(speech, RATE).astype(np.float64)
    after = extractor.process((gain * speech).astype(np.float32), RATE).astype(np.float64)
    np.testing.assert_array_equal(np.isnan(after), np.isnan(before))
    for name, one, two in zip(names, before.T, after.T, strict=True):
        if LEVELS.fullmatch(name):
            # 13 orthonormal coefficients of 40 bands: the first is the mean times the root of 40
            shift = 20 * np.log10(gain) * (np.sqrt(40) if name == "mfcc_0" else 1.0)
            np.testing.assert_allclose(two - one, shift, atol=2e-3, err_msg=name)
        else:
            np.testing.assert_allclose(two, one, rtol=1e-3, atol=0.02 * np.nanstd(one) + 1e-6, err_msg=name)


@pytest.mark.parametrize("gain", [0.5, 0.01])
def test_a_gain_and_functionals(speech, gain):
    before, after = by_name(Acoustic(), speech), by_name(Acoustic(), (gain * speech).astype(np.float32))
    for name, value in before.items():
        moved = LEVELS.match(name) and not name.startswith("level_change")
        if not (moved and re.search(r"_(mean|p\d\d)$", name)):
            assert after[name] == pytest.approx(value, rel=0.01, abs=1e-3), name
    assert after["level_mean"] - before["level_mean"] == pytest.approx(20 * np.log10(gain), abs=1e-3)


def test_silence_before_does_not_change_the_voice(speech):
    silence = np.zeros(RATE // 2, dtype=np.float32)
    quiet = Acoustic(functionals="all")
    before, after = by_name(quiet, speech), by_name(quiet, np.concatenate([silence, speech]))
    parts = {part.name for part in quiet.descriptors() if part.voiced}
    assert len(parts) == 14
    for name, value in before.items():
        part = re.sub(r"_(" + "|".join(FUNCTIONAL_NAMES) + ")$", "", name)
        if part in ("jitter", "shimmer"):
            # the silence moves the mean of the sound a little, and a pulse in the noise at an edge may be lost by it
            if name.endswith(("_mean", "_p25", "_p50", "_p75")):
                assert after[name] == pytest.approx(value, rel=0.05), name
        elif part in parts:
            assert after[name] == pytest.approx(value, rel=0.005, abs=1e-3), name
    for name in ("f0_final_slope", "voiced_duration_mean", "syllable_interval_std"):
        assert after[name] == pytest.approx(before[name], rel=1e-3), name
    for name in ("jitter_local", "shimmer_local"):
        assert after[name] == pytest.approx(before[name], rel=0.05), name
    assert after["duration"] == pytest.approx(before["duration"] + 0.5)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_rates_of_recordings(speech, rate):
    """Resampled to 16 kHz they are alike; what was cut off at 8 kHz cannot come back."""
    reference = by_name(Acoustic(functionals="basic"), speech)
    extractor = Acoustic(functionals="basic")
    recording = Recording(soxr.resample(speech, RATE, rate), rate)
    found = dict(zip(extractor.feature_names(), extractor.compute(recording).astype(float), strict=True))
    assert found["f0_semitones_mean"] == pytest.approx(reference["f0_semitones_mean"], abs=0.1)
    assert found["level_mean"] == pytest.approx(reference["level_mean"], abs=0.2 if rate > RATE else 1.5)
    assert found["syllable_rate"] == pytest.approx(reference["syllable_rate"], abs=0.6)
    wide = rate > RATE
    for k, narrow in ((1, 0.1), (2, 0.1), (3, 0.1)):
        assert found[f"f{k}_mean"] == pytest.approx(reference[f"f{k}_mean"], rel=0.005 if wide else narrow), k
    if wide:
        for name in ("hnr_mean", "cpp_mean", "jitter_mean", "shimmer_mean", "centroid_mean", "alpha_ratio_mean"):
            assert found[name] == pytest.approx(reference[name], rel=0.05), name
        for k in range(13):
            assert found[f"mfcc_{k}_mean"] == pytest.approx(reference[f"mfcc_{k}_mean"], rel=0.02, abs=3.0), k


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_rates_as_they_are(speech, rate):
    reference = by_name(Acoustic(functionals="basic"), speech)
    extractor = Acoustic(functionals="basic", sampling_rate=None)
    found = dict(
        zip(
            extractor.feature_names(),
            extractor.compute(Recording(soxr.resample(speech, RATE, rate), rate)).astype(float),
            strict=True,
        )
    )
    assert np.isfinite(list(found.values())).all()
    assert found["f0_semitones_mean"] == pytest.approx(reference["f0_semitones_mean"], abs=0.1)
    for name in ("voiced_share", "hnr_mean", "h1_h2_mean", "f1_mean", "f2_mean", "f3_mean", "duration"):
        assert found[name] == pytest.approx(reference[name], rel=0.12, abs=0.3), name
    # per second means per second, even where 10 ms are no whole number of samples
    assert found["f0_semitones_std"] == pytest.approx(reference["f0_semitones_std"], rel=0.05)
    assert found["voiced_duration_mean"] == pytest.approx(reference["voiced_duration_mean"], rel=0.1)


def test_bandwidth_is_where_the_recording_ends(speech):
    assert Analysis(speech, RATE).bandwidth > 7500
    for rate in (8000, 12000):
        narrow = soxr.resample(soxr.resample(speech, RATE, rate), rate, RATE)
        assert 0.9 * rate / 2 < Analysis(narrow, RATE).bandwidth <= rate / 2
    assert Analysis(np.zeros(100), RATE).bandwidth == 0


@pytest.mark.parametrize("family", EVERY)
def test_integers_are_what_they_stand_for(family, speech):
    steps = np.round(speech * 2**15).astype(np.int16)
    whole = family().compute(Recording(steps, RATE))
    np.testing.assert_array_equal(whole, family().compute(Recording((steps / 2**15).astype(np.float32), RATE)))


def test_what_is_no_sound():
    for signal in (np.zeros(0), np.ones((2, 3))):
        with pytest.raises(FeatureError, match="one row of samples"):
            Acoustic().process(signal, RATE)
    for signal in (np.array([0.1, np.nan]), np.array([-np.inf, 0.0]), np.array([0.0, 1e30])):
        with pytest.raises(FeatureError, match=r"whose full scale is 1, but they reach (nan|inf|1e\+30)"):
            Acoustic().process(signal, RATE)
    with pytest.raises(FeatureError, match="4000 samples a second at least, not 2000"):
        Acoustic().process(np.ones(10), 2000)
    with pytest.raises(FeatureError, match="differ in their number of frames"):
        Prosody("lld").transform([])


def test_ceiling_of_formants(speech):
    found = {c: by_name(VoiceQuality(functionals="basic", formant_ceiling=c), speech) for c in (5000.0, 5500.0)}
    assert found[5000.0]["f3_mean"] != found[5500.0]["f3_mean"]
    assert found[5000.0]["hnr_mean"] == found[5500.0]["hnr_mean"]
