"""Shifts in OpenCV's "HLS" on batches, with the float32 arithmetic of `augment.executors.hls`."""

from __future__ import annotations

import torch

from .. import hls
from .hue import in_sectors
from .images import Images

__all__ = ["shift_hsl"]

LEVEL, SECTOR = float(hls.LEVEL), float(hls.SECTOR)


def shift_hsl(images: Images, shifts: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """(n, 3, height, width) uint8.

    Args:
        images: uint8.
        shifts: (n, 1, 1, 1) float32 whole numbers to add to hue, lightness and saturation.
    """
    parts = zip(_hls(images.pixels), shifts, (180, 255, 255), strict=True)
    return _rgb(*((part + shift).clamp_(0, most) for part, shift, most in parts))


def _hls(pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Whole numbers as float32, (n, 1, height, width): hue to 180, lightness and saturation to 255."""
    red, green, blue = (pixels[:, channel : channel + 1].to(torch.float32) * LEVEL for channel in range(3))
    highest, lowest = torch.maximum(torch.maximum(red, green), blue), torch.minimum(torch.minimum(red, green), blue)
    is_grey = highest == lowest
    spread = (highest - lowest).masked_fill_(is_grey, 1)
    lightness = (highest + lowest) * 0.5
    most = torch.where(lightness < 0.5, highest + lowest, 2.0 - highest - lowest).masked_fill_(is_grey, 1)
    saturation = (spread / most).masked_fill_(is_grey, 0)
    slope = torch.full_like(spread, 60.0) / spread
    at_green, at_blue = (blue - red) * slope + 120.0, (red - green) * slope + 240.0
    hue = torch.where(red == highest, (green - blue) * slope, torch.where(green == highest, at_green, at_blue))
    hue = torch.where(hue < 0, hue + 360.0, hue).masked_fill_(is_grey, 0) * 0.5
    return hue.round_(), (lightness * 255.0).round_(), (saturation * 255.0).round_()


def _rgb(hue: torch.Tensor, lightness: torch.Tensor, saturation: torch.Tensor) -> torch.Tensor:
    lightness, saturation, hue = lightness * LEVEL, saturation * LEVEL, hue * SECTOR
    dark, bright = lightness * (1.0 + saturation), lightness + saturation - lightness * saturation
    highest = torch.where(lightness <= 0.5, dark, bright)
    lowest = 2.0 * lightness - highest
    hue = torch.where(hue >= 6, hue - 6.0, hue)
    sector = hue.floor()
    rest = hue - sector
    rising, falling = (lowest + (highest - lowest) * share for share in (rest, 1.0 - rest))
    shades = torch.cat([highest, rising, lowest, falling], dim=1) * 255.0
    return in_sectors(shades.round_().clamp_(0, 255).to(torch.uint8), sector)
