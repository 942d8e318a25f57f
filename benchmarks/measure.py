"""Measures one candidate in a process of its own: `python -m benchmarks.measure NAME --folder F --pack P ...`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from .candidates import CANDIDATES, SIZE_PX, Setting

__all__ = ["main"]


def pin(cores: int) -> None:
    """Keeps this process and its children on so many of the cores that it may use; the last ones."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])
    torch.set_num_threads(cores)


def epoch_seconds(loader: Iterable[Any], samples: int) -> float:
    """Seconds from asking for an iterator to the last batch; checks that every image came, in its shape."""
    start = time.perf_counter()
    seen = 0
    for images, labels in loader:
        if images.shape[1:] != (3, SIZE_PX, SIZE_PX) or images.dtype != torch.uint8 or len(images) != len(labels):
            raise RuntimeError(f"a candidate gave {tuple(images.shape)} {images.dtype} with {len(labels)} labels")
        seen += len(images)
    if seen != samples:
        raise RuntimeError(f"a candidate gave {seen} images instead of {samples}")
    return time.perf_counter() - start


def main() -> None:
    """Prints {"images": per epoch, "seconds": [of each timed epoch], "engine": ...} as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=CANDIDATES)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    given = parser.parse_args()
    pin(given.workers)
    loader = CANDIDATES[given.name](Setting(given.folder, given.pack, given.workers))
    samples = len(loader.dataset)  # type: ignore[arg-type]  # torch's Dataset promises no length
    epoch_seconds(loader, samples)  # starts the workers and fills the page cache
    seconds = [epoch_seconds(loader, samples) for _ in range(given.epochs)]
    explain = loader.explain() if hasattr(loader, "explain") else "torch's worker processes"
    json.dump({"images": samples, "seconds": seconds, "engine": explain}, sys.stdout)


if __name__ == "__main__":
    main()
