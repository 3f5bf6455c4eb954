"""Time-frequency images: one row a frame, one column a band, for models that learn from spectrograms."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.features.audio.lld.mel import gammatone_filters, mel_filters, power_to_db
from ferfusion.features.audio.lld.spectrogram import band_power, power_spectrogram, resized, transform_size
from ferfusion.features.extractor import AudioExtractor

__all__ = ["Cochleagram", "MelFrames", "Spectrogram"]

Scale = Literal["db", "magnitude", "power"]
_SCALES = ("db", "magnitude", "power")


class MelFrames(AudioExtractor):
    """Mel spectrogram.

    Parameters
    ----------
    n_mels : int, default=64
        Number of mel bands.
    scale : {"db", "magnitude", "power"}, default="db"
        Decibels (a gain of the recording adds a constant), the root of the power, or the power.
    fmin, fmax : float, default=0, None
        Lowest and highest frequency in hertz; None is half the sampling rate.
    window, step : float, default=0.025, 0.01
        Length of a frame, and time from one to the next, in seconds.
    htk : bool, default=False
        HTK's mel scale in place of Slaney's.
    top_db : float or None, default=80
        With ``scale="db"``: range below the loudest point of the recording.
    size : tuple of int, optional
        Bands and frames, ``(height, width)``, to which the image is resized; None leaves it as it is.
    sampling_rate : int or None, default=16000
        Rate in hertz to which recordings are resampled; None leaves them as they are.
    channel : int, default=0
        Channel that is read, counted from 0.

    Notes
    -----
    Frame k is centred on ``k * step`` seconds. Silence before the speech moves the image and leaves it otherwise as
    it is.

    Examples
    --------
    >>> MelFrames(n_mels=40).process(np.ones(16000, np.float32), 16000).shape
    (101, 40)
    """

    frames = True

    def __init__(
        self,
        n_mels: int = 64,
        scale: Scale = "db",
        fmin: float = 0.0,
        fmax: float | None = None,
        window: float = 0.025,
        step: float = 0.010,
        htk: bool = False,
        top_db: float | None = 80.0,
        size: tuple[int, int] | None = None,
        sampling_rate: int | None = 16000,
        channel: int = 0,
    ) -> None:
        self.n_mels = n_mels
        self.scale = scale
        self.fmin = fmin
        self.fmax = fmax
        self.window = window
        self.step = step
        self.htk = htk
        self.top_db = top_db
        self.size = size
        self.sampling_rate = sampling_rate
        self.channel = channel

    def feature_names(self) -> list[str]:
        """One name a band, from low to high."""
        return _names("mel", self.n_mels, self.size)

    def process(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Mel spectrogram of a signal.

        Parameters
        ----------
        signal : ndarray of float32, shape (n_samples,)
            Full scale is 1.
        sampling_rate : int
            In hertz.

        Returns
        -------
        ndarray of float32, shape (n_frames, n_mels)

        Raises
        ------
        FeatureError
            If the bands do not fit the sampling rate.
        """
        n_fft = transform_size(sampling_rate, self.window)
        filters = mel_filters(sampling_rate, n_fft, self.n_mels, self.fmin, self.fmax, self.htk)
        power = band_power(signal, sampling_rate, filters, window=self.window, step=self.step)
        return _image(power, self.scale, self.top_db, self.size)


