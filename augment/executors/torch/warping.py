"""Rotations, affine warps and perspectives on batches: the arithmetic of `augment.executors.transforming`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...ops import RandomAffine, RandomPerspective, RandomRotation
from ..transforming import FIXED_LIMIT
from ..warping import warp_coefficients
from .dispatch import Drawn, apply_op
from .images import Images, changed, on_device
from .sampling import sampled, seen
from .selection import Places, selected, summed

__all__ = ["warped"]

Coefficients = NDArray[np.float64]
"""(n, 6) or (n, 8)"""


@apply_op.register(RandomRotation)
@apply_op.register(RandomAffine)
@apply_op.register(RandomPerspective)
def _warp(op: RandomRotation | RandomAffine | RandomPerspective, images: Images, drawn: Drawn) -> Images:
    chosen = drawn["apply"] if isinstance(op, RandomPerspective) else np.ones(len(images))
    coefficients = warp_coefficients(op, drawn, images.sizes)
    return warped(images, chosen, coefficients, op.interpolation, np.array(op.fill, np.uint8))


def warped(
    images: Images,
    chosen: NDArray[Any],
    coefficients: Coefficients,
    interpolation: str,
    fill: NDArray[np.uint8],
) -> Images:
    """The images, those of them that are chosen warped.

    Args:
        images: the batch, uint8.
        chosen: (n,) 0 or 1 (or bool) for each image.
        coefficients: of all images, see `augment.executors.warping`.
        interpolation: "nearest", "bilinear" or "bicubic".
        fill: R, G, B of what lies beyond an image.
    """
    if interpolation != "nearest":
        return changed(
            images,
            chosen,
            lambda part, _, *own: sampled(part, *_places(part, own), interpolation, fill),
            *coefficients.T,
        )
    if coefficients.shape[1] == 8:
        return changed(images, chosen, lambda part, _, *own: seen(part, *_places(part, own), fill), *coefficients.T)
    return _nearest(images, np.asarray(chosen, bool), coefficients, fill)


def _places(images: Images, coefficients: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, 1, height, width) float64 x and y of what is seen at each pixel's centre."""
    height, width = images.pixels.shape[2:]
    y = torch.arange(height, dtype=torch.float64, device=images.device)[:, None] + 0.5
    x = torch.arange(width, dtype=torch.float64, device=images.device) + 0.5
    a, b, c, d, e, f, *rest = coefficients
    across, down = a * x + b * y + c, d * x + e * y + f
    if not rest:
        return across, down
    g, h = rest
    divisor = g * x + h * y + 1
    return across / divisor, down / divisor


def _nearest(images: Images, chosen: NDArray[np.bool_], coefficients: Coefficients, fill: NDArray[np.uint8]) -> Images:
    """Affine warps as Pillow makes them, which has a way of its own for each sort of coefficients."""
    upright = (coefficients[:, 1] == 0) & (coefficients[:, 3] == 0)
    near = _reach(coefficients, images.sizes) < FIXED_LIMIT
    scaled, fixed, rest = chosen & upright, chosen & ~upright & near, chosen & ~upright & ~near
    images = changed(images, scaled, lambda part, rows: _scaled(part, coefficients[rows], fill))
    units = _units(coefficients, fixed)
    images = changed(images, fixed, lambda part, _, *own: seen(part, *_fixed(part, own), fill), *units)
    return changed(images, rest, lambda part, rows: seen(part, *_summed(part, coefficients[rows]), fill))


def _reach(coefficients: Coefficients, sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) the largest coordinate that an image's corners come from."""
    a, b, c, d, e, f = coefficients.T
    corners = [(x, y) for x in (0, sizes[:, 1]) for y in (0, sizes[:, 0])]
    reached: NDArray[np.float64] = np.max(
        [np.abs(value) for x, y in corners for value in (x * a + y * b + c, x * d + y * e + f)], axis=0
    )
    return reached


def _scaled(images: Images, coefficients: Coefficients, fill: NDArray[np.uint8]) -> torch.Tensor:
    a, _, c, _, e, f = coefficients.T
    height, width = images.pixels.shape[2:]
    rows, columns = (_floored(summed(o + s * 0.5, s, n)) for o, s, n in ((f, e, height), (c, a, width)))
    return selected(images, rows, columns, images.sizes, fill.tolist()).pixels


def _floored(places: NDArray[np.float64]) -> Places:
    # Clipped, so that whatever is far outside has a number, which is outside too.
    floored: Places = np.floor(places.clip(-1, 2.0**31)).astype(np.int64)
    return floored


def _fixed(images: Images, units: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, 1, height, width) int64 column and row of what is seen, in Pillow's 16.16 fixed point."""
    height, width = images.pixels.shape[2:]
    rows = torch.arange(height, device=images.device)[:, None]
    columns = torch.arange(width, device=images.device)
    x, x_across, x_down, y, y_across, y_down = units
    return (x + rows * x_down + columns * x_across) >> 16, (y + rows * y_down + columns * y_across) >> 16


def _units(coefficients: Coefficients, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(6, n): x where an image begins and its steps across and down, and y; 0 for those that are not chosen."""
    a, b, c, d, e, f = np.where(chosen[:, None], coefficients, 0).T
    numbers = [c + a * 0.5 + b * 0.5, a, b, f + d * 0.5 + e * 0.5, d, e]
    return np.floor(np.stack(numbers) * 65536.0 + 0.5).astype(np.int64)


def _summed(images: Images, coefficients: Coefficients) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, 1, height, width) float64 x and y where fixed point is too short: rare, and so on the host."""
    height, width = images.pixels.shape[2:]
    a, b, c, d, e, f = coefficients.T
    x, y = (
        summed(summed(offset + down * 0.5 + across * 0.5, down, height), across[:, None], width)
        for across, down, offset in ((a, b, c), (d, e, f))
    )
    return on_device(x[:, None], images.device), on_device(y[:, None], images.device)
