"""Teager energy of critical bands."""

from __future__ import annotations

import numpy as np

from ferfusion.base.errors import FeatureError
from ferfusion.features.audio.lld.mel import power_to_db
from ferfusion.features.audio.lld.teager import critical_bands, teager_frames
from ferfusion.features.extractor import AudioExtractor

__all__ = ["TeagerEnergy"]

_MEASURES = ("energy_mean", "energy_std", "area_mean", "area_std")


class TeagerEnergy(AudioExtractor):
    """Teager energy [1]_ and its regularity in critical bands, after the idea of TEO-CB-Auto-Env [2]_.

    Parameters
    ----------
    window, step : float, default=0.04, 0.02
        Length of a frame, and time from one to the next, in seconds.
    range_db : float, default=40
        Frames whose Teager energy lies further below that of the strongest frame are left out, as silence.
    sampling_rate : int, default=16000
        Rate in hertz to which recordings are resampled; it decides how many bands there are.
    channel : int, default=0
        Channel that is read, counted from 0.

    Notes
    -----
    Of the whole signal (``full``) and of each critical band from 100 Hz on (``band00`` to ``band19`` at 16 kHz):
    mean and standard deviation over frames of the Teager energy in dB and of the area under the envelope of the
    autocorrelation of its profile, over that of a steady sound: the smaller, the less regular the excitation is.

    The features keep to the idea of the paper and not to its every detail: filters are gammatones of the bands'
    widths, frames and the envelope those of ``lld.teager``. In a band that reaches up to half the sampling rate
    energies may be off by a fifth.

    A gain of the recording adds a constant to the means of energy and changes nothing else. Silence around speech is
    left out.

    References
    ----------
    .. [1] Kaiser: On a simple algorithm to calculate the 'energy' of a signal. ICASSP 1990.
       https://doi.org/10.1109/ICASSP.1990.115702
    .. [2] Zhou, Hansen, Kaiser: Nonlinear feature based classification of speech under stress. IEEE Transactions on
       Speech and Audio Processing 9 (3), 201, 2001.

    Examples
    --------
    >>> len(TeagerEnergy().feature_names())
    84
    """

    def __init__(
        self,
        window: float = 0.040,
        step: float = 0.020,
        range_db: float = 40.0,
        sampling_rate: int = 16000,
        channel: int = 0,
    ) -> None:
        self.window = window
        self.step = step
        self.range_db = range_db
        self.sampling_rate = sampling_rate
        self.channel = channel

    def feature_names(self) -> list[str]:
        """Such as ``full_energy_mean`` and ``band03_area_std``.

        Raises
        ------
        FeatureError
            If there is no sampling rate, or it leaves no critical band.
        """
        if self.sampling_rate is None:
            message = "The number of critical bands depends on the rate: TeagerEnergy needs a sampling_rate."
            raise FeatureError(message)
        bands = ["full", *(f"band{band:02d}" for band in range(len(critical_bands(self.sampling_rate))))]
        return [f"{band}_{measure}" for band in bands for measure in _MEASURES]

    def process(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Teager energy of a signal.

        Parameters
        ----------
        signal : ndarray of float32, shape (n_samples,)
            Full scale is 1.
        sampling_rate : int
            In hertz.

        Returns
        -------
        ndarray of float32, shape (n_features,)
            Areas of silence are NaN.

        Raises
        ------
        FeatureError
            If frames have no samples, or the sampling rate leaves no critical band.
        """
        energy, area = teager_frames(signal, sampling_rate, window=self.window, step=self.step, range_db=self.range_db)
        # noise may take the operator below zero
        level = np.column_stack([power_to_db(band) for band in np.maximum(energy, 0.0).T])
        defined = ~np.isnan(area)
        count = defined.sum(axis=0)
        some = np.where(count > 0, count, 1)
        mean = np.where(defined, area, 0.0).sum(axis=0) / some
        spread = np.sqrt(np.where(defined, (area - mean) ** 2, 0.0).sum(axis=0) / some)
        areas = np.where(count > 0, [mean, spread], np.nan)
        return np.column_stack([level.mean(axis=0), level.std(axis=0), *areas]).ravel().astype(np.float32)
