"""Visibility graphs of recordings: the contour of a recording as a landscape, and measures of who sees whom in it."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.features.audio.lld.frames import STEP, frame_count, frame_starts
from ferfusion.features.audio.lld.pitch import find_pitch
from ferfusion.features.extractor import AudioExtractor
from ferfusion.features.graph.measures import MEASURES, graph_measures
from ferfusion.features.graph.visibility import KINDS, visibility_edges

__all__ = ["SERIES", "ContourGraph", "VisibilityGraph", "contour_of"]

# name -> (what it is, unit)
SERIES = {
    "energy": ("root mean square of 25 ms, the mean of the recording taken away", "full scale"),
    "log_energy": ("the same in decibels, not below 60 dB under the loudest frame", "dB"),
    "f0": ("fundamental frequency of voiced frames; the others are left out", "Hz"),
}
_WIDTH = 0.025  # seconds
_RANGE = 60.0  # dB
_STEPS = 2.0**24  # of the height of a landscape; slopes between whole numbers are compared without error


class ContourGraph(NamedTuple):
    """A part of a contour and its visibility graph.

    Parameters
    ----------
    times : ndarray, shape (n_nodes,)
        Centres of the frames in seconds.
    values : ndarray, shape (n_nodes,)
        The contour there.
    edges : ndarray of int64, shape (n_edges, 2)
        Positions of two nodes, the earlier one first.
    """

    times: np.ndarray
    values: np.ndarray
    edges: np.ndarray


class VisibilityGraph(AudioExtractor):
    """Measures of the visibility graph [1]_ of a contour, such as that of the energy.

    Parameters
    ----------
    series : {"energy", "log_energy", "f0"}, default="energy"
        Contour: root mean square of frames of 25 ms; the same in decibels, not below 60 dB under the loudest frame;
        or the fundamental frequency, whose graph has voiced frames only as nodes.
    kind : {"natural", "horizontal"}, default="natural"
        Kind of the graph, see ``visibility_edges``.
    step : float, default=0.01
        Seconds from one frame to the next.
    max_nodes : int, default=1000
        A contour with more frames is cut into parts of as equal lengths as possible, as few as will do, and the
        measures are means over the parts: the density and the paths of a graph depend on its size.
    sampling_rate : int or None, default=16000
        Rate in hertz to which recordings are resampled; None leaves them as they are.
    channel : int, default=0
        Channel that is read, counted from 0.

    Notes
    -----
    The names are those of ``MEASURES`` behind ``vg_`` or, for the horizontal graph, ``hvg_``. A measure that is not
    defined, such as the path length of a single node, is NaN; a recording without voiced frames has a graph of F0
    without nodes.

    The contour is rounded to 2**24 steps between its lowest and its highest value, so that frames of silence are of
    the same height whatever the rounding of their energies. Graphs do not depend on the gain nor on a constant
    offset of the signal; they do depend on silence before and behind it, which adds nodes.

    Measures of graphs of the signal have been used for emotion in speech [2]_, density and clustering of the
    structural graph being the most telling. This is not that system: it has a second, statistical graph, and which
    contour and frames it takes is not known here.

    References
    ----------
    .. [1] Lacasa, Luque, Ballesteros, Luque, Nuño: From time series to complex networks: the visibility graph.
       PNAS 105, 2008. https://doi.org/10.1073/pnas.0709247105
    .. [2] Pentari, Kafentzis, Tsiknakis: Speech emotion recognition via graph-based representations. Scientific
       Reports 14, 2024. https://doi.org/10.1038/s41598-024-52989-2

    Examples
    --------
    >>> VisibilityGraph().feature_names()[:3]
    ['vg_n_nodes', 'vg_n_edges', 'vg_density']
    """

    def __init__(
        self,
        series: Literal["energy", "log_energy", "f0"] = "energy",
        kind: Literal["natural", "horizontal"] = "natural",
        step: float = STEP,
        max_nodes: int = 1000,
        sampling_rate: int | None = 16000,
        channel: int = 0,
    ) -> None:
        self.series = series
        self.kind = kind
        self.step = step
        self.max_nodes = max_nodes
        self.sampling_rate = sampling_rate
        self.channel = channel

    def feature_names(self) -> list[str]:
        """Names of the measures, with the kind of graph before them."""
        if self.kind not in KINDS:
            raise UnknownNameError("kind of visibility graph", self.kind, KINDS)
        prefix = "vg" if self.kind == "natural" else "hvg"
        return [f"{prefix}_{name}" for name in MEASURES]

    def process(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Measures of the graphs of a signal.

        Parameters
        ----------
        signal : ndarray of float32, shape (n_samples,)
            Full scale is 1.
        sampling_rate : int
            In hertz.

        Returns
        -------
        ndarray of float32, shape (n_features,)
            NaN where a measure is not defined.
        """
        parts = [graph_measures(part.edges, len(part.times)) for part in self.graphs(signal, sampling_rate)]
        table = np.array([[part[name] for name in MEASURES] for part in parts])
        defined = np.isfinite(table)
        count = np.where(defined.any(axis=0), defined.sum(axis=0), np.nan)
        return (np.where(defined, table, 0.0).sum(axis=0) / count).astype(np.float32)

    def graphs(self, signal: np.ndarray, sampling_rate: int) -> list[ContourGraph]:
        """Graphs whose measures the features are; one, unless the contour is a long one.

        Parameters
        ----------
        signal : ndarray, shape (n_samples,)
            Full scale is 1.
        sampling_rate : int
            In hertz.

        Returns
        -------
        list of ContourGraph
            In the order of time.

        Raises
        ------
        FeatureError
            If ``max_nodes`` is below 1, or ``step`` is less than a sample.
        """
        if self.max_nodes < 1:
            message = f"A graph has a node at least: max_nodes cannot be {self.max_nodes}."
            raise FeatureError(message)
        frames, values = _contour(signal, sampling_rate, self.series, self.step)
        n_parts = max(1, -(-len(values) // self.max_nodes))
        graphs = []
        for k, part in zip(np.array_split(frames, n_parts), np.array_split(values, n_parts), strict=True):
            edges = visibility_edges(_landscape(part), k, self.kind)
            graphs.append(ContourGraph(_seconds(k, sampling_rate, self.step), part, edges))
        return graphs


def contour_of(
    signal: np.ndarray, sampling_rate: int, series: str = "energy", step: float = STEP
) -> tuple[np.ndarray, np.ndarray]:
    """Contour of a signal.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Full scale is 1.
    sampling_rate : int
        In hertz.
    series : {"energy", "log_energy", "f0"}, default="energy"
        See ``VisibilityGraph``.
    step : float, default=0.01
        Seconds from one frame to the next.

    Returns
    -------
    times : ndarray, shape (n_frames,)
        Centres of the frames in seconds.
    values : ndarray, shape (n_frames,)
        In full scale, decibels (0 is a full scale square wave) or hertz; for F0 voiced frames only.

    Raises
    ------
    FeatureError
        If ``step`` is less than a sample.
    """
    frames, values = _contour(signal, sampling_rate, series, step)
    return _seconds(frames, sampling_rate, step), values


def _seconds(frames: np.ndarray, sampling_rate: int, step: float) -> np.ndarray:
    return frames * (round(step * sampling_rate) / sampling_rate)


def _contour(signal: np.ndarray, sampling_rate: int, series: str, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of frames, and the values there."""
    if series not in SERIES:
        raise UnknownNameError("series", series, SERIES)
    if round(step * sampling_rate) < 1:
        message = f"A step of {step} s is less than a sample at {sampling_rate} Hz."
        raise FeatureError(message)
    if series == "f0":
        pitch = find_pitch(signal, sampling_rate, step=step)
        return np.flatnonzero(pitch.voiced), pitch.f0[pitch.voiced]
    frames = np.arange(frame_count(len(signal), sampling_rate, step))
    energy = _rms(np.asarray(signal, dtype=np.float64), sampling_rate, step)
    if series == "energy":
        return frames, energy
    floor = energy.max() * 10 ** (-_RANGE / 20) or 1.0  # a silent recording is level anyway
    return frames, 20 * np.log10(np.maximum(energy, floor))


def _rms(x: np.ndarray, sampling_rate: int, step: float) -> np.ndarray:
    """Root mean square of the frames on the common grid, weighted by a Hann window."""
    x = x - x.mean()
    width = max(1, round(_WIDTH * sampling_rate))
    window = np.hanning(width + 2)[1:-1]
    padded = np.zeros(len(x) + 2 * width)
    padded[width : width + len(x)] = x**2
    views = np.lib.stride_tricks.sliding_window_view(padded, width)
    first = frame_starts(1, sampling_rate, width, step)[0]
    frames = views[first :: round(step * sampling_rate)][: frame_count(len(x), sampling_rate, step)]  # not copied
    return np.sqrt(np.einsum("ij,j->i", frames, window) / window.sum())


def _landscape(values: np.ndarray) -> np.ndarray:
    """A contour in whole numbers from 0 to 2**24; all 0 if it varies by no more than rounding does."""
    if len(values) == 0:
        return values
    low, high = values.min(), values.max()
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        return np.zeros(len(values))
    return np.round((values - low) / (high - low) * _STEPS)
