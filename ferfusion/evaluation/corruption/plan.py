"""What is done to test rows, in words, and the doing of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from ferfusion.base.errors import FeatureError, ProtocolError, UnknownNameError, shorten
from ferfusion.base.table import modality_of, origin_column, present_rows, views_of
from ferfusion.evaluation.corruption.missing import expect_removable, lost_rows, remove_at_random
from ferfusion.evaluation.corruption.sound import NOISES
from ferfusion.evaluation.corruption.tables import with_noisy_sound, with_noisy_text
from ferfusion.evaluation.corruption.transcripts import TEXT_ERRORS
from ferfusion.evaluation.preparation import first_views, views_steps
from ferfusion.features import Views

__all__ = ["Corruption", "no_blank_warnings"]

_KINDS: dict[str, dict[str, Any]] = {"audio": NOISES, "text": TEXT_ERRORS}
_SAID = {
    "white": "white noise at {:g} dB SNR",
    "babble": "babble at {:g} dB SNR",
    "reverberation": "reverberation of {:g} s",
    "asr": "a word error rate of {:.0%}",
}
_BLANK = "(These rows have no feature value|No branch can judge these rows)"


@dataclass(frozen=True)
class Corruption:
    """What is done to the test part of every fold; the training part stays clean.

    Parameters
    ----------
    missing : dict of str to float
        Share of the test utterances that lack a view or modality.
    noise : dict of str to (str or callable, float)
        By modality: kind and level.
    """

    missing: dict[str, float]
    noise: dict[str, tuple[Any, float]]

    @classmethod
    def of(cls, missing: Mapping[str, float] | None = None, noise: Mapping[str, Any] | None = None) -> Corruption:
        """Corruption as it is asked for.

        Parameters
        ----------
        missing : mapping of str to float, optional
            Such as ``{"text": 0.3}``.
        noise : mapping of str to number, str or (kind, number), optional
            ``{"audio": 10}`` is white noise at 10 dB, ``{"audio": "babble:5"}`` or ``("babble", 5)`` other voices at
            5 dB, ``"reverberation:0.6"`` a room that rings for 0.6 s; ``{"text": 0.2}`` a word error rate of 20 %.

        Raises
        ------
        ProtocolError
            If a share or level is no number that makes sense.
        UnknownNameError
            If there is no such noise, or none for a modality.

        Examples
        --------
        >>> str(Corruption.of({"text": 0.3}, {"audio": "babble:5"}))
        'audio with babble at 5 dB SNR; text missing for 30%'
        """
        shares = {str(name): _number(share, f"share of {name!r}") for name, share in (missing or {}).items()}
        for name, share in shares.items():
            lost_rows([], name, share)
        return cls(shares, {str(name): _noise_of(str(name), given) for name, given in (noise or {}).items()})

    def __bool__(self) -> bool:
        return bool(self.missing or self.noise)

    def __str__(self) -> str:
        noisy = [f"{name} with {_said(kind, level)}" for name, (kind, level) in self.noise.items()]
        return "; ".join([*noisy, *(f"{name} missing for {share:.0%}" for name, share in self.missing.items())])

    def to_dict(self) -> dict[str, Any]:
        """The same ready for JSON."""
        noise = {name: [_name_of(kind), level] for name, (kind, level) in self.noise.items()}
        return {"missing": dict(self.missing), "noise": noise}

    @contextmanager
    def applied(
        self,
        X: pd.DataFrame,
        rows: np.ndarray,
        system: Any,
        views: Sequence[str],
        *,
        seed: int = 0,
        verbose: bool = False,
    ) -> Iterator[pd.DataFrame]:
        """Some rows of a table, corrupted; noisy files are there as long as the ``with`` block lasts.

        Views that the first step of the system computes are computed anew from what is noisy.

        Parameters
        ----------
        X : DataFrame
            The whole table, with views.
        rows : ndarray of int
            Positions of the rows to be corrupted.
        system : estimator
            Unfitted.
        views : sequence of str
            Views in use.
        seed : int, default=0
            With an utterance's id it decides over its fate.
        verbose : bool, default=False
            Progress bars, where there is a terminal.

        Yields
        ------
        DataFrame
            In the order of ``rows``.

        Raises
        ------
        FeatureError
            If a view came with the table, so that noise cannot reach it, or a view to be missing is learnt.
        TableError, UnknownNameError
            If the table holds nothing of what shall be noisy or missing.
        """
        tested = X.iloc[rows]
        for name in self.missing:
            expect_removable(name, X, views)
        with TemporaryDirectory(prefix="ferfusion-noise-") as folder:
            for modality, (kind, level) in self.noise.items():
                expect_material(modality, X, system, views)
                tested = self._noisy(tested, X, system, modality, kind, level, seed, Path(folder), verbose)
            first = first_views(system)
            if self.noise and first is not None:
                again = clone(first).set_params(verbose=verbose and first.verbose)
                tested, _ = again.extract(tested, [view for view in views if modality_of(view) in self.noise])
            yield remove_at_random(tested, self.missing, seed)

    def notes(self, X: pd.DataFrame, rows: np.ndarray, system: Any, views: Sequence[str], seed: int = 0) -> list[str]:
        """What must be said beside the scores: how many rows lack what, and how many have nothing left."""
        if not self:
            return []
        said = [f"The test part was corrupted, the training part was not: {self}."]
        tested = X.iloc[rows]
        counts = [
            f"{int(lost_rows(tested.index, name, share, seed).sum())} lack {name}"
            for name, share in self.missing.items()
        ]
        if not counts:
            return said
        left = remove_at_random(tested, self.missing, seed)
        first = first_views(system)
        alone = first is not None and len(views_steps(system)) == 1
        judged = first.judgeable(left, views) if alone and first is not None else present_rows(left)
        if not judged.all() and (alone or first is None):
            counts.append(f"{int((~judged).sum())} have no view left and get the class shares of training")
        return [*said, f"Of {len(tested)} test utterances {', '.join(counts)}."]

    @staticmethod
    def _noisy(
        tested: pd.DataFrame,
        X: pd.DataFrame,
        system: Any,
        modality: str,
        kind: Any,
        level: float,
        seed: int,
        folder: Path,
        verbose: bool,
    ) -> pd.DataFrame:
        work = kind if callable(kind) else _KINDS[modality][kind]
        if modality == "text":
            return with_noisy_text(tested, X, work, level, seed=seed)
        # a segment is cut out of its recording, so the same times no longer cut the video
        if "video" in tested.columns and any(column in X.columns and X[column].notna().any() for column in _TIMES):
            tested = _without_video(tested, system)
        channels = 1 + max((int(getattr(e, "channel", 0)) for s in views_steps(system) for _, e in s.views), default=0)
        return with_noisy_sound(tested, X, work, level, seed=seed, folder=folder, n_channels=channels, verbose=verbose)


_TIMES = ("start", "end")


def expect_material(modality: str, X: pd.DataFrame, system: Any, views: Sequence[str]) -> None:
    """Raise where noise cannot reach what a system judges by.

    Raises
    ------
    FeatureError
        If the table has nothing raw of the modality, or views of it that the system does not compute.
    """
    columns = {"audio": ("audio",), "text": ("text", "words")}[modality]
    if not any(column in X.columns and X[column].notna().any() for column in columns):
        message = f"The table has no column {' or '.join(map(repr, columns))} to which noise could be added."
        raise FeatureError(message)
    first = first_views(system)
    made = {name for name, _ in first.views} if first is not None else set()
    there = [view for view in views_of(X) if view in views and modality_of(view) == modality]
    fixed = [view for view in there if view not in made or origin_column(view) not in X.columns]
    if fixed:
        message = (
            f"Noise cannot reach the views {shorten(fixed)}: they came with the table, and the system does not compute "
            "them from it. Leave them out, or drop them from the table."
        )
        raise FeatureError(message)


@contextmanager
def no_blank_warnings() -> Iterator[None]:
    """Rows that lost all their views get the class shares of training; where that was the aim nobody need be warned."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=_BLANK, category=UserWarning)
        yield


