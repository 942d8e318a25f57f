"""Sources and looks into packs, for the tests of packing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from penstock.formats import Dataset, Labels
from penstock.record import Codec, Records


class Samples(Dataset):
    """Image files in memory, with labels and names."""

    def __init__(
        self, data: Sequence[bytes], labels: Labels, names: Sequence[str], classes: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self._data = list(data)
        self._labels = labels
        self._names = list(names)
        self._classes = list(classes)

    def __len__(self) -> int:
        return len(self._data)

    @property
    def classes(self) -> list[str]:
        return self._classes

    @property
    def labels(self) -> Labels:
        return self._labels

    def describe(self, index: int) -> str:
        return f"memory {index}"

    def name(self, index: int) -> str:
        return self._names[index]

    def records(self, indices: Sequence[int] | np.ndarray) -> Records:
        chosen = np.asarray(indices, np.int64)
        count = len(chosen)
        payloads = [self._data[index] for index in chosen.tolist()]
        return Records(
            codec=np.full(count, Codec.ENCODED, np.uint8),
            labels=self._labels[chosen],
            paths=(),
            file=np.full(count, -1, np.int32),
            offset=np.zeros(count, np.int64),
            length=np.array([len(payload) for payload in payloads], np.int64),
            width=np.zeros(count, np.int32),
            height=np.zeros(count, np.int32),
            payloads=payloads,
        )


def files_of(directory: Path) -> dict[str, bytes]:
    """Name -> content of every file in a directory, hidden ones too."""
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}
