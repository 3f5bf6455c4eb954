"""Texts as a pretrained network reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ferfusion.features.extractor import Extractor
from ferfusion.nn.pretrained import TextEncoder

__all__ = ["TextEmbedding"]


class TextEmbedding(Extractor):
    """Vector of a text by a model of sentence-transformers, or by another transformer averaged over its tokens.

    Parameters
    ----------
    model : str
        Path of a folder, or a name on the Hugging Face hub of a model that is on this machine already.
    device : str, default="auto"
        ``"cpu"``, ``"cuda"``, ...; ``"auto"`` is the first GPU of NVIDIA's kind if there is one.
    batch_size : int, default=32
        Texts that are worked on together.
    allow_download : bool, default=False
        Whether a model that is not on this machine may be fetched from the hub.

    Notes
    -----
    The weights, the vocabulary and the configuration belong to the identity of the extractor, their path does not.
    Device and batches change the numbers by no more than rounding. Of texts longer than the model's limit the beginning
    counts. Needs ``ferfusion[text]``.

    See Also
    --------
    ferfusion.nn.TextEncoder : What does the work.
    """

    modality = "text"
    batches = True

    def __init__(self, model: str, device: str = "auto", batch_size: int = 32, allow_download: bool = False) -> None:
        self.model = model
        self.device = device
        self.batch_size = batch_size
        self.allow_download = allow_download

    def identity(self) -> dict[str, Any]:
        """The content of the model, in place of its path."""
        return {**super().identity(), "parameters": {"model": {"sha256": self._encoder().digest}}}

    def feature_names(self) -> list[str]:
        """``dim_0``, ``dim_1``, ..."""
        return [f"dim_{i}" for i in range(self._encoder().n_features)]

    def compute(self, source: Any) -> np.ndarray:
        """Vector of a text.

        Raises
        ------
        FeatureError
            If the model is not there or cannot be loaded.
        MissingDependencyError
            If sentence-transformers, or torch or transformers, is not installed.
        """
        return self._encoder().vectors([source])[0]

    def compute_many(self, sources: Sequence[Any]) -> list[np.ndarray]:
        """Vectors of several texts, which go through the network together."""
        return list(self._encoder().vectors(list(sources)))

    def _encoder(self) -> TextEncoder:
        return TextEncoder(
            self.model, device=self.device, batch_size=self.batch_size, allow_download=self.allow_download
        )
