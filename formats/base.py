"""What every dataset container is and does, whatever its samples rest in."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, SupportsIndex, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import RecordError
from ..record import Codec, Records
from .image import decode_pil
from .reading import read_record

__all__ = ["Batch", "Dataset", "Labels", "Sample"]

Labels: TypeAlias = NDArray[np.int64] | NDArray[np.float32]
"""(n,) int64, or (n, k) int64 or float32 for several labels per sample."""

Sample: TypeAlias = tuple[Any, Any]
"""(image, label): (height, width, 3) uint8 RGB and an int, or a (k,) array; whatever the transforms make of them."""

Batch: TypeAlias = tuple[Any, Labels]
"""(images, labels): one (n, height, width, 3) array where all sizes agree, else a list of n arrays; and n labels."""


class Dataset(ABC):
    """Images with labels, by index. Pickles, forks and is safe to read from several threads.

    Args of every container:
        transform: called with the PIL image (mode RGB); its result takes the image's place, as in torchvision.
        target_transform: called with the label.
    """

    def __init__(
        self, *, transform: Callable[[Any], Any] | None = None, target_transform: Callable[[Any], Any] | None = None
    ) -> None:
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
        """All labels, without reading or decoding an image. Don't write to it."""

    @abstractmethod
    def records(self, indices: Sequence[int] | NDArray[np.int64]) -> Records:
        """The undecoded samples at `indices` (each 0 <= i < len), as columns in this order."""

    @abstractmethod
    def describe(self, index: int) -> str:
        """Where sample `index` comes from, for messages: a file, or container, record and name."""

    def name(self, index: int) -> str:
        """Short name of sample `index` in its dataset (a path below the root, a key ...), kept when it is packed."""
        return self.describe(index)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Sample: ...
    @overload
    def __getitem__(self, index: slice | Sequence[int] | NDArray[np.integer[Any]]) -> Batch: ...
    def __getitem__(self, index: SupportsIndex | slice | Sequence[int] | NDArray[np.integer[Any]]) -> Sample | Batch:
        """One sample for an int (negative: from the end), a batch for a slice or a sequence of ints.

        Raises:
            IndexError: an index is out of range.
            RecordError: a sample can't be read or decoded; it names the sample's place.
        """
        if isinstance(index, slice):
            return self._batch(range(len(self))[index])
        if isinstance(index, SupportsIndex) and not (isinstance(index, np.ndarray) and index.ndim):
            return self.__getitems__([operator.index(index)])[0]
        return self._batch(index)

    def __getitems__(self, indices: Sequence[int]) -> list[Sample]:
        """[(image, label), ...] for these indices: what torch's loaders call for a batch."""
        chosen = self._checked(indices)
        records = self.records(chosen)
        return [self._sample(records, row, index) for row, index in enumerate(chosen)]

    def __iter__(self) -> Iterator[Sample]:
        for index in range(len(self)):
            yield self.__getitems__([index])[0]

    def _batch(self, indices: Sequence[int] | NDArray[np.integer[Any]]) -> Batch:
        chosen = self._checked(indices)
        samples = self.__getitems__(chosen)
        images = [image for image, _ in samples]
        same = len({getattr(image, "shape", None) for image in images}) == 1
        whole = same and all(isinstance(image, np.ndarray) for image in images)
        labels = self.labels[chosen] if self.target_transform is None else np.array([label for _, label in samples])
        return (np.stack(images) if whole else images), labels

    def _checked(self, indices: Sequence[int] | NDArray[np.integer[Any]]) -> list[int]:
        size = len(self)
        chosen = []
        for given in indices:
            index = operator.index(given)
            if not -size <= index < size:
                raise IndexError(f"index {index} is out of range: the dataset has {size} samples")
            chosen.append(index % size)
        return chosen

    def _sample(self, records: Records, row: int, index: int) -> Sample:
        try:
            image = self._image(records, row)
        except RecordError as error:
            raise error.at(self.describe(index), index) from error.__cause__
        label: Any = records.labels[row]
        label = int(label) if label.ndim == 0 else label
        return image, label if self.target_transform is None else self.target_transform(label)

    def _image(self, records: Records, row: int) -> Any:
        data = read_record(records, row)
        if records.codec[row] == Codec.RAW:
            shape = (int(records.height[row]), int(records.width[row]), 3)
            pixels = np.frombuffer(data, np.uint8).reshape(shape)
            return pixels.copy() if self.transform is None else self.transform(Image.fromarray(pixels))
        image = decode_pil(data)
        return np.array(image) if self.transform is None else self.transform(image)
