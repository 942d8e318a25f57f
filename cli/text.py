"""Numbers as people write them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

__all__ = ["as_bytes", "plural", "ratio", "reasons", "shown_bytes", "wrapped"]

_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4, "KI": 1 << 10, "MI": 1 << 20, "GI": 1 << 30}
_UNITS["TI"] = 1 << 40


def as_bytes(text: str) -> int:
    """Bytes from "256MB", "1.5GiB" or "4096". ValueError for anything else, for less than one byte, and from 2^63."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?\s*", text.upper())
    size = float(match[1]) * _UNITS[match[2]] if match is not None and match[2] in _UNITS else 0.0
    if not 1 <= size < 2**63:
        raise ValueError(f"expected a size such as 256MB, 1.5GiB or 1000000, got {text!r}")
    return int(size)


def shown_bytes(size: float) -> str:
    """Bytes with three digits or so: "36.0 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def plural(count: int, noun: str) -> str:
    """The count with its noun: "1 image", "3 images", "2 classes"."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"


def ratio(size: int, source_size: int) -> str:
    """What is stored against what it was made of, in bytes: "1.48 times the source"."""
    return f"{size / max(source_size, 1):.2f} times the source"


def reasons(counts: Mapping[str, int]) -> str:
    """How often each thing was the reason, most often first: "12 (PNG file), 1 (CMYK JPEG)"."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} ({reason})" for reason, count in ordered)


def wrapped(text: str, width: int) -> list[str]:
    """Lines of whole words, no longer than `width` where words allow it: commands in them can be copied."""
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)
