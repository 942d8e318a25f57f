"""Pipelines that many trainings share, ready to use, with the sources of their numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from ..errors import SpecError
from .ops import (
    Apply,
    CenterCrop,
    ColorJitter,
    GaussianBlur,
    Normalize,
    Op,
    RandomAffine,
    RandomCrop,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomHSL,
    RandomResizedCrop,
    RandomSolarize,
    Resize,
    ToDtype,
)
from .ops.arguments import Interval, Size, pair
from .ops.values import is_int, is_number, shown
from .pipeline import Pipeline
from .views import MAX_VIEWS, Augmentation, Views

__all__ = [
    "CIFAR10_MEAN",
    "CIFAR10_STD",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "MXNET_MEAN",
    "MXNET_STD",
    "PRESETS",
    "cifar_eval",
    "cifar_train",
    "dino",
    "imagenet_eval",
    "imagenet_train",
    "mxnet_level1",
    "mxnet_level2",
    "mxnet_level3",
    "simclr",
]

Channels: TypeAlias = tuple[float, float, float]
"""A number for each of R, G and B, of images from 0 to 1."""

IMAGENET_MEAN: Channels = (0.485, 0.456, 0.406)
IMAGENET_STD: Channels = (0.229, 0.224, 0.225)
"""Of ImageNet-1k's training images, as torchvision's reference training and all its weights use them."""

CIFAR10_MEAN: Channels = (0.4914, 0.4822, 0.4465)
CIFAR10_STD: Channels = (0.2470, 0.2435, 0.2616)
"""Of all pixels of CIFAR-10's 50,000 training images, rounded."""


MXNET_MEAN: Channels = (123.68 / 255, 116.779 / 255, 103.939 / 255)
MXNET_STD: Channels = (1 / 255, 1 / 255, 1 / 255)
"""What MXNet's ImageNet example subtracts from images from 0 to 255, which it does not divide."""


MAX_STRENGTH = 2.5
"""Of SimCLR's jitter, where the hue goes all around."""

MAX_LOCAL_CROPS = MAX_VIEWS - 2
"""Of DINO, beside its two global views."""


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
    size: Size = 224, resize: int | None = None, *, mean: Channels = IMAGENET_MEAN, std: Channels = IMAGENET_STD
) -> Pipeline:
    """The middle of the image: float32 (3, size, size), normalised; torchvision's reference evaluation.

    Args:
        size: side in pixels, or (height, width).
        resize: what the shorter side becomes before the crop, in pixels; None for as much more than `size` (its longer
            side) as 256 is more than 224. Where it is less than `size`, black surrounds the image.
        mean, std: of each channel, of images from 0 to 1.

    Raises:
        SpecError: an argument that the ops refuse.
    """
    crop = CenterCrop(size)
    shorter = round(max(pair(crop.size)) * 256 / 224) if resize is None else resize
    return Pipeline([Resize(shorter), crop, ToDtype("float32", scale=True), Normalize(mean, std)])


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


def simclr(
    size: Size = 224, strength: float = 1.0, *, mean: Channels | None = None, std: Channels | None = None
) -> Views:
    """Two views of each image, to learn that they are the same: float32 (3, size, size) from 0 to 1.

    Chen et al., "A simple framework for contrastive learning of visual representations" (2020), appendix A, with the
    numbers of their code (`data_util.py`): a random part, mirrored at random, its colours jittered with probability
    0.8, grey with 0.2, blurred with 0.5 by a kernel of a tenth of the height.

    Args:
        size: side in pixels, or (height, width).
        strength: of the jitter of colours; theirs is 1.0 for ImageNet and 0.5 for CIFAR-10 (without the blur).
        mean, std: of each channel, of images from 0 to 1; theirs are not normalised.

    Raises:
        SpecError: an argument that the ops refuse; `mean` or `std` alone.
    """
    if not is_number(strength) or not 0 <= strength <= MAX_STRENGTH:
        raise SpecError(
            f"simclr: strength must be a number from 0 to {MAX_STRENGTH}, got {strength!r}; theirs is 1.0 or 0.5"
        )
    jitter = ColorJitter(0.8 * strength, 0.8 * strength, 0.8 * strength, 0.2 * strength)
    crop = RandomResizedCrop(size)
    kernel = pair(crop.size)[0] // 10 // 2 * 2 + 1
    view = Pipeline(
        [
            crop,
            RandomHorizontalFlip(),
            Apply([jitter], 0.8),
            RandomGrayscale(0.2),
            Apply([GaussianBlur(kernel, (0.1, 2.0))], 0.5),
            *_to_floats("simclr", mean, std),
        ]
    )
    return Views(2, view)


