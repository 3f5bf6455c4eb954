"""Runs of words or of characters, weighted by how telling they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from ferfusion.base.errors import FeatureError
from ferfusion.features.extractor import LearningExtractor

__all__ = ["TextNgrams"]


class TextNgrams(LearningExtractor):
    """TF-IDF of word or character n-grams, with the vocabulary of the training texts.

    Parameters
    ----------
    words : tuple of int, default=(1, 2)
        Shortest and longest run of words.
    min_texts : int, default=2
        Texts in which a run must occur to count; lowered to 1 where nothing occurs so often.
    max_features : int, default=2000
        Most frequent runs that are kept.
    sublinear : bool, default=True
        Whether the second occurrence of a run counts less than the first.
    characters : tuple of int, optional
        Shortest and longest run of characters, within words and with the blank at their edges; counted instead of
        runs of words. They bear with misspelt and unheard word forms.

    Attributes
    ----------
    vectorizer_ : TfidfVectorizer
        Fitted on the training texts.

    Examples
    --------
    >>> features = TextNgrams(words=(1, 1), min_texts=1).fit(["so happy", "so sad"])
    >>> features.feature_names()
    ['happy', 'sad', 'so']
    """

    modality = "text"

    def __init__(
        self,
        words: tuple[int, int] = (1, 2),
        min_texts: int = 2,
        max_features: int = 2000,
        sublinear: bool = True,
        characters: tuple[int, int] | None = None,
    ) -> None:
        self.words = words
        self.min_texts = min_texts
        self.max_features = max_features
        self.sublinear = sublinear
        self.characters = characters

    def learn(self, sources: list[Any]) -> None:
        """Learn vocabulary and weights.

        Raises
        ------
        FeatureError
            If the texts hold no run of that length, or a parameter is out of its range.
        """
        reason = ""
        for min_df in dict.fromkeys([min(self.min_texts, len(sources)), 1]):
            vectorizer = TfidfVectorizer(
                min_df=min_df, max_features=self.max_features, sublinear_tf=self.sublinear, **self._units()
            )
            try:
                self.vectorizer_ = vectorizer.fit(sources)
            except ValueError as error:
                reason = str(error)
                continue
            return
        unit = "words" if self.characters is None else "characters"
        message = f"No run of {unit} can be learnt from the {len(sources)} texts: {reason}"
        raise FeatureError(message)

    def _units(self) -> dict[str, Any]:
        if self.characters is not None:
            return {"analyzer": "char_wb", "ngram_range": tuple(self.characters)}
        # a token pattern that keeps one-letter words: "I" carries something in speech
        return {"token_pattern": r"(?u)\b\w+\b", "ngram_range": tuple(self.words)}

    def feature_names(self) -> list[str]:
        """Runs of words or characters."""
        return self.vectorizer_.get_feature_names_out().tolist()

    def values(self, sources: list[Any]) -> np.ndarray:
        """TF-IDF of texts, shape (n_texts, n_features)."""
        return self.vectorizer_.transform(sources).toarray().astype(np.float32)
