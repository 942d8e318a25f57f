"""What sort of value an argument is: numbers, which may be numpy's but no bools, and lists of them."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

import numpy as np

__all__ = ["is_int", "is_number", "is_plain_number", "items", "members", "shown"]

MOST_SHOWN = 400
"""Characters of a value in a message."""


def is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_plain_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, (int, float, np.number)) and is_number(value)


def is_number(value: object) -> bool:
    """Whether it is a finite one that a float can be."""
    if is_int(value):
        return abs(value) <= sys.float_info.max
    return isinstance(value, (float, np.floating)) and math.isfinite(value)


def items(value: object) -> list[Any] | None:
    """The items of a list-like argument (a sequence, array or tensor), None for anything else."""
    plain: Any = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(plain, (str, bytes, dict, set)) or not hasattr(plain, "__len__") or not hasattr(plain, "__iter__"):
        return None
    return list(plain)


def members(value: object) -> tuple[Any, ...] | None:
    """What a list of ops holds, or anything else that can be gone through; None for text, mappings and other values."""
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, Mapping)):
        return None
    return None if getattr(value, "ndim", None) == 0 else tuple(value)


def shown(value: object) -> str:
    """How messages show a value: as Python writes it, cut where it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # ints of thousands of digits, lists in lists in lists ...
        text = f"<{type(value).__name__} that is too long to be written>"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."