class Cochleagram(AudioExtractor):
    """Spectrogram through gammatone filters, as wide as those of the ear [1]_.

    Parameters
    ----------
    n_bands : int, default=64
        Number of filters, equally spaced on the scale of equivalent rectangular bandwidths.
    scale : {"db", "magnitude", "power"}, default="db"
        Decibels (a gain of the recording adds a constant), the root of the power, or the power.
    fmin, fmax : float, default=50, None
        Lowest and highest centre in hertz; None is half the sampling rate, less the width of its filter.
    window, step : float, default=0.025, 0.01
        Length of a frame, and time from one to the next, in seconds.
    top_db : float or None, default=80
        With ``scale="db"``: range below the loudest point of the recording.
    size : tuple of int, optional
        Bands and frames, ``(height, width)``, to which the image is resized; None leaves it as it is.
    sampling_rate : int or None, default=16000
        Rate in hertz to which recordings are resampled; None leaves them as they are.
    channel : int, default=0
        Channel that is read, counted from 0.

    Notes
    -----
    The filters weigh a power spectrum: their time resolution is that of the window in every band.

    References
    ----------
    .. [1] Glasberg, Moore: Derivation of auditory filter shapes from notched-noise data. Hearing Research 47 (1-2),
       103-138, 1990. https://doi.org/10.1016/0378-5955(90)90170-T
    """

    frames = True

    def __init__(
        self,
        n_bands: int = 64,
        scale: Scale = "db",
        fmin: float = 50.0,
        fmax: float | None = None,
        window: float = 0.025,
        step: float = 0.010,
        top_db: float | None = 80.0,
        size: tuple[int, int] | None = None,
        sampling_rate: int | None = 16000,
        channel: int = 0,
    ) -> None:
        self.n_bands = n_bands
        self.scale = scale
        self.fmin = fmin
        self.fmax = fmax
        self.window = window
        self.step = step
        self.top_db = top_db
        self.size = size
        self.sampling_rate = sampling_rate
        self.channel = channel

    def feature_names(self) -> list[str]:
        """One name a band, from low to high."""
        return _names("gammatone", self.n_bands, self.size)

    def process(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Cochleagram of a signal.

        Parameters
        ----------
        signal : ndarray of float32, shape (n_samples,)
            Full scale is 1.
        sampling_rate : int
            In hertz.

        Returns
        -------
        ndarray of float32, shape (n_frames, n_bands)

        Raises
        ------
        FeatureError
            If the bands do not fit the sampling rate.
        """
        n_fft = transform_size(sampling_rate, self.window)
        filters = gammatone_filters(sampling_rate, n_fft, self.n_bands, self.fmin, self.fmax)
        power = band_power(signal, sampling_rate, filters, window=self.window, step=self.step)
        return _image(power, self.scale, self.top_db, self.size)


class Spectrogram(AudioExtractor):
    """Spectrogram with its equally spaced bins.

    Parameters
    ----------
    scale : {"db", "magnitude", "power"}, default="db"
        Decibels (a gain of the recording adds a constant), the root of the power, or the power.
    fmax : float, optional
        Highest bin in hertz; None is half the sampling rate.
    window, step : float, default=0.025, 0.01
        Length of a frame, and time from one to the next, in seconds.
    top_db : float or None, default=80
        With ``scale="db"``: range below the loudest point of the recording.
    size : tuple of int, optional
        Bins and frames, ``(height, width)``, to which the image is resized; None leaves it as it is.
    sampling_rate : int or None, default=16000
        Rate in hertz to which recordings are resampled; None leaves them as they are.
    channel : int, default=0
        Channel that is read, counted from 0.
    """

    frames = True

    def __init__(
        self,
        scale: Scale = "db",
        fmax: float | None = None,
        window: float = 0.025,
        step: float = 0.010,
        top_db: float | None = 80.0,
        size: tuple[int, int] | None = None,
        sampling_rate: int | None = 16000,
        channel: int = 0,
    ) -> None:
        self.scale = scale
        self.fmax = fmax
        self.window = window
        self.step = step
        self.top_db = top_db
        self.size = size
        self.sampling_rate = sampling_rate
        self.channel = channel

    def feature_names(self) -> list[str]:
        """One name a bin, from low to high.

        Raises
        ------
        FeatureError
            If neither sampling rate nor size says how many there are.
        """
        if self.size is None and self.sampling_rate is None:
            message = "The bins of a Spectrogram depend on the rate: give it a sampling_rate or a size."
            raise FeatureError(message)
        return _names("bin", 0 if self.sampling_rate is None else self._n_bins(self.sampling_rate), self.size)

    def process(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Spectrogram of a signal.

        Parameters
        ----------
        signal : ndarray of float32, shape (n_samples,)
            Full scale is 1.
        sampling_rate : int
            In hertz.

        Returns
        -------
        ndarray of float32, shape (n_frames, n_bins)
        """
        power = power_spectrogram(signal, sampling_rate, window=self.window, step=self.step)
        return _image(power[:, : self._n_bins(sampling_rate)], self.scale, self.top_db, self.size)

    def _n_bins(self, sampling_rate: int) -> int:
        n_fft = transform_size(sampling_rate, self.window)
        if self.fmax is None:
            return n_fft // 2 + 1
        return min(int(max(0.0, self.fmax) * n_fft / sampling_rate), n_fft // 2) + 1


def _names(kind: str, n_bands: int, size: tuple[int, int] | None) -> list[str]:
    # after resizing a row is no band of the bank any more
    kind, count = (kind, n_bands) if size is None else ("row", size[0])
    return [f"{kind}_{band:03d}" for band in range(count)]


def _image(power: np.ndarray, scale: str, top_db: float | None, size: tuple[int, int] | None) -> np.ndarray:
    if scale not in _SCALES:
        raise UnknownNameError("scale", scale, _SCALES)
    image = power_to_db(power, top_db) if scale == "db" else power
    if scale == "magnitude":
        image = np.sqrt(power)
    if size is not None:
        height, width = size
        image = resized(image, (width, height))
    return image.astype(np.float32)
