"""`PIL.Image.Image.transform` in plain numpy: slow, and equal to Pillow in every bit (src/libImaging/Geometry.c)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["transformed"]

FIXED_LIMIT = 32768.0
"""Coordinates below it fit Pillow's 16.16 fixed point."""

Pixels = NDArray[np.uint8]
Places = NDArray[np.float64]


def transformed(
    image_hwc: Pixels, coefficients: NDArray[np.float64], interpolation: str, fill: int | Sequence[int]
) -> Pixels:
    """The image warped into one of its size.

    Args:
        image_hwc: the image.
        coefficients: (6,) of an affine warp or (8,) of a perspective; see `warping`.
        interpolation: "nearest", "bilinear" or "bicubic".
        fill: R, G, B of what lies beyond the image.
    """
    if interpolation == "nearest":
        rows, columns, inside = _nearest(coefficients, *image_hwc.shape[:2])
        picked = image_hwc[np.where(inside, rows, 0), np.where(inside, columns, 0)]
    else:
        x, y = _places(coefficients, *image_hwc.shape[:2])
        inside = _inside(x, y, *image_hwc.shape[:2])
        x, y = np.where(inside, x, 0.5) - 0.5, np.where(inside, y, 0.5) - 0.5
        picked = _interpolated(image_hwc, x, y, interpolation)
    return np.where(inside[..., None], picked, np.array(fill, np.uint8))


def _inside(x: Places, y: Places, height: int, width: int) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return inside


def _places(coefficients: NDArray[np.float64], height: int, width: int) -> tuple[Places, Places]:
    """(height, width) x and y of what is seen at each pixel's centre."""
    a, b, c, d, e, f, *rest = coefficients.tolist()
    y, x = np.mgrid[:height, :width] + 0.5
    across, down = a * x + b * y + c, d * x + e * y + f
    if not rest:
        return across, down
    g, h = rest
    divisor = g * x + h * y + 1
    with np.errstate(divide="ignore", invalid="ignore"):
        return across / divisor, down / divisor


def _nearest(
    coefficients: NDArray[np.float64], height: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """(height, width) each: row and column of the pixel that is seen, and whether there is one."""
    a, b, c, d, e, f = coefficients[:6].tolist()
    if len(coefficients) == 6 and not (b == 0 and d == 0):
        corners = [(x, y) for x in (0, width) for y in (0, height)]
        reached = [abs(value) for x, y in corners for value in (x * a + y * b + c, x * d + y * e + f)]
        if max(reached) < FIXED_LIMIT:
            return _nearest_in_fixed_point((a, b, c), (d, e, f), height, width)
    if len(coefficients) == 8:
        x, y = _places(coefficients, height, width)
    elif b == 0 and d == 0:
        x = np.broadcast_to(_sums(c + a * 0.5, a, width), (height, width))
        y = np.broadcast_to(_sums(f + e * 0.5, e, height)[:, None], (height, width))
    else:
        x, y = (
            np.stack([_sums(start, step, width) for start in _sums(offset + down * 0.5 + step * 0.5, down, height)])
            for step, down, offset in ((a, b, c), (d, e, f))
        )
    inside = _inside(x, y, height, width)
    return np.where(inside, y, 0).astype(np.int64), np.where(inside, x, 0).astype(np.int64), inside


def _sums(start: float, step: float, count: int) -> Places:
    """start, start + step, start + step + step ..., rounded at each sum."""
    return np.add.accumulate(np.array([start] + [step] * (count - 1)))


def _nearest_in_fixed_point(
    to_x: tuple[float, float, float], to_y: tuple[float, float, float], height: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    rows, columns = np.mgrid[:height, :width]
    x, y = (
        (_fixed(offset + across * 0.5 + down * 0.5) + rows * _fixed(down) + columns * _fixed(across)) >> 16
        for across, down, offset in (to_x, to_y)
    )
    return y, x, (x >= 0) & (x < width) & (y >= 0) & (y < height)


def _fixed(value: float) -> int:
    return int(np.floor(value * 65536.0 + 0.5))


def _interpolated(image_hwc: Pixels, x: Places, y: Places, interpolation: str) -> Pixels:
    """The image at these places of pixels' centres: (0, 0) is the first. Fractions are cut off."""
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    across, down = (x - left)[..., None], (y - top)[..., None]
    combined, offsets = (_linear, (0, 1)) if interpolation == "bilinear" else (_cubic, (-1, 0, 1, 2))
    height, width = image_hwc.shape[:2]
    wide = image_hwc.astype(np.float64)
    columns = [(left + offset).clip(0, width - 1) for offset in offsets]
    lines = []
    for offset in offsets:
        row = (top + offset).clip(0, height - 1)
        lines.append(combined([wide[row, column] for column in columns], across))
    return combined(lines, down).clip(0, 255).astype(np.uint8)


def _linear(values: list[Places], share: Places) -> Places:
    return values[0] + (values[1] - values[0]) * share


def _cubic(values: list[Places], share: Places) -> Places:
    """Pillow's cubic, at `share` of the way from the second value to the third."""
    first, second, third, fourth = values
    p2 = -first + third
    p3 = 2 * (first - second) + third - fourth
    p4 = -first + second - third + fourth
    result: Places = second + share * (p2 + share * (p3 + share * p4))
    return result
