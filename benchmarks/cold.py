"""Loads a pack once that is not in the file cache: `python -m benchmarks.cold PACK`. Prints JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from penstock.augment import Pipeline, RandomHorizontalFlip, RandomResizedCrop
from penstock.formats import open_dataset
from penstock.loaders import DataLoader

from .peers.protocol import BATCH_SIZE, SIZE_PX

__all__ = ["main"]


def drop_from_cache(pack: Path) -> None:
    """Has the system forget the bytes of a pack's shards; what is not yet on the disk is written first."""
    for path in pack.glob("*.pack"):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def disk_bytes() -> int:
    """Bytes that this process has had fetched from storage so far."""
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(lines["read_bytes"])


def main() -> None:
    """Prints {"images", "seconds", "disk_bytes"} of one shuffled epoch."""
    pack = Path(sys.argv[1])
    drop_from_cache(pack)
    dataset = open_dataset(pack)
    augment = Pipeline([RandomResizedCrop(SIZE_PX), RandomHorizontalFlip()])
    loader: DataLoader[Any] = DataLoader(dataset, BATCH_SIZE, True, num_workers=1, augment=augment, seed=0)
    before, start = disk_bytes(), time.perf_counter()
    images = sum(len(batch) for batch, _ in loader)
    seconds = time.perf_counter() - start
    print(json.dumps({"images": images, "seconds": seconds, "disk_bytes": disk_bytes() - before}))


if __name__ == "__main__":
    main()
