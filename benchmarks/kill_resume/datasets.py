"""Small datasets: some whose samples draw random numbers, some that fail, some that can only be iterated."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import IterableDataset

from penstock import rng
from penstock.formats import Arrays, Folder
from penstock.formats.pack.plan import PackOptions
from penstock.formats.pack.writer import write_pack

__all__ = ["Counting", "Drawing", "Failing", "Plain", "Replayed", "arrays", "write_pack_of_jpegs"]

HEIGHT_PX, WIDTH_PX = 14, 18


def arrays(size: int, labels: NDArray[np.int64] | None = None) -> Arrays:
    """Random images whose labels are their indices, or those given."""
    images = np.random.default_rng(size).integers(0, 256, (size, HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    return Arrays(images, np.arange(size) if labels is None else labels)


def write_pack_of_jpegs(target: Path, size: int) -> None:
    """A `dct` pack of so many JPEG images; each is a class of its own, so labels are indices."""
    generator = np.random.default_rng(size)
    folder = target.with_name(f"{target.name}-images")
    for number in range(size):
        path = folder / f"{number:03d}" / "image.jpg"
        path.parent.mkdir(parents=True)
        coarse = Image.fromarray(generator.integers(0, 256, (4, 5, 3), np.uint8))
        coarse.resize((48, 40), Image.Resampling.BICUBIC).save(path)
    write_pack(Folder(folder), target, PackOptions(codec="dct"))


class Plain(torch.utils.data.Dataset[Any]):
    """Sample i is (some floats that depend on i, i)."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.arange(8, dtype=torch.float32) * (index + 1), index


class Drawing(Plain):
    """Samples with random numbers in them.

    Args:
        size: number of samples.
        shared: also of the generators that all threads share, Python's, numpy's and torch's.
    """

    def __init__(self, size: int, *, shared: bool) -> None:
        super().__init__(size)
        self.shared = shared

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image, label = super().__getitem__(index)
        image[0] += float(rng.current().standard_normal())
        if self.shared:
            image[1] += random.random()
            image[2] += float(np.random.rand())
            image[3] += float(torch.rand(()))
        return image, label


class Failing(Drawing):
    """Every fifth sample can't be made."""

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if index % 5 == 2:
            raise ValueError(f"sample {index} is damaged")
        return super().__getitem__(index)


class Replayed(IterableDataset[Any]):
    """The samples of `Plain`, which worker processes share out; no state."""

    def __init__(self, size: int) -> None:
        self.samples = Plain(size)

    def __iter__(self) -> Iterator[Any]:
        info = torch.utils.data.get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        for index in range(worker, len(self.samples), workers):
            yield self.samples[index]


class Counting(Replayed):
    """The same, with a state: how many samples an iteration has given, and the generator that it draws from."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._begin()

    def __iter__(self) -> Iterator[Any]:
        if not self._loaded:
            self._begin()
        self._loaded = False
        info = torch.utils.data.get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        while (index := worker + workers * self._given) < len(self.samples):
            self._given += 1
            image, label = self.samples[index]
            image[0] += self._generator.random()
            yield image, label

    def _begin(self) -> None:
        self._given = 0
        self._generator = random.Random(0)
        self._loaded = False

    def state_dict(self) -> dict[str, Any]:
        return {"given": self._given, "generator": self._generator.getstate()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._given = state["given"]
        version, words, gauss = state["generator"]
        self._generator.setstate((version, tuple(words), gauss))
        self._loaded = True
