"""Speech as a pretrained network hears it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ferfusion.base.errors import UnknownNameError
from ferfusion.features.audio.reading import read_audio
from ferfusion.features.extractor import AudioExtractor
from ferfusion.nn.pretrained import SAMPLING_RATE, SpeechEncoder

__all__ = ["AudioEmbedding", "pool_frames"]

_POOLING = ("mean", "meanstd", "frames")
_PORTION = 16  # recordings in memory at a time


class AudioEmbedding(AudioExtractor):
    """Hidden states of wav2vec 2.0, HuBERT or WavLM, over the whole recording or frame by frame (20 ms).

    Parameters
    ----------
    model : str
        Path of a folder in the form of transformers (``config.json`` and weights), or a name on the Hugging Face hub of
        a model that is on this machine already.
    layer : int or "mean", default=-1
        Which hidden state: 0 is the input of the first transformer layer, k the output of the k-th, -1 that of the
        last; the mean over all of them for ``"mean"``.
    pooling : {"mean", "meanstd", "frames"}, default="mean"
        The mean over time, mean and standard deviation, or the frames themselves.
    channel : int, default=0
        Channel that is read, counted from 0. It is resampled to 16 kHz.
    chunk : float, default=20.0
        Longest piece that is worked on at once, in seconds; longer recordings are cut.
    overlap : float, default=2.0
        Seconds that neighbouring pieces share.
    device : str, default="auto"
        ``"cpu"``, ``"cuda"``, ...; ``"auto"`` is the first GPU of NVIDIA's kind if there is one.
    batch_size : int, default=1
        Pieces that are worked on together; more of them are faster on a GPU.
    allow_download : bool, default=False
        Whether a model that is not on this machine may be fetched from the hub.

    Notes
    -----
    The weights and the configuration belong to the identity of the extractor, their path does not: a model that is
    moved is the same, a model that was trained further is another. Device and batches change the numbers by no more
    than rounding; one piece at a time gives the same numbers always. Needs ``ferfusion[deep]``.

    See Also
    --------
    ferfusion.nn.SpeechEncoder : What does the work, with the papers.
    """

    sampling_rate = SAMPLING_RATE
    batches = True

    def __init__(
        self,
        model: str,
        layer: int | Literal["mean"] = -1,
        pooling: Literal["mean", "meanstd", "frames"] = "mean",
        channel: int = 0,
        chunk: float = 20.0,
        overlap: float = 2.0,
        device: str = "auto",
        batch_size: int = 1,
        allow_download: bool = False,
    ) -> None:
        self.model = model
        self.layer = layer
        self.pooling = pooling
        self.channel = channel
        self.chunk = chunk
        self.overlap = overlap
        self.device = device
        self.batch_size = batch_size
        self.allow_download = allow_download

    @property
    def frames(self) -> bool:  # type: ignore[override]
        """Whether it gives frames."""
        if self.pooling not in _POOLING:
            raise UnknownNameError("pooling", self.pooling, _POOLING)
        return self.pooling == "frames"

    def identity(self) -> dict[str, Any]:
        """Parameters that change numbers, and the content of the model in place of its path."""
        encoder = self._encoder()
        names = ("layer", "pooling", "channel", "chunk", "overlap")
        model = {"kind": encoder.config["model_type"], "sha256": encoder.digest}
        own = {name: getattr(self, name) for name in names}
        return {**super().identity(), "parameters": {"model": model, **own}}

    def feature_names(self) -> list[str]:
        """``dim_0``, ... of frames; ``mean_0``, ... and ``std_0``, ... over time."""
        kinds = ["dim"] if self.frames else ["mean", "std"] if self.pooling == "meanstd" else ["mean"]
        return [f"{kind}_{i}" for kind in kinds for i in range(self._encoder().n_features)]

    def process(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Hidden states of a signal.

        Parameters
        ----------
        signal : ndarray of float32, shape (n_samples,)
            Full scale is 1.
        sampling_rate : int
            In hertz; 16000.

        Returns
        -------
        ndarray of float32, shape (n_features,) or (n_frames, n_features)

        Raises
        ------
        AudioError
            If the signal is shorter than 25 ms.
        FeatureError
            If the model is not there or cannot be loaded.
        MissingDependencyError
            If torch or transformers is not installed.
        """
        return self._of_signals([signal])[0]

    def compute_many(self, sources: Sequence[Any]) -> list[np.ndarray]:
        """Hidden states of several recordings, pieces of which go through the network together."""
        out: list[np.ndarray] = []
        for first in range(0, len(sources), _PORTION):
            portion = sources[first : first + _PORTION]
            out += self._of_signals([read_audio(source, SAMPLING_RATE, self.channel)[0] for source in portion])
        return out

    def _of_signals(self, signals: list[np.ndarray]) -> list[np.ndarray]:
        keep = self.frames
        frames = self._encoder().frames(signals)
        return frames if keep else [pool_frames(rows, deviation=self.pooling == "meanstd") for rows in frames]

    def _encoder(self) -> SpeechEncoder:
        return SpeechEncoder(
            self.model,
            layer=self.layer,
            device=self.device,
            chunk=self.chunk,
            overlap=self.overlap,
            batch_size=self.batch_size,
            allow_download=self.allow_download,
        )


def pool_frames(frames: np.ndarray, *, deviation: bool = False) -> np.ndarray:
    """Mean over time, and the standard deviation behind it on request.

    Parameters
    ----------
    frames : ndarray, shape (n_frames, n_features)
        At least one frame.
    deviation : bool, default=False
        Whether the standard deviation (of the frames that are there, not an estimate for more) is wanted, too.

    Returns
    -------
    ndarray of float32, shape (n_features,) or (2 * n_features,)

    Examples
    --------
    >>> pool_frames(np.array([[1.0, 2.0], [3.0, 2.0]]), deviation=True).tolist()
    [2.0, 2.0, 1.0, 0.0]
    """
    frames = frames.astype(np.float64)
    parts = [frames.mean(axis=0), frames.std(axis=0)] if deviation else [frames.mean(axis=0)]
    return np.concatenate(parts).astype(np.float32)
