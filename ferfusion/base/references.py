"""The library's bibliography: every paper once, by key."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

__all__ = ["references"]


@cache
def references() -> dict[str, str]:
    """BibTeX entries by key."""
    text = files("ferfusion").joinpath("references.bib").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=@)", text.strip())
    return {match[1]: entry.strip() for entry in entries if (match := re.match(r"@\w+\{([^,]+),", entry))}
