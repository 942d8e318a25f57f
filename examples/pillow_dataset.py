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


class PillowImages(Dataset[tuple[Tensor, int]]):
    """Class sub-folders of images -> ((3, size, size) float32, label), as torchvision does it."""

    def __init__(
        self,
        root: Path,
        size: int,
        scale: tuple[float, float],
        *,
        flip: bool,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
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
        self._mean = torch.tensor(mean).reshape(3, 1, 1)
        self._std = torch.tensor(std).reshape(3, 1, 1)

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self._files[index]
        try:
            with Image.open(path) as file:
                image = file.convert("RGB")
        except OSError:
            return self[(index + 1) % len(self)]  # pack-dataset leaves it out and lists it
        box = random_box(image.width, image.height, self._scale)
        image = image.crop(box).resize((self._size, self._size), Image.Resampling.BILINEAR)
        if self._flip and random.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div_(255)
        return tensor.sub_(self._mean).div_(self._std), label


def random_box(width: int, height: int, scale: tuple[float, float]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of a random crop, as torchvision's RandomResizedCrop draws it."""
    for _ in range(10):
        area = width * height * random.uniform(*scale)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            left, top = random.randint(0, width - w), random.randint(0, height - h)
            return left, top, left + w, top + h
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side
