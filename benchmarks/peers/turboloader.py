"""TurboLoader on a tar of the files, with and without its antialias option. Labels travel as indices."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import Any

import torch
import turboloader

from .protocol import BATCH_SIZE, SIZE_PX, Adapter, Task, images_of, main, wrapped


def prepare(task: Task) -> None:
    """Writes the tar."""
    with tarfile.open(task.target, "w", dereference=True) as archive:
        for number, path in enumerate(images_of(task.folder)):
            archive.add(path, arcname=f"{number:06}.jpg")


def batches(task: Task) -> Iterator[Any]:
    """Batches of one epoch after the other."""
    torch.set_num_threads(1)

    def epoch() -> Iterator[Any]:
        return iter(
            turboloader.DataLoader(
                str(task.target),
                batch_size=BATCH_SIZE,
                num_workers=task.threads,
                shuffle=True,
                image_size=SIZE_PX,
                output_format="pytorch",
                train_aug=True,
                transform=turboloader.ImageNetNormalize(),
                drop_last=True,
                antialias="antialias" in task.variant,
            )
        )

    yield from wrapped(epoch)


if __name__ == "__main__":
    main(Adapter(batches, prepare, ("turboloader", "torch")))
