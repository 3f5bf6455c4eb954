"""Rhythm of speech as modulation spectrum."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.features.audio.lld.mel import gammatone_filters, mel_filters
from ferfusion.features.audio.lld.modulation import MODULATION_EDGES, band_energies, modulation_spectrum
from ferfusion.features.audio.lld.spectrogram import band_power, transform_size
from ferfusion.features.extractor import AudioExtractor

__all__ = ["Modulation"]

_BANKS = ("gammatone", "mel")
_FLOOR = 1e-6  # mean square depth: -60 dB
_FEWEST = 4  # frames
_SYLLABLES = (2.0, 8.0)  # hertz


class Modulation(AudioExtractor):
    """Modulation of the envelopes of bands in 1-2, 2-4, 4-8, 8-16 and 16-32 Hz, after [1]_.

    Parameters
    ----------
    bank : {"gammatone", "mel"}, default="gammatone"
        Filters whose envelopes are taken.
    n_bands : int, default=8
        Number of filters.
    fmin, fmax : float, default=100, None
        Lowest and highest centre (gammatone) or edge (mel) in hertz; None is as high as the sampling rate allows.
    window, step : float, default=0.025, 0.01
        Length of a frame, and time from one to the next, in seconds.
    segment : float, default=2
        Seconds of which a spectrum is made; those of longer recordings are averaged.
    sampling_rate : int or None, default=16000
        Rate in hertz to which recordings are resampled; None leaves them as they are.
    channel : int, default=0
        Channel that is read, counted from 0.

    Notes
    -----
    ``band03_mod_4_8`` is the mean square modulation depth of band 3 in 4 to 8 Hz, in dB: -3 for an envelope
    ``1 + sin``, -60 at least. ``mod_4_8`` is that of the mean spectrum of all bands, ``share_4_8`` its share of that
    from 1 to 32 Hz, ``centroid`` and ``spread`` are the mean and standard deviation of modulation frequency in hertz.
    ``syllabic_rate`` is its mean within 2 to 8 Hz, where that of syllables lies [2]_, and ``syllabic_peak`` the
    strongest frequency there.

    A gain of the recording changes nothing. Silence before and after counts as modulation. Slow modulation is
    blurred in recordings that are shorter than a few of its periods.

    References
    ----------
    .. [1] Wu, Falk, Chan: Automatic speech emotion recognition using modulation spectral features. Speech
       Communication 53, 768-785, 2011.
    .. [2] Ding, Patel, Chen, Butler, Luo, Poeppel: Temporal modulations in speech and music. Neuroscience and
       Biobehavioral Reviews 81, 181-187, 2017. https://doi.org/10.1016/j.neubiorev.2017.02.011

    Examples
    --------
    >>> len(Modulation().feature_names())
    54
    """

    def __init__(
        self,
        bank: Literal["gammatone", "mel"] = "gammatone",
        n_bands: int = 8,
        fmin: float = 100.0,
        fmax: float | None = None,
        window: float = 0.025,
        step: float = 0.010,
        segment: float = 2.0,
        sampling_rate: int | None = 16000,
        channel: int = 0,
    ) -> None:
        self.bank = bank
        self.n_bands = n_bands
        self.fmin = fmin
        self.fmax = fmax
        self.window = window
        self.step = step
        self.segment = segment
        self.sampling_rate = sampling_rate
        self.channel = channel

    def feature_names(self) -> list[str]:
        """Such as ``band03_mod_4_8``, ``share_4_8`` and ``syllabic_rate``."""
        ranges = [f"{low:g}_{high:g}" for low, high in pairwise(MODULATION_EDGES)]
        names = [f"band{band:02d}_mod_{between}" for band in range(self.n_bands) for between in ranges]
        names += [f"{kind}_{between}" for kind in ("mod", "share") for between in ranges]
        return [*names, "centroid", "spread", "syllabic_rate", "syllabic_peak"]

    def process(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Modulation of a signal.

        Parameters
        ----------
        signal : ndarray of float32, shape (n_samples,)
            Full scale is 1.
        sampling_rate : int
            In hertz.

        Returns
        -------
        ndarray of float32, shape (n_features,)
            NaN for silence and for fewer than four frames; shares and frequencies are NaN where nothing is modulated.

        Raises
        ------
        FeatureError
            If the bands do not fit the sampling rate, or frames are too far apart for the fastest modulation.
        """
        if self.step > 0.5 / MODULATION_EDGES[-1]:
            message = f"Frames every {self.step:g} s do not show modulation of {MODULATION_EDGES[-1]:g} Hz."
            raise FeatureError(message)
        if self.bank not in _BANKS:
            raise UnknownNameError("bank of filters", self.bank, _BANKS)
        filters = gammatone_filters if self.bank == "gammatone" else mel_filters
        weights = filters(sampling_rate, transform_size(sampling_rate, self.window), self.n_bands, self.fmin, self.fmax)
        power = band_power(signal, sampling_rate, weights, window=self.window, step=self.step)
        if len(power) < _FEWEST or not power.any():
            return np.full(len(self.feature_names()), np.nan, dtype=np.float32)
        frequencies, density = modulation_spectrum(
            np.sqrt(power), sampling_rate / round(self.step * sampling_rate), segment=self.segment
        )
        sounding = ~np.isnan(density[0])
        overall = density[:, sounding].mean(axis=1)
        by_band, total = band_energies(frequencies, density), band_energies(frequencies, overall[:, None])[:, 0]
        return np.concatenate(
            [_decibels(by_band.T.ravel()), _decibels(total), _summary(frequencies, overall, total)]
        ).astype(np.float32)


def _decibels(energy: np.ndarray) -> np.ndarray:
    return 10.0 * np.log10(np.maximum(energy, _FLOOR))


def _summary(frequencies: np.ndarray, density: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Shares, centroid, spread, and rate and peak of syllables."""
    if total.sum() < _FLOOR:
        return np.full(len(total) + 4, np.nan)
    moments = []
    for low, high in ((MODULATION_EDGES[0], MODULATION_EDGES[-1]), _SYLLABLES):
        inside = (frequencies >= low) & (frequencies <= high)
        f, weight = frequencies[inside], density[inside]
        weight = weight / weight.sum() if weight.sum() > 0 else np.full(len(f), np.nan)
        mean = f @ weight
        moments += [mean, np.sqrt(((f - mean) ** 2) @ weight), f[np.argmax(density[inside])]]
    centroid, spread, _, rate, _, peak = moments
    return np.array([*total / total.sum(), centroid, spread, rate, peak])
