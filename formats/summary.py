"""What a dataset holds, in numbers, found without decoding an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..record import Codec
from .base import Dataset
from .survey import record_sizes

__all__ = ["Summary", "summarize"]

_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers about a dataset.

    Attributes:
        samples, size: count, and bytes of all undecoded samples.
        codecs: name of a codec -> number of samples.
        labels: type and shape of one label, such as "int64" or "float32 x 5".
        per_class: fewest and most samples of a class, or None without class names.
        width, height: smallest and largest in pixels, or None where none is known.
    """

    samples: int
    size: int
    codecs: dict[str, int]
    labels: str
    per_class: tuple[int, int] | None
    width: tuple[int, int] | None
    height: tuple[int, int] | None


def summarize(dataset: Dataset) -> Summary:
    """Looks at the records of `dataset`; files are stat-ed, and samples without a file of their own are read."""
    size, codecs = 0, np.zeros(256, np.int64)
    sides: list[tuple[int, int, int, int]] = []
    for start in range(0, len(dataset), _CHUNK):
        records = dataset.records(np.arange(start, min(start + _CHUNK, len(dataset))))
        size += int(record_sizes(records).sum())
        codecs += np.bincount(records.codec, minlength=256)
        width, height = records.width[records.width > 0], records.height[records.width > 0]
        if len(width):
            sides.append((int(width.min()), int(width.max()), int(height.min()), int(height.max())))
    low, high = np.min(sides, axis=0).tolist() if sides else [], np.max(sides, axis=0).tolist() if sides else []
    return Summary(
        samples=len(dataset),
        size=size,
        codecs={codec.name.lower(): int(codecs[codec]) for codec in Codec if codecs[codec]},
        labels=" x ".join([dataset.labels.dtype.name, *map(str, dataset.labels.shape[1:])]),
        per_class=_per_class(dataset),
        width=(low[0], high[1]) if sides else None,
        height=(low[2], high[3]) if sides else None,
    )


def _per_class(dataset: Dataset) -> tuple[int, int] | None:
    if not dataset.classes or dataset.labels.ndim != 1 or dataset.labels.dtype.kind != "i":
        return None
    known = dataset.labels[dataset.labels >= 0]
    counts = np.bincount(known, minlength=len(dataset.classes))
    return int(counts.min()), int(counts.max())
