"""From files through a pack and the loader, pixels are the reference executor's, from the same drawn numbers.

But for a grey level where they are resized.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support.closeness import assert_close, conversion, moves, resize_count
from support.jpegs import Kind, make_jpeg, noise
from support.parity import tolerance
from support.pillow import WEBP

from penstock.augment import (
    CenterCrop,
    Normalize,
    Op,
    Pipeline,
    RandomHorizontalFlip,
    RandomResizedCrop,
    ReferenceExecutor,
    Resize,
    ToDtype,
)
from penstock.formats import Dataset, Folder, Pack, Subset
from penstock.formats.pack.writer import write_pack
from penstock.loaders import DataLoader

SEED = 11
FLOAT: list[Op] = [ToDtype("float32", scale=True), Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
PIPELINES = {
    "train uint8": Pipeline([RandomResizedCrop(64), RandomHorizontalFlip()]),
    "train float32": Pipeline([RandomResizedCrop((48, 80)), RandomHorizontalFlip(), *FLOAT]),
    "validation": Pipeline([Resize(72), CenterCrop(64), *FLOAT]),
}


def pillow_pixels(file: str) -> NDArray[np.uint8]:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def assert_parity(dataset: Dataset, files: Dataset, pipeline: Pipeline, epochs: int) -> None:
    """Every batch of `dataset` is what the reference executor makes of Pillow's decode of the samples' files."""
    loader: DataLoader[Any] = DataLoader(dataset, 9, shuffle=True, num_workers=2, augment=pipeline, seed=SEED)
    assert loader.explain().startswith("engine: native")
    moving, tail = moves(pipeline), conversion(pipeline)
    executor = ReferenceExecutor(moving)
    limit = tolerance("any pipeline", "native") * resize_count(pipeline)
    for epoch in range(epochs):
        order = np.concatenate([np.array(indices, np.int64) for indices in loader.batch_sampler])
        assert sorted(order.tolist()) == list(range(len(files)))
        loader.set_epoch(epoch)
        start = 0
        for images, labels in loader:
            indices = order[start : start + len(labels)]
            start += len(labels)
            assert labels.tolist() == files.labels[indices].tolist()
            pictures = [pillow_pixels(files.describe(index)) for index in indices.tolist()]
            sizes = np.array([picture.shape[:2] for picture in pictures])
            expected = executor.run(pictures, moving.params(indices, epoch, SEED, sizes))
            for image, pixels in zip(images.numpy(), expected, strict=True):
                assert_close(image, pixels, tail, limit)
        assert start == len(files)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Every kind of JPEG, and what libjpeg-turbo leaves to Pillow: CMYK, PNG with and without a palette, WebP, GIF."""
    root = tmp_path_factory.mktemp("mixed")
    for name in ("jpeg", "others"):
        (root / name).mkdir()
    samplings = ("4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1", "grey")
    for number, sampling in enumerate(samplings * 2):
        data = make_jpeg(Kind(sampling, progressive=number >= len(samplings)), 101 + number, 83 - number, number)
        (root / "jpeg" / f"{number:02d}.jpg").write_bytes(data)
    others = [
        ("CMYK", "jpg"),
        ("RGBA", "png"),
        ("P", "png"),
        ("L", "png"),
        ("RGB", WEBP.lower()),
        ("P", "gif"),
        ("1", "bmp"),
    ]
    for number, (mode, ending) in enumerate(others):
        Image.fromarray(noise(90 - number, 77, number)).convert(mode).save(root / "others" / f"{number}.{ending}")
    return Folder(root)


@pytest.mark.parametrize("name", PIPELINES)
def test_mixed_files_equal_the_reference(name: str, mixed: Folder, tmp_path: Path) -> None:
    write_pack(mixed, tmp_path / "pack")
    assert_parity(Pack(tmp_path / "pack"), mixed, PIPELINES[name], epochs=2)
    assert_parity(mixed, mixed, PIPELINES[name], epochs=1)


@pytest.fixture(scope="module")
def packed_photographs(photographs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Pack, Folder]:
    folder = Folder(photographs[0].parents[1])
    path = tmp_path_factory.mktemp("photographs") / "pack"
    write_pack(folder, path, workers=2)
    return Pack(path), folder


@pytest.mark.parametrize("name", PIPELINES)
def test_photographs_equal_the_reference(name: str, packed_photographs: tuple[Pack, Folder]) -> None:
    """Each photograph in one of the pipelines: the reference takes its time."""
    pack, folder = packed_photographs
    chosen = range(list(PIPELINES).index(name), len(folder), len(PIPELINES))
    assert_parity(Subset(pack, chosen), Subset(folder, chosen), PIPELINES[name], epochs=1)
