"""Checks of the arguments of warps; see `arguments`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .arguments import refusal
from .values import is_int, is_number, is_plain_number, items

__all__ = ["INTERPOLATIONS", "angles", "interpolation", "point", "share", "shares", "shears", "unexpanded"]

MAX_DEGREES = 1e6
MAX_DISTANCE_PX = 1e9

INTERPOLATIONS = {"nearest": 0, "bilinear": 2, "bicubic": 3}
"""How pixels are made between those that there are, in the numbering of `PIL.Image.Resampling`."""


def interpolation(op: object, argument: str, value: object) -> str:
    """A name of `INTERPOLATIONS`, also as torchvision's `InterpolationMode` or Pillow's number."""
    mode = getattr(value, "value", value)
    for name, number in INTERPOLATIONS.items():
        if (isinstance(mode, str) and mode == name) or (is_int(mode) and mode == number):
            return name
    fix = f"for example {argument}='bilinear'; Pillow warps with no other filter"
    raise refusal(op, argument, "'nearest', 'bilinear' or 'bicubic'", value, fix)


def angles(op: object, argument: str, value: object) -> tuple[float, float]:
    """(low, high) in degrees; one number is both, to both sides of 0."""
    numbers = _numbers(value, lengths=(2,))
    if numbers is None or not numbers[0] <= numbers[1]:
        expected = "a number of at least 0, or (low, high) with low <= high, in degrees"
        raise refusal(op, argument, expected, value, f"for example {argument}=15 or {argument}=(-15, 30)")
    _check_turns(op, argument, value, numbers)
    return numbers[0], numbers[1]


def shears(op: object, argument: str, value: object) -> tuple[float, float, float, float]:
    """(low, high) along x and (low, high) along y, in degrees; the latter 0 where it is left out."""
    numbers = _numbers(value, lengths=(2, 4))
    four = None if numbers is None else (*numbers, 0.0, 0.0)[:4]
    if four is None or not (four[0] <= four[1] and four[2] <= four[3]):
        expected = "a number of at least 0, (low, high) or (low, high, low, high), rising, in degrees"
        raise refusal(op, argument, expected, value, f"for example {argument}=10 or {argument}=(-10, 10, 0, 5)")
    _check_turns(op, argument, value, four)
    return four[0], four[1], four[2], four[3]


def _check_turns(op: object, argument: str, value: object, angles: Sequence[float]) -> None:
    if max(map(abs, angles)) > MAX_DEGREES:
        fix = f"leave whole turns out, for example {argument}=180 for any direction"
        raise refusal(op, argument, f"from {-MAX_DEGREES:g} to {MAX_DEGREES:g} degrees", value, fix)


def _numbers(value: object, lengths: tuple[int, ...]) -> list[float] | None:
    """As many finite numbers as one of `lengths`; of a single one, from minus it to it."""
    if is_plain_number(value):
        return [0.0 - float(value), float(value)] if value >= 0 else None  # 0 has no sign
    given = items(value)
    if given is None or len(given) not in lengths or not all(map(is_number, given)):
        return None
    return [float(number) for number in given]


def shares(op: object, argument: str, value: object) -> tuple[float, float]:
    """Two numbers from 0 to 1."""
    given = items(value)
    if given is None or len(given) != 2 or not all(is_number(number) and 0 <= number <= 1 for number in given):
        expected = "(a, b), each from 0 to 1: shares of the width and the height"
        raise refusal(op, argument, expected, value, f"for example {argument}=(0.1, 0.1)")
    return float(given[0]), float(given[1])


def share(op: object, argument: str, value: Any) -> float:
    """A number from 0 to 1."""
    if not is_plain_number(value) or not 0 <= value <= 1:
        raise refusal(op, argument, "a number from 0 to 1", value, f"for example {argument}=0.5")
    return float(value)


def point(op: object, argument: str, value: object) -> tuple[float, float] | None:
    """(x, y), or None."""
    if value is None:
        return None
    fix = f"leave {argument} out for the middle of the image"
    given = items(value)
    if given is None or len(given) != 2 or not all(map(is_number, given)):
        raise refusal(op, argument, "(x, y) in pixels from the top left corner, or None", value, fix)
    if max(map(abs, given)) > MAX_DISTANCE_PX:
        raise refusal(op, argument, f"at most {MAX_DISTANCE_PX:g} pixels away", value, fix)
    return float(given[0]), float(given[1])


def unexpanded(op: object, argument: str, value: object) -> bool:
    """False: results whose sizes depend on what is drawn make no batch."""
    if value is not False:
        fix = "the size would depend on the angle; put a Pad before it to keep the corners, and leave it out"
        raise refusal(op, argument, "False", value, fix)
    return False
