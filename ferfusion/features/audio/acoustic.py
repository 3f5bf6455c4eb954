"""Several families of one sound in one view, with one analysis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ferfusion.base.errors import UnknownNameError
from ferfusion.features.audio.analysis import Analysis
from ferfusion.features.audio.cepstral import Cepstral
from ferfusion.features.audio.family import Descriptor, Family
from ferfusion.features.audio.prosody import Prosody
from ferfusion.features.audio.quality import VoiceQuality
from ferfusion.features.audio.spectral import Spectral

__all__ = ["FAMILIES", "Acoustic"]

FAMILIES: dict[str, type[Family]] = {
    "prosody": Prosody,
    "quality": VoiceQuality,
    "spectral": Spectral,
    "cepstral": Cepstral,
}


class Acoustic(Family):
    """Prosodic, voice-quality, spectral and cepstral descriptors together.

    Nothing is computed twice, so it is quicker than the families one by one. The numbers are theirs.

    Parameters
    ----------
    families : sequence of {"prosody", "quality", "spectral", "cepstral"}, default=all four
        Which, in the order of their columns.
    level : {"functionals", "lld"}, default="functionals"
        One vector a recording, or descriptors frame by frame (10 ms).
    functionals : {"basic", "standard", "all"} or sequence of str, default="standard"
        Functionals of the descriptors.
    sampling_rate : int or None, default=16000
        Rate in hertz to which recordings are resampled; None leaves them as they are.
    channel : int, default=0
        Channel that is read, counted from 0.

    Examples
    --------
    >>> len(Acoustic(level="lld").feature_names())
    156
    """

    def __init__(
        self,
        families: Sequence[str] = tuple(FAMILIES),
        level: Literal["functionals", "lld"] = "functionals",
        functionals: str | Sequence[str] = "standard",
        sampling_rate: int | None = 16000,
        channel: int = 0,
    ) -> None:
        self.families = families
        self.level = level
        self.functionals = functionals
        self.sampling_rate = sampling_rate
        self.channel = channel

    def _parts(self) -> list[Family]:
        for name in self.families:
            if name not in FAMILIES:
                raise UnknownNameError("family of descriptors", name, FAMILIES)
        common: dict[str, Any] = {"level": self.level, "functionals": self.functionals}
        return [FAMILIES[name](**common) for name in self.families]

    def descriptors(self) -> list[Descriptor]:
        """Descriptors of all families."""
        return [descriptor for part in self._parts() for descriptor in part.descriptors()]

    def frames_from(self, sound: Analysis) -> np.ndarray:
        """Descriptors, shape (n_frames, n_descriptors)."""
        return np.column_stack([part.frames_from(sound) for part in self._parts()])

    def measures(self) -> list[Descriptor]:
        """Measures of all families."""
        return [measure for part in self._parts() for measure in part.measures()]

    def measures_from(self, sound: Analysis) -> np.ndarray:
        """Those measures, shape (n_measures,)."""
        return np.concatenate([part.measures_from(sound) for part in self._parts()])
