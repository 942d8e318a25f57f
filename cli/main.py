"""`penstock`: looking at datasets and machines, and checking them."""

from __future__ import annotations

from typing import Any

import click

from .program import ProgramGroup, late, version_option

__all__ = ["main"]

_PATH = click.argument("path", type=click.Path(exists=True))
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group(cls=ProgramGroup)
@version_option
def main() -> None:
    """Image datasets for PyTorch: look at them, check them and measure how fast they load. To pack one, use
    pack-dataset."""


@main.command()
@_PATH
@_JSON
def inspect(path: str, as_json: bool) -> None:
    """Say what the dataset at PATH holds: counts, classes, sizes, codecs.

    PATH is a pack, LMDB, CSV or folder of images, or a folder of such parts (train, val ...).
    """
    late("inspect").inspect(path, as_json=as_json)


@main.command()
@_PATH
@click.option("--decode", is_flag=True, help="Also decode images that have a checksum.")
@_JSON
def verify(path: str, decode: bool, as_json: bool) -> int:
    """Read all of the dataset at PATH, and name every record that is bad.

    Of a pack every byte is checked: records, index and index.parquet. Other datasets are read, and compared with
    their checksums; where there are none (a folder, a CSV), every image is decoded. Exit code 1 if anything is wrong.
    """
    code: int = late("verify").verify(path, decode=decode, as_json=as_json)
    return code


@main.command()
@_JSON
def doctor(as_json: bool) -> int:
    """Check this machine: versions, instruction sets, cores, memory, /dev/shm, limits, GPUs.

    Each check ends as ok, note (could be better), warning (will be slow, or fail in some uses) or problem (Penstock
    can't work), with what to do about it. Exit code 1 if there is a problem.
    """
    code: int = late("doctor").doctor(as_json=as_json)
    return code


@main.command()
@_PATH
@click.option("--size", type=click.IntRange(1, 4096), default=224, show_default=True, help="Side of the crops in px.")
@click.option("--batch-size", type=click.IntRange(1), default=64, show_default=True, help="Images per batch.")
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    help="Threads, or worker processes of torch's loader, beside one.  [default: one per core]",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Length of a turn, at least.",
)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Turns of each.")
@click.option("--output", type=click.Path(), default="bench.png", show_default=True, help="The chart (PNG).")
@_JSON
def bench(**options: Any) -> None:
    """Measure how fast the images at PATH are read, decoded and loaded on this machine, beside torch's own loader.

    PATH is a folder of images, a CSV, an LMDB or a pack; of a folder of parts (train, val ...) the training part is
    measured. Up to 1,000 images are drawn at random; those that can't be read are left out and counted.

    \b
    read      the stored bytes: from storage, where the system can be asked to forget them, and from memory
    decode    whole images, to uint8, by Penstock's kernels
    Penstock  batches of random resized crops, uint8 and normalised float32, by penstock.loaders.DataLoader
    torch     the same by torch.utils.data.DataLoader, with torchvision's transforms (without torchvision: Pillow)

    Loaders read from memory. All take turns in each round, with one thread and with --workers; the result is the median
    of the rounds. MB/s are stored bytes. The chart needs matplotlib.
    """
    module = late("bench")
    module.bench(module.BenchRequest(**options))


@main.command()
@_PATH
@click.option(
    "--augment",
    default="imagenet_train",
    show_default=True,
    metavar="PRESET|FILE",
    help="cifar_train, cifar_eval, imagenet_train, imagenet_eval, simclr, dino, "
    "mxnet_level1 to mxnet_level3, or a file with a pipeline as JSON.",
)
@click.option("--images", type=click.IntRange(1, 100), default=6, show_default=True, help="How many originals.")
@click.option(
    "--samples",
    type=click.IntRange(1, 100),
    show_default="7; 1 of several views or crops, or where nothing is random",
    help="Augmented from each.",
)
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=0, show_default=True, help="Of the augmentation.")
@click.option("--cell", type=click.IntRange(16, 1024), default=144, show_default=True, help="Side of a tile in px.")
@click.option("--output", type=click.Path(), default="view.png", show_default=True, help="The picture (PNG).")
def view(**options: Any) -> None:
    """Draw images of the dataset at PATH, each beside what an augmentation makes of it.

    PATH is a folder of images, a CSV, an LMDB or a pack; of a folder of parts (train, val ...) the training part is
    shown. Originals, from all over the dataset, stand on the left with their class; beside them is what a loader with
    this seed would give in its first epochs, with means and deviations undone; of several views or crops a row for each
    epoch. A file with a pipeline is what Pipeline.to_json() or Views.to_json() wrote.
    """
    module = late("view")
    module.view(module.ViewRequest(**options))
