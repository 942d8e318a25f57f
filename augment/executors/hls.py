"""OpenCV's "HLS" in plain numpy, with its float32 arithmetic (`RGB2HLS_b` and `HLS2RGB_b` of its portable code)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["hls_from_rgb", "rgb_from_hls", "shift_hsl"]

Bytes = NDArray[np.uint8]

LEVEL = np.float32(1) / np.float32(255)
SECTOR = np.float32(6) / np.float32(180)


def shift_hsl(image_hwc: Bytes, hue: int, saturation: int, lightness: int) -> Bytes:
    """Adds to the three parts of each pixel; what is beyond 0 and 180 (the hue) or 255 is cut off."""
    shifted = hls_from_rgb(image_hwc) + np.array([hue, lightness, saturation])
    return rgb_from_hls(shifted.clip(0, [180, 255, 255]).astype(np.uint8))


def hls_from_rgb(image_hwc: Bytes) -> Bytes:
    """(..., 3): hue from 0 to 180, lightness and saturation from 0 to 255."""
    one, two, half, turn = (np.float32(value) for value in (1, 2, 0.5, 60))
    red, green, blue = (image_hwc[..., channel] * LEVEL for channel in range(3))
    highest, lowest = image_hwc.max(axis=-1) * LEVEL, image_hwc.min(axis=-1) * LEVEL
    grey = highest == lowest
    spread = np.where(grey, one, highest - lowest)
    lightness = (highest + lowest) * half
    most = np.where(lightness < half, highest + lowest, two - highest - lowest)
    saturation = np.where(grey, 0, spread / np.where(grey, one, most))
    slope = turn / spread
    hue = np.where(
        red == highest,
        (green - blue) * slope,
        np.where(
            green == highest,
            (blue - red) * slope + np.float32(120),
            (red - green) * slope + np.float32(240),
        ),
    )
    hue = np.where(grey, 0, np.where(hue < 0, hue + np.float32(360), hue)) * half
    full = np.float32(255)
    rounded: Bytes = np.rint(np.stack([hue, lightness * full, saturation * full], axis=-1)).astype(np.uint8)
    return rounded


def rgb_from_hls(image_hls: Bytes) -> Bytes:
    """(..., 3) RGB."""
    one, two, half = (np.float32(value) for value in (1, 2, 0.5))
    lightness, saturation = image_hls[..., 1] * LEVEL, image_hls[..., 2] * LEVEL
    dark = lightness * (one + saturation)
    highest = np.where(lightness <= half, dark, lightness + saturation - lightness * saturation)
    lowest = two * lightness - highest
    hue = image_hls[..., 0] * SECTOR
    hue = np.where(hue >= 6, hue - np.float32(6), hue)
    sector = np.floor(hue)
    rest = hue - sector
    rising = lowest + (highest - lowest) * rest
    falling = lowest + (highest - lowest) * (one - rest)
    by_sector = [
        (highest, rising, lowest),
        (falling, highest, lowest),
        (lowest, highest, rising),
        (lowest, falling, highest),
        (rising, lowest, highest),
        (highest, lowest, falling),
    ]
    which = sector.astype(np.int64)
    channels = [np.choose(which, [colours[channel] for colours in by_sector]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1) * np.float32(255)).clip(0, 255).astype(np.uint8)
