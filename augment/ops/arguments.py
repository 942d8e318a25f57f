"""Checks of op arguments: each returns the value in its stored form or raises `SpecError` with a fix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ...errors import SpecError
from .values import is_int as _is_int
from .values import is_number as _is_number
from .values import is_plain_number as _is_plain_number
from .values import items as _items
from .values import shown as _shown

__all__ = [
    "INTERPOLATIONS",
    "MAX_FACTOR",
    "MAX_PIXELS",
    "MAX_RATIO",
    "MAX_SIDE_PX",
    "Interval",
    "Size",
    "antialiased",
    "bits",
    "channel_values",
    "choice",
    "colour",
    "count",
    "deviation",
    "factor",
    "flag",
    "height_width",
    "hue_jitter",
    "integer",
    "interpolation",
    "jitter",
    "kernel_size",
    "margins",
    "number",
    "pair",
    "per_channel",
    "positive",
    "probability",
    "refusal",
    "rising",
    "share",
    "side",
    "size_sequence",
    "spread",
    "weights",
    "whole",
]

Size: TypeAlias = int | Sequence[int]
"""As an argument: a side in pixels, or (height, width)."""

Interval: TypeAlias = Sequence[float]
"""(low, high)."""

MAX_SIDE_PX = 65_535
"""Largest height or width of a result (also the largest that a JPEG has)."""

MAX_PIXELS = 178_956_970
"""Largest height x width of a result: where Pillow refuses an image as a decompression bomb."""

MAX_FACTOR = float(np.finfo(np.float32).max)
"""Largest factor: kernels compute in float32."""

MAX_RATIO = 1e9
"""Largest aspect ratio or scale of a length, and by its inverse the smallest."""

INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "box", "hamming", "lanczos")
"""Filters of resizes, in the core's numbering."""

PILLOW_INTERPOLATIONS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}
"""By the numbers of `PIL.Image.Resampling`, which torchvision takes too."""


def refusal(op: object, argument: str, expected: str, value: object, fix: str) -> SpecError:
    """The error for one bad argument, ready to raise."""
    return SpecError(f"{type(op).__name__}: {argument} must be {expected}, got {_shown(value)}; {fix}")


def side(op: object, argument: str, value: object) -> int:
    """A length in pixels, 1 to `MAX_SIDE_PX`."""
    if not _is_int(value) or not 1 <= value <= MAX_SIDE_PX:
        raise refusal(op, argument, f"an int from 1 to {MAX_SIDE_PX} (pixels)", value, f"for example {argument}=224")
    return int(value)


def size_sequence(op: object, argument: str, value: object) -> tuple[int, ...]:
    """(side,) or (height, width)."""
    items = [value] if _is_int(value) else _items(value)
    if items is None or len(items) not in (1, 2) or not all(_is_int(v) and 1 <= v <= MAX_SIDE_PX for v in items):
        expected = f"a positive int or (height, width), each from 1 to {MAX_SIDE_PX} pixels"
        raise refusal(op, argument, expected, value, f"for example {argument}=224 or {argument}=(224, 320)")
    pixels = int(items[0]) * int(items[-1])
    if pixels > MAX_PIXELS:
        fix = (
            f"these are {pixels:,}, {3 * pixels / 1e9:.1f} GB as uint8: give a smaller size, for example {argument}=224"
        )
        raise refusal(op, argument, f"at most {MAX_PIXELS:,} pixels in all", value, fix)
    return tuple(int(v) for v in items)


def height_width(op: object, argument: str, value: object) -> tuple[int, int]:
    """(height, width); one number is the side of a square."""
    sides = size_sequence(op, argument, value)
    return sides[0], sides[-1]


