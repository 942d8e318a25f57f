"""The images that `penstock bench` measures on: a random selection of a dataset's, all of which can be read."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .._core import decode_jpeg, probe_image
from ..errors import DatasetError, RecordError
from ..formats import Dataset
from ..formats.dct import dct_pixels
from ..formats.image import decode_rgb, raw_pixels
from ..formats.reading import read_record
from ..record import Buffer, Codec, Records

__all__ = ["Selection", "StoredImage", "read_stored", "select"]

MOST_IMAGES = 1000
MOST_BYTES = 256_000_000
MOST_SECONDS = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class StoredImage:
    """An undecoded image in memory."""

    data: Buffer
    codec: Codec
    width: int
    height: int

    def decode(self) -> NDArray[np.uint8]:
        """All its pixels, (height, width, 3), by the core where it can. Errors without a place."""
        if self.codec == Codec.DCT:
            return dct_pixels(self.data, self.height, self.width)
        if self.codec == Codec.RAW:
            return raw_pixels(self.data, self.height, self.width).copy()
        return decode_jpeg(self.data) if probe_image(self.data)[0] == "jpeg" else decode_rgb(self.data)


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What is measured.

    Attributes:
        dataset: all of it.
        indices: of the images that are measured, in random order.
        images: their stored bytes.
        bad: what is wrong with each image that was drawn too but can't be read or decoded.
    """

    dataset: Dataset
    indices: NDArray[np.int64]
    images: tuple[StoredImage, ...]
    bad: tuple[str, ...]

    @property
    def mean_bytes(self) -> float:
        """Stored bytes per image."""
        return sum(len(each.data) for each in self.images) / len(self.images)


def select(dataset: Dataset, advance: Callable[[int, int], None], *, seed: int = 0) -> Selection:
    """Draws at most 1,000 images, fewer where they are large or slow to decode, and tries each of them.

    Args:
        dataset: where from.
        advance: called with (1, bytes) after each image.
        seed: of the draw; the same ones come again.

    Raises:
        DatasetError: there are no images, or none that was tried can be read.
    """
    if len(dataset) == 0:
        raise DatasetError("there is nothing to measure: the dataset has no images")
    order = np.random.default_rng(seed).permutation(len(dataset))[: 2 * MOST_IMAGES]
    images: list[StoredImage] = []
    indices, bad = [], []
    total, started = 0, time.perf_counter()
    for index in order.tolist():
        if len(images) >= MOST_IMAGES or total >= MOST_BYTES or time.perf_counter() - started >= MOST_SECONDS:
            break
        try:
            image = read_stored(dataset.records([index]), 0)
            image.decode()
        except RecordError as error:
            bad.append(str(error.at(dataset.describe(index), index)))
            continue
        indices.append(index)
        images.append(image)
        total += len(image.data)
        advance(1, len(image.data))
    if not images:
        tried = f"none of the {len(bad):,} images that were tried can be read"
        raise DatasetError(f"there is nothing to measure: {tried}; the first: {bad[0]}")
    return Selection(dataset, np.array(indices, np.int64), tuple(images), tuple(bad))


def read_stored(records: Records, row: int) -> StoredImage:
    """One row's bytes, copied out of whatever they rest in. Errors without a place."""
    data = read_record(replace(records, checksum=None), row)
    kept = data if isinstance(data, bytes) else bytes(data)
    return StoredImage(kept, Codec(int(records.codec[row])), int(records.width[row]), int(records.height[row]))
