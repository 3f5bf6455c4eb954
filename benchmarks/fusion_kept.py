"""Branches that keep what they have said, since most systems of a comparison are made of the same branches."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from ferfusion.base import TableClassifier
from ferfusion.base.table import columns_of, features_of
from ferfusion.base.versions import versions
from ferfusion.evaluation.provenance import digest, parameters_of


class Kept(TableClassifier):
    """A branch that keeps what it has said, and is fitted only when it is asked something new.

    Parameters
    ----------
    estimator : table classifier
        The branch.
    missing : {"prior", "nan"}, default="prior"
        As for ``TableClassifier``.
    folder : str, default=""
        Where to keep; not a matter of results.
    """

    def __init__(self, estimator: Any, missing: Any = "prior", folder: str = "") -> None:
        super().__init__(estimator, missing)
        self.folder = folder

    def fit(self, X: pd.DataFrame, y: Any) -> Kept:
        """Remember the training rows."""
        self.lesson_ = X, np.asarray(y, dtype=object)
        self.classes_ = np.unique(self.lesson_[1].astype(str)).astype(object)
        told = [*map(str, self.lesson_[1]), *columns_of(X), parameters_of(self.estimator), sorted(versions().items())]
        self.key_ = f"{digest(told)}{_content(X)}"
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """From the folder, or from the fitted branch."""
        file = Path(self.folder) / f"{blake2b((self.key_ + _content(X)).encode(), digest_size=16).hexdigest()}.npy"
        if not file.exists():
            if not hasattr(self, "fitted_"):
                self.fitted_ = clone(self.estimator).fit(*self.lesson_)
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file, self.fitted_.predict_proba(X))
        return np.asarray(np.load(file))


def _content(X: pd.DataFrame) -> str:
    """Digest of a table's ids and numbers."""
    whole = blake2b("\n".join(map(str, X.index)).encode(), digest_size=16)
    whole.update(np.ascontiguousarray(features_of(X)).tobytes())
    return whole.hexdigest()


def described(part: Any) -> Any:
    """Parameters of an estimator with all that is in its lists, but for folders."""
    if isinstance(part, list | tuple):
        return [described(one) for one in part]
    if not hasattr(part, "get_params"):
        return str(part)
    own = sorted(part.get_params(deep=False).items())
    return [type(part).__name__, {name: described(value) for name, value in own if name not in ("folder", "store")}]
