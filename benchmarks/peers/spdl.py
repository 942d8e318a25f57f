"""SPDL: FFmpeg decodes whole images and crops, scales (bilinear, filtering) and mirrors them in its filter graph."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import spdl.io
import torch
from examples.pillow_dataset import draw_crop
from spdl.pipeline import PipelineBuilder

from .protocol import BATCH_SIZE, MEAN, SCALE, SIZE_PX, STD, Adapter, Task, images_of, main


def paths(folder: Path) -> Iterator[list[str]]:
    """The paths of one batch after the other, without end."""
    files = [str(path) for path in images_of(folder)]
    while True:
        random.shuffle(files)
        for start in range(0, len(files) - BATCH_SIZE + 1, BATCH_SIZE):
            yield files[start : start + BATCH_SIZE]


def decoded(path: str) -> Any:
    """The frame of one image: cut, scaled and perhaps mirrored."""
    packets = spdl.io.demux_image(path)
    left, top, right, bottom = draw_crop(packets.codec.width, packets.codec.height, SCALE)
    # exact=1: else crops of subsampled images would snap to even pixels
    cut = f"crop={right - left}:{bottom - top}:{left}:{top}:exact=1,scale={SIZE_PX}:{SIZE_PX}:flags=bilinear"
    mirror = ",hflip" if random.random() < 0.5 else ""
    return spdl.io.decode_packets(packets, filter_desc=f"{cut}{mirror},format=pix_fmts=rgb24")


def batches(task: Task) -> Iterator[Any]:
    """Batches of a pipeline without end: (n, h, w, 3) in memory, seen as (n, 3, h, w), for uint8."""
    torch.set_num_threads(1)
    mean, std = (torch.tensor(value).mul(255).view(1, 3, 1, 1) for value in (MEAN, STD))

    def load(files: list[str]) -> torch.Tensor:
        frames = spdl.io.convert_frames([decoded(path) for path in files])
        images = spdl.io.to_torch(frames).permute(0, 3, 1, 2)
        if not task.is_float:
            return images
        return images.to(torch.float32, memory_format=torch.contiguous_format).sub_(mean).div_(std)

    builder = PipelineBuilder().add_source(paths(task.folder)).pipe(load, concurrency=task.threads).add_sink(3)
    pipeline = builder.build(num_threads=task.threads)
    pipeline.start()
    yield from pipeline


if __name__ == "__main__":
    main(Adapter(batches, packages=("spdl-io", "torch")))