def _without_video(X: pd.DataFrame, system: Any) -> pd.DataFrame:
    first = first_views(system)
    later = [step for step in views_steps(system) if step is not first]
    if any(_reads_video(step) for step in later):
        message = "Noise in segments of a recording and a branch that reads the video of the same segments do not meet."
        raise FeatureError(message)
    return X.drop(columns="video")


def _reads_video(step: Views) -> bool:
    return any(extractor.source == "video" for _, extractor in step.views)


def _noise_of(modality: str, given: Any) -> tuple[Any, float]:
    if modality not in _KINDS:
        raise UnknownNameError("modality to which noise can be added", modality, _KINDS)
    if isinstance(given, str) and ":" in given:
        kind, _, given = given.partition(":")
    elif isinstance(given, tuple | list) and len(given) == 2:
        kind, given = given
    else:
        kind = next(iter(_KINDS[modality]))
    if not callable(kind) and kind not in _KINDS[modality]:
        raise UnknownNameError(f"noise for {modality!r}", kind, _KINDS[modality])
    level = _number(given, f"level of {_name_of(kind)!r}")
    if (modality == "text" and not 0 <= level <= 1) or (kind == "reverberation" and level < 0):
        span = "between 0 and 1" if modality == "text" else "from 0 on, in seconds"
        message = f"The level of {_name_of(kind)!r} is a number {span}, not {level:g}."
        raise ProtocolError(message)
    return kind, level


def _number(given: Any, what: str) -> float:
    try:
        number = float(given)
    except (TypeError, ValueError):
        number = np.nan
    if np.isnan(number):
        message = f"The {what} must be a number, not {given!r}."
        raise ProtocolError(message)
    return number


def _name_of(kind: Any) -> str:
    return kind if isinstance(kind, str) else str(getattr(kind, "__name__", kind))


def _said(kind: Any, level: float) -> str:
    return _SAID.get(_name_of(kind), _name_of(kind) + " at {:g}").format(level)
