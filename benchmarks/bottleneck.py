"""Whether `stats()` and `explain()` name the bottleneck, where it is known: `python -m benchmarks.bottleneck`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from penstock.augment import Pipeline, RandomHorizontalFlip, RandomResizedCrop
from penstock.cli.pack_dataset import main as pack_dataset
from penstock.formats import open_dataset
from penstock.loaders import DataLoader
from penstock.loaders.stats.stats import Stats

from . import results
from .images import add_data_option, data_folder, image_files, repeated
from .report import table

__all__ = ["CONSUMERS", "Consumer", "main", "markdown"]

VERSION = 1
BATCH_SIZE = 16
SIZE_PX = 224
BATCHES = 60


class Photographs(torch.utils.data.Dataset[Any]):
    """Plain Python, as most datasets are: Pillow decodes, crops at random and resizes."""

    def __init__(self, folder: Path) -> None:
        self._files = image_files(folder)

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with Image.open(self._files[index]) as opened:
            image = opened.convert("RGB")
        left, top = (int(np.random.randint(0, side // 2 + 1)) for side in image.size)
        box = (left, top, left + image.width // 2, top + image.height // 2)
        resized = image.resize((SIZE_PX, SIZE_PX), Image.Resampling.BILINEAR, box)
        return torch.from_numpy(np.array(resized)).permute(2, 0, 1).contiguous(), index


@dataclass(frozen=True, slots=True)
class Engine:
    """A way to load; `faster` does it with the stage taken away that takes most of the time."""

    name: str
    stage: str
    make: Callable[[Path, Mapping[str, int]], DataLoader[Any]]
    faster: Callable[[Path, Mapping[str, int]], DataLoader[Any]]
    arguments: Mapping[str, int] = field(default_factory=lambda: {"num_workers": 1, "prefetch_factor": 2})


def native(dataset: str) -> Callable[[Path, Mapping[str, int]], DataLoader[Any]]:
    """C++ threads, over the folder "images" or the pack "pack"."""

    def make(scratch: Path, arguments: Mapping[str, Any]) -> DataLoader[Any]:
        augment = Pipeline([RandomResizedCrop(SIZE_PX), RandomHorizontalFlip()])
        source: Any = open_dataset(scratch / dataset)
        return DataLoader(source, BATCH_SIZE, shuffle=True, seed=0, augment=augment, **arguments)

    return make


def python(**options: Any) -> Callable[[Path, Mapping[str, int]], DataLoader[Any]]:
    """Plain Python, in the engine that `options` choose."""

    def make(scratch: Path, arguments: Mapping[str, Any]) -> DataLoader[Any]:
        return DataLoader(Photographs(scratch / "images"), BATCH_SIZE, shuffle=True, seed=0, **options, **arguments)

    return make


INLINE = {"num_workers": 0}
ENGINES = (
    Engine("native", "decode", native("images"), native("pack")),
    Engine("pool of processes", "sample", python(on_worker_death="restart"), native("images")),
    Engine("pool of threads", "sample", python(workers="threads"), native("images")),
    Engine("inline", "sample", python(), native("images"), INLINE),
)


@dataclass(frozen=True, slots=True)
class Consumer:
    """What takes batches.

    Attributes:
        sleeps: for each of ten batches in turn, in units of the time that the loader takes for a batch.
        truth: what bounds it, by construction: a bottleneck's name, or "stage" for that of the engine.
    """

    name: str
    sleeps: tuple[float, ...]
    truth: str


CONSUMERS = (
    Consumer("sleeps", (4.0,) * 10, "training step"),
    Consumer("slow every tenth batch", (*(0.0,) * 9, 30.0), "prefetch depth"),
    Consumer("faster than the loader", (0.0,) * 10, "stage"),
)


def truth_of(consumer: Consumer, engine: Engine) -> str:
    """What a right diagnosis says. Without prefetching, bursts are nothing else than an even consumer's steps."""
    if consumer.truth == "stage":
        return engine.stage
    return "training step" if engine.arguments["num_workers"] == 0 else consumer.truth


def consume(loader: DataLoader[Any], sleeps: tuple[float, ...]) -> tuple[Stats, str, float]:
    """Takes the batches, with these pauses in seconds: the numbers, the explanation, samples per second."""
    iterator = iter(loader)
    next(iterator)
    began, samples = time.perf_counter(), 0
    for number in range(BATCHES - 1):
        if sleeps[number % len(sleeps)]:
            time.sleep(sleeps[number % len(sleeps)])
        samples += len(next(iterator)[0])
    seconds = time.perf_counter() - began
    return loader.stats(), loader.explain(), samples / seconds


