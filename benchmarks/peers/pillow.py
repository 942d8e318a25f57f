"""torch's DataLoader on `examples/pillow_dataset.py`: torchvision's work on PIL images without its overhead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from examples.pillow_dataset import PillowImages
from torch.utils.data import DataLoader, RandomSampler

from .protocol import BATCH_SIZE, EPOCH_IMAGES, MEAN, SCALE, SIZE_PX, STD, Adapter, Task, main


def batches(task: Task) -> Iterator[Any]:
    """Batches of a loader whose epoch names each image many times."""
    torch.set_num_threads(1)
    dataset = PillowImages(task.folder, SIZE_PX, SCALE, normalize=(MEAN, STD) if task.is_float else None)
    sampler = RandomSampler(dataset, num_samples=EPOCH_IMAGES)
    yield from DataLoader(dataset, BATCH_SIZE, sampler=sampler, num_workers=task.threads)


if __name__ == "__main__":
    main(Adapter(batches, packages=("torch", "pillow")))
