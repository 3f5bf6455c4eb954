"""Numbers of bytes in words."""

from __future__ import annotations

import pytest

from ferfusion.base.errors import FerfusionError
from ferfusion.base.sizes import parse_size, show_size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10GB", 10 * 10**9), ("10gb", 10 * 10**9), ("10G", 10 * 10**9), (" 1.5 kB ", 1500), ("2KiB", 2048),
        ("3MiB", 3 * 2**20), ("1TiB", 2**40), ("0", 0), ("17 B", 17), (17, 17), (1e6, 10**6), (".5MB", 500_000),
    ],
)  # fmt: skip
def test_sizes(text, expected):
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "10 elephants", "10iB", "ten", "1e3", "nan", None])
def test_no_sizes(text):
    with pytest.raises(FerfusionError, match=r"such as '10GB', '500MB' or '1\.5GiB', not"):
        parse_size(text)


@pytest.mark.parametrize(
    ("n_bytes", "expected"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_940, "999.9 kB"), (999_950, "1.0 MB"), (10**15, "1000.0 TB")],
)
def test_shown(n_bytes, expected):
    assert show_size(n_bytes) == expected
