"""Which containers there are, and which of them a path holds. Each is loaded when it is first used."""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import DatasetError, DatasetNotFoundError, OptionError
from .base import Dataset, Transform
from .classes import ClassesOption

__all__ = ["CONTAINERS", "Container", "find_splits", "kind_of", "open_dataset"]

SPLIT_NAMES = frozenset(["train", "training", "val", "valid", "validation", "dev", "test", "testing"])

LMDB_MAGIC = (0xBEEFC0DE).to_bytes(4, "little")
LMDB_MAGIC_OFFSET = 16
"""The first meta page of an LMDB file starts with a page header of 16 bytes, then the magic number."""


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of dataset.

    Attributes:
        target: "module:class" below `penstock.formats`.
        recognises: whether a path that exists holds one.
    """

    target: str
    recognises: Callable[[str], bool]

    def load(self) -> Callable[..., Dataset]:
        """The class; its module is imported now."""
        module, _, name = self.target.partition(":")
        kind: Callable[..., Dataset] = getattr(importlib.import_module(f".{module}", __package__), name)
        return kind


def open_dataset(
    path: str | os.PathLike[str],
    *,
    classes: ClassesOption = None,
    transform: Transform | None = None,
    target_transform: Transform | None = None,
    **options: Any,
) -> Dataset:
    """The dataset at `path`: a pack, an LMDB, a CSV or TSV, or a folder of images, whichever it is.

    Args:
        path: directory or file.
        classes: the classes to use: names, or a dataset that has them; None: those of the data.
        transform: called with each PIL image (mode RGB); its result takes the image's place, as in torchvision.
        target_transform: called with each label.
        options: further arguments of that container, such as `images=` of `CSV`.

    Raises:
        DatasetNotFoundError: nothing is there.
        DatasetError: no container reads it, or it has only sub-folders such as train and val: open one of these.
        OptionError: the container has no such option.
    """
    place = os.fspath(path)
    name = kind_of(place)
    kind = CONTAINERS[name].load()
    known = list(inspect.signature(kind).parameters)[1:]
    unknown = [option for option in options if option not in known]
    if unknown:
        raise OptionError(
            f"{place} is opened as {name}, which has no option {', '.join(unknown)}; its options are {', '.join(known)}"
        )
    return kind(place, classes=classes, transform=transform, target_transform=target_transform, **options)


def kind_of(path: str) -> str:
    """The name in `CONTAINERS` of what `path` holds. Errors as `open_dataset`."""
    if not os.path.exists(path):
        raise DatasetNotFoundError(f"expected a folder, CSV, LMDB or pack, but {path} is not there; check the path")
    try:
        found = next((name for name, container in CONTAINERS.items() if container.recognises(path)), None)
    except OSError as error:
        raise DatasetError(
            f"{error.filename or path} can't be read: {error.strerror or error}; change its permissions, or name "
            "another path"
        ) from error
    if found is not None:
        return found
    if not os.path.isdir(path):
        raise DatasetError(
            f"{path} is none of the files that Penstock reads: a CSV or TSV (by its ending) or an LMDB; "
            "give a folder of images, a CSV, an LMDB or a pack"
        )
    splits = find_splits(path)
    if splits:
        choices = " or ".join(os.path.join(path, split) for split in splits)
        raise DatasetError(
            f"{path} holds no samples itself, only the parts {', '.join(splits)}; open one of them: {choices} "
            "(or take them for classes: penstock.formats.Folder)"
        )
    return "folder"


def find_splits(path: str) -> list[str]:
    """The sub-folders of the directory `path`, sorted, where all are named train, val, test or the like; else none."""
    with os.scandir(path) as entries:
        folders = sorted(entry.name for entry in entries if entry.is_dir())
    return folders if all(folder.lower() in SPLIT_NAMES for folder in folders) else []


def _is_pack(path: str) -> bool:
    # plan.json: an unfinished pack, which says so when it is opened
    return any(os.path.isfile(os.path.join(path, name)) for name in ("index.bin", "pack.json", "plan.json"))


def _is_csv(path: str) -> bool:
    return path.lower().endswith((".csv", ".tsv", ".csv.gz", ".tsv.gz")) and not os.path.isdir(path)


def _is_lmdb(path: str) -> bool:
    file = os.path.join(path, "data.mdb") if os.path.isdir(path) else path
    if not os.path.isfile(file):
        return False
    with open(file, "rb") as stream:
        stream.seek(LMDB_MAGIC_OFFSET)
        return stream.read(len(LMDB_MAGIC)) == LMDB_MAGIC


def _is_plain_folder(path: str) -> bool:
    return os.path.isdir(path) and not find_splits(path)


CONTAINERS: dict[str, Container] = {
    "pack": Container("pack:Pack", _is_pack),
    "lmdb": Container("lmdb:LMDB", _is_lmdb),
    "csv": Container("csv:CSV", _is_csv),
    "folder": Container("folder:Folder", _is_plain_folder),
}
"""Name -> container, in the order in which a path is tried."""
