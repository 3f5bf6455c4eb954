"""Inner products of all rows over a subset of columns, made from those of a similar subset where that is cheaper."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

import numpy as np

from ferfusion.selection.fitness.problem import EPS

__all__ = ["Gram", "GramBank"]

_UPDATE = 40  # columns whose product costs as much as the copying of an update
_FEW = 150  # columns up to which a product is made afresh, as keeping it costs more than it saves
_MOST_KEPT = 16


@dataclass(frozen=True)
class Gram:
    """Inner products of centred rows.

    Attributes
    ----------
    products : ndarray, shape (n_samples, n_samples)
        Inner products.
    squares : ndarray, shape (n_samples,)
        Squared lengths of the rows.
    spent : ndarray, shape (n_samples,)
        Squares of all entries that were ever added or taken away: rounding errors go with these.
    n_terms : int
        How many columns were added or taken away.
    """

    products: np.ndarray
    squares: np.ndarray
    spent: np.ndarray
    n_terms: int

    def slack(self) -> np.ndarray:
        """Bound of the rounding error of squared distances: that of rows i and j is at most the sum of theirs."""
        return EPS * (self.n_terms + 8) * self.spent


class GramBank:
    """Gram matrices of subsets of columns.

    A matrix of m columns costs m n² / 2 products. One of few changes from a subset that was asked for lately, or
    of nearly all columns, is made from that matrix by the columns in which the two differ.

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_features)
        Samples.
    memory : int
        Bytes that kept matrices may take.

    Attributes
    ----------
    means : ndarray, shape (n_features,)
        What was taken off the columns.
    """

    def __init__(self, X: np.ndarray, memory: int) -> None:
        self.means = X.mean(axis=0)
        centred = X - self.means
        self._columns = np.ascontiguousarray(centred.T)
        self._size = int(np.clip(memory // (8 * len(X) ** 2), 0, _MOST_KEPT))
        self._masks = np.zeros((self._size, X.shape[1]), dtype=bool)
        self._kept: list[Gram | None] = [None] * self._size
        self._next = 0
        self._lock = Lock()

    def __call__(self, columns: np.ndarray) -> Gram:
        """Gram matrix of some columns.

        Parameters
        ----------
        columns : ndarray of int
            Which ones, in rising order.
        """
        near = self._nearest(columns) if self._size and len(columns) > _FEW else None
        made = self._direct(columns) if near is None else self._updated(columns, *near)
        if self._size and len(columns) > _FEW:
            self._keep(columns, made)
        return made

    def _direct(self, columns: np.ndarray) -> Gram:
        A = self._columns[columns]
        squares = np.einsum("ij,ij->j", A, A)
        return Gram(A.T @ A, squares, squares, len(columns))

    def _nearest(self, columns: np.ndarray) -> tuple[np.ndarray, Gram] | None:
        """The kept matrix with the fewest columns to change, if that is less work than starting afresh."""
        mask = self._as_mask(columns)
        d = len(mask)
        if self._kept[0] is None and len(columns) > d / 2 + _UPDATE:
            # more than half of all columns: it pays to have the matrix of all, once
            full = self._direct(np.arange(d))
            with self._lock:
                self._masks[0], self._kept[0] = True, full
        with self._lock:
            changes = (self._masks != mask).sum(axis=1)
            for i in np.argsort(changes, kind="stable"):
                if changes[i] + _UPDATE >= len(columns):
                    return None
                gram = self._kept[i]
                if gram is not None and gram.n_terms + changes[i] <= 4 * len(columns) + d:
                    return self._masks[i].copy(), gram
        return None

    def _updated(self, columns: np.ndarray, mask: np.ndarray, gram: Gram) -> Gram:
        wanted = self._as_mask(columns)
        products, spent = gram.products, gram.spent
        for change, sign in ((wanted & ~mask, 1), (mask & ~wanted, -1)):
            if change.any():
                A = self._columns[change]
                step = A.T @ A
                products = np.add(products, step, out=step) if sign > 0 else np.subtract(products, step, out=step)
                spent = spent + np.einsum("ij,ij->j", A, A)
        A = self._columns[columns]
        squares = np.einsum("ij,ij->j", A, A)
        return Gram(products, squares, spent, gram.n_terms + int((wanted != mask).sum()))

    def _keep(self, columns: np.ndarray, gram: Gram) -> None:
        with self._lock:
            # the first place is that of all columns
            if self._size > 1:
                i = 1 + self._next % (self._size - 1)
                self._masks[i], self._kept[i] = self._as_mask(columns), gram
                self._next += 1

    def _as_mask(self, columns: np.ndarray) -> np.ndarray:
        mask = np.zeros(len(self._columns), dtype=bool)
        mask[columns] = True
        return mask
