"""Folds that are done are kept, so that a killed run goes on where it stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from ferfusion.base.files import write_whole

__all__ = ["FoldStore"]


class FoldStore:
    """Results of folds in a folder, valid for one system, corpus, protocol and seed.

    Parameters
    ----------
    folder : Path or None
        Made if it is not there; None keeps nothing.
    key : str
        Digest of all that the results depend on. Results of another key are left alone.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self.folder = None if folder is None else folder / key
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)

    def get(self, number: int) -> tuple[pd.DataFrame, dict[str, Any]] | None:
        """Predictions and facts of a fold that is done, or None."""
        if self.folder is None or not self._path(number, "json").is_file():
            return None
        facts = json.loads(self._path(number, "json").read_text(encoding="utf-8"))
        return pd.read_parquet(self._path(number, "parquet")), facts

    def put(self, number: int, predictions: pd.DataFrame, facts: dict[str, Any]) -> None:
        """Keep a fold. The facts are written last: they say that it is whole."""
        if self.folder is None:
            return
        predictions.to_parquet(self._path(number, "parquet"))
        write_whole(self._path(number, "json"), json.dumps(facts).encode())

    def _path(self, number: int, ending: str) -> Path:
        assert self.folder is not None
        return self.folder / f"fold_{number:03d}.{ending}"
