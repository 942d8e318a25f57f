"""How fast executors are on decoded images: ImageNet's training preset, on one core and, where there is one, a GPU.

`make bench SUITE=executors`, or `python -m benchmarks.executors --rounds 20 --output result.json`. Contestants take
turns of one batch each. On the CPU what counts is the process's processor time, on one core and with one thread; on a
GPU the time until the batch is there, beside the time between CUDA events around it. Everybody begins with decoded
uint8 images of 375x500 pixels in memory of the device (DALI, where it is installed: of the CPU), draws parameters, and
ends with one normalised float32 batch there.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from penstock.augment import DaliExecutor, NativeExecutor, TorchExecutor, imagenet_train
from penstock.augment.presets import IMAGENET_MEAN, IMAGENET_STD

from .peers.torchvision import declare_ops
from .report import table
from .results import stamped, write

__all__ = ["Contestant", "Turn", "contestants", "main", "markdown", "run"]

VERSION = 1
SIZE_PX = 224
PHOTOGRAPH_PX = (375, 500)
BATCH_SIZES = {"cpu": 32, "cuda": 256}

Call = Callable[[int], torch.Tensor]
"""Makes the batch of a number."""


class Contestant(NamedTuple):
    """Somebody who makes batches on a device."""

    name: str
    device: str
    call: Call


class Turn(NamedTuple):
    """One batch: what it took in all, and the GPU alone (0 without one)."""

    seconds: float
    gpu_seconds: float


def photographs(count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(count, 375, 500, 3): cut at random out of scikit-learn's two photographs."""
    from sklearn.datasets import load_sample_images

    generator = np.random.default_rng(0)
    wholes = [Image.fromarray(image) for image in load_sample_images().images]
    height, width = PHOTOGRAPH_PX
    cut = []
    for k in range(count):
        left, top = generator.integers(0, 120), generator.integers(0, 40)
        box = (left, top, left + width, top + height)
        cut.append(np.array(wholes[k % len(wholes)].crop(box)))
    return np.stack(cut)


def contestants(device: str, images: np.ndarray[Any, np.dtype[np.uint8]]) -> Iterator[Contestant]:
    """All who work on this device."""
    if device == "cpu":
        yield Contestant("native", device, native(images))
    batch = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().to(device)
    yield Contestant("torch", device, on_tensors(batch))
    if has_dali():
        yield Contestant("DALI" if device == "cpu" else "DALI, with the upload", device, dali(images, device))
    yield Contestant("torchvision v2, image by image", device, torchvision_v2(batch))


def native(images: np.ndarray[Any, np.dtype[np.uint8]]) -> Call:
    """Penstock's C++ kernels, from Python; engines call them without, and write into the batch."""
    executor = NativeExecutor(imagenet_train(SIZE_PX))
    indices = range(len(images))

    def call(number: int) -> torch.Tensor:
        params = executor.pipeline.params(indices, epoch=number, sizes=PHOTOGRAPH_PX)
        return torch.from_numpy(np.stack(executor.run(list(images), params)))

    return call


def on_tensors(batch: torch.Tensor) -> Call:
    """Penstock's torch executor."""
    executor = TorchExecutor(imagenet_train(SIZE_PX), batch.device)
    indices = range(len(batch))

    def call(number: int) -> torch.Tensor:
        return executor.run_batch(batch, executor.pipeline.params(indices, epoch=number, sizes=PHOTOGRAPH_PX))

    return call


def has_dali() -> bool:
    """Whether NVIDIA DALI is installed."""
    try:
        return find_spec("nvidia.dali") is not None
    except ModuleNotFoundError:  # not even `nvidia`
        return False


def dali(images: np.ndarray[Any, np.dtype[np.uint8]], device: str) -> Call:
    """Penstock's DALI executor; it takes images from the CPU's memory, and DALI works in streams of its own, which
    the time of the GPU leaves out."""
    executor = DaliExecutor(imagenet_train(SIZE_PX), device)
    indices = range(len(images))

    def call(number: int) -> torch.Tensor:
        params = executor.pipeline.params(indices, epoch=number, sizes=PHOTOGRAPH_PX)
        made = executor.run_batch(list(images), params)
        return made if isinstance(made, torch.Tensor) else torch.stack(made)

    return call


def torchvision_v2(batch: torch.Tensor) -> Call:
    """torchvision's transforms draw one crop for all of a batch, so that images go through them one by one."""
    declared = None if "torchvision" in sys.modules else declare_ops()  # must outlive the import
    from torchvision.transforms import v2

    transform = v2.Compose(
        [
            v2.RandomResizedCrop(SIZE_PX, antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]
    )

    def call(number: int, _kept: object = declared) -> torch.Tensor:
        torch.manual_seed(number)
        return torch.stack([transform(image) for image in batch])

    return call


def turn(contestant: Contestant, number: int) -> Turn:
    """One batch, timed."""
    if contestant.device == "cpu":
        begin = time.process_time()
        contestant.call(number)
        return Turn(time.process_time() - begin, 0.0)
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    wall = time.perf_counter()
    first.record()
    contestant.call(number)
    last.record()
    torch.cuda.synchronize()
    return Turn(time.perf_counter() - wall, first.elapsed_time(last) / 1e3)


def run(devices: list[str], rounds: int, batch_sizes: dict[str, int]) -> dict[str, Any]:
    """All contestants of each device take turns; every single measurement is kept."""
    rows = []
    for device in devices:
        count = batch_sizes[device]
        here = list(contestants(device, photographs(count)))
        for contestant in here:
            turn(contestant, rounds)
        turns = [[turn(contestant, number) for contestant in here] for number in range(rounds)]
        for contestant, own in zip(here, zip(*turns, strict=True), strict=True):
            seconds, gpu_seconds = (list(each) for each in zip(*own, strict=True))
            measured = {"seconds": seconds, "gpu_seconds": gpu_seconds}
            rows.append({"name": contestant.name, "device": device, "batch_size": count, **measured})
    gpu = torch.cuda.get_device_name() if "cuda" in devices else None
    return stamped("executors", VERSION, {"gpu": gpu, "photograph_px": list(PHOTOGRAPH_PX), "contestants": rows})


def markdown(result: dict[str, Any]) -> str:
    """A table of medians."""
    rows = []
    for row in result["contestants"]:
        count = row["batch_size"]
        gpu_us = statistics.median(row["gpu_seconds"]) / count * 1e6
        where = result["gpu"] if row["device"] == "cuda" else "one core"
        rate = count / statistics.median(row["seconds"])
        rows.append([row["name"], where, str(count), f"{rate:,.0f}", f"{gpu_us:,.1f}" if gpu_us else ""])
    return table(["executor", "on", "batch", "images/s", "GPU us/image"], rows, "<<>>>")


def main() -> None:
    """Measures, prints a table and writes the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.executors", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="turns of every contestant")
    parser.add_argument("--output", type=Path, help="JSON file; the Markdown goes beside it")
    arguments = parser.parse_args()
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    torch.set_num_threads(1)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        result = run(devices, arguments.rounds, BATCH_SIZES)
    finally:
        os.sched_setaffinity(0, cores)
    text = markdown(result)
    print(text)
    print(write(result, text, arguments.output))


if __name__ == "__main__":
    main()
