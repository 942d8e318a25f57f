"""`pack-dataset`: its options. What it does is in `packing`, loaded once they are understood."""

from __future__ import annotations

import os
from typing import Any

import click

from .program import Program, late, version_option
from .text import as_bytes

__all__ = ["main"]


def _bytes(ctx: click.Context, param: click.Parameter, value: str) -> int:
    try:
        return as_bytes(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _fractions(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[float, ...] | None:
    if value is None:
        return None
    try:
        fractions = tuple(float(part) for part in value.split(","))
    except ValueError:
        fractions = ()
    if len(fractions) not in (2, 3):
        message = f"expected two fractions (train, val) or three (train, val, test), got {value!r}"
        raise click.BadParameter(message, ctx, param)
    return fractions


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@click.command(cls=Program)
@click.argument("source", metavar="SRC", type=click.Path(exists=True))
@click.argument("destination", metavar="DST", type=click.Path())
@click.option("--images", type=click.Path(exists=True, file_okay=False), help="CSV: folder that its paths start from.")
@click.option("--image-column", help="CSV: column of paths, by name or position.")
@click.option("--label-column", multiple=True, help="CSV: column of labels; repeat it for several labels per image.")
@click.option(
    "--split",
    callback=_fractions,
    metavar="FRACTIONS",
    help="Pack random parts into DST/train, DST/val (and DST/test): 0.8,0.1,0.1.",
)
@click.option(
    "--classes-from", type=click.Path(exists=True), help="Number the classes as the dataset at this path does."
)
@click.option("--to", type=click.Choice(["pack", "lmdb"]), default="pack", show_default=True, help="What to write.")
@click.option(
    "--codec",
    type=click.Choice(["dct", "encoded", "raw"]),
    help="How to store images; see above.  [default: dct; encoded with --to lmdb]",
)
@click.option(
    "--resize", type=click.IntRange(1, 65500), metavar="SHORT_SIDE", help="Shrink larger images to this shorter side."
)
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    help="JPEG quality. Given, every JPEG is encoded anew; else only shrunk ones, with 90.",
)
@click.option(
    "--workers", type=click.IntRange(0), help="Processes; 0: none but this one.  [default: one per processor]"
)
@click.option(
    "--shard-size",
    callback=_bytes,
    metavar="SIZE",
    default="256MB",
    show_default=True,
    help="Bytes of the source per shard, at most.",
)
@click.option("--shuffle", is_flag=True, help="Store the images in random order.")
@click.option(
    "--seed", type=click.IntRange(0, (1 << 64) - 1), default=0, show_default=True, help="Of --shuffle and --split."
)
@click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    default="raise",
    show_default=True,
    help="At an image that can't be read: stop, or leave it out and list it.",
)
@click.option("--overwrite", is_flag=True, help="Replace what an earlier run has written to DST.")
@click.option("--dry-run", is_flag=True, help="Say what would be packed; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@version_option
def main(workers: int | None, **options: Any) -> None:
    """Pack the images of SRC into DST, so that they load fast.

    SRC is a folder of class folders, a CSV, an LMDB or a pack; or a folder of nothing but train, val, test, each of
    which is packed into DST/train ... with the classes of the first. DST becomes a directory of shards with an index.
    Pixels are kept as they are, unless --resize or --quality is given, and each image is read in full to check it.

    --codec dct stores the DCT coefficients of each JPEG, exactly as they are, in a form that loads several times faster
    and takes about one and a half times the bytes; what it can't represent (PNG, CMYK ...) is stored as found, counted
    and named. encoded stores image files as found; raw stores decoded pixels.

    A run that was killed goes on where it stopped when the same command is run again (an LMDB starts again). The
    result does not depend on --workers. SRC is never changed.
    """
    packing = late("packing")
    packing.run(packing.Request(workers=_processors() if workers is None else workers, **options))
