"""Syllables, pauses and voiced stretches: of levels drawn by hand, and of synthetic speech of known syllables."""

from __future__ import annotations

import numpy as np
import pytest

from ferfusion.features.audio.analysis import Analysis
from ferfusion.features.audio.lld.rhythm import pauses, runs, syllables
from ferfusion.features.audio.prosody import Prosody


def test_runs():
    starts, lengths = runs(np.array([1, 1, 0, 0, 1, 0, 1, 1, 1], dtype=bool))
    assert starts.tolist() == [0, 4, 6]
    assert lengths.tolist() == [2, 1, 3]
    for mask, expected in ((np.zeros(4, bool), []), (np.ones(4, bool), [4]), (np.zeros(0, bool), [])):
        assert runs(mask)[1].tolist() == expected


def test_pauses():
    level = np.full(100, -20.0)
    level[:20] = level[-20:] = -80.0  # silence before and after the speech
    level[30:50] = -60.0
    level[60:70] = -60.0  # 100 ms: the closure of a plosive
    level[72:78] = -40.0  # not 25 dB down
    starts, lengths = pauses(level, 0.01)
    assert starts.tolist() == [30]
    assert lengths.tolist() == [20]
    assert pauses(level, 0.02)[0].tolist() == [30, 60]
    for flat in (np.full(50, -100.0), np.full(1, -10.0)):
        assert len(pauses(flat, 0.01)[0]) == 0


def test_syllables():
    t = np.arange(200)
    level = -20.0 + 5 * np.cos(2 * np.pi * (t - 20) / 40)  # peaks at 20, 60, 100, 140, 180
    level[:10] = level[-10:] = -60
    voiced = np.ones(200, dtype=bool)
    assert syllables(level, voiced).tolist() == [20, 60, 100, 140, 180]
    voiced[55:65] = False
    assert syllables(level, voiced).tolist() == [20, 100, 140, 180]
    quiet = level.copy()
    quiet[120:160] -= 30  # faint: no syllable
    assert syllables(quiet, voiced).tolist() == [20, 100, 180]
    assert len(syllables(-20.0 + 0.8 * np.cos(t / 5), np.ones(200, dtype=bool))) == 0  # dips of less than 2 dB
    np.testing.assert_array_equal(syllables(level + 30, voiced), syllables(level, voiced))
    for n in range(1, 6):
        assert len(syllables(np.full(n, -30.0), np.ones(n, dtype=bool))) == 0


def test_synthetic_speech(small_corpus):
    prosody = Prosody()
    names = [measure.name for measure in prosody.measures()]
    rows = []
    for name, signal in small_corpus.X["audio"].items():
        sound, truth = Analysis(signal, 16000), small_corpus.truth[name]
        found = dict(zip(names, prosody.measures_from(sound), strict=True))
        assert found["duration"] == pytest.approx(truth.duration, abs=1e-3)
        spoken = np.diff(truth.voiced, axis=1).sum()
        rows.append(
            (
                # silence before and after the syllables is 60 ms each
                (found["syllable_rate"] * truth.duration, truth.speech_rate * (truth.duration - 0.12)),
                (found["voiced_share"], spoken / truth.duration),
                (found["voiced_stretches"] * truth.duration, len(truth.voiced)),
                (found["voiced_duration_mean"], spoken / len(truth.voiced)),
            )
        )
    syllables_, share, stretches, length = np.array(rows).transpose(1, 2, 0)
    assert np.corrcoef(syllables_)[0, 1] > 0.93
    assert syllables_[0].sum() == pytest.approx(syllables_[1].sum(), rel=0.05)
    assert np.abs(share[0] - share[1]).max() < 0.06
    assert np.mean(np.abs(stretches[0] - stretches[1]) < 0.5) > 0.9
    assert np.corrcoef(length)[0, 1] > 0.95


def test_measures_by_hand(small_corpus):
    sound = Analysis(small_corpus.X["audio"].iloc[4], 16000)
    found = dict(zip([part.name for part in Prosody().measures()], Prosody().measures_from(sound), strict=True))
    stretches = np.split(np.arange(sound.n_frames), np.flatnonzero(np.diff(sound.voiced.astype(int))) + 1)
    voiced = [len(part) for part in stretches if sound.voiced[part[0]]]
    between = [len(part) for part in stretches[1:-1] if not sound.voiced[part[0]]]
    assert found["voiced_share"] == pytest.approx(sum(voiced) / sound.n_frames)
    assert found["voiced_stretches"] == pytest.approx(len(voiced) / sound.duration)
    assert found["voiced_duration_mean"] == pytest.approx(0.01 * np.mean(voiced))
    assert found["voiced_duration_std"] == pytest.approx(0.01 * np.std(voiced))
    assert found["unvoiced_duration_mean"] == pytest.approx(0.01 * np.mean(between))
    assert found["unvoiced_duration_std"] == pytest.approx(0.01 * np.std(between))
    still = pauses(sound.level, 0.01)[1]
    assert found["pauses"] == pytest.approx(len(still) / sound.duration)
    assert found["pause_share"] == pytest.approx(0.01 * still.sum() / sound.duration)
    nuclei = syllables(sound.level, sound.voiced)
    assert found["syllable_rate"] == pytest.approx(len(nuclei) / sound.duration)
    assert found["articulation_rate"] == pytest.approx(len(nuclei) / (sound.duration - 0.01 * still.sum()))
    assert found["syllable_interval_std"] == pytest.approx(0.01 * np.std(np.diff(nuclei)))
    last = np.flatnonzero(sound.voiced)
    last = last[last >= last[-1] - 50]  # half a second
    slope = np.polyfit(sound.times[last], 12 * np.log2(sound.pitch.f0[last]), 1)[0]
    assert found["f0_final_slope"] == pytest.approx(slope)


def test_a_falling_melody_falls():
    t = np.arange(16000) / 16000
    # 200 Hz, an octave lower after one second: 12 semitones a second
    phase = 200 * (1 - 2.0**-t) / np.log(2)
    found = Prosody(functionals=["slope", "mean", "p50"])
    values = dict(zip(found.feature_names(), found.process(np.sin(2 * np.pi * phase), 16000), strict=True))
    assert values["f0_final_slope"] == pytest.approx(-12, rel=0.04)  # the last windows see more of what was
    assert values["f0_semitones_slope"] == pytest.approx(-12, rel=0.02)
    assert values["f0_change_p50"] == pytest.approx(-12, rel=0.02)
    assert values["f0_semitones_mean"] == pytest.approx(12 * np.log2(200 / 27.5) - 6, abs=0.2)
    assert values["level_mean"] == pytest.approx(-3.1, abs=0.3)
    assert values["voiced_share"] > 0.95
