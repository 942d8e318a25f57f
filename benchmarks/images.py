"""The images that a suite runs on: a folder of the user's, or photographs made from scikit-learn's two."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from .environment import child_environment

__all__ = ["MADE_COUNT", "make_photographs", "pack"]

MADE_COUNT = 256
MADE_SIZE_PX = (500, 375)
QUALITY = 95


def make_photographs(root: Path) -> Path:
    """Writes `MADE_COUNT` JPEG files, cut at random out of scikit-learn's photographs, under `root`, and gives it.

    They are 500x375 pixels, 4:4:4 and about 100 KB each, as most of ImageNet's are.
    """
    from sklearn.datasets import load_sample_images

    generator = np.random.default_rng(0)
    photographs = load_sample_images()
    for k in range(MADE_COUNT):
        which = k % len(photographs.images)
        folder = root / Path(photographs.filenames[which]).stem
        folder.mkdir(parents=True, exist_ok=True)
        whole = Image.fromarray(photographs.images[which])
        width, height = (int(side * generator.uniform(0.6, 1)) for side in whole.size)
        left, top = (int(generator.integers(0, s - c + 1)) for s, c in zip(whole.size, (width, height), strict=True))
        cut = whole.crop((left, top, left + width, top + height))
        cut.resize(MADE_SIZE_PX, Image.Resampling.LANCZOS).save(folder / f"{k:04}.jpg", quality=QUALITY, subsampling=0)
    return root


def pack(folder: Path, target: Path) -> Path:
    """Packs an image folder with the default options of `pack-dataset` (codec `encoded`), and gives `target`."""
    start = "from penstock.cli.pack_dataset import main; main()"
    command = [sys.executable, "-c", start, str(folder), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=child_environment())
    if done.returncode:
        raise RuntimeError(f"pack-dataset failed with status {done.returncode}:\n{done.stderr}")
    return target