def pair(value: Size) -> tuple[int, int]:
    """(height, width) of a size in its stored form."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _two_numbers(value: object) -> tuple[float, float] | None:
    items = _items(value)
    if items is None or len(items) != 2 or not all(map(_is_number, items)):
        return None
    return float(items[0]), float(items[1])


def rising(op: object, argument: str, value: object) -> tuple[float, float]:
    """(low, high) with 0 < low <= high."""
    numbers = _two_numbers(value)
    if numbers is None or not 0 < numbers[0] <= numbers[1]:
        raise refusal(op, argument, "(low, high) with 0 < low <= high", value, "give two numbers in rising order")
    if not 1 / MAX_RATIO <= numbers[0] <= numbers[1] <= MAX_RATIO:
        expected = f"two numbers from {1 / MAX_RATIO:g} to {MAX_RATIO:g}"
        raise refusal(op, argument, expected, value, "for example (0.5, 2.0); 1 changes nothing")
    return numbers


def share(op: object, argument: str, value: object) -> tuple[float, float]:
    """(low, high) of a share of something: 0 <= low <= high <= 1, not both 0."""
    numbers = _two_numbers(value)
    if numbers is None or not 0 <= numbers[0] <= numbers[1] <= 1 or numbers[1] == 0:
        expected = "(low, high) with 0 <= low <= high, high above 0 and at most 1"
        raise refusal(op, argument, expected, value, "give two numbers in rising order")
    return numbers


def probability(op: object, argument: str, value: object) -> float:
    """A number from 0 to 1."""
    if not _is_plain_number(value) or not 0 <= value <= 1:
        raise refusal(op, argument, "a probability from 0 to 1", value, f"for example {argument}=0.5")
    return float(value)


def number(op: object, argument: str, value: object, fix: str) -> float:
    """A finite float32 number."""
    if not _is_plain_number(value):
        raise refusal(op, argument, "a finite number", value, fix)
    if abs(value) > MAX_FACTOR:
        raise refusal(op, argument, "a number in the range of float32", value, fix)
    return float(value)


def factor(op: object, argument: str, value: object) -> float:
    """A number from 0 to `MAX_FACTOR`."""
    if not _is_plain_number(value) or not 0 <= value <= MAX_FACTOR:
        raise refusal(
            op,
            argument,
            "a number of at least 0, in the range of float32",
            value,
            f"for example {argument}=1.5; 1 changes nothing",
        )
    return float(value)


def deviation(op: object, argument: str, value: object) -> float:
    """A standard deviation that may be 0."""
    if not _is_plain_number(value) or not 0 <= value <= MAX_FACTOR:
        raise refusal(
            op, argument, "a number of at least 0, in the range of float32", value, f"for example {argument}=0.1"
        )
    return float(value)


def whole(op: object, argument: str, value: object, highest: int) -> int:
    """An int from 0 to `highest`."""
    if not _is_int(value) or not 0 <= value <= highest:
        raise refusal(op, argument, f"an int from 0 to {highest}", value, f"for example {argument}={highest // 5}")
    return int(value)


def bits(op: object, argument: str, value: object) -> int:
    """A number of bits of a byte."""
    if not _is_int(value) or not 1 <= value <= 8:
        raise refusal(op, argument, "an int from 1 to 8", value, f"for example {argument}=4")
    return int(value)


def jitter(op: object, argument: str, value: object) -> tuple[float, float] | None:
    """(low, high) of a factor, from how far it may be from 1 or as it is; None where it would always be 1."""
    numbers = _around(1.0, value)
    if value is None or numbers == (1.0, 1.0):
        return None
    if numbers is None or not 0 <= numbers[0] <= numbers[1] <= MAX_FACTOR:
        expected = "a number of at least 0, or (low, high) with 0 <= low <= high"
        raise refusal(op, argument, expected, value, f"for example {argument}=0.4 or {argument}=(0.6, 1.4)")
    return numbers


def hue_jitter(op: object, argument: str, value: object) -> tuple[float, float] | None:
    """(low, high) of a share of a turn, from how far it may be from 0 or as it is; None where it would always be 0."""
    numbers = _around(0.0, value)
    if value is None or numbers == (0.0, 0.0):
        return None
    if numbers is None or not -0.5 <= numbers[0] <= numbers[1] <= 0.5:
        expected = "a number from 0 to 0.5, or (low, high) with -0.5 <= low <= high <= 0.5"
        raise refusal(op, argument, expected, value, f"for example {argument}=0.1 or {argument}=(-0.1, 0.1)")
    return numbers


def _around(centre: float, value: object) -> tuple[float, float] | None:
    """A number as the interval of that radius, which ends at 0 for factors; else as `_two_numbers`."""
    if not _is_plain_number(value):
        return _two_numbers(value)
    if value < 0:
        return None
    low = centre - float(value)
    return (max(low, 0.0) if centre else low), centre + float(value)


def kernel_size(op: object, argument: str, value: object) -> tuple[int, int]:
    """(width, height) of a kernel, odd; one number is the side of a square."""
    items = [value] if _is_int(value) else _items(value)
    if (
        items is None
        or len(items) not in (1, 2)
        or not all(_is_int(v) and v % 2 and 1 <= v <= MAX_SIDE_PX for v in items)
    ):
        expected = f"an odd int or (width, height), both odd, each from 1 to {MAX_SIDE_PX} pixels"
        raise refusal(op, argument, expected, value, f"for example {argument}=23 or {argument}=(5, 9)")
    return int(items[0]), int(items[-1])


def spread(op: object, argument: str, value: object) -> tuple[float, float]:
    """(low, high) of a standard deviation, above 0; one number is both."""
    numbers = (float(value), float(value)) if _is_plain_number(value) else _two_numbers(value)
    fix = f"for example {argument}=1.5 or {argument}=(0.1, 2.0)"
    if numbers is None or not 0 < numbers[0] <= numbers[1] <= MAX_FACTOR:
        raise refusal(op, argument, "a number above 0, or (low, high) with 0 < low <= high", value, fix)
    if numbers[0] < 1 / MAX_RATIO:
        raise refusal(op, argument, f"at least {1 / MAX_RATIO:g}", value, fix)
    return numbers


def weights(op: object, argument: str, value: object, count: int) -> tuple[float, ...]:
    """As many finite numbers of at least 0, with a sum above 0."""
    items = _items(value)
    numbers = items is not None and len(items) == count and all(_is_number(v) and v >= 0 for v in items)
    if items is None or not numbers or not 0 < sum(items) < math.inf:
        expected = f"None, or {count} numbers of at least 0, not all 0"
        raise refusal(op, argument, expected, value, "give one weight for each choice")
    return tuple(float(v) for v in items)


def integer(op: object, argument: str, value: object, lowest: int, highest: int) -> int:
    """An int from `lowest` to `highest`."""
    if not _is_int(value) or not lowest <= value <= highest:
        fix = f"for example {argument}={min(max(lowest, 2), highest)}"
        raise refusal(op, argument, f"an int from {lowest} to {highest}", value, fix)
    return int(value)


def flag(op: object, argument: str, value: object) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise refusal(op, argument, "True or False", value, f"write {argument}=True or {argument}=False")
    return bool(value)


def per_channel(op: object, argument: str, value: object) -> tuple[float, float, float]:
    """Three finite float32 numbers, for R, G, B; a sequence of one serves all three, as torch broadcasts it."""
    return _channels(op, argument, value, _items(value))


def _channels(op: object, argument: str, value: object, items: list[Any] | None) -> tuple[float, float, float]:
    if items is None or len(items) not in (1, 3) or not all(map(_is_number, items)):
        fix = f"for example {argument}=(0.5, 0.5, 0.5)"
        raise refusal(op, argument, "3 finite numbers, one for each of R, G, B", value, fix)
    if max(map(abs, items)) > MAX_FACTOR:
        raise refusal(op, argument, "3 numbers in the range of float32", value, "give smaller numbers")
    first, second, third = (float(v) for v in (items * 3 if len(items) == 1 else items))
    return first, second, third


def channel_values(op: object, argument: str, value: object) -> tuple[float, float, float]:
    """Three finite float32 numbers, for R, G, B; one number is all three."""
    return _channels(op, argument, value, [value] if _is_plain_number(value) else _items(value))


def positive(op: object, argument: str, value: object, highest: float) -> float:
    """A number above 0, up to `highest`."""
    if not _is_plain_number(value) or not 0 < value <= highest:
        raise refusal(op, argument, f"a number above 0, up to {highest:g}", value, f"for example {argument}=1.0")
    return float(value)


def count(op: object, argument: str, value: object, highest: int) -> int:
    """How many of something, 1 to `highest`."""
    if not _is_int(value) or not 1 <= value <= highest:
        raise refusal(op, argument, f"an int from 1 to {highest}", value, f"for example {argument}=10")
    return int(value)


def choice(op: object, argument: str, value: object, choices: Sequence[str]) -> str:
    """One of these strings."""
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(map(repr, choices[:-1])) + f" or {choices[-1]!r}"
        raise refusal(op, argument, listed, value, f"for example {argument}={choices[0]!r}")
    return str(value)


def margins(op: object, argument: str, value: object) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) in pixels, of an int, (left and right, top and bottom), or all four."""
    items = [value] if _is_int(value) else _items(value)
    if items is None or len(items) not in (1, 2, 4) or not all(_is_int(v) and 0 <= v <= MAX_SIDE_PX for v in items):
        forms = "an int, (left and right, top and bottom) or (left, top, right, bottom)"
        expected = f"{forms}, each from 0 to {MAX_SIDE_PX} pixels"
        raise refusal(op, argument, expected, value, f"for example {argument}=4; to cut pixels off, use CenterCrop")
    left, top, right, bottom = (int(v) for v in items * (4 // len(items)))
    return left, top, right, bottom


def colour(op: object, argument: str, value: object) -> tuple[int, int, int]:
    """(R, G, B) from 0 to 255; one number is a grey."""
    items: list[Any] | None = [value] if _is_number(value) else _items(value)
    whole = items is not None and len(items) in (1, 3) and all(_is_number(v) and v == int(v) for v in items)
    if items is None or not whole or not all(0 <= v <= 255 for v in items):
        expected = "an int or (R, G, B), each from 0 to 255"
        raise refusal(op, argument, expected, value, f"for example {argument}=0 or {argument}=(124, 116, 104)")
    red, green, blue = (int(v) for v in items * (3 // len(items)))
    return red, green, blue


def interpolation(op: object, argument: str, value: object) -> str:
    """One of `INTERPOLATIONS`, also as torchvision's `InterpolationMode` or Pillow's `Resampling`."""
    mode = getattr(value, "value", value)
    name = PILLOW_INTERPOLATIONS.get(int(mode)) if _is_int(mode) else mode
    if not isinstance(name, str):
        return choice(op, argument, value, INTERPOLATIONS)
    if name == "nearest-exact":  # torchvision's other name of it for PIL images
        return "nearest"
    return choice(op, argument, name if name in INTERPOLATIONS else value, INTERPOLATIONS)


def antialiased(op: object, argument: str, value: object) -> bool:
    """True: Pillow's filter, the only one there is, always widens when it shrinks an image."""
    if value is not True:
        raise refusal(op, argument, "True", value, "leave the argument out, results are those of Pillow, which does so")
    return True
