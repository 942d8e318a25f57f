"""What every dataset container is and does, whatever its samples rest in."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, SupportsIndex, TypeAlias, cast, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import RecordError
from ..record import Codec, Records
from .dct import dct_pixels
from .image import decode_pil, raw_pixels
from .indices import Indices, checked_indices
from .reading import read_record

__all__ = ["Batch", "Dataset", "Labels", "Sample", "Transform"]

Labels: TypeAlias = NDArray[np.int64] | NDArray[np.float32]
"""(n,) int64, or (n, k) int64 or float32 for several labels per sample."""

Sample: TypeAlias = tuple[Any, Any]
"""(image, label): (height, width, 3) uint8 RGB and an int, or a (k,) array; whatever the transforms make of them."""

Batch: TypeAlias = tuple[Any, Labels]
"""(images, labels): one (n, height, width, 3) array where all sizes agree, else a list of n images; and n labels."""

Transform: TypeAlias = Callable[[Any], Any]


class Dataset(ABC):
    """Images with labels, by index. Pickles, forks and is safe to read from several threads.

    Args of every container:
        transform: called with the PIL image (mode RGB); its result takes the image's place, as in torchvision.
        target_transform: called with the label.
    """

    def __init__(self, *, transform: Transform | None = None, target_transform: Transform | None = None) -> None:
        self.transform = transform
        self.target_transform = target_transform

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def classes(self) -> list[str]:
        """Class names; label k means `classes[k]`. Empty where labels have no names."""

    @property
    @abstractmethod
    def labels(self) -> Labels:
        """All labels, without reading or decoding an image; -1 where a sample has none. Don't write to it."""

    @abstractmethod
    def records(self, indices: Sequence[int] | NDArray[np.int64]) -> Records:
        """The undecoded samples at `indices` (each 0 <= i < len), as columns in this order.

        Raises:
            RecordError: a sample's record is bad; `.index` says which, and the others can be had without it. Most
                damage is found only when the record is read.
        """

    @abstractmethod
    def describe(self, index: int) -> str:
        """Where sample `index` comes from, for messages: a file, or container, record and name."""

    def name(self, index: int) -> str:
        """Short name of sample `index` in its dataset (a path below the root, a key ...), kept when it is packed."""
        return self.describe(index)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Sample: ...
    @overload
    def __getitem__(self, index: slice | Indices) -> Batch: ...
    def __getitem__(self, index: SupportsIndex | slice | Indices) -> Sample | Batch:
        """One sample for an int (negative: from the end), a batch for a slice or a sequence of ints.

        Raises:
            IndexError: an index is out of range.
            TypeError: the index is none of these.
            RecordError: a sample can't be read or decoded; it names the sample's place.
        """
        if isinstance(index, slice):
            return self._batch(np.arange(len(self))[index])
        # Whole tensors and arrays have __index__ too, but only those without dimensions are a single index.
        if isinstance(index, SupportsIndex) and not getattr(index, "ndim", 0):
            return self.__getitems__([operator.index(index)])[0]
        return self._batch(cast("Indices", index))

    def __getitems__(self, indices: Indices) -> list[Sample]:
        """[(image, label), ...] for these indices: what torch's loaders call for a batch."""
        chosen = checked_indices(indices, len(self))
        records = self.records(chosen)
        return [self._sample(records, row, index) for row, index in enumerate(chosen.tolist())]

    def __iter__(self) -> Iterator[Sample]:
        for index in range(len(self)):
            yield self.__getitems__([index])[0]

    def __repr__(self) -> str:
        count = len(self.classes)
        classes = f", {count} class{'es' * (count != 1)}" if count else ""
        return f"{type(self).__name__}({self._origin()}{len(self)} samples{classes})"

    def _origin(self) -> str:
        """What the dataset was made from, as the start of its repr: "'path', ", or nothing."""
        return ""

    def _batch(self, indices: Indices) -> Batch:
        samples = self.__getitems__(indices)
        images = [image for image, _ in samples]
        arrays = all(isinstance(image, np.ndarray) for image in images)
        whole = arrays and len({image.shape for image in images}) == 1
        labels = np.array([label for _, label in samples]) if samples else self.labels[:0]
        return (np.stack(images) if whole else images), labels

    def _transforms(self, index: int) -> tuple[Transform | None, Transform | None]:
        """The transforms for sample `index`: of the image, of the label."""
        del index
        return self.transform, self.target_transform

    def _sample(self, records: Records, row: int, index: int) -> Sample:
        transform, target_transform = self._transforms(index)
        try:
            image = _load(records, row, as_pil=transform is not None)
        except RecordError as error:
            raise error.at(self.describe(index), index) from error.__cause__
        label: Any = records.labels[row]
        label = int(label) if label.ndim == 0 else label
        return (
            image if transform is None else transform(image),
            label if target_transform is None else target_transform(label),
        )


def _load(records: Records, row: int, *, as_pil: bool) -> Any:
    """One row as a PIL image, or as a fresh (height, width, 3) uint8 array."""
    data = read_record(records, row)
    # As an int: numpy would look for attributes of a Codec, in Python code of enum's, and drop a Ctrl-C there.
    codec, height, width = int(records.codec[row]), int(records.height[row]), int(records.width[row])
    if codec == Codec.RAW:
        pixels = raw_pixels(data, height, width)
        return Image.fromarray(pixels) if as_pil else pixels.copy()
    if codec == Codec.DCT:
        pixels = dct_pixels(data, height, width)
        return Image.fromarray(pixels) if as_pil else pixels
    image = decode_pil(data)
    return image if as_pil else np.array(image)
