"""Numbers of bytes as people write and read them."""

from __future__ import annotations

import re

from ferfusion.base.errors import FerfusionError

__all__ = ["parse_size", "show_size"]

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_FORM = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)


def parse_size(size: int | float | str) -> int:
    """Number of bytes meant by a size.

    Parameters
    ----------
    size : int, float or str
        ``"10GB"``, ``"500 MB"``, ``"1.5GiB"``, or a number of bytes. ``kB``, ``MB``, ``GB`` and ``TB`` are powers of
        1000, ``KiB``, ``MiB``, ``GiB`` and ``TiB`` of 1024; the case of letters does not matter.

    Returns
    -------
    int

    Raises
    ------
    FerfusionError
        If it is no size.

    Examples
    --------
    >>> parse_size("10GB"), parse_size("1.5 KiB")
    (10000000000, 1536)
    """
    found = _FORM.fullmatch(str(size))
    if found is None or (found[3] and not found[2]):
        message = f"A size is a number and a unit, such as '10GB', '500MB' or '1.5GiB', not {size!r}."
        raise FerfusionError(message)
    unit = found[2].lower()
    return int(float(found[1]) * (_BINARY[unit] if found[3] else _UNITS[unit]))


def show_size(n_bytes: int) -> str:
    """A number of bytes for people.

    Parameters
    ----------
    n_bytes : int
        At least 0.

    Returns
    -------
    str

    Examples
    --------
    >>> show_size(10), show_size(1_500_000)
    ('10 B', '1.5 MB')
    """
    if n_bytes < 1000:
        return f"{n_bytes} B"
    value, unit = n_bytes / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if value < 999.95:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}"
