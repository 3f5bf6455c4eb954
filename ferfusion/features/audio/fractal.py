"""Fractal dimensions of speech."""

from __future__ import annotations

import numpy as np

from ferfusion.features.audio.lld.fractal import fractal_frames, higuchi
from ferfusion.features.audio.lld.spectrogram import loud_frames
from ferfusion.features.extractor import AudioExtractor

__all__ = ["FractalDimension"]

_MEASURES = ("mean", "std", "p10", "median", "p90")


class FractalDimension(AudioExtractor):
    """Fractal dimensions by Higuchi [1]_ and Katz [2]_, in frames and over all.

    Parameters
    ----------
    window, step : float, default=0.032, 0.01
        Length of a frame, and time from one to the next, in seconds.
    longest : int, default=10
        Longest step of Higuchi's method, in samples.
    range_db : float, default=40
        Frames further below the loudest one are left out, as silence.
    sampling_rate : int or None, default=16000
        Rate in hertz to which recordings are resampled; None leaves them as they are. Dimensions depend on it.
    channel : int, default=0
        Channel that is read, counted from 0.

    Notes
    -----
    Of either dimension: mean, standard deviation, median and the 10th and 90th percentile over frames;
    ``higuchi_whole`` is that of the recording in one piece. Higuchi's is 1 for a straight line and about 2 for white
    noise. Katz's is that of amplitudes alone, without a unit of time: it is 1 for a straight line, too, and may
    exceed 2. A gain of the recording changes nothing. Silence around speech is left out, but of ``higuchi_whole``.

    References
    ----------
    .. [1] Higuchi: Approach to an irregular time series on the basis of the fractal theory. Physica D 31, 277-283,
       1988. https://doi.org/10.1016/0167-2789(88)90081-4
    .. [2] Katz: Fractals and the analysis of waveforms. Computers in Biology and Medicine 18, 145-156, 1988.
       https://doi.org/10.1016/0010-4825(88)90041-8

    Examples
    --------
    >>> FractalDimension().feature_names()[:3]
    ['higuchi_mean', 'higuchi_std', 'higuchi_p10']
    """

    def __init__(
        self,
        window: float = 0.032,
        step: float = 0.010,
        longest: int = 10,
        range_db: float = 40.0,
        sampling_rate: int | None = 16000,
        channel: int = 0,
    ) -> None:
        self.window = window
        self.step = step
        self.longest = longest
        self.range_db = range_db
        self.sampling_rate = sampling_rate
        self.channel = channel

    def feature_names(self) -> list[str]:
        """Such as ``higuchi_mean`` and ``katz_p90``."""
        return [f"{kind}_{measure}" for kind in ("higuchi", "katz") for measure in _MEASURES] + ["higuchi_whole"]

    def process(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Fractal dimensions of a signal.

        Parameters
        ----------
        signal : ndarray of float32, shape (n_samples,)
            Full scale is 1.
        sampling_rate : int
            In hertz.

        Returns
        -------
        ndarray of float32, shape (11,)
            NaN where no frame has the dimension, as in silence.

        Raises
        ------
        FeatureError
            If frames have no samples or ``longest`` is less than 2.
        """
        dimensions, power = fractal_frames(
            signal, sampling_rate, window=self.window, step=self.step, longest=self.longest
        )
        spoken = loud_frames(power, self.range_db)
        whole = higuchi(np.asarray(signal)[None], self.longest)
        return np.concatenate([*(_summary(column[spoken]) for column in dimensions.T), whole]).astype(np.float32)


def _summary(values: np.ndarray) -> np.ndarray:
    values = values[~np.isnan(values)]
    if not len(values):
        return np.full(len(_MEASURES), np.nan)
    return np.array([values.mean(), values.std(), *np.percentile(values, [10, 50, 90])])
