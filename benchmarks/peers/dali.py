"""NVIDIA DALI on the CPU (device_id=None). It decodes only the crop, and its resize filters when it shrinks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from nvidia.dali import fn, pipeline_def, types
from nvidia.dali.plugin.pytorch import DALIGenericIterator

from .protocol import BATCH_SIZE, MEAN, RATIO, SCALE, SIZE_PX, STD, Adapter, Task, main


def batches(task: Task) -> Iterator[Any]:
    """Batches of a pipeline that never ends."""
    torch.set_num_threads(1)
    scaled = {"mean": [255 * value for value in MEAN], "std": [255 * value for value in STD]} if task.is_float else {}
    dtype = types.FLOAT if task.is_float else types.UINT8

    @pipeline_def(batch_size=BATCH_SIZE, num_threads=task.threads, device_id=None, exec_dynamic=True, seed=1)
    def pipeline() -> Any:
        files, labels = fn.readers.file(file_root=str(task.folder), random_shuffle=True, initial_fill=1024)
        images = fn.decoders.image_random_crop(
            files, device="cpu", random_aspect_ratio=RATIO, random_area=SCALE, num_attempts=10
        )
        images = fn.resize(images, resize_x=SIZE_PX, resize_y=SIZE_PX, interp_type=types.INTERP_LINEAR, antialias=True)
        mirror = fn.random.coin_flip(probability=0.5)
        images = fn.crop_mirror_normalize(images, dtype=dtype, output_layout="CHW", mirror=mirror, **scaled)
        return images, labels

    built = pipeline()
    built.build()
    for (batch,) in DALIGenericIterator([built], ["images", "labels"]):
        yield batch["images"], batch["labels"]


if __name__ == "__main__":
    main(Adapter(batches, packages=("nvidia-dali-cuda120", "torch")))
