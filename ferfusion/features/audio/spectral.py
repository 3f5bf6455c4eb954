"""Shape of the spectrum: where its energy lies, how it is spread, how it changes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

from ferfusion.features.audio.analysis import WINDOW, Analysis
from ferfusion.features.audio.family import Descriptor, Family
from ferfusion.features.audio.lld import spectrum
from ferfusion.features.audio.lld.frames import frames_of_signal

__all__ = ["Spectral"]

_SHARES = (0.25, 0.5, 0.75, 0.9)
_EDGES = [0.0, 250.0, 500.0, 1000.0, 1500.0, 2000.0, 3000.0, 4000.0]
_CONTRAST_BANDS = 4  # octaves above 200 Hz, so that recordings of 8 kHz have them all
_PITCHES = ("c", "cis", "d", "dis", "e", "f", "fis", "g", "gis", "a", "ais", "b")


class Spectral(Family):
    """Moments, slope, flux, roll-off, flatness, entropy, contrast, chroma, tonnetz, bands, zero crossings.

    Parameters
    ----------
    level : {"functionals", "lld"}, default="functionals"
        One vector a recording, or descriptors frame by frame (10 ms).
    functionals : {"basic", "standard", "all"} or sequence of str, default="standard"
        Functionals of the descriptors.
    sampling_rate : int or None, default=16000
        Rate in hertz to which recordings are resampled; None leaves them as they are, and then what they hold above
        8 kHz counts.
    channel : int, default=0
        Channel that is read, counted from 0.

    Notes
    -----
    Spectra are those of 25 ms under a Hann window. A gain changes nothing.

    Examples
    --------
    >>> Spectral(level="lld").feature_names()[:3]
    ['centroid', 'spread', 'spectral_skewness']
    """

    def __init__(
        self,
        level: Literal["functionals", "lld"] = "functionals",
        functionals: str | Sequence[str] = "standard",
        sampling_rate: int | None = 16000,
        channel: int = 0,
    ) -> None:
        self.level = level
        self.functionals = functionals
        self.sampling_rate = sampling_rate
        self.channel = channel

    def descriptors(self) -> list[Descriptor]:
        """Descriptors in the order of their columns."""
        bands = pairwise(_EDGES)
        return [
            Descriptor("centroid", "Hz"),
            Descriptor("spread", "Hz"),
            Descriptor("spectral_skewness"),
            Descriptor("spectral_kurtosis"),
            Descriptor("spectral_slope", "dB/kHz"),
            Descriptor("flux"),
            *(Descriptor(f"rolloff_{round(100 * share)}", "Hz") for share in _SHARES),
            Descriptor("flatness"),
            Descriptor("entropy"),
            Descriptor("zero_crossings"),
            *(Descriptor(f"share_{low:.0f}_{high:.0f}") for low, high in bands),
            *(Descriptor(f"contrast_{k}", "dB") for k in range(_CONTRAST_BANDS + 1)),
            *(Descriptor(f"chroma_{name}") for name in _PITCHES),
            *(Descriptor(f"tonnetz_{k}") for k in range(6)),
        ]

    def frames_from(self, sound: Analysis) -> np.ndarray:
        """Descriptors, shape (n_frames, 43)."""
        f, power, magnitude = sound.frequencies, sound.power, sound.magnitude
        chroma = spectrum.chroma(power, spectrum.chroma_filters(sound.sampling_rate, sound.n_fft))
        waves = frames_of_signal(sound.signal - sound.signal.mean(), sound.sampling_rate, self._width(sound))
        return np.column_stack(
            [
                spectrum.moments(magnitude, f),
                spectrum.slope_db(sound.decibels, f, 0.0, 5000.0),
                spectrum.flux(magnitude),
                spectrum.rolloff(magnitude, f, _SHARES),
                spectrum.flatness(power, sound.decibels),
                spectrum.entropy(power, sound.decibels),
                spectrum.zero_crossings(waves),
                spectrum.band_shares(power, f, _EDGES),
                spectrum.contrast(magnitude, f, _CONTRAST_BANDS),
                chroma,
                spectrum.tonnetz(chroma),
            ]
        )

    @staticmethod
    def _width(sound: Analysis) -> int:
        return round(WINDOW * sound.sampling_rate)
