"""What the containers of single image files share."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..record import WHOLE_FILE, Codec, Records
from .base import Dataset, Labels, Transform
from .names import Names

__all__ = ["FileDataset"]


class FileDataset(Dataset):
    """Image files below `root`, each with its label.

    Args:
        root: absolute folder that the names are relative to.
        names: of the files, relative to `root` or absolute.
        labels: of the files, in the same order.
        classes: names of the labels.
    """

    def __init__(
        self,
        root: str,
        names: Iterable[str],
        labels: Labels,
        classes: list[str],
        *,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        self.root = root
        self._names = Names(names)
        self._labels = labels
        self._labels.setflags(write=False)
        self._classes = classes

    def __len__(self) -> int:
        return len(self._names)

    @property
    def classes(self) -> list[str]:
        return list(self._classes)

    @property
    def labels(self) -> Labels:
        return self._labels

    def name(self, index: int) -> str:
        return self._names[index]

    def file(self, index: int) -> str:
        """The file of sample `index`."""
        return os.path.join(self.root, self._names[index])

    def describe(self, index: int) -> str:
        return self.file(index)

    def records(self, indices: Sequence[int] | NDArray[np.int64]) -> Records:
        chosen = np.asarray(indices, np.int64)
        distinct, file = np.unique(chosen, return_inverse=True)
        unknown = np.zeros(len(chosen), np.int32)
        return Records(
            codec=np.full(len(chosen), int(Codec.ENCODED), np.uint8),
            labels=self._labels[chosen],
            paths=[self.file(index) for index in distinct.tolist()],
            file=file.astype(np.int32),
            offset=np.zeros(len(chosen), np.int64),
            length=np.full(len(chosen), WHOLE_FILE, np.int64),
            width=unknown,
            height=unknown,
        )
