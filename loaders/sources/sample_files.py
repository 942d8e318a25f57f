"""The files behind the samples of datasets that are not Penstock's own: torchvision's folders, and `FileSamples`."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from ...augment.translators.exact import class_in, library_name, replaced
from ...formats.files import FileDataset
from ...record import FileSamples, RecordSource
from ..wrappers import overrides
from .remembered import Remembered

__all__ = ["file_source", "knows_files"]

_USUAL_LIMIT = 1024**3 // 4 // 3
"""`PIL.Image.MAX_IMAGE_PIXELS`, if nobody changes it."""

_FOLDERS = ("ImageFolder", "DatasetFolder", "ImageNet")
_LOADERS = ("default_loader", "pil_loader")


_SOURCES: Remembered[FileDataset] = Remembered()


def knows_files(dataset: Any) -> bool:
    """Whether the dataset is of a kind whose samples' files can be known."""
    return _is_folder(dataset) or _declares_files(dataset)


def file_source(dataset: Any, place: str) -> RecordSource | str:
    """The records of a dataset whose samples are files, or the reason in words why there are none.

    They hold no object per sample, and belong to the samples as they are now: changed ones are noticed the next time.
    """
    place = f"{place} ({type(dataset).__name__})"
    if getattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False):
        return "PIL.ImageFile.LOAD_TRUNCATED_IMAGES is set, and truncated files are errors for the native engine"
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and limit < _USUAL_LIMIT:
        return (
            f"PIL.Image.MAX_IMAGE_PIXELS is {limit}, below the usual {_USUAL_LIMIT}, and that is what the native "
            "engine keeps to"
        )
    if _is_folder(dataset):
        return _folder_obstacle(dataset, place) or _folder_source(dataset, place)
    if _declares_files(dataset):
        return _declared_source(dataset, place)
    base = library_name(type(dataset))
    derived = f", derived from {base}, of which only the class itself is known," if base in _FOLDERS else ""
    return (
        f"{place}{derived} offers no undecoded records (penstock.record.RecordSource) and does not say where its "
        "samples' files are (penstock.record.FileSamples)"
    )


def _is_folder(dataset: Any) -> bool:
    return class_in("torchvision.datasets", _FOLDERS, type(dataset)) is not None


def _declares_files(dataset: Any) -> bool:
    # Asked of the class: looking for attributes of any dataset that somebody wrote could run anything.
    return callable(getattr(type(dataset), "sample_files", None))


def _folder_obstacle(dataset: Any, place: str) -> str | None:
    changed = replaced(dataset) or ("its own __getitems__" if hasattr(dataset, "__getitems__") else None)
    if changed is not None:
        return f"{place} is not as torchvision made it: it has {changed}"
    folder = sys.modules["torchvision.datasets.folder"]
    if not any(dataset.loader is getattr(folder, name, None) for name in _LOADERS):
        return f"{place} has loader={dataset.loader!r}, which is Python"
    backend = getattr(sys.modules["torchvision"], "_image_backend", "PIL")
    if backend != "PIL":
        return f"torchvision's image backend is {backend!r}, and the native engine decodes as PIL does"
    return None


def _folder_source(dataset: Any, place: str) -> RecordSource | str:
    samples = dataset.samples
    if type(samples) not in (list, tuple):
        return f"{place}.samples must be a list, as torchvision makes it, got {type(samples).__name__}"
    known = _SOURCES.find(dataset, samples)
    if known is not None:
        return known
    wrong = next((sample for sample in samples if not _is_sample(sample)), None)
    if wrong is not None:
        return f"{place}.samples must be tuples (path, class) of a str and an int, got {wrong!r}"
    labels = np.fromiter((label for _, label in samples), np.int64, len(samples))
    return _SOURCES.keep(dataset, samples[:], FileDataset("", (path for path, _ in samples), labels, []))


def _is_sample(sample: Any) -> bool:
    return type(sample) is tuple and len(sample) == 2 and isinstance(sample[0], str) and type(sample[1]) is int


def _declared_source(dataset: FileSamples, place: str) -> RecordSource | str:
    if any(overrides(type(dataset), name, base="sample_files") for name in ("__getitem__", "__getitems__")):
        return f"{place} overrides __getitem__, so its files may be other samples"
    given, labels = dataset.sample_files()
    files = tuple(os.fspath(file) if isinstance(file, os.PathLike) else file for file in given)
    table = np.asarray(labels)
    if table.dtype.kind not in "iu" or table.shape != (len(files),) or len(files) != len(dataset):
        return (
            f"sample_files() of {place} must give {len(dataset)} paths and as many int labels, got {len(files)} paths "
            f"and labels {table.dtype} of shape {table.shape}"
        )
    wrong = next((file for file in files if not isinstance(file, str)), None)
    if wrong is not None:
        return f"sample_files() of {place} must give paths that are str or os.PathLike, got {wrong!r}"
    column = table.astype(np.int64)
    parts = files, column.tobytes()
    known = _SOURCES.find(dataset, parts)
    return _SOURCES.keep(dataset, parts, FileDataset("", files, column, [])) if known is None else known
