"""What people have without Penstock, to measure it against: torch's DataLoader and transforms on PIL images."""

from __future__ import annotations

import importlib
import math
import random
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.utils.data
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import RandomSampler

from ..formats import Dataset, Subset

__all__ = ["PillowTransform", "torch_loader", "torchvision_transform"]

SCALE, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)
ATTEMPTS = 10

Normalization = tuple[Sequence[float], Sequence[float]]


class PillowTransform:
    """A random resized crop and flip by Pillow, as torchvision's, without torchvision's own code around them.

    Takes a PIL image (mode RGB); gives (3, size, size), uint8, or float32 with `normalization`.

    Args:
        size: side of the results in px.
        normalization: (mean, std) per channel of images scaled to [0, 1]; None: results stay uint8.
    """

    def __init__(self, size: int, normalization: Normalization | None = None) -> None:
        self._size = size
        self._normalization = normalization and tuple(torch.tensor(part).view(3, 1, 1) for part in normalization)

    def __call__(self, image: Image.Image) -> Tensor:
        box = _draw_crop(image.width, image.height)
        image = image.crop(box).resize((self._size, self._size), Image.Resampling.BILINEAR)
        if random.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
        if self._normalization is None:
            return pixels
        mean, std = self._normalization
        return pixels.float().div_(255).sub_(mean).div_(std)


def torchvision_transform(size: int, normalization: Normalization | None = None) -> Callable[[Any], Any] | None:
    """The same by torchvision, or None where it is missing or was built for another torch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about its own image reader, which is not used
        try:
            transforms: Any = importlib.import_module("torchvision.transforms")
        except (ImportError, RuntimeError, OSError):
            return None
    steps = [transforms.RandomResizedCrop(size, SCALE, RATIO), transforms.RandomHorizontalFlip()]
    ending = [transforms.PILToTensor()]
    if normalization is not None:
        ending = [transforms.ToTensor(), transforms.Normalize(*normalization)]
    composed: Callable[[Any], Any] = transforms.Compose(steps + ending)
    return composed


def torch_loader(
    dataset: Dataset,
    indices: NDArray[np.int64],
    transform: Callable[[Any], Any],
    *,
    batch_size: int,
    num_workers: int,
    num_samples: int,
) -> torch.utils.data.DataLoader[Any]:
    """torch's own DataLoader over `num_samples` of the samples at `indices`, shuffled, each pass over all of them."""
    subset: Any = Subset(dataset, indices, transform=transform)
    sampler = RandomSampler(subset, num_samples=num_samples)
    return torch.utils.data.DataLoader(
        subset,
        batch_size,
        sampler=sampler,
        num_workers=num_workers,
        drop_last=True,
    )


def _draw_crop(width: int, height: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom), by the rule of torchvision's RandomResizedCrop."""
    for _ in range(ATTEMPTS):
        area = width * height * random.uniform(*SCALE)
        ratio = math.exp(random.uniform(math.log(RATIO[0]), math.log(RATIO[1])))
        crop_width, crop_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            left, top = random.randint(0, width - crop_width), random.randint(0, height - crop_height)
            return left, top, left + crop_width, top + crop_height
    ratio = min(max(width / height, RATIO[0]), RATIO[1])
    crop_width, crop_height = min(width, round(height * ratio)), min(height, round(width / ratio))
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return left, top, left + crop_width, top + crop_height
