"""Small images of known content, for tests that need files of their own."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image


def pixels(seed: int, width: int = 20, height: int = 16) -> np.ndarray:
    """(height, width, 3) uint8: a gradient and some noise, other ones for another seed."""
    generator = np.random.default_rng(seed)
    ramp = np.add.outer(np.arange(height) * 5, np.arange(width) * 3)[..., None] + generator.integers(0, 80, 3)
    return ((ramp + generator.integers(0, 16, (height, width, 3))) % 256).astype(np.uint8)


def encoded(seed: int, format: str = "JPEG", width: int = 20, height: int = 16, **options: int) -> bytes:
    """The image file of `pixels(seed)`."""
    file = io.BytesIO()
    Image.fromarray(pixels(seed, width, height)).save(file, format, **options)
    return file.getvalue()


def image_folder(root: Path, counts: dict[str, int], width: int = 20, height: int = 16) -> Path:
    """A folder of class folders with that many JPEG files each, all different."""
    seed = 0
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            (root / name / f"{number:03d}.jpg").write_bytes(encoded(seed, width=width, height=height))
            seed += 1
    return root
