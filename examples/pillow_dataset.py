"""What a training script has without Penstock: images decoded and augmented with Pillow, for torch's DataLoader."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm"}
ATTEMPTS = 10


class PillowImages(Dataset[tuple[Tensor, int]]):
    """Random resized crops of the images in class sub-folders: (3, size, size) and the number of the class.

    Files, decoding, crop and flip are those of torchvision's `ImageFolder`, `RandomResizedCrop` and
    `RandomHorizontalFlip` on PIL images, without the costs of torchvision's own code around them.

    Args:
        root: the image folder.
        size: side of the results in px.
        scale: least and greatest share of the image's area that a crop takes.
        flip: mirror half of them.
        normalize: (mean, std) per channel of images scaled to [0, 1]: results are float32. None: they are uint8.
    """

    def __init__(
        self,
        root: Path,
        size: int,
        scale: tuple[float, float] = (0.08, 1.0),
        *,
        flip: bool = True,
        normalize: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None,
    ) -> None:
        classes = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
        self._files = [
            (str(path), label)
            for label, name in enumerate(classes)
            for path in sorted((root / name).rglob("*"))
            if path.suffix.lower() in ENDINGS
        ]
        self._size = size
        self._scale = scale
        self._flip = flip
        self._normalize = None if normalize is None else tuple(torch.tensor(part).view(3, 1, 1) for part in normalize)

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self._files[index]
        try:
            with Image.open(path) as file:
                image = file.convert("RGB")
        except OSError:
            return self[(index + 1) % len(self)]  # pack-dataset leaves it out and lists it
        box = draw_crop(image.width, image.height, self._scale)
        image = image.crop(box).resize((self._size, self._size), Image.Resampling.BILINEAR)
        if self._flip and random.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
        if self._normalize is None:
            return pixels, label
        mean, std = self._normalize
        return pixels.float().div_(255).sub_(mean).div_(std), label


def draw_crop(width: int, height: int, scale: tuple[float, float]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) by torchvision's rule, with its ratio of 3/4 to 4/3."""
    for _ in range(ATTEMPTS):
        area = width * height * random.uniform(*scale)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        crop_width, crop_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            left, top = random.randint(0, width - crop_width), random.randint(0, height - crop_height)
            return left, top, left + crop_width, top + crop_height
    ratio = min(max(width / height, 3 / 4), 4 / 3)
    crop_width, crop_height = min(width, round(height * ratio)), min(height, round(width / ratio))
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return left, top, left + crop_width, top + crop_height
