"""Resuming far into a huge dataset: time to the first batch, and memory. `python -m benchmarks.resume`"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from penstock.augment import Pipeline, RandomHorizontalFlip, RandomResizedCrop
from penstock.loaders import DataLoader
from penstock.record import Codec, Records
from penstock.rng import Permutation

from . import results
from .environment import child_environment
from .memory import PeakMemory
from .report import table

__all__ = ["CASES", "Synthetic", "main", "markdown", "measure"]

VERSION = 1
SIZE = 2_000_000_000
POSITION = 1_000_000_000
BATCH_SIZE = 64
SEED = 3
SIDE = 32


class Synthetic(torch.utils.data.Dataset[Any]):
    """So many samples, each the same image of a few pixels, labelled with its index."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._image = np.full((SIDE, SIDE, 3), 7, np.uint8)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], int]:
        return self._image, index

    def records(self, indices: Sequence[int] | NDArray[np.int64]) -> Records:
        """What the native engine reads."""
        labels = np.array(indices, np.int64)
        count = len(labels)
        side = np.full(count, SIDE, np.int32)
        return Records(
            codec=np.full(count, Codec.RAW, np.uint8),
            labels=labels,
            paths=[],
            file=np.full(count, -1, np.int32),
            offset=np.zeros(count, np.int64),
            length=np.full(count, self._image.nbytes, np.int64),
            width=side,
            height=side,
            payloads=[self._image.reshape(-1)] * count,
        )

    def describe(self, index: int) -> str:
        """Its place, for messages."""
        return f"synthetic sample {index}"


def resumed(size: int, position: int, **arguments: Any) -> NDArray[np.int64]:
    """Makes a loader, loads a state into it, and gives the labels of the first batch."""
    loader = DataLoader(Synthetic(size), BATCH_SIZE, shuffle=True, seed=SEED, **arguments)
    loader.load_state_dict({**loader.state_dict(), "position": position})
    iterator = iter(loader)
    _, labels = next(iterator)
    found: NDArray[np.int64] = labels.numpy()
    return found


def native(size: int, position: int) -> NDArray[np.int64]:
    """Two threads of the native engine."""
    augment = Pipeline([RandomResizedCrop(SIDE), RandomHorizontalFlip()])
    return resumed(size, position, augment=augment, num_workers=2)


def inline(size: int, position: int) -> NDArray[np.int64]:
    """Samples made by Python, in the caller's thread."""
    return resumed(size, position)


def skipping(size: int, position: int) -> NDArray[np.int64]:
    """torch's random sampler, whose order is drawn again and skipped up to the position."""
    dataset = Synthetic(size)
    sampler = torch.utils.data.RandomSampler(dataset, generator=torch.Generator().manual_seed(SEED))
    batch = list(itertools.islice(sampler, position, position + BATCH_SIZE))
    return np.array([label for _, label in (dataset[index] for index in batch)])


CASES: dict[str, tuple[str, Callable[[int, int], NDArray[np.int64]], int]] = {
    "native": ("Penstock, native engine, 2 threads", native, 1),
    "inline": ("Penstock, Python samples, inline", inline, 1),
    "torch": ("torch's RandomSampler, skipping; a 100th of the size", skipping, 100),
}
"""By name: what it is, how it resumes, and how many times smaller its dataset and position are."""


def measure(name: str) -> dict[str, Any]:
    """Resumes once in this process, which has just imported everything.

    Raises:
        ValueError: the batch is not the one that an uninterrupted run has there.
    """
    _, resume, smaller = CASES[name]
    size, position = SIZE // smaller, POSITION // smaller
    peak = PeakMemory()
    start, cpu_start = time.perf_counter(), time.process_time()
    labels = resume(size, position)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    peak_bytes = peak.bytes()
    expected = Permutation(size, SEED, 0).take(position, position + BATCH_SIZE)
    if name != "torch" and labels.tolist() != expected.tolist():
        raise ValueError(f"{name}: the first batch is {labels}, and should be {expected}")
    return {
        "case": name,
        "size": size,
        "position": position,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak_bytes": peak_bytes,
    }


def measured_apart(name: str) -> dict[str, Any]:
    """`measure` in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.resume", "--measure", name],
        capture_output=True,
        text=True,
        check=False,
        env=child_environment(),
    )
    if done.returncode:
        raise ValueError(f"measuring failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def markdown(result: dict[str, Any]) -> str:
    """Medians of the times, the largest memory, by case."""
    rows = []
    for name, (words, _, _) in CASES.items():
        turns = [turn for turn in result["turns"] if turn["case"] == name]
        rows.append(
            [
                words,
                f"{turns[0]['size']:,}",
                f"{turns[0]['position']:,}",
                f"{1000 * median(turn['seconds'] for turn in turns):,.1f}",
                f"{1000 * max(turn['seconds'] for turn in turns):,.1f}",
                f"{1000 * median(turn['cpu_seconds'] for turn in turns):,.1f}",
                f"{max(turn['peak_bytes'] for turn in turns) / 1e6:,.1f}",
            ]
        )
    heading = ["resumed", "samples", "at position", "first batch, ms", "slowest", "CPU, ms", "new memory, MB"]
    return table(heading, rows, "<>>>>>>")


def main() -> None:
    """Runs the suite, writes the result and prints its table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.resume", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="fresh processes for each case (default: 7)")
    parser.add_argument("--output", type=Path, help="the JSON result (default: a new file in benchmarks/results/)")
    parser.add_argument("--measure", choices=CASES, help="only measure this case, in this process")
    given = parser.parse_args()
    if given.measure is not None:
        json.dump(measure(given.measure), sys.stdout)
        return
    try:
        turns = [measured_apart(name) for _ in range(given.rounds) for name in CASES]
    except ValueError as error:
        sys.exit(f"benchmarks.resume: {error}")
    result = results.stamped("resume", VERSION, {"batch_size": BATCH_SIZE, "turns": turns})
    text = markdown(result)
    path = results.write(result, text, given.output)
    print(text)
    print(f"\nwritten to {path} and .md", file=sys.stderr)


if __name__ == "__main__":
    main()
