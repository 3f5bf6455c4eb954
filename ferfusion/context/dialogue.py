"""What was said around a turn: views of its neighbours, as views of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.adapters import number_views
from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.base.table import (
    check_table,
    columns_of,
    expect_features,
    feature_of,
    features_of,
    mark_learnt,
    texts_of,
    with_view,
)
from ferfusion.context.turns import SPEAKERS, neighbour_turns

__all__ = ["DialogueContext", "TextContext"]

_HOW = ("concat", "mean", "decay")
_MISSING = ("nan", "zero")


class DialogueContext(TransformerMixin, BaseEstimator):
    """Add to each utterance the views of the turns around it in its dialogue.

    Turns are put in order by their number (fact ``turn``), not by the order of rows. The turn before is the nearest
    one that the table holds; numbers may have gaps. Nothing is learnt, and no label is used; but a row is described by
    others of the same table, so the new views are marked as such and the table cannot be split afterwards: put this
    step into the pipeline, where it sees the rows of one part at a time. In a protocol by speaker the partner's turns
    are in the other part, and are missing.

    Parameters
    ----------
    n_before : int or None, default=2
        Turns before. None, all of them, is for ``how="mean"`` and ``"decay"``.
    n_after : int or None, default=0
        Turns after. Any but 0 needs the future: the dialogue must be over before the emotion is known.
    who : {"all", "same", "other"}, default="all"
        Turns of everybody, of the same speaker only, or of other speakers only. ``who="same"`` with ``how="decay"`` is
        the state that a speaker was in.
    views : sequence of str, optional
        Views or modalities to take along; all views of numbers if missing. Wide views cost memory for every turn:
        reduce them first (``OnFeatures(TruncatedSVD(...))``), name narrow ones, or use ``TextContext``.
    how : {"concat", "mean", "decay"}, default="concat"
        Each neighbour as a view of its own, or one view of their mean, with equal weights or with less for what is
        further off.
    decay : float, default=0.5
        Weight of a turn by that of the next nearer one, for ``how="decay"``.
    missing : {"nan", "zero"}, default="nan"
        What stands where there is no such turn, or the turn has no value.

    Attributes
    ----------
    columns_ : dict of str to list of str
        Feature columns taken along, by view.
    names_ : list of str
        Feature columns that are added.

    Notes
    -----
    The neighbours of a view ``text_lexicon`` are ``text_lexicon_before1`` (the nearest), ``text_lexicon_before2``, ...,
    ``text_lexicon_after1``; their mean is ``text_lexicon_before``. With ``who="same"`` it is
    ``text_lexicon_same_before1``, so that two such steps, one for each kind of speaker, can follow each other (name the
    views then: else the second takes those of the first for views as any other).

    Examples
    --------
    >>> X = pd.DataFrame({"dialogue": "d", "turn": [1, 0], "text_a__x": [5.0, 3.0]}, index=["u", "v"])
    >>> DialogueContext(n_before=1).fit_transform(X)["text_a_before1__x"].tolist()
    [3.0, nan]
    """

    def __init__(
        self,
        n_before: int | None = 2,
        n_after: int | None = 0,
        who: Literal["all", "same", "other"] = "all",
        views: Sequence[str] | None = None,
        how: Literal["concat", "mean", "decay"] = "concat",
        decay: float = 0.5,
        missing: Literal["nan", "zero"] = "nan",
    ) -> None:
        self.n_before = n_before
        self.n_after = n_after
        self.who = who
        self.views = views
        self.how = how
        self.decay = decay
        self.missing = missing

    def fit(self, X: pd.DataFrame, y: Any = None) -> DialogueContext:
        """Find the columns to take along.

        Parameters
        ----------
        X : DataFrame
            The table, with features.

        Raises
        ------
        UnknownNameError, FeatureError
            If a parameter is out of its range.
        TableError
            If a turn is no number or there twice.
        """
        check_table(X)
        self._check_parameters()
        self.columns_ = {view: columns_of(X, view) for view in number_views(X, self.views)}
        self.names_ = [
            f"{self._view(view, side)}__{feature_of(column)}"
            for view, columns in self.columns_.items()
            for side in self._sides()
            for column in columns
        ]
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Add the views of neighbours.

        Parameters
        ----------
        X : DataFrame
            The table. Only turns that it holds can be neighbours.

        Returns
        -------
        DataFrame
            Rows without a dialogue or a turn have no neighbours.

        Raises
        ------
        TableError
            If a turn is no number or there twice.
        FeatureError
            If the table lacks features that were there in ``fit``.
        """
        check_is_fitted(self)
        check_table(X)
        around = self._around(X)
        made = []
        for view, columns in self.columns_.items():
            expect_features(X, columns)
            block = X[columns]
            single = all(kind == np.float32 for kind in block.dtypes)
            A = features_of(block)
            there = ~np.isnan(A)
            A[~there] = 0.0
            for side, weights in around.items():
                values = _weighted(weights, A, there)
                if self.missing == "zero":
                    values[np.isnan(values)] = 0.0
                made.append((self._view(view, side), values.astype(np.float32) if single else values, columns))
        for name, values, columns in made:
            X = with_view(X, name, values, [feature_of(column) for column in columns])
        return mark_learnt(X, [name for name, _, _ in made])

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the feature columns that are added."""
        check_is_fitted(self)
        return np.array(self.names_, dtype=object)

    def _check_parameters(self) -> None:
        if self.how not in _HOW:
            raise UnknownNameError("way to join turns", self.how, _HOW)
        if self.missing not in _MISSING:
            raise UnknownNameError("filling of missing turns", self.missing, _MISSING)
        if self.who not in SPEAKERS:
            raise UnknownNameError("whose turns to look at", self.who, SPEAKERS)
        for name, n in (("n_before", self.n_before), ("n_after", self.n_after)):
            if n is None and self.how == "concat":
                message = f"{name}=None, all turns, is for how='mean' or 'decay'; side by side they need a number."
                raise FeatureError(message)
            if n is not None and n < 0:
                message = f"{name} must be 0 or more, not {n}."
                raise FeatureError(message)
        if not 0 < self.decay <= 1:
            message = f"decay must be above 0 and 1 at most, not {self.decay}."
            raise FeatureError(message)

    def _view(self, view: str, side: str) -> str:
        return f"{view}_{side}" if self.who == "all" else f"{view}_{self.who}_{side}"

    def _sides(self) -> list[str]:
        sides: list[str] = []
        for name, n in (("before", self.n_before), ("after", self.n_after)):
            if self.how == "concat":
                sides += [f"{name}{k + 1}" for k in range(n or 0)]
            elif n != 0:
                sides.append(name)
        return sides

    def _around(self, X: pd.DataFrame) -> dict[str, sparse.csr_array]:
        """Weights of all rows of the table in each of the new views, shape (n_utterances, n_utterances)."""
        entries: dict[str, list[tuple[float, int, int]]] = {side: [] for side in self._sides()}
        ratio = self.decay if self.how == "decay" else 1.0
        for name, n in (("before", self.n_before), ("after", self.n_after)):
            if n == 0:
                continue
            for row, found in neighbour_turns(X, n, who=self.who, after=name == "after"):
                for k, other in enumerate(found):
                    if self.how == "concat":
                        entries[f"{name}{k + 1}"].append((1.0, row, other))
                    else:
                        entries[name].append((ratio**k, row, other))
        return {side: _matrix(listed, len(X)) for side, listed in entries.items()}


def _matrix(entries: list[tuple[float, int, int]], n: int) -> sparse.csr_array:
    weights, rows, columns = (np.array(part) for part in zip(*entries, strict=True)) if entries else (np.empty(0),) * 3
    return sparse.csr_array((weights, (rows.astype(int), columns.astype(int))), shape=(n, n))


def _weighted(weights: sparse.csr_array, A: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Weighted mean of what is there; NaN where nothing is."""
    mass = weights @ there.astype(np.float64)
    # far turns may weigh less than the smallest number
    return np.divide(weights @ A, mass, out=np.full(A.shape, np.nan), where=mass > 0)


