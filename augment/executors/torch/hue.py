"""Shifts of the hue in Pillow's "HSV", with floats and doubles where Pillow has them."""

from __future__ import annotations

import numpy as np
import torch

from .images import Images, on_device

__all__ = ["adjust_hue", "in_sectors"]

VALUE, RISING, LOW, FALLING = range(4)
"""The shades that a colour is made of."""

SHADES = np.array(
    [
        (VALUE, FALLING, LOW, LOW, RISING, VALUE),
        (RISING, VALUE, VALUE, FALLING, LOW, LOW),
        (LOW, LOW, RISING, VALUE, VALUE, FALLING),
    ],
    np.int64,
)
"""(3, 6): the shade of each channel in each sixth of the turn."""


def adjust_hue(images: Images, shifts: torch.Tensor) -> torch.Tensor:
    """torchvision's `adjust_hue` of PIL images: (n, 3, height, width) uint8.

    Args:
        images: uint8.
        shifts: (n, 1, 1, 1) float64, in 255ths of a turn, whole numbers.
    """
    hue, saturation, value = _hsv(images.pixels)
    return _rgb((hue + shifts).remainder_(256), saturation, value)


def _divided(numbers: torch.Tensor, divisor: float) -> torch.Tensor:
    # By a tensor: a division by a Python number becomes a product with its reciprocal on a GPU.
    return numbers / torch.full((1,), divisor, dtype=numbers.dtype, device=numbers.device)


def _hsv(pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pillow's conversion from "RGB" to "HSV" (`rgb2hsv_row`): whole levels as float64, (n, 1, height, width)."""
    red, green, blue = (pixels[:, channel : channel + 1].to(torch.float32) for channel in range(3))
    highest, lowest = torch.maximum(torch.maximum(red, green), blue), torch.minimum(torch.minimum(red, green), blue)
    is_grey = highest == lowest
    spread = (highest - lowest).clamp_(min=1)
    from_red, from_green, from_blue = ((highest - channel) / spread for channel in (red, green, blue))
    double = torch.float64
    at_green = (2.0 + from_red.to(double) - from_blue).to(torch.float32)
    at_blue = (4.0 + from_green.to(double) - from_red).to(torch.float32)
    sector = torch.where(red == highest, from_blue - from_green, torch.where(green == highest, at_green, at_blue))
    turn = (_divided(sector.to(double), 6.0) + 1.0).fmod_(1.0).to(torch.float32)
    saturation = spread / highest.clamp(min=1)
    hue, strength = ((part.to(double) * 255.0).trunc_().masked_fill_(is_grey, 0) for part in (turn, saturation))
    return hue, strength, highest.to(double)


def _rgb(hue: torch.Tensor, saturation: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Pillow's conversion from "HSV" to "RGB" (`hsv2rgb`)."""
    turn = _divided(hue * 6.0, 255.0)
    sector = turn.floor()
    rest = (turn - sector).to(torch.float32)
    share = _divided(saturation, 255.0).to(torch.float32)
    low = value * (1.0 - share.to(torch.float64))
    falling = value * (1.0 - (share * rest).to(torch.float64))
    rising = value * (1.0 - share.to(torch.float64) * (1.0 - rest.to(torch.float64)))
    shades = torch.cat([value, rising, low, falling], dim=1).add_(0.5).floor_().to(torch.uint8)
    return in_sectors(shades, sector.remainder_(6))


def in_sectors(shades: torch.Tensor, sector: torch.Tensor) -> torch.Tensor:
    """(n, 3, height, width) uint8: R, G and B of colours in these sixths of the turn, from 0 to 5.

    Args:
        shades: (n, 4, height, width) uint8, in the order of `SHADES`.
        sector: (n, 1, height, width).
    """
    which = sector.to(torch.int64)
    return shades.gather(1, torch.cat([table.take(which) for table in on_device(SHADES, sector.device)], dim=1))
