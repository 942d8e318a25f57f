"""The images that a suite runs on: a folder of the user's, or photographs made from scikit-learn's two."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = [
    "ENOUGH_IMAGES",
    "MADE_COUNT",
    "add_data_option",
    "data_folder",
    "image_files",
    "make_photographs",
    "repeated",
]

ENDINGS = {".jpg", ".jpeg"}
MADE_COUNT = 256
MADE_SIZE_PX = (500, 375)
QUALITY = 95
ENOUGH_IMAGES = 4000
"""So many that packed forms are larger than most caches, and epochs longer than a turn."""


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--data`."""
    images = os.environ.get("PENSTOCK_TEST_IMAGES")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(images) if images else None,
        help=f"an image folder (default: $PENSTOCK_TEST_IMAGES, else {MADE_COUNT} photographs made on the spot)",
    )


def data_folder(given: argparse.Namespace, scratch: Path) -> Path:
    """The image folder that `--data` names, or one of photographs made under `scratch`.

    Raises:
        ValueError: `--data` is no folder.
    """
    if given.data is None:
        return make_photographs(scratch / "photographs of scikit-learn")
    data: Path = given.data.absolute()
    if not data.is_dir():
        raise ValueError(f"--data must be an image folder, and {given.data} is none")
    return data


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


def image_files(folder: Path) -> list[Path]:
    """The JPEG files in the class folders of an image folder, sorted."""
    return sorted(path for path in folder.glob("*/*") if path.suffix.lower() in ENDINGS and path.is_file())


def repeated(folder: Path, target: Path, enough: int = ENOUGH_IMAGES) -> int:
    """Makes an image folder `target` of links to the JPEGs of `folder`, each as often as makes `enough` of them.

    Returns:
        How often each is there.

    Raises:
        ValueError: there are none.
    """
    files = image_files(folder)
    if not files:
        raise ValueError(f"{folder} holds no JPEG files in class folders")
    times = -(-enough // len(files))
    for path in files:
        place = target / path.parent.name
        place.mkdir(parents=True, exist_ok=True)
        for k in range(times):
            (place / f"{path.stem}-{k:03}{path.suffix.lower()}").symlink_to(path.resolve())
    return times
