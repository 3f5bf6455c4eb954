"""Measures of wavelet packet bands."""

from __future__ import annotations

import numpy as np

from ferfusion.features.audio.lld.wavelets import NODE_MEASURES, node_measures, wavelet_packet
from ferfusion.features.extractor import AudioExtractor

__all__ = ["WaveletPacket"]


class WaveletPacket(AudioExtractor):
    """Energy, entropy and moments of the bands of a wavelet packet tree, as in [1]_.

    Parameters
    ----------
    wavelet : str, default="db4"
        A discrete wavelet of PyWavelets.
    maxlevel : int, default=5
        How often bands are halved: there are ``2 ** maxlevel``, of 250 Hz each by default.
    mode : str, default="periodization"
        How the signal goes on beyond its ends, as in PyWavelets.
    sampling_rate : int or None, default=16000
        Rate in hertz to which recordings are resampled; None leaves them as they are.
    channel : int, default=0
        Channel that is read, counted from 0.

    Notes
    -----
    Needs PyWavelets. Node 0 is the lowest band. Of each node: ``energy`` (share of that of all nodes),
    ``log_energy`` (mean square in dB), ``entropy`` (0: one click; 1: spread evenly over time), ``mean``, ``std``,
    ``skew`` and ``kurtosis`` of the coefficients; ``nodes_entropy`` says how evenly energy is spread over nodes. A
    gain of the recording adds a constant to ``log_energy`` and multiplies ``mean`` and ``std``; nothing else changes.

    References
    ----------
    .. [1] Wang, An, Li: Speech emotion recognition based on wavelet packet coefficient model. International Symposium
       on Chinese Spoken Language Processing 2014. https://doi.org/10.1109/ISCSLP.2014.6936710

    Examples
    --------
    >>> len(WaveletPacket().feature_names())
    225
    """

    def __init__(
        self,
        wavelet: str = "db4",
        maxlevel: int = 5,
        mode: str = "periodization",
        sampling_rate: int | None = 16000,
        channel: int = 0,
    ) -> None:
        self.wavelet = wavelet
        self.maxlevel = maxlevel
        self.mode = mode
        self.sampling_rate = sampling_rate
        self.channel = channel

    def feature_names(self) -> list[str]:
        """Such as ``node03_energy``; ``nodes_entropy`` at the end."""
        names = [f"node{node:02d}_{measure}" for node in range(2**self.maxlevel) for measure in NODE_MEASURES]
        return [*names, "nodes_entropy"]

    def process(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Measures of a signal.

        Parameters
        ----------
        signal : ndarray of float32, shape (n_samples,)
            Full scale is 1.
        sampling_rate : int
            In hertz.

        Returns
        -------
        ndarray of float32, shape (n_features,)
            NaN where a measure is not defined, as the shape of silence.

        Raises
        ------
        UnknownNameError
            If PyWavelets has no such wavelet or mode.
        MissingDependencyError
            If PyWavelets is not installed.
        """
        nodes = wavelet_packet(signal, wavelet=self.wavelet, level=self.maxlevel, mode=self.mode)
        measures = node_measures(nodes)
        share = measures[:, 0]
        evenness = -(share * np.log(np.where(share > 0, share, 1.0))).sum() / np.log(len(share))
        return np.append(measures.ravel(), evenness).astype(np.float32)
