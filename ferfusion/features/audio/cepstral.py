"""Cepstral descriptors: the spectrum's envelope in a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ferfusion.base.errors import UnknownNameError
from ferfusion.features.audio.analysis import N_MELS, Analysis
from ferfusion.features.audio.family import Descriptor, Family
from ferfusion.features.audio.lld import cepstra
from ferfusion.features.audio.lld.mel import gammatone_filters, power_to_db

__all__ = ["Cepstral"]

KINDS = ("mfcc", "gfcc", "lpcc", "plp", "mel")
_N_GAMMATONE = 32


class Cepstral(Family):
    """Mel, gammatone, linear-prediction and perceptual cepstra, mel bands, and their changes.

    Parameters
    ----------
    kinds : sequence of {"mfcc", "gfcc", "lpcc", "plp", "mel"}, default=("mfcc", "gfcc", "lpcc", "plp", "mel")
        Which; ``mel`` are the levels of 40 mel bands in dB.
    n_coefficients : int, default=13
        Of each kind of cepstrum.
    deltas : {0, 1, 2}, default=0
        Orders of change over time to add as descriptors. Functionals hold the spread of the changes in any case.
    level : {"functionals", "lld"}, default="functionals"
        One vector a recording, or descriptors frame by frame (10 ms).
    functionals : {"basic", "standard", "all"} or sequence of str, default="standard"
        Functionals of the descriptors.
    sampling_rate : int or None, default=16000
        Rate in hertz to which recordings are resampled; None leaves them as they are.
    channel : int, default=0
        Channel that is read, counted from 0.

    Notes
    -----
    A gain changes ``mfcc_0`` and the mel bands (levels) and nothing else.

    Examples
    --------
    >>> Cepstral(("mfcc",), n_coefficients=2, deltas=1, level="lld").feature_names()
    ['mfcc_0', 'mfcc_1', 'mfcc_0_delta', 'mfcc_1_delta']
    """

    def __init__(
        self,
        kinds: Sequence[str] = KINDS,
        n_coefficients: int = 13,
        deltas: int = 0,
        level: Literal["functionals", "lld"] = "functionals",
        functionals: str | Sequence[str] = "standard",
        sampling_rate: int | None = 16000,
        channel: int = 0,
    ) -> None:
        self.kinds = kinds
        self.n_coefficients = n_coefficients
        self.deltas = deltas
        self.level = level
        self.functionals = functionals
        self.sampling_rate = sampling_rate
        self.channel = channel

    def descriptors(self) -> list[Descriptor]:
        """Descriptors in the order of their columns."""
        plain: list[Descriptor] = []
        for kind in self.kinds:
            if kind not in KINDS:
                raise UnknownNameError("kind of cepstrum", kind, KINDS)
            # the model cepstra have no coefficient of the level
            first = 1 if kind in ("lpcc", "plp") else 0
            n = N_MELS if kind == "mel" else self.n_coefficients
            unit = "dB" if kind in ("mfcc", "mel") else ""
            plain += [Descriptor(f"{kind}_{k + first}", unit) for k in range(n)]
        changes = ("_delta", "_delta2")[: self.deltas]
        return plain + [Descriptor(part.name + change, part.unit) for change in changes for part in plain]

    def frames_from(self, sound: Analysis) -> np.ndarray:
        """Descriptors, shape (n_frames, n_descriptors)."""
        self.descriptors()  # names are checked before anything is computed
        plain = np.column_stack([self._kind(kind, sound) for kind in self.kinds])
        parts = [plain]
        for _ in range(self.deltas):
            parts.append(cepstra.deltas(parts[-1]))
        return np.column_stack(parts)

    def _kind(self, kind: str, sound: Analysis) -> np.ndarray:
        n = self.n_coefficients
        if kind == "mfcc":
            return cepstra.mfcc(sound.mel, n)
        if kind == "mel":
            return power_to_db(sound.mel)
        if kind == "gfcc":
            filters = gammatone_filters(sound.sampling_rate, sound.n_fft, _N_GAMMATONE)
            return cepstra.gfcc(sound.power @ filters.T.astype(np.float32), n)
        if kind == "lpcc":
            return cepstra.lpcc(sound.power, n)
        return cepstra.plp(sound.power, sound.frequencies, n)
