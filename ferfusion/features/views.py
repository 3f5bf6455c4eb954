"""Table in, table with views out: the first step of every system."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from errno import EACCES
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from ferfusion.base.errors import AudioError, FeatureError, TableError, UnknownNameError, ViewConflictError, shorten
from ferfusion.base.table import (
    LEARNT,
    MODALITIES,
    check_table,
    columns_of,
    drop_views,
    has_frames,
    match_views,
    modality_of,
    origin_column,
    present_rows,
    views_of,
    with_view,
)
from ferfusion.features.engine import Extraction, extract
from ferfusion.features.extractor import Extractor
from ferfusion.features.sources import sources_of
from ferfusion.features.store import FeatureStore

__all__ = ["STORE_VARIABLE", "Views"]

STORE_VARIABLE = "FERFUSION_STORE"


class Views(TransformerMixin, BaseEstimator):
    """Compute views of features for the rows of a table; facts and views that are there already stay.

    A view that is in the table is not extracted again, unless the row's recording or text has changed since.
    What cannot be computed for a row is missing there, and reported. Views that learn (TF-IDF) learn from the
    rows given to ``fit``.

    Parameters
    ----------
    views : sequence of (name, extractor)
        Names begin with the modality: ``("audio_egemaps", OpenSmile("eGeMAPSv02"))``.
    only : sequence of str, optional
        Views or modalities to use, and no others; missing ones are then an error. All that can be had if None.
    skip : sequence of str, default=()
        Views or modalities to leave out.
    store : str, optional
        Folder of a feature store; the environment variable ``FERFUSION_STORE`` if None. Without either nothing
        is stored.
    on_error : {"report", "raise"}, default="report"
        What an unusable recording does: its row's values are missing and a warning says so, or it stops all.
    n_jobs : int, optional
        Recordings worked on at a time.
    verbose : bool, default=True
        Progress bars, where there is a terminal.

    Attributes
    ----------
    views_ : list of str
        Views in use.
    left_out_ : dict of str to str
        Views not in use, and why.
    columns_ : dict of str to list of str
        Feature columns of each view in use.

    Examples
    --------
    >>> import pandas as pd
    >>> from ferfusion.features import TextNgrams
    >>> X = pd.DataFrame({"text": ["so happy", "so sad", None]}, index=["a", "b", "c"])
    >>> table = Views([("text_tfidf", TextNgrams())]).fit_transform(X)
    >>> table["text_tfidf__so"].notna().tolist()
    [True, True, False]
    """

    def __init__(
        self,
        views: Sequence[tuple[str, Extractor]],
        only: Sequence[str] | None = None,
        skip: Sequence[str] = (),
        store: str | None = None,
        on_error: Literal["report", "raise"] = "report",
        n_jobs: int | None = None,
        verbose: bool = True,
    ) -> None:
        self.views = views
        self.only = only
        self.skip = skip
        self.store = store
        self.on_error = on_error
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: pd.DataFrame, y: Any = None) -> Views:
        """Find the views to use and let those learn that do."""
        self._fit(X)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Any = None) -> pd.DataFrame:
        """Fit and transform, every recording read once."""
        return self._complete(self._fit(X))

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Add the views in use; drop the others.

        Parameters
        ----------
        X : DataFrame
            The table.

        Returns
        -------
        DataFrame
            Missing values where a row's source is missing or unusable.
        """
        check_is_fitted(self)
        table, faults = self.extract(X, self.views_)
        self._report(faults)
        for name, extractor in self.extractors_.items():
            if extractor.learns and name not in views_of(table):
                table = _learnt_view(table, name, extractor)
        return self._complete(table)

    def extract(self, X: pd.DataFrame, names: Sequence[str] | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Add only what can be had without learning: safe before any split.

        Parameters
        ----------
        X : DataFrame
            The table.
        names : sequence of str, optional
            Views to compute; all that are not left out if missing.

        Returns
        -------
        table : DataFrame
            With the views.
        faults : DataFrame
            A row a recording that could not be used: ``id``, ``view``, ``fault``.
        """
        check_table(X)
        wanted = self.usable(X)[0] if names is None else list(names)
        faults: list[tuple[str, str, str]] = []
        for name, extractor in self._named():
            if name in wanted and not extractor.learns:
                X, broken = self._extracted(X, name, extractor)
                faults += [(str(X.index[position]), name, reason) for position, reason in broken.items()]
        return X, pd.DataFrame(faults, columns=["id", "view", "fault"])

    def _fit(self, X: pd.DataFrame) -> pd.DataFrame:
        check_table(X)
        if self.on_error not in ("report", "raise"):
            raise UnknownNameError("treatment of unusable recordings", self.on_error, ["report", "raise"])
        self.views_, self.left_out_ = self.usable(X)
        table, faults = self.extract(X, self.views_)
        self._report(faults)
        self.extractors_, self.columns_ = {}, {}
        for name, extractor in self._named():
            if name not in self.views_:
                continue
            self.extractors_[name] = clone(extractor)
            if extractor.learns and name not in views_of(table):
                known = [source for source in sources_of(table, extractor.source) if source is not None]
                self.extractors_[name].fit(known)
                table = _learnt_view(table, name, self.extractors_[name])
        for name in list(self.views_):
            if not present_rows(table, name).any():
                self.views_.remove(name)
                self.extractors_.pop(name, None)
                self.left_out_[name] = "no row could be computed"
        self._none_left(table)
        self.columns_ = {name: columns_of(table, name) for name in self.views_}
        return table

    def _named(self) -> list[tuple[str, Extractor]]:
        for name, _ in self.views:
            if modality_of(name) not in MODALITIES or "_" not in name or "__" in name:
                message = f"A view's name is '<modality>_<name>' with a modality out of {MODALITIES}, not {name!r}."
                raise FeatureError(message)
        return list(self.views)

    def usable(self, X: pd.DataFrame) -> tuple[list[str], dict[str, str]]:
        """Views that can be had for a table, and why others cannot.

        Parameters
        ----------
        X : DataFrame
            The table.

        Returns
        -------
        views : list of str
            Those asked for that are there or can be computed, and those that the table brings along.
        left_out : dict of str to str
            Other views, with the reason.
        """
        present = [view for view in views_of(X) if present_rows(X, view).any()]
        names = list(dict.fromkeys([*(name for name, _ in self._named()), *present]))
        left_out = {}
        for name, extractor in self._named():
            if name not in present and not any(source is not None for source in sources_of(X, extractor.source)):
                left_out[name] = f"no row has {extractor.source}"
        if self.only is not None:
            asked = match_views(names, self.only)
            for pattern in [self.only] if isinstance(self.only, str) else self.only:
                hits = match_views(asked, [pattern])
                if all(name in left_out for name in hits):
                    message = f"The view {pattern!r} was asked for, but {left_out[hits[0]]}."
                    raise FeatureError(message)
            left_out |= {name: "not asked for" for name in names if name not in asked}
        skipped = match_views(names, self.skip, strict=False)
        left_out |= dict.fromkeys(skipped, "left out by name")
        return [name for name in names if name not in left_out], left_out

    def judgeable(self, X: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
        """Rows that have a value of the named views, or the source of one that learns.

        Parameters
        ----------
        X : DataFrame
            The table, after ``extract``.
        names : sequence of str
            Views in use.

        Returns
        -------
        ndarray of bool, shape (n_utterances,)
        """
        judged = present_rows(X, names)
        for name, extractor in self.views:
            if extractor.learns and name in names:
                judged = judged | np.array([source is not None for source in sources_of(X, extractor.source)])
        return judged

    def _none_left(self, X: pd.DataFrame) -> None:
        if not self.views_:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in self.left_out_.items())
            message = f"No view can be used ({reasons or 'none was named and the table has none'})."
            raise FeatureError(message)

    def _extracted(self, X: pd.DataFrame, name: str, extractor: Extractor) -> tuple[pd.DataFrame, dict[int, str]]:
        sources = sources_of(X, extractor.source)
        todo = np.array([source is not None for source in sources])
        if name in views_of(X):
            todo = _stale_rows(X, name, extractor, sources)
            if not todo.any():
                return X, {}
        elif not todo.any():
            return X, {}
        asked = [source if needed else None for source, needed in zip(sources, todo, strict=True)]
        done = extract(
            extractor, asked, store=self._open_store(), n_jobs=self.n_jobs, title=name, progress=self.verbose
        )
        return _merged(X, name, extractor, done, todo), done.faults

    def _open_store(self) -> FeatureStore | None:
        path = self.store or os.environ.get(STORE_VARIABLE)
        if not path:
            return None
        try:
            store = FeatureStore(path)
            if not os.access(store.path, os.W_OK):
                raise PermissionError(EACCES, os.strerror(EACCES), path)
            return store
        except OSError as error:
            warnings.warn(
                f"The feature store {path} cannot be used ({error}); nothing is stored.", UserWarning, stacklevel=2
            )
            return None

    def _report(self, faults: pd.DataFrame) -> None:
        if faults.empty:
            return
        first = faults.iloc[0]
        if self.on_error == "raise":
            raise AudioError(first["fault"])
        ids = faults["id"].unique()
        message = f"{len(ids)} recordings could not be used and count as missing: {shorten(ids)}. {first['fault']}"
        warnings.warn(message, UserWarning, stacklevel=3)

    def _complete(self, table: pd.DataFrame) -> pd.DataFrame:
        table = drop_views(table, [view for view in views_of(table) if view not in self.columns_])
        absent = [view for view in self.columns_ if view not in views_of(table)]
        for view in absent:
            dtype = object if self.columns_[view][0].endswith("__frames") else np.float32
            blank = pd.DataFrame(np.nan, index=table.index, columns=self.columns_[view]).astype(dtype)
            table = pd.concat([table, blank], axis=1)
        for view, columns in self.columns_.items():
            lacking = sorted(set(columns) - set(table.columns.tolist()))
            if lacking:
                message = (
                    f"The view {view!r} lacks {len(lacking)} features that it had in training: {shorten(lacking)}."
                )
                raise FeatureError(message)
        return table

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Feature columns of all views in use."""
        check_is_fitted(self)
        return np.array([column for columns in self.columns_.values() for column in columns], dtype=object)


def _learnt_view(X: pd.DataFrame, name: str, extractor: Any) -> pd.DataFrame:
    sources = sources_of(X, extractor.source)
    rows = [i for i, source in enumerate(sources) if source is not None]
    names = extractor.feature_names()
    values = np.full((len(X), len(names)), np.nan, dtype=np.float32)
    if rows:
        values[rows] = extractor.values([sources[i] for i in rows])
    return with_view(X, name, values, names, origin=[LEARNT] * len(X))


def _stale_rows(X: pd.DataFrame, name: str, extractor: Extractor, sources: Sequence[Any]) -> np.ndarray:
    """Rows of a view whose source is no longer the one that its values were made from."""
    stale = np.zeros(len(X), dtype=bool)
    if origin_column(name) not in X.columns:
        return stale  # somebody else's features
    fingerprint = extractor.fingerprint()
    for i, (origin, source) in enumerate(zip(X[origin_column(name)], sources, strict=True)):
        if not isinstance(origin, str):
            stale[i] = source is not None
            continue
        maker, _, digest = origin.partition(":")
        if origin == LEARNT or maker != fingerprint:
            message = (
                f"The table has a view {name!r} already, made by other parameters than {extractor!r}. "
                "Drop its columns, or give one of the two another name."
            )
            raise ViewConflictError(message)
        now = "" if source is None else extractor.digest(source)
        gone = source is None and bool(digest) and extractor.source in X.columns
        stale[i] = gone or (bool(now) and now != digest)
    return stale


def _merged(X: pd.DataFrame, name: str, extractor: Extractor, done: Extraction, todo: np.ndarray) -> pd.DataFrame:
    fingerprint = extractor.fingerprint()
    origin: list[Any] = [
        f"{fingerprint}:{digest}" if needed else None for digest, needed in zip(done.digests, todo, strict=True)
    ]
    if name in views_of(X):
        origin = [new if needed else old for new, old, needed in zip(origin, X[origin_column(name)], todo, strict=True)]
    if extractor.frames:
        frames = list(X[columns_of(X, name)[0]]) if has_frames(X, name) else [None] * len(X)
        # frames from a store are read-only views of its shards
        fresh = [None if outcome is None else np.array(outcome) for outcome in done.outcomes]
        cells = [new if needed else old for new, old, needed in zip(fresh, frames, todo, strict=True)]
        return with_view(X, name, cells, [], origin=origin)
    names = extractor.feature_names()
    columns = columns_of(X, name)
    if columns and [column.split("__", 1)[1] for column in columns] != names:
        message = f"The view {name!r} of the table has other features than {extractor!r} makes."
        raise TableError(message)
    values = np.full((len(X), len(names)), np.nan, dtype=np.float32)
    if columns:
        values[~todo] = X[columns].to_numpy(dtype=np.float32)[~todo]
    for i in np.flatnonzero(todo):
        if (outcome := done.outcomes[i]) is not None:
            values[i] = outcome
    return with_view(X, name, values, names, origin=origin)
