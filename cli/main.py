"""`penstock`: looking at datasets and machines, and checking them."""

from __future__ import annotations

import click

from .program import ProgramGroup, late

__all__ = ["main"]

_PATH = click.argument("path", type=click.Path(exists=True))
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group(cls=ProgramGroup)
@click.version_option(package_name="penstock")
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
