"""The same nine labelled images in every container, for the conformance suite; packs and loaders may use them too."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from penstock.formats import CSV, LMDB, Arrays, Concat, Dataset, Folder, LMDBWriter, Pack, Subset
from penstock.formats.pack.plan import PackOptions
from penstock.formats.pack.writer import write_pack

CLASSES = ["bird", "cat", "dög"]
LABELS = [0, 0, 0, 1, 1, 2, 2, 2, 2]
HEIGHT, WIDTH = 24, 32


def pixels(seed: int, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """A smooth random RGB image."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def encoded(image: NDArray[np.uint8], kind: str) -> bytes:
    """The image as the bytes of a file: kind is a format of Pillow."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, kind)
    return stream.getvalue()


def decoded(data: bytes) -> NDArray[np.uint8]:
    """What Pillow makes of the bytes: the oracle."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def write_folder(root: Path) -> list[NDArray[np.uint8]]:
    """Class folders of JPEG and PNG files below `root`; returns what their pixels are, in order."""
    images = []
    for number, label in enumerate(LABELS):
        kind = ("JPEG", "PNG")[number % 2]
        data = encoded(pixels(number), kind)
        file = root / CLASSES[label] / f"{number}.{kind.lower()}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        images.append(decoded(data))
    return images


def folder(at: Path, **options: Any) -> Dataset:
    return Folder(at / "images", **options)


def csv_file(at: Path, **options: Any) -> Dataset:
    source = Folder(at / "images")
    with (at / "list.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "label"])
        writer.writerows([source.name(k), CLASSES[label]] for k, label in enumerate(source.labels))
    return CSV(at / "list.csv", images=at / "images", **options)


def write_lmdb(path: Path, source: Dataset) -> None:
    with LMDBWriter(path, classes=source.classes) as writer:
        for k in range(len(source)):
            data = Path(source.records([k]).paths[0]).read_bytes()
            writer.add(data, int(source.labels[k]), name=source.name(k))
        writer.commit()


def lmdb_file(at: Path, **options: Any) -> Dataset:
    if not (at / "a.lmdb").exists():
        write_lmdb(at / "a.lmdb", Folder(at / "images"))
    return LMDB(at / "a.lmdb", **options)


def pack(at: Path, **options: Any) -> Dataset:
    write_pack(Folder(at / "images"), at / "pack", PackOptions(codec="encoded"))
    return Pack(at / "pack", **options)


def dct_pack(at: Path, **options: Any) -> Dataset:
    """JPEGs as dct, PNGs as found."""
    write_pack(Folder(at / "images"), at / "dct-pack")
    return Pack(at / "dct-pack", **options)


def arrays(at: Path, **options: Any) -> Dataset:
    source = Folder(at / "images")
    return Arrays(source[:][0], [CLASSES[label] for label in source.labels], **options)


def subset(at: Path, **options: Any) -> Dataset:
    """Of a dataset with the samples in reverse order, the indices that undo it: a view of a view."""
    classes = options.pop("classes", None)
    reverse = Subset(Folder(at / "images", classes=classes), range(len(LABELS) - 1, -1, -1))
    return Subset(reverse, np.arange(len(LABELS))[::-1], **options)


def concat(at: Path, **options: Any) -> Dataset:
    """Parts of five kinds: files, locations with checksums (image files and dct records), two kinds of payload."""
    classes = options.pop("classes", None)
    makers = [folder, pack, dct_pack, lmdb_file, arrays]
    given = {} if classes is None else {"classes": classes}
    bounds = [0, 2, 4, 6, 7, 9]
    parts = [
        Subset(make(at, **given), range(start, stop))
        for make, start, stop in zip(makers, bounds[:-1], bounds[1:], strict=True)
    ]
    return Concat(parts, **options)


@dataclass(frozen=True)
class Container:
    """A container that holds the nine images.

    Attributes:
        make: (folder with the class folders in "images", options of the container) -> dataset.
        same_names: `name` gives the path below the class folders' root.
    """

    make: Callable[..., Dataset]
    same_names: bool = True


CONTAINERS = {
    "folder": Container(folder),
    "csv": Container(csv_file),
    "lmdb": Container(lmdb_file),
    "pack": Container(pack),
    "dct pack": Container(dct_pack),
    "arrays": Container(arrays, same_names=False),
    "subset": Container(subset),
    "concat": Container(concat, same_names=False),
}
