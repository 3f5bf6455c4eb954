"""Directions in a constant-Q spectrogram, seen as an image."""

from __future__ import annotations

import numpy as np

from ferfusion.base.errors import FeatureError
from ferfusion.base.optional import require
from ferfusion.features.audio.lld.constant_q import constant_q
from ferfusion.features.audio.lld.mel import power_to_db
from ferfusion.features.audio.lld.spectrogram import resized
from ferfusion.features.extractor import AudioExtractor

__all__ = ["ConstantQHog"]


class ConstantQHog(AudioExtractor):
    """Histograms of oriented gradients [1]_ of a constant-Q spectrogram, as in [2]_.

    The spectrogram in decibels is resized to an image of a fixed size, low frequencies first. Gradients in time and
    frequency are counted by their direction in cells, and normalised in overlapping blocks of cells.

    Parameters
    ----------
    fmin : float, default=60
        Lowest centre in hertz.
    n_octaves : int, default=7
        Octaves from the lowest band on; the highest band lies one step below the last octave.
    bins_per_octave : int, default=12
        Bands in an octave.
    step : float, default=0.01
        Seconds from one frame to the next.
    top_db : float, default=80
        Range in decibels below the loudest point.
    size : tuple of int, default=(64, 64)
        Height (frequency) and width (time) of the image in pixels.
    orientations : int, default=9
        Directions that are told apart.
    cell : int, default=8
        Pixels of a cell in height and width.
    block : int, default=2
        Cells of a block in height and width.
    sampling_rate : int or None, default=16000
        Rate in hertz to which recordings are resampled; None leaves them as they are.
    channel : int, default=0
        Channel that is read, counted from 0.

    Notes
    -----
    Needs scikit-image. A gain of the recording changes nothing. Silence gives zeros. Names read
    ``hog_f02_t05_c01_o3``: block in frequency and time, cell in it (row, column), direction.

    References
    ----------
    .. [1] Dalal, Triggs: Histograms of oriented gradients for human detection. CVPR 2005.
       https://doi.org/10.1109/CVPR.2005.177
    .. [2] Rakotomamonjy, Gasso: Histogram of gradients of time-frequency representations for audio scene detection.
       IEEE/ACM Transactions on Audio, Speech and Language Processing 23 (1), 142-153, 2015.
       https://doi.org/10.1109/TASLP.2014.2375575

    Examples
    --------
    >>> len(ConstantQHog().feature_names())
    1764
    """

    def __init__(
        self,
        fmin: float = 60.0,
        n_octaves: int = 7,
        bins_per_octave: int = 12,
        step: float = 0.010,
        top_db: float = 80.0,
        size: tuple[int, int] = (64, 64),
        orientations: int = 9,
        cell: int = 8,
        block: int = 2,
        sampling_rate: int | None = 16000,
        channel: int = 0,
    ) -> None:
        self.fmin = fmin
        self.n_octaves = n_octaves
        self.bins_per_octave = bins_per_octave
        self.step = step
        self.top_db = top_db
        self.size = size
        self.orientations = orientations
        self.cell = cell
        self.block = block
        self.sampling_rate = sampling_rate
        self.channel = channel

    def feature_names(self) -> list[str]:
        """Block in frequency and time, cell in it, direction.

        Raises
        ------
        FeatureError
            If the image has not a single block.
        """
        high, wide = self._blocks()
        cells = [(row, column) for row in range(self.block) for column in range(self.block)]
        return [
            f"hog_f{i:02d}_t{j:02d}_c{row}{column}_o{direction}"
            for i in range(high)
            for j in range(wide)
            for row, column in cells
            for direction in range(self.orientations)
        ]

    def image(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """The image whose gradients are counted.

        Parameters
        ----------
        signal : ndarray of float32, shape (n_samples,)
            Full scale is 1.
        sampling_rate : int
            In hertz.

        Returns
        -------
        ndarray of float64, shape ``size``
            From 0 (``top_db`` below the loudest point, or less) to 1.

        Raises
        ------
        FeatureError
            If the bands do not fit the sampling rate.
        """
        magnitude = constant_q(
            signal,
            sampling_rate,
            fmin=self.fmin,
            n_bins=self.n_octaves * self.bins_per_octave,
            bins_per_octave=self.bins_per_octave,
            step=self.step,
        )
        level = power_to_db(magnitude.T**2, self.top_db)
        return resized(1.0 + (level - level.max()) / self.top_db, self.size)

    def process(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Histograms of a signal.

        Parameters
        ----------
        signal : ndarray of float32, shape (n_samples,)
            Full scale is 1.
        sampling_rate : int
            In hertz.

        Returns
        -------
        ndarray of float32, shape (n_features,)
            Between 0 and 1.

        Raises
        ------
        FeatureError
            If the bands do not fit the sampling rate, or the image has not a single block.
        MissingDependencyError
            If scikit-image is not installed.
        """
        self._blocks()
        feature = require("skimage.feature", needed_by="ConstantQHog", install="scikit-image")
        values = feature.hog(
            self.image(signal, sampling_rate),
            orientations=self.orientations,
            pixels_per_cell=(self.cell, self.cell),
            cells_per_block=(self.block, self.block),
            block_norm="L2-Hys",
        )
        return values.astype(np.float32)

    def _blocks(self) -> tuple[int, int]:
        high, wide = (pixels // self.cell - self.block + 1 for pixels in self.size)
        if min(high, wide) < 1:
            message = f"An image of {self.size} pixels has no block of {self.block} cells of {self.cell} pixels."
            raise FeatureError(message)
        return high, wide
