"""What a user of torch has today: an image folder read with Pillow, cropped and flipped in Python."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image

__all__ = ["PillowFolder"]

ATTEMPTS = 10


class PillowFolder(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """Random resized crops and flips of an image folder: (3, size, size) uint8 and the class number.

    Files, decoding, crop and flip are those of torchvision's `ImageFolder`, `RandomResizedCrop` and
    `RandomHorizontalFlip` on PIL images, without the costs of torchvision's own code around them.
    """

    def __init__(self, root: Path, size: int) -> None:
        files = sorted(p for p in root.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
        names = sorted({path.parent.name for path in files})
        self.files = [str(path) for path in files]
        self.labels = [names.index(path.parent.name) for path in files]
        self.size = size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with Image.open(self.files[index]) as file:
            image = file.convert("RGB")
        cropped = image.crop(draw_crop(image.width, image.height))
        result = cropped.resize((self.size, self.size), Image.Resampling.BILINEAR)
        if random.random() < 0.5:
            result = result.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = torch.from_numpy(np.array(result))
        return pixels.permute(2, 0, 1).contiguous(), self.labels[index]


def draw_crop(width: int, height: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) by torchvision's rule: scale 0.08 to 1, ratio 3/4 to 4/3."""
    area = width * height
    for _ in range(ATTEMPTS):
        crop_area = area * random.uniform(0.08, 1)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        crop_width, crop_height = round(math.sqrt(crop_area * ratio)), round(math.sqrt(crop_area / ratio))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            left, top = random.randint(0, width - crop_width), random.randint(0, height - crop_height)
            return left, top, left + crop_width, top + crop_height
    side_ratio = min(max(width / height, 3 / 4), 4 / 3)
    crop_width, crop_height = min(width, round(height * side_ratio)), min(height, round(width / side_ratio))
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return left, top, left + crop_width, top + crop_height
