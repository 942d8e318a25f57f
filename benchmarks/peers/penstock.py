"""Penstock, through its public DataLoader; and its kernels called in a loop, without the loader.

A variant is the item type, then any of: "dct" or "encoded" (the codec to prepare a pack with), "avx2" or "portable" (an
instruction-set level to force), "kernels" (no loader).
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import Subset

from penstock import _core
from penstock.augment import Normalize, Pipeline, RandomHorizontalFlip, RandomResizedCrop, ToDtype
from penstock.cli.pack_dataset import main as pack_dataset
from penstock.formats import Dataset, open_dataset
from penstock.formats.image import decode_rgb
from penstock.loaders import DataLoader

from .protocol import BATCH_SIZE, EPOCH_IMAGES, MEAN, SIZE_PX, STD, Adapter, Task, main

CODECS = ("dct", "encoded")
LEVELS = ("avx2", "portable")


def prepare(task: Task) -> None:
    """Packs the folder as users do."""
    codec = next(codec for codec in CODECS if codec in task.variant)
    arguments = [str(task.folder), str(task.target), "--codec", codec, "--overwrite"]
    pack_dataset(arguments, standalone_mode=False)


def pipeline(task: Task) -> Pipeline:
    """The augmentation, as users declare it."""
    ops: list[Any] = [RandomResizedCrop(SIZE_PX), RandomHorizontalFlip()]
    if task.is_float:
        ops += [ToDtype("float32", scale=True), Normalize(MEAN, STD)]
    return Pipeline(ops)


def batches(task: Task) -> Iterator[Any]:
    """Batches of the loader, or of the kernels alone."""
    torch.set_num_threads(1)
    for level in LEVELS:
        if level in task.variant:
            _core.set_simd_level(level)
    # A folder's adapter is given a target that nobody wrote.
    dataset = open_dataset(task.target if task.target.exists() else task.folder)
    return kernel_batches(dataset, task) if "kernels" in task.variant else loader_batches(dataset, task)


def loader_batches(dataset: Dataset, task: Task) -> Iterator[Any]:
    """Batches of a loader whose epoch names each image many times."""
    many: Subset[Any] = Subset(dataset, np.arange(EPOCH_IMAGES) % len(dataset))  # type: ignore[arg-type]
    loader: DataLoader[Any] = DataLoader(
        many, BATCH_SIZE, True, num_workers=task.threads, augment=pipeline(task), seed=0
    )
    yield from loader


def kernel_batches(dataset: Dataset, task: Task) -> Iterator[Any]:
    """Batches from engines without threads of their own; for several `task.threads`, each in a thread of Python's."""
    if task.threads == 1:
        yield from kernel_loop(dataset, pipeline(task), seed=0)
        return
    done: queue.Queue[Any] = queue.Queue(maxsize=task.threads)

    def work(seed: int) -> None:
        for batch in kernel_loop(dataset, pipeline(task), seed):
            done.put(batch)

    for seed in range(task.threads):
        threading.Thread(target=work, args=(seed,), daemon=True).start()
    while True:
        yield done.get()


def kernel_loop(dataset: Dataset, augment: Pipeline, seed: int) -> Iterator[Any]:
    """Reads, decodes and transforms every sample of a shuffled epoch after the other, always into the same memory."""
    order = np.random.default_rng(seed).permutation(len(dataset)).astype(np.int64)
    parts = [order[start : start + BATCH_SIZE] for start in range(0, len(order) - BATCH_SIZE + 1, BATCH_SIZE)]
    work = [(part, dataset.records(part)) for part in parts]
    engine = _core.Engine(augment.program, threads=0, fallback=decode_rgb)
    out = np.empty((BATCH_SIZE, 3, SIZE_PX, SIZE_PX), augment.dtype)
    draws = np.zeros(BATCH_SIZE, np.int64)
    for epoch in itertools.count():
        for indices, records in work:
            ticket = engine.submit(records, out, seed=seed, epoch=epoch, indices=indices, draws=draws)
            failed = engine.wait(ticket)
            if failed:
                raise failed[0][1]
            yield out


if __name__ == "__main__":
    main(Adapter(batches, prepare, ("torch", "numpy")))
