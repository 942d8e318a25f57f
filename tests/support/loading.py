"""Tiny datasets and pipelines for the loaders' tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from penstock.augment import Normalize, Pipeline, RandomHorizontalFlip, RandomResizedCrop, ToDtype
from penstock.formats import Arrays

PIPELINE = Pipeline([RandomResizedCrop(9), RandomHorizontalFlip()])
FLOAT_PIPELINE = Pipeline(
    [RandomResizedCrop((7, 9)), ToDtype("float32", scale=True), Normalize((0.5,) * 3, (0.25,) * 3)]
)


def arrays(size: int = 23, **arguments: Any) -> Arrays:
    """Random images whose labels are their indices."""
    images = np.random.default_rng(size).integers(0, 256, (size, 21, 26, 3), np.uint8)
    return Arrays(images, np.arange(size), **arguments)


def write_folder(root: Path, size: int = 12, extensions: tuple[str, ...] = (".jpg", ".png")) -> Path:
    """An image folder of two classes with smooth images of several sizes, in several formats and modes."""
    rng = np.random.default_rng(5)
    for number in range(size):
        coarse = Image.fromarray(rng.integers(0, 256, (5, 6, 3), np.uint8))
        image = coarse.resize((40 + 3 * number, 33 + number), Image.Resampling.BICUBIC)
        path = root / f"class{number % 2}" / f"{number:03d}{extensions[number % len(extensions)]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.convert("L" if number % 5 == 4 else "RGB").save(path)
    return root


class Numbers(torch.utils.data.Dataset[int]):
    """The samples are their indices."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> int:
        return index


class Plain(torch.utils.data.Dataset[Any]):
    """Samples of another dataset, by `__getitem__` alone: nothing that the native engine could see."""

    def __init__(self, inner: Any, convert: Callable[[Any], Any] = lambda image: image) -> None:
        self.inner = inner
        self.convert = convert

    def __len__(self) -> int:
        return len(self.inner)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, label = self.inner[index]
        return self.convert(image), label


def collate(samples: list[Any]) -> Any:
    """torch's own collating under another name: keeps the native engine away."""
    return torch.utils.data.default_collate(samples)


def equal(first: Any, second: Any) -> bool:
    """Whether two lists of batches of tensors are equal bit for bit, with dtypes and kinds."""
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and first.dtype == second.dtype and torch.equal(first, second)
    return (
        type(first) is type(second)
        and len(first) == len(second)
        and all(equal(*pair) for pair in zip(first, second, strict=True))
    )


def patiently(iterator: Iterator[Any]) -> Any:
    """The next batch of a loader with a timeout, however often that is over."""
    while True:
        try:
            return next(iterator)
        except RuntimeError as error:
            if "timed out" not in str(error):
                raise


def native_threads() -> int:
    """Threads of this process that Python does not know: the engine's, and others that were there before."""
    return len(list(Path("/proc/self/task").iterdir())) - threading.active_count()


def settles(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Whether `condition` becomes true in this time."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()