class TextContext(TransformerMixin, BaseEstimator):
    """Put the texts of earlier turns into the ``text`` of each row, for extractors of text to read.

    Wide text views of several turns cost a column a word and turn. This takes the shorter way: the words of the turns
    around become words of the row, and one ``TextNgrams`` behind it keeps the most frequent of all. Put it at the front
    of a branch of late fusion, whose other branches read the turn alone; views that the table has already stay as they
    are.

    Parameters
    ----------
    n_before : int or None, default=2
        Turns before; None for all.
    n_after : int or None, default=0
        Turns after; any but 0 needs the future.
    who : {"all", "same", "other"}, default="all"
        Whose turns, as in ``DialogueContext``.
    own : bool, default=True
        Whether the row's own text follows those before it.
    mark : bool, default=False
        Whether words of other turns get a prefix, ``before_`` or ``after_``, that makes them words of their own. Not
        for extractors that know words, such as lexicons and pretrained networks.

    Attributes
    ----------
    fitted_ : bool
        Nothing is learnt.

    Examples
    --------
    >>> X = pd.DataFrame({"dialogue": "d", "turn": [0, 1], "text": ["Why?", "So."]}, index=["u", "v"])
    >>> TextContext(mark=True).fit_transform(X)["text"].tolist()
    ['Why?', 'before_Why? So.']
    """

    def __init__(
        self,
        n_before: int | None = 2,
        n_after: int | None = 0,
        who: Literal["all", "same", "other"] = "all",
        own: bool = True,
        mark: bool = False,
    ) -> None:
        self.n_before = n_before
        self.n_after = n_after
        self.who = who
        self.own = own
        self.mark = mark

    def fit(self, X: pd.DataFrame, y: Any = None) -> TextContext:
        """Check the table; nothing is learnt."""
        check_table(X)
        if self.who not in SPEAKERS:
            raise UnknownNameError("whose turns to look at", self.who, SPEAKERS)
        self.fitted_ = True
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Join the texts.

        Parameters
        ----------
        X : DataFrame
            The table.

        Returns
        -------
        DataFrame
            A text is missing where nothing at all is to be joined; a table without texts stays as it is.
        """
        check_is_fitted(self)
        check_table(X)
        if "text" not in X.columns:
            return X
        texts = texts_of(X)
        before = dict(neighbour_turns(X, self.n_before, who=self.who))
        after = dict(neighbour_turns(X, self.n_after, who=self.who, after=True))
        joined: list[str | None] = []
        for row, text in enumerate(texts):
            parts = [self._marked("before", texts[other]) for other in reversed(before.get(row, []))]
            parts.append(text if self.own else None)
            parts += [self._marked("after", texts[other]) for other in after.get(row, [])]
            joined.append(" ".join(part for part in parts if part) or None)
        return X.assign(text=pd.Series(joined, index=X.index, dtype=object))

    def _marked(self, side: str, text: str | None) -> str | None:
        if text is None or not self.mark:
            return text
        return " ".join(f"{side}_{word}" for word in text.split())
