"""Voice quality: how regular, how noisy, how bright a voice is, and its resonances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ferfusion.features.audio.analysis import Analysis
from ferfusion.features.audio.family import Descriptor, Family
from ferfusion.features.audio.lld.formants import find_formants
from ferfusion.features.audio.lld.harmonicity import find_hnr
from ferfusion.features.audio.lld.pulses import perturbation
from ferfusion.features.audio.lld.spectrum import slope_db
from ferfusion.features.audio.lld.voice import alpha_ratio, cepstral_peak, hammarberg, harmonic_levels, long_spectrum

__all__ = ["VoiceQuality"]


class VoiceQuality(Family):
    """Jitter, shimmer, harmonicity, cepstral peak, spectral balance, harmonics and formants.

    Parameters
    ----------
    level : {"functionals", "lld"}, default="functionals"
        One vector a recording, or descriptors frame by frame (10 ms).
    functionals : {"basic", "standard", "all"} or sequence of str, default="standard"
        Functionals of the descriptors.
    formant_ceiling : float, default=5500
        Frequency in hertz below which five formants are expected; 5000 suits men, 5500 women.
    sampling_rate : int or None, default=16000
        Rate in hertz to which recordings are resampled; None leaves them as they are.
    channel : int, default=0
        Channel that is read, counted from 0.

    Notes
    -----
    All descriptors but the spectral balance (alpha ratio, Hammarberg index, slopes) are those of voiced frames.
    ``jitter`` and ``shimmer`` of the whole are means over all periods. A gain changes nothing.
    In recordings that end below the ceiling, such as those of 8 kHz, fewer formants are looked for, below that end.

    Examples
    --------
    >>> VoiceQuality(level="lld").feature_names()[:4]
    ['jitter', 'shimmer', 'hnr', 'cpp']
    """

    def __init__(
        self,
        level: Literal["functionals", "lld"] = "functionals",
        functionals: str | Sequence[str] = "standard",
        formant_ceiling: float = 5500.0,
        sampling_rate: int | None = 16000,
        channel: int = 0,
    ) -> None:
        self.level = level
        self.functionals = functionals
        self.formant_ceiling = formant_ceiling
        self.sampling_rate = sampling_rate
        self.channel = channel

    def descriptors(self) -> list[Descriptor]:
        """Descriptors in the order of their columns."""
        voiced = [("jitter", ""), ("shimmer", ""), ("hnr", "dB"), ("cpp", "dB"), ("h1_h2", "dB"), ("h1_a3", "dB")]
        voiced += [(f"f{k}", "Hz") for k in (1, 2, 3)] + [(f"b{k}", "Hz") for k in (1, 2, 3)]
        balance = [("alpha_ratio", "dB"), ("hammarberg", "dB"), ("slope_0_500", "dB/kHz"), ("slope_500_1500", "dB/kHz")]
        return [Descriptor(*part, voiced=True) for part in voiced] + [Descriptor(*part) for part in balance]

    def frames_from(self, sound: Analysis) -> np.ndarray:
        """Descriptors, shape (n_frames, 16)."""
        jitter, shimmer = perturbation(sound.pulses, sound.times)
        formants, bandwidths = find_formants(
            sound.signal,
            sound.sampling_rate,
            sound.voiced,
            ceiling=self.formant_ceiling,
            bandwidth=sound.bandwidth,
        )
        cpp, h1_h2, h1_a3 = self._long_frames(sound, formants[:, 2])
        return np.column_stack(
            [
                np.where(sound.voiced, jitter, np.nan),
                np.where(sound.voiced, shimmer, np.nan),
                find_hnr(sound.signal, sound.sampling_rate, sound.pitch),
                cpp,
                h1_h2,
                h1_a3,
                formants,
                bandwidths,
                alpha_ratio(sound.power, sound.frequencies),
                hammarberg(sound.power, sound.frequencies),
                slope_db(sound.decibels, sound.frequencies, 0, 500),
                slope_db(sound.decibels, sound.frequencies, 500, 1500),
            ]
        )

    @staticmethod
    def _long_frames(sound: Analysis, third: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        columns = np.full((3, sound.n_frames), np.nan)
        power, spacing = long_spectrum(sound.signal, sound.sampling_rate, sound.voiced)
        levels = harmonic_levels(power, spacing, sound.pitch.f0[sound.voiced], third[sound.voiced])
        columns[0, sound.voiced] = cepstral_peak(power, spacing)
        columns[1, sound.voiced] = levels[:, 0] - levels[:, 1]
        columns[2, sound.voiced] = levels[:, 0] - levels[:, 2]
        return columns[0], columns[1], columns[2]

    def measures(self) -> list[Descriptor]:
        """Jitter and shimmer of all periods."""
        return [Descriptor("jitter_local"), Descriptor("shimmer_local")]

    def measures_from(self, sound: Analysis) -> np.ndarray:
        """Those two, 0 where there are fewer than three periods."""
        return np.nan_to_num(np.array([sound.pulses.jitter, sound.pulses.shimmer]))
