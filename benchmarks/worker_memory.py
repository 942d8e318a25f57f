"""Private memory of worker processes over an epoch of 1.28 million samples. `python -m benchmarks.worker_memory`"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from penstock.formats import Folder, Pack
from penstock.formats.pack.writer import write_pack
from penstock.loaders import DataLoader

from . import results
from .environment import child_environment
from .large_index import SAMPLES, enlarge
from .memory import children, private_bytes
from .report import table

__all__ = ["CASES", "ListOfPaths", "main", "markdown", "measure", "write_images"]

VERSION = 1
BATCH_SIZE = 256
IMAGES = 8
SIDE = 16


class ListOfPaths(torch.utils.data.Dataset[Any]):
    """What `torchvision.datasets.ImageFolder` keeps: a Python list of (path, label).

    It makes its tiny images up: opening and decoding files would take several times as long, and no more memory.
    """

    def __init__(self, size: int) -> None:
        names = (f"n{number % 1000:08d}" for number in range(size))
        self.samples = [(f"/data/train/{name}/{name}_{k}.JPEG", k % 1000) for k, name in enumerate(names)]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], int]:
        path, label = self.samples[index]
        return np.full((SIDE, SIDE, 3), len(path), np.uint8), label


def packed(place: Path, workers: int, **arguments: Any) -> DataLoader[Any]:
    """Penstock's loader over the pack."""
    return DataLoader(Pack(place / "large"), BATCH_SIZE, shuffle=True, num_workers=workers, **arguments)


def seeded(place: Path, workers: int) -> DataLoader[Any]:
    """The same in Penstock's own order, with worker processes of its own pool."""
    return packed(place, workers, seed=0)


def listed(place: Path, workers: int) -> torch.utils.data.DataLoader[Any]:
    """torch's loader over the list."""
    dataset = ListOfPaths(len(Pack(place / "large")))
    return torch.utils.data.DataLoader(dataset, BATCH_SIZE, shuffle=True, num_workers=workers)


CASES: dict[str, tuple[str, Callable[[Path, int], torch.utils.data.DataLoader[Any]]]] = {
    "pool": ("Penstock's loader and pack, its own pool", seeded),
    "workers": ("Penstock's loader and pack, torch's worker processes", packed),
    "torch": ("torch's loader and a list of paths", listed),
}


def write_images(folder: Path) -> Path:
    """A few tiny JPEGs in two class folders."""
    rng = np.random.default_rng(0)
    for number in range(IMAGES):
        path = folder / f"class{number % 2}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(path)
    return folder


def measure(name: str, place: Path, workers: int) -> dict[str, Any]:
    """Private bytes of every worker after the first batch of an epoch, and after the last."""
    loader = CASES[name][1](place, workers)
    before = set(children())
    iterator = iter(loader)
    next(iterator)
    pids = sorted(set(children()) - before)
    first = [private_bytes(pid) for pid in pids]
    for _ in range(len(loader) - 1):
        next(iterator)
    last = [private_bytes(pid) for pid in pids]  # they end with the next step, which finds no batch
    engine = loader.explain().splitlines()[0] if isinstance(loader, DataLoader) else "torch's"
    return {"case": name, "engine": engine, "batches": len(loader), "first_bytes": first, "last_bytes": last}


def measured_apart(name: str, place: Path, workers: int) -> dict[str, Any]:
    """`measure` in a fresh process."""
    options = ["--measure", name, "--place", str(place), "--workers", str(workers)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.worker_memory", *options],
        capture_output=True,
        text=True,
        check=False,
        env=child_environment(),
    )
    if done.returncode:
        raise ValueError(f"measuring failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def write_packs(place: Path, samples: int) -> None:
    """The pack "large", of so many samples, in an existing folder."""
    write_pack(Folder(write_images(place / "images")), place / "small")
    enlarge(place / "small", place / "large", samples)


def run(samples: int, workers: int) -> dict[str, Any]:
    """Makes the pack, measures, and gives the whole result."""
    with tempfile.TemporaryDirectory(prefix="penstock-memory-") as place:
        write_packs(Path(place), samples)
        turns = [measured_apart(case, Path(place), workers) for case in CASES]
    body = {"samples": samples, "workers": workers, "batch_size": BATCH_SIZE, "turns": turns}
    return results.stamped("worker_memory", VERSION, body)


def markdown(result: dict[str, Any]) -> str:
    """Means over the workers, and the largest growth, in MB."""
    rows = []
    for turn in result["turns"]:
        first, last = np.array(turn["first_bytes"]) / 1e6, np.array(turn["last_bytes"]) / 1e6
        growth = last - first
        values = [first.mean(), last.mean(), growth.mean(), growth.max()]
        rows.append([CASES[turn["case"]][0], str(len(first)), *(f"{value:,.1f}" for value in values)])
    heading = [
        "private memory of a worker, MB",
        "workers",
        "after the first batch",
        "after the last",
        "growth",
        "largest",
    ]
    return table(heading, rows, "<>>>>>")


def main() -> None:
    """Runs the suite, writes the result and prints its table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker_memory", description=__doc__)
    parser.add_argument("--samples", type=int, default=SAMPLES, help=f"in the epoch (default: {SAMPLES:,})")
    parser.add_argument("--workers", type=int, default=8, help="processes (default: 8)")
    parser.add_argument("--output", type=Path, help="the JSON result (default: a new file in benchmarks/results/)")
    parser.add_argument("--measure", choices=CASES, help="only measure this case, in this process")
    parser.add_argument("--place", type=Path, help="with --measure: where the images and the pack are")
    given = parser.parse_args()
    if given.measure is not None:
        json.dump(measure(given.measure, given.place, given.workers), sys.stdout)
        return
    try:
        result = run(given.samples, given.workers)
    except ValueError as error:
        sys.exit(f"benchmarks.worker_memory: {error}")
    text = markdown(result)
    path = results.write(result, text, given.output)
    print(text)
    print(f"\nwritten to {path} and .md", file=sys.stderr)


if __name__ == "__main__":
    main()
