"""Long signals in pieces."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferfusion.nn.chunks import Framing, plan_chunks

SPEECH = Framing.of_layers([10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2])


@pytest.mark.parametrize(
    ("n_samples", "n_frames"), [(0, 0), (399, 0), (400, 1), (719, 1), (720, 2), (16000, 49), (160000, 499)]
)
def test_frames_of_wav2vec(n_samples, n_frames):
    assert SPEECH == (320, 400)
    assert SPEECH.frames(n_samples) == n_frames
    if n_frames:
        assert SPEECH.samples(n_frames) <= n_samples < SPEECH.samples(n_frames + 1)


@given(n=st.integers(1, 500), size=st.integers(1, 60), overlap=st.integers(0, 59))
def test_every_frame_is_kept_once(n, size, overlap):
    overlap = min(overlap, size - 1)
    chunks = plan_chunks(n, size, overlap)
    kept = np.concatenate([np.arange(c.keep_first, c.keep_last) for c in chunks])
    np.testing.assert_array_equal(kept, np.arange(n))
    for chunk in chunks:
        assert 0 <= chunk.first <= chunk.keep_first <= chunk.keep_last <= chunk.last <= n
        assert chunk.last - chunk.first == min(n, size)  # equally long: they go through a network together
    for left, right in pairwise(chunks):
        assert left.last - right.first >= overlap
