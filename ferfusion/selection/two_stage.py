"""One chooser after the other: a cheap one cuts, a thorough one works on what is left."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ferfusion.selection.base import ColumnSelector
from ferfusion.selection.stages import fit_stage, groups_for

__all__ = ["TwoStageSelector"]


class TwoStageSelector(ColumnSelector):
    """Choose columns by one chooser, and among these by a second.

    Forest importances before a grey wolf search is what [1]_ does for speech emotion: a search among thousands of
    columns finds little, one among a hundred costs less and starts from good ones.

    Parameters
    ----------
    first : chooser of columns
        Such as ``ImportanceSelector`` or ``FilterSelector``; anything with ``get_support``. For more than two
        stages it may be a ``TwoStageSelector`` itself.
    second : chooser of columns
        It sees the columns that the first has kept.
    random_state : int, RandomState or None, default=0
        Seed of every ``random_state`` in the stages that is None.

    Attributes
    ----------
    first_, second_ : fitted choosers
        The second knows the columns by their place among those that the first has kept.
    support_ : ndarray of bool, shape (n_features,)
        Columns that both have kept.
    fitted_rows_ : ndarray of uint64, shape (n_samples,)
        Digests of the rows that were seen.

    References
    ----------
    .. [1] J. Xie, M. Zhu and K. Hu, "Fusion-based speech emotion classification using two-stage feature selection",
       Speech Communication, 2023, doi:10.1016/j.specom.2023.102955.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from ferfusion.selection.filters import FilterSelector
    >>> X, y = load_iris(return_X_y=True)
    >>> fitted = TwoStageSelector(FilterSelector(n_features=3), FilterSelector("relieff", n_features=1)).fit(X, y)
    >>> fitted.get_support(indices=True).tolist()
    [3]
    >>> [(stage["chooser"], stage["n_in"], stage["n_out"]) for stage in fitted.stages()]
    [('FilterSelector', 4, 3), ('FilterSelector', 3, 1)]
    """

    def __init__(self, first: Any, second: Any, random_state: Any = 0) -> None:
        self.first = first
        self.second = second
        self.random_state = random_state

    def fit(self, X: Any, y: Any, groups: Any = None) -> TwoStageSelector:
        """Fit the first on all columns and the second on those that are left.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Samples.
        y : array-like, shape (n_samples,)
            Classes.
        groups : array-like of shape (n_samples,), optional
            Such as speakers. They reach the stages whose ``fit`` takes them, and every ``cv`` inside a stage that
            is a number or None becomes folds that tear no group apart.

        Raises
        ------
        SelectionError
            If a stage keeps nothing, cannot choose or is no chooser (the message names it), there is one class
            only, or ``groups`` has another length than ``X``.
        """
        A, codes, classes = self._checked(X, y)
        groups = groups_for(self, groups, len(A))
        rng = check_random_state(self.random_state)
        seeds = rng.randint(2**31 - 1, size=2)
        labels = classes[codes]
        self.first_, kept = fit_stage(self.first, A, labels, groups, int(seeds[0]), "The first stage")
        # not a view: a stage may want its rows in one piece
        part = np.ascontiguousarray(A[:, kept])
        self.second_, left = fit_stage(self.second, part, labels, groups, int(seeds[1]), "The second stage")
        self.support_ = np.zeros(A.shape[1], dtype=bool)
        self.support_[np.flatnonzero(kept)[left]] = True
        return self

    def stages(self) -> list[dict[str, Any]]:
        """Name of each chooser, and how many columns went in and came out.

        Returns
        -------
        list of dict
            Keys ``stage`` (1, 2, ...), ``chooser``, ``n_in`` and ``n_out``. Stages of a first or second that is a
            ``TwoStageSelector`` itself stand one by one.
        """
        self._get_support_mask()
        rows: list[dict[str, Any]] = []
        for chooser in (self.first_, self.second_):
            if isinstance(chooser, TwoStageSelector):
                rows += chooser.stages()
            else:
                mask = chooser.get_support()
                rows.append({"chooser": type(chooser).__name__, "n_in": len(mask), "n_out": int(np.sum(mask))})
        return [{**row, "stage": number} for number, row in enumerate(rows, 1)]
