"""Long signals in pieces: which frames each piece gives, and which samples it needs for them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

__all__ = ["Chunk", "Framing", "plan_chunks"]


class Framing(NamedTuple):
    """How a stack of convolutions turns samples into frames.

    Parameters
    ----------
    step : int
        Samples between frames.
    width : int
        Samples that one frame sees.
    """

    step: int
    width: int

    @classmethod
    def of_layers(cls, kernels: Sequence[int], strides: Sequence[int]) -> Framing:
        """Framing of convolutions without padding, one after the other.

        Examples
        --------
        >>> Framing.of_layers([10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2])
        Framing(step=320, width=400)
        """
        step, width = 1, 1
        for kernel, stride in zip(kernels, strides, strict=True):
            width += (kernel - 1) * step
            step *= stride
        return cls(step, width)

    def frames(self, n_samples: int) -> int:
        """Frames of a signal; 0 if it is shorter than what one frame sees."""
        return max(0, (n_samples - self.width) // self.step + 1)

    def samples(self, n_frames: int) -> int:
        """Samples that so many frames see."""
        return (n_frames - 1) * self.step + self.width


class Chunk(NamedTuple):
    """A piece of a signal.

    Parameters
    ----------
    first, last : int
        Frames that it gives, the last one not included.
    keep_first, keep_last : int
        Those of them that are kept; the others are there for the sake of their neighbours.
    """

    first: int
    last: int
    keep_first: int
    keep_last: int


def plan_chunks(n_frames: int, size: int, overlap: int) -> list[Chunk]:
    """Pieces of equal length that overlap, each frame kept once.

    Parameters
    ----------
    n_frames : int
        Of the whole signal.
    size : int
        Frames of a piece.
    overlap : int
        Frames that neighbours share, fewer than ``size``; the last two may share more.

    Returns
    -------
    list of Chunk

    Examples
    --------
    >>> plan_chunks(8, 10, 2)
    [Chunk(first=0, last=8, keep_first=0, keep_last=8)]
    >>> [(chunk.first, chunk.last, chunk.keep_first, chunk.keep_last) for chunk in plan_chunks(23, 10, 2)]
    [(0, 10, 0, 9), (8, 18, 9, 15), (13, 23, 15, 23)]
    """
    if n_frames <= size:
        return [Chunk(0, n_frames, 0, n_frames)]
    firsts = list(range(0, n_frames - size, size - overlap))
    firsts.append(n_frames - size)
    # neighbours part in the middle of what they share
    cuts = [0, *((left + size + right) // 2 for left, right in pairwise(firsts)), n_frames]
    return [Chunk(first, first + size, cuts[i], cuts[i + 1]) for i, first in enumerate(firsts)]
