"""Pipelines that many trainings share, ready to use, with the sources of their numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from .ops import CenterCrop, Normalize, RandomCrop, RandomHorizontalFlip, RandomResizedCrop, Resize, ToDtype
from .ops.arguments import Interval, Size
from .pipeline import Pipeline

__all__ = [
    "CIFAR10_MEAN",
    "CIFAR10_STD",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "PRESETS",
    "cifar_eval",
    "cifar_train",
    "imagenet_eval",
    "imagenet_train",
]

Channels: TypeAlias = tuple[float, float, float]
"""A number for each of R, G and B, of images from 0 to 1."""

IMAGENET_MEAN: Channels = (0.485, 0.456, 0.406)
IMAGENET_STD: Channels = (0.229, 0.224, 0.225)
"""Of ImageNet-1k's training images, as torchvision's reference training and all its weights use them."""

CIFAR10_MEAN: Channels = (0.4914, 0.4822, 0.4465)
CIFAR10_STD: Channels = (0.2470, 0.2435, 0.2616)
"""Of all pixels of CIFAR-10's 50,000 training images, rounded."""


def imagenet_train(
    size: Size = 224,
    *,
    scale: Interval = (0.08, 1.0),
    flip: float = 0.5,
    mean: Channels = IMAGENET_MEAN,
    std: Channels = IMAGENET_STD,
) -> Pipeline:
    """A random part of the image, mirrored at random: float32 (3, size, size), normalised.

    Crop and flip are those of Szegedy et al., "Going deeper with convolutions" (2015), with the numbers of
    torchvision's reference training (`references/classification/presets.py`, without AutoAugment and erasing).

    Args:
        size: side in pixels, or (height, width).
        scale: least and greatest share of the image's area that the crop takes.
        flip: probability of mirroring left to right; 0 leaves the op out.
        mean, std: of each channel, of images from 0 to 1.

    Raises:
        SpecError: an argument that the ops refuse.
    """
    flips = [RandomHorizontalFlip(flip)] if flip else []
    return Pipeline([RandomResizedCrop(size, scale), *flips, ToDtype("float32", scale=True), Normalize(mean, std)])


def imagenet_eval(
    size: Size = 224, resize: int = 256, *, mean: Channels = IMAGENET_MEAN, std: Channels = IMAGENET_STD
) -> Pipeline:
    """The middle of the image: float32 (3, size, size), normalised; torchvision's reference evaluation.

    Args:
        size: side in pixels, or (height, width).
        resize: what the shorter side becomes before the crop, in pixels.
        mean, std: of each channel, of images from 0 to 1.

    Raises:
        SpecError: an argument that the ops refuse.
    """
    return Pipeline([Resize(resize), CenterCrop(size), ToDtype("float32", scale=True), Normalize(mean, std)])


def cifar_train(
    size: Size = 32, padding: int = 4, *, mean: Channels = CIFAR10_MEAN, std: Channels = CIFAR10_STD
) -> Pipeline:
    """The image with a black border, cut at a random place, mirrored at random: float32 (3, size, size), normalised.

    He et al., "Deep residual learning for image recognition" (2015), section 4.2, after Lee et al., "Deeply-supervised
    nets" (2014); these subtract the mean of each pixel instead.

    Args:
        size: side in pixels, or (height, width).
        padding: width of the border in pixels.
        mean, std: of each channel, of images from 0 to 1.

    Raises:
        SpecError: an argument that the ops refuse.
    """
    crop = RandomCrop(size, padding)
    return Pipeline([crop, RandomHorizontalFlip(), ToDtype("float32", scale=True), Normalize(mean, std)])


def cifar_eval(size: Size = 32, *, mean: Channels = CIFAR10_MEAN, std: Channels = CIFAR10_STD) -> Pipeline:
    """The image as it is (its middle, where it is larger): float32 (3, size, size), normalised.

    Args:
        size: side in pixels, or (height, width).
        mean, std: of each channel, of images from 0 to 1.

    Raises:
        SpecError: an argument that the ops refuse.
    """
    return Pipeline([CenterCrop(size), ToDtype("float32", scale=True), Normalize(mean, std)])


PRESETS: dict[str, Callable[[], Pipeline]] = {
    preset.__name__: preset for preset in (cifar_eval, cifar_train, imagenet_eval, imagenet_train)
}
"""Every preset, by its name."""