def remedied(
    stats: Stats, engine: Engine, scratch: Path, sleeps: tuple[float, ...]
) -> tuple[str, DataLoader[Any], tuple[float, ...]]:
    """The same with what was named taken away, to see whether it was that: what was done, loader, pauses."""
    if stats.bottleneck == "training step":
        return "steps of half the time", engine.make(scratch, engine.arguments), tuple(each / 2 for each in sleeps)
    if stats.bottleneck == engine.stage:
        arguments = {"num_workers": 1, "prefetch_factor": 2}
        what = "a dct pack" if engine.name == "native" else "augment= declared: native"
        return what, engine.faster(scratch, arguments), sleeps
    changed = {**engine.arguments, **stats.diagnosis.arguments}
    listed = ", ".join(f"{name}={value}" for name, value in stats.diagnosis.arguments.items())
    return listed or "nothing", engine.make(scratch, changed), sleeps


def measure(engine: Engine, consumer: Consumer, scratch: Path) -> dict[str, Any]:
    """One engine and one consumer: what is said, and what becomes of it when that is changed."""
    making = batch_seconds(engine, scratch)
    sleeps = tuple(making * each for each in consumer.sleeps)
    stats, explained, rate = consume(engine.make(scratch, engine.arguments), sleeps)
    change, loader, pauses = remedied(stats, engine, scratch, sleeps)
    after_stats, _, after = consume(loader, pauses)
    print(f"--- {engine.name}, {consumer.name}\n{stats}\n\n{explained}\n", file=sys.stderr)
    return {
        "engine": engine.name,
        "consumer": consumer.name,
        "batch_seconds": making,
        "truth": truth_of(consumer, engine),
        "named": stats.bottleneck,
        "samples_per_second": rate,
        "change": change,
        "samples_per_second_changed": after,
        "named_changed": after_stats.bottleneck,
        "stats": stats.to_dict(),
        "table": str(stats),
        "explanation": explained,
    }


def batch_seconds(engine: Engine, scratch: Path) -> float:
    """What the loader takes for a batch when nobody holds it up."""
    _, _, rate = consume(engine.make(scratch, engine.arguments), (0.0,))
    return BATCH_SIZE / rate


def run(given: argparse.Namespace) -> dict[str, Any]:
    """Makes the data, measures, and gives the whole result."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="penstock-bottleneck-") as place:
        scratch = Path(place)
        repeated(data_folder(given, scratch / "made"), scratch / "images", BATCHES * BATCH_SIZE)
        pack_dataset([str(scratch / "images"), str(scratch / "pack")], standalone_mode=False)
        cases = [measure(engine, consumer, scratch) for engine in ENGINES for consumer in CONSUMERS]
    body = {"batch_size": BATCH_SIZE, "size_px": SIZE_PX, "batches": BATCHES, "cases": cases}
    return results.stamped("bottleneck", VERSION, body)


def markdown(result: Mapping[str, Any]) -> str:
    """A table of all cases, and what was said in full of the first engine; the rest is in the JSON."""
    rows = [
        [
            case["engine"],
            case["consumer"],
            f"{case['stats']['wait_share']:.0%}",
            case["truth"],
            case["named"],
            f"{case['samples_per_second']:,.0f}",
            case["change"],
            f"{case['samples_per_second_changed']:,.0f}",
        ]
        for case in result["cases"]
    ]
    heading = ["engine", "consumer", "waited", "true", "named", "images/s", "named thing changed", "images/s then"]
    first = [case for case in result["cases"] if case["engine"] == result["cases"][0]["engine"]]
    said = [f"`{case['engine']}`, {case['consumer']}:\n\n```\n{case['table']}\n```" for case in first]
    return "\n\n".join([table(heading, rows, "<<><<><>"), *said])


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bottleneck", description=__doc__)
    add_data_option(parser)
    parser.add_argument("--output", type=Path, help="the JSON result (default: a new file in benchmarks/results/)")
    return parser.parse_args()


def main() -> None:
    """Runs the suite, writes the result and prints its tables."""
    given = arguments()
    try:
        result = run(given)
    except ValueError as error:
        sys.exit(f"benchmarks.bottleneck: {error}")
    text = markdown(result)
    path = results.write(result, text, given.output)
    print(text)
    print(f"\nwritten to {path} and .md", file=sys.stderr)
    wrong = [case for case in result["cases"] if case["named"] != case["truth"]]
    sys.exit(f"{len(wrong)} of {len(result['cases'])} bottlenecks were named wrongly" if wrong else 0)


if __name__ == "__main__":
    main()