def dino(
    global_size: Size = 224,
    local_size: Size = 96,
    local_crops: int = 8,
    *,
    global_scale: Interval = (0.4, 1.0),
    local_scale: Interval = (0.05, 0.4),
    interpolation: str = "bicubic",
    mean: Channels | None = IMAGENET_MEAN,
    std: Channels | None = IMAGENET_STD,
) -> Views:
    """Two large parts of each image and several small ones: a list of float32 (3, size, size), normalised.

    Caron et al., "Emerging properties in self-supervised vision transformers" (2021), with the numbers of their code
    (`DataAugmentationDINO`). The first global view is always blurred, the second with probability 0.1, and solarised
    with 0.2; local views are blurred with 0.5. Their blur is Pillow's, which comes near a Gaussian; this is one, cut
    off at three deviations.

    Args:
        global_size, local_size: sides in pixels, or (height, width).
        local_crops: how many local views; 0 for none.
        global_scale, local_scale: least and greatest share of the image's area that a view takes.
        interpolation: of the resizes, as of `RandomResizedCrop`.
        mean, std: of each channel, of images from 0 to 1; None for images from 0 to 1.

    Raises:
        SpecError: an argument that the ops refuse; `mean` or `std` alone; a number of local views that is none.
    """
    if not is_int(local_crops) or not 0 <= local_crops <= MAX_LOCAL_CROPS:
        raise SpecError(
            f"dino: local_crops must be an int from 0 to {MAX_LOCAL_CROPS}, got {shown(local_crops)}; theirs is 8"
        )
    jitter = Apply([ColorJitter(0.4, 0.4, 0.2, 0.1)], 0.8)
    blur = GaussianBlur(13, (0.1, 2.0))
    tail = _to_floats("dino", mean, std)

    def view(size: Size, scale: Interval, *last: Op) -> Pipeline:
        crop = RandomResizedCrop(size, scale, interpolation=interpolation)
        return Pipeline([crop, RandomHorizontalFlip(), jitter, RandomGrayscale(0.2), *last, *tail])

    first = view(global_size, global_scale, blur)
    second = view(global_size, global_scale, Apply([blur], 0.1), RandomSolarize(128, 0.2))
    both = Views.of([first, second])
    return both + Views(local_crops, view(local_size, local_scale, Apply([blur], 0.5))) if local_crops else both


def mxnet_level1(
    size: Size = 224, resize: int | None = 256, *, mean: Channels = MXNET_MEAN, std: Channels = MXNET_STD
) -> Pipeline:
    """A random part of the image as it is, mirrored at random: float32 (3, size, size), less the mean colour.

    Augmentation level 1 of MXNet's image classification examples (`set_data_aug_level` in
    `example/image-classification/common/data.py`): `rand_crop` and `rand_mirror` of its `ImageRecordIter`.

    Args:
        size: side in pixels, or (height, width), of the part.
        resize: what the shorter side becomes before, in pixels, as the example's records were packed; None to leave
            images as they are.
        mean, std: of each channel, of images from 0 to 1; MXNet's give numbers from -124 to 151.

    Raises:
        SpecError: an argument that the ops refuse.
    """
    return _mxnet(size, resize, [], [], mean, std)


def mxnet_level2(
    size: Size = 224, resize: int | None = 256, *, mean: Channels = MXNET_MEAN, std: Channels = MXNET_STD
) -> Pipeline:
    """As `mxnet_level1`, with hue, saturation and lightness shifted: MXNet's augmentation level 2.

    `max_random_h` is 36, `max_random_s` and `max_random_l` are 50, as of `RandomHSL`.

    Args:
        size, resize, mean, std: as of `mxnet_level1`.

    Raises:
        SpecError: an argument that the ops refuse.
    """
    return _mxnet(size, resize, [], [RandomHSL(36, 50, 50)], mean, std)


def mxnet_level3(
    size: Size = 224, resize: int | None = 256, *, mean: Channels = MXNET_MEAN, std: Channels = MXNET_STD
) -> Pipeline:
    """As `mxnet_level2`, with the image rotated, sheared and stretched before: MXNet's augmentation level 3.

    Angles to 10 degrees, a shear to 0.1 and an aspect ratio from 0.75 to 1.25, bilinear, with grey (127) around, as the
    example sets `max_rotate_angle`, `max_shear_ratio`, `max_aspect_ratio` and `fill_value`. MXNet draws whole degrees,
    and ratio and shear uniformly; `RandomAffine` draws any angle, the logarithm of the ratio, and the shear's angle.

    Args:
        size, resize, mean, std: as of `mxnet_level1`.

    Raises:
        SpecError: an argument that the ops refuse.
    """
    shear = math.degrees(math.atan(0.1))
    warp = RandomAffine(10, shear=shear, interpolation="bilinear", fill=127, aspect=(0.75, 1.25))
    return _mxnet(size, resize, [warp], [RandomHSL(36, 50, 50)], mean, std)


def _mxnet(
    size: Size, resize: int | None, before_crop: list[Op], after_crop: list[Op], mean: Channels, std: Channels
) -> Pipeline:
    """In the order of MXNet's `src/io/image_aug_default.cc`; its iterator mirrors last."""
    resizes = [] if resize is None else [Resize(resize)]
    crop = [*before_crop, RandomCrop(size), *after_crop, RandomHorizontalFlip()]
    return Pipeline([*resizes, *crop, ToDtype("float32", scale=True), Normalize(mean, std)])


def _to_floats(preset: str, mean: Channels | None, std: Channels | None) -> list[Op]:
    if (mean is None) != (std is None):
        raise SpecError(f"{preset}: mean and std go together, got {mean=} and {std=}; give both, or None for both")
    scaled = ToDtype("float32", scale=True)
    return [scaled] if mean is None or std is None else [scaled, Normalize(mean, std)]


PRESETS: dict[str, Callable[[], Augmentation]] = {
    preset.__name__: preset
    for preset in (
        cifar_eval,
        cifar_train,
        dino,
        imagenet_eval,
        imagenet_train,
        mxnet_level1,
        mxnet_level2,
        mxnet_level3,
        simclr,
    )
}
"""Every preset, by its name."""
