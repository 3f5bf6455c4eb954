"""Wavelet packets: a signal split into bands of the same width, and what the coefficients of a band look like."""

from __future__ import annotations

import numpy as np

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.base.optional import require

__all__ = ["NODE_MEASURES", "node_measures", "wavelet_packet"]

NODE_MEASURES = ("energy", "log_energy", "entropy", "mean", "std", "skew", "kurtosis")
_TOP_DB = 100.0  # nodes further below the strongest one hold nothing but rounding


def wavelet_packet(
    signal: np.ndarray, *, wavelet: str = "db4", level: int = 5, mode: str = "periodization"
) -> np.ndarray:
    """Coefficients of all nodes of a level of the wavelet packet tree, from low to high frequencies.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        One sample at least.
    wavelet : str, default="db4"
        A discrete wavelet of PyWavelets.
    level : int, default=5
        How often bands are halved.
    mode : str, default="periodization"
        How the signal goes on beyond its ends, as in PyWavelets. With ``periodization`` and an orthogonal wavelet
        the energy of the coefficients is that of the signal (if its length is a multiple of ``2 ** level``).

    Returns
    -------
    ndarray of float64, shape (2 ** level, n_coefficients)
        Node k holds about ``k`` to ``k + 1`` times the sampling rate over ``2 ** (level + 1)``.

    Raises
    ------
    UnknownNameError
        If PyWavelets has no such wavelet or mode.
    FeatureError
        If the level is less than 1.
    MissingDependencyError
        If PyWavelets is not installed.
    """
    pywt = require("pywt", needed_by="WaveletPacket", install="PyWavelets")
    if level < 1:
        message = f"A wavelet packet tree has 1 level or more, not {level}."
        raise FeatureError(message)
    if mode not in pywt.Modes.modes:
        raise UnknownNameError("mode of a wavelet transform", mode, pywt.Modes.modes)
    if wavelet not in pywt.wavelist(kind="discrete"):
        raise UnknownNameError("discrete wavelet", wavelet, pywt.wavelist(kind="discrete"))
    nodes = np.asarray(signal, dtype=np.float64)[None]
    for _ in range(level):
        nodes = np.stack(pywt.dwt(nodes, wavelet, mode, axis=-1), axis=1).reshape(2 * len(nodes), -1)
    # the high half of a high band comes out mirrored: the tree's order is the Gray code of that of frequencies
    order = np.arange(len(nodes))
    return nodes[order ^ (order >> 1)]


def node_measures(nodes: np.ndarray) -> np.ndarray:
    """Measures of the coefficients of each node.

    Parameters
    ----------
    nodes : ndarray, shape (n_nodes, n_coefficients)
        As ``wavelet_packet`` gives them.

    Returns
    -------
    ndarray of float64, shape (n_nodes, 7)
        In the order of ``NODE_MEASURES``: share of the energy of all nodes; mean square in decibels, 100 dB below
        the strongest node at least; entropy of the squares over that of equal squares (1: spread evenly over time);
        mean, standard deviation, skewness and excess kurtosis. NaN where a share, an entropy or a shape is not
        defined, as in silence.
    """
    n_nodes, n = nodes.shape
    peak = float(np.abs(nodes).max())
    if peak < np.finfo(float).tiny * 1e20:
        flat = np.full((n_nodes, len(NODE_MEASURES)), np.nan)
        flat[:, [1, 3, 4]] = -200.0, 0.0, 0.0
        return flat
    x = nodes / peak
    squares = x * x
    energy = squares.sum(axis=1)
    share = energy / energy.sum()
    floor = 10.0 ** (-_TOP_DB / 10.0)
    audible = share > floor * share.max()
    level = 10.0 * np.log10(np.maximum(energy, floor * energy.max()) / n) + 20.0 * np.log10(peak)
    p = squares / np.where(energy > 0, energy, 1.0)[:, None]
    spread = -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1) / np.log(max(n, 2))
    mean = x.mean(axis=1)
    centred = x - mean[:, None]
    second = centred * centred
    moments = [second.mean(axis=1), (second * centred).mean(axis=1), (second * second).mean(axis=1)]
    shaped = audible & (moments[0] > 1e-20 * energy / n)  # else all coefficients are the same
    variance = np.where(shaped, moments[0], 1.0)
    return np.column_stack(
        [
            share,
            level,
            np.where(audible & (n > 1), spread, np.nan),
            peak * mean,
            peak * np.sqrt(moments[0]),
            np.where(shaped, moments[1] / variance**1.5, np.nan),
            np.where(shaped, moments[2] / variance**2 - 3.0, np.nan),
        ]
    )
