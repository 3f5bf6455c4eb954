"""What families of descriptors share: frames on a common grid, functionals of them, one analysis for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from ferfusion.base.errors import UnknownNameError
from ferfusion.features.audio.analysis import Analysis
from ferfusion.features.audio.functionals import FUNCTIONALS, functional_names, functionals_of
from ferfusion.features.extractor import AudioExtractor

__all__ = ["Descriptor", "Family"]

LEVELS = ("functionals", "lld")


class Descriptor(NamedTuple):
    """A low-level descriptor: a column of the table of frames.

    Parameters
    ----------
    name : str
        In snake case, such as ``mfcc_3``.
    unit : str
        Such as ``Hz`` or ``dB``; empty for ratios.
    voiced : bool
        Whether it is meant for voiced frames only (NaN elsewhere).
    """

    name: str
    unit: str = ""
    voiced: bool = False


class Family(AudioExtractor):
    """Low-level descriptors of a kind, or their functionals.

    Subclasses write ``descriptors`` and ``frames_from``, and where they measure whole recordings ``measures`` and
    ``measures_from``. They have the parameters ``level``, ``functionals``, ``sampling_rate`` and ``channel``.
    """

    level: Literal["functionals", "lld"] = "functionals"
    functionals: str | Sequence[str] = "standard"

    @property
    def frames(self) -> bool:  # type: ignore[override]
        """Whether it gives frames."""
        if self.level not in LEVELS:
            raise UnknownNameError("level", self.level, LEVELS)
        return self.level == "lld"

    def descriptors(self) -> list[Descriptor]:
        """Descriptors, in the order of their columns."""
        raise NotImplementedError

    def frames_from(self, sound: Analysis) -> np.ndarray:
        """Descriptors of a sound, shape (n_frames, n_descriptors); NaN where one is not defined."""
        raise NotImplementedError

    def measures(self) -> list[Descriptor]:
        """Numbers about a whole recording that are no functionals of a descriptor."""
        return []

    def measures_from(self, sound: Analysis) -> np.ndarray:
        """Those numbers, shape (n_measures,)."""
        return np.empty(0)

    def feature_names(self) -> list[str]:
        """Names of descriptors, or ``<descriptor>_<functional>`` and of measures of the whole."""
        if self.frames:
            return [descriptor.name for descriptor in self.descriptors()]
        return functional_names(self.descriptors(), self.functionals) + [measure.name for measure in self.measures()]

    def units(self) -> dict[str, str]:
        """Unit of each descriptor and measure."""
        return {part.name: part.unit for part in (*self.descriptors(), *self.measures())}

    def process(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Descriptors or functionals of a signal.

        Parameters
        ----------
        signal : ndarray of float32, shape (n_samples,)
            Full scale is 1.
        sampling_rate : int
            In hertz.

        Returns
        -------
        ndarray of float32, shape (n_features,) or (n_frames, n_descriptors)
            NaN where something is not defined, as F0 is in unvoiced frames.
        """
        return self.features_from(Analysis(signal, sampling_rate))

    def features_from(self, sound: Analysis) -> np.ndarray:
        """The same of a sound that other families may have analysed before."""
        frames = self.frames_from(sound)
        if self.frames:
            return frames.astype(np.float32)
        values = functionals_of(frames, sound.voiced, self.descriptors(), self.functionals, step=sound.step)
        return np.concatenate([values, self.measures_from(sound)]).astype(np.float32)

    def identity(self) -> dict[str, Any]:
        """Parameters, with the functionals spelt out."""
        identity = super().identity()
        chosen = self.functionals
        named = FUNCTIONALS.get(chosen, (chosen,)) if isinstance(chosen, str) else tuple(chosen)
        return {**identity, "parameters": {**identity["parameters"], "functionals": list(named)}}
