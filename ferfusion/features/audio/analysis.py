"""One sound, analysed once: what several families of descriptors need is computed when first asked for, and kept."""

from __future__ import annotations

from copy import copy
from functools import cached_property

import numpy as np
from scipy import fft

from ferfusion.base.errors import FeatureError
from ferfusion.features.audio.lld import spectrum
from ferfusion.features.audio.lld.frames import frame_count, frames_of_signal, hann, hop_of, times_of
from ferfusion.features.audio.lld.mel import mel_filters
from ferfusion.features.audio.lld.pitch import Pitch, find_pitch
from ferfusion.features.audio.lld.pulses import Pulses, find_pulses

__all__ = ["Analysis"]

WINDOW = 0.025  # seconds of a spectral frame
_LOUDNESS_WINDOW = 0.040  # seconds; longer than a period of the deepest voice, so that its pulses do not show
_QUIETEST = 1e-10  # power below which levels are not told apart: -100 dB re full scale
N_MELS = 40
_LOWEST_RATE = 4000  # hertz: the balance of the spectrum compares what lies below and above 2 kHz
_LOUDEST = 1e9  # beyond all units of sound; powers must stay within single precision
_BEYOND = 1e-6  # share of the power above the end of the band: 60 dB, as steep as resampling filters are


class Analysis:
    """Frames, spectra, pitch and pulses of a sound.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Full scale is 1.
    sampling_rate : int
        In hertz, 4000 at least.

    Raises
    ------
    FeatureError
        If the signal has no samples, some that are not finite or beyond all scales, or the rate is too low.

    Attributes
    ----------
    times : ndarray, shape (n_frames,)
        Centres of the frames in seconds, every 10 ms from 0.
    voiced : ndarray of bool, shape (n_frames,)
    pitch : Pitch
    pulses : Pulses
    frequencies : ndarray, shape (n_bins,)
        Of the spectrum, in hertz.
    power : ndarray, shape (n_frames, n_bins)
        Squared magnitudes under a Hann window of 25 ms.
    magnitude : ndarray, shape (n_frames, n_bins)
    decibels : ndarray, shape (n_frames, n_bins)
        Levels, at most 100 dB below the greatest of the frame.
    mel : ndarray, shape (n_frames, 40)
        Power in mel bands up to half the sampling rate.
    bandwidth : float
        Frequency in hertz above which there is next to nothing: below 4000 for recordings of 8 kHz, whatever rate they
        were brought to.
    level : ndarray, shape (n_frames,)
        Loudness in dB re full scale, mean power under a Hann window of 40 ms.
    """

    def __init__(self, signal: np.ndarray, sampling_rate: int) -> None:
        self.signal = np.ascontiguousarray(signal, dtype=np.float64)
        _check(self.signal)
        if sampling_rate < _LOWEST_RATE:
            message = f"Descriptors of speech need {_LOWEST_RATE} samples a second at least, not {sampling_rate:g}."
            raise FeatureError(message)
        self.sampling_rate = int(sampling_rate)
        self.n_frames = frame_count(len(self.signal), self.sampling_rate)
        self.duration = len(self.signal) / self.sampling_rate
        self.step = hop_of(self.sampling_rate) / self.sampling_rate  # 10 ms, or as near as samples allow

    @cached_property
    def times(self) -> np.ndarray:
        """Centres of the frames in seconds."""
        return times_of(len(self.signal), self.sampling_rate)

    @cached_property
    def pitch(self) -> Pitch:
        """Contour of the fundamental frequency."""
        return find_pitch(self.signal, self.sampling_rate)

    def with_pitch(self, pitch: Pitch) -> Analysis:
        """The same sound with another contour of the fundamental frequency, and what follows from it."""
        other = copy(self)
        for name in ("voiced", "pulses"):
            other.__dict__.pop(name, None)
        other.__dict__["pitch"] = pitch
        return other

    @cached_property
    def voiced(self) -> np.ndarray:
        """Which frames are voiced."""
        return self.pitch.voiced

    @cached_property
    def pulses(self) -> Pulses:
        """Periods of the voice."""
        return find_pulses(self.signal, self.sampling_rate, self.pitch)

    @cached_property
    def n_fft(self) -> int:
        """Length of the Fourier transform: the power of two above the window, 512 at 16 kHz."""
        return 2 ** int(np.ceil(np.log2(WINDOW * self.sampling_rate * 1.25)))

    @cached_property
    def frequencies(self) -> np.ndarray:
        """Of the spectrum, in hertz."""
        return np.fft.rfftfreq(self.n_fft, 1.0 / self.sampling_rate)

    @cached_property
    def power(self) -> np.ndarray:
        """Squared magnitudes."""
        width = round(WINDOW * self.sampling_rate)
        # centred in the transform, as the frames of other libraries are
        window = np.zeros(self.n_fft, dtype=np.float32)  # single precision is that of the recordings
        start = (self.n_fft - width) // 2
        window[start : start + width] = hann(width)
        frames = frames_of_signal(self.signal.astype(np.float32), self.sampling_rate, self.n_fft)
        bins = fft.rfft(frames * window, axis=1, overwrite_x=True)
        return bins.real**2 + bins.imag**2

    @cached_property
    def magnitude(self) -> np.ndarray:
        """Magnitudes."""
        return np.sqrt(self.power)

    @cached_property
    def mel(self) -> np.ndarray:
        """Power in mel bands."""
        return self.power @ _single(mel_filters(self.sampling_rate, self.n_fft, N_MELS))

    @cached_property
    def decibels(self) -> np.ndarray:
        """Levels of the spectrum."""
        return spectrum.decibels(self.power)

    @cached_property
    def bandwidth(self) -> float:
        """Frequency above which there is next to nothing."""
        above = np.cumsum(self.power.sum(axis=0, dtype=np.float64)[::-1])
        return float(np.count_nonzero(above > _BEYOND * above[-1]) * self.frequencies[1])

    @cached_property
    def level(self) -> np.ndarray:
        """Loudness in dB re full scale."""
        width = round(_LOUDNESS_WINDOW * self.sampling_rate)
        weights = hann(width)
        centred = self.signal - self.signal.mean()
        squared = frames_of_signal(centred**2, self.sampling_rate, width)
        return 10.0 * np.log10(np.maximum(np.einsum("ti,i->t", squared, weights) / weights.sum(), _QUIETEST))


def _check(signal: np.ndarray) -> None:
    """Kernels work without bounds: what they are given must make sense."""
    if signal.ndim != 1 or not len(signal):
        message = f"A sound is one row of samples, one at least, not an array of shape {signal.shape}."
        raise FeatureError(message)
    peak = float(np.abs(signal).max())
    if not peak <= _LOUDEST:
        message = f"Samples must be finite numbers whose full scale is 1, but they reach {peak:g}."
        raise FeatureError(message)


def _single(filters: np.ndarray) -> np.ndarray:
    return filters.astype(np.float32).T
