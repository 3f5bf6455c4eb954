"""What every extractor shares. A new one says its names and what it makes of one source; the rest is here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.errors import FeatureError
from ferfusion.features.audio.reading import Recording, read_audio
from ferfusion.features.sources import digest_of

__all__ = ["AudioExtractor", "Extractor", "LearningExtractor"]


class Extractor(TransformerMixin, BaseEstimator):
    """Features of one source at a time, without learning.

    Subclasses set ``modality``, where it is not their material also ``source``, and write ``feature_names`` and
    ``compute``. Those that work faster on many sources at once set ``batches`` and write ``compute_many``.
    """

    modality: str
    learns = False
    frames = False
    batches = False
    version = 1  # raised when the same parameters begin to give other numbers

    @property
    def source(self) -> str:
        """Column that holds the material: ``audio``, ``text``, ``words`` or ``video``; the modality's unless set."""
        return self.modality

    def feature_names(self) -> list[str]:
        """Names of the features, without the view."""
        raise NotImplementedError

    def compute(self, source: Any) -> np.ndarray:
        """Features of one source.

        Parameters
        ----------
        source : Recording, str or list
            As the column ``source`` gives it (see ``sources.sources_of``); never missing.

        Returns
        -------
        ndarray of float32, shape (n_features,) or, for frames, (n_frames, n_features)
        """
        raise NotImplementedError

    def compute_many(self, sources: Sequence[Any]) -> list[np.ndarray]:
        """Features of several sources, the same as of each alone.

        Parameters
        ----------
        sources : sequence
            None of them missing.

        Returns
        -------
        list of ndarray

        Raises
        ------
        AudioError, FeatureError
            If one of them cannot be used; who asked then tries them one by one.
        """
        return [self.compute(source) for source in sources]

    def digest(self, source: Any) -> str:
        """Digest of what the numbers are made from; empty where that is not there."""
        return digest_of(source)

    def identity(self) -> dict[str, Any]:
        """All on which the numbers depend, ready for JSON."""
        own = type(self).__module__.startswith("ferfusion.")
        # somebody else's class may have the name of another; ours may move to another file
        name = type(self).__name__ if own else f"{type(self).__module__}.{type(self).__qualname__}"
        return {"extractor": name, "version": self.version, "parameters": self.get_params(deep=False)}

    def fingerprint(self) -> str:
        """Digest of the identity, 16 hexadecimal digits."""
        return sha256(json.dumps(self.identity(), sort_keys=True, default=repr).encode()).hexdigest()[:16]

    def fit(self, X: Any = None, y: Any = None) -> Extractor:
        """Nothing is learnt; here for pipelines."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return not self.learns

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the features."""
        return np.array(self.feature_names(), dtype=object)

    def transform(self, X: Any) -> pd.DataFrame:
        """Features of a list of sources.

        Parameters
        ----------
        X : sequence of paths, texts or Recordings
            For tables with many views, faults and a store use ``Views``.

        Returns
        -------
        DataFrame, shape (n_sources, n_features)
        """
        if self.frames:
            message = "Recordings differ in their number of frames: ask for one with compute(), or use Views."
            raise FeatureError(message)
        values = self.compute_many([self._source(item) for item in X])
        return pd.DataFrame(np.array(values), columns=self.feature_names())

    def _source(self, item: Any) -> Any:
        return item


class AudioExtractor(Extractor):
    """Features of sound. Subclasses write ``feature_names`` and ``process``.

    Subclasses have the parameters ``sampling_rate`` (hertz; recordings are resampled to it, so that a model
    does not hear a difference of rates for one of emotions) and ``channel``.
    """

    modality = "audio"
    sampling_rate: int | None = None
    channel: int = 0

    def process(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Features of a signal.

        Parameters
        ----------
        signal : ndarray of float32, shape (n_samples,)
            Full scale is 1.
        sampling_rate : int
            In hertz.

        Returns
        -------
        ndarray
        """
        raise NotImplementedError

    def compute(self, source: Any) -> np.ndarray:
        """Read a recording and process it.

        Raises
        ------
        AudioError
            If the recording cannot be used.
        """
        signal, rate = read_audio(source, self.sampling_rate, self.channel)
        return np.asarray(self.process(signal, rate), dtype=np.float32)

    def _source(self, item: Any) -> Any:
        return item if isinstance(item, Recording) else Recording(item)


class LearningExtractor(Extractor):
    """Features whose meaning is learnt from the training sources, such as a vocabulary.

    Subclasses write ``learn``, ``feature_names`` and ``values``.
    """

    learns = True

    def learn(self, sources: list[Any]) -> None:
        """Learn from the sources of the training rows, none of them missing."""
        raise NotImplementedError

    def values(self, sources: list[Any]) -> np.ndarray:
        """Features of sources, shape (n_sources, n_features)."""
        raise NotImplementedError

    def fit(self, X: Any = None, y: Any = None) -> LearningExtractor:
        """Learn from sources."""
        self.learn(list(X))
        self.fitted_ = True
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "fitted_")

    def compute(self, source: Any) -> np.ndarray:
        """Features of one source by what was learnt."""
        return self.values([source])[0]

    def transform(self, X: Any) -> pd.DataFrame:
        """Features of a list of sources."""
        check_is_fitted(self)
        return pd.DataFrame(self.values(list(X)), columns=self.feature_names())
