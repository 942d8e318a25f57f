"""The colour ops in plain numpy, on (height, width, 3) uint8 images: slow, and equal to Pillow in every bit."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "adjust_brightness",
    "adjust_contrast",
    "adjust_hue",
    "adjust_saturation",
    "adjust_sharpness",
    "autocontrast",
    "equalize",
    "gaussian_blur",
    "grayscale",
    "invert",
    "light",
    "posterize",
    "solarize",
]

Pixels = NDArray[np.uint8]

NEGLIGIBLE_WEIGHT = 2.0**-40
"""Of a blur's kernel: a smaller one is left out. Less than float32 can tell in any sum of pixels."""


def invert(image_hwc: Pixels) -> Pixels:
    """`PIL.ImageOps.invert`."""
    inverted: Pixels = 255 - image_hwc
    return inverted


def light(image_hwc: Pixels, rgb: NDArray[np.float64]) -> Pixels:
    """The image with (R, G, B) added, rounded half to even."""
    lit: Pixels = np.rint((image_hwc + rgb).clip(0, 255)).astype(np.uint8)
    return lit


def solarize(image_hwc: Pixels, threshold: float) -> Pixels:
    """`PIL.ImageOps.solarize`."""
    return np.where(image_hwc < threshold, image_hwc, 255 - image_hwc)


def posterize(image_hwc: Pixels, bits: int) -> Pixels:
    """`PIL.ImageOps.posterize`."""
    kept: Pixels = image_hwc & np.uint8(256 - (1 << (8 - bits)))
    return kept


def autocontrast(image_hwc: Pixels) -> Pixels:
    """`PIL.ImageOps.autocontrast`."""
    return _per_channel(image_hwc, _stretched)


def equalize(image_hwc: Pixels) -> Pixels:
    """`PIL.ImageOps.equalize`."""
    return _per_channel(image_hwc, _equalized)


def _per_channel(image_hwc: Pixels, change: Callable[[Pixels], Pixels]) -> Pixels:
    return np.stack([change(image_hwc[..., channel]) for channel in range(image_hwc.shape[2])], axis=2)


def _stretched(channel_hw: Pixels) -> Pixels:
    lowest, highest = int(channel_hw.min()), int(channel_hw.max())
    if lowest == highest:
        return channel_hw
    scale = 255.0 / (highest - lowest)
    table: Pixels = np.trunc(np.arange(256) * scale + -lowest * scale).clip(0, 255).astype(np.uint8)
    return table[channel_hw]


