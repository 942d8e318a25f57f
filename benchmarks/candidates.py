"""The loaders that are compared. Each gives batches [(n, 3, 224, 224) uint8, labels] of the same images, shuffled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from examples.pillow_dataset import PillowImages

__all__ = ["BATCH_SIZE", "CANDIDATES", "SIZE_PX", "Setting"]

BATCH_SIZE = 64
SIZE_PX = 224


@dataclass(frozen=True, slots=True)
class Setting:
    """What a candidate is built from.

    Attributes:
        folder: the image folder.
        pack: the same images, packed with codec `encoded`.
        workers: `num_workers`, and the number of cores that the process may use.
    """

    folder: Path
    pack: Path
    workers: int


def torch_pillow(setting: Setting) -> torch.utils.data.DataLoader[object]:
    """torch's DataLoader, Pillow in its worker processes."""
    dataset = PillowImages(setting.folder, SIZE_PX)
    workers = setting.workers
    return torch.utils.data.DataLoader(dataset, BATCH_SIZE, True, num_workers=workers, persistent_workers=True)


def penstock_native(dataset_path: Path, workers: int) -> torch.utils.data.DataLoader[object]:
    """Penstock's DataLoader with the native engine."""
    # Imported here, so that torch's candidate runs in a process without any of it.
    from penstock.augment import Pipeline, RandomHorizontalFlip, RandomResizedCrop
    from penstock.formats import open_dataset
    from penstock.loaders import DataLoader

    augment = Pipeline([RandomResizedCrop(SIZE_PX), RandomHorizontalFlip()])
    dataset = open_dataset(dataset_path)
    return DataLoader(dataset, BATCH_SIZE, True, num_workers=workers, persistent_workers=True, augment=augment, seed=0)


CANDIDATES: dict[str, Callable[[Setting], torch.utils.data.DataLoader[object]]] = {
    "torch DataLoader + Pillow, folder": torch_pillow,
    "penstock native, folder": lambda setting: penstock_native(setting.folder, setting.workers),
    "penstock native, encoded pack": lambda setting: penstock_native(setting.pack, setting.workers),
}
"""By name; the first is what the others are compared with."""
