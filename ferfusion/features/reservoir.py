"""States of an echo-state network that hears the frames of another extractor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ferfusion.base.errors import AudioError, FeatureError, UnknownNameError
from ferfusion.features.echo_state import reservoir_states
from ferfusion.features.extractor import AudioExtractor

__all__ = ["Reservoir", "standardised"]

LEVELS = ("functionals", "lld")
_FUNCTIONALS = ("mean", "std", "last")


class Reservoir(AudioExtractor):
    """States of an untrained recurrent network, an echo-state network, that hears a recording frame by frame.

    The network turns a sequence into many features that know of order and past, and leaves learning to a simple
    classifier. Reservoirs that hear in both directions have been used for emotion in speech [1]_; as a way to
    represent sequences of several variables see [2]_. How the network works is told at ``reservoir_states``.

    Parameters
    ----------
    extractor : AudioExtractor
        Gives the frames, such as ``OpenSmile("eGeMAPSv02", level="lld")``. It decides on sampling rate and channel.
    n_units : int, default=500
        Size of the network.
    bidirectional : bool, default=True
        Whether a second pass through the same network hears the recording from its end.
    level : {"functionals", "lld"}, default="functionals"
        One vector a recording, or the states frame by frame.
    functionals : sequence of {"mean", "std", "last"}, default=("mean", "std", "last")
        Of each unit over the frames, for ``level="functionals"``. ``last`` is the state after all has been heard: at
        the first frame for the pass from the end.
    spectral_radius : float, default=0.9
        How long the network remembers; below 1 it forgets how it began.
    leak_rate : float, default=0.5
        How fast units follow, above 0 and up to 1.
    input_scaling, bias_scaling : float, default=0.1
        Largest weight of an input, and largest constant input of a unit.
    n_connections : int, default=10
        Units that each unit listens to.
    seed : int, default=0
        Of the random weights.

    Notes
    -----
    Frames are standardised descriptor by descriptor within the recording (``standardised``), so that the network
    does not hear how loud or high the recording is as a whole: use other views for that. It is many features that
    depend on each other: scikit-learn's projections and decompositions make fewer of them.

    References
    ----------
    .. [1] Ibrahim, Loo, Alnajjar: Speech emotion recognition by late fusion for bidirectional reservoir computing
       with random projection. IEEE Access 9, 2021. https://doi.org/10.1109/ACCESS.2021.3107858
    .. [2] Bianchi, Scardapane, Løkse, Jenssen: Reservoir computing approaches for representation and classification
       of multivariate time series. IEEE Transactions on Neural Networks and Learning Systems 32, 2021.
       https://doi.org/10.1109/TNNLS.2020.3001377

    Examples
    --------
    >>> from ferfusion.features import OpenSmile
    >>> features = Reservoir(OpenSmile("eGeMAPSv02", level="lld"), n_units=100)
    >>> len(features.feature_names()), features.feature_names()[0]
    (600, 'forward_0000_mean')
    """

    def __init__(
        self,
        extractor: AudioExtractor,
        n_units: int = 500,
        bidirectional: bool = True,
        level: Literal["functionals", "lld"] = "functionals",
        functionals: Sequence[str] = _FUNCTIONALS,
        spectral_radius: float = 0.9,
        leak_rate: float = 0.5,
        input_scaling: float = 0.1,
        bias_scaling: float = 0.1,
        n_connections: int = 10,
        seed: int = 0,
    ) -> None:
        self.extractor = extractor
        self.n_units = n_units
        self.bidirectional = bidirectional
        self.level = level
        self.functionals = functionals
        self.spectral_radius = spectral_radius
        self.leak_rate = leak_rate
        self.input_scaling = input_scaling
        self.bias_scaling = bias_scaling
        self.n_connections = n_connections
        self.seed = seed

    @property
    def frames(self) -> bool:  # type: ignore[override]
        """Whether it gives frames."""
        if self.level not in LEVELS:
            raise UnknownNameError("level", self.level, LEVELS)
        return self.level == "lld"

    @property
    def sampling_rate(self) -> int | None:  # type: ignore[override]
        """That of the extractor of frames."""
        return self._inner().sampling_rate

    @property
    def channel(self) -> int:  # type: ignore[override]
        """That of the extractor of frames."""
        return self._inner().channel

    @property
    def source(self) -> str:
        """That of the extractor of frames."""
        return self._inner().source

    @property
    def batches(self) -> bool:  # type: ignore[override]
        """Whether the extractor of frames works faster on many sources at once."""
        return self._inner().batches

    @property
    def prefer(self) -> str:
        """Workers that suit the extractor of frames."""
        return getattr(self._inner(), "prefer", "threads")

    def identity(self) -> dict[str, Any]:
        """Parameters, with the identity of the extractor of frames in place of it."""
        identity = super().identity()
        spelt = {"extractor": self._inner().identity(), "functionals": list(self._functionals())}
        identity["parameters"] = {**identity["parameters"], **spelt}
        return identity

    def feature_names(self) -> list[str]:
        """``<direction>_<unit>`` or ``<direction>_<unit>_<functional>``."""
        directions = ("forward", "backward") if self.bidirectional else ("forward",)
        units = [f"{direction}_{unit:04d}" for direction in directions for unit in range(self.n_units)]
        return units if self.frames else [f"{unit}_{name}" for unit in units for name in self._functionals()]

    def compute(self, source: Any) -> np.ndarray:
        """Let the extractor of frames read a recording, and hear it.

        Raises
        ------
        AudioError
            If the recording cannot be used.
        FeatureError
            If a parameter is out of its range, or ``extractor`` does not give frames.
        """
        return self._heard(self._inner().compute(source))

    def compute_many(self, sources: Sequence[Any]) -> list[np.ndarray]:
        """The same for several recordings."""
        return [self._heard(frames) for frames in self._inner().compute_many(sources)]

    def process(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """States of a signal, or their functionals.

        Parameters
        ----------
        signal : ndarray of float32, shape (n_samples,)
            Full scale is 1.
        sampling_rate : int
            In hertz.

        Returns
        -------
        ndarray of float32, shape (n_features,) or (n_frames, n_features)
        """
        return self._heard(self._inner().process(signal, sampling_rate))

    def _heard(self, frames: np.ndarray) -> np.ndarray:
        if len(frames) == 0:
            message = f"The recording has no frames: {type(self.extractor).__name__} gave none."
            raise AudioError(message)
        heard = standardised(frames)
        passes = [self._states(heard, reverse) for reverse in ((False, True) if self.bidirectional else (False,))]
        if self.frames:
            return np.concatenate(passes, axis=1).astype(np.float32)
        parts = []
        for states, last in zip(passes, (-1, 0), strict=False):
            values = {"mean": states.mean(axis=0), "std": states.std(axis=0), "last": states[last]}
            parts.append(np.column_stack([values[name] for name in self._functionals()]).ravel())
        return np.concatenate(parts).astype(np.float32)

    def _states(self, frames: np.ndarray, reverse: bool) -> np.ndarray:
        return reservoir_states(
            frames,
            n_units=self.n_units,
            spectral_radius=self.spectral_radius,
            leak_rate=self.leak_rate,
            input_scaling=self.input_scaling,
            bias_scaling=self.bias_scaling,
            n_connections=self.n_connections,
            seed=self.seed,
            reverse=reverse,
        )

    def _functionals(self) -> Sequence[str]:
        for name in self.functionals:
            if name not in _FUNCTIONALS:
                raise UnknownNameError("functional", name, _FUNCTIONALS)
        return self.functionals

    def _inner(self) -> AudioExtractor:
        if not isinstance(self.extractor, AudioExtractor) or not self.extractor.frames:
            message = f"A reservoir hears the frames of an extractor of sound (level='lld'), not {self.extractor!r}."
            raise FeatureError(message)
        return self.extractor


def standardised(frames: np.ndarray) -> np.ndarray:
    """Frames of one recording with mean 0 and standard deviation 1 in every column.

    Parameters
    ----------
    frames : ndarray, shape (n_frames, n_descriptors)
        NaN where a descriptor is not defined, as F0 is in unvoiced frames.

    Returns
    -------
    ndarray of float64, shape (n_frames, n_descriptors)
        0, which is the mean, where there was no finite number, and everywhere in columns that do not vary.
    """
    x = np.asarray(frames, dtype=np.float64)
    known = np.isfinite(x)
    count = np.maximum(known.sum(axis=0), 1)
    x = np.where(known, x, 0.0)
    centred = np.where(known, x - x.sum(axis=0) / count, 0.0)
    spread = np.sqrt((centred**2).sum(axis=0) / count)
    varies = spread > 1e-9 * np.abs(x).max(axis=0, initial=0.0)  # else it is rounding
    return np.where(varies, centred / np.where(varies, spread, 1.0), 0.0)