def _equalized(channel_hw: Pixels) -> Pixels:
    histogram = np.bincount(channel_hw.ravel(), minlength=256)
    step = int(histogram.sum() - histogram[channel_hw.max()]) // 255
    if step == 0:
        return channel_hw
    below = np.cumsum(histogram) - histogram
    table: Pixels = ((step // 2 + below) // step).clip(0, 255).astype(np.uint8)
    return table[channel_hw]


def _luma(image_hwc: Pixels) -> NDArray[np.int64]:
    """(height, width): Pillow's conversion from "RGB" to "L"."""
    luma: NDArray[np.int64] = (image_hwc.astype(np.int64) @ np.array([19595, 38470, 7471]) + 0x8000) >> 16
    return luma


def grayscale(image_hwc: Pixels) -> Pixels:
    """Pillow's conversion to "L", and back to three channels."""
    return np.repeat(_luma(image_hwc)[..., None], 3, axis=2).astype(np.uint8)


def _blend(start: NDArray[np.int64] | int, image_hwc: Pixels, factor: float) -> Pixels:
    """`PIL.Image.blend`: float32, cut off towards 0."""
    first = np.asarray(start, np.float32)
    blended = first + np.float32(factor) * (image_hwc.astype(np.float32) - first)
    return blended.clip(0, 255).astype(np.uint8)


def adjust_brightness(image_hwc: Pixels, factor: float) -> Pixels:
    """`PIL.ImageEnhance.Brightness`."""
    return _blend(0, image_hwc, factor)


def adjust_contrast(image_hwc: Pixels, factor: float) -> Pixels:
    """`PIL.ImageEnhance.Contrast`."""
    luma = _luma(image_hwc)
    return _blend(int(int(luma.sum()) / luma.size + 0.5), image_hwc, factor)


def adjust_saturation(image_hwc: Pixels, factor: float) -> Pixels:
    """`PIL.ImageEnhance.Color`."""
    return _blend(_luma(image_hwc)[..., None], image_hwc, factor)


def adjust_sharpness(image_hwc: Pixels, factor: float) -> Pixels:
    """`PIL.ImageEnhance.Sharpness`: its `SMOOTH` filter leaves the outermost pixels as they are."""
    height, width = image_hwc.shape[:2]
    smooth = image_hwc.astype(np.int64)
    if height >= 3 and width >= 3:
        wide = smooth.copy()
        total = sum(wide[y : y + height - 2, x : x + width - 2] for y in range(3) for x in range(3))
        smooth[1:-1, 1:-1] = (total + 4 * wide[1:-1, 1:-1] + 6) // 13
    return _blend(smooth, image_hwc, factor)


def adjust_hue(image_hwc: Pixels, factor: float) -> Pixels:
    """torchvision's `adjust_hue` of a PIL image: a shift of the hue in Pillow's "HSV"."""
    hue, saturation, value = _hsv(image_hwc)
    return _rgb((hue + int(factor * 255)) % 256, saturation, value)


def _hsv(image_hwc: Pixels) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pillow's conversion from "RGB" to "HSV" (`rgb2hsv_row`), with floats and doubles where it has them."""
    red, green, blue = (image_hwc[..., channel].astype(np.float32) for channel in range(3))
    highest, lowest = image_hwc.max(axis=2).astype(np.float32), image_hwc.min(axis=2).astype(np.float32)
    grey = highest == lowest
    spread = np.where(grey, np.float32(1), highest - lowest)
    from_red, from_green, from_blue = ((highest - channel) / spread for channel in (red, green, blue))
    double = np.float64
    at_green = (2.0 + from_red.astype(double) - from_blue).astype(np.float32)
    at_blue = (4.0 + from_green.astype(double) - from_red).astype(np.float32)
    sector = np.where(red == highest, from_blue - from_green, np.where(green == highest, at_green, at_blue))
    turn = np.fmod(sector.astype(double) / 6.0 + 1.0, 1.0).astype(np.float32)
    saturation = spread / np.maximum(highest, np.float32(1))
    hue, strength = ((part.astype(double) * 255.0).astype(np.int64) for part in (turn, saturation))
    return np.where(grey, 0, hue), np.where(grey, 0, strength), highest.astype(np.int64)


def _rgb(hue: NDArray[np.int64], saturation: NDArray[np.int64], value: NDArray[np.int64]) -> Pixels:
    """Pillow's conversion from "HSV" to "RGB" (`hsv2rgb`)."""
    turn = hue * 6.0 / 255.0
    sector = np.floor(turn)
    rest = (turn - sector).astype(np.float32)
    share = (saturation / 255.0).astype(np.float32)
    low = value * (1.0 - share.astype(np.float64))
    falling = value * (1.0 - (share * rest).astype(np.float64))
    rising = value * (1.0 - share * (1.0 - rest.astype(np.float64)))
    by_sector = [
        (value, rising, low),
        (falling, value, low),
        (low, value, rising),
        (low, falling, value),
        (rising, low, value),
        (value, low, falling),
    ]
    which = sector.astype(np.int64) % 6
    channels = [np.choose(which, [colours[channel] for colours in by_sector]) for channel in range(3)]
    return np.floor(np.stack(channels, axis=2) + 0.5).astype(np.uint8)


def gaussian_blur(image_hwc: Pixels, kernel_size: tuple[int, int], sigma: float) -> Pixels:
    """torchvision's `gaussian_blur` in two passes of float32: along the rows, then down the columns.

    Args:
        image_hwc: the image.
        kernel_size: (width, height) of the kernel, odd.
        sigma: in pixels.
    """
    blurred = image_hwc.astype(np.float32)
    for axis, taps in ((1, kernel_size[0]), (0, kernel_size[1])):
        blurred = _weighted(blurred, _gaussian(taps, sigma), axis)
    return np.rint(blurred).astype(np.uint8)


def _gaussian(taps: int, sigma: float) -> NDArray[np.float32]:
    """The kernel from its middle to the last weight that counts; the whole of it sums up to 1."""
    radius = taps // 2
    weights = [math.exp(-((distance / sigma) ** 2) / 2) for distance in range(-radius, radius + 1)]
    # From left to right: Python's sum does more than that from 3.12 on.
    kernel: NDArray[np.float32] = (np.array(weights[radius:]) / np.cumsum(weights)[-1]).astype(np.float32)
    return kernel[kernel >= NEGLIGIBLE_WEIGHT]


def _weighted(image: NDArray[np.float32], weights: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    radius, length = len(weights) - 1, image.shape[axis]
    padding = [(radius, radius) if axis == each else (0, 0) for each in range(image.ndim)]
    padded = np.pad(image, padding, mode="reflect")
    middle = np.arange(radius, radius + length)
    result: NDArray[np.float32] = weights[0] * padded.take(middle, axis)
    for distance in range(1, radius + 1):
        neighbours = padded.take(middle - distance, axis) + padded.take(middle + distance, axis)
        result = result + weights[distance] * neighbours
    return result
