"""The colour ops on batches, with the arithmetic of `augment.executors.colours`: equal to Pillow in every bit.

Every function takes uint8 images and gives uint8 pixels, (n, 3, height, width). Numbers of each sample are (n, 1, 1, 1)
tensors on the images' device.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from .images import Images, per_sample

__all__ = [
    "adjust_brightness",
    "adjust_contrast",
    "adjust_saturation",
    "adjust_sharpness",
    "grayscale",
    "invert",
    "kept_bits",
    "light",
    "posterize",
    "solarize",
    "whole_thresholds",
]


def invert(images: Images) -> torch.Tensor:
    """`PIL.ImageOps.invert`."""
    return images.pixels.bitwise_not()


def solarize(images: Images, thresholds: torch.Tensor) -> torch.Tensor:
    """`PIL.ImageOps.solarize`; thresholds are int16, from 0 to 256."""
    return torch.where(images.pixels < thresholds, images.pixels, images.pixels.bitwise_not())


def whole_thresholds(thresholds: NDArray[np.float64]) -> NDArray[np.int16]:
    """For `solarize`: a level is below a threshold exactly where it is below the next whole number."""
    whole: NDArray[np.int16] = np.ceil(thresholds.clip(0, 256)).astype(np.int16)
    return whole


def kept_bits(bits: NDArray[np.float64]) -> NDArray[np.uint8]:
    """For `posterize`: masks of as many of the highest bits."""
    return (256 - (1 << (8 - bits.astype(np.int64)))).astype(np.uint8)


def posterize(images: Images, masks: torch.Tensor) -> torch.Tensor:
    """`PIL.ImageOps.posterize`; masks are uint8, of the bits that are kept."""
    return images.pixels & masks


def light(images: Images, rgb: torch.Tensor) -> torch.Tensor:
    """The images with (n, 3, 1, 1) float64 added, rounded half to even."""
    return (images.pixels + rgb).clamp_(0, 255).round_().to(torch.uint8)


def luma(images: Images) -> torch.Tensor:
    """(n, 1, height, width) int32: Pillow's conversion from "RGB" to "L"."""
    red, green, blue = (images.pixels[:, channel : channel + 1].to(torch.int32) for channel in range(3))
    return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16


def grayscale(images: Images) -> torch.Tensor:
    """Pillow's conversion to "L", and back to three channels."""
    return luma(images).to(torch.uint8).expand(-1, 3, -1, -1)


def blend(start: torch.Tensor | float, images: Images, factors: torch.Tensor) -> torch.Tensor:
    """`PIL.Image.blend`: float32, cut off towards 0."""
    difference = images.pixels.to(torch.float32) - start
    return difference.mul_(factors).add_(start).clamp_(0, 255).to(torch.uint8)


def adjust_brightness(images: Images, factors: torch.Tensor) -> torch.Tensor:
    """`PIL.ImageEnhance.Brightness`."""
    return blend(0.0, images, factors)


def adjust_contrast(images: Images, factors: torch.Tensor) -> torch.Tensor:
    """`PIL.ImageEnhance.Contrast`."""
    levels = luma(images)
    if not images.is_even:
        levels = levels * images.inside()
    counts = per_sample(images.sizes.prod(axis=1), images.device)
    mean = (levels.sum(dim=(1, 2, 3), keepdim=True).to(torch.float64) / counts + 0.5).floor_()
    return blend(mean.to(torch.float32), images, factors)


def adjust_saturation(images: Images, factors: torch.Tensor) -> torch.Tensor:
    """`PIL.ImageEnhance.Color`."""
    return blend(luma(images).to(torch.float32), images, factors)


def adjust_sharpness(images: Images, factors: torch.Tensor) -> torch.Tensor:
    """`PIL.ImageEnhance.Sharpness`: its `SMOOTH` filter leaves the outermost pixels as they are."""
    wide = images.pixels.to(torch.int16)
    smooth = wide.clone()
    height, width = wide.shape[2:]
    if height >= 3 and width >= 3:
        across = wide[..., :-2] + wide[..., 1:-1] + wide[..., 2:]
        total = across[:, :, :-2] + across[:, :, 1:-1] + across[:, :, 2:]
        total += 4 * wide[:, :, 1:-1, 1:-1] + 6
        smooth[:, :, 1:-1, 1:-1] = total.div_(13, rounding_mode="floor")
    if not images.is_even:
        smooth = torch.where(images.inside(border=1), smooth, wide)
    return blend(smooth.to(torch.float32), images, factors)
