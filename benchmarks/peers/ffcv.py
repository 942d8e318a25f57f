"""FFCV on the sources' own JPEG bytes at full resolution. It decodes whole images; OpenCV's INTER_AREA filters.

FFCV's writer always encodes anew (quality 90, 4:2:0), so its `encode` is replaced by one that stores the file as it is.
Images come out channels-last. It compiles its pipeline at each start, which is not in the measured time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ffcv.fields import IntField, RGBImageField
from ffcv.fields.decoders import IntDecoder, RandomResizedCropRGBImageDecoder
from ffcv.fields.rgb_image import IMAGE_MODES
from ffcv.loader import Loader, OrderOption
from ffcv.transforms import NormalizeImage, RandomHorizontalFlip, Squeeze, ToTensor, ToTorchImage
from ffcv.writer import DatasetWriter
from PIL import Image

from .protocol import BATCH_SIZE, EPOCH_IMAGES, MEAN, SIZE_PX, STD, Adapter, Task, images_of, main


class SourceBytesField(RGBImageField):  # type: ignore[misc]
    """A field of JPEG files, stored as they are; samples are paths."""

    def encode(self, destination: Any, image: Path, malloc: Any) -> None:
        """Stores one file."""
        with Image.open(image) as opened:
            destination["width"], destination["height"] = opened.size
        destination["mode"] = IMAGE_MODES["jpg"]
        data = np.fromfile(image, np.uint8)
        destination["data_ptr"], storage = malloc(data.nbytes)
        storage[:] = data


class Files:
    """A data set of (path, label)."""

    def __init__(self, folder: Path) -> None:
        self._files = images_of(folder)
        self._classes = sorted({path.parent.name for path in self._files})

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> tuple[Path, int]:
        path = self._files[index]
        return path, self._classes.index(path.parent.name)


def prepare(task: Task) -> None:
    """Writes FFCV's file."""
    # FFCV's reader looks the field up by its class, so it must be FFCV's own.
    RGBImageField.encode = SourceBytesField.encode
    writer = DatasetWriter(str(task.target), {"image": RGBImageField(), "label": IntField()}, num_workers=1)
    writer.from_indexed_dataset(Files(task.folder))
    if not task.target.stat().st_size:
        raise RuntimeError(f"FFCV wrote nothing to {task.target}")


def batches(task: Task) -> Iterator[Any]:
    """Batches of a loader whose epoch names each image many times."""
    torch.set_num_threads(1)
    count = len(images_of(task.folder))
    steps = [RandomResizedCropRGBImageDecoder((SIZE_PX, SIZE_PX)), RandomHorizontalFlip()]
    if task.is_float:
        steps.append(NormalizeImage(255 * np.array(MEAN), 255 * np.array(STD), np.float32))
    pipelines = {
        "image": [*steps, ToTensor(), ToTorchImage()],
        "label": [IntDecoder(), ToTensor(), Squeeze()],
    }
    yield from Loader(
        os.fspath(task.target),
        BATCH_SIZE,
        num_workers=task.threads,
        os_cache=True,
        order=OrderOption.RANDOM,
        indices=np.arange(EPOCH_IMAGES) % count,
        pipelines=pipelines,
    )


if __name__ == "__main__":
    main(Adapter(batches, prepare, ("ffcv", "numba", "torch")))
