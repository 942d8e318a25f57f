"""torch's DataLoader with torchvision's ImageFolder and transforms on PIL images: what most training scripts use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, RandomSampler

from .protocol import BATCH_SIZE, EPOCH_IMAGES, MEAN, SIZE_PX, STD, Adapter, Task, main

OPS = ("nms(Tensor dets, Tensor scores, float iou_threshold)", "qnms(Tensor dets, Tensor scores, float iou_threshold)")


def declare_ops() -> torch.library.Library:
    """Declares the two C++ ops that torchvision looks up when it is imported.

    One that was built for CUDA can't load its C++ ops beside a CPU build of torch; its transforms are Python and work.
    """
    library = torch.library.Library("torchvision", "DEF")
    for op in OPS:
        library.define(f"{op} -> Tensor")
    return library


def batches(task: Task) -> Iterator[Any]:
    """Batches of a loader with persistent workers."""
    library = declare_ops()  # must outlive the imports
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    torch.set_num_threads(1)
    steps = [transforms.RandomResizedCrop(SIZE_PX), transforms.RandomHorizontalFlip()]
    steps += [transforms.ToTensor(), transforms.Normalize(MEAN, STD)] if task.is_float else [transforms.PILToTensor()]
    dataset = ImageFolder(task.folder, transforms.Compose(steps))
    sampler = RandomSampler(dataset, num_samples=EPOCH_IMAGES)
    yield from DataLoader(dataset, BATCH_SIZE, sampler=sampler, num_workers=task.threads)
    del library


if __name__ == "__main__":
    main(Adapter(batches, packages=("torch", "torchvision", "pillow")))
