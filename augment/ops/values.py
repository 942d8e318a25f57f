"""What sort of value an argument is: numbers, which may be numpy's but no bools, and lists of them."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

import numpy as np

__all__ = ["is_int", "is_number", "is_plain_number", "items"]


def is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_plain_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, (int, float, np.number)) and is_number(value)


def is_number(value: object) -> bool:
    return is_int(value) or (isinstance(value, (float, np.floating)) and math.isfinite(value))


def items(value: object) -> list[Any] | None:
    """The items of a list-like argument (a sequence, array or tensor), None for anything else."""
    plain: Any = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(plain, (str, bytes, dict, set)) or not hasattr(plain, "__len__") or not hasattr(plain, "__iter__"):
        return None
    return list(plain)
