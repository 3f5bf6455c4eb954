"""The standard feature sets of the field, computed by openSMILE.

openSMILE is source-available for private, research and educational use only; commercial use needs a licence
from audEERING. ferfusion neither contains nor changes it.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np

from ferfusion.base.errors import AudioError, UnknownNameError
from ferfusion.base.optional import installed, require
from ferfusion.features.extractor import AudioExtractor

__all__ = ["OPENSMILE_SETS", "OpenSmile", "opensmile_installed"]

# name -> (number of functionals, where it was published)
OPENSMILE_SETS = {
    "eGeMAPSv02": (88, "Eyben et al., IEEE Trans. Affective Computing 2016"),
    "ComParE_2016": (6373, "Schuller et al., Interspeech 2016"),
    "emobase": (988, "Eyben et al., ACM Multimedia 2010"),
    "IS09": (384, "Schuller et al., Interspeech 2009"),
    "IS10": (1582, "Schuller et al., Interspeech 2010"),
    "IS11": (4368, "Schuller et al., Interspeech 2011"),
    "IS12": (6125, "Schuller et al., Interspeech 2012"),
    "IS13": (6373, "Schuller et al., Interspeech 2013"),
}
_LEVELS = {"functionals": "func", "lld": "lld"}
_FULL_SCALE = 1.0 - 2.0**-15


def opensmile_installed() -> bool:
    """Whether the package is there."""
    return installed("opensmile")


class OpenSmile(AudioExtractor):
    """A standard feature set, by openSMILE [1]_.

    Parameters
    ----------
    feature_set : str, default="eGeMAPSv02"
        ``eGeMAPSv02`` (88 functionals), ``ComParE_2016`` (6373), ``emobase`` (988), ``IS09`` (384), ``IS10``
        (1582), ``IS11`` (4368), ``IS12`` (6125) or ``IS13`` (6373).
    level : {"functionals", "lld"}, default="functionals"
        One vector a recording, or low-level descriptors frame by frame (10 ms).
    sampling_rate : int or None, default=16000
        Rate in hertz to which recordings are resampled; None leaves them as they are.
    channel : int, default=0
        Channel that is read, counted from 0.

    Notes
    -----
    openSMILE's licence does not allow commercial use. Samples at full scale are held one step below it, since
    openSMILE's 16-bit input would turn +1.0 into -1.0.

    References
    ----------
    .. [1] Eyben, Wöllmer, Schuller: openSMILE - the Munich versatile and fast open-source audio feature
       extractor. ACM Multimedia 2010. https://doi.org/10.1145/1873951.1874246

    Examples
    --------
    >>> len(OpenSmile("eGeMAPSv02").feature_names())
    88
    """

    def __init__(
        self,
        feature_set: str = "eGeMAPSv02",
        level: Literal["functionals", "lld"] = "functionals",
        sampling_rate: int | None = 16000,
        channel: int = 0,
    ) -> None:
        self.feature_set = feature_set
        self.level = level
        self.sampling_rate = sampling_rate
        self.channel = channel

    @property
    def frames(self) -> bool:  # type: ignore[override]
        """Whether it gives frames."""
        return self.level == "lld"

    def identity(self) -> dict[str, Any]:
        """Parameters and the version of openSMILE."""
        return {**super().identity(), "opensmile": self._package().__version__}

    def feature_names(self) -> list[str]:
        """Names as openSMILE gives them."""
        return list(self._smile().feature_names)

    def process(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Run openSMILE.

        Parameters
        ----------
        signal : ndarray of float32, shape (n_samples,)
            Full scale is 1.
        sampling_rate : int
            In hertz.

        Returns
        -------
        ndarray of float32, shape (n_features,) or (n_frames, n_features)
            NaN where openSMILE gives no finite number.

        Raises
        ------
        AudioError
            If the signal is shorter than what the feature set needs.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Segment too short")
            try:
                out = self._smile()(np.clip(signal, -1.0, _FULL_SCALE), sampling_rate)[0]
            except UserWarning:
                out = np.full((1, 1), np.nan)
        # filters of warnings are shared by threads, so that the warning may pass: its values tell, too
        if np.isnan(out).all():
            seconds = len(signal) / sampling_rate
            message = f"The recording of {seconds:.3f} s is too short for openSMILE's {self.feature_set}."
            raise AudioError(message)
        out = np.where(np.isfinite(out), out, np.nan).astype(np.float32)
        return out.T if self.frames else out[:, 0]

    def _package(self) -> Any:
        return require("opensmile", needed_by="OpenSmile (licence: non-commercial)", install="opensmile")

    def _smile(self) -> Any:
        if self.feature_set not in OPENSMILE_SETS:
            raise UnknownNameError("openSMILE feature set", self.feature_set, OPENSMILE_SETS)
        if self.level not in _LEVELS:
            raise UnknownNameError("level", self.level, _LEVELS)
        made_for = (self.feature_set, self.level)
        if getattr(self, "_made_for", None) != made_for:
            package = self._package()
            self._cached = package.Smile(package.FeatureSet[self.feature_set], _LEVELS[self.level])
            self._made_for = made_for
        return self._cached

    def __getstate__(self) -> dict[str, Any]:
        # openSMILE's own object is made anew wherever it is needed: it neither travels nor is saved
        state = super().__getstate__()
        return {key: value for key, value in state.items() if key not in ("_cached", "_made_for")}
