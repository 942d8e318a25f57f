"""Opening a pack of 1.28 million samples: time to the first batch, and memory. `python -m benchmarks.large_index`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from penstock.augment import Pipeline, RandomHorizontalFlip, RandomResizedCrop
from penstock.cli.pack_dataset import main as pack_dataset
from penstock.formats import Dataset, open_dataset
from penstock.formats.pack.index import Index, write_index
from penstock.formats.pack.layout import INDEX_NAME, MANIFEST_NAME, shard_name
from penstock.formats.pack.rows import NameColumn, Rows
from penstock.loaders import DataLoader

from . import results
from .environment import child_environment
from .images import add_data_option, data_folder
from .report import table

__all__ = ["enlarge", "main", "memory"]

VERSION = 1
SAMPLES = 1_281_167
"""As many as ImageNet's training set has."""
SHARDS = 200
BATCH_SIZE = 64
THREADS = (1, 2, 8)


def enlarge(source: Path, target: Path, samples: int = SAMPLES, shards: int = SHARDS) -> None:
    """Makes a pack `target` of so many samples, whose shards are links to the only shard of `source`.

    Its rows are those of `source` over and over; what is in no row of a shard's footer is not looked at when a pack is
    read, only when it is verified.

    Raises:
        ValueError: `source` has several shards.
    """
    index = Index(source)
    if index.header.shards != 1:
        raise ValueError(
            f"{source} must have one shard, and has {index.header.shards}; pack with a larger --shard-size"
        )
    rows = index.rows
    order = np.arange(samples) % len(rows)
    columns = {
        field.name: getattr(rows, field.name)[order]
        for field in dataclasses.fields(Rows)
        if field.name not in ("shard", "names")
    }
    shard = (np.arange(samples) * shards // samples).astype(np.uint32)
    names = NameColumn.joined([rows.names] * (samples // len(rows)) + [rows.names.part(range(samples % len(rows)))])
    codecs = {"encoded": 0, "raw": 0, **dict.fromkeys(index.manifest.codecs, samples)}
    manifest = dataclasses.replace(index.manifest, samples=samples, shards=shards, codecs=codecs).to_bytes()
    target.mkdir()
    (target / MANIFEST_NAME).write_bytes(manifest)
    for number in range(shards):
        (target / shard_name(number)).symlink_to((source / shard_name(0)).resolve())
    sizes = [int(index.shard_bytes[0])] * shards
    write_index(target, Rows(shard=shard, names=names, **columns), sizes, manifest, index.manifest.pack_id)


def memory(index: Path) -> dict[str, int]:
    """Bytes of this process: of the file `index`, pages that it has mapped and touched; of all else, "private" ones."""
    found = {"private": 0, "index": 0}
    is_index = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name, *values = line.split()
        if not name.endswith(":"):  # the head of a mapping: addresses ... path
            is_index = line.endswith(str(index.resolve()))
        elif is_index and name == "Rss:":
            found["index"] += 1024 * int(values[0])
        elif not is_index and name in ("Private_Clean:", "Private_Dirty:"):
            found["private"] += 1024 * int(values[0])
    return found


def measure(pack: Path, threads: int, side: int) -> dict[str, Any]:
    """Opens a pack in this process, which has just imported everything, and takes a batch of side x side pixels."""
    index = pack / INDEX_NAME
    augment = Pipeline([RandomResizedCrop(side), RandomHorizontalFlip()])
    before = memory(index)
    start = time.perf_counter()
    dataset: Dataset = open_dataset(pack)
    opened_seconds = time.perf_counter() - start
    loader = DataLoader(dataset, BATCH_SIZE, shuffle=True, num_workers=threads, augment=augment, seed=0)
    iterator = iter(loader)
    next(iterator)
    first_batch_seconds = time.perf_counter() - start
    after = memory(index)
    return {
        "threads": threads,
        "opened_seconds": opened_seconds,
        "first_batch_seconds": first_batch_seconds,
        "private_bytes": after["private"] - before["private"],
        "index_bytes": after["index"] - before["index"],
    }


def measured_apart(pack: Path, threads: int) -> dict[str, Any]:
    """Seconds with images of 224 pixels and bytes with images of 32, each of a fresh process."""
    found: dict[str, Any] = {}
    for side in (32, 224):
        options = ["--measure", str(pack), "--threads", str(threads), "--side", str(side)]
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.large_index", *options],
            capture_output=True,
            text=True,
            check=False,
            env=child_environment(),
        )
        if done.returncode:
            raise ValueError(f"measuring failed:\n{done.stderr}")
        kept = ("threads", "private_bytes", "index_bytes") if side == 32 else ("opened_seconds", "first_batch_seconds")
        measured = json.loads(done.stdout)
        found |= {name: measured[name] for name in kept}
    return found


def run(given: argparse.Namespace) -> dict[str, Any]:
    """Makes the pack, measures, and gives the whole result."""
    with tempfile.TemporaryDirectory(prefix="penstock-index-") as place:
        small, large = Path(place, "small"), Path(place, "large")
        pack_dataset([str(data_folder(given, Path(place))), str(small)], standalone_mode=False)
        enlarge(small, large)
        measured_apart(large, 1)  # brings everything into the file cache
        turns = [measured_apart(large, threads) for _ in range(given.rounds) for threads in THREADS]
        size = os.path.getsize(large / INDEX_NAME)
    body = {"samples": SAMPLES, "shards": SHARDS, "batch_size": BATCH_SIZE, "index_file_bytes": size, "turns": turns}
    return results.stamped("large_index", VERSION, body)


def markdown(result: dict[str, Any]) -> str:
    """The medians of a result, by number of threads."""
    rows = []
    for threads in THREADS:
        turns = [turn for turn in result["turns"] if turn["threads"] == threads]
        seconds = [median(turn[name] for turn in turns) for name in ("opened_seconds", "first_batch_seconds")]
        index, private = (
            median(turn[name] for turn in turns) / result["samples"] for name in ("index_bytes", "private_bytes")
        )
        in_bytes = [f"{value:.1f}" for value in (index, private, index + private)]
        rows.append([str(threads), *(f"{1000 * each:.0f}" for each in seconds), *in_bytes])
    heading = ["threads", "opened, ms", "first batch, ms", "index, bytes/sample", "private, bytes/sample", "sum"]
    return table(heading, rows, ">>>>>>")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_index", description=__doc__)
    add_data_option(parser)
    parser.add_argument("--rounds", type=int, default=5, help="fresh processes for each number of threads (default: 5)")
    parser.add_argument("--output", type=Path, help="the JSON result (default: a new file in benchmarks/results/)")
    parser.add_argument("--measure", type=Path, metavar="PACK", help="only measure this pack, in this process")
    parser.add_argument("--threads", type=int, default=1, help="with --measure (default: 1)")
    parser.add_argument("--side", type=int, default=224, help="of the images, in pixels, with --measure (default: 224)")
    return parser.parse_args()


def main() -> None:
    """Runs the suite, writes the result and prints its table."""
    given = arguments()
    if given.measure is not None:
        json.dump(measure(given.measure, given.threads, given.side), sys.stdout)
        return
    try:
        result = run(given)
    except ValueError as error:
        sys.exit(f"benchmarks.large_index: {error}")
    text = markdown(result)
    path = results.write(result, text, given.output)
    print(text)
    print(f"\nwritten to {path} and .md", file=sys.stderr)


if __name__ == "__main__":
    main()
