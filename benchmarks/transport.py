"""How fast batches come from worker processes: torch's, and the pool's. `python -m benchmarks.transport`"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, default_collate
from torch.utils.data._utils import worker as torch_worker

from penstock.loaders.pool import Place, PoolOptions, Task, WorkerPool

from . import results
from .report import table

__all__ = ["CASES", "Case", "main", "markdown", "run"]

VERSION = 1
WARM_UP = 6


@dataclass(frozen=True)
class Case:
    """Batches of `batch_size` equal samples of a shape."""

    name: str
    shape: tuple[int, ...]
    batch_size: int
    workers: int
    reads: bool  # whether the consumer reads every number


CASES = [
    Case("64 images 3x224x224 float32", (3, 224, 224), 64, 1, False),
    Case("the same, consumer reads them", (3, 224, 224), 64, 1, True),
    Case("the same", (3, 224, 224), 64, 2, False),
    Case("the same, consumer reads them", (3, 224, 224), 64, 2, True),
    Case("8 images 3x224x224 float32", (3, 224, 224), 8, 2, True),
    Case("1 sample of 4 numbers", (4,), 1, 2, True),
]


class Same(Dataset[torch.Tensor]):
    """One sample, again and again: what is left is making and handing over batches."""

    def __init__(self, shape: tuple[int, ...], size: int) -> None:
        self.sample = torch.ones(shape)
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.sample


class Collate:
    """The pool's job: what torch's worker does with a list of indices."""

    def __init__(self, dataset: Same) -> None:
        self.dataset = dataset

    def start(self, worker: int, workers: int, seed: int) -> None:
        info = torch_worker.WorkerInfo(id=worker, num_workers=workers, seed=seed, dataset=self.dataset)
        torch_worker._worker_info = info

    def run(self, payload: list[int], place: Place) -> Any:
        place.at("collate")
        return default_collate([self.dataset[index] for index in payload])


def torch_batches(case: Case, batches: int) -> Iterator[torch.Tensor]:
    dataset = Same(case.shape, case.batch_size * batches)
    yield from DataLoader(dataset, case.batch_size, num_workers=case.workers)


def pool_batches(case: Case, batches: int) -> Iterator[torch.Tensor]:
    """As many batches under way as torch has."""
    indices = list(range(case.batch_size))
    with WorkerPool(Collate(Same(case.shape, case.batch_size)), PoolOptions(workers=case.workers)) as pool:
        for number in range(2 * case.workers):
            pool.submit(Task(number, indices))
        for number in range(batches):
            batch = pool.receive(number).value
            if number + 2 * case.workers < batches:
                pool.submit(Task(number + 2 * case.workers, indices))
            yield batch


def milliseconds(make: Callable[[Case, int], Iterator[torch.Tensor]], case: Case, batches: int) -> float:
    """Mean time of a batch after the first few."""
    began = 0.0
    for number, batch in enumerate(make(case, batches)):
        if case.reads:
            batch.sum()
        if number == WARM_UP - 1:
            began = time.perf_counter()
    return (time.perf_counter() - began) / (batches - WARM_UP) * 1e3


def run(repeats: int, batches: int, cases: list[Case] | None = None) -> dict[str, Any]:
    """Both contestants take turns; every single measurement is kept."""
    torch.set_num_threads(1)
    turns = []
    for case in CASES if cases is None else cases:
        count = batches * (10 if case.batch_size == 1 else 1)
        pairs = [
            (milliseconds(torch_batches, case, count), milliseconds(pool_batches, case, count)) for _ in range(repeats)
        ]
        torch_ms, pool_ms = zip(*pairs, strict=True)
        turns.append({"case": case.name, "workers": case.workers, "torch_ms": list(torch_ms), "pool_ms": list(pool_ms)})
    return results.stamped("transport", VERSION, {"batches": batches, "turns": turns})


def markdown(result: dict[str, Any]) -> str:
    """The fastest of each contestant's runs: other programs only ever add to it."""
    rows = []
    for turn in result["turns"]:
        theirs, ours = min(turn["torch_ms"]), min(turn["pool_ms"])
        rows.append([turn["case"], str(turn["workers"]), f"{theirs:.2f}", f"{ours:.2f}", f"{theirs / ours:.1f}"])
    return table(["ms per batch", "workers", "torch's workers", "pool", "ratio"], rows, "<>>>>")


def main() -> None:
    """Runs the suite, writes the result and prints its table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transport", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="runs of each contestant (default: 5)")
    parser.add_argument("--batches", type=int, default=40, help=f"of a run, {WARM_UP} of them to warm up (default: 40)")
    parser.add_argument("--output", type=Path, help="the JSON result (default: a new file in benchmarks/results/)")
    given = parser.parse_args()
    result = run(given.repeats, max(given.batches, WARM_UP + 1))
    text = markdown(result)
    path = results.write(result, text, given.output)
    print(text)
    print(f"\nwritten to {path} and .md", file=sys.stderr)


if __name__ == "__main__":
    main()
