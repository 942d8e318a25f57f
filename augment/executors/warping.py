"""Where the pixels of warped images come from: coefficients for whole columns of drawn numbers, in plain numpy.

For every executor that warps. `warp_coefficients` gives what an op of a pipeline does to n images; it is made of
`rotation_coefficients` (Pillow's `Image.rotate`), `affine_coefficients` (torchvision's `affine`, with `aspect`) and
`perspective_coefficients` (torchvision's `perspective`). All give coefficients of `PIL.Image.Image.transform`: from a
place (x, y) in the result to the place in the image that is seen there, in pixels from the top left corner, pixels'
centres at halves:

- (n, 6), a to f: (a x + b y + c, d x + e y + f);
- (n, 8), a to h: the same, both divided by g x + h y + 1.

They are those of the core in every bit, which takes them from the same C library: so trigonometry is Python's, which
costs some microseconds an image; numpy's own differs in last bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..ops import Op, RandomAffine, RandomPerspective, RandomRotation

__all__ = [
    "CORNERS",
    "affine_coefficients",
    "middles",
    "perspective_coefficients",
    "rotation_coefficients",
    "warp_coefficients",
]

Column: TypeAlias = NDArray[np.float64]
"""(n,)"""

CORNERS = ("top_left", "top_right", "bottom_right", "bottom_left")
"""Of an image, in the order of the columns that `RandomPerspective` draws."""

UNCHANGED = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)


def warp_coefficients(op: Op, drawn: Mapping[str, Column], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """What `op` does once it has drawn these columns: (n, 6) for rotations and affine warps, (n, 8) for perspectives.

    Args:
        op: a `RandomRotation`, `RandomAffine` or `RandomPerspective`.
        drawn: by field, (n,) each. A perspective is given also where `apply` is 0.
        sizes: (n, 2) heights and widths of the images that reach the op, in pixels.
    """
    if isinstance(op, RandomPerspective):
        moves = np.stack([np.stack([drawn[f"{name}_x"], drawn[f"{name}_y"]], axis=1) for name in CORNERS], axis=1)
        return perspective_coefficients(moves, sizes)
    if not isinstance(op, (RandomAffine, RandomRotation)):
        raise TypeError(f"{type(op).__name__} is no warp")
    center = middles(sizes) if op.center is None else np.broadcast_to(np.array(op.center, np.float64), (len(sizes), 2))
    if isinstance(op, RandomRotation):
        return rotation_coefficients(drawn["angle"], center)
    names = ("angle", "translate_x", "translate_y", "scale", "shear_x", "shear_y", "aspect")
    return affine_coefficients(*(drawn[name] for name in names), center=center)


def middles(sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, 2) x and y of the middle of images of these (n, 2) heights and widths."""
    return sizes[:, ::-1] / 2.0


def rotation_coefficients(angle: Column, center: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 6) of `PIL.Image.Image.rotate` by `angle` degrees, counter-clockwise, about (n, 2) x and y."""
    radians = [-math.radians(degrees % 360.0) for degrees in angle.tolist()]
    cosine = np.array([round(math.cos(radian), 15) for radian in radians])
    sine = np.array([round(math.sin(radian), 15) for radian in radians])
    x, y = center.T
    c = cosine * -x + sine * -y + x
    f = -sine * -x + cosine * -y + y
    return np.stack([cosine, sine, c, -sine, cosine, f], axis=1)


def affine_coefficients(
    angle: Column,
    translate_x: Column,
    translate_y: Column,
    scale: Column,
    shear_x: Column,
    shear_y: Column,
    aspect: Column,
    *,
    center: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(n, 6) of torchvision's `affine`, of an image whose width is stretched by the root of `aspect` before.

    Args:
        angle, shear_x, shear_y: in degrees, clockwise.
        translate_x, translate_y: in pixels.
        scale: above 0.
        aspect: by how much the width is stretched against the height, whose product stays; above 0.
        center: (n, 2) x and y that all but the translation leaves where it is.
    """
    turn, along_x, along_y = (_each(math.radians, degrees) for degrees in (angle, shear_x, shear_y))
    cosine, sine = _each(math.cos, turn - along_y), _each(math.sin, turn - along_y)
    upright, slope = _each(math.cos, along_y), _each(math.tan, along_x)
    a = cosine / upright
    b = -cosine * slope / upright - _each(math.sin, turn)
    c = sine / upright
    d = -sine * slope / upright + _each(math.cos, turn)
    stretch = np.sqrt(aspect)
    across = np.stack([d / scale / stretch, -b / scale / stretch])
    down = np.stack([-c / scale * stretch, a / scale * stretch])
    x, y = -center[:, 0] - translate_x, -center[:, 1] - translate_y
    from_x = across[0] * x + across[1] * y + center[:, 0]
    from_y = down[0] * x + down[1] * y + center[:, 1]
    return np.stack([across[0], across[1], from_x, down[0], down[1], from_y], axis=1)


def perspective_coefficients(moves: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, 8) of torchvision's `perspective` of images whose corners move inwards, rounded to float32 as there.

    The way from a quadrilateral to the unit square is the adjugate of the way back: Heckbert, "Fundamentals of texture
    mapping and image warping" (1989), section 2.2.3. torchvision solves the same equations by least squares, whose
    rounding is larger than these numbers' (1e-15 where they are 0). Where there is no such way (three corners in a
    line, images of one row or column), the image stays as it is.

    Args:
        moves: (n, 4, 2) x and y of each of `CORNERS`, in pixels.
        sizes: (n, 2) heights and widths in pixels.
    """
    bottom, right = (side - 1.0 for side in sizes.T)
    x0, x1, x2, x3 = moves[:, 0, 0], right - moves[:, 1, 0], right - moves[:, 2, 0], moves[:, 3, 0]
    y0, y1, y2, y3 = moves[:, 0, 1], moves[:, 1, 1], bottom - moves[:, 2, 1], bottom - moves[:, 3, 1]
    around_x, around_y = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
    i = (x1 - x2) * (y3 - y2) - (x3 - x2) * (y1 - y2)
    g = around_x * (y3 - y2) - (x3 - x2) * around_y
    h = (x1 - x2) * around_y - around_x * (y1 - y2)
    a, b, c = (x1 - x0) * i + g * x1, (x3 - x0) * i + h * x3, x0 * i
    d, e, f = (y1 - y0) * i + g * y1, (y3 - y0) * i + h * y3, y0 * i
    divisor = a * e - b * d
    determinant = divisor * i + (b * f - c * e) * g + (c * d - a * f) * h
    back = [
        *((part * right) for part in (e * i - f * h, c * h - b * i, b * f - c * e)),
        *((part * bottom) for part in (f * g - d * i, a * i - c * g, c * d - a * f)),
        d * h - e * g,
        b * g - a * h,
    ]
    exists = (divisor != 0) & (determinant != 0)
    exact = np.stack(back, axis=1) / np.where(exists, divisor, 1)[:, None]
    return np.where(exists[:, None], exact, UNCHANGED).astype(np.float32).astype(np.float64)


def _each(function: Callable[[float], float], values: Column) -> Column:
    return np.array([function(value) for value in values.tolist()], np.float64)
